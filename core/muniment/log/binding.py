"""What an entry binds: the hash of a version, and the hash over what one act wrote.

``parts`` of a version is the list that its hash covers: for every live part, in
order of group, ``group u16 | SHA-256(part)``, then for every attached file, in
order of its id, ``0xFFFF | file id 16 | SHA-256(sealed file)``. The list stays
when parts are erased, so a version can be verified for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from muniment.errors import IntegrityError

__all__ = [
    "FILE_MARK",
    "NO_VERSION",
    "OPERATIONS",
    "binding",
    "pack_live",
    "side_entry",
    "side_version",
    "unpack_live",
    "version_hash",
]

OPERATIONS: Final = {"create": 1, "update": 2, "correct": 3, "delete": 4, "undelete": 5, "revert": 6}
"""What made a version, as its hash has it."""

NO_VERSION: Final = bytes(32)
"""Stands for the version before the first."""

FILE_MARK: Final = 0xFFFF

_PREFIX = b"muniment/version/v1\n"
_FIXED = struct.Struct(">20s16s16sQII16sBqq32s")
_PART = struct.Struct(">H32s")
_FILE = struct.Struct(">H16s32s")


def version_hash(
    archive: bytes,
    record: bytes,
    version: int,
    type_number: int,
    definition: int,
    subject: bytes,
    operation: int,
    recorded_us: int,
    effective_us: int,
    previous: bytes,
    parts: bytes,
) -> bytes:
    """The hash that no column of a version can be changed without.

    Args:
        archive: 16 bytes.
        record: 16 bytes.
        version: from 1 on.
        type_number: u32.
        definition: u32, the version of the type's definition it was written under.
        subject: 16 bytes.
        operation: a number out of ``OPERATIONS``.
        recorded_us: the time of the entry, microseconds since 1970.
        effective_us: when it holds in the world.
        previous: hash of the version before, ``NO_VERSION`` for the first.
        parts: as ``pack_live`` gives it.

    Returns:
        32 bytes.
    """
    return sha256(
        _FIXED.pack(
            _PREFIX,
            archive,
            record,
            version,
            type_number,
            definition,
            subject,
            operation,
            recorded_us,
            effective_us,
            previous,
        )
        + parts
    ).digest()


def pack_live(parts: Mapping[int, bytes], files: Mapping[bytes, bytes] | None = None) -> bytes:
    """The list of live parts by group and files by id, each with its hash, as bytes."""
    packed = b"".join([_PART.pack(group, parts[group]) for group in sorted(parts)])
    if files:
        packed += b"".join([_FILE.pack(FILE_MARK, file, files[file]) for file in sorted(files)])
    return packed


def unpack_live(packed: bytes) -> tuple[dict[int, bytes], dict[bytes, bytes]]:
    """The hashes by group and by file id in what ``pack_live`` made.

    Raises:
        IntegrityError: ``integrity.parts`` where the bytes are no such list.
    """
    parts: dict[int, bytes] = {}
    files: dict[bytes, bytes] = {}
    at, size = 0, len(packed)
    if not size % _PART.size:
        # Without files, as nearly always: in order and no group twice is all that there is to check.
        before = -1
        for group, hashed in _PART.iter_unpack(packed):
            if group <= before or group == FILE_MARK:
                parts.clear()
                break
            before = group
            parts[group] = hashed
        else:
            return parts, files
    try:
        while at < size:
            group, hashed = _PART.unpack_from(packed, at)
            if group == FILE_MARK:
                _, file, hashed = _FILE.unpack_from(packed, at)
                files[file] = hashed
                at += _FILE.size
            else:
                parts[group] = hashed
                at += _PART.size
    except struct.error:
        raise IntegrityError("integrity.parts") from None
    if at != size or pack_live(parts, files) != packed:
        raise IntegrityError("integrity.parts")
    return parts, files


def binding(versions: Iterable[tuple[bytes, int, bytes]], loose: Iterable[bytes] = ()) -> bytes | None:
    """The member ``b`` of an entry.

    Args:
        versions: (record, version, version hash) of every version it wrote.
        loose: hashes of sealed reasons and the like, in order of (record, version).

    Returns:
        32 bytes, or None where there is nothing to bind.
    """
    hashes = [hashed for _, _, hashed in sorted(versions)]
    hashes += loose
    return sha256(b"".join(hashes)).digest() if hashes else None


def side_version(gen: int, seq: int) -> int:
    """What stands for the version of a sealed text that is none: the place of its entry in the log.

    So the row is bound to its entry without any key, and no two texts of one
    owner share a number.

    Args:
        gen: the generation of the log.
        seq: the entry's index.
    """
    return gen << 40 | seq


def side_entry(version: int) -> tuple[int, int]:
    """The generation and index that ``side_version`` was made of."""
    return version >> 40, version & (1 << 40) - 1
