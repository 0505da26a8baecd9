"""Parsers for dates and times: ISO 8601 and what people write, never a guess between two days; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TypeVar
from unicodedata import normalize

from muniment.model import Value
from muniment.schema.fields import Field
from muniment.schema.values import Context, Parser, ValueProblem

__all__ = ["FIRST_YEAR", "LAST_YEAR", "prepare_date", "prepare_datetime", "read_date"]

_When = TypeVar("_When", date, datetime)

FIRST_YEAR = 1800
LAST_YEAR = 2200
_FURTHEST = timedelta(hours=18)

_YEAR_FIRST = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|\s*年\s*([0-9]{1,2})\s*月\s*([0-9]{1,2})\s*日?)"
)
_PACKED = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_DAY_NAME = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -]([0-9]{4})")
_NAME_DAY = re.compile(r"([a-z]{3,9})\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def _day(year: int, month: int, day: int) -> date:
    try:
        value = date(year, month, day)
    except ValueError:
        raise ValueProblem("value.date") from None
    return _within(value)


def _within(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueProblem("value.year", minimum=FIRST_YEAR, maximum=LAST_YEAR)
    return value


def _month(name: str) -> int:
    name = "sep" if name == "sept" else name
    for place, month in enumerate(_MONTHS, 1):
        if name in (month, month[:3]):
            return place
    raise ValueProblem("value.date")


def _year_last(first: int, second: int, year: int, order: str) -> date:
    # Two readings only where both are months and they differ.
    if first <= 12 and second <= 12 and first != second and not order:
        raise ValueProblem("value.date_order", readings="day-month-year | month-day-year")
    if second > 12 or (first <= 12 and order == "mdy"):
        return _day(year, first, second)
    return _day(year, second, first)


def read_date(text: str, order: str = "") -> date:
    """A day as people write it.

    Args:
        text: such as ``2026-03-01``, ``2026/3/1``, ``2026年3月1日``, ``20260301``, ``1 March 2026``.
        order: ``dmy`` or ``mdy`` for a day such as 03/04/2026.

    Raises:
        ValueProblem: ``value.date``, ``value.date_order`` or ``value.year``.
    """
    if len(text) > 60:
        raise ValueProblem("value.date")
    text = normalize("NFKC", text).strip().lower()
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(int(found[1]), int(found[3] or found[5]), int(found[4] or found[6]))
    if found := _PACKED.fullmatch(text):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(int(found[1]), int(found[3]), int(found[4]), order)
    if found := _DAY_NAME.fullmatch(text):
        return _day(int(found[3]), _month(found[2]), int(found[1]))
    if found := _NAME_DAY.fullmatch(text):
        return _day(int(found[3]), _month(found[1]), int(found[2]))
    raise ValueProblem("value.date")


def _date(raw: object, context: Context) -> date | None:
    if raw.__class__ is str and len(raw) == 10 and raw[4] == "-" == raw[7]:
        try:
            return _within(date.fromisoformat(raw))
        except ValueError:
            pass
    if isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        # A sheet or a database writes a day as a time at midnight.
        text = _MIDNIGHT.sub("", text)
        if len(parts := _SPLIT.split(text[:80].lower(), maxsplit=1)) == 2 and _TIME.fullmatch(parts[1]):
            raise ValueProblem("value.date_time")
        return read_date(text, context.date_order)
    if isinstance(raw, datetime):
        if raw.time() != time(0):
            raise ValueProblem("value.date_time")
        return _within(raw.date())
    if isinstance(raw, date):
        return _within(raw)
    raise ValueProblem("value.kind", expected="date")


def prepare_date(field: Field) -> Parser:
    """A day between 1800 and 2200; with ``past``, not after today."""
    return _prepared(field, date.fromisoformat, _date, lambda value, context: value)


_TIME = re.compile(
    r"(?P<half>am |pm |上午\s*|下午\s*|晚上\s*)?(?P<hour>[0-9]{1,2})(?:"
    r":(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,6})0*)?)?"
    r"|[时点](?:(?P<zh_minute>[0-9]{1,2})分(?:(?P<zh_second>[0-9]{1,2})秒)?)?)"
    r"\s*(?P<after>am|pm)?\s*(?P<zone>z|utc|gmt|(?:utc|gmt)?[+-][0-9]{2}:?[0-9]{2})?"
)
_MIDNIGHT = re.compile(
    r"(?:T|\s+)(?:00?:00(?::00(?:\.0{1,9})?)?|12:00(?::00)? ?AM)(?:Z| ?UTC|[+-][0-9]{2}:?[0-9]{2})?$",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"(?<=[0-9日])(?:t|\s+|(?<=日))(?=(?:am|pm|上午|下午|晚上|[0-9]{1,2}[:时点]))")


def _clock(text: str) -> tuple[time, timezone | None]:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueProblem("value.datetime")
    hour = int(found["hour"])
    half = (found["half"] or found["after"] or "").strip()
    if found["half"] and found["after"]:
        raise ValueProblem("value.datetime")
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            raise ValueProblem("value.datetime")
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif half in ("下午", "晚上") and hour < 12:
        hour += 12
    minute = int(found["minute"] or found["zh_minute"] or 0)
    second = int(found["second"] or found["zh_second"] or 0)
    micros = int((found["fraction"] or "").ljust(6, "0"))
    try:
        return time(hour, minute, second, micros), _offset(found["zone"])
    except ValueError:
        raise ValueProblem("value.datetime") from None


def _at(offset: timedelta) -> timezone:
    if abs(offset) > _FURTHEST:
        raise ValueProblem("value.datetime")
    minutes = offset // timedelta(minutes=1)
    return timezone(timedelta(minutes=minutes)) if minutes else UTC


def _offset(zone: str | None) -> timezone | None:
    if zone is None:
        return None
    digits = zone.removeprefix("utc").removeprefix("gmt").replace(":", "")
    if digits in ("", "z"):
        return UTC
    minutes = int(digits[1:3]) * 60 + int(digits[3:5])
    if int(digits[3:5]) > 59:
        raise ValueError
    return _at(timedelta(minutes=-minutes if digits[0] == "-" else minutes))


def _in_zone(local: datetime, context: Context) -> datetime:
    early = local.replace(tzinfo=context.zone, fold=0).utcoffset()
    late = local.replace(tzinfo=context.zone, fold=1).utcoffset()
    if early is None or early != late:
        # Either the hour came twice, or it never came; both need an offset to be said.
        raise ValueProblem("value.clock_change", zone=context.timezone)
    # Before about 1900 zones were seconds off the minute; what the clock showed is kept.
    return local.replace(tzinfo=_at(early), fold=0)


def _given(value: datetime, context: Context) -> datetime:
    offset = value.utcoffset()
    if offset is None:
        return _in_zone(value, context)
    try:
        moved = value.astimezone(_at(offset))
    except OverflowError:
        raise ValueProblem("value.year", minimum=FIRST_YEAR, maximum=LAST_YEAR) from None
    _within(moved)
    return moved


def _datetime(raw: object, context: Context) -> datetime | None:
    if isinstance(raw, str):
        if len(raw) > 80:
            raise ValueProblem("value.datetime")
        text = normalize("NFKC", raw).strip().lower()
        if not text:
            return None
        parts = _SPLIT.split(text, maxsplit=1)
        clock, offset = _clock(parts[1]) if len(parts) == 2 else (time(0), None)
        local = datetime.combine(read_date(parts[0], context.date_order), clock)
        return local.replace(tzinfo=offset) if offset else _in_zone(local, context)
    if isinstance(raw, datetime):
        _within(raw)
        return _given(raw, context)
    if isinstance(raw, date):
        return _in_zone(datetime.combine(_within(raw), time(0)), context)
    raise ValueProblem("value.kind", expected="datetime")


def prepare_datetime(field: Field) -> Parser:
    """A time with its offset from UTC; one without a zone is in the context's."""
    return _prepared(
        field,
        datetime.fromisoformat,
        _datetime,
        lambda value, context: value.astimezone(context.zone).date(),
    )


def _prepared(
    field: Field,
    bound: Callable[[str], _When],
    read: Callable[[object, Context], _When | None],
    day: Callable[[_When, Context], date],
) -> Parser:
    """What reads a value within a field's bounds; with ``past``, none of a day after today."""
    low = None if field.minimum is None else bound(field.minimum)
    high = None if field.maximum is None else bound(field.maximum)
    past = field.past

    def parse(raw: object, context: Context) -> Value:
        value = read(raw, context)
        if value is None:
            return None
        if past and day(value, context) > context.today:
            raise ValueProblem("value.future")
        if low is not None and value < low:
            raise ValueProblem("value.below", minimum=field.minimum)
        if high is not None and value > high:
            raise ValueProblem("value.above", maximum=field.maximum)
        return value

    return parse
