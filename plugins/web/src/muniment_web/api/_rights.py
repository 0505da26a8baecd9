"""Approvals, requests, consents, holds, retention, alerts, drafts and webhooks over the API."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from muniment.cli.values import value_json
from muniment.model import rfc3339
from muniment.session import Session
from muniment.session.approval.tray import MOST_EDITS, Edit
from muniment.session.kernel.views import Change
from muniment.session.writing.writes import Saved as SavedChange
from muniment_web.api import _models as models
from muniment_web.api._app import may
from muniment_web.api._records import TypeKey

__all__ = ["router"]

router: Final = APIRouter()

Reading = Annotated[Session, Depends(may("read"))]
Writing = Annotated[Session, Depends(may("write"))]
Logged = Annotated[Session, Depends(may("log"))]
Id = Annotated[UUID, Path(alias="id")]
Number = Annotated[int, Path(alias="number", ge=0, lt=2**53)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
Document = dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Why(_Strict):
    """A person's own words; sealed."""

    reason: Reason


class MaybeWhy(_Strict):
    """A person's own words, where there are any; sealed."""

    reason: models.Reason | None = None


class Approval(_Strict):
    """What is approved: exactly what was shown."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
    reason: models.Reason | None = None


class Done(BaseModel):
    """Where it stands now."""

    id: str
    state: str


class Changes(BaseModel):
    """Proposals."""

    changes: list[Document]


class Requests(BaseModel):
    """Requests of persons about their data."""

    requests: list[Document]


class Consents(BaseModel):
    """What a person consented to."""

    consents: list[Document]


class Holds(BaseModel):
    """Legal holds."""

    holds: list[Document]


class HoldRequest(_Strict):
    """What is to be held."""

    matter: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    subjects: list[UUID] = []
    records: list[UUID] = []
    types: list[models.Key] = []
    reason: models.Reason | None = None


class Facets(BaseModel):
    """How long what is kept."""

    facets: list[Document]


class Alerts(BaseModel):
    """What is odd in the log."""

    alerts: list[Document]


class AlertDecision(_Strict):
    """What became of an alert."""

    state: Literal["open", "explained", "violation"]
    reason: Reason


class Draft(BaseModel):
    """What was typed into a record's row and not saved yet."""

    id: str
    record: str
    base: int
    fields: models.Values
    stale: bool
    problem: str = Field("", description="the code of what stands against saving it now")


class Drafts(BaseModel):
    """The change tray of one table."""

    drafts: list[Draft]


class DraftEdit(_Strict):
    """Cells of one record."""

    record: UUID
    fields: models.Values = {}
    base: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    without: list[models.Key] = []


class DraftEdits(_Strict):
    """Cells of many records."""

    edits: Annotated[list[DraftEdit], Field(max_length=MOST_EDITS)]


class SavedAll(BaseModel):
    """What became of a change set."""

    saved: list[Document]


class Webhooks(BaseModel):
    """Other systems that are told what happened."""

    webhooks: list[Document]


class WebhookRequest(_Strict):
    """Whom to tell of what."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    url: Annotated[str, StringConstraints(max_length=2_000)]
    kinds: Annotated[list[Annotated[str, StringConstraints(max_length=100)]], Field(max_length=100)]
    types: list[models.Key] = []
    reason: models.Reason | None = None


class WebhookSecret(BaseModel):
    """A webhook's secret, shown once."""

    id: str
    secret: str


# Approvals


@router.get("/changes", tags=["approvals"])
def changes(
    session: Reading,
    state: Literal["open", "ready", "done", "rejected", "withdrawn", "expired"] = "open",
    limit: Limit = 100,
) -> Changes:
    """What waits for a second person: all that this caller may check, and their own."""
    return Changes(
        changes=[
            {
                "id": one.id,
                "number": one.number,
                "state": one.state,
                "makers": list(one.makers),
                "created": rfc3339(one.created_us),
                "expires": rfc3339(one.expires_us),
                "what": list(one.what),
                "given": one.given,
                "mine": one.mine,
            }
            for one in session.changes.list(state=state, limit=limit)
        ]
    )


