"""Follow-ups for many people in one act: looked at beforehand, made together, closed together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import AccessDenied, Invalid, MunimentError, NotFound, UsageError
from muniment.model import id_bytes, id_text
from muniment.schema import Field, RecordType
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.views import Record
from muniment.session.outreach.followups import as_typed, meant_for
from muniment.session.writing.changes import Pending
from muniment.session.writing.planning import Planner
from muniment.session.writing.writes import Change, Saved, log_disclosures, write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["EACH", "ME", "MOST", "Look", "Promise", "Promises"]

EACH: Final = "each"
"""As an owner: whoever each customer has."""

ME: Final = "me"
"""As an owner: whoever asks."""

MOST: Final = 1_000
"""How many one act may make or close."""

_CLOSED: Final = ("cancelled", "done")


def _once(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given))


@attrs.frozen
class Promise:
    """What is promised to each of many.

    Attributes:
        records: UUID texts of those that it is promised to; one that is named twice counts once.
        due: when, as it is typed; ``+3`` is three days from now.
        about: what it is about.
        owner: who does it: a login, a user's UUID text, ``me``, ``each`` for whoever each of them has, or
            empty for nobody.
        type: key of the type of the follow-ups; empty where there is but one.
    """

    records: tuple[str, ...] = attrs.field(converter=_once)
    due: str
    about: str = ""
    owner: str = ""
    type: str = ""


@attrs.frozen
class Look:
    """What would become of a promise to one of them.

    Attributes:
        record: UUID text of whom it is promised to.
        owner: login of whoever would do it; empty for nobody.
        problem: why it would be refused; None where it would be made.
    """

    record: str
    owner: str
    problem: MunimentError | None


class Promises:
    """Follow-ups for many; reached as ``session.promises``.

    Args:
        session: who asks.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine: Engine = session.engine

    def types(self, about: str = "") -> Sequence[RecordType]:
        """The types of follow-ups that the actor may make: each is about a record that it refers to.

        Args:
            about: key of the type that is followed up; empty for any.
        """
        may = self._session.may
        return [
            one
            for key, one in sorted(self._engine.definitions.types.items())
            if isinstance(one.subject, tuple)
            and len(one.subject) == 1
            and about in ("", _whom(one).target)
            and not one.built_in
            and not one.retired
            and (due := meant_for(one, "due")) is not None
            and not due.computed
            and may("record.create", key)
        ]

    def look(self, promise: Promise) -> Sequence[Look]:
        """What would become of it; nothing is written but the entries of reading whom it is about.

        Raises:
            UsageError: ``followup.nobody``, ``followup.too_many``, ``followup.which`` or ``followup.none``.
            NotFound: ``followup.no_user``.
        """
        kept, people = self._begun(promise)
        owners = self._owners(promise, kept, people)
        found = self._planned([self._change(promise, kept, one, owners) for one in people])
        log_disclosures(
            self._engine, self._session.acting, [one for one in found if isinstance(one, Invalid)]
        )
        problems = dict(zip(people, found, strict=True))
        logins = {id_text(one.record): one.login for one in self._engine.definitions.users.values()}
        missing = NotFound("record.not_found")
        return [
            Look(one, logins.get(owners.get(one, ""), ""), problems[one] if one in people else missing)
            for one in promise.records
        ]

    def make(
        self, promise: Promise, *, reason: str | None = None, idempotency_key: str | None = None
    ) -> Sequence[Saved]:
        """Make them in one change set, or none of them.

        Args:
            promise: to whom, when, and what.
            reason: a person's own words; sealed.
            idempotency_key: a retry with the same key makes nothing twice.

        Raises:
            UsageError, NotFound: as ``look``.
            Invalid, NotFound, AccessDenied: the first one that is refused; ``where`` names whom it is about.
            ApprovalNeeded: ``approval.waits``.
        """
        kept, people = self._begun(promise)
        for one in promise.records:
            if one not in people:
                with self._engine.guarded(self._session.acting, "record.create", type=kept.key):
                    raise NotFound("record.not_found", where=one)
        owners = self._owners(promise, kept, people)
        changes = [self._change(promise, kept, one, owners) for one in people]
        try:
            done = write(
                self._engine,
                self._session.acting,
                changes,
                reason=reason,
                idempotency_key=idempotency_key,
            )
        except (Invalid, NotFound, AccessDenied) as error:
            self._say_whom(error, list(people), changes)
            raise
        return [one for one in done if isinstance(one, Saved)]

    def close(self, records: Sequence[str], *, reason: str | None = None) -> Sequence[Saved]:
        """Close in one change set what is still open of some follow-ups: cancelled, where a state says that.

        Args:
            records: UUID texts of the follow-ups.
            reason: a person's own words; sealed.

        Returns:
            What became of those that were open.

        Raises:
            UsageError: ``followup.nobody`` or ``followup.too_many``.
            NotFound: ``record.not_found`` for one that is not there, or is no follow-up; logged.
            AccessDenied, Conflict, ApprovalNeeded: as for any write.
        """
        self._session.require("record.update")
        ids = _few(records)
        with self._engine.store.transaction(write=False) as tx:
            versions = tx.newest_versions(SHARD, [id_bytes(one) for one in ids])
        by_number = self._engine.definitions.by_number
        changes: list[Change] = []
        seen: set[str] = set()
        for number in sorted({one.type for one in versions.values()}):
            kept = by_number.get(number)
            due = None if kept is None or kept.built_in else meant_for(kept, "due")
            if kept is None or due is None or due.computed:
                continue
            field = meant_for(kept, "state") or due
            named = [id_text(record) for record, one in versions.items() if one.type == number]
            found = self._session.several(kept.key, named, [field.key])
            seen |= found.keys()
            changes += [_closing(one, field) for one in found.values() if _is_open(one, field)]
        for one in ids:
            if one not in seen:
                with self._engine.guarded(self._session.acting, "record.update"):
                    raise NotFound("record.not_found", where=one)
        if not changes:
            return []
        done = write(self._engine, self._session.acting, changes, reason=reason)
        return [one for one in done if isinstance(one, Saved)]

    # What it is made of

    def _begun(self, promise: Promise) -> tuple[RecordType, Mapping[str, Record]]:
        """The type of the follow-ups, and those of the people who are there for this actor."""
        self._engine.refresh()
        self._session.require("record.create", promise.type or None)
        ids = _few(promise.records)
        kept = self._type(promise.type)
        target = self._session.type(_whom(kept).target)
        view = self._session.view(target)
        # Of whom it is about no more is read than who does it.
        named = [one for one in _owner_key(target) if one in view.readable]
        named += [one.key for one in target.fields if one.in_clear and one.key in view.clear][:1]
        found = self._session.several(target.key, ids, named or sorted(view.readable)[:1])
        return kept, {one: found[one] for one in ids if one in found}

    def _type(self, key: str) -> RecordType:
        if key:
            kept = self._session.type(key)
            if kept not in self.types():
                raise UsageError("followup.none", where=key)
            return kept
        known = self.types()
        if len(known) != 1:
            raise UsageError("followup.which", known=", ".join(one.key for one in known))
        return known[0]

    def _owners(self, promise: Promise, kept: RecordType, people: Mapping[str, Record]) -> dict[str, str]:
        """By whom it is about the UUID text of the user who does it."""
        if not promise.owner:
            return {}
        if promise.owner != EACH:
            return dict.fromkeys(people, self._user(promise.owner))
        keys = _owner_key(self._session.type(_whom(kept).target))
        return {
            one: str(record.fields[key])
            for one, record in people.items()
            for key in keys
            if record.fields.get(key) and key not in record.masked
        }

    def _user(self, owner: str) -> str:
        users = self._engine.definitions.users
        login = self._session.actor if owner == ME else owner
        found = users.get(login) or next(
            (one for one in users.values() if id_text(one.record) == owner), None
        )
        if found is None:
            raise NotFound("followup.no_user", name=login)
        return id_text(found.record)

    def _change(self, promise: Promise, kept: RecordType, one: str, owners: Mapping[str, str]) -> Change:
        due, owner = meant_for(kept, "due"), meant_for(kept, "owner")
        assert due is not None  # `types` names no other
        values: dict[str, object] = {_whom(kept).key: one, due.key: as_typed(self._engine, due, promise.due)}
        if promise.about:
            values[self._about(kept).key] = promise.about
        if owner is not None and one in owners:
            values[owner.key] = owners[one]
        return Change("create", kept.key, values=values)

    def _about(self, kept: RecordType) -> Field:
        """Where it is said what a follow-up is about: the first words by which it goes."""
        for key in kept.title:
            field = kept.by_key[key]
            if field.kind in ("text", "long text") and field.writable:
                return field
        raise UsageError("followup.no_words", where=kept.key)

    def _planned(self, changes: Sequence[Change]) -> list[MunimentError | None]:
        """What stands against each of some changes; nothing is written."""
        engine, acting = self._engine, self._session.acting

        def body(tx: Transaction, moment: Moment) -> list[Pending | MunimentError]:
            return Planner(engine, acting).plan(tx, moment.time_us, changes, collect=True)

        with engine.guarded(acting, "record.create"):
            planned = engine.run(body, acting)
        return [None if isinstance(one, Pending) else one for one in planned]

    def _say_whom(self, error: MunimentError, people: Sequence[str], changes: Sequence[Change]) -> None:
        """Put into an error of many whom the first refusal is about."""
        for one, problem in zip(people, self._planned(changes), strict=True):
            if problem is not None and problem.code == error.code:
                error.where = one
                return


def _few(records: Sequence[str]) -> list[str]:
    ids = list(dict.fromkeys(records))
    if not ids:
        raise UsageError("followup.nobody")
    if len(ids) > MOST:
        raise UsageError("followup.too_many", maximum=MOST)
    return ids


def _whom(kept: RecordType) -> Field:
    """The reference to whom a follow-up is about."""
    assert isinstance(kept.subject, tuple)  # `types` names no other
    return kept.by_key[kept.subject[0]]


def _owner_key(target: RecordType) -> list[str]:
    owner = meant_for(target, "owner")
    return [] if owner is None else [owner.key]


def _is_open(record: Record, field: Field) -> bool:
    value = record.fields.get(field.key)
    return value is not None and (field.meaning == "due" or str(value) == field.default)


def _closing(record: Record, field: Field) -> Change:
    states = {one.key for one in field.choices if not one.retired}
    state = None if field.meaning == "due" else next((one for one in _CLOSED if one in states), None)
    return Change(
        "update",
        record=id_bytes(record.id),
        values={field.key: state},
        expected_version=record.version,
    )
