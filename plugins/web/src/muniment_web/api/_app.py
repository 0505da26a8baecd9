"""The application of the API: who may call it, how it fails, how fast it may be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Annotated, Any, Final

import attrs
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from muniment import __version__
from muniment.cli.errors import problem
from muniment.errors import AccessDenied, Conflict, MunimentError, UsageError
from muniment.session import Session
from muniment_web._signs import SignIn
from muniment_web._throttle import network_of
from muniment_web._web import Web
from muniment_web.api._models import Problem

__all__ = ["Caller", "build_api", "may"]

PROBLEM: Final = "application/problem+json"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_STATUS: Final = {
    "sign.needed": 401,
    "sign.token": 401,
    "sign.rate": 429,
    "conflict.version": 412,
    "serve.if_match": 428,
}


class _Problems(JSONResponse):
    media_type = PROBLEM


@attrs.frozen
class Caller:
    """Who calls, through what, and what the token allows.

    Attributes:
        session: shows in clear what the roles may read.
        scopes: of the token; all of them for a person's own sign-in.
    """

    session: Session
    scopes: frozenset[str]


def _web(request: Request) -> Web:
    web: Web = request.app.state.web
    return web


def _language(request: Request) -> str:
    for part in request.headers.get("accept-language", "").split(","):
        start = part.partition(";")[0].strip().partition("-")[0].lower()
        if start in ("en", "zh"):
            return start
    return "en"


def _caller(request: Request) -> Caller:
    from muniment_web.pages.account import SCOPES

    web = _web(request)
    address = request.client.host if request.client else ""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text:
        web.limits.check(f"address/{network_of(address)}/{text[:22]}")
        return _by_token(web, text.strip(), address)
    web.limits.check(f"address/{network_of(address)}")
    sign = _signed(web, request)
    return Caller(
        Session(web.engine, attrs.evolve(sign.session.acting, masked=False, program="api")),
        frozenset(SCOPES),
    )


def _by_token(web: Web, text: str, address: str) -> Caller:
    visitor = web.visitor(address, auth="token")
    try:
        token = Session(web.engine, visitor).credentials.token(text)
    except AccessDenied as error:
        web.engine.refused(visitor, "session", error)
        raise
    session = web.archive.session(
        actor=token.login, auth="token", program="api", address=address or None, sign_in=token.id
    )
    return Caller(session, frozenset(token.scopes))


def _signed(web: Web, request: Request) -> SignIn:
    """The sign-in of a page's script; what changes something needs the token of its forms.

    Raises:
        AccessDenied: ``sign.needed`` or ``sign.form``.
    """
    from muniment_web._app import cookie_name

    cookie = request.cookies.get(cookie_name(web), "")
    found = web.signs.find(cookie) if cookie else None
    if found is None:
        raise AccessDenied("sign.needed")
    if request.method not in _SAFE:
        ours = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
        given = request.headers.get("x-csrf", "")
        if not ours or not compare_digest(given.encode(), found.csrf.encode()):
            raise AccessDenied("sign.form")
    return found


def may(scope: str) -> Callable[[Caller], Session]:
    """A dependency that gives the session where the token has a scope."""

    def allowed(caller: Annotated[Caller, Depends(_caller)]) -> Session:
        if scope not in caller.scopes:
            error = AccessDenied("sign.scope", name=scope)
            caller.session.engine.refused(caller.session.acting, "session", error)
            raise error
        return caller.session

    return allowed


def whole_caller(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    """A dependency that gives the caller, whatever the scopes."""
    return caller


# Failures


def _answer(request: Request, error: MunimentError) -> Response:
    document = problem(error, _language(request))
    status = _STATUS.get(error.code, int(document["status"]))
    if status == 202:
        return JSONResponse(document, 202)
    document["status"] = status
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="muniment"'
    if status == 429:
        headers["Retry-After"] = str(error.parameters.get("seconds", 60))
    return _Problems(document, status, headers)


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, MunimentError)
    return _answer(request, error)


def _invalid(request: Request, error: Exception) -> Response:
    """A request of another form than documented: which member, never what it held."""
    assert isinstance(error, RequestValidationError)
    document = problem(UsageError("serve.request"), _language(request))
    issues = [{"field": _place(one["loc"]), "code": f"request.{one['type']}"} for one in error.errors()]
    return _Problems({**document, "status": 422, "issues": issues}, 422)


_MEMBERS: Final = frozenset(
    (
        *("body", "path", "query", "header", "fields", "reason", "effective", "where", "order_by"),
        *("descending", "limit", "after", "deleted", "count", "words", "type", "id", "version", "index"),
        *("first", "second", "as_of", "effective_at", "before", "actor", "kind", "outcome", "since"),
        *("until", "about", "If-Match", "Idempotency-Key", "number", "digest", "state", "matter", "edits"),
        *("record", "records", "subjects", "types", "base", "without", "name", "url", "kinds", "act"),
    )
)


def _place(location: tuple[int | str, ...]) -> str:
    """Where in the request; a name that the caller made up is not repeated."""
    return ".".join(str(one) if isinstance(one, int) or one in _MEMBERS else "?" for one in location[:4])


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "serve.not_found" if error.status_code == 404 else "serve.request"
    document = problem(UsageError(code), _language(request))
    return _Problems({**document, "status": error.status_code}, error.status_code, error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    from muniment_web._app import report

    report(error)
    document = problem(Conflict("serve.failed"), _language(request))
    return _Problems({**document, "status": 500}, 500)


ANSWERS: Final[Mapping[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": text, "content": {PROBLEM: {}}}
    for status, text in {
        400: "The request cannot be answered as it was asked.",
        401: "Nobody is signed in.",
        403: "The roles or the token do not allow it; written to the log.",
        404: "Nothing there that this caller may see.",
        409: "Somebody else moved first.",
        412: "The version that If-Match names is not the newest.",
        413: "The body is too large.",
        422: "Values, or the request, were refused; every problem is listed.",
        428: "If-Match is missing.",
        429: "Too many requests.",
        500: "A failure; nothing was lost.",
        503: "The archive cannot answer at the moment.",
    }.items()
}


def build_api(web: Web) -> FastAPI:
    """The API over an opened archive."""
    from muniment_web.api import _log, _records, _rights

    app = FastAPI(
        title="muniment",
        version=__version__,
        description="Customer records that stand up as evidence: every call is written to the log.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": "/api/v1"}],
        root_path_in_servers=False,
        responses=dict(ANSWERS),
        default_response_class=JSONResponse,
    )
    app.state.web = web
    app.include_router(_records.router)
    app.include_router(_rights.router)
    app.include_router(_log.router)
    for kind, handler in (
        (MunimentError, _ours),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
        (Exception, _unexpected),
    ):
        app.add_exception_handler(kind, handler)
    return app
