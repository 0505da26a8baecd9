"""What holds for every value of every kind, however odd."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import email_validator
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from muniment.codec import decode_value, encode_value
from muniment.errors import IntegrityError
from muniment.model import FileRef, Money
from muniment.schema import KINDS, Choice, Context, Field, Label, RecordType, ValueProblem
from muniment.schema.texts import _MAIL

CHOICES = (
    Choice("a", Label("Anna's choice", "甲")),
    Choice("b", Label("Both; or none", "乙、丙")),
    Choice("c", Label("C", "丁"), retired=True),
)
CONTEXT = Context(
    today=date(2026, 3, 1), timezone="Europe/Berlin", currency="EUR", default_region="DE", decimal_mark="."
)
STRICT = Context(today=date(2026, 3, 1))
FIELDS = {
    name: Field(
        key=name.replace(" ", "_").replace("-", "_").lower(),
        kind=name,
        choices=CHOICES if "choice" in name else (),
        target="customer" if name == "reference" else "",
    )
    for name in KINDS
}
EVERYTHING = RecordType(key="everything", subject="none", fields=tuple(FIELDS.values()))

ANY_TEXT = st.text(st.characters(exclude_categories=()))
OFFSETS = st.integers(-18 * 60, 18 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "text": ANY_TEXT,
    "long text": ANY_TEXT,
    "integer": st.integers(-(10**38) + 1, 10**38 - 1)
    | st.from_regex(r"[0-9]{1,3}(,[0-9]{3}){0,3}", fullmatch=True),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.floats(-1e15, 1e15),
    "money": st.builds(
        Money, st.decimals(-(10**20), 10**20, places=2), st.sampled_from(["EUR", "CNY", "JPY"])
    ),
    "date": st.dates(date(1800, 1, 1), date(2200, 12, 31)),
    "datetime": st.datetimes(datetime(1801, 1, 1), datetime(2199, 12, 31), timezones=OFFSETS)
    | st.datetimes(datetime(1801, 1, 1), datetime(2199, 12, 31)),
    "checkbox": st.booleans(),
    "choice": st.sampled_from(["a", "b", "甲", "乙、丙", "both; or none"]),
    "several choices": st.lists(st.sampled_from(["a", "b"]), min_size=1),
    "e-mail": st.emails(),
    "phone": st.from_regex(r"\+?[0-9 ()./-]{5,20}", fullmatch=True),
    "URL": st.from_regex(r"https?://[a-z]{1,9}\.[a-z]{2,5}(/[a-z?=&#]{0,9})?", fullmatch=True),
    "identifier": ANY_TEXT,
    "reference": st.uuids(),
    "file": st.builds(FileRef, st.uuids().map(str), ANY_TEXT, st.just("text/plain"), st.integers(0, 1 << 50)),
}


def read(name: str, raw: object, context: Context = CONTEXT) -> Any:
    """The value, also where it is kept with a warning; None where it is refused or empty."""
    try:
        return KINDS[name].parse(raw, FIELDS[name], context)
    except ValueProblem as problem:
        return problem.kept


def exact(value: Any) -> tuple[type, str]:
    """What two values share only if they are the same to the last place."""
    return type(value), repr(value)


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_a_value_is_read_from_itself_its_text_its_json_and_its_bytes(name, data):
    """Reading is a projection: every form that muniment writes gives the value back."""
    value = read(name, data.draw(GIVEN[name]))
    assume(value is not None)
    kind, field = KINDS[name], FIELDS[name]
    assert exact(value) == exact(read(name, value))
    assert exact(value) == exact(kind.from_json(json.loads(json.dumps(kind.to_json(value)))))
    assert exact(value) == exact(decode_value(encode_value(kind.encoding, value)))
    if name != "file":
        for lang in ("en", "zh"):
            assert exact(value) == exact(read(name, kind.format(value, lang, field)))
    assert kind.sort_key(value) <= kind.sort_key(value)
    hash(value)


@pytest.mark.parametrize("name", KINDS)
@given(raw=ANY_TEXT, date_order=st.sampled_from(["", "dmy", "mdy"]), mark=st.sampled_from(["", ".", ","]))
def test_any_text_is_read_or_refused(name, raw, date_order, mark):
    """Nothing but a problem ever comes out of a parser, and what is read can be stored."""
    context = Context(today=date(2026, 3, 1), date_order=date_order, decimal_mark=mark)
    value = read(name, raw, context)
    if value is not None:
        encode_value(KINDS[name].encoding, value)


SHAPED = st.from_regex(
    r"[+-]?[0-9]{1,4}[-/.年,' ]?[0-9]{1,4}[-/.月,' ]?[0-9]{0,4}日?[T ]?"
    r"([0-9]{1,2}[:时][0-9]{0,2}( ?[aApP]m)?)?([+-][0-9]{2}:?[0-9]{2}|Z)?( ?(EUR|€|\$|元))?",
    fullmatch=True,
)


@pytest.mark.parametrize("name", ["integer", "decimal", "money", "date", "datetime", "phone", "checkbox"])
@given(raw=SHAPED)
def test_text_that_looks_right_is_read_or_refused(name, raw):
    """The same for what nearly is a number, an amount, a day, a time."""
    value = read(name, raw, STRICT)
    if value is not None:
        assert exact(value) == exact(decode_value(encode_value(KINDS[name].encoding, value)))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.binary(max_size=20),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.lists(st.integers() | ANY_TEXT, max_size=3),
    st.dictionaries(st.sampled_from(["id", "name", "type", "size", "amount", "currency"]), ANY_TEXT),
    st.builds(Money, st.decimals(), ANY_TEXT),
    st.builds(FileRef, ANY_TEXT, ANY_TEXT, ANY_TEXT, st.integers()),
    st.builds(object),
)


@pytest.mark.parametrize("name", KINDS)
@given(raw=ODD)
def test_any_object_is_read_or_refused(name, raw):
    """The API is given Python values of every kind."""
    value = read(name, raw)
    if value is not None:
        encode_value(KINDS[name].encoding, value)


@given(
    st.dictionaries(st.sampled_from([*EVERYTHING.by_key, "nonsense"]), ANY_TEXT | SHAPED | ODD), st.booleans()
)
def test_normalise_collects_and_never_raises(values, partial):
    """Each given field is either among the values or among the issues, and empty ones clear."""
    found, issues = EVERYTHING.normalise(values, context=CONTEXT, partial=partial)
    refused = {issue.field for issue in issues if issue.severity == "error"}
    assert not refused & found.keys()
    for key, value in values.items():
        empty = value is None or (isinstance(value, str) and not value.strip())
        if partial and key != "nonsense":
            assert (key in found) != (key in refused)
        if empty and key != "nonsense":
            assert found.get(key) is None
    if not partial:
        assert None not in found.values()


CANARY = "Qx7\u00df"
ASKED = {"choices", "choices_zh", "expected", "maximum", "minimum", "readings", "target", "zone"}


def refusal(name: str, raw: object) -> ValueProblem | None:
    """Why it is refused or kept with a warning; None where it is read."""
    try:
        KINDS[name].parse(raw, FIELDS[name], STRICT)
    except ValueProblem as problem:
        return problem
    return None


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=40)
@given(before=ANY_TEXT | SHAPED, after=ANY_TEXT | SHAPED, odd=ODD)
def test_a_problem_never_holds_the_value(name, before, after, odd):
    """Parameters are what the field asks for, the same whatever was given."""
    for raw in (before + CANARY + after, [CANARY], {"id": CANARY}, Money(Decimal(1), CANARY), odd):
        problem = refusal(name, raw)
        if problem is not None:
            assert problem.parameters.keys() <= ASKED
            assert CANARY not in str(problem.parameters) + str(problem)
            assert all(isinstance(value, (str, int)) for value in problem.parameters.values())


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("data", [object(), ["x", 1], {"amount": 1}, {"id": "x"}, 1.5])
def test_json_of_another_shape_is_an_integrity_error(name, data):
    """What ``to_json`` cannot have written is not passed on as a value of the wrong type."""
    kind = KINDS[name]
    try:
        value = kind.from_json(data)
    except IntegrityError:
        return
    assert exact(value) == exact(kind.from_json(kind.to_json(value)))
    assert data == kind.to_json(value)


@given(st.from_regex(_MAIL, fullmatch=True))
def test_the_quick_way_of_an_address_agrees_with_the_library(address):
    """What the pattern takes, email-validator takes too, and writes in the same way."""
    try:
        expected = email_validator.validate_email(address, check_deliverability=False).normalized
    except email_validator.EmailNotValidError:
        expected = None
    assert expected == read("e-mail", address)
