"""Signing that who may do what was looked at, over the very rights that hold."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.oversight.rights_review import rights_digest
from muniment.session.reading.generations import ALL
from muniment.store import LogFilter
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, problem_of

__all__ = ["review_values", "routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/roles/review", review, methods=("POST",))]


def review(call: Call) -> Response:
    """Sign the rights as they stand."""
    from muniment_web.pages.roles import roles

    try:
        call.session.review_rights(call.text("reason"))
    except MunimentError as error:
        return roles(call, caught(error))
    return call.go("/roles", note=call.say("roles.signed"))


def review_values(call: Call, problem: MunimentError | None = None) -> dict[str, Any]:
    """What the page of the roles says of the last review."""
    session = call.session
    may = session.may("role.review") and session.may("log.read")
    digest, reviewed = "", None
    if may:
        digest = rights_digest(call.web.engine)
        asked = LogFilter(kinds=("role.review",), outcome="ok", limit=1)
        for one in session.log_page(asked, generation=ALL).entries:
            reviewed = {
                "actor": one.actor,
                "time": call.time(one.time_us),
                "ref": str(one.place).removeprefix("0:"),
                "same": one.detail.get("target", {}).get("rights") == digest,
            }
    return {
        "may_review": may,
        "digest": digest,
        "reviewed": reviewed,
        "problem": problem_of(call, problem),
        "notes": call.taken_notes(),
    }
