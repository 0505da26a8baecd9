"""Postal codes: one form for each, leading zeros kept, every country's own look."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment_identifiers._countries import country_of
from muniment_identifiers._postal import LAYOUTS, fits, laid_out

SIGNS = {"N": "0123456789", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "*": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@pytest.mark.parametrize(
    ("region", "typed", "kept"),
    [
        ("", "01067", "01067"),
        ("CN", "１０００００", "100000"),
        ("", "sw1a1aa", "SW1A 1AA"),
        ("CN", "h3z2y7", "H3Z 2Y7"),
        ("", "1234ab", "1234 AB"),
        ("", "d02af30", "D02 AF30"),
        ("", "D6W XY00", "D6W XY00"),
        ("SE", "12345", "123 45"),
        ("", "123 45", "12345"),
        ("JP", "1540023", "154-0023"),
        ("", "154 - 0023", "154-0023"),
        ("US", "123456789", "12345-6789"),
        ("us", "02134", "02134"),
        ("BR", "40301110", "40301-110"),
        ("PL", "00950", "00-950"),
        ("DE", "D-10115", "D-10115"),
        ("LV", "lv–1073", "LV-1073"),
        ("AR", "c1070aam", "C1070AAM"),
        ("", "KY1-1100", "KY1-1100"),
        ("ZZ", "1234567", "1234567"),
    ],
)
def test_a_code_is_brought_into_its_form(region, typed, kept, read):
    """As its country writes it where that is plain, else as typed, and never as a number."""
    assert kept == read("postal_code", typed, region)
    assert kept == read("postal_code", kept, region)


@pytest.mark.parametrize("typed", ["ABC", "1", "12345678901234", "10115 Berlin/Mitte", "10115;", "?"])
def test_what_is_no_code_anywhere_is_refused(typed, judge):
    """A town, a sign, one digit."""
    assert "postal_form" == judge("postal_code", typed)


@pytest.mark.parametrize(
    ("country", "good", "bad"),
    [
        ("CN", ["100000", "010000"], ["10000", "1000000", "1000A0"]),
        ("US", ["02134", "02134-1000", "02134 1000"], ["2134", "94040-111", "021345"]),
        ("DE", ["01067", "D-01067"], ["1067", "010671"]),
        ("GB", ["SW1A 1AA", "M1 1AE", "B33 8TH", "CR2 6XH", "DN55 1PT", "W1A0AX"], ["SW1A 1A", "12345"]),
        ("CA", ["K1A 0B1", "K1A0B1"], ["K1A 0BB", "K1A"]),
        ("NL", ["1012 AB", "1012AB", "1012"], ["012 AB", "1012 ABC"]),
        ("JP", ["100-0001", "1000001"], ["100-001"]),
        ("BR", ["01310-200", "01310200"], ["1310-200"]),
        ("HU", ["H-1073", "1073"], ["H-10733"]),
        ("IE", ["D02 AF30"], ["D2 AF30"]),
    ],
)
def test_a_countrys_codes_are_known(country, good, bad):
    """With and without what people write between; a lost leading zero is found."""
    assert [True] * len(good) == [fits(country, code) for code in good]
    assert [False] * len(bad) == [fits(country, code) for code in bad]
    assert None is fits("HK", "999077")


@given(st.sampled_from(sorted(LAYOUTS)), st.data())
def test_whatever_a_layout_allows_is_taken_and_laid_out(read, country, data):
    """Written together or apart, in the archive's own country it is one value."""
    layout = data.draw(st.sampled_from(LAYOUTS[country]))
    code = "".join(data.draw(st.sampled_from(SIGNS[sign])) if sign in SIGNS else sign for sign in layout)
    assert fits(country, code)
    if not re.search("[0-9]", code):
        return
    kept = read("postal_code", code, country)
    assert kept == read("postal_code", re.sub("[ -]", "", code), country)
    assert kept == laid_out(country, code)


def test_every_outside_code_is_judged_as_it_should_be(test_data):
    """59 customers of 24 countries: only two codes are wrong, and both are truly wrong."""
    import csv

    with (test_data / "data" / "chinook_customer.csv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["postalcode"]]
    assert len(rows) >= 54
    countries = {row["country"]: country_of(row["country"]) for row in rows}
    assert all(countries.values())
    wrong = [row["postalcode"] for row in rows if not fits(countries[row["country"]], row["postalcode"])]
    assert ["94040-111", "2113"] == wrong


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("cn", "CN"), ("CHN", "CN"), ("中国", "CN"), ("U.S.A.", "US"), ("  united   kingdom ", "GB"),
        ("Deutschland", "DE"), ("中国台湾", "TW"), ("Türkiye", "TR"), ("Atlantis", ""), ("", ""), (49, ""),
        (None, ""),
    ],
)  # fmt: skip
def test_a_country_is_known_by_its_names(name, country):
    """Letters or names, in English, Chinese and often its own language."""
    assert country == country_of(name)


def test_every_country_with_a_layout_has_a_name():
    """Else its codes could be checked for the archive's region only."""
    assert set(LAYOUTS) == {country_of(country) for country in LAYOUTS}
