"""keys.db: its tables, how it is opened, and what SQLite's errors mean here."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from muniment.errors import KeyStoreError, MunimentError
from muniment.keys._files import sync_folder, translated

__all__ = ["connect", "create", "exists", "sql_error"]

_APPLICATION: Final = 0x4D554B59  # "MUKY"
_FORMAT: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE store(id INTEGER PRIMARY KEY CHECK (id = 1), archive BLOB NOT NULL, epoch INTEGER NOT NULL,"
    " destructions INTEGER NOT NULL, rotation_due INTEGER NOT NULL) STRICT",
    "CREATE TABLE page(page INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT",
    "CREATE TABLE box(name TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT",
)
_CODES: Final = {
    sqlite3.SQLITE_BUSY: "key.busy",
    sqlite3.SQLITE_LOCKED: "key.busy",
    sqlite3.SQLITE_READONLY: "key.read_only",
    sqlite3.SQLITE_PERM: "key.read_only",
    sqlite3.SQLITE_CANTOPEN: "key.no_file",
    sqlite3.SQLITE_FULL: "key.disk_full",
    sqlite3.SQLITE_NOTADB: "key.store_damaged",
    sqlite3.SQLITE_CORRUPT: "key.store_damaged",
}


def sql_error(error: sqlite3.Error, path: Path) -> MunimentError:
    """The error of ours that one of SQLite's means."""
    number = getattr(error, "sqlite_errorcode", None)
    if number is None and isinstance(error, sqlite3.ProgrammingError):
        return KeyStoreError("key.closed", where=str(path))
    code = _CODES.get((number or 0) & 0xFF, "key.io")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return KeyStoreError(code, where=str(path), name=name)


def _open(path: Path, query: str, timeout_seconds: float) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?{query}"
    return sqlite3.connect(
        address, uri=True, timeout=timeout_seconds, isolation_level=None, check_same_thread=False
    )


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA fullfsync=ON")  # macOS: fsync alone does not reach the disk
    db.execute("PRAGMA secure_delete=ON")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA trusted_schema=OFF")


def exists(path: Path) -> bool:
    """Whether a whole key store is there; one whose first commit never came counts as none.

    Raises:
        KeyStoreError: ``key.store_damaged`` where the file is something else.
    """
    if not path.exists():
        return False
    try:
        db = _open(path, "mode=rw", 1.0)
        try:
            return db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'store'").fetchone() is not None
        finally:
            db.close()
    except sqlite3.Error as error:
        raise sql_error(error, path) from error


def create(path: Path, *, timeout_seconds: float) -> sqlite3.Connection:
    """Begin a new keys.db; gives a connection inside its first transaction, which the caller commits."""
    for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with translated(name):
            name.unlink(missing_ok=True)
    with translated(path):
        # made by us first, so that others can never read it, nor its WAL and shm, which take its mode
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        sync_folder(path.parent)
    try:
        db = _open(path, "mode=rw", timeout_seconds)
        _prepare(db)
        db.execute("BEGIN IMMEDIATE")
        db.execute(f"PRAGMA application_id={_APPLICATION}")
        db.execute(f"PRAGMA user_version={_FORMAT}")
        for statement in _SCHEMA:
            db.execute(statement)
    except sqlite3.Error as error:
        raise sql_error(error, path) from error
    return db


def connect(path: Path, *, read_only: bool, timeout_seconds: float) -> sqlite3.Connection:
    """Open an existing keys.db.

    Raises:
        KeyStoreError: ``key.store_missing``, ``key.store_damaged``, ``key.store_format``, ``key.read_only``.
    """
    if not path.is_file():
        raise KeyStoreError("key.store_missing", where=str(path))
    try:
        db = _open_read_only(path, timeout_seconds) if read_only else _open(path, "mode=rw", timeout_seconds)
        try:
            if not read_only:
                _prepare(db)
            application = db.execute("PRAGMA application_id").fetchone()[0]
            form = db.execute("PRAGMA user_version").fetchone()[0]
            begun = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'store'").fetchone()
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise sql_error(error, path) from error
    if begun is None:
        db.close()
        raise KeyStoreError("key.store_missing", where=str(path))
    if application != _APPLICATION or form != _FORMAT:
        db.close()
        raise KeyStoreError("key.store_format", where=str(path), number=form)
    return db


def _open_read_only(path: Path, timeout_seconds: float) -> sqlite3.Connection:
    db = _open(path, "mode=ro", timeout_seconds)
    try:
        db.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        db.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise
        # a folder that cannot be written holds no shm file; without a WAL the file alone is everything
        db = _open(path, "immutable=1", timeout_seconds)
    return db


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can enter, durably; nothing where it is there."""
    with translated(path):
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)
