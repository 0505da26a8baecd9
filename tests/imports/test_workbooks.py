from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from muniment.errors import UsageError
from muniment.imports import Row, open_table, sheet_names

Put = Callable[..., Path]


def workbook(path: Path, *sheets: tuple[str, list[list[Any]]]) -> Path:
    """A workbook as a spreadsheet program would save it."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, table in sheets:
        sheet = book.create_sheet(name)
        for row in table:
            sheet.append(row)
    book.save(path)
    return path


def rows(path: Path, **options: Any) -> list[Row]:
    with open_table(path, **options) as table:
        return list(table.rows)


def refused(path: Path, **options: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        rows(path, **options)
    return caught.value


def test_cells_become_the_text_that_means_the_same(tmp_path: Path) -> None:
    """Whole numbers lose their point, times become ISO 8601, texts stay as they are."""
    table = [
        ["kind", "value"],
        ["whole", 123],
        ["negative", -7],
        ["float", 1.5],
        ["noise", 0.1 + 0.2],
        ["small", 0.0000001],
        ["true", True],
        ["day", date(2026, 3, 1)],
        ["midnight", datetime(2026, 3, 1)],
        ["moment", datetime(2026, 3, 1, 9, 30, 15)],
        ["clock", time(9, 30)],
        ["span", timedelta(hours=36, minutes=5)],
        ["zeros", "0171"],
        ["text", " 李娜 \n x "],
        ["formula", "'=1+1"],
    ]
    found = {row.cells[0]: row.cells[1] for row in rows(workbook(tmp_path / "t.xlsx", ("A", table)))}
    assert {
        "whole": "123",
        "negative": "-7",
        "float": "1.5",
        "noise": "0.3",
        "small": "0.0000001",
        "true": "true",
        "day": "2026-03-01",
        "midnight": "2026-03-01",
        "moment": "2026-03-01 09:30:15",
        "clock": "09:30:00",
        "span": "36:05:00",
        "zeros": "0171",
        "text": " 李娜 \n x ",
        "formula": "'=1+1",
    } == found


def test_long_numbers_are_refused(tmp_path: Path) -> None:
    """A number of more digits than a spreadsheet keeps has lost its last ones, like an identity number."""
    path = workbook(
        tmp_path / "t.xlsx", ("A", [["id"], [110105199003070013], [123456789012345], ["11010519"]])
    )
    found = rows(path)
    assert [["import.number_length"], [], []] == [[issue.code for issue in row.issues] for row in found]
    assert ("123456789012345",) == found[1].cells


def test_numbers_with_two_readings_are_marked(tmp_path: Path) -> None:
    """1.234 out of a number cell has its point as the decimal mark, whatever the country."""
    found = rows(workbook(tmp_path / "t.xlsx", ("A", [["a", "b", "c"], [1.234, "1.234", 22.36]])))
    assert [Row(2, ("1.234", "1.234", "22.36"), (), (0,))] == found


def test_error_cells_and_unsaved_results_refuse_their_row(tmp_path: Path) -> None:
    """A cell that shows an error, or a formula without its result, is not an empty cell."""
    path = tmp_path / "t.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("A")
    for row, cells in enumerate([["a", "b"], ["1", "#N/A"], ["2", ""], ["3", ""], ["4", "x"]]):
        sheet.write_row(row, 0, cells)
    sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    sheet.write_formula(4, 0, "=2+2", None, 4)
    book.close()
    assert [(2, []), (3, ["import.error_cell"]), (4, []), (5, [])] == [
        (row.number, [issue.code for issue in row.issues]) for row in rows(path)
    ]
    fresh = workbook(tmp_path / "fresh.xlsx", ("A", [["a", "b"], ["1", "=1+1"], ["2", "x"]]))
    found = rows(fresh)
    assert [["import.formula"], []] == [[issue.code for issue in row.issues] for row in found]
    assert "B" == found[0].issues[0].parameters["column"]


def test_faults_are_found_across_the_pieces_of_a_large_sheet(tmp_path: Path) -> None:
    """Searching a sheet piece by piece misses no cell at the seams."""
    path = tmp_path / "t.xlsx"
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("A")
    sheet.write_row(0, 0, ["a", "b"])
    for row in range(1, 8_000):
        sheet.write_string(row, 0, f"some text {row}")
        sheet.write_formula(row, 1, "=1/0", None, "#DIV/0!")
    book.close()
    assert all(["import.error_cell"] == [issue.code for issue in row.issues] for row in rows(path))


def test_merged_cells_refuse_the_rows_they_swallow(tmp_path: Path) -> None:
    """A cell merged with the one above holds nothing in its own row; that is said, not imported as empty."""
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Region", "Name"], ["North", "A"], [None, "B"], ["South", "C"]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    book.save(path)
    found = rows(path)
    assert [[], ["import.merged"], []] == [[issue.code for issue in row.issues] for row in found]
    assert "A" == found[1].issues[0].parameters["column"]


def test_tables_that_do_not_begin_in_the_corner(tmp_path: Path) -> None:
    """Rows keep the numbers and columns the letters that the program shows."""
    path = workbook(
        tmp_path / "t.xlsx", ("A", [[], [], [None, "a", "b"], [None, "1", 10**17], [], [None, "2", "3"]])
    )
    with open_table(path) as table:
        assert ("a", "b") == table.header
        assert 1 == table.first_column
        found = list(table.rows)
    assert [4, 6] == [row.number for row in found]
    assert "C" == found[0].issues[0].parameters["column"]
    titled = workbook(tmp_path / "u.xlsx", ("A", [["客户信息表", None], ["姓名", "电话"], ["李娜", "1"]]))
    assert ("import.empty_header", "B") == (refused(titled).code, refused(titled).parameters["column"])
    assert [("李娜", "1")] == [row.cells for row in rows(titled, header_row=2)]


def test_the_sheet_is_chosen(tmp_path: Path) -> None:
    """The first visible sheet that holds something, or the one that is named."""
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "empty"
    hidden = book.create_sheet("lists")
    hidden.append(["gold"])
    hidden.sheet_state = "hidden"
    for name in ("Kunden", "客户"):
        sheet = book.create_sheet(name)
        sheet.append(["Name"])
        sheet.append([name])
    book.save(path)
    with open_table(path) as table:
        assert ("Kunden", "xlsx") == (table.sheet, table.format)
        assert [("Kunden",)] == [row.cells for row in table.rows]
        assert ["import.other_sheets"] == [note.code for note in table.notes]
    assert [("客户",)] == [row.cells for row in rows(path, sheet="客户")]
    assert "import.sheet" == refused(path, sheet="Kunde").code
    assert "Kunden" in refused(path, sheet="Kunde").text()


def test_every_sheet_can_be_chosen_by_its_name(tmp_path: Path) -> None:
    """Empty ones are named too, and what is no workbook is told."""
    path = workbook(tmp_path / "t.xlsx", ("A & B", [["a"]]), ("客户", []))
    with path.open("rb") as file:
        assert ("A & B", "客户") == sheet_names(file)
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04nothing")
    with (tmp_path / "x.zip").open("rb") as file, pytest.raises(UsageError, match=r"import\.corrupt"):
        sheet_names(file)


def test_an_empty_workbook_is_told(tmp_path: Path) -> None:
    """A workbook without a cell is empty, not an error of another kind."""
    assert "import.empty" == refused(workbook(tmp_path / "t.xlsx", ("A", []))).code


def test_damaged_workbooks_are_one_clear_error(tmp_path: Path) -> None:
    """Cut short or with bytes changed, a workbook is refused or read; nothing else happens."""
    path = workbook(tmp_path / "t.xlsx", ("A", [["a", "b"], ["1", "2"]] * 50))
    content = path.read_bytes()
    for size in (20, 200, len(content) // 2, len(content) - 10):
        path.write_bytes(content[:size])
        assert "import.corrupt" == refused(path).code
    source = random.Random(7)
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(20):
            changed[source.randrange(4, len(changed))] = source.randrange(256)
        path.write_bytes(changed)
        with suppress(UsageError):
            rows(path)


def test_other_zip_files_are_no_tables(tmp_path: Path) -> None:
    """A ZIP file is told from a workbook, and a workbook of another kind from an XLSX one."""
    path = tmp_path / "t.zip"
    for name, code in (("word/document.xml", "not_a_table"), ("xl/workbook.bin", "workbook_kind")):
        with zipfile.ZipFile(path, "w") as package:
            package.writestr(name, "x")
        assert f"import.{code}" == refused(path).code


def test_entities_in_a_workbook_are_refused(tmp_path: Path) -> None:
    """A workbook whose XML defines entities is an attack, not a table."""
    path = workbook(tmp_path / "t.xlsx", ("A", [["a"], ["1"]]))
    evil = tmp_path / "evil.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/workbook.xml":
                content = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + content
            new.writestr(name, content)
    assert "import.corrupt" == refused(evil).code


ODS = """<?xml version="1.0" encoding="UTF-8"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0" office:version="1.3">
<office:body><office:spreadsheet><table:table table:name="Tabelle1">
<table:table-row><table:table-cell office:value-type="string"><text:p>Name</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>Visits</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>Köhler</text:p></table:table-cell>
<table:table-cell office:value-type="float" office:value="7" {extra}><text:p>7</text:p></table:table-cell>
</table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""


@pytest.mark.parametrize("extra", ["", 'calcext:value-type="error"'])
def test_ods_workbooks_are_read(tmp_path: Path, extra: str) -> None:
    """An ODS workbook is read like an XLSX one; one with error cells is refused as a whole."""
    path = tmp_path / "t.ods"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("META-INF/manifest.xml", "<manifest/>")
        package.writestr("content.xml", ODS.format(extra=extra).replace("\n", ""))
    with path.open("rb") as file:
        assert ("Tabelle1",) == sheet_names(file)
    if extra:
        assert "import.error_cells" == refused(path).code
        return
    with open_table(path) as table:
        assert ("ods", ("Name", "Visits")) == (table.format, table.header)
        assert [("Köhler", "7")] == [row.cells for row in table.rows]
