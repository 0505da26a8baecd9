"""KPIs by period, account manager and product, each with its interval and what it rests on.

| KPI | what it is | of |
|---|---|---|
| satisfaction | mean score | feedback by the day it came, requests of service by the day they were closed |
| win rate | won of won and lost | opportunities by the day they were closed |
| average deal | mean contract amount, or expected amount where there is no contract | won ones, likewise |
| response time | mean hours to the first response | requests of service by the day they were opened |
| return rate | quantity returned of quantity sold | lines of orders by the day of the order |

Intervals are 95 percent: Wilson's for the win rate (E. B. Wilson, 1927), normal for means. The account
manager is the customer's of today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from math import sqrt
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import UsageError
from muniment.model import Money, Value, id_text
from muniment.session.kernel.views import Record
from muniment.session.tables.computing import Row
from muniment_insights.facts import MICROS, day_of, micros_of, money_of
from muniment_insights.runs import Asked, Kept, Run, shown

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["BY", "METRICS", "PERIODS", "Figure", "Figures", "compute_kpis", "wilson"]

METHOD: Final = "kpi"
VERSION: Final = 1
METRICS: Final = ("satisfaction", "win_rate", "average_deal", "response_time", "return_rate")
PERIODS: Final = ("month", "quarter", "year", "all")
BY: Final = ("all", "owner", "product")
_Z: Final = 1.959963984540054
"""The 97.5 percent point of the normal distribution."""


@attrs.frozen
class Figure:
    """One KPI of one period and group.

    Attributes:
        metric: out of ``METRICS``.
        start: first day of the period.
        end: last day.
        group: login of the account manager or code of the product; empty for all.
        sample: how many records it rests on; None where they are too few to be told.
        value: None likewise; of an amount in units of the currency.
        low: lower end of the interval; None where there is none.
        high: upper end.
        currency: of an amount; empty for what is none.
    """

    metric: str
    start: date
    end: date
    group: str
    sample: int | None
    value: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None
    currency: str = ""


@attrs.frozen
class Figures:
    """What a run found.

    Attributes:
        figures: by KPI, period and group.
        missing: KPIs for which the archive has no table, or the actor reads none.
        by: how they are grouped.
        about: what the run says of itself.
    """

    figures: Sequence[Figure]
    missing: Sequence[str]
    by: str
    about: Kept


@attrs.define
class _Sum:
    """What is counted of one group; ``number`` adds up values or hits, ``of`` what they are of."""

    sample: int = 0
    number: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)
    of: Decimal = Decimal(0)

    def add(self, number: Decimal, of: Decimal = Decimal(1)) -> None:
        """Count one more."""
        self.sample += 1
        self.number += number
        self.squares += number * number
        self.of += of


_Key = tuple[str, date, str, str]
"""KPI, first day of the period, group, currency."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 percent interval of a share (E. B. Wilson, 1927).

    Args:
        hits: how many.
        of: of how many; more than none.
    """
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def compute_kpis(
    session: Session,
    asked: Asked,
    *,
    metrics: Sequence[str] = METRICS,
    period: str = "month",
    by: str = "all",
) -> Figures:
    """Compute KPIs, and keep a record of each one that may be told.

    Args:
        session: who computes, and why.
        asked: the period and the rest.
        metrics: out of ``METRICS``.
        period: out of ``PERIODS``.
        by: out of ``BY``; KPIs of customers have no product.

    Raises:
        UsageError: ``insights.no_metric`` where none can be computed.
        AccessDenied: the actor may not read in clear what it takes; logged.
    """
    run = Run(session, METHOD, VERSION, asked, {"period": period, "by": by})
    run.settings["since"] = run.since.isoformat()
    work = _Work(run, period, by)
    missing = [name for name in metrics if not _SOURCES[name](work)]
    if len(missing) == len(metrics):
        raise UsageError("insights.no_metric", known=", ".join(missing))
    figures = work.figures(metrics)
    run.says("insights.says_interval", count=sum(one.sample for one in work.sums.values()))
    if by == "owner":
        run.says("insights.says_owner")
    _keep(run, by, figures)
    return Figures(figures, missing, by, run.done())


class _Work:
    """One pass over the tables, and what was counted so far."""

    def __init__(self, run: Run, period: str, by: str) -> None:
        self.run, self.by = run, by
        self._period = period
        self._zone = run.session.engine.zone
        self.sums: dict[_Key, _Sum] = {}
        self._owners: dict[str, str] | None = None
        self._products: dict[str, str] | None = None

    def start_of(self, value: Value) -> date | None:
        """The first day of the period that a time is in; None where it does not count."""
        found = day_of(value, self._zone)
        if found is None or not self.run.since.toordinal() <= found <= self.run.as_of.toordinal():
            return None
        day = date.fromordinal(found)
        if self._period == "all":
            return self.run.since
        month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[self._period]
        return max(date(day.year, month, 1), self.run.since)

    def end_of(self, start: date) -> date:
        """The last day of the period that begins, or goes on, on a day."""
        if self._period == "all":
            return self.run.as_of
        months = {"month": 1, "quarter": 3, "year": 12}[self._period]
        past = (start.month - 1) // months * months + months
        end = date.fromordinal(date(start.year + past // 12, past % 12 + 1, 1).toordinal() - 1)
        return min(end, self.run.as_of)

    def add(
        self,
        metric: str,
        when: Value,
        group: str | None,
        number: Decimal,
        of: Decimal = Decimal(1),
        currency: str = "",
    ) -> None:
        """Count one record; a group of None does not count."""
        start = self.start_of(when)
        if start is not None and group is not None:
            self.sums.setdefault((metric, start, group, currency), _Sum()).add(number, of)

    def group_of(self, customer: Value, product: Value = None) -> str | None:
        """The group that a record of a customer, or of a product, belongs to."""
        if self.by == "all":
            return ""
        if self.by == "owner":
            return self._owner_names().get(str(customer), "—")
        return self._codes().get(str(product)) if product is not None else None

    def _owner_names(self) -> dict[str, str]:
        if self._owners is None:
            work, session = self.run.work, self.run.session
            if not work.has("customer", "account_owner"):
                raise UsageError("insights.no_owner")
            owners = {
                record.id: str(record.fields["account_owner"])
                for record in work.read("customer", ["account_owner"])
                if record.fields.get("account_owner") is not None
            }
            users = session.engine.definitions.users.values()
            names = {id_text(user.record): user.login for user in users}
            self._owners = {id: names.get(owner, owner) for id, owner in owners.items()}
        return self._owners

    def _codes(self) -> dict[str, str]:
        if self._products is None:
            work = self.run.work
            if not work.has("product", "product_code"):
                raise UsageError("insights.no_products")
            self._products = {
                record.id: str(record.fields.get("product_code", record.id))
                for record in work.read("product", ["product_code"])
            }
        return self._products

    def figures(self, metrics: Sequence[str]) -> list[Figure]:
        """The figures, with what is too small withheld."""
        found: list[Figure] = []
        for metric in metrics:
            wholes: dict[tuple[date, str], dict[str, int]] = {}
            for (name, start, group, currency), one in self.sums.items():
                if name == metric:
                    wholes.setdefault((start, currency), {})[group] = one.sample
            for (start, currency), sizes in sorted(wholes.items()):
                told = shown(sizes, self.run.asked.at_least)
                self.run.suppressed += len(sizes) - len(told)
                for group in sorted(sizes):
                    end = self.end_of(start)
                    if group not in told:
                        found.append(Figure(metric, start, end, group, None, None, currency=currency))
                        continue
                    one = self.sums[metric, start, group, currency]
                    found.append(_figure(metric, start, end, group, currency, one))
        return found


def _figure(metric: str, start: date, end: date, group: str, currency: str, one: _Sum) -> Figure:
    if not one.of:
        return Figure(metric, start, end, group, one.sample, None, currency=currency)
    value = one.number / one.of
    low = high = None
    if metric == "win_rate":
        low, high = (_rounded(Decimal(edge)) for edge in wilson(int(one.number), one.sample))
    elif metric != "return_rate" and one.sample > 1:
        spread = max((one.squares - one.number * value) / (one.sample - 1), Decimal(0))
        half = Decimal(_Z) * (spread / one.sample).sqrt()
        low, high = _rounded(value - half), _rounded(value + half)
    return Figure(metric, start, end, group, one.sample, _rounded(value), low, high, currency)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


# Where each one comes from: whether there was anything to read


def _satisfaction(work: _Work) -> bool:
    found, run = False, work.run
    # Feedback belongs to a customer, a request of service to a product too.
    sources = () if work.by == "product" else (("feedback", "received_at"),)
    for type, when in (*sources, ("service_request", "closed_at")):
        if run.work.has(type, "customer", "satisfaction_score", when):
            found = True
            about = ["product"] if type == "service_request" and work.by == "product" else []
            if about and not run.work.has(type, *about):
                continue
            for record in run.work.read(type, ["customer", "satisfaction_score", when, *about]):
                score = record.fields.get("satisfaction_score")
                if isinstance(score, int):
                    group = work.group_of(record.fields["customer"], record.fields.get("product"))
                    work.add("satisfaction", record.fields.get(when), group, Decimal(score))
    return found


def _closed(work: _Work, fields: Sequence[str]) -> Iterator[Record]:
    wanted = [name for name in ("contract_amount", "expected_amount") if name in fields]
    kept = [name for name in wanted if work.run.work.has("opportunity", name)]
    return work.run.work.read("opportunity", ["customer", "stage", "closed_on", *kept])


def _win_rate(work: _Work) -> bool:
    if work.by == "product" or not work.run.work.has("opportunity", "customer", "stage", "closed_on"):
        return False
    for record in _closed(work, ()):
        values = record.fields
        if values.get("stage") in ("won", "lost"):
            group = work.group_of(values["customer"])
            work.add("win_rate", values.get("closed_on"), group, Decimal(values["stage"] == "won"))
    return True


def _average_deal(work: _Work) -> bool:
    amounts = ("contract_amount", "expected_amount")
    has = work.run.work.has
    if work.by == "product" or not has("opportunity", "customer", "stage", "closed_on"):
        return False
    if not any(has("opportunity", name) for name in amounts):
        return False
    for record in _closed(work, amounts):
        values = record.fields
        amount = values.get("contract_amount") or values.get("expected_amount")
        if values.get("stage") == "won" and isinstance(amount, Money):
            group = work.group_of(values["customer"])
            work.add(
                "average_deal",
                values.get("closed_on"),
                group,
                Decimal(amount.amount),
                currency=amount.currency,
            )
    return True


def _response_time(work: _Work) -> bool:
    fields = ["customer", "opened_at", "first_response_at", *(["product"] if work.by == "product" else [])]
    if not work.run.work.has("service_request", *fields):
        return False
    for record in work.run.work.read("service_request", fields):
        opened, answered = record.fields.get("opened_at"), record.fields.get("first_response_at")
        if isinstance(opened, datetime) and isinstance(answered, datetime) and answered >= opened:
            seconds = (answered - opened).total_seconds()
            group = work.group_of(record.fields["customer"], record.fields.get("product"))
            work.add("response_time", opened, group, Decimal(str(seconds)) / 3_600)
    return True


def _return_rate(work: _Work) -> bool:
    run = work.run
    if not run.work.has("order_line", "order", "quantity", "returned_quantity", "product"):
        return False
    if not run.work.has("order", "customer", "ordered_at"):
        return False
    customers, _ = run.customers()
    purchases = run.purchases(customers)
    lines = purchases.lines
    if lines is None:
        return False
    for purchase, product, sold, returned in zip(
        lines.purchase.tolist(),
        lines.product.tolist(),
        lines.sold.tolist(),
        lines.returned.tolist(),
        strict=True,
    ):
        day = date.fromordinal(int(purchases.day[purchase]))
        item = lines.products[product] if product >= 0 else None
        group = work.group_of(customers[int(purchases.customer[purchase])], item)
        work.add("return_rate", day, group, Decimal(returned) / MICROS, Decimal(sold) / MICROS)
    return True


_SOURCES: Final[Mapping[str, Callable[[_Work], bool]]] = {
    "satisfaction": _satisfaction,
    "win_rate": _win_rate,
    "average_deal": _average_deal,
    "response_time": _response_time,
    "return_rate": _return_rate,
}

_INPUTS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "satisfaction": [("feedback", "satisfaction_score"), ("service_request", "satisfaction_score")],
    "win_rate": [("opportunity", "stage"), ("opportunity", "closed_on")],
    "response_time": [("service_request", "opened_at"), ("service_request", "first_response_at")],
    "return_rate": [("order_line", "quantity"), ("order_line", "returned_quantity")],
}


def _keep(run: Run, by: str, figures: Sequence[Figure]) -> None:
    keys = ["figure_metric", "figure_start", "figure_end", "figure_by", "figure_group"]
    if not run.can_keep("insight_figure", *keys):
        return
    there = run.there("insight_figure", keys)
    run.keep()
    rows = []
    for one in figures:
        if one.value is None:
            continue
        money = bool(one.currency)
        rows.append(
            Row(
                {
                    "figure_metric": one.metric,
                    "figure_start": one.start,
                    "figure_end": one.end,
                    "figure_by": by,
                    "figure_group": one.group or None,
                    "figure_value": None if money else one.value,
                    "figure_amount": money_of(micros_of(one.value) or 0, one.currency) if money else None,
                    "figure_low": None if money else one.low,
                    "figure_high": None if money else one.high,
                    "figure_sample": one.sample,
                    "insight_run": run.record,
                },
                there.get((one.metric, one.start, one.end, by, one.group or None), ""),
            )
        )
    groups = [("customer", "account_owner")] if by == "owner" else [("product", "product_code")]
    plain = [pair for name in METRICS if name in _INPUTS for pair in _INPUTS[name]]
    deal = [("opportunity", "contract_amount"), ("opportunity", "expected_amount")]
    sources: dict[str, Sequence[tuple[str, str]]] = dict.fromkeys(
        ("figure_value", "figure_low", "figure_high", "figure_sample"), plain
    )
    nothing = dict.fromkeys(("figure_metric", "figure_start", "figure_end", "figure_by"), ())
    run.write(
        "insight_figure", rows, sources={**nothing, **sources, "figure_group": groups, "figure_amount": deal}
    )
