"""What is somebody else's stays theirs: every identifier of one person's, asked for by another, in each call.

The calls are taken from the description and the pages from their router, so that one which is added is tried
by itself. Two clerks may do nearly everything there is, each with their own customers: what keeps them apart
is whose something is, and no action that one of them lacks.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import attrs
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from muniment import config
from muniment.archive import Archive
from muniment.errors import ApprovalNeeded
from muniment.model import SCOPES, id_text
from muniment.policy import BUILTIN_ROLES
from muniment.schema import ListView
from muniment.schema.dashboards import Dashboard, Tile
from muniment.session import Session
from muniment.session.kernel.engine import SHARD
from muniment.session.oversight.log_queries import LogQuery
from muniment.session.rights.consents import Terms
from muniment.session.writing.changes import Change
from muniment.testing import log_entries, log_size, new_archive
from muniment_web._app import build
from muniment_web.testing import NOBODY, Asked, Browser, Calls, give_password, new_web

PURPOSE = "CustomerManagement"
FILE = Path(__file__).parents[3] / "LICENSE"
OWN, SECRET, SHARED = "Apfelstrudel", "Zwetschgenkompott", "Quarkkeulchen"
"""Stand in every value of what belongs to the one clerk, to the other, to the archive, and nowhere else."""
SEEING = {
    "incidents": "incident.read", "webhooks": "config.read", "suggestions": "config.read",
    "alerts": "alert.read",
}  # fmt: skip
"""What the archive has by itself, by the first part of its address, and the right to see it."""

RULES = """
[rights]
provided = ["customer.full_name"]
[[approvals.rule]]
name = "deletions"
types = ["interaction"]
operations = ["delete"]
[roles.clerk]
label = { en = "Clerk", zh = "专员" }
actions = ["*"]
deny = ["break_glass.begin", "user.read", "user.change", "config.change"]
read = { public = "clear", internal = "clear", personal = "clear", sensitive = "clear", restricted = "clear" }
write = ["public", "internal", "personal", "sensitive", "restricted"]
[roles.clerk.type.customer]
rows = { account_owner = "actor" }
[roles.clerk.type.interaction]
rows = { "customer.account_owner" = "actor" }
[roles.clerk.type.follow_up]
rows = { "customer.account_owner" = "actor" }
"""

# The log, and the certificates of what is gone, are one book for whoever may read it; no value is in them.
BOOK = {
    "get_erasure", "list_entries", "list_erasures", "make_bundle", "save_log_query", "what_was_disclosed",
    "who_saw",
}  # fmt: skip
NAMED = {"record", "records", "ids", "about", "kept", "duplicate", "person"}
"""Parts of requests that take an identifier, whatever their form says of them."""
LISTS = {"find_duplicates", "find_records", "list_records", "search_records"}
TYPES = {
    "call": "interaction", "follow-up": "follow_up",
}  # fmt: skip
BODIES = {
    "place_restriction": {"reason": "x"}, "lift_restriction": {"reason": "x"}, "place_hold": {"matter": "x"},
    "export_records": {"recipient": "x", "reason": "x"}, "step_request": {"to": "identity_check"},
    "invalidate_consent": {"reason": "x"}, "portable_copy": {"basis": "consent"},
    "keep_form": {"fields": {"city": "Ulm"}}, "update_record": {"fields": {"city": "Ulm"}},
}  # fmt: skip


@attrs.frozen
class Ours:
    """What one clerk has, by what it is."""

    login: str
    secret: str
    records: dict[str, str]
    things: dict[str, str]
    names: dict[str, str]
    number: int

    @property
    def identifiers(self) -> dict[str, str]:
        """All that goes where an identifier goes."""
        return {**self.records, **self.things}


def imported(session: Session, user: str, secret: str, folder: Path) -> str:
    """Make an import of one customer; gives its identifier."""
    file = folder / f"{secret}.csv"
    file.write_text(
        f"customer_number,full_name,account_owner\n{secret}-9,{secret},{user}\n", encoding="utf-8"
    )
    return session.import_file("customer", file).id


def received(session: Session, secret: str) -> str:
    """Take a message of the first customer's; gives the identifier of what waits."""
    letter = f"From: {secret} <{secret}-0@example.org>\r\nTo: shop@shop.example\r\nSubject: {secret}\r\n"
    session.inbox.take([(secret, f"{letter}Message-ID: <{secret}@example.org>\r\n\r\n{secret}\r\n".encode())])
    found = session.inbox.listed()[-1]
    assert 1 == len(found.proposal.persons)
    return found.id


