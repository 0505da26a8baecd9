"""Dashboards, and the pages that letters lead to."""

from __future__ import annotations

import re

import pytest

from muniment.outreach.letters import parse_letter
from muniment.schema import Label
from muniment.schema.dashboards import Dashboard, Tile
from muniment.session.outreach import mailing
from muniment.testing import log_entries, log_size, new_archive
from muniment_web.testing import Browser, give_password, new_web

LETTER = """
format = 1
key = "ask"
label = { en = "Ask", zh = "问" }
purpose = "CustomerCare"
survey = true
subject = { en = "Hello", zh = "您好" }
text = { en = "{{ survey }} {{ unsubscribe }}", zh = "{{ survey }} {{ unsubscribe }}" }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """An archive with feedback and mail, a customer, and somebody who reads."""
    archive = new_archive(tmp_path_factory.mktemp("figures") / "shop", templates=("service-feedback",))
    with archive:
        path = archive.folder / "muniment.toml"
        path.write_text(path.read_text() + '\n[mail]\nfrom = "a@example.com"\nlink = "https://x.example"\n')
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="mail")
            session.create("user", {"login": "tom", "roles": ["reader"], "state": "active"})
            values = {"full_name": "Anna <b>", "email": "anna@example.com", "status": "active"}
            session.create("customer", values)
        yield archive


@pytest.fixture
def visitor(shop):
    """A browser that nobody is signed in with."""
    return Browser.of(new_web(shop))


@pytest.fixture
def links(shop, monkeypatch):
    """The links of a fresh letter: to answer and to leave."""
    taken = {}

    class Box:
        name = "smtp"

        def hand_over(self, message):
            taken[message["To"]] = message.get_body(("plain",)).get_content()
            return ""

        def close(self):
            pass

    monkeypatch.setattr(mailing, "open_way", lambda *args, **more: Box())
    with shop.session(actor="owner") as session:
        # Somebody who has neither left nor answered.
        address = f"a{log_size(shop)}@example.com"
        session.create("customer", {"full_name": "Anna", "email": address, "status": "active"})
        session.mail.send(parse_letter(LETTER, where="x"), name=f"m{log_size(shop)}")
    text = taken[address].replace("=\n", "")
    return re.findall(r"https://x\.example(/\w+/[\w-]+)", text)


@pytest.mark.parametrize(("lang", "word"), [("en", "Satisfaction"), ("zh", "满意度概览")])
def test_a_dashboard_shows_figures_and_tables(shop, lang, word):
    """One act of the log, each chart with its table, nothing that the policy of content forbids."""
    give_password(shop, "tom")
    one = Browser.of(new_web(shop)).sign_in("tom")
    before = log_size(shop)
    page = one.get("/dashboards", headers={"accept-language": lang})
    assert 200 == page.status_code
    assert word in page.text
    assert " style=" not in page.text
    kinds = [entry.kind for entry in log_entries(shop, start=before)]
    assert "record.aggregate" in kinds
    assert 404 == one.get("/dashboards/nothing").status_code


def test_a_dashboard_needs_somebody(visitor):
    """Whoever is not signed in is sent to sign in."""
    assert visitor.get("/dashboards").url.path == "/sign-in" or "/sign-in" in str(
        visitor.get("/dashboards").headers.get("location", "")
    )


def test_a_list_of_a_dashboard_stands_in_its_order(shop):
    """By several fields, each its own way."""
    tile = Tile(
        key="t", type="customer", label=Label("T", "图"), measure="list", columns=("customer_number", "city"),
        sort="city,-customer_number",
    )  # fmt: skip
    with shop.session(actor="owner") as session:
        for city, number in (("Zwickau", "Z-1"), ("Zeitz", "Z-2"), ("Zwickau", "Z-3"), ("Zeitz", "Z-4")):
            session.create("customer", {"full_name": "X", "city": city, "customer_number": number})
        session.dashboards.save(Dashboard(key="o", tiles=(tile,)))
    give_password(shop, "owner")
    page = Browser.of(new_web(shop)).sign_in("owner").get("/dashboards/o").text
    assert ["Z-4", "Z-2", "Z-3", "Z-1"] == re.findall("Z-[0-9]", page)


def test_labels_of_groups_are_escaped(shop):
    """A value that looks like markup is shown as it is."""
    tile = Tile(key="t", type="customer", label=Label("<i>T", "<i>图"), by="city")
    with shop.session(actor="owner") as session:
        session.create("customer", {"full_name": "X", "city": "<script>alert(1)</script>"})
        session.dashboards.save(Dashboard(key="d", tiles=(tile,)))
    give_password(shop, "owner")
    page = Browser.of(new_web(shop)).sign_in("owner").get("/dashboards/d").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<i>T" not in page


def test_a_kept_figure_is_told_with_its_time_and_counted_anew(shop):
    """Only then there is a button for it; the page says when it was counted, in both languages."""
    tile = Tile(key="t", type="customer", label=Label("By gender", "按性别"), by="gender")
    with shop.session(actor="owner") as session:
        session.dashboards.save(Dashboard(key="kept one", tiles=(tile,)), audience="everyone")
    give_password(shop, "owner")
    web = new_web(shop)
    one = Browser.of(web).sign_in("owner")
    path = "/dashboards/kept%20one"
    assert "/renew" not in one.get(path).text
    before = log_size(shop)
    done = one.post(f"{path}/renew", {}, follow_redirects=False)
    assert (303, path) == (done.status_code, done.headers["location"])
    web.counting.wait()
    assert ["record.aggregate"] * 2 == [entry.kind for entry in log_entries(shop, start=before)]
    page = one.get(path, headers={"accept-language": "en"}).text
    assert f'action="{path}/renew"' in page
    assert "Count anew" in page
    assert "counted at 20" in page
    assert "留存" in one.get(path, headers={"accept-language": "zh-CN"}).text
    assert 303 == one.get(f"{path}/renew", follow_redirects=False).status_code
    assert 404 == one.post("/dashboards/nothing/renew", {}).status_code


def test_who_may_not_see_a_dashboard_counts_nothing_anew(shop):
    """Somebody else's is not there; nothing is counted and nothing is kept."""
    tile = Tile(key="t", type="customer", label=Label("t", "t"), by="gender")
    with shop.session(actor="owner") as session:
        session.dashboards.save(Dashboard(key="mine", tiles=(tile,)))
    give_password(shop, "tom")
    one = Browser.of(new_web(shop)).sign_in("tom")
    before = log_size(shop)
    assert 404 == one.post("/dashboards/mine/renew", {}).status_code
    assert "record.aggregate" not in [entry.kind for entry in log_entries(shop, start=before)]


