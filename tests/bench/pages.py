"""What a page costs in the server, beside a bare Starlette page over the same rows without seals and log.

Both are asked in the process itself, so no network and no browser is in the figures. The
bare page reads a hundred rows of ten columns and joins them into a table. ``over`` are
questions to the same table: each reads, opens and logs its hundred rows as the first page
does, and the first one that sorts or chooses by a field makes the field's index (``first_ms``).
"""

from __future__ import annotations

import asyncio
import gc
import re
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

import muniment.archive

__all__ = ["pages"]


def _bare(path: Path, made: Sequence[dict[str, object]]) -> Starlette:
    db = sqlite3.connect(path, check_same_thread=False)
    keys = list(made[0])
    db.execute(f"CREATE TABLE customer(id INTEGER PRIMARY KEY, {', '.join(keys)})")
    marks = ", ".join("?" * len(keys))
    db.executemany(
        f"INSERT INTO customer({', '.join(keys)}) VALUES ({marks})",
        [[str(row.get(key, "")) for key in keys] for row in made],
    )
    db.commit()

    async def table(request: Request) -> HTMLResponse:
        rows = db.execute("SELECT * FROM customer ORDER BY id LIMIT 100").fetchall()
        cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        return HTMLResponse(f"<table>{cells}</table>")

    async def record(request: Request) -> HTMLResponse:
        row = db.execute("SELECT * FROM customer WHERE id = 7").fetchone()
        return HTMLResponse("<dl>" + "".join(f"<dd>{cell}</dd>" for cell in row) + "</dl>")

    return Starlette(routes=[Route("/t/customer", table), Route("/record", record)])


def _asker(app: Any, path: str, cookie: str, form: Mapping[str, str] | None = None) -> Callable[[], str]:
    """Asks an application for a page, as its server would; with a form as the page's script does."""
    headers = [(b"host", b"localhost:8765"), (b"accept-language", b"en")]
    if cookie:
        headers.append((b"cookie", cookie.encode()))
    sent = urlencode(form or {}).encode()
    if form is not None:
        headers += [
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"content-length", str(len(sent)).encode()),
            (b"hx-request", b"true"),
        ]

    async def ask() -> str:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET" if form is None else "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 8765),
        }
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200, message["status"]
            parts.append(message.get("body", b""))

        await app(scope, receive, send)
        return b"".join(parts).decode()

    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(ask())


def _median_ms(ask: Callable[[], str], times: int) -> dict[str, float]:
    for _ in range(5):
        ask()
    gc.collect()
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {
        "median_ms": round(statistics.median(walls) * 1000, 2),
        "least_ms": round(min(walls) * 1000, 2),
        "cpu_ms": round(statistics.median(cpus) * 1000, 2),
    }


def pages(
    archive: muniment.archive.Archive, made: Sequence[dict[str, object]], folder: Path, *, times: int = 60
) -> dict[str, Any]:
    """Server time of the table's first page of a hundred rows and of a record's form.

    Args:
        archive: with the rows in it.
        made: the rows.
        folder: where the bare page's database goes.
        times: how often each page is asked for.
    """
    from muniment_web._app import build
    from muniment_web._serve import settle
    from muniment_web.testing import Browser, give_password, new_web

    give_password(archive, "owner")
    web = new_web(archive)
    browser = Browser.of(web).sign_in("owner")
    cookie = f"muniment={browser.client.cookies['muniment']}"
    app = build(web)
    settle()
    table = _asker(app, "/t/customer", cookie)
    found = re.search(r'data-id="([0-9a-f-]{36})"', table())
    assert found is not None
    bare = _bare(folder / "bare.db", made)
    return {
        "customers": len(made),
        "table": {
            "ours": _median_ms(table, times),
            "bare": _median_ms(_asker(bare, "/t/customer", ""), times),
        },
        "record": {
            "ours": _median_ms(_asker(app, f"/t/customer/{found[1]}", cookie), times),
            "bare": _median_ms(_asker(bare, "/record", ""), times),
        },
        "over": _questions(archive, app, cookie, browser.csrf, max(3, times // 6)),
    }


def _questions(
    archive: muniment.archive.Archive, app: Any, cookie: str, csrf: str, times: int
) -> dict[str, Any]:
    """What it takes to answer other questions of the table, over all its rows."""
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        after = None
        for _ in range(30):
            after = session.list("customer", fields=["number"], limit=1000, after=after).after or after
    questions = {
        "deep": {"do": f"next:{after}"},
        "sorted": {"do": "sort:city"},
        "filtered": {"do": "find", "nf": "status", "nv": "active"},
        "found_by_number": {"do": "find", "nf": "number", "nv": "C00000007"},
        "found_by_sealed_email": {"do": "find", "nf": "email", "nv": "customer7.0@example.com"},
    }
    found = {}
    for name, form in questions.items():
        ask = _asker(app, "/t/customer", cookie, {"csrf": csrf, **form})
        began = time.perf_counter()
        ask()
        first = time.perf_counter() - began
        found[name] = {"first_ms": round(first * 1000, 1), **_median_ms(ask, times)}
    return found
