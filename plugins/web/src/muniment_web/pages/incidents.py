"""Incidents: written down step by step, with the clocks of laws, whom they affect, and drafts of notices."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, UsageError
from muniment.incidents import LAWS, Due, notice_html
from muniment.log.kinds import KINDS
from muniment.model import parse_time, rfc3339
from muniment.session.oversight.affected import Scope
from muniment.session.oversight.incident_values import NATURES, RISKS, SEVERITIES, TOLD, Incident
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, day_of, form_page, sent_file, time_us_of

__all__ = ["clocks_of", "routes"]

_STEPS: Final = (*TOLD, "contain", "note", "contacted", "evidence")
_COLOURS: Final = {
    "late": "red",
    "at_once": "red",
    "running": "amber",
    "met": "green",
    "met_late": "amber",
}
_DAY_US: Final = 86_400_000_000


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/incidents", show),
        page("/incidents", begin, methods=("POST",)),
        page("/incidents/{id:uuid}", one),
        page("/incidents/{id:uuid}", act, methods=("POST",), files=True),
        page("/incidents/{id:uuid}/notice", notice, methods=("POST",)),
    ]


def clocks_of(call: Call, clocks: list[Due]) -> list[dict[str, Any]]:
    """The clocks of an incident, with how they stand and how long is left."""
    now = call.web.engine.clock()
    rows = []
    for one in clocks:
        state = one.state(now)
        left = None if one.due_us is None else one.due_us - now
        rows.append(
            {
                "name": one.name,
                "law": LAWS[one.law].label[call.lang] if one.law in LAWS else one.law,
                "to": one.to.get(call.lang, ""),
                "state": state,
                "colour": _COLOURS.get(state, "grey"),
                "said": call.core(f"incident.clock_{state}"),
                "due": "" if one.due_us is None else call.time(one.due_us),
                "hours": None if left is None or state not in ("running",) else left // 3_600_000_000,
                "source": one.source,
                "recipient": one.recipient,
                "open": state in ("running", "at_once", "late", "waiting"),
            }
        )
    return rows


def _row(call: Call, one: Incident) -> dict[str, Any]:
    values = one.values
    severity = str(values.get("severity") or "")
    known = one.time("known")
    clocks = clocks_of(call, one.clocks)
    return {
        "id": one.id,
        "title": one.title,
        "drill": one.drill,
        "open": one.state == "open",
        "state": call.core(f"incident.state_{one.state}"),
        "nature": call.core(f"incident.nature_{values.get('nature', '')}"),
        "severity": call.core(f"incident.severity_{severity}") if severity else "",
        "grave": severity in ("high", "critical"),
        "risk": call.core(f"incident.risk_{one.risk}"),
        "known": "" if known is None else call.time(known),
        "affected": one.affected,
        "next": next((clock for clock in clocks if clock["open"]), None),
        "clocks": clocks,
    }


def show(call: Call, problem: MunimentError | None = None) -> Response:
    """The incidents, and the form that writes one down."""
    everything = call.query("state") == "all"
    found = call.plain.incidents.listed(closed=everything, **call.piece)
    return form_page(
        call,
        "incidents.html",
        problem,
        rows=[_row(call, one) for one in found],
        everything=everything,
        more=call.more(found),
        natures=[(one, call.core(f"incident.nature_{one}")) for one in NATURES],
        laws=[(key, law.label[call.lang]) for key, law in LAWS.items()],
        may=call.session.may("incident.change"),
        notes=call.taken_notes(),
    )


def _moment(call: Call, name: str) -> str | None:
    """A time that a form gives: a day in the archive's zone, or RFC 3339."""
    text = call.text(name).strip()
    if not text:
        return None
    if len(text) == 10:
        start = time_us_of(call, text)
        assert start is not None  # it is no empty text
        return rfc3339(start)
    return rfc3339(parse_time(text))


def begin(call: Call) -> Response:
    """Write it down; from then on the clocks run."""
    try:
        made = call.plain.incidents.open(
            call.text("title").strip(),
            nature=call.text("nature") or "disclosed",
            known=_moment(call, "known"),
            happened=_moment(call, "happened"),
            laws=call.texts("law"),
            drill=call.text("drill") == "1",
            reason=call.text("note").strip() or None,
        )
    except MunimentError as error:
        return show(call, caught(error))
    return call.go(f"/incidents/{made.id}", note=call.say("incidents.begun"))


