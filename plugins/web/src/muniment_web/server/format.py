"""Times and numbers as people read them."""

from __future__ import annotations

from datetime import tzinfo

from muniment.model import instant

__all__ = ["number_text", "short_hash", "time_text"]


def time_text(micros: int, zone: tzinfo, *, seconds: bool = False) -> str:
    """A time in a zone, to the minute or the second; ISO order reads the same in both languages."""
    if not micros:
        return ""
    local = instant(micros).astimezone(zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def number_text(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}"


def short_hash(text: str) -> str:
    """The first digits of a hash, as a name for it."""
    return f"{text[:8]}…{text[-4:]}" if len(text) > 14 else text
