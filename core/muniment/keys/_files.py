"""Files that are durable when a call returns, and files that are overwritten before they go."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from muniment.errors import KeyStoreError
from muniment.files import sync_folder

__all__ = ["remove", "sync_folder", "translated", "wipe", "write_synced"]

_CODES = {
    errno.EACCES: "key.read_only",
    errno.EPERM: "key.read_only",
    errno.EROFS: "key.read_only",
    errno.ENOSPC: "key.disk_full",
    errno.EDQUOT: "key.disk_full",
    errno.ENOENT: "key.no_file",
    errno.ENOTDIR: "key.no_file",
}


@contextmanager
def translated(where: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that says what to do.

    Raises:
        KeyStoreError: ``key.read_only``, ``key.disk_full``, ``key.no_file``, or ``key.io`` with its name.
    """
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        code = _CODES.get(number, "key.io")
        name = errno.errorcode.get(number, type(error).__name__)
        raise KeyStoreError(code, where=str(where), name=name) from error


def write_synced(path: Path, data: bytes) -> None:
    """Put a file in place so that after a power cut it is either the old one or the new one, whole.

    Written beside its name with mode 0600, synced, renamed, and its folder synced.
    """
    beside = path.with_name(f"{path.name}.tmp")
    with translated(path):
        with suppress(FileNotFoundError):
            beside.unlink()
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(beside, path)
        sync_folder(path.parent)


def wipe(path: Path) -> None:
    """Overwrite a file with zeros where it lies, and sync it; nothing where it is not there.

    Best effort: a disk that copies on write, or a file system with snapshots,
    keeps the old blocks.
    """
    with translated(path):
        try:
            handle = os.open(path, os.O_WRONLY)
        except FileNotFoundError:
            return
        try:
            os.write(handle, bytes(os.fstat(handle).st_size))
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Overwrite a file, then remove it; the caller syncs the folder."""
    wipe(path)
    with translated(path), suppress(FileNotFoundError):
        path.unlink()
