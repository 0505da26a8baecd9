"""How well alert rules find what was planted, in houses with seeds that nobody tuned them on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from muniment.testing.simulation import score, simulate

SEEDS = (51_907, 63_018)
"""Of no house that a rule or a threshold was ever tried on but here."""


def alerts(*, short: bool, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """Precision, recall, alerts for 10,000 entries, and what a month without violations raises.

    Args:
        short: small houses, and one of them.
        seeds: of the houses.
    """
    size = {"staff": 25, "subjects": 700, "days": 66} if short else {}
    houses = []
    for seed in seeds[: 1 if short else None]:
        house = simulate(seed, **size)
        began = time.process_time()
        found = score(house)
        seconds = time.process_time() - began
        houses.append(
            {
                "seed": seed,
                "entries": found.events,
                "planted": found.planted,
                "recall": round(found.recall, 4),
                "missed": sorted({one.rule for one in found.missed}),
                "precision": round(found.precision, 4),
                "alerts_per_10000": round(found.per_10_000, 2),
                "by_rule": dict(found.alerts),
                "entries_per_cpu_second": round(found.events / seconds),
            }
        )
    quiet = score(simulate(seeds[0] + 1_000, planted=0, **{**size, "days": 30}))
    month = {
        "entries": quiet.events,
        "alerts_per_10000": round(quiet.per_10_000, 2),
        "worst_severity": quiet.worst or "none",
        "by_rule": dict(quiet.alerts),
    }
    return {"houses": houses, "quiet_month": month}
