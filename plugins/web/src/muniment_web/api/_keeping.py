"""What is kept and what goes: holds, restrictions, retention, erasure."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query
from pydantic import Field, StringConstraints

from muniment.retention.plan import Verdict
from muniment.session import Session
from muniment.session.rights.erasing import Erased
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    DayShown,
    Done,
    Id,
    Key,
    Limit,
    Moment,
    Paged,
    Reason,
    Shown,
    Strict,
    Text,
    TypeKey,
    UuidText,
    Why,
)
from muniment_web.api._parts import of_type as record_of

__all__ = ["router"]

router: Final = area("keeping")
Held = Annotated[Session, Depends(may("read", "hold.read"))]
Holding = Annotated[Session, Depends(may("rights", "hold.change"))]
Keeping = Annotated[Session, Depends(may("read", "retention.read"))]
Restricting = Annotated[Session, Depends(may("rights", "subject.restrict"))]
Applying = Annotated[Session, Depends(may("rights", "retention.apply"))]
Erasing = Annotated[Session, Depends(may("rights", "subject.erase"))]
Planning = Annotated[Session, Depends(may("rights", "subject.erase", once="never"))]
Certified = Annotated[Session, Depends(may("read", "erasure.read"))]


# Holds


class HoldTarget(Shown):
    """What is held."""

    scope: str
    value: str


class HoldShown(Shown):
    """A legal hold."""

    id: str
    matter: str
    state: Literal["placed", "released"]
    targets: list[HoldTarget]
    changed: Moment


class Holds(Paged):
    """Legal holds, oldest first."""

    holds: list[HoldShown]


class HoldRequest(Strict):
    """What is to be held."""

    matter: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    subjects: list[UuidText] = Field(default=[], max_length=1000)
    records: list[UuidText] = Field(default=[], max_length=1000)
    types: list[Key] = Field(default=[])
    categories: list[Key] = Field(default=[])
    everything: bool = False
    reason: Text | None = None


@router.get("/holds")
def list_holds(session: Held, released: bool = False, limit: Limit = 100, after: After = None) -> Holds:
    """Legal holds that are in force, or were released."""
    found = session.holds.list(released=released, limit=limit, after=after)
    return Holds(holds=[HoldShown(**one.document()) for one in found], after=found.after)


@router.post("/holds", status_code=201)
def place_hold(session: Holding, given: HoldRequest) -> Done:
    """Stop the erasing of what is named."""
    made = session.holds.place(
        given.matter,
        subjects=given.subjects,
        records=given.records,
        types=given.types,
        categories=given.categories,
        everything=given.everything,
        reason=given.reason,
    )
    return Done(id=made.id, state="placed")


@router.post("/holds/{id}/release")
def release_hold(session: Holding, id: Id, given: Why) -> Done:
    """Let go of a hold."""
    return Done(id=session.holds.release(str(id), reason=given.reason).id, state="released")


# Restrictions


class RestrictionShown(Shown):
    """What may not be done with a person's data, or a record, for the time being."""

    id: str
    scope: Literal["subject", "record"]
    subject: str
    record: str | None = None
    state: str
    basis: str
    placed_by: str | None = None
    erasure: str | None = None
    changed: Moment


class Restrictions(Paged):
    """The restrictions that hold."""

    restrictions: list[RestrictionShown]


class RestrictionRequest(Strict):
    """Whose data, or which record, is restricted."""

    subject: UuidText | None = None
    record: UuidText | None = None
    state: Annotated[str, StringConstraints(max_length=40)] = "restricted"
    basis: Annotated[str, StringConstraints(max_length=200)] = ""
    reason: Text | None = None


class LiftRequest(Strict):
    """Which restriction ends, and why."""

    subject: UuidText | None = None
    record: UuidText | None = None
    reason: Reason


@router.get("/restrictions")
def list_restrictions(session: Keeping, limit: Limit = 100, after: After = None) -> Restrictions:
    """The restrictions that hold."""
    found = session.restrictions.list(limit=limit, after=after)
    return Restrictions(restrictions=[RestrictionShown(**one.document()) for one in found], after=found.after)


@router.post("/restrictions", status_code=201)
def place_restriction(session: Restricting, given: RestrictionRequest) -> RestrictionShown:
    """Restrict what may be done with a person's data, or with one record."""
    restrictions = session.restrictions
    _one_target(given)
    made = (
        restrictions.place(given.subject, state=given.state, basis=given.basis, reason=given.reason)
        if given.subject is not None
        else restrictions.place_record(
            given.record or "", state=given.state, basis=given.basis, reason=given.reason
        )
    )
    return RestrictionShown(**made.document())


@router.post("/restrictions/lift")
def lift_restriction(session: Restricting, given: LiftRequest) -> Done:
    """End the restriction of a person, or of one record; whoever asked for it is told before."""
    _one_target(given)
    if given.subject is not None:
        session.restrictions.lift(given.subject, reason=given.reason)
    else:
        session.restrictions.lift_record(given.record or "", reason=given.reason)
    return Done(id=given.subject or given.record or "", state="lifted")


def _one_target(given: RestrictionRequest | LiftRequest) -> None:
    from muniment.errors import UsageError

    if (given.subject is None) == (given.record is None):
        raise UsageError("serve.one_target")


# Retention


class Finding(Shown):
    """What one rule says of a facet."""

    rule: str
    effect: str
    finding: str
    source: str
    start: DayShown | None = None
    end: DayShown | None = None


class Facet(Shown):
    """How long one part of a record is kept, and by which rule."""

    record: str
    subject: str
    type: str
    category: str
    state: str
    rule: str
    keep_until: DayShown | None = None
    must_go_by: DayShown | None = None
    due: DayShown | None = None
    hold: str
    unverified: list[str]
    findings: list[Finding]


