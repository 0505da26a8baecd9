"""Random rules, days, holds and clocks against a second reading of the rules, written for this alone.

The reading here asks of one day whether a rule still wants something kept on it, and walks
over days; the plan computes ends. They were written apart, and must agree.
"""

from __future__ import annotations

from datetime import date, timedelta

import attrs
from hypothesis import assume, example, given
from hypothesis import strategies as st

from muniment.plugins import RetentionCondition, RetentionRule, RetentionTerm
from muniment.retention.plan import Facet, Setting, plan_record

FIRST, LAST = date(1990, 1, 1), date(2060, 12, 31)
LENGTHS = ("P0D", "P1D", "P30D", "P1M", "P6M", "P1Y", "P1Y1M", "P2Y6M10D", "P5Y", "P10Y", "P30Y", "PERMANENT")
ANCHORS = ("day", "other", "subject.born", "subject.died")


@st.composite
def terms(draw):
    return RetentionTerm(
        anchor=draw(st.sampled_from(["other", "subject.born", "subject.died"])),
        period=draw(st.sampled_from(LENGTHS[:-1])),
        within=draw(st.sampled_from(["", "", "P2Y", "P10Y"])),
        age_from=draw(st.sampled_from([0, 0, 17])),
        age_to=draw(st.sampled_from([0, 0, 17, 30])),
    )


@st.composite
def rules(draw, effects=("MIN", "MIN", "MAX", "MIN+MAX", "LIM", "REC", "REC-MAX"), categories="cccd"):
    effect = draw(st.sampled_from(effects))
    further = tuple(draw(st.lists(terms(), max_size=2)))
    from_, to = sorted(draw(st.lists(st.dates(FIRST, LAST), min_size=2, max_size=2)))
    return RetentionRule(
        id=draw(st.uuids()).hex,
        effect=effect,
        category=draw(st.sampled_from(categories)),
        source="a law",
        minimum=draw(st.sampled_from(LENGTHS)) if effect in ("MIN", "MIN+MAX", "REC") else "",
        maximum=draw(st.sampled_from(LENGTHS)) if effect in ("MAX", "MIN+MAX", "REC-MAX") else "",
        anchor=draw(st.sampled_from([*ANCHORS, "day", ""])),
        combine=draw(st.sampled_from(["later_of", "earlier_of"])) if further else "",
        terms=further,
        on_death=draw(st.none() | st.builds(
            RetentionTerm, anchor=st.just("subject.died"), period=st.sampled_from(LENGTHS[:-1]),
            within=st.sampled_from(["", "P10Y"]),
        )),
        round_up=draw(st.sampled_from(["", "", "end_of_calendar_year", "end_of_fiscal_year"])),
        suspended_by=draw(st.sampled_from([(), (), ("litigation",)])),
        at_end=draw(st.sampled_from(["dispose", "review"])),
        jurisdiction=draw(st.sampled_from(["", "EU", "EU-DE", "CN"])),
        in_force_from=draw(st.sampled_from(["", "", from_.isoformat()])),
        in_force_to=draw(st.sampled_from(["", "", to.isoformat()])),
        where=draw(st.sampled_from([(), (), (RetentionCondition(field="kind", values=("a", "b")),)])),
    )  # fmt: skip


DAYS = st.none() | st.dates(FIRST, date(2040, 1, 1)) | st.sampled_from([date(2016, 2, 29), date(2015, 8, 31)])
SPANS = st.lists(
    st.tuples(st.dates(FIRST, LAST), st.none() | st.integers(0, 2_000)), max_size=2
).map(lambda found: tuple((a, None if n is None else a + timedelta(days=n)) for a, n in found))  # fmt: skip


@st.composite
def facets(draw):
    return Facet(
        "r", "order", "s", "c",
        {name: draw(DAYS) for name in ANCHORS},
        choices=draw(st.sampled_from([{}, {"kind": frozenset({"b"})}, {"kind": frozenset({"z"})}])),
        jurisdictions=frozenset(draw(st.sampled_from([(), ("EU-DE",), ("EU",), ("CN",), ("CN", "EU-FR")]))),
        held=draw(st.sampled_from(["", "", "", "H"])),
        suspended=draw(SPANS),
    )  # fmt: skip


# The second reading


def counts(rule, facet, today):
    """Whether a rule is about it, there, and today."""
    if rule.category != facet.category:
        return False
    if rule.jurisdiction and facet.jurisdictions:
        mine = {one for one in facet.jurisdictions} | {one.partition("-")[0] for one in facet.jurisdictions}
        if rule.jurisdiction not in mine:
            return False
    if rule.in_force_from and today < date.fromisoformat(rule.in_force_from):
        return False
    if rule.in_force_to and today > date.fromisoformat(rule.in_force_to):
        return False
    for condition in rule.where:
        known = facet.choices.get(condition.field)
        if known is not None and not known & set(condition.values):
            return False
    return True


def plus(day, text):
    """A day so many years, months and days later, month by month and day by day."""
    numbers, number = {"Y": 0, "M": 0, "D": 0}, ""
    for letter in text.removeprefix("P"):
        if letter.isdigit():
            number += letter
        else:
            numbers[letter], number = int(number), ""
    year, month = day.year, day.month
    for _ in range(12 * numbers["Y"] + numbers["M"]):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    wanted = day.day
    while True:
        try:
            found = date(year, month, wanted)
            break
        except ValueError:
            wanted -= 1
    return found + timedelta(days=numbers["D"])


