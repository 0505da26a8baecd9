"""Workbooks that would not fit into memory are refused before they are opened; ordinary ones are not."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from muniment.errors import UsageError
from muniment.imports import bounds, open_table

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
CELL = '<table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell>'


def xlsx(path: Path, rows: str, *, behind: str = "", before: str = "") -> Path:
    """A workbook whose one sheet holds this XML."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.save(file)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{behind}</worksheet>'
                content = (before + sheet).encode()
            new.writestr(name, content)
    return path


def ods(path: Path, rows: str) -> Path:
    """An ODS workbook whose one table holds this XML."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("META-INF/manifest.xml", "<manifest/>")
        package.writestr(
            "content.xml",
            f"<office:document-content {SPACES}><office:body><office:spreadsheet>"
            f'<table:table table:name="A">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def row(number: int, cells: str) -> str:
    return f'<row r="{number}">{cells}</row>'


def cell(place: str, text: str = "<v>1</v>") -> str:
    return f'<c r="{place}">{text}</c>'


HEAD = row(1, '<c r="A1" t="inlineStr"><is><t>a</t></is></c>')
EMPTY = '<table:table-cell table:number-columns-repeated="16383"/>'
WIDE = CELL.replace("office:", 'table:number-columns-repeated="16384" office:', 1)
TALL = '<table:table-row table:number-rows-repeated="1048575">'
LARGE = {
    "two corners": lambda path: xlsx(path, HEAD + row(1_048_576, cell("XFD1048576"))),
    "a row of cells without places": lambda path: xlsx(path, HEAD + row(2, "<c><v>1</v></c>" * 40)),
    "cells that all say they are one": lambda path: xlsx(path, HEAD + row(2, cell("A2") * 40)),
    "merges over everything": lambda path: xlsx(
        path, HEAD + row(2, cell("A2")), behind='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    ),
    "a repeated row": lambda path: ods(path, f"{TALL}{WIDE}</table:table-row>"),
    "a gap": lambda path: ods(
        path,
        f"<table:table-row>{CELL}</table:table-row>{TALL}{EMPTY}</table:table-row>"
        f"<table:table-row>{EMPTY}{CELL}</table:table-row>",
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_small_file_that_unpacks_into_a_large_table_is_refused(name, tmp_path, monkeypatch):
    """Each of these would take all memory, or abort the process, if the reader of workbooks saw it."""
    if "cells" in name:
        monkeypatch.setattr(bounds, "MOST_CELLS", 30)
    path = LARGE[name](tmp_path / "t.xlsx")
    assert path.stat().st_size < 10_000
    with pytest.raises(UsageError) as caught:
        open_table(path)
    assert "import.workbook_cells" == caught.value.code


def test_formats_and_empty_cells_far_from_the_table_are_no_table(tmp_path):
    """Spreadsheet programs write such for a coloured column; they take no room and are passed over."""
    path = xlsx(tmp_path / "t.xlsx", HEAD + row(2, cell("A2")) + row(1_048_576, '<c r="XFD1048576" s="0"/>'))
    with open_table(path) as table:
        assert [("1",)] == [one.cells for one in table.rows]
    path = ods(
        tmp_path / "t.ods",
        f"<table:table-row>{CELL}{EMPTY}</table:table-row><table:table-row>{CELL}</table:table-row>"
        f"{TALL}{EMPTY}</table:table-row>",
    )
    with open_table(path) as table:
        assert [("x",)] == [one.cells for one in table.rows]


def test_a_part_that_is_larger_than_it_says_is_refused(tmp_path):
    """The sizes that a package states are not believed: a part is read to the end and compared."""
    path = xlsx(tmp_path / "t.xlsx", HEAD + row(2, cell("A2")) * 2_000)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"xl/worksheets/sheet1.xml") - 46
    assert b"PK\x01\x02" == content[place : place + 4]
    content[place + 24 : place + 28] = struct.pack("<I", 200)
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        open_table(path)
    assert "import.corrupt" == caught.value.code


def test_two_parts_of_one_name_and_entities_are_refused(tmp_path):
    """One reader would take the one part and another the other; an entity can grow without end."""
    path = xlsx(tmp_path / "t.xlsx", HEAD + row(2, cell("A2")))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/worksheets/sheet1.xml", b"<worksheet/>")
    with pytest.raises(UsageError) as caught:
        open_table(path)
    assert "import.corrupt" == caught.value.code
    evil = xlsx(tmp_path / "e.xlsx", HEAD, before='<!DOCTYPE x [<!ENTITY a "aaaa">]>')
    with pytest.raises(UsageError) as caught:
        open_table(evil)
    assert "import.corrupt" == caught.value.code


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=12))
def test_the_rectangle_is_that_of_the_cells(places):
    """Whatever the order of the cells, it reaches from the first cell of the sheet to the farthest ones."""
    extent = bounds._Xlsx()
    for one in places:
        extent.started("c", {"r": f"{get_column_letter(one[1])}{one[0]}"})
        extent.started("v", {})
    expected = max(row for row, _ in places) * max(column for _, column in places)
    assert max(expected, len(places)) == extent.cells


@pytest.mark.parametrize("date_1904", [False, True])
def test_days_are_read_by_the_calendar_of_the_workbook(tmp_path, date_1904):
    """Excel for Macintosh began to count in 1904; a day is the same day in both."""
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": date_1904}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "day")
        for place, form in enumerate(("yyyy-mm-dd", 'yyyy"年"m"月"d"日"', "d/m/yy h:mm")):
            sheet.write_datetime(
                place + 1, 0, datetime(2024, 2, 29, 12), book.add_format({"num_format": form})
            )
    with open_table(path) as table:
        assert [("2024-02-29 12:00:00",)] * 3 == [one.cells for one in table.rows]
