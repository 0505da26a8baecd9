"""Lists of the API come in pieces: each entry once and in order, whatever the size of a piece."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from importlib import resources
from typing import Any

import pytest
from starlette.testclient import TestClient

from muniment.archive import Archive
from muniment.errors import ApprovalNeeded
from muniment.model import SCOPES, micros_of
from muniment.session.reading.pieces import piece_of
from muniment.testing import TickingClock, log_entries, new_archive
from muniment_web._app import build
from muniment_web.frame import call
from muniment_web.testing import Browser, Calls, give_password, new_web

NOW = micros_of(datetime(2026, 7, 29, 8, 0, tzinfo=UTC))
SETTINGS = """
[backup]
to = "kept"

[mail]
from = "Shop <shop@example.org>"

[[retention.rule]]
id = "PEOPLE"
effect = "MIN"
minimum = "P2Y"
source = "house rule 1"
categories = ["profile", "contact"]
anchors = ["record.changed"]
verified_by = "counsel"

[[approvals.rule]]
name = "customers"
types = ["customer"]
"""
# The list, its name in the answer, and what else is asked for.
LISTS = {
    "holds": ("holds", ""),
    "restrictions": ("restrictions", ""),
    "erasures": ("certificates", ""),
    "requests": ("requests", ""),
    "retention/plan": ("facets", "state=unknown&state=no_rule&state=kept&state=held&state=limited"),
    "changes": ("changes", ""),
    "incidents": ("incidents", ""),
    "emergencies": ("emergencies", ""),
    "alerts": ("alerts", "state=explained"),
    "alerts/sign-off": ("reviews", ""),
    "suggestions": ("suggestions", ""),
    "users": ("users", ""),
    "tokens": ("tokens", ""),
    "imports": ("imports", ""),
    "merges": ("merges", ""),
    "followups": ("followups", ""),
    "inbox": ("incoming", ""),
    "mailings": ("mailings", ""),
    "webhooks": ("webhooks", ""),
    "notices": ("notices", ""),
    "backups": ("backups", ""),
}  # fmt: skip


def fill(archive: Archive, folder: Any, clock: TickingClock) -> str:
    """Three of everything; gives a record that was looked at."""
    with archive.session(actor="owner") as session:
        made = [
            session.create("customer", {"full_name": f"N {n}", "customer_number": f"C-{n}"})
            for n in range(14)
        ]
        ids = [one.id for one in made]
        for n in range(3):
            session.create("user", {"login": f"u{n}", "roles": ["owner"], "state": "active"})
            session.credentials.issue("owner", name=f"t{n}", scopes=("read",), days=1)
            session.holds.place(f"case {n}", records=[ids[n]])
            session.requests.open(ids[n], "access")
            session.incidents.open(f"lost laptop {n}")
            session.suggestions.make(f"larger letters {n}")
            session.webhooks.add(f"system {n % 2}", "https://example.org/hook", ["record.*"])
            session.consents.write_notice(f"notice{n}", {"text_en": f"We keep what you tell us {n}."})
            session.cleaning.links.merge(ids[3 + n], ids[6 + n], reason="twice")
            session.erasures.subject(made[9 + n].subject, reason="asked")
            for due in ("2026-08-01 09:30", "2026-08-02 08:00"):
                session.create("follow_up", {"customer": ids[12], "due_at": due, "purpose_note": "offer"})
            session.restrictions.place(made[n].subject, state="restricted", basis="asked")
            rows = folder / f"rows{n}.csv"
            rows.write_text(f"full_name,customer_number\nImported {n},I-{n}\n", encoding="utf-8")
            session.import_file("customer", rows, mapping=None)
            mail = folder / f"{n}.eml"
            mail.write_bytes(
                f"From: a@example.org\nSubject: {n}\nMessage-ID: <{n}@example.org>\n\nHello\n".encode()
            )
            session.inbox.add(mail)
    for n in range(3):
        with archive.session(actor=f"u{n}") as session:
            session.emergencies.begin(ids[12], reason="found unconscious")
        clock.now_us += 4 * 86_400_000_000  # nobody reviews it
        with archive.session(actor="owner") as session:
            session.alerts.run()
            for one in session.alerts.list():
                session.alerts.close(one.id, "explained", reason="was asked for")
            session.alerts.review(reason="looked through")
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    with archive.session(actor="owner") as session:
        archive.apply_config(session, reason="rules")
        session.backups.prepare()
        for _ in range(3):
            session.backups.run()
        for n in range(3):
            session.mail.send(
                session.mail.letter("satisfaction"), name=f"spring {n}", into=folder / f"out{n}"
            )
        for n in range(3):
            with pytest.raises(ApprovalNeeded):
                session.update(ids[13], {"city": f"City {n}"})
        for _ in range(3):
            session.get(ids[13])
    return ids[13]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A client of an archive with three of everything, the archive, and a record that was looked at."""
    folder, clock = tmp_path_factory.mktemp("pieces"), TickingClock(NOW)
    templates = ("account-manager",)
    with new_archive(folder / "customers", templates=templates, clock=clock) as archive:
        record = fill(archive, folder, clock)
        with archive.session(actor="owner") as session:
            _, text = session.credentials.issue("owner", name="p", scopes=SCOPES, days=1)
        web = new_web(archive, requests_a_minute=1_000_000)
        client = TestClient(build(web), base_url="http://localhost:8765/api/v1/")
        client.headers["Authorization"] = f"Bearer {text}"
        yield client, archive, record


