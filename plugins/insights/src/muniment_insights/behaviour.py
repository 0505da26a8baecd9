"""How customers bought and visited in a period: recency, frequency, amount, visits, time, favourites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from muniment.model import Money
from muniment.session.tables.computing import Row
from muniment_insights.facts import Purchases, day_of, money_of
from muniment_insights.runs import Asked, Kept, Run

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["METHOD", "VERSION", "Behaviour", "Habits", "compute_behaviour", "tiers"]

METHOD: Final = "behaviour"
VERSION: Final = 1
TIERS: Final = ("high", "medium", "low")
_MONTH: Final = 365.2425 / 12


@attrs.frozen
class Habits:
    """One customer in the period.

    Attributes:
        customer: UUID text.
        orders: how many.
        per_month: orders a month of the period.
        total: amount; None where orders have none.
        average: amount an order.
        days_since: since the last order ever, at the end of the period; None where there is none.
        visits: visit events; None where no events are read.
        seconds: on pages.
        category: of products, with the highest amount; empty for none.
        tier: ``high``, ``medium`` or ``low``; empty for who bought nothing.
    """

    customer: str
    orders: int
    per_month: Decimal
    total: Money | None
    average: Money | None
    days_since: int | None
    visits: int | None
    seconds: int | None
    category: str
    tier: str


@attrs.frozen
class Behaviour:
    """What a run found.

    Attributes:
        habits: of every customer who ever ordered or visited, in order of amount.
        tiers: for each tier how many customers and their amount in millionths.
        currency: of amounts.
        since: first day of the period, ISO 8601.
        about: what the run says of itself.
    """

    habits: Sequence[Habits]
    tiers: Mapping[str, tuple[int, int]]
    currency: str
    since: str
    about: Kept


def tiers(micros: NDArray[np.int64], *, top: float = 0.2, middle: float = 0.5) -> NDArray[np.int8]:
    """Which tier each customer is in by the amount: 0 high, 1 medium, 2 low, -1 for nothing.

    Customers who bought are ranked by amount; who has the same amount is in the same, higher tier.

    Args:
        micros: amounts.
        top: the share of customers who are of high value.
        middle: the share who are of high or medium value.
    """
    bought = micros > 0
    amounts = np.sort(micros[bought])[::-1]
    found = np.full(len(micros), -1, dtype=np.int8)
    if not len(amounts):
        return found
    edges = [amounts[max(int(np.ceil(share * len(amounts))) - 1, 0)] for share in (top, middle)]
    found[bought] = 2
    found[bought & (micros >= edges[1])] = 1
    found[bought & (micros >= edges[0])] = 0
    return found


def compute_behaviour(session: Session, asked: Asked, *, top: float = 0.2, middle: float = 0.5) -> Behaviour:
    """Compute behaviour, and keep a record of each customer for the period.

    Args:
        session: who computes, and why.
        asked: the period and the rest.
        top: the share of customers who are of high value.
        middle: the share who are of high or medium value.

    Raises:
        UsageError: ``insights.no_orders``.
        AccessDenied: the actor may not read in clear what it takes; logged.
    """
    run = Run(
        session,
        METHOD,
        VERSION,
        asked,
        {"top_percent": round(top * 100), "middle_percent": round(middle * 100)},
    )
    run.settings["since"] = run.since.isoformat()
    customers, _ = run.customers()
    purchases = run.purchases(customers)
    first, last = run.since.toordinal(), run.as_of.toordinal()
    inside = purchases.within(first, last)
    count, total, latest = inside.count(), inside.total(), purchases.last_day()
    place = tiers(total, top=top, middle=middle)
    visits, seconds = _events(run, customers, first, last)
    favourite = _favourites(run, purchases, first, last)
    months = max((last - first + 1) / _MONTH, 1e-9)
    seen = (purchases.count() > 0) | ((visits > 0) if visits is not None else False)
    order = [int(one) for one in np.lexsort((np.arange(len(customers)), -total)) if seen[one]]
    currency = purchases.currency
    habits = [
        Habits(
            customers[one],
            int(count[one]),
            (Decimal(int(count[one])) / Decimal(months)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN),
            money_of(int(total[one]), currency) if currency else None,
            money_of(int(total[one]) / int(count[one]), currency) if currency and count[one] else None,
            last - int(latest[one]) if latest[one] else None,
            None if visits is None else int(visits[one]),
            None if seconds is None else int(seconds[one]),
            favourite.get(one, ""),
            "" if place[one] < 0 else TIERS[place[one]],
        )
        for one in order
    ]
    groups = {
        name: (int((place == at).sum()), int(total[place == at].sum())) for at, name in enumerate(TIERS)
    }
    run.says("insights.says_counted", customers=len(habits), orders=int(count.sum()))
    _keep(run, habits)
    return Behaviour(habits, groups, currency, run.since.isoformat(), run.done())


def _events(
    run: Run, customers: Sequence[str], first: int, last: int
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Visits, and seconds on pages, of each customer in the period; None where no events are read."""
    if not run.work.has("event", "customer", "occurred_at", "event_kind"):
        return None, None
    zone, number = run.session.engine.zone, {id: place for place, id in enumerate(customers)}
    timed = run.work.has("event", "seconds_on_page")
    visits, seconds = np.zeros(len(customers), dtype=np.int64), np.zeros(len(customers), dtype=np.int64)
    fields = ["customer", "occurred_at", "event_kind", *(["seconds_on_page"] if timed else [])]
    for record in run.work.read("event", fields):
        when, one = day_of(record.fields.get("occurred_at"), zone), number.get(str(record.fields["customer"]))
        if when is None or one is None or not first <= when <= last:
            continue
        visits[one] += record.fields.get("event_kind") == "visit"
        spent = record.fields.get("seconds_on_page")
        seconds[one] += spent if isinstance(spent, int) else 0
    return visits, seconds if timed else None


