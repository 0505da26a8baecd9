"""What persons may ask for: consents, requests, reports and copies of their data."""

from __future__ import annotations

from datetime import date
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Query, Response
from fastapi import Request as HttpRequest
from pydantic import Field, StringConstraints
from starlette.responses import Response as Answer

from muniment.cli.subject_report import report_document
from muniment.cli.values import value_json
from muniment.errors import IntegrityError, LogError, UsageError
from muniment.session import Session
from muniment.session.rights.consented import Consent
from muniment.session.rights.consents import Terms
from muniment.session.rights.requests import Request, described
from muniment.subjects.clocks import RIGHTS
from muniment.subjects.receipts import verify_given
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    Fields,
    Id,
    IfMatch,
    Key,
    Limit,
    Moment,
    Paged,
    Reason,
    Shown,
    Strict,
    Text,
    TimeText,
    TypeKey,
    Upload,
    Values,
    Written,
    file_answers,
    of_type,
    put_version,
    replacing,
    require_seen,
    uploaded,
    written,
    zipped,
)
from muniment_web.server.handed import handed
from muniment_web.server.web import Web

__all__ = ["router"]

router: Final = area("persons")
Asking = Annotated[Session, Depends(may("read", "request.read"))]
Handling = Annotated[Session, Depends(may("rights", "request.change"))]
Seeing = Annotated[Session, Depends(may("read", "consent.read"))]
Verifying = Annotated[Session, Depends(may("read", "consent.read", once="never"))]
Consenting = Annotated[Session, Depends(may("rights", "consent.change"))]
Noticing = Annotated[Session, Depends(may("rights", "consent.notice"))]
Reporting = Annotated[Session, Depends(may("export", "subject.report", once="mark"))]
Word = Annotated[str, StringConstraints(max_length=400)]


# Consents


class ConsentShown(Shown):
    """A consent, as far as this caller may read it."""

    id: str
    subject: str
    version: int
    state: str
    holds: bool = Field(description="whether it opens anything at the moment")
    recorded: Moment
    fields: Fields


class Consents(Shown):
    """What a person consented to, newest first."""

    consents: list[ConsentShown]


class ConsentRequest(Strict):
    """To what a person consents, and how."""

    purpose: Word
    notice: Word = Field(default="", description="key of the notice that they saw")
    language: Word = "en"
    method: Word = "other"
    given_at: Word = ""
    valid_until: Word = ""
    separate: list[Word] = Field(default=[], description="sensitive, provide, publish, cross_border")
    jurisdiction: Word = ""
    data: list[Word] = Field(default=[])
    guardian: Word = ""
    relation: Word = ""
    evidence: Upload | None = None
    reason: Text | None = None

    def terms(self) -> Terms:
        """The same for the session."""
        return Terms(**self.model_dump(exclude={"evidence", "reason"}))


class NewPerson(ConsentRequest):
    """A new person's record together with their consent."""

    fields: Values


class PurposeRequest(Strict):
    """Which consent ends, and why."""

    purpose: Word
    reason: Text | None = None


class NewPersonWritten(Shown):
    """What became of a person and of their consent."""

    record: Written
    consent: Written


class NoticeShown(Shown):
    """A notice that consents rest on."""

    id: str
    key: str
    version: int
    fields: Fields


class Notices(Paged):
    """The notices, by key."""

    notices: list[NoticeShown]


class NoticeRequest(Strict):
    """A notice, or its next version."""

    fields: Values
    reason: Text | None = None


@router.get("/records/{type}/{id}/consents", tags=["consents"])
def list_consents(session: Seeing, key: TypeKey, id: Id) -> Consents:
    """What the person of a record consented to, newest first."""
    now = session.engine.clock()
    return Consents(
        consents=[
            _consent(one, now) for one in session.consents.of(of_type(session, key, id, "consent.read"))
        ]
    )


def _consent(one: Consent, now_us: int) -> ConsentShown:
    return ConsentShown.model_validate(
        {
            "id": one.id,
            "subject": one.subject,
            "version": one.version,
            "state": one.state_at(now_us),
            "holds": one.holds_at(now_us),
            "recorded": one.recorded_us,
            "fields": {name: value for name, value in one.values.items() if name != "receipt"},
        }
    )


@router.post("/records/{type}/{id}/consents", tags=["consents"], status_code=201)
def give_consent(session: Consenting, key: TypeKey, id: Id, given: ConsentRequest) -> Written:
    """Write down that a person consents to a purpose; a file that shows it is sealed with it."""
    record = of_type(session, key, id)
    with uploaded(given.evidence) as evidence:
        return written(session.consents.give(record, given.terms(), evidence=evidence, reason=given.reason))


@router.post("/records/{type}/{id}/consents/refuse", tags=["consents"], status_code=201)
def refuse_consent(session: Consenting, key: TypeKey, id: Id, given: ConsentRequest) -> Written:
    """Write down that a person was asked and said no."""
    return written(session.consents.refuse(of_type(session, key, id), given.terms(), reason=given.reason))


