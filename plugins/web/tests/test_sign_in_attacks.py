"""What somebody tries at the door: guessing side by side, using twice what works once, keeping others out."""

from __future__ import annotations

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import attrs
import pyotp
import pytest

from muniment.errors import AccessDenied
from muniment_web._serve import invite_link
from muniment_web.server.factors import new_recovery_codes, new_seed
from muniment_web.server.passwords import Passwords
from muniment_web.server.throttle import Throttle
from muniment_web.testing import PASSWORD, Browser, give_password, new_web

HOST = "http://localhost:8765"


@pytest.fixture
def ada(made):
    """Somebody with a second factor; gives the seed and the recovery codes."""
    give_password(made, "ada")
    seed = new_seed()
    codes, hashes = new_recovery_codes(3)
    with made.session(actor="owner") as session:
        change = session.credentials.change
        change("ada", "totp", lambda held: attrs.evolve(held, totp=seed, totp_last=0, recovery=hashes))
        yield seed, codes
        change("ada", "totp", lambda held: attrs.evolve(held, totp="", recovery=(), passkeys=()))


def side_by_side(count, act):
    """What comes of doing something several times at once."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def test_guesses_side_by_side_are_counted_before_they_are_judged():
    """Forty at once get no more tries than forty one after the other."""
    throttle = Throttle(lambda: 0)

    def attempt(number):
        try:
            throttle.begin("tom", "somewhere")
        except AccessDenied:
            return 0
        return 1

    assert 5 == sum(side_by_side(40, attempt))


def test_an_attempt_that_succeeds_costs_nobody_behind_the_same_address_anything():
    """A whole office signs in from one address, each as often as they like."""
    throttle = Throttle(lambda: 0)
    for number in range(200):
        throttle.begin(f"login{number}", "office")
        throttle.succeeded(f"login{number}", "office")


def test_codes_are_guessed_from_everywhere_together(web, made, ada):
    """Who knows the password and guesses the code from ever other addresses is slowed down all the same."""
    tried = []
    for number in range(8):
        client = Browser.of(web).client
        client._transport.client = (f"203.0.113.{number}", 1)
        form = {"login": "ada", "password": PASSWORD, "code": f"{number:06}"}
        tried.append("sign.throttled" in client.post("/sign-in", data=form).text)
    assert [False] * 5 + [True] * 3 == tried


def test_the_owner_s_own_browser_is_not_kept_out_by_guesses_of_the_code(web, made, ada):
    """A browser in which the person signed in before counts alone."""
    _, codes = ada
    own = Browser.of(web)
    own.client.post("/sign-in", data={"login": "ada", "password": PASSWORD, "code": codes[0]})
    own.post("/sign-out")
    for number in range(8):
        form = {"login": "ada", "password": PASSWORD, "code": f"{number:06}"}
        Browser.of(web).client.post("/sign-in", data=form)
    form = {"login": "ada", "password": PASSWORD, "code": codes[1]}
    assert "/" == own.client.post("/sign-in", data=form).url.path


def test_a_recovery_code_used_twice_at_once_works_once(web, made, ada):
    """Of two browsers that show one code in the same moment one gets in."""
    _, codes = ada
    form = {"login": "ada", "password": PASSWORD, "code": codes[0]}
    found = side_by_side(4, lambda n: Browser.of(web).client.post("/sign-in", data=form).url.path)
    assert 1 == found.count("/")


def test_an_invitation_used_twice_at_once_works_once(web, made):
    """Of two who follow one link in the same moment one sets the password."""
    with made.session(actor="owner") as session:
        link = invite_link(session, web.settings, "tom", days=1).removeprefix(HOST)
    form = {"password": PASSWORD, "again": PASSWORD}
    found = side_by_side(4, lambda n: Browser.of(web).client.post(link, data=form).url.path)
    assert 1 == found.count("/")


def test_a_link_does_not_stand_for_the_second_factor(web, made, ada):
    """Whoever got hold of somebody's link sets a password and is asked for the code like everybody."""
    with made.session(actor="owner") as session:
        link = invite_link(session, web.settings, "ada", days=1).removeprefix(HOST)
    one = Browser.of(web)
    shown = one.client.post(link, data={"password": PASSWORD, "again": PASSWORD})
    assert "Sign in with it and with your code" in shown.text
    assert 303 == one.get("/", follow_redirects=False).status_code