def belongings(archive: Archive, login: str, secret: str, folder: Path) -> Ours:
    """Make one of everything that belongs to somebody, as that person."""
    user = id_text(archive.engine.definitions.users[login].record)
    with archive.session(actor=login, purpose=PURPOSE) as session:
        values = {
            "full_name": secret,
            "city": secret,
            "account_owner": user,
        }

        def customer(at: int) -> str:
            name = f"{secret}-{at}"
            return session.create(
                "customer", {**values, "customer_number": name, "email": f"{name}@example.org"}
            ).id

        anna, held, gone, closed, erased = map(customer, range(5))
        session.update(anna, {"city": f"{secret} 2"}, reason=secret)
        calling = {"channel": "phone", "occurred_at": "2026-01-02T10:00:00Z", "customer": anna}
        promised = {"customer": anna, "due_at": "2026-01-05T10:00:00Z", "purpose_note": secret}
        call = session.create("interaction", {**calling, "question": secret}).id
        records = {
            "record": anna, "held": held, "deleted": gone, "restricted": closed, "erased": erased,
            "call": call, "follow-up": session.create("follow_up", promised).id,
        }  # fmt: skip
        session.attach(call, "attachments", FILE)
        session.delete(gone, reason=secret)
        with pytest.raises(ApprovalNeeded) as waits:
            session.delete(call, reason=secret)
        session.views.save(ListView(key=f"{secret} view", type="customer", columns=("full_name",)))
        tile = Tile(key="n", type="customer")
        session.dashboards.save(Dashboard(key=f"{secret} board", tiles=(tile,)))
        token, _ = session.credentials.issue(login, name=secret, scopes=("read",), days=1)
        things = {
            "form": session.drafts.save({"city": secret}, record=held).id,
            "new form": session.drafts.save({"full_name": secret}, type="customer").id,
            "log query": session.log_queries.save(f"{secret} query", LogQuery(actor=login)).id,
            "token": token.id,
            "request": session.requests.open(anna, "access", requester=secret).id,
            "hold": session.holds.place(secret, records=[held]).id,
            "consent": session.consents.give(anna, Terms("Marketing")).id,
        }
        things |= {
            "import": imported(session, user, secret, folder),
            "incoming": received(session, secret),
            "merge": session.cleaning.links.merge(*map(customer, (5, 6)), reason=secret).id,
        }
        session.restrictions.place_record(closed, basis=secret, reason=secret)
        session.erase(session.get(erased).subject, reason=secret)
    with archive.session(actor="owner", purpose=PURPOSE) as session:
        things["emergency"] = session.emergencies.begin(anna, reason=secret).id
        about = {
            "rule": "A22", "severity": "low", "state": "open", "grade": "open-low", "last": 0,
            "generation": 0, "key": secret, "actor": secret,
        }  # fmt: skip
        subject = bytes.fromhex(session.get(anna).subject.replace("-", ""))
        raised = Change("create", "alert", values=about, subject=subject, kind="alert.raise", inside=True)
        things["alert"] = session.write([raised])[0].id
    names = {"view": f"{secret} view", "board": f"{secret} board"}
    return Ours(login, secret, records, things, names, int(waits.value.parameters["number"]))


@pytest.fixture(scope="module")
def clerks(tmp_path_factory):
    """An archive with two clerks and somebody of each role, and what belongs to each clerk."""
    folder = tmp_path_factory.mktemp("others") / "customers"
    with new_archive(folder, templates=("interaction-log", "account-manager")) as archive:
        (archive.folder / config.FILE_NAME).write_text(archive.applied.text + RULES, encoding="utf-8")
        with archive.session(actor="owner", purpose=PURPOSE) as session:
            archive.apply_config(session, reason="clerks")
            for role in ("clerk", *sorted(BUILTIN_ROLES)):
                for login in ("li", "wu") if role == "clerk" else (f"a-{role}",):
                    session.create("user", {"login": login, "roles": [role], "state": "active"})
        yield (
            archive,
            belongings(archive, "li", OWN, folder.parent),
            belongings(archive, "wu", SECRET, folder.parent),
        )


