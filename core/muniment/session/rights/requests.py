"""Requests of persons: received, checked, answered, each step a version and an entry, each with its date."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import Value, id_bytes, id_text, rfc3339
from muniment.schema.builtin import REQUEST
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reaches
from muniment.session.reading.pieces import Kept, Piece, piece_of, stored_piece
from muniment.session.reading.reads import Plan, disclosure, plan_of
from muniment.session.rights.consented import subject_of
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, sole, write
from muniment.store import Transaction, Version
from muniment.subjects.clocks import Calendar, Due, clock_of, due_dates, elapsed
from muniment.subjects.rules import Rights

if TYPE_CHECKING:
    from muniment.session.ground import Ground

__all__ = ["STATES", "Request", "Requests", "calendar_of"]

_DECISIONS: Final = ("granted", "partial", "refused")

STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "received": ("acknowledged", "identity_check"),
    "acknowledged": ("identity_check",),
    "identity_check": ("scoped", "refused"),
    "scoped": ("extension_notified", "collecting"),
    "extension_notified": ("collecting",),
    "collecting": ("extension_notified", *_DECISIONS),
    "granted": ("fulfilled",),
    "partial": ("fulfilled",),
    "refused": ("closed",),
    "fulfilled": ("recipients_notified", "closed"),
    "recipients_notified": ("closed",),
    "closed": ("complaint", "appeal"),
    "complaint": ("closed",),
    "appeal": ("closed",),
}
"""Which step may follow which; every other one is refused."""

_OPEN: Final = frozenset(STATES) - {"closed"}
_CHECKLIST: Final = (
    "acknowledged",
    "identity_check",
    "scoped",
    "collecting",
    "decision",
    "fulfilled",
    "closed",
)


@attrs.frozen
class Request:
    """One request as it stands.

    Attributes:
        id: UUID text of its record.
        version: of the record.
        subject: UUID text of the person.
        values: the fields of the record.
    """

    id: str
    version: int
    subject: str
    values: Mapping[str, Value]

    @property
    def state(self) -> str:
        """Where it stands."""
        return str(self.values.get("state", ""))

    @property
    def is_open(self) -> bool:
        """Whether an answer is still owed."""
        return self.state in _OPEN

    def percent(self, today: date) -> int:
        """How much of its clock has run."""
        received, due = self.values["received"], self.values["due"]
        assert isinstance(received, date)
        assert isinstance(due, date)
        return elapsed(received, due, today)

    def steps(self) -> list[dict[str, str]]:
        """What was done, oldest first: ``at``, ``by``, ``to`` and maybe ``note``."""
        found: list[dict[str, str]] = json.loads(str(self.values.get("steps") or "[]"))
        return found

    def checklist(self) -> list[tuple[str, bool]]:
        """The steps that every request takes, and which of them were taken."""
        done = {one["to"] for one in self.steps()}
        if done & set(_DECISIONS):
            done.add("decision")
        return [(name, name in done) for name in _CHECKLIST]


_Shown = tuple[Version, Request]


def _place(one: _Shown) -> tuple[str, str]:
    """Where a request of a person stands among theirs: by the day on which it is due."""
    return str(one[1].values.get("due")), one[1].id


def _kept(everything: bool, in_order: bool) -> Kept:
    """The list of open requests, or of all.

    Args:
        everything: closed ones too.
        in_order: by the day on which they are due, for whoever may read it; else as they were made.
    """
    state, closed, due = (REQUEST.by_key[key].number for key in ("state", "closed_on", "due"))
    # Open is what was never closed, and what was opened again.
    still: list[list[tuple[int, object]]] = [[(closed, None)], [(state, "complaint")], [(state, "appeal")]]
    return Kept(
        "request",
        REQUEST.number,
        [[]] if everything else still,
        ((due, False),) if in_order else (),
        mixed=True,
    )


class Requests:
    """Requests of persons, as acts of somebody; reached as ``session.requests``."""

    def __init__(self, session: Ground) -> None:
        self._session = session
        self._engine = session.engine
        self._acting = session.acting

    # Reading

    def get(self, id: str) -> Request:
        """One request, open or closed; written down like any reading.

        Args:
            id: UUID text of the request.

        Raises:
            NotFound: ``request.none``; logged.
            AccessDenied: ``access.action``; logged.
        """

        def body(tx: Transaction, moment: Moment) -> Sequence[Request]:
            self._engine.policy.require(self._acting.actor, "request.read", REQUEST.key)
            plan = plan_of(self._engine, self._acting, REQUEST, None)
            found = self._shown(tx, plan, id_bytes(id))
            return self._released(tx, moment, plan, [] if found is None else [found])

        with self._engine.guarded(self._acting, "request.read"):
            found = self._engine.run(body, self._acting)
        if not found:
            error = NotFound("request.none", where=id)
            self._engine.refused(self._acting, "request.read", error, record=id)
            raise error
        return found[0]

    def listed(
        self,
        *,
        everything: bool = False,
        of: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Piece[Request]:
        """The requests that are open, or all; the one due first comes first.

        Args:
            everything: closed ones too.
            of: UUID text of a record about a person: theirs alone.
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        engine = self._engine

        def body(tx: Transaction, moment: Moment) -> Piece[Request]:
            engine.policy.require(self._acting.actor, "request.read", REQUEST.key)
            about = None if of is None else subject_of(engine, self._acting, tx, id_bytes(of))
            plan = plan_of(engine, self._acting, REQUEST, None)

            def shown(record: bytes) -> _Shown | None:
                found = self._shown(tx, plan, record)
                return found if found is not None and (everything or found[1].is_open) else None

            if about is None:
                kept = _kept(everything, "due" in plan.view.clear)
                found = stored_piece(
                    engine, tx, kept, lambda row: shown(row.record), limit=limit, after=after
                )
            else:
                theirs = (shown(one.record) for one in tx.newest_about(SHARD, REQUEST.number, (about,)))
                there = (one for one in theirs if one is not None)
                found = piece_of(engine, "request of", there, _place, limit=limit, after=after)
            piece = Piece(self._released(tx, moment, plan, found))
            piece.after = found.after
            return piece

        with engine.guarded(self._acting, "request.read", record=of):
            return engine.run(body, self._acting)

    def _shown(self, tx: Transaction, plan: Plan, record: bytes) -> _Shown | None:
        """A request as the actor sees it, with the version that it stands in; None where it is not there."""
        version = tx.version(SHARD, record)
        if version is None or version.type != REQUEST.number or not self._stands(tx, version):
            return None
        if not reaches(self._engine, tx, self._acting, "request.read", version.subject):
            return None
        one = self._opened(tx, version)
        clear = {key: value for key, value in one.values.items() if key in plan.view.clear}
        return version, attrs.evolve(one, values=clear)

    def _released(
        self, tx: Transaction, moment: Moment, plan: Plan, found: Sequence[_Shown]
    ) -> list[Request]:
        """What is shown, once its entry is written."""
        versions = sorted((version for version, _ in found), key=lambda one: one.record)
        drafts = disclosure(self._engine, tx, self._acting, "request.read", plan, versions)
        self._engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
        return [one for _, one in found]

    def _stands(self, tx: Transaction, version: Version) -> bool:
        return version.operation != OPERATIONS["delete"] and not self._engine.gone(tx, {version.subject})

    def _versions(self, tx: Transaction) -> list[Version]:
        rows = tx.builtin(SHARD, (REQUEST.number,))
        versions = [tx.version(SHARD, record, newest) for _, record, newest in rows]
        standing = [one for one in versions if one is not None and one.operation != OPERATIONS["delete"]]
        gone = self._engine.gone(tx, {one.subject for one in standing})
        return [one for one in standing if one.subject not in gone]

    def _opened(self, tx: Transaction, version: Version) -> Request:
        values = open_version(tx, self._engine.sealer, version, REQUEST)
        return Request(id_text(version.record), version.version, id_text(version.subject), values)

    def _one(self, id: str) -> Request:
        with (
            self._engine.guarded(self._acting, "request.change", record=id),
            self._engine.store.transaction(write=False) as tx,
        ):
            version = tx.version(SHARD, id_bytes(id))
            if version is None or version.type != REQUEST.number:
                raise NotFound("request.none", where=id)
            self._engine.check_live(tx, {version.subject, version.record})
            if not reaches(self._engine, tx, self._acting, "request.change", version.subject):
                raise NotFound("request.none", where=id)
            return self._opened(tx, version)

    def running_late(self, today: date) -> tuple[int, int, int]:
        """How many open requests have used half of their time, four fifths of it, all of it."""
        with self._engine.store.transaction(write=False) as tx:
            found = [self._opened(tx, one) for one in self._versions(tx)]
        used = [one.percent(today) for one in found if one.is_open]
        return (
            sum(50 <= one < 80 for one in used),
            sum(80 <= one < 100 for one in used),
            sum(one >= 100 for one in used),
        )

    # Steps

    def open(
        self,
        record: str,
        right: str,
        *,
        law: str | None = None,
        received: date | None = None,
        channel: str = "",
        requester: str = "",
        authority: str = "",
        reason: str | None = None,
    ) -> Saved:
        """Write down that a person asks for something.

        Args:
            record: UUID text of a record about the person.
            right: one of ``subjects.clocks.RIGHTS``.
            law: whose clock runs; by default the one in the configuration.
            received: the day; by default today.
            channel: how it came.
            requester: who asks, where somebody else does.
            authority: what entitles them.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``request.law``, ``request.right``, ``request.future``.
        """
        rights = self._rights()
        law, today = law or rights.law, self._engine.today()
        received = received or today
        if received > today:
            raise UsageError("request.future")
        dates = due_dates(law, right, received, calendar_of(self._engine))
        with (
            self._engine.guarded(self._acting, "request.open", record=record),
            self._engine.store.transaction(write=False) as tx,
        ):
            subject = subject_of(self._engine, self._acting, tx, id_bytes(record))
        values: dict[str, object] = {
            "right": right,
            "state": "received",
            "law": law,
            "received": received,
            "due": dates.due,
            "statutory": dates.statutory,
            "latest": dates.latest,
            "acknowledge_by": dates.acknowledge_by,
            "channel": channel or None,
            "handler": self._acting.actor.id,
            "requester": requester or None,
            "authority": authority or None,
            "steps": self._steps([], "received", ""),
        }
        change = Change(
            "create", REQUEST.key, values=values, subject=subject, inside=True, kind="request.open"
        )
        return self._written(change, reason)

    def dates(
        self, right: str, *, law: str | None = None, received: date | None = None
    ) -> tuple[Due, Calendar]:
        """When a request received on a day is to be answered, and by which calendar.

        Args:
            right: one of ``subjects.clocks.RIGHTS``.
            law: whose clock runs; by default the one in the configuration.
            received: the day; by default today.

        Raises:
            UsageError: ``request.law``, ``request.right``, ``request.calendar``.
        """
        calendar = calendar_of(self._engine)
        return due_dates(
            law or self._rights().law, right, received or self._engine.today(), calendar
        ), calendar

    def step(
        self,
        id: str,
        to: str,
        *,
        note: str = "",
        answer: str = "",
        evidence: Path | None = None,
        reason: str | None = None,
    ) -> Saved:
        """Take a request a step further.

        Args:
            id: UUID text of the request.
            to: a state that may follow; ``granted``, ``partial`` and ``refused`` decide it.
            note: what was found or done, such as how the identity was checked; sealed.
            answer: what the person is told; sealed.
            evidence: a file; sealed.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``request.step`` where it may not follow, ``request.ground`` where none is given.
            AccessDenied: ``request.four_eyes`` where whoever handled a request for erasure grants it.
        """
        one = self._one(id)
        following = STATES.get(one.state, ())
        if to not in following or to == "extension_notified":
            raise UsageError("request.step", where=id, name=to, known=", ".join(following) or "-")
        values: dict[str, object] = {"state": to}
        kind = "request.step"
        if to in _DECISIONS:
            kind = "request.decide"
            values["decision"] = to
            self._check_decision(one, to, note)
        if to == "closed":
            kind = "request.close"
            values["closed_on"] = self._engine.today()
        if answer:
            values["answer"] = answer
        saved = self._update(one, values, to, note, kind, reason)
        if evidence is not None:
            from muniment.session.attachments import attach_file

            saved = attach_file(
                self._engine, self._acting, id_bytes(id), "evidence", evidence, inside="request.step"
            )
        return saved

    def _check_decision(self, one: Request, to: str, note: str) -> None:
        if to != "granted" and not note.strip():
            raise UsageError("request.ground", where=one.id)
        if one.values.get("right") == "erasure" and one.values.get("handler") == self._acting.actor.id:
            error = AccessDenied("request.four_eyes", where=one.id)
            self._engine.refused(self._acting, "request.decide", error, record=one.id)
            raise error

    def extend(self, id: str, *, note: str, reason: str | None = None) -> Saved:
        """Take the longer time that the law allows, once, and say that the person was told why.

        Raises:
            UsageError: ``request.extend`` where the law knows none, it was taken, or the time is over.
        """
        one = self._one(id)
        clock = clock_of(str(one.values["law"]), str(one.values["right"]))
        allowed = bool(clock.more_days or clock.more_months) and not one.values.get("extended")
        due = one.values["due"]
        assert isinstance(due, date)
        if not allowed or self._engine.today() > due or "extension_notified" not in STATES.get(one.state, ()):
            raise UsageError("request.extend", where=id)
        received = one.values["received"]
        assert isinstance(received, date)
        dates = due_dates(str(one.values["law"]), str(one.values["right"]), received)
        values: dict[str, object] = {
            "state": "extension_notified",
            "extended": True,
            "due": one.values["latest"],
            "statutory": dates.statutory_latest,
        }
        return self._update(one, values, "extension_notified", note, "request.extend", reason)

    def close(self, id: str, *, answer: str = "", note: str = "", reason: str | None = None) -> Saved:
        """End a request that was answered or refused."""
        return self.step(id, "closed", answer=answer, note=note, reason=reason)

    # Inside

    def _rights(self) -> Rights:
        applied = self._engine.settings.applied
        return Rights() if applied is None else applied.rights

    def _steps(self, before: Sequence[Mapping[str, str]], to: str, note: str) -> str:
        now = {"at": rfc3339(self._engine.clock()), "by": self._acting.actor.id, "to": to}
        if note:
            now["note"] = note
        return json.dumps([*before, now], ensure_ascii=False)

    def _update(
        self,
        one: Request,
        values: Mapping[str, object],
        to: str,
        note: str,
        kind: str,
        reason: str | None,
    ) -> Saved:
        given = {**values, "steps": self._steps(one.steps(), to, note)}
        change = Change(
            "update",
            record=id_bytes(one.id),
            values=given,
            expected_version=one.version,
            inside=True,
            kind=kind,
        )
        return self._written(change, reason)

    def _written(self, change: Change, reason: str | None) -> Saved:
        return sole(write(self._engine, self._acting, [change], reason=reason))


def calendar_of(engine: Engine) -> Calendar:
    """On which days nobody works, by the configuration and the jurisdictions that it names.

    Raises:
        UsageError: ``request.calendar`` where no loaded plugin knows one of them.
    """
    applied = engine.settings.applied
    rights = Rights() if applied is None else applied.rights
    known = engine.plugins.jurisdictions()
    holidays, workdays = set(rights.holidays), set(rights.workdays)
    until = []
    for name in rights.calendar:
        if name not in known:
            raise UsageError("request.calendar", name=name, known=", ".join(sorted(known)) or "-")
        holidays |= known[name].holidays
        workdays |= known[name].workdays
        until.append(known[name].holidays_until)
    # What a team says itself counts above what a pack says.
    holidays -= rights.workdays
    workdays -= rights.holidays
    return Calendar(frozenset(holidays), frozenset(workdays), min(filter(None, until), default=None))


def described(one: Request) -> dict[str, Any]:
    """A request for JSON, without what only its own page shows."""
    return {
        "id": one.id,
        "subject": one.subject,
        "version": one.version,
        "open": one.is_open,
        "checklist": [{"step": name, "done": done} for name, done in one.checklist()],
        "steps": one.steps(),
    }
