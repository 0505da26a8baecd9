"""My desk: where the day begins."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment_web._app import page
from muniment_web._web import Call

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/", show), page("/help", help_page, public=True)]


def show(call: Call) -> Response:
    """The tables, and what the person did last."""
    session = call.session
    types = [one for one in session.types() if session.may("record.list", one.key) and not one.retired]
    waiting = [one for one in session.changes.list() if not one.mine] if session.may("change.approve") else []
    mine = [one for one in session.changes.list() if one.mine]
    return call.page("desk.html", types=types, waiting=waiting, mine=mine, notes=call.taken_notes())


def help_page(call: Call) -> Response:
    """How it is used, and whom to ask."""
    return call.page("help.html", support=call.web.settings.support)
