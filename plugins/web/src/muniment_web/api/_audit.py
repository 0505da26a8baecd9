"""What auditors ask of the past, and the evidence that they take away."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from muniment.errors import IntegrityError, LogError, UsageError
from muniment.log.checkpoint import parse_checkpoint, parse_note
from muniment.session import Session
from muniment.session.oversight.evidence import Scope
from muniment.session.oversight.questions import MOST, document
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    Day,
    Key,
    Moment,
    Shown,
    Strict,
    Text,
    Time,
    file_answers,
    micros,
)
from muniment_web.server.handed import handed

__all__ = ["router"]

router: Final = area("audit")
Reading = Annotated[Session, Depends(may("log", "log.read"))]
Configured = Annotated[Session, Depends(may("log", "config.read"))]
Proving = Annotated[Session, Depends(may("log", "log.export", once="mark"))]
Record = Annotated[UUID, Query(description="a record, or the subject it is about")]
Login = Annotated[str, Query(min_length=1, max_length=200)]
When = Annotated[str, Query(max_length=40, description="RFC 3339", json_schema_extra={"format": "date-time"})]


class Answered(Shown):
    """An answer that the log gives."""

    whole: bool = Field(description=f"whether every entry counts; else the newest {MOST} of the span alone")


class Seen(Shown):
    """What somebody did with one person's data."""

    actor: str
    roles: list[str]
    purpose: str
    kind: str
    outcome: str
    times: int
    first: Moment
    last: Moment
    fields: list[str]
    clear: list[str] = Field(description="those of them that were shown in clear")
    entries: list[str]


class SeenBy(Answered):
    """Who saw or changed a person's data."""

    seen: list[Seen]


class Viewer(Shown):
    """Of how many records somebody was shown a field in clear."""

    actor: str
    roles: list[str]
    records: int
    times: int
    kinds: list[str]
    first: Moment
    last: Moment
    entries: list[str]


class Viewers(Answered):
    """Who was shown a field in clear."""

    viewers: list[Viewer]


class Deed(Shown):
    """What somebody did, taken together."""

    kind: str
    type: str
    purpose: str
    outcome: str
    acts: int
    entries: int
    records: int
    first: Moment
    last: Moment


class Deeds(Answered):
    """What somebody did."""

    deeds: list[Deed]


class Disclosure(Shown):
    """What was handed to whom."""

    entry: str
    time: Moment
    kind: str
    actor: str
    recipient: str
    file: str
    purpose: str
    fields: list[str]


class Disclosures(Answered):
    """What of a person's data was handed to whom."""

    disclosures: list[Disclosure]


class ChangedRecord(Shown):
    """How far a record moved."""

    record: str
    type: str
    before: int
    after: int
    operations: list[str]
    actors: list[str]
    first: Moment
    last: Moment


class ChangedRecords(Answered):
    """Which records changed."""

    changed: list[ChangedRecord]


class Rules(Shown):
    """Which rules held at a moment."""

    rules: dict[str, Any]


class CouldSee(Shown):
    """Which fields somebody could have seen."""

    login: str
    roles: list[str]
    clear: list[str]
    masked: list[str]


class CouldHaveSeen(Shown):
    """Who could have seen which fields of a type at a moment."""

    as_of: Moment
    type: str
    users: list[CouldSee]
    plugins_differ: list[str]


class BundleRequest(Strict):
    """Which entries are opened in a bundle of evidence, and for whom it is."""

    since: Time | None = None
    until: Time | None = None
    record: UUID | None = Field(default=None, description="what concerns the subject of this record")
    actor: Annotated[str, StringConstraints(max_length=200)] | None = None
    op: Annotated[str, StringConstraints(max_length=100)] | None = None
    recipient: Annotated[str, StringConstraints(max_length=400)] = ""
    earlier: list[Text] = Field(default=[], description="checkpoints that somebody kept", max_length=20)
    tag_keys: bool = False
    generation: Annotated[int, Field(ge=0, lt=2**32)] | None = None


def _said(found: Any) -> dict[str, Any]:
    return dict(document(found))


