"""Who calls, what their token allows, and how one call is read and answered once."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, Any, Final, Literal

import attrs
from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from muniment.cli.errors import problem
from muniment.errors import AccessDenied, ApprovalNeeded, Conflict, MunimentError, UsageError
from muniment.model import SCOPES
from muniment.session import Acting, Session
from muniment.session.kernel.begun import Mark
from muniment.session.kernel.engine import SHARD
from muniment_web.api._once import Answer, Answers
from muniment_web.api._strict import StrictRequest
from muniment_web.api._withheld import sent_by, withhold
from muniment_web.server.guard import TooLarge
from muniment_web.server.people import opens_nothing
from muniment_web.server.signs import SignIn
from muniment_web.server.texts import asked_language
from muniment_web.server.throttle import network_of
from muniment_web.server.web import Web

__all__ = ["PURPOSE", "Caller", "Rule", "area", "language_of", "may", "once_of", "rule_of", "whole_caller"]

PURPOSE: Final = "Muniment-Purpose"
"""The header that says for what a call touches data."""

Once = Literal["answer", "mark", "kept", "never"]
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_KEPT_HEADERS: Final = ("etag", "location", "content-type")
_TERM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}")


@attrs.frozen
class Caller:
    """Who calls, through what, and what the token allows.

    Attributes:
        session: shows in clear what the roles may read.
        scopes: of the token; all of them for a person's own sign-in.
        credential: names what they showed, for what is kept for them alone.
    """

    session: Session
    scopes: frozenset[str]
    credential: str


@attrs.frozen
class Rule:
    """What a call needs.

    Attributes:
        scope: of the token; empty where any token will do.
        action: what the roles must allow; empty where it is not one action that decides.
        once: what is kept of the answer to a request with a key: the answer, only that it was
            given, ``kept`` where the session itself gives it again, or nothing, since the call
            changes nothing.
    """

    scope: str
    action: str
    once: Once


_RULES: dict[Callable[..., Any], Rule] = {}


def may(scope: str, action: str = "", *, once: Once = "answer") -> Callable[[Caller], Session]:
    """A dependency that gives the session where the token has a scope.

    The action is checked by the session itself; it stands here to be told by the description.
    """

    def allowed(caller: Annotated[Caller, Depends(_caller)]) -> Session:
        _check_scope(caller, scope)
        return caller.session

    _RULES[allowed] = Rule(scope, action, once)
    return allowed


def _check_scope(caller: Caller, scope: str) -> None:
    if scope not in caller.scopes:
        error = AccessDenied("sign.scope", name=scope)
        caller.session.engine.refused(caller.session.acting, "session", error)
        raise error


def rule_of(route: APIRoute) -> Rule:
    """What a route needs.

    Raises:
        LookupError: it says nothing; a call without a rule is a mistake of ours.
    """
    for one in route.dependant.dependencies:  # codespell:ignore dependant
        if one.call in _RULES:
            return _RULES[one.call]
    raise LookupError(route.path)


def once_of(route: APIRoute) -> Once:
    """What of its answers is kept for retries."""
    return rule_of(route).once if not (route.methods or set()) & _SAFE else "never"


# Who calls


def _web(request: Request) -> Web:
    web: Web = request.app.state.web
    return web


def language_of(request: Request) -> str:
    """The language of the sentences in an answer."""
    return asked_language(request.headers.get("accept-language", "")) or "en"


def _caller(request: Request) -> Caller:
    found: Caller | None = getattr(request.state, "caller", None)
    if found is None:
        found = request.state.caller = _found_caller(request)
    return found


def whole_caller(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    """A dependency that gives the caller, whatever the scopes."""
    return caller


_RULES[whole_caller] = Rule("", "", "never")


def _found_caller(request: Request) -> Caller:
    web = _web(request)
    address = request.client.host if request.client else ""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text:
        web.limits.check(f"address/{network_of(address)}/{text[:22]}")
        return _by_token(web, text.strip(), address, _purpose(request))
    web.limits.check(f"address/{network_of(address)}")
    sign = _signed(web, request)
    acting = attrs.evolve(sign.session.acting, masked=False, program="api")
    wanted = _purpose(request)
    if wanted is not None:
        _require_purpose(web, acting, wanted)
        acting = attrs.evolve(acting, purpose=wanted)
    return Caller(Session(web.engine, acting), frozenset(SCOPES), f"sign-in/{sign.id}")


def _purpose(request: Request) -> str | None:
    """For what the call touches data, as it says; None where the archive's own purpose counts.

    Raises:
        UsageError: ``serve.purpose``.
    """
    text = request.headers.get(PURPOSE)
    if text is not None and not _TERM.fullmatch(text):
        raise UsageError("serve.purpose")
    return text


def _require_purpose(web: Web, acting: Acting, purpose: str) -> None:
    """Refuse a purpose that may not be given; what somebody wrote in its place is not written down.

    Raises:
        AccessDenied: ``access.purpose``, ``access.unknown_purpose`` or ``access.role_purpose``; logged.
    """
    try:
        web.engine.policy.require_purpose(purpose, acting.actor)
    except AccessDenied as error:
        web.engine.refused(acting, "session", error)
        raise


def _by_token(web: Web, text: str, address: str, purpose: str | None) -> Caller:
    visitor = web.visitor(address, auth="token")
    try:
        token = Session(web.engine, visitor).credentials.token(text)
    except AccessDenied as error:
        opens_nothing(web, visitor)
        web.engine.refused(visitor, "session", error)
        raise
    if purpose is not None:
        known = web.visitor(address, login=token.login, auth="token", sign_in=token.id)
        _require_purpose(web, attrs.evolve(known, program="api"), purpose)
    session = web.archive.session(
        actor=token.login,
        purpose=purpose,
        auth="token",
        program="api",
        address=address or None,
        sign_in=token.id,
    )
    return Caller(session, frozenset(token.scopes), f"token/{token.id}")


def _signed(web: Web, request: Request) -> SignIn:
    """The sign-in of a page's script; what changes something needs the token of its forms.

    Raises:
        AccessDenied: ``sign.needed`` or ``sign.form``.
    """
    cookie = request.cookies.get(web.cookie, "")
    found = web.signs.find(cookie) if cookie else None
    if found is None:
        raise AccessDenied("sign.needed")
    if request.method not in _SAFE:
        given = request.headers.get("x-csrf", "")
        if not web.sent_by_us(request.headers) or not compare_digest(given.encode(), found.csrf.encode()):
            raise AccessDenied("sign.form")
    return found


# One call

_REFUSED: Final = (MunimentError, HTTPException, RequestValidationError)
"""What a request is refused by, so that it came to nothing."""


class _Call(APIRoute):
    """A route that reads bodies strictly, and does what has a key once."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        handler = _discreet(super().get_route_handler())

        async def answered(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            key = request.headers.get("idempotency-key")
            once = once_of(self)
            if key is None or once == "never":
                return await handler(strict)
            return await _answered_once(strict, handler, key, rule_of(self))

        return answered


def _discreet(
    handler: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Callable[[StrictRequest], Coroutine[Any, Any, Response]]:
    """The same; what it refuses says nothing again that was sent."""

    async def answered(request: StrictRequest) -> Response:
        try:
            return await handler(request)
        except MunimentError as error:
            withhold(error, await sent_by(request))
            raise

    return answered


async def _answered_once(
    request: StrictRequest,
    handler: Callable[[StrictRequest], Coroutine[Any, Any, Response]],
    key: str,
    rule: Rule,
) -> Response:
    """The answer that was given before, or the one that is given now."""
    answers: Answers = request.app.state.answers
    # Whoever has lost the right has lost the answer too.
    caller = await run_in_threadpool(_caller, request)
    if rule.scope:
        await run_in_threadpool(_check_scope, caller, rule.scope)
    try:
        asked = sha256(await request.body()).digest()
    except TooLarge:
        raise HTTPException(413) from None
    seen, why = request.headers.get("if-match", ""), request.headers.get(PURPOSE, "")
    line = f"{request.method} {request.url.path}?{request.url.query} {seen} {why}\n"
    before = answers.begin(caller.credential, key, line.encode() + asked)
    if before is not None:
        if rule.action:
            await run_in_threadpool(caller.session.require, rule.action)
        return Response(before.body, before.status, dict(before.headers))
    begun = None if rule.once == "kept" else _Begun(caller, key, line.encode() + asked)
    try:
        if begun is not None:
            await run_in_threadpool(begun.require_new)
            request.state.caller = begun.marked
        try:
            response = await handler(request)
        except ApprovalNeeded as error:
            # It was put aside: a retry must not put it aside again.
            response = JSONResponse(problem(error, language_of(request)), 202)
    except BaseException as error:
        answers.drop(caller.credential, key)
        # Of what broke nobody knows how far it came: the mark that it left stands against a second time.
        if begun is not None and isinstance(error, _REFUSED):
            await run_in_threadpool(begun.forget)
        raise
    body = None if rule.once == "mark" else getattr(response, "body", None)
    headers = tuple((name, value) for name, value in response.headers.items() if name in _KEPT_HEADERS)
    answers.keep(caller.credential, key, Answer(response.status_code, headers, body))
    return response


class _Begun:
    """What the archive knows of a request with a key, whatever became of the server that it was sent to."""

    def __init__(self, caller: Caller, key: str, asked: bytes) -> None:
        acting, self._engine = caller.session.acting, caller.session.engine
        secret = self._engine.keys.index_root
        self._mark = Mark.of(secret, actor=acting.actor.id, who=caller.credential, key=key, asked=asked)
        self._ours = False
        session = Session(self._engine, attrs.evolve(acting, mark=self._mark))
        self.marked = attrs.evolve(caller, session=session)

    def require_new(self) -> None:
        """Refuse what was begun before.

        Raises:
            Conflict: ``conflict.idempotency``, or ``serve.once_gone``.
        """
        with self._engine.store.transaction(write=False) as tx:
            if self._mark.found(tx, SHARD) is not None:
                raise Conflict("serve.once_gone")
        self._ours = True

    def forget(self) -> None:
        """Let a request that came to nothing be tried again."""
        if not self._ours:
            return
        with self._engine.store.transaction(write=False) as tx:
            row = tx.remembered(SHARD, self._mark.actor, self._mark.key)
        if row is not None:
            with self._engine.store.transaction() as tx:
                tx.forget_answers(SHARD, {(row.gen, row.seq)})


def area(tag: str) -> APIRouter:
    """The calls of one area."""
    return APIRouter(tags=[tag], route_class=_Call)