def age(born, day):
    years = 0
    while plus_birthday(born, years + 1) <= day:
        years += 1
    return years if day >= born else -1


def plus_birthday(born, years):
    """Somebody born on 29 February is older on 1 March."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def last_day(rule, number, facet, setting):
    """The last day on which a rule wants it kept: a day, ``"ever"``, or None where nobody can say."""
    if number == "PERMANENT":
        return "ever"
    if not rule.anchor or facet.days.get(rule.anchor) is None:
        return None
    start = facet.days[rule.anchor]
    died = facet.days.get("subject.died")
    end = None
    if rule.on_death is not None and died is not None:
        within = rule.on_death.within
        if not within or died <= plus(start, within):
            end = plus(died, rule.on_death.period)
    if end is None:
        ends = [plus(start, number)]
        for term in rule.terms:
            day = facet.days.get(term.anchor)
            if day is None:
                if rule.combine == "later_of":
                    return None
                continue
            old = age(day, start)
            if (
                (not term.age_from or old >= term.age_from)
                and (not term.age_to or old <= term.age_to)
                and (not term.within or day <= plus(start, term.within))
            ):
                ends.append(plus(day, term.period))
        end = min(ends) if rule.combine == "earlier_of" else max(ends)
    if rule.round_up:
        month = setting.fiscal_year_end if rule.round_up == "end_of_fiscal_year" else 12
        while (end + timedelta(days=1)).day != 1 or end.month != month:
            end += timedelta(days=1)
    if rule.suspended_by:
        for begun, ended in facet.suspended:
            if ended is None or ended >= setting.today:
                return None
            if ended > max(begun, start):
                end += ended - max(begun, start)
    return end


def minima(listed, facet, setting):
    """The last day of every mandatory minimum that counts."""
    return [
        last_day(one, one.minimum, facet, setting)
        for one in listed
        if counts(one, facet, setting.today) and one.effect in ("MIN", "MIN+MAX")
    ]


def never_to_be_kept(listed, facet, setting):
    return any(
        counts(one, facet, setting.today) and one.effect in ("MAX", "MIN+MAX") and one.maximum == "P0D"
        for one in listed
    )


WORLD = {
    "listed": st.lists(rules(), min_size=1, max_size=4),
    "facet": facets(),
    "setting": st.builds(Setting, st.dates(date(2000, 1, 1), LAST), st.integers(1, 12)),
}


@given(dice=st.randoms(use_true_random=False), **WORLD)
def test_nothing_goes_before_the_latest_minimum_or_under_a_hold(dice, listed, facet, setting):
    """Whatever else is said of it, in whatever order; what may never be stored at all waits for a hold alone.

    A hold changes the state and nothing else: what would be due, and since when, is still said.
    """
    free, held = (attrs.evolve(facet, held=hold) for hold in ("", "H"))
    (verdict,), (kept,) = (plan_record([one], listed, setting) for one in (free, held))
    assert "held" == kept.state
    assert shown(verdict)[1:] == shown(kept)[1:]
    if never_to_be_kept(listed, facet, setting):
        assert "due" == verdict.state
        return
    if verdict.state in ("due", "review"):
        assert any(counts(one, facet, setting.today) for one in listed)
        for end in minima(listed, facet, setting):
            assert end not in (None, "ever")
            assert end < setting.today
    shuffled = list(listed)
    dice.shuffle(shuffled)
    (again,) = plan_record([free], shuffled, setting)
    # Of rules that are equally silent the first is named.
    if {verdict.state, again.state} != {"limited", "unknown"}:
        assert shown(verdict) == shown(again)


def shown(verdict):
    return verdict.state, verdict.keep_until, verdict.must_go_by, verdict.due


@given(first=rules(("MIN", "MIN", "MIN+MAX"), "c"), **WORLD)
def test_a_minimum_ends_on_the_day_that_was_reckoned_apart(first, listed, facet, setting):
    """The plan names the latest, waits where one is not known, and lets go on the day after."""
    listed = [first, *listed]
    ends = minima(listed, facet, setting)
    assume(ends and not never_to_be_kept(listed, facet, setting))
    (verdict,) = plan_record([attrs.evolve(facet, held="")], listed, setting)
    if None in ends:
        assert verdict.state in ("unknown", "suspended")
        assert verdict.due is None
    elif "ever" in ends:
        assert ("permanent", None) == (verdict.state, verdict.due)
    else:
        assert max(ends) == verdict.keep_until
        if setting.today <= max(ends):
            assert verdict.state in ("kept", "conflict")
            assert max(ends) + timedelta(days=1) == verdict.due
        else:
            assert verdict.state in ("due", "review") or any(
                one.effect == "REC" and counts(one, facet, setting.today) for one in listed
            )


@given(st.sampled_from(["P1M", "P6M", "P1Y", "P5Y", "P2Y6M10D"]), st.dates(FIRST, LAST))
@example("P1M", date(2015, 1, 31))
@example("P1Y", date(2016, 2, 29))
def test_the_two_readings_of_a_period_agree(number, day):
    """Month ends clamp, leap days too."""
    from muniment.retention.calendar import after, parse_period

    assert plus(day, number) == after(day, parse_period(number))
