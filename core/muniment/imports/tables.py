"""What every spreadsheet becomes before anything else looks at it: a header and rows of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain, islice
from types import TracebackType
from typing import NamedTuple

import attrs

from muniment.errors import Issue, UsageError

__all__ = ["PEEK", "RawRow", "Row", "Table", "assemble", "column_letters", "shown"]

PEEK = 20
"""How many rows are looked at beside the header before the first one is given out."""

RawRow = tuple[int, list[str], tuple[Issue, ...], tuple[int, ...]]
"""A row as it comes out of a file: number, cells, what is wrong already, places as ``Row.pointed``."""


class Row(NamedTuple):
    """One row of a table; a named tuple, since there are many.

    Attributes:
        number: the row's number as a spreadsheet program shows it; the first row is 1, blank ones count.
        cells: the text of each cell, one for each column of the header unless the row is refused.
        issues: what is wrong with the row as a row; one that has any is to be rejected.
        pointed: the places of cells that a workbook holds as numbers and whose text, such as
            1.234, could be taken for thousands elsewhere; the point is the decimal mark.
    """

    number: int
    cells: tuple[str, ...]
    issues: tuple[Issue, ...] = ()
    pointed: tuple[int, ...] = ()


@attrs.define
class Table:
    """A spreadsheet file that is being read; a context manager that closes the file.

    Attributes:
        header: the header's cells as they were read; an empty one stands for a column without data.
        rows: the rows below it, to be gone through once; blank ones are left out.
        format: ``csv``, ``xlsx`` or ``ods``.
        encoding: the encoding of the text; ``utf-8`` for workbooks.
        digest: SHA-256 of the file's bytes, 32 bytes.
        count_hint: about how many rows there are, for a progress bar.
        first_column: how many columns stand empty to the left of the header.
        sheet: the name of the sheet; empty for CSV.
        delimiter: what separates the cells of CSV; empty for workbooks.
        notes: what a person should know before trusting the rows, such as a guessed encoding.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    format: str
    encoding: str
    digest: bytes
    count_hint: int
    first_column: int = 0
    sheet: str = ""
    delimiter: str = ""
    notes: tuple[Issue, ...] = ()
    _close: Callable[[], None] | None = None

    def close(self) -> None:
        """Close the file; no further row comes."""
        if self._close is not None:
            self._close()
            self._close = None

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def column_letters(place: int) -> str:
    """The name of a column as spreadsheet programs show it.

    Args:
        place: 0 for the first column, which is ``A``.
    """
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


_DIGITS = re.compile(r"[0-9]")


def shown(name: str, place: int) -> str:
    """How a message names a column: by letter, and by header where that looks like one.

    A file without a header has a person's data in its first row, and no message may show it.

    Args:
        name: the header's cell.
        place: 0 for the first column of the file.
    """
    letters = column_letters(place)
    name = " ".join(name.split())
    plain = 0 < len(name) <= 60 and name.isprintable() and "@" not in name
    return f"{letters} “{name}”" if plain and len(_DIGITS.findall(name)) < 5 else letters


def assemble(
    raw: Iterator[RawRow], *, header_row: int | None, first_column: int, max_cell: int
) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Find the header among raw rows, check it, and give the rows below it.

    Args:
        raw: the rows of the file from its first one.
        header_row: the number of the header's row; None takes the first row that is not blank.
        first_column: how many columns the file has to the left of the first cell.
        max_cell: the longest cell that is taken, in characters.

    Raises:
        UsageError: where there is no header, or it cannot be told which column is which.
    """
    header = _header(raw, header_row)
    _unique(header, first_column)
    unnamed = frozenset(place for place, name in enumerate(header) if not name.strip())
    width = len(header)
    while width and not header[width - 1].strip():
        width -= 1
    ahead = list(islice(raw, PEEK))
    for _, cells, _, _ in ahead:
        bare = next((place for place in unnamed if place < len(cells) and cells[place].strip()), None)
        if bare is not None:
            raise UsageError("import.empty_header", column=column_letters(bare + first_column))
    inner = tuple(place for place in sorted(unnamed) if place < width)
    rows = _rows(chain(ahead, raw), width, inner, first_column, max_cell)
    return tuple(header[:width]), rows


def _header(raw: Iterator[RawRow], header_row: int | None) -> list[str]:
    for number, cells, issues, _ in raw:
        if header_row is not None and number < header_row:
            continue
        if any(map(str.strip, cells)) and header_row in (None, number):
            if issues:
                raise UsageError(issues[0].code, **{"row": number, **issues[0].parameters})
            if any("\0" in cell for cell in cells):
                raise UsageError("import.nul", row=number)
            if max(map(len, cells)) > 1_000:
                raise UsageError("import.header_length", row=number, maximum=1_000)
            return cells
        if header_row is not None:
            break
    if header_row is not None:
        raise UsageError("import.header_row", row=header_row)
    raise UsageError("import.empty")


def _unique(header: list[str], first_column: int) -> None:
    seen: dict[str, int] = {}
    for place, name in enumerate(header):
        folded = " ".join(name.split()).casefold()
        if folded and folded in seen:
            raise UsageError(
                "import.duplicate_header",
                columns=", ".join(shown(header[at], at + first_column) for at in (seen[folded], place)),
            )
        seen[folded] = place


def _rows(
    raw: Iterator[RawRow], width: int, inner: tuple[int, ...], first_column: int, max_cell: int
) -> Iterator[Row]:
    for number, cells, issues, pointed in raw:
        for cell in cells:
            if cell and not cell.isspace():
                break
        else:
            if not issues:
                continue
        if not issues:
            if len(cells) != width:
                # Cells beyond the header that hold nothing are no data.
                while len(cells) > width and not cells[-1].strip():
                    cells.pop()
                if len(cells) != width:
                    issues = (Issue("import.ragged", parameters={"found": len(cells), "expected": width}),)
            if inner and not issues:
                issues = _bare(cells, inner, first_column)
            if len("".join(cells)) > max_cell:
                issues += _too_long(cells, first_column, max_cell)
        yield Row(number, tuple(cells), issues, pointed)


def _bare(cells: list[str], inner: tuple[int, ...], first_column: int) -> tuple[Issue, ...]:
    for place in inner:
        if cells[place].strip():
            where = column_letters(place + first_column)
            return (Issue("import.empty_header", parameters={"column": where}),)
    return ()


def _too_long(cells: list[str], first_column: int, max_cell: int) -> tuple[Issue, ...]:
    for place, cell in enumerate(cells):
        if len(cell) > max_cell:
            where = column_letters(place + first_column)
            return (Issue("import.cell_length", parameters={"column": where, "maximum": max_cell}),)
    return ()