@pytest.fixture(scope="module")
def client_of(clerks):
    """Makes clients with everything that a token may be for."""
    archive, _, _ = clerks
    app = build(new_web(archive, requests_a_minute=1_000_000))

    def make(login: str) -> TestClient:
        with archive.session(actor=login) as session:
            _, text = session.credentials.issue(login, name="m", scopes=SCOPES, days=1)
        client = TestClient(app, base_url="http://localhost:8765/api/v1/", raise_server_exceptions=False)
        client.headers.update({"Authorization": f"Bearer {text}", "Muniment-Purpose": PURPOSE})
        return client

    return make


@pytest.fixture(scope="module")
def shared(clerks):
    """What is the archive's and nobody's: identifiers, by the first part of their pages' addresses."""
    archive, _, _ = clerks
    with archive.session(actor="owner", purpose=PURPOSE) as session:
        alert = Change(
            "create",
            "alert",
            values={
                "rule": "x",
                "severity": "low",
                "state": "open",
                "grade": "open-low",
                "last": 0,
                "generation": 0,
                "key": SHARED,
            },
            kind="alert.raise",
            inside=True,
        )
        (raised,) = session.write([alert])
        return {
            "incidents": session.incidents.open(SHARED).id,
            "webhooks": session.webhooks.add(SHARED, "https://crm.example.org/", ["record.*"])[0].id,
            "suggestions": session.suggestions.make(SHARED),
            "alerts": raised.id,
        }


class Slots(Calls):
    """The same calls, and where in them an identifier stands."""

    def of(self, verb: str, path: str, one: dict[str, Any]) -> Iterator[tuple[Asked, dict[str, Any], Any]]:
        """The call once for each place of an identifier: the call, what holds it, and under which name."""
        content = one.get("requestBody", {}).get("content", {})
        if content and "application/json" not in content:
            return
        asked = self.asked(verb, path, one)
        for name in asked.places:
            if name in ("id", "token"):
                made = deepcopy(asked)
                yield made, made.places, name
        for given in one.get("parameters", ()):
            if given["in"] == "query" and (given["name"] in NAMED or given["name"] == "id"):
                made = deepcopy(asked)
                yield made, made.query, given["name"]
        if content:
            yield from self._in_body(asked, content["application/json"]["schema"])

    def _in_body(self, asked: Asked, schema: dict[str, Any]) -> Iterator[tuple[Asked, Any, Any]]:
        for name, one in self.resolved(schema).get("properties", {}).items():
            for part in one.get("anyOf", (one,)):
                part = self.resolved(part)
                inner = self.resolved(part.get("items", part))
                made = deepcopy(asked)
                if part.get("type") == "array" and inner.get("type") == "object":
                    for key, each in inner.get("properties", {}).items():
                        if self._is_named(key, each):
                            made.body[name] = [self.value(inner, name)]
                            yield made, made.body[name][0], key
                elif self._is_named(name, inner) and part.get("type") == "array":
                    made.body[name] = [""]
                    yield made, made.body[name], 0
                elif self._is_named(name, inner):
                    yield made, made.body, name

    def _is_named(self, name: str, one: dict[str, Any]) -> bool:
        text = one.get("type") == "string" and "enum" not in one
        return text and (name in NAMED or "[0-9a-fA-F]{12}" in str(one) or "[0-9a-f]{12}" in str(one))


def told(answer: Any) -> str:
    """All that an answer says, unpacked where it is packed."""
    if answer.content[:2] != b"PK":
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return "".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())


def is_hidden(missing: Any, there: Any, asked: str) -> bool:
    """Whether what is another's is refused, or answered as is what is not there, to the last word.

    An answer may say again which identifier it was asked about.
    """
    if there.status_code in (403, 404) and not code_of(there):
        return False
    alike = (there.status_code, code_of(there)) == (missing.status_code, code_of(missing))
    return alike and (there.status_code >= 300 or told(there).replace(asked, NOBODY) == told(missing))


def code_of(answer: Any) -> str:
    """The code of a refusal."""
    kind = answer.headers.get("content-type", "")
    return answer.json().get("code", "") if kind == "application/problem+json" else ""


