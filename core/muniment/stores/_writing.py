"""What one SQLite transaction can add."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from muniment.errors import Conflict, StoreError
from muniment.store import (
    Checkpoint,
    Current,
    DetailGap,
    Facet,
    File,
    Gap,
    IndexRow,
    IndexShape,
    ListQuery,
    LogBatch,
    LogDetail,
    Part,
    Remembered,
    SidePart,
    State,
    Subject,
    Tile,
    Token,
    Version,
)
from muniment.stores._connection import columns, translate
from muniment.stores._reading import Reading
from muniment.stores._reading_current import MANY, field_index
from muniment.stores.migrations import (
    REBUILDABLE,
    batch_id,
    detail_id,
)

__all__ = ["SqliteTransaction"]

_DAY_US = 86_400_000_000
_RECORDS_A_WALK = 10_000


def _insert(table: str, row: type[Any]) -> str:
    marks = ", ".join("?" * len(row._fields))
    return f"INSERT INTO {table}({columns(row)}) VALUES ({marks})"


_INSERT_BATCH = (
    "INSERT INTO log_batch(id, n, prev_root, root, frontier, entries, mac, created_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_DETAIL = "INSERT INTO log_detail(id, details) VALUES (?, ?)"
_INSERT_VERSION = _insert("record_version", Version)
_INSERT_PART = _insert("part", Part)
_INSERT_SIDE = _insert("side_part", SidePart)
_INSERT_FILE = _insert("file", File)
_INSERT_SUBJECT = _insert("subject", Subject)
_INSERT_FACET = _insert("facet", Facet)
_INSERT_STATE = _insert("state", State)
_INSERT_GAP = _insert("gap", Gap)
_INSERT_CHECKPOINT = _insert("checkpoint", Checkpoint)
_INSERT_TILE = "INSERT OR IGNORE" + _insert("log_tile", Tile)[6:]
_INSERT_CURRENT = "INSERT OR REPLACE" + _insert("current", Current)[6:]
_UPDATE_CURRENT = "UPDATE current SET version = ?, clear = ? WHERE shard = ? AND record = ? AND deleted = ?"
_UPDATE_DELETED = "UPDATE current SET version = ?, deleted = ?, clear = ? WHERE shard = ? AND record = ?"
_INSERT_TOKEN = "INSERT OR IGNORE" + _insert("token", Token)[6:]
_INSERT_REMEMBERED = "INSERT OR REPLACE" + _insert("idem", Remembered)[6:]
_INSERT_SHAPE = "INSERT OR IGNORE" + _insert("log_shape", IndexShape)[6:]
_INSERT_INDEX = "INSERT OR REPLACE" + _insert("log_index", IndexRow)[6:]


class SqliteTransaction(Reading):
    """What one write transaction can add; used only inside ``SqliteStore.transaction``."""

    def _add(self, sql: str, rows: Sequence[tuple[Any, ...]], conflict: str | None = None) -> None:
        try:
            # The driver binds plain tuples in half the time.
            self._db.executemany(sql, map(tuple, rows))
        except sqlite3.IntegrityError as error:
            if conflict is None:
                raise translate(error, self._path) from None
            raise Conflict(conflict) from None
        except sqlite3.Error as error:
            raise translate(error, self._path) from None

    def append_batch(self, batch: LogBatch, details: Iterable[LogDetail]) -> None:
        identifier = batch_id(batch.shard, batch.gen, batch.first_seq)
        # Not executemany: this is the one statement of every access.
        try:
            self._db.execute(_INSERT_BATCH, (identifier, *batch[3:]))
            for row in details:
                self._db.execute(
                    _INSERT_DETAIL, (detail_id(row.shard, row.gen, row.first_seq, row.rule), row.details)
                )
        except sqlite3.IntegrityError:
            raise Conflict("store.head_moved") from None
        except sqlite3.Error as error:
            raise translate(error, self._path) from None

    def add_versions(self, rows: Sequence[Version]) -> None:
        self._add(_INSERT_VERSION, rows, "store.version_exists")

    def add_parts(self, rows: Sequence[Part]) -> None:
        self._add(_INSERT_PART, rows, "store.version_exists")

    def add_side_parts(self, rows: Sequence[SidePart]) -> None:
        self._add(_INSERT_SIDE, rows)

    def add_files(self, rows: Sequence[File]) -> None:
        self._add(_INSERT_FILE, rows)

    def add_subjects(self, rows: Sequence[Subject]) -> None:
        self._add(_INSERT_SUBJECT, rows, "store.slot_taken")

    def add_facets(self, rows: Sequence[Facet]) -> None:
        self._add(_INSERT_FACET, rows, "store.slot_taken")

    def add_states(self, rows: Sequence[State]) -> None:
        self._add(_INSERT_STATE, rows)

    def add_checkpoint(self, row: Checkpoint) -> None:
        if self._fetch(
            "SELECT 1 FROM checkpoint WHERE shard = ? AND gen = ? AND size = ? AND note = ?",
            (row.shard, row.gen, row.size, row.note),
        ):
            return
        self._add(_INSERT_CHECKPOINT, (row,), "store.checkpoint_exists")

    def add_tiles(self, rows: Sequence[Tile]) -> None:
        self._add(_INSERT_TILE, rows)

    def remember(self, row: Remembered) -> None:
        self._change("DELETE FROM idem WHERE created_us < ?", (row.created_us - _DAY_US,))
        self._add(_INSERT_REMEMBERED, (row,))

    def add_current(self, rows: Sequence[Current]) -> None:
        self._add(_INSERT_CURRENT, rows)

    def set_current(self, rows: Sequence[Current]) -> None:
        # An update in place leaves the indexes alone, which a replacement would rewrite; so does one
        # that does not name ``deleted``, which hardly ever changes and stands in an index.
        try:
            for row in rows:
                place = (row.version, row.clear, row.shard, row.record, row.deleted)
                if not self._db.execute(_UPDATE_CURRENT, place).rowcount:
                    self._db.execute(
                        _UPDATE_DELETED, (row.version, row.deleted, row.clear, row.shard, row.record)
                    )
        except sqlite3.Error as error:
            raise translate(error, self._path) from None

    def ready_listing(self, shard: int, query: ListQuery, *, together: bool = False) -> None:
        numbers = [number for number, _ in query.order[:1] or query.equals[:1]]
        if together and query.order:
            numbers = [number for number, _ in (*query.equals[:1], *query.order[:1])]
        if not numbers or self._has_index(*numbers):
            return
        large = (
            "SELECT 1 FROM current INDEXED BY current_type WHERE shard = ? AND type = ? AND deleted = ? "
            "LIMIT 1 OFFSET ?"
        )
        if self._fetch(large, (shard, query.type, int(query.deleted), MANY)):
            self._change(field_index(*numbers)[1])

    def add_tokens(self, rows: Sequence[Token]) -> None:
        # Neighbours in the index go in together, which spares page writes once the index is large.
        self._add(_INSERT_TOKEN, sorted(rows))

    def drop_tokens(self, rows: Sequence[Token]) -> None:
        self._add(
            "DELETE FROM token WHERE shard = ? AND field = ? AND kind = ? AND token = ? AND record = ?", rows
        )

    def dispose_parts(self, gaps: Sequence[Gap]) -> None:
        self._add(_INSERT_GAP, gaps)
        self._add(
            "DELETE FROM part WHERE shard = ? AND record = ? AND grp = ? AND version = ?",
            [(gap.shard, gap.record, gap.grp, gap.version) for gap in gaps if gap.grp],
        )
        self._add(
            "DELETE FROM side_part WHERE shard = ? AND record = ? AND version = ?",
            [(gap.shard, gap.record, gap.version) for gap in gaps if not gap.grp],
        )

    def dispose_details(self, gaps: Sequence[DetailGap]) -> None:
        ids = [detail_id(gap.shard, gap.gen, gap.first_seq, gap.rule) for gap in gaps]
        self._add(
            "INSERT INTO log_gap(id, by_gen, by_seq) VALUES (?, ?, ?)",
            [(one, gap.by_gen, gap.by_seq) for one, gap in zip(ids, gaps, strict=True)],
        )
        self._add("DELETE FROM log_detail WHERE id = ?", [(one,) for one in ids])

    def drop_abouts(self, rows: Sequence[tuple[int, int, int]]) -> None:
        self._add("DELETE FROM log_about WHERE shard = ? AND gen = ? AND seq = ?", rows)

    def drop_current(self, shard: int, records: Collection[bytes]) -> None:
        self._add(
            "DELETE FROM current WHERE shard = ? AND record = ?", [(shard, one) for one in sorted(records)]
        )

    def drop_tokens_of(self, shard: int, fields: Mapping[bytes, Collection[int] | None]) -> None:
        # No index leads from a record to its tokens: it would cost every write what a walk costs here.
        listed = sorted(fields)
        doomed: list[Token] = []
        for start in range(0, len(listed), _RECORDS_A_WALK):
            some = listed[start : start + _RECORDS_A_WALK]
            marks = ", ".join("?" * len(some))
            walk = f"SELECT {columns(Token)} FROM token WHERE shard = ? AND record IN ({marks})"
            found = map(Token._make, self._fetch(walk, (shard, *some)))
            doomed += (
                row
                for row in found
                if row.field and ((left := fields[row.record]) is None or row.field in left)
            )
        self.drop_tokens(doomed)

    def forget_answers(self, shard: int, entries: Collection[tuple[int, int]]) -> None:
        doomed = []
        for actor, key, gen, first in self._fetch(
            "SELECT actor, idem_key, gen, seq FROM idem WHERE shard = ?", (shard,)
        ):
            batch = self._fetch("SELECT n FROM log_batch WHERE id = ?", (batch_id(shard, gen, first),))
            if any((gen, seq) in entries for seq in range(first, first + (batch[0][0] if batch else 1))):
                doomed.append((shard, actor, key))
        self._add("DELETE FROM idem WHERE shard = ? AND actor = ? AND idem_key = ?", doomed)

    def clear_rebuildable(self, tables: Collection[str]) -> None:
        for table in tables:
            if table not in REBUILDABLE:
                raise StoreError("store.refused", where=table, name=table)
            self._change(f"DELETE FROM {table}")

    def add_index(
        self,
        rows: Sequence[IndexRow],
        abouts: Sequence[tuple[int, int, int, bytes]],
        shapes: Sequence[IndexShape] = (),
    ) -> None:
        self._add(_INSERT_INDEX, rows)
        self._add(_INSERT_SHAPE, shapes)
        self._add(
            "INSERT OR IGNORE INTO log_about(shard, gen, seq, about) VALUES (?, ?, ?, ?)", sorted(abouts)
        )

    def _change(self, sql: str, parameters: Sequence[object] = ()) -> None:
        try:
            self._db.execute(sql, parameters)
        except sqlite3.Error as error:
            raise translate(error, self._path) from None
