"""What somebody may try from outside, from another's browser, or with a lower role."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from muniment_web.server.guard import POLICY
from muniment_web.testing import ANNA, Browser, give_password, new_web

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def attributes_of(text: str) -> set[str]:
    """The names of all attributes in a page as a parser of HTML finds them: what is shown as text is none."""
    found: set[str] = set()

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(name for name, _ in attrs)

    Parser().feed(text)
    return found


def test_every_answer_carries_the_headers(browser, signed, anna):
    """No inline script or style, no frame, nothing kept by anybody."""
    one = signed("li.na")
    for path in ("/", "/t/customer", f"/t/customer/{anna}", "/help", "/nowhere", "/static/x/y"):
        headers = one.get(path).headers
        assert POLICY == headers["content-security-policy"]
        assert "nosniff" == headers["x-content-type-options"]
        assert "DENY" == headers["x-frame-options"]
        assert "no-store" == headers["cache-control"]


def test_no_page_has_inline_script_or_style(signed, anna):
    """The policy forbids them, and nothing relies on them."""
    one = signed("owner")
    for path in ("/", "/t/customer", f"/t/customer/{anna}", "/log", "/users", "/roles", "/schema", "/keys"):
        text = one.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert "<style" not in text, path
        assert not {name for name in attributes_of(text) if name == "style" or name.startswith("on")}, path
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text), path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(signed, anna, logged, headers):
    """A forged origin changes nothing, even with the form's token."""
    one = signed("li.na")
    answer = one.post(f"/t/customer/{anna}/delete", {"note": "x"}, headers=headers)
    assert 403 == answer.status_code
    assert "record.delete" not in [entry.kind for entry in logged()]


def test_a_form_that_came_over_no_tls_is_another_site_s(made, anna, logged):
    """Whoever sits on the line can make a page of our own name without TLS, and have it send a form."""
    give_password(made, "li.na")
    one = Browser.of(new_web(made, url="https://records.example")).sign_in("li.na")
    path, form = f"/t/customer/{anna}/delete", {"note": "x"}
    for origin in ("http://records.example", "https://records.example:8443", "https://records.example.evil"):
        assert 403 == one.post(path, form, headers={"Origin": origin}).status_code
    assert "record.delete" not in [entry.kind for entry in logged()]
    assert 200 == one.post(path, form, headers={"Origin": "https://records.example"}).status_code


@pytest.mark.parametrize("token", ["", "wrong", "A" * 32])
def test_a_form_without_its_token_is_refused(signed, anna, logged, token):
    """The token of the sign-in is needed for everything that changes something."""
    one = signed("li.na")
    answer = one.client.post(f"/t/customer/{anna}/delete", data={"note": "x", "csrf": token})
    assert 403 == answer.status_code
    assert "record.delete" not in [entry.kind for entry in logged()]


def test_anothers_token_does_not_help(signed, anna):
    """A form's token belongs to one sign-in."""
    one, other = signed("li.na"), signed("owner")
    answer = one.post(f"/t/customer/{anna}/delete", {"note": "x"}, csrf=other.csrf)
    assert 403 == answer.status_code


def test_a_cookie_that_was_ended_or_made_up_opens_nothing(signed):
    """After signing out the cookie is worth nothing, and guessing one is hopeless."""
    one = signed("tom")
    stolen = one.client.cookies["muniment"]
    one.post("/sign-out")
    for cookie in (stolen, "x", "A" * 43, "\u00fc", stolen[:-1]):
        one.client.cookies.clear()
        answer = one.client.get(
            "/", headers={"Cookie": f"muniment={cookie}".encode()}, follow_redirects=False
        )
        assert 303 == answer.status_code


@pytest.mark.parametrize(
    ("login", "method", "path"),
    [
        ("tom", "POST", "/t/customer/ID"),
        ("tom", "POST", "/t/customer/ID/delete"),
        ("tom", "GET", "/t/customer/new"),
        ("tom", "GET", "/log"),
        ("tom", "GET", "/users"),
        ("tom", "GET", "/keys"),
        ("tom", "GET", "/t/customer/ID/accesses"),
        ("li.na", "GET", "/log"),
        ("li.na", "POST", "/users"),
        ("li.na", "POST", "/users/owner/change"),
        ("li.na", "POST", "/users/owner/invite"),
        ("ada", "POST", "/t/customer/ID"),
        ("ada", "POST", "/users"),
        ("ada", "POST", "/users/ada/change"),
    ],
)
def test_a_lower_role_is_refused_and_written_down(signed, anna, logged, login, method, path):
    """What the role may not do, its pages may not do either."""
    one = signed(login)
    path = path.replace("ID", anna)
    form = {
        "v.city": "X",
        "note": "x",
        "why": "audit",
        "login": "evil",
        "role": "owner",
        "do": "roles",
        "expected": "1",
    }
    answer = one.get(path) if method == "GET" else one.post(path, form)
    assert answer.status_code in (403, 404), answer.text
    assert "access.deny" in [entry.kind for entry in logged()]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/0/../../keys.db",
        "/static//etc/passwd",
        "/t/..%2f..%2fkeys.db",
        "/t/customer/../../keys.db",
        "/t/user",
        "/t/configuration",
        "/t/customer/00000000-0000-0000-0000-000000000000",
        "/t/customer/not-an-id",
        "/log/99999999",
        "/nowhere",
    ],
)
def test_a_path_into_files_or_nowhere_finds_nothing(signed, path):
    """Paths are looked up, never walked; built-in types have no table."""
    answer = signed("owner").get(path)
    assert answer.status_code in (400, 404), answer.status_code
    assert "root:" not in answer.text