def walked(client: TestClient, path: str, name: str, limit: int) -> list[Any]:
    """The whole list, piece by piece."""
    found, after = [], None
    for _ in range(100):
        behind = f"&after={after}" if after else ""
        answer = client.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{behind}")
        assert 200 == answer.status_code, answer.text
        piece = answer.json()
        assert len(piece[name]) == limit or (piece["after"] is None and len(piece[name]) < limit)
        found += piece[name]
        after = piece["after"]
        if after is None:
            return found
    raise AssertionError(f"{path} has no end")


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("path", LISTS)
def test_a_list_in_pieces_is_the_list(served, path, limit):
    """Each entry once, in the order of the whole, and nothing behind the last."""
    client, _, _ = served
    name, more = LISTS[path]
    asked = f"{path}?{more}"
    whole = client.get(f"{asked}&limit=1000").json()
    assert whole["after"] is None
    assert len(whole[name]) >= 3
    assert whole[name] == walked(client, asked, name, limit)


def test_who_touched_a_record_comes_in_pieces(served):
    """Newest first; what is written down meanwhile shifts nothing."""
    client, _, record = served
    path = f"records/customer/{record}/accesses"
    whole = [one["index"] for one in client.get(f"{path}?limit=1000").json()["entries"]]
    found = [one["index"] for one in walked(client, path, "entries", 1)]
    assert whole == found[-len(whole) :]
    assert found == sorted(set(found), reverse=True)


def test_every_list_that_has_pieces_is_tried(served):
    """A call that is added with a cursor stands above."""
    client, _, _ = served
    paths = client.get("openapi.json").json()["paths"]
    paged = {
        path.lstrip("/")
        for path, verbs in paths.items()
        if "after" in {one["name"] for one in verbs.get("get", {}).get("parameters", ())}
    }
    others = {"log", "log/follow", "templates/history", "records/{type}/{id}/accesses"}
    assert LISTS.keys() == paged - others


def test_a_cursor_opens_the_list_that_gave_it_and_tells_nothing(served):
    """One of another list, altered, or made up is refused; and none names what it stands behind."""
    client, _, _ = served
    cursors = {
        path: client.get(f"{path}?{more}&limit=1").json()["after"] for path, (_, more) in LISTS.items()
    }
    for path, (name, more) in LISTS.items():
        assert cursors[path]
        other = cursors["holds" if path != "holds" else "requests"]
        for wrong in (other, cursors[path][:-2] + "AA", "x", "", "\u00fc", "A" * 400):
            if wrong:
                answer = client.get(f"{path}?{more}&limit=1&after={wrong}")
                assert (400, "usage.cursor") == (answer.status_code, answer.json()["code"]), (path, wrong)
        first = str(client.get(f"{path}?{more}&limit=1").json()[name])
        assert cursors[path] not in first


def test_only_what_a_piece_holds_is_released(served):
    """The entry of a piece counts its entries, not those of the list."""
    client, archive, _ = served
    for path in ("holds", "requests", "incidents", "erasures", "changes", "emergencies", "inbox"):
        start = len(log_entries(archive))
        client.get(f"{path}?limit=2")
        assert {2} == {one.detail["count"] for one in log_entries(archive, start=start)}, path


def test_what_comes_and_goes_between_pieces_shifts_nothing(served):
    """A piece begins behind a place, not after a count."""
    _, archive, _ = served
    engine = archive.engine

    def piece(found: str, after: str | None = None, *, descending: bool = False):
        def place(one: str) -> tuple[str]:
            return (one,)

        return piece_of(engine, "x", found, place, limit=2, after=after, descending=descending)

    first = piece("abcde")
    assert (["a", "b"], ["c", "e"]) == (first, piece("Xabce", first.after))
    assert ["d"] == piece("d", first.after)
    assert piece("ab", first.after).after is None
    last = piece("abcde", descending=True)
    assert (["e", "d"], ["b", "a"]) == (last, piece("abdez", last.after, descending=True))


IN_MEMORY = {
    "users": "who may act: known as a whole to whatever decides a right, and as many as a team has people",
    "backups": "what one place keeps, which keeps no more than the configuration says",
}
"""Lists that are put together before a piece of them is cut off, and what bounds each."""