@router.post("/records/{type}/{id}/consents/withdraw", tags=["consents"])
def withdraw_consent(session: Consenting, key: TypeKey, id: Id, given: PurposeRequest) -> Written:
    """Write down that a person takes their consent back; it needs no reason."""
    record = of_type(session, key, id)
    return written(session.consents.withdraw(record, given.purpose, reason=given.reason))


@router.post("/records/{type}/{id}/consents/invalidate", tags=["consents"])
def invalidate_consent(session: Consenting, key: TypeKey, id: Id, given: PurposeRequest) -> Written:
    """Declare a consent invalid, such as one that was not given freely."""
    if not (given.reason or "").strip():
        raise UsageError("usage.no_reason")
    record = of_type(session, key, id)
    return written(session.consents.invalidate(record, given.purpose, reason=given.reason or ""))


@router.get("/records/{type}/{id}/consents/receipt", tags=["consents"])
def consent_receipt(
    session: Seeing, key: TypeKey, id: Id, purpose: Annotated[str, Query(max_length=400)]
) -> dict[str, Any]:
    """The receipt of a consent as it stands, with the proof of its entry; anybody can check it offline."""
    return session.consents.receipt(of_type(session, key, id, "consent.read"), purpose)


class ReceiptCheck(Strict):
    """A receipt, and the verifier key of the log that it is from, which whoever checks has from elsewhere."""

    receipt: dict[str, Any]
    key: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class ReceiptChecked(Shown):
    """What a receipt shows: that the consent was written down, not that it still holds."""

    kind: str
    time: TimeText
    principal: str
    index: int
    size: int
    consent: dict[str, Any]


@router.post("/consents/verify", tags=["consents"])
def verify_consent_receipt(session: Verifying, given: ReceiptCheck) -> ReceiptChecked:
    """Check a receipt as anybody could, with the key that is given and nothing else of this archive."""
    session.require("consent.read")
    try:
        shown = verify_given(given.receipt, given.key.strip())
    except (IntegrityError, LogError) as error:
        # What the caller brings says nothing of our own log.
        raise UsageError(error.code) from None
    return ReceiptChecked(
        kind=shown.kind,
        time=shown.time,
        principal=str(shown.principal),
        index=shown.index,
        size=shown.checkpoint.size,
        consent=dict(shown.consent),
    )


@router.post("/records/{type}/with-consent", tags=["consents"], status_code=201)
def create_with_consent(session: Consenting, key: TypeKey, given: NewPerson) -> NewPersonWritten:
    """Make a new person's record together with their consent, in one transaction."""
    terms = Terms(**given.model_dump(exclude={"evidence", "reason", "fields"}))
    person, consent = session.consents.create(key, given.fields, terms, reason=given.reason)
    return NewPersonWritten(record=written(person), consent=written(consent))


@router.get("/notices", tags=["consents"])
def list_notices(session: Seeing, limit: Limit = 100, after: After = None) -> Notices:
    """The notices that consents rest on, by key."""
    found = session.consents.notices(limit=limit, after=after)
    return Notices(
        notices=[
            NoticeShown(id=one.id, key=one.key, version=one.version, fields=dict(one.values)) for one in found
        ],
        after=found.after,
    )


@router.put("/notices/{key}", tags=["consents"])
def write_notice(session: Noticing, key: Key, given: NoticeRequest, if_match: IfMatch = None) -> Written:
    """Write a notice, or its next version; consents to the versions before stay as they are."""
    session.require("consent.notice")
    seen = replacing(if_match)
    return written(session.consents.write_notice(key, given.fields, reason=given.reason, seen=seen))


# Requests


class ChecklistStep(Shown):
    """A step that every request takes."""

    step: str
    done: bool


class RequestShown(Shown):
    """A request of a person, as far as this caller may read it."""

    id: str
    subject: str
    version: int
    state: str
    open: bool
    percent: int = Field(description="how much of its clock has run")
    checklist: list[ChecklistStep]
    steps: list[dict[str, str]]
    fields: Fields


class Requests(Paged):
    """Requests of persons; the one due first comes first."""

    requests: list[RequestShown]


class RequestOpen(Strict):
    """What a person asks for."""

    record: str = Field(max_length=36, description="a record about the person")
    right: Literal[RIGHTS]  # type: ignore[valid-type]  # mypy reads no tuple here, the description does
    law: Word | None = Field(default=None, description="whose clock runs; by default as configured")
    received: date | None = None
    channel: Word = ""
    requester: Word = ""
    authority: Word = ""
    reason: Text | None = None


class RequestStep(Strict):
    """The next step of a request."""

    to: Word
    note: Text = ""
    answer: Text = ""
    evidence: Upload | None = None
    reason: Text | None = None


class RequestExtend(Strict):
    """Why it takes longer; the person was told so."""

    note: Reason
    reason: Text | None = None


class RequestClose(Strict):
    """How it ended."""

    answer: Text = ""
    note: Text = ""
    reason: Text | None = None


