"""What alert rules are told besides the log: out of records, users, restrictions and the configuration.

Most of it stands in clear fields. Names, addresses and dates that are sealed are
opened in memory where the configuration names them, compared, and forgotten: what
comes out is that two are alike, or that a day has passed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final, cast

import attrs

from muniment import audit
from muniment.alerts import Facts
from muniment.alerts.likeness import near, surname_of
from muniment.alerts.settings import AlertSettings
from muniment.errors import KeyStoreError
from muniment.log.binding import OPERATIONS, unpack_live
from muniment.model import Value, id_bytes, rfc3339
from muniment.schema.builtin import ALERT, RESTRICTION
from muniment.schema.fields import Field
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import PURPOSES_LEFT
from muniment.session.oversight.incident_values import late_clocks
from muniment.session.tables.links import merged
from muniment.store import Current, ListQuery, Reader, RowMatch, Transaction

__all__ = ["Seen", "currents", "facts_of"]

_KEPT: Final = 50_000
"""So many subjects are remembered at once."""

_SAMPLE: Final = 2_000
"""Out of so many records the frequency of a surname is told."""

_RARE: Final = 0.01
"""A surname is rare where no more have it."""

_CLEAR: Final = ("public", "internal")


def currents(reader: Reader, number: int, *, most: int | None = None) -> Iterator[Current]:
    """Where all records of a type stand."""
    after, seen = None, 0
    while most is None or seen < most:
        limit = 1_000 if most is None else min(1_000, most - seen)
        page = reader.list_current(SHARD, ListQuery(number, limit=limit, after=after))
        yield from page
        seen += len(page)
        if len(page) < limit:
            return
        after = ((), page[-1].record)


class Seen:
    """One state of the archive after another, for facts that outlive each of them.

    Args:
        engine: the opened archive.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader: Reader | None = None

    @contextmanager
    def open(self) -> Iterator[Reader]:
        """A reader of the newest state; whoever keeps it sees the states that are opened later."""
        with self._engine.store.snapshot() as self._reader:
            try:
                yield cast(Reader, self)
            finally:
                self._reader = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


