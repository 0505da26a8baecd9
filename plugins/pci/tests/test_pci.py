"""Payment cards: data that must not stand where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.plugins import RecordState
from muniment.testing import assert_conforms
from muniment_pci._cards import muniment_validate

KINDS = {"note": "long text", "tags": "several choices", "pan": "card_number", "amount": "money"}


def _found(value, key="note"):
    state = RecordState("r", "customer", "s", 0, {}, kinds=KINDS)
    return {(one.code, one.severity) for one in muniment_validate(state, {key: value})}


CODE = {("pci.verification_value", "error")}
NUMBER = {("pci.number_in_text", "warning")}


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages."""
    assert_conforms("pci")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CVV 123", CODE),
        ("cvc2: 1234", CODE),
        ("security code is 007", CODE),
        ("卡安全码：123", CODE),
        ("验证码为 4321", CODE),
        ("paid with 4111 1111 1111 1111, exp 12/27", NUMBER),
        ("4111-1111-1111-1111", NUMBER),
        ("4111 1111 1111 1112", set()),
        ("card ending 1111", set()),
        ("order 12345", set()),
        ("the CVV was not asked for", set()),
        ("CVV 12", set()),
        ("", set()),
    ],
)
def test_card_data_in_a_note_is_found(text, found):
    """A code is refused whatever the field; a number is warned of where no field is made for it."""
    assert found == _found(text)


def test_only_texts_are_looked_at():
    """A card's number belongs into the field for it, and a list of words is text too."""
    assert set() == _found("4111111111111111", "pan")
    assert NUMBER == _found(("x", "4111111111111111"), "tags")
    assert set() == _found(None)


@given(st.text())
def test_no_text_makes_it_stumble(text):
    """Whatever people write."""
    assert _found(text) <= CODE | NUMBER
