"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import attrs

from muniment.errors import StoreError, UsageError
from muniment.files import sync_folder

__all__ = ["Counted", "Written", "measured", "output", "replacing"]


@attrs.frozen
class Written:
    """What was written.

    Attributes:
        path: the file; ``-`` for the standard output.
        rows: how many rows, without the header.
        size: in bytes.
        digest: SHA-256 of the bytes, 32 bytes.
    """

    path: str
    rows: int
    size: int
    digest: bytes


class Counted:
    """Passes bytes on, counts them and takes their SHA-256.

    Args:
        file: where they go; None only measures.
    """

    def __init__(self, file: BinaryIO | None) -> None:
        self.size = 0
        self._file = file
        self._sha = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Write bytes.

        Args:
            data: any number of them.
        """
        self._sha.update(data)
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)

    def written(self, path: str, rows: int) -> Written:
        """What was written so far."""
        return Written(path, rows, self.size, self._sha.digest())


def measured(path: Path) -> Counted:
    """The size and SHA-256 of a file.

    Args:
        path: the file.
    """
    out = Counted(None)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            out.write(piece)
    return out


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a new file that takes the place of another when the block ends well.

    The new file lies in a folder of its own beside the old one, which nobody else may
    open, and where helpers may put theirs; the folder goes in any case. The file is
    synced, renamed, and its folder synced, so that a crash leaves the old one or the new
    one. It can be read by its owner only.

    Args:
        path: where the file is to stand in the end.

    Raises:
        UsageError: ``export.folder``, ``export.no_folder`` or ``export.not_a_file``.
        StoreError: ``export.full``, ``export.read_only`` or ``export.io``.
    """
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise UsageError("export.folder", where=str(path))
    if path.exists() and not path.is_file():
        raise UsageError("export.not_a_file", where=str(path))
    with _explained(path):
        private = Path(tempfile.mkdtemp(prefix=".muniment-", dir=path.parent))
    try:
        new = private / path.name
        with _explained(path):
            yield new
            _sync(new)
            os.chmod(new, 0o600)
            os.replace(new, path)
            sync_folder(path.parent)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


_CODES = {
    errno.ENOSPC: "export.full",
    errno.EDQUOT: "export.full",
    errno.EROFS: "export.read_only",
    errno.EACCES: "export.read_only",
    errno.EPERM: "export.read_only",
}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("export.no_folder", where=str(path.parent)) from None
    except OSError as error:
        raise StoreError(_CODES.get(error.errno or 0, "export.io"), where=str(path)) from None


@contextmanager
def output(path: str) -> Iterator[Counted]:
    """Open a place for bytes: a file as by ``replacing``, or the standard output.

    Args:
        path: the file; ``-`` for the standard output.

    Raises:
        UsageError: as ``replacing``.
        StoreError: as ``replacing``.
    """
    if path == "-":
        with _explained(Path("-")):
            yield Counted(sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    with replacing(Path(path)) as new, open(new, "xb", buffering=1 << 20) as file:
        yield Counted(file)
        # Closing again is harmless; what is left in the buffer must be out before the file is synced.
        file.close()
        with suppress(ValueError):
            file.flush()
