"""The application of the API: its areas, how it fails, and what its description says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from muniment import __version__
from muniment.cli.errors import problem
from muniment.errors import Conflict, MunimentError, PluginError, UsageError, text_of
from muniment_web.api._calls import PURPOSE, language_of, once_of, rule_of
from muniment_web.api._models import Problem, Waits
from muniment_web.api._once import Answers
from muniment_web.server.web import Web

__all__ = ["build_api", "refused"]

PROBLEM: Final = "application/problem+json"
_STATUS: Final = {
    "sign.needed": 401,
    "sign.token": 401,
    "sign.rate": 429,
    "sign.throttled": 429,
    "conflict.version": 412,
    "serve.if_match": 428,
    # A follower named a place that the log does not reach: theirs may be wrong, or the log was cut.
    "log.behind": 409,
}


# What pydantic finds wrong with a member, as far as it has a sentence of its own.
_SAID: Final = frozenset(
    (
        "missing",
        "extra_forbidden",
        "json_invalid",
        "string_type",
        "int_type",
        "int_parsing",
        "bool_type",
        "bool_parsing",
        "list_type",
        "dict_type",
        "model_attributes_type",
        "literal_error",
        "string_pattern_mismatch",
        "string_too_short",
        "string_too_long",
        "too_long",
        "uuid_parsing",
        "greater_than_equal",
        "less_than_equal",
        "less_than",
    )
)


class _Problems(JSONResponse):
    media_type = PROBLEM


# Failures


def _answer(request: Request, error: MunimentError) -> Response:
    document = problem(error, language_of(request))
    # A plugin that is missing, broken or in another's way is how the archive stands, and no failure of ours.
    usual = 409 if isinstance(error, PluginError) else int(document["status"])
    status = _STATUS.get(error.code, usual)
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
    lang = language_of(request)
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    sent = said or request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if sent and not said.endswith("json") and any(one["loc"][:1] == ("body",) for one in error.errors()):
        # What a program sends that was not told otherwise: a form, or bytes of no kind.
        return _Problems({**problem(UsageError("serve.media_type"), lang), "status": 415}, 415)
    issues = [
        {
            "field": _place(request, one["loc"]),
            "code": f"request.{one['type']}",
            "severity": "error",
            "detail": _said(one["type"], lang),
        }
        for one in error.errors()
    ]
    return _Problems({**problem(UsageError("serve.request"), lang), "status": 422, "issues": issues}, 422)


def _said(kind: str, lang: str) -> str:
    """What is wrong with a member, in words."""
    return text_of(f"request.{kind}" if kind in _SAID else "request.other", lang)[0]


def _place(request: Request, location: tuple[int | str, ...]) -> str:
    """Where in the request; a name that the caller made up is not repeated."""
    known = request.app.state.names
    return ".".join(str(one) if isinstance(one, int) or one in known else "?" for one in location[:6])


def _names(found: Any) -> Iterator[str]:
    """Every name of a member or parameter that the description has."""
    if isinstance(found, dict):
        if isinstance(found.get("properties"), dict):
            yield from found["properties"]
        if "in" in found and isinstance(found.get("name"), str):
            yield found["name"]
        for one in found.values():
            yield from _names(one)
    elif isinstance(found, list):
        for one in found:
            yield from _names(one)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(request, error.status_code, error.headers)


def refused(request: Request, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to what is no call, or none of this form."""
    code = {404: "serve.no_call", 405: "serve.method"}.get(status, "serve.request")
    return _Problems({**problem(UsageError(code), language_of(request)), "status": status}, status, headers)


def _unexpected(request: Request, error: Exception) -> Response:
    # Raised once more behind this answer: what stands around all answers tells the operator, once.
    document = problem(Conflict("serve.failed"), language_of(request))
    return _Problems({**document, "status": 500}, 500)


