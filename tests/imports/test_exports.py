from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.errors import MunimentError, StoreError, UsageError
from muniment.exports import columns_of, format_of, write_csv, write_ndjson, write_xlsx
from muniment.imports import open_table, resolve
from muniment.model import FileRef, Money, Value
from muniment.schema.fields import Choice, Field, Highlight
from muniment.schema.kinds import KINDS
from muniment.schema.types import RecordType
from muniment.schema.values import Context, Label


@attrs.frozen
class Record:
    """A record as an export needs it."""

    fields: Mapping[str, Value]
    id: str = "0197a0c0-0000-7000-8000-000000000001"
    type: str = "customer"
    subject: str = "0197a0c0-0000-7000-8000-000000000001"
    version: int = 3


ANNA: dict[str, Value] = {
    "number": "0042",
    "full_name": "=cmd|'/c calc'!A1",
    "phone": "+49 30 1234567",
    "email": "anna@example.org",
    "postal_code": "01099",
    "note": 'She said "no", twice;\n- once in May\n- once in June',
    "visits": -7,
    "score": Decimal("1.234"),
    "spent": Money(Decimal("-1234.50"), "EUR"),
    "born": date(1880, 2, 29),
    "seen": datetime(2026, 3, 1, 9, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=8))),
    "vip": False,
    "level": "gold",
    "ways": ("phone", "post"),
    "manager": "0197a0c0-0000-7000-8000-000000000002",
}

Write = Callable[..., Any]


def write(path: Path, kind: RecordType, records: list[Record], **options: Any) -> None:
    columns = columns_of(kind, **options)
    (write_csv if path.suffix == ".csv" else write_xlsx)(path, columns, records)


def read_back(path: Path, kind: RecordType, context: Context) -> list[dict[str, Value]]:
    """The values that an import of a file would write."""
    with open_table(path) as table:
        plan = resolve(table.header, kind)
        found = []
        for row in table.rows:
            assert not row.issues
            values, issues = kind.normalise(plan.values(row), context=context, partial=True)
            assert not issues
            found.append({key: value for key, value in values.items() if value is not None})
    return found


@pytest.mark.parametrize("headers", ["key", "en", "zh"])
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_an_export_imports_without_a_change(
    tmp_path: Path, customer: RecordType, context: Context, suffix: str, headers: str
) -> None:
    """Every kind of value comes back equal, under headers of any kind, in the encoding the program knows."""
    path = tmp_path / f"all{suffix}"
    file = FileRef("0197a0c0-0000-7000-8000-000000000003", "=a.pdf", "application/pdf", 5)
    full = {**ANNA, "value": Money(Decimal(3), "CNY"), "contract": file}
    write(path, customer, [Record(full), Record({"full_name": "李娜"})], headers=headers, ids=True)
    assert [ANNA, {"full_name": "李娜"}] == read_back(path, customer, context)


