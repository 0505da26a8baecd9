"""The application: routes, and what every request passes through."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from muniment.cli.errors import problem
from muniment.errors import AccessDenied, ApprovalNeeded, MunimentError, NotFound, UsageError
from muniment_web._guard import Guard
from muniment_web._web import Call, Web

__all__ = ["build", "cookie_name", "page", "report"]

Handler = Callable[[Call], Response]
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
COOKIE: Final = "muniment"


def cookie_name(web: Web) -> str:
    """The name of the cookie; a browser sends one with this prefix over TLS and to this host alone."""
    return f"__Host-{COOKIE}" if web.settings.secure else COOKIE


def page(
    path: str,
    handler: Handler,
    *,
    methods: tuple[str, ...] = ("GET",),
    public: bool = False,
    files: bool = False,
    name: str | None = None,
) -> Route:
    """A route of the pages.

    Args:
        path: with the parts that it names in braces.
        handler: answers in a thread; the archive may be waited for there.
        methods: of HTTP.
        public: answers somebody who is not signed in too.
        files: takes uploads.
        name: as the figures name it.
    """

    async def endpoint(request: Request) -> Response:
        web: Web = request.app.state.web
        call = Call(web, request, _language(web, request))
        if request.method not in _SAFE:
            try:
                call.form = await request.form(max_files=4 if files else 0, max_fields=5_000)
            except (MultiPartException, HTTPException):
                return _failed(call, UsageError("serve.request"))
        try:
            return await run_in_threadpool(_answer, call, handler, public)
        finally:
            await call.form.close()

    functools.update_wrapper(endpoint, handler, assigned=("__name__", "__doc__"), updated=())
    return Route(path, endpoint, methods=list(methods), name=name or handler.__name__)


def _language(web: Web, request: Request) -> str:
    chosen = request.cookies.get("lang", "")
    if chosen in web.says:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        start = part.partition(";")[0].strip().partition("-")[0].lower()
        if start in web.says:
            return start
    return web.archive.applied.language


def _answer(call: Call, handler: Handler, public: bool) -> Response:
    web = call.web
    try:
        web.sweep()
        _find_sign(call)
        if call.sign is None and not public:
            return _to_sign_in(call)
        if call.request.method not in _SAFE:
            _check_origin(call)
            web.waiting.forget()
        response = handler(call)
    except AccessDenied as error:
        if error.code in ("access.changed", "access.disabled", "access.unknown_actor") and call.sign:
            web.end(call.sign, "rights")
            return _to_sign_in(call)
        response = _failed(call, error)
    except ApprovalNeeded as error:
        # Nothing failed: it was put aside, and the list of what waits is the next place to look.
        response = call.go("/changes", note=error.text(call.lang).rpartition(" [")[0])
    except MunimentError as error:
        response = _failed(call, error)
    except Exception as error:  # nothing of it is shown: it may hold a value
        report(error)
        response = _failed(call, None)
    for name, value in call.cookies.items():
        if value is None:
            response.delete_cookie(name, path="/", secure=web.settings.secure, httponly=True)
        else:
            response.set_cookie(
                name,
                value,
                path="/",
                secure=web.settings.secure,
                httponly=True,
                samesite="lax",
                max_age=None if name == cookie_name(web) else 31_536_000,
            )
    return response


def _find_sign(call: Call) -> None:
    web = call.web
    cookie = call.request.cookies.get(cookie_name(web), "")
    found = web.signs.find(cookie) if cookie else None
    if found is None:
        return
    web.engine.refresh()
    user = web.engine.definitions.users.get(found.login)
    if user is None or not user.active or user.roles != found.roles:
        web.end(found, "rights")
        return
    call.sign = found


def _check_origin(call: Call) -> None:
    """Refuse what another site's page sent in the person's name.

    Raises:
        AccessDenied: ``sign.form``.
    """
    from hmac import compare_digest

    if not call.origin_is_ours():
        raise AccessDenied("sign.form")
    if call.sign is not None:
        given = call.text("csrf") or call.request.headers.get("x-csrf", "")
        if not compare_digest(given.encode(), call.sign.csrf.encode()):
            raise AccessDenied("sign.form")


def _to_sign_in(call: Call) -> Response:
    from urllib.parse import quote

    back = call.request.url.path if call.request.method == "GET" and not call.partial else ""
    return call.go(f"/sign-in?next={quote(back)}" if back not in ("", "/") else "/sign-in")


def _failed(call: Call, error: MunimentError | None) -> Response:
    """An error as a page, or as the piece that a script puts in place."""
    if error is None:
        shown = {"code": "", "text": call.say("common.failed"), "hint": call.say("common.failed_hint")}
        status = 500
    else:
        document = problem(error, call.lang)
        shown = {"code": error.code, "text": document["title"], "hint": error.hint(call.lang)}
        if "issues" in document:
            shown["hint"] = "; ".join(one["detail"] for one in document["issues"])
        status = int(document["status"])
        if isinstance(error, NotFound):
            status = 404
    if call.partial:
        return call.page("_problem.html", status=status, problem=shown)
    return call.page("problem.html", status=status, problem=shown)


def report(error: Exception) -> None:
    """Say what happened without what it happened with: type, file and line."""
    import json
    import os

    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = {
        "event": "failure",
        "type": type(error).__name__,
        "file": os.path.basename(trace.tb_frame.f_code.co_filename) if trace else "?",
        "line": trace.tb_lineno if trace else 0,
    }
    print(json.dumps(line), file=sys.stderr, flush=True)
    if os.environ.get("MUNIMENT_DEBUG") == "1":
        import traceback

        traceback.print_exception(error, file=sys.stderr)


async def _static(request: Request) -> Response:
    found = request.app.state.web.assets.at(request.url.path)
    if found is None:
        return PlainTextResponse("", status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.content, media_type=found.media_type, headers=headers)


async def _alive(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _ready(request: Request) -> Response:
    web: Web = request.app.state.web
    try:
        await run_in_threadpool(web.engine.refresh)
    except MunimentError as error:
        return PlainTextResponse(f"{error.code}\n", status_code=503)
    return PlainTextResponse("ready\n")


async def _metrics(request: Request) -> Response:
    web: Web = request.app.state.web

    def size() -> int:
        head = web.engine.store.head(0)
        return 0 if head is None else head.first_seq + head.n

    text = web.figures.text(signed_in=len(list(web.signs)), log_size=await run_in_threadpool(size))
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def build(web: Web) -> Starlette:
    """The application over an opened archive."""
    from muniment_web.api import build_api
    from muniment_web.pages import routes

    api = build_api(web)
    own: list[BaseRoute] = [
        Route("/static/{digest}/{name}", _static, name="static"),
        Route("/health", _alive, name="health"),
        Route("/ready", _ready, name="ready"),
        Mount("/api/v1", app=api, name="api"),
    ]
    if web.settings.metrics:
        own.append(Route("/metrics", _metrics, name="metrics"))

    async def missing(request: Request, error: Exception) -> Response:
        call = Call(web, request, _language(web, request))
        return await run_in_threadpool(_failed, call, NotFound("serve.not_found"))

    async def unusual(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        call = Call(web, request, _language(web, request))
        response = await run_in_threadpool(_failed, call, UsageError("serve.request"))
        response.status_code = status
        return response

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        yield
        await run_in_threadpool(_stop, web)

    app = Starlette(
        routes=[*own, *routes()],
        exception_handlers={404: missing, 405: unusual, HTTPException: unusual},
        lifespan=lifespan,
    )
    app.state.web = web
    app.state.api = api
    app.add_middleware(Guard, settings=web.settings, figures=web.figures)
    return app


def _stop(web: Web) -> None:
    web.sending.stop()
    web.plugged.stop()
    web.verifying.wait()
    for one in web.signs:
        web.end(one, "stop")