def one(call: Call, problem: MunimentError | None = None) -> Response:
    """One incident: its clocks, whom it affects, what was done, and what may be done."""
    found = call.plain.incidents.get(str(call.path["id"]))
    types = call.web.engine.definitions.types
    figures = found.affected
    shown: dict[str, Any] = {}
    if figures is not None:
        shown = {
            "subjects": figures["subjects"],
            "records": figures["records"],
            "acts": figures["acts"],
            "index": f"{figures['generation']}:{figures['index']}".removeprefix("0:"),
            "unread": figures["unread"],
            "kinds": [
                ((KINDS[kind].zh if call.lang == "zh" else KINDS[kind].en) if kind in KINDS else kind, count)
                for kind, count in figures["kinds"].items()
            ],
            "classes": figures["classes"],
            "types": [
                (types[key].label.of(call.lang) or key if key in types else key, held)
                for key, held in figures["types"].items()
            ],
            "recipients": figures["recipients"],
        }
    row = _row(call, found)
    running = [one for one in row["clocks"] if one["open"]]
    return form_page(
        call,
        "incident.html",
        problem,
        row=row,
        running=[(one["name"], f"{one['law']} · {one['to']}") for one in running],
        found=found,
        figures=shown,
        told=[(name, str(found.values.get(name) or "")) for name in TOLD if found.values.get(name)],
        steps=[
            {
                **step,
                "time": call.time(parse_time(step["at"])),
                "said": call.core(f"incident.step_{step['what']}"),
            }
            for step in reversed(found.steps)
        ],
        kinds_of_step=[(one, call.core(f"incident.step_{one}")) for one in _STEPS],
        severities=[(one, call.core(f"incident.severity_{one}")) for one in SEVERITIES],
        risks=[(one, call.core(f"incident.risk_{one}")) for one in RISKS],
        laws=[(key, law.label[call.lang]) for key, law in LAWS.items()],
        users=sorted(call.web.engine.definitions.users),
        types=[one for one in call.session.types()],
        may=call.session.may("incident.change") and found.state == "open",
        notes=call.taken_notes(),
    )


def act(call: Call) -> Response:
    """Take it a step further."""
    incidents, identifier = call.plain.incidents, str(call.path["id"])
    try:
        with sent_file(call, "evidence") as sent:
            what = call.text("do")
            if what == "assess":
                incidents.assess(
                    identifier,
                    severity=call.text("severity") or None,
                    risk=call.text("risk") or None,
                    laws=call.texts("law"),
                    text=call.text("text").strip(),
                )
            elif what == "find":
                incidents.find(identifier, _scope(call))
            elif what == "check":
                same = incidents.check(identifier)
                return call.go(
                    f"/incidents/{identifier}",
                    note=call.core("incident.same") if same else call.core("incident.differs"),
                )
            elif what == "told":
                incidents.told(
                    identifier,
                    call.text("clock"),
                    at=_moment(call, "at"),
                    recipient=call.text("recipient").strip(),
                    text=call.text("text").strip(),
                )
            elif what == "close":
                incidents.close(
                    identifier, text=call.text("text").strip(), despite_clocks=call.text("despite") == "1"
                )
            else:
                incidents.add(
                    identifier,
                    call.text("what"),
                    call.text("text").strip(),
                    evidence=sent,
                )
    except MunimentError as error:
        return one(call, caught(error))
    return call.go(f"/incidents/{identifier}", note=call.say("common.saved"))


def _scope(call: Call) -> Scope:
    day_of(call.text("since"))
    return Scope(
        actors=tuple(one for one in call.text("actors").replace(",", " ").split() if one),
        types=tuple(call.texts("type")),
        acts=call.text("acts") if call.text("acts") in ("read", "write", "both") else "read",
        since_us=time_us_of(call, call.text("since")),
        until_us=time_us_of(call, call.text("until"), end=True),
        everything=call.text("everything") == "1",
    )


def notice(call: Call) -> Response:
    """The draft of a notice, its gaps marked, as a file to go on writing in; that it was made is logged."""
    identifier = str(call.path["id"])
    audience = call.text("audience")
    if audience not in ("authority", "persons"):
        raise UsageError("incident.audience", name=audience, known="authority, persons")
    made = call.plain.incidents.notice(identifier, audience, lang=call.lang)
    name = f"notice-{audience}-{identifier[-6:]}.html"
    return HTMLResponse(notice_html(made), headers={"Content-Disposition": f'attachment; filename="{name}"'})
