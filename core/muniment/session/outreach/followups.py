"""Follow-ups: what was promised to whom and when, over every type that says when something is due.

A type has follow-ups where one of its fields means ``due``; others say who does it, whether it is
done, and when there was contact last (``schema.rules.MEANINGS``). A list of customers with a next
date and a table of follow-ups are read alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from muniment.errors import NotFound, UsageError
from muniment.model import id_bytes, id_text, instant, micros_of
from muniment.outreach.calendars import Reminder, calendar_of
from muniment.schema import Condition, Field, RecordType
from muniment.session.kernel.current import sortable
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.views import Record
from muniment.session.reading import lists
from muniment.session.reading.cursor import opened_place, sealed_place
from muniment.session.reading.ordering import cursor_of
from muniment.session.reading.pieces import Piece
from muniment.session.reading.titles import records_of
from muniment.session.writing.writes import Change, Saved, sole, write

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Due", "FollowUps", "as_typed", "meant_for"]

_INTERACTION: Final = "interaction"
_MOST: Final = 1_000
_CURSOR: Final = b"piece/follow-up"


class _Behind(NamedTuple):
    """Where a piece of the list ended: when the last one is due, and its record's UUID text."""

    moment_us: int
    record: str


@attrs.frozen
class Due:
    """One thing to be done.

    Attributes:
        type: key of the record type.
        record: UUID text.
        version: of the record, for whoever changes it.
        due: when; a day, or a time in the archive's zone.
        owner: login of whoever does it; empty for nobody.
        overdue: whether that has passed.
        customer: UUID text of the record of the customer it concerns; its own for a customer.
        name: what the customer goes by, as far as the actor may see that.
        number: what reminders call the customer: the first public or internal field it goes by.
        about: what it is about, as far as the actor may see that.
        minutes_before: when to remind; None for not at all.
        changed_us: when the record was last written.
    """

    type: str
    record: str
    version: int
    due: date | datetime
    owner: str
    overdue: bool
    customer: str
    name: str
    number: str
    about: str
    minutes_before: int | None
    changed_us: int


def meant_for(record_type: RecordType, meaning: str) -> Field | None:
    """The field of a type that means something for follow-ups; None where it has none."""
    return next((one for one in record_type.fields if one.meaning == meaning and not one.retired), None)


def as_typed(engine: Engine, due: Field, text: str, at: time | None = None) -> str:
    """When something is due, as it is typed: ``+3`` is three days from now, at the time of day given."""
    if not (text.startswith("+") and text[1:].isdigit() and len(text) < 6):
        return text
    day = engine.value_context().today + timedelta(days=int(text[1:]))
    return day.isoformat() if due.kind == "date" else f"{day.isoformat()} {at or time.min:%H:%M}"


