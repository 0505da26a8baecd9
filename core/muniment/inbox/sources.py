"""Where messages lie: files, mailboxes (mbox), folders (Maildir), folders of files."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from muniment.errors import StoreError, UsageError
from muniment.inbox.messages import LARGEST

__all__ = ["messages_in"]

_MBOX = b"From "


def messages_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every message of a file or folder, with a name for its place.

    Args:
        path: an ``.eml`` file, an mbox, a Maildir, or a folder of ``.eml`` files.

    Raises:
        StoreError: ``store.no_such_file`` or ``store.cannot_read``.
        UsageError: ``inbox.no_message`` for a folder in which there are none, ``inbox.large``.
    """
    if not path.exists():
        raise StoreError("store.no_such_file", where=str(path))
    try:
        if path.is_dir():
            yield from _folder(path)
        elif _starts(path, _MBOX):
            yield from _boxed(mailbox.mbox(path, create=False), path)
        else:
            yield _file(path)
    except OSError:
        raise StoreError("store.cannot_read", where=str(path)) from None


def _starts(path: Path, with_: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(with_)) == with_


def _file(path: Path) -> tuple[str, bytes]:
    if path.stat().st_size > LARGEST:
        raise UsageError("inbox.large", where=str(path), maximum=LARGEST // 1_000_000)
    return str(path), path.read_bytes()


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    if (path / "cur").is_dir() and (path / "new").is_dir():
        yield from _boxed(mailbox.Maildir(path, create=False), path)
        return
    files = sorted(one for one in path.iterdir() if one.suffix.lower() == ".eml")
    if not files:
        raise UsageError("inbox.no_message", where=str(path))
    for file in files:
        yield _file(file)


def _boxed(box: mailbox.Mailbox[mailbox.Message], path: Path) -> Iterator[tuple[str, bytes]]:
    # Read alone: nobody's mailbox is locked, marked or tidied up for this.
    with closing(box):
        for number, key in enumerate(sorted(box.keys()), 1):
            yield f"{path}: {number}", box.get_bytes(key)
