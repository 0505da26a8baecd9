"""Tiles of the stored log: complete ones are kept once they are asked for, partial ones made each time."""

from __future__ import annotations

import re
from typing import Final

from muniment.errors import LogError
from muniment.log.entry import unpack_entries
from muniment.log.tiles import TILE_WIDTH
from muniment.log.tree import leaf_hashes, root_of
from muniment.store import Tile, Transaction

__all__ = ["TileReader"]

_PATH: Final = re.compile(r"tile/(\d+)/((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?")


class TileReader:
    """Reads tiles of one generation of a log by their path, making those that are not stored yet.

    Args:
        tx: a transaction that may keep complete tiles.
        shard: whose log.
        gen: which generation.
        size: how many entries count.
    """

    def __init__(self, tx: Transaction, shard: int, gen: int, size: int) -> None:
        self._tx = tx
        self._shard = shard
        self._gen = gen
        self._size = size
        self._made: dict[tuple[int, int], bytes] = {}

    def read(self, path: str) -> bytes:
        """The hashes in a tile, 32 bytes each.

        Raises:
            LogError: ``log.index`` where the log has no such tile.
        """
        parsed = _PATH.fullmatch(path)
        if parsed is None:
            raise LogError("log.index", index=-1, size=self._size)
        level = int(parsed[1])
        index = int(parsed[2].replace("x", "").replace("/", ""))
        width = int(parsed[3] or TILE_WIDTH)
        return self._tile(level, index)[: 32 * width]

    def _tile(self, level: int, index: int) -> bytes:
        name = (level, index)
        found = self._made.get(name)
        if found is None:
            found = self._tx.tile(self._shard, self._gen, level, index)
        if found is None:
            found = self._leaves(index) if level == 0 else self._above(level, index)
            if len(found) == 32 * TILE_WIDTH:
                self._tx.add_tiles([Tile(self._shard, self._gen, level, index, found)])
        self._made[name] = found
        return found

    def _leaves(self, index: int) -> bytes:
        first = index * TILE_WIDTH
        stop = min(first + TILE_WIDTH, self._size)
        hashes: list[bytes] = []
        for batch in self._tx.batches(self._shard, self._gen, start=first, stop=stop):
            below = max(first - batch.first_seq, 0)
            above = stop - batch.first_seq
            hashes += leaf_hashes(unpack_entries(batch.entries)[below:above])
        return b"".join(hashes)

    def _above(self, level: int, index: int) -> bytes:
        full = self._size >> 8 * level
        first = index * TILE_WIDTH
        hashes = []
        for below in range(first, min(first + TILE_WIDTH, full)):
            tile = self._tile(level - 1, below)
            hashes.append(root_of([tile[at : at + 32] for at in range(0, len(tile), 32)]))
        return b"".join(hashes)
