"""Attached files: sealed in chunks as c2sp.org/chunked-encryption says, with flat memory."""

from __future__ import annotations

import hashlib
import os
import struct
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import BinaryIO, Final, NoReturn

import attrs

from muniment.errors import IntegrityError, UsageError
from muniment.model import Random
from muniment.seal._cipher import aes_gcm, invalid_tag

__all__ = ["FileHeader", "FileSeal", "file_hash", "open_file", "read_file_header", "seal_file"]

FILE_MARK: Final = 0x46
FILE_SUITE: Final = 1
CHUNK_BYTES: Final = 16 * 1024
TAG_BYTES: Final = 16

_HEAD: Final = struct.Struct(">BBQQ")
"""mark | suite | facet slot | subject slot."""

_LABEL: Final = b"muniment/file/v1\x00"
_BOUND: Final = struct.Struct(">B16sI16s16sB")
"""suite | archive | type | subject | record | the 0x01 of HKDF-Expand's only block."""

_CONTEXT: Final = struct.Struct(">I16s")
_STANDARD: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_SALT_BYTES: Final = 24
_PREFIX_BYTES: Final = _SALT_BYTES + 32
_NO_KEY: Final = bytes(64)


@attrs.frozen
class FileSeal:
    """What sealing a file gave.

    Attributes:
        size: bytes before sealing.
        sealed_size: bytes after sealing.
        hash: SHA-256 of the sealed bytes, 32 bytes; goes into the version's hash.
    """

    size: int
    sealed_size: int
    hash: bytes


@attrs.frozen
class FileHeader:
    """What a sealed file says of itself in clear.

    Attributes:
        suite: which primitives sealed it.
        facet_slot: where the key store keeps the facet's secret.
        subject_slot: where the key store keeps the subject's secret.
    """

    suite: int
    facet_slot: int
    subject_slot: int


def _refuse() -> NoReturn:
    raise IntegrityError("integrity.seal") from None


def _file_key(data_key: bytes, archive: bytes, type_number: int, subject: bytes, record: bytes) -> bytes:
    """The 32-byte input key of the standard, bound to whose file it is."""
    if len(data_key) != 64 or data_key == _NO_KEY or not len(archive) == len(subject) == len(record) == 16:
        raise UsageError("seal.context")
    try:
        bound = _BOUND.pack(FILE_SUITE, archive, type_number, subject, record, 1)
    except struct.error:
        raise UsageError("seal.context") from None
    return hmac_digest(data_key, _LABEL + bound, "sha512")[:32]


def _expand(file_key: bytes, salt: bytes, field: int, file: bytes) -> tuple[bytes, int, bytes]:
    """HKDF-Expand-SHA512 (RFC 5869) to 76 bytes, two blocks: key 32 | base nonce 12 | commitment 32."""
    if len(file) != 16:
        raise UsageError("seal.context")
    try:
        info = _STANDARD + salt + _CONTEXT.pack(field, file)
    except struct.error:
        raise UsageError("seal.context") from None
    first = hmac_digest(file_key, info + b"\x01", "sha512")
    okm = first + hmac_digest(file_key, first + info + b"\x02", "sha512")
    return okm[:32], int.from_bytes(okm[32:44], "big"), okm[44:76]


