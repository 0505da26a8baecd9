"""The few statistics that the rules use: median, spread, percentiles; of small lists."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

__all__ = ["percentile", "robust_limit"]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed; 0 of none.

    Args:
        values: any order.
        share: 0 to 1.
    """
    if not values:
        return 0.0
    ordered = sorted(values)
    place = max(0, min(len(ordered) - 1, -(-int(share * len(ordered) * 1_000_000) // 1_000_000) - 1))
    return float(ordered[place])


def robust_limit(values: Sequence[float], widths: float) -> float:
    """Median and so many robust standard deviations (1.4826 times the median absolute deviation)."""
    if not values:
        return 0.0
    middle = median(values)
    return float(middle + widths * 1.4826 * median([abs(value - middle) for value in values]))