class FollowUps:
    """What is due; reached as ``session.follow_ups``.

    Args:
        session: who asks.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine: Engine = session.engine

    # Finding

    def list(
        self,
        *,
        owner: str = "",
        overdue: bool = False,
        days: int | None = None,
        kind: str = "record.list",
        limit: int = _MOST,
        after: str | None = None,
    ) -> Piece[Due]:
        """What is due, soonest first; each list of a type is an entry of the log.

        Args:
            owner: a login, ``me``, or empty for everybody.
            overdue: only what should have been done by now.
            days: only what is due within so many days from today.
            kind: the kind of entry it is written down as.
            limit: so many at most.
            after: what the piece before gave.

        Raises:
            NotFound: ``followup.no_user`` for a login that there is not.
            UsageError: ``usage.cursor``.
        """
        engine, session = self._engine, self._session
        engine.refresh()
        who = self._record_of(owner) if owner else ""
        op = engine.new_id()
        behind = None if after is None else _Behind(*opened_place(engine, _CURSOR, after))
        found: list[Due] = []
        more = False
        for record_type in session.types():
            due = meant_for(record_type, "due")
            # A computed day repeats what another type says.
            if due is None or due.computed or not session.may("record.list", record_type.key):
                continue
            if due.key not in session.view(record_type).clear:
                continue
            asked = self._asked(record_type, due, who, overdue, days, op, kind, limit)
            if asked is not None:
                page = self._session.listed(self._from(asked, record_type, due, behind))
                found += self._read(record_type, due, page.records)
                more = more or page.after is not None
        ranked = sorted(found, key=lambda one: (self._moment(one.due), one.record))
        piece = Piece(ranked[:limit])
        if len(ranked) > limit or (more and piece):
            last = piece[-1]
            piece.after = sealed_place(engine, _CURSOR, [micros_of(self._moment(last.due)), last.record])
        return piece

    def _from(
        self, asked: lists.Asked, record_type: RecordType, due: Field, behind: _Behind | None
    ) -> lists.Asked:
        """The same list from behind a place that another type's record may hold."""
        if behind is None:
            return asked
        moment, record = instant(behind.moment_us), id_bytes(behind.record)
        value: datetime | date = moment
        if due.kind == "date":
            value = moment.astimezone(self._engine.zone).date()
            if self._moment(value) != moment:
                # A day stands where it begins: all that is due on it came before.
                record = b"\xff" * 16
        order = ((due.number, False),)
        place = ([sortable(value)], record)
        return attrs.evolve(
            asked, after=cursor_of(self._engine, record_type.number, order, asked.descending, place)
        )

    def _record_of(self, owner: str) -> str:
        login = self._session.actor if owner == "me" else owner
        user = self._engine.definitions.users.get(login)
        if user is None:
            raise NotFound("followup.no_user", name=login)
        return id_text(user.record)

    def _asked(
        self,
        record_type: RecordType,
        due: Field,
        who: str,
        overdue: bool,
        days: int | None,
        op: bytes,
        kind: str,
        limit: int,
    ) -> lists.Asked | None:
        view = self._session.view(record_type)
        where: dict[str, object] = {}
        filters = [Condition(due.key, "!=", "")]
        person, state = meant_for(record_type, "owner"), meant_for(record_type, "state")
        if who:
            if person is None or person.key not in view.clear:
                return None
            where[person.key] = who
        if state is not None and state.default:
            if state.key not in view.clear:
                return None
            where[state.key] = state.default
        if overdue:
            filters.append(Condition(due.key, "<", self._now_text(due)))
        if days is not None:
            filters.append(Condition(due.key, "<", f"today+{days + 1}"))
        minutes = meant_for(record_type, "remind_minutes")
        keys = [due.key, *(one.key for one in (person, minutes) if one is not None and one.key in view.clear)]
        keys += [key for key in record_type.title if key in view.readable]
        subject = record_type.subject
        if isinstance(subject, tuple) and len(subject) == 1 and subject[0] in view.readable:
            keys.append(subject[0])
        return lists.Asked(
            record_type.key,
            where,
            fields=list(dict.fromkeys(keys)),
            order_by=due.key,
            limit=min(limit, _MOST),
            kind=kind,
            op=op,
            filters=tuple(filters),
        )

    def _now_text(self, due: Field) -> str:
        if due.kind == "date":
            return self._engine.value_context().today.isoformat()
        return self._now().isoformat(timespec="seconds")

    def _now(self) -> datetime:
        return instant(self._engine.clock(), self._engine.zone)

    def _moment(self, due: date | datetime) -> datetime:
        if isinstance(due, datetime):
            return due
        return datetime.combine(due, datetime.min.time(), self._engine.zone)

    def _read(self, record_type: RecordType, due: Field, records: Sequence[Record]) -> Sequence[Due]:
        engine = self._engine
        subject = record_type.subject
        reference = record_type.by_key[subject[0]] if isinstance(subject, tuple) else None
        people: dict[str, Record] = {}
        if reference is not None:
            ids = sorted({str(one.fields[reference.key]) for one in records if one.fields.get(reference.key)})
            people = self._people(reference.target, ids)
        logins = {id_text(user.record): user.login for user in engine.definitions.users.values()}
        person, minutes = meant_for(record_type, "owner"), meant_for(record_type, "remind_minutes")
        now = self._now()
        found = []
        for one in records:
            value = one.fields[due.key]
            if isinstance(value, datetime):
                value = value.astimezone(self._engine.zone)
                late = value < now
            else:
                assert isinstance(value, date)
                late = value < now.date()
            customer = one.id if reference is None else str(one.fields.get(reference.key) or "")
            known = one if reference is None else people.get(customer)
            before = one.fields.get(minutes.key) if minutes is not None else None
            found.append(
                Due(
                    record_type.key,
                    one.id,
                    one.version,
                    value,
                    logins.get(str(one.fields.get(person.key)), "") if person is not None else "",
                    late,
                    customer,
                    self._name(known),
                    self._number(known),
                    "" if reference is None else self._about(record_type, one, due),
                    before if isinstance(before, int) else None,
                    one.recorded_us,
                )
            )
        return found

    def _people(self, target: str, ids: Sequence[str]) -> dict[str, Record]:
        """The customers that follow-ups are about, as far as the actor may list them."""
        known = self._engine.definitions.types.get(target)
        if known is None:
            return {}
        return records_of(self._engine, self._session.acting, target, ids, known.title)

    def _name(self, record: Record | None) -> str:
        if record is None:
            return ""
        title = self._engine.definitions.types[record.type].title
        return next((str(record.fields[key]) for key in title if record.fields.get(key)), "")

    def _number(self, record: Record | None) -> str:
        """What a reminder may call somebody: it leaves the archive, so no name stands in it."""
        if record is None:
            return ""
        kept = self._engine.definitions.types[record.type]
        for key in kept.title:
            field = kept.by_key.get(key)
            if field is not None and field.in_clear and record.fields.get(key):
                return str(record.fields[key])
        return record.id[:8]

    def _about(self, record_type: RecordType, record: Record, due: Field) -> str:
        keys = (key for key in record_type.title if key != due.key and key in record.fields)
        return next((str(record.fields[key]) for key in keys if record.fields[key]), "")

    # Doing

    def done(
        self,
        record: str,
        *,
        note: str = "",
        channel: str = "phone",
        next: str = "",
        reason: str | None = None,
    ) -> Sequence[Saved]:
        """Say that something was done: its state, the talk with the customer, when to go on; one change set.

        Args:
            record: UUID text.
            note: what was said; it becomes the talk's resolution. Empty makes no talk.
            channel: of the talk.
            next: when to follow up again, as it is typed; empty for not at all.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``followup.none`` for a record of a type without follow-ups.
            NotFound, AccessDenied, Invalid: as for any write.
        """
        session = self._session
        found = session.get(record)
        kept = session.type(found.type)
        due = self._due_of(kept)
        state = meant_for(kept, "state")
        changes = []
        if state is not None:
            changes.append(self._update(found, {state.key: "done"}))
            if next:
                apart = {due.key, state.key, *found.masked}
                again = {
                    key: value
                    for key, value in found.fields.items()
                    if key not in apart and kept.by_key[key].writable
                }
                changes.append(Change("create", kept.key, values={**again, due.key: next}))
        else:
            values: dict[str, object] = {due.key: next or None}
            last = meant_for(kept, "last_contact")
            if last is not None and not last.computed and last.key in session.view(kept).writable:
                now = self._now()
                values[last.key] = (now.date() if last.kind == "date" else now).isoformat()
            changes.append(self._update(found, values))
        if note.strip():
            changes += self._talk(found, kept, note, channel)
        return [
            one
            for one in write(self._engine, session.acting, changes, reason=reason)
            if isinstance(one, Saved)
        ]

    def snooze(self, record: str, until: str, *, reason: str | None = None) -> Saved:
        """Put something off.

        Args:
            record: UUID text.
            until: when it is due then, as it is typed; ``+3`` is three days from now.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``followup.none`` for a record of a type without follow-ups.
            NotFound, AccessDenied, Invalid: as for any write.
        """
        session = self._session
        found = session.get(record)
        due = self._due_of(session.type(found.type))
        before = found.fields.get(due.key)
        # A time of day stays what it was.
        at = before.astimezone(self._engine.zone).time() if isinstance(before, datetime) else None
        until = as_typed(self._engine, due, until, at)
        return sole(
            write(self._engine, session.acting, [self._update(found, {due.key: until})], reason=reason)
        )

    def _due_of(self, kept: RecordType) -> Field:
        due = meant_for(kept, "due")
        if due is None or due.computed:
            raise UsageError("followup.none", where=kept.key)
        return due

    def _update(self, found: Record, values: dict[str, object]) -> Change:
        return Change("update", record=id_bytes(found.id), values=values, expected_version=found.version)

    def _talk(self, found: Record, kept: RecordType, note: str, channel: str) -> Sequence[Change]:
        customer = found.id if kept.subject == "self" else str(found.fields.get("customer") or "")
        known = self._engine.definitions.types.get(_INTERACTION)
        if known is None or not customer:
            raise UsageError("followup.no_talk", where=kept.key)
        user = self._engine.definitions.users.get(self._session.actor)
        values = {
            "customer": customer,
            "occurred_at": self._now().isoformat(timespec="seconds"),
            "channel": channel,
            "direction": "outbound",
            "topic": "follow_up",
            "resolution": note,
            "handled_by": id_text(user.record) if user is not None else None,
        }
        return [
            Change(
                "create",
                _INTERACTION,
                values={key: value for key, value in values.items() if key in known.by_key},
            )
        ]

    # Handing out

    def calendar(self, *, owner: str = "me", lang: str = "en") -> bytes:
        """What is due as a calendar file (RFC 5545); it names customers by number alone.

        Args:
            owner: a login, ``me``, or empty for everybody.
            lang: ``en`` or ``zh``.

        Raises:
            UsageError: ``mail.no_icalendar``.
        """
        found = self.list(owner=owner, kind="calendar.export")
        name = "Follow-ups" if lang == "en" else "跟进"
        return calendar_of(name, [self._reminder(one, lang) for one in found])

    def _reminder(self, one: Due, lang: str) -> Reminder:
        word = "Follow-up" if lang == "en" else "跟进"
        return Reminder(
            f"{one.record}@muniment",
            one.due,
            f"{word} {one.number}".strip(),
            f"{one.type} {one.record}",
            one.version,
            one.minutes_before if isinstance(one.due, datetime) else None,
            datetime.fromtimestamp(one.changed_us // 1_000_000, UTC),
        )
