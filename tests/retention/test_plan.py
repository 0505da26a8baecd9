"""The resolution of retention rules, line by line, and the conflicts between laws that are known."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from muniment.plugins import RetentionCondition, RetentionRule, RetentionTerm
from muniment.retention.plan import Facet, Setting, applies_in, plan_record

START = date(2015, 6, 15)


def rule(id="R", effect="MIN", number="P5Y", anchor="day", **more):
    side = {"MIN": "minimum", "REC": "minimum", "MAX": "maximum", "REC-MAX": "maximum", "LIM": "maximum"}
    values = {"category": "c", "source": "a law", "verified_by": "counsel"}
    if effect != "MIN+MAX":
        values[side[effect]] = number
    return RetentionRule(id=id, effect=effect, anchor=anchor, **{**values, **more})


def facet(**more):
    days = {"day": START, **more.pop("days", {})}
    return Facet("r", "order", "s", more.pop("category", "c"), days, **more)


def decide(rules, *, on, **more):
    (verdict,) = plan_record([facet(**more)], rules, Setting(on))
    return verdict


def until(rules, **more):
    return decide(rules, on=START, **more).keep_until


# --- the order, line by line ------------------------------------------------------------------------------


def test_a_hold_keeps_whatever_the_rules_say():
    """1: nothing is disposed of while it is held, and the plan names the hold."""
    verdict = decide([rule()], on=date(2050, 1, 1), held="H")
    assert ("held", "H", date(2020, 6, 16)) == (verdict.state, verdict.facet.held, verdict.due)
    assert "held" == decide([], on=START, held="H").state
    assert "held" == decide([rule(effect="MAX")], on=date(2050, 1, 1), held="H").state


def test_only_rules_about_the_category_count():
    """2: and those of its jurisdiction, of its choices, in force."""
    assert "no_rule" == decide([rule(category="other")], on=START).state
    some = rule(where=(RetentionCondition(field="kind", values=("a",)),))
    assert "kept" == decide([some], on=START, choices={"kind": frozenset({"a", "b"})}).state
    assert "no_rule" == decide([some], on=START, choices={"kind": frozenset({"b"})}).state


def test_a_field_that_is_empty_counts_as_any_choice():
    """What nobody knows must not shorten a period."""
    assert "kept" == decide([rule(where=(RetentionCondition(field="kind", values=("a",)),))], on=START).state


def test_the_latest_minimum_counts():
    """3: whatever order the rules come in."""
    rules = [rule("A", number="P5Y"), rule("B", number="P10Y"), rule("C", number="P6M")]
    for listed in (rules, rules[::-1]):
        verdict = decide(listed, on=START)
        assert ("B", date(2025, 6, 15)) == (verdict.rule, verdict.keep_until)


def test_a_maximum_before_the_minimum_is_a_conflict():
    """4: the minimum is kept to, a person is told; and after it the values go."""
    rules = [rule("MIN", number="P10Y"), rule("MAX", "MAX", "P5Y")]
    verdict = decide(rules, on=date(2021, 1, 1))
    assert ("conflict", "MIN", date(2020, 6, 15)) == (verdict.state, verdict.rule, verdict.must_go_by)
    assert "due" == decide(rules, on=date(2025, 6, 16)).state


def test_a_rule_is_none_in_another_jurisdiction():
    """5: a union's law counts in its states, a state's nowhere else; unknown means all."""
    assert applies_in("EU", ["EU-DE"])
    assert applies_in("EU-DE", ["EU-DE"])
    assert not applies_in("EU-DE", ["EU"])
    assert not applies_in("EU-DE", ["EU-FR"])
    assert not applies_in("E", ["EU"])
    assert applies_in("CN", [])
    assert applies_in("", ["CN"])
    chinese = rule(jurisdiction="CN", number="P10Y")
    assert "no_rule" == decide([chinese], on=START, jurisdictions=frozenset({"EU-DE"})).state
    assert "kept" == decide([chinese], on=START, jurisdictions=frozenset({"EU-DE", "CN"})).state


def test_without_a_minimum_limits_and_recommendations_count():
    """6: the earliest limit, the longest recommendation; a limit without a number waits for its purpose."""
    limit = rule("L", "REC-MAX", "P3Y")
    assert ("kept", "due") == tuple(
        decide([limit], on=on).state for on in (date(2018, 6, 14), date(2018, 6, 15))
    )
    assert (
        "limited" == decide([rule("L", "LIM", "", modifiers="shortest necessary")], on=date(2050, 1, 1)).state
    )
    two = [limit, rule("L2", "REC-MAX", "P9Y")]
    assert ("L", "due") == ((one := decide(two, on=date(2018, 6, 15))).rule, one.state)
    recommended = rule("REC", "REC", "P8Y")
    assert date(2023, 6, 16) == decide([recommended], on=START).due
    assert "due" == decide([recommended], on=date(2023, 6, 16)).state
    assert "kept" == decide([recommended], on=date(2023, 6, 15)).state
    longer = rule("REC2", "REC", "P9Y")
    assert ("REC2", date(2024, 6, 16)) == ((one := decide([recommended, longer], on=START)).rule, one.due)
    # What no duty keeps any more, a longer recommendation does.
    both = [rule("MIN", number="P5Y"), recommended]
    assert ("REC", "kept") == ((one := decide(both, on=date(2021, 1, 1))).rule, one.state)


def test_it_is_due_from_the_day_after():
    """7: the last day of the period is one on which it must still be there."""
    states = [decide([rule()], on=date(2020, 6, 15) + timedelta(days=n)).state for n in (-1, 0, 1, 2)]
    assert ["kept", "kept", "due", "due"] == states
    assert "review" == decide([rule(at_end="review")], on=date(2020, 6, 16)).state


def test_an_unknown_day_keeps():
    """8: the relationship is still open, or nobody wrote it down."""
    for days in ({"day": None},):
        verdict = decide([rule()], on=date(2090, 1, 1), days=days)
        assert ("unknown", None, "day") == (verdict.state, verdict.due, verdict.findings[0].anchor)
    assert "unknown" == decide([rule(anchor="")], on=date(2090, 1, 1)).state
    both = [rule("A"), rule("B", anchor="other")]
    assert "unknown" == decide(both, on=date(2090, 1, 1)).state
    assert "unknown" == decide([rule("L", "REC-MAX", "P3Y", anchor="other")], on=date(2090, 1, 1)).state


def test_whose_birth_nobody_knows_is_a_minor():
    """8: a rule for minors keeps until the birth is known."""
    minors = rule(number="P7Y", combine="later_of", terms=(RetentionTerm(anchor="born", period="P19Y"),))
    assert "unknown" == decide([minors], on=date(2090, 1, 1)).state
    assert date(2022, 6, 15) == until([minors], days={"born": date(1980, 1, 1)})
    assert date(2029, 3, 1) == until([minors], days={"born": date(2010, 3, 1)})


def test_rules_count_from_their_day_on():
    """9: a new law extends what is still there; one that ended counts no more."""
    old = rule("OLD", number="P5Y", in_force_to="2019-12-31")
    new = rule("NEW", number="P8Y", in_force_from="2020-01-01")
    assert ("OLD", date(2020, 6, 15)) == (
        (before := decide([old, new], on=date(2019, 12, 31))).rule,
        before.keep_until,
    )
    assert ("NEW", date(2023, 6, 15)) == (
        (later := decide([old, new], on=date(2020, 1, 1))).rule,
        later.keep_until,
    )


# --- modifiers --------------------------------------------------------------------------------------------


def test_later_of_and_earlier_of():
    """Over the rule's own day and the further ones; an unknown earlier one shortens nothing."""
    term = (RetentionTerm(anchor="audit", period="P2Y"),)
    days = {"audit": date(2022, 1, 1)}
    assert date(2024, 1, 1) == until([rule(combine="later_of", terms=term)], days=days)
    assert date(2020, 6, 15) == until([rule(combine="earlier_of", terms=term)], days=days)
    assert date(2020, 6, 15) == until([rule(combine="earlier_of", terms=term)])
    assert until([rule(combine="later_of", terms=term)]) is None


