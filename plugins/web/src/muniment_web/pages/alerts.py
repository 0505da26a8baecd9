"""Alerts: what is odd in the log, why it was raised, what became of it; and signing spans of the log off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.oversight.alert_values import Alert
from muniment.session.oversight.alerting import Alerts, settings_of
from muniment.session.reading.generations import Place, parse_place
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, places_of
from muniment_web.pages.log import ref_of, row_of

__all__ = ["routes"]

_STATES = ("open", "explained", "violation")
_COLOURS = {"low": "grey", "medium": "amber", "high": "red", "critical": "purple"}


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/alerts", show),
        page("/alerts/run", run, methods=("POST",)),
        page("/alerts/rules", rules),
        page("/alerts/sign-off", reviews),
        page("/alerts/sign-off", sign_off, methods=("POST",)),
        page("/alerts/{id:uuid}", one),
        page("/alerts/{id:uuid}", close, methods=("POST",)),
    ]


def _row(call: Call, alerts: Alerts, one: Alert) -> dict[str, Any]:
    said = one.document(alerts.rules, call.lang)
    return {**said, "colour": _COLOURS.get(one.severity, "grey"), "own": one.actor == call.signed.login}


def show(call: Call) -> Response:
    """The alerts of a state, the gravest first, and the newest of those."""
    state = call.query("state", "open")
    state = state if state in _STATES else "open"
    alerts = call.session.alerts
    found = alerts.list(states=(state,), gravest=True, **call.piece)
    return call.page(
        "alerts.html",
        rows=[_row(call, alerts, one) for one in found],
        more=call.more(found),
        state=state,
        states=_STATES,
        may_run=call.session.may("alert.run"),
        notes=call.taken_notes(),
    )


def run(call: Call) -> Response:
    """Look at what is new in the log."""
    found = call.session.alerts.run()
    call.web.waiting.forget()
    note = call.say("alerts.ran", entries=f"{found.entries:,}", count=len(found.raised))
    return call.go("/alerts", note=note)


def one(call: Call, problem: MunimentError | None = None) -> Response:
    """One alert: why it was raised, what shows it, what would explain it."""
    alerts = call.session.alerts
    found = alerts.get(str(call.path["id"]))
    entries = []
    if call.session.may("log.read"):
        entries = [
            row_of(call, call.session.entry(place.index, generation=place.generation))
            for place in found.entries[-20:]
        ]
    place = places_of(call, [found.subject])[found.subject] if found.subject else None
    return form_page(
        call,
        "alert.html",
        problem,
        row=_row(call, alerts, found),
        place=place,
        entries=entries,
        states=[state for state in _STATES if state != found.state],
        may=call.session.may("alert.review"),
        notes=call.taken_notes(),
    )


def close(call: Call) -> Response:
    """Say what became of it."""
    try:
        call.session.alerts.close(
            str(call.path["id"]), call.text("state"), reason=call.text("reason").strip()
        )
    except MunimentError as error:
        return one(call, caught(error))
    call.web.waiting.forget()
    return call.go("/alerts", note=call.say("common.saved"))


def rules(call: Call) -> Response:
    """Every rule with what it looks at, and how the configuration sets it."""
    session = call.session
    session.require("alert.read")
    session.note("alert.read", target={"rules": True})
    given = settings_of(call.web.engine)
    rows = []
    for key, rule in sorted(session.alerts.rules.items()):
        own = given.rules.get(key, {})
        rows.append(
            {
                "key": key,
                "label": rule.label[call.lang],
                "why": _stated(rule.why[call.lang], {**rule.parameters, **own}),
                "explained_by": rule.explained_by[call.lang],
                "severity": rule.severity,
                "colour": _COLOURS.get(rule.severity, "grey"),
                "off": own.get("off") is True,
                "parameters": [
                    (name, _written(own.get(name, value)), name in own)
                    for name, value in rule.parameters.items()
                ],
            }
        )
    return call.page("alert_rules.html", rows=rows, given=given)


def _written(value: object) -> str:
    """A setting as it is written into ``muniment.toml``."""
    import tomlkit

    return tomlkit.item(list(value) if isinstance(value, (tuple, set, frozenset)) else value).as_string()


def _stated(text: str, parameters: Mapping[str, object]) -> str:
    """What a rule says of an alert, before there is one: its settings as they are, dots for the rest."""

    def word(found: re.Match[str]) -> str:
        value = parameters.get(found[1])
        return "…" if value is None or isinstance(value, (list, tuple, dict)) else str(value)

    return re.sub(r"\{(\w+)\}", word, text)


def reviews(call: Call, problem: MunimentError | None = None) -> Response:
    """Which spans of the log were signed off, and by whom."""
    alerts = call.session.alerts
    found = alerts.reviews(newest=True, **call.piece)
    head = call.web.engine.store.head(0)
    end = Place(0, 0) if head is None else Place(head.gen, head.first_seq + head.n)
    # Where the next one begins, which on a later piece of the list stands no more.
    newest = alerts.reviews(newest=True, limit=1) if call.query("after") else found
    first = newest[0].last if newest else Place(0, 0)
    return form_page(
        call,
        "sign_off.html",
        problem,
        rows=[
            {
                "first": ref_of(one.first),
                "last": ref_of(Place(one.last.generation, one.last.index - 1)),
                "reviewer": one.reviewer,
                "time": call.time(one.time_us),
            }
            for one in found
        ],
        more=call.more(found),
        new=first < end,
        first=ref_of(first),
        last=ref_of(Place(end.generation, end.index - 1)),
        may=call.session.may("alert.review"),
        notes=call.taken_notes(),
    )


def sign_off(call: Call) -> Response:
    """Sign what came since the last time off."""
    until = call.text("until").strip()[:20]
    try:
        generation, index = parse_place(until) if until else (None, 0)
        first, last = call.session.alerts.review(
            until=Place(generation or 0, index + 1) if until else None,
            reason=call.text("reason").strip(),
        )
    except MunimentError as error:
        return reviews(call, caught(error))
    behind = ref_of(Place(last.generation, last.index - 1))
    return call.go("/alerts/sign-off", note=call.say("alerts.signed", first=ref_of(first), last=behind))
