"""Signing in: who may, who may not, and what is written down."""

from __future__ import annotations

import attrs
import pyotp
import pytest

from muniment.errors import AccessDenied, UsageError
from muniment_web._serve import first_link, invite_link
from muniment_web.server.factors import new_recovery_codes, new_seed
from muniment_web.server.passwords import check_strength
from muniment_web.server.throttle import Throttle, network_of
from muniment_web.testing import PASSWORD, Browser, give_password, new_web


def kinds(entries):
    return [one.kind for one in entries]


def test_every_page_asks_for_a_sign_in(browser):
    """Nobody who is not signed in sees a page, and is sent back there after signing in."""
    one = browser()
    for path in ("/", "/t/customer", "/log", "/users", "/keys"):
        answer = one.get(path, follow_redirects=False)
        assert 303 == answer.status_code
        assert answer.headers["location"].startswith("/sign-in")


def test_a_password_lets_its_owner_in_and_is_an_entry(made, browser, logged):
    """Signing in and out are entries, under the login."""
    give_password(made, "tom")
    one = browser()
    answer = one.client.post("/sign-in", data={"login": "tom", "password": PASSWORD, "next": "/t/customer"})
    assert "/t/customer" == answer.url.path
    assert "muniment" in one.client.cookies
    one.post("/sign-out")
    assert "muniment" not in one.client.cookies
    found = [(entry.kind, entry.detail["actor"]["id"]) for entry in logged()]
    assert ("user.sign_in", "tom") in found
    assert ("user.sign_out", "tom") in found
    assert 303 == one.get("/", follow_redirects=False).status_code


@pytest.mark.parametrize("login", ["tom", "nobody", PASSWORD])
def test_a_wrong_password_looks_the_same_for_everybody(made, browser, logged, login):
    """An unknown login, or a password typed as one, is refused with the same words and never written down."""
    give_password(made, "tom")
    answer = browser().client.post("/sign-in", data={"login": login, "password": "wrong"})
    assert 403 == answer.status_code
    assert "sign.wrong" in answer.text
    failed = [one for one in logged() if one.kind == "user.sign_fail"]
    assert ["tom" if login == "tom" else "anonymous"] == [one.detail["actor"]["id"] for one in failed]
    assert "denied" == failed[0].detail["outcome"]


def test_guessing_is_slowed_down_where_it_comes_from(web, made, browser):
    """After five failures an address waits; another place and a known browser do not."""
    give_password(made, "tom")
    one = browser()
    for _ in range(5):
        one.client.post("/sign-in", data={"login": "tom", "password": "wrong"})
    answer = one.client.post("/sign-in", data={"login": "tom", "password": PASSWORD})
    assert "sign.throttled" in answer.text
    web.throttle.check("tom", "192.0.2.7")
    web.throttle.check("li.na", network_of("testclient"))


def test_a_browser_that_signed_in_before_is_not_locked_out_by_others(made, browser):
    """Whoever guesses cannot lock the owner of the login out of their own browser."""
    give_password(made, "tom")
    own, other = browser(), browser()
    own.client.post("/sign-in", data={"login": "tom", "password": PASSWORD})
    own.post("/sign-out")
    for _ in range(8):
        other.client.post("/sign-in", data={"login": "tom", "password": "wrong"})
    answer = own.client.post("/sign-in", data={"login": "tom", "password": PASSWORD})
    assert "/" == answer.url.path


def test_waiting_grows_and_is_forgotten():
    """Each failure doubles the wait, up to a quarter of an hour; after an hour all is forgotten."""
    now = 0

    throttle = Throttle(lambda: now)
    waits = []
    for _ in range(20):
        throttle.failed("tom", "a")
        try:
            throttle.check("tom", "a")
            waits.append(0)
        except Exception as error:
            waits.append(error.parameters["seconds"])
    assert [0, 0, 0, 0, 2, 4, 8, 16] == waits[:8]
    assert 900 == waits[-1]
    now = 3_600_000_001
    throttle.check("tom", "a")
    throttle.failed("tom", "a")
    throttle.check("tom", "a")


def test_what_is_counted_of_failures_has_a_bound(monkeypatch):
    """Whoever types a million logins fills no memory; the places that failed last stay known."""
    monkeypatch.setattr("muniment_web.server.throttle._MOST", 20)
    throttle = Throttle(lambda: 0)
    for number in range(100):
        throttle.failed(f"login-{number}", f"place-{number}")
    for _ in range(5):
        throttle.failed("tom", "a")
    with pytest.raises(AccessDenied, match=r"sign\.throttled"):
        throttle.check("tom", "a")
    assert 20 == len(throttle._failed)


def refused(throttle: Throttle, login: str, place: str) -> bool:
    """Whether an attempt has to wait."""
    try:
        throttle.check(login, place)
    except AccessDenied:
        return True
    return False


def test_many_logins_tried_from_one_place_are_counted_together():
    """After thirty failures the place waits, whatever the login; a success takes back its own try alone."""
    throttle = Throttle(lambda: 0)
    for number in range(29):
        throttle.begin(f"login{number}", "a")
        throttle.begin("own", "a")
        throttle.succeeded("own", "a")
        assert not refused(throttle, "another", "a")
    throttle.begin("login29", "a")
    assert refused(throttle, "another", "a")
    assert not refused(throttle, "another", "b")


