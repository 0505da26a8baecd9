"""What contradicts itself in a customer's account, an order, an invoice, a claim."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from ipaddress import ip_address
from itertools import cycle
from typing import Final

from muniment.model import age_on
from muniment.packs import Check, Checks, adds_up, needs, not_above, not_before
from muniment.plugins import HookContext

__all__ = ["CHECKS"]

Values = Mapping[str, object]
Test = Callable[[Values, HookContext], bool]

_DIGEST = re.compile(r"[0-9a-f]{32,128}|[A-Za-z0-9+/_-]{22,171}={0,2}")
_DEGREES = re.compile(r"(-?[0-9]{1,3}(?:\.[0-9]+)?)\s*,\s*(-?[0-9]{1,3}(?:\.[0-9]+)?)")
_CHILD: Final = 14


def _text(key: str, fits: Callable[[str], bool]) -> Test:
    def holds(values: Values, context: HookContext) -> bool:
        value = values.get(key)
        return not isinstance(value, str) or fits(value)

    return holds


def _is_no_card(text: str) -> bool:
    digits = re.sub("[ -]", "", text)
    if not re.fullmatch("[0-9]{13,19}", digits):
        return True
    places = zip(map(int, reversed(digits)), cycle((1, 2)), strict=False)
    return sum(sum(divmod(digit * times, 10)) for digit, times in places) % 10 != 0


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_place(text: str) -> bool:
    """ISO 6709 in degrees: latitude first."""
    found = _DEGREES.fullmatch(text)
    return found is not None and abs(float(found[1])) <= 90 and abs(float(found[2])) <= 180


def _flag_fits(values: Values, context: HookContext) -> bool:
    born, flag = values.get("birth_date"), values.get("minor_flag")
    if not isinstance(born, date):
        return True
    age = age_on(born, context.today)
    return (age < _CHILD) == (flag is True)


def _two_pieces(values: Values, context: HookContext) -> bool:
    first, second = values.get("supply_evidence_1"), values.get("supply_evidence_2")
    return first is None or first != second


def _buyer_known(values: Values, context: HookContext) -> bool:
    known = values.get("buyer_uscc") is not None or values.get("vat_number") is not None
    return values.get("title_kind") != "company" or known


CHECKS: Final = Checks(
    (
        Check(
            "customer",
            ("pan_last4",),
            "ecommerce.last4_form",
            "pan_last4",
            _text("pan_last4", lambda text: bool(re.fullmatch("[0-9]{4}", text))),
        ),
        Check(
            "customer",
            ("payment_token",),
            "ecommerce.token_is_card",
            "payment_token",
            _text("payment_token", _is_no_card),
        ),
        needs(
            "customer",
            "real_name_verified_on",
            "ecommerce.verified_undated",
            when="real_name_verified",
            values=(True,),
        ),
        Check(
            "customer",
            ("minor_flag", "birth_date"),
            "ecommerce.minor_differs",
            "minor_flag",
            _flag_fits,
            "warning",
        ),
        not_before(
            "customer", "marketing_consent_on", "marketing_consent_withdrawn_on", "ecommerce.withdrawn_early"
        ),
        not_above("order", "discount_amount", "goods_amount", "ecommerce.discount_large"),
        adds_up(
            "order",
            "total_amount",
            ("goods_amount", "shipping_amount", "tax_amount"),
            "ecommerce.order_total",
            less=("discount_amount",),
        ),
        Check(
            "order",
            ("supply_evidence_1", "supply_evidence_2"),
            "ecommerce.evidence_same",
            "supply_evidence_2",
            _two_pieces,
        ),
        needs("order", "supply_country", "ecommerce.evidence_country", when="supply_evidence_1"),
        Check("order", ("ip_address",), "ecommerce.ip_form", "ip_address", _text("ip_address", _is_address)),
        Check(
            "event",
            ("precise_location",),
            "ecommerce.location_form",
            "precise_location",
            _text("precise_location", _is_place),
        ),
        adds_up(
            "invoice",
            "total_amount",
            ("net_amount", "tax_amount"),
            "ecommerce.invoice_total",
            needed=1,
        ),
        Check(
            "invoice",
            ("title_kind", "buyer_uscc", "vat_number"),
            "ecommerce.buyer_number",
            "buyer_uscc",
            _buyer_known,
            "warning",
        ),
        not_before("return_claim", "claimed_on", "received_back_on", "ecommerce.received_early"),
        Check(
            "suppression_entry",
            ("suppression_hash",),
            "ecommerce.digest_form",
            "suppression_hash",
            _text("suppression_hash", lambda text: bool(_DIGEST.fullmatch(text))),
        ),
    )
)
"""Every check of the plugin."""