class Facets(Shown):
    """How long what is kept."""

    facets: list[Facet]


class PlannedFacets(Facets, Paged):
    """A page of the plan."""


class RetentionRun(Strict):
    """What of what is due is disposed of."""

    types: list[Key] = Field(default=[])
    reviewed: list[UuidText] = Field(default=[], description="records that a person decided on")
    only: list[UuidText] = Field(default=[], description="records; by default everything that is due")
    reason: Text | None = None


class RetentionDone(Shown):
    """What was disposed of."""

    facets: int
    subjects: int
    certificates: list[str]
    refused: int
    waiting: int
    rules: dict[str, int]


@router.get("/retention/plan")
def retention_plan(
    session: Keeping,
    type: Annotated[list[Key] | None, Query(max_length=50)] = None,
    state: Annotated[list[Key] | None, Query(max_length=20, description="by default due and review")] = None,
    limit: Limit = 100,
    after: After = None,
) -> PlannedFacets:
    """What is due, and what waits for a person's decision; or what stands otherwise, such as what is held."""
    found = session.retention.piece(
        types=type or (), states=state or ("due", "review"), limit=limit, after=after
    )
    return PlannedFacets(facets=[_facet(one) for one in found], after=found.after)


@router.get("/retention/report")
def retention_report(session: Keeping) -> dict[str, Any]:
    """How many facets stand how, by type, category and rule; and what was disposed of so far."""
    return session.retention.report()


@router.post("/retention/apply")
def apply_retention(session: Applying, given: RetentionRun) -> RetentionDone:
    """Dispose of everything that is due, or of what of it was chosen."""
    done = session.retention.apply(
        reason=given.reason, types=given.types, reviewed=given.reviewed, only=given.only
    )
    return RetentionDone.model_validate(done)


@router.get("/records/{type}/{id}/retention")
def record_retention(session: Keeping, key: TypeKey, id: Id) -> Facets:
    """How long each part of a record is kept, and by which rule."""
    found = session.retention.explain(record_of(session, key, id, "retention.read"))
    return Facets(facets=[_facet(one) for one in found])


def _facet(one: Verdict) -> Facet:
    return Facet.model_validate(
        {
            "record": one.facet.record,
            "subject": one.facet.subject,
            "type": one.facet.type,
            "category": one.facet.category,
            "state": one.state,
            "rule": one.rule,
            "keep_until": one.keep_until,
            "must_go_by": one.must_go_by,
            "due": one.due,
            "hold": one.facet.held,
            "unverified": list(one.unverified),
            "findings": [
                {
                    "rule": found.rule.id,
                    "effect": found.rule.effect,
                    "finding": found.code,
                    "source": found.rule.source,
                    "start": found.start,
                    "end": found.end,
                }
                for found in one.findings
            ],
        }
    )


# Erasure


class KeptFacet(Shown):
    """A part that a duty keeps."""

    record: str
    subject: str
    type: str
    category: str
    rule: str
    until: str


class ErasurePlan(Shown):
    """What erasing a person would do, and what stands in its way."""

    subjects: list[str]
    records: dict[str, int]
    goes: list[list[str]] = Field(description="pairs of what goes and how it is named")
    kept: list[KeptFacet]
    why: list[str] = Field(description="codes of what stands in its way")
    holds: list[str]


class ErasureDone(Shown):
    """What was erased."""

    id: str
    targets: int
    refused: list[str] = Field(description="codes of what was not erased")


class Certificates(Paged):
    """The certificates of erasures."""

    certificates: list[dict[str, Any]]


class RecordErasure(Strict):
    """Why one record, or one category of it, goes."""

    category: Key | None = None
    reason: Reason


@router.post("/subjects/{id}/erasure-plan")
def plan_erasure(session: Planning, id: Id) -> ErasurePlan:
    """What erasing a person would do, and what stands in its way; nothing is done."""
    found = session.erasures.plan(str(id))
    return ErasurePlan(
        subjects=list(found.subjects),
        records=dict(found.records),
        goes=[list(pair) for pair in found.goes],
        kept=[KeptFacet.model_validate(one) for one in found.kept],
        why=[one.code for one in found.why],
        holds=list(found.holds),
    )


@router.post("/subjects/{id}/erase")
def erase_subject(session: Erasing, id: Id, given: Why) -> ErasureDone:
    """Erase a person everywhere, for ever: all their records, reasons and files."""
    return _erased(session.erasures.subject(str(id), reason=given.reason))


@router.post("/records/{type}/{id}/erase")
def erase_record(session: Erasing, key: TypeKey, id: Id, given: RecordErasure) -> ErasureDone:
    """Erase one record, or one retention category of it, for ever."""
    record = record_of(session, key, id, "subject.erase")
    return _erased(session.erasures.record(record, reason=given.reason, category=given.category or ""))


def _erased(done: Erased) -> ErasureDone:
    return ErasureDone(id=done.id, targets=done.targets, refused=[one.error.code for one in done.refused])


@router.get("/erasures")
def list_erasures(
    session: Certified,
    about: Annotated[UuidText | None, Query(description="a subject or record")] = None,
    limit: Limit = 100,
    after: After = None,
) -> Certificates:
    """The certificates of all erasures, or of those of one subject or record."""
    found = session.erasures.certificates(about=about, limit=limit, after=after)
    return Certificates(certificates=found, after=found.after)


@router.get("/erasures/{id}")
def get_erasure(session: Certified, id: Id) -> dict[str, Any]:
    """A certificate with its evidence, to be handed out; it can be checked offline."""
    return dict(session.erasures.certificate(str(id)))
