"""Clocks of requests: months are calendar months, working days skip weekends and holidays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import UsageError
from muniment.subjects.clocks import LAWS, RIGHTS, ROLLS, Calendar, due_dates, elapsed

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
    assert (due, latest) == (found.statutory.isoformat(), found.statutory_latest.isoformat())
    assert acknowledge == (found.acknowledge_by and found.acknowledge_by.isoformat())


def test_holidays_are_no_working_days():
    """A day off moves a date that counts working days, and no other."""
    off = Calendar({date(2025, 3, 4)})
    assert date(2025, 3, 25) == due_dates("pipl", "erasure", date(2025, 3, 3), off).due
    assert date(2025, 4, 3) == due_dates("gdpr", "access", date(2025, 3, 3), off).due


ROLLED = [
    # A Saturday in Europe, with Monday and Tuesday off; Easter Monday after Easter.
    ("gdpr", "2026-04-15", ["2026-05-18"], [], "2026-05-15", "2026-05-15"),
    ("gdpr", "2026-04-16", ["2026-05-18"], [], "2026-05-16", "2026-05-19"),
    ("gdpr", "2026-03-04", ["2026-04-03", "2026-04-06"], [], "2026-04-04", "2026-04-07"),
    # Within the national holidays of China; a Sunday that is a working day does not move.
    (
        "pipl",
        "2026-09-02",
        ["2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
        [],
        "2026-10-02",
        "2026-10-08",
    ),
    ("pipl", "2026-08-21", [], ["2026-09-20"], "2026-09-20", "2026-09-20"),
    # These laws count calendar days to the end.
    ("ccpa", "2025-03-05", [], [], "2025-04-19", "2025-04-19"),
    ("hipaa", "2025-03-13", [], [], "2025-04-12", "2025-04-12"),
]


@pytest.mark.parametrize(("law", "received", "holidays", "workdays", "statutory", "due"), ROLLED)
def test_a_period_ends_on_a_working_day_where_the_law_says_so(
    law, received, holidays, workdays, statutory, due
):
    """And both days are told, with the law that moves the one."""
    calendar = Calendar(set(map(date.fromisoformat, holidays)), set(map(date.fromisoformat, workdays)))
    found = due_dates(law, "access", date.fromisoformat(received), calendar)
    assert (statutory, due) == (found.statutory.isoformat(), found.due.isoformat())
    moved = found.due != found.statutory or found.latest != found.statutory_latest
    assert (ROLLS[law] if moved else "") == found.rolls


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.sampled_from(sorted(LAWS)),
    st.sets(st.integers(0, 60), max_size=20),
)
def test_a_period_never_ends_early_nor_on_a_day_off(received, law, off):
    """It moves only forward, past days off alone."""
    calendar = Calendar({received + timedelta(days=25 + days) for days in off})
    found = due_dates(law, "access", received, calendar)
    assert found.statutory <= found.due
    if law in ROLLS:
        assert calendar.works(found.due)
        between = (found.statutory + timedelta(days=n) for n in range((found.due - found.statutory).days))
        assert not any(map(calendar.works, between))
    else:
        assert found.statutory == found.due


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(sorted(LAWS)), st.sampled_from(RIGHTS))
def test_no_clock_ends_before_it_begins(received, law, right):
    """Due after receipt, the extension never earlier, and at least 28 days for a month."""
    found = due_dates(law, right, received)
    assert received < found.due <= found.latest
    if law == "gdpr":
        assert timedelta(28) <= found.statutory - received <= timedelta(31)
        assert found.statutory.day in (received.day, *range(28, 31))
    assert elapsed(received, found.due, received) == 0
    assert elapsed(received, found.due, found.due) == 100


def test_an_unknown_law_or_right_is_an_error():
    """Nothing is guessed."""
    for law, right in (("x", "access"), ("gdpr", "x")):
        with pytest.raises(UsageError):
            due_dates(law, right, date(2025, 1, 1))