@attrs.define
class _Known:
    """What is known of subjects (hex), asked of one state of the archive.

    Args:
        engine: the opened archive.
        reader: sees that state.
        settings: which fields say what.
        merged: who is one with whom by merges.
    """

    engine: Engine
    reader: Reader
    settings: AlertSettings
    merged: Mapping[bytes, Collection[bytes]]
    _rows: dict[str, list[Current]] = attrs.field(factory=dict)
    _people: dict[str, frozenset[str]] = attrs.field(factory=dict)
    _surnames: Counter[str] | None = None

    def rows(self, subject: str) -> list[Current]:
        """The records about a person and whoever they were merged with."""
        found = self._rows.get(subject)
        if found is None:
            if len(self._rows) > _KEPT:
                self._rows.clear()
            own = bytes.fromhex(subject)
            by_record: dict[bytes, Current] = {}
            for one in self.merged.get(own, (own,)):
                if not self.engine.gone(self.reader, {one}):
                    by_record |= {row.record: row for row in self.reader.records_of_subject(SHARD, one)}
            found = self._rows[subject] = [row for row in by_record.values() if not row.deleted]
        return found

    def _fields(self, names: Sequence[str]) -> dict[int, list[Field]]:
        """The fields that these names mean, by number of their type."""
        found: dict[int, list[Field]] = {}
        for name in names:
            type_key, _, key = name.partition(".")
            record_type = self.engine.definitions.types.get(type_key)
            field = None if record_type is None else record_type.by_key.get(key)
            if record_type is not None and field is not None:
                found.setdefault(record_type.number, []).append(field)
        return found

    def clear(self, subject: str, names: Sequence[str]) -> Iterator[tuple[Current, Any]]:
        """What stands in clear fields of a person's records, with the row it stands in."""
        fields = self._fields(names) if names else {}
        for row in self.rows(subject) if fields else ():
            values: Mapping[str, Any] = json.loads(row.clear)
            for field in fields.get(row.type, ()):
                value = values.get(str(field.number)) if field.sensitivity in _CLEAR else None
                if value:
                    yield row, value

    def opened(self, subject: str, names: Sequence[str]) -> list[list[Value]]:
        """The values of these fields, sealed or not, of each record of a person that has any."""
        fields = self._fields(names) if names else {}
        found = [self._open(row, fields[row.type]) for row in self.rows(subject) if row.type in fields]
        return [values for values in found if values]

    def _open(self, row: Current, fields: Sequence[Field]) -> list[Value]:
        version = self.reader.version(SHARD, row.record, row.version)
        record_type = self.engine.definitions.by_number.get(row.type)
        if version is None or record_type is None:
            return []
        live, _ = unpack_live(version.parts)
        numbers = {field.number for field in fields}
        values: dict[str, Value] = {}
        for part in self.reader.parts_of(SHARD, version.record, version.version, live):
            try:
                values |= self.engine.sealer.open(part, record_type, version.subject, live[part.grp], numbers)
            except KeyStoreError:
                continue  # erased
        return [values[field.key] for field in fields if values.get(field.key) is not None]

    # What the rules ask

    def texts(self, subject: str, names: Sequence[str]) -> list[str]:
        """Clear values as texts."""
        return [str(value) for _, value in self.clear(subject, names)]

    def day(self, subject: str, names: Sequence[str]) -> int:
        """The earliest of a person's days under these fields; 0 for none."""
        days = [
            (value.date() if isinstance(value, datetime) else value).toordinal()
            for values in self.opened(subject, names)
            for value in values
            if isinstance(value, date)
        ]
        return min(days, default=0)

    def allowed(self, subject: str) -> Iterator[tuple[str, int]]:
        """Who may see a person, and since when, as somebody else wrote it down."""
        for row, login in self.clear(subject, self.settings.allowed):
            version = self.reader.version(SHARD, row.record, row.version)
            if version is None:
                continue
            detail = audit.entry_at(self.reader, SHARD, version.gen, version.seq).detail or {}
            approvers = set(detail.get("approval", {}).get("by", ()))
            wrote = {detail.get("actor", {}).get("id")} | set(detail.get("approval", {}).get("made_by", ()))
            if str(login) not in wrote or approvers - {str(login)}:
                yield str(login), version.recorded_us

    def person_of(self, login: str) -> frozenset[str]:
        """The subjects (hex) that are the person behind a login."""
        found = self._people.get(login)
        if found is None:
            subjects = set()
            for number, fields in self._fields(self.settings.employee).items():
                for field in fields if login else ():
                    if field.sensitivity in _CLEAR:
                        wanted = ListQuery(number, reach=(((RowMatch(field.number, (login,)),),),), limit=10)
                        subjects |= {row.subject.hex() for row in self.reader.list_current(SHARD, wanted)}
            found = self._people[login] = frozenset(subjects)
        return found

    def namesakes(self, login: str, subject: str) -> bool:
        """Whether they have the same surname, and few others have it."""
        names = self.settings.name
        if not names:
            return False
        user = self.engine.definitions.users.get(login)
        mine = {surname_of(user.name)} if user is not None else set()
        for own in self.person_of(login):
            mine |= {surname_of(str(value)) for values in self.opened(own, names) for value in values}
        theirs = {surname_of(str(value)) for values in self.opened(subject, names) for value in values}
        same = (mine & theirs) - {""}
        return any(self._rare(surname) for surname in same)

    def _rare(self, surname: str) -> bool:
        """Whether at most one in a hundred has it; two are none too many: whoever looked may be one."""
        if self._surnames is None:
            self._surnames = Counter()
            for number, fields in self._fields(self.settings.name).items():
                for row in currents(self.reader, number, most=_SAMPLE):
                    if not self.engine.gone(self.reader, {row.record, row.subject}):
                        self._surnames.update({surname_of(str(one)) for one in self._open(row, fields)})
        total = sum(self._surnames.values())
        return self._surnames[surname] <= max(2, _RARE * total)

    def neighbours(self, login: str, subject: str) -> bool:
        """Whether they live at or beside the same address."""
        names = self.settings.address
        if not names or subject in self.person_of(login):
            return False
        mine = [_lines(values) for own in self.person_of(login) for values in self.opened(own, names)]
        if not mine:
            return False
        theirs = [_lines(values) for values in self.opened(subject, names)]
        return any(near(one, other) for one in mine for other in theirs)


