"""The API: the same sessions, masks and log, as JSON; and what it refuses."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from muniment.model import SCOPES
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.testing import ANNA, Browser, new_web

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def api(web, made):
    """Makes clients with a token of somebody's."""

    def make(login: str = "owner", *scopes: str) -> TestClient:
        with made.session(actor=login) as session:
            _, text = session.credentials.issue(
                login,
                name="test",
                scopes=scopes or SCOPES,
                days=1,
            )
        client = TestClient(build(web), base_url="http://localhost:8765/api/v1/")
        client.headers["Authorization"] = f"Bearer {text}"
        return client

    return make


def test_a_record_lives_its_life(api, logged):
    """Made, read, changed with the version that was seen, compared, deleted, brought back."""
    one = api()
    number = f"A-{len(logged())}{id(one)}"
    made = one.post("records/customer", json={"fields": {**ANNA, "customer_number": number}})
    assert 201 == made.status_code, made.text
    assert '"1"' == made.headers["etag"]
    path = made.headers["location"].removeprefix("/api/v1/")
    found = one.get(path)
    assert "030 1234567" == found.json()["fields"]["phone"]
    assert "no-store" == found.headers["cache-control"]
    saved = one.patch(path, json={"fields": {"city": "Bonn"}, "reason": "moved"}, headers={"If-Match": '"1"'})
    assert 2 == saved.json()["version"]
    again = one.patch(path, json={"fields": {"city": "Köln"}}, headers={"If-Match": '"1"'})
    assert 412 == again.status_code
    assert "conflict.version" == again.json()["code"]
    assert 428 == one.patch(path, json={"fields": {"city": "Köln"}}).status_code
    history = one.get(f"{path}/history").json()["history"]
    assert ["moved"] == [step["reason"] for step in history if step["reason"]]
    diff = one.get(f"{path}/diff?first=1&second=2").json()
    assert [{"field": "city", "before": "Berlin", "after": "Bonn", "masked": False}] == diff
    assert "Berlin" == one.get(f"{path}?version=1").json()["fields"]["city"]
    assert 200 == one.post(f"{path}/delete", json={"reason": "twice"}).status_code
    assert 200 == one.post(f"{path}/undelete", json={}).status_code
    assert one.get(f"{path}/accesses").json()["entries"]
    sources = {entry.detail["source"]["program"] for entry in logged() if entry.kind == "record.read"}
    assert {"api"} == sources


def test_a_retry_with_its_key_writes_once(api):
    """The same request with the same key gives the first answer again."""
    one = api()
    body = {"fields": {"full_name": "Once Only", "customer_number": f"I-{id(one)}"}}
    headers = {"Idempotency-Key": f"key-{id(one)}"}
    first = one.post("records/customer", json=body, headers=headers)
    second = one.post("records/customer", json=body, headers=headers)
    assert first.json()["id"] == second.json()["id"]
    other = {"fields": {"full_name": "Another", "customer_number": f"J-{id(one)}"}}
    assert 409 == one.post("records/customer", json=other, headers=headers).status_code


def test_lists_and_searches_take_values_in_the_body(api, anna):
    """Sealed values are found, pages follow one another, and cursors tell nothing."""
    one = api()
    found = one.post("records/customer/list", json={"where": {"phone": "030 1234567"}, "limit": 1}).json()
    assert 1 == len(found["records"])
    assert one.post("records/customer/search", json={"words": "Schmidt"}).json()["records"]
    one.post("records/customer", json={"fields": {"full_name": "Zweite", "customer_number": f"Z-{id(one)}"}})
    page = one.post("records/customer/list", json={"limit": 1}).json()
    assert page["after"]
    after = one.post("records/customer/list", json={"limit": 1, "after": page["after"]}).json()
    order = {"limit": 1, "order_by": "status,-customer_number"}
    turned = one.post("records/customer/list", json=order).json()
    rest = one.post("records/customer/list", json={**order, "after": turned["after"]}).json()
    assert turned["records"] != rest["records"]
    assert 422 == one.post("records/customer/list", json={**order, "order_by": "status,,x"}).status_code
    assert page["records"][0]["id"] != after["records"][0]["id"]
    assert 400 == one.post("records/customer/list", json={"after": "forged"}).status_code


