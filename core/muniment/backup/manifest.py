"""The manifest of a backup: which archive, how far its log goes, and the hash of every file.

The manifest vouches for nothing by itself: whoever can write the backup can write
it. What vouches is the log inside, whose root signed checkpoints and the key
store know; the manifest finds what was cut short or went bad on the way.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import IntegrityError, MunimentError, StoreError
from muniment.model import id_bytes, id_text, parse_time, rfc3339

__all__ = ["CONFIGURATION", "DATABASE", "MANIFEST", "Item", "Manifest", "parse_manifest", "read_manifest"]

MANIFEST: Final = "manifest.json"
DATABASE: Final = "archive.db"
CONFIGURATION: Final = "muniment.toml"

_LARGEST: Final = 1 << 30
_FILE: Final = re.compile(r"files/[0-9a-f]{2}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@attrs.frozen
class Item:
    """One file of a backup.

    Attributes:
        path: relative to the backup's folder, with ``/``.
        size: in bytes.
        sha256: 32 bytes.
    """

    path: str
    size: int
    sha256: bytes


@attrs.frozen
class Manifest:
    """What a backup says of itself.

    Attributes:
        archive: the archive's identifier, 16 bytes.
        made_us: when, microseconds since 1970-01-01T00:00:00Z.
        origin: of the log's generation.
        size: entries in that generation.
        root: over them, 32 bytes.
        checkpoint: the newest signed note in it; empty where there is none.
        items: its files in order of path, itself left out.
    """

    archive: bytes
    made_us: int
    origin: str
    size: int
    root: bytes
    checkpoint: str
    items: tuple[Item, ...]

    def encode(self) -> bytes:
        """The bytes of ``manifest.json``: JCS."""
        return canonical(
            {
                "archive": id_text(self.archive),
                "checkpoint": self.checkpoint,
                "files": [
                    {"bytes": one.size, "path": one.path, "sha256": _b64(one.sha256)} for one in self.items
                ],
                "log": {"origin": self.origin, "root": _b64(self.root), "size": self.size},
                "made": rfc3339(self.made_us),
                "v": 1,
            }
        )


def _b64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")


def _hash(text: object) -> bytes:
    data = a2b_base64(str(text), strict_mode=True)
    if len(data) != 32 or _b64(data) != text:
        raise ValueError
    return data


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """The manifest in these bytes.

    Args:
        data: as read.
        where: for errors.

    Raises:
        IntegrityError: ``backup.manifest`` for anything that ``encode`` cannot have written.
    """
    try:
        document: Mapping[str, Any] = parse_canonical(data)
        log = document["log"]
        made = Manifest(
            id_bytes(document["archive"]),
            parse_time(document["made"]),
            str(log["origin"]),
            _count(log["size"]),
            _hash(log["root"]),
            str(document["checkpoint"]),
            tuple(
                Item(_path(one["path"]), _count(one["bytes"]), _hash(one["sha256"]))
                for one in document["files"]
            ),
        )
        paths = [one.path for one in made.items]
        if paths != sorted(set(paths)) or DATABASE not in paths or made.encode() != data:
            raise ValueError
    except (MunimentError, KeyError, TypeError, ValueError, AttributeError, Base64Error):
        raise IntegrityError("backup.manifest", where=where) from None
    return made


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise ValueError
    return value


def _path(text: object) -> str:
    # The closed list of names keeps a forged manifest from naming a place outside the backup, or a key.
    if text in (DATABASE, CONFIGURATION) or (isinstance(text, str) and _FILE.fullmatch(text)):
        return str(text)
    raise ValueError


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the backup in a folder.

    Raises:
        StoreError: ``backup.none`` where the folder holds no backup.
        IntegrityError: ``backup.manifest``.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _LARGEST:
            raise IntegrityError("backup.manifest", where=str(path))
        data = path.read_bytes()
    except OSError:
        raise StoreError("backup.none", where=str(folder)) from None
    return parse_manifest(data, where=str(path))
