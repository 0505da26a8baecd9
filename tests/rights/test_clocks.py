"""Clocks of requests: months are calendar months, working days skip weekends and holidays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import UsageError
from muniment.subjects.clocks import LAWS, RIGHTS, due_dates, elapsed

CASES = [
    ("gdpr", "access", "2025-01-31", "2025-02-28", "2025-04-30", None),
    ("gdpr", "access", "2024-01-31", "2024-02-29", "2024-04-30", None),
    ("ccpa", "access", "2025-03-03", "2025-04-17", "2025-06-01", "2025-03-17"),
    ("hipaa", "accounting", "2025-03-01", "2025-04-30", "2025-05-30", None),
    ("hipaa", "access", "2025-03-01", "2025-03-31", "2025-04-30", None),
    ("pipl", "access", "2025-03-01", "2025-03-31", "2025-03-31", None),
    ("pipl", "erasure", "2025-03-03", "2025-03-24", "2025-03-24", None),
    ("ccpa", "objection", "2025-03-03", "2025-03-24", "2025-03-24", None),
]


@pytest.mark.parametrize(("law", "right", "received", "due", "latest", "acknowledge"), CASES)
def test_the_dates_are_those_of_the_law(law, right, received, due, latest, acknowledge):
    """Each line is a case worked out by hand."""
    found = due_dates(law, right, date.fromisoformat(received))
    assert (due, latest) == (found.due.isoformat(), found.latest.isoformat())
    assert acknowledge == (found.acknowledge_by and found.acknowledge_by.isoformat())


def test_holidays_are_no_working_days():
    """A day off moves a date that counts working days, and no other."""
    off = [date(2025, 3, 4)]
    assert date(2025, 3, 25) == due_dates("pipl", "erasure", date(2025, 3, 3), off).due
    assert date(2025, 4, 3) == due_dates("gdpr", "access", date(2025, 3, 3), off).due


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(sorted(LAWS)), st.sampled_from(RIGHTS))
def test_no_clock_ends_before_it_begins(received, law, right):
    """Due after receipt, the extension never earlier, and at least 28 days for a month."""
    found = due_dates(law, right, received)
    assert received < found.due <= found.latest
    if law == "gdpr":
        assert timedelta(28) <= found.due - received <= timedelta(31)
        assert found.due.day in (received.day, *range(28, 31))
    assert elapsed(received, found.due, received) == 0
    assert elapsed(received, found.due, found.due) == 100


def test_an_unknown_law_or_right_is_an_error():
    """Nothing is guessed."""
    for law, right in (("x", "access"), ("gdpr", "x")):
        with pytest.raises(UsageError):
            due_dates(law, right, date(2025, 1, 1))