def test_how_many_there_are_is_said_where_it_is_asked(tmp_path):
    """On all pages together; where it may differ between people it is left open."""
    with new_archive(tmp_path / "archive") as archive, archive.session(actor="owner") as session:
        people = [session.create("customer", {"full_name": f"Count {each}"}) for each in range(3)]
        _, text = session.credentials.issue("owner", name="t", scopes=("read",), days=1)
        client = TestClient(build(new_web(archive)), base_url="http://localhost:8765/api/v1/")
        client.headers["Authorization"] = f"Bearer {text}"
        page = client.post("records/customer/list", json={"limit": 1, "count": True}).json()
        assert (1, 3) == (len(page["records"]), page["total"])
        assert client.post("records/customer/list", json={"limit": 1}).json()["total"] is None
        session.restrictions.place(people[0].subject, reason="disputed")
        page = client.post("records/customer/list", json={"limit": 1, "count": True}).json()
        assert page["total"] is None


def test_many_go_in_and_out_as_lines(api):
    """NDJSON in: a line each, refused ones told apart; NDJSON out: what an import reads again."""
    one = api()
    lines = [
        json.dumps({"fields": {"full_name": "Line One", "customer_number": f"L-{id(one)}"}}),
        json.dumps({"fields": {"email": "no address"}}),
        json.dumps({"id": NOBODY, "version": 1, "fields": {"city": "X"}}),
    ]
    answer = one.post("records/customer/bulk", content="\n".join(lines))
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert [1, None, None] == [line.get("version") for line in told]
    assert ["value.invalid", "record.not_found"] == [line["problem"]["code"] for line in told[1:]]
    assert "no address" not in answer.text
    out = one.post("records/customer/export", json={"reason": "test", "fields": ["full_name"]})
    assert "Line One" in out.text
    for wrong in (b"{", b"[]", b'{"fields": 1}', b'{"fields": {}, "id": "x"}', b"\xff", b"[" * 5000):
        refused = one.post("records/customer/bulk", content=wrong)
        assert 400 == refused.status_code, refused.text
        assert "serve.line" == refused.json()["code"]


