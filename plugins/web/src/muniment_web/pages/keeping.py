"""What must stay and what is gone: holds, consents, erasing, and certificates of it."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import ApprovalNeeded
from muniment.model import parse_time
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import sentence_of

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    base = "/t/{type}/{id:uuid}"
    return [
        page("/holds", holds),
        page("/holds/{id:uuid}/release", release, methods=("POST",)),
        page(f"{base}/hold", place, methods=("POST",)),
        page(f"{base}/erase", ask_erase),
        page(f"{base}/erase", erase, methods=("POST",)),
        page("/erasures", erasures),
        page("/erasures/{id:uuid}/certificate", certificate),
    ]


def holds(call: Call) -> Response:
    """The holds, and those that were ended."""
    listed = call.session.holds.list(released=True, newest=True, **call.piece)
    return call.page(
        "holds.html",
        holds=[
            {
                "id": one.id,
                "matter": one.matter,
                "placed": one.placed,
                "targets": one.targets,
                "time": call.time(one.changed_us),
            }
            for one in listed
        ],
        more=call.more(listed),
        may_change=call.session.may("hold.change"),
        notes=call.taken_notes(),
    )


def place(call: Call) -> Response:
    """Forbid to dispose of what belongs to the person of a record."""
    record_type = type_of(call)
    record = call.session.get(str(call.path["id"]), fields=())
    call.session.holds.place(
        call.text("matter").strip(), subjects=[record.subject], reason=call.text("note").strip() or None
    )
    return call.go(f"/t/{record_type.key}/{record.id}", note=call.say("keeping.placed"))


def release(call: Call) -> Response:
    """End a hold."""
    call.session.holds.release(str(call.path["id"]), reason=call.text("note").strip())
    return call.go("/holds", note=call.say("keeping.released_now"))


def ask_erase(call: Call) -> Response:
    """What erasing does, before anything is done."""
    record_type = type_of(call)
    call.session.require("subject.erase")
    record = call.session.get(str(call.path["id"]), fields=())
    return call.page(
        "erase.html", type=record_type, record=record, reasons=REASONS, whole=record.subject == record.id
    )


def erase(call: Call) -> Response:
    """Erase a person everywhere, or one record; for ever."""
    record_type, identifier = type_of(call), str(call.path["id"])
    record = call.session.get(identifier, fields=())
    reason = reason_of(call)
    try:
        if call.text("what") == "subject":
            call.session.erasures.subject(record.subject, reason=reason)
        else:
            call.session.erasures.record(identifier, reason=reason)
    except ApprovalNeeded as error:
        return call.go(f"/t/{record_type.key}/{identifier}", note=sentence_of(call, error))
    call.web.totals.clear()
    return call.go("/erasures", note=call.say("keeping.erased"))


def erasures(call: Call) -> Response:
    """What was erased, by which rule, by whom, under whose approval, and what of it is final when."""
    found = call.session.erasures.certificates(newest=True, **call.piece)
    return call.page(
        "erasures.html",
        certificates=[_certificate(call, one) for one in found],
        more=call.more(found),
        notes=call.taken_notes(),
    )


def _certificate(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    def when(text: object) -> str:
        return call.time(parse_time(str(text))) if text else ""

    types = call.web.engine.definitions.types
    return {
        "id": str(one.get("id", "")),
        "done": when(one.get("done")),
        "by": str(one.get("by", {}).get("actor", {}).get("id", "")),
        "approval": one.get("approval", {}),
        "targets": [
            {
                **target,
                "label": types[key].label.of(call.lang) or key
                if (key := target.get("type", "")) in types
                else key,
            }
            for target in one.get("targets", ())
        ],
        "kept": one.get("kept", ()),
        "destroyed": one.get("keys", {}).get("destroyed", 0),
        "final": [(place["place"], place["state"], when(place.get("at"))) for place in one.get("final", ())],
        "text": json.dumps(one, ensure_ascii=False, indent=2, default=str),
    }


def certificate(call: Call) -> Response:
    """One certificate with its evidence, as a file that is checked offline."""
    identifier = str(call.path["id"])
    document = dict(call.session.erasures.certificate(identifier))
    response = call.json(document)
    response.headers["Content-Disposition"] = f'attachment; filename="certificate-{identifier}.json"'
    return response
