"""What every request for a page passes through."""

from __future__ import annotations

import functools
from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import quote

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from muniment.cli.errors import problem
from muniment.errors import AccessDenied, ApprovalNeeded, IntegrityError, MunimentError, UsageError
from muniment_web.frame.call import Call
from muniment_web.frame.told import SIGNED_OUT, hint_of, sentence_of, types_called, worded
from muniment_web.server.faults import report
from muniment_web.server.texts import asked_language
from muniment_web.server.web import Web

__all__ = ["PageRoute", "failed", "find_sign", "language_of", "page"]

Handler = Callable[[Call], Response]
_SAFE: Final = ("GET", "HEAD", "OPTIONS")


class PageRoute(Route):
    """A route of the pages; ``files`` says whether it takes uploads."""

    files: bool = False


def page(
    path: str,
    handler: Handler,
    *,
    methods: tuple[str, ...] = ("GET",),
    public: bool = False,
    files: bool = False,
    quiet: bool = False,
    name: str | None = None,
) -> PageRoute:
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
        if not _is_text(request):
            return await run_in_threadpool(failed, call, UsageError("serve.request"))
        if request.method not in _SAFE:
            # Nobody sends a body here whom the answer would not let in anyway.
            refused = await run_in_threadpool(_guarded, call, _enter, public, quiet)
            if refused is not None:
                return refused
            try:
                call.form = await request.form(max_files=4 if files else 0, max_fields=5_000)
            except (MultiPartException, HTTPException, UnicodeError):
                return await run_in_threadpool(failed, call, UsageError("serve.request"))
        try:
            answer = await run_in_threadpool(_guarded, call, _answer, public, quiet, handler)
        finally:
            await call.form.close()
        assert answer is not None
        return answer

    functools.update_wrapper(endpoint, handler, assigned=("__name__", "__doc__"), updated=())
    made = PageRoute(path, endpoint, methods=list(methods), name=name or handler.__name__)
    made.files = files
    return made


def _is_text(request: Request) -> bool:
    """Whether a form's encoding is the one that browsers send; others make what nothing could store."""
    _, parameters = parse_options_header(request.headers.get("content-type", ""))
    return parameters.get(b"charset", b"utf-8").lower() in (b"utf-8", b"utf8")


def language_of(web: Web, request: Request) -> str:
    """The language that the reader chose, else what the browser asks for, else the archive's."""
    chosen = request.cookies.get("lang", "")
    if chosen in web.says:
        return chosen
    return asked_language(request.headers.get("accept-language", "")) or web.archive.applied.language


def _enter(call: Call, public: bool, quiet: bool) -> Response | None:
    """Find who asks; an answer where they may not ask at all, or another site's page asks in their name."""
    call.web.sweep()
    find_sign(call, quiet)
    if call.sign is None and not public:
        return _to_sign_in(call)
    if call.request.method not in _SAFE and not call.origin_is_ours():
        raise AccessDenied("sign.form")
    return None


def _answer(call: Call, public: bool, quiet: bool, handler: Handler) -> Response:
    # Once more behind a body, which may have taken long: a right may be gone by now.
    refused = _enter(call, public, quiet)
    if refused is not None:
        return refused
    if call.request.method not in _SAFE:
        _check_form(call)
        call.web.waiting.forget()
    return handler(call)


def _guarded(call: Call, step: Callable[..., Response | None], *given: Any) -> Response | None:
    """What a step answers, or how it failed; with the cookies that it sets."""
    web = call.web
    response: Response | None
    try:
        response = step(call, *given)
    except AccessDenied as error:
        if error.code in SIGNED_OUT and call.sign:
            web.end(call.sign, "rights")
            return _to_sign_in(call)
        response = failed(call, error)
    except ApprovalNeeded as error:
        # Nothing failed: it was put aside, and the list of what waits is the next place to look.
        response = call.go("/changes", note=sentence_of(call, error))
    except MunimentError as error:
        response = failed(call, error)
    except Exception as error:  # nothing of it is shown: it may hold a value
        report(error)
        response = failed(call, None)
    if response is None:
        return None
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


def find_sign(call: Call, quiet: bool = False) -> None:
    """Look who asks: whoever is still who they were when they signed in."""
    web = call.web
    call.sign = None
    cookie = call.request.cookies.get(web.cookie, "")
    found = web.signs.find(cookie, quiet=quiet) if cookie else None
    if found is None:
        return
    web.engine.refresh()
    user = web.engine.definitions.users.get(found.login)
    began = found.session.acting.actor
    if user is None or not user.active or (user.roles, user.attributes) != (began.roles, began.attributes):
        web.end(found, "rights")
        return
    call.sign = found


def _check_form(call: Call) -> None:
    """Refuse a form that no page of ours made for this sign-in.

    Raises:
        AccessDenied: ``sign.form``.
    """
    if call.sign is not None:
        given = call.text("csrf") or call.request.headers.get("x-csrf", "")
        if not compare_digest(given.encode(errors="replace"), call.sign.csrf.encode()):
            raise AccessDenied("sign.form")


def _to_sign_in(call: Call) -> Response:
    back = call.request.url.path if call.request.method == "GET" and not call.partial else ""
    return call.go(f"/sign-in?next={quote(back)}" if back not in ("", "/") else "/sign-in")


_TITLES = {403: "common.denied", 404: "common.missing"}


def failed(call: Call, error: MunimentError | None) -> Response:
    """An error as a page, or as the piece that a script puts in place."""
    if error is None:
        shown: dict[str, Any] = {
            "code": "",
            "text": call.say("common.failed"),
            "hint": call.say("common.failed_hint"),
        }
        status = 500
    else:
        document = problem(worded(call, error), call.lang)
        place = types_called(call).get(error.where or "", "")
        said = document["title"]
        shown = {
            "code": error.code,
            "text": f"{said} ({place})" if place and place not in said else said,
            "hint": hint_of(call, error),
        }
        if "issues" in document:
            shown["hint"] = "; ".join(one["detail"] for one in document["issues"])
        status = int(document["status"])
        # What was altered is nothing that trying again mends.
        shown["altered"] = isinstance(error, IntegrityError)
    if call.partial:
        return call.page("_problem.html", status=status, problem=shown)
    title = _TITLES.get(status, "common.problem")
    if status == 404:
        # What the command line proposes is of no use here.
        shown["hint"] = call.say("common.missing_hint")
    return call.page("problem.html", status=status, problem=shown, title=call.say(title))
