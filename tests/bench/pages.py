"""What a page costs in the server, beside a bare Starlette page over the same rows without seals and log.

The archive is that of somebody who chose the tables of customer information and tracking: the
default view of a customer opens five sealed parts a row, and of those that ship that is the
most; an opportunity's opens four and the customer behind each. Both are asked in the process
itself, so no network and no browser is in the figures, and the first time is told apart
(``first_ms``): the first one who sorts, groups or chooses by a field makes the field's index.

The bare page keeps the same columns in clear in one table with the same indexes, asks it the
same question, and joins what it gets into a table or into JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

import muniment.archive
from muniment.keys import KeyFile, write_key_file
from muniment.model import id_text
from muniment.session import Change, Session

__all__ = ["served"]

STATUSES = ("active", "following", "potential", "dormant", "lost")
LEVELS = ("regular", "key", "vip")
SOURCES = ("referral", "website", "search", "exhibition", "store")
STAGES = ("lead", "qualified", "proposal", "negotiation", "won")
_BATCH = 500
_DEEP_PAGES = 30


def rows(count: int, owner: str) -> list[dict[str, object]]:
    """Customers as their default view shows them, of one account manager; they do not exist."""
    from muniment.demo import customers

    made: list[dict[str, object]] = []
    for place, one in enumerate(customers(count)):
        made.append(
            {
                "customer_number": one.number,
                "full_name": one.name,
                "phone": f"+49 30 {23_125_000 + place}",
                "email": one.email,
                "company": one.company,
                "city": one.city,
                "birth_date": one.birthday,
                "status": STATUSES[place % 5],
                "customer_level": LEVELS[place % 3],
                "lead_source": SOURCES[place * 7 % 5],
                "account_owner": owner,
            }
        )
    return made


def _fill(session: Session, made: Sequence[dict[str, object]]) -> None:
    ids: list[str] = []
    for at in range(0, len(made), _BATCH):
        some = made[at : at + _BATCH]
        ids += [one.id for one in session.write([Change("create", "customer", values=one) for one in some])]
        if not (at + _BATCH) % 10_000:
            print(f"{at + _BATCH} of {len(made)} behind the pages", file=sys.stderr, flush=True)
    sales = [
        Change(
            "create",
            "opportunity",
            values={
                "customer": ids[place * 7 % len(ids)],
                "title": f"Tea for {place} guests",
                "stage": STAGES[place % 5],
                "expected_amount": f"{place % 80 * 500 + 500} CNY",
            },
        )
        for place in range(min(len(ids), 2_000))
    ]
    for at in range(0, len(sales), _BATCH):
        session.write(sales[at : at + _BATCH])


def _bare(path: Path, made: Sequence[dict[str, object]]) -> Starlette:
    """The same rows in clear, and pages and calls that ask for them."""
    db = sqlite3.connect(path, check_same_thread=False)
    keys = list(made[0])
    db.execute(f"CREATE TABLE customer(id INTEGER PRIMARY KEY, {', '.join(keys)})")
    marks = ", ".join("?" * len(keys))
    db.executemany(
        f"INSERT INTO customer({', '.join(keys)}) VALUES ({marks})",
        [[str(row.get(key, "")) for key in keys] for row in made],
    )
    for key in ("city", "status", "email", "full_name"):
        db.execute(f"CREATE INDEX by_{key} ON customer({key})")
    db.execute("CREATE TABLE opportunity(id INTEGER PRIMARY KEY, customer INTEGER, title, stage, amount)")
    db.executemany(
        "INSERT INTO opportunity(customer, title, stage, amount) VALUES (?, ?, ?, ?)",
        [
            (place * 7 % len(made) + 1, f"Tea for {place} guests", STAGES[place % 5], place * 500)
            for place in range(min(len(made), 2_000))
        ],
    )
    db.commit()

    def answering(sql: str, parameters: Sequence[object] = ()) -> Callable[[Request], Any]:
        async def page(request: Request) -> HTMLResponse:
            found = db.execute(sql, parameters).fetchall()
            cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in found)
            return HTMLResponse(f"<table>{cells}</table>")

        return page

    def calling(sql: str) -> Callable[[Request], Any]:
        async def call(request: Request) -> JSONResponse:
            found = db.execute(sql).fetchall()
            return JSONResponse({"records": [dict(zip(("id", *keys), row, strict=True)) for row in found]})

        return call

    async def next_page(request: Request) -> HTMLResponse:
        after = int(request.query_params["after"])
        asking = answering("SELECT * FROM customer WHERE id > ? ORDER BY id LIMIT 100", (after,))
        page: HTMLResponse = await asking(request)
        return page

    half = len(made) // 2
    asked = {
        "table": answering("SELECT * FROM customer ORDER BY id LIMIT 100"),
        "references": answering(
            "SELECT o.*, c.full_name FROM opportunity o JOIN customer c ON c.id = o.customer "
            "ORDER BY o.id LIMIT 100"
        ),
        "record": answering("SELECT * FROM customer WHERE id = 7"),
        "deep": answering("SELECT * FROM customer WHERE id > ? ORDER BY id LIMIT 100", (half,)),
        "sorted": answering("SELECT * FROM customer ORDER BY city, id LIMIT 100"),
        "grouped": answering("SELECT * FROM customer ORDER BY status, id LIMIT 100"),
        "filtered": answering("SELECT * FROM customer WHERE status = 'active' ORDER BY id LIMIT 100"),
        "found": answering("SELECT * FROM customer WHERE email = ?", (str(made[7]["email"]),)),
        "quick": answering("SELECT * FROM customer WHERE full_name = ? LIMIT 10", (made[7]["full_name"],)),
        "api_list": calling("SELECT * FROM customer ORDER BY id LIMIT 100"),
        "api_get": calling("SELECT * FROM customer WHERE id = 7"),
    }
    asked["next"] = next_page
    return Starlette(routes=[Route(f"/{name}", page) for name, page in asked.items()])


def _asker(
    app: Any, path: str, cookie: str, form: Mapping[str, str] | None = None, *, program: bool = False
) -> Callable[[], str]:
    """Asks an application for a page, as its server would.

    Args:
        app: the pages.
        path: of the page.
        cookie: of a sign-in; empty for nobody's.
        form: sent as the page's script does.
        program: send it as a program does instead, as JSON.
    """
    path, _, query = path.partition("?")
    headers = [(b"host", b"localhost:8765"), (b"accept-language", b"en")]
    if cookie:
        headers.append((b"cookie", cookie.encode()))
    sent = urlencode(form or {}).encode()
    if form is not None and program:
        sent = json.dumps({key: value for key, value in form.items() if key != "csrf"}).encode()
        headers += [(b"content-type", b"application/json"), (b"x-csrf", form["csrf"].encode())]
    elif form is not None:
        headers += [(b"content-type", b"application/x-www-form-urlencoded"), (b"hx-request", b"true")]
    headers.append((b"content-length", str(len(sent)).encode()))

    async def ask() -> str:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET" if form is None else "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 8765),
        }
        parts: list[bytes] = []
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            parts.append(message.get("body", b""))

        await app(scope, receive, send)
        assert statuses == [200], (path, statuses)
        return b"".join(parts).decode()

    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(ask())


class _Taken:
    """How long the bare page and ours took, one after the other."""

    def __init__(self) -> None:
        self._each: dict[str, list[float]] = {"bare": [], "bare_cpu": [], "ours": [], "ours_cpu": []}

    def time(self, name: str, ask: Callable[[], str]) -> str:
        """Ask for a page, ``bare`` or ``ours``."""
        wall, cpu = time.perf_counter(), time.process_time()
        page = ask()
        self._each[name].append(time.perf_counter() - wall)
        self._each[f"{name}_cpu"].append(time.process_time() - cpu)
        return page

    def told(self) -> dict[str, float]:
        """Medians of wall and CPU time, and how many times the bare page's CPU ours takes."""
        middle = {name: statistics.median(one) * 1000 for name, one in self._each.items()}
        return {
            "bare_ms": round(middle["bare"], 2),
            "muniment_ms": round(middle["ours"], 2),
            "bare_cpu_ms": round(middle["bare_cpu"], 2),
            "muniment_cpu_ms": round(middle["ours_cpu"], 2),
            "least_ms": round(min(self._each["ours"]) * 1000, 2),
            "times": round(middle["ours_cpu"] / middle["bare_cpu"], 1),
        }


