"""Looks for values in the files of an archive, in every form in which one might leak.

The search knows nothing of how the store lays out its bytes: it reads each file
as it lies on the disk, write-ahead logs and temporary files too. Since a value
could straddle two pages of a database file, and details are compressed, the
rows are read as well.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from muniment.codec import encode_value
from muniment.model import FileRef, Money
from muniment.stores.sqlite import SqliteStore

__all__ = ["assert_no_plaintext", "forms_of", "leaks"]

_LEAST = 5
"""A shorter piece of text would be found by chance."""

_STEP = 1 << 18
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SHARD = 0


def assert_no_plaintext(folder: str | Path, values: Iterable[object]) -> None:
    """Assert that none of these values can be found in any file below a folder.

    Each is looked for as UTF-8 and UTF-16, as escaped JSON, in hex and in base64
    at any offset, in small and capital letters, and inside the compressed
    details of the log; numbers, amounts, days and times in the forms in which
    they are stored and shown.

    Args:
        folder: an archive's, or one that holds it and a folder for temporary files.
        values: as they were given; at least five characters each.

    Raises:
        AssertionError: names the files, and for each the place of the value in
            ``values``: never the value, for a report of a test is a file too.
    """
    listed = list(values)
    found = leaks(folder, listed)
    if found:
        named = "; ".join(f"{where}: values[{place}]" for where, place in found[:20])
        raise AssertionError(f"{len(found)} of {len(listed)} values found in clear: {named}")


def leaks(folder: str | Path, values: Iterable[object]) -> list[tuple[str, int]]:
    """Where values can be found below a folder: the file or table, and the place in ``values``.

    Args:
        folder: as for ``assert_no_plaintext``.
        values: likewise.

    Raises:
        ValueError: for a value too short to be looked for.
    """
    needles: dict[bytes, int] = {}
    for place, value in enumerate(values):
        forms = forms_of(value)
        if not forms:
            raise ValueError(f"values[{place}] is too short to be looked for")
        for form in forms:
            needles.setdefault(form, place)
    root = Path(folder)
    found = set()
    beginnings = _beginnings(needles)
    for path in sorted(root.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(root))
            found |= {(name, place) for place in _search(name.encode(), beginnings)}
            found |= {(name, place) for place in _search(path.read_bytes(), beginnings)}
            if path.name == "archive.db":
                for table, data in _rows(path):
                    found |= {(f"{name}: {table}", place) for place in _search(data, beginnings)}
    return sorted(found)


def forms_of(value: object) -> set[bytes]:
    """Every form in which a value is looked for; empty where it is too short.

    Args:
        value: text, bytes, a number, an amount, a day, a time, several texts or a ``FileRef``.
    """
    forms: set[bytes] = set()
    for text in _texts(value):
        if len(text) >= _LEAST or len(text.encode("utf-8", "surrogatepass")) > _LEAST:
            for variant in {text, text.lower(), text.upper(), text.casefold()}:
                forms |= _encoded(variant)
    data = value if isinstance(value, bytes) else _stored(value)
    if data is not None and len(data) > _LEAST:
        forms |= _wrapped(data)
    return forms


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Money):
        yield f"{value.amount:f}"
        yield f"{value.amount:f} {value.currency}"
    elif isinstance(value, Decimal):
        yield f"{value:f}"
    elif isinstance(value, datetime):
        yield value.isoformat()
        yield value.isoformat(" ")
        if value.tzinfo is not None:
            yield value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    elif isinstance(value, date):
        yield value.isoformat()
    elif isinstance(value, FileRef):
        yield value.name
    elif isinstance(value, (tuple, list, set, frozenset)):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _stored(value: object) -> bytes | None:
    """A time as the eight bytes that are sealed; other kinds are stored as their text."""
    return encode_value(6, value)[1:9] if isinstance(value, datetime) and value.tzinfo else None


def _encoded(text: str) -> set[bytes]:
    forms: set[bytes] = set()
    for codec in ("utf-8", "utf-16-le", "utf-16-be"):
        forms |= _wrapped(text.encode(codec, "surrogatepass"))
    for escaped in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        forms.add(escaped.encode("utf-8", "surrogatepass"))
        forms.add(escaped.upper().replace("\\U", "\\u").encode("utf-8", "surrogatepass"))
    return forms


def _wrapped(data: bytes) -> set[bytes]:
    """Bytes as they are, in hex, and what base64 makes of them wherever they begin."""
    forms = {data, data.hex().encode("ascii"), data.hex().upper().encode("ascii")}
    for shift in range(3):
        # Characters into which neighbouring bytes go as well are left out at both ends.
        first, last = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
        middle = base64.b64encode(bytes(shift) + data)[first:last]
        if len(middle) > _LEAST:
            forms |= {middle, middle.translate(_URL_SAFE)}
    return forms


_Beginnings = dict[bytes, list[tuple[bytes, int]]]


def _beginnings(needles: dict[bytes, int]) -> _Beginnings:
    """The needles by their first bytes, all of one length: a look-up of those finds what may match."""
    width = min(map(len, needles), default=_LEAST)
    found: _Beginnings = {}
    for needle, place in needles.items():
        found.setdefault(needle[:width], []).append((needle, place))
    return found


def _search(data: bytes, beginnings: _Beginnings) -> set[int]:
    """Which values stand in these bytes: one pass over the bytes, whatever the number of needles."""
    found: set[int] = set()
    width = len(next(iter(beginnings), b""))
    for start in range(0, len(data), _STEP):
        piece = data[start : start + _STEP + width - 1]
        present = beginnings.keys() & {piece[at : at + width] for at in range(len(piece) - width + 1)}
        for beginning in present:
            found |= {
                place for needle, place in beginnings[beginning] if place not in found and needle in data
            }
    return found


def _rows(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every stored byte string and text, row by row, the compressed ones unpacked too."""
    store = SqliteStore(path, read_only=True)
    try:
        for gen in store.generations(_SHARD):
            for batch in store.batches(_SHARD, gen):
                yield "log_batch", batch.entries
            for row in store.details(_SHARD, gen):
                yield "log_detail", zlib.decompress(row.details)
            for point in store.checkpoints(_SHARD, gen):
                yield "checkpoint", point.note.encode()
        for name, rows in (
            ("part", store.parts_by_record(_SHARD)),
            ("side_part", store.side_parts(_SHARD)),
            ("record_version", store.versions_by_record(_SHARD)),
            ("file", store.files(_SHARD)),
            ("current", store.currents(_SHARD)),
            ("token", store.tokens(_SHARD)),
            ("state", store.states(_SHARD)),
        ):
            for one in rows:
                yield name, b"\0".join(_cells(one))
    finally:
        store.close()


def _cells(row: Collection[object]) -> Iterator[bytes]:
    for cell in row:
        if isinstance(cell, bytes):
            yield cell
        elif isinstance(cell, str):
            yield cell.encode("utf-8", "surrogatepass")
