"""What people try against the API: bodies, names and credentials made to break it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from muniment.model import SCOPES
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.server.strict import strict_json
from muniment_web.testing import ANNA, new_web

NOBODY = "00000000-0000-7000-8000-000000000000"
HTML = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
BOMBS = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep members": b'{"fields":' * 20_000 + b"1" + b"}" * 20_000,
    "named twice": b'{"fields": {"city": "Ulm"}, "fields": {"city": "Bonn"}}',
    "named twice inside": b'{"fields": {"city": "Ulm", "city": "Bonn"}}',
    "not a number": b'{"fields": {"city": NaN}}',
    "infinite": b'{"fields": {"city": -Infinity}}',
    "large power": b'{"fields": {"city": 1e999}}',
    "very large integer": b'{"fields": {"city": ' + b"9" * 5_000 + b"}}",
    "half a character": b'{"fields": {"city": "\\ud800"}}',
    "no utf-8": b'{"fields": {"city": "\xff"}}',
    "another encoding": '{"fields": {}}'.encode("utf-16"),
    "marked": b'\xef\xbb\xbf{"fields": {}}',
    "behind its end": b'{"fields": {}} {"fields": {}}',
    "no object": b'"fields"',
    "nothing": b"",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An archive of its own: what is tried here is made by the hundred, and would be in everybody's lists."""
    with new_archive(tmp_path_factory.mktemp("attacks") / "customers") as archive:
        with archive.session(actor="owner") as session:
            for login, role in (("li.na", "editor"), ("tom", "reader")):
                values = {"login": login, "display_name": login, "roles": (role,), "state": "active"}
                session.create("user", values)
        yield archive


@pytest.fixture(scope="module")
def client(made):
    """Somebody with every right, so that nothing but the form is wrong."""
    with made.session(actor="owner") as session:
        _, text = session.credentials.issue("owner", name="attacks", scopes=SCOPES, days=1)
    web = new_web(made, requests_a_minute=1_000_000, body_bytes=1 << 20)
    client = TestClient(build(web), base_url="http://localhost:8765/api/v1/")
    client.headers["Authorization"] = f"Bearer {text}"
    return client


@pytest.mark.parametrize("name", sorted(BOMBS))
@pytest.mark.parametrize("path", ["records/customer", "records/customer/list", "changes/1/approve"])
def test_a_body_that_is_no_plain_json_is_refused(client, path, name):
    """Nothing is half read: not what names a member twice, and not what only looks like a number."""
    answer = client.post(path, content=BOMBS[name], headers={"Content-Type": "application/json"})
    assert (422, "serve.request") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("name", sorted(set(BOMBS) - {"nothing", "behind its end"}))
def test_a_line_that_is_no_plain_json_is_refused(client, name):
    """Lines are read as strictly as bodies, and the one that is wrong is named."""
    answer = client.post("records/customer/bulk", content=BOMBS[name])
    assert 400 == answer.status_code
    assert "serve.line" == answer.json()["code"]


def test_a_body_that_grows_when_it_is_read_is_refused():
    """Very many small members in a large body would take a hundred times its size."""
    with pytest.raises(ValueError, match="no JSON"):
        strict_json(b"[" + b"[]," * 400_000 + b"1]")
    assert {"content": "A" * (2 << 20)} == strict_json(json.dumps({"content": "A" * (2 << 20)}))


def nested(one):
    """Lists and objects of something."""
    return st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3)


PLAIN = st.none() | st.booleans() | st.integers() | st.text()


@given(PLAIN | nested(PLAIN) | nested(nested(PLAIN)))
def test_plain_json_is_read_as_it_is(found):
    """Being strict changes nothing of what is sound."""
    assert found == strict_json(json.dumps(found))


def test_a_body_that_is_too_long_is_refused(client):
    """Announced or not; only what carries a file may be longer."""
    large = b'{"fields": {"city": "' + b"x" * (1 << 20) + b'"}}'
    headers = {"Content-Type": "application/json"}
    for language, said in (("en", "What was sent is too large."), ("zh", "发送的内容过大。")):
        more = {**headers, "Accept-Language": language}
        answer = client.post("records/customer", content=large, headers=more)
        assert (413, said) == (answer.status_code, answer.json()["title"])

    def endless():
        for _ in range(40):
            yield b" " * 65536

    for more in ({}, {"Idempotency-Key": "endless"}):
        answer = client.post("records/customer", content=endless(), headers={**headers, **more})
        assert (413, "serve.body") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**63) - 1,
        10**90,
        1.5e300,
        True,
        [],
        {},
        [[["x"]]],
        {"$ne": 1},
        "\x00",
        "\u202eabc",
        "a" * 5_000,
    ],
)
def test_values_of_any_form_are_taken_or_refused(client, value):
    """A value that its field cannot have is the caller's mistake, in every field of the table."""
    for field in client.get("types/customer").json()["fields"]:
        fields = {"full_name": "Any Form", field["key"]: value}
        answer = client.post("records/customer", json={"fields": fields})
        assert answer.status_code in (201, 400, 409, 422), (field["key"], answer.text)
        listed = client.post("records/customer/list", json={"where": {field["key"]: value}})
        assert listed.status_code in (200, 400, 422), (field["key"], listed.text)


