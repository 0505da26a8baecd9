"""AES-256-GCM, imported at its first use: starting the program must not pay for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["aes_gcm", "invalid_tag"]

_loaded: type[AESGCM] | None = None
_invalid: type[Exception] = ValueError


def _load() -> type[AESGCM]:
    global _loaded, _invalid
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    _invalid = InvalidTag
    _loaded = AESGCM
    return AESGCM


def aes_gcm(key: bytes) -> AESGCM:
    """One cipher under one key.

    Args:
        key: 32 bytes.
    """
    return (_loaded or _load())(key)


def invalid_tag() -> type[Exception]:
    """The exception of a tag that does not match; for an ``except`` clause, which asks only when one flies."""
    return _invalid
