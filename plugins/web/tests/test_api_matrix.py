"""Who may call what: every call of the API, each scope alone, each role; taken from the description.

A call that is added without a scope or an action fails here, and so does one that does something
before it asks whether that is allowed.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from urllib.parse import quote, unquote

import pytest
from starlette.testclient import TestClient

from muniment import config
from muniment.model import SCOPES
from muniment.policy import ACTIONS, BUILTIN_ROLES
from muniment.testing import log_entries, log_size, new_archive
from muniment_web._app import build
from muniment_web.testing import NOBODY, Calls, new_web

# Whatever a role allows, these are decided by what they are about: one's own, or all that one may see.
OWN_CALLS = {
    "apply_drafts", "apply_forms", "approve_change", "discard_drafts", "discard_form", "edit_change",
    "end_own_sign_ins", "end_sign_in", "get_change",
    "get_form", "keep_drafts", "keep_form", "list_changes", "list_drafts", "list_forms", "list_sign_ins",
    "list_tokens", "make_suggestion", "make_token", "reject_change", "renew_change", "revoke_token",
    "withdraw_change",
}  # fmt: skip
# What the smallest form lacks.
BODIES = {
    "create_record": {"fields": {"full_name": "Matrix", "customer_number": "M-1"}},
    "create_with_consent": {
        "purpose": "Marketing",
        "fields": {"full_name": "Matrix", "customer_number": "M-2"},
    },
    "write_notice": {"fields": {"title": "Notice"}},
    "invalidate_consent": {"reason": "forced"},
    "place_hold": {"everything": True},
    "place_restriction": {"subject": NOBODY},
    "lift_restriction": {"subject": NOBODY},
}


# Said before anything is asked for: it speaks of the configuration alone.
CONFIGURED = {"subject.nothing_provided"}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """An archive with somebody of each role, what makes clients, and what its API says of itself."""
    with new_archive(
        tmp_path_factory.mktemp("matrix") / "customers", templates=("customer-info",)
    ) as archive:
        with archive.session(actor="owner") as session:
            for role in sorted(BUILTIN_ROLES):
                values = {"login": f"a-{role}", "display_name": role, "roles": (role,), "state": "active"}
                session.create("user", values)
        app = build(new_web(archive, requests_a_minute=1_000_000))

        def client(login: str, *scopes: str) -> TestClient:
            with archive.session(actor=login) as session:
                _, text = session.credentials.issue(login, name="m", scopes=scopes, days=1)
            made = TestClient(app, base_url="http://localhost:8765/api/v1/", raise_server_exceptions=False)
            made.headers["Authorization"] = f"Bearer {text}"
            return made

        document = client("owner", "read").get("openapi.json").json()
        yield archive, client, document


@pytest.fixture
def served(house):
    """The archive with a record that nobody has touched, what makes clients, and the calls of its API."""
    archive, client, document = house
    with archive.session(actor="owner") as session:
        values = {"full_name": "There", "customer_number": f"T-{log_size(archive)}"}
        record = session.create("customer", values).id
    return archive, client, Calls(document, {"record": record}, BODIES)


def test_every_call_says_what_it_needs(served):
    """A scope of the token, an action of the roles that there is, and that there is a way to retry."""
    _, _, calls = served
    seen = set()
    for verb, path, one in calls:
        (token, sign_in) = one["security"]
        assert {"sign-in": []} == sign_in
        scopes = token["token"]
        assert path == "/me" or (len(scopes) == 1 and scopes[0] in SCOPES), path
        action = one["x-action"]
        assert action in ACTIONS or (action == "" and one["operationId"] in OWN_CALLS | {"get_me"}), path
        assert one["operationId"] not in seen
        seen.add(one["operationId"])
        named = {given["name"] for given in one.get("parameters", ())}
        assert verb != "get" or "Idempotency-Key" not in named, path
        assert verb not in ("put", "patch", "delete") or "Idempotency-Key" in named, path
    assert len(seen) > 200
    # Two forms of one name get long ones, which generators do not find again.
    assert not [name for name in calls.document["components"]["schemas"] if "__" in name or "-" in name]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_narrow_token_does_what_its_scope_says_and_nothing_else(served, scope):
    """Of all calls, those of another scope are refused before anything of them is looked at."""
    _, client, calls = served
    narrow = client("owner", scope)
    for verb, path, one in calls:
        wanted = one["security"][0]["token"]
        if wanted == [scope] or not wanted:
            continue
        answer = calls.ask(narrow, verb, path, one, body=False)
        assert (403, "sign.scope") == (answer.status_code, answer.json().get("code")), (verb, path)


@pytest.mark.parametrize("role", sorted(BUILTIN_ROLES))
def test_a_role_does_what_it_allows_and_nothing_else(served, role):
    """What the policy denies is never done; what it allows is not denied."""
    archive, client, calls = served
    every = client(f"a-{role}", *SCOPES)
    with archive.session(actor=f"a-{role}") as session:
        allowed = {action for action in ACTIONS if session.may(action)}
    wrong = []
    for verb, path, one in calls:
        action = one["x-action"]
        if not action:
            continue
        if action in allowed and role == "owner":
            continue  # asked in all its forms elsewhere
        answer = calls.ask(every, verb, path, one)
        denied = answer.status_code in (403, 404)
        if answer.headers["content-type"] == "application/x-ndjson":
            # Each line is refused for itself.
            denied = all(
                json.loads(line).get("problem", {}).get("status") == 403 for line in answer.text.splitlines()
            )
        elif answer.status_code == 400 and answer.json()["code"] in CONFIGURED:
            continue
        if (action not in allowed and not denied) or (action in allowed and answer.status_code == 403):
            wrong.append((verb, path, action, answer.status_code, answer.text[:200]))
    assert not wrong, "\n".join(map(str, wrong))


def test_somebody_disabled_does_nothing(served):
    """A token of somebody who may not act any more opens nothing, whatever its scopes."""
    archive, client, calls = served
    with archive.session(actor="owner") as session:
        values = {"login": "gone", "display_name": "gone", "roles": ("owner",), "state": "active"}
        user = session.create("user", values).id
        gone = client("gone", *SCOPES)
        session.update(user, {"state": "disabled"})
    for verb, path, one in calls:
        answer = calls.ask(gone, verb, path, one)
        assert answer.status_code in (401, 403), (verb, path, answer.text[:200])


# What an auditor is there for; reading alone is written down as well.
LOOKING = {
    "data.check", "log.bundle", "log.checkpoint", "log.export", "log.prove", "log.verify", "record.accesses",
    "record.aggregate", "record.diff", "record.history", "record.list", "record.match", "record.scan",
    "record.search", "retention.explain", "retention.plan", "retention.report",
}  # fmt: skip
AUDITING = {"alert.raise", "alert.review", "alert.run", "audit.report", "break_glass.review", "role.review"}
OWN = {"suggestion.make", "token.revoke", "view.remove", "view.save"}
"""What concerns nobody else: settings of one's own, as a password is."""


