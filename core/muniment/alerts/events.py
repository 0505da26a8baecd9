"""What alert rules look at: entries as flat events, and what is known besides the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NamedTuple

import attrs

__all__ = ["LOOKS", "WRITES", "Event", "Facts", "event_of"]

LOOKS: Final = frozenset(
    {"record.read", "record.reveal", "record.history", "record.diff", "record.print", "file.read"}
)
"""Kinds by which somebody looks at one record."""

WRITES: Final = frozenset(
    {"record.create", "record.update", "record.correct", "record.revert", "record.delete", "record.undelete"}
)
"""Kinds by which somebody works on a record."""


class Event(NamedTuple):
    """One entry, flat.

    ``day`` counts local days since 1970, ``minute`` is that of the local day; ``subjects`` are hex, the
    archive's own left out; ``classes`` are those shown in clear.
    """

    entry: int
    time_us: int
    day: int
    minute: int
    kind: str
    outcome: str
    code: str
    actor: str
    roles: tuple[str, ...]
    purpose: str
    address: str
    session: str
    type: str
    records: int
    subjects: tuple[str, ...]
    classes: frozenset[str]
    op: str
    break_glass: bool
    target: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.outcome == "ok"


def event_of(
    index: int,
    time_us: int,
    kind: str,
    detail: Mapping[str, Any],
    subjects: Iterable[bytes],
    *,
    zone: tzinfo = UTC,
) -> Event:
    """An entry as an event.

    Args:
        index: its place in the log.
        time_us: microseconds since 1970.
        kind: what happened.
        detail: what it says.
        subjects: whom it is about, 16 bytes each.
        zone: in which days and working hours are meant.
    """
    local = datetime.fromtimestamp(time_us // 1_000_000, zone)
    source = detail.get("source", {})
    actor = detail.get("actor", {})
    classes = {name for one in detail.get("sets", ()) for name, ways in one.items() if ways.get("clear")}
    return Event(
        index,
        time_us,
        local.date().toordinal(),
        local.hour * 60 + local.minute,
        kind,
        str(detail.get("outcome", "ok")),
        str(detail.get("code", "")),
        str(actor.get("id", "")),
        tuple(actor.get("roles", ())),
        str(detail.get("purpose", "")),
        str(source.get("address", "")),
        str(source.get("session", "")),
        str(detail.get("type", "")),
        int(detail.get("count", 1)),
        tuple(sorted(one.hex() for one in subjects)),
        frozenset(classes),
        str(detail.get("op", "")),
        "break_glass" in detail,
        detail.get("target", {}),
    )


def _nobody(subject: str) -> Iterable[str]:
    return ()


def _nothing(now_us: int) -> Iterable[tuple[str, str, str, int]]:
    return ()


def _no(subject: str) -> bool:
    return False


@attrs.frozen
class Facts:
    """What is known besides the log, asked by subject (hex).

    Attributes:
        related: logins that have to do with a subject: who it is assigned to, whose ticket names it.
        team: the team of a login, or an empty text.
        vip: whether a subject is marked as one that draws the curious.
        employee: the login of the person a subject is, or an empty text.
        violated: when a subject was last the target of a confirmed violation, microseconds since 1970, or 0.
        restricted: whether a subject's data may only be stored.
        active: whether a login may act now.
        overdue: the clocks of incidents that have run out by a time (microseconds since 1970): incident,
            clock, when it was due, and the entry that opened the incident.
    """

    related: Callable[[str], Iterable[str]] = _nobody
    team: Callable[[str], str] = lambda login: ""
    vip: Callable[[str], bool] = _no
    employee: Callable[[str], str] = lambda subject: ""
    violated: Callable[[str], int] = lambda subject: 0
    restricted: Callable[[str], bool] = _no
    active: Callable[[str], bool] = lambda login: True
    overdue: Callable[[int], Iterable[tuple[str, str, str, int]]] = _nothing
