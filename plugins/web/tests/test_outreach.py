"""Follow-ups, letters and what came in, on the pages."""

from __future__ import annotations

import re
from importlib import resources
from threading import Event
from types import SimpleNamespace

import pytest

from muniment import config
from muniment.archive import Archive
from muniment.errors import AccessDenied
from muniment.model import id_text
from muniment.outreach.sending import Folder
from muniment.session.incoming import Proposal
from muniment.session.outreach import mailing
from muniment.session.rights.retaining import Retaining
from muniment.store import LogFilter
from muniment.testing import new_archive
from muniment_web.pages import incoming, retention
from muniment_web.server.sending import Sending
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


MAIL = """From: {name} <{address}>
To: shop@example.org
Subject: The second box
Date: Fri, 20 Nov 2026 10:12:00 +0000
Message-ID: <{address}>
Content-Type: text/plain; charset=utf-8

Dear shop, the second box has not come.
"""


def upload(one: Browser, name: str, address: str):
    """Bring a message in as a file, and find its page."""
    text = MAIL.format(name=name, address=address).encode()
    files = {"mail": ("second box.eml", text, "message/rfc822")}
    return one.post("/incoming", {"do": "mail"}, files=files)


def newest(archive: Archive) -> str:
    """What came in last."""
    with archive.session(actor="owner") as session:
        return session.inbox.listed()[-1].id


def test_mail_waits_beside_what_it_would_become(shop, promised):
    """The message, whose it seems to be, and the form of the record; accepted in one's own name."""
    customer, _, _ = promised
    with shop.session(actor="owner") as session:
        session.update(customer, {"email": "berthold@example.org"}, reason="told us")
    one = browser(shop, "li.na")
    assert "1 came in" in upload(one, "Berthold Klein", "berthold@example.org").text
    assert "1 were here already" in upload(one, "Berthold Klein", "berthold@example.org").text
    item = newest(shop)
    page = one.get(f"/incoming/{item}").text
    assert "the second box has not come" in page
    assert f'value="{customer}" checked' in page
    assert 'name="v.question"' in page
    form = {"do": "accept", "whose": customer, "v.question": "Where is the second box?"}
    accepted = one.post(f"/incoming/{item}", form)
    assert "/t/interaction/" in str(accepted.url)
    with shop.session(actor="owner") as session:
        talks = session.list("interaction", where={"customer": customer}).records
    assert ["Where is the second box?"] == [one.fields["question"] for one in talks]
    assert "decided already" in one.get(f"/incoming/{item}").text
    again = one.post(f"/incoming/{item}", form)
    assert 422 == again.status_code


def test_somebody_new_is_made_with_their_message(shop):
    """What is wrong is said beside the form and nothing is written; then both records are made at once."""
    one = browser(shop, "li.na")
    upload(one, "Karla Neu", "karla@example.net")
    item = newest(shop)
    form = {"do": "accept", "whose": "new", "v.person.full_name": "", "v.person.email": "karla@example.net"}
    assert 422 == one.post(f"/incoming/{item}", form).status_code
    made = one.post(f"/incoming/{item}", {**form, "v.person.full_name": "Karla Neumann"})
    assert "/t/interaction/" in str(made.url)
    with shop.session(actor="owner") as session:
        found = session.search("customer", "neumann").records
    assert ["karla@example.net"] == [one.fields["email"] for one in found]


def test_a_scan_is_read_where_the_plugin_is_in_use(shop, monkeypatch):
    """What it says stands beside the form with how sure that is; without the plugin nothing is taken."""
    one = browser(shop, "li.na")
    files = {"scan": ("form.png", b"a picture", "image/png")}
    form = {"do": "scan", "type": "customer"}
    assert 'name="scan"' not in one.get("/incoming").text
    assert 422 == one.post("/incoming", form, files=files).status_code

    def propose(session, key, path):
        assert b"a picture" == path.read_bytes()
        shown = {"file": path.name, "confidence": {"full_name": 61}, "rest": ["see you soon"]}
        proposal = Proposal(key, {"full_name": "Karla Scan"}, shown=shown)
        return session.inbox.offer("ocr", "ab" * 32, path.name, path.read_bytes(), proposal)

    monkeypatch.setattr(incoming, "_scan_types", lambda call: [("customer", "Customer")])
    monkeypatch.setattr(incoming, "import_module", lambda name: SimpleNamespace(propose=propose))
    page = one.post("/incoming", form, files=files)
    assert "61% sure" in page.text
    assert "see you soon" in page.text
    made = one.post(page.url.path, {"do": "accept", "v.full_name": "Karla Scanned"})
    assert "/t/customer/" in str(made.url)
    assert "1 were here already" in one.post("/incoming", form, files=files).text


