"""The sealed part: bytes, sealing, opening."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final, NamedTuple, NoReturn, Protocol

import attrs

from muniment.errors import IntegrityError, UsageError
from muniment.log.keyed import Mac, keyed_sha512
from muniment.model import Random
from muniment.seal._cipher import aes_gcm, invalid_tag

__all__ = [
    "PART_MARK",
    "SUITE",
    "PartCipher",
    "PartHeader",
    "open_part",
    "part_cipher",
    "part_fields",
    "part_header",
    "part_mac",
    "part_slots",
    "read_parts",
    "seal_fields",
    "seal_part",
]

PART_MARK: Final = 0x4D
"""The first byte of every part."""

SUITE: Final = 1
"""The one suite there is: HKDF-Expand with SHA-512, AES-256-GCM."""

_LABEL: Final = b"muniment/seal/v1\x00"
_BOUND: Final = struct.Struct(">17sB16sI16s16sQH24sB")
"""label | suite | archive | type | subject | record | version | group | salt | 0x01, the block counter."""

_HEAD: Final = struct.Struct(">BBHQQ24s32sH")
"""mark | suite | group | facet slot | subject slot | salt | commitment | field count."""

_HEAD_BYTES: Final = _HEAD.size

_SLOTS: Final = struct.Struct(">QQ")
_FIELD: Final = struct.Struct(">II")
_NONCE: Final = struct.Struct(">8xI")
_ASSOCIATED: Final = struct.Struct(">HI")

_SALT_BYTES: Final = 24
_KEY_BYTES: Final = 64
_NO_KEY: Final = bytes(_KEY_BYTES)
_BLOCK: Final = 16
_LEAST_VALUE: Final = 2  # the encoding and one byte: an empty value has no place in a part

_PADS: Final = tuple(b"\x80" + bytes(_BLOCK - 1 - used) for used in range(_BLOCK))
"""By length of the last block: what fills it up; a full one is followed by a block of padding."""

_TAILS: Final = frozenset(bytes(count) for count in range(_BLOCK))
"""What may stand behind the 0x80 of a padding."""


class _Numbered(dict[int, tuple[bytes, bytes]]):
    """Nonce and associated data by field number, for parts of one count.

    They are kept, because the same ones come again in every part.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def __missing__(self, number: int) -> tuple[bytes, bytes]:
        made = _NONCE.pack(number), _ASSOCIATED.pack(self._count, number)
        # An archive has few fields; the bound is for parts that somebody made up.
        if len(self) < 512:
            self[number] = made
        return made


_numbered: Final = lru_cache(maxsize=64)(_Numbered)


