"""A long sheet is read piece by piece: its rows are those of one read whole, and memory stays flat."""

from __future__ import annotations

import datetime
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.errors import UsageError
from muniment.imports import bounds, open_table, pieces, sheets

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "style", "table", "text")
)

VALUES = st.one_of(
    st.none(),
    st.sampled_from(["", " x ", "王芳", "_x000D_", "=1+1", "a\nb", "<row r='1'>", "]]>", "<v>0</v>"]),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12),
    st.integers(-(10**16), 10**16),
    st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 6)),
    st.booleans(),
    st.dates(datetime.date(1905, 1, 1), datetime.date(2200, 1, 1)),
    st.datetimes(datetime.datetime(1905, 1, 1), datetime.datetime(2200, 1, 1)),
    st.times(),
    st.timedeltas(datetime.timedelta(0), datetime.timedelta(days=40)),
)
TABLES = st.lists(
    st.tuples(st.integers(1, 4), st.lists(VALUES, min_size=1, max_size=6)), min_size=1, max_size=14
)


@contextmanager
def cut(monkeypatch: pytest.MonkeyPatch, cells: int = 20) -> Iterator[None]:
    """Every workbook is long, and a piece has a few rows."""
    with monkeypatch.context() as patch:
        patch.setattr(pieces, "SMALL", 0)
        patch.setattr(bounds, "PIECE_CELLS", cells)
        patch.setattr(bounds, "_CHUNK", 1 << 14)
        patch.setattr(pieces, "_CHUNK", 1 << 14)
        yield


def read(path: Path, **options: Any) -> tuple[Any, ...]:
    """All that a file says, or the code with which it is refused."""
    try:
        with open_table(path, **options) as table:
            rows = [(row.number, row.cells, row.issues, row.pointed) for row in table.rows]
            return table.header, rows, table.first_column, table.sheet, table.notes
    except UsageError as error:
        return (error.code,)


def must_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that falls back to being read whole would prove nothing."""

    def never(*_: object) -> None:
        raise AssertionError("read whole")

    monkeypatch.setattr(sheets, "open_sheet", never)


def same(path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Any, ...]:
    """What a file says, the same in pieces as whole."""
    whole = read(path, **options)
    with monkeypatch.context() as patch, cut(patch):
        must_be_cut(patch)
        assert whole == read(path, **options)
    return whole


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLES, left=st.integers(0, 3), inline=st.booleans(), early=st.booleans(), merged=st.booleans())
def test_a_workbook_says_the_same_in_pieces(tmp_path, monkeypatch, table, left, inline, early, merged):
    """Any cells, gaps between rows, merges, both calendars, texts in the cell or in the workbook's list."""
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": inline, "date_1904": early}) as book:
        sheet = book.add_worksheet("客户")
        days = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        spans = book.add_format({"num_format": "[h]:mm:ss"})
        for column in range(6):
            sheet.write_string(0, left + column, f"c{column}")
        row = 0
        for step, values in table:
            row += step
            for column, value in enumerate(values, left):
                if isinstance(value, str):
                    sheet.write_string(row, column, value)
                elif isinstance(value, datetime.timedelta):
                    sheet.write_datetime(row, column, value, spans)
                elif isinstance(value, datetime.date | datetime.time):
                    sheet.write_datetime(row, column, value, days)
                elif value is not None:
                    sheet.write(row, column, value)
        if merged and not inline:
            sheet.merge_range(row, left, row + 1, left + 1, "merged")
            sheet.write_formula(row + 2, left, "=1/0", None, "#DIV/0!")
    assert same(path, monkeypatch)[0] == tuple(f"c{column}" for column in range(6))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 3),
            st.lists(
                st.tuples(st.integers(1, 2), st.sampled_from(["", "x", "1.5", "d", "<table:table-row>"])),
                min_size=1,
                max_size=4,
            ),
        ),
        min_size=1,
        max_size=12,
    ),
    grouped=st.booleans(),
)
def test_an_ods_table_says_the_same_in_pieces(tmp_path, monkeypatch, rows, grouped):
    """Repeated rows and cells, groups of rows whose tags a cut parts, and a second table behind."""
    path = tmp_path / "t.ods"
    made = [ods_row(1, [(1, f"h{column}") for column in range(8)]), *(ods_row(*row) for row in rows)]
    if grouped:
        made = [
            "<table:table-header-rows>",
            made[0],
            "</table:table-header-rows><table:table-row-group>",
            *made[1:],
            "</table:table-row-group>",
        ]
    other = f'<table:table table:name="B">{ods_row(1, [(3, "x")])}</table:table>'
    ods(path, f'<table:table table:name="A">{"".join(made)}</table:table>{other}')
    assert same(path, monkeypatch)[0] == tuple(f"h{column}" for column in range(8))