def test_terms_count_within_ages_and_spans():
    """Until 25, or 26 for whoever was 17 when treatment ended."""
    terms = (
        RetentionTerm(anchor="born", period="P25Y"),
        RetentionTerm(anchor="born", period="P26Y", age_from=17, age_to=17),
    )
    children = rule(number="P0D", combine="later_of", terms=terms)
    assert date(2025, 1, 1) == until([children], days={"born": date(2000, 1, 1)})
    assert date(2024, 1, 1) == until([children], days={"born": date(1998, 1, 1)})


def test_a_death_within_its_span_counts_instead():
    """France: death within ten years of the last stay, ten years from it."""
    french = rule(number="P20Y", on_death=RetentionTerm(anchor="died", period="P10Y", within="P10Y"))
    assert date(2035, 6, 15) == until([french])
    assert date(2028, 2, 1) == until([french], days={"died": date(2018, 2, 1)})
    assert date(2035, 6, 15) == until([french], days={"died": date(2026, 2, 1)})


def test_rounding_to_the_end_of_a_year():
    """Calendar and fiscal."""
    assert date(2020, 12, 31) == until([rule(round_up="end_of_calendar_year")])
    (verdict,) = plan_record([facet()], [rule(round_up="end_of_fiscal_year")], Setting(START, 3))
    assert date(2021, 3, 31) == verdict.keep_until