def test_html_in_every_field_is_text(client):
    """It comes back as it was typed, as JSON that no browser takes for a page."""
    fields = client.get("types/customer").json()["fields"]
    taken = 0
    for field in fields:
        body = {"fields": {"full_name": "Html", field["key"]: HTML}, "reason": HTML}
        answer = client.post("records/customer", json=body)
        assert "<script" not in answer.text
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
        if answer.status_code == 201:
            taken += 1
            path = f"records/customer/{answer.json()['id']}"
            shown = client.get(path)
            assert "nosniff" == shown.headers["x-content-type-options"]
            assert HTML in (shown.json()["fields"][field["key"]], shown.json()["fields"]["full_name"])
            assert HTML == client.get(f"{path}/history").json()["history"][0]["reason"]
    assert taken


@pytest.mark.parametrize(
    "path",
    [
        "records/customer/..%2f..%2fetc%2fpasswd",
        "records/..%2f..%2fkeys.db",
        "records/customer/%00",
        "letters/..%2f..%2fetc%2fpasswd/preview",
        "letters/%2fetc%2fpasswd.toml/preview",
        "letters/x.toml/send",
        "views/customer/..%2f..%2fmuniment.toml",
        "dashboards/..%2f..%2fmuniment.toml",
        "dashboards/x.toml",
        "records/customer/０１a2025d-7459-7000-b300-3e31d138f36a",
        f"records/ｃustomer/{NOBODY}",
        f"records/customer/{NOBODY}/fields/..%2fphoto/file",
        "log/１２",
        "log/99999999999999999999999999",
        "log/-1",
        "tokens/..%2f..%2fx",
        "users/..%2fowner",
    ],
)
def test_a_name_leads_nowhere_but_to_what_it_names(client, path):
    """No name in an address is a path, and no other digit or letter passes for one."""
    for verb in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(verb, path, json={"name": "x", "fields": {}})
        assert answer.status_code in (400, 404, 405, 412, 422, 428), (verb, answer.text)
        assert "root:" not in answer.text


def test_a_mapping_of_an_import_is_a_name_and_no_file(client, tmp_path):
    """What is asked for by name is not looked for on the disk."""
    (tmp_path / "m.toml").write_text("format = 1\n", encoding="utf-8")
    body = {"file": {"name": "a.csv", "content": "YQ=="}, "mapping": str(tmp_path / "m.toml")}
    assert client.post("records/customer/import", json=body).status_code in (400, 404)


def test_another_persons_credential_does_not_become_ones_own(client, signed, made):
    """A cookie beside a token, a token of another scheme, two tokens: never more than the one that counts."""
    with made.session(actor="tom") as session:
        _, weak = session.credentials.issue("tom", name="weak", scopes=("read",), days=1)
    browser = signed("li.na")
    me = browser.client.get("/api/v1/me", headers={"Authorization": f"Bearer {weak}"}).json()
    assert ("tom", ["read"]) == (me["login"], me["scopes"])
    broken = browser.client.get("/api/v1/me", headers={"Authorization": "Bearer " + "A" * 43})
    assert 401 == broken.status_code
    other = client.get("me", headers={"Authorization": f"Token {weak}"})
    assert 401 == other.status_code
    ours, evil = {"X-CSRF": browser.csrf}, {"Origin": "https://evil.example"}
    cross = {"Sec-Fetch-Site": "cross-site"}
    for sent in (
        {**ours, **evil, **cross},
        {**ours, **cross},
        # A browser that says nothing of how it fetches still says from where.
        {**ours, **evil},
        {**ours, "Origin": "null"},
        {**ours, "Origin": "https://localhost:8765"},
        {},
        {"X-CSRF": "x" * len(browser.csrf)},
        {"X-CSRF": browser.csrf[:-1]},
    ):
        refused = browser.client.post("/api/v1/records/customer", json={"fields": dict(ANNA)}, headers=sent)
        assert (403, "sign.form") == (refused.status_code, refused.json()["code"])


def worker(made, *, roles=("owner",), scopes=SCOPES):
    """Somebody's record, and a client with a token of theirs."""
    with made.session(actor="owner") as session:
        login = f"w{session.note('log.read')}"
        values = {"login": login, "display_name": "w", "roles": roles, "state": "active"}
        user = session.create("user", values).id
        _, text = session.credentials.issue(login, name="w", scopes=scopes, days=1)
    one = TestClient(build(new_web(made)), base_url="http://localhost:8765/api/v1/")
    one.headers["Authorization"] = f"Bearer {text}"
    return user, one


