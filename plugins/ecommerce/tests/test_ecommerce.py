"""Customers' accounts, orders, invoices, claims: what is taken and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from muniment.errors import Invalid
from muniment.model import Money
from muniment.testing import assert_conforms, assert_no_plaintext, issues_of, new_archive
from muniment_ecommerce import CHECKS, DATA

ONE, TWO = date(2026, 1, 1), date(2026, 1, 2)


def _at(hour: int) -> datetime:
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


def _eur(amount: str, currency: str = "EUR") -> Money:
    return Money(Decimal(amount), currency)


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages; its tables round-trip through seal, export and import."""
    assert_conforms("ecommerce")


def test_every_code_has_a_check_and_every_check_a_text():
    """A text that nothing says would be a promise; a code without a text says nothing."""
    assert {check.code for check in CHECKS.all} == set(DATA.info().messages)


@pytest.mark.parametrize(
    ("type", "changes", "found"),
    [
        ("customer", {"pan_last4": "123"}, {"last4_form"}),
        ("customer", {"pan_last4": "1111"}, set()),
        ("customer", {"payment_token": "4111 1111 1111 1111"}, {"token_is_card"}),
        ("customer", {"payment_token": "tok_4111111111111111"}, set()),
        ("customer", {"real_name_verified": True}, {"verified_undated"}),
        ("customer", {"real_name_verified": False}, set()),
        ("customer", {"birth_date": date(2015, 1, 1)}, {"minor_differs"}),
        ("customer", {"birth_date": date(2015, 1, 1), "minor_flag": True}, set()),
        ("customer", {"birth_date": date(1990, 1, 1), "minor_flag": True}, {"minor_differs"}),
        ("customer", {"marketing_consent_on": TWO, "marketing_consent_withdrawn_on": ONE},
         {"withdrawn_early"}),
        ("order", {"goods_amount": _eur("10"), "discount_amount": _eur("11")}, {"discount_large"}),
        ("order", {"goods_amount": _eur("100"), "discount_amount": _eur("10"), "shipping_amount": _eur("5"),
        "total_amount": _eur("95.00")}, set()),
        ("order", {"goods_amount": _eur("100"), "shipping_amount": _eur("5"), "total_amount": _eur("100")},
        {"order_total"}),
        ("order", {"goods_amount": _eur("100"), "total_amount": _eur("90")}, set()),
        ("order", {"supply_country": "DE", "supply_evidence_1": "ip", "supply_evidence_2": "ip"},
        {"evidence_same"}),
        ("order", {"supply_evidence_1": "ip", "supply_evidence_2": "bank"}, {"evidence_country"}),
        ("order", {"ip_address": "203.0.113.300"}, {"ip_form"}),
        ("order", {"ip_address": "2001:db8::1"}, set()),
        ("event", {"precise_location": "31.2304,121.4737"}, set()),
        ("event", {"precise_location": "121.4737,31.2304"}, {"location_form"}),
        ("event", {"precise_location": "here"}, {"location_form"}),
        ("invoice", {"net_amount": _eur("100"), "tax_amount": _eur("19"), "total_amount": _eur("119")},
         set()),
        ("invoice", {"net_amount": _eur("100"), "tax_amount": _eur("19"), "total_amount": _eur("118.99")},
        {"invoice_total"}),
        ("invoice", {"net_amount": _eur("100"), "total_amount": _eur("119")}, {"invoice_total"}),
        ("invoice", {"net_amount": _eur("100"), "total_amount": _eur("100", "CNY")}, {"invoice_total"}),
        ("invoice", {"title_kind": "company"}, {"buyer_number"}),
        ("invoice", {"title_kind": "company", "vat_number": "DE136695976"}, set()),
        ("return_claim", {"claimed_on": TWO, "received_back_on": ONE}, {"received_early"}),
        ("suppression_entry", {"suppression_hash": "anna@example.com"}, {"digest_form"}),
        ("suppression_entry", {"suppression_hash": "0" * 64}, set()),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_found(type, changes, found):
    """Totals are sums, four digits are four, evidence is two different pieces."""
    assert found == set(issues_of(CHECKS.issues, type, changes))


def test_a_shop_works_from_the_first_minute(tmp_path, monkeypatch):
    """The template makes the tables; a wrong total is refused; addresses are in no file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with new_archive(
        tmp_path / "shop", templates=["shop"], plugins=["ecommerce"], currency="EUR", region="DE"
    ) as archive:
        with archive.session(actor="owner", purpose="CustomerOrderManagement") as session:
            anna = session.create(
                "customer", {"full_name": "Anna Schmidt", "username": "anna80", "customer_number": "K1"}
            )
            order = {"order_number": "B-1", "customer": anna.id, "ordered_at": "2026-01-02T10:00:00Z",
                     "goods_amount": "100", "discount_amount": "10", "shipping_amount": "5",
                     "billing_address": "Hauptstrasse 1, Berlin", "ip_address": "203.0.113.7"}  # fmt: skip
            with pytest.raises(Invalid, match=r"ecommerce\.order_total"):
                session.create("order", {**order, "total_amount": "100"})
            bought = session.create("order", {**order, "total_amount": "95"})
            session.create("return_claim", {"order": bought.id, "claim_kind": "return",
                                            "claimed_on": "2026-01-09"})  # fmt: skip
            assert {"account", "invoice", "order", "tax_oss", "network_log", "payment_card", "consent"} <= {
                group.category for key in ("customer", "order") for group in session.type(key).groups
            }
        archive.log.verify()
    assert_no_plaintext(tmp_path / "shop", ["Anna Schmidt", "Hauptstrasse 1", "203.0.113.7"])
