"""How large a workbook is and where its rows stand, found out before it is opened.

The reader of workbooks takes a sheet whole, as the rectangle around its cells: two cells in opposite
corners of a sheet take as much memory as seventeen thousand million do, and a row that says of itself
that it is repeated a million times is a million rows. So a workbook's parts are gone through once as a
stream, in memory that does not grow, and what is too large is refused with what to do instead.

The same pass notes where a long sheet can be cut between two rows, so that the reader is given it piece by
piece (see ``pieces``) and memory does not grow with the rows. What cannot be cut, since it is written as no
spreadsheet program writes it, is read whole and bounded by what fits into memory. (A reader that goes row
by row, openpyxl's, keeps all texts of a workbook, takes ten times as long, and knows no ODS.)
"""

from __future__ import annotations

import zipfile
from array import array
from collections.abc import Callable
from typing import Any, Final
from xml.parsers import expat

import attrs

from muniment.errors import UsageError

__all__ = ["MOST_CELLS", "MOST_WHOLE", "Extent", "Grid", "Piece", "Texts", "prove_workbook"]

MOST_CELLS: Final = 25_000_000
"""Cells of one sheet, counted as the rectangle around all of them: a full sheet of 24 columns."""

MOST_WHOLE: Final = 5_000_000
"""Cells of a sheet that has to be read whole; a million take 100 to 350 megabytes."""

PIECE_CELLS: Final = 100_000
"""Cells of a piece, counted likewise; only a single row may be more."""

_PIECE_BYTES: Final = 1 << 21
_LARGEST: Final = 1 << 30
_LONGEST_ROW: Final = 1 << 25
_MOST_TEXTS: Final = 1 << 28
_CHUNK: Final = 1 << 20
_SPACE: Final = "\x1f"
_ODS: Final = "urn:oasis:names:tc:opendocument:xmlns:"
_REPEATED_ROWS: Final = f"{_ODS}table:1.0{_SPACE}number-rows-repeated"
_REPEATED_CELLS: Final = f"{_ODS}table:1.0{_SPACE}number-columns-repeated"
_VALUE: Final = f"{_ODS}office:1.0{_SPACE}value-type"
_NAME: Final = f"{_ODS}table:1.0{_SPACE}name"
_STYLE: Final = f"{_ODS}table:1.0{_SPACE}style-name"
_DISPLAY: Final = f"{_ODS}table:1.0{_SPACE}display"
_STYLE_NAME: Final = f"{_ODS}style:1.0{_SPACE}name"


@attrs.define
class Piece:
    """Some rows of a sheet.

    Attributes:
        start: the first byte of the first row in the unpacked part.
        end: the first byte behind them.
        first: the number of the first row, from 1.
        last: the number of the last one.
        shared: how many cells name a text of the workbook's own list.
    """

    start: int
    end: int
    first: int
    last: int
    shared: int = 0


@attrs.define
class Grid:
    """One sheet as the pass found it.

    Attributes:
        cells: how many cells the rectangle around all of them has.
        name: of a table in an ODS file.
        hidden: whether a program shows it; of ODS.
        plain: whether the sheet can be cut between rows.
        pieces: the cuts.
        merged: the rectangles of merged cells: top, left, bottom, right, from 0.
        last: the number of the last row that holds something.
    """

    cells: int = 0
    name: str = ""
    hidden: bool = False
    plain: bool = True
    pieces: list[Piece] = attrs.field(factory=list)
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = attrs.field(factory=list)
    last: int = 0
    _width: int = 0

    def take(self, row: Piece, width: int) -> None:
        """Add the next row, or the same one several times, to the last piece or to a new one."""
        before = self.pieces[-1] if self.pieces else None
        if before is not None:
            before.end = row.start
            wider = max(self._width, width)
            if (row.last - before.first + 1) * wider <= PIECE_CELLS and row.end - before.start < _PIECE_BYTES:
                before.last, before.end = row.last, row.end
                before.shared += row.shared
                self._width = wider
                return
        self.pieces.append(row)
        self._width = width
        if width and (row.last - row.first) * width > PIECE_CELLS:
            self.plain = False


@attrs.define
class Texts:
    """The list of texts that cells of a workbook share.

    Attributes:
        starts: the first byte of each text in the unpacked part, and the first one behind the last.
        plain: whether each stands as its own element and nothing else does.
    """

    starts: array[int] = attrs.field(factory=lambda: array("Q"))
    plain: bool = True


@attrs.define
class Extent:
    """A part of a workbook as the pass found it.

    Attributes:
        grids: its sheets; none where it is none.
        texts: its texts, where it is their list.
        head: of ODS, the first byte behind the root's own tag.
    """

    grids: list[Grid] = attrs.field(factory=list)
    texts: Texts | None = None
    head: int = 0


