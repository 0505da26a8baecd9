"""Whoever audits changes nothing: every writing route of the pages is tried, as the router knows them."""

from __future__ import annotations

import inspect
import re
import sys
from importlib import resources
from typing import Any

import pytest
from starlette.routing import Route

from muniment import config
from muniment.model import id_text
from muniment.testing import log_entries
from muniment_web._app import build
from muniment_web.testing import Browser, give_password, new_web

SAFE = {"GET", "HEAD", "OPTIONS"}
OWN = {
    "/sign-in",
    "/sign-in/code",
    "/sign-in/passkey",
    "/sign-in/passkey/options",
    "/sign-out",
    "/welcome",
}
"""Routes of a person's own sign-in: they come before any role, and would end the walk."""

LOOKING = {
    "data.check", "log.bundle", "log.checkpoint", "log.export", "log.prove", "log.verify", "record.accesses",
    "record.aggregate", "record.diff", "record.history", "record.list", "record.match", "record.scan",
    "record.search", "retention.explain", "retention.plan", "retention.report",
}  # fmt: skip
AUDITING = {
    "alert.raise", "alert.review", "alert.run", "audit.report", "audit.review", "break_glass.review",
    "role.review",
}  # fmt: skip
OWN_SETTINGS = {
    "credential.remove", "credential.set", "suggestion.make", "token.issue", "token.revoke", "user.sign_fail",
    "user.sign_in", "user.sign_out", "user.step_up", "view.remove", "view.save",
}  # fmt: skip
"""A view of one's own is a setting, as a password is; it holds for nobody else."""


def verbs() -> list[str]:
    """What the buttons of the pages ask for, as the templates say it."""
    folder = resources.files("muniment_web").joinpath("templates")
    text = "".join(one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".html"))
    return sorted({found.rstrip(":") for found in re.findall(r'name="do" value="([a-z]+:?)', text)})


def writing_routes(web: Any) -> list[Route]:
    """Every route of the pages that takes something else than a look."""
    return [
        one
        for one in build(web).routes
        if isinstance(one, Route) and (one.methods or set()) - SAFE and one.path not in OWN
    ]


def acts_of(route: Route) -> list[str]:
    """The verbs that a route may be asked for; one for those that take none."""
    handler = inspect.unwrap(route.endpoint)
    source = inspect.getsource(sys.modules[handler.__module__])
    return ["", *verbs()] if 'text("do"' in source else [""]


@pytest.mark.slow
def test_an_auditor_changes_nothing_by_any_route(made, web, anna):
    """Refused or shown; what was done under the name is looking, auditing, and the own account alone."""
    give_password(made, "ada")
    web = new_web(made, requests_a_minute=1_000_000)
    one = Browser.of(web).sign_in("ada")
    csrf = one.csrf
    before = (made.folder / config.FILE_NAME).read_bytes()
    start = len(log_entries(made))
    places = {
        "type": "customer",
        "id": anna,
        "login": "tom",
        "place": "1",
        "key": "satisfaction",
        "field": "full_name",
        "name": "tom",
        "plugin": "cn",
        "token": "x",
        "number": "1",
        "other": id_text(made.engine.definitions.users["tom"].record),
    }
    form = {
        "csrf": csrf, "why": "request", "note": "tried", "reason": "tried", "name": "tried",
        "type": "customer", "v.full_name": "Changed", "expected": "1", "record": anna,
        "first": anna, "second": anna,
        "edits": f'[{{"id": "{anna}", "version": 1, "fields": {{"city": "Bonn"}}}}]', "text": "tried",
        "matter": "tried", "state": "restricted", "basis": "tried", "what": "subject", "q": "anna",
        "login": "new", "roles": "owner", "role": "owner", "template": "leads", "purpose": "DirectMarketing",
    }  # fmt: skip
    routes = writing_routes(web)
    assert {"/import", "/t/{type}", "/t/{type}/tray"} <= {route.path for route in routes}
    for route in routes:
        path = route.path
        for found in re.findall(r"\{(\w+)(?::\w+)?\}", path):
            path = re.sub(rf"\{{{found}(?::\w+)?\}}", places.get(found, "1"), path)
        for act in acts_of(route):
            answer = one.client.post(path, data={**form, "do": act}, follow_redirects=False)
            assert answer.status_code < 500, (path, act)
            if answer.status_code in (303, 302) and "/sign-in" in answer.headers["location"]:
                one = Browser.of(web).sign_in("ada")
                form["csrf"] = one.csrf
    own = [one for one in log_entries(made, start=start) if one.detail.get("actor", {}).get("id") == "ada"]
    done = {one.kind for one in own if one.detail.get("outcome", "ok") == "ok"}
    other = {one for one in done if not one.endswith(".read")} - LOOKING - AUDITING - OWN_SETTINGS
    assert set() == other
    assert before == (made.folder / config.FILE_NAME).read_bytes()
    with made.session(actor="owner") as session:
        assert 1 == session.get(anna).version
    assert len([one for one in own if one.kind == "access.deny"]) > 20