def test_links_are_made_of_our_own_name_alone(web, made, signed):
    """A Host header of the asker's choice stands in no link, and gets no answer."""
    one = signed("owner")
    for host in (
        "evil.example",
        "localhost.evil.example",
        "evil.example:8765",
        "localhost:8765@evil.example",
        "",
    ):
        answer = one.client.post("/users/tom/invite", data={"csrf": one.csrf}, headers={"Host": host})
        assert 421 == answer.status_code
        assert "welcome" not in answer.text
    forwarded = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
    }
    made_link = one.post("/users/tom/invite", headers=forwarded).text
    assert "evil" not in made_link
    assert f"{HOST}/welcome/" in made_link


def test_the_cookie_of_before_is_worth_nothing_after(web, made):
    """What an attacker put into the browser, and the sign-in before in it, end where somebody signs in."""
    give_password(made, "tom")
    cookie, form = "chosen-by-the-attacker", {"login": "tom", "password": PASSWORD}
    for _ in range(2):
        headers = {"Cookie": f"muniment={cookie}"}
        form["csrf"] = "".join(one.csrf for one in web.signs)
        answer = Browser.of(web).client.post("/sign-in", data=form, headers=headers, follow_redirects=False)
        assert 303 == answer.status_code
        old = Browser.of(web).client.get("/", headers=headers, follow_redirects=False)
        assert "/sign-in" == old.headers["location"]
        assert cookie != answer.cookies["muniment"]
        cookie = answer.cookies["muniment"]


def test_what_is_kept_of_a_cookie_opens_nothing(web, signed):
    """Cookies are of 256 random bits, and only their hashes are kept."""
    one = signed("tom")
    cookie = one.client.cookies["muniment"]
    assert 43 == len(cookie)
    kept = repr([attrs.asdict(each, recurse=False) for each in one.client.app.state.web.signs])
    assert cookie not in kept


def test_one_sees_and_ends_one_s_sign_ins_elsewhere_and_nobody_else_s(web, made, signed):
    """The account lists them; ending is for one's own, by name or all; another's identifier does nothing."""
    here, there, other = signed("tom"), signed("tom"), signed("li.na")
    assert 2 == here.get("/account").text.count('action="/account/sign-ins/end"')
    names = {one.login: one.id for one in web.signs}
    here.post("/account/sign-ins/end", {"which": names["li.na"]})
    assert 200 == other.get("/account").status_code
    here.post("/account/sign-ins/end")
    assert 303 == there.get("/", follow_redirects=False).status_code
    assert 200 == here.get("/account", follow_redirects=False).status_code


def test_nobody_holds_more_than_ten_sign_ins(web, made, signed, logged):
    """The eleventh ends the one that was not used for longest, and that is an entry."""
    browsers = [signed("tom") for _ in range(11)]
    assert 10 == len([one for one in web.signs if one.login == "tom"])
    assert 303 == browsers[0].get("/", follow_redirects=False).status_code
    assert "many" in [one.detail["target"]["why"] for one in logged() if one.kind == "user.sign_out"]


def test_a_known_browser_is_known_after_a_restart_and_only_for_its_login(made):
    """The mark outlives the process; another login's, a made-up one or one under another number is none."""
    give_password(made, "tom")
    give_password(made, "li.na")
    one = Browser.of(new_web(made)).sign_in("tom")
    mark = one.client.cookies["muniment-device"]
    web = new_web(made)

    def waits(login: str, cookie: str) -> bool:
        client = Browser.of(web).client
        client.cookies.set("muniment-device", cookie)
        return "sign.throttled" in client.post("/sign-in", data={"login": login, "password": "x"}).text

    for login in ("tom", "li.na"):
        for _ in range(5):
            Browser.of(web).client.post("/sign-in", data={"login": login, "password": "wrong"})
    assert not waits("tom", mark)
    assert waits("li.na", mark)
    number, _, mac = mark.partition(".")
    for forged in (f"{'0' * 32}.{mac}", f"{number}.{'0' * 64}", number, "."):
        assert waits("tom", forged)