def test_what_came_in_is_refused_for_a_reason(shop):
    """Without one it stays; a reader decides nothing and takes nothing in; the original is handed out."""
    one = browser(shop, "li.na")
    upload(one, "Nobody", "spam@example.net")
    item = newest(shop)
    assert "the second box has not come" in one.get(f"/incoming/{item}/original").text
    assert 422 == one.post(f"/incoming/{item}", {"do": "refuse"}).status_code
    assert 403 == browser(shop, "tom").post(f"/incoming/{item}", {"do": "refuse", "reason": "no"}).status_code
    assert "will be erased" in one.post(f"/incoming/{item}", {"do": "refuse", "reason": "spam"}).text
    assert 422 == one.post("/incoming", {"do": "mail"}).status_code


def test_a_record_is_chosen_as_one_types(shop, promised):
    """Found by a word of its name, by its number, or among the first; no word is in address or log."""
    customer, _, about = promised
    number = about.removeprefix("offer ")
    one = browser(shop, "li.na")
    found = one.post("/choose/customer", {"q": "berthold"}).json()["found"]
    assert customer in {each["id"] for each in found}
    assert [customer] == [each["id"] for each in one.post("/choose/customer", {"q": number}).json()["found"]]
    assert [] == one.post("/choose/customer", {"q": "nobody-of-that-name"}).json()["found"]
    assert one.post("/choose/customer", {"q": ""}).json()["found"]
    users = browser(shop, "owner").post("/choose/user", {"q": "li"}).json()["found"]
    assert ["li.na"] == [each["hint"] for each in users]
    with shop.session(actor="owner") as session:
        entries = session.entries(LogFilter(kinds=("record.search",), limit=20))
        assert entries
        assert all(b"berthold" not in entry.data for entry in entries)
    assert 405 == one.get("/choose/customer?q=berthold").status_code
    assert one.post("/choose/signing_key", {"q": "a"}).status_code in (403, 404)


@pytest.fixture
def post_office(shop, monkeypatch, tmp_path):
    """Where letters go instead of to a mail server, once the archive names its sender."""
    path = shop.folder / config.FILE_NAME
    text = path.read_text(encoding="utf-8")
    if "\n[mail]" not in text:
        path.write_text(text + '\n[mail]\nfrom = "Shop <shop@example.org>"\n', encoding="utf-8")
        with shop.session(actor="owner") as session:
            shop.apply_config(session, reason="letters")
    folder = tmp_path / "letters"
    monkeypatch.setattr(mailing, "open_way", lambda *_, **__: Folder(folder))
    return folder


def test_a_letter_is_looked_at_and_then_sent_once(shop, post_office):
    """Who gets it, who not and why, before anything leaves; then each gets one, however often it is sent."""
    with shop.session(actor="owner", purpose="ServiceProvision") as session:
        city = f"City {session.note('log.read')}"
        for at, address in enumerate(("a@example.org", "b@example.org", None)):
            values = {"full_name": f"Person {at}", "customer_number": f"{city}-{at}", "status": "active"}
            session.create("customer", {**values, "city": city, **({"email": address} if address else {})})
    web = new_web(shop)
    give_password(shop, "owner")
    one = Browser.of(web).sign_in("owner")
    assert "/mailings/letters/satisfaction" in one.get("/mailings").text
    form = {"field": "city", "op": "=", "value": city, "name": city}
    seen = one.post("/mailings/letters/satisfaction", {**form, "do": "look"}).text
    assert "Send to 2" in seen
    assert "has no e-mail address" in seen
    assert "How satisfied are you, Person 0?" in seen
    assert not post_office.exists()
    refused = one.post("/mailings/letters/satisfaction", {**form, "do": "send"})
    assert 422 == refused.status_code
    assert not post_office.exists()
    for _ in range(2):
        one.post("/mailings/letters/satisfaction", {**form, "do": "send", "why": "service"})
        web.sending.wait()
        assert 2 == len(list(post_office.iterdir()))
    assert "Sent 2" in one.get("/mailings").text
    assert "hx-get" not in one.get("/mailings/standing").text


