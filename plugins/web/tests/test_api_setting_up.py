"""What sets an archive up, over the API: looked at first, then done, and by nobody who may not."""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode, b64encode

import pytest
from starlette.testclient import TestClient

from muniment import config
from muniment.model import SCOPES
from muniment.policy import FieldRule
from muniment.testing import log_entries, new_archive
from muniment_web._app import build
from muniment_web.testing import new_web

PHONE = '\n[roles.phone]\nlabel = { en = "Phone desk", zh = "电话客服" }\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An archive that these tests change."""
    folder = tmp_path_factory.mktemp("setting-up") / "customers"
    with new_archive(folder, templates=("customer-info",)) as archive:
        path = folder / config.FILE_NAME
        path.write_text(
            path.read_text("utf-8") + PHONE + 'actions = ["record.list", "record.read"]\n', "utf-8"
        )
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="a role for the phone desk")
            values = {"login": "ed", "display_name": "Ed", "roles": ["phone"], "state": "active"}
            session.create("user", values)
        yield archive


@pytest.fixture
def one(made):
    """A client with a token of the owner's for everything."""
    with made.session(actor="owner") as session:
        _, text = session.credentials.issue("owner", name="test", scopes=SCOPES, days=1)
    client = TestClient(build(new_web(made)), base_url="http://localhost:8765/api/v1/")
    client.headers["Authorization"] = f"Bearer {text}"
    return client


KEEPER = """
[roles.keeper]
label = { en = "Keeper", zh = "保管" }
actions = ["record.read", "log.read"]
read = { internal = "clear" }

[roles.keeper.type.customer]
rows = [{ account_owner = "actor" }]
"""


def upload(text: str) -> dict[str, str]:
    """A file within a request."""
    return {"name": "rows.csv", "content": b64encode(text.encode()).decode("ascii")}


def test_a_template_is_tried_before_it_is_applied(one, made):
    """The preview says what the application then does, and writes no definition."""
    known = {each["key"]: each for each in one.get("templates").json()["templates"]}
    assert known["customer-info"]["here"]
    assert not known["service-feedback"]["here"]
    questions = one.get("templates/questions").json()["questions"]
    answers = {"service": "feedback"}
    assert "service" in {each["name"] for each in questions}
    fits = one.post("templates/propose", json={"answers": answers}).json()["templates"]
    assert {"template": "service-feedback", "why": "service"} in fits
    assert 400 == one.post("templates/propose", json={"answers": {"service": "?"}}).status_code
    assert one.get("templates/service-feedback").json()["definitions"]
    assert 404 == one.get("templates/nothing").status_code
    before = {each["key"] for each in one.get("types").json()["types"]}
    tried = one.post("templates/preview", json={"templates": ["service-feedback"]}).json()
    assert (False, before) == (tried["applied"], {each["key"] for each in one.get("types").json()["types"]})
    done = one.post("templates/apply", json={"templates": ["service-feedback"], "reason": "asked"}).json()
    assert (True, tried["types"]) == (done["applied"], done["types"])
    assert {*before, *done["types"]} == {each["key"] for each in one.get("types").json()["types"]}
    assert "service-feedback" in {each["key"] for each in one.get("templates/history").json()["templates"]}
    assert 400 == one.post("templates/preview", json={}).status_code


