"""The made-up company: whoever looks at it, on whatever page, finds something there."""

from __future__ import annotations

import json
from datetime import date

import pytest
from click.testing import CliRunner

from muniment.archive import open as open_archive
from muniment.cli.app import app
from muniment.cli.demo_company import LOGINS
from muniment.demo.company import ORDER, TEMPLATES, company
from muniment.keys import KeyFile
from muniment.schema import Condition
from muniment.schema.template import load_template, template_names
from muniment.session.writing.deriving import outdated

pytestmark = pytest.mark.slow

SIZE = 50
COMPUTED = {"behaviour", "lifetime_value", "membership", "churn_risk"}
"""Types that the plugin insights fills; the risk of churn, where there are more customers."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What making it printed, step by step, and where it lies."""
    folder = tmp_path_factory.mktemp("demo") / "company"
    environ = {"MUNIMENT_ARCHIVE": "", "MUNIMENT_KEY": "", "LANG": "C.UTF-8"}
    words = ["demo", str(folder), "--size", str(SIZE), "--json"]
    result = CliRunner().invoke(app, words, env=environ)
    assert 0 == result.exit_code, (result.stdout, result.stderr)
    return json.loads(result.stdout)["demo"], folder


@pytest.fixture(scope="module")
def archive(told):
    _, folder = told
    with open_archive(folder / "customers", root=KeyFile(folder / "customers.key")) as opened:
        yield opened


@pytest.fixture(scope="module")
def people(archive):
    """Gives a session of one of its users."""
    return lambda login: archive.session(actor=login, purpose="CustomerManagement")


def has_insights():
    from muniment.cli.offered import offered_names

    return bool(offered_names("insights"))


def test_it_is_made_by_commands_that_all_succeed(told):
    """Every table is imported without a refused row, and seven people work with it."""
    document, _ = told
    done = [one for step in document["steps"] for one in step["commands"]]
    assert {0} == {one["exit"] for one in done}
    words = [one["command"] for one in done]
    assert list(ORDER) == [one[2] for one in words if one[:2] == ["import", "file"]]
    assert list(LOGINS) == [one[2] for one in words if one[:2] == ["user", "add"]]


def test_the_company_is_the_same_for_the_same_seed():
    """And another one for another; it has every table at any size."""
    day = date(2026, 3, 1)
    assert company(30, today=day, seed=4) == company(30, today=day, seed=4)
    assert company(30, today=day, seed=4) != company(30, today=day, seed=5)
    for size in (10, 200):
        assert set(ORDER) == set(company(size, today=day))
    large = company(2_000, today=day)["customer"]
    assert 2_000 == len({row["customer_number"] for row in large})
    phones = [row["phone"] for row in large if row["phone"]]
    assert len(phones) == len(set(phones))


def test_all_templates_and_all_their_tables_have_something(archive, people):
    """No table of the eleven is empty."""
    assert set(template_names()) == set(TEMPLATES)
    owner = people("owner")
    empty = {one.key for one in owner.types() if not owner.list(one.key, limit=1).records}
    known = {one.key for name in TEMPLATES for one in load_template(name).types}
    assert set() == empty & known - (set() if has_insights() else COMPUTED)


def test_every_view_shows_something_to_whoever_it_is_for(archive, people):
    """What is overdue, open, unpaid, ending, to be shipped: somebody of each role sees some of it now."""
    seen, empty = set(), {}
    for login in LOGINS:
        session = people(login)
        for one in session.views.list() if session.may("record.list") else ():
            name = (one.view.type, one.view.key)
            if session.listed(session.views.asked(one.view.type, one.view, limit=1)).records:
                seen.add(name)
            else:
                empty.setdefault(name, []).append(login)
    assert len(seen) > 35
    assert {} == {name: who for name, who in empty.items() if name not in seen and name[0] not in COMPUTED}


def test_every_dashboard_shows_something_to_whoever_it_is_for(archive):
    """No tile is empty: it has a number, a chart with a bar, or a list; few are withheld as too small."""
    empty, shown = [], 0
    for login in LOGINS:
        session = archive.session(actor=login, purpose="CustomerManagement")
        for saved in session.dashboards.list() if session.may("record.list") else ():
            made = session.dashboards.show(saved.dashboard.key)
            for tile in saved.dashboard.tiles:
                # What is expected of customers takes more of them than this.
                if tile.field == "expected_value" or (tile.type in COMPUTED and not has_insights()):
                    continue
                figure, listed = made.figures.get(tile.key), made.lists.get(tile.key)
                shown += 1
                if (
                    figure is not None
                    and not figure.groups
                    and figure.value is None
                    and not figure.suppressed
                ):
                    empty.append((login, saved.dashboard.key, tile.key))
                if listed is not None and not listed:
                    empty.append((login, saved.dashboard.key, tile.key))
    assert [] == empty
    assert shown > 60


def test_whoever_looks_after_a_customer_follows_up(people):
    """Each follow-up is assigned to the customer's account manager."""
    owner = people("owner")
    managers = {
        one.id: one.fields.get("account_owner")
        for one in owner.list("customer", fields=["account_owner"], limit=1_000).records
    }
    found = owner.list("follow_up", fields=["customer", "assigned_to"], limit=1_000).records
    assert [] == [one for one in found if managers[one.fields["customer"]] != one.fields["assigned_to"]]
    for login in ("li.na", "tom.weber"):
        assert people(login).follow_ups.list(owner="me", overdue=True)


def test_its_dates_are_true(archive, people):
    """Last contact and next follow-up follow from what was imported, and nobody waits for a tick."""
    with archive.engine.store.transaction(write=False) as tx:
        assert [] == outdated(archive.engine, tx)
    asked = [Condition("next_follow_up_on", "!=", ""), Condition("last_contact_at", "!=", "")]
    from muniment.session.reading import lists

    for one in asked:
        assert people("owner").listed(lists.Asked("customer", filters=(one,))).records


def test_it_has_lived(archive, people):
    """Consents given and withdrawn under two laws, requests, a hold, something due, letters and answers."""
    owner = people("owner")
    found = [
        consent
        for one in owner.list("customer", fields=["customer_number"], limit=40).records
        for consent in owner.consents.of(one.id)
    ]
    assert {"CN", "EU"} <= {str(one.values.get("jurisdiction")) for one in found}
    assert {"given", "withdrawn"} <= {str(one.values["state"]) for one in found}
    assert {"DirectMarketing", "Personalisation"} == {one.purpose for one in found}
    assert {"access", "erasure"} == {str(one.values["right"]) for one in owner.requests.listed()}
    assert ["File 12"] == [str(one.matter) for one in owner.holds.list()]
    assert any(one.state == "due" for one in owner.retention.plan())
    assert {"offer", "satisfaction"} == {one.name for one, _ in owner.mail.list()}
    surveyed = owner.list("feedback", where={"survey_name": "satisfaction"}).records
    assert 5 == len(surveyed)


def test_it_says_plainly_where_the_plugin_is_missing(tmp_path, monkeypatch):
    """Without insights the tables it fills stay empty, and the demonstration says so and ends well."""
    from muniment.cli import offered

    monkeypatch.setattr(offered, "offered_names", lambda plugin: [])
    environ = {"MUNIMENT_ARCHIVE": "", "MUNIMENT_KEY": "", "LANG": "C.UTF-8"}
    words = ["demo", str(tmp_path / "company"), "--size", "10", "--lang", "zh"]
    result = CliRunner().invoke(app, words, env=environ)
    assert 0 == result.exit_code, (result.stdout, result.stderr)
    assert "未安装 insights 插件" in result.stdout
    assert "insights report" not in result.stdout
