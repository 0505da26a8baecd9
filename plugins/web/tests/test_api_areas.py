"""What the pages do besides records, over the API: asked, done, and written down like everywhere."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64encode

import pytest
from starlette.testclient import TestClient

from muniment.model import SCOPES
from muniment.testing import log_entries, new_archive
from muniment_web._app import build
from muniment_web.testing import new_web

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An archive of its own: restrictions and holds in it would be met by every other test."""
    with new_archive(tmp_path_factory.mktemp("areas") / "customers", templates=("customer-info",)) as archive:
        yield archive


@pytest.fixture
def api(web, made):
    """Makes clients with a token of somebody's."""

    def make(login: str = "owner", *scopes: str) -> TestClient:
        with made.session(actor=login) as session:
            _, text = session.credentials.issue(login, name="test", scopes=scopes or SCOPES, days=1)
        client = TestClient(build(web), base_url="http://localhost:8765/api/v1/")
        client.headers["Authorization"] = f"Bearer {text}"
        return client

    return make


def upload(name: str, content: bytes) -> dict[str, str]:
    """A file within a request."""
    return {"name": name, "content": b64encode(content).decode("ascii")}


def test_a_consent_lives_its_life(api, anna):
    """Given with a file that shows it, listed, proven by a receipt, withdrawn without a reason."""
    one = api()
    path = f"records/customer/{anna}/consents"
    given = one.post(
        path, json={"purpose": "Marketing", "method": "paper", "evidence": upload("s.txt", b"yes")}
    )
    assert 201 == given.status_code, given.text
    (shown,) = one.get(path).json()["consents"]
    assert (given.json()["id"], True) == (shown["id"], shown["holds"])
    assert one.get(f"{path}/receipt?purpose=Marketing").json()
    assert 400 == one.post(f"{path}/invalidate", json={"purpose": "Marketing"}).status_code
    assert 200 == one.post(f"{path}/withdraw", json={"purpose": "Marketing"}).status_code
    assert ["withdrawn"] == [each["state"] for each in one.get(path).json()["consents"]]
    assert 404 == one.post(f"{path}/withdraw", json={"purpose": "Research"}).status_code
    wrong = one.post(path, json={"purpose": "Marketing", "evidence": {"name": "x", "content": "no base64!"}})
    assert (400, "serve.base64") == (wrong.status_code, wrong.json()["code"])


def test_a_request_is_opened_stepped_and_closed_by_the_version_that_was_seen(api, anna):
    """Its clock runs; who acts on an older version than there is is told so."""
    one = api()
    opened = one.post("requests", json={"record": anna, "right": "access", "channel": "mail"})
    assert 201 == opened.status_code, opened.text
    path = f"requests/{opened.json()['id']}"
    found = one.get(path)
    assert '"1"' == found.headers["etag"]
    assert found.json()["open"]
    following = next(step["step"] for step in found.json()["checklist"] if not step["done"])
    body = {"to": following, "note": "passport seen"}
    stale = one.post(f"{path}/step", json=body, headers={"If-Match": '"7"'})
    assert (412, "conflict.version") == (stale.status_code, stale.json()["code"])
    stepped = one.post(f"{path}/step", json=body, headers={"If-Match": '"1"'})
    assert 200 == stepped.status_code, stepped.text
    assert 2 == stepped.json()["version"]
    assert opened.json()["id"] in {each["id"] for each in one.get("requests").json()["requests"]}
    assert 400 == one.post("requests", json={"record": anna, "right": "access", "law": "none"}).status_code


