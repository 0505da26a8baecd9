"""What stands around every answer, asked as a server asks it: bodies have a bound, failures say nothing."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muniment_web.server.figures import Figures
from muniment_web.server.guard import POLICY, Guard
from muniment_web.server.settings import Settings

SMALL, LARGE = 10, 40
FORM, FILES = b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"
UPLOADS = (re.compile("^/import$"),)


@attrs.define
class Told:
    """What a caller was told, how many pieces of their body were taken, and what was counted."""

    status: int = 0
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    taken: int = 0
    starts: int = 0
    figures: Figures = attrs.field(factory=Figures)


def asked(
    app: ASGIApp,
    *,
    path: str = "/t/customer",
    method: str = "POST",
    kind: bytes = FORM,
    pieces: Iterable[bytes] = (b"",),
    headers: Iterable[tuple[bytes, bytes]] = (),
    host: bytes = b"localhost",
    **settings: Any,
) -> Told:
    """Ask an application behind the guard, with a body in pieces."""
    told, left = Told(), list(pieces)
    given = Settings(**{"body_bytes": SMALL, "file_bytes": LARGE, "access_log": False, **settings})

    async def receive() -> Message:
        told.taken += 1
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            told.starts += 1
            told.status = message["status"]
            told.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            told.body += message["body"]

    named = [(b"host", host)] if host else []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [*named, (b"content-type", kind), *headers],
    }
    guard = Guard(app, given, told.figures, UPLOADS)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, guard(scope, receive, send)).result()
    return told


async def taking(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes a body whole, and says how long it was."""
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message["body"]), message["more_body"]
    await answer(send, 200, str(length).encode())


async def answer(send: Send, status: int, body: bytes) -> None:
    """An answer without headers of its own."""
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("path", "kind", "bound"),
    [
        ("/t/customer", FORM, SMALL),
        ("/t/customer", FILES, SMALL),
        ("/import", FILES, LARGE),
        ("/import", FORM, SMALL),
        ("/api/v1/records/customer", b"application/json", SMALL),
        ("/api/v1/records/customer", FILES, SMALL),
        ("/api/v1/records/customer/bulk", b"application/json", LARGE),
        ("/api/v1/records/customer/import", b"application/json", LARGE),
    ],
)
def test_a_body_is_taken_up_to_its_bound_and_not_a_byte_further(path, kind, bound):
    """Whole or in pieces, announced or not; what may be longer is a file where one is expected."""
    length = [(b"content-length", str(bound).encode())]
    for pieces in ([b"x" * bound], [b"x"] * bound):
        for headers in ((), length):
            told = asked(taking, path=path, kind=kind, pieces=pieces, headers=headers)
            assert (200, str(bound).encode()) == (told.status, told.body)
    for pieces in ([b"x" * (bound + 1)], [b"x"] * (bound + 1)):
        assert 413 == asked(taking, path=path, kind=kind, pieces=pieces).status
    longer = [(b"content-length", str(bound + 1).encode())]
    told = asked(taking, path=path, kind=kind, pieces=[b"x"], headers=longer)
    assert (413, 0) == (told.status, told.taken)
    assert "serve.body" == json.loads(told.body)["code"]


def test_of_a_body_without_end_no_more_is_taken_than_its_bound():
    """Whoever goes on sending fills no memory, and their connection is given up."""
    told = asked(taking, pieces=[b"xx"] * 1_000)
    assert (413, SMALL // 2 + 1) == (told.status, told.taken)
    assert "close" == told.headers["connection"]


def test_a_body_that_is_too_long_is_the_reason_whatever_a_route_makes_of_it():
    """A route that takes the end of the body for a mistake in it does not answer in our place."""

    async def mistaken(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await taking(scope, receive, send)
        except Exception:
            await answer(send, 400, b"no form")

    told = asked(mistaken, pieces=[b"x" * (SMALL + 1)])
    assert (413, 1) == (told.status, told.starts)
    assert b"no form" not in told.body


def test_a_failure_is_answered_without_its_words(capfd):
    """The caller learns that something went wrong, the operator where; neither what it happened with."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("Anna Schmidt")

    async def broken_late(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("Anna Schmidt")

    told = asked(broken)
    assert (500, POLICY, "no-store") == (
        told.status,
        told.headers["content-security-policy"],
        told.headers["cache-control"],
    )
    late = asked(broken_late)
    assert (200, 1, b"") == (late.status, late.starts, late.body)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [("failure", "ValueError", "test_guard.py")] * 2 == [
        (line["event"], line["type"], line["file"]) for line in lines
    ]
    assert b"Anna" not in told.body
    assert "Anna" not in str(lines)


def test_every_header_is_on_every_answer():
    """Ours and a refusal: no script but ours, in no frame, kept by nobody, no sensor, no other window."""
    expected = {
        "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "cache-control": "no-store",
    }
    for told in (asked(taking), asked(taking, pieces=[b"x" * 99]), asked(taking, host=b"evil.example")):
        assert expected == {name: told.headers.get(name) for name in expected}
        assert "strict-transport-security" not in told.headers
    strict = asked(taking, url="https://localhost").headers["strict-transport-security"]
    assert "max-age=31536000" == strict


def test_a_verb_that_somebody_made_up_is_not_told(capfd):
    """It may be anything; in a line and among the figures it is a question mark."""
    told = asked(taking, method="ANNA", access_log=True)
    line = json.loads(capfd.readouterr().err)
    assert ("request", "?", "-", 200) == (line["event"], line["method"], line["route"], line["status"])
    assert 'method="?",route="-",status="200"} 1' in told.figures.text(signed_in=0, log_size=0)


@pytest.mark.parametrize("host", [b"", b"balancer.internal", b"evil.example"])
def test_what_watches_over_the_process_needs_no_name(host):
    """It asks under whatever name it reaches us by, or none; nothing else is answered so."""
    for path in ("/health", "/ready"):
        assert 200 == asked(taking, path=path, method="GET", host=host).status
    for path in ("/", "/sign-in", "/health/", "/metrics", "/api/v1/me"):
        assert 421 == asked(taking, path=path, method="GET", host=host).status


@pytest.mark.parametrize(
    ("host", "known"),
    [
        (b"localhost", True),
        (b"LocalHost.", True),
        (b"localhost:8765", True),
        (b"records.example", True),
        (b"192.0.2.7", True),
        (b"[2001:db8::1]:443", True),
        (b"records.example.evil", False),
        (b"xrecords.example", False),
        (b"localhost:x", False),
        (b"local host", False),
        (b"[::1", False),
    ],
)
def test_a_name_is_ours_or_an_address(host, known):
    """Another name that leads here is somebody's trick; letters are of one size, a dot at the end is none."""
    told = asked(taking, host=host, url="https://records.example")
    assert (200 if known else 421) == told.status
    twice = asked(taking, host=host, headers=[(b"host", host)], url="https://records.example")
    assert 421 == twice.status


def test_a_body_that_ends_twice_is_refused():
    """Where it says so twice, a proxy may take the rest of it for another request."""
    headers = [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")]
    told = asked(taking, pieces=[b"x"], headers=headers)
    assert (400, 0, "close") == (told.status, told.taken, told.headers["connection"])
