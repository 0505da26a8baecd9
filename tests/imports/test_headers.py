"""Headers below a title, of two rows, and what a mapping that was saved says about the next file."""

from __future__ import annotations

import datetime

import openpyxl
import pytest

import muniment_schemas
from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.imports import Mapping, open_table, parse_mapping, resolve, shipped_mapping, shipped_mappings
from muniment.imports.mapping import Join, mapping_document
from muniment.imports.plan import known_headers
from muniment.schema import load_template, parse_type
from muniment.session import Change
from muniment.testing import assert_logged, log_size

CUSTOMER = load_template("customer-info").types[0]
KNOWN = known_headers(CUSTOMER, Mapping())


def book(path, rows, merges=()):
    """A workbook with these rows."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for area in merges:
        made.active.merge_cells(area)
    made.save(path)
    return path


def read(path, **options):
    """Header, cells of each row, and the codes of the notes."""
    with open_table(path, known=KNOWN, **options) as table:
        return table.header, [row.cells for row in table.rows], [note.code for note in table.notes]


def test_a_title_above_the_header_is_passed_over(tmp_path):
    """Also a merged one, and remarks; a person is told."""
    rows = [
        ["客户信息登记表", None, None],
        ["填表人：", "李", None],
        ["姓名", "电话", "城市"],
        ["王芳", "138", "上海"],
    ]
    path = book(tmp_path / "a.xlsx", rows, ["A1:C1"])
    assert (("姓名", "电话", "城市"), [("王芳", "138", "上海")], ["import.header_found"]) == read(path)


def test_a_header_of_two_rows_is_put_together(tmp_path):
    """Merged over both rows, or groups merged over columns; a name that stands twice takes its group's."""
    rows = [
        ["姓名", "联系方式", None, "地址", None],
        [None, "电话", "电子邮箱", "城市", "邮政编码"],
        ["王芳", "138", "a@b.cn", "上海", "200001"],
    ]
    path = book(tmp_path / "a.xlsx", rows, ["A1:A2", "B1:C1", "D1:E1"])
    header, cells, notes = read(path)
    assert ("姓名", "电话", "电子邮箱", "城市", "邮政编码") == header
    assert [("王芳", "138", "a@b.cn", "上海", "200001")] == cells
    assert ["import.header_of_two"] == notes


@pytest.mark.parametrize(
    "text",
    ["姓名,电话\n王芳,138\n", "Full name,Phone\nAnna,030\n", "whatever,else\na,b\n", "姓名\n电话\n城市\n"],
)
def test_an_ordinary_header_is_the_first_row(tmp_path, text):
    """Whatever stands in the rows below, also words that name fields."""
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    header, _, notes = read(path)
    assert tuple(text.splitlines()[0].split(",")) == header
    assert [] == notes


def test_a_row_that_is_named_is_the_header(tmp_path):
    """Guessing ends where a person says it."""
    path = tmp_path / "a.csv"
    path.write_text("x,y\n姓名,电话\n全名,手机\nA,1\n", encoding="utf-8")
    assert ("全名", "手机") == read(path, header_row=3)[0]


def test_what_salesforce_exports_becomes_customers(archive, session, tmp_path):
    """By the names of its objects or of its reports; columns of its own are left out and told."""
    path = tmp_path / "contacts.csv"
    path.write_text(
        "Id,AccountId,FirstName,LastName,Email,MailingCity,MailingPostalCode,LeadSource,Birthdate,OwnerId\n"
        "0031,001,Anna,Schmidt,anna@example.com,Bonn,05311,Web,1980-02-03,005\n"
        "0032,001,芳,王,wang@example.com,上海,200001,Employee,,005\n",
        encoding="utf-8",
    )
    done = session.import_file("customer", path, mapping=session.mappings.find("salesforce-contacts"))
    assert (2, 0) == (done.created, done.rejected)
    assert "import.left_out" in [note.code for note in done.notes]
    found = session.list("customer", order_by="customer_number").records
    assert ["Anna Schmidt", "王芳"] == [one.fields["full_name"] for one in found]
    assert ("website", "05311", "person") == tuple(
        found[0].fields[key] for key in ("lead_source", "postal_code", "customer_kind")
    )
    assert "other" == found[1].fields["lead_source"]
    again = session.import_file("customer", path, mapping=session.mappings.find("salesforce-contacts"))
    assert 2 == again.unchanged


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        (
            "hubspot-contacts",
            "Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,Create Date",
            {"customer_number", "full_name", "email", "phone", "status", "given_name", "family_name"},
        ),
        (
            "airtable-contacts",
            "Name,Company,Title,Email,Phone,Created by",
            {"full_name", "company", "job_title", "email", "phone"},
        ),
        (
            "salesforce-accounts",
            "Account Name,Billing City,Industry,Type",
            {"full_name", "city", "industry", "customer_kind"},
        ),
    ],
)
def test_other_programs_columns_find_their_fields(name, header, expected):
    """As they stand in those programs' own documents; what has no field is left out."""
    plan = resolve(header.split(","), load_template("customer-tracking").types[0], shipped_mapping(name))
    assert expected <= set(plan.fields)
    assert ["import.left_out"] == [note.code for note in plan.notes if note.code != "import.required"][:1]


