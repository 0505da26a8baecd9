"""A folder for what one request brings; where it lies is nobody's business."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muniment.errors import MunimentError

__all__ = ["own_folder"]


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that is gone after the block; what is wrong with a file in it is told by the file's name."""
    with tempfile.TemporaryDirectory(prefix="muniment-") as folder:
        try:
            yield Path(folder)
        except MunimentError as error:
            # Whoever sent the file learns nothing of how this machine is set up.
            if error.where is not None:
                error.where = error.where.replace(f"{folder}/", "")
            raise