def test_letters_are_sent_by_those_who_may(shop, post_office):
    """An editor's role sends none: no page, no look, nothing in the rail."""
    one = browser(shop, "li.na")
    assert 'href="/mailings"' not in one.get("/").text
    for path in ("/mailings", "/mailings/letters/satisfaction", "/mailings/standing"):
        assert 403 == one.get(path).status_code
    answer = one.post("/mailings/letters/satisfaction", {"do": "send", "name": "x", "why": "service"})
    assert answer.status_code in (403, 422)
    assert not post_office.exists()


def test_a_mailing_stops_between_letters(shop):
    """A server that stops finishes the letter in hand, and says that the rest waits under its name."""
    sending = Sending()
    handed = []

    def run(told):
        for count in range(1, 1_000):
            handed.append(count)
            if count == 3:
                sending._stop.set()
            told(count, 0)
        raise AssertionError("never stopped")

    sending.start("spring", 1, run)
    sending.stop()
    assert [1, 2, 3] == handed
    assert (False, 4, None) == (sending.standing.running, sending.standing.sent, sending.standing.result)


def test_one_box_finds_in_all_tables(shop, promised):
    """Each table under its heading, as far as the role may search; the words stand in no address."""
    customer, _, _ = promised
    one = browser(shop, "li.na")
    assert 'action="/find"' in one.get("/").text
    page = one.post("/find", {"q": "berthold"})
    assert f"/t/customer/{customer}" in page.text
    assert "berthold" not in str(page.url)
    assert "Nothing found in any table" in one.post("/find", {"q": "nobody-of-that-name"}).text
    assert 422 == one.post("/find", {"q": ""}).status_code


def test_retention_says_how_everything_stands(shop, promised):
    """Without a rule it says where rules come from."""
    page = browser(shop, "owner").get("/retention/report").text
    assert "<title>Overview" in page
    assert "Rules come with a plugin" in page
    assert 403 == browser(shop, "tom").get("/retention/report").status_code


def test_retention_is_planned_when_asked_and_not_at_each_look(shop, promised, monkeypatch):
    """The first look plans; later ones say from when that is and what came since, until somebody presses."""
    web = new_web(shop)
    give_password(shop, "owner")
    one = Browser.of(web).sign_in("owner")
    plans = []
    real = Retaining.renew
    monkeypatch.setattr(Retaining, "renew", lambda self, **given: plans.append(1) or real(self, **given))
    for path in ("/retention", "/retention/blocked", "/retention/report"):
        one.post("/retention/plan")
        before = len(plans)
        assert "writings of records since: 0" in one.get(path).text
        with shop.session(actor="owner", purpose="ServiceProvision") as session:
            session.update(promised[0], {"company": f"after {path}"}, reason="asked")
        page = one.get(path).text
        assert "writings of records since: 1" in page
        assert 'action="/retention/plan"' in page
        assert before == len(plans)
    assert 3 == len(plans)
    assert "/retention" == one.get("/retention/plan").url.path
    web.planning.wait()


def test_a_plan_that_takes_long_tells_how_far_it_is(shop, monkeypatch):
    """The page comes at once, asks again by itself, and says what went wrong."""
    web, told, go_on = new_web(shop), Event(), Event()
    give_password(shop, "owner")
    one = Browser.of(web).sign_in("owner")

    def renew(self, *, progress):
        progress(1_500, 0)
        told.set()
        go_on.wait()
        raise AccessDenied("access.changed")

    monkeypatch.setattr(Retaining, "renew", renew)
    monkeypatch.setattr(retention, "_PATIENCE_SECONDS", 0.0)
    one.post("/retention/plan")
    told.wait()
    page = one.get("/retention/plan").text
    assert "1,500 records looked at" in page
    assert 'hx-get="/retention/plan"' in page
    assert "1,500 records looked at" in one.get("/retention").text
    go_on.set()
    web.planning.wait()
    assert "access.changed" in one.get("/retention").text


def test_rules_of_alerts_and_charts_are_shown_as_people_read_them(shop):
    """No blank of a text stands open on the page of rules; no rule of the rail's bar hides a chart's."""
    assert not re.search(r"\{\w+\}", browser(shop, "ada").get("/alerts/rules").text)
    styles = resources.files("muniment_web").joinpath("static", "styles")
    css = "".join(one.read_text(encoding="utf-8") for one in styles.iterdir())
    assert not re.search(r"(?:^|[},])\s*\.bar\b", css)