def test_holds_and_restrictions_stop_what_they_say(api, anna):
    """What is held is not erased, what is restricted is not used; both end with a reason."""
    one = api()
    subject = one.get(f"records/customer/{anna}").json()["subject"]
    held = one.post("holds", json={"matter": "case 9", "subjects": [subject]}).json()
    (hold,) = [each for each in one.get("holds").json()["holds"] if each["id"] == held["id"]]
    assert [{"scope": "subject", "value": subject}] == hold["targets"]
    plan = one.post(f"subjects/{subject}/erasure-plan").json()
    assert plan["holds"]
    refused = one.post(f"subjects/{subject}/erase", json={"reason": "asked"})
    assert (403, "hold.held") == (refused.status_code, refused.json()["code"])
    assert 422 == one.post(f"holds/{held['id']}/release", json={}).status_code
    assert 200 == one.post(f"holds/{held['id']}/release", json={"reason": "closed"}).status_code
    assert 409 == one.post(f"holds/{held['id']}/release", json={"reason": "again"}).status_code
    placed = one.post("restrictions", json={"record": anna, "reason": "disputed"})
    assert (201, "record") == (placed.status_code, placed.json()["scope"])
    assert anna in {each.get("record") for each in one.get("restrictions").json()["restrictions"]}
    both = {"record": anna, "subject": subject, "reason": "settled"}
    assert "serve.one_target" == one.post("restrictions/lift", json=both).json()["code"]
    assert 200 == one.post("restrictions/lift", json={"record": anna, "reason": "settled"}).status_code
    erased = one.post(f"subjects/{subject}/erase", json={"reason": "asked"}).json()
    assert erased["targets"] >= 1
    assert one.get(f"erasures/{erased['id']}").json()
    assert 404 == one.get(f"records/customer/{anna}").status_code


def test_the_log_is_asked_proven_followed_and_verified(api, anna, web):
    """Filters, pages by a cursor, an entry with its proof, heads, a run that is waited for, evidence."""
    one = api()
    one.get(f"records/customer/{anna}")
    page = one.get("log", params={"about": anna, "kind": "record.read", "limit": 1}).json()
    (entry,) = page["entries"]
    assert page["total"] >= 1
    assert "Schmidt" not in json.dumps(page)
    first = one.get("log", params={"limit": 2}).json()
    second = one.get("log", params={"limit": 2, "after": first["after"]}).json()
    assert first["entries"][-1]["index"] > second["entries"][0]["index"]
    assert one.get(f"log/{entry['index']}").json()["entry"] == entry["entry"]
    assert one.get(f"log/{entry['index']}/proof").text.startswith("c2sp.org/tlog-proof@v1")
    signed = one.post("log/checkpoint").text
    (head,) = one.get("log/heads").json()["heads"]
    assert signed.splitlines()[1] == str(head["signed"])
    followed = one.get("log/follow", params={"index": entry["index"], "limit": 1}).json()
    assert [entry["index"]] == [each["index"] for each in followed["entries"]]
    assert 409 == one.get("log/follow", params={"index": 2**39}).status_code
    assert one.post("log/verification").json()["state"] in ("running", "sound")
    web.verifying.wait()
    stood = one.get("log/verification").json()
    assert ("sound", None) == (stood["state"], stood["problem"])
    bundle = one.post("audit/bundle", json={"record": anna, "recipient": "auditor"})
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as found:
        assert "verify.py" in found.namelist()
    assert "record.read" in {each["kind"] for each in one.get(f"audit/who?record={anna}").json()["seen"]}
    assert one.get("audit/did?actor=owner").json()["deeds"]
    assert one.get("audit/rules", params={"as_of": "2200-01-01T00:00:00Z"}).status_code in (200, 400)


