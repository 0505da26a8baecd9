"""Where the parts of an archive lie."""

from __future__ import annotations

import os
from pathlib import Path

from muniment.model import id_text

__all__ = ["DATABASE", "RESTORING", "UNSEALED", "default_key_file"]

DATABASE = "archive.db"

RESTORING = ".restoring"
"""The folder in which a restore makes ready what it puts in place."""


UNSEALED = ".unsealed"
"""The folder in which a restore opens a sealed backup."""


def default_key_file(archive: bytes) -> Path:
    """Where the key file of an archive lies unless another place is given: outside the folder."""
    base = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(base) if base else Path.home() / ".config"
    return folder / "muniment" / f"{id_text(archive)}.key"
