"""The SQLite store keeps what every store promises, and what only a file can break is noticed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from muniment.errors import IntegrityError, StoreError
from muniment.stores.migrations import KEYS, STEPS, expected_objects
from muniment.stores.sqlite import SqliteStore
from muniment.testing.store_contract import *  # noqa: F403  the contract's own tests run here


def _raw(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


GUARDS = sorted(name for name, sql in expected_objects().items() if sql.startswith("CREATE TRIGGER"))


def test_every_append_only_table_has_its_guards():
    """Against inserting over a row, changing one and removing one."""
    assert (
        sorted(f"{table}_guard_{what}" for table in KEYS for what in ("insert", "update", "delete")) == GUARDS
    )


@pytest.mark.parametrize("name", GUARDS)
def test_a_dropped_trigger_is_found_at_opening(store_maker, name):
    """Whoever takes a guard away leaves a file that does not open."""
    store_maker.make().close()
    _raw(store_maker.path, f"DROP TRIGGER {name}")
    with pytest.raises(IntegrityError) as caught:
        store_maker.again()
    assert ("integrity.schema", name) == (caught.value.code, caught.value.parameters["names"])


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra(x)",
        "CREATE INDEX extra ON part(version)",
        "CREATE VIEW extra AS SELECT 1",
        "CREATE TRIGGER extra AFTER INSERT ON part BEGIN DELETE FROM gap; END",
        "ALTER TABLE part ADD COLUMN extra INTEGER",
        "DROP INDEX current_type",
    ],
)
def test_a_changed_schema_is_found_while_open(store_maker, statement):
    """A table, view, index or trigger more or less, or a changed one, is named."""
    with closing(store_maker.make()) as opened:
        _raw(store_maker.path, statement)
        named = opened.schema_faults()
        assert 1 == len(named)
        assert named[0] in statement


def test_a_file_of_a_newer_muniment_is_left_alone(store_maker):
    """Its format is not guessed."""
    store_maker.make().close()
    _raw(store_maker.path, f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(StoreError) as caught:
        store_maker.again()
    assert "store.newer" == caught.value.code


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "store.missing"), (b"", "store.not_an_archive"), (b"no database" * 100, "store.not_a_database")],
)
def test_what_is_no_archive_is_not_opened(tmp_path, content, code):
    """Nor changed into one."""
    path = tmp_path / "archive.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        SqliteStore(path)
    assert code == caught.value.code
    if content:
        assert content == path.read_bytes()
    else:
        # Of an empty file SQLite makes an empty database; no table of ours is in it.
        assert not path.exists() or b"CREATE" not in path.read_bytes()


def test_the_file_is_for_its_owner_alone(store_maker):
    """From the first byte on, with its write-ahead log, whatever the umask."""
    before = os.umask(0)
    try:
        with closing(store_maker.make()) as opened, opened.transaction():
            files = list(store_maker.path.parent.glob("*.db*"))
            assert 3 == len(files)
            assert {0o600} == {path.stat().st_mode & 0o777 for path in files}
    finally:
        os.umask(before)


SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "secure_delete": 1,
    "temp_store": 2,
    "trusted_schema": 1,
}


def test_settings_that_keep_the_promises(store_maker):
    """Write-ahead log, synced commits, no deleted byte left, no temporary file."""
    with closing(store_maker.make()) as opened:
        found = {name: opened._db.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}
    assert SETTINGS == found


def test_reading_only_changes_no_byte(store_maker):
    """A store opened to be looked at cannot be written."""
    store_maker.make().close()
    before = store_maker.path.read_bytes()
    with closing(SqliteStore(store_maker.path, read_only=True)) as opened:
        with pytest.raises(StoreError) as caught, opened.transaction() as tx:
            tx.clear_rebuildable(["current"])
        assert "store.read_only" == caught.value.code
    assert before == store_maker.path.read_bytes()
