"""What a jurisdiction's pack says of consents, ages and days on which nobody works, as data."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

import attrs

from muniment.model import CLASSES

if TYPE_CHECKING:
    from muniment.schema import Label

__all__ = ["ACTS", "Jurisdiction", "SeparateConsent"]

ACTS: Final = ("sensitive", "provide", "publish", "cross_border")
"""Kinds of act that a law may want a consent of its own for: to use sensitive data; to hand data to somebody
who decides on its use themselves; to make it public; to send it abroad."""

_KEY = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
_COUNTRY = re.compile(r"[A-Z]{2}")


@attrs.frozen(kw_only=True)
class SeparateConsent:
    """One kind of act for which a law wants a consent of its own, beside that to the purpose.

    Attributes:
        act: one of ``ACTS``.
        source: the law, with its article.
        classes: only where a field of one of these classes is touched; empty for any that tells of a person.
        not_to: countries, ISO 3166-1, sending to which is not abroad.
        verified_by: name and day of the person who compared it with its source; empty: unverified.
    """

    act: str
    source: str
    classes: tuple[str, ...] = ()
    not_to: tuple[str, ...] = ()
    verified_by: str = ""

    def problem(self) -> str:
        """The name of the first attribute that is wrong; empty where it is sound."""
        checks = {
            "act": self.act in ACTS,
            "source": bool(self.source.strip()),
            "classes": set(self.classes) <= set(CLASSES),
            "not_to": all(map(_COUNTRY.fullmatch, self.not_to)),
        }
        return next((name for name, sound in checks.items() if not sound), "")


@attrs.frozen(kw_only=True)
class Jurisdiction:
    """What one law says of consents, ages and working days; it holds where a configuration names it.

    Attributes:
        key: ISO 3166, such as ``CN``, or ``EU``.
        label: what people call it.
        separate: acts that need a consent of their own.
        guardian_below: age in years below which a guardian consents; 0 where the law names none.
        guardian_source: the law, with its article.
        holidays: days that are no working days though they are no weekend.
        workdays: days of a weekend that are working days.
        holidays_until: the last day that these two lists know of; None where there are none.
        holidays_source: where they come from.
    """

    key: str
    label: Label
    separate: tuple[SeparateConsent, ...] = ()
    guardian_below: int = 0
    guardian_source: str = ""
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    holidays_until: date | None = None
    holidays_source: str = ""

    def problem(self) -> str:
        """The name of the first attribute that is wrong; empty where it is sound."""
        days = (*self.holidays, *self.workdays)
        if any(one.problem() for one in self.separate):
            return "separate"
        checks = {
            "key": bool(_KEY.fullmatch(self.key)),
            "guardian_below": 0 <= self.guardian_below <= 100,
            "guardian_source": bool(self.guardian_source) or not self.guardian_below,
            "holidays": all(isinstance(day, date) for day in days) and not self.holidays & self.workdays,
            "holidays_until": not days or (self.holidays_until or date.min) >= max(days),
        }
        return next((name for name, sound in checks.items() if not sound), "")
