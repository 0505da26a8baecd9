"""The SQLite store: one file, WAL, ``synchronous=FULL``, several processes at once.

Writers take the write lock at ``begin``, so that a transaction reads the state
that it extends. Plain cursors on the hot path; sqlite-utils makes and changes
the tables, where its 85 ms of import time do not matter.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType

from muniment.errors import IntegrityError, StoreError
from muniment.store import (
    Transaction,
)
from muniment.stores._connection import translate
from muniment.stores._reading import Reading
from muniment.stores._writing import SqliteTransaction
from muniment.stores.migrations import (
    STEPS,
)

__all__ = ["SqliteStore", "reader_of"]

_BUSY_TIMEOUT_MS = 30_000
_CACHE_KIB = 65_536
"""Of pages, for each connection that lasts."""

_TRUNCATE_TIMEOUT_MS = 150
_TRUNCATE_TRIES = _BUSY_TIMEOUT_MS // (2 * _TRUNCATE_TIMEOUT_MS)


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
            raise translate(error, self._path) from None
        return SqliteTransaction(self._db, self._path)

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
            raise translate(failed, self._path) from None
        finally:
            if kind is not None:
                self._undo()
            self._lock.release()

    def _undo(self) -> None:
        # A full disk may have rolled back already.
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


class SqliteStore(Reading):
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
            raise translate(error, path) from None

    def _opened(self, path: Path, query: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{query}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_TIMEOUT_MS / 1000,
            cached_statements=256,
        )
        # The indexes of fields call json_extract, which SQLite does not count among the harmless. What else
        # a schema could call is not there: no function is registered and no extension can be loaded; and a
        # schema that is not ours to the letter is refused before anything is read (``schema_faults``).
        connection.execute("PRAGMA trusted_schema = ON")
        return connection

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
                f"cache_size = -{_CACHE_KIB}",
                # 16 MiB of log before it is folded back: an update dirties nine pages, and most of
                # them again with the next one; ``truncate`` and closing fold all of it.
                "wal_autocheckpoint = 4000",
            ):
                self._db.execute(f"PRAGMA {setting}")
            done = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.Error as error:
            raise translate(error, self._path) from None
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
            raise translate(error, self._path) from None

    def transaction(self, *, write: bool = True) -> AbstractContextManager[Transaction]:
        """One transaction; commits when the block ends well, else leaves nothing."""
        return _Scope(self._db, self._path, self._lock, "BEGIN IMMEDIATE" if write else "BEGIN")

    @contextmanager
    def snapshot(self) -> Iterator[Reading]:
        """A reader with a connection of its own that sees one state while others write."""
        connection = self._connect(self._path)
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("BEGIN")
            yield Reading(connection, self._path)
        finally:
            connection.close()

    def copy_to(self, target: Path, *, progress: Callable[[int, int], None] | None = None) -> None:
        """Write one state into a new SQLite file, without what can be rebuilt, while others write."""
        from muniment.stores.copying import copy_database

        connection = self._connect(self._path)
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM log_batch LIMIT 1").fetchone()
            copy_database(connection, target, progress=progress)
        except sqlite3.Error as error:
            raise translate(error, self._path) from None
        finally:
            connection.close()

    def truncate(self) -> None:
        """Fold the write-ahead log back, so that disposed bytes are gone from it."""
        # While it waits for readers SQLite lets nobody write. A reader that is about to write would wait for
        # us as we for it, so each try is short, and others come in between.
        for _ in range(_TRUNCATE_TRIES):
            with self._lock:
                self._fetch(f"PRAGMA busy_timeout = {_TRUNCATE_TIMEOUT_MS}")
                try:
                    busy = self._fetch("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
                finally:
                    self._fetch(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
            if not busy:
                return
            time.sleep(_TRUNCATE_TIMEOUT_MS / 1000)

    def close(self) -> None:
        """Let go of the file; the last process to close folds the write-ahead log back."""
        with self._lock:
            self._db.close()


@contextmanager
def reader_of(path: Path) -> Iterator[Reading]:
    """A reader of one state of a file that need not be open; can be handed to another process.

    Args:
        path: the database file.

    Raises:
        StoreError, IntegrityError: as for ``SqliteStore``.
    """
    store = SqliteStore(path, read_only=True)
    try:
        with store.snapshot() as reader:
            yield reader
    finally:
        store.close()
