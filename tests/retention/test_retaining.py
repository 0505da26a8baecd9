"""Retention in an archive: the plan, its reasons, and what applying it does."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, ApprovalNeeded, UsageError
from muniment.model import id_bytes
from muniment.store import LogFilter
from muniment.testing import TickingClock, assert_logged, assert_no_plaintext, log_entries

DAY_US = 86_400_000_000

RULES = """
[[retention.rule]]
id = "ORDERS"
effect = "MIN"
minimum = "P2Y"
source = "house rule 1"
categories = ["order", "invoice"]
anchors = ["ordered_at"]
verified_by = "counsel"

[[retention.rule]]
id = "PEOPLE"
effect = "REC-MAX"
maximum = "P3Y"
source = "house rule 2"
categories = ["profile", "contact", "account_plan", "account"]
anchors = ["record.changed"]
verified_by = "counsel"
"""


@pytest.fixture
def clock():
    return TickingClock(now_us=1_500_000_000_000_000)  # 2017-07-14


@pytest.fixture
def archive_options(clock):
    return {"clock": clock, "templates": ["customer-info", "ecommerce"]}


@pytest.fixture
def configure(archive, session):
    def write(text):
        path = archive.folder / "muniment.toml"
        path.write_text(path.read_text() + "\n[retention]\n" + text)
        archive.apply_config(session, reason="rules")

    return write


@pytest.fixture
def orders(session, configure):
    """A customer with two orders of different years."""
    configure(RULES)
    customer = session.create("customer", {"full_name": "Annabella Schmidt", "phone": "030 1234567"}).id
    made = [
        session.create(
            "order", {"customer": customer, "order_number": f"SO-{year}-77", "ordered_at": f"{year}-09-15"}
        ).id
        for year in (2015, 2016)
    ]
    return customer, *made


def found(session, **options):
    return {(one.facet.record, one.facet.category) for one in session.retention.plan(**options)}


def test_the_plan_says_what_is_due_and_writes_it_down(archive, session, orders, clock):
    """Two years after the order, from the day after; with one line for each record that is named."""
    assert set() == found(session)
    clock.now_us += 200 * DAY_US  # 2018-01-30
    with assert_logged(archive, "retention.plan", entries=2) as logged:
        planned = found(session)
    assert {(orders[1], "order")} <= planned
    assert {orders[1]} == {record for record, _ in planned} == {one["id"] for one in logged[1].lines}
    assert not any(orders[2] == record for record, _ in planned)


def test_applying_does_what_was_planned(archive, session, orders, clock):
    """No more and no less, under the rule that the plan named; the history says so."""
    clock.now_us += 200 * DAY_US
    planned = found(session)
    with assert_logged(archive, "retention.apply", count=len(planned)):
        done = session.retention.apply(reason="quarterly")
    assert len(planned) == done.facets
    assert {"ORDERS": len(planned)} == done.rules
    assert set() == found(session)
    gone = {(step.category, step.rule) for step in session.history(orders[1]) if step.operation == "erase"}
    assert {(category, "ORDERS") for _, category in planned} == gone
    assert "SO-2016-77" == session.get(orders[2]).fields["order_number"]
    assert session.get(orders[0]).fields["full_name"] == "Annabella Schmidt"
    assert [] == list(session.check_data())
    archive.log.verify()
    assert_no_plaintext(archive.folder, ["SO-2015-77"])


def test_who_has_nothing_left_goes_too(archive, session, orders, clock):
    """With the reasons that were sealed under the person's key."""
    session.update(orders[0], {"phone": "030 999"}, reason="moved to Wonderland")
    clock.now_us += 1500 * DAY_US
    done = session.retention.apply(reason="closed")
    assert 1 == done.subjects
    assert [] == session.list("customer").records
    steps = session.history(orders[0])
    assert steps[-1].category == ""
    assert all(step.reason is None for step in steps)
    archive.log.verify()
    assert_no_plaintext(archive.folder, ["Annabella", "moved to Wonderland"])


