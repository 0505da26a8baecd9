"""CSV and its relatives (RFC 4180 and what programs really write), in flat memory.

The file is read twice. The first time its bytes are hashed and its encoding is
proved from the first byte to the last, so that no row is given out of a file that
later turns out to be read wrongly. The second time the rows come.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

import attrs

from muniment.errors import Issue, UsageError
from muniment.exports.guards import unprotect
from muniment.imports.tables import RawRow

__all__ = ["DELIMITERS", "LONGEST_ROW", "Survey", "decode_proof", "raw_rows", "sniff", "survey"]

DELIMITERS = ",;\t|"
"""What may stand between cells; the first one also serves a table of one column."""

_CHUNK = 1 << 20
_HEAD = 1 << 16
LONGEST_ROW = 1 << 25
"""So many characters a row may have; no shorter file holds one that does not end."""
_PEEK_LINES = 50


@attrs.define
class Survey:
    """What one pass over the bytes of a file tells.

    Attributes:
        digest: SHA-256 of the file, 32 bytes.
        head: the first 64 KiB.
        size: in bytes.
        lines: how many line feeds there are.
        utf8: whether the whole of it is UTF-8.
        nul: whether a zero byte stands anywhere.
    """

    digest: bytes
    head: bytes
    size: int
    lines: int
    utf8: bool
    nul: bool


def survey(file: BinaryIO) -> Survey:
    """Read a file once from the start, in pieces of 1 MiB."""
    file.seek(0)
    sha = hashlib.sha256()
    decode = codecs.getincrementaldecoder("utf-8")("strict").decode
    head, size, lines, utf8, nul = b"", 0, 0, True, False
    while piece := file.read(_CHUNK):
        head = head or piece[:_HEAD]
        sha.update(piece)
        size += len(piece)
        lines += piece.count(b"\n")
        nul = nul or b"\0" in piece
        if utf8:
            try:
                decode(piece)
            except UnicodeDecodeError:
                utf8 = False
    if utf8:
        try:
            decode(b"", True)
        except UnicodeDecodeError:
            utf8 = False
    return Survey(sha.digest(), head, size, lines, utf8, nul)


def decode_proof(file: BinaryIO, found: Survey, encoding: str | None) -> str:
    """Decide on the encoding, and prove it on every byte.

    A byte order mark decides; next UTF-8, which other texts practically never
    happen to be; next GB 18030, which other texts often happen to be, so at least
    half of the characters beyond ASCII must be ones that Chinese text is made of.

    Args:
        file: the open file.
        found: what the first pass told.
        encoding: what the caller says it is; nothing is guessed then.

    Returns:
        A name for ``codecs.lookup``.

    Raises:
        UsageError: ``import.encoding`` where it must be asked for, ``import.encoding_unknown``,
            ``import.encoding_wrong``.
    """
    if encoding is not None:
        return _proved(file, _known(encoding), encoding)
    if found.head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return _proved(file, "utf-32", "UTF-32")
    if found.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _proved(file, "utf-16", "UTF-16")
    if found.utf8:
        return "utf-8-sig" if found.head.startswith(codecs.BOM_UTF8) else "utf-8"
    common, others = 0, 0

    def count(text: str) -> None:
        nonlocal common, others
        if others + common < 50_000:
            few, many = _chinese(text)
            common, others = common + few, others + many

    try:
        _decode_all(file, "gb18030", count)
    except (UnicodeDecodeError, _Undecodable):
        raise UsageError("import.encoding") from None
    if common < others:
        raise UsageError("import.encoding")
    return "gb18030"


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        # Refuses codecs that are none of text, such as zip.
        io.TextIOWrapper(io.BytesIO(), encoding=name)
    except (LookupError, ValueError):
        raise UsageError("import.encoding_unknown") from None
    # A mark that stands there is none of the header's characters.
    return "utf-8-sig" if name == "utf-8" else name


class _Undecodable(Exception):
    """The bytes are of another encoding; says in which line."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


def _decode_all(file: BinaryIO, encoding: str, see: Callable[[str], None]) -> None:
    file.seek(0)
    decode = codecs.getincrementaldecoder(encoding)("strict").decode
    line = 1
    piece = b"start"
    while piece:
        piece = file.read(_CHUNK)
        try:
            text = decode(piece, not piece)
        except UnicodeDecodeError as error:
            raise _Undecodable(line + error.object[: error.start].count(b"\n")) from None
        line += text.count("\n")
        see(text)


def _proved(file: BinaryIO, encoding: str, name: str) -> str:
    try:
        _decode_all(file, encoding, lambda text: None)
    except _Undecodable as error:
        raise UsageError("import.encoding_wrong", encoding=name, line=error.line) from None
    except UnicodeError:
        raise UsageError("import.encoding_wrong", encoding=name, line=1) from None
    return encoding


