"""What people and programs get in with, over the API: under the checks and with the entries of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pyotp
import pytest
from starlette.testclient import TestClient

from muniment.archive import Archive
from muniment.model import SCOPES
from muniment.testing import log_entries, new_archive
from muniment_web._app import build
from muniment_web.server.factors import new_recovery_codes, new_seed
from muniment_web.testing import PASSWORD, Browser, give_password, new_web


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[Archive]:
    """An archive of its own: second factors in it would be in the way of every other sign-in."""
    with new_archive(tmp_path_factory.mktemp("access") / "customers") as archive:
        with archive.session(actor="owner") as session:
            for login, role in (("tom", "reader"), ("eve", "owner")):
                session.create("user", {"login": login, "roles": [role], "state": "active"})
        for login in ("owner", "tom", "eve"):
            give_password(archive, login)
        yield archive


@pytest.fixture
def web(house):
    """The pages, freshly started."""
    return new_web(house)


@pytest.fixture
def api(web, house):
    """Makes clients with a token of somebody's."""

    def make(login: str = "owner", *scopes: str) -> TestClient:
        with house.session(actor=login) as session:
            _, text = session.credentials.issue(login, name="test", scopes=scopes or SCOPES, days=1)
        return using(web, text)

    return make


def using(web, text: str) -> TestClient:
    """A client that shows a token."""
    client = TestClient(build(web), base_url="http://localhost:8765/api/v1/")
    client.headers["Authorization"] = f"Bearer {text}"
    return client


@pytest.fixture
def factor(house):
    """Gives somebody a second factor; gives its seed and a recovery code."""

    def give(login: str) -> tuple[str, str]:
        seed, (codes, hashes) = new_seed(), new_recovery_codes(1)
        with house.session(actor="owner") as session:
            session.credentials.change(
                login, "totp", lambda held: attrs.evolve(held, totp=seed, totp_last=0, recovery=hashes)
            )
        return seed, codes[0]

    yield give
    with house.session(actor="owner") as session:
        for login in ("owner", "tom", "eve"):
            session.credentials.change(login, "totp", lambda held: attrs.evolve(held, totp="", recovery=()))


def kinds(archive: Archive, start: int) -> list[str]:
    """What was written down since."""
    return [one.kind for one in log_entries(archive, start=start)]


def test_a_token_is_made_with_the_password_and_shown_once(web, house, api):
    """As on the page: the password once more, an entry for that and one for the token, which then works."""
    start = len(log_entries(house))
    body = {"name": "crm", "scopes": ["log", "read", "read"], "days": 9, "password": PASSWORD}
    made = api().post("tokens", json=body)
    assert 201 == made.status_code, made.text
    one = made.json()
    assert ("owner", "crm", ["log", "read"]) == (one["login"], one["name"], one["scopes"])
    assert ["token.issue", "user.step_up", "token.issue"] == kinds(house, start)
    other = using(web, one["token"])
    assert "owner" == other.get("me").json()["login"]
    assert one["token"] not in str([each.detail for each in log_entries(house, start=start)])
    assert one["token"] not in api().get("tokens").text
    assert one["id"] in [each["id"] for each in api().get("tokens").json()["tokens"]]
    assert "revoked" == api().delete(f"tokens/{one['id']}").json()["state"]
    assert 401 == other.get("me").status_code


def test_a_stolen_token_makes_no_other(house, api):
    """Without the password, and after a few tries with it neither; its owner does so with another."""
    thief, start = api(), len(log_entries(house))
    for _ in range(5):
        answer = thief.post("tokens", json={"name": "x", "password": "guessed"})
        assert (403, "sign.wrong") == (answer.status_code, answer.json()["code"])
    slowed = thief.post("tokens", json={"name": "x", "password": PASSWORD})
    assert (429, "sign.throttled") == (slowed.status_code, slowed.json()["code"])
    assert 0 < int(slowed.headers["retry-after"])
    assert 5 == kinds(house, start).count("user.sign_fail")
    assert "token.issue" not in kinds(house, start)
    assert 201 == api().post("tokens", json={"name": "x", "password": PASSWORD}).status_code


def test_a_token_gives_no_scope_that_it_has_not(house, api):
    """Whoever holds a narrow token gets no wider one out of it, whatever else they know."""
    narrow, start = api("owner", "setup"), len(log_entries(house))
    answer = narrow.post("tokens", json={"name": "x", "scopes": ["write"], "password": PASSWORD})
    assert (403, "sign.token_wider") == (answer.status_code, answer.json()["code"])
    assert ["access.deny"] == kinds(house, start)
    assert (
        201
        == narrow.post("tokens", json={"name": "x", "scopes": ["setup"], "password": PASSWORD}).status_code
    )