def test_markup_in_every_field_is_shown_as_text(made, signed):
    """What somebody typed is never markup: in table, form, history, comparison, messages."""
    with made.session(actor="owner") as session:
        record_type = session.type("customer")
        texts = [
            one.key
            for one in record_type.fields
            if one.writable and one.kind in ("text", "long text", "identifier")
        ]
        values = {key: f"{EVIL[:40]}{number}" for number, key in enumerate(texts)}
        values["full_name"] = EVIL
        saved = session.create("customer", values, reason=EVIL)
        session.update(saved.id, {"city": EVIL}, reason=EVIL)
    one = signed("owner")
    pages = [
        one.post("/t/customer", {"q": EVIL, "nf": "city", "nv": EVIL}),
        one.get("/t/customer"),
        one.get(f"/t/customer/{saved.id}"),
        one.get(f"/t/customer/{saved.id}?version=1"),
        one.get(f"/t/customer/{saved.id}/history"),
        one.get(f"/t/customer/{saved.id}/compare"),
        one.get(f"/t/customer/{saved.id}/accesses"),
        one.post(f"/t/customer/{saved.id}", {"expected": "1", "v.email": EVIL, "why": "audit"}),
        one.post("/log", {"actor": EVIL, "role": EVIL}),
        one.post("/log", {"actor": EVIL, "do": "save", "name": EVIL}),
        one.get(f"/log?field={EVIL}"),
        one.client.post("/sign-in", data={"login": EVIL, "password": EVIL}),
    ]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


def test_a_body_that_is_too_long_is_refused(browser):
    """An announced length, and one that is not announced, are bounded alike."""
    one = browser()
    assert 413 == one.client.post("/sign-in", content=b"x" * (1 << 20 | 1)).status_code

    def endless():
        for _ in range(40):
            yield b"login=" + b"x" * 65536

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert 413 == one.client.post("/sign-in", content=endless(), headers=headers).status_code


def test_nobody_sends_a_body_whom_the_answer_would_not_let_in(web, signed, in_pieces):
    """Nothing of a form is taken of a visitor, and nothing of one that another site's page sends."""
    one = signed("li.na")
    form = {"content-type": "application/x-www-form-urlencoded"}
    cookie = {"cookie": f"muniment={one.client.cookies['muniment']}"}
    for more in ({}, {**cookie, "origin": "https://evil.example"}, {"cookie": "muniment=x"}):
        for path in ("/t/customer", "/import", "/t/customer/new"):
            status, taken = in_pieces(web, path, {**form, **more})
            assert (303 if "origin" not in more else 403, 0) == (status, taken)
    assert 1_000 == in_pieces(web, "/t/customer", {**form, **cookie})[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "application/json"},
        {"Content-Type": "\u00fc".encode()},
    ],
)
def test_a_body_that_is_no_form_is_no_fault_of_ours(browser, headers):
    """Broken forms are refused, not a failure."""
    answer = browser().client.post("/sign-in", content=b"--x\r\nnonsense", headers=headers)
    assert answer.status_code in (400, 403)


def test_nothing_that_is_told_holds_a_value(made, signed, anna, capfd):
    """Lines on standard error name routes; answers that refuse name fields and codes."""
    signed("owner")
    client = Browser.of(new_web(made, access_log=True)).sign_in("owner").client
    client.get(f"/t/customer/{anna}")
    client.get("/t/customer/Anna%20Schmidt")
    client.get("/Anna%20Schmidt?q=Anna%20Schmidt")
    said = capfd.readouterr().err
    assert "/t/{type}" in said
    assert "Anna" not in said
    assert anna not in said
    assert ANNA["email"] not in said


def test_no_link_of_a_page_holds_a_value(signed, anna):
    """Addresses hold identifiers, names of fields and numbers, so that no history holds a value."""
    one = signed("li.na")
    for path in ("/t/customer", f"/t/customer/{anna}", f"/t/customer/{anna}/history"):
        for link in re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', one.get(path).text):
            for value in ANNA.values():
                assert value not in link


def test_a_method_that_a_page_does_not_know_is_refused(browser):
    """Other verbs are answered, not failed."""
    for method in ("PUT", "DELETE", "PATCH"):
        assert 405 == browser().client.request(method, "/sign-in").status_code


def test_figures_name_routes_and_nobody(made, anna):
    """Prometheus reads counts by route, with a token that may read the log; without being asked for none."""
    one = Browser.of(new_web(made, metrics=True)).sign_in("owner")
    one.get(f"/t/customer/{anna}")
    with made.session(actor="owner") as session:
        shown = {
            (login, scope): session.credentials.issue(login, name="m", scopes=(scope,), days=1)[1]
            for login, scope in (("owner", "log"), ("owner", "read"), ("tom", "log"))
        }
    answers = {
        who: one.get("/metrics", headers={"Authorization": f"Bearer {text}"}) for who, text in shown.items()
    }
    text = answers.pop(("owner", "log")).text
    assert 'route="/t/{type}/{id:uuid}",status="200"} 1' in text
    assert anna not in text
    assert {401} == {answer.status_code for answer in (*answers.values(), one.get("/metrics"))}
    assert 404 == Browser.of(new_web(made)).get("/metrics").status_code


def test_figures_are_not_asked_for_without_end(made):
    """Guessing tokens there is slowed down as everywhere."""
    one = Browser.of(new_web(made, metrics=True, requests_a_minute=5))
    found = [one.get("/metrics", headers={"Authorization": "Bearer x"}).status_code for _ in range(7)]
    assert [401] * 5 + [429] * 2 == found


def test_an_address_with_a_slash_too_many_leads_nowhere(signed):
    """A redirection would be made of the name that the request came under."""
    one = signed("owner")
    for path in ("/users/", "/api/v1/me/"):
        answer = one.get(path, follow_redirects=False)
        assert (404, None) == (answer.status_code, answer.headers.get("location"))
