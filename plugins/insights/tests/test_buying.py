"""BG/NBD and Gamma-Gamma: the figures that were published, and what must hold of any."""

from __future__ import annotations

import csv
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment_insights.buying import Buying, Floats, Spending, fit_buying, fit_spending, simulate


def published(name: str) -> list[list[float]]:
    """A table that the distribution ``lifetimes`` ships (MIT): the CDNOW sample, 2,357 customers.

    It is the 1/10 systematic sample that Fader and Hardie published with their papers.
    """
    (path,) = (one for one in distribution("lifetimes").files or () if one.name == name)
    with Path(str(path.locate())).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return [[float(cell) for cell in row[1:]] for row in rows[1:]]


@pytest.fixture(scope="module")
def cdnow() -> tuple[Floats, Floats, Floats]:
    """Repeat purchases, weeks to the last one, weeks observed."""
    table = np.array(published("cdnow_customers_summary.csv"))
    assert table.shape == (2_357, 3)
    return table[:, 0], table[:, 1], table[:, 2]


@pytest.mark.slow
def test_bg_nbd_gives_the_published_parameters(cdnow: tuple[Floats, Floats, Floats]) -> None:
    """Fader, Hardie and Lee (2005), table 2: r 0.243, alpha 4.414, a 0.793, b 2.426, LL -9582.4."""
    found = fit_buying(*cdnow)
    assert [round(one, 3) for one in (found.r, found.alpha, found.a, found.b)] == [0.243, 4.414, 0.793, 2.426]
    assert round(found.log_likelihood, 1) == -9582.4
    assert found.settled
    assert found.customers == 2_357


def test_bg_nbd_expects_what_was_published() -> None:
    """Customer 1 of the sample: 2 repeats, the last at 30.43 of 38.86 weeks; 1.226 in the next 39."""
    model = Buying(0.243, 4.414, 0.793, 2.426, 0.0, 2_357, True)
    one = np.array([2.0]), np.array([30.43]), np.array([38.86])
    assert round(float(model.expected(39.0, *one)[0]), 3) == 1.226


@pytest.mark.slow
def test_gamma_gamma_gives_the_published_parameters() -> None:
    """Fader and Hardie (2013): p 6.25, q 3.74, gamma 15.44 over 946 customers with a repeat."""
    table = np.array(published("cdnow_customers_summary_with_transactions.csv"))
    repeats, average = table[:, 0], table[:, 3]
    kept = (repeats > 0) & (average > 0)
    found = fit_spending(repeats[kept], average[kept])
    assert found.customers == 946
    assert (found.p, found.q, found.gamma) == (
        pytest.approx(6.25, abs=0.005),
        pytest.approx(3.74, abs=0.005),
        pytest.approx(15.44, abs=0.01),
    )
    # The mean over customers, which is p gamma / (q - 1).
    assert float(found.expected(np.zeros(1), np.zeros(1))[0]) == pytest.approx(35.2, abs=0.1)


def test_a_fit_finds_the_parameters_that_customers_were_drawn_with() -> None:
    """Four thousand customers of known parameters; their estimates are near."""
    random, size, age = np.random.default_rng(3), 4_000, 52.0
    rate, leaving = random.gamma(0.8, 1 / 6.0, size), random.beta(1.2, 3.0, size)
    count, last = np.zeros(size), np.zeros(size)
    now, alive = np.zeros(size), np.ones(size, dtype=bool)
    while alive.any():
        now = now + random.exponential(1 / rate)
        alive &= now <= age
        count[alive] += 1
        last[alive] = now[alive]
        alive &= random.random(size) > leaving
    found = fit_buying(count, last, np.full(size, age))
    assert found.r / found.alpha == pytest.approx(0.8 / 6.0, rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(1.2 / 4.2, rel=0.15)


@given(st.integers(0, 40), st.floats(0, 1), st.floats(1, 200), st.floats(0.1, 150))
def test_probabilities_and_expectations_stay_within_their_bounds(
    repeats: int, share: float, age: float, time: float
) -> None:
    """Alive is a probability; more time is never fewer purchases; nobody buys more than without leaving."""
    model = Buying(0.243, 4.414, 0.793, 2.426, 0.0, 1, True)
    x = np.array([float(repeats)])
    last, observed = np.array([age * share if repeats else 0.0]), np.array([age])
    alive = float(model.alive(x, last, observed)[0])
    assert 0.0 <= alive <= 1.0
    assert repeats or alive == 1.0
    soon, later = (float(model.expected(span, x, last, observed)[0]) for span in (time, 2 * time))
    assert 0.0 <= soon <= later + 1e-9
    assert soon <= (0.243 + repeats) / (4.414 + age) * time + 1e-9


def test_drawn_futures_have_the_expected_mean() -> None:
    """The range is drawn from the model that gives the expectation."""
    model = Buying(0.243, 4.414, 0.793, 2.426, 0.0, 1, True)
    three = np.array([0.0, 2.0, 12.0]), np.array([0.0, 30.43, 35.0]), np.array([38.86, 38.86, 38.86])
    drawn = simulate(model, 39.0, *three, draws=40_000, seed=1)
    assert drawn.mean(axis=0) == pytest.approx(model.expected(39.0, *three), rel=0.05)
    again = simulate(model, 39.0, *three, draws=40_000, seed=1)
    assert (again == drawn).all()


def test_who_bought_often_is_believed_their_own_average() -> None:
    """The more purchases, the nearer the expectation is to what a customer spent so far."""
    model = Spending(6.25, 3.74, 15.44, 0.0, 1, True)
    found = model.expected(np.array([0.0, 1.0, 5.0, 100.0]), np.array([0.0, 100.0, 100.0, 100.0]))
    assert list(found) == sorted(found)
    assert found[3] == pytest.approx(100.0, rel=0.02)
