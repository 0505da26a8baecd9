"""A process that serves holds no more after many requests than after some: every cache has a bound.

``make memory`` sends twenty thousand and prints what was held at each mark; otherwise fewer are sent.
Nothing hangs on time: what is counted is what Python has allocated and not let go of.
"""

from __future__ import annotations

import gc
import os
import random
import re
import tracemalloc
from itertools import count
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from muniment.model import SCOPES
from muniment.session.kernel import sealer
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.api import _once
from muniment_web.server import limits, throttle
from muniment_web.testing import PASSWORD, give_password, new_web

REQUESTS = int(os.environ.get("MUNIMENT_REQUESTS", "160"))
MARKS = 2
PEOPLE = 24
BOUND = 64
"""Of caches that hold thousands when a team works for days: so that they are full before the first mark."""
LEAST = 1_500 if REQUESTS < 1_000 else 200
"""Bytes for each request: of few while small caches fill, of many less than would be kept of one."""


@pytest.fixture
def served(tmp_path, monkeypatch):
    """An archive with some people, and one application over it, whose caches are small."""
    for module, name in (
        (sealer, "_KEYS_KEPT"), (sealer, "_CIPHERS_KEPT"), (_once, "_MOST"), (throttle, "_MOST"),
        (limits, "_MOST"),
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


def resident() -> int:
    """Memory of this process, KiB, as the system has it."""
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found.group(1)) if found else 0


@pytest.mark.slow
def test_what_is_held_does_not_grow_with_requests(served, capsys):
    """Between the first mark and the last, less is added for each request than would be kept of any."""
    visitor = Visitor(*served)
    tracemalloc.start()
    try:
        marks = []
        for mark in range(MARKS + 1):
            # The first lot fills what is filled once.
            for _ in range(REQUESTS if mark == 0 else REQUESTS // MARKS):
                visitor.ask()
            gc.collect()
            marks.append((tracemalloc.get_traced_memory()[0], resident()))
    finally:
        tracemalloc.stop()
    with capsys.disabled():
        if "MUNIMENT_REQUESTS" in os.environ:
            for held, rss in marks:
                print(f"{held / 1024:10.0f} KiB held by Python, {rss} KiB resident")
    assert marks[-1][0] - marks[0][0] < LEAST * REQUESTS, marks
