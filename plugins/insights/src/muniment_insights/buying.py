"""When customers buy again, and for how much: BG/NBD and Gamma-Gamma, fitted by maximum likelihood.

BG/NBD: P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way: An
Alternative to the Pareto/NBD Model", Marketing Science 24 (2005) 275-284; numbers of equations are
those of that paper. Gamma-Gamma: P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary
Value" (2013).

All arrays are one-dimensional, of 64-bit floats, with one place for each customer.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

__all__ = ["Buying", "Floats", "Spending", "fit_buying", "fit_spending", "simulate"]

Floats: TypeAlias = NDArray[np.float64]

_STARTS: Final = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.5, 0.8, 2.5), (2.0, 0.2, 0.3, 3.0))
_EDGE: Final = 12.0
"""How far the logarithm of a parameter may go: beyond that the data say nothing of it."""


@attrs.frozen
class Buying:
    """A fitted BG/NBD model.

    Attributes:
        r: shape of the gamma distribution of purchase rates.
        alpha: its rate, in units of time.
        a: first shape of the beta distribution of dropping out after a purchase.
        b: its second shape.
        log_likelihood: at these values.
        customers: how many it was fitted to.
        settled: whether the search ended within its bounds; otherwise the parameters mean little.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    settled: bool

    def alive(self, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """The probability that a customer still buys; who bought once has not had the chance to leave.

        Args:
            frequency: repeat purchases.
            recency: time of the last purchase since the first.
            age: time observed since the first.
        """
        x = np.maximum(frequency, 1.0)
        left = np.log(self.a / (self.b + x - 1)) + (self.r + x) * (
            np.log(self.alpha + age) - np.log(self.alpha + recency)
        )
        # The odds of having left can be beyond any float; the probability is 0 then.
        return np.where(frequency > 0, 1.0 / (1.0 + np.exp(np.minimum(left, 700.0))), 1.0)

    def expected(self, time: float, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """How many purchases are expected in a coming stretch of time; equation (10).

        Args:
            time: how long, in the units of the fit.
            frequency: repeat purchases.
            recency: time of the last purchase since the first.
            age: time observed since the first.
        """
        from scipy.special import hyp2f1

        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        # At a = 1 the formula is of the form 0/0; the neighbourhood gives its limit.
        a = a + 1e-7 if abs(a - 1.0) < 1e-7 else a
        x = frequency
        z = time / (alpha + age + time)
        ratio = hyp2f1(r + x, b + x, a + b + x - 1, z)
        shrunk = np.exp((r + x) * (np.log(alpha + age) - np.log(alpha + age + time)))
        while_alive = (a + b + x - 1) / (a - 1) * (1.0 - shrunk * ratio)
        return np.asarray(while_alive * self.alive(frequency, recency, age), dtype=np.float64)


def _fit(loss: object, starts: tuple[tuple[float, ...], ...]) -> tuple[Floats, float, bool]:
    """The parameters of least loss, searched for by their logarithms from several starts."""
    from scipy.optimize import minimize

    best = None
    for start in starts:
        found = minimize(
            loss,
            np.log(np.asarray(start)),
            method="L-BFGS-B",
            bounds=[(-_EDGE, _EDGE)] * len(start),
            options={"maxiter": 2_000, "ftol": 1e-13, "gtol": 1e-8},
        )
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    inside = bool(np.all(np.abs(best.x) < _EDGE - 0.01))
    return np.exp(best.x), float(best.fun), inside


def fit_buying(frequency: Floats, recency: Floats, age: Floats) -> Buying:
    """Fit BG/NBD; equation (6), summed over customers.

    Args:
        frequency: repeat purchases, whole numbers; purchases of one day count once.
        recency: time of the last purchase since the first; 0 for who bought once.
        age: time observed since the first.
    """
    from scipy.special import betaln, gammaln

    # The search goes better where no number is far from one.
    scale = float(age.max()) or 1.0
    x, last, age = frequency, recency / scale, age / scale
    repeats = x > 0

    def loss(given: Floats) -> float:
        r, alpha, a, b = np.exp(given)
        first = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        second = betaln(a, b + x) - betaln(a, b)
        lives = -(r + x) * np.log(alpha + age)
        with np.errstate(divide="ignore"):
            left = np.log(a) - np.log(b + np.maximum(x, 1.0) - 1) - (r + x) * np.log(alpha + last)
        either = np.where(repeats, np.logaddexp(lives, left), lives)
        return -float(np.mean(first + second + either))

    (r, alpha, a, b), value, inside = _fit(loss, _STARTS)
    # In the caller's units the likelihood has one factor of scale for each repeat purchase less.
    total = -value * len(x) - float(x.sum()) * float(np.log(scale))
    return Buying(float(r), float(alpha) * scale, float(a), float(b), total, len(x), inside)


@attrs.frozen
class Spending:
    """A fitted Gamma-Gamma model.

    Attributes:
        p: shape of the gamma distribution of single amounts.
        q: shape of that of their scale over customers.
        gamma: its rate, in units of money.
        log_likelihood: at these values.
        customers: how many it was fitted to.
        settled: whether the search ended within its bounds.
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int
    settled: bool

    def expected(self, frequency: Floats, average: Floats) -> Floats:
        """The amount that a purchase of each customer is expected to have; equation (5).

        Args:
            frequency: purchases that the average is over; 0 gives the average of all customers.
            average: their mean amount.
        """
        x = np.where(frequency > 0, frequency, 0.0)
        told = np.where(frequency > 0, average, 0.0)
        below = self.p * x + self.q - 1
        if self.q <= 1.0:
            # The mean over all customers does not exist; what is known of each one is used alone.
            below = np.maximum(below, 1e-9)
        return np.asarray(self.p * (self.gamma + x * told) / below, dtype=np.float64)


def fit_spending(frequency: Floats, average: Floats) -> Spending:
    """Fit Gamma-Gamma; equation (1a), summed over customers with a repeat purchase.

    Args:
        frequency: repeat purchases, at least one.
        average: their mean amount, above zero.
    """
    from scipy.special import betaln

    scale = float(np.mean(average))
    x, told = frequency, average / scale

    def loss(given: Floats) -> float:
        p, q, gamma = np.exp(given)
        share = np.log(gamma + x * told)
        value = -betaln(p * x, q) + q * (np.log(gamma) - share) + p * x * (np.log(x * told) - share)
        return -float(np.mean(value - np.log(told)))

    (p, q, gamma), value, inside = _fit(loss, ((1.0, 2.0, 1.0), (5.0, 4.0, 1.0), (0.5, 3.0, 3.0)))
    total = -value * len(x) - len(x) * float(np.log(scale))
    return Spending(float(p), float(q), float(gamma) * scale, total, len(x), inside)


def simulate(
    model: Buying,
    time: float,
    frequency: Floats,
    recency: Floats,
    age: Floats,
    *,
    draws: int,
    seed: int,
) -> NDArray[np.int32]:
    """Draw how many purchases each customer makes in a coming stretch of time.

    Given that a customer is alive, their rate is gamma with shape r + x and rate alpha + T and their
    chance of leaving after a purchase beta with a and b + x, by the likelihood of the model; the count is
    then the smaller of a Poisson and a geometric number.

    Args:
        model: fitted.
        time: how long, in the units of the fit.
        frequency: repeat purchases.
        recency: time of the last purchase since the first.
        age: time observed since the first.
        draws: how many futures.
        seed: of the generator, so that the same records give the same range.

    Returns:
        An array of ``draws`` rows and a column for each customer.
    """
    random = np.random.default_rng(seed)
    shape = (draws, len(frequency))
    rate = random.gamma(model.r + frequency, 1.0, shape) / (model.alpha + age)
    leaving = np.clip(random.beta(model.a, model.b + frequency, shape), 1e-9, 1.0)
    count = np.minimum(random.poisson(rate * time), random.geometric(leaving))
    alive = random.random(shape) < model.alive(frequency, recency, age)
    return np.where(alive, count, 0).astype(np.int32)