@router.get("/changes/{number}", tags=["approvals"])
def change(session: Reading, number: Number) -> Changes:
    """One proposal exactly as it would be written, with the digest that an approval names."""
    found = session.changes.show(str(number))
    return Changes(
        changes=[
            {
                "id": found.summary.id,
                "number": found.summary.number,
                "state": found.summary.state,
                "digest": found.digest,
                "purpose": found.purpose,
                "reason": found.reason,
                "stale": found.stale,
                "approvals": [
                    {"actor": one.actor, "time": rfc3339(one.time_us), "reason": one.reason}
                    for one in found.approvals
                ],
                "changes": [
                    {
                        "operation": one.operation,
                        "type": one.type,
                        "record": one.record,
                        "base": one.base,
                        "stale": one.stale,
                        "fields": [_field(change) for change in one.fields],
                    }
                    for one in found.changes
                ],
                "action": None if found.act is None else found.act.action,
            }
        ]
    )


def _field(one: Change) -> Document:
    return {
        "field": one.field,
        "before": one.before if one.masked else value_json(one.before),
        "after": one.after if one.masked else value_json(one.after),
        "masked": one.masked,
    }


@router.post("/changes/{number}/approve", tags=["approvals"])
def approve(session: Writing, number: Number, given: Approval) -> Done:
    """Approve exactly what was shown; with the last approval that is needed it is written."""
    done = session.changes.approve(str(number), digest=given.digest, reason=given.reason)
    return Done(id=done.id, state=done.state)


@router.post("/changes/{number}/reject", tags=["approvals"])
def reject(session: Writing, number: Number, given: Why) -> Done:
    """Close a proposal for good."""
    done = session.changes.reject(str(number), reason=given.reason)
    return Done(id=done.id, state=done.state)


@router.post("/changes/{number}/withdraw", tags=["approvals"])
def withdraw(session: Writing, number: Number, given: MaybeWhy) -> Done:
    """Take back what one proposed oneself."""
    done = session.changes.withdraw(str(number), reason=given.reason)
    return Done(id=done.id, state=done.state)


# Rights of persons


@router.get("/requests", tags=["rights"])
def requests(session: Reading, everything: bool = False) -> Requests:
    """Requests of persons; the one due first comes first."""
    today = session.requests.today()
    return Requests(
        requests=[
            {
                "id": one.id,
                "version": one.version,
                "subject": one.subject,
                "state": one.state,
                "percent": one.percent(today),
                "fields": {key: value_json(value) for key, value in one.values.items()},
            }
            for one in session.requests.listed(everything=everything)
        ]
    )


@router.get("/records/{type}/{id}/consents", tags=["rights"])
def consents(session: Reading, key: TypeKey, id: Id) -> Consents:
    """What the person of a record consented to, newest first."""
    now = session.engine.clock()
    return Consents(
        consents=[
            {
                "id": one.id,
                "subject": one.subject,
                "version": one.version,
                "holds": one.holds_at(now),
                "fields": {
                    name: value_json(value) for name, value in one.values.items() if name != "receipt"
                },
            }
            for one in session.consents.of(str(id))
        ]
    )


@router.get("/holds", tags=["rights"])
def holds(session: Reading, released: bool = False) -> Holds:
    """Legal holds that are in force, or were released."""
    return Holds(holds=[one.document() for one in session.holds.list(released=released)])


@router.post("/holds", tags=["rights"], status_code=201)
def place_hold(session: Writing, given: HoldRequest) -> Done:
    """Stop the erasing of what is named."""
    made = session.holds.place(
        given.matter,
        subjects=[str(one) for one in given.subjects],
        records=[str(one) for one in given.records],
        types=given.types,
        reason=given.reason,
    )
    return Done(id=made.id, state="placed")


@router.post("/holds/{id}/release", tags=["rights"])
def release_hold(session: Writing, id: Id, given: Why) -> Done:
    """Let go of a hold."""
    made = session.holds.release(str(id), reason=given.reason)
    return Done(id=made.id, state="released")


@router.get("/retention/plan", tags=["rights"])
def retention_plan(session: Reading, limit: Limit = 100) -> Facets:
    """What is due, and what waits for a person's decision."""
    return Facets(facets=[_verdict(one) for one in islice(session.retention.plan(), limit)])


@router.get("/records/{type}/{id}/retention", tags=["rights"])
def retention(session: Reading, key: TypeKey, id: Id) -> Facets:
    """How long each part of a record is kept, and by which rule."""
    return Facets(facets=[_verdict(one) for one in session.retention.explain(str(id))])


