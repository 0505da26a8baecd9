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
    taken = []

    class Box:
        name = "smtp"

        def hand_over(self, message):
            taken.append(message.get_body(("plain",)).get_content())
            return ""

        def close(self):
            pass

    monkeypatch.setattr(mailing, "open_way", lambda *args, **more: Box())
    with shop.session(actor="owner") as session:
        session.mail.send(parse_letter(LETTER, where="x"), name=f"m{log_size(shop)}")
    text = taken[0].replace("=\n", "")
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