def test_hundreds_of_sign_ins_at_once_do_not_take_all_memory(monkeypatch):
    """Four hashes are made at once, a few wait, and the rest is told to come back."""
    cheap = Passwords(memory_kib=8, passes=1)
    cheap._waiting = 16
    with pytest.raises(AccessDenied) as caught:
        cheap.check("", "x")
    assert "sign.rate" == caught.value.code
    cheap._waiting = 0
    side_by_side(12, lambda n: cheap.check("", "x"))
    assert 0 == cheap._waiting


def test_a_new_factor_ends_the_sign_ins_without_it(web, made, signed):
    """Whoever was signed in elsewhere with the password alone shows both from now on."""
    here, there = signed("li.na"), signed("li.na")
    shown = here.post("/account/totp", {"current": PASSWORD}).text
    seed = re.search(r'id="seed">([A-Z2-7 ]+)<', shown)
    assert seed is not None
    try:
        code = pyotp.TOTP(seed[1].replace(" ", "")).at(made.engine.clock() // 1_000_000)
        assert 'id="codes"' in here.post("/account/totp/confirm", {"code": code}).text
        assert 303 == there.get("/", follow_redirects=False).status_code
        assert 200 == here.get("/account").status_code
    finally:
        with made.session(actor="owner") as session:
            session.credentials.change("li.na", "totp", lambda one: attrs.evolve(one, totp="", recovery=()))


def test_a_script_is_led_to_no_other_site(signed):
    """What browsers would read as another host is none of our pages, for scripts as well."""
    one = signed("tom")
    places = (
        "//evil",
        "/\\evil",
        "/\t/evil",
        "/\n/evil",
        "/ /evil",
        "https:evil",
        "/%0d%0aX:y\r\nX: y",
        "/\u00e9",
    )
    for place in places:
        answer = one.post("/theme", {"theme": "dark", "back": place}, headers={"HX-Request": "true"})
        assert "/" == answer.headers["hx-redirect"], place
    assert (
        "/t/customer?a=b"
        == one.post(
            "/theme", {"theme": "dark", "back": "/t/customer?a=b"}, headers={"HX-Request": "true"}
        ).headers["hx-redirect"]
    )


def test_where_waiting_begins_is_an_entry(web, made, ada, logged):
    """Once, where the fifth guess fails; of the password and of the code alike."""
    give_password(made, "tom")
    for _ in range(7):
        Browser.of(web).client.post("/sign-in", data={"login": "tom", "password": "wrong"})
    for number in range(8):
        client = Browser.of(web).client
        client._transport.client = (f"203.0.113.{number}", 1)
        client.post("/sign-in", data={"login": "ada", "password": PASSWORD, "code": f"{number:06}"})
    locked = [one.detail for one in logged() if one.kind == "user.lock"]
    assert ["tom", "ada"] == [one["actor"]["id"] for one in locked]
    assert {("denied", "sign.throttled")} == {(one["outcome"], one["code"]) for one in locked}


def test_whoever_may_not_act_any_more_gets_in_by_no_door(web, made, logged):
    """By no password, and by no link from before; only the log says that the password was the right one."""
    with made.session(actor="owner") as session:
        user = session.create("user", {"login": "former", "roles": ["reader"], "state": "active"}).id
        link = invite_link(session, web.settings, "former", days=1).removeprefix(HOST)
        give_password(made, "former")
        session.update(user, {"state": "disabled"})
    told = set()
    for password in (PASSWORD, "wrong"):
        one = Browser.of(web)
        answer = one.client.post("/sign-in", data={"login": "former", "password": password})
        assert 403 == answer.status_code
        told.add(re.sub(r"[0-9]", "", answer.text))
    assert 1 == len(told)
    failed = [one.detail["code"] for one in logged() if one.kind == "user.sign_fail"]
    assert ["access.disabled", "sign.wrong"] == failed
    form = {"password": "other harbour 91 anvil", "again": "other harbour 91 anvil"}
    assert 403 == Browser.of(web).get(link).status_code
    assert 403 == Browser.of(web).client.post(link, data=form).status_code
    assert [] == list(web.signs)
    with made.session(actor="owner") as session:
        kept = session.credentials.of("former").password
    assert web.passwords.check(kept, PASSWORD)


def test_a_password_that_is_set_by_a_link_ends_what_was_begun_with_another(web, made, signed):
    """Whoever had the old one is out."""
    old = signed("tom")
    with made.session(actor="owner") as session:
        link = invite_link(session, web.settings, "tom", days=1).removeprefix(HOST)
    Browser.of(web).client.post(link, data={"password": PASSWORD, "again": PASSWORD})
    assert 303 == old.get("/account", follow_redirects=False).status_code


def test_a_hash_of_before_is_made_anew_at_today_s_cost(made):
    """At the next sign-in, for nobody else knows the password."""
    give_password(made, "tom")
    dearer = Passwords(memory_kib=16, passes=1)
    web = new_web(made)
    web.passwords = dearer
    with made.session(actor="owner") as session:
        assert dearer.stale(session.credentials.of("tom").password)
        Browser.of(web).sign_in("tom")
        assert not dearer.stale(session.credentials.of("tom").password)
        Browser.of(web).sign_in("tom")
        session.credentials.use("tom", lambda held: attrs.evolve(held, password=""))


def test_what_a_password_is_does_not_hang_on_the_keyboard(monkeypatch):
    """What looks the same is the same; an endless one costs no more than another, and nobody has none."""
    cheap = Passwords(memory_kib=8, passes=1)
    encoded = cheap.hash("\uff56\uff49\uff4f\uff4c\uff45\uff54 \u212b77")
    assert cheap.check(encoded, "violet \u00c577")
    assert not cheap.check(encoded, "Violet \u00c577")
    for nobody in ("", "nobody has this password"):
        assert not cheap.check("", nobody)
    taken = []
    counting = SimpleNamespace(verify=lambda held, given: taken.append(len(given)))
    monkeypatch.setattr(cheap, "_hasher", counting)
    cheap.check(encoded, "x" * 1_000_000)
    assert taken == [1_024]


def test_stopping_ends_every_sign_in_and_says_so(made, logged):
    """Nobody is signed in at the next start, and the log says why."""
    give_password(made, "tom")
    web = new_web(made)
    one = Browser.of(web)
    with one.client:
        one.sign_in("tom")
        assert 1 == len(list(web.signs))
    assert [] == list(web.signs)
    assert ["stop"] == [each.detail["target"]["why"] for each in logged() if each.kind == "user.sign_out"]


def test_what_opens_nothing_is_written_down_so_often_and_no_more(web, made, logged):
    """Anybody can make up tokens and links; they fill no log, and keep nobody out whose own is right."""
    with made.session(actor="owner") as session:
        _, text = session.credentials.issue("owner", name="right", scopes=("read",), days=1)
        link = invite_link(session, web.settings, "ada", days=1).removeprefix(HOST)
    one = Browser.of(web).client
    doors = {
        "token": lambda made_up: one.get("/api/v1/me", headers={"Authorization": f"Bearer {made_up}"}),
        "welcome": lambda made_up: one.get(f"/welcome/{made_up}"),
        "leave": lambda made_up: one.get(f"/leave/{made_up}"),
        "ask": lambda made_up: one.post(f"/ask/{made_up}", data={"score": "5"}),
    }
    before = len(logged())
    answers = [door(secrets.token_urlsafe(48)) for _ in range(40) for door in doors.values()]
    written = logged()[before:]
    assert len(written) < 60
    assert {"access.deny", "user.lock"} == {each.kind for each in written}
    assert 1 == [each.kind for each in written].count("user.lock")
    assert {401, 403, 404, 429} >= {each.status_code for each in answers}
    last = doors["token"]("made-up")
    assert (429, "sign.throttled") == (last.status_code, last.json()["code"])
    assert int(last.headers["Retry-After"]) > 0
    assert 200 == doors["token"](text).status_code
    assert 200 == one.get(link).status_code
