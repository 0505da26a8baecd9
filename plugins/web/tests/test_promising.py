"""Follow-ups for many rows of a table: asked for, looked at, made in one act, closed in one act."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from muniment.archive import Archive
from muniment.model import SCOPES, id_text
from muniment.testing import log_entries, new_archive
from muniment_web._app import build
from muniment_web.testing import Browser, give_password, new_web, served

USERS = {"li.na": "editor", "tom": "reader"}
NOBODY = "00000000-0000-7000-8000-000000000000"
PATH = "/t/customer/follow-ups"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop's archive with some customers, of whom half have an owner."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    with new_archive(folder, templates=("account-manager",)) as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            for login, role in USERS.items():
                session.create("user", {"login": login, "roles": [role], "state": "active"})
            owner = id_text(archive.engine.definitions.users["li.na"].record)
            for number in range(30):
                session.create(
                    "customer",
                    {
                        "full_name": f"Customer {number:02}",
                        "customer_number": f"C-{number:02}",
                        "city": "Ulm" if number < 28 else "Kiel",
                        "account_owner": owner if number % 2 else None,
                    },
                )
        yield archive


@pytest.fixture
def people(shop):
    """The identifiers of the customers."""
    with shop.session(actor="owner") as session:
        return [one.id for one in session.list("customer", order_by="customer_number").records]


def browser(archive: Archive, login: str) -> Browser:
    """A browser in which somebody is signed in."""
    give_password(archive, login)
    return Browser.of(new_web(archive)).sign_in(login)


def program(archive: Archive, login: str) -> TestClient:
    """A program with a token of somebody's."""
    with archive.session(actor=login) as session:
        _, text = session.credentials.issue(login, name="test", scopes=SCOPES, days=1)
    client = TestClient(build(new_web(archive)), base_url="http://localhost:8765/api/v1/")
    client.headers["Authorization"] = f"Bearer {text}"
    return client


def promised(archive: Archive, about: str) -> dict[str, dict]:
    """The follow-ups of one matter, by identifier."""
    with archive.session(actor="owner") as session:
        found = session.list("follow_up", limit=1000).records
    return {one.id: one.fields for one in found if one.fields.get("purpose_note") == about}


def test_ticked_rows_are_looked_at_promised_and_taken_back(shop, people):
    """What is looked at names each and who does it; one reason makes them; one act closes them."""
    one = browser(shop, "li.na")
    assert 'data-bulk="/t/customer/follow-ups"' in one.get("/t/customer").text
    asked = one.post(PATH, {"do": "ask", "r": people[:3]})
    assert 3 == asked.text.count('type="hidden" name="r"')
    form = {"due": "2031-05-06", "at": "09:30", "about": "new prices", "who": "each", "r": people[:3]}
    before = len(log_entries(shop))
    looked = one.post(PATH, {"do": "look", **form})
    assert "Would be made: 3" in looked.text
    assert "Customer 01" in looked.text
    assert not promised(shop, "new prices")
    assert {"record.list"} <= {entry.kind for entry in log_entries(shop)[before:]}
    once = re.search(r'name="once" value="([0-9a-f]{32})"', looked.text)[1]
    make = {"do": "make", "once": once, **form}
    assert 422 == one.post(PATH, make).status_code  # nobody said why
    made = one.post(PATH, {**make, "why": "service"})
    again = one.post(PATH, {**make, "why": "service"})
    assert "Follow-ups made: 3." in made.text
    assert "Follow-ups made: 3." in again.text
    found = promised(shop, "new prices")
    assert 3 == len(found)
    assert {"2031-05-06T09:30"} == {each["due_at"].isoformat()[:16] for each in found.values()}
    assert 1 == sum("assigned_to" in each for each in found.values())
    back = one.post(PATH, {"do": "close", "r": list(found)})
    assert "Follow-ups closed: 3." in back.text
    assert {"cancelled"} == {each["follow_up_state"] for each in promised(shop, "new prices").values()}


def test_all_that_was_found_is_promised(shop, people):
    """The table's own question is asked again for every page of it; nothing of it stands in an address."""
    one = browser(shop, "li.na")
    asked = one.post(PATH, {"do": "all", "ff": "city", "fs": "=", "fv": "Ulm", "rows": "25"})
    assert 28 == asked.text.count('type="hidden" name="r"')
    assert "Ulm" not in asked.text
    assert 2 == one.post(PATH, {"do": "all", "ff": "city", "fs": "=", "fv": "Kiel"}).text.count(
        'type="hidden" name="r"'
    )
    nobody = one.post(PATH, {"do": "all", "ff": "city", "fs": "=", "fv": "Bonn"}).text
    assert "Tick the rows" in nobody


def test_more_than_one_act_may_make_is_refused(shop, people, monkeypatch):
    """It is told before anything is made, and nothing is cut off silently."""
    monkeypatch.setattr("muniment_web.pages.promising.MOST", 5)
    one = browser(shop, "li.na")
    for form in ({"do": "all"}, {"do": "look", "r": people[:6]}):
        answer = one.post(PATH, form)
        assert 422 == answer.status_code
        assert "followup.too_many" in answer.text


def test_who_is_refused_is_named_and_left_out(shop, people):
    """Beside the others, which may still be made; what is wrong with all of them is told once."""
    one = browser(shop, "li.na")
    form = {"do": "look", "about": "odd", "who": "", "r": [people[0], NOBODY]}
    looked = one.post(PATH, {**form, "due": "+1"})
    assert "Would be made: 1" in looked.text
    assert 1 == len(re.findall(r'name="r"[^>]*checked', looked.text))
    day = one.post(PATH, {**form, "due": "someday", "r": people[:2]})
    assert 422 == day.status_code
    assert 1 == day.text.count('role="alert"')
    assert "someday" not in re.sub(r'value="someday"', "", day.text)
    assert not promised(shop, "odd")


