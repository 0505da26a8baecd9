"""What people do with the links of their letters: take consent back, or answer a survey.

Nobody signs in for it: the link says whose letter it was, and opens nothing else. The framework
itself writes what follows, and the entry says through which letter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import attrs

from muniment.errors import Invalid, Issue, NotFound
from muniment.model import id_bytes, id_text, instant
from muniment.policy import SYSTEM
from muniment.schema import RecordType
from muniment.session.ground import Ground
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.outreach.messages import Message, by_link
from muniment.session.rights.consented import consents_of
from muniment.session.rights.consents import Consents
from muniment.session.rights.opt_outs import opting_out
from muniment.session.writing.writes import Change, write
from muniment.store import Transaction

__all__ = ["Answer", "Left", "answer", "leave", "look"]

_FEEDBACK: Final = "feedback"
_LONGEST: Final = 4_000


@attrs.frozen
class Left:
    """What came of leaving.

    Attributes:
        letter: key of the letter whose link was used.
        purpose: of which no letters come any more.
        withdrawn: whether a consent was taken back by it.
        again: whether it had been done already.
    """

    letter: str
    purpose: str
    withdrawn: bool
    again: bool = False


@attrs.frozen
class Answer:
    """What somebody answered.

    Attributes:
        score: 1 very dissatisfied to 5 very satisfied.
        recommend: 0 not at all to 10 certainly; None where it was left open.
        comment: in their own words.
    """

    score: int
    recommend: int | None = None
    comment: str = ""


def _acting(purpose: str, program: str, address: str | None) -> Acting:
    return Acting(SYSTEM, purpose, program, address or None)


def look(
    engine: Engine, field: str, token: str, *, program: str = "web", address: str | None = None
) -> Message:
    """The letter that a link came with, if it still leads somewhere; tells nothing of the person.

    Args:
        engine: the opened archive.
        field: ``leave`` or ``ask``.
        token: as it stood in the letter.
        program: through what.
        address: where the request came from.

    Raises:
        NotFound: ``mail.link`` for a link that is none, has expired or was used; logged.
    """
    found = _found(engine, field, token)
    if found is None:
        error = NotFound("mail.link")
        engine.refused(_acting("RightsFulfillment", program, address), f"mail.{field}", error)
        raise error
    return found


def leads(engine: Engine, field: str, token: str) -> bool:
    """Whether a link leads somewhere; nothing is told or written down.

    Args:
        engine: the opened archive.
        field: ``leave`` or ``ask``.
        token: as it stood in the letter.
    """
    return _found(engine, field, token) is not None


def _found(engine: Engine, field: str, token: str) -> Message | None:
    engine.refresh()
    try:
        with engine.store.transaction(write=False) as tx:
            found = by_link(engine, tx, field, token)
    except NotFound:
        return None
    # Leaving is possible for ever; what a letter asks is not.
    now = instant(engine.clock())
    used = found.text("state") in ("answered", "unsubscribed") or found.has_expired(now)
    return None if field == "ask" and used else found


def leave(engine: Engine, token: str, *, program: str = "web", address: str | None = None) -> Left:
    """Take the consent back that a letter rested on; no letters of that purpose come any more.

    Doing it again does nothing.

    Args:
        engine: the opened archive.
        token: as it stood in the letter.
        program: through what.
        address: where the request came from.

    Raises:
        NotFound: ``mail.link``; logged.
    """
    message = look(engine, "leave", token, program=program, address=address)
    purpose = message.text("purpose")
    acting = _acting(purpose, program, address)
    if message.text("state") == "unsubscribed":
        return Left(message.text("letter"), purpose, False, True)
    now = engine.clock()
    with engine.store.transaction(write=False) as tx:
        holding = [
            one
            for one in consents_of(engine, tx, {id_bytes(message.subject)})
            if one.purpose == purpose and one.state_at(now) == "given"
        ]
    _leave(engine, acting, message)
    if holding:
        Consents(Ground(engine, acting)).withdraw(message.text("to_record"), purpose)
    return Left(message.text("letter"), purpose, bool(holding))


def _leave(engine: Engine, acting: Acting, message: Message) -> None:
    """Mark the letter, and write down that its address left, whoever else holds it."""

    def changes(tx: Transaction, moment: Moment) -> list[Change]:
        marked = _marked(message, "unsubscribed", "mail.unsubscribe")
        # A letter of before addresses were kept has none.
        tokens = [one for one in [message.text("address")] if one]
        purpose = message.text("purpose")
        return [marked, *opting_out(engine, tx, tokens, purpose, moment.time_us, "link")]

    write(engine, acting, changes, members={"letter": message.text("letter")})


def _marked(message: Message, state: str, kind: str) -> Change:
    return Change(
        "update",
        record=id_bytes(message.id),
        values={"state": state},
        # Of two that use one link at once the second finds it used.
        expected_version=message.version,
        inside=True,
        kind=kind,
    )


def answer(
    engine: Engine, token: str, given: Answer, *, program: str = "web", address: str | None = None
) -> str:
    """Make a feedback record out of an answer; the link is used up by it, in the same transaction.

    Args:
        engine: the opened archive.
        token: as it stood in the letter.
        given: what was answered.
        program: through what.
        address: where the request came from.

    Returns:
        UUID text of the record.

    Raises:
        NotFound: ``mail.link``, also for a link that was used; logged.
        Invalid: ``mail.score`` or ``mail.comment``.
    """
    message = look(engine, "ask", token, program=program, address=address)
    issues = []
    if not 1 <= given.score <= 5 or not 0 <= (given.recommend or 0) <= 10:
        issues.append(Issue("mail.score", "satisfaction_score"))
    if len(given.comment) > _LONGEST:
        issues.append(Issue("mail.comment", "comment", parameters={"maximum": _LONGEST}))
    if issues:
        raise Invalid(issues, where=_FEEDBACK)
    kept = engine.record_type(_FEEDBACK)
    acting = _acting(message.text("purpose"), program, address)
    values = _values(engine, kept, message, given)
    record = engine.new_id()

    def changes(tx: Transaction, moment: Moment) -> list[Change]:
        # Looked up again: it may have been used since.
        current = by_link(engine, tx, "ask", token)
        if current.version != message.version:
            raise NotFound("mail.link")
        return [
            Change("create", _FEEDBACK, values=values, inside=True),
            _marked(message, "answered", "mail.answer"),
        ]

    write(engine, acting, changes, new_ids=[record], members={"letter": message.text("letter")})
    return id_text(record)


def _values(engine: Engine, kept: RecordType, message: Message, given: Answer) -> dict[str, object]:
    moment = datetime.fromtimestamp(engine.clock() // 1_000_000, UTC)
    values: dict[str, object] = {
        "customer": message.text("to_record"),
        "received_at": moment.isoformat(timespec="seconds"),
        "survey_name": message.text("letter"),
        "satisfaction_score": str(given.score),
        "recommend_score": None if given.recommend is None else str(given.recommend),
        "comment": given.comment.strip() or None,
        # Whoever is unhappy waits for an answer.
        "action_state": "open" if given.score <= 2 else "none",
    }
    return {key: value for key, value in values.items() if key in kept.by_key and value is not None}