def test_errors_never_echo_what_was_sent(api):
    """Neither our refusals nor the framework's repeat a value, a name that was made up, or a header."""
    one = api()
    secret = "Geheim-4711"
    answers = [
        one.post("records/customer", json={"fields": {"email": secret}}),
        one.post("records/customer", json={"fields": {"birthday": secret, "full_name": "X"}}),
        one.post("records/customer", json={"fields": secret}),
        one.post("records/customer", json={secret: 1, "fields": {}}),
        one.post("records/customer", content=secret),
        one.post("records/customer", content=secret, headers={"Content-Type": "application/json"}),
        one.post("records/customer/list", json={"limit": secret}),
        one.post("records/customer/list", json={"where": {"birthday": secret}}),
        one.get(f"records/customer/{secret}"),
        one.get(f"records/customer/{NOBODY}?version={secret}"),
        one.get(f"log?outcome={secret}"),
        one.get(f"nowhere/{secret}"),
        one.patch(f"records/customer/{NOBODY}", json={"fields": {}}, headers={"If-Match": secret}),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
        assert secret not in answer.text
        assert {"type", "title", "status", "detail", "code"} <= set(answer.json())


def test_a_token_does_what_its_scopes_and_its_owners_roles_allow(api, anna, made, logged):
    """A token to read does not write; an auditor's token sees masks; a revoked one is refused."""
    reading = api("owner", "read")
    assert 200 == reading.get(f"records/customer/{anna}").status_code
    refused = reading.post("records/customer", json={"fields": {}})
    assert (403, "sign.scope") == (refused.status_code, refused.json()["code"])
    assert ("access.deny", "sign.scope") == (logged()[-1].kind, logged()[-1].detail["code"])
    assert 403 == reading.get("log").status_code
    auditor = api("ada")
    record = auditor.get(f"records/customer/{anna}").json()
    assert "phone" in record["masked"]
    assert "1234567" not in str(record)
    assert 403 == auditor.post("records/customer", json={"fields": {"full_name": "X"}}).status_code
    assert auditor.get("log?limit=1").json()["entries"]
    with made.session(actor="ada") as session:
        for token in list(session.credentials.tokens()):
            if token.login == "ada":
                session.credentials.revoke(token.id)
    gone = auditor.get("me")
    assert (401, "sign.token") == (gone.status_code, gone.json()["code"])
    assert gone.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic b3duZXI6", "Bearer " + "A" * 64])
def test_nobody_gets_in_without_a_token(web, header):
    """Without a token or a sign-in every call is refused."""
    client = TestClient(build(web), base_url="http://localhost:8765/api/v1/")
    answer = client.get("me", headers={"Authorization": header} if header else {})
    assert 401 == answer.status_code


def test_a_pages_script_may_call_with_the_token_of_its_forms(signed, anna):
    """A sign-in's cookie reads; to change something it takes the form's token and our own origin."""
    one = signed("li.na")
    path = f"/api/v1/records/customer/{anna}"
    assert 200 == one.get(path).status_code
    body = {"fields": {"city": "Bonn"}}
    headers = {"If-Match": "1"}
    assert 403 == one.client.patch(path, json=body, headers=headers).status_code
    headers["X-CSRF"] = one.csrf
    for site in ("cross-site", "same-site"):
        crossed = {**headers, "Sec-Fetch-Site": site}
        assert 403 == one.client.patch(path, json=body, headers=crossed).status_code
    assert 200 == one.client.patch(path, json=body, headers=headers).status_code


def test_built_in_types_are_not_records_of_the_api(api):
    """Users and definitions have ways of their own."""
    one = api()
    for key in ("user", "configuration", "definition"):
        assert 404 == one.get(f"types/{key}").status_code
        assert 404 == one.post(f"records/{key}/list", json={}).status_code
        assert 404 == one.post(f"records/{key}", json={"fields": {"login": "evil"}}).status_code


def test_what_the_pages_do_besides_records_is_there_too(api, anna, logged):
    """The tray, holds, retention, consents, requests, approvals, alerts and webhooks: listed and done."""
    one = api()
    kept = one.post(
        "drafts/customer", json={"edits": [{"record": anna, "fields": {"email": "none"}, "base": 1}]}
    )
    assert ["none"] == [draft["fields"]["email"] for draft in kept.json()["drafts"]]
    checked = one.get("drafts/customer?check=true").json()["drafts"]
    assert ["value.invalid"] == [draft["problem"] for draft in checked]
    assert 422 == one.post("drafts/customer/apply", json={"reason": "test"}).status_code
    one.post(
        "drafts/customer", json={"edits": [{"record": anna, "fields": {"city": "Ulm"}, "without": ["email"]}]}
    )
    saved = one.post("drafts/customer/apply", json={"reason": "test"}).json()["saved"]
    assert [(anna, 2)] == [(each["id"], each["version"]) for each in saved]
    assert {"drafts": []} == one.delete("drafts/customer").json()
    held = one.post("holds", json={"matter": "case 8", "records": [anna]})
    assert 201 == held.status_code, held.text
    path = f"holds/{held.json()['id']}"
    assert held.json()["id"] in {each["id"] for each in one.get("holds").json()["holds"]}
    assert "released" == one.post(f"{path}/release", json={"reason": "closed"}).json()["state"]
    hook = {"name": "crm", "url": "https://crm.example.org/", "kinds": ["record.create"]}
    made = one.post("webhooks", json=hook)
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in str(one.get("webhooks").json())
    assert 400 == one.post("webhooks", json={**hook, "url": "http://10.0.0.1/"}).status_code
    assert "remove" == one.post(f"webhooks/{made.json()['id']}/remove").json()["state"]
    for each in ("changes", "requests", "alerts", "retention/plan", f"records/customer/{anna}/consents",
                 f"records/customer/{anna}/retention"):  # fmt: skip
        assert 200 == one.get(each).status_code, each
    reader = api("tom")
    for each in ("holds", "alerts", "webhooks"):
        assert 403 == reader.get(each).status_code, each
    assert 403 == reader.post("holds", json={"matter": "x", "records": [anna]}).status_code
    edits = {"edits": [{"record": anna, "fields": {"city": "X"}}]}
    assert 403 == reader.post("drafts/customer", json=edits).status_code
    assert 403 == api("owner", "read").post("holds", json={"matter": "x"}).status_code


def test_asking_too_often_is_slowed_down(made):
    """More requests in a minute than allowed are refused, with the time to wait."""
    web = new_web(made, requests_a_minute=5)
    one = Browser.of(web)
    codes = [one.get("/api/v1/me").status_code for _ in range(8)]
    assert 401 == codes[0]
    assert 429 == codes[-1]
    assert int(one.get("/api/v1/me").headers["retry-after"]) > 0
    with made.session(actor="owner") as session:
        texts = [session.credentials.issue("owner", name="t", scopes=SCOPES, days=1)[1] for _ in range(2)]
    for text in texts:  # each for itself, and beside whoever shows none
        shown = {"Authorization": f"Bearer {text}"}
        codes = [one.get("/api/v1/me", headers=shown).status_code for _ in range(7)]
        assert [200] * 5 + [429] * 2 == codes


def test_the_description_is_openapi_and_says_every_answer(api):
    """OpenAPI 3.1, with our problems for every refusal."""
    document = api().get("openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path in document["paths"].values():
        for verb in path.values():
            assert {"401", "403", "404", "422", "429"} <= set(verb["responses"])
            assert verb["summary"]
