"""Files of a hundred thousand rows, measured as whole processes, and one that is carried in and out again."""

from __future__ import annotations

import csv
import datetime
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
ROWS = 100_000
HEADER = (
    ["Customer number", "Full name", "Phone", "E-mail", "Customer since"]
    + ["Budget", "Budget (currency)", "Status", "Notes"]
    + [f"other {column}" for column in range(11)]
)
# ``ru_maxrss`` begins with what the parent held at most; the peak of the memory map is the process's own.
PEAK = """
import re, sys
from pathlib import Path

def peak():
    return int(re.search("VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) // 1024
"""
MEASURE = """
from muniment.imports import open_table
with open_table(sys.argv[1]) as table:
    rows = sum(1 for _ in table.rows)
print(rows, peak())
"""
CARRY = """
from muniment.imports import Mapping
from muniment.testing import new_archive
others = tuple(f"other {column}" for column in range(11))
archive = new_archive(Path(sys.argv[1]), templates=["customer-tracking"], region="CN", currency="CNY")
with archive, archive.session(actor="owner", purpose="CustomerManagement") as one:
    done = one.import_file("customer", sys.argv[2], mapping=Mapping(ignore=others))
    print(done.created, done.rejected, peak())
    one.export_file("customer", sys.argv[3], headers="zh", ids=True, reason="a copy")
    back = one.import_file("customer", sys.argv[3], empty="clear")
    print(back.unchanged, back.rows, peak())
"""


def rows(count: int) -> Iterator[list[Any]]:
    """A header and rows of twenty columns."""
    yield HEADER
    for number in range(1, count + 1):
        since = datetime.date(2015, 1, 1) + datetime.timedelta(days=number % 3_000)
        yield [
            f"K-{number:06}",
            f"王芳 {number}",
            f"+86138{number:08}",
            f"p{number}@example.org",
            since,
            number / 4,
            "CNY",
            ("Active", "Potential")[number % 2],
            f"note {number}",
            *(f"text {number} {column}" for column in range(11)),
        ]


def write_xlsx(path: Path, count: int, *, shared: bool) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": not shared}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        for row, cells in enumerate(rows(count)):
            for column, value in enumerate(cells):
                if isinstance(value, datetime.date):
                    sheet.write_datetime(row, column, value, day)
                else:
                    sheet.write(row, column, value)


def write_ods(path: Path, count: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("META-INF/manifest.xml", "<manifest/>")
        with package.open("content.xml", "w") as content:
            start = f"<office:document-content {SPACES}><office:body><office:spreadsheet>"
            content.write(f'{start}<table:table table:name="A">'.encode())
            for cells in rows(count):
                made = "".join(
                    '<table:table-cell office:value-type="string">'
                    f"<text:p>{escape(str(value))}</text:p></table:table-cell>"
                    for value in cells
                )
                content.write(f"<table:table-row>{made}</table:table-row>".encode())
            content.write(
                b"</table:table></office:spreadsheet></office:body></office:document-content>",
            )


def run(code: str, *arguments: object) -> list[list[int]]:
    """The numbers that a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]


@pytest.mark.soak
def test_a_hundred_thousand_rows_take_what_is_said(tmp_path: Path) -> None:
    """Of twenty columns: below 60 megabytes as CSV, 80 as a workbook, 130 where its texts are in one list."""
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows(ROWS))
    write_ods(tmp_path / "t.ods", ROWS)
    write_xlsx(tmp_path / "inline.xlsx", ROWS, shared=False)
    write_xlsx(tmp_path / "shared.xlsx", ROWS, shared=True)
    for name, most in (("t.csv", 60), ("t.ods", 80), ("inline.xlsx", 80), ("shared.xlsx", 130)):
        (found,) = run(MEASURE, tmp_path / name)
        assert ROWS == found[0]
        assert found[1] < most, name


@pytest.mark.soak
def test_a_hundred_thousand_rows_go_in_and_out_and_in(tmp_path: Path) -> None:
    """From a workbook into records, from these into a workbook, and from that nothing is to be changed."""
    write_xlsx(tmp_path / "in.xlsx", ROWS, shared=True)
    first, second = run(CARRY, tmp_path / "archive", tmp_path / "in.xlsx", tmp_path / "out.xlsx")
    assert [ROWS, 0] == first[:2]
    assert [ROWS, ROWS] == second[:2]
    assert max(first[2], second[2]) < 400
