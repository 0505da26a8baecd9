"""The application: the pages, the API, and what watches over a server."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from muniment.errors import AccessDenied, MunimentError, NotFound, UsageError
from muniment.session import Session
from muniment_web.api import build_api, refused
from muniment_web.frame.around import around
from muniment_web.frame.call import Call
from muniment_web.frame.routing import PageRoute, failed, find_sign, language_of
from muniment_web.pages import routes
from muniment_web.server.guard import Guard
from muniment_web.server.throttle import network_of
from muniment_web.server.web import Web

__all__ = ["build"]


async def _static(request: Request) -> Response:
    found = request.app.state.web.assets.at(request.url.path)
    if found is None:
        return PlainTextResponse("", status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.content, media_type=found.media_type, headers=headers)


def _whole(mount: Mount) -> Mount:
    """The mount, for every address under it: a line break in one makes it no address of the pages."""
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


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
    """Figures, for a token that may read the log: who works when is nothing for passers-by."""
    web: Web = request.app.state.web
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    address = request.client.host if request.client else ""
    try:
        await run_in_threadpool(_may_count, web, shown.strip() if scheme.lower() == "bearer" else "", address)
    except AccessDenied as error:
        status = 429 if error.code == "sign.rate" else 401
        headers = {"WWW-Authenticate": 'Bearer realm="muniment"'}
        return PlainTextResponse(f"{error.code}\n", status_code=status, headers=headers)

    def size() -> int:
        head = web.engine.store.head(0)
        return 0 if head is None else head.first_seq + head.n

    text = web.figures.text(signed_in=len(list(web.signs)), log_size=await run_in_threadpool(size))
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _may_count(web: Web, shown: str, address: str) -> None:
    web.limits.check(f"address/{network_of(address)}/figures")
    visitor = web.visitor(address, auth="token")
    token = Session(web.engine, visitor).credentials.token(shown)
    actor = web.engine.actor(token.login, auth="token")
    web.engine.policy.require_known(actor)
    if "log" not in token.scopes:
        raise AccessDenied("sign.scope", name="log")
    web.engine.policy.require(actor, "log.read")


def build(web: Web) -> Starlette:
    """The application over an opened archive."""
    web.around = around
    api = build_api(web)
    own: list[BaseRoute] = [
        Route("/static/{digest}/{name}", _static, name="static"),
        Route("/health", _alive, name="health"),
        Route("/ready", _ready, name="ready"),
        _whole(Mount("/api/v1", app=api, name="api")),
    ]
    if web.settings.metrics:
        own.append(Route("/metrics", _metrics, name="metrics"))

    async def missing(request: Request, error: Exception) -> Response:
        if request.url.path == "/api" or request.url.path.startswith("/api/"):
            return refused(request, 404)
        call = Call(web, request, language_of(web, request))

        def answer() -> Response:
            find_sign(call)
            return failed(call, NotFound("serve.not_found"))

        return await run_in_threadpool(answer)

    async def unusual(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        call = Call(web, request, language_of(web, request))
        response = await run_in_threadpool(failed, call, UsageError("serve.request"))
        response.status_code = status
        return response

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        yield
        await run_in_threadpool(_stop, web)

    pages = routes()
    app = Starlette(
        routes=[*own, *pages],
        exception_handlers={404: missing, 405: unusual, HTTPException: unusual},
        lifespan=lifespan,
    )
    app.state.web = web
    app.state.api = api
    # A redirection to the path without its slash would be made of the name that the request came under.
    app.router.redirect_slashes = api.router.redirect_slashes = False
    uploads = [one.path_regex for one in pages if isinstance(one, PageRoute) and one.files]
    app.add_middleware(Guard, settings=web.settings, figures=web.figures, uploads=uploads)
    return app


def _stop(web: Web) -> None:
    web.sending.stop()
    web.plugged.stop()
    web.verifying.wait()
    web.planning.wait()
    web.counting.wait()
    for one in web.signs:
        web.end(one, "stop")
