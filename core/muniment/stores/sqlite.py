"""The SQLite store: one file, WAL, ``synchronous=FULL``, several processes at once.

Writers take the write lock at ``begin``, so that a transaction reads the state
that it extends. Plain cursors on the hot path; sqlite-utils makes and changes
the tables, where its 85 ms of import time do not matter.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from muniment.errors import Conflict, IntegrityError, MunimentError, StoreError
from muniment.store import (
    Checkpoint,
    Current,
    Facet,
    File,
    Gap,
    Head,
    IndexRow,
    ListQuery,
    LogBatch,
    LogDetail,
    LogFilter,
    Part,
    Remembered,
    SidePart,
    State,
    Subject,
    Tile,
    Token,
    Transaction,
    Version,
)
from muniment.stores.migrations import (
    APPEND_ONLY,
    REBUILDABLE,
    RULE_BITS,
    STEPS,
    batch_id,
    detail_id,
    expected_objects,
)

__all__ = ["SqliteStore"]

_Row = TypeVar("_Row", bound=tuple[Any, ...])

_BUSY_TIMEOUT_MS = 30_000
_DAY_US = 86_400_000_000
_IDS_A_QUERY = 500
_PLACES_A_QUERY = 100

_ERRORS = {
    "SQLITE_BUSY": "store.busy",
    "SQLITE_BUSY_SNAPSHOT": "store.busy",
    "SQLITE_LOCKED": "store.busy",
    "SQLITE_FULL": "store.full",
    "SQLITE_READONLY": "store.read_only",
    "SQLITE_READONLY_DIRECTORY": "store.read_only",
    "SQLITE_READONLY_DBMOVED": "store.moved",
    "SQLITE_READONLY_CANTINIT": "store.read_only",
    "SQLITE_READONLY_RECOVERY": "store.read_only",
    "SQLITE_CANTOPEN": "store.cannot_open",
    "SQLITE_PERM": "store.cannot_open",
    "SQLITE_AUTH": "store.cannot_open",
    "SQLITE_NOTADB": "store.not_a_database",
    "SQLITE_CORRUPT": "store.corrupt",
    "SQLITE_IOERR_WRITE": "store.full",
    "SQLITE_IOERR_SHMSIZE": "store.full",
    "SQLITE_IOERR_FSYNC": "store.io",
}


def _columns(row: type[_Row]) -> str:
    return ", ".join(row._fields)  # type: ignore[attr-defined]


def _insert(table: str, row: type[Any]) -> str:
    marks = ", ".join("?" * len(row._fields))
    return f"INSERT INTO {table}({_columns(row)}) VALUES ({marks})"


_ENTRY_COLUMNS = {
    "log_batch": "first_seq",
    "log_detail": "first_seq",
    "checkpoint": "size",
    "record_version": "seq",
    "side_part": "seq",
    "state": "seq",
    "gap": "seq",
}
"""Which column of an append-only table says to which entry a row belongs."""

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
_INSERT_INDEX = "INSERT OR REPLACE" + _insert("log_index", IndexRow)[6:]


_HEAD = (
    "SELECT gen, first_seq, n, root, mac, created_us FROM log_batch WHERE id BETWEEN ? AND ? "
    "ORDER BY id DESC LIMIT 1"
)
_VERSION = (
    f"SELECT {_columns(Version)} FROM record_version "
    "WHERE shard = ? AND record = ? AND version <= ? ORDER BY version DESC LIMIT 1"
)
_CURRENT = f"SELECT {_columns(Current)} FROM current WHERE shard = ? AND record = ?"
_SUBJECT = f"SELECT {_columns(Subject)} FROM subject WHERE shard = ? AND subject = ?"
_FACETS = f"SELECT {_columns(Facet)} FROM facet WHERE shard = ? AND record = ? ORDER BY category"


@lru_cache(maxsize=64)
def _parts_query(groups: int) -> str:
    """The newest part of each of so many groups, in one statement: each is a seek in the key."""
    one = (
        f"SELECT * FROM (SELECT {_columns(Part)} FROM part WHERE shard = ?1 AND record = ?2 "
        "AND grp = ?{} AND version <= ?3 ORDER BY version DESC LIMIT 1)"
    )
    return " UNION ALL ".join(one.format(place + 4) for place in range(groups))


@lru_cache(maxsize=64)
def _newest_query(records: int) -> str:
    """The newest version of each of so many records: two seeks in the key for each."""
    values = ", ".join(f"(?{place + 2})" for place in range(records))
    columns = ", ".join(f"v.{name}" for name in Version._fields)
    return (
        f"WITH wanted(record) AS (VALUES {values}) SELECT {columns} FROM wanted w "
        "CROSS JOIN record_version v ON v.shard = ?1 AND v.record = w.record AND v.version = "
        "(SELECT max(version) FROM record_version WHERE shard = ?1 AND record = w.record)"
    )


@lru_cache(maxsize=64)
def _places_query(places: int) -> str:
    """The newest part of each of so many groups of records, likewise."""
    values = ", ".join(f"(?{3 * place + 2}, ?{3 * place + 3}, ?{3 * place + 4})" for place in range(places))
    columns = ", ".join(f"p.{name}" for name in Part._fields)
    return (
        f"WITH wanted(record, grp, version) AS (VALUES {values}) SELECT {columns} FROM wanted w "
        "CROSS JOIN part p ON p.shard = ?1 AND p.record = w.record AND p.grp = w.grp AND p.version = "
        "(SELECT max(version) FROM part WHERE shard = ?1 AND record = w.record AND grp = w.grp "
        "AND version <= w.version)"
    )


def _translate(error: sqlite3.Error, path: Path) -> MunimentError:
    """A driver's error as one of ours; the driver's own text may hold values and is dropped."""
    name = getattr(error, "sqlite_errorname", "") or ""
    code = _ERRORS.get(name)
    if code is None and name.startswith("SQLITE_IOERR"):
        code = "store.io"
    if code is None and name.startswith("SQLITE_CONSTRAINT"):
        code = "store.refused"
    return StoreError(code or "store.failed", where=str(path), name=name or type(error).__name__)


class _Reading:
    """What can be read over one connection."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path

    def _rows(self, row: type[_Row], sql: str, parameters: Sequence[object] = ()) -> Iterator[_Row]:
        cursor = None
        try:
            # A cursor of its own: iterators of several tables run side by side.
            cursor = self._db.cursor()
            cursor.arraysize = 256
            yield from map(row._make, cursor.execute(sql, parameters))  # type: ignore[attr-defined]
        except sqlite3.Error as error:
            raise _translate(error, self._path) from None
        finally:
            # An iterator that was left in the middle may outlive its connection.
            with suppress(sqlite3.Error):
                if cursor is not None:
                    cursor.close()

    def _one(self, row: type[_Row], sql: str, parameters: Sequence[object] = ()) -> _Row | None:
        found = self._fetch(sql, parameters)
        return row._make(found[0]) if found else None  # type: ignore[attr-defined]

    def _fetch(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _translate(error, self._path) from None

    # The log

    def head(self, shard: int) -> Head | None:
        return self._one(Head, _HEAD, (batch_id(shard, 0, 0), batch_id(shard + 1, 0, 0) - 1))

    def _span(self, shard: int, gen: int, start: int, stop: int | None) -> tuple[int, int]:
        """Rowids from the batch that holds entry ``start`` to before the first batch from ``stop`` on."""
        first = batch_id(shard, gen, 0)
        found = self._fetch("SELECT max(id) FROM log_batch WHERE id BETWEEN ? AND ?", (first, first + start))
        end = batch_id(shard, gen + 1, 0) if stop is None else first + stop
        return found[0][0] or first, end

    def batches(self, shard: int, gen: int, *, start: int = 0, stop: int | None = None) -> Iterator[LogBatch]:
        return self._rows(
            LogBatch,
            f"SELECT {_columns(LogBatch)} FROM log_batch WHERE id >= ? AND id < ? ORDER BY id",
            self._span(shard, gen, start, stop),
        )

    def details(
        self, shard: int, gen: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[LogDetail]:
        first, end = self._span(shard, gen, start, stop)
        return self._rows(
            LogDetail,
            f"SELECT {_columns(LogDetail)} FROM log_detail WHERE id >= ? AND id < ? ORDER BY id",
            (first << RULE_BITS, end << RULE_BITS),
        )

    def last_frontier(self, shard: int, gen: int) -> LogBatch | None:
        return self._one(
            LogBatch,
            f"SELECT {_columns(LogBatch)} FROM log_batch WHERE id BETWEEN ? AND ? "
            "AND frontier IS NOT NULL ORDER BY id DESC LIMIT 1",
            (batch_id(shard, gen, 0), batch_id(shard, gen + 1, 0) - 1),
        )

    def generations(self, shard: int) -> list[int]:
        head = self.head(shard)
        return [] if head is None else list(range(head.gen + 1))

    def checkpoints(self, shard: int, gen: int) -> Iterator[Checkpoint]:
        return self._rows(
            Checkpoint,
            f"SELECT {_columns(Checkpoint)} FROM checkpoint WHERE shard = ? AND gen = ? ORDER BY size",
            (shard, gen),
        )

    def last_checkpoint(self, shard: int, gen: int) -> Checkpoint | None:
        return self._one(
            Checkpoint,
            f"SELECT {_columns(Checkpoint)} FROM checkpoint WHERE shard = ? AND gen = ? "
            "ORDER BY size DESC LIMIT 1",
            (shard, gen),
        )

    def tiles(self, shard: int, gen: int) -> Iterator[Tile]:
        return self._rows(
            Tile,
            f"SELECT {_columns(Tile)} FROM log_tile WHERE shard = ? AND gen = ? ORDER BY level, idx",
            (shard, gen),
        )

    def tile(self, shard: int, gen: int, level: int, idx: int) -> bytes | None:
        found = self._fetch(
            "SELECT hashes FROM log_tile WHERE shard = ? AND gen = ? AND level = ? AND idx = ?",
            (shard, gen, level, idx),
        )
        return found[0][0] if found else None

    # Records

    def _versions(self, rest: str, parameters: Sequence[object]) -> Iterator[Version]:
        return self._rows(Version, f"SELECT {_columns(Version)} FROM record_version {rest}", parameters)

    def versions_by_entry(self, shard: int, gen: int) -> Iterator[Version]:
        return self._versions("WHERE shard = ? AND gen = ? ORDER BY seq, record, version", (shard, gen))

    def versions_by_record(self, shard: int) -> Iterator[Version]:
        return self._versions("WHERE shard = ? ORDER BY record, version", (shard,))

    def versions_of(self, shard: int, record: bytes) -> list[Version]:
        return list(self._versions("WHERE shard = ? AND record = ? ORDER BY version", (shard, record)))

    def versions_at(self, shard: int, gen: int, first: int, last: int) -> list[Version]:
        return list(
            self._versions(
                "WHERE shard = ? AND gen = ? AND seq BETWEEN ? AND ? ORDER BY seq, record, version",
                (shard, gen, first, last),
            )
        )

    def version(self, shard: int, record: bytes, version: int | None = None) -> Version | None:
        wanted = 2**62 if version is None else version
        found = self._one(Version, _VERSION, (shard, record, wanted))
        return None if found is not None and version is not None and found.version != version else found

    def newest_versions(self, shard: int, records: Sequence[bytes]) -> dict[bytes, Version]:
        found: dict[bytes, Version] = {}
        for at in range(0, len(records), _PLACES_A_QUERY):
            some = records[at : at + _PLACES_A_QUERY]
            for row in self._fetch(_newest_query(len(some)), (shard, *some)):
                version = Version._make(row)
                found[version.record] = version
        return found

    def parts_at(self, shard: int, places: Sequence[tuple[bytes, int, int]]) -> list[Part]:
        found: list[Part] = []
        for at in range(0, len(places), _PLACES_A_QUERY):
            some = places[at : at + _PLACES_A_QUERY]
            rows = self._fetch(_places_query(len(some)), (shard, *chain.from_iterable(some)))
            found += map(Part._make, rows)
        return found

    def builtin(self, shard: int) -> list[tuple[int, bytes, int]]:
        return self._fetch(
            "SELECT type, record, max(version) FROM record_version WHERE shard = ? AND type < 256 "
            "GROUP BY type, record ORDER BY type, record",
            (shard,),
        )

    def parts_by_record(self, shard: int) -> Iterator[Part]:
        return self._rows(
            Part,
            f"SELECT {_columns(Part)} FROM part WHERE shard = ? ORDER BY record, grp, version",
            (shard,),
        )

    def parts_of(
        self, shard: int, record: bytes, version: int, groups: Collection[int] | None = None
    ) -> list[Part]:
        if groups is None:
            groups = [
                grp
                for (grp,) in self._fetch(
                    "SELECT DISTINCT grp FROM part WHERE shard = ? AND record = ?", (shard, record)
                )
            ]
        if not groups:
            return []
        return [
            Part._make(row)
            for row in self._fetch(_parts_query(len(groups)), (shard, record, version, *sorted(groups)))
        ]

    def side_parts(self, shard: int) -> Iterator[SidePart]:
        return self._rows(
            SidePart,
            f"SELECT {_columns(SidePart)} FROM side_part WHERE shard = ? ORDER BY gen, seq, record, version",
            (shard,),
        )

    def side_part(self, shard: int, gen: int, seq: int) -> list[SidePart]:
        return list(
            self._rows(
                SidePart,
                f"SELECT {_columns(SidePart)} FROM side_part WHERE shard = ? AND gen = ? AND seq = ? "
                "ORDER BY record, version",
                (shard, gen, seq),
            )
        )

    def files(self, shard: int) -> Iterator[File]:
        return self._rows(
            File, f"SELECT {_columns(File)} FROM file WHERE shard = ? ORDER BY record, file", (shard,)
        )

    def files_of(self, shard: int, record: bytes) -> list[File]:
        return list(
            self._rows(
                File,
                f"SELECT {_columns(File)} FROM file WHERE shard = ? AND record = ? ORDER BY file",
                (shard, record),
            )
        )

    def has_file(self, shard: int, file: bytes) -> bool:
        return bool(self._fetch("SELECT 1 FROM file WHERE shard = ? AND file = ?", (shard, file)))

    def subjects(self, shard: int) -> Iterator[Subject]:
        return self._rows(
            Subject, f"SELECT {_columns(Subject)} FROM subject WHERE shard = ? ORDER BY subject", (shard,)
        )

    def subject(self, shard: int, subject: bytes) -> Subject | None:
        return self._one(Subject, _SUBJECT, (shard, subject))

    def facets(self, shard: int) -> Iterator[Facet]:
        return self._rows(
            Facet, f"SELECT {_columns(Facet)} FROM facet WHERE shard = ? ORDER BY record, category", (shard,)
        )

    def facets_of(self, shard: int, record: bytes) -> list[Facet]:
        return [Facet._make(row) for row in self._fetch(_FACETS, (shard, record))]

    def states(self, shard: int) -> Iterator[State]:
        return self._rows(
            State, f"SELECT {_columns(State)} FROM state WHERE shard = ? ORDER BY id, category, n", (shard,)
        )

    def has_states(self, shard: int) -> bool:
        return bool(self._fetch("SELECT 1 FROM state WHERE shard = ? LIMIT 1", (shard,)))

    def state_of(self, shard: int, ids: Collection[bytes]) -> list[State]:
        newest: dict[tuple[bytes, int], State] = {}
        listed = list(ids)
        for place in range(0, len(listed), _IDS_A_QUERY):
            some = listed[place : place + _IDS_A_QUERY]
            for row in self._fetch(
                f"SELECT {_columns(State)} FROM state WHERE shard = ? "
                f"AND id IN ({', '.join('?' * len(some))}) ORDER BY id, category, n",
                (shard, *some),
            ):
                state = State._make(row)
                newest[state.id, state.category] = state
        return [state for state in newest.values() if state.state != "live"]

    def gaps(self, shard: int) -> Iterator[Gap]:
        return self._rows(
            Gap, f"SELECT {_columns(Gap)} FROM gap WHERE shard = ? ORDER BY record, grp, version", (shard,)
        )

    # Rebuildable

    def current(self, shard: int, record: bytes) -> Current | None:
        return self._one(Current, _CURRENT, (shard, record))

    def currents(self, shard: int) -> Iterator[Current]:
        return self._rows(
            Current, f"SELECT {_columns(Current)} FROM current WHERE shard = ? ORDER BY record", (shard,)
        )

    @staticmethod
    def _clear(number: int) -> str:
        return f"""json_extract(clear, '$."{int(number)}"')"""

    def _listing(self, shard: int, query: ListQuery) -> tuple[str, list[object]]:
        where = ["shard = ?", "type = ?", "deleted = ?"]
        parameters: list[object] = [shard, query.type, int(query.deleted)]
        for number, value in query.equals:
            where.append(f"{self._clear(number)} IS ?")
            parameters.append(value)
        return " AND ".join(where), parameters

    def list_current(self, shard: int, query: ListQuery) -> list[Current]:
        where, parameters = self._listing(shard, query)
        direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
        if query.order_by is None:
            order = f"record {direction}"
            if query.after is not None:
                where += f" AND record {beyond} ?"
                parameters.append(query.after[1])
        else:
            key = f"ifnull({self._clear(query.order_by)}, '')"
            order = f"{key} {direction}, record {direction}"
            if query.after is not None:
                where += f" AND ({key}, record) {beyond} (?, ?)"
                parameters += ["" if query.after[0] is None else query.after[0], query.after[1]]
        return [
            Current._make(row)
            for row in self._fetch(
                f"SELECT {_columns(Current)} FROM current WHERE {where} ORDER BY {order} LIMIT ?",
                (*parameters, query.limit),
            )
        ]

    def count_current(self, shard: int, query: ListQuery) -> int:
        where, parameters = self._listing(shard, query)
        return int(self._fetch(f"SELECT count(*) FROM current WHERE {where}", parameters)[0][0])

    def records_of_subject(self, shard: int, subject: bytes) -> list[Current]:
        return [
            Current._make(row)
            for row in self._fetch(
                f"SELECT {_columns(Current)} FROM current WHERE shard = ?1 AND record = ?2 UNION ALL "
                f"SELECT {_columns(Current)} FROM current WHERE shard = ?1 AND subject = ?2 "
                "AND subject <> record",
                (shard, subject),
            )
        ]

    def tokens(self, shard: int) -> Iterator[Token]:
        return self._rows(
            Token,
            f"SELECT {_columns(Token)} FROM token WHERE shard = ? ORDER BY field, kind, token, record",
            (shard,),
        )

    def find_tokens(
        self, shard: int, field: int, kind: int, tokens: Collection[bytes]
    ) -> dict[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = {token: [] for token in tokens}
        listed = sorted(found)
        for place in range(0, len(listed), _IDS_A_QUERY):
            some = listed[place : place + _IDS_A_QUERY]
            for token, record in self._fetch(
                "SELECT token, record FROM token WHERE shard = ? AND field = ? AND kind = ? "
                f"AND token IN ({', '.join('?' * len(some))})",
                (shard, field, kind, *some),
            ):
                found[token].append(record)
        return found

    def remembered(self, shard: int, actor: str, idem_key: str) -> Remembered | None:
        return self._one(
            Remembered,
            f"SELECT {_columns(Remembered)} FROM idem WHERE shard = ? AND actor = ? AND idem_key = ?",
            (shard, actor, idem_key),
        )

    def indexed_to(self, shard: int, gen: int) -> int:
        found = self._fetch("SELECT max(seq) FROM log_index WHERE shard = ? AND gen = ?", (shard, gen))
        return 0 if found[0][0] is None else int(found[0][0]) + 1

    def index_rows(self, shard: int, gen: int) -> Iterator[IndexRow]:
        return self._rows(
            IndexRow,
            f"SELECT {_columns(IndexRow)} FROM log_index WHERE shard = ? AND gen = ? ORDER BY seq",
            (shard, gen),
        )

    def index_abouts(self, shard: int, gen: int, first: int, last: int) -> list[tuple[int, bytes]]:
        return self._fetch(
            "SELECT seq, about FROM log_about WHERE shard = ? AND gen = ? AND seq BETWEEN ? AND ? "
            "ORDER BY seq, about",
            (shard, gen, first, last),
        )

    def find_entries(self, shard: int, gen: int, filters: LogFilter) -> list[IndexRow]:
        columns = ", ".join(f"i.{name}" for name in IndexRow._fields)
        where = ["i.shard = ?", "i.gen = ?"]
        parameters: list[object] = [shard, gen]
        source = "log_index i"
        if filters.about is not None:
            source += " JOIN log_about a ON a.shard = i.shard AND a.gen = i.gen AND a.seq = i.seq"
            where.append("a.about = ?")
            parameters.append(filters.about)
        for column, value in (
            ("actor", filters.actor),
            ("purpose", filters.purpose),
            ("outcome", filters.outcome),
            ("type", filters.type),
            ("op", filters.op),
        ):
            if value is not None:
                where.append(f"i.{column} = ?")
                parameters.append(value)
        if filters.kinds:
            where.append(f"i.kind IN ({', '.join('?' * len(filters.kinds))})")
            parameters += filters.kinds
        for test, bound in (
            ("i.time_us >= ?", filters.since_us),
            ("i.time_us < ?", filters.until_us),
            ("i.seq < ?", filters.before),
        ):
            if bound is not None:
                where.append(test)
                parameters.append(bound)
        return [
            IndexRow._make(row)
            for row in self._fetch(
                f"SELECT {columns} FROM {source} WHERE {' AND '.join(where)} ORDER BY i.seq DESC LIMIT ?",
                (*parameters, filters.limit),
            )
        ]

    def strays(self, shards: int) -> list[tuple[str, int | None]]:
        heads = [head for shard in range(shards) if (head := self.head(shard)) is not None]
        newest = max((head.gen for head in heads), default=-1)
        found: list[tuple[str, int | None]] = []
        for table in APPEND_ONLY:
            key, end = ("shard", shards)
            if table in ("log_batch", "log_detail"):
                key, end = "id", batch_id(shards, 0, 0) << (RULE_BITS if table == "log_detail" else 0)
            # One seek in the key for each, where a single condition would walk the table.
            outside = [f"{key} < 0", f"{key} >= {end}"]
            if table in ("checkpoint", "record_version"):
                for shard in range(shards):
                    outside += [f"shard = {shard} AND gen < 0", f"shard = {shard} AND gen > {newest}"]
            entry = _ENTRY_COLUMNS.get(table, "NULL")
            for condition in outside:
                for (index,) in self._fetch(f"SELECT {entry} FROM {table} WHERE {condition} LIMIT 1"):
                    found.append((table, index))
        return found

    def schema_faults(self) -> list[str]:
        expected = expected_objects()
        found = {
            name: sql
            for name, sql in self._fetch("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            if not name.startswith(("sqlite_stat", "sqlite_autoindex"))
        }
        return sorted(
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        )


class _Transaction(_Reading):
    """What one write transaction can add; used only inside ``SqliteStore.transaction``."""

    def _add(self, sql: str, rows: Sequence[tuple[Any, ...]], conflict: str | None = None) -> None:
        try:
            # The driver binds plain tuples in half the time.
            self._db.executemany(sql, map(tuple, rows))
        except sqlite3.IntegrityError as error:
            if conflict is None:
                raise _translate(error, self._path) from None
            raise Conflict(conflict) from None
        except sqlite3.Error as error:
            raise _translate(error, self._path) from None

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
            raise _translate(error, self._path) from None

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
            raise _translate(error, self._path) from None

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
            [(gap.shard, gap.record, gap.grp, gap.version) for gap in gaps],
        )

    def clear_rebuildable(self, tables: Collection[str]) -> None:
        for table in tables:
            if table not in REBUILDABLE:
                raise StoreError("store.refused", where=table, name=table)
            self._change(f"DELETE FROM {table}")

    def add_index(self, rows: Sequence[IndexRow], abouts: Sequence[tuple[int, int, int, bytes]]) -> None:
        self._add(_INSERT_INDEX, rows)
        self._add(
            "INSERT OR IGNORE INTO log_about(shard, gen, seq, about) VALUES (?, ?, ?, ?)", sorted(abouts)
        )

    def _change(self, sql: str, parameters: Sequence[object] = ()) -> None:
        try:
            self._db.execute(sql, parameters)
        except sqlite3.Error as error:
            raise _translate(error, self._path) from None


class _Scope:
    """A transaction as a block; a class, since every access of a record passes here."""

    __slots__ = ("_begin", "_db", "_lock", "_path")

    def __init__(self, db: sqlite3.Connection, path: Path, lock: threading.RLock, begin: str) -> None:
        self._db = db
        self._path = path
        self._lock = lock
        self._begin = begin

    def __enter__(self) -> Transaction:
        self._lock.acquire()
        try:
            self._db.execute(self._begin)
        except sqlite3.Error as error:
            self._lock.release()
            raise _translate(error, self._path) from None
        return _Transaction(self._db, self._path)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
                return
        except sqlite3.Error as failed:
            self._undo()
            raise _translate(failed, self._path) from None
        finally:
            if kind is not None:
                self._undo()
            self._lock.release()

    def _undo(self) -> None:
        # A full disk may have rolled back already.
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


class SqliteStore(_Reading):
    """One archive's rows in one SQLite file.

    Threads take turns; processes wait for one another at the start of a write.

    Args:
        path: the file, ``archive.db``.
        create: make the file, which must not be there yet.
        read_only: open without taking a lock or changing a byte.

    Raises:
        StoreError: the file cannot be opened, is of a newer format, or lacks a
            trigger that guards its append-only tables.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        if not create and not path.is_file():
            raise StoreError("store.missing", where=str(path))
        if create:
            # Ours alone from the first byte on, whatever the umask says.
            path.touch(mode=0o600, exist_ok=False)
        self._lock = threading.RLock()
        self._read_only = read_only
        super().__init__(self._connect(path), path)
        try:
            self._prepare(create)
        except BaseException:
            self._db.close()
            raise

    def _connect(self, path: Path) -> sqlite3.Connection:
        try:
            if not self._read_only:
                return self._opened(path, "mode=rw")
            connection = self._opened(path, "mode=ro")
            try:
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                connection.close()
                log = path.with_name(f"{path.name}-wal")
                if log.exists() and log.stat().st_size:
                    raise
                # A folder that cannot be written has no room for the file of locks; without a
                # write-ahead log the database alone is everything.
                connection = self._opened(path, "immutable=1")
            return connection
        except sqlite3.Error as error:
            raise _translate(error, path) from None

    def _opened(self, path: Path, query: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?{query}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_TIMEOUT_MS / 1000,
            cached_statements=256,
        )

    def _prepare(self, create: bool) -> None:
        try:
            if not self._read_only:
                self._db.execute("PRAGMA journal_mode = WAL")
            for setting in (
                "synchronous = FULL",
                "foreign_keys = ON",
                "recursive_triggers = ON",
                "secure_delete = ON",
                "temp_store = MEMORY",
                "trusted_schema = OFF",
                "cache_size = -65536",
                # 16 MiB of log before it is folded back: an update dirties nine pages, and most of
                # them again with the next one; ``truncate`` and closing fold all of it.
                "wal_autocheckpoint = 4000",
            ):
                self._db.execute(f"PRAGMA {setting}")
            done = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.Error as error:
            raise _translate(error, self._path) from None
        if done > len(STEPS):
            raise StoreError("store.newer", where=str(self._path), found=done, known=len(STEPS))
        if done == 0 and not create:
            raise StoreError("store.not_an_archive", where=str(self._path))
        if done < len(STEPS):
            self._migrate(done)
        faults = self.schema_faults()
        if faults:
            raise IntegrityError("integrity.schema", where=str(self._path), names=", ".join(faults))

    def _migrate(self, done: int) -> None:
        from sqlite_utils import Database

        database = Database(self._db)
        try:
            for number, step in enumerate(STEPS[done:], start=done + 1):
                with database.atomic():
                    for statement in step:
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {number}")
        except sqlite3.Error as error:
            raise _translate(error, self._path) from None

    def transaction(self, *, write: bool = True) -> AbstractContextManager[Transaction]:
        """One transaction; commits when the block ends well, else leaves nothing."""
        return _Scope(self._db, self._path, self._lock, "BEGIN IMMEDIATE" if write else "BEGIN")

    @contextmanager
    def snapshot(self) -> Iterator[_Reading]:
        """A reader with a connection of its own that sees one state while others write."""
        connection = self._connect(self._path)
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("BEGIN")
            yield _Reading(connection, self._path)
        finally:
            connection.close()

    def truncate(self) -> None:
        """Fold the write-ahead log back, so that disposed bytes are gone from it."""
        with self._lock:
            self._fetch("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file; the last process to close folds the write-ahead log back."""
        with self._lock:
            self._db.close()