@router.get("/audit/who")
def who_saw(
    session: Reading,
    record: Record,
    since: Day = None,
    until: Day = None,
    field: Annotated[Key | None, Query(description="of this field alone")] = None,
) -> SeenBy:
    """Who saw or changed a person's data, which fields and why."""
    found = session.questions.who(record.bytes, since_us=micros(since), until_us=micros(until), field=field)
    return SeenBy(seen=[Seen.model_validate(_said(one)) for one in found], whole=found.whole)


@router.get("/audit/saw")
def who_saw_field(
    session: Reading,
    field: Annotated[Key, Query()],
    least: Annotated[int, Query(ge=1, le=2**31, description="of so many records at least")] = 1,
    type: Annotated[Key | None, Query()] = None,
    since: Day = None,
    until: Day = None,
) -> Viewers:
    """Who was shown a field in clear, and of how many records."""
    found = session.questions.saw(
        field, least=least, type=type, since_us=micros(since), until_us=micros(until)
    )
    return Viewers(viewers=[Viewer.model_validate(_said(one)) for one in found], whole=found.whole)


@router.get("/audit/did")
def what_did(session: Reading, actor: Login, since: Day = None, until: Day = None) -> Deeds:
    """What somebody did: an export of a thousand records is one act."""
    found = session.questions.did(actor, since_us=micros(since), until_us=micros(until))
    return Deeds(deeds=[Deed.model_validate(_said(one)) for one in found], whole=found.whole)


@router.get("/audit/disclosures")
def what_was_disclosed(session: Reading, record: Record, since: Day = None, until: Day = None) -> Disclosures:
    """What of a person's data was handed to whom."""
    found = session.questions.disclosures(record.bytes, since_us=micros(since), until_us=micros(until))
    disclosures = [Disclosure.model_validate(_said(one)) for one in found]
    return Disclosures(disclosures=disclosures, whole=found.whole)


@router.get("/audit/changed")
def what_changed(
    session: Reading,
    since: Day = None,
    until: Day = None,
    type: Annotated[Key | None, Query()] = None,
) -> ChangedRecords:
    """Which records changed in a span of time, from which version to which, and by whom."""
    found = session.questions.changed(since_us=micros(since), until_us=micros(until), type=type)
    changed = [ChangedRecord.model_validate(_said(one)) for one in found]
    return ChangedRecords(changed=changed, whole=found.whole)


@router.get("/audit/rules")
def which_rules(session: Configured, as_of: When) -> Rules:
    """Which rules held at a moment: configuration, plugins, types, users with their roles."""
    return Rules(rules=session.questions.rules(micros(as_of) or 0))


@router.get("/audit/could")
def who_could(session: Configured, type: Annotated[Key, Query()], as_of: When) -> CouldHaveSeen:
    """Who could have seen which fields of a type at a moment."""
    return CouldHaveSeen.model_validate(session.questions.could(type, micros(as_of) or 0))


def _checkpoint(text: str) -> str:
    """A checkpoint that somebody kept, as it was given out.

    Raises:
        UsageError: it is none; what the caller brings says nothing of our own log.
    """
    note = f"{text.strip()}\n"
    try:
        parse_checkpoint(parse_note(note).text)
    except (IntegrityError, LogError) as error:
        raise UsageError(error.code) from None
    return note


@router.post(
    "/audit/bundle",
    response_class=Response,
    responses=file_answers("application/zip", "A bundle that anybody can check offline, without keys."),
)
def make_bundle(session: Proving, given: BundleRequest) -> Response:
    """A ZIP that anybody can check offline; that it was made, and for whom, is in the log that it proves."""
    scope = Scope(
        since_us=micros(given.since),
        until_us=micros(given.until),
        subject=None if given.record is None else given.record.bytes,
        actor=given.actor,
        op=given.op,
    )
    earlier = [_checkpoint(one) for one in given.earlier]
    return handed(
        lambda target: session.bundle(
            target,
            scope,
            tag_keys=given.tag_keys,
            recipient=given.recipient,
            earlier=earlier,
            generation=given.generation,
        ),
        "evidence.zip",
        "application/zip",
    )
