"""The rail leads where one may go: kept as it was drawn, and drawn anew when it would be another."""

from __future__ import annotations

import re

import pytest

from muniment import config
from muniment.model import id_bytes
from muniment.schema.builtin import ALERT
from muniment.schema.template import load_template
from muniment.session.incoming import Inbox
from muniment.session.oversight.emergency import Emergencies
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write
from muniment.testing import TickingClock, new_archive
from muniment_web.frame.nav import place_of
from muniment_web.testing import Browser, give_password, new_web

CLERK = """
[roles.clerk]
label = { en = "Clerk", zh = "专员" }
actions = ["record.list", "record.read", "user.read"]
read = { public = "clear", internal = "clear", personal = "clear" }
"""

LETTER = (
    b"From: Anna <anna@example.com>\r\nTo: us@example.com\r\nSubject: Tea\r\n"
    b"Date: Mon, 05 Jan 2026 10:00:00 +0800\r\nMessage-ID: <1@example.com>\r\n\r\nTea\r\n"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """An archive with a reader, an auditor and a clerk, and a browser of each."""
    with new_archive(
        tmp_path_factory.mktemp("rail") / "shop", templates=("customer-info", "interaction-log")
    ) as archive:
        (archive.folder / config.FILE_NAME).write_text(archive.applied.text + CLERK, encoding="utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="roles")
            for login, role in (("tom", "reader"), ("ada", "auditor"), ("li.na", "clerk")):
                session.create("user", {"login": login, "roles": [role], "state": "active"})
        web = new_web(archive)
        for login in ("owner", "tom", "ada", "li.na"):
            give_password(archive, login)
        yield archive, {one: Browser.of(web).sign_in(one) for one in ("owner", "tom", "ada", "li.na")}


def rail(answer):
    """The addresses in the rail and in the bar, and those that are marked as where one is."""
    assert 200 == answer.status_code
    found = re.findall(r'<nav class="(?:rail|bar)".*?</nav>', answer.text, re.S)
    links = re.findall(r'<a href="([^"]+)"(?: class="[^"]*")?( aria-current="page")?', "".join(found))
    return {path for path, _ in links}, {path for path, current in links if current}


def test_each_sees_the_rail_of_their_own_roles_in_whatever_order_they_ask(shop):
    """What was drawn for one is shown to nobody who may do something else."""
    _, browsers = shop
    for order in (("owner", "tom", "ada", "owner"), ("ada", "tom", "owner", "ada")):
        for login in order:
            paths, _ = rail(browsers[login].get("/help"))
            assert ("/users" in paths, "/log" in paths) == {
                "owner": (True, True),
                "tom": (False, False),
                "ada": ("/users" in paths, True),
            }[login], login


def test_what_waits_is_counted_anew(shop):
    """A number beside a page is that of now, not of when the rail was drawn."""
    archive, browsers = shop
    owner = browsers["owner"]
    assert '<b class="count">' not in owner.get("/help").text
    with archive.session(actor="owner") as session:
        session.inbox.take([("a letter", LETTER)])
    owner.post("/t/customer", {"do": "find"})
    assert re.search(r'href="/incoming".*?<b class="count">1</b>', owner.get("/help").text, re.S)


def test_the_page_where_one_is_stands_marked_in_each_language(shop):
    """A record stands under its table; each page marks its own place, and nothing of another language."""
    archive, browsers = shop
    with archive.session(actor="owner") as session:
        one = session.create("customer", {"full_name": "Anna", "customer_number": "C-1"}).id
    for lang, home in (("en", "Records"), ("zh", "记录"), ("en", "Records")):
        browsers["owner"].client.cookies.set("lang", lang)
        for path, place in ((f"/t/customer/{one}", "/t/customer"), ("/log", "/log"), ("/", "/")):
            answer = browsers["owner"].get(path)
            assert {place} == rail(answer)[1]
            assert f"<summary>{home}</summary>" in answer.text


def test_a_right_that_a_role_loses_and_a_table_that_is_new_change_the_rail_at_the_next_page(shop):
    """The rail follows the rules and the tables; nobody need sign in again."""
    archive, browsers = shop
    before, _ = rail(browsers["li.na"].get("/help"))
    assert {"/users", "/t/customer"} <= before
    text = archive.applied.text.replace(', "user.read"]', "]")
    (archive.folder / config.FILE_NAME).write_text(text, encoding="utf-8")
    with archive.session(actor="owner") as session:
        archive.apply_config(session, reason="less")
        archive.apply_templates(session, [load_template("service-feedback")], reason="what they say")
    after, _ = rail(browsers["li.na"].get("/help"))
    assert {"/users", "/roles"} == before - after
    assert after - before
    assert all(path.startswith("/t/") for path in after - before)


KEEPER = """
[roles.keeper]
label = { en = "Keeper", zh = "管理" }
actions = ["record.list", "record.read", "break_glass.review", "inbox.read", "inbox.change", "alert.read",
           "alert.review"]
read = { public = "clear", internal = "clear", personal = "clear" }

[roles.keeper.type.customer]
rows = { account_owner = "actor" }
"""


def counts(answer):
    """The numbers that the rail shows, by address."""
    found = re.search(r'<nav class="rail".*?</nav>', answer.text, re.S)
    links = re.findall(r'<a href="([^"]+)"(.*?)</a>', found[0], re.S)
    shown = {path: re.search(r'<b class="count">(\d+)</b>', text) for path, text in links}
    return {path: int(count[1]) for path, count in shown.items() if count}


@pytest.fixture
def kept(tmp_path):
    """An archive in which a keeper reaches one customer of two, with what waits about each."""
    clock = TickingClock()
    with new_archive(
        tmp_path / "kept", templates=("customer-info", "interaction-log"), clock=clock
    ) as archive:
        (archive.folder / config.FILE_NAME).write_text(archive.applied.text + KEEPER, encoding="utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="roles")
            keeper = session.create("user", {"login": "li", "roles": ["keeper"], "state": "active"})
            for name, owner in (("anna", keeper.id), ("bert", None)):
                session.create(
                    "customer",
                    {"full_name": name, "email": f"{name}@example.org", "customer_number": name,
                     "account_owner": owner},
                )  # fmt: skip
            wait(session, "bert", 3)
        for login in ("owner", "li"):
            give_password(archive, login)
        web = new_web(archive)
        yield archive, clock, {one: Browser.of(web).sign_in(one) for one in ("owner", "li")}


def wait(session, name, count):
    """So many emergencies, messages and alerts about a customer."""
    (one,) = session.list("customer", where={"customer_number": name}).records
    for n in range(count):
        session.emergencies.begin(one.id, reason="found unconscious")
        letter = f"From: {name}@example.org\nSubject: {n}\nMessage-ID: <{name}{n}@example.org>\n\nHi\n"
        session.inbox.take([(f"{name} {n}", letter.encode())])
        values = {"rule": "A22", "severity": "low", "state": "open", "grade": "open-low", "last": n,
                  "generation": 0, "key": f"{name}{n}"}  # fmt: skip
        change = Change(
            "create", ALERT.key, values=values, subject=id_bytes(one.subject), kind="alert.raise", inside=True
        )
        write(session.engine, session.acting, [change])


def test_a_number_counts_what_the_list_shows_to_whom_it_is_shown(kept):
    """Whose roles end at some rows learns from no number of what is out of reach, whatever comes and goes."""
    archive, clock, browsers = kept
    waits = ("/alerts", "/break-glass", "/incoming")
    assert dict.fromkeys(waits, 3) == counts(browsers["owner"].get("/help"))
    assert {} == counts(browsers["li"].get("/help"))
    assert 'class="count"' not in browsers["li"].get("/").text
    with archive.session(actor="owner") as session:
        wait(session, "anna", 2)
    clock.now_us += 60_000_000
    assert dict.fromkeys(waits, 2) == counts(browsers["li"].get("/help"))
    assert dict.fromkeys(waits, 5) == counts(browsers["owner"].get("/help"))
    # What is sent is counted at once, also what somebody else decides.
    text = browsers["owner"].get("/incoming").text
    first = re.search(r'href="(/incoming/[0-9a-f-]{36})"', text)[1]
    browsers["owner"].post(first, {"do": "refuse", "reason": "of no use"})
    assert 4 == counts(browsers["owner"].get("/help"))["/incoming"]
    assert 2 == counts(browsers["li"].get("/help"))["/incoming"]
    # Whom somebody gave up counts for them no more.
    with archive.session(actor="owner") as session:
        (anna,) = session.list("customer", where={"customer_number": "anna"}).records
        session.update(anna.id, {"account_owner": None})
    clock.now_us += 60_000_000
    assert {} == counts(browsers["li"].get("/help"))


def test_a_rail_that_is_drawn_again_opens_nothing_that_waits(kept, monkeypatch):
    """What was looked at a moment before is not opened for the number; what is new is, alone."""
    archive, _, browsers = kept
    li = browsers["li"]
    li.get("/help")
    opened = []
    for area in (Emergencies, Inbox):
        before = area._there
        monkeypatch.setattr(
            area, "_there", lambda *given, before=before: opened.append(given) or before(*given)
        )
    li.get("/help")
    assert [] == opened
    with archive.session(actor="owner") as session:
        wait(session, "anna", 1)
    li.post("/t/customer", {"do": "find"})
    assert 1 == counts(li.get("/help"))["/incoming"]
    assert 2 == len(opened)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "/"),
        ("/log", "/log"),
        ("/log/12/proof", "/log"),
        ("/t/customer", "/t/customer"),
        ("/t/customer/0190/history", "/t/customer"),
        ("/t", "/t"),
        ("/p/ocr/scan", "/p/ocr/scan"),
        ("/holdsmore", "/holdsmore"),
    ],
)
def test_an_address_belongs_to_one_page_of_the_rail(path, place):
    """The whole of a name counts: no page belongs to another whose name begins alike."""
    assert place == place_of(path)
