"""What alert rules look at: entries as flat events, and what is known besides the log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NamedTuple

import attrs

__all__ = ["HANDLES", "LOOKS", "WRITES", "Event", "Facts", "event_of"]

LOOKS: Final = frozenset(
    {"record.read", "record.reveal", "record.history", "record.diff", "record.print", "file.read"}
)
"""Kinds by which somebody looks at one record."""

WRITES: Final = frozenset(
    {"record.create", "record.update", "record.correct", "record.revert", "record.delete", "record.undelete"}
)
"""Kinds by which somebody works on a record."""

HANDLES: Final = frozenset(
    {
        "consent.give", "consent.notice", "consent.refuse", "consent.renew", "consent.request",
        "consent.withdraw", "hold.place", "hold.release", "request.close", "request.decide", "request.extend",
        "request.open", "request.step", "subject.restrict", "subject.unrestrict",
    }
)  # fmt: skip
"""Kinds by which somebody deals with a person's own rights: work that explains a look as well."""


class Event(NamedTuple):
    """One entry, flat.

    ``day`` counts local days since 1970, ``minute`` is that of the local day; ``subjects`` are hex, the
    archive's own left out; ``classes`` are those shown in clear; ``named`` are the records (hex) that its
    lines name, ``made_by`` whoever proposed what it approved.
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
    named: tuple[str, ...] = ()
    made_by: tuple[str, ...] = ()

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
    named: Iterable[bytes] = (),
    zone: tzinfo = UTC,
) -> Event:
    """An entry as an event.

    Args:
        index: its place in the log.
        time_us: microseconds since 1970.
        kind: what happened.
        detail: what it says.
        subjects: whom it is about, 16 bytes each.
        named: the records that it names, likewise.
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
        tuple(one.hex() for one in named),
        tuple(detail.get("approval", {}).get("made_by", ())),
    )


def _nobody(subject: str) -> Iterable[str]:
    return ()


def _nothing(now_us: int) -> Iterable[tuple[str, str, str, int]]:
    return ()


def _no(subject: str) -> bool:
    return False


def _never(subject: str) -> int:
    return 0


def _not_alike(login: str, subject: str) -> bool:
    return False


@attrs.frozen
class Facts:
    """What is known besides the log, asked by subject (hex). Days are ordinals, as ``Event.day`` is.

    Attributes:
        related: logins that have to do with a subject: who it is assigned to, whose ticket names it.
        team: the team of a login, or an empty text.
        vip: whether a subject is marked as one that draws the curious.
        employee: the login of the person a subject is, or an empty text.
        namesakes: whether a login's person and a subject have the same, not a common surname.
        neighbours: whether a login's person and a subject live at or beside the same address.
        closed: the day on which a subject died or their business ended; 0 for none.
        born: the day on which a subject was born; 0 for not known.
        allowed: who was allowed by somebody else to see a subject, each with the time.
        violated: when a subject was last the target of a confirmed violation, microseconds since 1970, or 0.
        restricted: the purposes for which a subject or record might be used at a time; None for any.
        active: whether a login may act now.
        overdue: the clocks of incidents that have run out by a time (microseconds since 1970): incident,
            clock, when it was due, and the entry that opened the incident.
        hours: the first and the last minute of the day at which a login works, by its rota; None for none.
    """

    related: Callable[[str], Iterable[str]] = _nobody
    team: Callable[[str], str] = lambda login: ""
    vip: Callable[[str], bool] = _no
    employee: Callable[[str], str] = lambda subject: ""
    namesakes: Callable[[str, str], bool] = _not_alike
    neighbours: Callable[[str, str], bool] = _not_alike
    closed: Callable[[str], int] = _never
    born: Callable[[str], int] = _never
    allowed: Callable[[str], Iterable[tuple[str, int]]] = lambda subject: ()
    violated: Callable[[str], int] = _never
    restricted: Callable[[str, int], Collection[str] | None] = lambda subject, time_us: None
    active: Callable[[str], bool] = lambda login: True
    overdue: Callable[[int], Iterable[tuple[str, str, str, int]]] = _nothing
    hours: Callable[[str, tuple[str, ...]], tuple[int, int] | None] = lambda login, roles: None