def test_a_suspended_clock():
    """It stands still while a hold is in place, and goes on for as long afterwards."""
    stopped = rule(suspended_by=("litigation",))
    past = ((date(2016, 1, 1), date(2016, 3, 1)),)
    assert date(2020, 6, 15) + timedelta(days=60) == until_on(stopped, date(2018, 1, 1), past)
    verdict = decide([stopped], on=date(2030, 1, 1), suspended=((date(2016, 1, 1), None),))
    assert ("suspended", None) == (verdict.state, verdict.due)
    assert date(2020, 6, 15) == decide([rule()], on=date(2018, 1, 1), suspended=past).keep_until


def until_on(one, on, suspended):
    return decide([one], on=on, suspended=suspended).keep_until


def test_what_is_kept_for_ever():
    """It is never due."""
    verdict = decide([rule(number="PERMANENT")], on=date(2990, 1, 1))
    assert ("permanent", None) == (verdict.state, verdict.due)


def test_as_long_as_the_record():
    """An audit trail is kept as long as the rest of its record, and as unknown as that."""
    trail = rule("TRAIL", number="", same_as="record", category="trail", anchor="")
    facets = [facet(), facet(category="trail")]
    own, trailing = plan_record(facets, [rule(number="P9Y"), trail], Setting(START))
    assert own.keep_until == trailing.keep_until == date(2024, 6, 15)
    _, trailing = plan_record(facets, [rule(anchor="other"), trail], Setting(date(2090, 1, 1)))
    assert "unknown" == trailing.state
    _, alone = plan_record(facets, [trail], Setting(date(2090, 1, 1)))
    assert alone.state in ("unknown", "limited")
    assert alone.due is None


def test_rules_that_nobody_verified_are_named():
    """They plan and explain; whoever applies them answers for them."""
    verdict = decide([rule("A", verified_by=""), rule("B")], on=START)
    assert ("A",) == verdict.unverified


# --- known conflicts --------------------------------------------------------------------------------------

CHINESE = rule("CN-F-01", number="P10Y", jurisdiction="CN")
EUROPEAN = rule("EU-F-01", "MIN+MAX", minimum="P5Y", maximum="P5Y", jurisdiction="EU")


def test_k1_two_copies_under_two_laws():
    """The Chinese copy ten years, the European one gone after five."""
    on = date(2021, 1, 1)
    assert "kept" == decide([CHINESE, EUROPEAN], on=on, jurisdictions=frozenset({"CN"})).state
    assert "due" == decide([CHINESE, EUROPEAN], on=on, jurisdictions=frozenset({"EU-DE"})).state
    assert "conflict" == decide([CHINESE, EUROPEAN], on=on).state


def facets_of(*categories):
    return [facet(category=one) for one in categories]


def test_k2_identifying_fields_stay_longer_than_the_rest():
    """Five years for what identifies, two for the rest of the same customer."""
    rules = [rule("US-F-05", category="identity"), rule("US-F-08", "MAX", "P2Y", category="rest")]
    identity, rest = plan_record(facets_of("identity", "rest"), rules, Setting(date(2018, 1, 1)))
    assert ("kept", "due") == (identity.state, rest.state)


def test_k3_a_biometric_template_goes_before_the_result():
    """Split by category: the template after three years, the record of the check after five."""
    rules = [rule("KYC", category="kyc"), rule("US-IL-E-01", "MAX", "P3Y", category="biometric")]
    kyc, template = plan_record(facets_of("kyc", "biometric"), rules, Setting(date(2019, 1, 1)))
    assert ("kept", "due") == (kyc.state, template.state)