def test_a_field_is_added_by_the_definition_that_was_seen(one):
    """A trial changes nothing; who saw an older definition is told so; every step stands in the history."""
    version = one.get("types/customer").json()["version"]
    field = {"key": "shoe", "kind": "integer", "sensitivity": "internal", "label_zh": "鞋码"}
    tried = one.post("types/customer/fields", json={**field, "dry_run": True})
    assert (200, False) == (tried.status_code, tried.json()["applied"]), tried.text
    assert version == one.get("types/customer").json()["version"]
    done = one.post("types/customer/fields", json=field, headers={"If-Match": f'"{version}"'})
    assert (True, f'"{version + 1}"') == (done.json()["applied"], done.headers["etag"])
    late = one.patch(
        "types/customer/fields/shoe", json={"hidden": True}, headers={"If-Match": f'"{version}"'}
    )
    assert (412, "conflict.version") == (late.status_code, late.json()["code"])
    change = {"key": "shoe_size", "label_en": "Shoe size"}
    blind = one.patch("types/customer/fields/shoe", json=change)
    assert (428, "serve.if_match") == (blind.status_code, blind.json()["code"])
    assert not one.patch("types/customer/fields/shoe", json={**change, "dry_run": True}).json()["applied"]
    renamed = one.patch("types/customer/fields/shoe", json=change, headers={"If-Match": done.headers["etag"]})
    assert renamed.json()["applied"], renamed.text
    seen = {"If-Match": renamed.headers["etag"]}
    retired = one.patch("types/customer/fields/shoe_size", json={"retired": True}, headers=seen)
    assert retired.json()["applied"], retired.text
    newest = {"If-Match": retired.headers["etag"]}
    gone = one.patch("types/customer/fields/none", json={"retired": True}, headers=newest)
    assert 404 == gone.status_code
    steps = one.get("types/customer/versions").json()["versions"]
    assert list(range(1, version + 4)) == [each["version"] for each in steps]
    keys = {each["key"] for each in one.get(f"types/customer/versions/{version + 1}").json()["fields"]}
    assert "shoe" in keys
    compared = one.get("types/customer/diff", params={"first": version, "second": version + 1}).json()
    assert compared["changes"]
    assert one.get("types/customer/indexes", params={"rows": 1000}).json()["indexes"]


def test_what_the_file_would_change_is_told_before_it_holds(one, made):
    """Lines, and who gains and loses what; a file that is wrong is told too; applying does just that."""
    path = made.folder / config.FILE_NAME
    before = path.read_text(encoding="utf-8")
    version = one.get("configuration").json()["version"]
    assert one.get("configuration/plan").json() == {
        "differs": False,
        "diff": [],
        "shifts": [],
        "warnings": [],
        "problem": None,
    }
    path.write_text(before.replace('"record.list", ', ""), "utf-8")
    try:
        plan = one.get("configuration/plan").json()
        assert (True, None) == (plan["differs"], plan["problem"])
        assert '+actions = ["record.read"]' in plan["diff"]
        (shift,) = plan["shifts"]
        assert (["ed"], []) == (shift["logins"], shift["gains"])
        assert {"record.list"} == {right["name"] for right in shift["losses"]}
        assert [] == plan["warnings"]
        path.write_text(before + KEEPER, "utf-8")
        warned = one.get("configuration/plan", headers={"Accept-Language": "zh"}).json()["warnings"]
        assert [("keeper", "policy.beyond_rows")] == [(each["role"], each["code"]) for each in warned]
        assert "keeper" in warned[0]["detail"]
        assert warned[0]["detail"].endswith("。")
        path.write_text("this is no TOML = [", "utf-8")
        broken = one.get("configuration/plan").json()
        assert broken["problem"]["code"].startswith("config.")
    finally:
        path.write_text(before, "utf-8")
    assert not one.post("configuration/apply", json={"reason": "as it is"}).json()["changed"]
    shown = one.get("configuration").json()
    assert version == shown["version"]
    assert before.strip() == shown["text"].strip()
    assert 400 == one.get("configuration", params={"as_of": "x"}).status_code


def test_the_state_of_the_archive_is_told_without_a_value(one, made):
    """Counts, log, keys, plugins, purposes; the verifier key is the one that evidence is checked with."""
    found = one.get("status").json()
    assert made.verifier_key.text == found["verifier_key"]
    assert {each["key"] for each in found["types"]} >= {"customer"}
    assert found["log"]["size"] >= found["log"]["checkpoint"]
    purposes = {each["term"]: each for each in one.get("purposes").json()["purposes"]}
    assert purposes["ServiceProvision"]["allowed"]
    assert one.get("plugins").json().keys() == {"plugins", "installed"}
    assert 404 == one.get("plugins/nothing").status_code
    assert [] == one.post("data/check").json()["faults"]
    epoch = one.get("keys").json()["epoch"]
    assert epoch + 1 == one.post("keys/rotate").json()["epoch"]
    rebuilt = one.post("data/rebuild").json()
    assert rebuilt["entries"]
    assert 64 == len(one.post("roles/review", json={"reason": "looked at"}).json()["rights"])
    jobs = one.post("jobs/run", json={"only": ["consents", "requests"]}).json()["jobs"]
    assert ["consents", "requests"] == [each["job"] for each in jobs]
    assert 400 == one.post("jobs/run", json={"only": ["none"]}).status_code