def test_a_file_goes_in_and_comes_out_as_it_was(tmp_path, monkeypatch):
    """Sealed by the version that was seen, told by name, and never by a path."""
    with new_archive(tmp_path / "talks", templates=("interaction-log",)) as archive:
        with archive.session(actor="owner") as session:
            _, text = session.credentials.issue("owner", name="test", scopes=SCOPES, days=1)
            anna = session.create("customer", {"full_name": "Anna", "customer_number": "C-1"}).id
            talk = {"customer": anna, "occurred_at": "2026-01-05 10:00", "channel": "phone"}
            record = session.create("interaction", talk).id
        one = TestClient(build(new_web(archive)), base_url="http://localhost:8765/api/v1/")
        one.headers["Authorization"] = f"Bearer {text}"
        path = f"records/interaction/{record}/fields/attachments/file"
        body = {"file": upload("../../etc/passwd", b"\x00\x01picture"), "reason": "sent by mail"}
        assert 428 == one.put(path, json=body).status_code
        saved = one.put(path, json=body, headers={"If-Match": '"1"'})
        assert (200, '"2"') == (saved.status_code, saved.headers["etag"]), saved.text
        found = one.get(path)
        assert b"\x00\x01picture" == found.content
        assert "passwd" in found.headers["content-disposition"]
        assert "etc" not in found.headers["content-disposition"]
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        # No range is an act of its own, and a wrong one leaves nothing opened behind.
        folders = set(tmp_path.glob("muniment-*"))
        for asked in ("bytes=2-4", "bytes=9999-", "bytes=5-1", "nonsense", "bytes=0-1,3-4"):
            before = len(log_entries(archive))
            part = one.get(path, headers={"Range": asked})
            assert (200, b"\x00\x01picture") == (part.status_code, part.content)
            assert "none" == part.headers["accept-ranges"]
            assert ["file.read"] == [entry.kind for entry in log_entries(archive)[before:]]
        assert folders == set(tmp_path.glob("muniment-*"))
        assert 412 == one.put(path, json=body, headers={"If-Match": '"1"'}).status_code
        assert 404 == one.get(path.replace("attachments", "nothing")).status_code