def _request(session: Session, one: Request) -> RequestShown:
    found = described(one)
    return RequestShown.model_validate(
        {
            **found,
            "state": one.state,
            "percent": one.percent(session.engine.today()),
            "fields": {
                key: value_json(value)
                for key, value in one.values.items()
                if key not in ("steps", "evidence")
            },
        }
    )


@router.get("/requests")
def list_requests(
    session: Asking,
    everything: bool = False,
    about: Annotated[UUID | None, Query(description="a record about the person")] = None,
    limit: Limit = 100,
    after: After = None,
) -> Requests:
    """Requests of persons that are open, or all; the one due first comes first."""
    of = None if about is None else str(about)
    found = session.requests.listed(everything=everything, of=of, limit=limit, after=after)
    return Requests(requests=[_request(session, one) for one in found], after=found.after)


@router.post("/requests", status_code=201)
def open_request(session: Handling, given: RequestOpen) -> Written:
    """Write down that a person asks for something; its clock runs."""
    saved = session.requests.open(
        given.record,
        given.right,
        law=given.law,
        received=given.received,
        channel=given.channel,
        requester=given.requester,
        authority=given.authority,
        reason=given.reason,
    )
    return written(saved)


@router.get("/requests/{id}")
def get_request(session: Asking, id: Id, response: Response) -> RequestShown:
    """One request, open or closed."""
    found = session.requests.get(str(id))
    put_version(response, found.version)
    return _request(session, found)


@router.get(
    "/requests/{id}/evidence",
    response_class=Answer,
    responses=file_answers("application/octet-stream", "The file that shows what was done."),
)
def request_evidence(session: Asking, id: Id) -> Answer:
    """The file that shows what was done; its entry is in the log before it is opened."""
    session.require("request.read")
    found = session.requests.get(str(id))
    return handed(
        lambda target: session.read_file(found.id, "evidence", target),
        "evidence",
        "application/octet-stream",
    )


@router.post("/requests/{id}/step")
def step_request(session: Handling, id: Id, given: RequestStep, if_match: IfMatch = None) -> Written:
    """Take a request a step further."""
    _seen(session, str(id), if_match)
    with uploaded(given.evidence) as evidence:
        saved = session.requests.step(
            str(id), given.to, note=given.note, answer=given.answer, evidence=evidence, reason=given.reason
        )
    return written(saved)


@router.post("/requests/{id}/extend")
def extend_request(session: Handling, id: Id, given: RequestExtend, if_match: IfMatch = None) -> Written:
    """Take the longer time that the law allows, once."""
    _seen(session, str(id), if_match)
    return written(session.requests.extend(str(id), note=given.note, reason=given.reason))


@router.post("/requests/{id}/close")
def close_request(session: Handling, id: Id, given: RequestClose, if_match: IfMatch = None) -> Written:
    """End a request that was answered or refused."""
    _seen(session, str(id), if_match)
    saved = session.requests.close(str(id), answer=given.answer, note=given.note, reason=given.reason)
    return written(saved)


def _seen(session: Session, id: str, if_match: str | None) -> None:
    if if_match is not None:
        require_seen(if_match, session.requests.get(id).version)


# What a person is told


class PortableRequest(Strict):
    """On what the person's data is used, and who gets the copy instead of them."""

    basis: Literal["consent", "contract"]
    recipient: Word = ""


@router.post("/records/{type}/{id}/report")
def subject_report(request: HttpRequest, session: Reporting, key: TypeKey, id: Id) -> dict[str, Any]:
    """Everything that is known about the person whom a record is about; a disclosure in the log."""
    web: Web = request.app.state.web
    found = session.persons.report(of_type(session, key, id, "subject.report"))
    document: dict[str, Any] = report_document(web.archive, found)
    return document


@router.post(
    "/records/{type}/{id}/portable-copy",
    response_class=Answer,
    responses=file_answers("application/zip", "JSON and CSV of what the person gave themselves."),
)
def portable_copy(session: Reporting, key: TypeKey, id: Id, given: PortableRequest) -> Answer:
    """A person's copy of what they gave, to take elsewhere; a disclosure in the log."""
    record = of_type(session, key, id, "subject.report")

    def write(target: FilePath) -> None:
        with TemporaryDirectory(prefix="muniment-") as folder:
            inside = FilePath(folder) / "copy"
            session.portability.export(record, inside, basis=given.basis, recipient=given.recipient)
            zipped(inside, target)

    return handed(write, "copy.zip", "application/zip")


@router.post(
    "/records/{type}/{id}/accesses-copy",
    response_class=Answer,
    responses=file_answers("application/zip", "Who touched a person's data, to be checked offline."),
)
def accesses_copy(session: Reporting, key: TypeKey, id: Id) -> Answer:
    """Who touched a person's data, with what they need to see that nothing is left out."""
    record = of_type(session, key, id, "subject.report")

    def write(target: FilePath) -> None:
        with TemporaryDirectory(prefix="muniment-") as folder:
            inside = FilePath(folder) / "accesses"
            session.persons.accesses(record, inside)
            zipped(inside, target)

    return handed(write, "accesses.zip", "application/zip")
