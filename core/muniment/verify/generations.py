"""How one generation of the log follows another, and what was lost in between.

A log that was put back from a backup, below what had been signed, goes on as a
new generation. Its first entry says where the one before stood, and which
entries are lost; nothing else excuses a log that ends before its checkpoints do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

import attrs

from muniment.errors import IntegrityError, MunimentError
from muniment.log.checkpoint import VerifierKey, parse_checkpoint, parse_note
from muniment.log.checkpoint import verify as verify_note
from muniment.log.detail import unpack_details
from muniment.log.entry import parse_entry, unpack_entries
from muniment.store import Reader

__all__ = ["Lost", "lost_ranges"]


@attrs.frozen
class Lost:
    """Entries of one generation that a restore gave up, and said so.

    Attributes:
        origin: of that generation.
        first: index of the first one.
        last: index of the last one that is known of.
    """

    origin: str
    first: int
    last: int

    @property
    def text(self) -> str:
        """As ``log.continue`` states it."""
        return f"{self.origin} {self.first} {self.last}"


def lost_ranges(
    reader: Reader, shard: int, generations: Sequence[int], origin_base: str, key: VerifierKey | None
) -> dict[str, Lost]:
    """What every generation's first entry says is lost of those before it, by origin.

    Raises:
        IntegrityError: ``integrity.continue`` where a generation does not begin by naming the one before;
            ``integrity.cut`` where one is not there and nothing says that it was given up.
    """
    lost: dict[str, Lost] = {}
    before = 0
    for gen in generations[1:]:
        origin = f"{origin_base}/{shard}.{gen}"
        if next(reader.batches(shard, gen, stop=1), None) is None:
            continue  # given up whole, as the next one must say
        earlier = {f"{origin_base}/{shard}.{one}": one for one in range(before, gen)}
        try:
            for one in _stated(reader, shard, gen, set(earlier), key):
                lost[one.origin] = one
        except (MunimentError, LookupError, ValueError, TypeError, AttributeError, StopIteration):
            raise IntegrityError("integrity.continue", where=origin, index=0) from None
        for name, number in earlier.items():
            if number != before and (name not in lost or lost[name].first):
                raise IntegrityError("integrity.cut", where=name, index=0)
        before = gen
    return lost


def _stated(reader: Reader, shard: int, gen: int, earlier: set[str], key: VerifierKey | None) -> list[Lost]:
    batch = next(reader.batches(shard, gen, stop=1))
    entry = parse_entry(unpack_entries(batch.entries)[0])
    opening = next(
        one
        for row in reader.details(shard, gen, stop=1)
        if row.first_seq == batch.first_seq
        for one in unpack_details(row.details)
        if one.place == 0
    )
    target = json.loads(opening.detail)["target"]
    note = target.get("checkpoint", "")
    bound = sha256(note.encode("utf-8")).digest() if note else None
    if entry.kind != "log.continue" or batch.first_seq != 0 or entry.binding != bound:
        raise ValueError
    if note:
        _check_note(note, earlier, key)
    found = []
    for line in target.get("lost", ()):
        origin, first, last = line.rsplit(" ", 2)
        one = Lost(origin, int(first), int(last))
        if one.text != line or origin not in earlier or not 0 <= one.first <= one.last:
            raise ValueError
        found.append(one)
    return found


def _check_note(note: str, earlier: set[str], key: VerifierKey | None) -> None:
    statement = parse_checkpoint(parse_note(note).text)
    if statement.origin not in earlier:
        raise ValueError
    if key is not None:
        verify_note(note, [attrs.evolve(key, name=statement.origin)])