def test_a_key_stands_for_one_purpose_and_one_version(made):
    """The same body under the same key for something else, or of another version, is another request."""
    _, one = worker(made)
    key = {"Idempotency-Key": "one"}
    held = {"matter": "m", "everything": True}
    assert 201 == one.post("holds", json=held, headers=key).status_code
    other = one.post("holds", json=held, headers={**key, "Muniment-Purpose": "ServiceProvision"})
    assert (409, "conflict.idempotency") == (other.status_code, other.json()["code"])
    made_now = one.post("records/customer", json={"fields": {"full_name": "Two Versions"}}).json()
    path, change = f"records/customer/{made_now['id']}", {"fields": {"city": "Kiel"}}
    key = {"Idempotency-Key": "two"}
    assert 200 == one.patch(path, json=change, headers={**key, "If-Match": '"1"'}).status_code
    late = one.patch(path, json=change, headers={**key, "If-Match": '"2"'})
    assert (409, "conflict.idempotency") == (late.status_code, late.json()["code"])


def test_what_was_refused_may_be_asked_again_under_its_key(made):
    """A refusal is an entry, and nothing was done: with the right, the same request is done."""
    user, one = worker(made, roles=("reader",))
    held, key = {"matter": "again", "everything": True}, {"Idempotency-Key": "again"}
    assert 403 == one.post("holds", json=held, headers=key).status_code
    with made.session(actor="owner") as session:
        session.update(user, {"roles": ("owner",)})
    assert 201 == one.post("holds", json=held, headers=key).status_code


def test_nothing_long_is_read_of_whoever_has_no_scope(made, in_pieces):
    """A token that may not write is told so before its body is taken in under a key."""
    _, one = worker(made, scopes=("read",))
    headers = {"content-type": "application/json", "idempotency-key": "long"}
    shown = {"authorization": one.headers["Authorization"]}
    path = "/api/v1/records/customer"
    assert (403, 0) == in_pieces(new_web(made), path, {**headers, **shown})
    assert (401, 0) == in_pieces(new_web(made), path, headers)


def test_a_token_ends_when_it_is_taken_back_or_its_owner_loses_the_role(made):
    """At once, also for the answers that were kept for a retry."""
    with made.session(actor="owner") as session:
        login = f"w{session.note('log.read')}"
        values = {"login": login, "display_name": "w", "roles": ("owner",), "state": "active"}
        user = session.create("user", values).id
        token, text = session.credentials.issue(login, name="w", scopes=SCOPES, days=1)
    one = TestClient(build(new_web(made)), base_url="http://localhost:8765/api/v1/")
    one.headers |= {"Authorization": f"Bearer {text}", "Idempotency-Key": "kept"}
    body = {"text": "larger letters"}
    assert 201 == one.post("suggestions", json=body).status_code
    held = {"matter": "m", "everything": True}
    kept = one.post("holds", json=held, headers={"Idempotency-Key": "hold"})
    assert 201 == kept.status_code
    with made.session(actor="owner") as session:
        session.holds.release(kept.json()["id"], reason="over")
        session.update(user, {"roles": ("reader",)})
    assert 403 == one.post("holds", json=held, headers={"Idempotency-Key": "hold"}).status_code
    with made.session(actor="owner") as session:
        session.credentials.revoke(token.id)
    gone = one.post("suggestions", json=body)
    assert (401, "sign.token") == (gone.status_code, gone.json()["code"])


def test_a_failure_of_ours_is_told_once_and_without_values(client, monkeypatch, capfd):
    """Whoever runs the pages reads one line: what kind of failure, where, and nothing of what was sent."""
    from muniment.session import Session

    def broken(*given: object, **more: object) -> None:
        raise RuntimeError("Anna Schmidt")

    monkeypatch.setattr(Session, "listed", broken)
    calm = TestClient(client.app, base_url=str(client.base_url), raise_server_exceptions=False)
    calm.headers.update(client.headers)
    answer = calm.post("records/customer/list", json={})
    assert (500, "serve.failed") == (answer.status_code, answer.json()["code"])
    told = [line for line in capfd.readouterr().err.splitlines() if '"failure"' in line]
    assert 1 == len(told)
    assert "RuntimeError" in told[0]
    assert "Anna" not in told[0] + answer.text


@pytest.mark.parametrize("delimiter", [", ", "", ";;"])
def test_what_separates_no_cells_is_refused(client, delimiter):
    """More than one character is told so, and is no failure of ours."""
    body = {"file": {"name": "a.csv", "content": "YTtiCg=="}, "delimiter": delimiter}
    answer = client.post("records/customer/import", json=body)
    assert answer.status_code in (400, 422), answer.text
