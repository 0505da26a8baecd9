"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from muniment.errors import StoreError

__all__ = ["sync_folder", "write_atomically"]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file beside its place, sync it, and move it there.

    Args:
        path: its place; what is there already is replaced.
        content: all of it.
        mode: who may read it.

    Raises:
        StoreError: ``store.cannot_write``; then nothing is left behind.
    """
    handle, name = -1, ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".muniment-")
        with os.fdopen(handle, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
        sync_folder(path.parent)
    except OSError:
        if name:
            with contextlib.suppress(OSError):
                os.unlink(name)
        raise StoreError("store.cannot_write", where=str(path)) from None