PIECES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=9
)
MARKS = st.sampled_from([*"=+-@'\t\n;,\"|&", "_x0041_", "_x005F_", "<r>", "</r>", "</t>"])
TEXT = st.lists(PIECES | MARKS, max_size=6).map("".join)
DECIMALS = st.decimals(-(10**20), 10**20, places=3) | st.decimals(-1000, 1000, places=2)
DAYS = st.dates(date(1800, 1, 1), date(2200, 12, 31))
RECORDS = st.fixed_dictionaries(
    {"full_name": TEXT.filter(lambda text: text.strip())},
    optional={
        "number": TEXT,
        "postal_code": TEXT,
        "note": TEXT,
        "visits": st.integers(-(10**30), 10**30),
        "score": DECIMALS,
        "spent": st.builds(Money, DECIMALS, st.sampled_from(["CNY", "EUR", "KWD"])),
        "born": DAYS,
        "seen": st.datetimes(datetime(1801, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),
        "vip": st.booleans(),
        "level": st.sampled_from(["gold", "silver"]),
    },
)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@settings(max_examples=60, deadline=None)
@given(given_values=st.lists(RECORDS, min_size=1, max_size=4), headers=st.sampled_from(["key", "en", "zh"]))
def test_any_record_survives_export_and_import(
    tmp_path_factory: pytest.TempPathFactory,
    customer: RecordType,
    context: Context,
    suffix: str,
    given_values: list[dict[str, Value]],
    headers: str,
) -> None:
    """Whatever an archive can hold is read back equal; numbers may gain a zero that changes nothing."""
    records = []
    for values in given_values:
        kept, _ = customer.normalise({**values}, context=context, partial=True)
        if kept.get("full_name") is None:
            kept["full_name"] = "=a name in place of a refused one"
        records.append({key: value for key, value in kept.items() if value is not None})
    path = tmp_path_factory.mktemp("any") / f"any{suffix}"
    write(path, customer, [Record(values) for values in records], headers=headers)
    assert [values for values in records if values] == read_back(path, customer, context)


NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")


@settings(max_examples=60, deadline=None)
@given(given_values=st.lists(RECORDS, min_size=1, max_size=4))
def test_no_cell_of_a_csv_begins_a_formula(
    tmp_path_factory: pytest.TempPathFactory, customer: RecordType, given_values: list[dict[str, Value]]
) -> None:
    """No cell begins with a trigger, but a negative number of a number field, which is a constant."""
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    write_csv(path, columns_of(customer), [Record(values) for values in given_values])
    with open(path, encoding="utf-8-sig", newline="") as file:
        header, *table = csv.reader(file)
    numbers = {header.index(name) for name in ("visits", "score", "spent")}
    for row in table:
        for place, cell in enumerate(row):
            bare = place in numbers and NUMBER.fullmatch(cell)
            assert bare or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


ATTACKS = [
    "=1+1",
    '=HYPERLINK("http://evil.example")',
    "@SUM(1)",
    "http://evil.example",
    "internal:Sheet1!A1",
    "{=1+1}",
    '<r><t>x</t></r></is></c><c r="D9" t="str"><f>1+1</f></c><c t="inlineStr"><is><r><t>y</t></r>',
    "<r>x</r>",
    "]]></t></is></c>",
    "007",
    "1e5",
    "_x003D_1",
    "_x005F_x003D_1",
]


def test_no_text_becomes_anything_else_in_a_workbook(tmp_path: Path, customer: RecordType) -> None:
    """Texts that look like formulas, links, numbers or markup stay texts, character by character."""
    path = tmp_path / "t.xlsx"
    write_xlsx(
        path,
        columns_of(customer, fields=["full_name", "note"]),
        [Record({"full_name": text}) for text in ATTACKS],
    )
    with zipfile.ZipFile(path) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
        assert not re.search(r"<f[ >]|<hyperlink", sheet)
        assert not any("external" in name.lower() for name in package.namelist())
    with open_table(path) as table:
        assert ATTACKS == [row.cells[0] for row in table.rows]


def test_cells_of_a_workbook_are_typed(tmp_path: Path, customer: RecordType) -> None:
    """Numbers, days and yes or no are what they are; what would lose digits is text; choices are offered."""
    path = tmp_path / "t.xlsx"
    values = {**ANNA, "born": date(1990, 5, 1), "visits": 10**17, "score": Decimal("12.50"), "vip": True}
    write_xlsx(
        path, columns_of(customer, headers="en", ids=True), [Record(values)], title="Customers: 2026/03"
    )
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert "Customers  2026 03" == sheet.title
    header = [cell.value for cell in sheet[1]]
    row = {name: cell for name, cell in zip(header, sheet[2], strict=True)}
    assert "muniment:id" == header[0]
    assert (datetime(1990, 5, 1), "yyyy-mm-dd") == (row["Birthday"].value, row["Birthday"].number_format)
    assert (12.5, "0.00") == (row["Score"].value, row["Score"].number_format)
    assert str(10**17) == row["Visits"].value
    assert (-1234.5, "EUR") == (row["Spent"].value, row["Spent (currency)"].value)
    assert row["VIP"].value is True
    assert ("0042", "@") == (row["Customer number"].value, row["Customer number"].number_format)
    assert "2026-03-01 09:30:15.250000+08:00" == row["Last seen"].value
    assert "A2" == sheet.freeze_panes
    assert sheet.auto_filter.ref is not None
    assert ['"Gold,Silver"'] == [rule.formula1 for rule in sheet.data_validations.dataValidation]


def test_long_lists_of_choices_stand_on_a_hidden_sheet(tmp_path: Path) -> None:
    """Choices that do not fit into the rule itself are offered all the same, and do not disturb an import."""
    many = tuple(Choice(f"c{place}", Label(f"Choice, number {place}", "")) for place in range(40))
    fields = (
        Field(key="name", kind="text", width=33, emphasis="title"),
        Field(key="one", kind="choice", choices=many),
        Field(key="two", kind="choice", choices=many[:2], highlight=(Highlight("is", "red", "c1"),)),
        Field(
            key="due",
            kind="date",
            highlight=(Highlight("past", "red"), Highlight("within_days", "amber", "7")),
        ),
        Field(
            key="left",
            kind="integer",
            highlight=(Highlight("below", "amber", "3"), Highlight("empty", "grey")),
        ),
    )
    path = tmp_path / "t.xlsx"
    write_xlsx(
        path,
        columns_of(RecordType(key="t", fields=fields), headers="en"),
        [Record({"name": "A", "one": "c7"})],
    )
    book = openpyxl.load_workbook(path)
    lists = book["muniment lists"]
    assert "hidden" == lists.sheet_state
    assert ["Choice, number 0", "Choice, number 39"] == [lists["A1"].value, lists["A40"].value]
    rules = book.worksheets[0].conditional_formatting
    assert 5 == sum(len(rule.rules) for rule in rules)
    assert 33 == int(book.worksheets[0].column_dimensions["A"].width)
    with open_table(path) as table:
        assert [("A", "Choice, number 7", "", "", "")] == [row.cells for row in table.rows]
        assert () == table.notes


def test_a_masked_field_is_never_imported(tmp_path: Path, customer: RecordType, context: Context) -> None:
    """What was shown behind a mask stands under a header that no import takes for the field."""
    record = Record({"number": "1", "full_name": "A", "phone": "••••4567", "spent": "••••"})
    for headers in ("key", "en", "zh"):
        for suffix in (".csv", ".xlsx"):
            path = tmp_path / f"m{suffix}"
            write(path, customer, [record], headers=headers, masked={"phone", "spent"})
            with open_table(path) as table:
                assert 2 == sum(name.startswith("muniment:") for name in table.header)
                assert any("••••4567" in row.cells for row in table.rows)
            assert [{"number": "1", "full_name": "A"}] == read_back(path, customer, context)


def test_columns_are_chosen_and_told_apart(customer: RecordType) -> None:
    """Fields come in the order asked for; two fields of one label are headed by their keys."""
    assert ["phone", "full_name"] == [
        column.header for column in columns_of(customer, fields=["phone", "full_name"])
    ]
    assert "fax" not in [column.key for column in columns_of(customer)]
    twins = RecordType(
        key="t",
        fields=(
            Field(key="a", kind="text", label=Label("Name", "名")),
            Field(key="b", kind="text", label=Label("name", "称")),
            Field(key="c", kind="text"),
        ),
    )
    assert ["a", "b", "c"] == [column.header for column in columns_of(twins, headers="en")]
    assert ["名", "称", "c"] == [column.header for column in columns_of(twins, headers="zh")]
    with pytest.raises(UsageError, match=r"export\.unknown_field"):
        columns_of(customer, fields=["nothing"])


def test_ndjson_is_one_object_a_line(tmp_path: Path, customer: RecordType) -> None:
    """Each line is a JSON object without escapes; values stand as their kinds write them."""
    path = tmp_path / "t.ndjson"
    done = write_ndjson(path, customer, [Record({**ANNA, "note": None}), Record({"full_name": "李\u2028娜"})])
    lines = path.read_bytes().split(b"\n")
    assert (2, b"") == (done.rows, lines[2])
    first, second = json.loads(lines[0]), json.loads(lines[1])
    assert ["id", "type", "subject", "version", "fields"] == list(first)
    assert {"amount": "-1234.50", "currency": "EUR"} == first["fields"]["spent"]
    for key, value in first["fields"].items():
        assert ANNA[key] == KINDS[customer.by_key[key].kind].from_json(value)
    assert {"full_name": "李\u2028娜"} == second["fields"]
    assert "李".encode() in lines[1]
    record = Record({"full_name": "A", "phone": "••••", "number": "1"})
    write_ndjson(path, customer, [record], fields=["full_name", "phone"], masked={"phone", "email"})
    assert {"fields": {"full_name": "A", "phone": "••••"}, "masked": ["phone"]}.items() <= json.loads(
        path.read_bytes()
    ).items()


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.ndjson"])
def test_what_was_written_is_measured(tmp_path: Path, customer: RecordType, name: str) -> None:
    """The size and SHA-256 are told, the file is its owner's only, and CSV carries the mark of UTF-8."""
    path = tmp_path / name
    done = export(path, customer, [Record(ANNA)] * 3)
    content = path.read_bytes()
    assert (str(path), 3, len(content), hashlib.sha256(content).digest()) == (
        done.path,
        done.rows,
        done.size,
        done.digest,
    )
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert (name == "t.csv") == content.startswith(codecs.BOM_UTF8)
    assert [name] == os.listdir(tmp_path)


def export(path: Path | str, kind: RecordType, records: Any) -> Any:
    if str(path).endswith(".ndjson"):
        return write_ndjson(path, kind, records)
    return (write_xlsx if str(path).endswith(".xlsx") else write_csv)(path, columns_of(kind), records)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.ndjson"])
def test_a_failed_export_leaves_the_old_file(tmp_path: Path, customer: RecordType, name: str) -> None:
    """Whatever goes wrong midway, the file is the old one, and nothing else lies about."""
    path = tmp_path / name
    path.write_bytes(b"old")

    def records(error: BaseException) -> Iterator[Record]:
        for _ in range(2_000):
            yield Record(ANNA)
        raise error

    for error in (RuntimeError("boom"), KeyboardInterrupt(), UsageError("usage.time")):
        with pytest.raises(type(error)):
            export(path, customer, records(error))
        assert b"old" == path.read_bytes()
        assert [name] == os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.ndjson"])
def test_a_full_disk_is_told(tmp_path: Path, customer: RecordType, name: str) -> None:
    """Where no byte more fits, one clear error is raised and the old file stands."""
    code = (
        "import resource, signal, sys, pickle\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "from muniment.exports import columns_of, write_csv, write_ndjson, write_xlsx\n"
        "from muniment.schema import Field, RecordType\n"
        "class R:\n id = type = subject = 'x'; version = 1; fields = {'a': 'text'}\n"
        "kind = RecordType(key='t', fields=(Field(key='a', kind='text'),))\n"
        "path = sys.argv[1]\n"
        "what = kind if path.endswith('.ndjson') else columns_of(kind)\n"
        "write = {'c': write_csv, 'x': write_xlsx, 'n': write_ndjson}[path.rpartition('.')[2][0]]\n"
        "write(path, what, [R] * 50_000)\n"
    )
    path = tmp_path / name
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert "[export.io]" in done.stderr.strip().splitlines()[-1]
    assert b"old" == path.read_bytes()
    assert [name] == os.listdir(tmp_path)


def test_places_that_take_no_file(
    tmp_path: Path, customer: RecordType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a missing folder, a pipe, a place without rights and a full disk are told apart."""
    os.mkfifo(tmp_path / "pipe.csv")
    for path, code in (
        (tmp_path, "folder"),
        (tmp_path / "none" / "t.csv", "no_folder"),
        (tmp_path / "pipe.csv", "not_a_file"),
    ):
        with pytest.raises(UsageError) as caught:
            write_csv(path, columns_of(customer), [])
        assert f"export.{code}" == caught.value.code
    for number, code in ((13, "read_only"), (30, "read_only"), (28, "full"), (5, "io")):

        def refuse(*args: object, number: int = number, **options: object) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr("tempfile.mkdtemp", refuse)
        with pytest.raises(StoreError) as refused:
            write_csv(tmp_path / "t.csv", columns_of(customer), [])
        assert f"export.{code}" == refused.value.code
        assert all("{" not in refused.value.text(lang) for lang in ("en", "zh"))


def test_what_a_workbook_cannot_hold_is_told(tmp_path: Path, customer: RecordType) -> None:
    """A text longer than a cell, or a character that no workbook has, is never cut in silence."""
    path = tmp_path / "t.xlsx"
    columns = columns_of(customer, fields=["full_name", "note"])
    for text, code in (("x" * 32_768, "cell_length"), ("\uffff", "cell_text")):
        with pytest.raises(UsageError) as caught:
            write_xlsx(path, columns, [Record({"note": text})])
        assert (f"export.{code}", 2, 2) == (
            caught.value.code,
            caught.value.parameters["row"],
            caught.value.parameters["column"],
        )
    write_xlsx(path, columns, [Record({"note": "x" * 32_767})])
    with pytest.raises(UsageError, match=r"export\.no_stdout"):
        write_xlsx("-", columns, [])


@pytest.mark.slow
def test_more_rows_than_a_sheet_holds(tmp_path: Path) -> None:
    """The first row too many stops the export."""
    kind = RecordType(key="t", fields=(Field(key="a", kind="checkbox"),))
    empty, full = Record({}), Record({"a": True})
    path = tmp_path / "t.xlsx"
    with pytest.raises(UsageError, match=r"export\.rows"):
        write_xlsx(path, columns_of(kind), (full if row == 1_048_575 else empty for row in range(1_048_577)))
    assert not path.exists()


def test_text_goes_to_the_standard_output(customer: RecordType, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` writes CSV without a mark, and NDJSON, to the standard output, and measures it."""
    for name in ("csv", "ndjson"):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        monkeypatch.setattr(sys, "stdout", out)
        done = (
            write_ndjson("-", customer, [Record(ANNA)])
            if name == "ndjson"
            else export("-", customer, [Record(ANNA)])
        )
        content = out.buffer.getvalue()
        assert ("-", 1, len(content)) == (done.path, done.rows, done.size)
        assert not content.startswith(codecs.BOM_UTF8)


def test_the_ending_tells_the_format() -> None:
    """CSV, XLSX and NDJSON by ending or by name; nothing else."""
    assert ["csv", "xlsx", "ndjson", "ndjson"] == [
        format_of(f"a.{end}") for end in ("CSV", "xlsx", "ndjson", "jsonl")
    ]
    assert "csv" == format_of("-", given="csv")
    for path in ("a", "a.ods", "-"):
        with pytest.raises(MunimentError, match=r"export\.format"):
            format_of(path)
