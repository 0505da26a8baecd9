"""Where the links of letters lead: to leave, and to answer a survey; nobody signs in for it.

The pages tell nothing of the person whom the link belongs to. Looking at one changes nothing, since
mail programs look at links before people do; a click on its button does.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.session.outreach.answers import Answer, answer, leads, leave, look
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.server.people import opens_nothing

__all__ = ["routes"]

_LONGEST = 4_000


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/leave/{token}", ask_leave, public=True),
        page("/leave/{token}", do_leave, methods=("POST",), public=True),
        page("/ask/{token}", ask, public=True),
        page("/ask/{token}", take, methods=("POST",), public=True),
    ]


def _token(call: Call, field: str) -> str:
    """The token of a link; of those that lead nowhere not too many are taken.

    Raises:
        AccessDenied: ``sign.throttled``.
    """
    token = str(call.path["token"])
    if not leads(call.web.engine, field, token):
        opens_nothing(call.web, call.web.visitor(call.address))
    return token


def ask_leave(call: Call) -> Response:
    """Whether somebody really wants no more letters."""
    message = look(call.web.engine, "leave", _token(call, "leave"), address=call.address)
    done = message.text("state") == "unsubscribed"
    return call.page("letter.html", what="left" if done else "leave", code="")


def do_leave(call: Call) -> Response:
    """Take them off; mail programs post here themselves (RFC 8058)."""
    leave(call.web.engine, _token(call, "leave"), address=call.address)
    return call.page("letter.html", what="left", code="")


def ask(call: Call) -> Response:
    """The questions."""
    look(call.web.engine, "ask", _token(call, "ask"), address=call.address)
    return call.page("letter.html", what="ask", code="")


def take(call: Call) -> Response:
    """Take the answers."""
    score, recommend = call.text("score"), call.text("recommend")
    if score not in ("1", "2", "3", "4", "5"):
        look(call.web.engine, "ask", _token(call, "ask"), address=call.address)
        return call.page("letter.html", what="ask", code="letter.needed", status=422)
    known = [str(one) for one in range(11)]
    given = Answer(
        int(score), int(recommend) if recommend in known else None, call.text("comment")[:_LONGEST]
    )
    answer(call.web.engine, _token(call, "ask"), given, address=call.address)
    return call.page("letter.html", what="thanks", code="")
