"""What every request for a page passes through."""

from __future__ import annotations

import functools
from collections.abc import Callable
from hmac import compare_digest
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from muniment.cli.errors import problem
from muniment.errors import AccessDenied, ApprovalNeeded, MunimentError, NotFound, UsageError
from muniment_web.frame.call import Call
from muniment_web.server.faults import report
from muniment_web.server.web import Web

__all__ = ["failed", "language_of", "page"]

Handler = Callable[[Call], Response]
_SAFE: Final = ("GET", "HEAD", "OPTIONS")


def page(
    path: str,
    handler: Handler,
    *,
    methods: tuple[str, ...] = ("GET",),
    public: bool = False,
    files: bool = False,
    quiet: bool = False,
    name: str | None = None,
) -> Route:
    """A route of the pages.

    Args:
        path: with the parts that it names in braces.
        handler: answers in a thread; the archive may be waited for there.
        methods: of HTTP.
        public: answers somebody who is not signed in too.
        files: takes uploads.
        quiet: asked for by a script on its own, so it does not keep a sign-in from ending.
        name: as the figures name it.
    """

    async def endpoint(request: Request) -> Response:
        web: Web = request.app.state.web
        call = Call(web, request, language_of(web, request))
        if request.method not in _SAFE:
            try:
                call.form = await request.form(max_files=4 if files else 0, max_fields=5_000)
            except (MultiPartException, HTTPException):
                return failed(call, UsageError("serve.request"))
        try:
            return await run_in_threadpool(_answer, call, handler, public, quiet)
        finally:
            await call.form.close()

    functools.update_wrapper(endpoint, handler, assigned=("__name__", "__doc__"), updated=())
    return Route(path, endpoint, methods=list(methods), name=name or handler.__name__)


def language_of(web: Web, request: Request) -> str:
    """The language that the reader chose, else what the browser asks for, else the archive's."""
    chosen = request.cookies.get("lang", "")
    if chosen in web.says:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        start = part.partition(";")[0].strip().partition("-")[0].lower()
        if start in web.says:
            return start
    return web.archive.applied.language


def _answer(call: Call, handler: Handler, public: bool, quiet: bool) -> Response:
    web = call.web
    try:
        web.sweep()
        _find_sign(call, quiet)
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
        response = failed(call, error)
    except ApprovalNeeded as error:
        # Nothing failed: it was put aside, and the list of what waits is the next place to look.
        response = call.go("/changes", note=error.text(call.lang).rpartition(" [")[0])
    except MunimentError as error:
        response = failed(call, error)
    except Exception as error:  # nothing of it is shown: it may hold a value
        report(error)
        response = failed(call, None)
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
                max_age=None if name == web.cookie else 31_536_000,
            )
    return response


def _find_sign(call: Call, quiet: bool) -> None:
    web = call.web
    cookie = call.request.cookies.get(web.cookie, "")
    found = web.signs.find(cookie, quiet=quiet) if cookie else None
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
    if not call.origin_is_ours():
        raise AccessDenied("sign.form")
    if call.sign is not None:
        given = call.text("csrf") or call.request.headers.get("x-csrf", "")
        if not compare_digest(given.encode(), call.sign.csrf.encode()):
            raise AccessDenied("sign.form")


def _to_sign_in(call: Call) -> Response:
    back = call.request.url.path if call.request.method == "GET" and not call.partial else ""
    return call.go(f"/sign-in?next={quote(back)}" if back not in ("", "/") else "/sign-in")


def failed(call: Call, error: MunimentError | None) -> Response:
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
