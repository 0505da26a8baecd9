"""Questions over the log: a projection with the columns that auditors filter by, and entries to read.

The projection is computed from the stored details alone, is caught up before a
question is answered, and can be thrown away: it is never on the path of a read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import attrs

from muniment.codec import canonical
from muniment.errors import NotFound
from muniment.log.detail import Opening, unpack_details
from muniment.log.entry import Entry, parse_entry, unpack_entries
from muniment.model import id_bytes
from muniment.store import IndexRow, IndexShape, LogBatch, Reader, Transaction

__all__ = [
    "Found",
    "Projector",
    "catch_up",
    "entries_of",
    "entry_at",
    "named_records",
    "shape_of",
    "size_of",
    "terms_of",
]

_PAGE = 2_000
_KEPT = 100_000


@attrs.frozen
class Found:
    """One entry of the log with what opens it.

    Attributes:
        gen: its generation of the log.
        index: its place in that.
        data: the entry's own bytes, JCS.
        entry: the same, read.
        detail: what it commits to; None where the log's retention disposed of it.
        opening: the random bytes and salts that prove the detail; None likewise.
    """

    gen: int
    index: int
    data: bytes
    entry: Entry
    detail: Mapping[str, Any] | None
    opening: Opening | None


def _openings(reader: Reader, shard: int, gen: int, batch: LogBatch) -> dict[int, Opening]:
    found: dict[int, Opening] = {}
    stop = batch.first_seq + batch.n
    for row in reader.details(shard, gen, start=batch.first_seq, stop=stop):
        if row.first_seq == batch.first_seq:
            for opening in unpack_details(row.details):
                found[opening.place] = opening
    return found


def entries_of(
    reader: Reader, shard: int, gen: int, *, start: int = 0, stop: int | None = None
) -> Iterator[Found]:
    """The entries from ``start`` to before ``stop``, in order."""
    for batch in reader.batches(shard, gen, start=start, stop=stop):
        openings = _openings(reader, shard, gen, batch)
        for place, data in enumerate(unpack_entries(batch.entries)):
            index = batch.first_seq + place
            if index < start or (stop is not None and index >= stop):
                continue
            opening = openings.get(place)
            detail = None if opening is None else json.loads(opening.detail)
            yield Found(gen, index, data, parse_entry(data), detail, opening)


def size_of(reader: Reader, shard: int, gen: int) -> int:
    """How many entries a generation of the log has; 0 for one that was given up whole."""
    kept = reader.last_frontier(shard, gen)
    size = 0
    for batch in reader.batches(shard, gen, start=0 if kept is None else kept.first_seq):
        size = batch.first_seq + batch.n
    return size


def entry_at(reader: Reader, shard: int, gen: int, index: int) -> Found:
    """One entry.

    Raises:
        NotFound: ``log.no_entry``.
    """
    for found in entries_of(reader, shard, gen, start=max(index, 0), stop=index + 1):
        return found
    raise NotFound("log.no_entry", index=index)


def named_records(found: Found) -> Iterator[bytes]:
    """The records that an entry names: in its lines, or as what it was about or what was refused."""
    if found.opening is not None:
        for _, line in found.opening.lines:
            yield id_bytes(json.loads(line)["id"])
    target = (found.detail or {}).get("target", {})
    for member in ("record", "subject"):
        named = target.get(member)
        if isinstance(named, str):
            yield id_bytes(named)


def terms_of(detail: Mapping[str, Any]) -> list[str]:
    """What an entry shares with many others, as terms that auditors filter by; see ``IndexShape``."""
    terms = {f"role:{role}" for role in detail.get("actor", {}).get("roles", ())}
    if "auth" in detail:
        terms.add(f"auth:{detail['auth']}")
    program = detail.get("source", {}).get("program")
    if program:
        terms.add(f"program:{program}")
    type_key = detail.get("type", "")
    for some in detail.get("sets", ()):
        for sensitivity, ways in some.items():
            terms.add(f"class:{sensitivity}")
            for keys in ways.values():
                for key in keys:
                    terms.update((f"field:{key}", f"field:{type_key}.{key}"))
    return sorted(terms)


def shape_of(shard: int, terms: Sequence[str]) -> IndexShape:
    """The row of these terms; its number is 63 bits of their SHA-256."""
    text = canonical(list(terms)).decode("utf-8")
    number = int.from_bytes(sha256(text.encode("utf-8")).digest()[:8], "big") >> 1
    return IndexShape(shard, number, text)


class Projector:
    """Makes the rows of entries in the projection, one after the other.

    Args:
        reader: sees the records.
        shard: whose log.
        gen: which generation.
    """

    def __init__(self, reader: Reader, shard: int, gen: int) -> None:
        self._reader = reader
        self._shard = shard
        self._gen = gen
        self._subjects: dict[bytes, bytes | None] = {}
        self._shapes: dict[tuple[str, ...], IndexShape] = {}

    def row(self, found: Found) -> tuple[IndexRow, set[bytes], IndexShape]:
        """The row of one entry, the subjects and records it is about, and what it shares with others."""
        detail = found.detail or {}
        abouts: set[bytes] = set()
        for record in named_records(found):
            abouts.add(record)
            subject = self.subject_of(record)
            if subject is not None:
                abouts.add(subject)
        shape = self._shape(tuple(terms_of(detail)))
        row = IndexRow(
            self._shard,
            self._gen,
            found.index,
            found.entry.time_us,
            found.entry.kind,
            str(detail.get("actor", {}).get("id", "")),
            str(detail.get("purpose", "")),
            str(detail.get("outcome", "")),
            str(detail.get("type", "")),
            str(detail.get("op", "")),
            int(detail.get("count", 0)),
            shape.shape,
        )
        return row, abouts, shape

    def subject_of(self, record: bytes) -> bytes | None:
        """Whom a record is about; None where there is no such record."""
        if record not in self._subjects:
            if len(self._subjects) > _KEPT:
                self._subjects.clear()
            version = self._reader.version(self._shard, record, 1)
            self._subjects[record] = None if version is None else version.subject
        return self._subjects[record]

    def _shape(self, terms: tuple[str, ...]) -> IndexShape:
        found = self._shapes.get(terms)
        if found is None:
            if len(self._shapes) > _KEPT:
                self._shapes.clear()
            found = self._shapes[terms] = shape_of(self._shard, terms)
        return found


def catch_up(tx: Transaction, shard: int, gen: int, *, stop: int) -> int:
    """Bring the projection up to an index; give how many entries that took."""
    start = tx.indexed_to(shard, gen)
    rows: list[IndexRow] = []
    abouts: list[tuple[int, int, int, bytes]] = []
    shapes: set[IndexShape] = set()
    projector = Projector(tx, shard, gen)
    for found in entries_of(tx, shard, gen, start=start, stop=stop):
        row, about, shape = projector.row(found)
        rows.append(row)
        shapes.add(shape)
        abouts += [(shard, gen, found.index, one) for one in about]
        if len(rows) >= _PAGE:
            tx.add_index(rows, abouts, sorted(shapes))
            rows, abouts = [], []
            shapes.clear()
    tx.add_index(rows, abouts, sorted(shapes))
    return max(stop - start, 0)
