"""The tables of the SQLite store, made and changed step by step.

A step and the record that it ran share one transaction: the record is SQLite's
own ``user_version``, which is part of the file's header page. Steps are never
edited once released; a change is a new step at the end.

Large rows that are only appended (``log_batch``) are kept by rowid: WITHOUT
ROWID would put them into interior pages, at three times the space. Their key is
packed into the rowid, and the columns of the key are computed from it.

Tables are STRICT: raw SQL that puts text where bytes belong is refused by
SQLite itself, and whoever reads a row gets the types it was made with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

__all__ = ["APPEND_ONLY", "KEYS", "REBUILDABLE", "STEPS", "batch_id", "detail_id", "expected_objects"]

SEQ_BITS: Final = 40
_GEN_BITS: Final = 11
RULE_BITS: Final = 4
SHARD_SHIFT: Final = SEQ_BITS + _GEN_BITS
SEQ_MASK: Final = (1 << SEQ_BITS) - 1
GEN_MASK: Final = (1 << _GEN_BITS) - 1
RULE_MASK: Final = (1 << RULE_BITS) - 1


def batch_id(shard: int, gen: int, first_seq: int) -> int:
    """The rowid of a batch: shard 8 bits | generation 11 | first_seq 40, so that one tree holds row and key.

    SQLite keeps a composite key in a second tree; packed into the rowid it costs
    no page of its own, and every access of a record appends here.
    """
    return shard << SHARD_SHIFT | gen << SEQ_BITS | first_seq


def detail_id(shard: int, gen: int, first_seq: int, rule: int) -> int:
    """The rowid of details: that of their batch, and four bits for the rule."""
    return batch_id(shard, gen, first_seq) << RULE_BITS | rule


KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "log_batch": ("id",),
    "log_detail": ("id",),
    "checkpoint": ("shard", "gen", "size"),
    "record_version": ("shard", "record", "version"),
    "part": ("shard", "record", "grp", "version"),
    "side_part": ("shard", "record", "version"),
    "file": ("shard", "file"),
    "subject": ("shard", "subject"),
    "facet": ("shard", "record", "category"),
    "state": ("shard", "id", "category", "n"),
    "gap": ("shard", "record", "grp", "version"),
    "log_gap": ("id",),
}
"""The append-only tables and their keys."""

APPEND_ONLY: Final = tuple(KEYS)

REBUILDABLE: Final = ("current", "token", "log_index", "log_shape", "log_about", "log_tile")
"""Tables that are computed from the others; in no backup, mended by ``data rebuild``."""

_TABLES: Final = (
    f"""CREATE TABLE log_batch(
        id INTEGER PRIMARY KEY, n INTEGER NOT NULL, prev_root BLOB NOT NULL, root BLOB NOT NULL,
        frontier BLOB, entries BLOB NOT NULL, mac BLOB NOT NULL, created_us INTEGER NOT NULL,
        shard INTEGER GENERATED ALWAYS AS (id >> {SHARD_SHIFT}) VIRTUAL,
        gen INTEGER GENERATED ALWAYS AS (id >> {SEQ_BITS} & {GEN_MASK}) VIRTUAL,
        first_seq INTEGER GENERATED ALWAYS AS (id & {SEQ_MASK}) VIRTUAL) STRICT""",
    f"""CREATE TABLE log_detail(
        id INTEGER PRIMARY KEY, details BLOB NOT NULL,
        shard INTEGER GENERATED ALWAYS AS (id >> {SHARD_SHIFT + RULE_BITS}) VIRTUAL,
        gen INTEGER GENERATED ALWAYS AS (id >> {SEQ_BITS + RULE_BITS} & {GEN_MASK}) VIRTUAL,
        first_seq INTEGER GENERATED ALWAYS AS (id >> {RULE_BITS} & {SEQ_MASK}) VIRTUAL,
        rule INTEGER GENERATED ALWAYS AS (id & {RULE_MASK}) VIRTUAL) STRICT""",
    """CREATE TABLE log_tile(
        shard INTEGER NOT NULL, gen INTEGER NOT NULL, level INTEGER NOT NULL, idx INTEGER NOT NULL,
        hashes BLOB NOT NULL, PRIMARY KEY(shard, gen, level, idx)) STRICT""",
    """CREATE TABLE checkpoint(
        shard INTEGER NOT NULL, gen INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
        note TEXT NOT NULL, PRIMARY KEY(shard, gen, size)) STRICT""",
    """CREATE TABLE record_version(
        shard INTEGER NOT NULL, record BLOB NOT NULL, version INTEGER NOT NULL, subject BLOB NOT NULL,
        gen INTEGER NOT NULL, seq INTEGER NOT NULL, type INTEGER NOT NULL, definition INTEGER NOT NULL,
        operation INTEGER NOT NULL, prev_hash BLOB NOT NULL, hash BLOB NOT NULL, parts BLOB NOT NULL,
        recorded_us INTEGER NOT NULL, effective_us INTEGER NOT NULL,
        PRIMARY KEY(shard, record, version)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX record_version_entry ON record_version(shard, gen, seq)",
    # Definitions and users must be found also where the current state was lost.
    # What concerns a subject must be found for an erasure, whatever happened to the current state.
    "CREATE INDEX record_version_subject ON record_version(shard, subject, record) "
    "WHERE version = 1 AND subject <> record",
    "CREATE INDEX record_version_builtin ON record_version(shard, type, record, version) WHERE type < 256",
    """CREATE TABLE part(
        shard INTEGER NOT NULL, record BLOB NOT NULL, grp INTEGER NOT NULL, version INTEGER NOT NULL,
        sealed BLOB NOT NULL, PRIMARY KEY(shard, record, grp, version)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE side_part(
        shard INTEGER NOT NULL, record BLOB NOT NULL, version INTEGER NOT NULL,
        gen INTEGER NOT NULL, seq INTEGER NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY(shard, record, version)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX side_part_entry ON side_part(shard, gen, seq)",
    """CREATE TABLE file(
        shard INTEGER NOT NULL, file BLOB NOT NULL, record BLOB NOT NULL, version INTEGER NOT NULL,
        grp INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY(shard, file)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX file_record ON file(shard, record)",
    """CREATE TABLE subject(
        shard INTEGER NOT NULL, subject BLOB NOT NULL, slot INTEGER NOT NULL UNIQUE,
        PRIMARY KEY(shard, subject)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE facet(
        shard INTEGER NOT NULL, record BLOB NOT NULL, category INTEGER NOT NULL,
        slot INTEGER NOT NULL UNIQUE, PRIMARY KEY(shard, record, category)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE state(
        shard INTEGER NOT NULL, id BLOB NOT NULL, category INTEGER NOT NULL, n INTEGER NOT NULL,
        state TEXT NOT NULL, gen INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(shard, id, category, n)) STRICT, WITHOUT ROWID""",
    # An erasure that was cut short is found by the newest state.
    "CREATE INDEX state_entry ON state(shard, gen, seq)",
    """CREATE TABLE gap(
        shard INTEGER NOT NULL, record BLOB NOT NULL, grp INTEGER NOT NULL, version INTEGER NOT NULL,
        hash BLOB NOT NULL, gen INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(shard, record, grp, version)) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE log_gap(
        id INTEGER PRIMARY KEY, by_gen INTEGER NOT NULL, by_seq INTEGER NOT NULL,
        shard INTEGER GENERATED ALWAYS AS (id >> {SHARD_SHIFT + RULE_BITS}) VIRTUAL,
        gen INTEGER GENERATED ALWAYS AS (id >> {SEQ_BITS + RULE_BITS} & {GEN_MASK}) VIRTUAL,
        first_seq INTEGER GENERATED ALWAYS AS (id >> {RULE_BITS} & {SEQ_MASK}) VIRTUAL,
        rule INTEGER GENERATED ALWAYS AS (id & {RULE_MASK}) VIRTUAL) STRICT""",
    """CREATE TABLE idem(
        shard INTEGER NOT NULL, actor TEXT NOT NULL, idem_key TEXT NOT NULL, gen INTEGER NOT NULL,
        seq INTEGER NOT NULL, request_hash BLOB NOT NULL, created_us INTEGER NOT NULL,
        PRIMARY KEY(shard, actor, idem_key)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX idem_created ON idem(created_us)",
    """CREATE TABLE current(
        shard INTEGER NOT NULL, record BLOB NOT NULL, type INTEGER NOT NULL, subject BLOB NOT NULL,
        version INTEGER NOT NULL, deleted INTEGER NOT NULL, clear TEXT NOT NULL,
        PRIMARY KEY(shard, record)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX current_type ON current(shard, type, deleted, record)",
    """CREATE TABLE token(
        shard INTEGER NOT NULL, field INTEGER NOT NULL, kind INTEGER NOT NULL, token BLOB NOT NULL,
        record BLOB NOT NULL, PRIMARY KEY(shard, field, kind, token, record)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE log_index(
        shard INTEGER NOT NULL, gen INTEGER NOT NULL, seq INTEGER NOT NULL, time_us INTEGER NOT NULL,
        kind TEXT NOT NULL, actor TEXT NOT NULL, purpose TEXT NOT NULL, outcome TEXT NOT NULL,
        type TEXT NOT NULL, op TEXT NOT NULL, records INTEGER NOT NULL, shape INTEGER NOT NULL,
        PRIMARY KEY(shard, gen, seq)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX log_index_actor ON log_index(shard, gen, actor, seq)",
    "CREATE INDEX log_index_kind ON log_index(shard, gen, kind, seq)",
    "CREATE INDEX log_index_purpose ON log_index(shard, gen, purpose, seq)",
    "CREATE INDEX log_index_outcome ON log_index(shard, gen, outcome, seq)",
    "CREATE INDEX log_index_type ON log_index(shard, gen, type, seq)",
    "CREATE INDEX log_index_records ON log_index(shard, gen, records, seq)",
    "CREATE INDEX log_index_shape ON log_index(shard, gen, shape, seq)",
    "CREATE INDEX log_index_time ON log_index(shard, gen, time_us)",
    "CREATE INDEX log_index_op ON log_index(shard, gen, op, seq)",
    """CREATE TABLE log_shape(
        shard INTEGER NOT NULL, shape INTEGER NOT NULL, terms TEXT NOT NULL,
        PRIMARY KEY(shard, shape)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE log_about(
        shard INTEGER NOT NULL, about BLOB NOT NULL, gen INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(shard, about, gen, seq)) STRICT, WITHOUT ROWID""",
)


_DOORS: Final = {
    "part": "gap WHERE shard = OLD.shard AND record = OLD.record AND grp = OLD.grp AND version = OLD.version",
    "side_part": "gap WHERE shard = OLD.shard AND record = OLD.record AND grp = 0 AND version = OLD.version",
    "log_detail": "log_gap WHERE id = OLD.id",
}
"""The tables that rows may leave, and the gap that each of them leaves behind."""


def _guards() -> Iterator[str]:
    """Triggers that keep append-only rows as they were written.

    A plain INSERT OR REPLACE passes a DELETE trigger unless the connection
    asked for recursive triggers, so the INSERT is guarded as well.
    """
    for table, key in KEYS.items():
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        yield (
            f"CREATE TRIGGER {table}_guard_insert BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, 'append-only: {table} has this row'); END"
        )
        yield (
            f"CREATE TRIGGER {table}_guard_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'append-only: {table} is never updated'); END"
        )
        if table not in _DOORS:
            yield (
                f"CREATE TRIGGER {table}_guard_delete BEFORE DELETE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'append-only: {table} is never deleted'); END"
            )
    # The doors for disposal: a row goes only when its gap, which names the entry, is there.
    for table, gap in _DOORS.items():
        yield (
            f"CREATE TRIGGER {table}_guard_delete BEFORE DELETE ON {table} "
            f"WHEN NOT EXISTS (SELECT 1 FROM {gap}) "
            f"BEGIN SELECT RAISE(ABORT, 'append-only: {table} goes only under an entry that covers it'); END"
        )


STEPS: Final[tuple[tuple[str, ...], ...]] = ((*_TABLES, *_guards()),)
"""The statements of each step; ``user_version`` counts the steps that ran."""


def expected_objects() -> dict[str, str]:
    """Name and SQL of every table, index and trigger that a current file has."""
    made = {}
    for step in STEPS:
        for statement in step:
            made[statement.split("(")[0].split()[2]] = statement
    return made
