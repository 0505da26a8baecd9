"""What a number says of other fields of its record, and what those say of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import Issue
from muniment.plugins import HookContext, RecordState
from muniment_identifiers import muniment_validate

WOMAN = "11010519491231002X"  # born 31 December 1949, registered in Chaoyang, Beijing
MAN = "110101199003078670"
KINDS = {
    "resident_id": "resident_id",
    "guardian_id_number": "resident_id",
    "sfz": "resident_id",
    "passport_number": "passport",
    "postal_code": "postal_code",
    "billing_zip": "postal_code",
    "plz2": "postal_code",
    "birth_date": "date",
}


def found(changes, before=(), region="", **record):
    state = RecordState("r", "person", "s", 1, dict(before), **{"kinds": KINDS, **record})
    context = HookContext("li.na", "ServiceProvision", "update", "api", 0, default_region=region)
    issues = muniment_validate(state, changes, context)
    return {(issue.field, issue.code.removeprefix("identifiers."), issue.severity) for issue in issues}


BIRTH = {("resident_id", "resident_birth_differs", "error")}
SEX = {("resident_id", "resident_sex_differs", "warning")}
PLACE = {("resident_id", "resident_place_differs", "warning")}


@pytest.mark.parametrize(
    ("number", "other", "expected"),
    [
        (WOMAN, {"birth_date": date(1949, 12, 31)}, set()),
        (WOMAN, {"birth_date": date(1949, 12, 30)}, BIRTH),
        (WOMAN, {"date_of_birth": date(1950, 12, 31)}, BIRTH),
        (WOMAN, {"birth_date": datetime(1949, 12, 31, 8, tzinfo=UTC)}, set()),
        (WOMAN, {"birth_date": None}, set()),
        (WOMAN, {"gender": "female"}, set()),
        (WOMAN, {"gender": "male"}, SEX),
        (WOMAN, {"sex": "男"}, SEX),
        (WOMAN, {"administrative_gender": "1"}, SEX),
        (WOMAN, {"gender": 1}, SEX),
        (MAN, {"gender": "F"}, SEX),
        (MAN, {"gender": "1"}, set()),
        (MAN, {"gender": "other"}, set()),
        (MAN, {"gender": "unknown"}, set()),
        (MAN, {"place_code": "110101"}, set()),
        (MAN, {"place_code": "110000"}, set()),
        (MAN, {"birth_place_code": "11"}, set()),
        (MAN, {"native_place_code": "310000"}, PLACE),
        (MAN, {"place_code": "Beijing"}, set()),
        (WOMAN, {"gender": "male", "birth_date": date(2000, 1, 1)}, BIRTH | SEX),
    ],
)
def test_a_resident_number_agrees_with_birth_date_sex_and_place(number, other, expected):
    """GB 11643: a wrong day refuses the write; sex and place only warn, for a record may rightly differ."""
    assert expected == found({"resident_id": number, **other})
    assert expected == found({"resident_id": number}, before=other)
    assert expected == found(other, before={"resident_id": number})


def test_an_old_disagreement_does_not_hold_up_other_changes():
    """Who corrects a phone number need not settle a date of birth."""
    before = {"resident_id": WOMAN, "birth_date": date(2000, 1, 1), "gender": "male"}
    assert set() == found({"phone": "1"}, before=before)
    assert set() == found({}, before=before)
    assert BIRTH | SEX == found({"resident_id": WOMAN}, before=before)
    assert SEX == found({"gender": "male"}, before=before)


def test_a_number_is_compared_with_its_own_companions():
    """A guardian was born on another day than the patient."""
    day = date(1949, 12, 31)
    assert set() == found({"guardian_id_number": WOMAN, "birth_date": date(2020, 1, 1)})
    assert set() == found({"guardian_id_number": WOMAN, "guardian_birth_date": day})
    assert {("guardian_id_number", "resident_birth_differs", "error")} == found(
        {"guardian_id_number": WOMAN, "guardian_birth_date": date(2020, 1, 1), "birth_date": day}
    )
    assert set() == found({"sfz": WOMAN, "birth_date": date(2020, 1, 1)})


def test_a_field_of_another_kind_is_left_alone():
    """What is called a resident_id and is a text may hold anything."""
    assert set() == found(
        {"resident_id": WOMAN, "birth_date": date(2000, 1, 1)}, kinds={"resident_id": "text"}
    )
    assert set() == found({"resident_id": WOMAN, "birth_date": date(2000, 1, 1)}, kinds={})


@pytest.mark.parametrize(
    ("other", "number", "differs"),
    [
        ({"nationality": "CN"}, "E12345678", False),
        ({"nationality": "中国"}, "EA1234567", False),
        ({"nationality": "CHN"}, "C12345678", True),
        ({"issuing_country": "US"}, "A12345678", False),
        ({"issuing_country": "United Kingdom"}, "A12345678", True),
        ({"passport_country": "DE", "nationality": "US"}, "C01X00T47", False),
        ({"nationality": "Atlantis"}, "A1", False),
        ({"country": "GB"}, "A12345678", False),
    ],
)
def test_a_passport_that_looks_foreign_to_its_state_is_warned_about(other, number, differs):
    """The state that issued it counts, not the country of the address; and it is only a warning."""
    expected = {("passport_number", "passport_country", "warning")} if differs else set()
    assert expected == found({"passport_number": number, **other})


def test_a_passport_waits_for_its_own_fields_only():
    """No other change brings the warning back."""
    assert set() == found({"phone": "1"}, before={"passport_number": "X", "nationality": "GB"})


@pytest.mark.parametrize(
    ("values", "region", "expected"),
    [
        ({"postal_code": "100000", "country": "CN"}, "", set()),
        ({"postal_code": "10115", "country": "Germany"}, "CN", set()),
        ({"postal_code": "1011", "country": "DE"}, "", {("postal_code", "postal_differs", "error")}),
        ({"postal_code": "2113", "country": "USA"}, "", {("postal_code", "postal_differs", "error")}),
        ({"postal_code": "02113", "country_code": "us"}, "", set()),
        ({"postal_code": "1000"}, "CN", {("postal_code", "postal_differs", "warning")}),
        ({"postal_code": "100000"}, "CN", set()),
        ({"postal_code": "100000"}, "", {("postal_code", "postal_country", "warning")}),
        ({"postal_code": "999077", "country": "HK"}, "CN", {("postal_code", "postal_country", "warning")}),
        (
            {"postal_code": "100000", "country": "Atlantis"},
            "CN",
            {("postal_code", "postal_country", "warning")},
        ),
        ({"billing_zip": "1000", "billing_country": "US"}, "", {("billing_zip", "postal_differs", "error")}),
        ({"billing_zip": "1000", "country": "US"}, "", {("billing_zip", "postal_differs", "warning")}),
        ({"billing_zip": "1000", "billing_country": "CH", "country": "US"}, "", set()),
        ({"plz2": "1000", "country": "US"}, "", {("plz2", "postal_differs", "warning")}),
    ],
)
def test_a_postal_code_is_one_of_its_country(values, region, expected):
    """The country beside it decides; without one the archive's region, and then it is only a warning."""
    assert expected == found(values, region=region)


