"""Where a page ended, as a text that tells its holder nothing: no value may stand in an address."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from muniment.errors import IntegrityError, UsageError
from muniment.seal import open_bytes, seal_bytes

if TYPE_CHECKING:
    from muniment.session.kernel.engine import Engine

__all__ = ["decode_cursor", "encode_cursor"]


def encode_cursor(engine: Engine, value: object, record: bytes) -> str:
    """A cursor behind the row with this sort value and record."""
    plain = json.dumps([value, record.hex()], ensure_ascii=False).encode("utf-8")
    return urlsafe_b64encode(seal_bytes(engine.keys.index_root, b"cursor", plain)).decode("ascii").rstrip("=")


def decode_cursor(engine: Engine, text: str) -> tuple[object, bytes]:
    """The sort value and record of a cursor.

    Raises:
        UsageError: ``usage.cursor`` where it is none of ours.
    """
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        value, record = json.loads(open_bytes(engine.keys.index_root, b"cursor", data))
        return value, bytes.fromhex(record)
    except (ValueError, IntegrityError, TypeError):
        raise UsageError("usage.cursor") from None