@pytest.mark.parametrize(
    "form",
    [
        {"do": "make", "why": "service", "due": "+1", "r": NOBODY},
        {"do": "make", "why": "service", "due": "+1", "r": "<script>"},
        {"do": "look", "due": "+1"},
        {"do": "look", "due": "\x00", "r": NOBODY},
        {"do": "close", "r": NOBODY},
        {"do": "look", "due": "+1", "who": "me", "v.assigned_to": "nobody-there", "r": NOBODY},
        {"do": "look", "due": "+1", "who": "<b>", "r": NOBODY},
    ],
)
def test_what_is_odd_is_refused_beside_the_form(shop, form):
    """No traceback, no value said again as markup, and nothing made."""
    answer = browser(shop, "li.na").post(PATH, form)
    assert answer.status_code in (200, 404, 422)
    assert "<script>" not in answer.text.replace("<script src", "")
    assert 'value="<b>"' not in answer.text


def test_who_makes_no_follow_ups_is_offered_none(shop, people):
    """A reader has neither button nor page, and asking is an entry; no other table has it either."""
    one = browser(shop, "tom")
    assert "/t/customer/follow-ups" not in one.get("/t/customer").text
    start = len(log_entries(shop))
    assert 403 == one.get(PATH).status_code
    assert 403 == one.post(PATH, {"do": "make", "why": "service", "due": "+1", "r": people[:1]}).status_code
    assert ["access.deny"] * 2 == [each.kind for each in log_entries(shop)[start:]]
    editor = browser(shop, "li.na")
    assert 404 == editor.get("/t/follow_up/follow-ups").status_code
    assert "Tick the rows" in editor.get(PATH).text


def test_a_program_makes_and_closes_them_in_one_call(shop, people):
    """All or none: a refusal names whom it is about; a retry with a key makes nothing twice."""
    one = program(shop, "li.na")
    given = {"records": people[:2], "due": "2031-07-01", "about": "by program", "owner": "each"}
    looked = one.post("followups/look", json=given)
    assert ["", "li.na"] == [each["owner"] for each in looked.json()["promises"]]
    assert not promised(shop, "by program")
    headers = {"Idempotency-Key": "july"}
    made = one.post("followups", json=given, headers=headers)
    assert 200 == made.status_code, made.text
    assert made.json() == one.post("followups", json=given, headers=headers).json()
    assert 2 == len(promised(shop, "by program"))
    refused = one.post("followups", json={**given, "due": "someday"})
    assert (422, people[0]) == (refused.status_code, refused.json()["where"])
    missing = one.post("followups", json={**given, "records": [people[0], NOBODY]})
    assert (404, NOBODY) == (missing.status_code, missing.json()["where"])
    assert "followup.nobody" == one.post("followups", json={**given, "records": []}).json()["code"]
    assert 2 == len(promised(shop, "by program"))
    ids = [each["id"] for each in made.json()["saved"]]
    closed = one.post("followups/close", json={"records": ids})
    assert ids == [each["id"] for each in closed.json()["saved"]]
    assert 404 == one.post("followups/close", json={"records": people[:1]}).status_code
    reader = program(shop, "tom")
    assert 403 == reader.post("followups", json={**given, "type": "follow_up"}).status_code


@pytest.mark.slow
@pytest.mark.parametrize(("locale", "width"), [("en", 1440), ("zh-CN", 390)])
def test_rows_are_ticked_and_followed_up_by_hand(
    shop, people, new_page, expect, axe_findings, around, locale, width
):
    """Ticks, the bar, the form, the look and the reason, by keyboard and mouse, with nothing axe minds."""
    give_password(shop, "li.na")
    with served(new_web(shop), around=around) as base:
        page = new_page(base, "li.na", locale, width)
        page.goto(f"{base}/t/customer")
        page.select_option("#rows", "25")
        expect(page.locator("#grid tbody tr")).to_have_count(25)
        every = page.locator("[data-every]")
        page.locator("#grid tbody th.rh input").first.check()
        if width > 820:
            expect(every).to_be_hidden()
            page.locator("#grid thead th.rh input").check()
        expect(every).to_be_visible()
        assert [] == axe_findings(page)
        every.click()
        expect(page.locator("form [name=r]")).to_have_count(30)
        page.go_back()
        expect(page.locator("#bulk-bar"), "ticks that a browser kept count").to_be_visible()
        page.goto(f"{base}/t/customer")
        page.locator("#grid tbody th.rh input").first.check()
        page.locator("[data-bulk$=follow-ups]:not([data-every])").click()
        page.wait_for_selector("#due")
        assert [] == axe_findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.fill("#due", "2031-09-01")
        page.fill("#about", f"by hand {locale}")
        page.press("#about", "Enter")
        page.wait_for_selector("#why")
        assert [] == axe_findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.select_option("#why", "service")
        page.locator("button[value=make]").press("Enter")
        page.wait_for_selector("button[value=close]")
        assert [] == axe_findings(page)
        assert 1 == len(promised(shop, f"by hand {locale}"))
        page.click("button[value=close]")
        page.wait_for_url(f"{base}/t/customer")
        assert ["cancelled"] == [
            one["follow_up_state"] for one in promised(shop, f"by hand {locale}").values()
        ]
        assert [] == page.complaints
        page.context.close()
