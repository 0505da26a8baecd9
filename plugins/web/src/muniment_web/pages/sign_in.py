"""Signing in and out, and setting a password by a link that works once."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

import attrs
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import AccessDenied, MunimentError, UsageError
from muniment.session import Session
from muniment.session.credentials import Credential
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import problem_of
from muniment_web.server.passwords import check_strength
from muniment_web.server.people import end_sign_ins, opens_nothing, taken_code
from muniment_web.server.signs import SignIn
from muniment_web.server.throttle import network_of

__all__ = ["begin", "routes"]

_MOST_SIGN_INS = 10
"""Of one person at once; another one ends that which was not used for longest."""


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/sign-in", show, public=True),
        page("/sign-in", sign_in, methods=("POST",), public=True),
        page("/sign-out", sign_out, methods=("POST",)),
        page("/welcome/{token}", welcome, public=True),
        page("/welcome/{token}", set_password, methods=("POST",), public=True),
        page("/language", language, methods=("POST",), public=True),
        page("/theme", theme, methods=("POST",), public=True),
    ]


def show(call: Call) -> Response:
    """The form."""
    if call.sign is not None:
        return call.go("/")
    return call.page("sign_in.html", next=call.query("next"), problem=None, login="")


def sign_in(call: Call) -> Response:
    """Check what was typed; every attempt is an entry, and all failures look alike."""
    login = call.text("login").strip()[:200]
    try:
        sign = _checked(call, login)
    except AccessDenied as error:
        shown = problem_of(call, error)
        return call.page("sign_in.html", status=403, next=call.text("next"), problem=shown, login=login[:200])
    return call.go(call.text("next") or "/", note=_previous(call, sign))


def _previous(call: Call, sign: SignIn) -> str:
    if not sign.previous_us:
        return ""
    return call.say("sign_in.previous", time=call.time(sign.previous_us))


def _checked(call: Call, login: str) -> SignIn:
    web = call.web
    place = _known_browser(call, login) or network_of(call.address)
    acting = web.visitor(call.address, login=login, auth="password")
    last = web.throttle.begin(login, place)
    # Under the login's own name only where it is one: what was typed may be a password.
    known = Session(web.engine, acting).credentials
    held = known.of(login)
    ok = web.passwords.check(held.password, call.text("password"))
    if ok and held.totp:
        ok = taken_code(web, acting, login, call.text("code"), browser=_known_browser(call, login))
    if not ok or not acting.actor.roles:
        code = "access.disabled" if ok and acting.actor.disabled else "sign.wrong"
        web.engine.note(acting, "user.sign_fail", outcome="denied", code=code)
        if last:
            web.engine.note(acting, "user.lock", outcome="denied", code="sign.throttled")
        raise AccessDenied("sign.wrong")
    web.throttle.succeeded(login, place)
    if web.passwords.stale(held.password):
        fresh = web.passwords.hash(call.text("password"))
        known.use(login, lambda now: attrs.evolve(now, password=fresh))
    return begin(call, login, "password")


def begin(call: Call, login: str, auth: str) -> SignIn:
    """Let somebody in who proved who they are."""
    web = call.web
    if call.sign is not None:
        web.end(call.sign, "again")

    def make(identifier: str, csrf: str, now: int) -> SignIn:
        session = web.session_of(login, auth=auth, address=call.address, sign_in=identifier)
        return SignIn(
            identifier,
            login,
            session.acting.actor.roles,
            auth,
            call.address,
            csrf,
            now,
            now,
            session,
        )

    sign, cookie = web.signs.begin(make)
    web.engine.note(sign.session.acting, "user.sign_in")
    for one in web.signs.beyond(login, _MOST_SIGN_INS):
        web.end(one, "many")
    call.sign = sign
    call.cookies[web.cookie] = cookie
    if not _known_browser(call, login):
        number = secrets.token_hex(16)
        call.cookies[web.device_cookie] = f"{number}.{_mark(call, login, number)}"
    return sign


def _mark(call: Call, login: str, number: str) -> str:
    return hmac.new(call.web.device_key, f"{number}/{login}".encode(), sha256).hexdigest()


def _known_browser(call: Call, login: str) -> str:
    """The number of a browser that has signed in as this login; empty for others."""
    number, _, mark = call.request.cookies.get(call.web.device_cookie, "").partition(".")
    if not number or not hmac.compare_digest(
        mark.encode(errors="replace"), _mark(call, login, number).encode()
    ):
        return ""
    return f"browser/{number}"


def sign_out(call: Call) -> Response:
    """End the sign-in."""
    call.web.end(call.signed, "asked")
    call.sign = None
    call.cookies[call.web.cookie] = None
    return call.go("/sign-in")


# Setting a password by a link


def _invitation(call: Call) -> tuple[Session, str, str]:
    """A session as the link's owner, who they are, and the link's identifier.

    Raises:
        AccessDenied: ``sign.token``; logged.
    """
    web = call.web
    visitor = Session(web.engine, web.visitor(call.address))
    try:
        token = visitor.credentials.token(call.path["token"], kind="invite")
    except AccessDenied as error:
        opens_nothing(web, visitor.acting)
        web.engine.refused(visitor.acting, "session", error)
        raise
    acting = web.visitor(call.address, login=token.login, auth="token")
    web.engine.policy.require_known(acting.actor)
    return Session(web.engine, acting), token.login, token.id


def welcome(call: Call) -> Response:
    """The form behind a link that works once."""
    session, login, _ = _invitation(call)
    name = session.engine.definitions.users[login].name
    return call.page("welcome.html", login=login, name=name, problem=None)


def set_password(call: Call) -> Response:
    """Set the password and sign in; the link is used up."""
    session, login, identifier = _invitation(call)
    password = call.text("password")
    user = session.engine.definitions.users[login]
    try:
        if password != call.text("again"):
            raise UsageError("sign.passwords_differ")
        check_strength(password, (login, user.name, call.web.name))
    except MunimentError as error:
        return call.page(
            "welcome.html",
            status=422,
            login=login,
            name=user.name,
            problem=problem_of(call, error),
        )
    encoded, now = call.web.passwords.hash(password), session.engine.clock()

    def change(held: Credential) -> Credential:
        return attrs.evolve(held, password=encoded, password_us=now)

    # First the link goes: of two that use it at once only one may pass.
    session.credentials.revoke(identifier, kind="invite")
    held = session.credentials.change(login, "password", change)
    end_sign_ins(call.web, login, "password")
    if held.totp:
        # A link stands for the password alone: whoever got hold of it has not shown the second factor.
        note = call.say("sign_in.now_code")
        return call.page("sign_in.html", next="", problem=None, login=login, notes=[note])
    begin(call, login, "password")
    return call.go("/", note=call.say("sign_in.welcome"))


# What anybody may choose


def language(call: Call) -> Response:
    """Choose the language of the pages."""
    if call.text("lang") in call.web.says:
        call.cookies["lang"] = call.text("lang")
    return call.go(call.text("back", "/"))


def theme(call: Call) -> Response:
    """Choose light or dark."""
    chosen = call.text("theme")
    call.cookies["theme"] = chosen if chosen in ("light", "dark") else None
    return call.go(call.text("back", "/"))