def ods_row(times: int, cells: list[tuple[int, str]]) -> str:
    made = ""
    for repeated, text in cells:
        again = f'table:number-columns-repeated="{repeated}"'
        if text == "":
            made += f"<table:table-cell {again}/>"
        elif text == "1.5":
            made += f'<table:table-cell {again} office:value-type="float" office:value="1.5"/>'
        elif text == "d":
            made += f'<table:table-cell {again} office:value-type="date" office:date-value="2026-03-04"/>'
        else:
            shown = f"<text:p>{escape(text)}</text:p>"
            made += f'<table:table-cell {again} office:value-type="string">{shown}</table:table-cell>'
    return f'<table:table-row table:number-rows-repeated="{times}">{made}</table:table-row>'


def ods(path: Path, tables: str, before: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("META-INF/manifest.xml", "<manifest/>")
        package.writestr(
            "content.xml",
            f"<office:document-content {SPACES}>{before}<office:body><office:spreadsheet>{tables}"
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def changed(path: Path, part: str, change: Callable[[str], str]) -> Path:
    """The same workbook with another text in one part."""
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    content[part] = change(content[part].decode("utf-8")).encode("utf-8")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, text in content.items():
            new.writestr(name, text)
    return path


def plain(path: Path, rows: int = 30) -> Path:
    """A workbook of texts that its cells share."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a", "b"])
        for number in range(rows):
            sheet.write_row(number + 1, 0, [f"text {number % 7}", number])
    return path


def test_sheets_are_chosen_as_ever(tmp_path, monkeypatch):
    """The first visible one that holds something, or the one that is named; hidden ones by name only."""
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "empty"
    for name, state in (("secret", "hidden"), ("first", "visible"), ("second", "visible")):
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        sheet.append([name])
        for number in range(20):
            sheet.append([number])
    book.save(path)
    assert "first" == same(path, monkeypatch)[3]
    assert ("secret",) == same(path, monkeypatch, sheet="secret")[0]
    assert ("import.sheet",) == same(path, monkeypatch, sheet="none")
    assert ("import.empty",) == same(path, monkeypatch, sheet="empty")
    hidden = '<office:automatic-styles><style:style style:name="h" style:family="table">'
    hidden += '<style:table-properties table:display="false"/></style:style></office:automatic-styles>'
    tables = "".join(
        f'<table:table table:name="{name}" {style}>{ods_row(2, [(1, name)]) * 9}</table:table>'
        for name, style in (("H", 'table:style-name="h"'), ("V", ""))
    )
    path = ods(tmp_path / "t.ods", tables, hidden)
    assert "V" == same(path, monkeypatch)[3]


def test_names_with_a_prefix_are_read(tmp_path, monkeypatch):
    """XML may name every element with a prefix, and some programs do."""
    path = plain(tmp_path / "t.xlsx")

    def prefixed(text: str) -> str:
        text = text.replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:").replace("<x:?", "<?")
        return text.replace("xmlns=", "xmlns:x=")

    before = read(path)
    changed(path, "xl/worksheets/sheet1.xml", prefixed)
    changed(path, "xl/sharedStrings.xml", prefixed)
    assert before == same(path, monkeypatch)


ODD: dict[str, tuple[str, Callable[[str], str]]] = {
    "a remark": ("xl/worksheets/sheet1.xml", lambda text: text.replace("<row", "<!-- <row> --><row", 3)),
    "rows without numbers": (
        "xl/worksheets/sheet1.xml",
        lambda text: text.replace('<row r="5" spans="1:2">', "<row>"),
    ),
    "rows out of order": ("xl/worksheets/sheet1.xml", lambda text: text.replace('<row r="5"', '<row r="3"')),
    "a row of other cells": ("xl/worksheets/sheet1.xml", lambda text: text.replace('r="A5"', 'r="A9"')),
    "text that is no markup": (
        "xl/sharedStrings.xml",
        lambda text: text.replace("<t>text 3</t>", "<t><![CDATA[<si>]]></t>"),
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_cannot_be_cut_is_read_whole(name, tmp_path, monkeypatch):
    """No program writes such; it is read as ever, as long as it fits into memory, else refused."""
    path = changed(plain(tmp_path / "t.xlsx"), *ODD[name])
    whole = read(path)
    with monkeypatch.context() as patch, cut(patch):
        patch.setattr(pieces, "open_pieces", lambda *_: pytest.fail("cut"))
        assert whole == read(path)
    monkeypatch.setattr(bounds, "MOST_WHOLE", 20)
    if "xl/worksheets" in ODD[name][0]:
        assert ("import.workbook_cells",) == read(path)


def test_a_number_that_names_no_text_is_found_before_the_first_row(tmp_path, monkeypatch):
    """The last piece is as good as the first when rows begin to come, so no import ends half way."""
    path = changed(
        plain(tmp_path / "t.xlsx"),
        "xl/worksheets/sheet1.xml",
        lambda text: text.replace('<c r="A31" t="s"><v>', '<c r="A31" t="s"><v>9'),
    )
    with cut(monkeypatch), pytest.raises(UsageError) as caught:
        open_table(path)
    assert "import.corrupt" == caught.value.code


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path, monkeypatch):
    """Rows of two states of a file are no table."""
    path = plain(tmp_path / "t.xlsx")
    with cut(monkeypatch), open_table(path) as table:
        with path.open("ab") as file:
            file.write(b"x")
        with pytest.raises(UsageError) as caught:
            list(table.rows)
    assert "import.changed" == caught.value.code


def test_rows_and_texts_have_a_bound(tmp_path, monkeypatch):
    """A cell of thirty million characters, or a quarter of a gigabyte of texts, is refused in a sentence."""
    path = plain(tmp_path / "t.xlsx")
    with monkeypatch.context() as patch:
        patch.setattr(bounds, "_LONGEST_ROW", 10)
        assert ("import.workbook_row",) == read(path)
    monkeypatch.setattr(bounds, "_MOST_TEXTS", 10)
    assert ("import.workbook_texts",) == read(path)


def test_what_is_held_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    """Ten times the rows make ten times the pieces, and none larger; nor does Python hold more."""
    held = {}
    for rows in (200, 2_000):
        path = tmp_path / f"{rows}.xlsx"
        with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
            sheet = book.add_worksheet()
            for number in range(rows):
                sheet.write_row(number, 0, [f"c{column} {number}" for column in range(20)])
        sizes: list[int] = []
        packed = pieces._packed

        def counted(parts, sizes=sizes, packed=packed):
            done = packed(parts)
            sizes.append(len(done))
            return done

        with monkeypatch.context() as patch, cut(patch, 500):
            patch.setattr(pieces, "_packed", counted)
            tracemalloc.start()
            try:
                with open_table(path) as table:
                    assert rows - 1 == sum(1 for _ in table.rows)
                held[rows] = len(sizes), max(sizes), tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
    assert held[2_000][0] > 9 * held[200][0]
    assert held[2_000][1] < 1.1 * held[200][1]
    assert held[2_000][2] < held[200][2] + 500_000