def type_of(what: str) -> str:
    """The table of a record, by what it is."""
    return TYPES.get(what, "customer")


def standing(archive: Archive, ours: Ours) -> Any:
    """How everything of one person stands: what nobody else's act may have changed."""
    with archive.session(actor=ours.login, purpose=PURPOSE) as session:
        engine = session.engine
        with engine.store.transaction(write=False) as tx:
            found: dict[str, Any] = {
                what: tx.version(SHARD, bytes.fromhex(one.replace("-", ""))).version
                for what, one in ours.identifiers.items()
                if what != "token"
            }
        found["forms"] = [(one.id, one.saved_us) for one in session.drafts.list()]
        found["queries"] = [one.document() for one in session.log_queries.list()]
        found["views"] = [one.view.key for one in session.views.list("customer")]
        found["boards"] = [one.dashboard.key for one in session.dashboards.list()]
        found["tokens"] = [one.id for one in session.credentials.tokens() if one.name == ours.secret]
        found["holds"] = [one.document() for one in session.holds.list()]
        found["restrictions"] = [one.document() for one in session.restrictions.list()]
        found["changes"] = [(one.number, one.state) for one in session.changes.list()]
        return found


def refused_unseen(archive: Archive, start: int) -> bool:
    """Whether no entry from an index on says that something was refused."""
    return not any(one.kind == "access.deny" for one in log_entries(archive, start=start))


def answers(
    archive: Archive, client: TestClient, calls: Slots, identifiers: dict[str, str]
) -> Iterator[tuple[Any, ...]]:
    """Every call with each identifier in each place: its name, the place, what it is, the answers to both.

    Raises:
        AssertionError: a refusal is not in the log.
    """
    unseen = set()
    for verb, path, one in calls:
        for asked, holder, key in calls.of(verb, path, one):
            answered: dict[str, Any] = {}
            for what, identifier in identifiers.items():
                sort = "token" if what == "token" else type_of(what)
                if "type" in asked.places:
                    asked.places["type"] = type_of(what)
                if sort not in answered:
                    holder[key] = "0" * 32 if what == "token" else NOBODY
                    answered[sort] = asked.send(client)
                missing, holder[key] = answered[sort], identifier
                start = log_size(archive)
                there = asked.send(client)
                if there.status_code in (403, 404) and refused_unseen(archive, start):
                    unseen.add((one["operationId"], key, what, code_of(there)))
                yield one["operationId"], key, what, missing, there
    assert not unseen, "\n".join(map(str, sorted(unseen)))


