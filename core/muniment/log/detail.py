"""The details of a batch's entries, packed for the store.

The plain bytes are, for each detail in order of its place::

    place in the batch u32 | r 32 | length u32 | detail
    | line count u16 | { salt 32 | length u32 | line } ...

and are stored in the zlib format (RFC 1950), level 1. Its first byte, 0x?8, is
the version mark of the packing. Commitments are over the plain bytes, so how
they were compressed is no evidence of anything. Integers are big-endian.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import attrs

from muniment.errors import IntegrityError, LogError

__all__ = [
    "MAX_DETAILS",
    "Opening",
    "pack_details",
    "pack_rows",
    "scan_details",
    "scan_rows",
    "unpack_details",
]

MAX_DETAILS: Final = 64 * 1024 * 1024
"""The most plain bytes of details that are packed into one string, or unpacked from one."""

_HEAD: Final = struct.Struct(">I32sI")
_LENGTH: Final = struct.Struct(">I")
_COUNT: Final = struct.Struct(">H")
_LINE: Final = struct.Struct(">32sI")
_SMALL: Final = 1024
_STORED: Final = struct.Struct("<BBBHH")
_COMMITTED: Final = b"muniment/detail/v1\n"
_RECORDS: Final = b'"records":["'


_sha256 = hashlib.sha256


@attrs.frozen
class Opening:
    """What opens one entry's commitment.

    Attributes:
        place: the entry's place in its batch, from 0.
        r: the 32 random bytes of the commitment.
        detail: JCS.
        lines: for each hash in the detail's ``records``, in that order, the salt
            of 32 bytes and the line (JCS).
    """

    place: int
    r: bytes
    detail: bytes
    lines: tuple[tuple[bytes, bytes], ...] = ()


def _deflate(plain: bytes) -> bytes:
    if len(plain) > _SMALL:
        return zlib.compress(plain, 1)
    # One access: half of it is random, and building codes for the rest takes
    # longer than all else that is written for it, to save a fifth. So it is a
    # single stored block (RFC 1951, 3.2.4) in the zlib format.
    size = len(plain)
    return (
        _STORED.pack(0x78, 0x01, 0x01, size, size ^ 0xFFFF) + plain + zlib.adler32(plain).to_bytes(4, "big")
    )


def pack_details(openings: Iterable[Opening]) -> bytes:
    """Details as one byte string, compressed.

    Args:
        openings: in order of their place, each place once.

    Returns:
        zlib; that of nothing where there are none.

    Raises:
        LogError: ``log.details_order`` where places do not rise,
            ``log.entry_parts`` where a salt or an r is not 32 bytes,
            ``log.details_size`` above 64 MiB or 65,535 lines in one detail.
    """
    return pack_rows([(one.place, one.r, one.detail, one.lines) for one in openings])


def pack_rows(rows: Iterable[tuple[int, bytes, bytes, Sequence[tuple[bytes, bytes]]]]) -> bytes:
    """The same of openings that are tuples: every access is written by this.

    Args:
        rows: place, r, detail and lines, as ``Opening`` has them.

    Raises:
        LogError: as ``pack_details``.
    """
    pieces: list[bytes] = []
    add, before = pieces.append, -1
    for place, r, detail, lines in rows:
        if place <= before:
            raise LogError("log.details_order")
        before = place
        if len(r) != 32:
            raise LogError("log.entry_parts")
        if len(lines) > 0xFFFF:
            raise LogError("log.details_size", limit=MAX_DETAILS)
        add(_HEAD.pack(place, r, len(detail)))
        add(detail)
        add(_COUNT.pack(len(lines)))
        for salt, line in lines:
            if len(salt) != 32:
                raise LogError("log.entry_parts")
            add(_LINE.pack(salt, len(line)))
            add(line)
    plain = b"".join(pieces)
    if len(plain) > MAX_DETAILS:
        raise LogError("log.details_size", limit=MAX_DETAILS)
    return _deflate(plain)


def _inflate(packed: bytes) -> bytes:
    size = len(packed) - _STORED.size - 4
    if 0 < size <= _SMALL and packed.startswith(_STORED.pack(0x78, 0x01, 0x01, size, size ^ 0xFFFF)):
        # One access, as ``_deflate`` stores it: making ready to inflate takes longer than all else.
        plain = packed[_STORED.size : -4]
        if zlib.adler32(plain).to_bytes(4, "big") == packed[-4:]:
            return plain
    unpack = zlib.decompressobj()
    try:
        plain = unpack.decompress(packed, MAX_DETAILS + 1)
    except zlib.error:
        raise IntegrityError("log.packed_details") from None
    if len(plain) > MAX_DETAILS or not unpack.eof or unpack.unused_data:
        raise IntegrityError("log.packed_details")
    return plain


_Lines = list[tuple[bytes, bytes]]


def _walk(packed: bytes) -> Iterator[tuple[int, bytes, bytes, _Lines]]:
    plain = _inflate(packed)
    at, end, before = 0, len(plain), -1
    try:
        while at < end:
            place, r, length = _HEAD.unpack_from(plain, at)
            at += 40 + length
            detail = plain[at - length : at]
            (count,) = _COUNT.unpack_from(plain, at)
            at += 2
            lines: _Lines = []
            for _ in range(count):
                salt, length = _LINE.unpack_from(plain, at)
                at += 36 + length
                lines.append((salt, plain[at - length : at]))
            if place <= before or at > end:
                raise IntegrityError("log.packed_details")
            before = place
            yield place, r, detail, lines
    except struct.error:
        raise IntegrityError("log.packed_details") from None


def unpack_details(packed: bytes) -> list[Opening]:
    """The openings in a byte string that ``pack_details`` made.

    Reads the form alone: whether they open their entries is for ``scan_details``.

    Args:
        packed: zlib.

    Raises:
        IntegrityError: ``log.packed_details`` for what ``pack_details`` would
            not have written.
    """
    return [Opening(place, r, detail, tuple(lines)) for place, r, detail, lines in _walk(packed)]


def scan_details(packed: bytes) -> list[tuple[int, bytes]]:
    """What packed details commit to, for verification.

    Checks besides that the lines of each detail are those that its ``records``
    names, all of them and in that order.

    Args:
        packed: zlib, from ``pack_details``.

    Returns:
        For each detail the place of its entry in the batch and the commitment
        in base64, to be compared with the third piece of ``scan_entry``.

    Raises:
        IntegrityError: ``log.packed_details`` for a broken string, ``log.lines``
            with the ``place`` for lines that the detail does not name.
    """
    return _scan(_inflate(packed))


def _scan(plain: bytes) -> list[tuple[int, bytes]]:
    alike = _scan_alike(plain)
    if alike is not None and all([place < then for place, then in pairwise(alike[0])]):
        return list(zip(*alike, strict=True))
    # The loop of _walk once more, building nothing that is not looked at: most of
    # the time of verifying an access is spent here.
    head, line_head, sha256, b64 = _HEAD.unpack_from, _LINE.unpack_from, _sha256, b2a_base64
    scanned: list[tuple[int, bytes]] = []
    add, at, end, before = scanned.append, 0, len(plain), -1
    try:
        while at < end:
            place, r, length = head(plain, at)
            at += 40
            stop = at + length
            detail = plain[at:stop]
            count = plain[stop] << 8 | plain[stop + 1]
            at = stop + 2
            # A quote inside a string of JSON stands behind a backslash, so these
            # bytes can be nothing but a member of that name. Parsing the detail
            # would cost as much as all the rest; it is parsed where there are no
            # lines and such a member may belong to an object within.
            if count == 1:
                salt, length = line_head(plain, at)
                at += 36
                stop = at + length
                named = b'"records":["%b"]' % b64(sha256(salt + plain[at:stop]).digest(), newline=False)
                at = stop
            elif count:
                hashes = []
                while count:
                    salt, length = line_head(plain, at)
                    at += 36 + length
                    hashes.append(b64(sha256(salt + plain[at - length : at]).digest(), newline=False))
                    count -= 1
                named = b'"records":["%b"]' % b'","'.join(hashes)
            else:
                named = b""
            if place <= before or at > end:
                raise IntegrityError("log.packed_details")
            before = place
            if named not in detail or (not named and b'"records":[' in detail and _names_records(detail)):
                raise IntegrityError("log.lines", place=place)
            add((place, b64(sha256(_COMMITTED + r + detail).digest(), newline=False)))
    except (struct.error, IndexError):
        raise IntegrityError("log.packed_details") from None
    return scanned


def _names_records(detail: bytes) -> bool:
    try:
        return "records" in json.loads(detail)
    except ValueError:
        raise IntegrityError("log.packed_details") from None


def _stored_alike(rows: Sequence[bytes]) -> list[bytes] | None:
    """``_inflate`` of single accesses that are all as long as the first, as a quiet archive stores them."""
    size = len(rows[0]) - _STORED.size - 4 if rows else 0
    if not 0 < size <= _SMALL or set(map(len, rows)) != {len(rows[0])}:
        return None
    head, start = _STORED.pack(0x78, 0x01, 0x01, size, size ^ 0xFFFF), _STORED.size
    if {row[:start] for row in rows} != {head}:
        return None
    plains = [row[start:-4] for row in rows]
    sums = struct.pack(f">{len(plains)}I", *map(zlib.adler32, plains))
    return plains if sums == b"".join([row[-4:] for row in rows]) else None


def scan_rows(rows: Sequence[bytes]) -> tuple[list[int], list[bytes]]:
    """``scan_details`` of many byte strings, one after the other, and quicker.

    Args:
        rows: each from ``pack_details``.

    Returns:
        All places, and all commitments in base64.

    Raises:
        IntegrityError: as ``scan_details``.
    """
    plains = _stored_alike(rows) or [_inflate(row) for row in rows]
    if len(plains) > 1 and len(plains[0]) == len(plains[-1]):
        size = len(plains[0])
        # Each a whole number of openings, or their bounds would not be looked at.
        alike = _scan_alike(b"".join(plains), size) if {len(plain) for plain in plains} == {size} else None
        if alike is not None:
            return alike
    scanned = [one for plain in plains for one in _scan(plain)]
    return [place for place, _ in scanned], [committed for _, committed in scanned]


@lru_cache(maxsize=256)
def _of_one_line(detail: int, line: int) -> struct.Struct:
    """An opening whose detail and only line have so many bytes."""
    return struct.Struct(f">I32sI{detail}sH32sI{line}s")


def _scan_alike(plain: bytes, step: int = 0) -> tuple[list[int], list[bytes]] | None:
    """``scan_rows`` of openings that are all as long as the first and have one line, as accesses come.

    Returns:
        None where they are not, or where anything is wrong, for the careful way to name;
        ``step`` is what must hold a whole number of them.
    """
    try:
        (length,) = _LENGTH.unpack_from(plain, 36)
        (line,) = _LENGTH.unpack_from(plain, 40 + length + 34)
    except struct.error:
        return None
    if length > MAX_DETAILS or line > MAX_DETAILS:
        return None
    form = _of_one_line(length, line)
    if len(plain) % form.size or step % form.size:
        return None
    rows = list(form.iter_unpack(plain))
    # What is looked for in a detail stands in all of them where it stands in the first.
    at = rows[0][3].find(_RECORDS)
    end = at + len(_RECORDS) + 46
    if at < 0 or {(row[2], row[4], row[6]) for row in rows} != {(length, 1, line)}:
        return None
    sha256, b64, head = _sha256, b2a_base64, _COMMITTED
    if not all(
        [
            detail[at:end] == b'"records":["%b"]' % b64(sha256(salt + text).digest(), newline=False)
            for _, _, _, detail, _, salt, _, text in rows
        ]
    ):
        return None
    committed = [b64(sha256(head + row[1] + row[3]).digest(), newline=False) for row in rows]
    return [row[0] for row in rows], committed