def test_a_token_of_somebody_with_a_second_factor_shows_a_code_too(house, api, factor):
    """Password and token are no second factor; a code is, and works once."""
    seed, recovery = factor("owner")
    one, body = api(), {"name": "x", "password": PASSWORD}
    code = pyotp.TOTP(seed).at(house.engine.clock() // 1_000_000)
    assert "sign.wrong" == one.post("tokens", json=body).json()["code"]
    assert 201 == one.post("tokens", json={**body, "code": code}).status_code
    assert "sign.wrong" == one.post("tokens", json={**body, "code": code}).json()["code"]
    assert 201 == one.post("tokens", json={**body, "code": recovery}).status_code


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": " "}, {"scopes": []}, {"scopes": ["all"]}, {"days": 0}, {"days": 367}]
)
def test_a_token_for_what_there_is_not_is_refused(api, wrong):
    """A name, scopes that there are, and an end within a year."""
    answer = api().post("tokens", json={"name": "x", "password": PASSWORD, **wrong})
    assert (422, "serve.request") == (answer.status_code, answer.json()["code"])


def test_ones_own_sign_ins_are_listed_and_ended_one_by_one_or_all(web, house, api):
    """A script of a page sees its own first and keeps it; a token ends all; another's are not there."""
    here, other, third = (Browser.of(web).sign_in("owner") for _ in range(3))
    tom = Browser.of(web).sign_in("tom")
    shown = here.get("/api/v1/sign-ins").json()["sign_ins"]
    assert [True, False, False] == [one["here"] for one in shown]
    assert 3 == len(api().get("sign-ins").json()["sign_ins"])
    assert [False] == [one["here"] for one in api("tom").get("sign-ins").json()["sign_ins"]]
    theirs = api("tom").get("sign-ins").json()["sign_ins"][0]["id"]
    start = len(log_entries(house))
    assert 404 == here.client.delete(f"/api/v1/sign-ins/{theirs}", headers={"x-csrf": here.csrf}).status_code
    own = here.client.delete(f"/api/v1/sign-ins/{shown[0]['id']}", headers={"x-csrf": here.csrf})
    assert (404, "sign.no_sign_in") == (own.status_code, own.json()["code"])
    assert {"ended": 1} == api().delete(f"sign-ins/{shown[1]['id']}").json()
    assert {"ended": 1} == here.client.delete("/api/v1/sign-ins", headers={"x-csrf": here.csrf}).json()
    assert ["user.sign_out"] * 2 == [each for each in kinds(house, start) if each == "user.sign_out"]
    assert "/" == here.get("/").url.path
    assert ["/sign-in"] * 2 == [one.get("/").url.path for one in (other, third)]
    assert {"ended": 1} == api().delete("sign-ins").json()
    assert "/sign-in" == here.get("/").url.path
    assert "/" == tom.get("/").url.path


def test_whoever_changes_users_ends_their_sign_ins_and_takes_off_a_lost_factor(web, house, api, factor):
    """As the page does: both are entries, the factor goes with its recovery codes, and nobody else may."""
    factor("tom")
    with house.session(actor="owner") as session:
        before = session.credentials.of("tom")
        session.credentials.change("tom", "totp", lambda held: attrs.evolve(held, totp="", recovery=()))
        tom = Browser.of(web).sign_in("tom")
        session.credentials.change("tom", "totp", lambda held: before)
    (shown,) = [one for one in api().get("users").json()["users"] if one["login"] == "tom"]
    assert (True, True, True) == (shown["ready"], shown["second_factor"], shown["signed_in"])
    for path in ("users/owner/sign-ins", "users/owner/second-factor"):
        assert 403 == api("tom").delete(path).status_code
    start = len(log_entries(house))
    assert "removed" == api().delete("users/tom/second-factor").json()["state"]
    assert ["token.issue", "credential.remove", "user.sign_out"] == kinds(house, start)
    assert "/sign-in" == tom.get("/").url.path
    with house.session(actor="owner") as session:
        held = session.credentials.of("tom")
    assert ("", ()) == (held.totp, held.recovery)
    Browser.of(web).sign_in("tom")
    assert {"ended": 1} == api().delete("users/tom/sign-ins").json()
    assert {"ended": 0} == api().delete("users/tom/sign-ins").json()
    for path in ("users/nobody/sign-ins", "users/nobody/second-factor"):
        assert (404, "sign.no_user") == ((gone := api().delete(path)).status_code, gone.json()["code"])


def test_nobody_takes_off_their_own_factor_without_the_password(web, house, api, factor):
    """Whoever took over an administrator's sign-in or token does not disarm them as if it were lost."""
    eve = Browser.of(web).sign_in("eve")
    factor("eve")
    answer = api("eve").delete("users/eve/second-factor")
    assert (403, "sign.own_factor") == (answer.status_code, answer.json()["code"])
    assert 403 == eve.post("/users/eve/change", {"do": "factor"}).status_code
    assert 'value="factor"' not in eve.get("/users").text
    with house.session(actor="owner") as session:
        assert session.credentials.of("eve").totp


def test_a_token_made_beside_the_archive_is_known_to_the_pages_at_once(web, house, api):
    """Made with the command in another process while the pages run, it opens the API."""
    from click.testing import CliRunner

    from muniment.cli.app import app
    from muniment.testing.archives import key_file_of

    place = {"MUNIMENT_ARCHIVE": str(house.folder), "MUNIMENT_KEY": str(key_file_of(house.folder))}
    done = CliRunner().invoke(app, ["--as", "owner", "token", "add", "curl"], env=place)
    assert 0 == done.exit_code, done.stderr
    assert "owner" == using(web, done.stdout.strip()).get("me").json()["login"]
