"""Whole copies of a store's file: one state taken while others write, and one put in place of another.

Both go through SQLite's own backup interface. A copy is therefore one state, and
putting one in place is one transaction of the file that is there: a crash leaves
the old content or the new, and who opens the file next sees either.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from muniment.errors import StoreError
from muniment.files import sync_folder
from muniment.stores._connection import translate
from muniment.stores._reading import Reading
from muniment.stores.migrations import REBUILDABLE

__all__ = ["Exclusive", "copy_database", "exclusive"]

_PAGES: Final = 4096
"""Pages a step, 16 MiB: so often progress is told."""

_WAIT_SECONDS: Final = 5.0

Progress = Callable[[int, int], None]
"""Told how many of how many are done."""


def _connect(path: Path, query: str, timeout_seconds: float = _WAIT_SECONDS) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{query}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=timeout_seconds)


def copy_database(source: sqlite3.Connection, target: Path, *, progress: Progress | None = None) -> None:
    """Write what a connection sees into a new file, without the tables that can be rebuilt.

    Args:
        source: in a read transaction, which fixes the state.
        target: a file that is not there yet, in a folder with room for two copies.
        progress: told how many of how many pages are copied.

    Raises:
        StoreError: the file cannot be written; what was begun is removed.
    """
    beside = target.with_name(f".{target.name}.copy")
    beside.unlink(missing_ok=True)
    try:
        beside.touch(mode=0o600)
        with closing(_connect(beside, "mode=rw")) as copy:
            copy.execute("PRAGMA synchronous = OFF")  # synced as a whole below
            source.backup(copy, pages=_PAGES, progress=_told(progress))
            copy.execute("PRAGMA journal_mode = DELETE")
            for table in REBUILDABLE:
                copy.execute(f"DELETE FROM {table}")
            # Written anew: no page of what was taken out goes along, and the file is as small as it can be.
            target.touch(mode=0o600, exist_ok=False)
            copy.execute("VACUUM INTO ?", (str(target),))
        with target.open("rb+") as handle:
            os.fsync(handle.fileno())
        sync_folder(target.parent)
    except sqlite3.Error as error:
        raise translate(error, target) from None
    except OSError:
        raise StoreError("store.cannot_write", where=str(target)) from None
    finally:
        with suppress(OSError):
            beside.unlink()


def _told(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda _status, remaining, total: progress(total - remaining, total)


class Exclusive:
    """The one holder of an archive's file; made by ``exclusive``."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path

    @property
    def reader(self) -> Reading:
        """Reads what is there now."""
        return Reading(self._db, self._path)

    def replace(self, source: Path, *, progress: Progress | None = None) -> None:
        """Put the content of another file in place of this one's, in one transaction, durably.

        Raises:
            StoreError: it cannot be written; then the old content is there as it was.
        """
        try:
            with closing(_connect(source, "mode=ro")) as new:
                new.backup(self._db, pages=_PAGES, progress=_told(progress))
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise translate(error, self._path) from None


@contextmanager
def exclusive(path: Path) -> Iterator[Exclusive]:
    """Hold an archive's file alone: nobody else has it open, and nobody can open it meanwhile.

    Args:
        path: the file, which is there.

    Raises:
        StoreError: ``store.in_use`` where another process has it open; as ``translate`` where it is no
            database.
    """
    connection = None
    try:
        connection = _connect(path, "mode=rw")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        found = translate(error, path)
        if found.code == "store.busy":
            raise StoreError("store.in_use", where=str(path)) from None
        raise found from None
    try:
        yield Exclusive(connection, path)
    finally:
        connection.close()
