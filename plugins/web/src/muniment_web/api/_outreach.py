"""What was promised to customers, what is sent to them, and what came in from them."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path, Query, Response
from pydantic import Field, StringConstraints

from muniment.outreach.letters import Letter
from muniment.schema import parse_condition
from muniment.session import Session
from muniment.session.incoming import Item
from muniment.session.outreach.answers import leave
from muniment.session.outreach.promising import MOST, Promise
from muniment.session.outreach.recipients import Selection
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    Id,
    IfMatch,
    Key,
    Label,
    Limit,
    Moment,
    Paged,
    Shown,
    Strict,
    Text,
    Time,
    Upload,
    UuidText,
    Values,
    When,
    Why,
    Word,
    Written,
    WrittenAll,
    file_answers,
    put_version,
    require_seen,
    uploaded,
    written,
)
from muniment_web.server.handed import handed

__all__ = ["router"]

router: Final = area("outreach")
Listing = Annotated[Session, Depends(may("read", "record.list"))]
Doing = Annotated[Session, Depends(may("write", "record.update"))]
Making = Annotated[Session, Depends(may("write", "record.create"))]
Looking = Annotated[Session, Depends(may("write", "record.create", once="never"))]
Mailing = Annotated[Session, Depends(may("read", "mail.read"))]
Previewing = Annotated[Session, Depends(may("export", "mail.send", once="never"))]
Sending = Annotated[Session, Depends(may("export", "mail.send"))]
Consenting = Annotated[Session, Depends(may("rights", "consent.change"))]
Inbox = Annotated[Session, Depends(may("read", "inbox.read"))]
Deciding = Annotated[Session, Depends(may("write", "inbox.read"))]
Taking = Annotated[Session, Depends(may("write", "inbox.change"))]
Named = Annotated[list[UuidText], Field(max_length=MOST)]
LetterKey = Annotated[str, Path(alias="letter", pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


# Follow-ups


class DueShown(Shown):
    """What was promised to whom, and when."""

    type: str
    record: str
    version: int
    due: When
    owner: str
    overdue: bool
    customer: str
    name: str
    number: str
    about: str


class FollowUps(Paged):
    """What is due, soonest first."""

    followups: list[DueShown]


class FollowUpDone(Strict):
    """What was done, and when to go on."""

    note: Text = ""
    channel: Word = "phone"
    next: Time | None = None
    reason: Text | None = None


class FollowUpLater(Strict):
    """Until when it is put off."""

    until: Time
    reason: Text | None = None


@router.get("/followups", tags=["follow-ups"])
def list_followups(
    session: Listing,
    owner: Annotated[str, Query(max_length=200, description="a login, or me")] = "",
    overdue: bool = False,
    days: Annotated[int | None, Query(ge=0, le=3660)] = None,
    limit: Limit = 100,
    after: After = None,
) -> FollowUps:
    """What is due, soonest first."""
    found = session.follow_ups.list(owner=owner, overdue=overdue, days=days, limit=limit, after=after)
    return FollowUps(followups=[DueShown.model_validate(one) for one in found], after=found.after)


@router.get(
    "/followups/calendar",
    tags=["follow-ups"],
    response_class=Response,
    responses=file_answers("text/calendar", "RFC 5545; it names customers by number alone."),
)
def followup_calendar(
    session: Listing,
    owner: Annotated[str, Query(max_length=200)] = "me",
    lang: Literal["en", "zh"] = "en",
) -> Response:
    """What is due as a calendar file."""
    return Response(session.follow_ups.calendar(owner=owner, lang=lang), media_type="text/calendar")


class FollowUpsAsked(Strict):
    """What is promised to each of many."""

    records: Named
    due: Time = Field(description="or +3 for three days from now")
    about: Text = ""
    owner: Word = Field(
        default="", description="a login, me, or each for whoever each of them has; empty for nobody"
    )
    type: Key | None = Field(default=None, description="the table of the follow-ups, where there are several")
    reason: Text | None = None


class FollowUpLooked(Shown):
    """What would become of a promise to one of them."""

    record: str
    owner: str
    problem: str = Field(description="the code of what stands against it; empty where it would be made")


class FollowUpsLooked(Shown):
    """What would become of a promise to many."""

    promises: list[FollowUpLooked]


class FollowUpsClosed(Strict):
    """Which follow-ups are closed."""

    records: Named
    reason: Text | None = None


def _promise(given: FollowUpsAsked) -> Promise:
    return Promise(given.records, given.due, given.about, given.owner, given.type or "")


@router.post("/followups", tags=["follow-ups"])
def make_followups(session: Making, given: FollowUpsAsked) -> WrittenAll:
    """Make a follow-up for each of some records, all of them or none; a refusal names the first one."""
    saved = session.promises.make(_promise(given), reason=given.reason)
    return WrittenAll(saved=[written(one) for one in saved])


@router.post("/followups/look", tags=["follow-ups"])
def look_at_followups(session: Looking, given: FollowUpsAsked) -> FollowUpsLooked:
    """What would become of them; nothing is written but who looked."""
    return FollowUpsLooked(
        promises=[
            FollowUpLooked(
                record=one.record,
                owner=one.owner,
                problem="" if one.problem is None else one.problem.code,
            )
            for one in session.promises.look(_promise(given))
        ]
    )


@router.post("/followups/close", tags=["follow-ups"])
def close_followups(session: Doing, given: FollowUpsClosed) -> WrittenAll:
    """Close what is still open of some follow-ups, in one act."""
    saved = session.promises.close(given.records, reason=given.reason)
    return WrittenAll(saved=[written(one) for one in saved])


@router.post("/followups/{id}/done", tags=["follow-ups"])
def finish_followup(session: Doing, id: Id, given: FollowUpDone) -> WrittenAll:
    """Say that something was done: its state, the talk with the customer, when to go on."""
    saved = session.follow_ups.done(
        str(id), note=given.note, channel=given.channel, next=given.next or "", reason=given.reason
    )
    return WrittenAll(saved=[written(one) for one in saved])


@router.post("/followups/{id}/snooze", tags=["follow-ups"])
def snooze_followup(session: Doing, id: Id, given: FollowUpLater) -> Written:
    """Put something off."""
    return written(session.follow_ups.snooze(str(id), given.until, reason=given.reason))


# Letters


class LetterShown(Shown):
    """A letter that may be sent."""

    key: str
    label: Label
    help: Label
    purpose: str
    type: str
    fields: list[str]
    filters: list[str]
    survey: bool


class Letters(Shown):
    """The letters, by key."""

    letters: list[LetterShown]


class LetterSelection(Strict):
    """Who else is left out: those of a view, those who meet conditions such as status=open."""

    view: Annotated[str, StringConstraints(max_length=100)] | None = None
    where: list[Annotated[str, StringConstraints(max_length=400)]] = Field(default=[], max_length=50)


class PreviewRequest(LetterSelection):
    """Who would get a letter."""

    name: Word = Field(default="", description="leave out who has this mailing's letter")


class SendRequest(LetterSelection):
    """What a mailing is called; the same name goes on with the same mailing."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None
    reason: Text | None = None


