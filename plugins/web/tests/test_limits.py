"""How often somebody may ask: so many at once, then evenly, each for themselves."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied
from muniment_web.server.limits import Limits

MINUTE_US = 60_000_000
MANY = 60


@pytest.fixture
def limits(clock):
    """One request a second, a minute's worth at once."""
    return Limits(clock, MANY)


def asked(limits: Limits, times: int, caller: str = "a") -> int:
    """How many of so many requests were let through."""
    refused: list[AccessDenied] = []
    for _ in range(times):
        try:
            limits.check(caller)
        except AccessDenied as error:
            refused.append(error)
    assert {"sign.rate"} >= {error.code for error in refused}
    assert all(1 <= int(error.parameters["seconds"]) <= 61 for error in refused)
    return times - len(refused)


def test_a_minute_s_worth_goes_at_once_and_then_one_a_second(limits, clock):
    """Being refused puts nothing off, and waiting saves no more than a minute's worth up."""
    assert MANY == asked(limits, 3 * MANY)
    for _ in range(5):
        clock.now_us += MINUTE_US // MANY
        assert 1 == asked(limits, 4)
    clock.now_us += 1_000 * MINUTE_US
    assert MANY == asked(limits, 3 * MANY)


def test_each_asks_for_themselves(limits):
    """Somebody who asks without end slows nobody else down."""
    assert MANY == asked(limits, 2 * MANY)
    assert MANY == asked(limits, 2 * MANY, "b")


def test_what_is_kept_of_callers_has_a_bound(limits, monkeypatch):
    """Whoever makes up callers fills no memory; who asked last stays known."""
    monkeypatch.setattr("muniment_web.server.limits._MOST", 10)
    asked(limits, MANY)
    for number in range(100):
        asked(limits, 1, f"made-up-{number}")
        assert 0 == asked(limits, 1)
    assert len(limits._free) <= 10