def test_a_place_that_failed_just_now_is_not_forgotten_for_others(monkeypatch):
    """What is forgotten when there is too much of it is what failed longest ago."""
    monkeypatch.setattr("muniment_web.server.throttle._MOST", 20)
    throttle = Throttle(lambda: 0)
    throttle.failed("tom", "a")
    for number in range(4):
        for other in range(8):
            throttle.failed(f"login{number}{other}", "b")
        throttle.failed("tom", "a")
    assert refused(throttle, "tom", "a")


def test_addresses_of_one_network_count_as_one():
    """An attacker with an IPv6 network has as many tries as one with an address."""
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert "192.0.2.1" == network_of("192.0.2.1")
    assert "?" == network_of("what?")


def test_the_first_start_gives_a_link_that_works_once(web, made, browser, logged):
    """There is no default password: a link sets the owner's, once, and signs them in."""
    with made.session(actor="owner") as session:
        session.credentials.change("owner", "password", lambda held: attrs.evolve(held, password=""))
        link = invite_link(session, web.settings, "owner", days=1)
    path = link.removeprefix("http://localhost:8765")
    one = browser()
    assert "owner" in one.get(path).text
    weak = one.client.post(path, data={"password": "password1234", "again": "password1234"})
    assert "sign.password_weak" in weak.text
    differ = one.client.post(path, data={"password": PASSWORD, "again": PASSWORD + "x"})
    assert "sign.passwords_differ" in differ.text
    done = one.client.post(path, data={"password": PASSWORD, "again": PASSWORD})
    assert "/" == done.url.path
    assert 403 == browser().get(path).status_code
    assert {"token.issue", "token.revoke", "credential.set", "user.sign_in"} <= set(kinds(logged()))


def test_no_link_is_given_once_somebody_can_sign_in(web, made):
    """The first start's link is not given at a later start."""
    give_password(made, "owner")
    with made.session(actor="owner") as session:
        assert "" == first_link(session, web.settings)


def test_a_new_link_takes_the_one_before_back(web, made, browser):
    """Of several links for one login only the newest works."""
    with made.session(actor="owner") as session:
        old = invite_link(session, web.settings, "ada", days=1)
        new = invite_link(session, web.settings, "ada", days=1)
    one = browser()
    assert 403 == one.get(old.removeprefix("http://localhost:8765")).status_code
    assert 200 == one.get(new.removeprefix("http://localhost:8765")).status_code


@pytest.mark.parametrize("text", ["", "x", "A" * 64, "../../etc/passwd", "%00", "ü" * 20])
def test_a_forged_link_is_refused(browser, text):
    """What is no token is refused like one that is used up."""
    assert browser().get(f"/welcome/{text}").status_code in (403, 404)


