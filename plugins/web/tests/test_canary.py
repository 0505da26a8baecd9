"""A value that is nowhere else, in every field of every form: in no line, figure, address or entry."""

from __future__ import annotations

import json
import re

import pytest
from starlette.routing import Route

from muniment.testing import log_entries
from muniment_web._app import build
from muniment_web.testing import Browser, give_password, new_web

CANARY = "C4N4RYbird"
FIELDS = (
    "q", "text", "reason", "matter", "comment", "words", "v.full_name", "v.city",
    "v.email", "v.phone", "p.full_name", "nv", "note", "basis", "summary", "value",
    "answer", "message", "evidence", "v.notes",
)  # fmt: skip
"""Fields that hold what somebody typed; who gets an export is no value, and stands in its entry."""


@pytest.mark.slow
def test_what_somebody_typed_is_told_to_nobody_else(made, anna, capfd):
    """Standard error, figures, headers, and the details of the log's entries: names and codes alone."""
    give_password(made, "owner")
    web = new_web(made, requests_a_minute=1_000_000, metrics=True, access_log=True)
    one = Browser.of(web).sign_in("owner")
    with made.session(actor="owner") as session:
        _, token = session.credentials.issue("owner", name="m", scopes=("log",), days=1)
    start = len(log_entries(made))
    places = {"type": "customer", "id": anna, "other": anna, "field": "city", "key": "satisfaction"}
    csrf = one.csrf
    for route in build(web).routes:
        if not isinstance(route, Route) or route.path in ("/sign-out", "/users/{login}/change"):
            continue
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: places.get(found[1], CANARY), route.path)
        sent = {**dict.fromkeys(FIELDS, CANARY), "csrf": csrf, "why": "other", "expected": "1"}
        headers = {"Referer": f"http://localhost/{CANARY}", "User-Agent": CANARY, "X-Request-Id": CANARY}
        answers = [one.client.get(path, headers=headers, follow_redirects=False)]
        if "POST" in (route.methods or set()):
            for act in ("", "save"):
                form = {**sent, "do": act}
                answers.append(one.client.post(path, data=form, headers=headers, follow_redirects=False))
        for answer in answers:
            told = {name: value for name, value in answer.headers.items() if CANARY in value}
            assert not told, (path, told)
            if answer.headers.get("location", "").startswith("/sign-in"):
                csrf = one.sign_in("owner").csrf
    figures = one.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
    said = capfd.readouterr()
    assert CANARY not in figures
    assert CANARY not in said.err
    assert CANARY not in said.out
    found = [entry.kind for entry in log_entries(made)[start:] if CANARY in json.dumps(entry.detail)]
    assert [] == found