def test_a_list_is_found_by_the_store_or_cannot_grow(served, monkeypatch):
    """What grows with customers is found where it lies; of what is put together, its bound stands here."""
    client, _, _ = served
    cut: list[str] = []

    def counted(engine: Any, name: str, *given: Any, **more: Any) -> Any:
        cut.append(path)
        return piece_of(engine, name, *given, **more)

    for module in [one for one in sys.modules.values() if one.__name__.startswith("muniment")]:
        if getattr(module, "piece_of", None) is piece_of:
            monkeypatch.setattr(module, "piece_of", counted)
    for path, (_, more) in LISTS.items():
        assert 200 == client.get(f"{path}?{more}&limit=1").status_code
    assert IN_MEMORY.keys() == set(cut)


# Lists that are answered whole, and what bounds each: nobody's daily work makes them longer
SETTINGS_NAME = "as many as configuration, plugins, templates or laws name"
ONE = "what one record, or one thing that is kept, consists of"
KEPT_BY_NAME = "what people name for a menu of theirs"
NEWEST = "so many of the newest at the most, and it says where there are more"
CALLS_WHOLE = {
    **dict.fromkeys(
        (
            "get_configuration", "get_keys", "get_status", "get_template", "list_alert_rules",
            "list_laws", "list_letters", "list_plugins", "list_purposes", "list_regimes", "list_roles",
            "list_templates", "list_types", "list_witnesses", "log_heads", "log_kinds",
            "plan_configuration", "template_questions", "type_diff", "type_indexes",
        ),
        SETTINGS_NAME,
    ),
    **dict.fromkeys(
        (
            "get_alert", "get_change", "get_dashboard_definition", "get_entry", "get_incident", "get_me",
            "get_record", "get_request", "get_type", "get_view", "list_consents", "record_history",
            "record_retention", "type_version", "type_versions",
        ),
        ONE,
    ),
    **dict.fromkeys(("list_dashboards", "list_log_queries", "list_mappings", "list_views"), KEPT_BY_NAME),
    **dict.fromkeys(
        (
            "follow_log", "what_changed", "what_did", "what_was_disclosed", "who_could", "who_saw",
            "who_saw_field",
        ),
        NEWEST,
    ),
    "list_drafts": "what one person typed and has not saved; a tray takes no more than a bound",
    "list_forms": "what one person typed and has not saved",
    "list_sign_ins": "where one person is signed in; the oldest ends where there are too many",
}  # fmt: skip
WHOLE = {
    **dict.fromkeys(
        (
            "alert_rules.html", "dashboards.html", "keys.html", "plugin.html", "retention_report.html",
            "role.html", "role_form.html", "role_table.html", "roles.html", "schema.html",
            "schema_table.html", "status.html", "template.html",
        ),
        SETTINGS_NAME,
    ),
    **dict.fromkeys(("compare.html", "import_columns.html", "incident.html"), ONE),
    **dict.fromkeys(
        (
            "_audit_changed.html", "_audit_did.html", "_audit_disclosures.html", "_audit_saw.html",
            "_audit_who.html", "find.html", "import_result.html", "quality.html", "retention_apply.html",
            "retention_blocked.html", "retention_runs.html",
        ),
        NEWEST,
    ),
    "follow_many.html": "what somebody chose out of one page of a table",
    "_entries.html": "drawn into pages that lead on themselves",
}  # fmt: skip

# The pages of the same lists

PAGES = {
    "/alerts?state=explained": r'href="/alerts/([0-9a-f-]{36})"',
    "/alerts/sign-off": r"<td>#(\S+) –",
    "/changes": r'href="/changes/(\d+)"',
    "/suggestions": r"larger letters (\d)",
    "/webhooks": r'action="/webhooks/([0-9a-f-]{36})"',
    "/consents": r'href="/consents/notices/(notice\d)"',
    "/import": r"rows(\d)\.csv",
    "/backups": r'name="name" value="([^"]+)"',
    "/account": r'action="/account/tokens/([0-9a-f]+)/revoke"',
    "/follow-ups?whose=all": r'action="/follow-ups/([0-9a-f-]{36})/done',
}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_a_list_leads_on_until_its_end(served, monkeypatch, path):
    """Each entry stands on one page alone, none is lost, and the first page is one step away."""
    _, archive, _ = served
    monkeypatch.setattr(call, "_PIECE", 1_000)
    give_password(archive, "owner")
    browser = Browser.of(new_web(archive)).sign_in("owner")
    whole = list(dict.fromkeys(re.findall(PAGES[path], browser.get(path).text)))
    assert len(whole) >= 3
    monkeypatch.setattr(call, "_PIECE", 1)
    found: list[str] = []
    here: str | None = path
    while here is not None:
        text = browser.get(here).text
        marked = list(dict.fromkeys(re.findall(PAGES[path], text)))
        assert 1 == len(marked), here
        assert marked[0] not in found
        found += marked
        further = re.search(r'class="btn" href="([?][^"]*after=[^"]+)"', text)
        here = further and path.partition("?")[0] + unescape(further[1])
    assert whole == found
    assert 400 == browser.get(f"{path}{'&' if '?' in path else '?'}after=nonsense").status_code


