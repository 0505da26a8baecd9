"""Periods counted by the calendar: a month is a month, never so many days; pure.

The day of the event is not counted. The last day of a period is the day with the same
number, or the last of a shorter month (after Regulation 1182/71, article 3); what was to be
kept may go from the day after. Own arithmetic: a retention rule must not change its
meaning with a library, and 30 lines say all of it.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Final

import attrs

from muniment.errors import ConfigError

__all__ = ["FOR_EVER", "NOTHING", "Period", "after", "end_of_year", "parse_period", "whole_years"]

FOR_EVER: Final = date.max
"""The last day of what is kept permanently."""

_TEXT: Final = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?")


@attrs.frozen
class Period:
    """A length of time.

    Attributes:
        months: years are twelve of them.
        days: counted after the months.
        permanent: without an end.
    """

    months: int = 0
    days: int = 0
    permanent: bool = False


NOTHING: Final = Period()
"""What may not be kept at all."""


def parse_period(text: str) -> Period:
    """ISO 8601 in years, months and days (``P10Y``), or ``PERMANENT``.

    Raises:
        ConfigError: ``keep.period``.
    """
    if text == "PERMANENT":
        return Period(permanent=True)
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ConfigError("keep.period", name=text)
    years, months, days = (int(one or 0) for one in found.groups())
    return Period(12 * years + months, days)


def after(day: date, period: Period) -> date:
    """The last day of a period that a day starts."""
    if period.permanent:
        return FOR_EVER
    years, month = divmod(day.month - 1 + period.months, 12)
    year = day.year + years
    if year > FOR_EVER.year:
        return FOR_EVER
    clamped = date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    try:
        return clamped + timedelta(days=period.days)
    except OverflowError:
        return FOR_EVER


def end_of_year(day: date, last_month: int = 12) -> date:
    """The last day of the year that a day lies in.

    Args:
        day: any day.
        last_month: with which month that year ends; 12 for the calendar's.
    """
    year = day.year + (day.month > last_month)
    if year > FOR_EVER.year:
        return FOR_EVER
    return date(year, last_month, monthrange(year, last_month)[1])


def whole_years(born: date, day: date) -> int:
    """How many years had passed; somebody born on 29 February is older on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
