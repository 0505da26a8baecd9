"""What this archive shows under a regime, clause by clause; it judges nobody."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from muniment.regimes import report_page
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.pages.log import ref_of

__all__ = ["routes"]

_COLOURS: Final = {"shown": "green", "part": "amber", "nothing": "grey", "gap": "red", "outside": "grey"}


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/regimes", show), page("/regimes", report, methods=("POST",))]


def show(call: Call) -> Response:
    """The regimes that are known."""
    return _page(call, None)


def _page(call: Call, made: dict[str, Any] | None) -> Response:
    call.session.require("config.read")
    clauses = [] if made is None else [_clause(call, one) for one in made["clauses"]]
    say, lang = call.say, call.lang
    return call.page(
        "regimes.html",
        regimes=[
            (key, say("regimes.clauses_of", label=one.label.of(lang) or key, count=len(one.clauses)))
            for key, one in call.session.regimes.listed().items()
        ],
        made=made,
        label="" if made is None else made["label"][call.lang],
        counted="" if made is None else call.core("regime.counted", **made["summary"]),
        clauses=clauses,
    )


def _clause(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "cite": one["cite"],
        "asks": one["asks"][call.lang],
        "verdict": call.core(f"regime.verdict_{one['verdict']}"),
        "colour": _COLOURS.get(one["verdict"], "grey"),
        "findings": [
            {
                "said": call.core(f"regime.verdict_{found['verdict']}"),
                "colour": _COLOURS.get(found["verdict"], "grey"),
                "label": "" if found["label"] is None else found["label"][call.lang],
                "text": found["text"][call.lang],
                "entries": [ref_of(place) for place in found["entries"]],
                "commands": found["commands"],
            }
            for found in one["findings"]
        ],
        "outside": "" if one["outside"] is None else one["outside"][call.lang],
    }


def report(call: Call) -> Response:
    """Check every clause now; as a page, as one to print, or for programs."""
    form = call.text("form")
    made = call.session.regimes.report(call.text("regime"), verified=call.text("verify") == "1")
    name = f"report-{made['regime']}"
    if form == "html":
        response: Response = HTMLResponse(report_page(made, call.lang))
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.html"'
        return response
    if form == "json":
        response = Response(json.dumps(made, ensure_ascii=False, indent=1), media_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
        return response
    return _page(call, made)