def test_what_google_analytics_exports_becomes_events():
    """Times counted in microseconds are times, and every name of an event has its kind."""
    event = next(one for one in load_template("behaviour-analysis").types if one.key == "event")
    header = ["event_date", "event_timestamp", "event_name", "user_id", "page_location"]
    plan = resolve(header, event, shipped_mapping("google-analytics-events"))
    from muniment.imports import Row

    cells = ("20260105", "1767225600123456", "scroll", "C-1", "https://example.com/a")
    values = plan.values(Row(2, cells))
    assert "2026-01-01T00:00:00.123456Z" == values["occurred_at"]
    assert ("other", "C-1") == (values["event_kind"], values["customer"])
    for text in ("no number", "9" * 30, "²"):
        assert text == plan.values(Row(3, ("", text, "page_view", "C-1", "")))["occurred_at"]


@pytest.mark.parametrize("name", shipped_mappings())
def test_a_shipped_mapping_names_fields_of_its_type(name):
    """Each field that it fills is there in some template."""
    mapping = shipped_mapping(name)
    named = {*mapping.columns.values(), *mapping.joins, *mapping.constants, *mapping.values, *mapping.epoch}
    known = parse_type(muniment_schemas.read("types", mapping.type), where=mapping.type)
    assert named <= {field.key for field in known.fields if field.writable}
    for key, table in mapping.values.items():
        choices = {choice.key for choice in known.by_key[key].choices}
        assert set(table.values()) <= choices


def test_a_mapping_is_written_down_as_it_is_read():
    """Every part of it."""
    mapping = Mapping(
        type="customer", columns={"A": "city"}, constants={"status": "active"}, values={"city": {"x": "y"}},
        joins={"full_name": Join(columns=("b", "c"), han_columns=("c", "b"))}, epoch={"x": "ms"},
        keep_unlisted=("city",),
        lenient=True, ignore=("z",), match=("city",), empty="clear", date_order="dmy", decimal_mark=",",
        currency="EUR", default_region="DE", timezone="Europe/Berlin", encoding="gb18030", delimiter=";",
        sheet="S", header_row=3,
    )  # fmt: skip
    assert mapping == parse_mapping(mapping_document(mapping))
    assert Mapping() == parse_mapping(mapping_document(Mapping()))


def test_a_saved_mapping_says_which_column_was_which(archive, session, tmp_path):
    """The next file of that form needs no word more, and changed names of fields do no harm."""
    path = tmp_path / "a.csv"
    path.write_text("客户编号;姓名;城市\nC-1;王芳;上海\n", encoding="gb18030")
    done = session.import_file("customer", path, match=["customer_number"], encoding="gb18030", delimiter=";")
    with assert_logged(archive, "import.map"):
        session.mappings.save("月度名单", done.mapping)
    saved = session.mappings.find("月度名单")
    assert ("gb18030", ";", ("customer_number",)) == (saved.encoding, saved.delimiter, saved.match)
    path.write_text("客户编号;姓名;城市\nC-1;王芳;北京\n", encoding="gb18030")
    again = session.import_file("customer", path, mapping=saved)
    assert (0, 1) == (again.created, again.updated)
    before = log_size(archive)
    session.mappings.save("月度名单", again.mapping)
    assert before == log_size(archive)
    session.mappings.remove("月度名单")
    with pytest.raises(NotFound):
        session.mappings.find("月度名单")
    archive.log.verify()


def test_mappings_are_for_whoever_imports(archive, session):
    """Names are names, and a reader has no business with them."""
    session.write([Change("create", "user", values={"login": "rea", "roles": ["reader"], "state": "active"})])
    with archive.session(actor="rea", purpose="CustomerManagement") as rea, pytest.raises(AccessDenied):
        rea.mappings.all()
    for name in ("", " a", "x.toml", "a\nb", "x" * 101):
        with pytest.raises(UsageError):
            session.mappings.save(name, Mapping())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_empty_workbook_comes_back_filled_in(session, tmp_path, lang):
    """Every column finds its field; choices are offered by label; no row is written for an empty sheet."""
    from muniment.exports.blank import write_blank

    record_type = session.type("customer")
    path = tmp_path / "empty.xlsx"
    keys = [field.key for field in record_type.fields]
    written = write_blank(path, record_type, fields=keys, headers=lang, kinds=session.kinds)
    made = openpyxl.load_workbook(path)
    sheet = made.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    assert "A2" == sheet.freeze_panes
    assert len(header) == written.rows
    rules = sheet.data_validations.dataValidation
    assert len(rules) == len(header)  # one each: programs refuse two for one cell
    status = next(one for one in record_type.by_key["status"].choices if one.key == "active")
    label = status.label.of(lang)
    name = record_type.by_key["full_name"].label.of(lang)
    sheet.cell(2, header.index(name) + 1, "王芳")
    sheet.cell(2, header.index(record_type.by_key["status"].label.of(lang)) + 1, label)
    sheet.cell(
        2, header.index(record_type.by_key["customer_since"].label.of(lang)) + 1, datetime.date(2026, 1, 2)
    )
    made.save(path)
    done = session.import_file("customer", path)
    assert (1, 0) == (done.created, done.rejected)
    (found,) = session.list("customer").records
    assert ("active", datetime.date(2026, 1, 2)) == (found.fields["status"], found.fields["customer_since"])
