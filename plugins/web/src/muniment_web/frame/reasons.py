"""Why people touch records: a reason out of a list, and a note."""

from __future__ import annotations

from typing import Final

from muniment_web.frame.call import Call

__all__ = ["IMPORT_REASONS", "REASONS", "reason_of"]

REASONS: Final = ("request", "service", "complaint", "identity", "correction", "contract", "audit", "other")
"""Why people touch records; each has a text, and a note may go with it."""

IMPORT_REASONS: Final = ("moved", *REASONS)
"""Why people bring a file in."""


def reason_of(call: Call) -> str:
    """The reason that a form gives: the one that was chosen, and a note."""
    chosen, note = call.text("why"), call.text("note").strip()
    words = call.say(f"reason.{chosen}") if chosen in IMPORT_REASONS else ""
    if chosen == "other":
        words = ""
    return f"{words}: {note}" if words and note else words or note
