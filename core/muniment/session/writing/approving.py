"""What of a change set waits for a second person, and how that is put aside, in the planning transaction.

Everything was checked before: policy, values, gates, references, uniqueness. What
waits is sealed as a proposal in place of the versions; nothing of it is in the
records, their indexes or the lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from muniment import config
from muniment.changes import (
    OPERATIONS,
    Act,
    Approvals,
    Check,
    Common,
    Document,
    Maker,
    Need,
    Wanted,
    covered,
    is_met,
    pack_document,
)
from muniment.errors import ApprovalNeeded, MunimentError
from muniment.model import id_text, instant
from muniment.schema import DRAFT, PROPOSAL
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.builtins import rules_of
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.writing.changes import Change, Pending, hook_context, state_before
from muniment.session.writing.planning import Planner
from muniment.store import Transaction

__all__ = [
    "Aside",
    "Granted",
    "Sanction",
    "expires_at",
    "maker_of",
    "needs_of",
    "proposal_values",
    "propose",
    "put_aside",
    "rules_in_force",
    "wanted_of",
]

_DAY_US: Final = 86_400_000_000
_MOST_CHANGES: Final = 1000
_KINDS: Final = {
    action: {name} for name, action in OPERATIONS.items() if name in ("user", "config", "schema")
}
"""For the actions that write a built-in type which rules can be about, what rules call it."""


@attrs.frozen
class Granted:
    """An approval under which something is written or done.

    Attributes:
        proposal: 16 bytes.
        makers: who wanted it.
        checks: who approved it.
        actions: what was approved, as the policy knows it, where it is no change of records.
    """

    proposal: bytes
    makers: tuple[Maker, ...]
    checks: tuple[Check, ...]
    actions: frozenset[str] = frozenset()

    @property
    def detail(self) -> Mapping[str, object]:
        """As the detail of an entry names it."""
        return {
            "id": id_text(self.proposal),
            "made_by": [one.actor for one in self.makers],
            "by": [one.actor for one in self.checks],
        }


@attrs.define
class Sanction:
    """How a change set stands to approvals; what finds its changes out may say so while it does.

    Attributes:
        granted: the approval that it is written under.
        aside: whether what needs approval is put aside; otherwise it is refused.
    """

    granted: Granted | None = None
    aside: bool = True


@attrs.frozen
class Aside:
    """What came of putting changes aside.

    Attributes:
        proposal: 16 bytes.
        pending: the sealed proposal, one record for each subject.
        places: of the changes in it, among all that were planned.
    """

    proposal: bytes
    pending: Sequence[Pending]
    places: frozenset[int]


def rules_in_force(engine: Engine) -> Approvals:
    """What the applied configuration says about approvals, also where another process applied it."""
    held = engine.definitions.configuration
    if held is None:
        return Approvals()
    name = held[:2]
    if engine.approvals is None or engine.approvals[0] != name:
        engine.approvals = (name, config.parse(held[2], where="applied").approvals)
    found: Approvals = engine.approvals[1]
    return found


def needs_of(
    engine: Engine, acting: Acting, one: Pending, time_us: int, roles: Iterable[Sequence[str]]
) -> tuple[Need, ...]:
    """What the rules and the plugins ask for one planned change.

    Args:
        engine: the opened archive.
        acting: who wants it.
        one: the change.
        time_us: of the transaction.
        roles: of each of those who made it.

    Raises:
        PluginError: a plugin could not say.
    """
    record_type, rules = one.type, rules_in_force(engine)
    if not one.written:
        return ()
    if record_type.built_in:
        kinds = _KINDS.get(rules_of(record_type).write)
        return rules.needs(kinds, type=record_type, roles=roles) if kinds else ()
    found: tuple[Need, ...] = ()
    if rules.rules:
        operations = covered(one.change.operation, deleted=one.deleted)
        found = rules.needs(operations, type=record_type, changed=one.changed, roles=roles)
    if engine.plugins.approves:
        found += _asked(engine, acting, one, time_us)
    return found


def _asked(engine: Engine, acting: Acting, one: Pending, time_us: int) -> tuple[Need, ...]:
    state = state_before(one)
    changes = {key: one.new.get(key) for key in one.changed}
    context = hook_context(engine, acting, one.change.operation, time_us)
    return tuple(
        Need(name, wanted.approvers, tuple(sorted(wanted.roles)))
        for name, wanted in engine.plugins.needs_approval(state, changes, context)
    )


def put_aside(
    engine: Engine,
    acting: Acting,
    tx: Transaction,
    time_us: int,
    planned: Sequence[Pending | MunimentError],
    sanction: Sanction,
    *,
    collect: bool,
    reason: str | None,
) -> Aside | None:
    """Seal what of a planned change set needs approval, if anything does.

    Args:
        engine: the opened archive.
        acting: who wants it.
        tx: the transaction it was planned in.
        time_us: of that transaction.
        planned: what was planned.
        sanction: what is approved already, and whether anything may be put aside.
        collect: only what needs approval waits; otherwise a set is written whole or waits whole.
        reason: a person's own words.

    Raises:
        ApprovalNeeded: ``approval.by_command``, ``approval.not_here`` or ``approval.too_many`` where it
            cannot wait;
            ``approval.more`` where what was approved needs more by now.
    """
    if not engine.plugins.approves and not rules_in_force(engine).rules:
        return None
    roles: list[Sequence[str]] = [acting.actor.roles]
    needs: dict[int, tuple[Need, ...]] = {}
    granted = sanction.granted
    if granted is not None:
        roles = [engine.actor(maker.actor).roles for maker in granted.makers]
    for place, one in enumerate(planned):
        if isinstance(one, MunimentError):
            continue
        found = needs_of(engine, acting, one, time_us, roles)
        if found and (granted is None or not _grants(granted, one, found)):
            needs[place] = found
    if not needs:
        return None
    places = set(needs)
    if not collect:
        places |= {
            place
            for place, one in enumerate(planned)
            if isinstance(one, Pending) and one.written and not _is_own(one)
        }
    if not sanction.aside:
        return Aside(b"", (), frozenset(places))
    if granted is not None:
        raise ApprovalNeeded("approval.more")
    for place in needs:
        one = planned[place]
        assert isinstance(one, Pending)
        right = rules_of(one.type).write if one.type.built_in else ""
        if right in ("config.change", "schema.change"):
            raise ApprovalNeeded("approval.by_command", action=right)
    if any(isinstance(one, Pending) and _is_own(one) and one.type is not DRAFT for one in planned):
        # What the framework itself would write beside them means nothing without them.
        raise ApprovalNeeded("approval.not_here")
    waiting = [one for place, one in enumerate(planned) if place in places and isinstance(one, Pending)]
    if len(waiting) > _MOST_CHANGES:
        raise ApprovalNeeded("approval.too_many", count=len(waiting), most=_MOST_CHANGES)
    every = tuple(dict.fromkeys(need for place in sorted(needs) for need in needs[place]))
    proposal, pending = propose(engine, acting, tx, time_us, waiting, every, reason=reason or "")
    return Aside(proposal, pending, frozenset(places))


def _is_own(one: Pending) -> bool:
    """Whether the framework itself writes it beside what somebody wants."""
    return one.type.built_in and one.change.inside


def _grants(granted: Granted, one: Pending, needs: Sequence[Need]) -> bool:
    """Whether an approval that was given is for this change, and is what it needs by now."""
    if one.type.built_in and granted.actions and rules_of(one.type).write not in granted.actions:
        return False
    return is_met(needs, granted.checks)


# Proposals


def maker_of(acting: Acting) -> Maker:
    """Whoever acts as the maker of a proposal."""
    return Maker(acting.actor.id, acting.actor.on_behalf_of or "")


def expires_at(engine: Engine, time_us: int, *, days: int | None = None) -> datetime:
    """When what is put up now expires."""
    kept = rules_in_force(engine).expire_days if days is None else days
    return instant(time_us + kept * _DAY_US)


def wanted_of(place: int, one: Pending) -> Wanted:
    """A planned change as it waits: the values that it would write, over the version that it builds on."""
    fields = {key: one.type.by_key[key] for key in one.changed}
    return Wanted(
        place,
        one.change.operation,
        one.type.number,
        one.type.definition_version,
        one.record,
        0 if one.base is None else one.base.version,
        b"" if one.base is None else one.base.hash,
        one.change.effective_us,
        {field.number: one.new.get(key) for key, field in fields.items()},
        {field.number: field.encoding for field in fields.values()},
    )


def propose(
    engine: Engine,
    acting: Acting,
    tx: Transaction,
    time_us: int,
    waiting: Sequence[Pending],
    needs: tuple[Need, ...],
    *,
    reason: str,
    act: Act | None = None,
    subject: bytes = b"",
) -> tuple[bytes, list[Pending]]:
    """Plan the records of a new proposal; whoever asked commits them.

    Args:
        engine: the opened archive.
        acting: who wants it.
        tx: the transaction.
        time_us: of that transaction.
        waiting: the changes that wait; none for an act.
        needs: what is asked for.
        reason: a person's own words.
        act: what is to be done, where it is no change of records.
        subject: whom an act is about, 16 bytes.

    Returns:
        The proposal's identifier, 16 bytes, and its records.
    """
    by_subject: dict[bytes, list[Wanted]] = {} if act is None else {subject: []}
    for place, one in enumerate(waiting):
        by_subject.setdefault(one.subject, []).append(wanted_of(place, one))
    members = engine.new_id.many(len(by_subject))
    common = Common(tuple(members), 1, (maker_of(acting),), acting.purpose, needs, reason=reason, act=act)
    kind = "change.propose" if act is None else "approval.ask"
    changes = []
    for member, (owner, wanted) in zip(members, by_subject.items(), strict=True):
        document = Document(engine.random(32), tuple(wanted), common if member == members[0] else None)
        values = proposal_values(engine, document, time_us)
        values |= {"sort": "change" if act is None else "act", "bundle": id_text(members[0])}
        fresh = tx.subject(SHARD, owner) is None
        changes.append(
            Change(
                "create",
                PROPOSAL.key,
                values=values,
                subject=owner,
                new_subject=fresh,
                kind=kind,
                inside=True,
            )
        )
    planned = Planner(engine, acting).plan(tx, time_us, changes, new_ids=members)
    return members[0], [one for one in planned if isinstance(one, Pending)]


def proposal_values(engine: Engine, document: Document, time_us: int) -> dict[str, Any]:
    """What a record of a proposal holds when it is put up, anew or for the first time."""
    return {
        "state": "open",
        "expires": expires_at(engine, time_us),
        "content": pack_document(document),
    }
