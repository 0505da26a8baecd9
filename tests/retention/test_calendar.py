"""Periods by the calendar: months are months, month ends clamp, leap days are no surprise."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import ConfigError
from muniment.retention.calendar import FOR_EVER, Period, after, end_of_year, parse_period, whole_years

DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))


@pytest.mark.parametrize(
    ("day", "period", "expected"),
    [
        ("2025-01-31", "P1M", "2025-02-28"),
        ("2024-01-31", "P1M", "2024-02-29"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-02-29", "P4Y", "2028-02-29"),
        ("2025-03-31", "P6M", "2025-09-30"),
        ("2025-12-31", "P2M", "2026-02-28"),
        ("2025-05-10", "P10Y", "2035-05-10"),
        ("2025-05-10", "P1Y2M3D", "2026-07-13"),
        ("2025-01-31", "P1M1D", "2025-03-01"),
        ("2025-05-10", "P0D", "2025-05-10"),
        ("2025-12-31", "P1D", "2026-01-01"),
    ],
)
def test_the_last_day_of_a_period(day, period, expected):
    """The day with the same number, or the last of a shorter month."""
    assert date.fromisoformat(expected) == after(date.fromisoformat(day), parse_period(period))


@given(day=DAYS, months=st.integers(0, 1200))
def test_months_are_never_days(day, months):
    """The month is the one that was counted to, and the day never a later one."""
    end = after(day, Period(months))
    assert (day.year * 12 + day.month + months) == end.year * 12 + end.month
    assert end.day <= day.day
    assert end.day == day.day or (end + timedelta(days=1)).day == 1


@given(day=DAYS, shorter=st.integers(0, 600), longer=st.integers(0, 600))
def test_a_longer_period_never_ends_earlier(day, shorter, longer):
    """However months clamp."""
    assert after(day, Period(shorter)) <= after(day, Period(shorter + longer))


def test_for_ever_has_no_end():
    """Neither has what runs past the calendar."""
    assert FOR_EVER == after(date(2025, 1, 1), parse_period("PERMANENT"))
    assert FOR_EVER == after(date(9999, 1, 1), parse_period("P10Y"))
    assert FOR_EVER == after(date(9999, 12, 1), parse_period("P99D"))
    assert FOR_EVER == end_of_year(date(9999, 5, 1), 3)


@pytest.mark.parametrize("text", ["", "10Y", "P", "P-1Y", "P1W", "P1.5Y", "PT1H", "p1y", "forever"])
def test_what_is_no_period_is_refused(text):
    """No guessing."""
    with pytest.raises(ConfigError) as caught:
        parse_period(text)
    assert "keep.period" == caught.value.code


def test_years_end_with_their_last_month():
    """The calendar's and a fiscal one."""
    assert date(2025, 12, 31) == end_of_year(date(2025, 3, 1))
    assert date(2025, 3, 31) == end_of_year(date(2025, 3, 31), 3)
    assert date(2026, 3, 31) == end_of_year(date(2025, 4, 1), 3)
    assert date(2024, 2, 29) == end_of_year(date(2024, 2, 1), 2)


def test_whole_years():
    """Somebody born on 29 February is older on 1 March."""
    assert 17 == whole_years(date(2008, 2, 29), date(2026, 2, 28))
    assert 18 == whole_years(date(2008, 2, 29), date(2026, 3, 1))
