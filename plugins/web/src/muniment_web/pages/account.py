"""One's own account: password, second factor, passkeys, tokens, sign-ins."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment_web._app import page
from muniment_web._web import Call

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/account", show)]


def show(call: Call) -> Response:
    """What the person signs in with."""
    held = call.session.credentials.of(call.signed.login)
    return call.page("account.html", held=held)
