from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from muniment.stores.migrations import KEYS
from muniment.stores.sqlite import SqliteStore


class SqliteMaker:
    """Makes SQLite stores in one folder, and reaches into the newest with a plain connection."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    @property
    def path(self) -> Path:
        return self._folder / f"{self._made}.db"

    @property
    def attacks(self) -> Mapping[str, str]:
        found = {}
        for table, key in KEYS.items():
            found[f"delete {table}"] = f"DELETE FROM {table}"
            for column in self._columns(table):
                found[f"update {table}.{column}"] = f"UPDATE {table} SET {column} = {column}"
            listed = ", ".join(self._columns(table))
            copy = f"INTO {table}({listed}) SELECT {listed} FROM {table}"
            for verb in ("INSERT OR REPLACE", "REPLACE"):
                found[f"{verb} {table}"] = f"{verb} {copy}"
            found[f"update or replace {table}"] = f"UPDATE OR REPLACE {table} SET {key[-1]} = {key[-1]}"
            same = ", ".join(f"{column} = excluded.{column}" for column in self._columns(table))
            found[f"upsert {table}"] = f"INSERT {copy} WHERE true ON CONFLICT DO UPDATE SET {same}"
        return found

    def _columns(self, table: str) -> list[str]:
        db = sqlite3.connect(self.path)
        try:
            return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        finally:
            db.close()

    def make(self) -> SqliteStore:
        self._made += 1
        return SqliteStore(self.path, create=True)

    def again(self) -> SqliteStore:
        return SqliteStore(self.path)

    def attack(self, statement: str) -> bool:
        # Nothing but the defaults: no recursive triggers, no foreign keys.
        db = sqlite3.connect(self.path)
        try:
            done = db.execute(statement)
        except sqlite3.IntegrityError:
            return True
        finally:
            db.rollback()
            db.close()
        if done.rowcount < 1:
            raise LookupError(statement)
        return False


@pytest.fixture
def store_maker(tmp_path: Path) -> SqliteMaker:
    return SqliteMaker(tmp_path)
