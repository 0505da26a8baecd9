"""Follow-ups, letters and what came in, on the pages."""

from __future__ import annotations

import pytest

from muniment.archive import Archive
from muniment.model import id_text
from muniment.testing import new_archive
from muniment_web.testing import Browser, give_password, new_web

USERS = {"li.na": "editor", "ada": "auditor", "tom": "reader"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop's archive with what account managers keep."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    with new_archive(folder, templates=("account-manager",)) as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            for login, role in USERS.items():
                session.create("user", {"login": login, "roles": [role], "state": "active"})
        yield archive


def person(archive: Archive, login: str) -> str:
    """The record of a user."""
    return id_text(archive.engine.definitions.users[login].record)


def browser(archive: Archive, login: str) -> Browser:
    """A browser in which somebody is signed in."""
    give_password(archive, login)
    return Browser.of(new_web(archive)).sign_in(login)


@pytest.fixture
def promised(shop):
    """A customer, and what was promised to them long ago, by li.na."""
    with shop.session(actor="owner", purpose="ServiceProvision") as session:
        number = f"C-{session.note('log.read')}"
        customer = session.create("customer", {"full_name": "Berthold Klein", "customer_number": number}).id
        values = {"customer": customer, "due_at": "2026-01-05 10:00", "purpose_note": f"offer {number}"}
        record = session.create("follow_up", {**values, "assigned_to": person(shop, "li.na")}).id
    return customer, record, f"offer {number}"


def states(archive: Archive, customer: str) -> dict[str, str]:
    """How the follow-ups of a customer stand, by identifier."""
    with archive.session(actor="owner") as session:
        found = session.list("follow_up", where={"customer": customer})
    return {one.id: str(one.fields["follow_up_state"]) for one in found.records}


def test_what_is_due_stands_by_day_for_whoever_does_it(shop, promised):
    """One's own first; somebody else's among everybody's; nothing due says what to do next."""
    customer, record, about = promised
    own = browser(shop, "li.na").get("/follow-ups").text
    assert about in own
    assert f"/t/customer/{customer}" in own
    assert f"/follow-ups/{record}/done" in own
    other = browser(shop, "tom")
    assert about not in other.get("/follow-ups").text
    everybody = other.get("/follow-ups?whose=all&late=1").text
    assert about in everybody
    assert f"/follow-ups/{record}/done" not in everybody  # a reader does nothing
    assert 'href="/follow-ups"' in other.get("/").text


def test_done_keeps_the_talk_and_goes_on(shop, promised):
    """One act: the state, the talk with the customer, and the next promise."""
    customer, record, _ = promised
    form = {"note": "wants it on Friday", "channel": "phone", "next": "2031-01-02 09:00"}
    page = browser(shop, "li.na").post(f"/follow-ups/{record}/done", form)
    assert "It is done." in page.text
    after = states(shop, customer)
    assert "done" == after.pop(record)
    assert ["open"] == list(after.values())
    with shop.session(actor="owner") as session:
        talks = session.list("interaction", where={"customer": customer}).records
    assert ["wants it on Friday"] == [one.fields["resolution"] for one in talks]


def test_a_follow_up_is_moved(shop, promised):
    """By days, or to a day; what is no day is refused beside the list and changes nothing."""
    _, record, _ = promised
    one = browser(shop, "li.na")
    assert 422 == one.post(f"/follow-ups/{record}/move", {"until": "someday"}).status_code
    assert "It was moved." in one.post(f"/follow-ups/{record}/move", {"until": "2031-02-03 08:30"}).text
    with shop.session(actor="owner") as session:
        assert "2031-02-03T08:30" in session.get(record).fields["due_at"].isoformat()
    assert "It was moved." in one.post(f"/follow-ups/{record}/move", {"by": "7"}).text
    assert browser(shop, "tom").post(f"/follow-ups/{record}/move", {"by": "7"}).status_code in (403, 422)


def test_the_calendar_names_nobody(shop, promised):
    """The file that goes to a telephone brings numbers, no names."""
    answer = browser(shop, "li.na").get("/follow-ups/calendar.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert "BEGIN:VEVENT" in answer.text
    assert "Berthold" not in answer.text
