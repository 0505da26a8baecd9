"""Roles: who may do what to which fields, and signing that it was looked at."""

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
from muniment_web.frame.told import caught, form_page, roles_of

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/roles", roles), page("/roles/review", review, methods=("POST",))]


def roles(call: Call, problem: MunimentError | None = None) -> Response:
    """Who may do what to which fields, asked of what enforces it."""
    session, engine = call.session, call.web.engine
    session.require("user.read")
    session.note("role.read")
    types = session.types()
    held = sorted(engine.policy.roles.values(), key=lambda one: one.key)
    return form_page(
        call,
        "roles.html",
        problem,
        **_reviewed(call),
        roles=held,
        names=roles_of(call, [one.key for one in held]),
        matrix=engine.policy.matrix(types),
        types=types,
        may=session.may("config.change"),
        notes=call.taken_notes(),
    )


def review(call: Call) -> Response:
    """Sign the rights as they stand."""
    try:
        call.session.review_rights(call.text("reason"))
    except MunimentError as error:
        return roles(call, caught(error))
    return call.go("/roles", note=call.say("roles.signed"))


def _reviewed(call: Call) -> dict[str, Any]:
    """What the page says of the last review."""
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
    }
