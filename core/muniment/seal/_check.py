"""The self-test: does the cryptography that is installed here do what the formats rely on."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from muniment.errors import IntegrityError, KeyStoreError
from muniment.seal._cipher import aes_gcm, invalid_tag
from muniment.seal._parts import open_part, seal_part

__all__ = ["self_test"]

# Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), also in NIST's CAVP.
_KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
_NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
_PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
_ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_SEALED = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b"
)


def self_test() -> None:
    """Seal, open and refuse known bytes; well under a millisecond once cryptography is loaded.

    Raises:
        KeyStoreError: ``seal.self_test`` where any of it comes out otherwise.
    """
    cipher = aes_gcm(_KEY)
    if cipher.encrypt(_NONCE, _PLAIN, _ASSOCIATED) != _SEALED:
        raise KeyStoreError("seal.self_test", name="AES-256-GCM")
    # A cipher that takes a forged tag, above all on an empty message, would pass every other test.
    for forged in (_SEALED[:-1] + b"\x00", bytes(16)):
        try:
            cipher.decrypt(_NONCE, forged, _ASSOCIATED)
        except invalid_tag():
            continue
        raise KeyStoreError("seal.self_test", name="AES-256-GCM")
    _test_seal()


class _Place(TypedDict):
    archive: bytes
    type_number: int
    subject: bytes
    record: bytes
    version: int
    group: int


def _test_seal() -> None:
    place: _Place = {
        "archive": bytes(range(16)),
        "type_number": 256,
        "subject": bytes(range(16, 32)),
        "record": bytes(range(32, 48)),
        "version": 3,
        "group": 7,
    }
    key = bytes(range(64))
    values = {1: b"\x01muniment", 9: b"\x02-42"}
    part = seal_part(
        key, **place, facet_slot=300, subject_slot=301, fields=list(values.items()), random=bytes
    )
    if hashlib.sha256(part).hexdigest() != _PART_HASH or open_part(key, part, **place) != values:
        raise KeyStoreError("seal.self_test", name="seal")
    place["version"] += 1
    try:
        open_part(key, part, **place)
    except IntegrityError:
        return
    raise KeyStoreError("seal.self_test", name="seal")


_PART_HASH = "b61b4914a91b9a7d56caf39fa85a1aac98c52cc44ad122357a9c8f9442727bc6"
