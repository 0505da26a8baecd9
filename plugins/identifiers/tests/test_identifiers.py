"""The kinds of muniment-identifiers."""

from __future__ import annotations

import csv
import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment import plugins
from muniment.errors import Issue, has_text
from muniment.schema import KINDS, Context, Field, RecordType, ValueProblem

TODAY = Context(today=date(2026, 3, 1))
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
VALIDATORS = {"iban": "iban", "cn_resident_id": "resident_id", "cn_uscc": "uscc"}

found = plugins.load(["identifiers"], environ={})
kinds = {kind.name: kind for kind in found.field_kinds()}
parsers = {name: kind.prepare(Field(key="number", kind=name)) for name, kind in kinds.items()}


def read(kind: str, raw: object) -> object:
    return parsers[kind](raw, TODAY)


def refusal(kind: str, raw: object) -> str:
    with pytest.raises(ValueProblem) as caught:
        read(kind, raw)
    return caught.value.code


def test_the_plugin_loads_and_brings_three_kinds():
    """Installed beside muniment, it passes every check of the loader."""
    assert {} == dict(found.quarantined)
    assert ["iban", "uscc", "resident_id"] == [kind.name for kind in found.field_kinds()]


@pytest.mark.skipif(
    "MUNIMENT_TEST_DATA" not in os.environ, reason="MUNIMENT_TEST_DATA names no outside tables"
)
def test_every_listed_value_is_judged_as_listed():
    """Outside lists of valid and invalid numbers agree with what the kinds take."""
    path = Path(os.environ["MUNIMENT_TEST_DATA"], "facts", "check_digit_vectors.csv")
    with path.open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["validator"] in VALIDATORS]
    assert len(rows) >= 13
    for row in rows:
        try:
            read(VALIDATORS[row["validator"]], row["value"])
            valid = True
        except ValueProblem:
            valid = False
        assert (row["valid"] == "1") == valid, row["validator"]


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("iban", " gb82 WEST 1234-5698 7654 32 ", "GB82WEST12345698765432"),
        ("uscc", "９１１１００００６０００３７３４１ｌ", "91110000600037341L"),
        ("resident_id", "110105 19491231 002x", "11010519491231002X"),
    ],
)
def test_a_number_is_one_value_however_it_is_typed(kind, typed, kept):
    """Spaces, hyphens, small letters and full-width digits do not make another number."""
    assert kept == read(kind, typed)
    assert kept == read(kind, kept)


@pytest.mark.parametrize("kind", ["iban", "uscc", "resident_id"])
def test_an_empty_cell_is_no_value(kind):
    """Nothing typed is nothing kept, and no problem."""
    assert None is read(kind, "  ")


@pytest.mark.parametrize(
    ("kind", "typed", "code"),
    [
        ("iban", "GB82WEST12345698765433", "identifiers.iban_check"),
        ("iban", "GB82WEST1234569876543", "identifiers.iban_check"),
        ("iban", "82GBWEST12345698765432", "identifiers.iban_form"),
        ("iban", "GB", "identifiers.iban_form"),
        ("uscc", "91110000600037341M", "identifiers.uscc_check"),
        ("uscc", "91110000I00037341L", "identifiers.uscc_form"),
        ("uscc", "91110000600037341", "identifiers.uscc_form"),
        ("resident_id", "110105194912310021", "identifiers.resident_check"),
        ("resident_id", "110105491231002", "identifiers.resident_form"),
        ("resident_id", "1101051949123100X2", "identifiers.resident_form"),
        ("resident_id", 110105194912310021, "value.kind"),
        ("iban", "GB82\x00WEST12345698765432", "value.control"),
    ],
)
def test_a_wrong_number_is_refused_with_its_reason(kind, typed, code):
    """The code says whether the form or the check is wrong."""
    assert code == refusal(kind, typed)


def _iban(country: str, account: str) -> str:
    digits = "".join(str(int(character, 36)) for character in account + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"


@pytest.mark.parametrize(("country", "account"), [("ZZ", "WEST12345698765432"), ("GB", "WEST1234569876543")])
def test_an_iban_has_its_countrys_form(country, account):
    """An unknown country, or another length, is refused even when the check digits fit."""
    assert "identifiers.iban_form" == refusal("iban", _iban(country, account))


def test_check_digits_that_only_leave_the_right_remainder_are_refused():
    """ISO 7064: 97 and 00 leave the same remainder, and only one of them is what the rule gives."""
    fitting = next(
        number for account in range(1_000) if (number := _iban("NL", f"ABNA{account:010d}"))[2:4] == "97"
    )
    assert fitting == read("iban", fitting)
    assert "identifiers.iban_check" == refusal("iban", "NL00" + fitting[4:])


def _resident(body: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


@pytest.mark.parametrize("born", ["19490230", "20260302", "00000101"])
def test_a_day_of_birth_that_cannot_be_is_refused(born):
    """No 30 February, nobody born tomorrow, even when the check character fits."""
    assert "identifiers.resident_birth" == refusal("resident_id", _resident(f"110105{born}002"))


def test_an_unknown_region_is_kept_with_a_warning():
    """A card of a region that was merged long ago is still that person's number."""
    number = _resident("99999919491231002")
    table = RecordType(key="customer", fields=(Field(key="number", kind="resident_id"),))
    values, issues = table.normalise({"number": number}, context=TODAY, kinds={**KINDS, **kinds})
    assert ({"number": number}, [Issue("identifiers.resident_region", "number", "warning")]) == (
        values,
        issues,
    )


def _uscc_check(body: str) -> str:
    weights = [pow(3, place, 31) for place in range(17)]
    return ALPHABET[-sum(ALPHABET.index(c) * w for c, w in zip(body, weights, strict=True)) % 31]


@pytest.mark.parametrize("body", ["N2440100MF1234567", "Y1110000400000000"])
def test_bodies_registered_by_other_departments_are_taken(body):
    """The first characters may be letters, as for rural collectives (N2)."""
    code = body + _uscc_check(body)
    assert code == read("uscc", code)


@given(
    body=st.tuples(
        st.text(ALPHABET, min_size=2, max_size=2),
        st.text("0123456789", min_size=6, max_size=6),
        st.text(ALPHABET, min_size=9, max_size=9),
    ).map("".join),
    place=st.integers(0, 17),
    other=st.sampled_from(ALPHABET),
)
def test_every_single_wrong_character_of_a_uscc_is_found(body, place, other):
    """The check character finds each substitution of one character (GB 32100-2015)."""
    code = body + _uscc_check(body)
    assert code == read("uscc", code)
    wrong = code[:place] + other + code[place + 1 :]
    if wrong != code:
        assert refusal("uscc", wrong).startswith("identifiers.uscc_")


@given(st.sampled_from(sorted(kinds)), st.text(max_size=60))
def test_no_text_makes_a_kind_fail(kind, raw):
    """Whatever is typed is a value that reads back as itself, nothing, or a problem with a code."""
    try:
        value = read(kind, raw)
    except ValueProblem as problem:
        outcome = has_text(problem.code)
    else:
        outcome = value is None or value == read(kind, value)
    assert outcome


@pytest.mark.parametrize("kind", ["iban", "uscc", "resident_id"])
def test_a_masked_number_shows_its_last_four_and_not_its_length(kind):
    """Enough to tell two apart, not to use one."""
    assert "••••7890" == kinds[kind].mask("A234567890" + "1234567890")
