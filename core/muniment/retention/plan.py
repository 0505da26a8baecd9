"""What may and must go: rules, records, holds and today in; what is due, why and since when out; pure.

A **facet** is one record under one retention category, the unit of disposal. For each the
order is always the same:

1. a hold keeps it, whatever the rules say;
2. the rules in force that are about it are collected;
3. it is kept until the latest end of a mandatory minimum;
4. a maximum that ends earlier is a conflict: the minimum is kept to, the values are stored
   and nothing else, and a person decides;
5. a rule of one jurisdiction is none in another;
6. with no minimum left, recommendations and limits say when;
7. it is due from the day after;
8. a day that nobody knows keeps it: what is not known never shortens a period;
9. a rule counts from the day it is in force, and today's rules count, not those of the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import attrs

from muniment.plugins import RetentionRule, RetentionTerm
from muniment.retention.calendar import FOR_EVER, Period, after, end_of_year, parse_period, whole_years

__all__ = ["STATES", "Facet", "Finding", "Setting", "Verdict", "applies_in", "plan_record"]

STATES: Final = (
    "due", "review", "kept", "permanent", "unknown", "suspended", "held", "conflict", "limited", "no_rule",
)  # fmt: skip
"""How a facet stands: it is to go; a person decides whether it goes; a minimum runs; for ever; a day is not
known; the clock stands still; a hold keeps it; rules contradict; a purpose limits it and no number does; no
rule is about it."""


@attrs.frozen
class Setting:
    """What holds for all records.

    Attributes:
        today: the day of the plan.
        fiscal_year_end: with which month the fiscal year ends.
    """

    today: date
    fiscal_year_end: int = 12


@attrs.frozen
class Facet:
    """One record under one retention category.

    Attributes:
        record: UUID text.
        type: key of its type.
        subject: UUID text.
        category: name of the retention category.
        days: by anchor, the day that starts a period; None or absent where nobody knows it.
        choices: by field, what it holds, for rules about some records only; absent where it is empty.
        jurisdictions: whose law it is under; empty where that is not known, and then every rule counts.
        held: UUID text of the hold that keeps it; empty for none.
        suspended: since when and until when the clock stood still; no end where it does so today.
        version: of the record, as it was looked at.
    """

    record: str
    type: str
    subject: str
    category: str
    days: Mapping[str, date | None] = attrs.field(factory=dict)
    choices: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    jurisdictions: frozenset[str] = frozenset()
    held: str = ""
    suspended: tuple[tuple[date, date | None], ...] = ()
    version: int = 0


@attrs.frozen
class Finding:
    """What one rule says of one facet.

    Attributes:
        rule: the rule.
        code: ``keep.minimum``, ``keep.maximum``, ``keep.recommended``, ``keep.limit``, ``keep.unknown_day``,
            ``keep.no_anchor``, ``keep.no_number``, ``keep.stopped`` or ``keep.permanent``.
        start: the day that its period runs from.
        end: the last day of it.
        anchor: the day that nobody knows, by its name.
    """

    rule: RetentionRule
    code: str
    start: date | None = None
    end: date | None = None
    anchor: str = ""

    @property
    def told(self) -> dict[str, str]:
        """What the text of the code is about."""
        return {
            "rule": self.rule.id,
            "start": "" if self.start is None else self.start.isoformat(),
            "end": "" if self.end is None else self.end.isoformat(),
            "anchor": self.anchor or self.rule.event or "?",
            "source": self.rule.source,
        }


@attrs.frozen
class Verdict:
    """How one facet stands today, and why.

    Attributes:
        facet: what it is about.
        state: one of ``STATES``.
        rule: id of the rule that decides; empty where none does.
        keep_until: the last day on which it must still be there; None where no minimum ends.
        must_go_by: the last day on which it may still be there; None where no maximum is known.
        due: the first day on which it is to go; None where that is not known.
        findings: what each rule says.
        unverified: ids of rules that nobody has compared with their source.
        today: the day that it is about.
    """

    facet: Facet
    state: str
    rule: str = ""
    keep_until: date | None = None
    must_go_by: date | None = None
    due: date | None = None
    findings: tuple[Finding, ...] = ()
    unverified: tuple[str, ...] = ()
    today: date = date.min


def applies_in(rule_jurisdiction: str, jurisdictions: Iterable[str]) -> bool:
    """Whether a rule of one jurisdiction counts for a record: the law of a union does in its states."""
    listed = list(jurisdictions)
    if not listed or not rule_jurisdiction:
        return True
    return any(one == rule_jurisdiction or one.startswith(f"{rule_jurisdiction}-") for one in listed)


def plan_record(facets: Sequence[Facet], rules: Sequence[RetentionRule], setting: Setting) -> list[Verdict]:
    """How every facet of one record stands.

    Args:
        facets: all of the record's.
        rules: those about its type; others are passed over.
        setting: today.
    """
    first = {facet.category: _findings(facet, rules, setting) for facet in facets}
    verdicts = []
    for facet in facets:
        others = [one for category, found in first.items() if category != facet.category for one in found]
        findings = [_as_long_as_record(one, others) for one in first[facet.category]]
        verdicts.append(_verdict(facet, findings, setting))
    return verdicts


def _as_long_as_record(finding: Finding, others: Sequence[Finding]) -> Finding:
    """A rule that keeps something as long as its record: what keeps the rest of the record counts."""
    if finding.rule.same_as != "record" or finding.end is not None or finding.code != "keep.no_number":
        return finding
    mandatory = [one for one in others if "MIN" in one.rule.effect and one.rule.same_as != "record"]
    open_ends = [one for one in mandatory if one.end is None]
    if open_ends:
        return attrs.evolve(open_ends[0], rule=finding.rule)
    if not mandatory:
        return finding
    last = max(mandatory, key=_end_of)
    return Finding(finding.rule, "keep.minimum", last.start, last.end)


def _end_of(finding: Finding) -> date:
    assert finding.end is not None
    return finding.end


# One rule


def _findings(facet: Facet, rules: Sequence[RetentionRule], setting: Setting) -> list[Finding]:
    found: list[Finding] = []
    today = setting.today.isoformat()
    for rule in rules:
        if rule.category != facet.category or not applies_in(rule.jurisdiction, facet.jurisdictions):
            continue
        if (rule.in_force_from and rule.in_force_from > today) or (
            rule.in_force_to and rule.in_force_to < today
        ):
            continue
        if all(facet.choices.get(one.field, frozenset(one.values)) & set(one.values) for one in rule.where):
            found += _of_rule(facet, rule, setting)
    return found


def _of_rule(facet: Facet, rule: RetentionRule, setting: Setting) -> list[Finding]:
    sides = []
    if rule.effect in ("MIN", "MIN+MAX"):
        sides.append(("keep.minimum", rule.minimum))
    if rule.effect in ("MAX", "MIN+MAX"):
        sides.append(("keep.maximum", rule.maximum))
    if rule.effect == "REC":
        sides.append(("keep.recommended", rule.minimum or rule.maximum))
    if rule.effect == "REC-MAX":
        sides.append(("keep.limit", rule.maximum or rule.minimum))
    if rule.effect == "LIM":
        sides.append(("keep.limit", rule.maximum))
    return [_side(facet, rule, code, number, setting) for code, number in sides]


def _side(facet: Facet, rule: RetentionRule, code: str, number: str, setting: Setting) -> Finding:
    if not number:
        return Finding(rule, "keep.no_number")
    period = parse_period(number)
    if period.permanent and code in ("keep.minimum", "keep.recommended"):
        return Finding(rule, "keep.permanent", end=FOR_EVER)
    if period == Period() and code == "keep.maximum":
        # What may not be kept at all needs no day to start from.
        return Finding(rule, code, setting.today, setting.today)
    if not rule.anchor:
        return Finding(rule, "keep.no_anchor", anchor=rule.event)
    start = facet.days.get(rule.anchor)
    if start is None:
        return Finding(rule, "keep.unknown_day", anchor=rule.anchor)
    end, missing = _end(facet, rule, start, period)
    if missing:
        return Finding(rule, "keep.unknown_day", start, anchor=missing)
    if rule.round_up and end != FOR_EVER:
        end = end_of_year(end, setting.fiscal_year_end if rule.round_up == "end_of_fiscal_year" else 12)
    if rule.suspended_by:
        stopped = _stopped_days(facet, start, setting.today)
        if stopped is None:
            return Finding(rule, "keep.stopped", start)
        end = after(end, Period(days=stopped)) if end != FOR_EVER else end
    return Finding(rule, code, start, end)


def _end(facet: Facet, rule: RetentionRule, start: date, period: Period) -> tuple[date, str]:
    """The last day of a rule's period, or the name of the day that is missing to say so."""
    if rule.on_death is not None:
        died = facet.days.get(rule.on_death.anchor)
        if died is not None and _is_within(died, start, rule.on_death):
            return after(died, parse_period(rule.on_death.period)), ""
    ends = [after(start, period)]
    for term in rule.terms:
        day = facet.days.get(term.anchor)
        if day is None:
            # Whoever's birth nobody knows may be a minor. An earlier end that nobody knows shortens nothing.
            if rule.combine == "later_of":
                return ends[0], term.anchor
            continue
        if _counts(term, day, start):
            ends.append(after(day, parse_period(term.period)))
    return (max(ends) if rule.combine != "earlier_of" else min(ends)), ""