def test_without_a_place_for_backups_there_are_none(one):
    """Nothing is backed up to nowhere, and a name is no path."""
    for path in ("backups", "backups/prune"):
        assert "backup.no_plan" == one.post(path).json()["code"]
    assert "backup.no_plan" == one.get("backups").json()["code"]
    assert one.post("backups/..%2F..%2Fkeys.db/drill").status_code in (404, 422)


def test_what_began_and_was_refused_may_be_asked_again(tmp_path):
    """A backup with nowhere to go leaves entries and no backup: with a place, the same request makes it."""
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        with archive.session(actor="owner") as session:
            _, text = session.credentials.issue("owner", name="test", scopes=SCOPES, days=1)
        client = TestClient(build(new_web(archive)), base_url="http://localhost:8765/api/v1/")
        client.headers |= {"Authorization": f"Bearer {text}"}
        once = {"Idempotency-Key": "backup"}
        refused = client.post("backups", headers=once)
        assert (400, "backup.no_plan") == (refused.status_code, refused.json()["code"])
        assert "backup.create" in {entry.kind for entry in log_entries(archive)}
        plan = {"to": str(tmp_path / "backups"), "reason": "somewhere"}
        assert client.put("backups/plan", json=plan).json()["applied"], "a first one replaces nothing"
        later = {**plan, "keep_daily": 3}
        assert 428 == client.put("backups/plan", json=later).status_code
        seen = {"If-Match": client.get("backups").headers["ETag"]}
        assert client.put("backups/plan", json=later, headers=seen).json()["applied"]
        assert 412 == client.put("backups/plan", json=plan, headers=seen).status_code
        made = client.post("backups", headers=once)
        assert 201 == made.status_code, made.text
        assert made.json() == client.post("backups", headers=once).json()