def _beside(floor: Callable[[], str], ours: Callable[[], str], times: int) -> dict[str, float]:
    """Both in turn, so often."""
    for ask in (floor, ours):
        for _ in range(3):
            ask()
    gc.collect()
    taken = _Taken()
    for _ in range(times):
        taken.time("bare", floor)
        taken.time("ours", ours)
    return taken.told()


def served(count: int, base: Path | None, *, times: int = 60) -> dict[str, Any]:
    """The pages and calls over so many customers, each beside its bare one.

    Args:
        count: how many customers.
        base: where the archive is made.
        times: how often each is asked for.
    """
    from muniment.schema.template import load_template

    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        templates = [load_template(one) for one in ("customer-info", "customer-tracking")]
        root = write_key_file(folder / "bench.key", os.urandom(16))
        assert isinstance(root, KeyFile)
        made = muniment.archive.create(folder / "archive", templates=templates, root=root, recovery=False)
        with made.archive as archive:
            owner = id_text(archive.engine.definitions.users["owner"].record)
            customers = rows(count, owner)
            _fill(archive.session(), customers)
            return _measure(archive, customers, folder, times)


def _measure(
    archive: muniment.archive.Archive, made: Sequence[dict[str, object]], folder: Path, times: int
) -> dict[str, Any]:
    from muniment_web._app import build
    from muniment_web._serve import settle
    from muniment_web.testing import Browser, give_password, new_web

    give_password(archive, "owner")
    web = new_web(archive, requests_a_minute=1_000_000)
    browser = Browser.of(web).sign_in("owner")
    cookie, csrf = f"muniment={browser.client.cookies['muniment']}", browser.csrf
    app, bare = build(web), _bare(folder / "bare.db", made)
    settle()
    table = "/t/customer"
    identifier = _first(_asker(app, table, cookie)())
    cursor = _deep(archive, len(made))
    found: dict[str, Any] = {"customers": len(made)}
    questions: dict[str, tuple[str, dict[str, str] | None]] = {
        "table": (table, None),
        "references": ("/t/opportunity", None),
        "record": (f"{table}/{identifier}", None),
        "deep": (table, {"do": f"next:{cursor}"}),
        "sorted": (table, {"do": "sort:city"}),
        "grouped": (table, {"do": "find", "group": "status"}),
        "filtered": (table, {"do": "find", "nf": "status", "nv": "active"}),
        "found": (table, {"do": "find", "nf": "email", "nv": str(made[7]["email"])}),
        "quick": ("/find", {"q": str(made[7]["full_name"])}),
        "api_list": ("/api/v1/records/customer/list", {}),
        "api_get": (f"/api/v1/records/customer/{identifier}", None),
    }
    for name, (path, form) in questions.items():
        sent = None if form is None else {"csrf": csrf, **form}
        ask = _asker(app, path, cookie, sent, program=path.startswith("/api"))
        floor = _asker(bare, f"/{name}", "")
        began = time.process_time()
        ask()
        first = time.process_time() - began
        some = max(3, times // 3) if first > 0.1 else times
        found[name] = {"first_ms": round(first * 1000, 1), **_beside(floor, ask, some)}
    found["each_once"] = _each_once(app, bare, table, cookie, csrf, times)
    return found


def _first(page: str) -> str:
    found = re.search(r'data-id="([0-9a-f-]{36})"', page)
    assert found is not None
    return found[1]


def _deep(archive: muniment.archive.Archive, count: int) -> str:
    """A cursor in the middle of all customers."""
    after: str | None = None
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        for _ in range(min(_DEEP_PAGES, count // 2_000)):
            after = session.list("customer", fields=["customer_number"], limit=1000, after=after).after
    return after or ""


def _each_once(app: Any, bare: Any, path: str, cookie: str, csrf: str, times: int) -> dict[str, float]:
    """Page after page, as somebody leafs: each holds a hundred whom nobody has opened before."""
    page, taken = _asker(app, path, cookie)(), _Taken()
    for place in range(times):
        after = re.search(r'value="next:([^"]+)"', page)
        if after is None:
            return taken.told() if place else {}
        taken.time("bare", _asker(bare, f"/next?after={100 * (place + 1)}", ""))
        page = taken.time("ours", _asker(app, path, cookie, {"csrf": csrf, "do": f"next:{after[1]}"}))
    return taken.told()
