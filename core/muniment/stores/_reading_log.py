"""What can be read of the log over one SQLite connection."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.store import (
    Checkpoint,
    DetailGap,
    Head,
    IndexRow,
    IndexShape,
    LogBatch,
    LogDetail,
    LogFilter,
    Tile,
)
from muniment.stores import _projection as projection
from muniment.stores._connection import Connected, columns
from muniment.stores.migrations import (
    RULE_BITS,
    RULE_MASK,
    batch_id,
)

__all__ = ["LogReading"]

# Of one generation the key's columns are known but for the last: computing all of them for each of millions
# of rows takes as long as reading the rest.
_BATCH_CELLS = ", ".join(LogBatch._fields[3:])

_HEAD = (
    "SELECT gen, first_seq, n, root, mac, created_us FROM log_batch WHERE id BETWEEN ? AND ? "
    "ORDER BY id DESC LIMIT 1"
)


class LogReading(Connected):
    """Batches, details, checkpoints, tiles, and the projection that auditors ask."""

    def head(self, shard: int) -> Head | None:
        return self._one(Head, _HEAD, (batch_id(shard, 0, 0), batch_id(shard + 1, 0, 0) - 1))

    def _span(self, shard: int, gen: int, start: int, stop: int | None) -> tuple[int, int]:
        """Rowids from the batch that holds entry ``start`` to before the first batch from ``stop`` on."""
        first = batch_id(shard, gen, 0)
        found = self._fetch("SELECT max(id) FROM log_batch WHERE id BETWEEN ? AND ?", (first, first + start))
        end = batch_id(shard, gen + 1, 0) if stop is None else first + stop
        return found[0][0] or first, end

    def batches(self, shard: int, gen: int, *, start: int = 0, stop: int | None = None) -> Iterator[LogBatch]:
        first, end = self._span(shard, gen, start, stop)
        base = batch_id(shard, gen, 0)
        return self._rows(
            LogBatch,
            f"SELECT ?, ?, id - ?, {_BATCH_CELLS} FROM log_batch WHERE id >= ? AND id < ? ORDER BY id",
            (shard, gen, base, max(first, base), min(end, batch_id(shard, gen + 1, 0))),
        )

    def details(
        self, shard: int, gen: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[LogDetail]:
        first, end = self._span(shard, gen, start, stop)
        base = batch_id(shard, gen, 0)
        return self._rows(
            LogDetail,
            f"SELECT ?, ?, (id >> {RULE_BITS}) - ?, id & {RULE_MASK}, details FROM log_detail "
            "WHERE id >= ? AND id < ? ORDER BY id",
            (
                shard,
                gen,
                base,
                max(first, base) << RULE_BITS,
                min(end, batch_id(shard, gen + 1, 0)) << RULE_BITS,
            ),
        )

    def last_frontier(self, shard: int, gen: int) -> LogBatch | None:
        return self._one(
            LogBatch,
            f"SELECT {columns(LogBatch)} FROM log_batch WHERE id BETWEEN ? AND ? "
            "AND frontier IS NOT NULL ORDER BY id DESC LIMIT 1",
            (batch_id(shard, gen, 0), batch_id(shard, gen + 1, 0) - 1),
        )

    def generations(self, shard: int) -> list[int]:
        head = self.head(shard)
        return [] if head is None else list(range(head.gen + 1))

    def checkpoints(self, shard: int, gen: int) -> Iterator[Checkpoint]:
        return self._rows(
            Checkpoint,
            f"SELECT {columns(Checkpoint)} FROM checkpoint WHERE shard = ? AND gen = ? ORDER BY size",
            (shard, gen),
        )

    def last_checkpoint(self, shard: int, gen: int) -> Checkpoint | None:
        return self._one(
            Checkpoint,
            f"SELECT {columns(Checkpoint)} FROM checkpoint WHERE shard = ? AND gen = ? "
            "ORDER BY size DESC LIMIT 1",
            (shard, gen),
        )

    def tiles(self, shard: int, gen: int) -> Iterator[Tile]:
        return self._rows(
            Tile,
            f"SELECT {columns(Tile)} FROM log_tile WHERE shard = ? AND gen = ? ORDER BY level, idx",
            (shard, gen),
        )

    def tile(self, shard: int, gen: int, level: int, idx: int) -> bytes | None:
        found = self._fetch(
            "SELECT hashes FROM log_tile WHERE shard = ? AND gen = ? AND level = ? AND idx = ?",
            (shard, gen, level, idx),
        )
        return found[0][0] if found else None

    def detail_gaps(self, shard: int) -> Iterator[DetailGap]:
        first = batch_id(shard, 0, 0) << RULE_BITS
        end = batch_id(shard + 1, 0, 0) << RULE_BITS
        return self._rows(
            DetailGap,
            f"SELECT {columns(DetailGap)} FROM log_gap WHERE id >= ? AND id < ? ORDER BY id",
            (first, end),
        )

    def indexed_to(self, shard: int, gen: int) -> int:
        found = self._fetch("SELECT max(seq) FROM log_index WHERE shard = ? AND gen = ?", (shard, gen))
        return 0 if found[0][0] is None else int(found[0][0]) + 1

    def index_rows(self, shard: int, gen: int) -> Iterator[IndexRow]:
        return self._rows(
            IndexRow,
            f"SELECT {columns(IndexRow)} FROM log_index WHERE shard = ? AND gen = ? ORDER BY seq",
            (shard, gen),
        )

    def index_abouts(self, shard: int, gen: int, first: int, last: int) -> list[tuple[int, bytes]]:
        return self._fetch(
            "SELECT seq, about FROM log_about WHERE shard = ? AND gen = ? AND seq BETWEEN ? AND ? "
            "ORDER BY seq, about",
            (shard, gen, first, last),
        )

    def find_entries(self, shard: int, gen: int, filters: LogFilter) -> list[IndexRow]:
        return projection.find(self._fetch, shard, gen, filters)

    def count_entries(self, shard: int, gen: int, filters: LogFilter, *, most: int) -> int:
        return projection.count(self._fetch, shard, gen, filters, most)

    def index_shapes(self, shard: int) -> Iterator[IndexShape]:
        return self._rows(
            IndexShape,
            f"SELECT {columns(IndexShape)} FROM log_shape WHERE shard = ? ORDER BY shape",
            (shard,),
        )
