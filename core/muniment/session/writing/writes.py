"""The one write path: a change set is planned, sealed and committed in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs

from muniment.errors import AccessDenied, ApprovalNeeded, Invalid, Issue, MunimentError, NotFound
from muniment.model import id_text
from muniment.plugins import WrittenVersion
from muniment.schema import PROPOSAL
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import USER
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.writing.approving import Sanction, put_aside
from muniment.session.writing.changes import Change, Pending, hook_context, note_failures
from muniment.session.writing.commit import Commit
from muniment.session.writing.deriving import derived, renewed
from muniment.session.writing.granting import grants
from muniment.session.writing.idempotency import Request
from muniment.session.writing.planning import Planner
from muniment.store import Transaction, Version

__all__ = ["Change", "Saved", "log_disclosures", "renew", "sole", "write"]

_RENEWED_AT_ONCE: Final = 200

Changes = Sequence[Change] | Callable[[Transaction, Moment], Sequence[Change]]
"""Changes, or what finds them out in the transaction that writes them, after its own entries."""


@attrs.frozen
class Saved:
    """What became of one change.

    Attributes:
        id: UUID text of the record.
        type: key of its record type.
        subject: UUID text of whom it is about.
        version: the newest version now.
        written: whether a version was written; not so where nothing changed.
        warnings: what was taken all the same.
    """

    id: str
    type: str
    subject: str
    version: int
    written: bool
    warnings: tuple[Issue, ...] = ()


def write(
    engine: Engine,
    acting: Acting,
    changes: Changes,
    *,
    reason: str | None = None,
    idempotency_key: str | None = None,
    collect: bool = False,
    files: Mapping[str, bytes] | None = None,
    facets: Mapping[tuple[bytes, int], int] | None = None,
    new_ids: Sequence[bytes] | None = None,
    members: Mapping[str, object] | None = None,
    op: bytes | None = None,
    context: Mapping[str, Any] | None = None,
    sanction: Sanction | None = None,
    action: str = "record.write",
) -> list[Saved | MunimentError]:
    """Write a change set in one transaction, or put it aside where a second person has to approve it.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        changes: what to do, each record at most once; or what finds that out in the same
            transaction, whose own entries come before those of the versions.
        reason: a person's own words; sealed.
        idempotency_key: a retry with the same key gives the first answer again.
        collect: give each refused change its error and go on with the others,
            instead of refusing the whole set.
        files: hashes of sealed files by file id (UUID text), durable in place already.
        facets: slots of facets that were given out before, for sealed files.
        new_ids: identifiers for the records created, in order.
        members: what else the details name under ``target``, such as the import they belong to; what finds
            the changes out may still fill it in.
        op: 16 bytes that all entries of one act carry; by default this set is an act of its own.
        context: what differs from the archive's settings in reading values, by the names of ``Context``.
        sanction: under which approval it is written, and whether it may be put aside.
        action: how a refusal is written down that comes before there are any changes.

    Returns:
        For each change what became of it, in order.

    Raises:
        ApprovalNeeded: ``approval.waits``: nothing was written but the proposal that it names.
        Invalid: values were refused; every problem is listed.
        Conflict: somebody else saved first, or an idempotency key was used for something else.
        AccessDenied: the policy refuses; logged.
        NotFound: no such record for this actor; logged.
    """
    # Several refusals of one set need one entry each, after the rollback.
    planner = Planner(engine, acting, context=context)
    named = members if members is not None else {}
    work = _Work(engine, acting, planner, files or {}, facets or {}, named, op, sanction)
    request = None
    if not callable(changes):
        request = Request.of(engine, idempotency_key, changes, reason)
    try:
        done = engine.run(
            lambda tx, moment: work.write(tx, moment, changes, reason, request, collect, new_ids), acting
        )
    except (AccessDenied, NotFound) as error:
        _log_refusals(engine, acting, work.changes, [error], action)
        raise
    except Invalid as error:
        log_disclosures(engine, acting, [error])
        raise
    if collect:
        refused = [one for one in done if isinstance(one, MunimentError)]
        _log_refusals(engine, acting, work.changes, refused, action)
        log_disclosures(engine, acting, [one for one in done if isinstance(one, Invalid)])
    if any(one.type.built_in for one in work.written):
        # A user, a type, a configuration: the next transaction is under what holds now.
        engine.look_again()
    _tell_plugins(engine, acting, work)
    waits = next((one for one in done if isinstance(one, ApprovalNeeded)), None)
    if waits is not None and not collect:
        raise waits
    return done


def renew(engine: Engine, acting: Acting, subjects: Collection[bytes], *, op: bytes | None = None) -> int:
    """Write the computed dates of some subjects anew where they are not what follows from their records.

    Args:
        engine: the opened archive.
        acting: through whose act they became otherwise.
        subjects: identifiers, 16 bytes each.
        op: 16 bytes that all entries of one act carry; by default this is an act of its own.

    Returns:
        How many records got a new version.
    """
    planner = Planner(engine, acting)
    work = _Work(engine, acting, planner, {}, {}, {}, op, None)
    listed, count = sorted(subjects), 0
    for place in range(0, len(listed), _RENEWED_AT_ONCE):
        some = listed[place : place + _RENEWED_AT_ONCE]
        count += engine.run(partial(work.renew, subjects=some), acting)
        _tell_plugins(engine, acting, work)
    return count


def _log_refusals(
    engine: Engine, acting: Acting, changes: Sequence[Change], errors: Sequence[MunimentError], action: str
) -> None:
    refused = [error for error in errors if isinstance(error, (AccessDenied, NotFound))]
    if refused and not changes:
        # It was refused while the changes were found out.
        engine.refused(acting, action, refused[0])
    elif refused:
        first = changes[0]
        named = id_text(first.record) if first.record is not None and len(changes) == 1 else None
        engine.refused(
            acting,
            f"record.{first.operation}",
            refused[0],
            record=named,
            type=first.type or None,
            count=len(refused) if len(refused) > 1 else None,
        )


def log_disclosures(engine: Engine, acting: Acting, errors: Sequence[Invalid]) -> None:
    """A uniqueness refusal tells that somebody else has the value: that is written down."""
    fields = sorted(
        {str(issue.field) for error in errors for issue in error.issues if issue.code == "value.not_unique"}
    )
    if fields:
        engine.note(
            acting,
            "access.deny",
            outcome="denied",
            code="value.not_unique",
            target={"action": "record.unique", "fields": fields},
        )


def sole(written: Sequence[Saved | MunimentError]) -> Saved:
    """The version that a set of one change wrote; without ``collect`` nothing else comes back."""
    saved = written[0]
    assert isinstance(saved, Saved)
    return saved


def _tell_plugins(engine: Engine, acting: Acting, work: _Work) -> None:
    if not work.written or not engine.plugins.observes:
        return
    context = hook_context(engine, acting, work.written[0].change.operation, work.time_us)
    versions = [
        WrittenVersion(
            id_text(one.record), one.type.key, id_text(one.subject), one.version, tuple(one.changed)
        )
        for one in work.written
    ]
    note_failures(engine, acting, engine.plugins.after_commit(work.op.hex(), versions, context))


class _Work:
    """One change set inside its transaction."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        planner: Planner,
        files: Mapping[str, bytes],
        facets: Mapping[tuple[bytes, int], int],
        members: Mapping[str, object],
        op: bytes | None,
        sanction: Sanction | None,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._planner = planner
        self._sanction = sanction or Sanction()
        self.op = op or engine.new_id()
        self._commit = Commit(engine, acting, self.op, files, facets, members)
        self.time_us = 0
        self.changes: Sequence[Change] = ()
        self.written: list[Pending] = []

    def write(
        self,
        tx: Transaction,
        moment: Moment,
        changes: Changes,
        reason: str | None,
        request: Request | None,
        collect: bool,
        new_ids: Sequence[bytes] | None,
    ) -> list[Saved | MunimentError]:
        """Do it all."""
        self.time_us = moment.time_us
        if request is not None:
            answered = request.answered(tx, self._acting.actor.id)
            if answered is not None:
                waiting = [row for row in answered if row.type == PROPOSAL.number and row.version == 1]
                if waiting:
                    return [_waits(waiting[0].record, waiting[0].seq)]
                asked = {one.record for one in changes} if not callable(changes) else set()
                # What followed from them for other records was no part of the answer.
                return [self._saved_of(row) for row in answered if row.version == 1 or row.record in asked]
        self.changes = changes(tx, moment) if callable(changes) else changes
        planned = self._planner.plan(tx, moment.time_us, self.changes, collect=collect, new_ids=new_ids or ())
        aside = put_aside(
            self._engine,
            self._acting,
            tx,
            moment.time_us,
            planned,
            self._sanction,
            collect=collect,
            reason=reason,
        )
        if aside is not None:
            # The first entry of what follows is the proposal's.
            waits = _waits(aside.proposal, moment.size)
            planned = [waits if place in aside.places else one for place, one in enumerate(planned)]
        self.written = [one for one in planned if isinstance(one, Pending) and one.written]
        self.written += derived(self._engine, tx, self._planner, self.written)
        results = [self._saved(one) if isinstance(one, Pending) else one for one in planned]
        if any(one.type.number == USER.number for one in self.written):
            drafts = grants(self._engine, self._acting, self.op, self.written)
            if drafts:
                self._engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
        if aside is not None:
            self.written = [*aside.pending, *self.written]
        if self.written:
            granted = self._sanction.granted
            self._commit.approval = None if granted is None else granted.detail
            self._commit.write(tx, moment, self.written, reason, request)
        return results

    def renew(self, tx: Transaction, moment: Moment, *, subjects: Collection[bytes]) -> int:
        """Write what follows from the records of some subjects, and nothing else."""
        self.time_us = moment.time_us
        self.written = renewed(self._engine, tx, self._planner, subjects)
        if self.written:
            self._commit.write(tx, moment, self.written, None, None)
        return len(self.written)

    # Answers

    def _saved(self, one: Pending) -> Saved:
        version = one.version if one.written else one.version - 1
        warnings = tuple(one.warnings)
        record = id_text(one.record)
        subject = record if one.subject == one.record else id_text(one.subject)
        return Saved(record, one.type.key, subject, version, one.written, warnings)

    def _saved_of(self, row: Version) -> Saved:
        record_type = self._engine.definitions.by_number[row.type]
        return Saved(id_text(row.record), record_type.key, id_text(row.subject), row.version, True)


def _waits(proposal: bytes, index: int) -> ApprovalNeeded:
    """What whoever wanted a change is told; without a proposal it could not even be put aside."""
    if not proposal:
        return ApprovalNeeded("approval.not_here")
    return ApprovalNeeded("approval.waits", proposal=id_text(proposal), number=index)
