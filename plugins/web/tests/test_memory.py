"""A process that serves holds no more after many requests than after some: every cache has a bound.

``make memory`` sends twenty thousand and prints what was held at each mark; otherwise fewer are sent.
Nothing hangs on time: what is counted is what Python holds at a mark. Tracing every allocation would tell
the same, and make each request five times slower.
"""

from __future__ import annotations

import gc
import os
import random
import re
import sys
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from muniment.model import SCOPES
from muniment.session.kernel import engine, sealer
from muniment.stores import sqlite
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.api import _once
from muniment_web.server import limits, throttle
from muniment_web.testing import PASSWORD, give_password, new_web

REQUESTS = int(os.environ.get("MUNIMENT_REQUESTS", "160"))
WARMING = min(REQUESTS, 4_000)
"""Requests that fill what is filled once."""
MARKS = 2 if REQUESTS < 1_000 else 5
PEOPLE = 24
BOUND = 64
"""Of caches that hold thousands when a team works for days: so that they are full before the first mark."""
LEAST = 1_500 if REQUESTS < 1_000 else 200
"""Bytes for each request: of few while small caches fill, of many less than would be kept of one."""
BLOCKS = LEAST / 64
"""The same in allocations, so that what no object refers to is seen too."""
RESIDENT = 1_000
"""The same for the whole process, libraries in C included, where many are sent; the system counts pages."""


@pytest.fixture
def served(tmp_path, monkeypatch):
    """An archive with some people, and one application over it, whose caches are small."""
    for module, name in (
        (sealer, "_KEYS_KEPT"), (sealer, "_CIPHERS_KEPT"), (_once, "_MOST"), (throttle, "_MOST"),
        (limits, "_MOST"), (sqlite, "_CACHE_KIB"), (engine, "_FORMS_KEPT"),
    ):  # fmt: skip
        assert getattr(module, name) > BOUND
        monkeypatch.setattr(module, name, BOUND)
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        with archive.session(actor="owner") as session:
            people = [
                session.create("customer", {"full_name": f"Person {at}", "city": "Berlin"}).id
                for at in range(PEOPLE)
            ]
            _, token = session.credentials.issue("owner", name="m", scopes=SCOPES, days=1)
        give_password(archive, "owner")
        app = build(new_web(archive, requests_a_minute=1_000_000))
        with TestClient(app, base_url="http://localhost:8765") as client:
            yield client, people, token


class Visitor:
    """Somebody at the pages, and a program at the API; no request is quite like another."""

    def __init__(self, client: TestClient, people: list[str], token: str) -> None:
        self.client, self.people = client, people
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.pick, self.turn = random.Random(1), count()
        self.versions = dict.fromkeys(people, 1)
        self.sign_in()

    def sign_in(self) -> None:
        """Begin a new sign-in, in place of the one before."""
        self.client.cookies.clear()
        self.client.post("/sign-in", data={"login": "owner", "password": PASSWORD})
        self.csrf = re.search(r'name="csrf" value="([^"]+)"', self.client.get("/help").text).group(1)

    def ask(self) -> None:
        """The next request."""
        turn, one = next(self.turn), self.pick.choice(self.people)
        form = {"csrf": self.csrf}
        page, api = f"/t/customer/{one}", f"/api/v1/records/customer/{one}"
        more = {"headers": {**self.bearer, "Idempotency-Key": f"turn {turn}", "If-Match": "*"}}
        acts = (
            lambda: self.client.get(page),
            lambda: self.client.get("/t/customer"),
            lambda: self.client.post("/t/customer", data={**form, "q": f"person {turn}", "do": "find"}),
            lambda: self.client.get(f"{page}/history"),
            lambda: self.client.post(f"{page}/reveal", data={**form, "why": "other", "note": f"turn {turn}"}),
            lambda: self.client.get(f"/log/{turn + 1}"),
            lambda: self.client.get(f"/nothing/{turn}"),
            lambda: self.client.get("/"),
            lambda: self.client.get(api, headers=self.bearer),
            lambda: self.client.get(f"/api/v1/log?limit=5&before={turn + 9}", headers=self.bearer),
            lambda: self.client.post("/api/v1/records/customer/list", json={"limit": 5}, headers=self.bearer),
            lambda: self.client.post("/api/v1/suggestions", json={"text": f"turn {turn}"}, **more),
            lambda: self.client.patch(api, json={"fields": {"city": f"Town {turn}"}}, **self.of(one, turn)),
            lambda: self.client.get(f"/api/v1/records/customer/{turn}", headers=self.bearer),
            lambda: self.client.get("/api/v1/me", headers={"Authorization": f"Bearer {turn:043}"}),
            lambda: self.client.post("/sign-in", data={"login": f"nobody {turn}", "password": "x"}),
        )
        answer = acts[turn % len(acts)]()
        assert answer.status_code < 500, (turn % len(acts), answer.text)
        if turn % 160 == 159:
            self.sign_in()

    def of(self, one: str, turn: int) -> dict[str, dict[str, str]]:
        """What goes with a change of the version that there is."""
        seen, self.versions[one] = self.versions[one], self.versions[one] + 1
        return {"headers": {**self.bearer, "Idempotency-Key": f"change {turn}", "If-Match": f'"{seen}"'}}


class Held(NamedTuple):
    """What the process holds: bytes of Python's objects, allocations of Python, resident bytes."""

    objects: int
    blocks: int
    resident: int


def held() -> Held:
    """What is held now; garbage is collected before."""
    gc.collect()
    blocks = sys.getallocatedblocks()
    left = gc.get_objects()
    seen, total = set(map(id, left)), 0
    while left:
        total += sum(sys.getsizeof(one, 0) for one in left)
        # A text, say, is known to nothing but what refers to it.
        referred = {id(one): one for one in gc.get_referents(*left) if id(one) not in seen}
        seen |= referred.keys()
        left = list(referred.values())
    status = Path("/proc/self/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text(encoding="ascii") if status.exists() else "")
    return Held(total, blocks, int(found.group(1)) * 1024 if found else 0)


@pytest.mark.slow
def test_what_is_held_does_not_grow_with_requests(served, capsys):
    """Between the first mark and the last, less is added for each request than would be kept of any."""
    visitor = Visitor(*served)
    marks: list[Held] = []
    for mark in range(MARKS + 1):
        for _ in range(WARMING if mark == 0 else REQUESTS // MARKS):
            visitor.ask()
        marks.append(held())
        if "MUNIMENT_REQUESTS" in os.environ:
            with capsys.disabled():
                one = marks[-1]
                print(f"{one.objects / 1024:10.0f} KiB in objects, {one.blocks} allocations,", end=" ")
                print(f"{one.resident / 1024:.0f} KiB resident", flush=True)
    grown = [last - first for first, last in zip(marks[0], marks[-1], strict=True)]
    assert grown[0] < LEAST * REQUESTS, marks
    assert grown[1] < BLOCKS * REQUESTS, marks
    assert grown[2] < RESIDENT * REQUESTS or REQUESTS < 1_000, marks