def test_a_hold_between_plan_and_application_stops_it(archive, session, orders, clock, monkeypatch):
    """Placed after the plan was made and before the disposal begins: what is held stays, the rest goes."""
    from muniment.session.rights import retaining

    clock.now_us += 1500 * DAY_US
    before = retaining.erase

    def placed_first(*arguments, **options):
        monkeypatch.setattr(retaining, "erase", before)
        session.holds.place("late", records=[orders[2]])
        return before(*arguments, **options)

    monkeypatch.setattr(retaining, "erase", placed_first)
    with assert_logged(archive, "retention.refuse", entries=2, outcome="denied", code="hold.held"):
        done = session.retention.apply(reason="x")
    assert 2 == done.refused
    assert "SO-2016-77" == session.get(orders[2]).fields["order_number"]
    assert 0 == done.subjects
    archive.log.verify()


def test_what_changed_between_plan_and_application_stays(session, orders, clock, monkeypatch):
    """A record that somebody touched meanwhile is looked at once more."""
    from muniment.session.rights import retaining

    clock.now_us += 1200 * DAY_US
    before = retaining.erase

    def touched_first(*arguments, **options):
        monkeypatch.setattr(retaining, "erase", before)
        session.update(orders[0], {"city": "Bonn"})
        return before(*arguments, **options)

    monkeypatch.setattr(retaining, "erase", touched_first)
    done = session.retention.apply(reason="x")
    assert done.refused
    assert "Annabella Schmidt" == session.get(orders[0]).fields["full_name"]


def test_a_held_record_is_never_due(session, orders, clock):
    """The plan names the hold instead."""
    hold = session.holds.place("1", subjects=[orders[0]])
    clock.now_us += 1500 * DAY_US
    assert set() == found(session)
    held = list(session.retention.plan(states=["held"]))
    assert {hold.id} == {one.facet.held for one in held}
    assert 0 == session.retention.apply(reason="x").facets


def test_explaining_names_rule_source_and_days(archive, session, orders):
    """For every category, logged with the record."""
    with assert_logged(archive, "retention.explain", count=1):
        verdicts = session.retention.explain(orders[1])
    by_category = {one.facet.category: one for one in verdicts}
    order = by_category["order"]
    assert ("kept", "ORDERS", "2017-09-15") == (order.state, order.rule, str(order.keep_until))
    assert "2017-09-16" == str(order.due)
    assert "house rule 1" == order.findings[0].rule.source


def test_rules_that_nobody_verified_are_not_applied(session, orders, configure, archive, clock):
    """Unless somebody answers for them by name."""
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text().replace('verified_by = "counsel"\n', ""))
    archive.apply_config(session, reason="not verified")
    clock.now_us += 1500 * DAY_US
    assert found(session)
    with pytest.raises(UsageError) as caught:
        session.retention.apply(reason="x")
    assert "keep.unverified" == caught.value.code
    assert "ORDERS" in caught.value.parameters["names"]
    assert "SO-2015-77" == session.get(orders[1]).fields["order_number"]
    path.write_text(path.read_text().replace("\n[retention]\n", '\n[retention]\naccepted_by = "Dr. Weber"\n'))
    archive.apply_config(session, reason="accepted")
    assert session.retention.apply(reason="x").facets
    (entry,) = [one for one in log_entries(archive) if one.kind == "retention.apply"]
    assert entry.detail["target"]["accepted"] is True


def test_what_waits_for_a_person_stays_until_they_decide(session, configure, clock):
    """``at_end = review``: named records go, others wait."""
    configure(RULES.replace('id = "ORDERS"', 'id = "ORDERS"\nat_end = "review"'))
    customer = session.create("customer", {"full_name": "Somebody"}).id
    ids = [
        session.create(
            "order", {"customer": customer, "order_number": f"SO-{n}", "ordered_at": "2015-01-15"}
        ).id
        for n in range(2)
    ]
    done = session.retention.apply(types=["order"], reason="x")
    assert 0 == done.facets
    assert done.waiting
    done = session.retention.apply(types=["order"], reviewed=[ids[0]], reason="looked at it")
    assert done.facets
    assert ids[0] not in {one.facet.record for one in session.retention.plan()}
    assert ids[1] in {one.facet.record for one in session.retention.plan()}