def test_a_survey_is_answered_once_without_signing_in(shop, visitor, links):
    """The page tells nothing of the person; the answer is theirs; a second one is refused."""
    ask = links[0]
    page = visitor.get(ask)
    assert 200 == page.status_code
    assert "Anna" not in page.text
    assert 422 == visitor.post(ask, {"comment": "no score"}).status_code
    done = visitor.post(ask, {"score": "4", "recommend": "9", "comment": "gut 好"})
    assert 200 == done.status_code
    with shop.session(actor="owner") as session:
        found = session.list("feedback").records[-1].fields
    assert (4, 9, "gut 好") == tuple(
        found[key] for key in ("satisfaction_score", "recommend_score", "comment")
    )
    assert 404 == visitor.get(ask).status_code
    assert 404 == visitor.post(ask, {"score": "1"}).status_code


def test_looking_at_a_link_takes_nobody_off(shop, visitor, links):
    """Mail programs look before people do; a click, or their own post (RFC 8058), does it."""
    leave = links[1]
    for _ in range(2):
        assert "<form" in visitor.get(leave).text
    done = visitor.post(leave, {"List-Unsubscribe": "One-Click"})
    assert 200 == done.status_code
    assert "<form" not in visitor.get(leave).text
    assert 404 == visitor.get(links[0]).status_code


@pytest.mark.parametrize("path", ["/leave/x", "/ask/x", "/ask/" + "A" * 43])
def test_wrong_links_are_answered_alike(visitor, path):
    """Neither when looked at nor when used."""
    assert 404 == visitor.get(path).status_code
    assert 404 == visitor.post(path, {"score": "5"}).status_code
