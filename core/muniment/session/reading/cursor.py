"""Where a page ended, as a text that tells its holder nothing: no value may stand in an address."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from muniment.errors import IntegrityError, UsageError
from muniment.seal import open_bytes, seal_bytes

if TYPE_CHECKING:
    from muniment.session.kernel.engine import Engine

__all__ = ["decode_cursor", "encode_cursor", "opened_place", "sealed_place"]


def encode_cursor(engine: Engine, name: str, value: object, record: bytes) -> str:
    """A cursor behind the row with this sort value, or list of them, and record; for one list alone."""
    return sealed_place(engine, f"cursor/{name}".encode(), [value, record.hex()])


def decode_cursor(engine: Engine, name: str, text: str) -> tuple[object, bytes]:
    """The sort value and record of a cursor.

    Raises:
        UsageError: ``usage.cursor`` where it is none of ours, or of another list.
    """
    value, record = opened_place(engine, f"cursor/{name}".encode(), text)
    return value, bytes.fromhex(record)


def sealed_place(engine: Engine, purpose: bytes, place: object) -> str:
    """A place in a list as a cursor that opens for this list alone.

    Args:
        engine: the opened archive; its cursors are of no use to another.
        purpose: names the list.
        place: as JSON has it.
    """
    plain = json.dumps(place, ensure_ascii=False).encode("utf-8")
    return urlsafe_b64encode(seal_bytes(engine.keys.index_root, purpose, plain)).decode("ascii").rstrip("=")


def opened_place(engine: Engine, purpose: bytes, text: str) -> Any:
    """The place that ``sealed_place`` made a cursor of.

    Raises:
        UsageError: ``usage.cursor`` where it is none of ours, or of another list.
    """
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return json.loads(open_bytes(engine.keys.index_root, purpose, data))
    except (ValueError, IntegrityError):
        raise UsageError("usage.cursor") from None
