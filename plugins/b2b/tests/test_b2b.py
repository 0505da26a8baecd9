"""Business accounts, contracts, price lists, recordings; bank details wait for a second person."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from muniment.errors import ApprovalNeeded, Invalid
from muniment.model import Money
from muniment.plugins import NeedsApproval, RecordState
from muniment.testing import assert_conforms, assert_no_plaintext, issues_of, new_archive
from muniment_b2b import CHECKS, DATA
from muniment_b2b._checks import muniment_needs_approval

ONE, TWO = date(2026, 1, 1), date(2026, 1, 2)


def _at(hour: int) -> datetime:
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


def _eur(amount: str, currency: str = "EUR") -> Money:
    return Money(Decimal(amount), currency)


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages; its tables round-trip through seal, export and import."""
    assert_conforms("b2b")


def test_every_code_has_a_check_and_every_check_a_text():
    """A text that nothing says would be a promise; a code without a text says nothing."""
    assert {check.code for check in CHECKS.all} == set(DATA.info().messages)


@pytest.mark.parametrize(
    ("type", "changes", "found"),
    [
        ("customer", {"duns": "12345678"}, {"duns_form"}),
        ("customer", {"duns": "15-048-3782"}, set()),
        ("customer", {"nda_status": "signed"}, {"nda_undated"}),
        ("customer", {"nda_signed_on": TWO, "nda_until_on": ONE}, {"nda_early"}),
        ("customer", {"bank_iban": "DE89370400440532013000"}, {"bank_holder"}),
        ("customer", {"bank_iban": "DE89370400440532013000", "bank_holder": "x", "country": "cn"},
        {"bank_country"}),
        ("customer", {"bank_iban": "DE89370400440532013000", "bank_holder": "x", "country": "DE"}, set()),
        ("customer", {"do_not_contact": ("phone",)}, {"no_contact_undated"}),
        ("contract", {"started_on": TWO, "ended_on": ONE}, {"contract_early"}),
        ("contract", {"contract_state": "signed"}, {"contract_unsigned"}),
        ("contract", {"contract_state": "draft"}, set()),
        ("contract", {"file_digest": "abc"}, {"digest_form"}),
        ("price_list", {"valid_from_on": TWO, "valid_to_on": ONE}, {"prices_early"}),
        ("price_list", {"price_currency": "rmb"}, {"currency_form"}),
        ("call_recording", {"consent_asked_at": _at(9), "recorded_at": _at(8)}, {"asked_late"}),
        ("call_recording", {"recording_basis": "consent"}, {"asked_missing"}),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_found(type, changes, found):
    """No end before its start, no signature without its day."""
    assert found == set(issues_of(CHECKS.issues, type, changes))


@pytest.mark.parametrize(
    ("type", "version", "changes", "waits"),
    [
        ("customer", 1, {"bank_iban": "x"}, True),
        ("customer", 1, {"bank_holder": None}, True),
        ("customer", 0, {"bank_iban": "x"}, True),
        ("customer", 0, {"bank_iban": None, "full_name": "x"}, False),
        ("customer", 1, {"full_name": "x"}, False),
        ("client", 1, {"bank_iban": "x"}, False),
    ],
)
def test_bank_details_wait_for_a_second_person(type, version, changes, waits):
    """A letter with a new account is an old trick; the maker alone does not change it."""
    state = RecordState("r", type, "s", version, {})
    assert (NeedsApproval(1) if waits else None) == muniment_needs_approval(state, changes)


def test_an_account_manager_works_from_the_first_minute(tmp_path, monkeypatch):
    """The template makes the tables; a contract that ends early is refused; changed bank details wait."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with new_archive(
        tmp_path / "accounts", templates=["accounts"], plugins=["b2b"], currency="EUR", region="DE"
    ) as archive:
        with archive.session(actor="owner", purpose="CustomerRelationshipManagement") as session:
            acme = session.create("customer", {"full_name": "Acme GmbH", "customer_number": "K1"})
            contract = {"customer": acme.id, "contract_number": "V-1", "contract_title": "Frame",
                        "started_on": "2026-01-01", "contract_value": "1000"}  # fmt: skip
            with pytest.raises(Invalid, match=r"b2b\.contract_early"):
                session.create("contract", {**contract, "ended_on": "2025-01-01"})
            session.create("contract", contract)
            with pytest.raises(ApprovalNeeded):
                session.update(
                    acme.id,
                    {"bank_iban": "DE89370400440532013000", "bank_holder": "Acme GmbH"},
                    expected_version=1,
                )
            assert "bank_iban" not in session.get(acme.id).fields
        archive.log.verify()
    assert_no_plaintext(tmp_path / "accounts", ["DE89370400440532013000", "Acme GmbH"])
