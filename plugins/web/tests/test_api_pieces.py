"""Lists of the API come in pieces: each entry once and in order, whatever the size of a piece."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from muniment.archive import Archive
from muniment.errors import ApprovalNeeded
from muniment.model import SCOPES, micros_of
from muniment.session.reading.pieces import piece_of
from muniment.testing import TickingClock, log_entries, new_archive
from muniment_web._app import build
from muniment_web.testing import new_web

NOW = micros_of(datetime(2026, 7, 29, 8, 0, tzinfo=UTC))
SETTINGS = """
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
