"""Dashboards: what is counted, for whom, and what nobody is told."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.charts import Mark, bars, line, shown_number
from muniment.errors import AccessDenied, ConfigError, NotFound, UsageError
from muniment.schema import Label, load_template, parse_condition, parse_template, template_names
from muniment.schema.dashboards import (
    PERIODS,
    Dashboard,
    Tile,
    dashboard_document,
    dashboard_from_document,
    read_dashboards,
)
from muniment.session.tables.figures import period_of, periods_of
from muniment.testing import assert_logged, log_entries, log_size

STAGES = ("lead", "lead", "lead", "proposal", "won", "won", "lost")


def conditions(*texts):
    return tuple(parse_condition(text, where="test") for text in texts)


def tile(key="t", type="customer", **more):
    """A tile of customers."""
    for name in ("filters", "of"):
        if name in more:
            more[name] = conditions(*more[name])
    return Tile(key=key, type=type, label=Label(key, key), **more)


def shown(session, *tiles, key="test"):
    """The figures of a dashboard of these tiles, saved for everyone to see by whom they are asked."""
    session.dashboards.save(Dashboard(key=key, tiles=tiles))
    return session.dashboards.show(key).figures


def values(figure):
    """What each group came to, by key."""
    return {group.key: group.value for group in figure.groups}


@pytest.fixture
def company(session, people, user):
    """Customers of two managers with deals, orders in two currencies, and feedback."""
    made = []
    for place, stage in enumerate(STAGES):
        login = "li.na" if place < 5 else "tom"
        customer = session.create(
            "customer",
            {
                "full_name": f"Customer {place}",
                "customer_number": f"C-{place}",
                "status": "active" if place % 2 else "lost",
                "account_owner": user(login),
                "customer_since": f"2025-0{place % 3 + 1}-01",
                "city": "上海" if place else None,
            },
        ).id
        made.append(customer)
        session.create(
            "opportunity",
            {"customer": customer, "title": "Tea", "stage": stage, "expected_amount": f"{place}00.10 CNY"},
        )
        session.create(
            "order",
            {
                "customer": customer,
                "order_number": f"O-{place}",
                "ordered_at": "2026-01-31 23:30" if place else "2026-02-01 00:30",
                "total_amount": "10.10 CNY" if place else "99 EUR",
            },
        )
    return made


def test_every_template_brings_a_dashboard_in_both_languages():
    """With figures for whoever uses it, and its document gives it back."""
    for name in template_names():
        template = load_template(name)
        assert template.dashboards, name
        for dashboard in template.dashboards:
            assert dashboard.label.en != dashboard.label.zh
            assert len(dashboard.tiles) >= 5
            document = dashboard_document(dashboard)
            again = dashboard_from_document(document, key=dashboard.key, roles=dashboard.roles)
            assert dashboard == again


def test_figures_are_those_of_the_records(session, company):
    """Counts, shares, sums and averages equal those of a plain calculation."""
    figures = shown(
        session,
        tile("all"),
        tile("states", by="status"),
        tile("cities", by="city"),
        tile("win", "opportunity", measure="share", filters=["stage=won|lost"], of=["stage=won"]),
        tile("stages", "opportunity", by="stage", filters=["stage!=lost"]),
        tile("sum", "opportunity", measure="sum", field="expected_amount"),
        tile("average", "order", measure="average", field="total_amount"),
    )
    assert 7 == figures["all"].value
    states = {"potential": 0, "following": 0, "active": 3, "dormant": 0, "lost": 4}
    assert states == values(figures["states"])
    assert {"上海": 6, "": 1} == values(figures["cities"])
    assert (Decimal("66.7"), "%", 3) == (figures["win"].value, figures["win"].unit, figures["win"].count)
    expected = {key: count for key, count in Counter(STAGES).items() if key != "lost"}
    assert expected == {key: value for key, value in values(figures["stages"]).items() if value}
    assert "lost" not in values(figures["stages"])
    assert (Decimal("2100.70"), "CNY") == (figures["sum"].value, figures["sum"].unit)
    assert (Decimal("10.10"), 1) == (figures["average"].value, figures["average"].other_currencies)


def test_months_are_those_of_the_archive(session, company):
    """Half past midnight in Shanghai is the next month, whatever it is in Greenwich."""
    figure = shown(session, tile("m", "order", by="ordered_at", period="month", last=60))["m"]
    assert (6, 1) == (values(figure)["2026-01"], values(figure)["2026-02"])


def test_nobody_is_counted_who_is_closed_to_the_purpose(session, people, company):
    """A restricted person is in no figure, be it of what stands in clear or of what has to be opened."""
    session.restrictions.place(company[0], state="restricted", basis="GDPR 18(1)(a)", reason="test")
    tiles = (tile("clear", by="status"), tile("sealed", by="city"), tile("deals", "opportunity", by="stage"))
    figures = shown(session, *tiles)
    assert [6, 6, 6] == [sum(values(figures[one.key]).values()) for one in tiles]
    assert {"上海": 6} == values(figures["sealed"])
    assert 3 == values(figures["clear"])["lost"]
    answering = people("owner", purpose="RightsFulfillment").dashboards.show("test").figures
    assert [7, 7, 7] == [sum(values(answering[one.key]).values()) for one in tiles]


def test_everyone_is_counted_their_own(people, company):
    """Whose customers somebody has decides what they are told, on every kind of figure."""
    tiles = (
        tile("all"),
        tile("states", by="status"),
        tile("deals", "opportunity", by="stage"),
        tile("list", measure="list", columns=("customer_number",), sort="customer_number"),
    )
    for login, expected in (("li.na", 5), ("tom", 2), ("chen", 7)):
        session = people(login)
        session.dashboards.save(Dashboard(key="own", tiles=tiles))
        found = session.dashboards.show("own")
        assert expected == found.figures["all"].value
        assert expected == sum(values(found.figures["states"]).values())
        assert expected == sum(values(found.figures["deals"]).values())
        assert expected == len(found.lists["list"])


def test_a_list_is_sorted_by_several_fields(people, company):
    """Each its own way, as views are; the order comes through a file and a document as it was said."""
    session = people("chen")
    ways = {
        "status,-customer_number": ["C-5", "C-3", "C-1", "C-6", "C-4", "C-2", "C-0"],
        "-status,customer_number": ["C-0", "C-2", "C-4", "C-6", "C-1", "C-3", "C-5"],
    }
    for sort, expected in ways.items():
        for descending in (False, True):
            made = Dashboard(
                key="own",
                tiles=(
                    tile("t", measure="list", columns=("customer_number",), sort=sort, descending=descending),
                ),
            )
            assert made.tiles[0].needed == {"status", "customer_number"}
            again = dashboard_from_document(dashboard_document(made), key="own")
            assert sort == again.tiles[0].sort
            session.dashboards.save(again)
            found = [one.fields["customer_number"] for one in session.dashboards.show("own").lists["t"]]
            assert (expected[::-1] if descending else expected) == found


def test_what_may_not_be_read_is_not_counted(people, company):
    """An amount that is masked for a role is no figure for it: the tile is not there, and cannot be saved."""
    amounts = tile("amounts", "opportunity", measure="sum", field="expected_amount", by="stage", least=1)
    manager, supervisor = people("li.na"), people("chen")
    assert Decimal("300.30") == sum(
        value for key, value in values(shown(supervisor, amounts)["amounts"]).items() if key == "lead"
    )
    with pytest.raises(AccessDenied):
        shown(manager, amounts)
    team = supervisor.dashboards.get("team").dashboard
    assert "pipeline-amount" in {one.key for one in team.tiles}
    # The same dashboard for everyone leaves it out for those who may not read it.
    supervisor_only = Dashboard(key="shared", tiles=(amounts, tile("all", "opportunity")))
    with people("owner") as owner:
        owner.dashboards.save(supervisor_only, audience="everyone")
    assert ["all"] == [one.key for one in manager.dashboards.get("shared").dashboard.tiles]
    with pytest.raises(NotFound) as missing:
        manager.dashboards.get("team")
    assert "dashboard.unknown" == missing.value.code


def test_small_groups_of_what_is_personal_are_left_out(session, archive):
    """Nor can one be had by subtraction; what is internal is shown as it is."""
    for place in range(20):
        session.create(
            "customer",
            {
                "full_name": f"X{place}",
                "gender": "female" if place < 12 else "male" if place < 18 else "other",
                "city": "Bonn" if place == 0 else "Ulm",
            },
        )
    figures = shown(session, tile("genders", by="gender"), tile("cities", by="city"))
    found = {group.key: group for group in figures["genders"].groups}
    assert (12, False) == (found["female"].count, found["female"].suppressed)
    for key in ("other", "male"):
        assert (None, None, True) == (found[key].count, found[key].value, found[key].suppressed)
    assert {"Bonn": 1, "Ulm": 19} == values(figures["cities"])
    few = shown(session, tile("few", filters=["city=Bonn"], by="gender"), key="few")["few"]
    assert (None, None, True) == (few.count, few.value, few.suppressed)
    assert all(group.count is None for group in few.groups if group.suppressed)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 12), min_size=1))
def test_no_hidden_group_can_be_worked_out(sizes):
    """What is hidden is never one group alone, and never fewer people together than the threshold."""
    from muniment.session.tables.figures import Tally, _Cell

    tally = object.__new__(Tally)
    tally.tile, tally._least = tile(by="gender"), 5
    cells, at = {}, 0
    for key, size in sizes.items():
        people = {(at + place).to_bytes(4, "big") for place in range(size)}
        at += size
        cells[key] = _Cell(count=size, people=people)
    total = _Cell()
    for cell in cells.values():
        total.join(cell)
    hidden = tally._too_small(cells, total)
    assert {key for key, size in sizes.items() if size < 5} <= hidden
    if hidden and hidden != set(sizes):
        assert len(hidden) >= 2
        assert sum(sizes[key] for key in hidden) >= 5


def test_clear_and_opened_figures_agree(session, archive, company):
    """The current-state table answers what opening every record answers."""
    tiles = (
        tile("all", filters=["customer_since>=2025-02-01"]),
        tile("states", by="status"),
        tile("owners", by="account_owner", filters=["status=active|lost"]),
        tile("months", by="customer_since", period="month", last=60),
        tile("score", "order", by="order_state"),
    )
    quick = shown(session, *tiles)

    class Gate:
        def refusals(self, tx, touch, asked):
            return {}

    archive.engine.gates = (Gate(),)
    slow = session.dashboards.show("test").figures
    assert quick == slow


def test_a_closed_person_is_not_counted(session, archive, company):
    """What a gate closes is in no figure."""
    closed = session.get(company[0], fields=["city"]).subject
    from muniment.model import id_bytes

    class Gate:
        def refusals(self, tx, touch, asked):
            return {one: "access.restricted" for one in asked if one.subject == id_bytes(closed)}

    archive.engine.gates = (Gate(),)
    figures = shown(session, tile("all"), tile("orders", "order"))
    assert (6, 6) == (figures["all"].value, figures["orders"].value)


def test_deleted_and_erased_are_not_counted(session, company):
    """Neither what was taken out of the lists nor what is gone."""
    session.delete(company[0], reason="x")
    session.erase(session.get(company[1], fields=["city"]).subject, reason="asked")
    figures = shown(session, tile("all"), tile("sum", "opportunity", measure="sum", field="expected_amount"))
    assert 5 == figures["all"].value
    assert Decimal("2000.60") == figures["sum"].value


def test_a_dashboard_is_one_act_of_the_log(session, archive, company):
    """An entry for each type and list, with fields and purpose, never a value or a name that was typed."""
    session.dashboards.save(
        Dashboard(
            key="geheim",
            tiles=(
                tile("all", by="city"),
                tile("deals", "opportunity", by="stage"),
                tile("list", measure="list", columns=("city",)),
            ),
        )
    )
    before = log_size(archive)
    with assert_logged(archive, "record.aggregate", entries=2, count=7):
        session.dashboards.show("geheim")
    entries = log_entries(archive, start=before)
    assert {"record.aggregate": 2, "record.list": 1} == Counter(entry.kind for entry in entries)
    assert 1 == len({entry.detail["op"] for entry in entries})
    told = str([entry.detail for entry in entries])
    assert "geheim" not in told
    assert "上海" not in told
    first = next(entry for entry in entries if entry.kind == "record.aggregate")
    assert "CustomerManagement" == first.detail["purpose"]
    assert [{"internal": {"clear": ["city"]}}] == first.detail["sets"]


def test_whose_rights_end_is_told_nothing(session, archive, people, company):
    """A role that was taken away meanwhile refuses the figures too."""
    from muniment.model import id_bytes
    from muniment.session import Change

    mine = people("li.na")
    mine.dashboards.save(Dashboard(key="own", tiles=(tile("all"),)))
    record = archive.engine.definitions.users["li.na"].record
    assert id_bytes(mine.acting.actor.record) == record
    session.write([Change("update", record=record, values={"roles": ["auditor"]})])
    with pytest.raises(AccessDenied):
        mine.dashboards.show("own")


def test_whose_dashboard_a_name_means(session, people, company):
    """One's own before a role's before everyone's; and nobody has somebody else's."""
    for audience, roles, key in (("everyone", (), "a"), ("role", ("account_manager",), "b")):
        session.dashboards.save(Dashboard(key="same", tiles=(tile(key),)), audience=audience, roles=roles)
    mine = people("li.na")
    assert ["b"] == [one.key for one in mine.dashboards.get("same").dashboard.tiles]
    mine.dashboards.save(Dashboard(key="same", tiles=(tile("c"),)))
    assert ["c"] == [one.key for one in mine.dashboards.get("same").dashboard.tiles]
    assert ["a"] == [one.key for one in people("zhao").dashboards.get("same").dashboard.tiles]
    mine.dashboards.remove("same")
    assert ["b"] == [one.key for one in mine.dashboards.get("same").dashboard.tiles]
    with pytest.raises(AccessDenied):
        mine.dashboards.save(Dashboard(key="x", tiles=(tile("c"),)), audience="everyone")
    with pytest.raises(UsageError):
        session.dashboards.save(Dashboard(key="x", tiles=(tile("c"),)), audience="role")


def test_a_template_that_is_applied_again_leaves_changes_alone(archive, session):
    """What somebody removed or changed stays so; what nobody touched is renewed."""
    mine = session.dashboards
    mine.remove("money")
    team = mine.get("team").dashboard
    mine.save(Dashboard(key="team", tiles=team.tiles[:1]), audience="role", roles=team.roles)
    archive.apply_templates(session, [load_template("account-manager")], reason="again")
    assert ["my-customers", "service", "team"] == [one.dashboard.key for one in mine.list()]
    assert 1 == len(mine.get("team").dashboard.tiles)


WRONG = {
    'type = "nothing"': "schema.unknown",
    'measure = "most"': "schema.unknown",
    'measure = "sum"': "dashboard.field",
    'measure = "sum"\nfield = "city"': "dashboard.no_number",
    'measure = "share"': "dashboard.of",
    'measure = "list"': "dashboard.columns",
    'by = "customer_since"': "dashboard.period",
    'by = "status"\nperiod = "month"': "dashboard.period",
    'by = "customer_since"\nperiod = "never"': "schema.unknown",
    'by = "notes"': "dashboard.by",
    'by = "nothing"': "schema.unknown",
    'filters = ["full_name=Anna"]': "view.sealed",
    'measure = "list"\ncolumns = ["city"]\nsort = "city,-full_name"': "view.sealed",
    'measure = "list"\ncolumns = ["city"]\nsort = "city,-nothing"': "schema.unknown",
    'measure = "list"\ncolumns = ["city"]\nsort = "'
    + ",".join(("city", "status", "customer_number", "customer_since", "country", "preferred_language"))
    + '"': "view.orders",
    'filters = ["status=nothing"]': "schema.unknown",
    "last = 1000": "dashboard.groups",
    "xyzzy = 1": "schema.unknown",
    "last = true": "schema.value",
}


@pytest.mark.parametrize(("text", "code"), WRONG.items())
def test_what_cannot_be_shown_is_refused_with_its_place(text, code):
    """When the template is read, not when somebody looks."""
    kind = "" if text.startswith("type") else 'type = "customer"\n'
    source = (
        'format = 1\nkey = "x"\nlabel = { en = "X", zh = "甲" }\n[[type]]\nuse = "customer"\n'
        '[[dashboard]]\nkey = "d"\nlabel = { en = "D", zh = "丁" }\n'
        '[[dashboard.tile]]\nkey = "t"\nlabel = { en = "T", zh = "图" }\n'
    )
    with pytest.raises(ConfigError) as caught:
        parse_template(f"{source}{kind}{text}\n", where="x.toml")
    assert code == caught.value.code


def test_a_file_of_dashboards_is_read():
    """As `dashboard save` takes it."""
    text = (
        'format = 1\n[[dashboard]]\nkey = "d"\nlabel = { en = "D", zh = "丁" }\n'
        '[[dashboard.tile]]\nkey = "t"\nlabel = { en = "T", zh = "图" }\ntype = "customer"\n'
    )
    assert ["d"] == [one.key for one in read_dashboards(text, where="x")]
    with pytest.raises(ConfigError):
        read_dashboards('format = 1\nkey = "d"\n', where="x")


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.sampled_from(PERIODS), st.integers(1, 40))
def test_periods_follow_one_another(day, period, count):
    """As many as asked, each once, in order, up to the day's own or from it on."""
    back = periods_of(day, period, last=count)
    ahead = periods_of(day, period, last=1, next=count)
    assert count == len(set(back)) == len(set(ahead))
    assert period_of(day, period) == back[-1] == ahead[0]
    assert back == sorted(back)
    assert ahead == sorted(ahead)
    if period == "day":
        assert [(day - timedelta(days=one)).isoformat() for one in range(count)][::-1] == back