def test_every_list_on_a_page_is_in_pieces_or_cannot_grow():
    """A page that is given a list leads on, or what bounds the list stands here."""
    folder = resources.files("muniment_web").joinpath("templates")
    texts = {one.name: one.read_text("utf-8") for one in folder.iterdir()}
    listing = {name for name, text in texts.items() if "listing(" in text and name != "_tables.html"}
    whole = {name for name in listing if '{% include "_more.html" %}' not in texts[name]}
    assert whole == WHOLE.keys()


def test_every_call_that_answers_a_list_gives_pieces_or_cannot_grow(served):
    """A call that is added with a list takes a cursor, or what bounds the list stands here."""
    client, _, _ = served
    document = client.get("openapi.json").json()
    whole = set()
    for verbs in document["paths"].values():
        said = verbs.get("get", {})
        schema = said.get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
        name = schema.get("schema", {}).get("$ref", "").rpartition("/")[2]
        members = document["components"]["schemas"].get(name, {}).get("properties", {})
        lists = any(one.get("type") == "array" for one in members.values())
        if lists and "after" not in {one["name"] for one in said.get("parameters", ())}:
            whole.add(said["operationId"])
    assert whole == CALLS_WHOLE.keys()


# Times

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:")
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def formats_of(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """What a part of the description says a text of it is."""
    schema = resolved(document, schema)
    found = {schema["format"]} if "format" in schema else set()
    return found.union(*(formats_of(document, one) for one in schema.get("anyOf", ())))


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A part of the description, wherever it stands."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def misshapen(document: dict[str, Any], schema: dict[str, Any], value: Any, place: str) -> Iterator[str]:
    """The places of an answer where a time is not in the one shape, or is not described as one."""
    schema = resolved(document, schema)
    if isinstance(value, dict):
        for key, one in value.items():
            parts = [resolved(document, part) for part in (schema, *schema.get("anyOf", ()))]
            known = [part["properties"][key] for part in parts if key in part.get("properties", {})]
            # What has no description of its own, such as the values of a record, is as its field says.
            if known:
                yield from misshapen(document, known[0], one, f"{place}.{key}")
    elif isinstance(value, list):
        parts = [resolved(document, part) for part in (schema, *schema.get("anyOf", ()))]
        inner = next((part["items"] for part in parts if "items" in part), {})
        for one in value:
            yield from misshapen(document, inner, one, f"{place}[]")
    elif isinstance(value, int) and value > 10**14:
        yield f"{place}: microseconds"
    elif isinstance(value, str):
        said = formats_of(document, schema)
        if _TIME.match(value) and ("date-time" not in said or not _SHAPE.fullmatch(value)):
            yield f"{place}: a time"
        elif _DAY.fullmatch(value) and "date" not in said:
            yield f"{place}: a day"
        elif said == {"date-time"} and not _SHAPE.fullmatch(value):
            yield f"{place}: no time"
        elif re.fullmatch(r"1[5-9]\d{14}", value):
            yield f"{place}: microseconds"


def test_every_time_in_an_answer_has_one_shape_and_says_so(served):
    """RFC 3339 in UTC with six decimals, said to be `date-time`; a day is a `date`: in each reading call."""
    client, _, record = served
    document = client.get("openapi.json").json()
    ids = {"records": record}
    for path, (name, more) in LISTS.items():
        first = client.get(f"{path}?{more}&limit=1").json()[name][0]
        ids[path.partition("/")[0]] = str(first.get("id") or first.get("number") or "")
    calls = Calls(document, {"record": record})
    wrong, tried = set(), 0
    for verb, path, one in calls:
        asked = calls.asked(verb, path, one)
        if verb != "get" and one["operationId"] not in ("list_records", "who_saw"):
            continue
        for name in asked.places.keys() & {"id", "number"}:
            asked.places[name] = ids.get(path.split("/")[1]) or asked.places[name]
        if "actor" in asked.query:
            asked.query["actor"] = "owner"
        answer = asked.send(client)
        if answer.status_code != 200 or "json" not in answer.headers["content-type"]:
            continue
        schema = one["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
        wrong |= set(misshapen(document, schema, answer.json(), one["operationId"]))
        tried += 1
    assert not wrong, "\n".join(sorted(wrong))
    assert tried > 60
