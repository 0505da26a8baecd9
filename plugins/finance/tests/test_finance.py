"""Clients, documents, accounts, cards, screening: what is taken and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from muniment.errors import Invalid
from muniment.model import Money
from muniment.testing import assert_conforms, assert_no_plaintext, issues_of, new_archive
from muniment_finance import CHECKS, DATA

IBAN, LEI = "DE89370400440532013000", "529900T8BM49AURSDO55"
ONE, TWO = date(2026, 1, 1), date(2026, 1, 2)


def _at(hour: int) -> datetime:
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


def _eur(amount: str, currency: str = "EUR") -> Money:
    return Money(Decimal(amount), currency)


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages; its tables round-trip through seal, export and import."""
    assert_conforms("finance")


def test_every_code_has_a_check_and_every_check_a_text():
    """A text that nothing says would be a promise; a code without a text says nothing."""
    assert {check.code for check in CHECKS.all} == set(DATA.info().messages)


@pytest.mark.parametrize(
    ("type", "changes", "found"),
    [
        ("client", {"client_kind": "person"}, {"person_born"}),
        ("client", {"client_kind": "organisation", "lei": LEI}, set()),
        ("client", {"client_kind": "person", "birth_date": ONE, "lei": LEI}, {"body_of_person"}),
        ("client", {"tax_number": "1"}, {"tax_country"}),
        ("client", {"other_national_id": "1"}, {"national_country"}),
        ("client", {"pep_status": "none"}, {"pep_undated"}),
        ("client", {"pep_status": "unknown"}, set()),
        ("client", {"pep_status": "foreign", "pep_checked_on": ONE, "risk_rating": "low",
        "risk_review_on": TWO}, {"exposed_low"}),
        ("client", {"risk_rating": "low"}, {"review_missing"}),
        ("client", {"risk_rating": "high", "risk_review_on": date(2027, 3, 3)}, {"review_late"}),
        ("client", {"risk_rating": "high", "risk_review_on": date(2027, 3, 2)}, set()),
        ("client", {"risk_rating": "prohibited", "risk_review_on": TWO}, {"prohibited_open"}),
        ("client", {"relationship_started_on": TWO, "relationship_ended_on": ONE}, {"ended_early"}),
        ("id_document", {"issued_on": TWO, "expires_on": ONE}, {"expired_before_issue"}),
        ("id_document", {"issued_on": TWO, "verified_on": ONE}, {"verified_before_issue"}),
        ("id_document", {"expires_on": ONE, "verified_on": TWO}, {"document_expired"}),
        ("id_document", {"issued_on": ONE, "expires_on": TWO, "verified_on": TWO}, set()),
        ("financial_account", {"iban": None}, {"account_unnamed"}),
        ("financial_account", {"iban": IBAN, "bic": "COBADEFF"}, set()),
        ("financial_account", {"iban": IBAN, "bic": "BNPAFRPP"}, {"iban_bic"}),
        ("financial_account", {"account_number": "1", "opened_on": TWO, "closed_on": ONE}, {"ended_early"}),
        ("payment_card", {"card_expiry": "13/27"}, {"expiry_form"}),
        ("payment_card", {"card_expiry": "02/26"}, {"card_expired"}),
        ("payment_card", {"card_expiry": "03/26"}, set()),
        ("financial_transaction", {"counterparty_iban": IBAN, "counterparty_country": "fr"},
        {"iban_country"}),
        ("financial_transaction", {"counterparty_iban": IBAN,
        "counterparty_country": "Germany"}, set()),
        ("beneficial_owner", {"control_kind": "shares"}, {"share_missing"}),
        ("beneficial_owner", {"control_kind": "shares", "share_percent": Decimal("24.99")}, {"owner_small"}),
        ("beneficial_owner", {"control_kind": "shares", "share_percent": Decimal(25)}, set()),
        ("sanctions_check", {"list_date": date(2026, 1, 3), "checked_at": _at(9)}, {"list_later"}),
        ("sanctions_check", {"disposition": "false_hit"}, {"hit_unexplained"}),
        ("suspicious_report", {"report_state": "filed"}, {"filed_undated"}),
        ("biometric_template", {"separate_consent_on": TWO, "captured_on": ONE}, {"captured_early"}),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_found(type, changes, found):
    """Expiry after issue, a dated answer, a rating with its review, control with its share."""
    assert found == set(issues_of(CHECKS.issues, type, changes))


def test_a_verification_code_has_no_field():
    """PCI DSS 3.3.1: it may not be kept, so no table of this or of anybody has a place for it."""
    from muniment.errors import ConfigError
    from muniment.schema import Field, Label, parse_additions
    from muniment.schema.rules import forbidden_name

    assert forbidden_name("cvv")
    text = """
        format = 1
        [[type]]
        key = "payment_card"
        [[type.field]]
        key = "cvv"
        group = "card"
        kind = "identifier"
        class = "restricted"
        label = { en = "CVV", zh = "卡验证码" }
    """
    (field,) = parse_additions(text, where="x")["payment_card"]
    assert isinstance(field, Field)
    from muniment import plugins
    from muniment.schema import Extension, Registry, Template
    from muniment.session.writing.applying import kinds_of

    loaded = plugins.load(plugins.needed(["finance"]), environ={})
    kinds = kinds_of(loaded)
    template = Template("finance", Label("x", "x"), types=DATA.record_types(kinds))
    registry = Registry().apply([template], kinds=kinds).registry
    with pytest.raises(ConfigError, match=r"schema\.forbidden"):
        registry.extend([Extension("finance", "payment_card", (field,), ())], kinds=kinds)


def test_a_brokers_compliance_officer_works_from_the_first_minute(tmp_path, monkeypatch):
    """One command makes the tables; numbers of cards and accounts are in no file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with new_archive(tmp_path / "bank", plugins=["finance"], region="US") as archive:
        with archive.session(actor="owner", purpose="CounterMoneyLaundering") as session:
            anna = session.create(
                "client", {"full_name": "Anna Schmidt", "client_number": "C-1", "birth_date": "1980-01-01"}
            )
            with pytest.raises(Invalid, match=r"finance\.expired_before_issue"):
                session.create(
                    "id_document",
                    {"client": anna.id, "document_kind": "passport", "document_number": "C01X00T47",
                     "issued_on": "2020-01-01", "expires_on": "2019-01-01"},
                )  # fmt: skip
            card = session.create(
                "payment_card",
                {"client": anna.id, "pan": "4111 1111 1111 1111", "cardholder": "A SCHMIDT"},
            )
            assert "4111111111111111" == session.get(card.id).fields["pan"]
            session.create(
                "financial_account",
                {"client": anna.id, "account_name": "Depot", "account_kind": "securities",
                 "account_number": "778-1234567", "balance": "1000.00 USD"},
            )  # fmt: skip
        archive.log.verify()
    assert_no_plaintext(tmp_path / "bank", ["4111111111111111", "Anna Schmidt", "778-1234567"])
