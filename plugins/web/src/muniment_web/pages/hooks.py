"""Webhooks and the suggestion box: what goes out to other systems, and what people would like."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import form_page

__all__ = ["routes"]

_TYPED = ("name", "url", "kinds", "note")
_EVENTS = 20
"""So many events of each webhook are shown that wait, and of those that were given up the last ones."""


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/webhooks", show),
        page("/webhooks", add, methods=("POST",)),
        page("/webhooks/{id:uuid}", change, methods=("POST",)),
        page("/suggestions", suggestions),
        page("/suggestions", suggest, methods=("POST",)),
        page("/suggestions/{id:uuid}", close, methods=("POST",)),
    ]


def show(call: Call) -> Response:
    """Whom the archive tells, what waits, and what was given up."""
    return _page(call)


def _page(
    call: Call,
    *,
    secret: str = "",
    problem: MunimentError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    session = call.session
    found = session.webhooks.all(**call.piece)
    rows: list[dict[str, Any]] = [
        {
            "one": one,
            "events": [
                (event, call.time(event.next_us) if waits else "")
                for events, waits in ((one.waiting[:_EVENTS], True), (one.dead[-_EVENTS:], False))
                for event in events
            ],
            "further": max(len(one.waiting) - _EVENTS, 0) + max(len(one.dead) - _EVENTS, 0),
        }
        for one in found
    ]
    return form_page(
        call,
        "webhooks.html",
        problem,
        rows=rows,
        more=call.more(found),
        secret=secret,
        typed=typed or dict.fromkeys(_TYPED, ""),
        types=[one for one in session.types() if not one.built_in and not one.retired],
        may_change=session.may("config.change"),
        may_log=session.may("log.read"),
        notes=call.taken_notes(),
    )


def add(call: Call) -> Response:
    """Add one; its secret is shown on the page that answers, and never again."""
    typed = {name: call.text(name) for name in _TYPED}
    try:
        _, secret = call.session.webhooks.add(
            typed["name"],
            typed["url"].strip(),
            typed["kinds"].split(),
            types=call.texts("types"),
            reason=typed["note"] or None,
        )
    except MunimentError as error:
        if error.code.startswith("access."):
            raise
        return _page(call, problem=error, typed=typed)
    return _page(call, secret=secret)


def change(call: Call) -> Response:
    """Pause, resume, rotate, retry or remove one."""
    hooks, identifier, act = call.session.webhooks, str(call.path["id"]), call.text("do")
    if act == "rotate":
        return _page(call, secret=hooks.rotate(identifier))
    if act == "retry":
        hooks.retry(identifier)
    elif act == "pause":
        hooks.pause(identifier)
    elif act == "resume":
        hooks.resume(identifier)
    elif act == "remove":
        hooks.remove(identifier)
    return call.go("/webhooks")


def suggestions(call: Call) -> Response:
    """What people suggested."""
    found = call.plain.suggestions.all(**call.piece)
    return call.page(
        "suggestions.html",
        rows=[(one, call.time(one.made_us)) for one in found],
        more=call.more(found),
        may_change=call.session.may("config.change"),
        notes=call.taken_notes(),
    )


def suggest(call: Call) -> Response:
    """Put something in the box."""
    call.session.suggestions.make(call.text("text"), page=call.text("page"))
    return call.go("/help", note=call.say("help.suggested"))


def close(call: Call) -> Response:
    """Put one away."""
    call.session.suggestions.close(str(call.path["id"]))
    return call.go("/suggestions")
