"""Users."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import UsageError
from muniment.model import id_text
from muniment.roles import read_attributes
from muniment.session.reading.pieces import piece_of
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import roles_of
from muniment_web.server.invitations import INVITE_DAYS, new_invitation
from muniment_web.server.people import end_sign_ins, forget_factor

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/users", users),
        page("/users", add_user, methods=("POST",)),
        page("/users/{login}/change", change_user, methods=("POST",)),
        page("/users/{login}/invite", invite, methods=("POST",)),
    ]


def users(call: Call) -> Response:
    """Who may act."""
    return _users(call)


def _users(call: Call, *, link: str = "", login: str = "") -> Response:
    session, engine = call.session, call.web.engine
    session.require("user.read")
    session.note("user.read")
    signed = {one.login for one in call.web.signs}
    credentials = session.credentials
    every = engine.definitions.users.values()
    found = piece_of(engine, "user", every, lambda one: (one.login,), **call.piece)
    rows = [
        {
            "login": one.login,
            "name": one.name,
            "roles": one.roles,
            "named": list(zip(one.roles, roles_of(call, one.roles), strict=True)),
            "attributes": ["=".join(pair) for pair in one.attributes],
            "active": one.active,
            "ready": credentials.of(one.login).present,
            # One's own is taken off under the account, where the password is asked for.
            "lost": bool(credentials.of(one.login).totp) and one.login != session.actor,
            "signed": one.login in signed,
        }
        for one in found
    ]
    return call.page(
        "users.html",
        users=rows,
        more=call.more(found),
        roles=sorted(engine.policy.roles.values(), key=lambda one: one.key),
        may_change=session.may("user.change"),
        link=link,
        link_login=login,
        days=INVITE_DAYS,
        notes=call.taken_notes(),
    )


def add_user(call: Call) -> Response:
    """Add somebody; they get a link that sets their password."""
    login = call.text("login").strip()
    values = {
        "login": login,
        "display_name": call.text("name").strip(),
        "roles": call.texts("role"),
        "state": "active",
    }
    call.session.create("user", values, reason=call.text("note").strip() or None)
    return _invited(call, login)


def _invited(call: Call, login: str) -> Response:
    text = new_invitation(call.session, login)
    return _users(call, link=f"{call.web.settings.base}/welcome/{text}", login=login)


def invite(call: Call) -> Response:
    """A new link that sets somebody's password."""
    return _invited(call, call.path["login"])


def change_user(call: Call) -> Response:
    """Change somebody's roles, or whether they may act."""
    user = call.web.engine.definitions.users.get(call.path["login"])
    if user is None:
        raise UsageError("sign.no_user")
    values: dict[str, object] = {}
    act = call.text("do")
    if act == "look":
        return _look(call, user.login, user.roles, tuple(sorted(call.texts("role"))))
    if act == "roles":
        values["roles"] = call.texts("role")
    elif act == "about":
        values["display_name"] = call.text("name").strip() or None
        values["attributes"] = read_attributes(call.text("attributes").splitlines()) or None
    elif act in ("end", "factor"):
        return _taken_off(call, user.login, act)
    elif act in ("disable", "enable"):
        values["state"] = "disabled" if act == "disable" else "active"
    call.session.update(id_text(user.record), values, reason=call.text("note").strip() or None)
    end_sign_ins(call.web, user.login, "rights", but=call.signed.id)
    return call.go("/users", note=call.say("users.changed", login=user.login))


def _taken_off(call: Call, login: str, act: str) -> Response:
    """End somebody's sign-ins; with them the second factor of whoever lost theirs, and its recovery codes."""
    call.session.require("user.change")
    if act == "factor":
        forget_factor(call.web, call.session, login)
    end_sign_ins(call.web, login, "ended", but=call.signed.id)
    return call.go("/users", note=call.say("users.changed", login=login))


def _look(call: Call, login: str, before: tuple[str, ...], after: tuple[str, ...]) -> Response:
    """What somebody gains and loses by other roles, before they have them."""
    from muniment_web.frame.gains import shifts_of

    call.session.require("user.change")
    call.session.note("role.read")
    return call.page(
        "user_change.html",
        login=login,
        roles=after,
        shifts=shifts_of(call, {login: (tuple(sorted(before)), after)}),
        note=call.text("note"),
    )