def test_an_auditor_changes_nothing_by_any_call(served):
    """Every writing call, with a token for everything: refused, or looking, auditing, one's own settings."""
    archive, client, calls = served
    auditor = client("a-auditor", *SCOPES)
    before = (archive.folder / config.FILE_NAME).read_bytes()
    epoch, users = archive.keys.status().epoch, dict(archive.engine.definitions.users)
    with archive.session(actor="owner") as session:
        version = session.get(calls.known["record"]).version
    start, refused = len(log_entries(archive)), 0
    for verb, path, one in calls:
        if verb != "get" and one["operationId"] != "revoke_token":
            answer = calls.ask(auditor, verb, path, one)
            assert answer.status_code < 500, (verb, path, answer.text[:300])
            refused += answer.status_code == 403
    own = [each for each in log_entries(archive, start=start) if each.detail["actor"]["id"] == "a-auditor"]
    done = {each.kind for each in own if each.detail.get("outcome", "ok") == "ok"}
    assert set() == {kind for kind in done if not kind.endswith(".read")} - LOOKING - AUDITING - OWN
    assert refused > 40
    assert before == (archive.folder / config.FILE_NAME).read_bytes()
    archive.engine.refresh()
    assert (epoch, users) == (archive.keys.status().epoch, dict(archive.engine.definitions.users))
    with archive.session(actor="owner") as session:
        assert version == session.get(calls.known["record"]).version


