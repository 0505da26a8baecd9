"""What holds of every route, tried on all that the router knows: one that comes later is tried too."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.routing import Route

from muniment.testing import log_entries
from muniment_web._app import build
from muniment_web.frame.routing import PageRoute
from muniment_web.testing import Browser, give_password, new_web

SAFE = {"GET", "HEAD", "OPTIONS"}
PUBLIC = {
    "/sign-in", "/sign-in/passkey", "/sign-in/passkey/options", "/welcome/{token}", "/language", "/theme",
    "/leave/{token}", "/ask/{token}", "/help", "/health", "/ready", "/static/{digest}/{name}",
}  # fmt: skip
"""What answers somebody who is not signed in; a new one is added here by whoever means it."""

ODD = {
    "nothing": "",
    "zero": "%00",
    "half a character": "%ed%a0%80",
    "digits": "9" * 4_400,
    "a path": "..%2f..%2fkeys.db",
    "long": "a" * 3_000,
    "a line": "%0d%0aX-Injected:%20yes",
    "backwards": "%e2%80%ae",
    "markup": "%3Cscript%3E",
}


def routes_of(web: Any) -> list[Route]:
    """Every route of the pages, without the API, which has tests of its own."""
    return [one for one in build(web).routes if isinstance(one, Route)]


def path_of(route: Route, places: dict[str, str]) -> str:
    """A path of a route, its parts filled in."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: places.get(found[1], "1"), route.path)


@pytest.fixture
def places(anna: str) -> dict[str, str]:
    """What the parts of addresses may be, so that something is there."""
    return {
        "type": "customer", "table": "customer", "id": anna, "other": anna, "login": "tom",
        "field": "full_name", "name": "tom", "role": "reader",
        "key": "satisfaction", "plugin": "cn", "page": "x", "panel": "x", "token": "x",
    }  # fmt: skip


@pytest.fixture
def everybody(made: Any) -> Any:
    """The pages, without a bound on how often one may ask."""
    give_password(made, "owner")
    return new_web(made, requests_a_minute=1_000_000)


def test_every_route_asks_who_somebody_is_before_it_reads_what_they_send(everybody, places):
    """Without a sign-in there is nothing but the way to it; not one byte of a body is read for that."""
    client = Browser.of(everybody).client
    taken = 0

    def endless() -> Any:
        nonlocal taken
        for _ in range(64):
            taken += 1
            yield b"x" * 65_536

    for route in routes_of(everybody):
        path = path_of(route, places)
        if route.path in PUBLIC:
            continue
        for method in sorted((route.methods or set()) - {"HEAD"}):
            answer = client.request(method, path, follow_redirects=False)
            assert 303 == answer.status_code, (method, path)
            assert answer.headers["location"].partition("?")[0] == "/sign-in", path
        if isinstance(route, PageRoute) and route.files:
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            answer = client.post(path, content=endless(), headers=headers, follow_redirects=False)
            assert 303 == answer.status_code, path
    assert not taken or taken <= 64 * 8


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, {}),
        ({}, {"csrf": "of another sign-in"}),
        ({"Origin": "https://evil.example"}, {"csrf": "right"}),
        ({"Origin": "null"}, {"csrf": "right"}),
        ({"Origin": "https://localhost:8765"}, {"csrf": "right"}),
        ({"Sec-Fetch-Site": "cross-site"}, {"csrf": "right"}),
        ({"Sec-Fetch-Site": "same-site"}, {"csrf": "right"}),
    ],
)
def test_no_route_takes_a_forged_form(everybody, places, made, headers, form):
    """No token, another sign-in's, another site, a name that is only like ours: refused, and nothing done."""
    one, other = Browser.of(everybody).sign_in("owner"), Browser.of(everybody).sign_in("owner")
    token = {"right": one.csrf, "of another sign-in": other.csrf}.get(form.get("csrf", ""), "")
    before = len(log_entries(made))
    for route in routes_of(everybody):
        if route.path in PUBLIC or not (route.methods or set()) - SAFE:
            continue
        sent = {"do": "disable", "note": "x", "why": "other", **({"csrf": token} if token else {})}
        answer = one.client.post(path_of(route, places), data=sent, headers=headers, follow_redirects=False)
        assert (403, True) == (answer.status_code, "sign.form" in answer.text), route.path
    assert [] == [entry.kind for entry in log_entries(made)[before:]]
    assert 200 == one.get("/account").status_code


