"""When a request of a person must be answered, by the law that it is made under; pure.

Periods in months are calendar months: the same day of a later month, and its last
day where it has no such day. Working days leave out Saturdays, Sundays and the
holidays given. Where the law says so, a period in months or calendar days that would end on
a day on which nobody works ends with the next working day; the day before that is kept
too. Sources: GDPR 12(3) with Regulation (EEC, Euratom) 1182/71, art. 3(4); Civil Code of
the People's Republic of China, art. 203; CCPA regulations 11 CCR 7021 and 7026 to 7027;
45 CFR 164.524, 164.526, 164.528; GB/T 35273-2020, 8.5 and 8.7. Not legal advice.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Final

import attrs

from muniment.errors import UsageError

__all__ = [
    "AT_HOME",
    "LAWS",
    "RIGHTS",
    "ROLLS",
    "Calendar",
    "Clock",
    "Due",
    "clock_of",
    "due_dates",
    "elapsed",
]

RIGHTS: Final = (
    "access",
    "portability",
    "rectification",
    "erasure",
    "restriction",
    "objection",
    "accounting",
    "explanation",
)
"""What a person may ask for."""


@attrs.frozen
class Clock:
    """How long an answer may take.

    Attributes:
        months: calendar months to answer.
        days: calendar days to answer, beside the months.
        working_days: working days to answer, where the law counts those.
        more_months: by which the time may be extended once.
        more_days: likewise.
        acknowledge: working days within which the request is acknowledged; 0 where no law says.
    """

    months: int = 0
    days: int = 0
    working_days: int = 0
    more_months: int = 0
    more_days: int = 0
    acknowledge: int = 0


_GDPR: Final = Clock(months=1, more_months=2)
_CCPA: Final = Clock(days=45, more_days=45, acknowledge=10)

LAWS: Final[Mapping[str, Mapping[str, Clock]]] = {
    "gdpr": {"": _GDPR},
    "ccpa": {"": _CCPA, "objection": Clock(working_days=15), "restriction": Clock(working_days=15)},
    "hipaa": {
        "": Clock(days=30, more_days=30),
        "rectification": Clock(days=60, more_days=30),
        "accounting": Clock(days=60, more_days=30),
    },
    "pipl": {"": Clock(days=30), "erasure": Clock(working_days=15)},
}
"""The clock of each right under each law; the empty key is for all others."""


AT_HOME: Final[Mapping[str, str]] = {"CN": "pipl"}
"""The law whose clocks run in an archive of a country, where its configuration names none; else ``gdpr``."""


ROLLS: Final[Mapping[str, str]] = {
    "gdpr": "Regulation (EEC, Euratom) 1182/71, art. 3(4)",
    "pipl": "Civil Code 203",
}
"""The laws under which a period ends with the next working day, and where that stands."""


@attrs.frozen
class Calendar:
    """On which days nobody works, beside weekends.

    Attributes:
        holidays: days that are no working days.
        workdays: days of a weekend that are.
        until: the last day that the two know of; None where nobody said.
    """

    holidays: Collection[date] = ()
    workdays: Collection[date] = ()
    until: date | None = None

    def works(self, day: date) -> bool:
        """Whether it is a working day."""
        return day in self.workdays or (day.weekday() < 5 and day not in self.holidays)

    def from_on(self, day: date) -> date:
        """The day, or the next working day where it is none."""
        while not self.works(day):
            day += timedelta(days=1)
        return day


@attrs.frozen
class Due:
    """The dates of one request.

    Attributes:
        due: by when to answer.
        latest: by when at the latest, once extended; the same where the law knows no extension.
        acknowledge_by: by when to say that the request came; None where no law says.
        statutory: the day on which the period itself ends, before it moves to a working day.
        statutory_latest: likewise once extended.
        rolls: why ``due`` or ``latest`` is later than that; empty where neither is.
    """

    due: date
    latest: date
    acknowledge_by: date | None = None
    statutory: date = attrs.field(kw_only=True)
    statutory_latest: date = attrs.field(kw_only=True)
    rolls: str = attrs.field(default="", kw_only=True)


def clock_of(law: str, right: str) -> Clock:
    """The clock of a right under a law.

    Raises:
        UsageError: ``request.law`` or ``request.right`` for one that is not known.
    """
    if law not in LAWS:
        raise UsageError("request.law", name=law, known=", ".join(LAWS))
    if right not in RIGHTS:
        raise UsageError("request.right", name=right, known=", ".join(RIGHTS))
    return LAWS[law].get(right, LAWS[law][""])


def due_dates(law: str, right: str, received: date, calendar: Calendar | None = None) -> Due:
    """The dates of a request that was received on a day.

    Args:
        law: a key of ``LAWS``.
        right: one of ``RIGHTS``.
        received: the day; it does not count itself.
        calendar: on which days nobody works; by default on weekends alone.

    Raises:
        UsageError: as ``clock_of``.
    """
    clock = clock_of(law, right)
    known = calendar or Calendar()
    if clock.working_days:
        due = latest = _working(received, clock.working_days, known)
    else:
        due = _months(received, clock.months) + timedelta(days=clock.days)
        more = _months(received, clock.months + clock.more_months)
        latest = more + timedelta(days=clock.days + clock.more_days)
    acknowledge = _working(received, clock.acknowledge, known) if clock.acknowledge else None
    moved, moved_latest = (due, latest) if law not in ROLLS else (known.from_on(due), known.from_on(latest))
    rolls = ROLLS[law] if (moved, moved_latest) != (due, latest) else ""
    return Due(moved, moved_latest, acknowledge, statutory=due, statutory_latest=latest, rolls=rolls)


def _months(day: date, count: int) -> date:
    """The same day so many months later; the last one of the month where there is none."""
    month = day.month - 1 + count
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _working(day: date, count: int, calendar: Calendar) -> date:
    while count:
        day += timedelta(days=1)
        count -= calendar.works(day)
    return day


def elapsed(received: date, due: date, today: date) -> int:
    """How much of a clock has run, in percent; above 100 once it is late."""
    whole = max((due - received).days, 1)
    return (today - received).days * 100 // whole
