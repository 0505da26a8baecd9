"""How the archive stands, and what is due: the page that somebody opens on a Monday morning."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment import __version__
from muniment.archive.standing import standing
from muniment.errors import MunimentError
from muniment.session.ticking import JOBS, Done
from muniment.store import LogFilter
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page

__all__ = ["routes"]

_LOOKED_AT = 200


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/status", status), page("/status", run, methods=("POST",))]


def status(call: Call) -> Response:
    """How the archive stands."""
    return _page(call)


def _page(
    call: Call, *, done: list[dict[str, Any]] | None = None, problem: MunimentError | None = None
) -> Response:
    session, web = call.session, call.web
    session.require("config.read")
    session.note("config.read")
    found = standing(web.archive, session, lang=call.lang)
    return form_page(
        call,
        "status.html",
        problem,
        found=found,
        version=__version__,
        last=_time(call, found["log"]["last"]),
        backup=_time(call, found["backup"]["made"]),
        badge_of_log=web.verifying.badge(),
        jobs=_jobs(call) if session.may("log.read") else None,
        names=tuple(JOBS),
        may_run=session.may("job.run"),
        done=done,
        notes=call.taken_notes(),
    )


def _time(call: Call, text: str | None) -> str:
    from muniment.model import parse_time

    return call.time(parse_time(text)) if text else ""


def _jobs(call: Call) -> dict[str, dict[str, Any]]:
    """When each job was last done, and what came of it."""
    found: dict[str, dict[str, Any]] = {}
    asked = LogFilter(kinds=("job.run", "job.fail"), limit=_LOOKED_AT)
    for one in call.session.entries(asked):
        target = one.detail.get("target", {})
        name = str(target.get("job", ""))
        if name in JOBS and name not in found:
            failed = one.kind == "job.fail"
            found[name] = {"time": call.time(one.time_us), "failed": failed, "entry": one.index}
    return found


def run(call: Call) -> Response:
    """Do what is due now."""
    try:
        done = call.session.tick()
    except MunimentError as error:
        return _page(call, problem=caught(error))
    return _page(call, done=[_told(one) for one in done])


def _told(one: Done) -> dict[str, Any]:
    counts = [f"{name} {count}" for name, count in one.counts.items() if count]
    return {"job": one.job, "code": one.code, "counts": counts}
