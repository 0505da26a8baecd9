"""Files that are made for one answer, for the pages and for the API."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.background import BackgroundTask
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

__all__ = ["Handed", "handed"]

_RANGES: Final = (b"range", b"if-range")


class Handed(FileResponse):
    """A file of a folder of its own, which goes once it was handed out.

    It is handed out whole, whatever range is asked for (RFC 9110, 14.2 leaves that to the server): each
    answer is a look of its own and written down as one, and a wrong range would leave the folder behind.

    Args:
        folder: what is removed.
        target: the file in it.
        name: what it is called where it is kept.
        media_type: of its content.
    """

    def __init__(
        self, folder: tempfile.TemporaryDirectory[str], target: Path, name: str, media_type: str
    ) -> None:
        super().__init__(
            target,
            filename=name,
            media_type=media_type,
            headers={"Cache-Control": "no-store", "Accept-Ranges": "none"},
            background=BackgroundTask(folder.cleanup),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as if no range had been asked for."""
        headers = [one for one in scope["headers"] if one[0] not in _RANGES]
        await super().__call__({**scope, "headers": headers}, receive, send)


def handed(write: Callable[[Path], object], name: str, media_type: str) -> Handed:
    """A file that is made in a folder of its own, handed out, and removed.

    Args:
        write: fills the path.
        name: of the file.
        media_type: of its content.
    """
    folder = tempfile.TemporaryDirectory(prefix="muniment-")
    target = Path(folder.name) / name
    try:
        write(target)
    except BaseException:
        folder.cleanup()
        raise
    return Handed(folder, target, name, media_type)
