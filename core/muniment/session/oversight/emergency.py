"""Emergency access: somebody breaks the glass, sees one person's records for a while, and is reviewed.

What was looked at under it says so in its entry. It is over by its own time, or
when it is ended or reviewed; and it stays on the list until somebody else than
the one who began it has reviewed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import attrs

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, micros_of
from muniment.policy import View
from muniment.schema.builtin import BREAK_GLASS
from muniment.session.ground import Footing
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.loading import load
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reaches
from muniment.session.kernel.views import Record
from muniment.session.reading.pieces import Kept, Known, Piece, how_many, stored_piece
from muniment.session.reading.reads import Loaded, disclosure, release, whole_plan
from muniment.session.tables.matching import Matcher
from muniment.session.tables.naming import is_identifier
from muniment.session.writing.writes import Change, Saved, write
from muniment.store import Current, Transaction, Version

__all__ = ["Emergencies", "Emergency"]

_BEGIN: Final = "break_glass.begin"
_REVIEW: Final = "break_glass.review"
_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Emergency:
    """One emergency access.

    Attributes:
        id: UUID text of its own record.
        actor: whose it is.
        record: UUID text of the record that they wanted to see.
        subject: UUID text of whom it is about; all records of theirs are covered.
        began_us: when, microseconds since 1970.
        expires_us: when it is over, unless it was ended before.
        state: ``open``, ``ended`` or ``reviewed``.
        reason: their own words.
        reviewer: who reviewed it; empty before.
        finding: the reviewer's own words; empty before.
    """

    id: str
    actor: str
    record: str
    subject: str
    began_us: int
    expires_us: int
    state: str
    reason: str
    reviewer: str = ""
    finding: str = ""


class Emergencies(Footing):
    """Emergency access, as one session may begin and review it.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    def begin(self, record: str, *, reason: str, minutes: int | None = None) -> Emergency:
        """Break the glass for one record: for a while its person's records can be read.

        Args:
            record: UUID text, or ``type:value`` with the value of a unique field.
            reason: the person's own words; sealed.
            minutes: how long; by default as the configuration says.

        Raises:
            UsageError: ``usage.no_reason``, ``usage.minutes``, ``usage.identifier``.
            AccessDenied: ``access.action``; logged.
            NotFound: there is no such record; logged.
        """
        engine, acting = self._engine, self._acting
        rules = engine.policy.break_glass
        lasting = rules.minutes if minutes is None else minutes
        if not reason.strip():
            raise UsageError("usage.no_reason")
        if not 1 <= lasting <= rules.longest:
            raise UsageError("usage.minutes", longest=rules.longest)
        with engine.guarded(acting, _BEGIN, record=record if is_identifier(record) else None):
            engine.policy.require(acting.actor, _BEGIN)
            target = engine.run(lambda tx, moment: self._target(tx, record), acting)
        expires = datetime.fromtimestamp(engine.clock() // 1_000_000, UTC) + timedelta(minutes=lasting)
        values: dict[str, object] = {
            "actor": acting.actor.id,
            "record": id_text(target.record),
            "expires": expires.isoformat(),
            "state": "open",
            "reason": reason,
        }
        subject = None if target.subject == engine.archive else target.subject
        saved = write(
            engine, acting, [Change("create", BREAK_GLASS.key, values=values, subject=subject, inside=True)]
        )
        made = saved[0]
        assert isinstance(made, Saved)
        return Emergency(
            made.id,
            acting.actor.id,
            id_text(target.record),
            made.subject,
            _began(id_bytes(made.id)),
            micros_of(expires),
            "open",
            reason,
        )

    def _target(self, tx: Transaction, named: str) -> Version:
        engine, actor = self._engine, self._acting.actor
        found = tx.version(SHARD, id_bytes(named)) if is_identifier(named) else self._by_value(tx, named)
        record_type = None if found is None else engine.definitions.by_number.get(found.type)
        if found is None or record_type is None or record_type.built_in:
            raise NotFound("record.not_found")
        if engine.policy.denies(actor, "record.read", record_type.key):
            raise NotFound("record.not_found")
        engine.check_live(tx, {found.record, found.subject})
        return found

    def _by_value(self, tx: Transaction, named: str) -> Version | None:
        """The record that a unique value names, also one that the actor's roles do not reach."""
        engine = self._engine
        key, colon, value = named.partition(":")
        record_type = engine.definitions.types.get(key)
        if not colon or not value.strip() or record_type is None or record_type.built_in:
            raise UsageError("usage.identifier")
        every = frozenset(record_type.by_key)
        for name in sorted(record_type.unique):
            values, issues = record_type.normalise(
                {name: value.strip()}, context=engine.value_context(), partial=True, kinds=engine.kinds
            )
            if any(issue.severity == "error" for issue in issues):
                continue  # such a value cannot stand in this field
            matcher = Matcher(
                engine, self._acting, record_type, View(every, frozenset(), frozenset()), (name,), action=None
            )
            wanted = matcher.key(values)
            versions = () if wanted is None else matcher.find(tx, (wanted,))[wanted].versions
            if len(versions) == 1:
                return versions[0]
        return None

    def end(self, id: str) -> None:
        """End one's own emergency access before its time.

        Raises:
            NotFound: there is no such emergency access of this actor; logged.
        """
        one = self._one(id, _BEGIN)
        if one.actor != self._acting.actor.id or one.state != "open":
            error = NotFound("record.not_found")
            self._engine.refused(self._acting, _BEGIN, error, record=id)
            raise error
        self._update(one, {"state": "ended"}, "break_glass.end")

    def review(self, id: str, *, finding: str) -> None:
        """Say what an emergency access was; whoever began it never can.

        Args:
            id: UUID text.
            finding: the reviewer's own words; sealed.

        Raises:
            UsageError: ``usage.no_reason``.
            AccessDenied: ``access.own_glass`` or ``access.action``; logged.
            Conflict: ``conflict.reviewed``.
            NotFound: there is no such emergency access, or the actor's roles do not reach its record; logged.
        """
        if not finding.strip():
            raise UsageError("usage.no_reason")
        one = self._one(id, _REVIEW)
        if one.actor == self._acting.actor.id:
            error = AccessDenied("access.own_glass")
            self._engine.refused(self._acting, _REVIEW, error, record=id)
            raise error
        if one.state == "reviewed":
            raise Conflict("conflict.reviewed", where=id)
        values: dict[str, object] = {
            "state": "reviewed",
            "reviewer": self._acting.actor.id,
            "finding": finding,
        }
        self._update(one, values, _REVIEW)

    def _update(self, one: Emergency, values: dict[str, object], kind: str) -> None:
        change = Change("update", record=id_bytes(one.id), values=values, kind=kind, inside=True)
        write(self._engine, self._acting, [change])

    def list(
        self, *, reviewed: bool = False, limit: int | None = None, after: str | None = None
    ) -> Piece[Emergency]:
        """The emergency accesses that nobody has reviewed and the actor's roles reach, oldest first.

        Args:
            reviewed: those that somebody has reviewed instead.
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        engine, acting = self._engine, self._acting
        with engine.guarded(acting, _REVIEW):
            engine.policy.require(acting.actor, _REVIEW)
            loaded, behind = engine.run(
                lambda tx, moment: self._listed(tx, moment, reviewed, limit, after), acting
            )
        shown = Piece(_shown(release(engine, one, _PLAN), one.version) for one in loaded)
        shown.after = behind
        return shown

    def waiting(self, known: Known) -> int:
        """How many of them the list has that nobody has reviewed; for whoever may review.

        Args:
            known: as ``how_many`` takes it.
        """
        with self._engine.store.transaction(write=False) as tx:
            return how_many(tx, _kept(False), lambda row: self._there(tx, row) is not None, known)

    def get(self, id: str) -> Emergency:
        """One emergency access as its reviewer needs it.

        Args:
            id: UUID text.

        Raises:
            AccessDenied: ``access.action``; logged.
            NotFound: there is none that the actor may review; logged.
        """
        return self._one(id, _REVIEW)

    def _listed(
        self, tx: Transaction, moment: Moment, reviewed: bool, limit: int | None, after: str | None
    ) -> tuple[Sequence[Loaded], str | None]:
        piece = stored_piece(
            self._engine, tx, _kept(reviewed), partial(self._there, tx), limit=limit, after=after
        )
        return self._logged(tx, moment, piece, "record.list"), piece.after

    def _there(self, tx: Transaction, row: Current) -> Version | None:
        version = tx.version(SHARD, row.record)
        return version if version is not None and self._reviews(tx, version) else None

    def _one(self, id: str, action: str) -> Emergency:
        """One emergency access, opened to be looked at, ended or reviewed."""
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> Sequence[Loaded]:
            version = tx.version(SHARD, id_bytes(id))
            if version is None or version.type != BREAK_GLASS.number or version.operation == _DELETE:
                raise NotFound("record.not_found")
            if action == _REVIEW and not self._reviews(tx, version):
                raise NotFound("record.not_found")
            return self._logged(tx, moment, [version], "record.read")

        with engine.guarded(acting, action, record=id):
            engine.policy.require(acting.actor, action)
            (loaded,) = engine.run(body, acting)
        return _shown(release(engine, loaded, _PLAN), loaded.version)

    def _reviews(self, tx: Transaction, version: Version) -> bool:
        """Whether a role that may review reaches the record that somebody wanted to see."""
        values = open_version(tx, self._engine.sealer, version, BREAK_GLASS)
        return reaches(self._engine, tx, self._acting, _REVIEW, id_bytes(str(values["record"])))

    def _logged(
        self, tx: Transaction, moment: Moment, versions: Sequence[Version], kind: str
    ) -> Sequence[Loaded]:
        engine = self._engine
        loaded = [load(engine, tx, one, BREAK_GLASS, _PLAN.groups) for one in versions]
        drafts = disclosure(engine, tx, self._acting, kind, _PLAN, versions)
        engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
        return loaded


def _kept(reviewed: bool) -> Kept:
    """The list of those that nobody has reviewed, or of those that somebody has."""
    state = BREAK_GLASS.by_key["state"].number
    among = [[(state, one)] for one in (("reviewed",) if reviewed else ("open", "ended"))]
    return Kept("emergency", BREAK_GLASS.number, among, mixed=True)


_PLAN: Final = whole_plan(BREAK_GLASS)
"""Everything in clear: whoever may review must know why it was done, whatever classes they read else."""


def _shown(record: Record, version: Version) -> Emergency:
    fields = record.fields
    expires = fields["expires"]
    assert isinstance(expires, datetime)
    return Emergency(
        record.id,
        str(fields["actor"]),
        str(fields["record"]),
        record.subject,
        _began(version.record),
        micros_of(expires),
        str(fields["state"]),
        str(fields["reason"]),
        str(fields.get("reviewer") or ""),
        str(fields.get("finding") or ""),
    )


def _began(record: bytes) -> int:
    """When a record was made, in microseconds: its identifier, a UUIDv7, holds the milliseconds."""
    return int.from_bytes(record[:6], "big") * 1000
