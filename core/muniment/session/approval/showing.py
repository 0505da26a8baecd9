"""What waits for a second person, as one actor may see it: written down before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from muniment.changes import Need, Wanted
from muniment.errors import NotFound, UsageError
from muniment.model import Value, id_text
from muniment.policy import View
from muniment.schema import PROPOSAL, RecordType
from muniment.session.approval.proposals import (
    STATE,
    Held,
    find_proposal,
    is_first,
    is_stale,
    load_proposal,
    type_of,
)
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine, record_line
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import require_open
from muniment.session.kernel.logbook import MAX_SUBJECTS, Draft, Moment
from muniment.session.kernel.standing import authorize, standing_to, view_of
from muniment.session.kernel.views import Change as FieldChange
from muniment.session.kernel.views import field_set, shown
from muniment.session.kernel.written import changed_keys, written_between
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.reading.reads import definition_of, load, may_read, open_loaded
from muniment.store import Current, Transaction

__all__ = [
    "GivenApproval",
    "Proposal",
    "ProposedAct",
    "ProposedChange",
    "Summary",
    "names_between",
    "show_proposal",
    "summaries",
    "visible",
]

STATES: Final = tuple(choice.key for choice in PROPOSAL.by_key["state"].choices)


@attrs.frozen
class GivenApproval:
    """An approval that was given.

    Attributes:
        actor: who gave it.
        time_us: when, microseconds since 1970.
        reason: their own words.
    """

    actor: str
    time_us: int
    reason: str = ""


@attrs.frozen
class ProposedChange:
    """One change of one record, as it would be written and as the actor may see it.

    Attributes:
        operation: as in ``Change``.
        type: key of the record type.
        record: UUID text; of a new record the identifier that it will have.
        subject: UUID text of whom it is about.
        base: the version it builds on; 0 for a new record.
        effective_us: since when it holds in the world; None for when it is approved.
        fields: each field that changes, before and after, without those the actor may not read.
        stale: whether the record moved since.
        moved: what changed in it since, field by field.
    """

    operation: str
    type: str
    record: str
    subject: str
    base: int
    effective_us: int | None
    fields: Sequence[FieldChange]
    stale: bool = False
    moved: Sequence[FieldChange] = ()


@attrs.frozen
class ProposedAct:
    """Something to be done once that is no change of a record.

    Attributes:
        action: as the policy knows it, such as ``record.export``.
        type: key of a record type; empty where it is about none.
        fields: keys of the fields that it is about, of those that the actor may read.
        where: values by field key by which records are chosen; only what the actor reads in clear.
        facts: names and numbers that say what it is.
    """

    action: str
    type: str
    fields: Sequence[str]
    where: Mapping[str, str]
    facts: Mapping[str, str]


@attrs.frozen
class Summary:
    """A proposal in a list.

    Attributes:
        id: UUID text.
        number: as it is named on the command line: the index of the entry that put it up.
        sort: ``change`` or ``act``.
        state: where it stands; what is due has expired.
        makers: who wants it.
        created_us: when it was put up.
        expires_us: when it expires.
        what: the operations and record types that it is about, or the action.
        given: how many approvals it has.
        needs: what is asked for.
        mine: whether the actor made it, and so cannot approve it.
    """

    id: str
    number: int
    sort: str
    state: str
    makers: Sequence[str]
    created_us: int
    expires_us: int
    what: Sequence[str]
    given: int
    needs: Sequence[Need]
    mine: bool


@attrs.frozen
class Proposal:
    """A proposal in full.

    Attributes:
        summary: what a list says of it.
        digest: hex; an approval names it.
        round: how often it was put up.
        purpose: why it is wanted, a W3C DPV term.
        reason: the maker's own words.
        approvals: those given so far.
        changes: what would be written.
        act: what would be done.
    """

    summary: Summary
    digest: str
    round: int
    purpose: str
    reason: str
    approvals: Sequence[GivenApproval]
    changes: Sequence[ProposedChange]
    act: ProposedAct | None = None

    @property
    def stale(self) -> bool:
        """Whether any record moved since: then it needs to be renewed."""
        return any(one.stale for one in self.changes)


def visible(engine: Engine, tx: Transaction, acting: Acting, held: Held) -> bool:
    """Whether an actor may know of a proposal: its makers, and whoever may see all that it is about."""
    if held.is_maker(acting):
        return True
    policy, actor = engine.policy, acting.actor
    if held.common.act is not None:
        return policy.may(actor, "change.read", held.common.act.type or None)
    for wanted, _ in held.changes:
        record_type = type_of(engine, wanted)
        values = _by_key(record_type, wanted.values)
        reached = standing_to(engine, tx, acting, record_type, wanted.record, values).reached
        if not policy.may(actor, "change.read", record_type.key, reached=reached):
            return False
        if not may_read(engine, acting, "record.read", record_type, reached=reached):
            return False
    return True


def _summary(engine: Engine, acting: Acting, held: Held, time_us: int) -> Summary:
    act = held.common.act
    if act is not None:
        what = [f"{act.action} {act.type}".strip()]
    else:
        what = [f"{wanted.operation} {type_of(engine, wanted).key}" for wanted, _ in held.changes]
    return Summary(
        id_text(held.id),
        held.number,
        "change" if act is None else "act",
        held.state_at(time_us),
        tuple(maker.actor for maker in held.common.makers),
        held.created_us,
        held.expires_us,
        tuple(dict.fromkeys(what)),
        len(held.checks),
        held.common.needs,
        held.is_maker(acting),
    )


def summaries(
    engine: Engine, acting: Acting, state: str, limit: int, after: str | None = None, *, newest: bool = False
) -> Piece[Summary]:
    """The proposals in a state that the actor may know of; one act in the log."""
    if state not in STATES:
        raise UsageError("approval.no_state", known=", ".join(STATES))
    op = engine.new_id()

    def body(tx: Transaction, moment: Moment) -> Piece[Summary]:
        engine.policy.require_known(acting.actor)
        # What is due has expired, whether or not anybody wrote that down yet.
        states = ("expired", "open", "ready") if state == "expired" else (state,)
        kept = Kept("change", PROPOSAL.number, [[(STATE, one)] for one in states], descending=newest)

        def there(row: Current) -> Held | None:
            if not is_first(row, state, moment.time_us):
                return None
            try:
                held = load_proposal(engine, tx, row.record)
            except NotFound:
                return None  # erased with its subject: nobody may see it any more
            is_there = held.state_at(moment.time_us) == state and visible(engine, tx, acting, held)
            return held if is_there else None

        found = stored_piece(engine, tx, kept, there, limit=limit, after=after)
        drafts = []
        for at in range(0, max(len(found), 1), MAX_SUBJECTS):
            drafts.append(_listed(engine, tx, acting, found[at : at + MAX_SUBJECTS], op, state))
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        shown = Piece(_summary(engine, acting, held, moment.time_us) for held in found)
        shown.after = found.after
        return shown

    with engine.guarded(acting, "change.read"):
        return engine.run(body, acting)


def _listed(
    engine: Engine, tx: Transaction, acting: Acting, some: Sequence[Held], op: bytes, state: str
) -> Draft:
    members = [held.members[0].version for held in some]
    subjects = {one.subject for one in members} - {engine.archive}
    detail = engine.detail(acting, op, type=PROPOSAL.key, count=len(some), sets=[{}], target={"state": state})
    lines = [record_line(one.record, one.version, one.version - 1, 0) for one in members]
    return Draft("change.read", detail, lines, [engine.subject_key(tx, one) for one in subjects])


def show_proposal(engine: Engine, acting: Acting, name: str) -> Proposal:
    """One proposal with everything that it would write, as the actor may see it."""

    def body(tx: Transaction, moment: Moment) -> Proposal:
        engine.policy.require_known(acting.actor)
        held = load_proposal(engine, tx, find_proposal(tx, name))
        if not visible(engine, tx, acting, held):
            raise NotFound("approval.not_found")
        drafts: list[Draft] = []
        changes = []
        op = engine.new_id()
        for wanted, subject in held.changes:
            changes.append(_opened(engine, tx, moment, acting, held, wanted, subject, op, drafts))
        if not drafts:
            target: dict[str, object] = {"proposal": id_text(held.id)}
            drafts.append(Draft("change.read", engine.detail(acting, op, target=target)))
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return _full(engine, acting, held, changes, moment.time_us)

    with engine.guarded(acting, "change.read"):
        return engine.run(body, acting)


def _full(
    engine: Engine, acting: Acting, held: Held, changes: Sequence[ProposedChange], time_us: int
) -> Proposal:
    act, shown_act = held.common.act, None
    if act is not None:
        record_type = engine.definitions.types.get(act.type)
        view = None if record_type is None else engine.policy.view(acting.actor, record_type)
        where = {key: text for key, text in act.where.items() if view is not None and key in view.clear}
        fields = [key for key in act.fields if view is None or key in view.readable]
        shown_act = ProposedAct(act.action, act.type, fields, where, dict(act.facts))
    return Proposal(
        _summary(engine, acting, held, time_us),
        held.digest.hex(),
        held.common.round,
        held.common.purpose,
        held.common.reason,
        tuple(GivenApproval(one.check.actor, one.time_us, one.reason) for one in held.checks),
        changes,
        shown_act,
    )


def _opened(
    engine: Engine,
    tx: Transaction,
    moment: Moment,
    acting: Acting,
    held: Held,
    wanted: Wanted,
    subject: bytes,
    op: bytes,
    drafts: list[Draft],
) -> ProposedChange:
    """One change before and after; its entry is added to those that the transaction appends."""
    record_type = type_of(engine, wanted)
    after = _by_key(record_type, wanted.values)
    standing = standing_to(engine, tx, acting, record_type, wanted.record, after)
    view = view_of(engine, acting, record_type, standing)
    asked = view.readable.intersection(after)
    known = wanted.record if wanted.base else None
    touched = (About(subject, known),)
    require_open(engine, tx, acting, "record.read", record_type, touched, moment.time_us, fields=asked)
    authorize(engine, acting, "record.read", record_type, asked, known, moment.time_us)
    before = _values_at(engine, tx, record_type, wanted.record, wanted.base) if wanted.base else {}
    fields = _compared(engine, record_type, view, before, after, after.keys())
    stale = is_stale(engine, tx, wanted)
    moved: Sequence[FieldChange] = ()
    newest = tx.version(SHARD, wanted.record)
    if stale and newest is not None and wanted.base:
        now = _values_at(engine, tx, record_type, wanted.record, newest.version)
        written = written_between(engine, tx, wanted.record, wanted.base, newest.version)
        since = changed_keys(record_type, view.clear, before, now, written)
        moved = _compared(engine, record_type, view, before, now, since)
    keys = {one.field for one in (*fields, *moved)}
    sets = [field_set(record_type, view, keys)]
    lines = []
    if newest is not None:
        lines.append(record_line(wanted.record, newest.version, newest.version - 1, 0))
    about = {subject} - {engine.archive}
    target: dict[str, object] = {"proposal": id_text(held.id), "record": id_text(wanted.record)}
    detail = engine.detail(acting, op, type=record_type.key, count=1, sets=sets, target=target)
    drafts.append(Draft("change.read", detail, lines, [engine.subject_key(tx, one) for one in about]))
    return ProposedChange(
        wanted.operation,
        record_type.key,
        id_text(wanted.record),
        id_text(subject),
        wanted.base,
        wanted.effective_us,
        fields,
        stale,
        moved,
    )


def _by_key(record_type: RecordType, values: Mapping[int, Value]) -> dict[str, Value]:
    by_number = record_type.by_number
    return {by_number[number].key: value for number, value in values.items() if number in by_number}


def _values_at(
    engine: Engine, tx: Transaction, now: RecordType, record: bytes, number: int
) -> dict[str, Value]:
    """All values of one version under today's keys; what was disposed of is not among them."""
    version = tx.version(SHARD, record, number)
    if version is None:
        return {}
    own = definition_of(engine, tx, version)
    loaded = load(engine, tx, version, own, frozenset(own.by_seal_group))
    opened = open_loaded(engine, loaded, frozenset(own.by_number))
    return _by_key(now, {own.by_key[key].number: value for key, value in opened.items()})


def names_between(
    engine: Engine, tx: Transaction, acting: Acting, record_type: RecordType, record: bytes, base: int
) -> list[str]:
    """Keys of the fields that changed since a version, of those that the actor may read."""
    newest = tx.version(SHARD, record)
    assert newest is not None
    before = _values_at(engine, tx, record_type, record, base)
    now = _values_at(engine, tx, record_type, record, newest.version)
    standing = standing_to(engine, tx, acting, record_type, record, {})
    view = view_of(engine, acting, record_type, standing)
    written = written_between(engine, tx, record, base, newest.version)
    changed = changed_keys(record_type, view.clear, before, now, written)
    return [key for key in changed if key in view.readable]


def _compared(
    engine: Engine,
    record_type: RecordType,
    view: View,
    before: Mapping[str, Value],
    after: Mapping[str, Value],
    keys: Iterable[str],
) -> list[FieldChange]:
    wanted = frozenset(keys)
    old, _ = shown(record_type, engine.kinds, before, view.clear, view.masked)
    new, _ = shown(record_type, engine.kinds, after, view.clear, view.masked)
    return [
        FieldChange(key, old.get(key), new.get(key), key in view.masked)
        for key in record_type.by_key
        if key in wanted and key in view.readable
    ]
