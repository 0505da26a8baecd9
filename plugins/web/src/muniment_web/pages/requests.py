"""Requests of persons: what is owed and by when, each step with its evidence, and what the person is told."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.model import FileRef
from muniment.schema.builtin import REQUEST
from muniment.session.rights.requests import STATES, Request
from muniment.subjects.clocks import LAWS, RIGHTS, clock_of
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import Place, caught, day_of, form_page, named_places, sent_file
from muniment_web.server.handed import handed

__all__ = ["routes"]

_CHANNELS = ("mail", "letter", "phone", "web", "person", "other")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    base = "/t/{type}/{id:uuid}"
    return [
        page("/requests", show),
        page("/requests/{id:uuid}", one),
        page("/requests/{id:uuid}", act, methods=("POST",), files=True),
        page("/requests/{id:uuid}/evidence", evidence),
        page(f"{base}/requests", of_person),
        page(f"{base}/requests", begin, methods=("POST",)),
        page(f"{base}/report", report),
        page(f"{base}/report.json", report_json),
        page(f"{base}/accesses.zip", accesses),
    ]


def rights_of(call: Call) -> dict[str, str]:
    """What a person may ask for, in the reader's language."""
    labels = {one.key: one.label.of(call.lang) for one in REQUEST.by_key["right"].choices}
    return {one: labels.get(one, one) for one in RIGHTS}


def row_of(call: Call, one: Request, place: Place, today: date) -> dict[str, Any]:
    """A request as a row, with how its clock stands."""
    values = one.values
    due = values.get("due")
    assert isinstance(due, date)
    left = (due - today).days
    percent = one.percent(today)
    colour = "grey"
    if one.is_open:
        colour = "red" if left < 0 else "amber" if percent >= 80 or left <= 3 else "green"
    return {
        "id": one.id,
        "place": place,
        "right": rights_of(call).get(str(values.get("right")), ""),
        "law": str(values.get("law", "")),
        "state": one.state,
        "open": one.is_open,
        "received": str(values.get("received", "")),
        "due": due.isoformat(),
        "left": left,
        "colour": colour,
        "percent": min(percent, 100),
        "handler": str(values.get("handler") or ""),
        "extended": bool(values.get("extended")),
        "decision": str(values.get("decision") or ""),
    }


def show(call: Call) -> Response:
    """What is owed, the one that is due first on top; or everything."""
    everything = call.query("state") == "all"
    requests = call.plain.requests
    found = requests.listed(everything=everything, **call.piece)
    places = named_places(call, [one.subject for one in found])
    today = call.web.engine.today()
    return call.page(
        "requests.html",
        rows=[row_of(call, one, places[one.subject], today) for one in found],
        everything=everything,
        more=call.more(found),
        notes=call.taken_notes(),
    )


def one(call: Call, problem: MunimentError | None = None) -> Response:
    """One request: its clock, what was done, what may follow."""
    requests = call.plain.requests
    found = requests.get(str(call.path["id"]))
    values, today = found.values, call.web.engine.today()
    place = named_places(call, [found.subject])[found.subject]
    clock = clock_of(str(values["law"]), str(values["right"]))
    may = call.session.may("request.change")
    following = [to for to in STATES.get(found.state, ()) if to != "extension_notified"] if may else []
    due = values.get("due")
    assert isinstance(due, date)
    kept = values.get("evidence")
    return form_page(
        call,
        "request.html",
        problem,
        row=row_of(call, found, place, today),
        found=found,
        checklist=found.checklist() if "steps" in values else [],
        steps=[
            {**step, "time": call.time(_us(step["at"])), "note": step.get("note", "")}
            for step in reversed(found.steps())
        ],
        following=[(to, call.say(f"requests.state_{to}")) for to in following],
        may_extend=(
            may
            and bool(clock.more_days or clock.more_months)
            and not values.get("extended")
            and today <= due
            and "extension_notified" in STATES.get(found.state, ())
        ),
        latest=str(values.get("latest") or ""),
        answer=str(values.get("answer") or ""),
        requester=str(values.get("requester") or ""),
        authority=str(values.get("authority") or ""),
        channel=str(values.get("channel") or ""),
        evidence=kept if isinstance(kept, FileRef) else None,
        may_report=call.session.may("subject.report") and bool(place.path),
        may_erase=call.session.may("subject.erase") and bool(place.path),
        notes=call.taken_notes(),
    )


