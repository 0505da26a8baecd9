"""Restriction of processing: a person's data is stored, and used for little else, until it is lifted."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.rights.restrictions import ALLOWED
from muniment_web._app import page
from muniment_web._told import ENDS_SIGN_IN, places_of, problem_of
from muniment_web._web import Call
from muniment_web.pages.table import type_of

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    base = "/t/{type}/{id:uuid}/restriction"
    return [
        page("/restrictions", show),
        page(base, of_person),
        page(base, place, methods=("POST",)),
        page("/restrictions/{id:uuid}/lift", lift, methods=("POST",)),
    ]


def show(call: Call) -> Response:
    """The restrictions that hold."""
    found = call.session.restrictions.list()
    places = places_of(call, [one.subject for one in found])
    return call.page(
        "restrictions.html",
        rows=[
            {
                "subject": one.subject,
                "place": places[one.subject],
                "state": one.state,
                "basis": one.basis,
                "time": call.time(one.changed_us),
            }
            for one in found
        ],
        may=call.session.may("subject.restrict"),
        notes=call.taken_notes(),
    )


def of_person(call: Call, problem: MunimentError | None = None) -> Response:
    """The form that restricts what may be done with a person's data."""
    record_type = type_of(call)
    call.session.require("subject.restrict")
    record = call.session.get(str(call.path["id"]), fields=())
    return call.page(
        "restrict.html",
        status=422 if problem else 200,
        type=record_type,
        id=record.id,
        states=list(ALLOWED),
        allowed={state: sorted(purposes) for state, purposes in ALLOWED.items()},
        problem=problem_of(call, problem),
    )


def place(call: Call) -> Response:
    """Restrict it."""
    type_of(call)
    record = call.session.get(str(call.path["id"]), fields=())
    try:
        call.session.restrictions.place(
            record.subject,
            state=call.text("state"),
            basis=call.text("basis").strip(),
            reason=call.text("reason").strip() or None,
        )
    except MunimentError as error:
        if error.code in ENDS_SIGN_IN:
            raise
        return of_person(call, error)
    return call.go("/restrictions", note=call.say("restrict.placed"))


def lift(call: Call) -> Response:
    """End it; whoever asked for it is told before."""
    call.session.restrictions.lift(str(call.path["id"]), reason=call.text("note").strip())
    return call.go("/restrictions", note=call.say("restrict.lifted"))
