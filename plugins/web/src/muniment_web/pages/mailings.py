"""Letters to customers: a template over a view, who would get it and who not and why, and what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, UsageError
from muniment.outreach.letters import Letter
from muniment.schema import Condition, parse_condition
from muniment.schema.builtin import MESSAGE
from muniment.session.outreach.mailing import Sent
from muniment.session.outreach.recipients import Selection
from muniment.session.reading.pieces import Piece
from muniment_web.frame.call import Call
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, named_places, problem_of, purpose_of

__all__ = ["routes"]

_SHOWN: Final = 100
_ASKED: Final = ("name", "view", "field", "op", "value")
_OPS: Final = ("=", "!=", ">=", "<=")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/mailings", show),
        page("/mailings/standing", standing),
        page("/mailings/letters/{key}", letter),
        page("/mailings/letters/{key}", act, methods=("POST",)),
    ]


def show(call: Call) -> Response:
    """The letters there are, and what was sent."""
    call.session.require("mail.read" if not call.session.may("mail.send") else "mail.send")
    mail = call.plain.mail
    states = {choice.key: choice.label.of(call.lang) for choice in MESSAGE.by_key["state"].choices}
    past = mail.list(**call.piece) if call.session.may("mail.read") else Piece()
    letters = {one.key: one for one in mail.letters()}
    return call.page(
        "mailings.html",
        letters=[_letter(call, one) for one in letters.values() if _has_type(call, one)],
        past=[
            {
                "one": one,
                "letter": letters[one.letter].label.of(call.lang) if one.letter in letters else one.letter,
                "known": one.letter in letters,
                "purpose": purpose_of(call, one.purpose),
                "time": call.time(one.recorded_us),
                "counts": [(states[key], count, _COLOURS.get(key, "grey")) for key, count in counts.items()],
            }
            for one, counts in past
        ],
        more=call.more(past),
        may=call.session.may("mail.send"),
        ready=bool(mail.settings.sender),
        standing=call.web.sending.standing,
        told=_told(call, found) if (found := call.web.sending.standing.result) else "",
        stopped=problem_of(call, call.web.sending.standing.problem),
        notes=call.taken_notes(),
    )


_COLOURS: Final = {"sent": "green", "failed": "red", "sending": "amber", "unsubscribed": "amber"}


def standing(call: Call) -> Response:
    """How far the mailing is that goes on."""
    call.session.require("mail.send")
    found = call.web.sending.standing
    return call.page(
        "_sending.html",
        standing=found,
        told=_told(call, found.result) if found.result else "",
        stopped=problem_of(call, found.problem),
    )


def _has_type(call: Call, one: Letter) -> bool:
    found = call.web.engine.definitions.types.get(one.type)
    return found is not None and not found.retired


def _letter(call: Call, one: Letter) -> dict[str, Any]:
    return {
        "key": one.key,
        "label": one.label.of(call.lang) or one.key,
        "help": one.help.of(call.lang),
        "purpose": purpose_of(call, one.purpose),
        "type": one.type,
        "type_label": call.web.engine.definitions.types[one.type].label.of(call.lang) or one.type,
        "filters": [condition.text for condition in one.filters],
        "on": one.on,
        "survey": one.survey,
    }


def letter(
    call: Call, problem: MunimentError | None = None, seen: Mapping[str, Any] | None = None
) -> Response:
    """One letter: whom it is for, and the form that asks who would get it."""
    call.session.require("mail.send")
    mail = call.plain.mail
    chosen = mail.letter(str(call.path["key"]))
    record_type = call.session.type(chosen.type)
    clear = call.session.view(record_type).clear
    return form_page(
        call,
        "mailing.html",
        problem,
        letter=_letter(call, chosen),
        subject=chosen.subject.of(call.lang),
        views=[
            (one.view.key, one.view.label.of(call.lang) or one.view.key)
            for one in call.session.views.list(chosen.type)
        ],
        fields=[
            (one.key, one.label.of(call.lang) or one.key)
            for one in record_type.fields
            if one.key in clear and not one.retired and one.kind != "file"
        ],
        asked={name: call.text(name) or call.query(name)[:100] for name in _ASKED},
        seen=seen,
        ready=bool(mail.settings.sender),
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def _selection(call: Call, chosen: Letter) -> Selection:
    """Whom the form leaves: who stands in a view, and meets a condition."""
    filters: list[Condition] = []
    field, value = call.text("field"), call.text("value").strip()
    if field:
        op = call.text("op")
        filters.append(parse_condition(f"{field}{op if op in _OPS else '='}{value}", where=chosen.type))
    view = call.text("view")
    if not view:
        return Selection(tuple(filters))
    one = call.session.views.get(chosen.type, view)
    return Selection((*one.view.filters, *filters), one.name)


def act(call: Call) -> Response:
    """Look who would get it, or send it to them."""
    mail = call.plain.mail
    try:
        chosen = mail.letter(str(call.path["key"]))
        selection = _selection(call, chosen)
        name = call.text("name").strip()
        if call.text("do") != "send":
            return letter(call, seen=_seen(call, chosen, selection, name))
        reason = reason_of(call)
        if not reason:
            raise UsageError("usage.no_reason")
        call.web.sending.check()
        # The first letter says at once what stands against all of them; the others go on by themselves.
        sent = mail.send(chosen, selection, name=name, reason=reason, limit=1)
        if sent.state == "open" and sent.sent:
            call.web.sending.start(
                name,
                sent.sent,
                lambda told: mail.send(chosen, selection, name=name, reason=reason, progress=told),
            )
            return call.go("/mailings", note=call.say("mailings.begun", name=name))
    except MunimentError as error:
        return letter(call, caught(error))
    return call.go("/mailings", note=_told(call, sent))


def _told(call: Call, sent: Sent) -> str:
    return call.core(
        "mail.sent",
        name=sent.name,
        sent=sent.sent,
        failed=sent.failed,
        unclear=sent.unclear,
        state=call.core(f"mail.state_{sent.state}"),
    )


def _why(call: Call, code: str) -> str:
    return call.core("mail.why_closed", code=code) if "." in code else call.core(f"mail.why_{code}")


def _seen(call: Call, chosen: Letter, selection: Selection, name: str) -> Mapping[str, Any]:
    found = call.plain.mail.preview(chosen, selection, name=name)
    going = list(found.going[:_SHOWN])
    out = dict(islice(found.left_out.items(), _SHOWN))
    places = named_places(call, [*going, *out])
    return {
        "going": len(found.going),
        "left_out": len(found.left_out),
        "reasons": [(_why(call, code), count) for code, count in found.reasons.items()],
        "to": [places[one] for one in going],
        "not_to": [(places[one], _why(call, code)) for one, code in out.items()],
        "sample": found.sample,
        "shown": _SHOWN,
    }
