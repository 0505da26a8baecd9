"""Keys derived from secrets: pure functions over HMAC-SHA512, no state and no I/O.

HKDF is RFC 5869. Every output here is at most 64 bytes, one block of
HKDF-Expand, so the expansion is one HMAC over ``info | 0x01``. The labels keep
the kinds of keys apart; archive, subject, record and field numbers bind a key
to its place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import sha256
from hmac import digest
from typing import Final

from muniment.errors import KeyStoreError
from muniment.log.keyed import keyed_sha512

__all__ = [
    "DESTROYED",
    "actor_tag_key",
    "backup_key",
    "data_key",
    "data_keys",
    "index_key",
    "subject_tag_key",
]

DESTROYED: Final = bytes(32)
"""What stands where a secret was destroyed: 32 zeros, refused everywhere."""

_INDEX: Final = struct.Struct(">IBHI")


def _live(secret: bytes) -> bytes:
    if len(secret) != 32:
        raise KeyStoreError("key.size", name="secret", count=32)
    if secret == DESTROYED:
        raise KeyStoreError("key.destroyed")
    return secret


def _id(identifier: bytes, name: str) -> bytes:
    # a shorter identifier would shift the bytes behind it, and two places could share one key
    if len(identifier) != 16:
        raise KeyStoreError("key.size", name=name, count=16)
    return identifier


def data_key(
    subject_secret: bytes, facet_secret: bytes, archive: bytes, record: bytes, category: int
) -> bytes:
    """The key that seals one record under one retention category; never stored.

    HKDF-SHA512 with the subject's secret as salt and the facet's as input key
    material, so that destroying either one destroys the key.

    Args:
        subject_secret: 32 bytes.
        facet_secret: 32 bytes.
        archive: 16 bytes.
        record: 16 bytes.
        category: the number of the retention category, u16.

    Returns:
        64 bytes.

    Raises:
        KeyStoreError: ``key.destroyed`` where a secret is zeros.
    """
    extracted = digest(_live(subject_secret), _live(facet_secret), "sha512")
    return _expanded(extracted, _id(archive, "archive"), record, category)


def data_keys(
    subject_secret: bytes, archive: bytes, facets: Iterable[tuple[bytes, bytes, int]]
) -> list[bytes]:
    """``data_key`` of several facets of one subject, whose secret is set up once for all of them.

    Args:
        subject_secret: 32 bytes.
        archive: 16 bytes.
        facets: secret, record and category of each.
    """
    extract = keyed_sha512(_live(subject_secret))
    _id(archive, "archive")
    return [
        _expanded(extract(_live(secret)), archive, record, category) for secret, record, category in facets
    ]


def _expanded(extracted: bytes, archive: bytes, record: bytes, category: int) -> bytes:
    info = b"muniment/data/v1" + archive + _id(record, "record") + category.to_bytes(2, "big")
    return digest(extracted, info + b"\x01", "sha512")


def subject_tag_key(subject_secret: bytes, archive: bytes, subject: bytes) -> bytes:
    """The key of the tags that name one subject in the entries of the log.

    Args:
        subject_secret: 32 bytes.
        archive: 16 bytes.
        subject: 16 bytes.

    Returns:
        32 bytes, HKDF-Expand-SHA512.

    Raises:
        KeyStoreError: ``key.destroyed`` where the secret is zeros.
    """
    info = b"muniment/tagkey/v1" + _id(archive, "archive") + _id(subject, "subject")
    return digest(_live(subject_secret), info + b"\x01", "sha512")[:32]


def actor_tag_key(tag_root: bytes, archive: bytes, actor_id: str) -> bytes:
    """The key of the tags that name one actor in the entries of the log.

    Args:
        tag_root: 32 bytes, slot 2 of the key store.
        archive: 16 bytes.
        actor_id: the actor's identifier; ``anonymous`` for an unknown one.

    Returns:
        32 bytes, HKDF-Expand-SHA512.

    Raises:
        KeyStoreError: ``key.destroyed`` where the tag root is zeros.
    """
    actor = sha256(actor_id.encode("utf-8")).digest()[:16]
    info = b"muniment/actortag/v1" + _id(archive, "archive") + actor
    return digest(_live(tag_root), info + b"\x01", "sha512")[:32]


def index_key(index_root: bytes, archive: bytes, field: int, kind: int, normaliser: int, epoch: int) -> bytes:
    """The key of one blind index.

    Args:
        index_root: 32 bytes, slot 3 of the key store.
        archive: 16 bytes.
        field: the field's number, u32.
        kind: the index kind's number, u8.
        normaliser: the version of the normaliser, u16.
        epoch: of the index, u32; a rebuild with other bits takes the next one.

    Returns:
        32 bytes, HKDF-Expand-SHA512.

    Raises:
        KeyStoreError: ``key.destroyed`` where the index root is zeros.
    """
    place = _INDEX.pack(field, kind, normaliser, epoch)
    info = b"muniment/index/v1" + _id(archive, "archive") + place
    return digest(_live(index_root), info + b"\x01", "sha512")[:32]


def backup_key(archive_secret: bytes, archive: bytes, backup: bytes) -> bytes:
    """The key of one sealed backup: from the archive's own secret, which no erasure destroys.

    Args:
        archive_secret: 32 bytes, slot 4 of the key store.
        archive: 16 bytes.
        backup: 16 random bytes, new for each.

    Returns:
        64 bytes, HKDF-Expand-SHA512.

    Raises:
        KeyStoreError: ``key.destroyed`` where the secret is zeros.
    """
    info = b"muniment/backup/v1" + _id(archive, "archive") + _id(backup, "backup")
    return digest(_live(archive_secret), info + b"\x01", "sha512")
