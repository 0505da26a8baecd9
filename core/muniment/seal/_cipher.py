"""AES-256-GCM, imported at its first use: starting the program must not pay for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["aes_gcm", "invalid_tag"]

_cipher: type[AESGCM] | None = None


def _load() -> type[AESGCM]:
    global _cipher
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    _cipher = AESGCM
    return AESGCM


def aes_gcm(key: bytes) -> AESGCM:
    """One cipher under one key.

    Args:
        key: 32 bytes.
    """
    return (_cipher or _load())(key)


def invalid_tag() -> type[Exception]:
    """What a tag that does not match raises; an ``except`` clause asks for it only when something flies."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag
