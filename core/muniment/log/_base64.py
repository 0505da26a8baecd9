"""Standard base64 with padding, read in its one canonical spelling only."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

__all__ = ["b64", "unb64"]


def b64(data: bytes) -> str:
    """Bytes as base64 on one line (RFC 4648, section 4)."""
    return b2a_base64(data, newline=False).decode("ascii")


def unb64(text: str) -> bytes:
    """The bytes behind base64.

    Raises:
        ValueError: for anything that ``b64`` would have written otherwise (RFC
            4648, section 3.5), so that no two texts stand for one value.
    """
    data = a2b_base64(text)
    if b64(data) != text:
        raise ValueError("not canonical base64")
    return data
