"""Checks across the fields of a record, as plugins state them in a table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.model import Money
from muniment.packs import Check, Checks, adds_up, needs, not_above, not_before
from muniment.plugins import HookContext, RecordState

CONTEXT = HookContext("li.na", "ServiceProvision", "update", "cli", 0)


def _codes(check, changes, before=None, type="stay"):
    state = RecordState("r", type, "s", int(bool(before)), before or {})
    return [
        (issue.field, issue.code, issue.severity) for issue in Checks([check]).issues(state, changes, CONTEXT)
    ]


def _day(number: int) -> date:
    return date(2026, 1, number)


def _time(hour: int) -> datetime:
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "second", "sound"),
    [
        (_day(1), _day(2), True),
        (_day(2), _day(2), True),
        (_day(3), _day(2), False),
        (_time(9), _time(8), False),
        (_time(8), _time(9), True),
        # Of a day and a time of that day nobody knows which came first.
        (_time(9), _day(2), True),
        (_day(2), _time(9), True),
        (_day(3), _time(9), False),
        (None, _day(1), True),
        (_day(1), "2025", True),
    ],
)
def test_one_day_is_not_before_another(first, second, sound):
    """What is empty or no day contradicts nothing."""
    check = not_before("stay", "began", "ended", "x.early")
    expected = [] if sound else [("ended", "x.early", "error")]
    assert expected == _codes(check, {"began": first, "ended": second})


@pytest.mark.parametrize(
    ("lower", "higher", "sound"),
    [
        (Decimal(1), Decimal(2), True),
        (3, Decimal("2.5"), False),
        (Money(Decimal(3), "CNY"), Money(Decimal(2), "CNY"), False),
        (Money(Decimal(3), "CNY"), Money(Decimal(2), "EUR"), True),
        (Money(Decimal(3), "CNY"), 2, True),
        (True, 0, True),
        (None, 2, True),
    ],
)
def test_one_number_is_not_above_another(lower, higher, sound):
    """Amounts of two currencies cannot be compared."""
    check = not_above("stay", "low", "high", "x.above", severity="warning")
    expected = [] if sound else [("low", "x.above", "warning")]
    assert expected == _codes(check, {"low": lower, "high": higher})


def _cny(number: str) -> Money:
    return Money(Decimal(number), "CNY")


@pytest.mark.parametrize(
    ("values", "sound"),
    [
        ({"net": _cny("100"), "tax": _cny("13"), "total": _cny("113.00")}, True),
        ({"net": _cny("100"), "tax": _cny("13"), "off": _cny("3"), "total": _cny("110")}, True),
        ({"net": _cny("100"), "tax": _cny("13"), "total": _cny("112")}, False),
        ({"net": _cny("100"), "tax": Money(Decimal(13), "EUR"), "total": _cny("113")}, False),
        ({"net": _cny("100"), "total": _cny("113")}, True),
        ({"net": _cny("100"), "tax": _cny("13")}, True),
    ],
)
def test_a_total_is_the_sum_of_its_parts(values, sound):
    """As soon as there are two parts; exact, whatever number of places."""
    check = adds_up("stay", "total", ("net", "tax"), "x.sum", less=("off",))
    assert ([] if sound else [("total", "x.sum", "error")]) == _codes(check, values)


@given(st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=4), min_size=2, max_size=2))
def test_a_sum_is_exact(parts):
    """No rounding: money is never a float."""
    values = {"a": parts[0], "b": parts[1], "total": parts[0] + parts[1]}
    assert [] == _codes(adds_up("stay", "total", ("a", "b"), "x.sum"), values)
    values["total"] += Decimal("0.0001")
    assert [("total", "x.sum", "error")] == _codes(adds_up("stay", "total", ("a", "b"), "x.sum"), values)


@pytest.mark.parametrize(
    ("values", "given_", "sound"),
    [
        (None, "x", False),
        (None, None, True),
        (("guardian",), "guardian", False),
        (("guardian",), "patient", True),
        (("a", "b"), ("c", "b"), False),
        ((True,), True, False),
        ((True,), False, True),
    ],
)
def test_one_field_asks_for_another(values, given_, sound):
    """Whatever it holds, or where it holds one of some values."""
    check = needs("stay", "name", "x.missing", when="kind", values=values)
    assert ([] if sound else [("name", "x.missing", "error")]) == _codes(check, {"kind": given_})
    assert [] == _codes(check, {"kind": given_, "name": "Li"})


def test_only_what_is_written_is_looked_at():
    """An old record is not held up by what nobody touches."""
    check = not_before("stay", "began", "ended", "x.early")
    old = {"began": _day(3), "ended": _day(1)}
    assert [] == _codes(check, {"note": "x"}, old)
    assert [] == _codes(check, {}, old)
    assert [("ended", "x.early", "error")] == _codes(check, {"began": _day(2)}, old)
    assert [] == _codes(check, {"began": None}, old)
    assert [] == _codes(check, old, type="visit")


def test_a_check_of_ones_own_gets_the_values_after_the_write():
    """With the context beside them."""
    seen = []

    def holds(values, context):
        seen.append((dict(values), context))
        return True

    assert [] == _codes(Check("stay", ("a",), "x.y", "a", holds), {"a": 2}, {"a": 1, "b": 3})
    assert [({"a": 2, "b": 3}, CONTEXT)] == seen
