"""What checks look at: one state of the archive, its log and its settings, read when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment import audit
from muniment.audit import Found
from muniment.config import Configuration
from muniment.errors import AccessDenied, MunimentError
from muniment.log.binding import OPERATIONS
from muniment.model import Value
from muniment.policy import Actor, Policy, View
from muniment.regimes import Finding
from muniment.schema import RecordType
from muniment.session.kernel.definitions import User, open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.reading.generations import Place
from muniment.session.rights.retaining import Retaining
from muniment.store import IndexRow, ListQuery, LogFilter, Reader, Version

if TYPE_CHECKING:
    from muniment.session.records import Records
    from muniment.verify import Report

__all__ = ["DAY_US", "HOUR_US", "Facts", "Overstayed", "gap", "nothing", "part", "shown"]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US

_ALL: Final = 1 << 40
_NAMED: Final = 10_000
_SAMPLE: Final = 500


def shown(code: str, /, *entries: str, **figures: object) -> Finding:
    """The archive shows it."""
    return Finding("shown", code, figures, entries)


def part(code: str, /, *entries: str, **figures: object) -> Finding:
    """It shows some of it."""
    return Finding("part", code, figures, entries)


def nothing(code: str = "regime.nothing", /, *entries: str, **figures: object) -> Finding:
    """Nothing of the kind was recorded yet, so nothing can be said."""
    return Finding("nothing", code, figures, entries)


def gap(code: str, /, *entries: str, **figures: object) -> Finding:
    """Something is missing or amiss."""
    return Finding("gap", code, figures, entries)


@attrs.frozen
class Overstayed:
    """How much is due by a plan, and when that was made, microseconds since 1970."""

    due: int
    planned_us: int


class Facts:
    """One state of an archive.

    Args:
        session: whose report it is.
        reader: sees the state.
        now_us: the time of the report, microseconds since 1970.
        verified: what verification of the log found, the error that it ended with, or None where it was left
            out.
    """

    def __init__(
        self, session: Records, reader: Reader, now_us: int, verified: Report | MunimentError | None
    ) -> None:
        self.session = session
        self.engine: Engine = session.engine
        self.reader = reader
        self.now_us = now_us
        self.verified = verified

    @cached_property
    def overstayed(self) -> Overstayed | None:
        """How much stays longer than its rule says; None for whoever may not ask. Asking is an entry.

        To plan is to open something of every record, so a plan of the last day is taken as it was made, but
        for what it names: that is looked at anew.
        """
        retention = Retaining(self.engine, self.session.acting)
        try:
            kept = retention.planned("due", limit=_NAMED)
            if kept is None or kept.more or self.now_us - kept.time_us >= DAY_US:
                due = sum(one.state == "due" for one in retention.plan(states=("due",)))
                return Overstayed(due, self.now_us)
            return Overstayed(sum(one.state == "due" for one in kept.verdicts), kept.time_us)
        except AccessDenied:
            return None

    # Settings

    @cached_property
    def applied(self) -> Configuration:
        """The configuration that holds."""
        found = self.engine.settings.applied
        assert found is not None  # every archive begins with one
        return found

    @property
    def policy(self) -> Policy:
        """The roles that hold."""
        return self.engine.policy

    @cached_property
    def users(self) -> Mapping[str, User]:
        """Every user by login."""
        return self.engine.definitions.users

    @cached_property
    def active(self) -> list[User]:
        """The users who may act."""
        return [one for one in self.users.values() if one.active]

    @cached_property
    def types(self) -> list[RecordType]:
        """The record types of the team and its plugins."""
        return [one for _, one in sorted(self.engine.definitions.types.items()) if not one.built_in]

    def who_may(self, action: str) -> list[User]:
        """The active users who may do something."""
        return [one for one in self.active if self.policy.may(self._actor(one), action)]

    def view(self, user: User, record_type: RecordType) -> View:
        """How a user sees a type."""
        return self.policy.view(self._actor(user), record_type)

    def _actor(self, user: User) -> Actor:
        return Actor(user.login, user.roles if user.active else (), attributes=user.attributes)

    # The log

    @cached_property
    def generations(self) -> list[int]:
        """The generations of the log, the newest first."""
        return sorted(self.reader.generations(SHARD), reverse=True)

    def count(
        self, *kinds: str, since_us: int | None = None, outcome: str | None = None, actor: str | None = None
    ) -> int:
        """How many entries of these kinds there are."""
        asked = LogFilter(kinds=kinds, since_us=since_us, outcome=outcome, actor=actor)
        return sum(self.reader.count_entries(SHARD, gen, asked, most=_ALL) for gen in self.generations)

    def newest(
        self, *kinds: str, outcome: str | None = None, actor: str | None = None
    ) -> tuple[IndexRow, str] | None:
        """The newest entry of these kinds and its place; None before the first."""
        asked = LogFilter(kinds=kinds, outcome=outcome, actor=actor, limit=1)
        for gen in self.generations:
            for row in self.reader.find_entries(SHARD, gen, asked):
                return row, str(Place(gen, row.seq))
        return None

    def found(self, row: IndexRow) -> Found:
        """The entry of a row."""
        return audit.entry_at(self.reader, SHARD, row.gen, row.seq)

    @cached_property
    def began_us(self) -> int:
        """When the log began."""
        for gen in reversed(self.generations):
            for found in audit.entries_of(self.reader, SHARD, gen, stop=1):
                return found.entry.time_us
        return self.now_us

    @cached_property
    def sample(self) -> list[Found]:
        """The newest entries with a detail, at most some hundreds."""
        head = self.reader.head(SHARD)
        size = 0 if head is None else head.first_seq + head.n
        gen = 0 if head is None else head.gen
        found = audit.entries_of(self.reader, SHARD, gen, start=max(size - _SAMPLE, 0), stop=size)
        return [one for one in found if one.detail is not None]

    @property
    def sample_gen(self) -> int:
        """The generation that the sample is of."""
        return self.generations[0] if self.generations else 0

    def days(self, since_us: int) -> int:
        """Whole days since a time."""
        return max(self.now_us - since_us, 0) // DAY_US

    # Records of built-in types

    def kept(self, record_type: RecordType) -> Iterator[tuple[Version, dict[str, Value]]]:
        """The newest version of every record of a built-in type, opened; nothing of it may be shown."""
        for _, record, newest in self.reader.builtin(SHARD, (record_type.number,)):
            version = self.reader.version(SHARD, record, newest)
            if version is None or version.operation == OPERATIONS["delete"]:
                continue
            if self.reader.state_of(SHARD, {version.subject, version.record}):
                continue
            yield version, open_version(self.reader, self.engine.sealer, version, record_type)

    def clear(self, record_type: RecordType, *, deleted: bool = False) -> Iterator[Mapping[str, Any]]:
        """The clear fields of every record of a built-in type, by key."""
        names = {str(field.number): field.key for field in record_type.fields}
        after = None
        while True:
            rows = self.reader.list_current(
                SHARD, ListQuery(record_type.number, limit=1_000, after=after, deleted=deleted)
            )
            for row in rows:
                yield {names.get(name, name): value for name, value in json.loads(row.clear).items()}
            if len(rows) < 1_000:
                return
            after = ((), rows[-1].record)

    def fields_of(self, *classes: str) -> Sequence[tuple[RecordType, str]]:
        """The fields of these classes, each with its type."""
        return [
            (one, field.key)
            for one in self.types
            for field in one.fields
            if field.sensitivity in classes and not field.retired
        ]