def test_a_second_factor_is_asked_for_and_no_code_works_twice(made, browser):
    """With a seed the password alone does not do; a code and a recovery code work once each."""
    give_password(made, "ada")
    seed = new_seed()
    codes, hashes = new_recovery_codes(2)
    with made.session(actor="owner") as session:
        session.credentials.change(
            "ada", "totp", lambda held: attrs.evolve(held, totp=seed, totp_last=0, recovery=hashes)
        )
    try:
        now = pyotp.TOTP(seed).at(made.engine.clock() // 1_000_000)

        def attempt(code: str) -> bool:
            one = browser()
            form = {"login": "ada", "password": PASSWORD, "code": code}
            return one.client.post("/sign-in", data=form).url.path == "/"

        assert not attempt("")
        assert attempt(now)
        assert not attempt(now)
        assert attempt(codes[0].upper())
        assert not attempt(codes[0])
    finally:
        with made.session(actor="owner") as session:
            session.credentials.change("ada", "totp", lambda held: attrs.evolve(held, totp="", recovery=()))


def test_a_sign_in_ends_when_the_roles_change(web, made, signed, logged):
    """Whoever loses a role is out at once, and that is an entry."""
    one = signed("tom")
    assert 200 == one.get("/t/customer").status_code
    user = made.engine.definitions.users["tom"]
    from muniment.model import id_text

    with made.session(actor="owner") as session:
        session.update(id_text(user.record), {"state": "disabled"})
        assert 303 == one.get("/t/customer", follow_redirects=False).status_code
        session.update(id_text(user.record), {"state": "active"})
    assert 303 == one.get("/t/customer", follow_redirects=False).status_code
    out = [entry for entry in logged() if entry.kind == "user.sign_out"]
    assert "rights" == out[-1].detail["target"]["why"]


@pytest.mark.parametrize("change", ["disabled", "role", "attributes", "elsewhere", "deleted"])
def test_whoever_is_not_who_they_were_is_out_at_the_next_page(made, browser, logged, change):
    """Even of a page that asks the archive for nothing, and where somebody beside the pages did it."""
    from click.testing import CliRunner

    from muniment.cli.app import app
    from muniment.testing.archives import key_file_of

    login = f"eve-{change}"
    with made.session(actor="owner") as session:
        user = session.create("user", {"login": login, "roles": ["reader"], "state": "active"}).id
    give_password(made, login)
    one = browser().sign_in(login)
    assert 200 == one.get("/account", follow_redirects=False).status_code
    with made.session(actor="owner") as session:
        if change == "disabled":
            session.update(user, {"state": "disabled"})
        elif change == "role":
            session.update(user, {"roles": ("editor",)})
        elif change == "attributes":
            session.update(user, {"attributes": "region=north"})
        elif change == "deleted":
            session.delete(user, reason="left")
        else:
            place = {"MUNIMENT_ARCHIVE": str(made.folder), "MUNIMENT_KEY": str(key_file_of(made.folder))}
            done = CliRunner().invoke(app, ["--as", "owner", "user", "disable", login], env=place)
            assert 0 == done.exit_code, done.stderr
    answer = one.get("/account", follow_redirects=False)
    assert (303, "/sign-in?next=/account") == (answer.status_code, answer.headers["location"])
    out = [entry for entry in logged() if entry.kind == "user.sign_out"]
    assert [(login, "rights")] == [(one.detail["actor"]["id"], one.detail["target"]["why"]) for one in out]


def test_what_a_page_asks_by_itself_does_not_keep_a_sign_in(made):
    """The log's mark is looked at each minute; a screen that nobody sits at ends all the same."""
    give_password(made, "owner")
    web = new_web(made)
    client = Browser.of(web).sign_in("owner").client
    (sign,) = web.signs
    sign.seen_us = before = made.engine.clock() - 20 * 60_000_000
    for path in ("/log/badge", "/log/seal"):
        assert client.get(path, follow_redirects=False).status_code in (200, 404)
        assert before == sign.seen_us
    assert 200 == client.get("/account").status_code
    assert before < sign.seen_us


def test_only_a_page_is_come_back_to(browser):
    """Whoever sent a form, or a script that asked for a piece of a page, begins at the desk."""
    client = browser().client
    assert "/sign-in" == client.post("/t/customer", follow_redirects=False).headers["location"]
    piece = client.get("/log/badge", headers={"HX-Request": "true"}, follow_redirects=False)
    assert "/sign-in" == piece.headers["hx-redirect"]
    page = client.get("/t/customer?view=x", follow_redirects=False)
    assert "/sign-in?next=/t/customer" == page.headers["location"]


def test_a_sign_in_ends_when_it_is_idle(made, browser, logged):
    """What nobody used for half an hour is over, and that is an entry."""
    give_password(made, "tom")
    web = new_web(made)
    client = Browser.of(web).sign_in("tom").client
    assert 200 == client.get("/").status_code
    for one in web.signs:
        one.seen_us -= 31 * 60_000_000
    assert "/sign-in" == client.get("/").url.path
    assert "idle" == [one for one in logged() if one.kind == "user.sign_out"][-1].detail["target"]["why"]


def test_the_cookie_is_for_our_pages_alone(made, browser):
    """No script reads it, no other site sends it along with a form."""
    give_password(made, "tom")
    one = browser()
    answer = one.client.post("/sign-in", data={"login": "tom", "password": PASSWORD}, follow_redirects=False)
    cookie = next(text for text in answer.headers.get_list("set-cookie") if text.startswith("muniment="))
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=lax", "path=/"} <= parts
    # It goes with the browser's window, unlike the mark of the browser and what was chosen for it.
    assert not {part for part in parts if part.startswith(("max-age", "expires", "domain"))}
    for path, form in (("/language", {"lang": "zh"}), ("/theme", {"theme": "dark"})):
        kept = one.post(path, form, follow_redirects=False).headers["set-cookie"].lower()
        assert "max-age=31536000" in kept


def test_over_tls_the_cookie_is_bound_to_the_host(made):
    """Over TLS the cookie's prefix and attribute keep it on this host and off plain connections."""
    give_password(made, "tom")
    client = Browser.of(new_web(made, url="https://records.example")).client
    answer = client.post("/sign-in", data={"login": "tom", "password": PASSWORD}, follow_redirects=False)
    cookie = next(text for text in answer.headers.get_list("set-cookie") if text.startswith("__Host-"))
    assert "secure" in cookie.lower()
    assert "max-age=31536000" == answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "sign.password_short"),
        ("x" * 300, "sign.password_long"),
        ("anna.schmidt.1", "sign.password_weak"),
        ("qwertyuiop12", "sign.password_weak"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password, code):
    """Short ones, keyboard rows, and one's own name are refused."""
    with pytest.raises(UsageError) as caught:
        check_strength(password, ("anna.schmidt", "Anna Schmidt"))
    assert code == caught.value.code


def test_signing_in_leads_nowhere_else(made, browser):
    """The page to go to afterwards is one of ours, whatever the address says."""
    give_password(made, "tom")
    for place in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = browser().client.post(
            "/sign-in",
            data={"login": "tom", "password": PASSWORD, "next": place},
            follow_redirects=False,
        )
        assert "/" == answer.headers["location"]
