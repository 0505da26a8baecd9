"""HMAC-SHA-256 under one key, prepared once for many messages.

Setting a key up costs more than hashing the short messages of a log: a copy of
what is set up gives a mac in well under half the time of a call that begins anew.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["keyed"]


def keyed(key: bytes) -> Callable[[bytes], bytes]:
    """What gives the HMAC-SHA-256 (RFC 2104) of messages under one key, 32 bytes each.

    Args:
        key: as many bytes as its use asks for.
    """
    # Only here: whoever makes no macs starts without it.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    prepared = HMAC(key, SHA256())

    def mac(message: bytes) -> bytes:
        one = prepared.copy()
        one.update(message)
        return one.finalize()

    return mac