class LeftOut(Shown):
    """Who gets no letter, and the code of why not."""

    record: str
    why: str


class Sample(Shown):
    """The first letter, filled in."""

    subject: str
    text: str
    html: str | None = None


class PreviewShown(Shown):
    """Who would get a letter and who would not; nothing was sent."""

    going: list[str]
    left_out: list[LeftOut]
    sample: Sample | None = None


class SentShown(Shown):
    """What a run of a mailing did."""

    id: str
    name: str
    sent: int
    failed: int
    unclear: int
    left_out: dict[str, int]
    state: str


class MailingShown(Shown):
    """A mailing, with how many messages are in which state."""

    id: str
    name: str
    letter: str
    type: str
    purpose: str
    way: str
    state: str
    started_by: str
    time: Moment
    messages: dict[str, int]


class Mailings(Paged):
    """The mailings, newest first."""

    mailings: list[MailingShown]


@router.get("/letters", tags=["mail"])
def list_letters(session: Mailing) -> Letters:
    """The letters that may be sent."""
    session.require("mail.read")
    return Letters(
        letters=[
            LetterShown(
                key=one.key,
                label={"en": one.label.en, "zh": one.label.zh},
                help={"en": one.help.en, "zh": one.help.zh},
                purpose=one.purpose,
                type=one.type,
                fields=list(one.fields),
                filters=[condition.text for condition in one.filters],
                survey=bool(one.survey),
            )
            for one in session.mail.letters()
        ]
    )


@router.get("/mailings", tags=["mail"])
def list_mailings(session: Mailing, limit: Limit = 100, after: After = None) -> Mailings:
    """The mailings, newest first, with what became of their messages."""
    found = session.mail.list(limit=limit, after=after)
    names = ("id", "name", "letter", "type", "purpose", "way", "state", "started_by")
    return Mailings(
        mailings=[
            MailingShown.model_validate(
                {
                    **{name: getattr(one, name) for name in names},
                    "time": one.recorded_us,
                    "messages": dict(counts),
                }
            )
            for one, counts in found
        ],
        after=found.after,
    )


@router.post("/letters/{letter}/preview", tags=["mail"])
def preview_letter(session: Previewing, letter: LetterKey, given: PreviewRequest) -> PreviewShown:
    """Who would get a letter and who would not and why, with the first one filled in; nothing is sent."""
    chosen = session.mail.letter(letter)
    found = session.mail.preview(chosen, _selection(chosen, given), name=given.name)
    return PreviewShown(
        going=list(found.going),
        left_out=[LeftOut(record=record, why=why) for record, why in sorted(found.left_out.items())],
        sample=None if found.sample is None else Sample.model_validate(found.sample),
    )