ANSWERS: Final[Mapping[int | str, dict[str, Any]]] = {
    status: {
        "description": text,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, text in {
        400: "The request cannot be answered as it was asked.",
        401: "Nobody is signed in.",
        403: "The roles or the token do not allow it; written to the log.",
        404: "Nothing there that this caller may see.",
        409: "Somebody else moved first, or what is there stands in the way.",
        412: "The version that If-Match names is not the newest.",
        413: "The body is too large.",
        415: "The body does not say that it is JSON.",
        422: "Values, or the request, were refused; every problem is listed.",
        428: "If-Match is missing.",
        429: "Too many requests.",
        500: "A failure; nothing was lost.",
        503: "The archive cannot answer at the moment.",
    }.items()
}


_RETRY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a retry with the same key does nothing twice and gives the first answer, for a day",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
_PURPOSE: Final = {
    "name": PURPOSE,
    "in": "header",
    "required": False,
    "description": "for what data is touched, a term out of `/purposes`; by default the archive's own",
    "schema": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.:-]{0,99}$"},
}
_WAITS: Final = {
    "description": "Nothing was done yet: it waits for a second person.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Waits"}}},
}
_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "a token of one's own account"},
    "sign-in": {
        "type": "apiKey",
        "in": "cookie",
        "name": "muniment",
        "description": "a sign-in of the pages; what changes something sends the form token as X-CSRF too",
    },
}


def _named(status: int | str) -> str:
    return f"Problem{status}"


class _Api(FastAPI):
    """Describes, of every call, the scope of the token and the action of the roles that it needs."""

    def openapi(self) -> dict[str, Any]:
        """The description."""
        if self.openapi_schema:
            return self.openapi_schema
        document = super().openapi()
        document["components"]["securitySchemes"] = _SCHEMES
        for model in (Problem, Waits):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            document["components"]["schemas"] |= {**schema.pop("$defs", {}), model.__name__: schema}
        # Said once: two hundred calls can each be refused in a dozen ways.
        document["components"]["responses"] = {_named(status): answer for status, answer in ANSWERS.items()}
        for route in self.calls:
            rule = rule_of(route)
            for method in route.methods or ():
                one = document["paths"][route.path_format][method.lower()]
                scopes = [rule.scope] if rule.scope else []
                one["security"] = [{"token": scopes}, {"sign-in": []}]
                one["x-action"] = rule.action
                one["responses"] |= {
                    str(status): {"$ref": f"#/components/responses/{_named(status)}"}
                    for status in ANSWERS
                    if str(status) in one["responses"]
                }
                given = [each["name"] for each in one.setdefault("parameters", [])]
                one["parameters"].append(_PURPOSE)
                if once_of(route) != "never" or (rule.scope == "export" and method != "GET"):
                    one["responses"].setdefault("202", _WAITS)
                if once_of(route) != "never" and _RETRY["name"] not in given:
                    one["parameters"].append(_RETRY)
        return document

    @property
    def calls(self) -> Iterator[APIRoute]:
        """Every call."""
        from muniment_web.api._areas import AREAS

        for router in AREAS:
            yield from (one for one in router.routes if isinstance(one, APIRoute))


def build_api(web: Web) -> FastAPI:
    """The API over an opened archive."""
    from muniment_web.api._areas import AREAS

    app = _Api(
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
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.web = web
    app.state.answers = Answers(web.engine.clock, web.engine.random(32))
    for router in AREAS:
        app.include_router(router)
    # Nothing may be asked for that says not what it needs.
    for route in app.calls:
        rule_of(route)
    for kind, handler in (
        (MunimentError, _ours),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
        (Exception, _unexpected),
    ):
        app.add_exception_handler(kind, handler)
    app.state.names = _Names(app)
    return app


class _Names:
    """The names that the description has; read when the first one is asked for."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._known: frozenset[str] = frozenset()

    def __contains__(self, name: object) -> bool:
        if not self._known:
            self._known = frozenset(("body", "path", "query", "header", *_names(self._app.openapi())))
        return name in self._known
