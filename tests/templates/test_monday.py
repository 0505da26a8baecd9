"""A Monday morning with each template: apply, bring sheets in, change, list, search, hand out, bring back."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path

import pytest
import tomlkit
import xlsxwriter

from muniment.archive import Archive
from muniment.archive.editing import edit_configuration
from muniment.errors import AccessDenied
from muniment.imports.run import Imported
from muniment.schema import Field, RecordType, template_names
from muniment.schema.template_roles import fitted_role, role_names
from muniment.session import Session
from muniment.testing import new_archive

Table = Sequence[Sequence[str]]


def write_csv(path: Path, table: Table) -> None:
    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(table)


def write_xlsx(path: Path, table: Table) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(table):
            for column, text in enumerate(row):
                sheet.write_string(place, column, text)


def write_ods(path: Path, table: Table) -> None:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(text)}</text:p></table:table-cell>'
            for text in row
        )
        + "</table:table-row>"
        for row in table
    )
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("META-INF/manifest.xml", "<manifest/>")
        package.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="A">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )


SHEETS: tuple[tuple[str, str, Callable[[Path, Table], None]], ...] = (
    ("zh", "csv", write_csv),
    ("en", "xlsx", write_xlsx),
    ("zh", "ods", write_ods),
)


def cell(field: Field, row: int, lang: str, known: dict[str, list[str]]) -> str:
    """What a person types into a field in one row of a sheet; empty where there is nothing to say."""
    if field.kind in ("choice", "several choices"):
        if not field.choices:
            return "tea" if lang == "en" else "茶"
        return field.choices[row % len(field.choices)].label.of(lang)
    if field.kind == "reference":
        there = known.get(field.target, [])
        return there[row % len(there)] if there else ""
    if field.kind == "checkbox":
        return "是" if lang == "zh" else "yes"
    if field.kind in ("text", "long text"):
        return f"{'王芳' if lang == 'zh' else 'Anna Schmidt'} {row}"
    return {
        "identifier": f"{field.key[:12]}-{row:04}",
        "integer": "3",
        "decimal": "0.5",
        "money": f"12{row}.50 CNY",
        "date": f"2025-03-{row + 1:02}",
        "datetime": f"2025-03-{row + 1:02} 09:30",
        "phone": f"138001380{row:02}",
        "e-mail": f"p{row}@example.org",
    }.get(field.kind, "")


def ordered(session: Session) -> Iterator[RecordType]:
    """The record types, those referred to before those that refer to them."""
    left, done = {one.key: one for one in session.types()}, {"user"}
    while left:
        for one in list(left.values()):
            if {field.target for field in one.references} - {one.key} <= done:
                done.add(one.key)
                yield left.pop(one.key)


def counts(done: Imported) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, rejected."""
    return done.created, done.updated, done.unchanged, done.rejected


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    """An archive with one template, and a person in each of the roles that fit it."""
    with new_archive(tmp_path / "archive", templates=[request.param], region="CN", currency="CNY") as archive:
        owner = archive.session(actor="owner", purpose="CustomerManagement")
        types = archive.engine.definitions.types
        fitted = {key: made for key in role_names() if (made := fitted_role(key, types)) is not None}

        def edit(document: tomlkit.TOMLDocument) -> None:
            table = document.setdefault("roles", tomlkit.table(is_super_table=True))
            table.update(fitted)

        edit_configuration(archive, owner, edit, reason="roles")
        for key in fitted:
            archive.session(actor="owner", purpose="CustomerManagement").create(
                "user", {"login": key, "roles": [key], "state": "active"}
            )
        yield archive


def bring_in(session: Session, record_type: RecordType, known: dict[str, list[str]], folder: Path) -> None:
    """Two rows in each kind of sheet, under headers of either language."""
    fields = [one for one in record_type.fields if one.writable and one.kind != "file"]
    row = 0
    for lang, ending, put in SHEETS:
        path = folder / f"{record_type.key}-{lang}.{ending}"
        table = [[field.label.of(lang) for field in fields]]
        for _ in range(2):
            table.append([cell(field, row, lang, known) for field in fields])
            row += 1
        put(path, table)
        done = session.import_file(record_type.key, path)
        assert counts(done) == (2, 0, 0, 0), (record_type.key, ending, done.problems)
    unique = next((field.key for field in fields if field.unique), None)
    records = session.list(record_type.key).records
    known[record_type.key] = [str(one.fields[unique]) if unique else one.id for one in records]