class _Decrypt(Protocol):
    def __call__(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes: ...


_Fields = tuple[tuple[int, bytes, bytes, int, int], ...]
"""The number of each field of a part, its nonce and associated data, where it begins and where it ends."""


class PartCipher(NamedTuple):
    """What opens the fields of one part: it fits these very bytes, and no others.

    Attributes:
        decrypt: gives the plain bytes.
        fields: where each lies.
    """

    decrypt: _Decrypt
    fields: _Fields


class _Shape(NamedTuple):
    """How the fields of a part lie, where many parts are alike: values are padded to few lengths.

    Attributes:
        heads: gives number and length of each field of a part of this length.
        expected: what they must be.
        fields: where each lies then.
    """

    heads: Callable[[bytes], tuple[int, ...]]
    expected: tuple[int, ...]
    fields: _Fields


_shapes: Final[dict[tuple[int, int, int], _Shape]] = {}
"""The last that was seen by group, count of fields and length; nothing of it is a secret or a value."""

_SHAPES_KEPT: Final = 512
_SHAPED_BYTES: Final = 4_096


@attrs.frozen
class PartHeader:
    """What a part says of itself in clear.

    Attributes:
        suite: which primitives sealed it.
        group: the archive's number for one retention category and class.
        facet_slot: where the key store keeps the facet's secret.
        subject_slot: where the key store keeps the subject's secret.
    """

    suite: int
    group: int
    facet_slot: int
    subject_slot: int


def _refuse() -> NoReturn:
    raise IntegrityError("integrity.seal") from None


def part_mac(data_key: bytes) -> Mac:
    """A data key, set up once for several parts that it sealed.

    Args:
        data_key: 64 bytes.

    Raises:
        UsageError: ``seal.context`` for a key of the wrong size, or of zeros.
    """
    return keyed_sha512(_checked(data_key))


def _checked(data_key: bytes) -> bytes:
    if len(data_key) != _KEY_BYTES or data_key == _NO_KEY:
        raise UsageError("seal.context")
    return data_key


def _mac_once(data_key: bytes) -> Mac:
    """The same for a single part."""
    _checked(data_key)
    return lambda message: hmac_digest(data_key, message, "sha512")


def _derive(
    mac: Mac,
    suite: int,
    archive: bytes,
    type_number: int,
    subject: bytes,
    record: bytes,
    version: int,
    group: int,
    salt: bytes,
) -> bytes:
    """HKDF-Expand-SHA512 (RFC 5869) to 64 bytes, which is a single block: key 32 | commitment 32."""
    # struct pads and cuts byte strings in silence, so lengths are checked first.
    if not len(archive) == len(subject) == len(record) == 16 or len(salt) != _SALT_BYTES:
        raise UsageError("seal.context")
    try:
        bound = _BOUND.pack(_LABEL, suite, archive, type_number, subject, record, version, group, salt, 1)
    except struct.error:
        raise UsageError("seal.context") from None
    return mac(bound)


def seal_part(
    data_key: bytes,
    *,
    archive: bytes,
    type_number: int,
    subject: bytes,
    record: bytes,
    version: int,
    group: int,
    facet_slot: int,
    subject_slot: int,
    fields: Sequence[tuple[int, bytes]],
    random: Random = os.urandom,
) -> bytes:
    """Seal the fields of one group of one version.

    Args:
        data_key: the facet's, 64 bytes.
        archive: 16 bytes.
        type_number: u32; 0 for what belongs to no type.
        subject: 16 bytes.
        record: 16 bytes.
        version: u64.
        group: u16.
        facet_slot: u64, kept in clear to find the key again.
        subject_slot: u64, likewise.
        fields: number (u32) and encoded value (encoding u8, then at least one
            byte) of each field that is not empty, in any order.
        random: where the 24 bytes of salt come from; for tests only.

    Returns:
        The part, at least 78 bytes and 40 for each field.

    Raises:
        UsageError: ``seal.context`` for identifiers, numbers or a key of the
            wrong size; ``seal.fields`` for no fields, one twice, or one empty.
    """
    return seal_fields(
        data_key,
        archive,
        type_number,
        subject,
        record,
        version,
        group,
        facet_slot,
        subject_slot,
        fields,
        random,
    )


def seal_fields(
    data_key: bytes,
    archive: bytes,
    type_number: int,
    subject: bytes,
    record: bytes,
    version: int,
    group: int,
    facet_slot: int,
    subject_slot: int,
    fields: Sequence[tuple[int, bytes]],
    random: Random,
) -> bytes:
    """``seal_part`` without names: matching a dozen of them for each part would cost a tenth of the seal."""
    count = len(fields)
    if not count:
        raise UsageError("seal.fields", number=0)
    salt = random(_SALT_BYTES)
    okm = _derive(_mac_once(data_key), SUITE, archive, type_number, subject, record, version, group, salt)
    encrypt = aes_gcm(okm[:32]).encrypt
    previous: int | None = None
    try:
        numbered = _numbered(count)
        made = [_HEAD.pack(PART_MARK, SUITE, group, facet_slot, subject_slot, salt, okm[32:], count)]
        pack_field, pads = _FIELD.pack, _PADS
        for number, value in sorted(fields):
            used = len(value)
            if number == previous or used < _LEAST_VALUE:
                raise UsageError("seal.fields", number=number)
            previous = number
            nonce, associated = numbered[number]
            body = encrypt(nonce, value + pads[used & 15], associated)
            made += pack_field(number, len(body)), body
    except struct.error:
        raise UsageError("seal.context") from None
    return b"".join(made)


def open_part(
    data_key: bytes,
    part: bytes,
    *,
    archive: bytes,
    type_number: int,
    subject: bytes,
    record: bytes,
    version: int,
    group: int,
    only: Collection[int] | None = None,
) -> dict[int, bytes]:
    """Open a part where it belongs.

    Args:
        data_key: the facet's, 64 bytes.
        part: as stored.
        archive: 16 bytes.
        type_number: u32.
        subject: 16 bytes.
        record: 16 bytes.
        version: u64; of the version that sealed it, not the one that still uses it.
        group: u16.
        only: the numbers of the fields that are wanted; others stay sealed.

    Returns:
        The encoded value of each field by number; a field that the part does
        not hold is absent, and no value is empty.

    Raises:
        IntegrityError: ``integrity.seal`` for whatever is wrong with the part,
            its place or its key; which of them is not told.
        UsageError: ``seal.context`` for identifiers, numbers or a key of the wrong size.
    """
    cipher = part_cipher(_mac_once(data_key), part, archive, type_number, subject, record, version, group)
    return read_parts([(part, cipher)], only)


def part_cipher(
    mac: Mac,
    part: bytes,
    archive: bytes,
    type_number: int,
    subject: bytes,
    record: bytes,
    version: int,
    group: int,
) -> PartCipher:
    """The cipher of a part that belongs where it is said to; for these very bytes it may be kept.

    Args and errors are those of ``open_part``, the key being set up by ``part_mac``; whether a field was
    altered is found when it is read.
    """
    if len(part) < _HEAD_BYTES:
        _refuse()
    mark, suite, stated, _, _, salt, commitment, count = _HEAD.unpack_from(part)
    if mark != PART_MARK or suite != SUITE or stated != group or not count:
        _refuse()
    okm = _derive(mac, suite, archive, type_number, subject, record, version, group, salt)
    if not compare_digest(okm[32:], commitment):
        _refuse()
    return PartCipher(aes_gcm(okm[:32]).decrypt, _fields(part, group, count))


def _fields(part: bytes, group: int, count: int) -> _Fields:
    """Where the fields of a part lie, its shape being checked to the last byte."""
    name = group, count, len(part)
    known = _shapes.get(name)
    if known is not None and known.heads(part) == known.expected:
        return known.fields
    unpack_field, numbered = _FIELD.unpack_from, _numbered(count)
    found = []
    expected: list[int] = []
    form = f">{_HEAD_BYTES}x"
    place, previous = _HEAD_BYTES, -1
    try:
        for _ in range(count):
            number, length = unpack_field(part, place)
            # 32: a block of padded plaintext and the tag.
            if number <= previous or length < 32 or length & 15:
                _refuse()
            previous = number
            start = place + 8
            place = start + length
            found.append((number, *numbered[number], start, place))
            expected += number, length
            form += f"II{length}x"
    except struct.error:
        _refuse()
    if place != len(part):
        _refuse()
    fields = tuple(found)
    if len(part) <= _SHAPED_BYTES:
        if len(_shapes) >= _SHAPES_KEPT:
            _shapes.clear()
        _shapes[name] = _Shape(struct.Struct(form).unpack, tuple(expected), fields)
    return fields


def read_parts(
    parts: Iterable[tuple[bytes, PartCipher]],
    only: Collection[int] | None = None,
    unseen: Collection[int] = (),
) -> dict[int, bytes]:
    """Open the fields of parts with their ciphers.

    Args:
        parts: as stored, each with what ``part_cipher`` gave for these very bytes.
        only: as for ``open_part``.
        unseen: of the wanted fields those of which it says only that they are there, by no bytes at all:
            they stay sealed.

    Returns:
        The encoded value of each field by number, of all parts together.

    Raises:
        IntegrityError: ``integrity.seal``.
    """
    opened: dict[int, bytes] = {}
    tails = _TAILS
    try:
        for part, (decrypt, fields) in parts:
            for number, nonce, associated, start, stop in fields:
                if only is not None and number not in only:
                    continue
                if number in unseen:
                    opened[number] = b""
                    continue
                value, _, zeros = decrypt(nonce, part[start:stop], associated).rpartition(b"\x80")
                if zeros not in tails or len(value) < _LEAST_VALUE:
                    _refuse()
                opened[number] = value
    except invalid_tag():
        _refuse()
    return opened


def part_header(part: bytes) -> PartHeader:
    """Read what a part says in clear, without keys.

    Raises:
        IntegrityError: ``integrity.seal`` where these are not the bytes of a part.
    """
    if len(part) < _HEAD_BYTES:
        _refuse()
    mark, suite, group, facet_slot, subject_slot, _, _, count = _HEAD.unpack_from(part)
    if mark != PART_MARK or suite != SUITE or not count:
        _refuse()
    return PartHeader(suite, group, facet_slot, subject_slot)


def part_slots(part: bytes) -> tuple[int, int]:
    """The slots of the facet's and the subject's secrets, before the part is opened, which checks the rest.

    Raises:
        IntegrityError: ``integrity.seal`` where the bytes are too few for a part.
    """
    if len(part) < _HEAD_BYTES:
        _refuse()
    slots: tuple[int, int] = _SLOTS.unpack_from(part, 4)
    return slots


def part_fields(part: bytes) -> tuple[int, ...]:
    """The numbers of the fields in a part, without keys, its whole shape being checked.

    Raises:
        IntegrityError: ``integrity.seal`` where these are not the bytes of a part.
    """
    group = part_header(part).group
    count = int.from_bytes(part[_HEAD_BYTES - 2 : _HEAD_BYTES], "big")
    return tuple(number for number, *_ in _fields(part, group, count))
