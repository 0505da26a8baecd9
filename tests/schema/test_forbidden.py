"""What a card holder's secret would be kept in cannot be registered, under whatever name it comes."""

from __future__ import annotations

import pytest

from muniment.errors import ConfigError
from muniment.schema import KINDS, MASKS, Field, Label, LayoutGroup, RecordType
from muniment.schema.rules import check_type, forbidden_name

LABEL = Label("Number", "号码")


def _type(**field: object) -> RecordType:
    whole = {"key": "number", "kind": "text", "label": LABEL, "group": "main", **field}
    groups = (LayoutGroup("main", LABEL, "account"),)
    return RecordType(key="card", label=LABEL, groups=groups, fields=(Field(**whole),))


@pytest.mark.parametrize(
    "given",
    [
        {"key": "cvv2"},
        {"key": "cvc_code"},
        {"key": "cav"},
        {"key": "pin"},
        {"key": "card_pin"},
        {"key": "atm_pin_number"},
        {"key": "encrypted_pin_block"},
        {"key": "track2"},
        {"key": "track_1_data"},
        {"key": "magnetic_stripe_data"},
        {"kind": "CVV"},
        {"aliases": ("Card-PIN",)},
        {"aliases": ("CVC2 code",)},
        {"former_keys": ("cvv",)},
        {"label": Label("Card security code", "号码")},
        {"label": Label("Number", "银行卡磁道数据")},
    ],
)
def test_a_field_for_a_cards_secret_is_refused(given):
    """Key, kind, header and label are looked at alike (PCI DSS v4.0.1, requirement 3.3)."""
    with pytest.raises(ConfigError) as caught:
        check_type(_type(**given), KINDS)
    assert "schema.forbidden" == caught.value.code


@pytest.mark.parametrize(
    "name", ["pin_code", "kra_pin", "tracking_number", "track_record", "card_number", "pinned", "cvs"]
)
def test_a_name_that_only_looks_like_one_is_taken(name):
    """An Indian PIN code is a postal code, and a parcel has a tracking number."""
    assert not forbidden_name(name)
    check_type(_type(key=name), KINDS)


def test_no_mask_shows_a_number_as_a_whole():
    """Whatever style a team names for it; a number has no @ that would part it."""
    for style, mask in MASKS.items():
        assert "11111111" not in mask("4111111111111111"), style