def _us(text: str) -> int:
    from muniment.model import parse_time

    return parse_time(text)


def act(call: Call) -> Response:
    """Take it a step further, take the longer time, or end it."""
    identifier = str(call.path["id"])
    requests = call.plain.requests
    try:
        with sent_file(call, "evidence") as sent:
            if call.text("do") == "extend":
                requests.extend(identifier, note=call.text("note").strip())
            else:
                requests.step(
                    identifier,
                    call.text("to"),
                    note=call.text("note").strip(),
                    answer=call.text("answer").strip(),
                    evidence=sent,
                )
    except MunimentError as error:
        return one(call, caught(error))
    return call.go(f"/requests/{identifier}", note=call.say("common.saved"))


def evidence(call: Call) -> Response:
    """The file that shows what was done."""
    identifier = str(call.path["id"])
    return handed(
        lambda target: call.plain.read_file(identifier, "evidence", target),
        f"evidence-{identifier[-6:]}",
        "application/octet-stream",
    )


def of_person(call: Call, problem: MunimentError | None = None) -> Response:
    """What the person of a record asked for, and the form for the next thing that they ask."""
    record_type, identifier = type_of(call), str(call.path["id"])
    requests = call.plain.requests
    found = requests.listed(everything=True, of=identifier)
    today = call.web.engine.today()
    applied = call.web.archive.applied
    return form_page(
        call,
        "_requests.html" if call.partial else "request_new.html",
        problem,
        type=record_type,
        id=identifier,
        rows=[row_of(call, one, Place(one.subject), today) for one in found],
        rights=rights_of(call),
        laws=[(one, call.say(f"requests.law_{one}")) for one in LAWS],
        law=call.text("law") or applied.rights.law,
        channels=[(one, call.say(f"requests.channel_{one}")) for one in _CHANNELS],
        today=today.isoformat(),
        reasons=REASONS,
        may=call.session.may("request.change"),
    )


def begin(call: Call) -> Response:
    """Write down that the person asks for something; the clock of the law runs."""
    try:
        saved = call.plain.requests.open(
            str(call.path["id"]),
            call.text("right"),
            law=call.text("law") or None,
            received=day_of(call.text("received")),
            channel=call.text("channel") if call.text("channel") in _CHANNELS else "",
            requester=call.text("requester").strip(),
            authority=call.text("authority").strip(),
            reason=reason_of(call) or None,
        )
    except MunimentError as error:
        return of_person(call, caught(error))
    return call.go(f"/requests/{saved.id}", note=call.say("requests.begun"))


# What the person is told


def _document(call: Call) -> dict[str, Any]:
    from muniment.cli.subject_report import report_document

    type_of(call)
    return report_document(call.web.archive, call.plain.persons.report(str(call.path["id"])))


def report(call: Call) -> Response:
    """Everything that is known about the person, as a page to print that names nothing from elsewhere."""
    from muniment.cli.subject_report import report_labels
    from muniment.errors import text_of
    from muniment.subjects.page import report_page

    document = _document(call)
    labels = report_labels(call.web.archive, call.lang)
    html = report_page(document, lambda name: text_of(f"subject.{name}", call.lang)[0], labels, call.lang)
    name = f"report-{document['subject'][-6:]}.html"
    return HTMLResponse(html, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def report_json(call: Call) -> Response:
    """The same for programs."""
    document = _document(call)
    response = Response(
        json.dumps({"report": document}, ensure_ascii=False, indent=1), media_type="application/json"
    )
    name = f"report-{document['subject'][-6:]}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def accesses(call: Call) -> Response:
    """Who touched the person's data, with the log and what shows that nothing was left out, as a ZIP."""
    import tempfile
    import zipfile
    from pathlib import Path

    identifier = str(call.path["id"])
    type_of(call)

    def write(target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="muniment-") as place:
            folder = Path(place) / "accesses"
            call.plain.persons.accesses(identifier, folder)
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
                for file in sorted(folder.rglob("*")):
                    if file.is_file():
                        packed.write(file, str(file.relative_to(folder.parent)))

    return handed(write, f"accesses-{identifier[-6:]}.zip", "application/zip")
