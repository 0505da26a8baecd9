"""An edit of any column of any table is found and named: the tables and columns are those that SQLite lists.

Tables that can be computed anew are mended by ``data rebuild`` and have tests of their own;
``idem`` holds answers to retries for a day and is outside the claim.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from muniment.errors import IntegrityError
from muniment.stores.migrations import REBUILDABLE, STEPS

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
OUTSIDE = {*REBUILDABLE, "idem"}


def _schema() -> dict[str, tuple[list[str], list[str]]]:
    """The columns and the primary key of each table; computed columns are no columns."""
    with closing(sqlite3.connect(":memory:")) as db:
        for step in STEPS:
            for statement in step:
                db.execute(statement)
        found = {}
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if not table.startswith("sqlite_"):
                columns = db.execute(f"PRAGMA table_info({table})").fetchall()
                keys = sorted((place, name) for _, name, _, _, _, place in columns if place)
                found[table] = ([name for _, name, *_ in columns], [name for _, name in keys])
        return found


SCHEMA = _schema()
COLUMNS = [
    (table, column) for table, (columns, _) in SCHEMA.items() if table not in OUTSIDE for column in columns
]


def _others(value: object) -> list[object]:
    """Values near enough to be taken for the one there, and one of another type."""
    if value is None:
        return [b"", bytes(32)]
    if isinstance(value, int):
        return [value + 1, value - 1, value ^ 1 << 20, str(value) + "x", 1.5]
    if isinstance(value, str):
        return [value + "x", value[:-1], value.swapcase(), value.encode()]
    assert isinstance(value, bytes)
    flipped = [
        value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] for at in {0, len(value) // 2, len(value) - 1}
    ]
    return [*flipped, value[:-1], value + b"\0", b"", bytes(len(value)), value.hex()]


def _entries_of(db: sqlite3.Connection, table: str, row: dict[str, object]) -> set[object]:
    """The indexes that may be named for a row: of the entries that wrote it or that concern it."""
    if table in ("log_batch", "log_detail", "log_gap"):
        first = row["first_seq"]
        (n,) = db.execute("SELECT n FROM log_batch WHERE first_seq = ?", (first,)).fetchone()
        return set(range(first, first + n + 1)) | {row.get("by_seq", first)}
    if table == "checkpoint":
        return {row["size"]}
    about = row.get("record") or row.get("subject") or row["id"]
    found = []
    for column, where in (("record_version", "?1 IN (record, subject)"), ("side_part", "record = ?1")):
        found += db.execute(f"SELECT seq FROM {column} WHERE {where}", (about,)).fetchall()
    if table in ("state", "gap"):
        found += db.execute("SELECT seq FROM state WHERE id = ?", (about,)).fetchall()
    return {seq for (seq,) in found} | {row.get("seq", 0)}


def _rows(folder: Path, table: str) -> list[dict[str, object]]:
    order = ", ".join(SCHEMA[table][1])
    computed = ", first_seq" if table in ("log_batch", "log_detail", "log_gap") else ""
    with closing(sqlite3.connect(folder / "archive.db")) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"SELECT *{computed} FROM {table} ORDER BY {order}")]


def _edit(
    guardless, folder: Path, table: str, row: dict[str, object], column: str, value: object
) -> set[object] | None:
    """Change one cell; gives the entries that may be named, or None where SQLite itself refuses."""
    keys = SCHEMA[table][1]
    where = " AND ".join(f"{key} = ?" for key in keys)
    try:
        with guardless(folder) as db:
            named = _entries_of(db, table, row)
            place = [row[key] for key in keys]
            done = db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *place))
            assert done.rowcount == 1
    except sqlite3.IntegrityError:
        return None
    # A row that now says it belongs to another entry may be missed or found in either place.
    return named | {value} if column in ("seq", "size", "by_seq") else named


def _cases(rows: list[dict[str, object]], column: str) -> list[tuple[int, object]]:
    """Which row to edit and what to put there: some of the rows, in a soak more, and with every edit."""
    step = len(rows) // (12 if SOAK else 2) or 1
    places = sorted({*range(0, len(rows), step), len(rows) - 1})
    cases = [(place, value) for place in places for value in _others(rows[place][column])]
    cases = [(place, value) for place, value in cases if value != rows[place][column]]
    return cases if SOAK else cases[:: max(1, len(cases) // 5)]


def _ways(place: int) -> tuple[bool, ...]:
    """With keys and without; both for the first row, in a soak for each."""
    return (True, False) if SOAK or place == 0 else (True,)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_an_edited_column_is_found_and_named(victim, grown, guardless, verify, table, column):
    """Whatever is written into a cell, verification names an entry that the row belongs to."""
    rows = _rows(grown, table)
    assert rows
    missed = []
    for place, value in _cases(rows, column):
        folder = victim()
        named = _edit(guardless, folder, table, rows[place], column, value)
        if named is None:
            continue
        for keys in _ways(place):
            if not keys and (table, column) == ("log_batch", "mac"):
                continue  # that is what only the key store's holder can check
            try:
                verify(folder, keys=keys)
            except IntegrityError as error:
                index = error.parameters.get("index")
                if index not in named:
                    missed.append((place, value, f"{error.code} at {index}, not {sorted(named)}"))
            else:
                missed.append((place, value, "not found"))
    assert missed == []


TABLES = sorted({table for table, _ in COLUMNS})


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_a_deleted_row_is_found_and_named(victim, grown, guardless, verify, table):
    """Any row: an entry says that it was there. A checkpoint is missed by whoever kept a copy of it."""
    rows, keys = _rows(grown, table), SCHEMA[table][1]
    if table == "checkpoint":
        rows = []
    missed = []
    step = max(1, len(rows) // (40 if SOAK else 4))
    for row in [*rows[::step], *rows[-1:]]:
        folder = victim()
        with guardless(folder) as db:
            named = _entries_of(db, table, row)
            where = " AND ".join(f"{key} = ?" for key in keys)
            assert db.execute(f"DELETE FROM {table} WHERE {where}", [row[key] for key in keys]).rowcount == 1
        for with_keys in (True, False):
            try:
                verify(folder, keys=with_keys)
            except IntegrityError as error:
                index = error.parameters.get("index")
                # Without its only batch at the end the log is shorter, which its last signature tells.
                if index not in named:
                    missed.append((row, f"{error.code} at {index}, not {sorted(named)}"))
            else:
                missed.append((row, with_keys))
    assert missed == []


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column"), [(table, key) for table in TABLES for key in SCHEMA[table][1]])
def test_an_inserted_row_is_found(victim, grown, guardless, verify, table, column):
    """A copy of a row under another key, wherever it is put."""
    rows, columns = _rows(grown, table), SCHEMA[table][0]
    missed = []
    for place, value in _cases(rows, column):
        folder = victim()
        made = {name: rows[place][name] for name in columns} | {column: value}
        if "slot" in made:
            made["slot"] = 70_000
        try:
            with guardless(folder) as db:
                marks = ", ".join("?" * len(made))
                db.execute(f"INSERT INTO {table}({', '.join(made)}) VALUES ({marks})", [*made.values()])
        except sqlite3.IntegrityError:
            continue
        for keys in _ways(place):
            try:
                verify(folder, keys=keys)
            except IntegrityError:
                continue
            missed.append((made, keys))
    assert missed == []


def test_the_unedited_archive_is_sound(victim, guardless, verify):
    """Taking the guards down and up again alone changes nothing, or the tests here would prove nothing."""
    folder = victim()
    with guardless(folder):
        pass
    verify(folder)
    verify(folder, keys=False)
