"""A real shop through muniment, and the same computed plainly with pandas from the file itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from muniment_insights.behaviour import compute_behaviour
from muniment_insights.grouping import RFM_GROUPS
from muniment_insights.lifetime import compute_lifetime
from muniment_insights.runs import Asked
from muniment_insights.segments import compute_segments

AS_OF = date(2017, 12, 31)
ASKED = Asked(as_of=AS_OF)
CENT = Decimal("0.01")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table(data: Path) -> pd.DataFrame:
    """The file as it stands; amounts exact."""
    read: Any = pd.read_csv(
        data / "superstore.csv",
        usecols=["Order ID", "Order Date", "Customer ID", "Category", "Sales"],
        dtype={"Sales": str},
        parse_dates=["Order Date"],
    )
    read["Sales"] = read["Sales"].map(Decimal)
    return read


@pytest.fixture(scope="module")
def orders(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each order."""
    return table.groupby("Order ID", as_index=False).agg(
        customer=("Customer ID", "first"), day=("Order Date", "first"), amount=("Sales", "sum")
    )


def test_behaviour_adds_up(superstore: Any, table: pd.DataFrame, orders: pd.DataFrame) -> None:
    """Orders, amounts, days since and favourites of each of the 793, and the tiers by rank."""
    found = compute_behaviour(superstore.session(), ASKED)
    year = orders[orders["day"] >= "2017-01-01"]
    count, amount = year.groupby("customer")["Order ID"].count(), year.groupby("customer")["amount"].sum()
    last = orders.groupby("customer")["day"].max()
    number = {id: name for name, id in superstore.by_number().items()}
    assert len(found.habits) == 793
    for one in found.habits:
        name = number[one.customer]
        assert one.orders == count.get(name, 0)
        assert one.total is not None
        assert one.total.amount == amount.get(name, Decimal(0)).quantize(CENT)
        assert one.days_since == (pd.Timestamp(AS_OF) - last[name]).days
    lines = table[table["Order Date"] >= "2017-01-01"]
    by_category = lines.groupby(["Customer ID", "Category"])["Sales"].sum().reset_index()
    by_category = by_category.sort_values(["Customer ID", "Sales", "Category"], ascending=[True, False, True])
    favourite = by_category.groupby("Customer ID")["Category"].first()
    assert {number[one.customer]: one.category for one in found.habits if one.category} == favourite.to_dict()
    ranked = amount.sort_values(ascending=False)
    top = set(ranked.index[: int(np.ceil(len(ranked) * 0.2))])
    assert {number[one.customer] for one in found.habits if one.tier == "high"} == top
    assert sum(count for count, _ in found.tiers.values()) == len(ranked)
    assert sum(micros for _, micros in found.tiers.values()) == int(amount.sum() * 1_000_000)
    kept = superstore.session().list("behaviour", where={"period_end": AS_OF}, limit=1000).records
    assert len(kept) == 793
    assert sum(one.fields["order_count"] for one in kept) == len(year)
    again = compute_behaviour(superstore.session(), ASKED).about.written["behaviour"]
    assert (again.created, again.deleted) == (0, 0)


def test_lifetime_value_adds_up(superstore: Any, orders: pd.DataFrame) -> None:
    """What each has brought is the plain sum, the first day's and the later ones apart."""
    found = compute_lifetime(superstore.session(), ASKED)
    total = orders.groupby("customer")["amount"].sum()
    first = orders.groupby("customer")["day"].transform("min")
    direct = orders[orders["day"] == first].groupby("customer")["amount"].sum()
    number = {id: name for name, id in superstore.by_number().items()}
    assert len(found.customers) == 793
    for one in found.customers:
        name = number[one.customer]
        assert one.so_far.amount == total[name].quantize(CENT)
        assert one.direct.amount == direct[name].quantize(CENT)
        assert one.repeat.amount == (total[name] - direct[name]).quantize(CENT)
        assert one.alive is not None
        assert 0 <= one.alive <= 1
        assert one.expected is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low.amount <= one.high.amount
    assert [one.so_far.amount for one in found.customers] == sorted(
        (one.so_far.amount for one in found.customers), reverse=True
    )
    # These customers were made up and never leave, which the trial on the last year finds out.
    assert "insights.says_poor" in [code for code, _ in found.about.confidence]
    (kept,) = (
        superstore.session()
        .list(
            "lifetime_value", where={"customer": found.customers[0].customer, "method": "bg_nbd"}, scan=True
        )
        .records
    )
    assert kept.fields["value_so_far"] == found.customers[0].so_far
    assert kept.fields["insight_run"] == found.about.run


def test_rfm_segments_add_up(superstore: Any, orders: pd.DataFrame) -> None:
    """Scores by fifths of rank, and groups of them, as pandas gives them."""
    found = compute_segments(superstore.session(), ASKED, method="rfm")
    each = orders.groupby("customer").agg(
        last=("day", "max"), n=("Order ID", "count"), amount=("amount", "sum")
    )
    each["days"] = -(pd.Timestamp(AS_OF) - each["last"]).dt.days
    each["amount"] = each["amount"].astype(float)
    scores = {
        name: ((each[name].rank(method="min") - 1) * 5 // len(each) + 1).astype(int)
        for name in ("days", "n", "amount")
    }
    often = (scores["n"] + scores["amount"]) / 2
    group = np.select(
        [
            (scores["days"] >= 4) & (often >= 4),
            (scores["days"] >= 4) & (often >= 2.5),
            scores["days"] >= 4,
            (scores["days"] == 3) & (often >= 4),
            scores["days"] == 3,
            often >= 3,
        ],
        ["champions", "loyal", "promising", "loyal", "attention", "at_risk"],
        "asleep",
    )
    expected = pd.Series(group).value_counts()
    assert {one.key: one.size for one in found.groups} == {
        f"rfm:{name}": int(expected[name]) for name in RFM_GROUPS
    }
    members = superstore.session().list("membership", limit=1000).records
    assert len(members) == 793
    assert {one.fields["segment"] for one in members} == {one.record for one in found.groups}


def test_k_means_states_its_choice_and_adds_up(superstore: Any) -> None:
    """The k that is taken has the highest silhouette of those tried; everybody is in one cluster."""
    found = compute_segments(superstore.session(), attrs_dry(), method="kmeans")
    assert len(found.groups) == max(found.tried, key=lambda k: found.tried[k])
    assert sum(one.size or 0 for one in found.groups) == 793
    assert set(found.tried) == set(range(2, 9))
    assert [one.micros for one in found.groups] == sorted(
        (one.micros or 0 for one in found.groups), reverse=True
    )


def attrs_dry() -> Asked:
    """The same, and nothing is kept."""
    return Asked(as_of=AS_OF, keep=False)


def test_the_log_says_what_was_read_and_verifies(superstore: Any) -> None:
    """After all of it, nothing of the log is amiss."""
    superstore.archive.log.verify()
