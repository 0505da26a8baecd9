"""Sealed files: whole, in order, in place, and readable by other implementations."""

from __future__ import annotations

import hashlib
import hmac
import io
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment import seal
from muniment.errors import IntegrityError, UsageError

CHUNK = 16 * 1024
PLACE: dict[str, Any] = {
    "data_key": bytes(range(64)),
    "archive": b"a" * 16,
    "type_number": 300,
    "subject": b"s" * 16,
    "record": b"r" * 16,
    "field": 9,
    "file": b"f" * 16,
}
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7]


class Dribble(io.BytesIO):
    """A stream that gives less than it is asked for, as pipes do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1_000) if size is not None and size >= 0 else size)


def content(size: int) -> bytes:
    return hashlib.shake_256(b"content").digest(size)


def seal_bytes(plain: bytes, **changed: Any) -> bytes:
    target = io.BytesIO()
    result = seal.seal_file(
        Dribble(plain), target, **{**PLACE, "facet_slot": 300, "subject_slot": 301, **changed}
    )
    sealed = target.getvalue()
    assert result == seal.FileSeal(len(plain), len(sealed), hashlib.sha256(sealed).digest())
    return sealed


def open_bytes(sealed: bytes, **changed: Any) -> bytes:
    target = io.BytesIO()
    size = seal.open_file(Dribble(sealed), target, **{**PLACE, **changed})
    assert size == len(target.getvalue())
    return target.getvalue()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens(size: int) -> None:
    """Every length comes back whole, also around the edges of a chunk."""
    assert content(size) == open_bytes(seal_bytes(content(size)))


@pytest.mark.parametrize("size", SIZES)
def test_others_can_read_it(size: int) -> None:
    """Behind the header is a message of c2sp.org/chunked-encryption (Cobblestone-256) under our file key."""
    cobblestone = pytest.importorskip("cryptography.cobblestone", reason="cryptography before 50")
    sealed = seal_bytes(content(size))
    info = b"muniment/file/v1\x00" + struct.pack(">B16sI16s16s", 1, b"a" * 16, 300, b"s" * 16, b"r" * 16)
    file_key = hmac.digest(PLACE["data_key"], info + b"\x01", "sha512")[:32]
    other = cobblestone.Cobblestone256Decryptor(file_key, struct.pack(">I", 9) + b"f" * 16)
    assert content(size) == other.update(sealed[18:]) + other.finalize()

    writer = cobblestone.Cobblestone256Encryptor(file_key, struct.pack(">I", 9) + b"f" * 16)
    assert content(size) == open_bytes(sealed[:18] + writer.update(content(size)) + writer.finalize())


def test_header_and_hash_need_no_keys() -> None:
    """Anybody can read the slots and compare the hash with the one in the version."""
    sealed = seal_bytes(content(100))
    assert seal.read_file_header(io.BytesIO(sealed)) == seal.FileHeader(1, 300, 301)
    assert hashlib.sha256(sealed).digest() == seal.file_hash(Dribble(sealed))


def refused(sealed: bytes, **changed: Any) -> None:
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        open_bytes(sealed, **changed)


@settings(max_examples=150)
@given(size=st.sampled_from([0, 1, CHUNK, CHUNK + 1, 2 * CHUNK]), data=st.data())
def test_a_cut_file_is_refused(size: int, data: st.DataObject) -> None:
    """A file cut anywhere is refused, above all between two chunks."""
    sealed = seal_bytes(content(size))
    edges = [18, 74, len(sealed) - 1, *range(74 + CHUNK + 16, len(sealed), CHUNK + 16)]
    at = data.draw(st.sampled_from(edges) | st.integers(0, len(sealed) - 1))
    refused(sealed[:at])


def test_a_longer_file_is_refused() -> None:
    """Nothing can be added behind the last chunk, be it another file's chunks."""
    sealed = seal_bytes(content(CHUNK + 5))
    refused(sealed + b"\x00")
    refused(sealed + sealed[74:])


def test_reordered_and_doubled_chunks_are_refused() -> None:
    """Chunks stand in their order, each once."""
    sealed = seal_bytes(content(3 * CHUNK + 7))
    head, step = sealed[:74], CHUNK + 16
    one, two, three, last = (sealed[74 + step * place : 74 + step * (place + 1)] for place in range(4))
    refused(head + two + one + three + last)
    refused(head + one + three + last)
    refused(head + one + one + two + three + last)
    refused(head + one + two + last)


def test_chunks_of_another_file_are_refused() -> None:
    """Even under the same key, for the same field and id, chunks of two sealings do not mix."""
    first, second = seal_bytes(content(CHUNK + 7)), seal_bytes(content(CHUNK + 7))
    refused(first[:74] + second[74:])


@pytest.mark.parametrize("place", [0, 1, 18, 41, 42, 73, 74, 74 + 15, 74 + CHUNK, -1])
def test_a_flipped_bit_is_refused(place: int) -> None:
    """Mark, suite, salt, commitment, chunks and tags cannot change unseen."""
    flipped = bytearray(seal_bytes(content(CHUNK + 7)))
    flipped[place] ^= 0x10
    refused(bytes(flipped))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("data_key", bytes(range(1, 65))),
        ("archive", b"A" * 16),
        ("type_number", 301),
        ("subject", b"S" * 16),
        ("record", b"R" * 16),
        ("field", 10),
        ("file", b"F" * 16),
    ],
)
def test_a_file_opens_nowhere_else(name: str, other: object) -> None:
    """Under another key, record, field or id a file is refused before its first chunk."""
    target = io.BytesIO()
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        seal.open_file(io.BytesIO(seal_bytes(content(10))), target, **{**PLACE, name: other})
    assert target.getvalue() == b""


@pytest.mark.parametrize(
    "wrong",
    [{"data_key": bytes(64)}, {"archive": b""}, {"file": b"f" * 15}, {"field": -1}, {"facet_slot": 2**64}],
    ids=str,
)
def test_sizes_are_checked(wrong: dict[str, Any]) -> None:
    """Identifiers, numbers and keys of the wrong size are refused."""
    with pytest.raises(UsageError, match=r"seal\.context"):
        seal_bytes(b"x", **wrong)


class Endless(io.RawIOBase):
    """So many zeros, none of them kept."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1, /) -> bytes:
        given = min(size, self.left)
        self.left -= given
        return bytes(given)


class Nowhere(io.RawIOBase):
    def write(self, data: Any, /) -> int:
        return len(data)


def test_memory_stays_flat() -> None:
    """Sealing 20 MB holds no more than a few chunks at a time."""
    tracemalloc.start()
    try:
        seal.seal_file(
            Endless(20_000_000),
            Nowhere(),
            **PLACE,
            facet_slot=1,
            subject_slot=2,
        )
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