def test_a_request_meets_a_duty(archive, session, orders, clock):
    """What a law keeps stays and is named; all else of the person goes at once, the rest when it may."""
    clock.now_us += 100 * DAY_US
    with assert_logged(archive, "erasure.refuse", entries=2, outcome="denied", code="keep.duty"):
        done = session.erase(orders[0], reason="asked for it")
    kept = {(one.target.id, one.error.code) for one in done.refused}
    assert {(id_bytes(orders[2]), "keep.duty")} == kept
    with pytest.raises(AccessDenied) as caught:
        session.get(orders[2])
    assert "access.storage_only" == caught.value.code
    with archive.session(actor="owner", purpose="RightsFulfillment") as officer:
        assert "SO-2016-77" == officer.get(orders[2]).fields["order_number"]
        assert {} == officer.get(orders[0]).fields
    archive.log.verify()
    assert_no_plaintext(archive.folder, ["Annabella Schmidt", "SO-2015-77"])
    with pytest.raises(AccessDenied) as caught:
        session.erasures.record(orders[2], category="order", reason="again")
    assert ("keep.duty", "ORDERS") == (caught.value.code, caught.value.parameters["rule"])


def test_an_unknown_day_is_never_due(session, configure, clock):
    """However old the record is."""
    configure(RULES.replace('anchors = ["ordered_at"]', 'anchors = ["shipped_at", "subject.died"]'))
    customer = session.create("customer", {"full_name": "Somebody"}).id
    order = session.create(
        "order", {"customer": customer, "order_number": "1", "ordered_at": "2001-01-15"}
    ).id
    clock.now_us += 20_000 * DAY_US
    assert order not in {one.facet.record for one in session.retention.plan()}
    assert "unknown" in {one.state for one in session.retention.explain(order)}


def test_approval_may_be_asked_for(session, archive, orders, clock):
    """Nothing goes before a second person agreed."""
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text() + '\n[[approvals.rule]]\nname = "erasing"\noperations = ["erase"]\n')
    archive.apply_config(session, reason="four eyes")
    clock.now_us += 1500 * DAY_US
    with pytest.raises(ApprovalNeeded):
        session.retention.apply(reason="x")
    assert "SO-2015-77" == session.get(orders[1]).fields["order_number"]


def test_reports_count_without_naming_anybody(archive, session, orders, clock):
    """By type, category, state and rule."""
    clock.now_us += 200 * DAY_US
    with assert_logged(archive, "retention.report"):
        report = session.retention.report()
    rows = {(one["type"], one["category"], one["state"]): one["count"] for one in report["facets"]}
    assert 1 == rows["order", "order", "due"] == rows["order", "order", "kept"]
    assert [] == report["unverified"]


def test_retention_is_the_business_of_few(session, archive, orders):
    """A reader neither plans nor applies; an auditor plans."""
    for login, role in (("rea", "reader"), ("aud", "auditor")):
        session.create("user", {"login": login, "roles": [role], "state": "active"})
    with archive.session(actor="rea", purpose="ServiceProvision") as mine:
        for call in (
            lambda: list(mine.retention.plan()),
            lambda: mine.retention.explain(orders[1]),
            lambda: mine.retention.report(),
            lambda: mine.retention.renew(),
            lambda: mine.retention.planned(),
            lambda: mine.retention.apply(reason="x"),
        ):
            with pytest.raises(AccessDenied):
                call()
    with archive.session(actor="aud", purpose="ServiceProvision") as mine:
        assert list(mine.retention.plan(states=["kept"]))
        with pytest.raises(AccessDenied):
            mine.retention.apply(reason="x")
    assert session.entries(LogFilter(kinds=("access.deny",)))


