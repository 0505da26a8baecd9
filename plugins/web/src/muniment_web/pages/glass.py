"""Emergency access: begun with a reason and a time, on for a while, ended, and reviewed by somebody else."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.oversight.emergency import Emergency
from muniment.session.reading.pieces import Piece
from muniment.store import LogFilter
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, places_of

__all__ = ["routes"]

_MINUTES = (15, 30, 60, 120, 240, 480)
_LOOKED = 200


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/break-glass", show),
        page("/break-glass", begin, methods=("POST",)),
        page("/break-glass/{id:uuid}/end", end, methods=("POST",)),
        page("/break-glass/{id:uuid}", one),
        page("/break-glass/{id:uuid}", review, methods=("POST",)),
    ]


def _row(call: Call, one: Emergency, places: dict[str, Any]) -> dict[str, Any]:
    now = call.web.engine.clock()
    state = "over" if one.state == "open" and now >= one.expires_us else one.state
    return {
        "id": one.id,
        "actor": one.actor,
        "place": places[one.record],
        "began": call.time(one.began_us),
        "expires": call.time(one.expires_us),
        "state": state,
        "reason": one.reason,
        "reviewer": one.reviewer,
        "finding": one.finding,
        "own": one.actor == call.signed.login,
    }


def show(call: Call, problem: MunimentError | None = None) -> Response:
    """Begin one; and for the reviewer, those that nobody has looked into."""
    session = call.session
    rules = call.web.engine.policy.break_glass
    reviewing = session.may("break_glass.review")
    done = call.query("state") == "reviewed"
    listed = session.emergencies.list(reviewed=done, **call.piece) if reviewing else Piece()
    places = places_of(call, [one.record for one in listed])
    return form_page(
        call,
        "glass.html",
        problem,
        rows=[_row(call, one, places) for one in listed],
        done=done,
        more=call.more(listed),
        may_begin=session.may("break_glass.begin"),
        may_review=reviewing,
        record=call.text("record") or call.query("record"),
        minutes=[
            (one, call.say("glass.minutes_of", count=one))
            for one in [one for one in _MINUTES if one <= rules.longest] or [rules.longest]
        ],
        usual=rules.minutes,
        notes=call.taken_notes(),
    )


def begin(call: Call) -> Response:
    """Break the glass: reason and time first, and everybody who reviews is told."""
    minutes = call.text("minutes")
    try:
        made = call.session.emergencies.begin(
            call.text("record").strip(),
            reason=call.text("reason").strip(),
            minutes=int(minutes) if minutes.isdecimal() and len(minutes) < 6 else None,
        )
    except MunimentError as error:
        return show(call, caught(error))
    call.web.engine.refresh()
    place = places_of(call, [made.record])[made.record]
    return call.go(place.path or "/break-glass", note=call.say("glass.begun"))


def end(call: Call) -> Response:
    """End one's own before its time."""
    call.session.emergencies.end(str(call.path["id"]))
    call.web.engine.refresh()
    return call.go("/break-glass", note=call.say("glass.ended"))


def one(call: Call, problem: MunimentError | None = None) -> Response:
    """One emergency access as its reviewer needs it: why, how long, and what was looked at."""
    from muniment_web.pages.log import row_of

    session = call.session
    found = session.emergencies.get(str(call.path["id"]))
    looked = []
    if session.may("log.read"):
        filters = LogFilter(
            actor=found.actor,
            since_us=found.began_us,
            until_us=found.expires_us,
            limit=_LOOKED,
            descending=False,
        )
        looked = [row_of(call, entry) for entry in session.entries(filters) if "break_glass" in entry.detail]
    return form_page(
        call,
        "glass_one.html",
        problem,
        row=_row(call, found, places_of(call, [found.record])),
        looked=looked,
        notes=call.taken_notes(),
    )


def review(call: Call) -> Response:
    """Say what it was."""
    try:
        call.session.emergencies.review(str(call.path["id"]), finding=call.text("finding").strip())
    except MunimentError as error:
        return one(call, caught(error))
    return call.go("/break-glass", note=call.say("glass.reviewed_now"))
