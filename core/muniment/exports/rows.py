"""A plain table of texts and numbers as CSV or XLSX: lists of entries, reports."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from pathlib import Path

from muniment.errors import UsageError
from muniment.exports.cells import csv_line
from muniment.exports.files import Written, measured, replacing
from muniment.exports.guards import protect
from muniment.exports.workbook import Workbook

__all__ = ["write_rows"]


def write_rows(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[str | int]],
    *,
    widths: Sequence[float],
    title: str,
) -> Written:
    """Write a table; no cell of it runs as a formula.

    Args:
        path: ends in ``.csv`` or ``.xlsx``; there whole or not at all.
        header: names of the columns.
        rows: as many cells each; numbers stay numbers in a workbook.
        widths: of the columns in a workbook, in characters.
        title: the name of the sheet.

    Raises:
        UsageError: ``export.format`` for another ending, or what a workbook cannot hold.
        StoreError: where the disk refuses it.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise UsageError("export.format", where=str(path), formats="csv, xlsx")
    count = 0
    with replacing(path) as new:
        if kind == ".csv":
            with new.open("wb") as file:
                file.write(codecs.BOM_UTF8 + csv_line([protect(name) for name in header]).encode("utf-8"))
                for row in rows:
                    file.write(csv_line([_cell(value) for value in row]).encode("utf-8"))
                    count += 1
        else:
            book = Workbook(new, title)
            book.header(header, widths)
            plain = book.format(valign="top")
            for row in rows:
                count += 1
                for place, value in enumerate(row):
                    if isinstance(value, int):
                        book.put(count, place, value, plain)
                    elif value:
                        book.text(count, place, value)
            book.close()
        written = measured(new)
    return written.written(str(path), count)


def _cell(value: str | int) -> str:
    return str(value) if isinstance(value, int) else protect(value)
