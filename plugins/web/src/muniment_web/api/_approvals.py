"""What waits for a second person."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path
from pydantic import Field, StringConstraints

from muniment.cli.values import value_json
from muniment.session import Session
from muniment.session.approval.checking import Decided
from muniment.session.approval.showing import Proposal, Summary
from muniment.session.kernel.views import Change
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    Done,
    Limit,
    MaybeWhy,
    Moment,
    Paged,
    Shown,
    Strict,
    Text,
    Values,
    Why,
)

__all__ = ["router"]

router: Final = area("approvals")
Reading = Annotated[Session, Depends(may("read"))]
Deciding = Annotated[Session, Depends(may("write"))]
Number = Annotated[int, Path(alias="number", ge=0, lt=2**53)]


class Need(Shown):
    """What is asked for: so many people, of these roles."""

    rule: str
    approvers: int
    roles: list[str]


class ProposalSummary(Shown):
    """A proposal in a list."""

    id: str
    number: int
    sort: str
    state: str
    makers: list[str]
    mine: bool
    what: list[str]
    created: Moment
    expires: Moment
    approvals: int
    needs: list[Need]


class Proposals(Paged):
    """Proposals, oldest first."""

    changes: list[ProposalSummary]


class FieldChange(Shown):
    """How one field would change."""

    field: str
    before: Any = None
    after: Any = None
    masked: bool = False


class RecordChange(Shown):
    """What would become of one record."""

    operation: str
    type: str
    record: str | None = None
    base: int
    stale: bool
    fields: list[FieldChange]
    moved: list[FieldChange] = Field(default=[], description="what changed there since it was proposed")


class Act(Shown):
    """Something to be done that is no change of a record."""

    action: str
    type: str
    fields: list[str]
    facts: dict[str, str]


class GivenApproval(Shown):
    """An approval that was given."""

    actor: str
    time: Moment
    reason: str | None = None


class WholeProposal(ProposalSummary):
    """One proposal exactly as it would be written."""

    digest: str
    purpose: str
    reason: str
    stale: bool
    given: list[GivenApproval]
    changes: list[RecordChange]
    act: Act | None = None


class Approval(Strict):
    """What is approved: exactly what was shown."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
    reason: Text | None = None


class ProposalEdit(Strict):
    """What a proposal should want instead."""

    fields: Values
    record: str | None = Field(default=None, max_length=36)
    reason: Text | None = None


@router.get("/changes")
def list_changes(
    session: Reading,
    state: Literal["open", "ready", "done", "rejected", "withdrawn", "expired"] = "open",
    limit: Limit = 100,
    after: After = None,
) -> Proposals:
    """What waits for a second person: all that this caller may check, and their own."""
    found = session.changes.list(state=state, limit=limit, after=after)
    return Proposals(changes=[ProposalSummary(**_summary(one)) for one in found], after=found.after)


def _summary(one: Summary) -> dict[str, Any]:
    return {
        "id": one.id,
        "number": one.number,
        "sort": one.sort,
        "state": one.state,
        "makers": list(one.makers),
        "mine": one.mine,
        "what": list(one.what),
        "created": one.created_us,
        "expires": one.expires_us,
        "approvals": one.given,
        "needs": list(one.needs),
    }


@router.get("/changes/{number}")
def get_change(session: Reading, number: Number) -> WholeProposal:
    """One proposal exactly as it would be written, with the digest that an approval names."""
    return _whole(session.changes.show(str(number)))


def _whole(found: Proposal) -> WholeProposal:
    return WholeProposal.model_validate(
        {
            **_summary(found.summary),
            "digest": found.digest,
            "purpose": found.purpose,
            "reason": found.reason,
            "stale": found.stale,
            "given": [
                {"actor": one.actor, "time": one.time_us, "reason": one.reason} for one in found.approvals
            ],
            "changes": [
                {
                    "operation": one.operation,
                    "type": one.type,
                    "record": one.record,
                    "base": one.base,
                    "stale": one.stale,
                    "fields": [_field(change) for change in one.fields],
                    "moved": [_field(change) for change in one.moved],
                }
                for one in found.changes
            ],
            "act": found.act,
        }
    )


def _field(one: Change) -> dict[str, Any]:
    return {
        "field": one.field,
        "before": one.before if one.masked else value_json(one.before),
        "after": one.after if one.masked else value_json(one.after),
        "masked": one.masked,
    }


def _done(done: Decided) -> Done:
    return Done(id=done.id, state=done.state)


@router.post("/changes/{number}/approve")
def approve_change(session: Deciding, number: Number, given: Approval) -> Done:
    """Approve exactly what was shown; with the last approval that is needed it is written."""
    return _done(session.changes.approve(str(number), digest=given.digest, reason=given.reason))


@router.post("/changes/{number}/reject")
def reject_change(session: Deciding, number: Number, given: Why) -> Done:
    """Close a proposal for good."""
    return _done(session.changes.reject(str(number), reason=given.reason))


@router.post("/changes/{number}/withdraw")
def withdraw_change(session: Deciding, number: Number, given: MaybeWhy) -> Done:
    """Take back what one proposed oneself."""
    return _done(session.changes.withdraw(str(number), reason=given.reason))


@router.post("/changes/{number}/renew")
def renew_change(session: Deciding, number: Number, given: MaybeWhy) -> Done:
    """Put one's proposal up again over the records as they stand now; approvals given lapse."""
    return _done(session.changes.renew(str(number), reason=given.reason))


@router.post("/changes/{number}/edit")
def edit_change(session: Deciding, number: Number, given: ProposalEdit) -> Done:
    """Change what a proposal wants; whoever does becomes one of its makers, and approvals given lapse."""
    return _done(session.changes.edit(str(number), given.fields, record=given.record, reason=given.reason))
