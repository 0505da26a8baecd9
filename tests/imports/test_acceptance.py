"""Real tables: 59 customers with their accents and zeros, a shop's 9,994 lines, and files that are wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.errors import ConfigError, UsageError
from muniment.imports import load_mapping, parse_mapping
from muniment.imports.mapping import Mapping
from muniment.imports.run import Imported
from muniment.schema.template import parse_template
from muniment.session import Record, Session
from muniment.testing import assert_no_plaintext, log_entries, new_archive

HERE = Path(__file__).parent
Put = Callable[..., Path]


def counts(done: Imported) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, rejected."""
    assert done.rows == done.created + done.updated + done.unchanged + done.rejected
    return done.created, done.updated, done.unchanged, done.rejected


def rows_of(path: Path) -> list[dict[str, str]]:
    """A CSV file as it stands."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


# Chinook


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Archive]:
    """An archive of customers with the three account managers."""
    with new_archive(tmp_path / "archive") as archive:
        owner = archive.session(actor="owner")
        for login in ("jane.peacock", "margaret.park", "steve.johnson"):
            owner.create("user", {"login": login, "roles": ["editor"], "state": "active"})
        yield archive


@pytest.fixture
def chinook() -> Mapping:
    """How the columns of the table become fields."""
    return load_mapping(HERE / "chinook.toml")


def records_of(session: Session) -> dict[str, Record]:
    """The customers by number."""
    return {str(one.fields["customer_number"]): one for one in session.list("customer", limit=100).records}


def test_chinook_goes_in_and_out_whole(shop: Archive, chinook: Mapping, data: Path, tmp_path: Path) -> None:
    """59 customers, 13 names beyond ASCII, 6 postcodes with a leading zero: in, and out again."""
    source = rows_of(data / "chinook_customer.csv")
    session = shop.session(actor="owner")
    done = session.import_file("customer", data / "chinook_customer.csv", mapping=chinook)
    assert counts(done) == (59, 0, 0, 0)
    assert done.warnings == {"value.phone": 3}
    records = records_of(session)
    for row in source:
        fields = records[row["id"]].fields
        assert fields["full_name"] == f"{row['firstname']} {row['lastname']}"
        assert fields.get("postal_code", "") == row["postalcode"]
        assert fields.get("company", "") == row["company"]
    path = tmp_path / "out.csv"
    session.export_file("customer", path)
    out = rows_of(path)
    assert sum(not row["full_name"].isascii() for row in out) == 13
    assert sum(row["postal_code"].startswith("0") for row in out) == 6
    owners = {record.fields["account_owner"] for record in records.values()}
    assert len(owners) == 3
    names = [row["lastname"] for row in source] + [row["email"] for row in source]
    assert_no_plaintext(shop.folder, [name for name in names if len(name) > 5])
    shop.log.verify()


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("headers", ["key", "zh"])
def test_chinook_exported_comes_back_without_a_change(
    shop: Archive, chinook: Mapping, data: Path, tmp_path: Path, ending: str, headers: str
) -> None:
    """Accents, zeros, empty cells and references survive both ways."""
    session = shop.session(actor="owner")
    session.import_file("customer", data / "chinook_customer.csv", mapping=chinook)
    path = tmp_path / f"out.{ending}"
    session.export_file("customer", path, headers=headers)
    done = session.import_file("customer", path, empty="clear")
    assert counts(done) == (0, 0, 59, 0)


def test_chinook_again_changes_only_what_changed(
    shop: Archive, chinook: Mapping, data: Path, put: Put
) -> None:
    """A second import writes no version, one changed cell one, and it can be undone."""
    session = shop.session(actor="owner")
    path = data / "chinook_customer.csv"
    session.import_file("customer", path, mapping=chinook)
    assert counts(session.import_file("customer", path, mapping=chinook)) == (0, 0, 59, 0)
    assert {record.version for record in records_of(session).values()} == {1}
    changed = path.read_text(encoding="utf-8").replace("Stuttgart", "Kirchheim unter Teck")
    done = session.import_file("customer", put(changed), mapping=chinook)
    assert counts(done) == (0, 1, 58, 0)
    undone = session.revert_import(done.id, reason="wrong town")
    assert (undone.restored, undone.deleted, undone.conflicts) == (1, 0, 0)
    leonie = records_of(session)["2"]
    assert leonie.fields["city"] == "Stuttgart"
    assert leonie.version == 3
    steps = session.history(leonie.id)
    assert [step.operation for step in steps] == ["create", "update", "revert"]
    shop.log.verify()


def test_a_trial_run_of_chinook_is_one_entry(shop: Archive, chinook: Mapping, data: Path, put: Put) -> None:
    """Before the import and behind it: one entry each, and every change is shown."""
    session = shop.session(actor="owner")
    path = data / "chinook_customer.csv"
    size = len(log_entries(shop))
    trial = session.import_file("customer", path, mapping=chinook, dry_run=True, preview=100)
    assert [one.kind for one in log_entries(shop, start=size)] == ["import.preview"]
    assert counts(trial) == (59, 0, 0, 0)
    assert len(trial.changes) == 59
    session.import_file("customer", path, mapping=chinook)
    size = len(log_entries(shop))
    changed = path.read_text(encoding="utf-8").replace("Stuttgart", "Kirchheim unter Teck")
    trial = session.import_file("customer", put(changed), mapping=chinook, dry_run=True)
    (entry,) = log_entries(shop, start=size)
    assert entry.kind == "import.preview"
    # 59 customers that were compared, and the 3 colleagues whom they name.
    assert len(entry.lines) == 62
    (only,) = trial.changes
    assert [(one.field, one.before, one.after) for one in only.changes] == [
        ("city", "Stuttgart", "Kirchheim unter Teck")
    ]


# Superstore


@pytest.mark.slow
def test_superstore_goes_in_from_one_flat_file(data: Path, tmp_path: Path) -> None:
    """793 customers, products, 5,009 orders and 9,994 lines; quotes, commas and umlauts survive."""
    path = data / "superstore.csv"
    source = rows_of(path)
    template = parse_template((HERE / "superstore.toml").read_text(encoding="utf-8"), where="superstore.toml")
    own = {
        "buyer": ("Customer ID", "Customer Name", "Segment"),
        "product": ("Product ID", "Product Name", "Category", "Sub-Category"),
        "order": ("Order ID", "Customer ID", "Order Date", "Ship Date", "City", "Postal Code"),
        "line": ("Row ID", "Order ID", "Product ID", "Sales", "Quantity", "Discount", "Profit"),
    }
    with new_archive(tmp_path / "archive", templates=[template]) as archive:
        session = archive.session(actor="owner")
        done = {}
        for type, columns in own.items():
            others = [name for name in source[0] if name not in columns]
            mapping = parse_mapping({"ignore": others, "decimal_mark": "."})
            done[type] = session.import_file(type, path, mapping=mapping)
        assert counts(done["buyer"]) == (793, 0, 9_201, 0)
        assert counts(done["order"]) == (5_009, 0, 4_985, 0)
        assert counts(done["line"]) == (9_994, 0, 0, 0)
        # In 137 lines a product's number stands beside another name than in the lines before.
        assert counts(done["product"]) == (1_862, 0, 7_995, 137)
        assert {issue.code for one in done["product"].problems for issue in one.issues} == {"import.twice"}
        out = tmp_path / "products.csv"
        session.export_file("product", out, fields=["code", "name"])
        first: dict[str, str] = {}
        for row in source:
            first.setdefault(row["Product ID"], row["Product Name"])
        exported = {row["code"]: row["name"] for row in rows_of(out)}
        assert {code: " ".join(name.split()) for code, name in exported.items()} == {
            code: " ".join(name.split()) for code, name in first.items()
        }
        assert sum('"' in name for name in exported.values()) > 100
        assert sum("," in name for name in exported.values()) > 300
        session.export_file("buyer", tmp_path / "buyers.csv", headers="en")
        buyers = {row["Customer ID"]: row["Customer Name"] for row in rows_of(tmp_path / "buyers.csv")}
        assert buyers == {row["Customer ID"]: row["Customer Name"] for row in source}
        assert sum(bool({*"äöü"} & {*name}) for name in buyers.values()) > 5
        lines = session.list("line", where={"number": 1}).records
        assert str(lines[0].fields["sales"]) == "261.96"
        session.export_file("line", tmp_path / "lines.xlsx")
        assert counts(session.import_file("line", tmp_path / "lines.xlsx")) == (0, 0, 9_994, 0)
        archive.log.verify()


# What is wrong with a file


GOOD = "number,name,city,joined\n"


def broken_files() -> Iterator[pytest.param]:
    """Files that are refused as they are, and the code of the one line that is said."""
    latin = (GOOD + "1,Jürgen,Köln,2020-01-02\n").encode("latin-1")
    yield pytest.param(latin, {}, "import.encoding", id="neither UTF-8 nor Chinese")
    yield pytest.param(latin, {"encoding": "utf-8"}, "import.encoding_wrong", id="not what was said")
    yield pytest.param(
        GOOD.encode() + b"1,A,B,\n", {"encoding": "klingon"}, "import.encoding_unknown", id="no encoding"
    )
    yield pytest.param(b"", {}, "import.empty", id="empty")
    yield pytest.param(
        b"number,name,name\n1,A,B\n", {}, "import.duplicate_header", id="two columns of a name"
    )
    yield pytest.param(
        b"number,name,Name \n1,A,B\n", {}, "import.duplicate_header", id="two of nearly a name"
    )
    yield pytest.param(b"number,name,favourite\n1,A,B\n", {}, "import.unknown_column", id="unknown field")
    yield pytest.param(b"number,nmae\n1,A\n", {}, "import.unknown_column_near", id="misspelt field")
    yield pytest.param(b"foo,bar\n1,A\n", {}, "import.no_header", id="no header")
    yield pytest.param(b"number,\0name\n1,A\n", {}, "import.nul", id="zero byte in the header")
    yield pytest.param(b"%PDF-1.7\n...", {}, "import.not_a_table", id="another kind of file")
    yield pytest.param(bytes(range(256)) * 20, {}, "import.binary", id="no text")
    yield pytest.param(b"PK\x03\x04" + b"x" * 100, {}, "import.corrupt", id="damaged workbook")
    long = b'number,name\n1,A\n2,B\n3,"' + b"x" * (33 << 20)
    yield pytest.param(long, {}, "import.row_length", id="a row without an end")


@pytest.mark.parametrize(("content", "options", "code"), list(broken_files()))
def test_a_broken_file_is_one_line_and_nothing_is_written(
    club: Archive, owner: Session, put: Put, content: bytes, options: dict[str, str], code: str
) -> None:
    """Also where the fault comes after good rows, none of them is in the archive."""
    size = len(log_entries(club))
    with pytest.raises(UsageError) as caught:
        owner.import_file("member", put(content), **options)
    assert caught.value.code == code
    for lang in ("en", "zh"):
        line = caught.value.text(lang)
        assert "\n" not in line
        assert f"[{code}]" in line
        assert "Jürgen" not in line
    assert len(log_entries(club)) == size


def test_a_mapping_that_does_not_fit_is_one_line(owner: Session, put: Put) -> None:
    """Fields and columns that are not there, a mapping of another type."""
    for document, code in (
        ({"columns": {"number": "nothing"}}, "import.mapping_field"),
        ({"columns": {"nothing": "city"}}, "import.mapping_column"),
        ({"type": "visit"}, "import.mapping_type"),
    ):
        with pytest.raises(ConfigError) as caught:
            owner.import_file("member", put(GOOD + "1,A,B,\n"), mapping=parse_mapping(document))
        assert caught.value.code == code


def broken_rows() -> Iterator[pytest.param]:
    """Rows that are refused for themselves, and why."""
    yield pytest.param(b"1,Anna,Kiel\n", "import.ragged", id="a cell too few")
    yield pytest.param(b"1,Anna,Kiel,2020-01-02,more\n", "import.ragged", id="a cell too many")
    yield pytest.param(b"1,An\0na,Kiel,2020-01-02\n", "import.nul", id="zero byte")
    yield pytest.param(
        b"1," + b"x" * (10 << 20) + b",Kiel,2020-01-02\n", "import.cell_length", id="cell of 10 MB"
    )
    yield pytest.param(b"1,Anna,Kiel,2050-01-01\n", "value.future", id="day to come")
    yield pytest.param(b"1,Anna,Kiel,03/04/2020\n", "value.date_order", id="day with two readings")
    yield pytest.param(b"1,Anna,Kiel,soon\n", "value.date", id="no day")
    yield pytest.param(b'1,"An"na,Kiel,2020-01-02\n', "import.quote", id="stray quotation mark")
    yield pytest.param(b"1,,Kiel,2020-01-02\n", "value.required", id="no name")
    yield pytest.param(b"1,A\x07,Kiel,2020-01-02\n", "value.control", id="control character")


@pytest.mark.parametrize(("row", "code"), list(broken_rows()))
def test_a_broken_row_is_refused_and_its_neighbours_are_taken(
    owner: Session, put: Put, tmp_path: Path, row: bytes, code: str
) -> None:
    """One clear reason for the row, in both languages; the rows around it are imported."""
    content = GOOD.encode() + b"8,Eve,Rom,2020-01-02\n" + row + b"9,Dan,Ulm,2020-01-03\n"
    for lang in ("en", "zh"):
        to = tmp_path / f"rejects-{lang}.csv"
        done = owner.import_file("member", put(content), rejects_to=to, lang=lang)
        assert (done.created + done.unchanged, done.rejected) == (2, 1)
        assert [issue.code for issue in done.problems[0].issues] == [code]
        assert done.problems[0].row == 3
        assert f"[{code}]" in to.read_text(encoding="utf-8-sig")


def test_a_file_of_a_chinese_spreadsheet_program_is_read_and_said(owner: Session, put: Put) -> None:
    """GB 18030 is recognised, and a note asks to look at a few names."""
    text = "会员号,姓名,城市,等级\n1,李娜,北京,金牌\n2,王伟,上海,普通\n"
    done = owner.import_file("member", put(text, encoding="gb18030"))
    assert counts(done) == (2, 0, 0, 0)
    assert [note.code for note in done.notes] == ["import.guessed"]
    assert {record.fields["name"] for record in owner.list("member").records} == {"李娜", "王伟"}
    assert counts(owner.import_file("member", put(text))) == (0, 0, 2, 0)


def test_an_ambiguous_day_names_both_readings(owner: Session, put: Put) -> None:
    """The error says what it can mean, and the mapping decides."""
    path = put(GOOD + "1,Anna,Kiel,03/04/2020\n")
    done = owner.import_file("member", path)
    text = done.problems[0].issues[0].text()
    assert "day-month-year" in text
    assert "month-day-year" in text
    done = owner.import_file("member", path, mapping=parse_mapping({"date_order": "mdy"}))
    assert str(owner.list("member").records[0].fields["joined"]) == "2020-03-04"