def test_what_waits_for_a_second_person_is_put_aside_once(tmp_path):
    """A retry gets the answer that it waits, also when it waits no more: nothing is made a second time."""
    rule = '\n[[approvals.rule]]\nname = "new ones"\noperations = ["create"]\ntypes = ["customer"]\n'
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        path = archive.folder / config.FILE_NAME
        path.write_text(path.read_text("utf-8") + rule, "utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="a second person")
            session.create("user", {"login": "eva", "roles": ["owner"], "state": "active"})
            _, text = session.credentials.issue("owner", name="test", scopes=SCOPES, days=1)
        client = TestClient(build(new_web(archive)), base_url="http://localhost:8765/api/v1/")
        client.headers |= {"Authorization": f"Bearer {text}", "Idempotency-Key": "customer"}
        new = {"fields": {"full_name": "Anna"}}
        first, again = (client.post("records/customer", json=new) for _ in range(2))
        assert (202, 202) == (first.status_code, again.status_code)
        assert first.json() == again.json()
        (waiting,) = client.get("changes").json()["changes"]
        with archive.session(actor="eva") as session:
            number = str(waiting["number"])
            session.changes.approve(number, digest=session.changes.show(number).digest)
        assert first.json() == client.post("records/customer", json=new).json()
        assert [] == [one for one in client.get("changes").json()["changes"] if one["state"] == "waiting"]
        assert 1 == len(client.post("records/customer/list", json={}).json()["records"])


def test_a_late_retry_puts_nothing_aside_that_its_maker_took_back(tmp_path):
    """The answer that it waits is kept for its key: the second one writes nothing, and asks nobody anew."""
    rule = '\n[[approvals.rule]]\nname = "gone"\noperations = ["delete"]\ntypes = ["customer"]\n'
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        path = archive.folder / config.FILE_NAME
        path.write_text(path.read_text("utf-8") + rule, "utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="a second person")
            anna = session.create("customer", {"full_name": "Anna"}).id
            _, text = session.credentials.issue("owner", name="test", scopes=SCOPES, days=1)
        client = TestClient(build(new_web(archive)), base_url="http://localhost:8765/api/v1/")
        client.headers |= {"Authorization": f"Bearer {text}", "If-Match": '"1"'}
        gone = {"url": f"records/customer/{anna}/delete", "json": {"reason": "asked for"}}
        first = client.post(**gone, headers={"Idempotency-Key": "gone"})
        assert (202, "approval.waits") == (first.status_code, first.json()["code"]), first.text
        (waiting,) = client.get("changes").json()["changes"]
        assert 200 == client.post(f"changes/{waiting['number']}/withdraw", json={}).status_code
        entries = len(log_entries(archive))
        late = client.post(**gone, headers={"Idempotency-Key": "gone"})
        assert (202, first.json()) == (late.status_code, late.json())
        assert entries == len(log_entries(archive))
        assert 202 == client.post(**gone, headers={"Idempotency-Key": "once more"}).status_code
        assert entries < len(log_entries(archive))


def test_a_purpose_is_given_with_a_call_and_stands_in_the_log(one, made):
    """The header counts for that call alone; one that there is not is refused, and is repeated nowhere."""
    start = len(log_entries(made))
    assert "Marketing" == one.get("me", headers={"Muniment-Purpose": "Marketing"}).json()["purpose"]
    one.post("records/customer/list", json={}, headers={"Muniment-Purpose": "Marketing"})
    one.post("records/customer/list", json={})
    listed = [each for each in log_entries(made, start=start) if each.kind == "record.list"]
    assert ["Marketing", made.applied.purpose] == [each.detail["purpose"] for each in listed]
    unknown = one.get("me", headers={"Muniment-Purpose": "AnnaSchmidt"})
    assert (403, "access.unknown_purpose") == (unknown.status_code, unknown.json()["code"])
    odd = one.get("me", headers={"Muniment-Purpose": "Anna Schmidt"})
    assert (400, "serve.purpose") == (odd.status_code, odd.json()["code"])
    assert "Anna" not in unknown.text + odd.text
    assert "AnnaSchmidt" not in str([each.detail for each in log_entries(made, start=start)])


TILE = {"key": "all", "type": "customer", "label": {"en": "All", "zh": "全部"}, "measure": "count"}
COLUMNS = ("full_name", "city", "customer_number")


def test_a_dashboard_of_ones_own_is_kept_by_its_version(one):
    """What was saved is what is shown, and what it is made of comes back as it was given."""
    given = {"label": {"en": "Mine", "zh": "我的"}, "tile": [TILE]}
    saved = one.put("dashboards/mine", json={"definition": given})
    assert 200 == saved.status_code, saved.text
    found = one.get("dashboards/mine/definition")
    assert given["label"] == found.json()["definition"]["label"]
    again = one.put(
        "dashboards/mine",
        json={"definition": found.json()["definition"]},
        headers={"If-Match": found.headers["etag"]},
    )
    assert not again.json()["written"]
    assert 412 == one.delete("dashboards/mine", headers={"If-Match": '"9"'}).status_code
    assert one.get("dashboards/mine").json()
    assert "removed" == one.delete("dashboards/mine").json()["state"]
    assert 400 == one.put("dashboards/mine", json={"definition": {"tile": 1}}).status_code


@pytest.mark.parametrize(
    ("path", "read", "bodies"),
    [
        (
            "dashboards/by-version",
            "dashboards/by-version/definition",
            [{"definition": {"label": {"en": word, "zh": word}, "tile": [TILE]}} for word in "abc"],
        ),
        (
            "mappings/by-version",
            "mappings/by-version",
            [{"mapping": {"columns": {word: "city"}}} for word in "abc"],
        ),
        ("views/customer/by-version", "views/customer/by-version", [{"columns": [word]} for word in COLUMNS]),
        ("notices/by_version", "notices", [{"fields": {"text_en": word}} for word in "abc"]),
    ],
)
def test_what_is_there_is_replaced_by_the_version_that_was_seen(one, path, read, bodies):
    """The first is made without one; after that one has to be named, and whoever is late is told so."""
    first, second, third = bodies
    assert 412 == one.put(path, json=first, headers={"If-Match": '"1"'}).status_code
    assert 1 == one.put(path, json=first).json()["version"]
    blind = one.put(path, json=second)
    assert (428, "serve.if_match") == (blind.status_code, blind.json()["code"])
    found = one.get(read)
    seen = found.headers.get("etag", '"1"')
    done = one.put(path, json=second, headers={"If-Match": seen})
    assert (200, 2) == (done.status_code, done.json().get("version")), done.text
    late = one.put(path, json=third, headers={"If-Match": seen})
    assert (412, "conflict.version") == (late.status_code, late.json()["code"])


def test_how_files_are_read_is_kept_and_refused_rows_come_back(one):
    """A mapping of one file is saved with its import, used again by name, and taken away."""
    rows = "No,Wer,Mail\nI-1,First,none\nI-2,Second,b@example.org\n"
    mapping = {"columns": {"No": "customer_number", "Wer": "full_name", "Mail": "email"}}
    asked = {"file": upload(rows), "columns": mapping, "rejects": True, "save_as": "ours", "dry_run": False}
    done = one.post("records/customer/import", json=asked).json()
    assert (1, 1) == (done["created"], done["rejected"]), done
    assert zipfile.is_zipfile(io.BytesIO(b64decode(done["rejects"])))
    assert mapping["columns"] == one.get("mappings/ours").json()["mapping"]["columns"]
    asked = {"file": upload(rows), "mapping": "ours", "match": ["customer_number"]}
    tried = one.post("records/customer/import", json=asked).json()
    assert (1, 0) == (tried["unchanged"], tried["created"])
    pairs = one.post("records/customer/import/duplicates", json={"file": upload(rows), "mapping": "ours"})
    assert 200 == pairs.status_code, pairs.text
    book = one.get("records/customer/import/workbook")
    assert zipfile.is_zipfile(io.BytesIO(book.content))
    assert "ours" in {each["name"] for each in one.get("mappings").json()["mappings"]}
    assert "removed" == one.delete("mappings/ours").json()["state"]
    assert 404 == one.delete("mappings/ours").status_code
    assert 400 == one.put("mappings/wrong", json={"mapping": {"no_such_member": {}}}).status_code


def test_a_tidier_form_is_proposed_and_written_when_it_is_accepted(one):
    """Before and after are shown; whoever changed the record meanwhile wins."""
    made = one.post("records/customer", json={"fields": {"full_name": "Ａnna  Ｓ", "phone": "030 1234567"}})
    record = made.json()["id"]
    found = one.post("records/customer/tidy", json={"fields": ["full_name"], "limit": 1000}).json()
    (mine,) = [each for each in found["proposals"] if each["record"] == record]
    assert ("Ａnna  Ｓ", "Anna S") == (mine["before"], mine["after"])
    accepted = [{key: mine[key] for key in ("record", "version", "field", "after")}]
    done = one.post("records/customer/tidy/accept", json={"accepted": accepted, "reason": "tidy"}).json()
    assert {"records": 1, "refused": 0} == done
    again = one.post("records/customer/tidy/accept", json={"accepted": accepted}).json()
    assert {"records": 0, "refused": 1} == again


def test_what_is_found_anywhere_and_taken_out_in_other_forms(one):
    """A search over all tables; an export as a table; the log as tiles; a report under a regime."""
    one.post("records/customer", json={"fields": {"full_name": "Berta Anywhere", "customer_number": "F-1"}})
    found = one.post("find", json={"words": "F-1"}).json()["found"]
    assert ["customer"] == [each["type"] for each in found if each["records"]]
    asked = {"reason": "report", "form": "csv", "headers": "zh"}
    table = one.post("records/customer/export", json=asked)
    assert table.headers["content-type"].startswith("text/csv")
    assert "Berta Anywhere" in table.text
    tiles = one.post("log/export")
    with zipfile.ZipFile(io.BytesIO(tiles.content)) as inside:
        assert "checkpoint" in inside.namelist()
    regimes = one.get("regimes").json()["regimes"]
    report = one.post(f"regimes/{regimes[0]['key']}/report", json={"verify": False}).json()
    assert regimes[0]["clauses"] == len(report["clauses"])
    assert 404 == one.post("regimes/none/report", json={}).status_code
    assert one.get("incidents/laws").json()["laws"]
    disposed = one.post("log/dispose", json={"rule": "accesses", "before": "2000-01-01T00:00:00Z"})
    assert disposed.status_code in (200, 400, 403), disposed.text


def test_a_receipt_is_checked_with_a_key_from_elsewhere(one, made):
    """The receipt holds with the log's key, and with no other; a changed one does not hold."""
    record = one.post("records/customer", json={"fields": {"full_name": "Receipt"}}).json()["id"]
    one.post(f"records/customer/{record}/consents", json={"purpose": "Marketing", "method": "paper"})
    receipt = one.get(f"records/customer/{record}/consents/receipt?purpose=Marketing").json()
    key = made.verifier_key.text
    shown = one.post("consents/verify", json={"receipt": receipt, "key": key})
    assert "Marketing" == shown.json()["consent"]["purpose"], shown.text
    receipt["core"]["consent"]["purpose"] = "Research"
    wrong = one.post("consents/verify", json={"receipt": receipt, "key": key})
    assert (400, "consent.receipt") == (wrong.status_code, wrong.json()["code"])
    assert 400 == one.post("consents/verify", json={"receipt": {}, "key": "no key"}).status_code


def test_attributes_of_people_are_set_and_taken_away(one):
    """What conditions on rows ask for; a value that would read as two is refused."""
    asked = {"login": "north", "name": "North", "roles": ["reader"], "attributes": {"region": ["north"]}}
    assert 201 == one.post("users", json=asked).status_code

    def held() -> dict[str, list[str]]:
        (user,) = [each for each in one.get("users").json()["users"] if each["login"] == "north"]
        return dict(user["attributes"])

    assert {"region": ["north"]} == held()
    for attributes in ({"region": ["north", "south"]}, {}):
        (user,) = [each for each in one.get("users").json()["users"] if each["login"] == "north"]
        seen = {"If-Match": f'"{user["version"]}"'}
        assert 200 == one.patch("users/north", json={"attributes": attributes}, headers=seen).status_code
        assert attributes == held()
    assert 422 == one.patch("users/north", json={"attributes": {"region": ["a,b"]}}).status_code


def test_a_role_and_its_rule_for_a_table_are_stated_and_taken_away(one, made):
    """Looked at, kept where nobody changed it since, in force at once; what cannot hold is refused."""
    role = {
        "label": {"en": "Desk"}, "actions": ["record.list", "record.read"],
        "read": {"public": "clear", "internal": "clear", "personal": "clear"}, "reason": "a desk",
    }  # fmt: skip
    assert one.put("roles/desk", json=role).json()["applied"]
    rule = {
        "actions": ["record.read"],
        "fields": {"email": {"deny": True}, "phone": {"read": "mask", "write": False}},
        "rows": [{"region": ["actor.region"]}, {"status": ["active", "dormant"], "country": ["DE"]}],
        "reason": "their region",
    }
    answer = one.put("roles/desk/tables/customer", json={**rule, "look": True})
    looked, old = answer.json(), {"If-Match": answer.headers["ETag"]}
    assert (False, True) == (looked["applied"], "[roles.desk.type.customer" in looked["text"])
    assert [] == looked["warnings"]
    assert {} == dict(made.engine.policy.roles["desk"].rules)
    assert one.get("roles").headers["ETag"] == one.get("configuration").headers["ETag"] == old["If-Match"]
    other = one.put("roles/desk", json={**role, "label": {"en": "The desk"}}, headers=old)
    assert other.json()["applied"]
    for path, body in (("roles/desk/tables/customer", rule), ("roles/desk", role)):
        assert 428 == one.put(path, json=body).status_code
        moved = one.put(path, json=body, headers=old)
        assert (412, "conflict.version") == (moved.status_code, moved.json()["code"])
    late = one.post("roles/desk/remove", json={"reason": "gone"}, headers=old)
    assert (412, True) == (late.status_code, "desk" in made.engine.policy.roles)
    seen = {"If-Match": other.headers["ETag"]}
    done = one.put("roles/desk/tables/customer", json=rule, headers=seen)
    assert done.json()["applied"]
    seen = {"If-Match": done.headers["ETag"]}
    held = made.engine.policy.roles["desk"].rules["customer"]
    assert ({"record.read"}, FieldRule("mask", write=False)) == (set(held.actions), held.fields["phone"])
    assert [{"region"}, {"country", "status"}] == [{test.field for test in tests} for tests in held.rows]
    reading = {**role, "actions": ["record.list", "record.read", "log.read"], "look": True}
    (warned,) = one.put("roles/desk", json=reading, headers=seen).json()["warnings"]
    assert ("desk", "policy.beyond_rows") == (warned["role"], warned["code"])
    for wrong, code in (
        ({"fields": {"nothing": {"deny": True}}}, "config.role_field"),
        ({"rows": [{"address": ["x"]}]}, "config.role_row"),
        ({"actions": ["record.fly"]}, "config.role_action"),
    ):
        answer = one.put("roles/desk/tables/customer", json={**wrong, "reason": "x"}, headers=seen)
        assert (code, 4) == (answer.json()["code"], answer.status_code // 100)
    assert 422 == one.put("roles/desk/tables/customer", json={"rows": [{"region": []}]}).status_code
    assert held == made.engine.policy.roles["desk"].rules["customer"]
    assert one.put("roles/desk/tables/customer", json={"reason": "as before"}, headers=seen).json()["applied"]
    assert {} == dict(made.engine.policy.roles["desk"].rules)
    builtin = one.put("roles/reader/tables/customer", json={"reason": "x"})
    assert "config.role_builtin" == builtin.json()["code"]
    assert 404 == one.put("roles/nobody/tables/customer", json={"reason": "x"}).status_code
    assert one.post("roles/desk/remove", json={"reason": "gone"}).json()["applied"]
    assert "desk" not in made.engine.policy.roles


def test_what_is_wrong_with_a_request_is_said_under_a_code_of_its_own(one):
    """No call, no such way, a form instead of JSON, members that are wrong: each told apart, as a problem."""
    for address in ("", "/", "/nothing", "/%0A", "/records/customer/none/none/none"):
        nothing = one.get(f"http://localhost:8765/api/v1{address}")
        assert (404, "serve.no_call") == (nothing.status_code, nothing.json()["code"]), address
    way = one.get("records/customer")
    assert (405, "serve.method", "POST") == (way.status_code, way.json()["code"], way.headers["allow"])
    form = one.post("records/customer", data={"full_name": "Anna"})
    assert (415, "serve.media_type") == (form.status_code, form.json()["code"])
    bare = one.post("records/customer", content=b'{"fields": {"full_name": "Anna"}}')
    assert (415, "serve.media_type") == (bare.status_code, bare.json()["code"])
    wrong = one.post("records/customer", json={"nothing_known": {}}, headers={"Accept-Language": "zh"}).json()
    assert {("body.fields", "request.missing"), ("body.?", "request.extra_forbidden")} == {
        (each["field"], each["code"]) for each in wrong["issues"]
    }
    assert all(each["detail"].endswith("。") for each in wrong["issues"])
    unknown = one.post("plugins/nothing", json={"enabled": True})
    assert unknown.status_code in (404, 409), unknown.text