def test_a_postal_code_is_looked_at_again_when_the_country_moves():
    """Moving abroad without a new code is an error, a new phone number is not."""
    before = {"postal_code": "10115", "country": "DE"}
    assert {("postal_code", "postal_differs", "error")} == found({"country": "CN"}, before=before)
    assert set() == found({"phone": "1"}, before={"postal_code": "1", "country": "DE"})
    assert set() == found({"postal_code": None}, before=before)


VALUES = st.one_of(
    st.text(max_size=20),
    st.none(),
    st.integers(),
    st.dates(),
    st.booleans(),
    st.sampled_from([WOMAN, MAN, "DE", "100000", "1" * 18, "x" * 18, "²" * 18, ("a", "b")]),
)
FIELDS = st.dictionaries(
    st.sampled_from([*KINDS, "gender", "country", "billing_country", "nationality", "place_code", "sex"]),
    VALUES,
)


@pytest.mark.slow
@given(FIELDS, FIELDS, st.sampled_from(["", "CN", "de", "?"]))
def test_no_record_makes_the_check_fail(before, changes, region):
    """Whatever stands in the fields, there are issues with a code and no parameter, or none."""
    state = RecordState("r", "person", "s", 1, before, kinds=KINDS)
    context = HookContext("li.na", "ServiceProvision", "update", "api", 0, default_region=region)
    for issue in muniment_validate(state, changes, context):
        assert Issue(issue.code, issue.field, issue.severity) == issue
        assert issue.field in KINDS