def _is_within(day: date, start: date, term: RetentionTerm) -> bool:
    return not term.within or day <= after(start, parse_period(term.within))


def _counts(term: RetentionTerm, day: date, start: date) -> bool:
    age = whole_years(day, start)
    if (term.age_from and age < term.age_from) or (term.age_to and age > term.age_to):
        return False
    return _is_within(day, start, term)


def _stopped_days(facet: Facet, start: date, today: date) -> int | None:
    """How long the clock stood still since a day; None where it does so today."""
    total = 0
    for begun, ended in facet.suspended:
        if ended is None or ended >= today:
            return None
        total += max((ended - max(begun, start)).days, 0)
    return total


# All rules of a facet


def _verdict(facet: Facet, findings: Sequence[Finding], setting: Setting) -> Verdict:
    unverified = tuple(dict.fromkeys(one.rule.id for one in findings if not one.rule.verified_by))
    decided = _decide(facet, findings, setting)
    return attrs.evolve(decided, findings=tuple(findings), unverified=unverified, today=setting.today)


def _decide(facet: Facet, findings: Sequence[Finding], setting: Setting) -> Verdict:
    if not findings:
        return Verdict(facet, "held" if facet.held else "no_rule")
    minima = [one for one in findings if one.rule.effect in ("MIN", "MIN+MAX") and one.code != "keep.maximum"]
    maxima = [one for one in findings if one.code == "keep.maximum" and one.end is not None]
    earliest = min(maxima, key=_end_of) if maxima else None
    must_go = None if earliest is None else earliest.end
    never = next((one for one in maxima if one.rule.maximum == "P0D"), None)
    if never is not None:
        # No minimum keeps what may never be stored. A hold does: a rule of that sort, which every team can
        # write, would be a way round it. Fields for such data cannot be registered in the first place.
        state = "held" if facet.held else "due"
        return Verdict(facet, state, never.rule.id, None, must_go, setting.today)
    made = _among(facet, minima, earliest, findings, setting)
    return attrs.evolve(made, state="held") if facet.held else made


