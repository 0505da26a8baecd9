"""AES-256-GCM, imported at its first use: starting the program must not pay for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["aes_gcm", "invalid_tag"]


def _first(key: bytes) -> AESGCM:
    """Import the cipher and put it in this function's place, so that no later call asks again."""
    global aes_gcm, invalid_tag
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    invalid_tag = InvalidTag
    aes_gcm = AESGCM
    return AESGCM(key)


aes_gcm: Callable[[bytes], AESGCM] = _first
"""Makes one cipher under one key of 32 bytes. Reach it through the module: the first call replaces it."""

invalid_tag: type[Exception] = ValueError
"""What a tag that does not match raises. Reach it through the module, likewise."""