def prove_workbook(package: zipfile.ZipFile, kind: str) -> dict[str, Extent]:
    """Refuse a workbook that is too large, or whose parts are not what they say.

    Args:
        package: the workbook.
        kind: ``xlsx`` or ``ods``.

    Returns:
        What stands in each part that holds sheets or texts.

    Raises:
        UsageError: ``import.workbook_size``, ``import.workbook_cells``, ``import.workbook_row``,
            ``import.workbook_texts`` or ``import.corrupt``.
    """
    members = package.infolist()
    if sum(member.file_size for member in members) > _LARGEST:
        raise UsageError("import.workbook_size", maximum=_LARGEST >> 30)
    if len({member.filename for member in members}) != len(members):
        # Of two parts of one name, one reader would take the one and another the other.
        raise UsageError("import.corrupt")
    found: dict[str, Extent] = {}
    for member in members:
        if member.filename.endswith((".xml", ".rels")):
            extent = _prove_part(package, member, _Ods() if member.filename == "content.xml" else _Xlsx())
            if extent.grids or extent.texts is not None:
                found[member.filename] = extent
    if kind == "ods" and not any(member.filename == "content.xml" for member in members):
        raise UsageError("import.corrupt")
    return found


def _prove_part(package: zipfile.ZipFile, member: zipfile.ZipInfo, extent: _Xlsx | _Ods) -> Extent:
    parser: Any = expat.ParserCreate(namespace_separator=_SPACE)
    parser.buffer_text = True
    parser.StartElementHandler = extent.started
    parser.EndElementHandler = extent.ended
    parser.StartDoctypeDeclHandler = _refuse
    # What stands in a remark or a CDATA section could look like a row.
    parser.CommentHandler = parser.StartCdataSectionHandler = extent.odd
    parser.ProcessingInstructionHandler = extent.odd
    parser.XmlDeclHandler = extent.declared
    extent.at = lambda: int(parser.CurrentByteIndex)
    first = True
    with package.open(member) as stream:
        # Read to its end, for only there a part is known to have the size and sum that it states.
        while piece := stream.read(_CHUNK):
            if first and not piece.startswith((b"<", b"\xef\xbb\xbf<")):
                extent.odd()
            first = False
            if extent.sheet is not False:
                parser.Parse(piece, False)
                if extent.cells > MOST_CELLS:
                    raise UsageError("import.workbook_cells", maximum=MOST_CELLS // 1_000_000)
    if extent.sheet is not False:
        parser.Parse(b"", True)
    if extent.cells > MOST_CELLS:
        raise UsageError("import.workbook_cells", maximum=MOST_CELLS // 1_000_000)
    done = extent.done()
    for grid in done.grids:
        if grid.cells > MOST_WHOLE and not grid.plain:
            raise UsageError("import.workbook_cells", maximum=MOST_WHOLE // 1_000_000)
    return done


def _refuse(*_: object) -> None:
    # No program writes a document type, and entities in it could grow without end.
    raise UsageError("import.corrupt")


def _require_short(row: int, size: int) -> None:
    """Refuse a row longer than anything that a person could have typed."""
    if size > _LONGEST_ROW:
        raise UsageError("import.workbook_row", row=row, maximum=_LONGEST_ROW >> 20)


class _Xlsx:
    """The rectangle around the cells of a part (ECMA-376 part 1, 18.3.1.4 and 18.3.1.73), or its texts.

    Attributes:
        sheet: whether the part is a sheet or the list of texts; None before its first element.
        at: tells the byte at which the element stands that is just told.
    """

    def __init__(self) -> None:
        self.sheet: bool | None = None
        self.at: Callable[[], int] = lambda: 0
        self._row = self._column = self._rows = self._columns = self._count = self._merged = 0
        self._start = self._wide = self._shared = 0
        self._letters: dict[str, int] = {}
        self._kinds: dict[str, str] = {}
        self._grid = Grid()
        self._texts: Texts | None = None
        self._names_text = False
        self._depth = 0

    @property
    def cells(self) -> int:
        """How many cells the rectangle has, or how many the part says it has."""
        return max(self._rows * self._columns, self._count)

    def done(self) -> Extent:
        """What was found."""
        self._grid.cells, self._grid.last = self.cells, self._rows
        return Extent([self._grid] if self.sheet and self._texts is None else [], self._texts)

    def odd(self, *_: object) -> None:
        """Note something that no program writes into a sheet; it cannot be cut."""
        self._grid.plain = False
        if self._texts is not None:
            self._texts.plain = False

    def declared(self, _version: str, encoding: str | None, _alone: int) -> None:
        """Note the encoding of the part."""
        if (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
            self.odd()

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Take one element in."""
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = name.rpartition(_SPACE)[2]
        if self.sheet is None:
            self.sheet = kind in ("worksheet", "sst")
            self._texts = Texts(plain=self._grid.plain) if kind == "sst" else None
        if self._texts is not None:
            self._text_started(kind)
        elif kind == "c":
            self._cell(attributes)
        elif kind in ("v", "is", "f"):
            self._shared += self._names_text and kind == "v"
            # A cell that only has a format, such as a coloured column down to the last row, takes no room.
            self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)
            self._wide = max(self._wide, self._column)
        elif kind == "row":
            number = int(attributes.get("r", 0))
            if number <= self._row:
                self._grid.plain = False
                number = number or self._row + 1
            self._row, self._column, self._wide, self._shared = number, 0, 0, 0
            self._start = self.at()
        elif kind == "mergeCell":
            first, _, last = attributes.get("ref", "").partition(":")
            (top, left), (bottom, right) = self._place(first), self._place(last or first)
            self._merged += (abs(bottom - top) + 1) * (abs(right - left) + 1)
            if self._merged > MOST_WHOLE:
                raise UsageError("import.workbook_cells", maximum=MOST_WHOLE // 1_000_000)
            self._grid.merged.append(((top - 1, left - 1), (bottom - 1, right - 1)))

    def _cell(self, attributes: dict[str, str]) -> None:
        self._count += 1
        self._names_text = attributes.get("t") == "s"
        place = attributes.get("r", "")
        letters = place.rstrip("0123456789")
        if letters:
            self._column = self._letters.get(letters) or self._number(letters)
            row = int(place[len(letters) :] or 0)
            if row != self._row:
                self._grid.plain = False
                self._row = row
        else:
            self._column += 1

    def _text_started(self, kind: str) -> None:
        assert self._texts is not None
        self._depth += 1
        if self._depth == 2:
            if kind == "si":
                self._texts.starts.append(self.at())
            elif kind != "extLst":
                self._texts.plain = False

    def ended(self, name: str) -> None:
        """Take the end of a row, or of the list of texts."""
        kind = self._kinds.get(name)
        if self._texts is not None:
            self._depth -= 1
            if self._depth == 0:
                self._texts.starts.append(self.at())
                if self.at() - self._texts.starts[0] > _MOST_TEXTS:
                    raise UsageError("import.workbook_texts", maximum=_MOST_TEXTS >> 20)
        elif kind == "row":
            end = self.at()
            _require_short(self._row, end - self._start)
            row = Piece(self._start, end, self._row, self._row, self._shared)
            self._grid.take(row, self._wide)
        elif kind == "sheetData" and self._grid.pieces:
            self._grid.pieces[-1].end = self.at()

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
    """The rectangles around the cells of each table (OpenDocument 1.3 part 3, 9.1.3 and 9.1.4).

    Attributes:
        sheet: always so.
        at: tells the byte at which the element stands that is just told.
    """

    sheet: bool | None = True

    def __init__(self) -> None:
        self.at: Callable[[], int] = lambda: 0
        self._rows = self._last = self._columns = self._most = 0
        self._width = self._place = self._times = self._repeated = self._start = 0
        self._inside, self._plain = False, True
        self._elements = self._head = self._depth = 0
        self._grids: list[Grid] = []
        self._styles: set[str] = set()
        self._style = ""
        self._kinds: dict[str, str] = {}

    @property
    def cells(self) -> int:
        """How many cells the largest rectangle so far has."""
        return max(self._most, self._last * self._columns)

    def done(self) -> Extent:
        """What was found."""
        for grid in self._grids:
            grid.plain = grid.plain and self._plain
        return Extent(self._grids, None, self._head)

    def odd(self, *_: object) -> None:
        """Note something that no program writes into a sheet; it cannot be cut."""
        self._plain = False

    def declared(self, _version: str, encoding: str | None, _alone: int) -> None:
        """Note the encoding of the part."""
        if (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
            self.odd()

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Take one element in."""
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = name.rpartition(_SPACE)[2]
        if self._elements < 2:
            self._elements += 1
            self._head = self.at()
        if kind in ("table-cell", "covered-table-cell"):
            self._repeated = max(int(attributes.get(_REPEATED_CELLS, 1)), 1)
            self._inside = True
            self._place += self._repeated
            if _VALUE in attributes:
                self._width = self._place
        elif kind == "p":
            if self._inside:
                # A cell with text in it has a value, whatever it says.
                self._width = self._place
        elif kind == "table-row":
            self._times = max(int(attributes.get(_REPEATED_ROWS, 1)), 1)
            self._place = self._width = 0
            self._start = self.at()
        elif kind == "table":
            self._depth += 1
            if self._depth > 1:
                self._plain = False
            self._most = self.cells
            self._rows = self._last = self._columns = 0
            hidden = attributes.get(_STYLE, "") in self._styles
            self._grids.append(Grid(name=attributes.get(_NAME, ""), hidden=hidden))
        elif kind == "style":
            self._style = attributes.get(_STYLE_NAME, "")
        elif kind == "table-properties" and attributes.get(_DISPLAY) == "false":
            self._styles.add(self._style)

    def ended(self, name: str) -> None:
        """Count a row that is whole."""
        kind = self._kinds.get(name)
        if kind in ("table-cell", "covered-table-cell"):
            self._inside = False
        elif kind == "table-row":
            end = self.at()
            _require_short(self._rows + 1, end - self._start)
            row = Piece(self._start, end, self._rows + 1, self._rows + self._times)
            self._rows += self._times
            if self._width:
                self._last, self._columns = self._rows, max(self._columns, self._width)
            if self._depth == 1:
                self._grids[-1].take(row, self._width)
        elif kind == "table":
            self._depth -= 1
            grid = self._grids[-1]
            grid.cells, grid.last = self._last * self._columns, self._last
            if grid.pieces:
                grid.pieces[-1].end = self.at()
