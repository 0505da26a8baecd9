"""What stands around every answer: headers, the size of bodies; plain ASGI, since each request pays."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muniment.errors import MunimentError, UsageError
from muniment_web.server.faults import report
from muniment_web.server.figures import Figures
from muniment_web.server.hosts import Hosts
from muniment_web.server.settings import Settings
from muniment_web.server.texts import asked_language

__all__ = ["POLICY", "Guard", "TooLarge"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No script and no style but from our own files, nothing from elsewhere, in no frame."""

_HEADERS: Final = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_API: Final = "/api/"
_ANY_HOST: Final = ("/health", "/ready")
"""Asked by what watches over the process, by an address; they tell nothing."""

_FAILED: Final = b"Something went wrong here; nothing was lost.\n"
_API_UPLOADS: Final = ("/bulk", "/file", "/import", "/inbox", "/consents", "/step", "/add")
"""How the addresses of those calls of the API end that carry a file, or many records."""


_MULTIPART: Final = "multipart/form-data"


def _header(scope: Scope, name: bytes) -> str:
    """A header of a request, or nothing."""
    return next((bytes(value).decode("latin-1") for each, value in scope["headers"] if each == name), "")


def _framed_twice(scope: Scope) -> bool:
    """Whether a body says twice where it ends: a proxy may believe the other one (RFC 9112, 6.1)."""
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names and b"transfer-encoding" in names


class TooLarge(Exception):
    """The body went past its bound."""


class Guard:
    """Adds the headers, bounds bodies, and tells each request in a line without values.

    Args:
        app: what answers.
        settings: how it is served.
        figures: counts requests.
        uploads: the paths of pages that take files.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, figures: Figures, uploads: Sequence[re.Pattern[str]] = ()
    ) -> None:
        self._app = app
        self._figures = figures
        self._settings = settings
        self._strict = settings.secure
        self._hosts = Hosts(settings)
        self._uploads = tuple(uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        started = refused = False
        bound = self._settings.body_bytes
        taken = 0

        async def sending(message: Message) -> None:
            nonlocal status, started
            if taken > bound and not (refused or started):
                # Whatever a route makes of a body that breaks off, this is why it did.
                return
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS:
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if self._strict:
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > bound:
                    raise TooLarge
            return message

        try:
            if _framed_twice(scope):
                refused = True
                await self._refuse(scope, sending, 400, UsageError("serve.request"))
                return
            if not self._hosts.known(scope) and scope["path"] not in _ANY_HOST:
                refused = True
                await self._refuse(scope, sending, 421, UsageError("serve.host"))
                return
            bound = self._bound(scope)
            if self._announced(scope) > bound:
                raise TooLarge
            await self._app(scope, receiving, sending)
        except TooLarge:
            taken = bound + 1
        except Exception as error:  # nothing of it is shown: it may hold a value
            report(error)
            if not started:
                await self._fail(sending)
        finally:
            if taken > bound and not started:
                refused = True
                await self._refuse(scope, sending, 413, UsageError("serve.body", count=bound))
            self._tell(scope, status, time.perf_counter() - began)

    async def _refuse(self, scope: Scope, send: Send, status: int, error: MunimentError) -> None:
        from muniment.cli.errors import problem

        document = {
            **problem(error, asked_language(_header(scope, b"accept-language")) or "en"),
            "status": status,
        }
        headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    async def _fail(self, send: Send) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": _FAILED})

    def _bound(self, scope: Scope) -> int:
        path = scope["path"]
        if path.startswith(_API):
            large = path.endswith(_API_UPLOADS)
        else:
            # A form without a file is read whole into memory, however large its bound.
            large = _header(scope, b"content-type").lower().startswith(_MULTIPART) and any(
                one.match(path) for one in self._uploads
            )
        return self._settings.file_bytes if large else self._settings.body_bytes

    @staticmethod
    def _announced(scope: Scope) -> int:
        for name, value in scope["headers"]:
            if name == b"content-length":
                return int(value) if value.isdigit() else 0
        return 0

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        # The route, never the path: a path names records, and a mistyped one may be anything.
        name = getattr(route, "path", "") or "-"
        method = scope["method"] if scope["method"] in _METHODS else "?"
        self._figures.add(method, name, status, seconds)
        line = {
            "event": "request",
            "method": method,
            "route": name,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        if self._settings.access_log:
            print(json.dumps(line), file=sys.stderr, flush=True)
