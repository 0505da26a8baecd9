from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.alerts.likeness import near, surname_of


@pytest.mark.parametrize(
    ("name", "surname"),
    [
        ("Anna Schmidt", "schmidt"), ("Schmidt, Anna", "schmidt"), ("José Núñez", "nunez"), ("GROẞ", "gross"),
        ("Ursula von der Leyen", "leyen"), ("John Smith Jr.", "smith"), ("Dr. Li", "li"), ("李娜", "李"),
        ("欧阳娜娜", "欧阳"), ("李（小）明", "李"), ("", ""), ("42", ""), ("Anna-Lena Müller", "muller"),
    ],
)  # fmt: skip
def test_surnames_are_found_in_names(name, surname):
    """The last word, the first before a comma, the family name of a Han name; without accents and case."""
    assert surname == surname_of(name)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("Hauptstraße 12", "10115 Berlin"), ("HAUPTSTRASSE 12, 10115 Berlin",), True),
        (("Hauptstraße 12", "10115 Berlin"), ("Hauptstraße 22", "10115 Berlin"), True),
        (("Hauptstraße 12", "10115 Berlin"), ("Hauptstraße 23", "10115 Berlin"), False),
        (("Hauptstraße 12", "10115 Berlin"), ("Nebenstraße 12", "10115 Berlin"), False),
        (("Hauptstraße 12", "10115 Berlin"), ("Hauptstraße 12", "20095 Berlin"), False),
        (("Hauptstraße", "10115 Berlin"), ("Hauptstraße", "10115 Berlin"), False),
        (("上海市南京路100号",), ("上海市南京路 108 号",), True),
        (("", ""), ("", ""), False),
    ],
)
def test_neighbours_are_told_by_street_and_number(first, second, expected):
    """The same street of the same place, and numbers that differ by ten at the most."""
    assert expected == near(first, second)
    assert expected == near(second, first)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_compared_without_failing(first, second):
    """What people write into such fields is anything."""
    surname_of(first)
    assert near((first,), (second,)) == near((second,), (first,))
