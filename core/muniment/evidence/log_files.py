"""The part of a log's tile tree that a bundle carries (c2sp.org/tlog-tiles).

A log of millions of entries need not be carried whole to prove some of them:
the bundles of entries that hold those, the leaf hashes of the newest ones, and
every tile above the leaves give the root all the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from muniment.errors import IntegrityError
from muniment.log.entry import pack_entries, unpack_entries
from muniment.log.tiles import TILE_WIDTH, entries_path, tile_path
from muniment.log.tree import Frontier, leaf_hashes, root_of
from muniment.store import Reader

__all__ = ["ALL_LEAVES_UP_TO", "LogFiles"]

ALL_LEAVES_UP_TO = 4_000_000
"""Up to so many entries every leaf hash is carried, 128 MB: then a checkpoint of any size can be compared."""


class LogFiles:
    """Walks a log once and gives the files of its tree, those of entries only where they are wanted.

    Args:
        reader: sees one state.
        shard: whose log.
        gen: which generation.
        size: how many entries count.
        wanted: numbers of the bundles of entries to carry; None for all of them.
        leaves: numbers of bundles whose leaf hashes are carried too.

    Attributes:
        root: of all entries that went by, once ``files`` has ended.
    """

    def __init__(
        self,
        reader: Reader,
        shard: int,
        gen: int,
        size: int,
        *,
        wanted: frozenset[int] | None,
        leaves: frozenset[int] = frozenset(),
    ) -> None:
        self._reader = reader
        self._shard = shard
        self._gen = gen
        self._size = size
        self._wanted = wanted
        self._leaves = leaves
        self._frontier = Frontier()
        self._rows: list[list[bytes]] = []
        self._full: list[int] = []

    @property
    def root(self) -> bytes:
        """The root over everything that went by."""
        return self._frontier.root()

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of each file, in order of the entries.

        Raises:
            IntegrityError: ``log.export_count`` where there are fewer entries than there must be.
        """
        done = 0
        for some in self._bundles():
            number = done // TILE_WIDTH
            hashes = leaf_hashes(some)
            self._frontier.extend(hashes)
            done += len(some)
            if self._wanted is None or number in self._wanted:
                yield entries_path(number, width=len(some)), pack_entries(some)
            yield from self._carry(hashes)
        if done != self._size:
            raise IntegrityError("log.export_count", count=done, size=self._size)
        for level, row in enumerate(self._rows):
            if row:
                yield tile_path(level, self._full[level], width=len(row)), b"".join(row)

    def _bundles(self) -> Iterator[list[bytes]]:
        waiting: list[bytes] = []
        for batch in self._reader.batches(self._shard, self._gen, stop=self._size):
            waiting += unpack_entries(batch.entries)[: self._size - batch.first_seq]
            while len(waiting) >= TILE_WIDTH:
                yield waiting[:TILE_WIDTH]
                waiting = waiting[TILE_WIDTH:]
        if waiting:
            yield waiting

    def _carry(self, hashes: list[bytes]) -> Iterator[tuple[str, bytes]]:
        """Put leaf hashes into the tiles that are being filled; give those that are full."""
        level = 0
        while hashes:
            if level == len(self._rows):
                self._rows.append([])
                self._full.append(0)
            row = self._rows[level]
            row += hashes
            hashes = []
            if len(row) == TILE_WIDTH:
                number = self._full[level]
                if level or self._keeps_leaves(number):
                    yield tile_path(level, number), b"".join(row)
                hashes = [root_of(row)]
                self._rows[level] = []
                self._full[level] += 1
            level += 1

    def _keeps_leaves(self, number: int) -> bool:
        return (
            self._size <= ALL_LEAVES_UP_TO
            or self._wanted is None
            or number in self._wanted
            or number in self._leaves
        )