def _lines(values: Sequence[Value]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def facts_of(engine: Engine, reader: Reader) -> Facts:
    """What rules are told, out of one state of the archive.

    Args:
        engine: the opened archive.
        reader: sees that state.
    """
    applied = engine.settings.applied
    settings = AlertSettings() if applied is None else applied.alerts
    with engine.store.transaction(write=False) as tx:
        known = _Known(engine, reader, settings, merged(engine, tx))
        restricted = _restrictions(engine, tx, known.merged)
    violated = _violations(engine, reader)
    users = engine.definitions.users

    def active(login: str) -> bool:
        return login in users and users[login].active

    def team(login: str) -> str:
        own = dict(users[login].attributes) if login in users else {}
        return own.get(settings.team, "")

    def hours(login: str, roles: tuple[str, ...]) -> tuple[int, int] | None:
        named = (name for name in (login, *roles, "default") if name in settings.hours)
        return next((settings.hours[name] for name in named), None)

    return Facts(
        related=lambda subject: known.texts(subject, settings.assigned),
        team=team,
        vip=lambda subject: bool(known.texts(subject, settings.vip)),
        employee=lambda subject: next(iter(known.texts(subject, settings.employee)), ""),
        namesakes=known.namesakes,
        neighbours=known.neighbours,
        closed=lambda subject: known.day(subject, settings.closed),
        born=lambda subject: known.day(subject, settings.born),
        allowed=known.allowed,
        violated=lambda subject: violated.get(subject, 0),
        overdue=lambda now_us: [
            (incident, clock.name, rfc3339(clock.due_us or 0), entry)
            for incident, clock, entry in late_clocks(engine, reader, now_us)
        ],
        restricted=restricted,
        active=active,
        hours=hours,
    )


def _violations(engine: Engine, reader: Reader) -> dict[str, int]:
    """When subjects (hex) were last the target of a confirmed violation."""
    found: dict[str, int] = {}
    state = str(ALERT.by_key["state"].number)
    for row in currents(reader, ALERT.number):
        if row.subject != engine.archive and json.loads(row.clear).get(state) == "violation":
            version = reader.version(SHARD, row.record, row.version)
            time_us = 0 if version is None else version.recorded_us
            found[row.subject.hex()] = max(time_us, found.get(row.subject.hex(), 0))
    return found


def _restrictions(
    engine: Engine, tx: Transaction, one_with: Mapping[bytes, Collection[bytes]]
) -> Callable[[str, int], Collection[str] | None]:
    """The purposes that were left to a subject or record (hex) at a time; None for no restriction."""
    spans: dict[str, list[tuple[int, str]]] = {}
    for _, record, newest in tx.builtin(SHARD, (RESTRICTION.number,)):
        versions = tx.versions_of(SHARD, record)
        if not versions or engine.gone(tx, {record, versions[0].subject}):
            continue  # it went with the person
        steps, target = [], b""
        for version in versions[:newest]:
            state = "lifted"
            if version.operation != OPERATIONS["delete"]:
                values = open_version(tx, engine.sealer, version, RESTRICTION)
                state, target = str(values["state"]), id_bytes(str(values["target"]))
            steps.append((version.recorded_us, state))
        for one in one_with.get(target, (target,)):
            spans.setdefault(one.hex(), []).extend(steps)

    def left(target: str, time_us: int) -> Collection[str] | None:
        held = [state for since, state in spans.get(target, ()) if since <= time_us]
        return PURPOSES_LEFT.get(held[-1]) if held else None

    return left