@given(st.lists(st.tuples(st.text(max_size=30), st.none() | st.decimals(0, 10**9, places=2)), max_size=20))
def test_charts_are_well_formed_and_say_what_they_show(marks):
    """Whatever the labels hold: XML, a title, a description with every figure, no script and no style."""
    from xml.etree import ElementTree

    some = [
        Mark(
            "".join(sign for sign in label if sign.isprintable()), value, "-" if value is None else str(value)
        )
        for label, value in marks
    ]
    for draw in (bars, line):
        text = draw("c1", "A < B & C", some)
        root = ElementTree.fromstring(text)
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert names <= {"svg", "title", "desc", "text", "rect", "line", "circle"}
        assert "img" == root.get("role")
        assert "c1-t c1-d" == root.get("aria-labelledby")
        assert all("style" not in element.attrib for element in root.iter())
        described = root.find("{http://www.w3.org/2000/svg}desc")
        assert all(mark.text in (described.text or "") for mark in some)


def test_numbers_are_written_alike_in_both_languages():
    """Digits in threes, no more decimals than there are."""
    assert ["1,204", "1,204.5 CNY", "66.7%", "0", "1,000,000 EUR"] == [
        shown_number(Decimal("1204")),
        shown_number(Decimal("1204.50"), "CNY"),
        shown_number(Decimal("66.7"), "%"),
        shown_number(Decimal("0.00")),
        shown_number(Decimal("1E+6"), "EUR"),
    ]
