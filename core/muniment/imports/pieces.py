"""A long sheet of a workbook, read piece by piece, so that memory does not grow with its rows.

The reader of workbooks takes files whole. So each piece of a long sheet, some thousand rows, is
made a small workbook of its own in memory: the beginning of the sheet, its rows, its end; beside them the
styles, by which numbers are days, and of the texts that cells share those that these rows name. What a cell
means is thereby read by the same reader as in any other sheet. Where the cuts are, ``bounds`` has
noted; all pieces are read once before the first row is given out, so that no fault comes half way.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol

import attrs

from muniment.errors import UsageError
from muniment.imports.bounds import Extent, Grid, Piece, Texts
from muniment.imports.sheets import Sheet, choose, faults_in, part_of, raw_row, refuse_errors, swallowed_by
from muniment.imports.tables import RawRow

__all__ = ["SMALL", "is_long", "open_pieces", "sheets_of"]

SMALL: Final = 400_000
"""Cells of a sheet that is read whole: about 60 megabytes."""

_SMALL_TEXTS: Final = 1 << 24
_CHUNK: Final = 1 << 20
_BLOCK: Final = 2_000
_TEXTS: Final = "xl/sharedStrings.xml"
_ODS_START: Final = b'<office:body><office:spreadsheet><table:table table:name="A">'
_ODS_END: Final = b"</table:table></office:spreadsheet></office:body></office:document-content>"
# Around rows that are grouped, or repeated on each printed page; a cut may part the two tags of a pair.
_GROUPS: Final = re.compile(rb"</?table:table-(?:header-rows|row-group|rows)(?:\s[^<>]*)?>")
_ROOT: Final = re.compile(
    rb"<office:document-content\s[^<]*\burn:oasis:names:tc:opendocument:xmlns:table:1\.0"
)
_NAMED: Final = re.compile(
    rb"""(<(?:\w+:)?c\s[^<>]*?\bt=["']s["'][^<>]*>\s*<(?:\w+:)?v(?:\s[^<>]*)?>\s*)(\d+)(?=\s*<)"""
)
_PREFIX: Final = re.compile(rb"\s*<(\w+:)?")
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINKS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"


def is_long(found: Mapping[str, Extent]) -> bool:
    """Whether a workbook is read piece by piece: a sheet or the texts are large, and all can be cut.

    Args:
        found: what stands in its parts.
    """
    grids = [grid for extent in found.values() for grid in extent.grids]
    texts = [extent.texts for extent in found.values() if extent.texts is not None]
    large = any(grid.cells > SMALL for grid in grids) or any(_size(one) > _SMALL_TEXTS for one in texts)
    return large and all(one.plain for one in grids) and all(one.plain for one in texts)


def _size(texts: Texts) -> int:
    return texts.starts[-1] - texts.starts[0] if texts.starts else 0


def open_pieces(path: Path, name: str | None, kind: str, found: Mapping[str, Extent]) -> Sheet:
    """Read one sheet of a workbook piece by piece.

    Args:
        path: the file.
        name: which sheet; None takes the first visible one that holds something.
        kind: ``xlsx`` or ``ods``.
        found: what stands in its parts.

    Raises:
        UsageError: ``import.sheet``, ``import.empty``, ``import.corrupt`` or ``import.error_cells``.
    """
    file = path.open("rb")
    try:
        stamp = _stamp(file)
        with zipfile.ZipFile(file) as package:
            cut: _Cut = (_OdsCut if kind == "ods" else _XlsxCut)(package, name, found)
        reader = _Reader(file, cut)
        reader.prove()
    except UsageError:
        file.close()
        raise
    except BaseException as error:
        file.close()
        # The parser is written in Rust, and its panics are no Exceptions.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise UsageError("import.corrupt") from None
        raise

    def rows() -> Iterator[RawRow]:
        yield from reader.rows()
        if _stamp(file) != stamp:
            raise UsageError("import.changed", where=os.fspath(path))

    return Sheet(cut.name, rows(), cut.grid.last, reader.left, cut.others, file.close)


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


class _Cut(Protocol):
    """How one kind of workbook is cut."""

    name: str
    others: int
    part: str
    grid: Grid

    def book(self, piece: Piece, text: bytes) -> bytes:
        """A workbook of one sheet that holds these rows.

        Args:
            piece: which rows.
            text: their XML.
        """

    def faults(self, text: bytes) -> Mapping[int, list[tuple[int, str]]]:
        """The cells of these rows whose loss the values do not show."""


@attrs.define
class _Reader:
    """Gives the rows of a sheet out of its pieces.

    Attributes:
        left: how many columns stand empty on the left of every row.
    """

    _file: IO[bytes]
    _cut: _Cut
    left: int = 0
    _right: int = 0

    def prove(self) -> None:
        """Read every piece once, and find out from which column to which the rows reach."""
        left, right = None, 0
        for _, _, sheet in self._sheets():
            if sheet.start is not None:
                left = sheet.start[1] if left is None else min(left, sheet.start[1])
                right = max(right, sheet.end[1] + 1)
        if left is None:
            raise UsageError("import.empty")
        self.left, self._right = left, right

    def rows(self) -> Iterator[RawRow]:
        """The rows that are not blank."""
        swallowed = swallowed_by(self._cut.grid.merged)
        for piece, text, sheet in self._sheets():
            faults = self._cut.faults(text)
            del text
            values = {} if sheet.start is None else self._values(piece, sheet)
            for number in sorted(values.keys() | faults.keys()) if faults else values:
                row = values.get(number) or [""] * (self._right - self.left)
                yield raw_row(number, row, self.left, faults, swallowed)

    def _values(self, piece: Piece, sheet: Any) -> dict[int, list[Any]]:
        top, begin = sheet.start
        # A row of XLSX says its number; one of ODS is counted, here from the piece's first one.
        number = top + (piece.first if self._cut.part == "content.xml" else 1)
        before, behind = [""] * (begin - self.left), [""] * (self._right - sheet.end[1] - 1)
        rows = sheet.to_python(skip_empty_area=True)
        return {place: before + row + behind for place, row in enumerate(rows, number)}

    def _sheets(self) -> Iterator[tuple[Piece, bytes, Any]]:
        from python_calamine import CalamineWorkbook

        with zipfile.ZipFile(self._file) as package, package.open(self._cut.part) as stream:
            place = 0
            for piece in self._cut.grid.pieces:
                while place < piece.start:
                    place += len(_exactly(stream, min(piece.start - place, _CHUNK)))
                text = _exactly(stream, piece.end - piece.start)
                place = piece.end
                book = CalamineWorkbook.from_filelike(io.BytesIO(self._cut.book(piece, text)))
                yield piece, text, book.get_sheet_by_index(0)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    text = stream.read(size)
    if len(text) != size:
        raise UsageError("import.changed")
    return text


def _packed(parts: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return made.getvalue()


class _List:
    """The texts that cells share, packed: the numbers of a thousand texts take a few kilobytes.

    Args:
        package: the workbook.
        starts: the first byte of each text, and the first one behind the last.
    """

    def __init__(self, package: zipfile.ZipFile, starts: array[int]) -> None:
        self._starts = starts
        self._blocks: list[bytes] = []
        with package.open(_TEXTS) as stream:
            self._head = _exactly(stream, starts[0])
            for first in range(0, len(starts) - 1, _BLOCK):
                end = starts[min(first + _BLOCK, len(starts) - 1)]
                self._blocks.append(zlib.compress(_exactly(stream, end - starts[first]), 1))
        found = _PREFIX.match(zlib.decompress(self._blocks[0])) if self._blocks else None
        self._end = b"</%ssst>" % ((found and found[1]) or b"")

    def holds(self, last: int) -> bool:
        """Whether there is a text of this number."""
        return last < len(self._starts) - 1

    def part(self, numbers: Sequence[int]) -> bytes:
        """A list of these texts alone.

        Args:
            numbers: in ascending order, so that each block is unpacked once.
        """
        items, current, block = [self._head], -1, b""
        for number in numbers:
            if number // _BLOCK != current:
                current = number // _BLOCK
                block = zlib.decompress(self._blocks[current])
            base = self._starts[current * _BLOCK]
            items.append(block[self._starts[number] - base : self._starts[number + 1] - base])
        items.append(self._end)
        return b"".join(items)


class _XlsxCut:
    """An XLSX workbook (ECMA-376 part 1, 18.2 to 18.4)."""

    def __init__(self, package: zipfile.ZipFile, name: str | None, found: Mapping[str, Extent]) -> None:
        names = set(package.namelist())
        known = sheets_of(package)
        grids = {one: found[part].grids[0] for one in known if (part := part_of(package, one)) in found}
        self.name, self.others = choose(
            list(known.items()), name, lambda one: one in grids and grids[one].last > 0
        )
        if self.name not in grids:
            raise UsageError("import.empty")
        self.part, self.grid = part_of(package, self.name), grids[self.name]
        texts = found[_TEXTS].texts if _TEXTS in found else None
        self._texts = _List(package, texts.starts) if texts is not None and len(texts.starts) > 1 else None
        first = self.grid.pieces[0].start if self.grid.pieces else 0
        with package.open(self.part) as stream:
            self._start = _exactly(stream, first)
        self._parts = {
            "_rels/.rels": _links(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": _workbook(package),
            "xl/_rels/workbook.xml.rels": _links(
                ("worksheet", "worksheets/sheet1.xml"),
                ("styles", "styles.xml"),
                ("sharedStrings", "sharedStrings.xml"),
            ),
        }
        if "xl/styles.xml" in names:
            self._parts["xl/styles.xml"] = package.read("xl/styles.xml")

    def book(self, piece: Piece, text: bytes) -> bytes:
        """A workbook of one sheet that holds these rows."""
        named = [int(found[2]) for found in _NAMED.finditer(text)] if piece.shared else []
        if len(named) != piece.shared:
            raise UsageError("import.corrupt")
        used = sorted(set(named))
        if used and (self._texts is None or not self._texts.holds(used[-1])):
            raise UsageError("import.corrupt")
        places = {number: place for place, number in enumerate(used)}
        if used:
            text = _NAMED.sub(lambda found: b"%s%d" % (found[1], places[int(found[2])]), text)
        found = _PREFIX.match(text)
        prefix = (found and found[1]) or b""
        end = b"</%ssheetData></%sworksheet>" % (prefix, prefix)
        parts = {**self._parts, "xl/worksheets/sheet1.xml": b"".join((self._start, text, end))}
        if used and self._texts is not None:
            parts[_TEXTS] = self._texts.part(used)
        return _packed(parts)

    def faults(self, text: bytes) -> Mapping[int, list[tuple[int, str]]]:
        """The cells of these rows whose loss the values do not show."""
        found: dict[int, list[tuple[int, str]]] = {}
        faults_in(text, found)
        return found


def sheets_of(package: zipfile.ZipFile) -> dict[str, bool]:
    """The name of each sheet, and whether a program shows it."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    kept = ("_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels")
    book = CalamineWorkbook.from_filelike(io.BytesIO(_packed({name: package.read(name) for name in kept})))
    return {
        meta.name: meta.visible == SheetVisibleEnum.Visible
        for meta in book.sheets_metadata
        if meta.typ == SheetTypeEnum.WorkSheet
    }


def _workbook(package: zipfile.ZipFile) -> bytes:
    import xml.etree.ElementTree as xml

    # That its parts declare no entities was proved when their extent was.
    settings = xml.fromstring(package.read("xl/workbook.xml")).find(f"{{{_MAIN}}}workbookPr")
    early = settings is not None and settings.get("date1904") in ("1", "true")
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><workbookPr date1904="{int(early)}"/>'
        '<sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ).encode()


def _links(*targets: tuple[str, str]) -> bytes:
    links = "".join(
        f'<Relationship Id="rId{place}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_LINKS}">{links}</Relationships>'.encode()


class _OdsCut:
    """An ODS workbook (OpenDocument 1.3 part 3, 3.1.3 and 9)."""

    part = "content.xml"

    def __init__(self, package: zipfile.ZipFile, name: str | None, found: Mapping[str, Extent]) -> None:
        extent = found[self.part]
        known = [(grid.name, not grid.hidden) for grid in extent.grids]
        grids = {grid.name: grid for grid in extent.grids}
        self.name, self.others = choose(known, name, lambda one: grids[one].last > 0)
        self.grid = grids[self.name]
        with package.open(self.part) as stream:
            self._root = _exactly(stream, extent.head)
        if not _ROOT.search(self._root):
            raise UsageError("import.corrupt")
        refuse_errors(package)

    def book(self, piece: Piece, text: bytes) -> bytes:
        """A workbook of one sheet that holds these rows."""
        rows = _GROUPS.sub(b"", text)
        return _packed(
            {
                "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
                "META-INF/manifest.xml": b"<manifest/>",
                "content.xml": b"".join((self._root, _ODS_START, rows, _ODS_END)),
            }
        )

    def faults(self, text: bytes) -> Mapping[int, list[tuple[int, str]]]:
        """None: a file in which a cell shows an error is refused as a whole."""
        return {}
