"""What each customer has brought so far and is expected to bring.

**Historic** is the plain sum: the first purchase, all later ones, and the first year's sales of
customers that this one referred, less the cost to serve that somebody entered. **BG/NBD with
Gamma-Gamma** adds what is expected of the months to come; see ``buying``. Purchases of one day count as
one, time runs in weeks, amounts are those of repeat purchases, and nothing is discounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from muniment.errors import UsageError
from muniment.model import Money
from muniment.session.tables.computing import Row
from muniment_insights.buying import Buying, Floats, Spending, fit_buying, fit_spending, simulate
from muniment_insights.facts import MICROS, Purchases, day_of, micros_of, money_of, unique_days
from muniment_insights.runs import Asked, Kept, Run

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["METHODS", "Expected", "History", "Lifetime", "Summary", "compute_lifetime", "expect", "summarise"]

METHODS: Final = ("historic", "bg_nbd")
VERSION: Final = 1
_WEEK: Final = 7.0
_WEEKS_A_MONTH: Final = 365.2425 / 12 / 7
_LEAST: Final = 50
"""Repeat customers below which a fit says nothing."""
_DRAWS: Final = 400
_CHUNK: Final = 4_000


@attrs.frozen
class Summary:
    """What BG/NBD and Gamma-Gamma need of each customer who ever bought.

    Attributes:
        place: number of the customer.
        frequency: repeat purchases; those of one day count once.
        recency: weeks from the first purchase to the last.
        age: weeks from the first purchase to the last day that counts.
        average: mean amount of a repeat purchase; 0 for who has none.
    """

    place: NDArray[np.int64]
    frequency: Floats
    recency: Floats
    age: Floats
    average: Floats


def summarise(purchases: Purchases, as_of: int) -> Summary:
    """The summary of each customer at a day.

    Args:
        purchases: orders.
        as_of: the last day that counts, as ``date.toordinal``.
    """
    kept = purchases.day <= as_of
    customer, day, micros = purchases.customer[kept], purchases.day[kept], purchases.micros[kept]
    who, when = unique_days(customer, day)
    place, start, count = np.unique(who, return_index=True, return_counts=True)
    first = when[start]
    last = when[start + count - 1]
    size = len(purchases.customers)
    first_of = np.zeros(size, dtype=np.int64)
    first_of[place] = first
    repeat = day > first_of[customer]
    amount = np.zeros(size, dtype=np.int64)
    np.add.at(amount, customer[repeat], micros[repeat])
    frequency = (count - 1).astype(np.float64)
    average = np.divide(amount[place] / MICROS, frequency, out=np.zeros(len(place)), where=frequency > 0)
    return Summary(place, frequency, (last - first) / _WEEK, (as_of - first) / _WEEK, average)


@attrs.frozen
class Expected:
    """What is expected of the customers of a summary.

    Attributes:
        buying: the model of when.
        spending: the model of how much.
        alive: probability that each still buys.
        purchases: expected number in the months to come.
        value: expected amount.
        low: a tenth of like customers bring less.
        high: a tenth bring more.
    """

    buying: Buying
    spending: Spending
    alive: Floats
    purchases: Floats
    value: Floats
    low: Floats
    high: Floats


def expect(summary: Summary, *, months: int, seed: int = 20050101) -> Expected:
    """Fit both models and expect.

    Args:
        summary: of the customers.
        months: how far ahead.
        seed: of the draws that the range comes from.

    Raises:
        UsageError: ``insights.too_few`` with how many repeat customers it takes.
    """
    paying = (summary.frequency > 0) & (summary.average > 0)
    if int(paying.sum()) < _LEAST:
        raise UsageError("insights.too_few", count=int(paying.sum()), least=_LEAST)
    weeks = months * _WEEKS_A_MONTH
    x, last, age = summary.frequency, summary.recency, summary.age
    buying = fit_buying(x, last, age)
    spending = fit_spending(x[paying], summary.average[paying])
    each = spending.expected(np.where(paying, x, 0.0), summary.average)
    expected = buying.expected(weeks, x, last, age)
    low, high = np.zeros(len(x)), np.zeros(len(x))
    for at in range(0, len(x), _CHUNK):
        part = slice(at, at + _CHUNK)
        drawn = simulate(buying, weeks, x[part], last[part], age[part], draws=_DRAWS, seed=seed + at)
        low[part], high[part] = np.quantile(drawn, (0.1, 0.9), axis=0)
    return Expected(
        buying, spending, buying.alive(x, last, age), expected, expected * each, low * each, high * each
    )


@attrs.frozen
class History:
    """One customer.

    Attributes:
        customer: UUID text.
        direct: amount of the first day with a purchase.
        repeat: amount of all later ones.
        referral: first-year sales of customers this one referred.
        cost: to serve; None where nobody entered it, or the actor does not read it.
        so_far: the three sums less cost.
        alive: probability of still buying; None without a model.
        expected: amount of the months to come; likewise.
        low: of its range.
        high: of its range.
    """

    customer: str
    direct: Money
    repeat: Money
    referral: Money
    cost: Money | None
    so_far: Money
    alive: Decimal | None = None
    expected: Money | None = None
    low: Money | None = None
    high: Money | None = None


@attrs.frozen
class Lifetime:
    """What a run found.

    Attributes:
        customers: those who bought or referred, in order of what they are worth.
        parameters: of the models, by name; empty for the plain sum.
        months: how far ahead was looked.
        currency: of amounts.
        about: what the run says of itself.
    """

    customers: Sequence[History]
    parameters: Mapping[str, float]
    months: int
    currency: str
    about: Kept


def compute_lifetime(session: Session, asked: Asked, *, method: str = "bg_nbd", months: int = 36) -> Lifetime:
    """Compute lifetime values, and keep a record of each customer for the day.

    Args:
        session: who computes, and why.
        asked: the day and the rest.
        method: ``bg_nbd`` or ``historic``.
        months: how far ahead to look.

    Raises:
        UsageError: ``insights.no_orders``, or ``insights.too_few`` where there is too little to fit.
        AccessDenied: the actor may not read in clear what it takes; logged.
    """
    run = Run(session, method, VERSION, asked, {"months": months} if method == "bg_nbd" else {})
    customers, _ = run.customers()
    purchases = run.purchases(customers)
    currency = purchases.currency or session.engine.settings.currency
    first = purchases.first_day()
    start = purchases.day == first[purchases.customer]
    direct, repeat = (_sum(purchases, one) for one in (start, ~start))
    referral = _referred(run, purchases, customers, first)
    there, cost = _entered(run, method, customers, currency)
    summary = summarise(purchases, run.as_of.toordinal())
    expected = None
    if method == "bg_nbd":
        expected = expect(summary, months=months)
        _confidence(run, purchases, expected)
    run.says("insights.says_customers", count=len(summary.place))
    worth = direct + repeat + referral
    rows = _histories(customers, summary, direct, repeat, referral, cost, expected, currency, worth)
    _keep(run, method, rows, there)
    parameters: dict[str, float] = {}
    if expected is not None:
        buying, spending = expected.buying, expected.spending
        parameters = {
            "r": buying.r, "alpha": buying.alpha, "a": buying.a, "b": buying.b,
            "p": spending.p, "q": spending.q, "gamma": spending.gamma,
        }  # fmt: skip
    return Lifetime(rows, parameters, months, currency, run.done())


def _sum(purchases: Purchases, which: NDArray[Any]) -> NDArray[np.int64]:
    found = np.zeros(len(purchases.customers), dtype=np.int64)
    np.add.at(found, purchases.customer[which], purchases.micros[which])
    return found


def _referred(
    run: Run, purchases: Purchases, customers: Sequence[str], first: NDArray[np.int32]
) -> NDArray[np.int64]:
    """First-year sales of the customers that each one brought."""
    found = np.zeros(len(customers), dtype=np.int64)
    if not run.work.has("referral", "customer", "referred_customer"):
        return found
    year = purchases.day < first[purchases.customer] + 365
    brought = _sum(purchases, year)
    number = {id: place for place, id in enumerate(customers)}
    counted: set[int] = set()
    for record in run.work.read("referral", ["customer", "referred_customer"]):
        who = number.get(str(record.fields.get("customer")))
        whom = number.get(str(record.fields.get("referred_customer")))
        # Whom two people brought is counted once, for the one whose record is older.
        if who is not None and whom is not None and whom not in counted:
            counted.add(whom)
            found[who] += brought[whom]
    return found


def _entered(
    run: Run, method: str, customers: Sequence[str], currency: str
) -> tuple[dict[str, str], dict[int, int]]:
    """The records of this day and method, and what people entered as the cost to serve, by customer.

    A cost counts from the newest record that has one, of any method.
    """
    there: dict[str, str] = {}
    cost: dict[int, tuple[int, int]] = {}
    if not run.work.has("lifetime_value", "customer", "as_of_on", "method"):
        return there, {}
    number = {id: place for place, id in enumerate(customers)}
    costed = run.work.has("lifetime_value", "cost_to_serve")
    fields = ["customer", "as_of_on", "method", *(["cost_to_serve"] if costed else [])]
    zone = run.session.engine.zone
    for record in run.work.read("lifetime_value", fields, counted=costed):
        values, who = record.fields, number.get(str(record.fields["customer"]))
        day = day_of(values.get("as_of_on"), zone)
        if who is None or day is None or day > run.as_of.toordinal():
            continue
        if day == run.as_of.toordinal() and values.get("method") == method:
            there.setdefault(str(values["customer"]), record.id)
        entered = values.get("cost_to_serve")
        if isinstance(entered, Money) and entered.currency == currency and day >= cost.get(who, (0, 0))[0]:
            cost[who] = day, micros_of(entered) or 0
    return there, {who: amount for who, (_, amount) in cost.items()}


def _histories(
    customers: Sequence[str],
    summary: Summary,
    direct: NDArray[np.int64],
    repeat: NDArray[np.int64],
    referral: NDArray[np.int64],
    cost: Mapping[int, int],
    expected: Expected | None,
    currency: str,
    worth: NDArray[np.int64],
) -> list[History]:
    at = {int(place): one for one, place in enumerate(summary.place)}
    involved = sorted(at.keys() | {int(one) for one in np.flatnonzero(referral)})
    found = []
    for who in sorted(involved, key=lambda one: (-int(worth[one]), one)):
        spent, one = cost.get(who), at.get(who)
        history = History(
            customers[who],
            money_of(int(direct[who]), currency),
            money_of(int(repeat[who]), currency),
            money_of(int(referral[who]), currency),
            None if spent is None else money_of(spent, currency),
            money_of(int(worth[who]) - (spent or 0), currency),
        )
        if expected is not None and one is not None:
            history = attrs.evolve(
                history,
                alive=Decimal(f"{expected.alive[one]:.4f}"),
                expected=money_of(expected.value[one] * MICROS, currency),
                low=money_of(expected.low[one] * MICROS, currency),
                high=money_of(expected.high[one] * MICROS, currency),
            )
        found.append(history)
    return found


def _confidence(run: Run, purchases: Purchases, expected: Expected) -> None:
    """Try the model on the last quarter of the time, which it is not shown."""
    if not (expected.buying.settled and expected.spending.settled):
        run.says("insights.says_unsettled")
    days = purchases.day
    cut = int(days.min() + 0.75 * (run.as_of.toordinal() - days.min()))
    summary = summarise(purchases, cut)
    if int((summary.frequency > 0).sum()) < _LEAST:
        run.says("insights.says_untried")
        return
    model = fit_buying(summary.frequency, summary.recency, summary.age)
    weeks = (run.as_of.toordinal() - cut) / _WEEK
    guess = model.expected(weeks, summary.frequency, summary.recency, summary.age)
    later = days > cut
    who, _ = unique_days(purchases.customer[later], days[later])
    actual = np.bincount(who, minlength=len(purchases.customers))[summary.place]
    related = _correlation(guess, actual)
    run.says(
        "insights.says_tried",
        weeks=round(weeks),
        expected=round(float(guess.sum())),
        actual=int(actual.sum()),
        correlation=f"{related:.2f}",
    )
    if related < 0.2 or not 0.75 <= float(guess.sum()) / max(float(actual.sum()), 1.0) <= 1.25:
        run.says("insights.says_poor")


def _correlation(first: Floats, second: NDArray[Any]) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _keep(run: Run, method: str, rows: Sequence[History], there: Mapping[str, str]) -> None:
    if not run.can_keep("lifetime_value", "customer", "as_of_on", "method"):
        return
    run.keep()
    ranged = run.work.has("lifetime_value", "expected_low", "expected_high")
    made = (
        Row(
            {
                "customer": one.customer,
                "as_of_on": run.as_of,
                "method": method,
                "direct_sales": one.direct,
                "repeat_sales": one.repeat,
                "referral_sales": one.referral,
                "value_so_far": one.so_far,
                "expected_value": one.expected,
                "probability_active": one.alive,
                "insight_run": run.record,
                **({"expected_low": one.low, "expected_high": one.high} if ranged else {}),
            },
            there.get(one.customer, ""),
        )
        for one in rows
    )
    sales = [
        *(("order", name) for name in ("customer", "ordered_at", "order_state", "total_amount")),
        *(("order_line", name) for name in ("order", "quantity", "line_amount", "returned_quantity")),
    ]
    referred = [*sales, ("referral", "customer"), ("referral", "referred_customer")]
    run.write(
        "lifetime_value",
        made,
        sources={
            **dict.fromkeys(
                ("direct_sales", "repeat_sales", "expected_value", "expected_low", "expected_high"), sales
            ),
            "probability_active": sales,
            "referral_sales": referred,
            "value_so_far": [*referred, ("lifetime_value", "cost_to_serve")],
        },
    )
