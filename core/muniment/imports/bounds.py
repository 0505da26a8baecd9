"""How large a workbook is, found out before it is opened.

The reader of workbooks takes a sheet whole, as the rectangle around its cells: two cells in opposite
corners of a sheet take as much memory as seventeen thousand million do, and a row that says of itself
that it is repeated a million times is a million rows. So a workbook's parts are gone through once as a
stream, in memory that does not grow, and what is too large is refused with what to do instead.

A million cells take 100 to 350 megabytes, by how much text stands in them; so the limit keeps below two
gigabytes. (A reader that goes row by row, openpyxl's, keeps all texts too and takes ten times as long.) A CSV
file is read row by row and may be of any length.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from typing import Any, Final
from xml.parsers import expat

from muniment.errors import UsageError

__all__ = ["MOST_CELLS", "prove_workbook"]

MOST_CELLS: Final = 5_000_000
"""Cells of one sheet, counted as the rectangle around all of them."""

_LARGEST: Final = 1 << 30
_CHUNK: Final = 1 << 20
_SPACE: Final = "\x1f"
_ODS: Final = "urn:oasis:names:tc:opendocument:xmlns:"
_REPEATED_ROWS: Final = f"{_ODS}table:1.0{_SPACE}number-rows-repeated"
_REPEATED_CELLS: Final = f"{_ODS}table:1.0{_SPACE}number-columns-repeated"
_VALUE: Final = f"{_ODS}office:1.0{_SPACE}value-type"

_Started = Callable[[str, dict[str, str]], None]


def prove_workbook(package: zipfile.ZipFile, kind: str) -> None:
    """Refuse a workbook that would not fit into memory, or whose parts are not what they say.

    Args:
        package: the workbook.
        kind: ``xlsx`` or ``ods``.

    Raises:
        UsageError: ``import.workbook_size``, ``import.workbook_cells`` or ``import.corrupt``.
    """
    members = package.infolist()
    if sum(member.file_size for member in members) > _LARGEST:
        raise UsageError("import.workbook_size", maximum=_LARGEST >> 30)
    if len({member.filename for member in members}) != len(members):
        # Of two parts of one name, one reader would take the one and another the other.
        raise UsageError("import.corrupt")
    for member in members:
        if member.filename.endswith((".xml", ".rels")):
            _prove_part(package, member, _Ods() if member.filename == "content.xml" else _Xlsx())
    if kind == "ods" and not any(member.filename == "content.xml" for member in members):
        raise UsageError("import.corrupt")


def _prove_part(package: zipfile.ZipFile, member: zipfile.ZipInfo, extent: _Xlsx | _Ods) -> None:
    parser: Any = expat.ParserCreate(namespace_separator=_SPACE)
    parser.buffer_text = True
    parser.StartElementHandler = extent.started
    parser.EndElementHandler = extent.ended
    parser.StartDoctypeDeclHandler = _refuse
    with package.open(member) as stream:
        # Read to its end, for only there a part is known to have the size and sum that it states.
        while piece := stream.read(_CHUNK):
            if extent.sheet is not False:
                parser.Parse(piece, False)
                if extent.sheet and extent.cells > MOST_CELLS:
                    raise UsageError("import.workbook_cells", maximum=MOST_CELLS // 1_000_000)
    if extent.sheet is not False:
        parser.Parse(b"", True)
    if extent.cells > MOST_CELLS:
        raise UsageError("import.workbook_cells", maximum=MOST_CELLS // 1_000_000)


def _refuse(*_: object) -> None:
    # No program writes a document type, and entities in it could grow without end.
    raise UsageError("import.corrupt")


class _Xlsx:
    """The rectangle around the cells of a part (ECMA-376 part 1, 18.3.1.4 and 18.3.1.73).

    Attributes:
        sheet: whether the part is a sheet; None before its first element.
    """

    def __init__(self) -> None:
        self.sheet: bool | None = None
        self._row = self._column = self._rows = self._columns = self._count = self._merged = 0
        self._letters: dict[str, int] = {}
        self._kinds: dict[str, str] = {}

    @property
    def cells(self) -> int:
        """How many cells the rectangle has, or how many the part says it has."""
        return max(self._rows * self._columns, self._count, self._merged)

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Take one element in."""
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = name.rpartition(_SPACE)[2]
        if self.sheet is None:
            self.sheet = kind == "worksheet"
        if kind == "c":
            self._count += 1
            place = attributes.get("r", "")
            letters = place.rstrip("0123456789")
            if letters:
                self._column = self._letters.get(letters) or self._number(letters)
                self._row = int(place[len(letters) :] or 0)
            else:
                self._column += 1
        elif kind in ("v", "is", "f"):
            # A cell that only has a format, such as a coloured column down to the last row, takes no room.
            self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)
        elif kind == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif kind == "mergeCell":
            first, _, last = attributes.get("ref", "").partition(":")
            (top, left), (bottom, right) = self._place(first), self._place(last or first)
            self._merged += (abs(bottom - top) + 1) * (abs(right - left) + 1)

    def ended(self, name: str) -> None:
        """Nothing hangs on an end."""

    def _place(self, place: str) -> tuple[int, int]:
        letters = place.rstrip("0123456789")
        return int(place[len(letters) :] or 0), self._number(letters)

    def _number(self, letters: str) -> int:
        column = 0
        for letter in letters[:8].upper():
            column = column * 26 + max(ord(letter) - 64, 0)
        self._letters[letters] = column
        return column


class _Ods:
    """The rectangle around the cells of the largest table (OpenDocument 1.3 part 3, 9.1.3 and 9.1.4).

    Attributes:
        sheet: always so.
    """

    sheet: bool | None = True

    def __init__(self) -> None:
        self._rows = self._last = self._columns = self._most = 0
        self._width = self._place = self._times = self._repeated = 0
        self._inside = False

    @property
    def cells(self) -> int:
        """How many cells the largest rectangle so far has."""
        return max(self._most, self._last * self._columns)

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Take one element in."""
        kind = name.rpartition(_SPACE)[2]
        if kind == "table":
            self._most = self.cells
            self._rows = self._last = self._columns = 0
        elif kind == "table-row":
            self._times = max(int(attributes.get(_REPEATED_ROWS, 1)), 1)
            self._place = self._width = 0
        elif kind in ("table-cell", "covered-table-cell"):
            self._repeated = max(int(attributes.get(_REPEATED_CELLS, 1)), 1)
            self._inside = True
            self._place += self._repeated
            if _VALUE in attributes:
                self._width = self._place
        elif self._inside and kind == "p":
            # A cell with text in it has a value, whatever it says.
            self._width = self._place

    def ended(self, name: str) -> None:
        """Count a row that is whole."""
        kind = name.rpartition(_SPACE)[2]
        if kind == "table-row":
            self._rows += self._times
            if self._width:
                self._last, self._columns = self._rows, max(self._columns, self._width)
        elif kind in ("table-cell", "covered-table-cell"):
            self._inside = False