def _favourites(run: Run, purchases: Purchases, first: int, last: int) -> dict[int, str]:
    """The category with the highest amount of each customer, by their number."""
    lines = purchases.lines
    if lines is None or not run.work.has("product", "product_category"):
        return {}
    names: list[str] = []
    of_product = np.full(len(lines.products) + 1, -1, dtype=np.int64)
    places = {id: place for place, id in enumerate(lines.products)}
    numbers: dict[str, int] = {}
    for record in run.work.read("product", ["product_category"]):
        category, at = record.fields.get("product_category"), places.get(record.id)
        if category is not None and at is not None:
            name = str(category)
            if name not in numbers:
                numbers[name] = len(names)
                names.append(name)
            of_product[at] = numbers[name]
    day = purchases.day[lines.purchase]
    category = of_product[lines.product]
    kept = (day >= first) & (day <= last) & (category >= 0)
    if not kept.any():
        return {}
    pairs = purchases.customer[lines.purchase[kept]].astype(np.int64) * len(names) + category[kept]
    each, back = np.unique(pairs, return_inverse=True)
    amounts = np.zeros(len(each), dtype=np.int64)
    np.add.at(amounts, back, lines.micros[kept])
    best: dict[int, tuple[int, str]] = {}
    for pair, amount in zip(each.tolist(), amounts.tolist(), strict=True):
        who, name = pair // len(names), names[pair % len(names)]
        # Of two alike the first by name, so that the same records give the same answer.
        if who not in best or (-amount, name) < (-best[who][0], best[who][1]):
            best[who] = amount, name
    return {who: name for who, (_, name) in best.items()}


def _keep(run: Run, habits: Sequence[Habits]) -> None:
    if not run.can_keep("behaviour", "customer", "period_start", "period_end"):
        return
    there = run.there(
        "behaviour", ["customer", "period_start", "period_end"], where={"period_end": run.as_of}
    )
    run.keep()

    def rows() -> list[Row]:
        return [
            Row(
                {
                    "customer": one.customer,
                    "period_start": run.since,
                    "period_end": run.as_of,
                    "order_count": one.orders,
                    "orders_per_month": one.per_month,
                    "total_amount": one.total,
                    "average_amount": one.average,
                    "days_since_purchase": one.days_since,
                    "visit_count": one.visits,
                    "seconds_on_site": one.seconds,
                    "favourite_category": one.category or None,
                    "value_tier": one.tier or None,
                    "insight_run": run.record,
                },
                there.get((one.customer, run.since, run.as_of), ""),
            )
            for one in habits
        ]

    when = [("order", "customer"), ("order", "ordered_at"), ("order", "order_state")]
    amount = [
        *when,
        ("order", "total_amount"),
        *((("order_line", name)) for name in ("order", "quantity", "line_amount", "returned_quantity")),
    ]
    events = [("event", name) for name in ("customer", "occurred_at", "event_kind", "seconds_on_page")]
    run.write(
        "behaviour",
        rows(),
        sources={
            "order_count": when,
            "orders_per_month": when,
            "days_since_purchase": when,
            "total_amount": amount,
            "average_amount": amount,
            "value_tier": amount,
            "visit_count": events,
            "seconds_on_site": events,
            "favourite_category": [*amount, ("order_line", "product"), ("product", "product_category")],
        },
    )