def change(session: Session, record_type: RecordType) -> None:
    """Empty one field of the first record; its next version says so. Where all is computed there is none."""
    record = session.list(record_type.key, limit=1).records[0]
    kept = record_type.required | record_type.fixed | record_type.unique
    kinds = ("text", "long text", "choice", "integer", "decimal", "date", "money", "reference")
    free = [field.key for field in record_type.fields if field.key in record.fields and field.kind in kinds]
    for key in [one for one in free if one not in kept][:1]:
        saved = session.update(record.id, {key: None}, expected_version=1, reason="typed by mistake")
        assert saved.version == 2
        assert key not in session.get(record.id).fields


@pytest.mark.slow
@pytest.mark.parametrize("opened", template_names(), indirect=True)
def test_a_monday_with_each_template(opened: Archive, tmp_path: Path) -> None:
    """Sheets of both languages in, a change, lists of every role, a search, exports that come back."""
    owner = opened.session(actor="owner", purpose="CustomerManagement")
    known: dict[str, list[str]] = {}
    login = next(user.login for user in opened.engine.definitions.users.values())
    known["user"] = [login]
    types = list(ordered(owner))
    for record_type in types:
        bring_in(owner, record_type, known, tmp_path)
        change(owner, record_type)
    people = [user.login for user in opened.engine.definitions.users.values()]
    for login in people:
        person = opened.session(actor=login, purpose="CustomerManagement")
        for record_type in types:
            listed(person, record_type)
            worked(person, record_type, tmp_path)
    for record_type in types:
        for name in names_in(owner, record_type):
            assert owner.search(record_type.key, name).records, record_type.key
        for lang, ending in (("zh", "csv"), ("en", "xlsx")):
            path = tmp_path / f"out-{record_type.key}.{ending}"
            owner.export_file(record_type.key, path, headers=lang, ids=True, reason="a copy")
            back = owner.import_file(record_type.key, path, empty="clear")
            assert counts(back) == (0, 0, 6, 0), (record_type.key, ending, back.problems)
    opened.log.verify()


def names_in(session: Session, record_type: RecordType) -> list[str]:
    """A text of the first record that quick search looks into; none where the type has no such field."""
    record = session.list(record_type.key).records[1]
    keys = [field.key for field in record_type.fields if "words" in field.index]
    return [str(record.fields[key]) for key in keys if key in record.fields][:1]


def worked(person: Session, record_type: RecordType, folder: Path) -> None:
    """What somebody of a role may do of a Monday's work they do, and what they may not is refused.

    They search, change a field that they write, hand out what they see and bring it back: nothing they
    may not read stands in the file, and nothing in it is a change.
    """
    key = record_type.key
    if not person.may("record.list", key):
        return
    view = person.view(record_type)
    records = person.list(key).records
    if not records:
        # Their role reaches only records of their own, and has none of these.
        return
    record = records[0]
    words = [one.key for one in record_type.fields if "words" in one.index and one.key in view.clear]
    for name in [str(record.fields[one]) for one in words if one in record.fields][:1]:
        if person.may("record.search", key):
            assert person.search(key, name).records
    kept = record_type.required | record_type.fixed | record_type.unique
    texts = [one.key for one in record_type.fields if one.writable and one.kind in ("text", "long text")]
    for field in [one for one in texts if one in view.writable and one in view.clear and one not in kept][:1]:
        if person.may("record.update", key):
            saved = person.update(record.id, {field: "seen by hand"}, expected_version=record.version)
            assert "seen by hand" == person.get(saved.id).fields[field]
        else:
            with pytest.raises(AccessDenied):
                person.update(record.id, {field: "seen by hand"}, expected_version=record.version)
    path = folder / f"role-{key}.csv"
    if not person.may("record.export", key):
        with pytest.raises(AccessDenied):
            person.export_file(key, path, reason="a copy")
        return
    written = person.export_file(key, path, headers="key", ids=True, reason="a copy")
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    assert not {one.key for one in record_type.fields if one.key not in view.readable} & set(header)
    if person.may("record.import", key) and person.may("record.create", key):
        back = person.import_file(key, path, empty="clear")
        assert counts(back) == (0, 0, written.rows, 0), (key, back.problems)


def listed(person: Session, record_type: RecordType) -> None:
    """Every view that is offered to somebody shows what they may see, or their role lists no such records."""
    if not person.may("record.list", record_type.key):
        with pytest.raises(AccessDenied):
            person.list(record_type.key)
        return
    clear = person.view(record_type).readable
    for saved in person.views.list(record_type.key):
        page = person.listed(person.views.asked(record_type.key, saved.view))
        for record in page.records:
            assert record.fields.keys() <= clear
    for record in person.list(record_type.key).records:
        assert record.fields.keys() <= clear
