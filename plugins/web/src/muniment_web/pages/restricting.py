"""Restriction of processing: a person's data is stored, and used for little else, until it is lifted."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.kernel.gates import PURPOSES_LEFT
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, places_of, purpose_of

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    base = "/t/{type}/{id:uuid}/restriction"
    return [
        page("/restrictions", show),
        page(base, of_person),
        page(base, place, methods=("POST",)),
        page("/restrictions/{id:uuid}/lift", lift, methods=("POST",)),
        page("/restrictions/records/{id:uuid}/lift", lift_record, methods=("POST",)),
    ]


def show(call: Call) -> Response:
    """The restrictions that hold."""
    found = call.session.restrictions.list(**call.piece)
    places = places_of(call, [one.target for one in found])
    return call.page(
        "restrictions.html",
        rows=[
            {
                "lift": f"/restrictions/{'records/' if one.record else ''}{one.target}/lift",
                "alone": bool(one.record),
                "erasure": bool(one.erasure),
                "by": one.placed_by,
                "place": places[one.target],
                "state": one.state,
                "basis": one.basis,
                "time": call.time(one.changed_us),
            }
            for one in found
        ],
        more=call.more(found),
        may=call.session.may("subject.restrict"),
        notes=call.taken_notes(),
    )


def of_person(call: Call, problem: MunimentError | None = None) -> Response:
    """The form that restricts what may be done with a person's data, or with one record."""
    record_type = type_of(call)
    call.session.require("subject.restrict")
    record = call.session.get(str(call.path["id"]), fields=())
    return form_page(
        call,
        "restrict.html",
        problem,
        type=record_type,
        id=record.id,
        whole=record.subject == record.id,
        states=[(state, call.say(f"restrict.state_{state}")) for state in PURPOSES_LEFT],
        allowed={
            state: sorted(purpose_of(call, one) for one in purposes)
            for state, purposes in PURPOSES_LEFT.items()
        },
    )


def place(call: Call) -> Response:
    """Restrict it."""
    type_of(call)
    record = call.session.get(str(call.path["id"]), fields=())
    restrictions = call.session.restrictions
    terms: dict[str, Any] = {
        "state": call.text("state"),
        "basis": call.text("basis").strip(),
        "reason": call.text("reason").strip() or None,
    }
    try:
        if call.text("what") == "record":
            restrictions.place_record(record.id, **terms)
        else:
            restrictions.place(record.subject, **terms)
    except MunimentError as error:
        return of_person(call, caught(error))
    return call.go("/restrictions", note=call.say("restrict.placed"))


def lift(call: Call) -> Response:
    """End it; whoever asked for it is told before."""
    call.session.restrictions.lift(str(call.path["id"]), reason=call.text("note").strip())
    return call.go("/restrictions", note=call.say("restrict.lifted"))


def lift_record(call: Call) -> Response:
    """End the restriction of one record."""
    call.session.restrictions.lift_record(str(call.path["id"]), reason=call.text("note").strip())
    return call.go("/restrictions", note=call.say("restrict.lifted"))
