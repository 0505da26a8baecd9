"""Acts that are no change of a record and need a second person: an export, an import, a configuration.

Whoever is about to do such a thing calls ``require`` with what exactly will be done.
Where a rule asks for approval, that is put aside as a proposal with its digest; once
it is approved, the maker or a checker does the same again, and that uses the approval
up. Whatever differs in the least has another digest and is another request.

    granted = require(engine, acting, "subject.erase", plan_document, type=..., facts=...)
    ... do it; and give ``approval=granted.detail`` to the entries, where ``granted`` is not None

Nothing is done before ``require`` returns, so a refusal or a crash leaves the archive
as it was; an act that fails afterwards has used its approval.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from muniment.changes import OPERATIONS, Act, Check, Need, is_met
from muniment.codec import canonical
from muniment.errors import AccessDenied, ApprovalNeeded
from muniment.model import id_text
from muniment.session.approval.proposals import Held, all_of, stepped
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.writing.approving import Granted, propose, rules_in_force
from muniment.session.writing.changes import Change
from muniment.session.writing.commit import Commit
from muniment.session.writing.writes import write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.kernel.logbook import Moment

__all__ = ["act_needs", "require", "require_act_readable"]

_NAMES = {action: name for name, action in OPERATIONS.items() if action}


def require(
    engine: Engine,
    acting: Acting,
    action: str,
    document: Any,
    *,
    type: str = "",
    fields: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    rows: int | None = None,
    also: Collection[str] = (),
    more: Sequence[Need] = (),
    subject: bytes | None = None,
    reason: str | None = None,
) -> Granted | None:
    """Go on with an act only where nobody has to approve it, or somebody has.

    Args:
        engine: the opened archive.
        acting: who is about to do it; the policy was asked before.
        action: as the policy knows it: ``record.export``, ``record.import``, ``subject.erase``,
            ``user.change``, ``config.change``, ``schema.change``; of others the rules know nothing, and
            ``more`` says what they need.
        document: exactly what will be done, as JSON without floats; its digest is what is approved.
        type: key of the record type that it is about, if it is about one.
        fields: keys of the fields that it is about.
        where: values by field key by which records are chosen; sealed, and shown to whoever may read
            those fields.
        facts: names and numbers that tell a person what it is; never a value of a record.
        rows: of an import, how many rows it has.
        also: further actions that it amounts to.
        more: what is asked for beside the rules of these actions.
        subject: whom it is about, 16 bytes, with whose secret the request is sealed; by default the
            archive's.
        reason: the maker's own words.

    Returns:
        The approval it is done under, which is used up now; None where none is needed.

    Raises:
        ApprovalNeeded: ``approval.waits``: it was put aside, or waits already; nothing else was done.
    """
    actions = (action, *also)
    needs = _needs(engine, actions, type, fields, [acting.actor.roles], rows, more)
    if not needs:
        return None
    digest = sha256(b"muniment/act/v1\n" + canonical({"action": action, "what": document})).digest()
    act = Act(action, digest, type, tuple(fields), dict(where or {}), dict(facts or {}))
    return _Use(engine, acting, act, actions, needs, subject or engine.archive, reason or "").run()


def _needs(
    engine: Engine,
    actions: Collection[str],
    type: str,
    fields: Sequence[str],
    roles: Sequence[Sequence[str]],
    rows: int | None,
    more: Sequence[Need],
) -> tuple[Need, ...]:
    names = {_NAMES[one] for one in actions if one in _NAMES}
    record_type = engine.definitions.types.get(type) if type else None
    found = rules_in_force(engine).needs(names, type=record_type, changed=fields, roles=roles, rows=rows)
    return tuple(dict.fromkeys((*found, *more)))


def act_needs(engine: Engine, held: Held) -> tuple[Need, ...]:
    """What today's rules ask for an act that was put aside under those of another day."""
    act = held.common.act
    assert act is not None
    roles = [engine.actor(maker.actor).roles for maker in held.common.makers]
    return _needs(engine, (act.action,), act.type, act.fields, roles, None, ())


def require_act_readable(engine: Engine, acting: Acting, act: Act) -> None:
    """Refuse a checker who could not do it, or does not read in clear what it is about.

    Raises:
        AccessDenied: ``access.action`` or ``access.field``.
    """
    engine.policy.require(acting.actor, act.action, act.type or None)
    record_type = engine.definitions.types.get(act.type)
    if record_type is None:
        return
    view = engine.policy.view(acting.actor, record_type)
    allowed = view.clear if act.action == "record.export" else view.clear & view.writable
    if not set(act.fields) <= allowed or not act.where.keys() <= view.clear:
        raise AccessDenied("access.field", where=act.type, action="change.approve", names="?")


class _Use:
    """One act on its way: the approval that it has, or the request for one."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        act: Act,
        actions: Sequence[str],
        needs: tuple[Need, ...],
        subject: bytes,
        reason: str,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._act = act
        self._actions = frozenset(actions)
        self._needs = needs
        self._subject = subject
        self._reason = reason
        self._granted: Granted | None = None
        self._waits: tuple[bytes, int] | None = None

    def run(self) -> Granted:
        write(self._engine, self._acting, self._find, action=self._act.action)
        if self._granted is None and self._waits is None:
            self._engine.run(self._ask, self._acting)
        if self._granted is not None:
            return self._granted
        assert self._waits is not None
        proposal, number = self._waits
        raise ApprovalNeeded("approval.waits", proposal=id_text(proposal), number=number)

    def _find(self, tx: Transaction, moment: Moment) -> Sequence[Change]:
        """The change that uses up an approval of exactly this, if there is one."""
        for held in all_of(tx, self._engine, ("ready", "open")):
            act = held.common.act
            if act is None or held.state_at(moment.time_us) == "expired":
                continue
            if act.action != self._act.action or not compare_digest(act.digest, self._act.digest):
                continue
            if held.state == "open" and held.is_maker(self._acting):
                self._waits = (held.id, held.number)
            if held.state == "ready" and self._may_use(held):
                checks = self._checks(held)
                if is_met((*held.common.needs, *self._needs), checks):
                    self._granted = Granted(held.id, held.common.makers, checks, self._actions)
                    self._waits = None
                    return stepped(held, {"state": "done"}, "approval.use")
        return ()

    def _may_use(self, held: Held) -> bool:
        """The maker uses it, or somebody who approved it."""
        mine = Check(self._acting.actor.id, self._acting.actor.on_behalf_of or "").people
        return held.is_maker(self._acting) or any(
            not mine.isdisjoint(one.check.people) for one in held.checks
        )

    def _checks(self, held: Held) -> tuple[Check, ...]:
        """The approvals of people who are still let in."""
        found = []
        for one in held.checks:
            actor = self._engine.actor(one.check.actor)
            if actor.roles and not actor.disabled and compare_digest(one.digest, held.digest):
                found.append(Check(one.check.actor, one.check.on_behalf_of, actor.roles))
        return tuple(found)

    def _ask(self, tx: Transaction, moment: Moment) -> None:
        proposal, pending = propose(
            self._engine,
            self._acting,
            tx,
            moment.time_us,
            (),
            self._needs,
            reason=self._reason,
            act=self._act,
            subject=self._subject,
        )
        self._waits = (proposal, moment.size)
        commit = Commit(self._engine, self._acting, self._engine.new_id(), {}, {}, {})
        commit.write(tx, moment, pending, self._reason or None, None)
