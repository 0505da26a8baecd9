"""What every kind of field shares: the context of a value, its problems, its masks; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, tzinfo
from functools import cached_property
from typing import Any, Final

import attrs

from muniment.model import Value, zone_named

__all__ = [
    "HIDDEN",
    "MASKS",
    "NO_LABEL",
    "Context",
    "Label",
    "Parser",
    "ValueProblem",
    "hides_all",
    "mask_text",
]


@attrs.frozen
class Label:
    """What people read, in both languages.

    Attributes:
        en: in English.
        zh: in Simplified Chinese.
    """

    en: str = ""
    zh: str = ""

    def of(self, lang: str) -> str:
        """The text in ``en`` or ``zh``; the other one where it is missing."""
        return (self.zh or self.en) if lang == "zh" else (self.en or self.zh)


NO_LABEL = Label()
"""The label of what has none."""


@attrs.frozen(kw_only=True)
class Context:
    """What a value typed by a person must be read against.

    Attributes:
        today: the day on which the value is read, for fields that must lie in the past.
        default_region: two letters, ISO 3166-1; where a phone number without a country code belongs.
        timezone: an IANA name; the zone of a time that names none.
        currency: ISO 4217; the currency of an amount that names none.
        date_order: ``dmy`` or ``mdy`` where 03/04/2026 may be read that way; empty refuses it.
        decimal_mark: ``.`` or ``,`` where 1.234 may be read that way; empty refuses it.
        lang: ``en`` or ``zh``; the reader's language.
    """

    today: date
    default_region: str = ""
    timezone: str = "UTC"
    currency: str = ""
    date_order: str = attrs.field(default="", validator=attrs.validators.in_(("", "dmy", "mdy")))
    decimal_mark: str = attrs.field(default="", validator=attrs.validators.in_(("", ".", ",")))
    lang: str = "en"

    @cached_property
    def zone(self) -> tzinfo:
        """The zone of a time that names none.

        Raises:
            ConfigError: ``schema.timezone`` where there is no zone of that name.
        """
        return zone_named(self.timezone)


Parser = Callable[[object, Context], Value]
"""Reads one value of one field; None where it is empty, ``ValueProblem`` where it is refused."""


class ValueProblem(Exception):
    """A value is refused, or kept with a warning; says a code and parameters, never the value.

    Args:
        code: in the area ``value`` or a plugin's own.
        kept: the value to go on with; given, the problem is a warning only.
        parameters: names and numbers that the text mentions; never the value or a piece of it.
    """

    def __init__(self, code: str, *, kept: Value = None, **parameters: Any) -> None:
        super().__init__(code)
        self.code = code
        self.kept = kept
        self.parameters = parameters


HIDDEN: Final = "••••"
"""The mask that shows nothing; as long for every value."""


def _full(text: str) -> str:
    return HIDDEN


def _last_four(text: str) -> str:
    # Of letters and digits alone: what stands between them would take the place of one. Four of fewer
    # than eight would show half of the value.
    told = "".join(filter(str.isalnum, text))
    return HIDDEN + told[-4:] if len(told) >= 8 else HIDDEN


def _first(text: str) -> str:
    return text[0] + HIDDEN if len(text) >= 2 else HIDDEN


def _mail(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not at:
        # Without the sign the whole text would pass for the domain.
        return HIDDEN
    return (local[0] if len(local) >= 3 else "") + HIDDEN + "@" + domain


def _year(text: str) -> str:
    return text[:4] + "-••-••" if text[:4].isdigit() else HIDDEN


MASKS: Mapping[str, Callable[[str], str]] = {
    "full": _full,
    "last_four": _last_four,
    "first": _first,
    "mail": _mail,
    "year": _year,
}
"""The ways to show that a value is there without showing it; the length never shows."""


def hides_all(style: str) -> bool:
    """Whether a style shows nothing of any value, so that none need be known to make it."""
    return MASKS.get(style, _full) is _full


def mask_text(text: str, style: str) -> str:
    """A text under a mask; an unknown style hides everything.

    Args:
        text: the value as a person would read it.
        style: a name out of ``MASKS``.
    """
    return MASKS.get(style, _full)(text) if text else HIDDEN