MARK = "Geheim 4711 \u00c4nne"
"""A value that nothing of ours is called."""


class Marked:
    """Forms of a call in which a value stands where none is expected, or where one is."""

    def __init__(self, calls: Calls):
        self.calls = calls

    def everywhere(self, schema: dict[str, Any], name: str) -> Any:
        """The smallest body, with the value in every text that may be anything."""
        if "$ref" in schema:
            found = self.calls.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            return self.everywhere(found, name)
        if "anyOf" in schema:
            return self.everywhere(schema["anyOf"][0], name)
        if schema.get("type") == "object" and "properties" in schema:
            return {key: self.everywhere(one, key) for key, one in schema["properties"].items()}
        if schema.get("type") == "object":
            return {MARK: MARK, "full_name": [MARK], "phone": MARK, "email": MARK}
        if schema.get("type") == "array":
            return [self.everywhere(schema.get("items", {}), name)]
        plain = schema.get("type") == "string" and not {"enum", "const", "pattern", "format"} & schema.keys()
        return (
            MARK
            if plain or ("type" not in schema and "enum" not in schema)
            else self.calls.value(schema, name)
        )

    def bodies(self, one: dict[str, Any]) -> list[Any]:
        """Bodies in which the value stands: in its place, under a name, instead of a number, as the whole."""
        schema = one["requestBody"]["content"]["application/json"]["schema"]
        usual = {**self.calls.value(schema, ""), **BODIES.get(one["operationId"], {})}
        wrong = {key: [MARK] for key in usual}
        return [self.everywhere(schema, ""), {**deepcopy(usual), MARK: MARK}, wrong, MARK, [MARK]]


@pytest.mark.slow
def test_no_refusal_repeats_what_was_sent(served):
    """A value in every place of every call: no answer that refuses it, and no header of it, holds it."""
    archive, client, calls = served
    every, marked = client("owner", *SCOPES), Marked(calls)
    start, told, refused = len(log_entries(archive)), [], 0
    for verb, path, one in calls:
        names = [given["name"] for given in one["parameters"] if given["in"] == "query"]
        usual = path.replace("{type}", "customer").replace("{id}", calls.known["record"])
        asked: list[tuple[str, dict[str, Any]]] = []
        content = one.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            asked += [(usual, {"json": body}) for body in marked.bodies(one)]
        if content:
            asked.append((usual, {"content": f"{{'{MARK}"}))
        asked += [(usual, {"params": {name: MARK}}) for name in names]
        asked += [
            (path.replace(f"{{{given['name']}}}", quote(MARK)).replace("{type}", "customer"), {})
            for given in one["parameters"]
            if given["in"] == "path"
        ]
        sent = quote(MARK)
        asked.append((usual, {"headers": {"Muniment-Purpose": sent, "If-Match": sent}}))
        for place, more in asked:
            headers = {"If-Match": "1", **more.pop("headers", {})}
            answer = every.request(verb.upper(), place.lstrip("/"), headers=headers, **more)
            assert answer.status_code < 500 or answer.status_code == 503, (verb, place, answer.text[:300])
            if answer.status_code >= 400:
                refused += 1
                said = unquote(answer.text + str(dict(answer.headers)))
                if MARK in said or "4711" in said:
                    told.append((verb, path, answer.status_code, answer.text[:300]))
    assert not told, "\n".join(map(str, told))
    assert refused > 500
    kept = [each for each in log_entries(archive, start=start) if "4711" in str(each.detail)]
    assert not [(each.kind, each.detail) for each in kept if each.detail.get("outcome", "ok") != "ok"]
