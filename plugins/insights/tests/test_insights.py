"""Runs: logged before they read, masked, withheld where few, and never over what a person entered."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

import attrs
import jsonschema
import pytest
from click.testing import CliRunner

from muniment.cli.app import app
from muniment.errors import AccessDenied, ConfigError, Conflict, UsageError
from muniment.model import Money
from muniment.session.tables.computing import Row
from muniment.testing import assert_conforms, assert_no_plaintext, log_entries
from muniment_insights import DATA
from muniment_insights.behaviour import compute_behaviour
from muniment_insights.churn import compute_churn
from muniment_insights.kpi import compute_kpis, wilson
from muniment_insights.lifetime import compute_lifetime
from muniment_insights.making import make_report
from muniment_insights.needs import compute_needs, decide, said_in
from muniment_insights.runs import Asked, shown
from muniment_insights.segments import compute_segments

ASKED = Asked(as_of=date(2025, 12, 31))
DRY = attrs.evolve(ASKED, keep=False)


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin() -> None:
    """Its tables round-trip through seal, export and import; every label is in both languages."""
    assert_conforms("insights")


def test_every_text_has_both_languages_and_the_same_parameters() -> None:
    """A parameter that one language leaves out would be lost to its readers."""
    import re

    for code, texts in DATA.info().messages.items():
        for one in ("", "hint_"):
            found = [set(re.findall(r"{(\w+)}", texts.get(f"{one}{lang}", ""))) for lang in ("en", "zh")]
            assert found[0] == found[1], code
        assert not any("\u4e00" <= sign <= "\u9fff" for sign in texts["en"]), code


# Runs and the log


def test_a_run_is_in_the_log_before_its_reads_and_names_its_method(shop: Any) -> None:
    """The entry of the run, then pages of the same act, none of which names a value."""
    size = len(log_entries(shop.archive))
    found = compute_behaviour(shop.session(), DRY)
    first, *others = log_entries(shop.archive, start=size)
    assert (first.kind, first.index) == ("record.aggregate", found.about.entry)
    detail = first.detail
    assert detail["target"]["method"] == "behaviour"
    assert detail["purpose"] == "CustomerRelationshipManagement"
    assert detail["plugin"]["name"] == "insights"
    assert others
    assert {one.kind for one in others} == {"record.aggregate"}
    assert {one.detail["op"] for one in others} == {detail["op"]}
    form = json.loads(
        resources.files("muniment_schemas").joinpath("detail.schema.json").read_text(encoding="utf-8")
    )
    for entry in (first, *others):
        jsonschema.validate(entry.detail, form)


def test_a_dry_run_keeps_nothing(shop: Any) -> None:
    """Entries of accesses alone."""
    before = shop.session().list("insight_run", limit=1000).records
    compute_behaviour(shop.session(), DRY)
    compute_segments(shop.session(), DRY, method="rfm")
    assert len(shop.session().list("insight_run", limit=1000).records) == len(before)
    assert not shop.session().list("segment").records


@pytest.mark.slow
def test_what_is_kept_says_where_it_came_from_and_a_second_run_changes_nothing(shop: Any) -> None:
    """Method, version, entry of the log and fields that were read; then no new version but of the run."""
    found = compute_lifetime(shop.session(), ASKED, method="historic")
    run = shop.session().get(found.about.run).fields
    assert (run["run_method"], run["run_version"], run["run_entry"]) == ("historic", 1, found.about.entry)
    assert "order: customer, ordered_at, order_state, total_amount" in str(run["run_inputs"])
    assert run["run_confidence"] == "150 customers bought."
    assert found.about.written["lifetime_value"].created == 150
    again = compute_lifetime(shop.session(), ASKED, method="historic").about.written["lifetime_value"]
    # Each says which run it came from, and that is another one now; nothing is made twice.
    assert (again.created, again.updated + again.unchanged) == (0, 150)


def test_a_person_cannot_give_a_computed_value_and_a_run_cannot_change_an_entered_one(empty: Any) -> None:
    """Both doors are shut: cost to serve is a person's, value so far is a program's."""
    session = empty.session()
    anna = session.create("customer", {"customer_number": "1", "full_name": "Anna"}).id
    order = {"order_number": "A", "customer": anna, "ordered_at": "2025-05-05", "order_state": "completed"}
    session.create("order", {**order, "total_amount": "100 EUR"})
    entered = {"customer": anna, "as_of_on": "2025-12-31", "method": "historic", "cost_to_serve": "30 EUR"}
    kept = session.create("lifetime_value", entered)
    with pytest.raises(Exception, match=r"value\.computed"):
        session.update(kept.id, {"value_so_far": "1 EUR"})
    found = compute_lifetime(session, ASKED, method="historic")
    assert found.about.written["lifetime_value"].updated == 1
    now = session.get(kept.id).fields
    assert now["cost_to_serve"] == Money(Decimal("30.00"), "EUR")
    assert now["value_so_far"] == Money(Decimal("70.00"), "EUR")
    work = session.computing.begin("test", 1, plugin="insights")
    refused = work.write("lifetime_value", [Row({"cost_to_serve": "1 EUR"}, kept.id)])
    assert refused.refused == {"value.not_computed": 1}
    assert session.get(kept.id).fields["cost_to_serve"] == Money(Decimal("30.00"), "EUR")


def test_a_role_that_reads_a_field_behind_a_mask_gets_no_figure_of_it(empty: Any) -> None:
    """A reader sees amounts of contracts masked: no average deal, and no way around it."""
    owner = empty.session()
    owner.create("user", {"login": "ann", "roles": ["reader"], "state": "active"})
    anna = owner.create("customer", {"customer_number": "1", "full_name": "Anna"}).id
    for number in range(6):
        sale = {"customer": anna, "title": f"Sale {number}", "stage": "won", "closed_on": "2025-06-01"}
        owner.create("opportunity", {**sale, "contract_amount": "1000 EUR"})
    every = compute_kpis(owner, DRY, metrics=("win_rate", "average_deal"), period="all")
    assert [one.value for one in every.figures if one.metric == "average_deal"] == [Decimal(1000)]
    reader = empty.session("ann")
    some = compute_kpis(reader, DRY, metrics=("win_rate", "average_deal"), period="all")
    assert "average_deal" in some.missing
    assert not [one for one in some.figures if one.metric == "average_deal"]
    size = len(log_entries(empty.archive))
    with pytest.raises(AccessDenied):
        list(reader.computing.begin("test", 1).read("opportunity", ["contract_amount"]))
    assert log_entries(empty.archive, start=size)[-1].kind == "access.deny"


def test_a_figure_is_never_less_guarded_than_what_it_was_made_of(empty: Any) -> None:
    """A sensitive amount cannot become an internal figure, which would stand in clear."""
    session = empty.session()
    anna = session.create("customer", {"customer_number": "1", "full_name": "Anna"}).id
    sale = {"customer": anna, "title": "Sale", "stage": "won", "closed_on": "2025-06-01"}
    session.create("opportunity", {**sale, "contract_amount": "1000 EUR"})
    work = session.computing.begin("test", 1)
    list(work.read("opportunity", ["contract_amount"]))
    with pytest.raises(ConfigError) as caught:
        work.write("insight_figure", [Row({"figure_value": Decimal(1000)})])
    assert caught.value.code == "schema.computed_class"
    assert work.write("insight_figure", [Row({"figure_amount": "987654.32 EUR"})]).created == 1
    assert_no_plaintext(empty.archive.folder, ["987654.32"])


def test_an_analyst_keeps_figures_and_changes_no_customer(empty: Any) -> None:
    """The role of the plugin computes and keeps; whoever reaches some customers alone keeps nothing."""
    owner = empty.session()
    path = empty.archive.folder / "muniment.toml"
    some = (
        '\n[roles.some]\nlabel = { en = "Some", zh = "部分" }\nactions = ["read", "write"]\n'
        'read = { public = "clear", internal = "clear", personal = "clear", sensitive = "clear" }\n'
        'write = ["internal", "personal"]\n[roles.some.type.customer]\nrows = { city = ["Ulm"] }\n'
    )
    path.write_text(path.read_text(encoding="utf-8") + some, encoding="utf-8")
    empty.archive.apply_config(owner, reason="roles")
    for login, role in (("ann", "analyst"), ("sam", "some")):
        owner.create("user", {"login": login, "roles": [role], "state": "active"})
    for name, city in (("Anna", "Ulm"), ("Bert", "Rome")):
        customer = owner.create("customer", {"customer_number": name, "full_name": name, "city": city}).id
        order = {"order_number": name, "customer": customer, "ordered_at": "2025-06-01"}
        owner.create("order", {**order, "order_state": "completed", "total_amount": "70 EUR"})
    partial = compute_behaviour(empty.session("sam"), ASKED)
    assert [one.orders for one in partial.habits] == [1]
    assert partial.about.unkept == ("insights.unkept_partial", {})
    analyst = empty.session("ann")
    assert compute_behaviour(analyst, ASKED).about.written["behaviour"].created == 2
    assert compute_lifetime(analyst, ASKED, method="historic").about.written["lifetime_value"].created == 2
    with pytest.raises(AccessDenied):
        analyst.update(partial.habits[0].customer, {"city": "Bonn"})


def test_what_was_computed_of_somebody_goes_with_them(empty: Any) -> None:
    """Computed records are about the customer, so erasing takes them and their values along."""
    session = empty.session()
    anna = session.create("customer", {"customer_number": "1", "full_name": "Anna"})
    order = {"order_number": "A", "customer": anna.id, "ordered_at": "2025-05-05", "order_state": "completed"}
    session.create("order", {**order, "total_amount": "87654.32 EUR"})
    for day in (1, 2):
        talk = {"customer": anna.id, "occurred_at": f"2025-06-0{day} 09:00", "channel": "email"}
        session.create("interaction", {**talk, "question": "We are ready to order gardening plants"})
    compute_lifetime(session, ASKED, method="historic")
    assert compute_needs(session, ASKED).suggestions
    session.erase(anna.subject, reason="asked for it")
    for type in ("lifetime_value", "need_suggestion"):
        assert not session.list(type).records
    assert_no_plaintext(empty.archive.folder, ["87654.32", "gardening plants"])
    empty.archive.log.verify()


# Groups that are too small


def test_small_groups_are_withheld_and_cannot_be_told_from_the_rest() -> None:
    """One small group alone takes the next one with it, or the total would tell it."""
    assert shown({"a": 50, "b": 7, "c": 3}, 5) == {"a"}
    assert shown({"a": 50, "b": 3, "c": 2}, 5) == {"a"}
    assert shown({"a": 50, "b": 0, "c": 9}, 5) == {"a", "b", "c"}
    assert shown({"a": 3}, 5) == set()


def test_kpis_of_few_records_are_withheld_and_not_kept(empty: Any) -> None:
    """Four scores in a month tell of single persons; five do not."""
    session = empty.session()
    anna = session.create("customer", {"customer_number": "1", "full_name": "Anna"}).id
    for month, count in ((3, 4), (4, 5), (5, 6)):
        for day in range(count):
            when = f"2025-{month:02}-{day + 1:02} 10:00"
            session.create("feedback", {"customer": anna, "received_at": when, "satisfaction_score": 4})
    found = compute_kpis(session, ASKED, metrics=("satisfaction",), period="month")
    assert [(one.start.month, one.sample, one.value) for one in found.figures] == [
        (3, None, None),
        (4, 5, Decimal(4)),
        (5, 6, Decimal(4)),
    ]
    assert found.about.suppressed == 1
    assert len(session.list("insight_figure").records) == 2


def test_wilson_gives_the_interval_of_its_author() -> None:
    """81 of 263: 0.2553 to 0.3662 (R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I)."""
    assert [round(edge, 4) for edge in wilson(81, 263)] == [0.2553, 0.3662]
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0


# Segments


def test_rules_that_people_wrote_are_applied_and_kept_up_to_date(empty: Any) -> None:
    """Who fits is in with the reason, who no longer fits is out, whom a person put in stays."""
    session = empty.session()
    rule = {"segment_name": "Berlin, over 100", "segment_method": "rule", "regions": "Berlin，Ulm"}
    segment = session.create("segment", {**rule, "amount_from": "100 EUR"}).id
    ids = {}
    for name, city, amount in (("Anna", "Berlin", 150), ("Bert", "berlin", 50), ("Cleo", "Rome", 500)):
        ids[name] = session.create("customer", {"customer_number": name, "full_name": name, "city": city}).id
        order = {"order_number": name, "customer": ids[name], "ordered_at": "2025-06-01"}
        session.create("order", {**order, "order_state": "completed", "total_amount": f"{amount} EUR"})
    by_hand = session.create("membership", {"customer": ids["Cleo"], "segment": segment}).id
    asked = attrs.evolve(ASKED, at_least=2)
    found = compute_segments(session, asked)
    assert found.about.written["membership"].created == 1
    assert found.groups[0].size is None  # one is fewer than two
    (anna,) = [one for one in session.list("membership").records if one.id != by_hand]
    assert anna.fields["customer"] == ids["Anna"]
    assert anna.fields["explanation"] == "Place fits; Amount in twelve months reached"
    session.update(ids["Anna"], {"city": "Rome"})
    again = compute_segments(session, asked).about.written["membership"]
    assert (again.created, again.deleted) == (0, 1)
    assert [one.id for one in session.list("membership").records] == [by_hand]


@pytest.mark.slow
def test_computed_groups_are_found_again_under_another_name(shop: Any) -> None:
    """A person renames a group; the next run fills it, and makes no second one."""
    session = shop.session()
    first = compute_segments(session, ASKED, method="rfm")
    renamed = first.groups[0].record
    session.update(renamed, {"segment_name": "Our best", "planned_action": "Invite them"})
    again = compute_segments(session, ASKED, method="rfm")
    assert [one.record for one in again.groups] == [one.record for one in first.groups]
    assert again.about.written["membership"].created == 0
    assert session.get(renamed).fields["segment_name"] == "Our best"
    members = session.list("membership", where={"segment": renamed}, limit=1000).records
    assert len(members) == first.groups[0].size


# Churn


@pytest.mark.slow
def test_churn_tells_leavers_from_stayers_and_states_how_well(shop: Any) -> None:
    """Every third customer of the shop stops half way: most of them are at high risk, few others are."""
    found = compute_churn(shop.session(), DRY, days=150)
    number = {id: int(name[1:]) for name, id in shop.by_number().items()}
    gone = [one for one in found.risks if number[one.customer] % 3 == 0]
    stay = [one for one in found.risks if number[one.customer] % 3]
    assert sum(one.band == "high" for one in gone) / len(gone) > 0.9
    assert sum(one.band == "high" for one in stay) / len(stay) < 0.1
    assert found.auc > 0.6
    code, said = found.about.confidence[0]
    assert (code, said["count"]) == ("insights.says_churn", 150)
    assert found.risks == compute_churn(shop.session(), DRY, days=150).risks


def test_churn_refuses_to_learn_from_too_few(empty: Any) -> None:
    """A figure from ten customers would only look like one."""
    session = empty.session()
    session.create("customer", {"customer_number": "1", "full_name": "Anna"})
    with pytest.raises(UsageError) as caught:
        compute_churn(session, DRY)
    assert caught.value.code == "insights.too_few_left"


# Needs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Do you have a discount on the new model?", {"promotions", "new_products", "discount"}),
        ("有没有优惠？想看看新款", {"promotions", "new_products", "discount", "new"}),
        ("We do not want any more discounts", {"promotions", "discount"}),
        ("No discount, please; never a coupon.", set()),
        ("不要优惠", set()),
        ("The countdown of discounters", set()),
        ("", set()),
    ],
)
def test_words_are_found_whole_in_both_languages_and_taken_back(text: str, found: set[str]) -> None:
    """English words whole, Chinese ones anywhere, none right behind a no."""
    assert {choice for _, choice in said_in(text)} == found


def test_needs_are_suggestions_that_a_person_decides(empty: Any) -> None:
    """Nothing changes before; accepting adds; what is refused is not suggested again; filled fields stay."""
    session = empty.session()
    anna = session.create(
        "customer", {"customer_number": "1", "full_name": "Anna", "interests": ["training"]}
    ).id
    bert = session.create(
        "customer", {"customer_number": "2", "full_name": "Bert", "purchase_intention": "low"}
    ).id
    for customer in (anna, bert):
        for day in (1, 2, 3):
            talk = {"customer": customer, "occurred_at": f"2025-06-0{day} 09:00", "channel": "email"}
            said = {"question": "Is there a discount? We are ready to order.", "direction": "inbound"}
            session.create("interaction", {**talk, **said})
    found = compute_needs(session, ASKED)
    assert {(one.customer, one.field, one.value) for one in found.suggestions} == {
        (anna, "interests", "promotions"),
        (anna, "purchase_intention", "high"),
        (anna, "preferred_channel", "email"),
        (bert, "interests", "promotions"),
        (bert, "preferred_channel", "email"),
    }
    assert session.get(anna).fields["interests"] == ("training",)
    by_field = {(one.customer, one.field): one for one in found.suggestions}
    promotions = by_field[anna, "interests"]
    assert promotions.reason == "Says: discount; in 3 of 3 texts, since 2025-06-01"
    decide(session, promotions.id, accept=True, reason="she asked again")
    assert set(session.get(anna).fields["interests"]) == {"training", "promotions"}
    with pytest.raises(Conflict):
        decide(session, promotions.id, accept=True)
    decide(session, by_field[bert, "interests"].id, accept=False)
    again = compute_needs(session, ASKED)
    left = {(one.customer, one.field) for one in again.suggestions}
    assert left == by_field.keys() - {(anna, "interests"), (bert, "interests")}
    session.update(anna, {"purchase_intention": "none"})
    with pytest.raises(Conflict) as caught:
        decide(session, by_field[anna, "purchase_intention"].id, accept=True)
    assert caught.value.code == "insights.filled"
    empty.archive.log.verify()


# The report and the command


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_is_one_page_that_runs_nothing_and_names_nobody(
    shop: Any, lang: str, tmp_path: Any
) -> None:
    """Charts with a table beside each; no script, no address, no customer."""
    path = tmp_path / "report.html"
    made = make_report(shop.session(), ASKED, path, lang=lang)
    assert {"behaviour", "lifetime", "segment_rfm", "churn"} <= set(made.parts)
    text = path.read_text(encoding="utf-8")
    for sign in ("<script", "http:", "https:", "javascript:", " on", "Person ", "C001"):
        assert sign not in text.replace('xmlns="http://www.w3.org/2000/svg"', "") or sign == " on"
    assert text.count("<svg") >= 4
    assert text.count("<table") == len(made.parts)
    assert ("客户洞察报告" in text) == (lang == "zh")
    with pytest.raises(UsageError):
        make_report(shop.session(), ASKED, path, lang=lang)


@pytest.mark.slow
def test_the_command_answers_people_and_programs_in_both_languages(empty: Any) -> None:
    """Tables with what the run says of itself, JSON with the same, an error with what to do."""
    empty.archive.close()
    where = ["--archive", str(empty.archive.folder), "--key", str(empty.folder / "shop.key")]

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, [*where, "--purpose", "CustomerRelationshipManagement", *words])

    few = run("insights", "churn", "--lang", "zh")
    assert few.exit_code == 2
    assert "[insights.too_few_left]" in few.stderr
    told = run("--json", "insights", "behaviour", "--as-of", "2025-12-31", "--dry-run")
    assert told.exit_code == 0, told.stderr
    document = json.loads(told.stdout)
    assert document["customers"] == []
    assert document["run"]["method"] == "behaviour"
    text = run("insights", "behaviour", "--as-of", "2025-12-31", "--lang", "zh", "--dry-run")
    assert "方法：期间统计，版本 1。" in text.stdout
    assert "未写入任何记录。" in text.stdout
    assert run("insights", "kpi", "--as-of", "yesterday").exit_code == 2
