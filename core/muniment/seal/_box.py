"""Small boxes that are handed out and come back, such as the cursor of a list."""

from __future__ import annotations

import os
from hmac import digest as hmac_digest
from typing import Final

from muniment.errors import IntegrityError
from muniment.model import Random
from muniment.seal._cipher import aes_gcm, invalid_tag

__all__ = ["open_bytes", "seal_bytes"]

_VERSION: Final = b"\x01"
_LABEL: Final = b"muniment/box/v1\n"
_NONCE_BYTES: Final = 12


def _key(secret: bytes, purpose: bytes) -> bytes:
    """HKDF-Expand-SHA512 (RFC 5869), 32 bytes."""
    return hmac_digest(secret, _LABEL + purpose + b"\x01", "sha512")[:32]


def seal_bytes(secret: bytes, purpose: bytes, plain: bytes, *, random: Random = os.urandom) -> bytes:
    """Seal a short text for one purpose.

    Args:
        secret: 32 bytes.
        purpose: what it is for, bound into the key.
        plain: what to seal.
        random: where the nonce comes from; for tests only.

    Returns:
        0x01 | nonce 12 | AES-256-GCM box.
    """
    nonce = random(_NONCE_BYTES)
    return _VERSION + nonce + aes_gcm(_key(secret, purpose)).encrypt(nonce, plain, _LABEL)


def open_bytes(secret: bytes, purpose: bytes, box: bytes) -> bytes:
    """The text in a box that ``seal_bytes`` made for the same purpose.

    Raises:
        IntegrityError: ``integrity.seal`` for any other bytes.
    """
    nonce, sealed = box[1 : 1 + _NONCE_BYTES], box[1 + _NONCE_BYTES :]
    if box[:1] != _VERSION or len(sealed) < 16:
        raise IntegrityError("integrity.seal")
    try:
        return aes_gcm(_key(secret, purpose)).decrypt(nonce, sealed, _LABEL)
    except invalid_tag():
        raise IntegrityError("integrity.seal") from None