def _verdict(one: Any) -> Document:
    def day(value: Any) -> str | None:
        return None if value is None else str(value.isoformat())

    return {
        "record": one.facet.record,
        "type": one.facet.type,
        "category": one.facet.category,
        "state": one.state,
        "rule": one.rule,
        "keep_until": day(one.keep_until),
        "must_go_by": day(one.must_go_by),
        "due": day(one.due),
        "hold": one.facet.held,
    }


# Oversight


@router.get("/alerts", tags=["oversight"])
def alerts(session: Logged, state: Literal["open", "explained", "violation"] = "open") -> Alerts:
    """What is odd in the log, the newest first."""
    found = session.alerts
    return Alerts(alerts=[one.document(found.rules, "en") for one in found.list(states=(state,))])


@router.post("/alerts/{id}/close", tags=["oversight"])
def close_alert(session: Logged, id: Id, given: AlertDecision) -> Done:
    """Say what became of an alert."""
    saved = session.alerts.close(str(id), given.state, reason=given.reason)
    return Done(id=saved.id, state=given.state)


# The change tray


@router.get("/drafts/{type}", tags=["drafts"])
def drafts(session: Writing, key: TypeKey, check: bool = False) -> Drafts:
    """What this caller typed into a table and has not saved; with ``check`` what stands against it."""
    tray = session.drafts.tray(key)
    problems = tray.problems() if check else {}
    return Drafts(
        drafts=[
            Draft(
                id=one.id,
                record=one.record,
                base=one.base,
                fields={name: value_json(value) for name, value in one.values.items()},
                stale=one.stale,
                problem=problems[one.record].code if one.record in problems else "",
            )
            for one in tray.shown()
        ]
    )


@router.post("/drafts/{type}", tags=["drafts"])
def keep_drafts(session: Writing, key: TypeKey, given: DraftEdits) -> Drafts:
    """Keep cells of many records, sealed for this caller alone; nothing is checked before it is asked for."""
    session.drafts.tray(key).keep(
        [Edit(str(one.record), one.fields, one.base, one.without) for one in given.edits]
    )
    return drafts(session, key)


@router.post("/drafts/{type}/apply", tags=["drafts"])
def apply_drafts(session: Writing, key: TypeKey, given: Why) -> SavedAll:
    """Write all of it as one change set, or nothing."""
    held = session.drafts.tray(key).shown()
    saved = session.drafts.apply([one.id for one in held], reason=given.reason) if held else []
    return SavedAll(saved=[_saved(one) for one in saved])


def _saved(one: SavedChange) -> Document:
    return {"id": one.id, "version": one.version, "written": one.written}


@router.delete("/drafts/{type}", tags=["drafts"])
def discard_drafts(session: Writing, key: TypeKey) -> Drafts:
    """Throw all of it away."""
    session.drafts.tray(key).discard()
    return Drafts(drafts=[])


# Webhooks


@router.get("/webhooks", tags=["webhooks"])
def webhooks(session: Logged) -> Webhooks:
    """Other systems that are told, with what waits and what was given up."""
    return Webhooks(
        webhooks=[
            {
                "id": one.id,
                "name": one.name,
                "url": one.url,
                "kinds": list(one.kinds),
                "types": list(one.types),
                "active": one.active,
                "waiting": len(one.waiting),
                "dead": [
                    {"index": event.index, "kind": event.kind, "problem": event.problem} for event in one.dead
                ],
            }
            for one in session.webhooks.all()
        ]
    )


@router.post("/webhooks", tags=["webhooks"], status_code=201)
def add_webhook(session: Writing, given: WebhookRequest) -> WebhookSecret:
    """Have a system told of events from now on; the secret is in this answer and nowhere else."""
    one, secret = session.webhooks.add(
        given.name, given.url, given.kinds, types=given.types, reason=given.reason
    )
    return WebhookSecret(id=one.id, secret=secret)


@router.post("/webhooks/{id}/rotate", tags=["webhooks"])
def rotate_webhook(session: Writing, id: Id) -> WebhookSecret:
    """Make a new secret; for a day both sign."""
    return WebhookSecret(id=str(id), secret=session.webhooks.rotate(str(id)))


@router.post("/webhooks/{id}/{act}", tags=["webhooks"])
def change_webhook(session: Writing, id: Id, act: Literal["pause", "resume", "retry", "remove"]) -> Done:
    """Pause, resume, try again what was given up, or remove."""
    getattr(session.webhooks, act)(str(id))
    return Done(id=str(id), state=act)
