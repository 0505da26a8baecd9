"""Known answers, checked once a process before a key is touched.

A library that was built wrongly, or is too old, must be found before it seals
anything, and refusing a forgery is checked as well as opening what is right.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hmac import compare_digest, digest
from typing import Final

from muniment.errors import KeyStoreError

__all__ = ["self_test"]

_OLDEST: Final = 48  # before it a forged empty AES-GCM-SIV message is accepted (CVE-2026-45446)


def _check(name: str, right: bool) -> None:
    if not right:
        raise KeyStoreError("key.self_test", name=name)


@lru_cache(maxsize=1)
def self_test() -> None:
    """Check the primitives that the key store is made of; a few milliseconds, once a process.

    Raises:
        KeyStoreError: ``key.self_test`` with the name of what answered wrongly.
    """
    import cryptography

    major = re.match(r"\d+", cryptography.__version__)
    _check("cryptography >= 48", major is not None and int(major[0]) >= _OLDEST)
    _hmac()
    _aes_gcm()
    _argon2id()
    _hpke()


def _hmac() -> None:
    """RFC 4231, test case 2: HKDF-SHA512 is nothing but this."""
    answer = bytes.fromhex(
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    )
    _check("HMAC-SHA512", compare_digest(digest(b"Jefe", b"what do ya want for nothing?", "sha512"), answer))


def _aes_gcm() -> None:
    """McGrew and Viega's test case 16: AES-256, with associated data; then one bit of the tag is wrong."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    aead = AESGCM(bytes.fromhex("feffe9928665731c6d6a8f9467308308") * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    answer = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    _check("AES-256-GCM", aead.encrypt(nonce, plain, bound) == answer)
    try:
        aead.decrypt(nonce, answer[:-1] + bytes((answer[-1] ^ 1,)), bound)
    except InvalidTag:
        return
    _check("AES-256-GCM refuses", False)


def _argon2id() -> None:
    """RFC 9106, section 5.3."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    made = Argon2id(
        salt=b"\x02" * 16,
        length=32,
        iterations=3,
        lanes=4,
        memory_cost=32,
        ad=b"\x04" * 12,
        secret=b"\x03" * 8,
    ).derive(b"\x01" * 32)
    answer = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    _check("Argon2id", made == bytes.fromhex(answer))


def _hpke() -> None:
    """A wrap made by another implementation of RFC 9180, and the same with one bit wrong."""
    from muniment.keys.slots import PrivateKeyOpener

    opener = PrivateKeyOpener(bytes(range(32)))
    info = b"muniment/slot/v1\n" + bytes(16) + bytes(range(16)) + (1).to_bytes(4, "big")
    enc = bytes.fromhex(_ENC)
    wrap = bytes.fromhex(_WRAP)
    _check("HPKE", opener.open(enc, wrap, info) == bytes(range(32, 64)))
    _check("HPKE refuses", opener.open(enc, wrap[:-1] + bytes((wrap[-1] ^ 1,)), info) is None)
    _check("HPKE refuses", opener.open(enc, wrap, info[:-1] + b"\x02") is None)


_ENC: Final = "13be4feaeaf204c7fd3358fc9c00721881d174278128227ec674f37f7fe97b6d"
_WRAP: Final = (
    "30b5e52973997303e06e7d99df5fddcf9169e39afe1a42a9690bcbd9a85610b83eb00c4520e524307042d455931bf044"
)