@pytest.mark.slow
def test_anothers_identifier_is_worth_as_much_as_one_that_nothing_has(clerks, client_of):
    """No call does anything to it, tells anything of it, or answers otherwise than for what is not there."""
    archive, own, other = clerks
    client, before = client_of("li"), standing(archive, other)
    calls = Slots(client.get("openapi.json").json(), {"record": own.records["record"]}, BODIES)
    wrong, tried, formed = [], set(), set()
    for call, place, what, missing, there in answers(archive, client, calls, other.identifiers):
        tried.add(call)
        formed |= {call} if there.status_code != 422 else set()
        if SECRET in told(there):
            wrong.append((call, place, what, "tells a value"))
        elif call not in BOOK and not is_hidden(missing, there, other.identifiers[what]):
            wrong.append((call, place, what, there.status_code, code_of(there), missing.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert len(tried) > 70
    assert set() == tried - formed
    assert before == standing(archive, other)


def test_ones_own_identifier_opens_what_anothers_does_not(clerks, client_of):
    """The same calls are formed well enough to find one's own: what refuses is whose it is."""
    _, own, other = clerks
    client = client_of("li")
    for path in (
        "records/customer/{record}", "records/customer/{record}/history",
        "records/customer/{record}/retention", "records/customer/{record}/consents",
        "records/interaction/{call}", "requests/{request}",
        "forms/{form}", "records/interaction/{call}/fields/attachments/file",
    ):  # fmt: skip
        assert 200 == client.get(path.format(**own.identifiers)).status_code, path
        refused = client.get(path.format(**other.identifiers))
        assert 404 == refused.status_code, path
        assert code_of(refused).partition(".")[2] in ("not_found", "none"), path
    assert 200 == client.post(f"log/queries/{own.things['log query']}/entries", json={}).status_code


def test_no_list_names_anothers(clerks, client_of):
    """What is listed without an identifier, and found by words, holds nothing of the other's records."""
    _, own, other = clerks
    client = client_of("li")
    calls = Slots(client.get("openapi.json").json(), {"record": own.records["record"]}, BODIES)
    hidden = {*other.records.values(), *other.things.values()} - {other.records["erased"]}
    seen = 0
    for verb, path, one in calls:
        name = one["operationId"]
        if one["x-action"].startswith("log.") or name in BOOK:
            continue
        asked = calls.asked(verb, path, one)
        if {"id", "token"} & asked.places.keys():
            continue
        if verb != "get" and name not in (
            "list_records",
            "find_records",
            "search_records",
            "find_duplicates",
        ):
            continue
        for key in ("customer", "interaction", "follow_up"):
            asked.places.update({"type": key} if "type" in asked.places else {})
            if name in ("find_records", "search_records"):
                asked.body["words"] = SECRET
            answer = asked.send(client)
            seen += answer.status_code == 200
            found = told(answer)
            assert SECRET not in found, (name, key)
            assert not [one for one in hidden if one in found], (name, key)
    assert seen > 60


@pytest.mark.slow
@pytest.mark.parametrize("login", ["li", *(f"a-{role}" for role in sorted(BUILTIN_ROLES))])
def test_what_is_somebodys_own_is_nobody_elses_whatever_their_role(clerks, client_of, login):
    """Forms, trays, tokens, views, dashboards, queries and proposals: neither read, written nor removed."""
    archive, _, other = clerks
    client, before = client_of(login), standing(archive, other)
    administers, oversees = login == "a-owner", login in ("a-owner", "a-auditor")
    things = {what: other.things[what] for what in ("form", "new form", "log query", "token")}
    calls = Slots(client.get("openapi.json").json(), {"record": NOBODY}, BODIES)
    wrong = []
    for call, place, what, missing, there in answers(archive, client, calls, things):
        if call == "revoke_token" and administers:
            continue  # whoever administers users takes tokens back; what they open they never see
        if SECRET in told(there) or not (call in BOOK or is_hidden(missing, there, things[what])):
            wrong.append((call, place, what, there.status_code, code_of(there), missing.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    for path in (f"views/customer/{other.names['view']}", f"dashboards/{other.names['board']}"):
        for verb in ("GET", "DELETE"):
            assert client.request(verb, path).status_code in (403, 404), (verb, path)
    for path in ("drafts/customer", "forms", "tokens", "views", "dashboards", "log/queries"):
        answer = client.get(path)
        assert answer.status_code == 200 or (answer.status_code, path) == (403, "log/queries")
        assert SECRET not in answer.text or (path == "tokens" and oversees), path
    if administers:
        before.pop("tokens")
    after = standing(archive, other)
    assert before == {name: after[name] for name in before}


@pytest.mark.slow
@pytest.mark.parametrize("login", ["li", *(f"a-{role}" for role in sorted(BUILTIN_ROLES))])
def test_what_is_the_archives_is_there_for_those_alone_who_may_see_to_it(clerks, shared, client_of, login):
    """Incidents, webhooks, alerts, suggestions: to whom the right to see them lacks, they are not there."""
    archive, _, _ = clerks
    client = client_of(login)
    calls = Slots(client.get("openapi.json").json(), {"record": NOBODY}, BODIES)
    with archive.session(actor=login, purpose=PURPOSE) as session:
        lacking = {one["operationId"] for _, _, one in calls if not session.may(one["x-action"])}
        unseen = {noun for noun, action in SEEING.items() if not session.may(action)}
    nouns = {one["operationId"]: path.split("/")[1] for _, path, one in calls}
    wrong, tried = [], 0
    for call, place, what, missing, there in answers(archive, client, calls, shared):
        if what in unseen and (SHARED in told(there) or not is_hidden(missing, there, shared[what])):
            wrong.append((call, place, what, there.status_code, code_of(there), missing.status_code))
        if nouns[call] == what and call in lacking:
            tried += 1
            if there.status_code != 403 and (what in unseen or there.status_code < 400):
                wrong.append((call, place, what, "done", there.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert (login == "a-owner") == (tried == 0)


@pytest.mark.slow
@pytest.mark.parametrize("login", ["a-editor", "a-reader"])
def test_no_page_shows_what_is_the_archives_to_those_who_do_not_see_to_it(clerks, shared, login):
    """The same through pages; each refusal is in the log."""
    archive, _, _ = clerks
    give_password(archive, login)
    web = new_web(archive, requests_a_minute=1_000_000)
    one, refused = Browser.of(web).sign_in(login), 0
    form = {"csrf": one.csrf, "text": "x", "reason": "x", "state": "explained", "audience": "authority"}
    for route in build(web).routes:
        noun = getattr(route, "path", "").split("/")[1]
        if noun not in shared or "{id" not in route.path:
            continue
        for method in sorted((route.methods or set()) & {"GET", "POST"}):
            sent, start = {} if method == "GET" else {"data": form}, log_size(archive)
            answer = one.client.request(method, filled(route.path, "", shared[noun]), **sent)
            assert answer.status_code == 403, (method, route.path)
            assert SHARED not in answer.text
            assert not refused_unseen(archive, start), (method, route.path)
            refused += 1
    assert refused >= 7


def test_a_proposal_about_anothers_record_is_not_there(clerks, client_of):
    """Neither looked at nor decided by somebody whose roles do not reach what it is about."""
    archive, _, other = clerks
    client, before = client_of("li"), standing(archive, other)
    whole = client_of("wu").get(f"changes/{other.number}")
    assert 200 == whole.status_code
    seen = {"digest": whole.json()["digest"]}
    bodies = {"": None, "/approve": seen, "/reject": {"reason": "x"}, "/withdraw": {}, "/renew": {}}
    for act, body in bodies.items():
        answer = client.request("POST" if act else "GET", f"changes/{other.number}{act}", json=body)
        assert answer.status_code in (403, 404), (act, answer.text)
        assert code_of(answer)
        assert SHARED not in answer.text
    assert SECRET not in client.get("changes").text
    assert before == standing(archive, other)


def filled(path: str, what: str, identifier: str) -> str:
    """The path of a route with an identifier in it."""
    places = {"type": type_of(what), "id": identifier, "token": identifier, "field": "attachments"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: places.get(found[1], "1"), path)


@pytest.mark.slow
def test_no_page_shows_or_changes_what_is_anothers(clerks):
    """Every route with an identifier, asked for and sent to, by a clerk who may do nearly everything."""
    archive, own, other = clerks
    give_password(archive, "li")
    web = new_web(archive, requests_a_minute=1_000_000)
    one, before = Browser.of(web).sign_in("li"), standing(archive, other)
    refused, unseen = 0, []
    form = {"csrf": one.csrf, "note": "x", "why": "other", "expected": "1", "reason": "x", "v.city": "Ulm"}
    for route in build(web).routes:
        names = re.findall(r"\{(\w+)", route.path) if isinstance(route, Route) else []
        if not {"id", "token"} & set(names):
            continue
        for what, identifier in other.identifiers.items():
            if "id" in names and what == "token":
                continue
            path = filled(route.path, what, identifier)
            for method in sorted((route.methods or set()) & {"GET", "POST"}):
                sent = {} if method == "GET" else {"data": form}
                start = log_size(archive)
                answer = one.client.request(method, path, **sent)
                assert SECRET not in told(answer), (method, route.path, what)
                assert answer.status_code < 500, (method, route.path, what)
                if answer.status_code in (403, 404):
                    refused += 1
                    # Links that lead nowhere are entries up to a bound, and are not even looked at beyond.
                    if refused_unseen(archive, start) and "sign.throttled" not in answer.text:
                        unseen.append((method, route.path, what))
    # What is refused whatever it is asked of, such as a panel of no plugin, is no refusal of anybody's.
    for method, path, what in unseen:
        mine = one.client.request(method, filled(path, what, own.identifiers[what]), data=form)
        assert mine.status_code == 404, (method, path, what)
    for path in (f"/dashboards/{other.names['board']}", f"/t/customer?view={other.names['view']}"):
        assert 404 == one.get(path).status_code
    assert refused > 300
    assert before == standing(archive, other)
