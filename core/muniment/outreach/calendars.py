"""Reminders as a calendar file (iCalendar, RFC 5545); what stands in it is what the caller may tell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import attrs

from muniment.errors import UsageError

__all__ = ["Reminder", "calendar_of"]


@attrs.frozen
class Reminder:
    """One thing to be done.

    Attributes:
        uid: the same for the same thing, whenever it is written.
        start: when; a day for the whole of it.
        summary: one line.
        description: more of it; may be empty.
        sequence: raised with every change, so that a calendar takes the newer one.
        minutes_before: when to remind; None for not at all.
        changed: when it was last written.
        cancelled: whether it is off.
    """

    uid: str
    start: date | datetime
    summary: str
    description: str = ""
    sequence: int = 0
    minutes_before: int | None = None
    changed: datetime | None = None
    cancelled: bool = False


def calendar_of(name: str, reminders: Iterable[Reminder]) -> bytes:
    """A calendar file.

    Args:
        name: what a calendar program calls it.
        reminders: in order.

    Raises:
        UsageError: ``mail.no_icalendar`` where the library is not installed.
    """
    try:
        from icalendar import Alarm, Calendar, Event
    except ImportError:
        raise UsageError("mail.no_icalendar") from None
    made = Calendar()
    made.add("prodid", "-//muniment//follow-ups//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", name)
    for one in reminders:
        event = Event()
        event.add("uid", one.uid)
        event.add("dtstart", one.start)
        if isinstance(one.start, datetime):
            event.add("duration", timedelta(minutes=30))
        event.add("summary", one.summary)
        if one.description:
            event.add("description", one.description)
        event.add("sequence", one.sequence)
        event.add("dtstamp", one.changed or one.start)
        event.add("status", "CANCELLED" if one.cancelled else "CONFIRMED")
        if one.minutes_before is not None:
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", one.summary)
            alarm.add("trigger", timedelta(minutes=-one.minutes_before))
            event.add_component(alarm)
        made.add_component(event)
    return bytes(made.to_ical())