def test_no_answer_is_kept_by_anybody_or_read_by_other_sites(everybody, places):
    """Whatever a route answers, no cache keeps it and no other site's page gets it."""
    one = Browser.of(everybody).sign_in("owner")
    for route in routes_of(everybody):
        path = path_of(route, places)
        for method in sorted((route.methods or set()) & {"GET", "POST"}):
            asked = one.client.get if method == "GET" else one.client.post
            answer = asked(path, headers={"Origin": "https://evil.example"}, follow_redirects=False)
            headers = answer.headers
            assert "no-store" == headers["cache-control"], path
            assert "nosniff" == headers["x-content-type-options"], path
            assert "DENY" == headers["x-frame-options"], path
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert not [name for name in headers if name.startswith("access-control-")], path


@pytest.mark.slow
def test_no_address_is_a_failure_of_ours(everybody, places):
    """Whatever stands in an address, the answer is one, and no header comes of it."""
    one = Browser.of(everybody).sign_in("owner")
    query = "&".join(
        f"{name}={odd}"
        for name, odd in zip(
            (
                "as_of",
                "version",
                "a",
                "b",
                "number",
                "page",
                "after",
                "sheet",
                "type",
                "since",
                "kind",
                "from",
            ),
            [*ODD.values(), *ODD.values()],
            strict=False,
        )
    )
    for route in routes_of(everybody):
        if "GET" not in (route.methods or set()):
            continue
        parts = re.findall(r"\{(\w+)", route.path)
        paths = [path_of(route, places), f"{path_of(route, places)}?{query}"]
        paths += [path_of(route, {**places, part: odd}) for part in parts for odd in ODD.values()]
        for path in paths:
            answer = one.client.get(path, follow_redirects=False)
            assert answer.status_code < 500, path[:200]
            assert "x-injected" not in answer.headers, path[:200]


BODIES = {
    "an encoding that decodes nothing": ("multipart/form-data; boundary=x; charset=undefined", b"\xff" * 70),
    "an encoding that makes half characters": (
        "multipart/form-data; boundary=x; charset=unicode_escape",
        b"\\ud800",
    ),
    "another encoding": ("application/x-www-form-urlencoded; charset=utf-16", b"x"),
}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_no_encoding_of_a_form_is_a_failure_of_ours(everybody, places, name):
    """Browsers send UTF-8; what says that it is something else is refused by every route, unread."""
    one = Browser.of(everybody).sign_in("owner")
    kind, value = BODIES[name]
    field = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n'
    body = field + one.csrf.encode() + b"\r\n" + field.replace(b"csrf", b"note") + value + b"\r\n--x--\r\n"
    for route in routes_of(everybody):
        if "POST" in (route.methods or set()):
            path = path_of(route, places)
            answer = one.client.post(
                path, content=body, headers={"Content-Type": kind}, follow_redirects=False
            )
            assert 400 == answer.status_code, path


FIELDS = (
    "note", "q", "text", "name", "login", "edits", "url", "kinds",
    "reason", "type", "record", "expected", "matter", "credential", "next", "password",
    "state", "key", "version", "number", "place", "until", "since", "form",
    "field", "first", "second", "what", "basis", "days", "minutes", "score",
    "v.full_name", "v.birth_date",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [
        "",
        "\x00a\r\nX: y",
        "[" * 5_000,
        "9" * 5_000,
        '[{"id":"\\ud800","fields":{"city":"\\udfff"}}]',
        "1e999",
    ],
)
def test_no_field_of_a_form_is_a_failure_of_ours(everybody, places, value):
    """Nothing, lines, nesting, endless digits, half characters: taken as text or refused, by every route."""
    one = Browser.of(everybody).sign_in("owner")
    csrf = one.csrf
    for route in routes_of(everybody):
        if "POST" not in (route.methods or set()) or route.path in ("/sign-out", "/sign-in", "/users"):
            continue
        for act in ("", "keep"):
            form = {**dict.fromkeys(FIELDS, value), "csrf": csrf, "why": "other", "do": act}
            answer = one.client.post(path_of(route, places), data=form, follow_redirects=False)
            assert answer.status_code < 500, (route.path, act)
            if answer.headers.get("location", "").startswith("/sign-in"):
                csrf = one.sign_in("owner").csrf
