"""When a request of a person must be answered, by the law that it is made under; pure.

Periods in months are calendar months: the same day of a later month, and its last
day where it has no such day. Working days leave out Saturdays, Sundays and the
holidays given. Sources: GDPR 12(3); CCPA regulations 11 CCR 7021 and 7026 to 7027;
45 CFR 164.524, 164.526, 164.528; GB/T 35273-2020, 8.5 and 8.7. Not legal advice.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Final

import attrs

from muniment.errors import UsageError

__all__ = ["LAWS", "RIGHTS", "Clock", "Due", "clock_of", "due_dates", "elapsed"]

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


@attrs.frozen
class Due:
    """The dates of one request.

    Attributes:
        due: by when to answer.
        latest: by when at the latest, once extended; the same where the law knows no extension.
        acknowledge_by: by when to say that the request came; None where no law says.
    """

    due: date
    latest: date
    acknowledge_by: date | None = None


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


def due_dates(law: str, right: str, received: date, holidays: Collection[date] = ()) -> Due:
    """The dates of a request that was received on a day.

    Args:
        law: a key of ``LAWS``.
        right: one of ``RIGHTS``.
        received: the day; it does not count itself.
        holidays: days that are no working days.

    Raises:
        UsageError: as ``clock_of``.
    """
    clock = clock_of(law, right)
    if clock.working_days:
        due = latest = _working(received, clock.working_days, holidays)
    else:
        due = _months(received, clock.months) + timedelta(days=clock.days)
        more = _months(received, clock.months + clock.more_months)
        latest = more + timedelta(days=clock.days + clock.more_days)
    acknowledge = _working(received, clock.acknowledge, holidays) if clock.acknowledge else None
    return Due(due, latest, acknowledge)


def _months(day: date, count: int) -> date:
    """The same day so many months later; the last one of the month where there is none."""
    month = day.month - 1 + count
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _working(day: date, count: int, holidays: Collection[date]) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5 and day not in holidays
    return day


def elapsed(received: date, due: date, today: date) -> int:
    """How much of a clock has run, in percent; above 100 once it is late."""
    whole = max((due - received).days, 1)
    return (today - received).days * 100 // whole
