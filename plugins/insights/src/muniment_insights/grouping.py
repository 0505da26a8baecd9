"""Customers in groups: by recency, frequency and amount, and by k-means; pure.

RFM gives each customer a score from 1 to 5 for each of the three, by fifths of those who bought (A. M.
Hughes, "Strategic Database Marketing"), and names the group by the score of recency and the mean of the
other two. k-means is run on the three, logarithms taken and standardised, for each k from 2 on; the k with
the highest mean silhouette (P. J. Rousseeuw, 1987) is taken and stated with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from muniment.errors import UsageError
from muniment_insights.buying import Floats

__all__ = ["RFM_GROUPS", "Clusters", "Scores", "cluster", "rfm_group", "rfm_scores"]

RFM_GROUPS: Final = ("champions", "loyal", "promising", "attention", "at_risk", "asleep")
_LARGEST_K: Final = 8
_LEAST: Final = 20
_SILHOUETTE_SAMPLE: Final = 5_000
_SEED: Final = 19870101


@attrs.frozen
class Scores:
    """Scores from 1 to 5 of each customer who bought.

    Attributes:
        recency: 5 for who bought last.
        frequency: 5 for who bought most often.
        amount: 5 for who bought for most.
    """

    recency: NDArray[np.int8]
    frequency: NDArray[np.int8]
    amount: NDArray[np.int8]


def _fifths(value: NDArray[Any]) -> NDArray[np.int8]:
    """Scores by fifths; who has the same value has the same score, that of the lowest place among them."""
    ordered = np.sort(value)
    place = np.searchsorted(ordered, value, side="left")
    return (place * 5 // len(value) + 1).astype(np.int8)


def rfm_scores(days_since: NDArray[Any], orders: NDArray[Any], micros: NDArray[Any]) -> Scores:
    """Score customers by fifths.

    Args:
        days_since: days since the last purchase.
        orders: how many.
        micros: amount.
    """
    return Scores(_fifths(-days_since), _fifths(orders), _fifths(micros))


def rfm_group(recency: int, frequency: int, amount: int) -> str:
    """The name of a customer's group, out of ``RFM_GROUPS``."""
    often = (frequency + amount) / 2
    if recency >= 4:
        return "champions" if often >= 4 else "loyal" if often >= 2.5 else "promising"
    if recency == 3:
        return "loyal" if often >= 4 else "attention"
    return "at_risk" if often >= 3 else "asleep"


@attrs.frozen
class Clusters:
    """What k-means found.

    Attributes:
        label: of each customer, 0 for the cluster with the highest mean amount.
        k: how many clusters.
        silhouette: mean, at that k.
        tried: mean silhouette of each k.
        centres: mean days since the last purchase, orders and amount in millionths of each cluster.
    """

    label: NDArray[np.int64]
    k: int
    silhouette: float
    tried: Mapping[int, float]
    centres: Sequence[tuple[float, float, float]]


def cluster(days_since: NDArray[Any], orders: NDArray[Any], micros: NDArray[Any], *, k: int = 0) -> Clusters:
    """Group customers by k-means.

    Args:
        days_since: days since the last purchase.
        orders: how many.
        micros: amount.
        k: how many clusters; 0 tries each from 2 to 8 and takes the one of the highest silhouette.

    Raises:
        UsageError: ``insights.too_few``, or ``insights.alike`` where all customers are the same.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    if len(orders) < _LEAST:
        raise UsageError("insights.too_few", count=len(orders), least=_LEAST)
    raw: Floats = np.column_stack(
        [np.log1p(np.maximum(one, 0)) for one in (days_since, orders, micros / 1_000_000)]
    )
    spread = raw.std(axis=0)
    points = (raw - raw.mean(axis=0))[:, spread > 1e-12] / spread[spread > 1e-12]
    different = len(np.unique(points, axis=0)) if points.size else 0
    if different < 3:
        raise UsageError("insights.alike")
    fits, tried = {}, {}
    for count in (k,) if k else range(2, min(_LARGEST_K, different - 1) + 1):
        if count >= different:
            raise UsageError("insights.alike")
        fit = KMeans(count, n_init=10, random_state=_SEED).fit(points)
        sample = None if len(points) <= _SILHOUETTE_SAMPLE else _SILHOUETTE_SAMPLE
        tried[count] = float(silhouette_score(points, fit.labels_, sample_size=sample, random_state=_SEED))
        fits[count] = fit.labels_
    best = max(tried, key=lambda count: (round(tried[count], 6), -count))
    return _ordered(fits[best], best, tried, days_since, orders, micros)


def _ordered(
    label: NDArray[Any],
    k: int,
    tried: Mapping[int, float],
    days_since: NDArray[Any],
    orders: NDArray[Any],
    micros: NDArray[Any],
) -> Clusters:
    """Clusters in order of amount, so that the first one means the same at the next run."""
    centres = []
    for one in range(k):
        inside = label == one
        centres.append(
            (float(days_since[inside].mean()), float(orders[inside].mean()), float(micros[inside].mean()))
        )
    order = sorted(range(k), key=lambda one: -centres[one][2])
    rank = np.empty(k, dtype=np.int64)
    rank[order] = np.arange(k)
    return Clusters(rank[label], k, tried[k], dict(tried), [centres[one] for one in order])