def _read(source: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only at the end: a pipe may give less at a time."""
    data = source.read(size)
    if len(data) == size or not data:
        return data
    pieces = [data]
    missing = size - len(data)
    while missing and (data := source.read(missing)):
        pieces.append(data)
        missing -= len(data)
    return b"".join(pieces)


def seal_file(
    source: BinaryIO,
    target: BinaryIO,
    *,
    data_key: bytes,
    archive: bytes,
    type_number: int,
    subject: bytes,
    record: bytes,
    field: int,
    file: bytes,
    facet_slot: int,
    subject_slot: int,
    random: Random = os.urandom,
) -> FileSeal:
    """Seal a file from one stream into another; memory stays flat.

    Args:
        source: open for reading bytes; read to its end.
        target: open for writing bytes; the caller syncs and names it.
        data_key: the facet's, 64 bytes.
        archive: 16 bytes.
        type_number: u32.
        subject: 16 bytes.
        record: 16 bytes.
        field: the number of the field that refers to the file, u32.
        file: the file's id, 16 bytes.
        facet_slot: u64, kept in clear to find the key again.
        subject_slot: u64, likewise.
        random: where the 24 bytes of salt come from; for tests only.

    Returns:
        The sizes and the hash of what was written.

    Raises:
        UsageError: ``seal.context`` for identifiers, numbers or a key of the wrong size.
    """
    salt = random(_SALT_BYTES)
    file_key = _file_key(data_key, archive, type_number, subject, record)
    key, base, commitment = _expand(file_key, salt, field, file)
    try:
        prefix = _HEAD.pack(FILE_MARK, FILE_SUITE, facet_slot, subject_slot) + salt + commitment
    except struct.error:
        raise UsageError("seal.context") from None
    encrypt = aes_gcm(key).encrypt
    hasher = hashlib.sha256(prefix)
    target.write(prefix)
    size, sealed_size, number = 0, len(prefix), 0
    while True:
        chunk = _read(source, CHUNK_BYTES)
        sealed = encrypt((base ^ number).to_bytes(12, "big"), chunk, None)
        hasher.update(sealed)
        target.write(sealed)
        size += len(chunk)
        sealed_size += len(sealed)
        number += 1
        # The last chunk is always a short one, if need be an empty one: that is what shows a cut.
        if len(chunk) < CHUNK_BYTES:
            return FileSeal(size, sealed_size, hasher.digest())


def open_file(
    source: BinaryIO,
    target: BinaryIO,
    *,
    data_key: bytes,
    archive: bytes,
    type_number: int,
    subject: bytes,
    record: bytes,
    field: int,
    file: bytes,
) -> int:
    """Open a sealed file from one stream into another; memory stays flat.

    Chunks are written as they are authenticated; that the file is whole is only
    known at its end, so the caller throws the target away when this raises.

    Args:
        source: open for reading the sealed bytes, at their beginning.
        target: open for writing bytes.
        data_key: the facet's, 64 bytes.
        archive: 16 bytes.
        type_number: u32.
        subject: 16 bytes.
        record: 16 bytes.
        field: the number of the field that refers to the file, u32.
        file: the file's id, 16 bytes.

    Returns:
        How many bytes were written to the target.

    Raises:
        IntegrityError: ``integrity.seal`` where the file was altered, cut,
            reordered, moved, or is under another key; which of them is not told.
        UsageError: ``seal.context`` for identifiers, numbers or a key of the wrong size.
    """
    read_file_header(source)
    prefix = _read(source, _PREFIX_BYTES)
    if len(prefix) < _PREFIX_BYTES:
        _refuse()
    file_key = _file_key(data_key, archive, type_number, subject, record)
    key, base, commitment = _expand(file_key, prefix[:_SALT_BYTES], field, file)
    if not compare_digest(commitment, prefix[_SALT_BYTES:]):
        _refuse()
    decrypt = aes_gcm(key).decrypt
    size = number = 0
    while True:
        sealed = _read(source, CHUNK_BYTES + TAG_BYTES)
        if len(sealed) < TAG_BYTES:
            _refuse()
        try:
            chunk = decrypt((base ^ number).to_bytes(12, "big"), sealed, None)
        except invalid_tag():
            _refuse()
        target.write(chunk)
        size += len(chunk)
        number += 1
        # A short read is the end of the stream, so a short chunk is the last one and nothing follows it.
        if len(chunk) < CHUNK_BYTES:
            return size


def read_file_header(source: BinaryIO) -> FileHeader:
    """Read what a sealed file says in clear, without keys; the stream stands behind the header then.

    Args:
        source: open for reading the sealed bytes, at their beginning.

    Raises:
        IntegrityError: ``integrity.seal`` where these are not the bytes of a sealed file.
    """
    head = _read(source, _HEAD.size)
    if len(head) < _HEAD.size:
        _refuse()
    mark, suite, facet_slot, subject_slot = _HEAD.unpack(head)
    if mark != FILE_MARK or suite != FILE_SUITE:
        _refuse()
    return FileHeader(suite, facet_slot, subject_slot)


def file_hash(source: BinaryIO) -> bytes:
    """SHA-256 of a sealed file, 32 bytes, without keys; memory stays flat.

    Args:
        source: open for reading the sealed bytes, at their beginning.
    """
    hasher = hashlib.sha256()
    while data := source.read(1024 * 1024):
        hasher.update(data)
    return hasher.digest()
