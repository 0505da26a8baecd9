"""Details of the log that were disposed of: the entries that cover them must bind just those."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator
from hashlib import sha256

import attrs

from muniment.store import DetailGap

__all__ = ["DetailGaps", "Disposals"]

_Entry = tuple[int, int]
"""Generation and index."""


@attrs.define
class Disposals:
    """What was disposed of in a stretch of the log.

    Attributes:
        kept: the commitments of the entries concerned, in order, by the entry that covers them.
        covering: what each entry that covers some binds, in base64.
        count: how many entries lost their detail.
        first: index of the first of them; None for none.
        last: index of the last.
    """

    kept: dict[_Entry, list[bytes]] = attrs.field(factory=dict)
    covering: dict[_Entry, bytes] = attrs.field(factory=dict)
    count: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, gap: DetailGap, index: int, committed: bytes) -> None:
        """Count one entry with its commitment, in base64."""
        self.kept.setdefault((gap.by_gen, gap.by_seq), []).append(a2b_base64(committed))
        self.count += 1
        self.last = index
        if self.first is None:
            self.first = index

    def take(self, later: Disposals) -> None:
        """Count what was found of the stretch that follows."""
        for name, commitments in later.kept.items():
            self.kept.setdefault(name, []).extend(commitments)
        self.covering |= later.covering
        self.count += later.count
        self.first = later.first if self.first is None else self.first
        self.last = self.last if later.last is None else later.last

    def wrong(self) -> _Entry | None:
        """The first entry that covers other details than those that are gone."""
        for name in sorted(self.kept.keys() | self.covering.keys()):
            digest = sha256(b"".join(self.kept.get(name, ()))).digest()
            if name not in self.kept or self.covering.get(name) != b2a_base64(digest, newline=False):
                return name
        return None


class DetailGaps:
    """The gaps in the log's details, batch by batch."""

    def __init__(self, rows: Iterator[DetailGap]) -> None:
        self._rows = rows
        self._next: DetailGap | None = next(rows, None)

    def of(self, gen: int, first_seq: int) -> dict[int, DetailGap]:
        """The gaps of one batch by their rule; batches are asked for in order."""
        found: dict[int, DetailGap] = {}
        while self._next is not None and (self._next.gen, self._next.first_seq) == (gen, first_seq):
            found[self._next.rule] = self._next
            self._next = next(self._rows, None)
        return found

    def left(self) -> DetailGap | None:
        """A gap of a batch that is not there, or whose details are."""
        return self._next
