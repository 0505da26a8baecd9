"""By when an incident has to be told to whom; pure.

The laws are data: ``muniment_schemas/incidents/laws.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import attrs

import muniment_schemas
from muniment.errors import UsageError
from muniment.model import instant, micros_of, parse_time, rfc3339

__all__ = ["LAWS", "REMIND_US", "Clock", "Due", "Law", "Times", "due_dates", "parse_laws"]

REMIND_US: Final = 24 * 3_600_000_000
"""What is due at once has no hour in the law; after a day without a word it counts as late: our reminder."""


@attrs.frozen
class Clock:
    """One duty to tell somebody.

    Attributes:
        key: its name within the law.
        to: who has to be told, in English and Chinese.
        audience: ``authority``, ``persons``, ``partner`` or ``public``.
        source: where it is written.
        sure: how well that was read: ``S``, ``S2``, ``Mh``, ``Mm`` or ``Ml``.
        starts: ``known``, ``found`` or ``assessed``.
        hours: how long; of these five exactly one says so. Likewise ``days`` of the calendar.
        working_days: without Saturdays, Sundays and holidays.
        year_end_days: days after the end of the year in which it starts.
        at_once: no period is given.
        risks: risks for which it applies; empty for all.
        min_persons: from so many persons on.
        below_persons: for fewer persons than that; 0 for any number.
        note: what else says when it applies, in English and Chinese; may be empty.
    """

    key: str
    to: Mapping[str, str]
    audience: str
    source: str
    sure: str
    starts: str
    hours: int = 0
    days: int = 0
    working_days: int = 0
    year_end_days: int = 0
    at_once: bool = False
    risks: frozenset[str] = frozenset()
    min_persons: int = 0
    below_persons: int = 0
    note: Mapping[str, str] = attrs.field(factory=dict)

    def applies(self, risk: str, persons: int | None) -> bool:
        """Whether it does; what is not known yet is taken to be so.

        Args:
            risk: ``unknown``, ``unlikely``, ``risk`` or ``high``.
            persons: how many are concerned; None before that was computed.
        """
        if self.risks and risk != "unknown" and risk not in self.risks:
            return False
        if persons is None:
            return True
        return persons >= self.min_persons and not 0 < self.below_persons <= persons

    def due(self, start_us: int, holidays: Collection[date]) -> int:
        """By when, in microseconds since 1970, where it starts then."""
        if self.at_once:
            return start_us
        start = instant(start_us)
        if self.working_days:
            end, left = start, self.working_days
            while left:
                end += timedelta(days=1)
                left -= end.weekday() < 5 and end.date() not in holidays
        elif self.year_end_days:
            end = datetime(start.year + 1, 1, 1, tzinfo=UTC) + timedelta(days=self.year_end_days)
        else:
            end = start + timedelta(hours=self.hours, days=self.days)
        return micros_of(end)


@attrs.frozen
class Law:
    """One law with its clocks."""

    key: str
    label: Mapping[str, str]
    clocks: tuple[Clock, ...]


@attrs.frozen
class Times:
    """When clocks start; microseconds since 1970, None where that has not happened yet."""

    known: int
    found: int | None = None
    assessed: int | None = None

    def of(self, name: str) -> int | None:
        """The start of that name; what was found at an unknown time was found when it became known."""
        if name == "found":
            return self.known if self.found is None else self.found
        return self.assessed if name == "assessed" else self.known


@attrs.frozen
class Due:
    """One clock of one incident.

    Attributes:
        law: key of the law.
        clock: key of the clock.
        audience: as the clock's.
        to: likewise.
        source: likewise.
        sure: likewise.
        at_once: likewise.
        due_us: by when; None before it starts.
        applies: whether it does, by what is known.
        met_us: when it was told; None before.
        met_by: who says so.
        recipient: who was told, in a person's own words.
        note: as the clock's.
    """

    law: str
    clock: str
    audience: str
    to: Mapping[str, str]
    source: str
    sure: str
    at_once: bool
    due_us: int | None
    applies: bool
    met_us: int | None = None
    met_by: str = ""
    recipient: str = ""
    note: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def name(self) -> str:
        """How it is named: law and clock."""
        return f"{self.law}.{self.clock}"

    def state(self, now_us: int) -> str:
        """``met``, ``met_late``, ``not_needed``, ``waiting``, ``at_once``, ``running`` or ``late``."""
        if self.due_us is None:
            return "met" if self.met_us is not None else "waiting" if self.applies else "not_needed"
        limit = self.due_us + (REMIND_US if self.at_once else 0)
        if self.met_us is not None:
            return "met" if self.met_us <= limit else "met_late"
        if not self.applies:
            return "not_needed"
        if now_us > limit:
            return "late"
        return "at_once" if self.at_once else "running"

    def document(self) -> dict[str, Any]:
        """The clock as JSON; ``of`` reads it."""
        kept = attrs.asdict(self)
        for name in ("due_us", "met_us"):
            value = kept.pop(name)
            kept[name.removesuffix("_us")] = None if value is None else rfc3339(value)
        return kept

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Due:
        """A clock out of JSON."""
        kept = dict(document)
        for name in ("due", "met"):
            value = kept.pop(name)
            kept[f"{name}_us"] = None if value is None else parse_time(value)
        return cls(**kept)


def due_dates(
    laws: Sequence[str],
    times: Times,
    *,
    risk: str = "unknown",
    persons: int | None = None,
    holidays: Collection[date] = (),
    before: Sequence[Due] = (),
) -> list[Due]:
    """Every clock of these laws, the first due first.

    Args:
        laws: keys of ``LAWS``.
        times: when clocks start.
        risk: to the persons concerned.
        persons: how many; None before that was computed.
        holidays: days that are no working days.
        before: the clocks as they stood: what was told stays told.

    Raises:
        UsageError: ``incident.law`` for one that is not known.
    """
    told = {one.name: one for one in before if one.met_us is not None}
    found = []
    for key in laws:
        if key not in LAWS:
            raise UsageError("incident.law", name=key, known=", ".join(LAWS))
        for clock in LAWS[key].clocks:
            start = times.of(clock.starts)
            due = Due(
                key,
                clock.key,
                clock.audience,
                clock.to,
                clock.source,
                clock.sure,
                clock.at_once,
                None if start is None else clock.due(start, holidays),
                clock.applies(risk, persons),
                note=clock.note,
            )
            met = told.get(due.name)
            if met is not None:
                due = attrs.evolve(due, met_us=met.met_us, met_by=met.met_by, recipient=met.recipient)
            found.append(due)
    return sorted(found, key=lambda one: (one.due_us is None, one.due_us or 0, one.name))


def parse_laws(text: str) -> dict[str, Law]:
    """The laws out of TOML, as ``incident_laws.schema.json`` describes it."""
    return {law.key: law for law in _laws(tomllib.loads(text))}


def _laws(document: Mapping[str, Any]) -> Iterator[Law]:
    for law in document["law"]:
        clocks = []
        for one in law["clock"]:
            given = {**one, "starts": one["from"], "risks": frozenset(one.get("risks", ()))}
            del given["from"]
            clocks.append(Clock(**given))
        yield Law(law["key"], law["label"], tuple(clocks))


LAWS: Final[Mapping[str, Law]] = parse_laws(muniment_schemas.read("incidents", "laws"))
"""The laws that are known, by key."""
