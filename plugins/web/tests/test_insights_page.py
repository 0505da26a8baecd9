"""The report of muniment-insights as a page: logged with its purpose, of groups alone, whole in a browser."""

from __future__ import annotations

from random import Random

import attrs
import pytest

from muniment.plugins import Asking, Facts, Html, Table, Text
from muniment.session import Session
from muniment.testing import log_entries, log_size, new_archive
from muniment_web.testing import Browser, give_password, new_web, served

pages = pytest.importorskip("muniment_insights.pages")

TEMPLATES = ("behaviour-analysis", "lifetime-value", "segmentation", "account-manager")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Forty customers with orders and feedback, and somebody who may not read amounts."""
    folder = tmp_path_factory.mktemp("insights") / "shop"
    draw = Random(3)
    with new_archive(folder, templates=TEMPLATES, plugins=("insights",), currency="CNY") as made:
        with made.session(actor="owner", purpose="CustomerManagement") as session:
            session.create("user", {"login": "tom", "roles": ["reader"], "state": "active"})
            for number in range(40):
                customer = session.create(
                    "customer", {"customer_number": f"S-{number}", "full_name": f"Person Nr {number}"}
                ).id
                for at in range(draw.randint(1, 3)):
                    session.create(
                        "order",
                        {
                            "order_number": f"O-{number}-{at}",
                            "customer": customer,
                            "ordered_at": f"2026-0{draw.randint(1, 9)}-11T10:00+08:00",
                            "order_state": "completed",
                            "total_amount": f"{draw.randint(10, 900)} CNY",
                        },
                    )
        for login in ("owner", "tom"):
            give_password(made, login)
        yield made


@pytest.fixture
def patient(monkeypatch):
    """However slow the machine is, the page waits for its figures."""
    monkeypatch.setattr(pages, "_SECONDS", 300)


def asking(archive, *, actor="owner", masked=True, **more):
    session = archive.session(actor=actor, purpose="CustomerManagement")
    # As the pages have theirs: masks come first.
    return Asking(Session(archive.engine, attrs.evolve(session.acting, masked=masked)), **more)


def texts(blocks):
    """All that a reader sees."""
    found = []
    for one in blocks:
        if isinstance(one, Text):
            found.append(one.text)
        elif isinstance(one, Html):
            found.append(one.markup)
        elif isinstance(one, Table):
            found += [str(cell) for row in [one.columns, *one.rows] for cell in row]
        elif isinstance(one, Facts):
            found += [part for row in one.rows for part in row]
    return "\n".join(found)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_names_its_parts_and_computes_none_unasked(shop, patient, lang):
    """Looking at the list of parts reads no order."""
    before = log_size(shop)
    shown = pages.show(asking(shop, lang=lang))
    (table,) = [one for one in shown if isinstance(one, Table)][:1]
    assert len(pages.PARTS) == len(table.rows)
    assert "record.aggregate" not in {one.kind for one in log_entries(shop, start=before)}


def test_a_part_is_a_logged_read_with_its_purpose(shop, patient):
    """The entry of the run is there first, with purpose and method; the page says both."""
    before = log_size(shop)
    shown = pages.show(asking(shop, query={"part": "behaviour"}))
    first = log_entries(shop, start=before)[0]
    assert ("record.aggregate", "CustomerManagement") == (first.kind, first.detail["purpose"])
    assert "insights" == first.detail["plugin"]["name"]
    assert "CustomerManagement" in texts(shown)


@pytest.mark.parametrize("part", ["behaviour", "segment_rfm"])
def test_a_chart_has_its_table_and_nobody_is_named(shop, patient, part):
    """Each picture is beside the same figures as text; no customer and no style or script is on the page."""
    shown = pages.show(asking(shop, query={"part": part}))
    markup = texts(shown)
    assert "Person Nr" not in markup
    for sign in ("<script", "style=", "onload", "<style"):
        assert sign not in markup
    assert any(isinstance(one, Table) and one.rows for one in shown)
    assert any(isinstance(one, Html) for one in shown)
    assert 'role="img"' in markup


def test_groups_of_few_are_withheld(shop, patient):
    """A period in which hardly anybody bought tells nothing of them."""
    shown = pages.show(
        asking(shop, query={"part": "behaviour"}, form={"since": "2026-09-11"}),
    )
    rows = next(one.rows for one in shown if isinstance(one, Table))
    assert all(row[1] == "—" or int(row[1]) >= 5 for row in rows)


def test_nothing_is_kept_unless_it_is_asked_for(shop, patient):
    """A look writes no computed record; the form does, once somebody says so."""

    def count():
        return len(shop.session(actor="owner").list("behaviour", limit=1_000).records)

    pages.show(asking(shop, query={"part": "behaviour"}))
    assert 0 == count()
    pages.show(asking(shop, query={"part": "behaviour"}, form={"keep": "yes"}))
    assert 40 == count()


def test_a_slow_run_goes_on_beside_and_is_for_its_reader_alone(shop, monkeypatch):
    """Whoever asks too early is told so; the result waits for them, is given once, and for nobody else."""
    from threading import Event

    gate, runs = Event(), []

    def compute(session, asked, name, lang):
        runs.append(session.actor)
        assert gate.wait(300)
        return [Text(f"for {session.actor}")]

    monkeypatch.setattr(pages, "_computed", compute)
    monkeypatch.setattr(pages, "_SECONDS", 0)
    first = pages.show(asking(shop, query={"part": "kpi"}))
    assert "for owner" not in texts(first)
    other = pages.show(asking(shop, actor="tom", query={"part": "kpi"}))
    assert "for owner" not in texts(other)
    gate.set()
    monkeypatch.setattr(pages, "_SECONDS", 300)
    assert "for owner" in texts(pages.show(asking(shop, query={"part": "kpi"})))
    assert "for tom" in texts(pages.show(asking(shop, actor="tom", query={"part": "kpi"})))
    assert ["owner", "tom"] == sorted(runs)


def test_a_wrong_day_is_told(shop, patient):
    """As a sentence on the page, and nothing fails."""
    web = Browser.of(new_web(shop, plugin_seconds=300)).sign_in("owner")
    shown = web.post("/p/insights/report?part=behaviour", {"since": "yesterday", "keep": ""})
    assert 200 == shown.status_code
    assert "insights.date" in shown.text


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_it_is_whole_in_a_browser(shop, patient, new_page, expect, whole, locale):
    """Under the pages' policy nothing complains, axe finds nothing, and the bars are there to be seen."""
    with served(new_web(shop, plugin_seconds=300)) as base:
        page = new_page(base, "owner", locale)
        page.goto(f"{base}/p/insights/report")
        expect(page.locator("table.grid tbody tr").first).to_be_visible()
        whole(page, "/p/insights/report")
        path = "/p/insights/report?part=behaviour"
        page.goto(f"{base}{path}")
        expect(page.locator("svg.chart rect.bar").first).to_be_visible()
        expect(page.locator("table.grid tbody tr")).to_have_count(3)
        whole(page, path)
