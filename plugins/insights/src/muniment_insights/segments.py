"""Segments: who fits the rules that people wrote, and the groups that RFM or k-means finds.

A segment of rules is a record that people keep; a computed group gets a record of its own at first, which
people may rename and plan for, and which the next run finds again by its key. Membership is written for
each customer with the reason in words. Who no longer belongs is taken out, but never who a person put in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from muniment.errors import UsageError, text_of
from muniment.model import Money, Value
from muniment.session.tables.computing import Row
from muniment_insights.facts import MICROS, Purchases, money_of
from muniment_insights.grouping import RFM_GROUPS, cluster, rfm_group, rfm_scores
from muniment_insights.runs import Asked, Kept, Run, shown

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["METHODS", "Group", "Segments", "compute_segments"]

METHODS: Final = ("rule", "rfm", "kmeans")
VERSION: Final = 1
_PLACE: Final = ("region", "city", "country")
_RULES: Final = (
    "segment_name", "segment_method", "age_from", "age_to", "genders", "regions", "order_count_from",
    "amount_from", "segment_interests",
)  # fmt: skip


@attrs.frozen
class Group:
    """One segment.

    Attributes:
        key: of a computed group, or the UUID text of a segment that people wrote.
        name: as people call it.
        size: how many customers; None where they are too few to be told.
        micros: their amount in the last twelve months, in millionths; None likewise.
        record: UUID text of the segment; empty where nothing is kept.
        about: what its customers have in common, in words; empty where its name says it.
    """

    key: str
    name: str
    size: int | None
    micros: int | None
    record: str = ""
    about: str = ""


@attrs.frozen
class Segments:
    """What a run found.

    Attributes:
        groups: in order.
        currency: of amounts.
        tried: of k-means, the silhouette of each k.
        about: what the run says of itself.
    """

    groups: Sequence[Group]
    currency: str
    tried: Mapping[int, float]
    about: Kept


@attrs.frozen
class _Found:
    """Who belongs to one segment, by the number of the customer, and why."""

    key: str
    name: str
    members: Mapping[int, str]
    record: str = ""
    about: str = ""


def compute_segments(
    session: Session, asked: Asked, *, method: str = "rule", k: int = 0, lang: str = "en"
) -> Segments:
    """Compute segments, and keep who belongs to them.

    Args:
        session: who computes, and why.
        asked: the day and the rest.
        method: ``rule``, ``rfm`` or ``kmeans``.
        k: of k-means, how many; 0 takes the best by silhouette.
        lang: of reasons and of the names of computed groups.

    Raises:
        UsageError: ``insights.no_orders``, ``insights.no_segments``, ``too_few`` or ``alike``.
        AccessDenied: the actor may not read in clear what it takes; logged.
    """
    run = Run(session, f"segment_{method}", VERSION, asked, {"k": k} if method == "kmeans" and k else {})
    tried: Mapping[int, float] = {}
    if method == "rule":
        found, purchases = _by_rules(run, lang)
    else:
        customers, _ = run.customers()
        purchases = run.purchases(customers)
        if method == "rfm":
            found = _by_rfm(run, purchases, lang)
        else:
            found, tried = _by_clusters(run, purchases, k, lang)
    sizes = {one.key: len(one.members) for one in found}
    told = shown(sizes, asked.at_least)
    run.suppressed = len(sizes) - len(told)
    kept = _keep(run, method, found, purchases.customers)
    year = purchases.within(run.as_of.toordinal() - 364, run.as_of.toordinal()).total()
    groups = [
        Group(
            one.key,
            one.name,
            sizes[one.key] if one.key in told else None,
            int(year[list(one.members)].sum())
            if one.key in told and one.members
            else 0
            if one.key in told
            else None,
            kept.get(one.key, ""),
            one.about if one.key in told else "",
        )
        for one in found
    ]
    return Segments(groups, purchases.currency, tried, run.done())


# Rules


def _by_rules(run: Run, lang: str) -> tuple[list[_Found], Purchases]:
    if not run.work.has("segment", *_RULES):
        raise UsageError("insights.no_segments")
    rules = [record for record in run.work.read("segment", _RULES, where={"segment_method": "rule"})]
    if not rules:
        raise UsageError("insights.no_segments")
    wanted = {
        *(("birth_date",) if any(_has(one.fields, "age_from", "age_to") for one in rules) else ()),
        *(("gender",) if any(_has(one.fields, "genders") for one in rules) else ()),
        *(("interests",) if any(_has(one.fields, "segment_interests") for one in rules) else ()),
        *(
            [name for name in _PLACE if run.work.has("customer", name)]
            if any(_has(one.fields, "regions") for one in rules)
            else ()
        ),
    }
    customers, values = run.customers(sorted(wanted))
    values = values or [{}] * len(customers)
    if run.work.has("order", "customer", "ordered_at"):
        purchases = run.purchases(customers)
    elif any(_has(one.fields, "order_count_from", "amount_from") for one in rules):
        raise UsageError("insights.no_orders")
    else:
        purchases = _nothing(customers)
    last = run.as_of.toordinal()
    year = purchases.within(last - 364, last)
    count, total = year.count(), year.total()
    found = []
    for record in rules:
        tests = _tests(record.fields, run.as_of, purchases.currency, lang)
        members: dict[int, str] = {}
        for who in range(len(customers)):
            facts = {**values[who], "#orders": int(count[who]), "#micros": int(total[who])}
            reasons = [test(facts) for test in tests]
            if all(reason is not None for reason in reasons):
                members[who] = "; ".join(reason for reason in reasons if reason) or _say(
                    "insights.why_everyone", lang
                )
        found.append(_Found(record.id, str(record.fields["segment_name"]), members, record.id))
    run.says("insights.says_exact", count=len(rules))
    return found, purchases


def _nothing(customers: Sequence[str]) -> Purchases:
    empty = np.zeros(0, dtype=np.int32)
    return Purchases(customers, empty, empty, np.zeros(0, dtype=np.int64), "", None, {})


def _has(values: Mapping[str, Value], *names: str) -> bool:
    return any(values.get(name) not in (None, (), "") for name in names)


_Test = Callable[[Mapping[str, Any]], str | None]
"""Gives the reason in words where a customer fits, else None."""


def _tests(rule: Mapping[str, Value], as_of: date, currency: str, lang: str) -> list[_Test]:
    tests: list[_Test] = []
    if _has(rule, "age_from", "age_to"):
        low, high = rule.get("age_from"), rule.get("age_to")

        def age(facts: Mapping[str, Any]) -> str | None:
            born = facts.get("birth_date")
            if not isinstance(born, date):
                return None
            years = as_of.year - born.year - ((as_of.month, as_of.day) < (born.month, born.day))
            fits = (not isinstance(low, int) or years >= low) and (not isinstance(high, int) or years <= high)
            return _say("insights.why_age", lang) if fits else None

        tests.append(age)
    for key, field, code in (
        ("genders", "gender", "insights.why_gender"),
        ("segment_interests", "interests", "insights.why_interests"),
    ):
        given = rule.get(key)
        if isinstance(given, tuple) and given:
            tests.append(_any_of(field, frozenset(given), code, lang))
    if isinstance(regions := rule.get("regions"), str) and regions.strip():
        names = {
            part.strip().casefold()
            for part in regions.replace("，", ",")
            .replace("、", ",")
            .replace(";", ",")
            .replace("；", ",")
            .split(",")
        } - {""}
        tests.append(
            lambda facts: (
                _say("insights.why_place", lang)
                if names & {str(facts.get(one) or "").strip().casefold() for one in _PLACE}
                else None
            )
        )
    if isinstance(least := rule.get("order_count_from"), int):
        tests.append(
            lambda facts: (
                _say("insights.why_orders", lang, count=least) if facts["#orders"] >= least else None
            )
        )
    if isinstance(amount := rule.get("amount_from"), Money):
        if currency and amount.currency != currency:
            raise UsageError("insights.currency", name=amount.currency, known=currency)
        tests.append(
            lambda facts: (
                _say("insights.why_amount", lang) if facts["#micros"] >= int(amount.amount * MICROS) else None
            )
        )
    return tests


def _any_of(field: str, wanted: frozenset[str], code: str, lang: str) -> _Test:
    def test(facts: Mapping[str, Any]) -> str | None:
        value = facts.get(field)
        has = frozenset(value if isinstance(value, tuple) else (value,)) & wanted
        return _say(code, lang) if has else None

    return test


def _say(code: str, lang: str, **parameters: object) -> str:
    return text_of(code, lang, **parameters)[0]


# Computed groups


def _three(run: Run, purchases: Purchases) -> tuple[Any, Any, Any, Any]:
    """Who bought, and their days since, orders and amount."""
    count = purchases.count()
    who = np.flatnonzero(count)
    if not len(who):
        raise UsageError("insights.too_few", count=0, least=1)
    since = run.as_of.toordinal() - purchases.last_day()[who].astype(np.int64)
    return who, since, count[who], purchases.total()[who]


def _by_rfm(run: Run, purchases: Purchases, lang: str) -> list[_Found]:
    who, since, orders, micros = _three(run, purchases)
    scores = rfm_scores(since, orders, micros)
    members: dict[str, dict[int, str]] = {name: {} for name in RFM_GROUPS}
    for one, *three in zip(who, scores.recency, scores.frequency, scores.amount, strict=True):
        recency, frequency, amount = map(int, three)
        why = _say("insights.why_rfm", lang, recency=recency, frequency=frequency, amount=amount)
        members[rfm_group(recency, frequency, amount)][int(one)] = why
    run.says("insights.says_fifths", count=len(who))
    return [_Found(f"rfm:{name}", _say(f"insights.rfm_{name}", lang), members[name]) for name in RFM_GROUPS]


def _by_clusters(
    run: Run, purchases: Purchases, k: int, lang: str
) -> tuple[list[_Found], Mapping[int, float]]:
    who, since, orders, micros = _three(run, purchases)
    made = cluster(since, orders, micros, k=k)
    run.says("insights.says_silhouette", k=made.k, score=f"{made.silhouette:.2f}", count=len(who))
    if made.silhouette < 0.25:
        run.says("insights.says_blurred")
    found = []
    for number, (days, often, amount) in enumerate(made.centres):
        sum_text = f"{money_of(amount, purchases.currency).amount}" if purchases.currency else ""
        why = _say(
            "insights.why_cluster",
            lang,
            number=number + 1,
            k=made.k,
            days=round(days),
            orders=f"{often:.1f}",
            amount=f"{sum_text} {purchases.currency}".strip(),
        )
        inside = who[made.label == number]
        name = _say("insights.cluster", lang, number=number + 1, k=made.k)
        found.append(_Found(f"kmeans:{number + 1}", name, {int(one): why for one in inside}, about=why))
    return found, made.tried


# Keeping


def _keep(run: Run, method: str, found: Sequence[_Found], customers: Sequence[str]) -> dict[str, str]:
    """Write segments that are not there yet, and who belongs; give the record of each segment by its key."""
    work = run.work
    if not run.can_keep("segment", "segment_name", "segment_method", "insight_key"):
        return {}
    if not run.can_keep("membership", "customer", "segment", "insight_run"):
        return {}
    records = {one.key: one.record for one in found if one.record}
    for record in work.read("segment", ["insight_key"], counted=False):
        if record.fields.get("insight_key"):
            records.setdefault(str(record.fields["insight_key"]), record.id)
    standing: dict[tuple[str, str], tuple[str, bool]] = {}
    ours = (
        set(records.values())
        if method == "rule"
        else {id for key, id in records.items() if key.startswith(f"{method}:")}
    )
    for record in work.read("membership", ["customer", "segment", "insight_run"], counted=False):
        segment = str(record.fields["segment"])
        if segment in ours:
            computed = record.fields.get("insight_run") is not None
            standing.setdefault((str(record.fields["customer"]), segment), (record.id, computed))
    run.keep()
    for one in found:
        if one.key not in records:
            records[one.key] = work.add(
                "segment", {"segment_name": one.name, "segment_method": method, "insight_key": one.key}
            )
    rows: list[Row] = []
    for one in found:
        for who, why in one.members.items():
            pair = customers[who], records[one.key]
            id, computed = standing.pop(pair, ("", True))
            if id:
                # Since when stays as it is; a membership that a person wrote is left alone altogether.
                rows += [Row({"explanation": why}, id)] if computed else []
                continue
            rows.append(
                Row(
                    {
                        "customer": pair[0],
                        "segment": pair[1],
                        "entered_on": run.as_of,
                        "explanation": why,
                        "insight_run": run.record,
                    }
                )
            )
    rows += [Row({}, id, delete=True) for id, computed in standing.values() if computed]
    run.write("membership", rows, sources={"entered_on": ()})
    return records
