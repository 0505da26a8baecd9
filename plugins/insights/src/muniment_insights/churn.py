"""How likely each customer is to buy no more within a stretch of days.

**Method.** Logistic regression with an L2 penalty on five facts of the past: days since the last purchase,
how often, for how much on average, how long known, and the last pause against the customer's own usual one.
It learns from the time one stretch before: the same facts as they stood then, and who bought nothing since.

**Validation.** Five-fold cross-validation on those customers gives the area under the curve (0.5 is a coin)
and the Brier score (0.25 is a coin); both are stated with the share who left. No model is used below a
hundred customers or ten of either kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from muniment.errors import UsageError, text_of
from muniment.session.tables.computing import Row
from muniment_insights.buying import Floats
from muniment_insights.facts import MICROS, Purchases, unique_days
from muniment_insights.runs import Asked, Kept, Run, shown

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["BANDS", "FACTS", "Churn", "Risk", "compute_churn", "facts_at"]

METHOD: Final = "churn"
VERSION: Final = 1
BANDS: Final = ("high", "medium", "low")
FACTS: Final = ("since", "orders", "amount", "known", "pause")
_LEAST: Final = 100
_LEAST_OF_A_KIND: Final = 10
_SEED: Final = 7


@attrs.frozen
class Risk:
    """One customer.

    Attributes:
        customer: UUID text.
        risk: from 0 to 1.
        band: ``high``, ``medium`` or ``low``.
        reason: in words.
    """

    customer: str
    risk: Decimal
    band: str
    reason: str


@attrs.frozen
class Churn:
    """What a run found.

    Attributes:
        risks: of each customer who ever bought, highest first.
        bands: how many customers in each; None where they are too few to be told.
        weights: of each fact, for one standard deviation.
        auc: area under the curve in cross-validation.
        brier: Brier score in cross-validation.
        share: who left, of those it learnt from.
        about: what the run says of itself.
    """

    risks: Sequence[Risk]
    bands: Mapping[str, int | None]
    weights: Mapping[str, float]
    auc: float
    brier: float
    share: float
    about: Kept


def facts_at(purchases: Purchases, day: int) -> tuple[NDArray[np.int64], Floats]:
    """The facts of each customer who had bought by a day.

    Args:
        purchases: orders.
        day: as ``date.toordinal``.

    Returns:
        The numbers of the customers, and a row of the logarithms of ``FACTS`` for each.
    """
    kept = purchases.day <= day
    customer, when, micros = purchases.customer[kept], purchases.day[kept], purchases.micros[kept]
    who, days = unique_days(customer, when)
    place, start, count = np.unique(who, return_index=True, return_counts=True)
    first, last = days[start], days[start + count - 1]
    amount = np.zeros(len(purchases.customers), dtype=np.int64)
    np.add.at(amount, customer, micros)
    since, known = (day - last).astype(float), (day - first).astype(float)
    usual = np.divide((last - first), np.maximum(count - 1, 1)).astype(float)
    usual = np.where(count > 1, np.maximum(usual, 1.0), np.maximum(known, 1.0))
    average = amount[place] / MICROS / count
    facts = [since, count, np.maximum(average, 0.0), known, since / usual]
    return place, np.column_stack([np.log1p(one) for one in facts])


def compute_churn(session: Session, asked: Asked, *, days: int = 180, lang: str = "en") -> Churn:
    """Compute the risk of each customer, and keep a record of it.

    Args:
        session: who computes, and why.
        asked: the day and the rest.
        days: without a purchase that count as leaving.
        lang: of reasons.

    Raises:
        UsageError: ``insights.no_orders`` or ``insights.too_few``.
        AccessDenied: the actor may not read in clear what it takes; logged.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import brier_score_loss, roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    run = Run(session, METHOD, VERSION, asked, {"days": days})
    customers, _ = run.customers()
    purchases = run.purchases(customers)
    last = run.as_of.toordinal()
    place, before = facts_at(purchases, last - days)
    bought = np.unique(purchases.customer[(purchases.day > last - days) & (purchases.day <= last)])
    left = ~np.isin(place, bought)
    fewest = min(int(left.sum()), int((~left).sum()))
    if len(place) < _LEAST or fewest < _LEAST_OF_A_KIND:
        raise UsageError("insights.too_few_left", count=len(place), least=_LEAST, fewest=fewest)
    model: Any = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1_000))
    folds = StratifiedKFold(5, shuffle=True, random_state=_SEED)
    tried = cross_val_predict(model, before, left, cv=folds, method="predict_proba")[:, 1]
    auc, brier = float(roc_auc_score(left, tried)), float(brier_score_loss(left, tried))
    model.fit(before, left)
    now, facts = facts_at(purchases, last)
    weights = model[-1].coef_[0]
    pull = model[0].transform(facts) * weights
    risk = model.predict_proba(facts)[:, 1]
    share = float(left.mean())
    run.says(
        "insights.says_churn",
        auc=f"{auc:.2f}",
        brier=f"{brier:.2f}",
        share=f"{share:.0%}",
        count=len(place),
        days=days,
    )
    if auc < 0.65:
        run.says("insights.says_weak")
    risks = [
        Risk(customers[int(place)], Decimal(f"{value:.4f}"), _band(value), _reason(row, lang))
        for place, value, row in sorted(
            zip(now, risk, pull, strict=True), key=lambda one: (-round(float(one[1]), 6), int(one[0]))
        )
    ]
    sizes = {band: sum(one.band == band for one in risks) for band in BANDS}
    told = shown(sizes, asked.at_least)
    run.suppressed = len(sizes) - len(told)
    _keep(run, risks, days)
    return Churn(
        risks,
        {band: size if band in told else None for band, size in sizes.items()},
        dict(zip(FACTS, map(float, weights), strict=True)),
        auc,
        brier,
        share,
        run.done(),
    )


def _band(risk: float) -> str:
    return "high" if risk >= 0.7 else "medium" if risk >= 0.4 else "low"


def _reason(pull: Floats, lang: str) -> str:
    """The two facts that weigh most, and which way."""
    strongest = np.argsort(-np.abs(pull))[:2]
    said = [
        text_of(f"insights.fact_{FACTS[one]}_{'up' if pull[one] > 0 else 'down'}", lang)[0]
        for one in strongest
    ]
    return "; ".join(said)


def _keep(run: Run, risks: Sequence[Risk], days: int) -> None:
    if not run.can_keep("churn_risk", "customer", "risk_as_of_on"):
        return
    there = run.there("churn_risk", ["customer", "risk_as_of_on"], where={"risk_as_of_on": run.as_of})
    run.keep()
    run.write(
        "churn_risk",
        (
            Row(
                {
                    "customer": one.customer,
                    "risk_as_of_on": run.as_of,
                    "risk_days": days,
                    "risk_value": one.risk,
                    "risk_band": one.band,
                    "risk_reason": one.reason,
                    "insight_run": run.record,
                },
                there.get((one.customer, run.as_of), ""),
            )
            for one in risks
        ),
        sources={"risk_days": ()},
    )