def test_a_retry_of_any_call_does_nothing_twice(api, anna, made):
    """The first answer again; another request under the key, and another person's key, are told apart."""
    one = api()
    before = len(log_entries(made))
    body, headers = {"matter": "case 10", "records": [anna]}, {"Idempotency-Key": "hold-once"}
    first = one.post("holds", json=body, headers=headers)
    entries = len(log_entries(made))
    again = one.post("holds", json=body, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert before < entries == len(log_entries(made))
    other = one.post("holds", json={**body, "matter": "case 11"}, headers=headers)
    assert (409, "conflict.idempotency") == (other.status_code, other.json()["code"])
    elsewhere = one.post(f"holds/{first.json()['id']}/release", json={"reason": "x"}, headers=headers)
    assert 409 == elsewhere.status_code
    theirs = api().post("holds", json=body, headers=headers)
    assert theirs.json()["id"] != first.json()["id"]
    narrow = one.post("holds", json=body, headers={**headers, "Authorization": "Bearer x"})
    assert 401 == narrow.status_code
    failed = {"Idempotency-Key": "came-to-nothing"}
    assert 400 == one.post("holds", json={"matter": "nothing"}, headers=failed).status_code
    assert 201 == one.post("holds", json=body, headers=failed).status_code
    assert 400 == one.post("holds", json=body, headers={"Idempotency-Key": "k" * 201}).status_code


def test_a_retry_to_another_server_does_nothing_twice(api, anna, made, web):
    """After a restart a record gives its first answer again, and what else was begun is said to have been."""
    one, headers = api(), {"Idempotency-Key": f"over-{anna}"}
    hold = {"matter": "case 12", "records": [anna]}
    fields = {"fields": {"full_name": "Once", "customer_number": f"O-{anna[-6:]}"}}
    assert 201 == one.post("holds", json=hold, headers=headers).status_code
    first = one.post("records/customer", json=fields, headers={"Idempotency-Key": f"record-{anna}"}).json()
    refused = one.post("holds", json={"matter": "nothing"}, headers={"Idempotency-Key": f"none-{anna}"})
    assert 400 == refused.status_code
    entries = len(log_entries(made))
    restarted = TestClient(build(new_web(made)), base_url="http://localhost:8765/api/v1/")
    restarted.headers.update(one.headers)
    again = restarted.post("holds", json=hold, headers=headers)
    assert (409, "serve.once_gone") == (again.status_code, again.json()["code"])
    other = restarted.post("holds", json={**hold, "matter": "case 13"}, headers=headers)
    assert (409, "conflict.idempotency") == (other.status_code, other.json()["code"])
    assert entries == len(log_entries(made))
    same = restarted.post("records/customer", json=fields, headers={"Idempotency-Key": f"record-{anna}"})
    assert first["id"] == same.json()["id"]
    mended = restarted.post("holds", json=hold, headers={"Idempotency-Key": f"none-{anna}"})
    assert 201 == mended.status_code
    theirs = api().post("holds", json=hold, headers=headers)
    assert 201 == theirs.status_code


def test_what_a_server_began_and_did_not_end_is_known(api, anna, made, monkeypatch):
    """It breaks between the act and the answer: whoever asks again is told that the request was begun."""
    one, headers = api(), {"Idempotency-Key": f"dies-{anna}"}
    hold = {"matter": "case 14", "records": [anna]}

    def gone(**given: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("muniment_web.api._keeping.Done", gone)
    assert 500 == one.post("holds", json=hold, headers=headers).status_code
    monkeypatch.undo()
    placed = [each for each in one.get("holds").json()["holds"] if each["matter"] == "case 14"]
    again = one.post("holds", json=hold, headers=headers)
    assert (409, "serve.once_gone", 1) == (again.status_code, again.json()["code"], len(placed))


def test_a_secret_is_told_once_even_to_whoever_asks_again(api):
    """The answer to a retry says that it was done, and does not hold the secret."""
    one = api()
    hook = {"name": "crm", "url": "https://crm.example.org/", "kinds": ["record.create"]}
    made = one.post("webhooks", json=hook, headers={"Idempotency-Key": "hook"})
    again = one.post("webhooks", json=hook, headers={"Idempotency-Key": "hook"})
    assert (409, "serve.once_gone") == (again.status_code, again.json()["code"])
    assert made.json()["secret"] not in again.text
    assert 1 == len([each for each in one.get("webhooks").json()["webhooks"] if each["name"] == "crm"])


def test_views_dashboards_and_imports_are_there(api):
    """A view is kept, asked for rows and removed; figures are computed; a file is tried, then written."""
    one = api()
    number = f"V-{id(one)}"
    rows = f"customer_number,full_name,city\n{number},View Only,Kiel\n".encode()
    tried = one.post("records/customer/import", json={"file": upload("in.csv", rows)})
    assert (200, True, 1) == (tried.status_code, tried.json()["dry_run"], tried.json()["created"]), tried.text
    done = one.post("records/customer/import", json={"file": upload("in.csv", rows), "dry_run": False})
    assert 1 == done.json()["created"]
    saved = one.put("views/customer/by-api", json={"columns": ["full_name"], "sort": "customer_number"})
    assert 200 == saved.status_code, saved.text
    assert "by-api" in {each["key"] for each in one.get("views?type=customer").json()["views"]}
    page = one.post("views/customer/by-api/rows", json={"limit": 1000}).json()
    assert page["records"]
    assert "removed" == one.delete("views/customer/by-api").json()["state"]
    assert 404 == one.get("views/customer/by-api").status_code
    tile = {
        "key": "t", "label": {"en": "T", "zh": "图"}, "type": "customer", "measure": "list",
        "columns": ["customer_number"], "sort": "status,-customer_number",
    }  # fmt: skip
    board = {"definition": {"label": {"en": "B", "zh": "板"}, "tile": [tile]}}
    assert 200 == one.put("dashboards/sorted", json=board).status_code
    assert tile["sort"] == one.get("dashboards/sorted/definition").json()["definition"]["tile"][0]["sort"]
    tile["sort"] = "status,-full_name"
    refused = one.put("dashboards/sorted", json=board, headers={"If-Match": "*"})
    assert "view.sealed" == refused.json()["code"]
    for each in one.get("dashboards").json()["dashboards"]:
        assert one.get(f"dashboards/{each['key']}").json()["tiles"]
    assert "removed" == one.delete("dashboards/sorted").json()["state"]
    undone = one.post(f"imports/{done.json()['id']}/revert", json={"reason": "trial"})
    assert 1 == undone.json()["deleted"]


def test_an_incident_is_kept_by_its_versions(api, anna):
    """Opened, assessed, its persons computed from the log, told, closed."""
    one = api()
    opened = one.post("incidents", json={"title": "lost laptop", "laws": []}).json()
    path = f"incidents/{opened['id']}"
    version = one.get(path).headers["etag"]
    assessed = one.post(f"{path}/assess", json={"severity": "high"}, headers={"If-Match": version})
    assert assessed.status_code in (200, 400), assessed.text
    if assessed.status_code == 200:
        assert (
            412 == one.post(f"{path}/assess", json={"text": "x"}, headers={"If-Match": version}).status_code
        )
    found = one.post(f"{path}/find", json={"actors": ["owner"]})
    assert 200 == found.status_code, found.text
    assert found.json()["affected"]
    assert one.post(f"{path}/check").json()["same"]
    closed = one.post(f"{path}/close", json={"text": "found again", "despite_clocks": True})
    assert "closed" == closed.json()["state"], closed.text


def test_users_are_added_and_changed_by_whoever_may(api):
    """A token for the setup alone does it; by itself it makes no other token."""
    one = api("owner", "setup")
    login = f"u{id(one)}"
    added = one.post("users", json={"login": login, "name": "New", "roles": ["reader"]})
    assert 201 == added.status_code, added.text
    assert one.post(f"users/{login}/invite").json()["url"].startswith("http")
    assert 428 == one.patch(f"users/{login}", json={"active": False}).status_code
    seen = {"If-Match": '"1"'}
    assert 200 == one.patch(f"users/{login}", json={"active": False}, headers=seen).status_code
    assert 412 == one.patch(f"users/{login}", json={"active": True}, headers=seen).status_code
    (shown,) = [each for each in one.get("users").json()["users"] if each["login"] == login]
    assert (2, False) == (shown["version"], shown["active"])
    assert one.get("roles").json()["matrix"]
    mine = one.get("tokens").json()["tokens"]
    assert mine
    more = one.post("tokens", json={"name": "more", "scopes": ["setup"], "password": "guessed"})
    assert (403, "sign.wrong") == (more.status_code, more.json()["code"])
    assert mine == one.get("tokens").json()["tokens"]
    newest = mine[-1]["id"]
    assert "revoked" == one.delete(f"tokens/{newest}").json()["state"]
    assert one.get("tokens").status_code == 401


def test_what_comes_in_is_taken_shown_and_refused(api):
    """A message over the API lies where others lie, until somebody decides."""
    one = api()
    message = b"From: a@example.org\nSubject: Please call\nMessage-ID: <1@example.org>\n\nHello\n"
    taken = one.post("inbox", json={"file": upload("m.eml", message)})
    if taken.status_code == 400:
        assert taken.json()["code"].startswith("inbox.")
        return
    assert 201 == taken.status_code, taken.text
    for each in one.get("inbox").json()["incoming"]:
        path = f"inbox/{each['id']}"
        assert b"Please call" in one.get(f"{path}/original").content
        assert 200 == one.post(f"{path}/refuse", json={"reason": "spam"}).status_code


def test_follow_ups_are_listed_and_taken_along(api, anna):
    """What is due, and the same as a calendar without names."""
    one = api()
    assert 200 == one.get("followups?owner=me").status_code
    calendar = one.get("followups/calendar")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert b"BEGIN:VCALENDAR" in calendar.content
    assert 404 == one.get("followups?owner=nobody-there").status_code
    assert one.get("letters").json()["letters"]
    assert "mailings" in one.get("mailings").json()
