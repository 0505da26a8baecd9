"""The quick way of reading a phone number agrees with the thorough one."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.schema.phones import _parsed, _shape, e164

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Numbers that exist, nearly exist or do not, of every country."""
    code = draw(st.sampled_from(CODES))
    example = phonenumbers.example_number(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0])
    if example is None:
        return f"+{code}{draw(st.from_regex('[0-9]{5,11}', fullmatch=True))}"
    digits = list(str(example.national_number))
    for place in draw(st.lists(st.integers(0, len(digits) - 1), max_size=2)):
        digits[place] = draw(st.sampled_from("0123456789"))
    return f"+{code}{''.join(digits)}"


@given(numbers())
def test_what_the_quick_way_takes_parsing_takes_too(number):
    """And writes it in the same way."""
    shape = _shape(number[1:4])
    if shape is not None and shape.fullmatch(number):
        assert number == _parsed(number, "")
    assert _parsed(number, "") == e164(number)


@pytest.mark.parametrize("number", ["+8613812345678", "+49301234567", "+16506443358", "+551239235555"])
def test_common_numbers_go_the_quick_way(number):
    """Otherwise an import would parse every one of them."""
    shape = _shape(number[1:4])
    assert shape is not None
    assert shape.fullmatch(number)
