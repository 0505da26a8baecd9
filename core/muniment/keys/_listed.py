"""The slots as keys.db lists them, sealed: what a rotation wraps to, whatever slot files say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.keys.slots import Argon2, argon2_document, argon2_parse
from muniment.model import id_bytes, id_text

__all__ = ["COPIES_BOX", "SLOTS_BOX", "SlotEntry", "decode_slots", "encode_slots"]

SLOTS_BOX: Final = "key/slots"
COPIES_BOX: Final = "key/copies"


@attrs.frozen
class SlotEntry:
    """A slot as keys.db lists it, sealed: what a rotation wraps to.

    Attributes:
        slot: 16 bytes.
        kind: as in its file.
        public: what is wrapped to.
        argon2: cost and salt, where the kind has them.
        added: microseconds since 1970.
        tested: the newest epoch in which the slot was opened; 0 never.
    """

    slot: bytes
    kind: str
    public: bytes
    argon2: Argon2 | None
    added: int
    tested: int


def encode_slots(entries: Sequence[SlotEntry]) -> bytes:
    """The list of slots as JCS."""
    listed: list[dict[str, Any]] = []
    for entry in entries:
        line: dict[str, Any] = {
            "slot": id_text(entry.slot),
            "kind": entry.kind,
            "public": entry.public.hex(),
            "added": entry.added,
            "tested": entry.tested,
        }
        if entry.argon2 is not None:
            line["argon2"] = argon2_document(entry.argon2)
        listed.append(line)
    return canonical({"v": 1, "slots": listed})


def decode_slots(data: bytes) -> list[SlotEntry]:
    """The list of slots out of its box."""
    return [
        SlotEntry(
            id_bytes(line["slot"]),
            line["kind"],
            bytes.fromhex(line["public"]),
            argon2_parse(line["argon2"]) if "argon2" in line else None,
            line["added"],
            line["tested"],
        )
        for line in parse_canonical(data)["slots"]
    ]