def test_a_renewed_plan_is_found_in_the_log_and_its_records_are_looked_at_anew(
    archive, session, orders, clock, monkeypatch
):
    """Whoever asks later opens the named records alone, and is told of when it is and what came since."""
    from muniment.session.rights import retaining

    clock.now_us += 200 * DAY_US
    assert session.retention.planned() is None
    counts = session.retention.renew()
    looked = []

    class Counting(retaining.Facts):
        def verdicts(self, records):
            looked.extend(records)
            return super().verdicts(records)

    monkeypatch.setattr(retaining, "Facts", Counting)
    with assert_logged(archive, "retention.plan", entries=2) as logged:
        planned = session.retention.planned()
    assert [id_bytes(orders[1])] == looked
    assert {orders[1]} == {one["id"] for one in logged[1].lines}
    assert {orders[1]} == {one.facet.record for one in planned.verdicts}
    assert counts["due"] == sum(count for *_, state, _, count in planned.facets if state == "due")
    assert (0, False) == (planned.changes, planned.more)
    session.update(orders[2], {"ordered_at": "2016-09-16"})
    again = session.retention.planned()
    assert (planned.time_us, 1) == (again.time_us, again.changes)
    assert (0, True) == (len(session.retention.planned(limit=0).verdicts), again.verdicts != [])


def test_who_went_or_is_held_since_is_not_in_a_list_of_the_plan(archive, session, orders, clock):
    """What the log names is held against how everything stands; a new plan says the rest."""
    clock.now_us += 900 * DAY_US
    session.retention.renew()
    due = {one.facet.record for one in session.retention.planned().verdicts}
    assert {orders[1], orders[2]} == due & set(orders)
    session.holds.place("case 7", records=[orders[2]])
    session.erasures.record(orders[1], reason="asked")
    assert set() == {one.facet.record for one in session.retention.planned().verdicts} & {*orders[1:]}
    assert [] == session.retention.planned("blocked").verdicts
    session.retention.renew()
    assert {orders[2]} == {one.facet.record for one in session.retention.planned("blocked").verdicts}
    archive.log.verify()


def test_a_report_on_a_regime_takes_the_plan_of_the_last_day(session, orders, clock, monkeypatch):
    """What it names is looked at anew and counted; a plan that is older is made again."""
    from muniment.session.rights.retaining import Retaining

    def found():
        report = session.regimes.report("gdpr", verified=False)
        said = [each["text"]["en"] for one in report["clauses"] for each in one["findings"]]
        return next((one for one in said if "are due and still there" in one), "")

    clock.now_us += 900 * DAY_US
    due = session.retention.renew()["due"]
    assert due
    planned = []
    plan = Retaining.plan
    monkeypatch.setattr(Retaining, "plan", lambda self, **more: planned.append(1) or plan(self, **more))
    clock.now_us += 5 * DAY_US // 24
    assert f"{due} facets are due and still there, by a plan made 5 hours ago." == found()
    held = [one for one in session.retention.planned().verdicts if one.facet.record == orders[2]]
    session.holds.place("case 7", records=[orders[2]])
    assert held
    assert f"{due - len(held)} facets are due and still there, by a plan made 5 hours ago." == found()
    assert [] == planned
    clock.now_us += DAY_US
    assert found().endswith("made 0 hours ago.")
    assert [1] == planned


def test_a_plan_of_some_records_looks_at_those_alone(session, orders, clock):
    """As those who choose on a page have it, with and without a type."""
    clock.now_us += 900 * DAY_US
    assert {orders[1]} == {record for record, _ in found(session, only=[orders[1]])}
    assert set() == found(session, only=[orders[1]], types=["customer"])
    done = session.retention.apply(reason="chosen", only=[orders[1]])
    assert {"ORDERS"} == set(done.rules)
    assert {orders[2]} == {record for record, _ in found(session, only=list(orders[1:]))}
