"""One SQLite connection: rows by their columns, and what the driver's errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from muniment.errors import MunimentError, StoreError

__all__ = ["Connected", "columns", "translate"]

_Row = TypeVar("_Row", bound=NamedTuple)

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


def columns(row: type[_Row]) -> str:
    """The columns of a row, as SQL lists them."""
    return ", ".join(row._fields)


def translate(error: sqlite3.Error, path: Path) -> MunimentError:
    """A driver's error as one of ours; the driver's own text may hold values and is dropped."""
    name = getattr(error, "sqlite_errorname", "") or ""
    code = _ERRORS.get(name)
    if code is None and name.startswith("SQLITE_IOERR"):
        code = "store.io"
    if code is None and name.startswith("SQLITE_CONSTRAINT"):
        code = "store.refused"
    return StoreError(code or "store.failed", where=str(path), name=name or type(error).__name__)


class Connected:
    """A connection that gives rows, and errors of ours.

    Args:
        connection: open.
        path: of the file, for errors.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path

    def _rows(self, row: type[_Row], sql: str, parameters: Sequence[object] = ()) -> Iterator[_Row]:
        # As ``_make`` does, without a call of Python for each of perhaps millions of rows.
        return map(partial(tuple.__new__, row), self._tuples(sql, parameters))

    def _tuples(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        cursor = None
        try:
            # A cursor of its own: iterators of several tables run side by side.
            cursor = self._db.cursor()
            cursor.arraysize = 256
            # Through a chain, which has no ``close``: a generator that is left would call the cursor's, and
            # where the connection is closed by then that fails where nobody can catch it.
            yield from chain(cursor.execute(sql, parameters))
        except sqlite3.Error as error:
            raise translate(error, self._path) from None
        finally:
            # An iterator that was left in the middle may outlive its connection.
            with suppress(sqlite3.Error):
                if cursor is not None:
                    cursor.close()

    def _one(self, row: type[_Row], sql: str, parameters: Sequence[object] = ()) -> _Row | None:
        found = self._fetch(sql, parameters)
        return row._make(found[0]) if found else None

    def _fetch(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise translate(error, self._path) from None