def _chinese(text: str) -> tuple[int, int]:
    # The first level of GB 2312 holds the 3,755 commonest characters; A1 to A3 its punctuation and letters.
    common = others = 0
    for character in text:
        if character >= "\x80":
            code = character.encode("gb18030")
            lead = code[0]
            if len(code) == 2 and code[1] >= 0xA1 and (0xB0 <= lead <= 0xD7 or 0xA1 <= lead <= 0xA3):
                common += 1
            else:
                others += 1
            if common + others >= 50_000:
                break
    return common, others


def sniff(lines: Sequence[str], *, whole: bool) -> str:
    """Tell what separates the cells, from the first lines of a file.

    The header decides, for its cells are names and hold no separators; where it could
    be cut in several ways, the rows that have as many cells as the header do.

    Args:
        lines: the first lines, with their ends.
        whole: whether they are the whole file; the last row may be cut off otherwise.
    """
    best, chosen = (0.0, 0), DELIMITERS[0]
    for delimiter in DELIMITERS:
        if not any(delimiter in line for line in lines):
            continue
        rows: list[int] = []
        try:
            for cells in csv.reader(lines, delimiter=delimiter, strict=True):
                if any(cells):
                    rows.append(len(cells))
        except csv.Error:
            # One bad row is for later; what came before it tells enough.
            pass
        else:
            if not whole and len(rows) > 2:
                rows.pop()
        if not rows or rows[0] < 2:
            continue
        alike = sum(count == rows[0] for count in rows) / len(rows)
        if (alike, rows[0]) > best:
            best, chosen = (alike, rows[0]), delimiter
    return chosen


def raw_rows(
    text: io.TextIOWrapper, found: Survey, *, delimiter: str | None = None
) -> tuple[Iterator[RawRow], str]:
    """Read the rows of a file whose encoding is proved.

    Args:
        text: the file, opened in the encoding that ``decode_proof`` gave, with its line ends as they are.
        found: what the first pass told.
        delimiter: what separates the cells; None finds out.

    Returns:
        The rows, and the delimiter.
    """
    if csv.field_size_limit() < LONGEST_ROW:
        # A setting of the whole process; only ever raised. Longer cells are refused row by row above.
        csv.field_size_limit(LONGEST_ROW)
    start = list(islice(iter(lambda: text.readline(_HEAD), ""), _PEEK_LINES))
    skip = 0
    if start and start[0].lower().startswith("sep=") and len(start[0].rstrip("\r\n")) == 5:
        # The line with which a file tells a spreadsheet program its separator.
        skip, delimiter = 1, delimiter or start[0][4]
    if delimiter is None:
        delimiter = sniff(start, whole=len(start) < _PEEK_LINES)
    text.seek(0)
    stamp = _stamp(text)
    nul = found.nul or text.encoding not in ("utf-8", "utf-8-sig", "gb18030")
    return _records(text, delimiter, skip, nul, lambda: _stamp(text) == stamp), delimiter


def _stamp(file: io.TextIOWrapper) -> tuple[int, int]:
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


class _Lines:
    """Hands line after line to the CSV parser, and keeps those of the row under way."""

    __slots__ = ("ended", "kept", "number", "read")

    def __init__(self, read: Callable[[int], str]) -> None:
        self.read = read
        self.kept: list[str] = []
        self.number = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        read, kept = self.read, self.kept
        size = 0
        while line := read(LONGEST_ROW):
            size = size + len(line) if kept else len(line)
            if size >= LONGEST_ROW:
                raise UsageError("import.row_length", row=self.number, maximum=LONGEST_ROW)
            kept.append(line)
            yield line
        self.ended = True


def _records(
    text: io.TextIOWrapper, delimiter: str, skip: int, nul: bool, unchanged: Callable[[], bool]
) -> Iterator[RawRow]:
    lines = _Lines(text.readline)
    kept = lines.kept
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    except (TypeError, ValueError):
        raise UsageError("import.delimiter") from None
    number = 0
    try:
        while True:
            kept.clear()
            number += 1
            lines.number = number
            issues: tuple[Issue, ...] = ()
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error:
                # Read again without strictness, only so that the person gets the cells back.
                cells = next(csv.reader(kept, delimiter=delimiter), [])
                issues = (Issue("import.quote_open" if lines.ended else "import.quote"),)
            if number <= skip:
                continue
            if any("'" in line for line in kept) if len(kept) > 1 else "'" in kept[0]:
                cells = list(map(unprotect, cells))
            if nul and any("\0" in line for line in kept):
                issues += (Issue("import.nul", parameters={"row": number}),)
            yield number, cells, issues, ()
    except UnicodeError:
        # The first pass proved every byte, so these are other ones.
        raise UsageError("import.changed") from None
    if not unchanged():
        raise UsageError("import.changed")