def _among(
    facet: Facet,
    minima: Sequence[Finding],
    earliest: Finding | None,
    findings: Sequence[Finding],
    setting: Setting,
) -> Verdict:
    must_go = None if earliest is None else earliest.end
    for one in minima:
        if one.end is None:
            state = "suspended" if one.code == "keep.stopped" else "unknown"
            return Verdict(facet, state, one.rule.id, None, must_go)
    if not minima:
        return _without_minimum(facet, earliest, findings, setting)
    latest = max(minima, key=_end_of)
    keep = _end_of(latest)
    if keep == FOR_EVER:
        return Verdict(facet, "permanent", latest.rule.id, keep, must_go)
    due = keep + timedelta(days=1)
    if must_go is not None and must_go < keep and setting.today <= keep:
        return Verdict(facet, "conflict", latest.rule.id, keep, must_go, due)
    if setting.today <= keep:
        return Verdict(facet, "kept", latest.rule.id, keep, must_go, due)
    longer = _recommended(findings)
    if longer is not None and _end_of(longer) > keep and (must_go is None or must_go >= _end_of(longer)):
        return _soft(facet, longer, keep, must_go, setting)
    return Verdict(facet, _ending(latest), latest.rule.id, keep, must_go, due)


def _recommended(findings: Sequence[Finding]) -> Finding | None:
    found = [one for one in findings if one.code == "keep.recommended" and one.end is not None]
    return max(found, key=_end_of) if found else None


def _soft(
    facet: Facet, longer: Finding, keep: date | None, must_go: date | None, setting: Setting
) -> Verdict:
    """A recommendation keeps what no duty keeps any more."""
    end = _end_of(longer)
    if end == FOR_EVER:
        return Verdict(facet, "permanent", longer.rule.id, end, must_go)
    state = "kept" if setting.today <= end else _ending(longer)
    return Verdict(facet, state, longer.rule.id, keep, must_go, end + timedelta(days=1))


def _without_minimum(
    facet: Facet, earliest: Finding | None, findings: Sequence[Finding], setting: Setting
) -> Verdict:
    limits = [one for one in findings if one.code == "keep.limit" and one.end is not None]
    limit = min([*limits, *([earliest] if earliest else [])], key=_end_of, default=None)
    longer = _recommended(findings)
    undecided = next((one for one in findings if one.rule.effect == "REC" and one.end is None), None)
    must_go = None if earliest is None else earliest.end
    if longer is not None and limit is not None and _end_of(limit) < _end_of(longer):
        if limit is earliest:
            return _limited(facet, limit, must_go, setting)
        # Two pieces of guidance that contradict: neither is law, and a person decides.
        state = "conflict" if setting.today > _end_of(limit) else "kept"
        return Verdict(
            facet, state, longer.rule.id, None, _end_of(limit), _end_of(longer) + timedelta(days=1)
        )
    if longer is not None:
        return _soft(facet, longer, None, must_go, setting)
    if undecided is not None and limit is None:
        return Verdict(facet, "unknown", undecided.rule.id, None, must_go)
    if limit is not None:
        return _limited(facet, limit, must_go, setting)
    first = findings[0]
    if first.code in ("keep.unknown_day", "keep.no_anchor"):
        return Verdict(facet, "unknown", first.rule.id)
    return Verdict(facet, "limited", first.rule.id)


def _limited(facet: Facet, limit: Finding, must_go: date | None, setting: Setting) -> Verdict:
    """The last day of a maximum is a day on which it may still be there, and goes."""
    end = _end_of(limit)
    state = "kept" if setting.today < end else _ending(limit)
    return Verdict(facet, state, limit.rule.id, None, must_go or end, end)


def _ending(finding: Finding) -> str:
    return "review" if finding.rule.at_end == "review" else "due"
