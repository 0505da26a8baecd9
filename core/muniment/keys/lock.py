"""The one lock that erasure, rotation, backup and restore hold, so that no two of them meet."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import attrs

from muniment.errors import KeyStoreError
from muniment.keys._files import translated

__all__ = ["ArchiveLock"]

NAME: Final = "archive.lock"


@attrs.define
class _Held:
    handle: int
    thread: int
    depth: int


# flock knows open files, not threads: one table for the process makes the lock re-entrant for
# the thread that has it (an erasure rotates) and keeps other threads out
_guard = threading.Lock()
_held: dict[str, _Held] = {}


def _after_fork() -> None:
    """A child does not have what its parent locked; closing here does not free the parent's lock."""
    global _guard
    _guard = threading.Lock()
    for held in _held.values():
        with suppress(OSError):
            os.close(held.handle)
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)


class ArchiveLock:
    """The archive's lock, as a context manager; never waits.

    The lock is ``flock`` on ``archive.lock``, so the operating system frees it
    when its holder dies. The thread that holds it may take it again.

    Args:
        folder: the archive's folder.
        act: what it is taken for, shown to whoever is kept out.
    """

    def __init__(self, folder: Path, *, act: str = "key") -> None:
        self._path = Path(folder) / NAME
        self._act = act
        self._key = os.path.realpath(self._path)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            KeyStoreError: ``key.locked`` where somebody else has it, ``key.read_only`` where the folder
                cannot be written.
        """
        with _guard:
            held = _held.get(self._key)
            if held is not None:
                if held.thread != threading.get_ident():
                    raise KeyStoreError("key.locked", where=str(self._path), name=f"pid {os.getpid()}")
                held.depth += 1
                return self
            _held[self._key] = _Held(self._take(), threading.get_ident(), 1)
        return self

    def _take(self) -> int:
        with translated(self._path):
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "?"
                os.close(handle)
                raise KeyStoreError("key.locked", where=str(self._path), name=holder) from None
            except BaseException:
                os.close(handle)
                raise
            # who holds it is only for people to read, so a full disk must not keep the lock from anybody
            with suppress(OSError):
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"pid {os.getpid()}, {self._act}\n".encode(), 0)
        return handle

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lock back, where this was the outermost hold."""
        with _guard:
            held = _held[self._key]
            held.depth -= 1
            if held.depth == 0:
                del _held[self._key]
                os.close(held.handle)