@router.post("/letters/{letter}/send", tags=["mail"])
def send_letter(session: Sending, letter: LetterKey, given: SendRequest) -> SentShown:
    """Send a letter to everybody who may get it; consent and restriction are asked once more for each."""
    chosen = session.mail.letter(letter)
    done = session.mail.send(
        chosen, _selection(chosen, given), name=given.name, limit=given.limit, reason=given.reason
    )
    return SentShown(
        id=done.mailing,
        name=done.name,
        sent=done.sent,
        failed=done.failed,
        unclear=done.unclear,
        left_out=dict(done.left_out),
        state=done.state,
    )


def _selection(letter: Letter, given: LetterSelection) -> Selection:
    filters = tuple(parse_condition(text, where=letter.type) for text in given.where)
    return Selection(filters, given.view or "")


class LeaveRequest(Strict):
    """The end of the link to leave that stood in a letter."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=400)]


class LeaveDone(Shown):
    """What came of leaving."""

    letter: str
    purpose: str
    withdrawn: bool = Field(description="whether a consent was taken back by it")
    again: bool = Field(description="whether it had been done already")


@router.post("/letters/leave", tags=["mail"])
def leave_letters(session: Consenting, given: LeaveRequest) -> LeaveDone:
    """Do what the link of a letter does, for whoever answered by mail: no more letters of that purpose."""
    session.require("consent.change")
    acting = session.acting
    return LeaveDone.model_validate(leave(session.engine, given.token, program="api", address=acting.address))


# What came in


class IncomingProposal(Shown):
    """What is proposed to be written."""

    type: str
    values: dict[str, str]
    persons: list[str]
    person: dict[str, str]
    shown: dict[str, Any]


class IncomingShown(Shown):
    """What came in by mail or on paper."""

    id: str
    version: int
    subject: str
    state: str
    source: str
    received_at: Moment
    made: str
    has_original: bool
    proposal: IncomingProposal


class Incoming(Paged):
    """What came in, oldest first."""

    incoming: list[IncomingShown]


class IncomingMessage(Strict):
    """A message as it came."""

    file: Upload


class IncomingTaken(Shown):
    """What became of messages."""

    new: int
    known: int
    refused: list[str] = Field(description="codes")


class IncomingAccept(Strict):
    """Of whom it is, and what differs from what is proposed."""

    person: UuidText | None = None
    new: bool = False
    fields: Values = Field(default={})
    person_fields: Values = Field(default={})
    reason: Text | None = None


@router.get("/inbox", tags=["inbox"])
def list_inbox(session: Inbox, everything: bool = False, limit: Limit = 100, after: After = None) -> Incoming:
    """What waits for a person, oldest first; or all that is still here."""
    found = session.inbox.listed(everything=everything, limit=limit, after=after)
    return Incoming(incoming=[_item(one) for one in found], after=found.after)


def _item(one: Item) -> IncomingShown:
    return IncomingShown.model_validate(one)


@router.post("/inbox", tags=["inbox"], status_code=201)
def take_message(session: Taking, given: IncomingMessage) -> IncomingTaken:
    """Take a message, or a mailbox of them; what is here already is left alone."""
    with uploaded(given.file) as path:
        done = session.inbox.add(path or FilePath())
    return IncomingTaken(new=done.new, known=done.known, refused=[code for _, code in done.refused])


@router.post("/inbox/fetch", tags=["inbox"])
def fetch_messages(session: Taking) -> IncomingTaken:
    """Fetch what waits in the mailbox that the configuration names; nothing there is removed."""
    done = session.inbox.fetch()
    return IncomingTaken(new=done.new, known=done.known, refused=[code for _, code in done.refused])


@router.get("/inbox/{id}", tags=["inbox"])
def get_incoming(session: Inbox, id: Id, response: Response) -> IncomingShown:
    """One of them, with what is proposed."""
    found = session.inbox.get(str(id))
    put_version(response, found.version)
    return _item(found)


@router.get(
    "/inbox/{id}/original",
    tags=["inbox"],
    response_class=Response,
    responses=file_answers("application/octet-stream", "The original as it came."),
)
def get_original(session: Inbox, id: Id) -> Response:
    """The original; its entry is in the log before it is opened."""
    return handed(
        lambda target: session.inbox.original(str(id), target), "original", "application/octet-stream"
    )


@router.post("/inbox/{id}/accept", tags=["inbox"])
def accept_incoming(session: Deciding, id: Id, given: IncomingAccept, if_match: IfMatch = None) -> Written:
    """Write what is proposed, as one change set in one's own name."""
    _seen(session, str(id), if_match)
    saved = session.inbox.accept(
        str(id),
        person=given.person,
        new=given.new,
        values=given.fields,
        person_values=given.person_fields,
        reason=given.reason,
    )
    return written(saved)


@router.post("/inbox/{id}/refuse", tags=["inbox"])
def refuse_incoming(session: Deciding, id: Id, given: Why, if_match: IfMatch = None) -> Written:
    """Say that nothing comes of it."""
    _seen(session, str(id), if_match)
    return written(session.inbox.refuse(str(id), reason=given.reason))


def _seen(session: Session, id: str, if_match: str | None) -> None:
    if if_match is not None:
        require_seen(if_match, session.inbox.get(id).version)
