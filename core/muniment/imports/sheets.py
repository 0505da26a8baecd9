"""Workbooks (XLSX, ODS) as rows of text, with nothing lost on the way without a word.

A workbook's cells are numbers, times and texts; what a person sees of them is a
matter of formats. Every cell becomes the text that means the same: a whole number
loses its ``.0``, a time becomes ISO 8601. Three losses cannot be seen in the values
that python-calamine gives, so the sheet's own XML is searched for them: a cell that
shows an error, a formula whose result was never stored, and cells swallowed by a merge.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs

from muniment.errors import Issue, UsageError
from muniment.imports.bounds import Extent, prove_workbook
from muniment.imports.tables import RawRow, column_letters

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

__all__ = [
    "Sheet",
    "choose",
    "faults_in",
    "is_encrypted_container",
    "open_sheet",
    "part_of",
    "raw_row",
    "refuse_errors",
    "swallowed_by",
    "workbook_format",
]

_CHUNK = 1 << 20
# The name of the stream in which Office puts an encrypted package (MS-OFFCRYPTO 2.3.4), as UTF-16.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


@attrs.define
class Sheet:
    """One sheet of a workbook.

    Attributes:
        name: as the program shows it.
        rows: from the first row of the sheet, blank ones too.
        height: how many rows the sheet has.
        first_column: how many columns stand empty on its left.
        others: how many other sheets hold something.
        close: lets go of the file, where it is read while the rows come.
    """

    name: str
    rows: Iterator[RawRow]
    height: int
    first_column: int
    others: int
    close: Callable[[], None] | None = None


def is_encrypted_container(file: BinaryIO) -> bool:
    """Whether a compound file is a workbook locked by a password."""
    file.seek(0)
    tail = b""
    while piece := file.read(_CHUNK):
        if _ENCRYPTED in tail + piece:
            return True
        tail = piece[-len(_ENCRYPTED) :]
    return False


def workbook_format(file: BinaryIO) -> tuple[str, Mapping[str, Extent]]:
    """Tell which workbook a ZIP file is: ``xlsx`` or ``ods``, and what stands in its parts.

    Raises:
        UsageError: ``import.corrupt``, ``import.password``, ``import.workbook_kind``,
            ``import.not_a_table``, or as ``bounds.prove_workbook``.
    """
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as package:
            names = set(package.namelist())
            if "xl/workbook.xml" in names:
                return "xlsx", prove_workbook(package, "xlsx")
            if "xl/workbook.bin" in names:
                raise UsageError("import.workbook_kind", name="XLSB")
            if "content.xml" in names and "mimetype" in names:
                kind = package.read("mimetype")[:100]
                if kind.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
                    if b"encryption-data" in package.read("META-INF/manifest.xml"):
                        raise UsageError("import.password")
                    return "ods", prove_workbook(package, "ods")
    except UsageError:
        raise
    except Exception:
        # A damaged package fails in a dozen ways, from a bad name to a bad checksum.
        raise UsageError("import.corrupt") from None
    raise UsageError("import.not_a_table", name="ZIP")


def open_sheet(path: Path, name: str | None, kind: str) -> Sheet:
    """Read one sheet of a workbook whole.

    Args:
        path: the file.
        name: which sheet; None takes the first visible one that holds something.
        kind: ``xlsx`` or ``ods``.

    Raises:
        UsageError: ``import.sheet``, ``import.empty``, ``import.corrupt``, ``import.password``
            or ``import.error_cells``.
    """
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        sheet, others = _chosen(book, name)
        merged = sheet.merged_cell_ranges if kind == "xlsx" else None
        with zipfile.ZipFile(path) as package:
            if kind == "xlsx":
                faults = _faults(package, part_of(package, sheet.name))
            else:
                faults = {}
                refuse_errors(package)
    except UsageError:
        raise
    except calamine.PasswordError:
        raise UsageError("import.password") from None
    except BaseException as error:
        # The parser is written in Rust, and its panics are no Exceptions.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise UsageError("import.corrupt") from None
        raise
    start = sheet.start or (0, 0)
    return Sheet(
        name=sheet.name,
        rows=_rows(sheet, start[1], faults, swallowed_by(merged or [])),
        height=sheet.total_height,
        first_column=start[1],
        others=others,
    )


def choose(
    sheets: Sequence[tuple[str, bool]], name: str | None, holds: Callable[[str], bool]
) -> tuple[str, int]:
    """Which sheet is read.

    Args:
        sheets: the name of each, and whether a program shows it.
        name: which one; None takes the first visible one that holds something.
        holds: whether a sheet holds something.

    Returns:
        Its name, and how many other ones hold something.

    Raises:
        UsageError: ``import.sheet`` or ``import.empty``.
    """
    if name is not None:
        if name not in [one for one, _ in sheets]:
            raise UsageError("import.sheet", name=name, sheets=", ".join(one for one, _ in sheets))
        return name, 0
    held = [one for one, visible in sheets if visible and holds(one)]
    if not held:
        raise UsageError("import.empty")
    return held[0], len(held) - 1


def _chosen(book: CalamineWorkbook, name: str | None) -> tuple[CalamineSheet, int]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    known = [
        (meta.name, meta.visible == SheetVisibleEnum.Visible)
        for meta in book.sheets_metadata
        if meta.typ == SheetTypeEnum.WorkSheet
    ]
    chosen, others = choose(known, name, lambda one: book.get_sheet_by_name(one).start is not None)
    return book.get_sheet_by_name(chosen), others


def _rows(
    sheet: CalamineSheet,
    first_column: int,
    faults: Mapping[int, list[tuple[int, str]]],
    swallowed: Mapping[int, list[int]],
) -> Iterator[RawRow]:
    for number, values in enumerate(sheet.iter_rows(), 1):
        yield raw_row(number, values, first_column, faults, swallowed)


def raw_row(
    number: int,
    values: Sequence[Any],
    first_column: int,
    faults: Mapping[int, list[tuple[int, str]]],
    swallowed: Mapping[int, list[int]],
) -> RawRow:
    """One row as text, with what is wrong with it.

    Args:
        number: the row's, from 1.
        values: what the reader of workbooks gives.
        first_column: how many columns stand empty on the left.
        faults: as ``faults_in`` finds them.
        swallowed: as ``swallowed_by`` tells it.
    """
    issues: tuple[Issue, ...] = ()
    pointed: tuple[int, ...] = ()
    cells = [value if value.__class__ is str else _text(value) for value in values]
    for place, value in enumerate(values):
        if value.__class__ is float:
            if abs(value) >= 1e15:
                where = column_letters(place + first_column)
                issues += (Issue("import.number_length", parameters={"column": where, "maximum": 15}),)
            elif cells[place][-4:-3] == ".":
                pointed += (place,)
    if number in faults:
        issues += tuple(
            Issue(code, parameters={"column": column_letters(place)}) for place, code in faults[number]
        )
    if number in swallowed and any(map(str.strip, cells)):
        where = ", ".join(map(column_letters, swallowed[number]))
        issues += (Issue("import.merged", parameters={"column": where}),)
    return number, cells, issues, pointed


def _text(value: Any) -> str:
    return _WRITE[type(value)](value)


def _number(value: float) -> str:
    if value.is_integer():
        return str(int(value))
    # Spreadsheet programs count and show 15 digits; the rest is noise of the binary fraction.
    text = format(value, ".15g")
    return format(Decimal(text), "f") if "e" in text else text


def _moment(value: datetime) -> str:
    if value.time() == time(0):
        return value.date().isoformat()
    # A time is stored as a fraction of a day, exact to about a millisecond.
    whole = value + timedelta(microseconds=500)
    whole = whole.replace(microsecond=whole.microsecond // 1000 * 1000)
    return whole.isoformat(sep=" ", timespec="milliseconds" if whole.microsecond else "seconds")


def _clock(value: time) -> str:
    return value.isoformat(timespec="seconds")


def _span(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    minutes, second = divmod(abs(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{'-' if seconds < 0 else ''}{hour}:{minute:02d}:{second:02d}"


_WRITE: Mapping[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    float: _number,
    bool: lambda value: "true" if value else "false",
    date: date.isoformat,
    datetime: _moment,
    time: _clock,
    timedelta: _span,
}


def swallowed_by(
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]],
) -> Mapping[int, list[int]]:
    """The columns of cells that merges have swallowed, by row number.

    Args:
        merged: top, left, bottom and right of each merge, from 0.
    """
    found: dict[int, list[int]] = {}
    for (top, left), (bottom, right) in merged:
        for row in range(top, min(bottom, top + 100_000) + 1):
            places = range(left + (row == top), right + 1)
            if places:
                found.setdefault(row + 1, []).extend(places)
    return found


def part_of(package: zipfile.ZipFile, name: str) -> str:
    """The part of an XLSX workbook in which a sheet stands.

    Raises:
        UsageError: ``import.corrupt``.
    """
    # ECMA-376 part 1, 12.3.23 and 18.2.19: the workbook names a relationship, which names the part.
    import xml.etree.ElementTree as xml

    book = package.read("xl/workbook.xml")
    links = package.read("xl/_rels/workbook.xml.rels")
    if b"<!DOCTYPE" in book or b"<!DOCTYPE" in links:
        # No program writes one, and entities in it could grow without end.
        raise UsageError("import.corrupt")
    relation = None
    for element in xml.fromstring(book).iter():
        if element.tag.endswith("}sheet") and element.get("name") == name:
            relation = next((value for key, value in element.items() if key.endswith("}id")), None)
    for element in xml.fromstring(links).iter():
        if relation is not None and element.get("Id") == relation:
            target = element.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise UsageError("import.corrupt")


_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_PLACE = re.compile(rb"""\br=["']([A-Z]+)([0-9]+)["']""")
_ERROR = re.compile(rb"""\bt=["']e["']""")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_RESULT = re.compile(rb"<(?:\w+:)?(?:v|is)>")
_ROW_START = re.compile(rb"<(?:\w+:)?row[\s>]")


def _faults(package: zipfile.ZipFile, part: str) -> Mapping[int, list[tuple[int, str]]]:
    """Cells whose loss the values do not show, by row number: column from 0, and the code."""
    found: dict[int, list[tuple[int, str]]] = {}
    rest = b""
    with package.open(part) as stream:
        while True:
            piece = stream.read(_CHUNK)
            text = rest + piece
            if piece:
                starts = [match.start() for match in _ROW_START.finditer(text)]
                cut = starts[-1] if starts else 0
                text, rest = text[:cut], text[cut:]
            faults_in(text, found)
            if not piece:
                return found


def faults_in(text: bytes, found: dict[int, list[tuple[int, str]]]) -> None:
    """Add the cells whose loss the values do not show.

    Args:
        text: whole rows of a sheet's XML.
        found: by row number, the column from 0 and the code.
    """
    # Most sheets hold neither errors nor formulas, and are passed over at the speed of memory.
    if b'"e"' not in text and b"'e'" not in text and not _FORMULA.search(text):
        return
    for cell in _CELL.finditer(text):
        attributes, inside = cell[1], cell[2] or b""
        place = _PLACE.search(attributes)
        if place is None:
            continue
        if _ERROR.search(attributes):
            code = "import.error_cell"
        elif _FORMULA.search(inside) and not _RESULT.search(inside):
            code = "import.formula"
        else:
            continue
        column = 0
        for letter in place[1]:
            column = column * 26 + letter - 64
        found.setdefault(int(place[2]), []).append((column - 1, code))


def refuse_errors(package: zipfile.ZipFile) -> None:
    """Refuse an ODS file in which a cell shows an error; which one cannot be told.

    Raises:
        UsageError: ``import.error_cells``.
    """
    tail = b""
    with package.open("content.xml") as stream:
        while piece := stream.read(_CHUNK):
            if b'value-type="error"' in tail + piece:
                raise UsageError("import.error_cells")
            tail = piece[-32:]
