"""Files that are made for one answer, for the pages and for the API."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse

__all__ = ["handed"]


def handed(write: Callable[[Path], object], name: str, media_type: str) -> FileResponse:
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
    return FileResponse(
        target,
        filename=name,
        media_type=media_type,
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(folder.cleanup),
    )