def test_k4_ten_years_for_the_invoice_alone():
    """What no duty names goes when its purpose ends."""
    rules = [
        rule("CN-T-01", number="P10Y", category="invoice"),
        rule("PIPL", "LIM", "", modifiers="shortest", category="profile"),
    ]
    invoice, profile = plan_record(facets_of("invoice", "profile"), rules, Setting(date(2022, 1, 1)))
    assert ("kept", "limited") == (invoice.state, profile.state)


def test_k5_the_longest_of_two_minima():
    """A stub for five years and a voucher for ten: ten."""
    rules = [rule("CN-T-03", number="P5Y"), rule("CN-T-01", number="P10Y")]
    assert ("CN-T-01", date(2025, 6, 15)) == ((one := decide(rules, on=START)).rule, one.keep_until)


def test_k6_tax_fields_stay_and_the_marketing_profile_goes():
    """One-stop-shop records for ten years keep nothing else."""
    rules = [rule("OSS", number="P10Y", category="tax"), rule("GDPR", "REC-MAX", "P2Y", category="marketing")]
    tax, marketing = plan_record(facets_of("tax", "marketing"), rules, Setting(date(2018, 1, 1)))
    assert ("kept", "due") == (tax.state, marketing.state)


def test_k7_a_record_for_twenty_years_and_its_log_for_one():
    """Guidance on the log does not shorten the record."""
    rules = [
        rule("FR-H-01", number="P20Y", category="health"),
        rule("CNIL", "REC-MAX", "P1Y", category="log"),
    ]
    health, log = plan_record(facets_of("health", "log"), rules, Setting(date(2017, 1, 1)))
    assert ("kept", "due") == (health.state, log.state)


def test_k8_two_pieces_of_guidance():
    """Ten years recommended here, one there: no law decides, a person does."""
    rules = [rule("E2147", "REC", "P10Y"), rule("CNIL", "REC-MAX", "P1Y")]
    assert "kept" == decide(rules, on=date(2016, 1, 1)).state
    assert "conflict" == decide(rules, on=date(2017, 1, 1)).state
    french = [
        rule("E2147", "REC", "P10Y", jurisdiction="US"),
        rule("CNIL", "REC-MAX", "P1Y", jurisdiction="EU-FR"),
    ]
    assert "due" == decide(french, on=date(2017, 1, 1), jurisdictions=frozenset({"EU-FR"})).state


def test_k9_negative_credit_information_goes_and_the_file_stays():
    """Of one bank's customer, by category."""
    rules = [rule("CN-F-09", "MAX", "P5Y", category="credit"), rule("CN-F-01", number="P10Y", category="cdd")]
    credit, cdd = plan_record(facets_of("credit", "cdd"), rules, Setting(date(2020, 6, 15)))
    assert ("due", "kept") == (credit.state, cdd.state)


def test_k10_what_may_never_be_stored_is_due_at_once():
    """No minimum keeps it; a hold does, or a rule would be a way round one, and the plan says since when."""
    never = rule("PCI", "MAX", "P0D")
    for more in ({}, {"days": {"day": None}}):
        assert "due" == decide([never, rule(number="P10Y")], on=START, **more).state
    held = decide([never, rule(number="P10Y")], on=START, held="H")
    assert ("held", START, START) == (held.state, held.must_go_by, held.due)


def test_k11_a_hold_wins_over_a_maximum():
    """Also over one for biometrics."""
    assert "held" == decide([rule("US-IL-E-01", "MAX", "P3Y")], on=date(2050, 1, 1), held="H").state


def test_k12_a_running_minimum_stays_until_its_end():
    """A request for erasure meets it: the plan says until when, and from then on it is due."""
    assert date(2020, 6, 16) == decide([rule()], on=date(2016, 1, 1)).due


@pytest.mark.parametrize("effect", ["MIN", "MAX", "REC", "REC-MAX"])
def test_every_effect_says_something(effect):
    """Each finding has a text of its own, with the rule and its source."""
    verdict = decide([rule(effect=effect)], on=START)
    assert verdict.findings[0].code.startswith("keep.")
    assert verdict.findings[0].end is not None
