"""The rail leads where one may go: kept as it was drawn, and drawn anew when it would be another."""

from __future__ import annotations

import re

import pytest

from muniment import config
from muniment.schema.template import load_template
from muniment.testing import new_archive
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
