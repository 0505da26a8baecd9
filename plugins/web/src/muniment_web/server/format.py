"""Times and numbers as people read them."""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Any, Final

from markupsafe import Markup, escape

from muniment.model import instant

__all__ = ["coded", "escaped", "number_text", "short_hash", "time_text"]

_SPECIAL: Final = re.compile(r"""[&<>"']""")


def escaped(value: Any) -> str:
    """As ``escape``, but text in which nothing is to be escaped stays the text that it is."""
    if type(value) is Markup or (type(value) is str and _SPECIAL.search(value) is None):
        return value
    return escape(value)


def time_text(micros: int, zone: tzinfo, *, seconds: bool = False) -> str:
    """A time in a zone, to the minute or the second; ISO order reads the same in both languages."""
    if not micros:
        return ""
    local = instant(micros).astimezone(zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def coded(text: str) -> Markup:
    """A text in which what is typed stands between backticks, as the terminal shows it; here as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def number_text(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}"


def short_hash(text: str) -> str:
    """The first digits of a hash, as a name for it."""
    return f"{text[:8]}…{text[-4:]}" if len(text) > 14 else text
