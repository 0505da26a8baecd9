"""Open a CSV file or a workbook as one table of text, whatever wrote it."""

from __future__ import annotations

import codecs
import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from muniment.errors import Issue, UsageError
from muniment.imports import delimited, pieces, sheets
from muniment.imports.tables import RawRow, Row, Table, assemble

__all__ = ["MAX_CELL", "Row", "Table", "open_table", "sheet_names"]

MAX_CELL = 1_000_000
"""The longest cell that is taken, in characters."""

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"\x1f\x8b", "GZIP"),
    (b"BZh", "BZIP2"),
    (b"\xfd7zXZ\0", "XZ"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "RAR"),
    (b"SQLite format 3\0", "SQLite"),
    (b"{\\rtf", "RTF"),
    (b"PAR1", "Parquet"),
)
# What some programs hand out under the name of a spreadsheet.
_TEXTS = (
    (b"<html", "HTML"),
    (b"<!doctype html", "HTML"),
    (b"<table", "HTML"),
    (b"<meta", "HTML"),
    (b"<?xml", "XML"),
    (b'{"', "JSON"),
    (b"[{", "JSON"),
)
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\x0b\x0c\r\x1b"))


def open_table(
    path: str | os.PathLike[str],
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: int | None = None,
    max_cell: int = MAX_CELL,
    known: Callable[[str], bool] | None = None,
) -> Table:
    """Open a spreadsheet file; what it is, its content tells, not its name.

    Every cell arrives as text. What is wrong with a row comes with the row; what is
    wrong with the file is an error before the first row. No message shows a cell.

    Args:
        path: a CSV file (any usual separator and encoding), an XLSX or an ODS workbook.
        sheet: the name of the sheet; None takes the first visible one that holds something.
        encoding: of a CSV file; None takes UTF-8, else GB 18030, else asks by an error.
        delimiter: of a CSV file; None finds out among comma, semicolon, tab and bar.
        header_row: the row of the header, from 1; None takes the first row that is not blank.
        max_cell: the longest cell that is taken, in characters.
        known: whether a header names something; then a title above the header is passed over, and a
            header of two rows is put together.

    Returns:
        The table; close it, or use it as a context manager.

    Raises:
        UsageError: codes of the area ``import``.
    """
    path = Path(path)
    file = _open(path)
    try:
        head = file.read(256)
        if head.startswith(_ZIP):
            return _workbook(file, path, sheet, header_row, max_cell, known)
        if head.startswith(_COMPOUND):
            locked = sheets.is_encrypted_container(file)
            raise UsageError("import.password") if locked else UsageError("import.workbook_kind", name="XLS")
        for magic, name in _OTHERS:
            if head.startswith(magic):
                raise UsageError("import.not_a_table", name=name)
        text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
        for start, name in _TEXTS:
            if text.startswith(start):
                raise UsageError("import.not_a_table", name=name)
        return _delimited(file, encoding, delimiter, sheet, header_row, max_cell, known)
    except UsageError as error:
        file.close()
        error.where = error.where or str(path)
        raise
    except BaseException:
        file.close()
        raise


def sheet_names(file: BinaryIO) -> tuple[str, ...]:
    """The names of a workbook's sheets, in its order; any of them may be given to ``open_table``.

    Args:
        file: an XLSX or an ODS workbook, at any place.

    Raises:
        UsageError: what the file is in place of a workbook that can be read.
    """
    kind, found = sheets.workbook_format(file)
    if kind == "ods":
        return tuple(grid.name for extent in found.values() for grid in extent.grids)
    try:
        with zipfile.ZipFile(file) as package:
            return tuple(pieces.sheets_of(package))
    except BaseException as error:
        # The parser is written in Rust, and its panics are no Exceptions.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise UsageError("import.corrupt") from None
        raise


def _open(path: Path) -> BinaryIO:
    try:
        kind = os.stat(path).st_mode
        if stat.S_ISDIR(kind):
            raise UsageError("import.folder", where=str(path))
        if not stat.S_ISREG(kind):
            raise UsageError("import.not_a_file", where=str(path))
        return open(path, "rb")
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("import.missing", where=str(path)) from None
    except (OSError, ValueError):
        raise UsageError("import.unreadable", where=str(path)) from None


def _delimited(
    file: BinaryIO,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    header_row: int | None,
    max_cell: int,
    known: Callable[[str], bool] | None,
) -> Table:
    if sheet is not None:
        raise UsageError("import.no_sheets")
    found = delimited.survey(file)
    if not found.head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0") and found.size <= len(found.head):
        raise UsageError("import.empty")
    if encoding is None and not found.head.startswith(_MARKS):
        controls = len(found.head) - len(found.head.translate(None, _CONTROLS))
        # A stray control character is the row's matter; many of them make no text.
        if controls > max(16, len(found.head) // 20):
            raise UsageError("import.binary")
    name = delimited.decode_proof(file, found, encoding)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=name, errors="strict", newline="")
    try:
        raw, delimiter = delimited.raw_rows(text, found, delimiter=delimiter)
        raw, found_notes = _headed(raw, known, header_row)
        header, rows = assemble(raw, header_row=header_row, first_column=0, max_cell=max_cell)
    except BaseException:
        text.close()
        raise
    notes = found_notes
    if name == "gb18030" and encoding is None:
        notes += (Issue("import.guessed", severity="warning", parameters={"encoding": "GB 18030"}),)
    return Table(
        header=header,
        rows=rows,
        format="csv",
        encoding=name,
        digest=found.digest,
        count_hint=max(found.lines - 1, 0),
        delimiter=delimiter,
        notes=notes,
        close=text.close,
    )


def _workbook(
    file: BinaryIO,
    path: Path,
    sheet: str | None,
    header_row: int | None,
    max_cell: int,
    known: Callable[[str], bool] | None,
) -> Table:
    kind, found = sheets.workbook_format(file)
    digest = delimited.survey(file).digest
    file.close()
    if pieces.is_long(found):
        chosen = pieces.open_pieces(path, sheet, kind, found)
    else:
        chosen = sheets.open_sheet(path, sheet, kind)
    try:
        raw, notes = _headed(chosen.rows, known, header_row)
        header, rows = assemble(
            raw, header_row=header_row, first_column=chosen.first_column, max_cell=max_cell
        )
    except BaseException:
        if chosen.close is not None:
            chosen.close()
        raise
    if chosen.others:
        parameters = {"name": chosen.name, "count": chosen.others}
        notes += (Issue("import.other_sheets", severity="warning", parameters=parameters),)
    return Table(
        header=header,
        rows=rows,
        format=kind,
        encoding="utf-8",
        digest=digest,
        count_hint=max(chosen.height - 1, 0),
        first_column=chosen.first_column,
        sheet=chosen.name,
        notes=notes,
        close=chosen.close,
    )


def _headed(
    raw: Iterator[RawRow], known: Callable[[str], bool] | None, row: int | None
) -> tuple[Iterator[RawRow], tuple[Issue, ...]]:
    if known is None:
        return raw, ()
    from muniment.imports.headers import find_header

    return find_header(raw, known, row=row)
