"""What contradicts itself in a client, a document, an account, a card, a screening."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from muniment.packs import Check, Checks, needs, not_before
from muniment.plugins import HookContext

__all__ = ["CHECKS"]

Values = Mapping[str, object]

_EXPIRY = re.compile(r"(0[1-9]|1[0-2])/([0-9]{2})")
_YEAR: Final = timedelta(days=366)
_THRESHOLD: Final = Decimal(25)
"""Directive (EU) 2015/849, Art. 3(6); China's Measures on Beneficial Owner Information, 2024, Art. 6."""


def _is_born(values: Values, context: HookContext) -> bool:
    return values.get("client_kind") != "person" or values.get("birth_date") is not None


def _no_entity(values: Values, context: HookContext) -> bool:
    return values.get("client_kind") != "person" or values.get("lei") is None


def _rated_for_exposure(values: Values, context: HookContext) -> bool:
    return values.get("pep_status") != "foreign" or values.get("risk_rating") != "low"


def _reviewed_in_time(values: Values, context: HookContext) -> bool:
    review = values.get("risk_review_on")
    if values.get("risk_rating") != "high" or not isinstance(review, date):
        return True
    return review - context.today <= _YEAR


def _ended(values: Values, context: HookContext) -> bool:
    return values.get("risk_rating") != "prohibited" or values.get("relationship_ended_on") is not None


def _valid_when_verified(values: Values, context: HookContext) -> bool:
    verified, expires = values.get("verified_on"), values.get("expires_on")
    return not (isinstance(verified, date) and isinstance(expires, date)) or verified <= expires


def _has_number(values: Values, context: HookContext) -> bool:
    return values.get("iban") is not None or values.get("account_number") is not None


def _same_country(values: Values, context: HookContext) -> bool:
    iban, bic = values.get("iban"), values.get("bic")
    return not (isinstance(iban, str) and isinstance(bic, str)) or iban[:2] == bic[4:6]


def _iban_of_country(values: Values, context: HookContext) -> bool:
    iban, country = values.get("counterparty_iban"), values.get("counterparty_country")
    # A country written out is not compared.
    if not isinstance(iban, str) or not isinstance(country, str) or len(country.strip()) != 2:
        return True
    return iban[:2] == country.strip().upper()


def _expiry_form(values: Values, context: HookContext) -> bool:
    expiry = values.get("card_expiry")
    return not isinstance(expiry, str) or bool(_EXPIRY.fullmatch(expiry))


def _not_expired(values: Values, context: HookContext) -> bool:
    """ISO/IEC 7813: a card is good to the last day of its month."""
    expiry = values.get("card_expiry")
    found = _EXPIRY.fullmatch(expiry) if isinstance(expiry, str) else None
    today = context.today
    return found is None or (2000 + int(found[2]), int(found[1])) >= (today.year, today.month)


def _owns_enough(values: Values, context: HookContext) -> bool:
    share = values.get("share_percent")
    if values.get("control_kind") != "shares" or not isinstance(share, Decimal):
        return True
    return share >= _THRESHOLD


CHECKS: Final = Checks(
    (
        Check(
            "client", ("client_kind", "birth_date"), "finance.person_born", "birth_date", _is_born, "warning"
        ),
        Check("client", ("client_kind", "lei"), "finance.body_of_person", "lei", _no_entity),
        needs("client", "tax_country", "finance.tax_country", when="tax_number"),
        needs("client", "other_national_id_country", "finance.national_country", when="other_national_id"),
        needs(
            "client",
            "pep_checked_on",
            "finance.pep_undated",
            when="pep_status",
            values=("none", "domestic", "foreign", "family", "associate"),
        ),
        Check(
            "client",
            ("pep_status", "risk_rating"),
            "finance.exposed_low",
            "risk_rating",
            _rated_for_exposure,
            "warning",
        ),
        needs("client", "risk_review_on", "finance.review_missing", when="risk_rating"),
        Check(
            "client",
            ("risk_rating", "risk_review_on"),
            "finance.review_late",
            "risk_review_on",
            _reviewed_in_time,
            "warning",
        ),
        Check(
            "client",
            ("risk_rating", "relationship_ended_on"),
            "finance.prohibited_open",
            "relationship_ended_on",
            _ended,
            "warning",
        ),
        not_before("client", "relationship_started_on", "relationship_ended_on", "finance.ended_early"),
        not_before("id_document", "issued_on", "expires_on", "finance.expired_before_issue"),
        not_before("id_document", "issued_on", "verified_on", "finance.verified_before_issue"),
        Check(
            "id_document",
            ("verified_on", "expires_on"),
            "finance.document_expired",
            "expires_on",
            _valid_when_verified,
        ),
        Check(
            "financial_account",
            ("iban", "account_number"),
            "finance.account_unnamed",
            "account_number",
            _has_number,
        ),
        Check("financial_account", ("iban", "bic"), "finance.iban_bic", "bic", _same_country, "warning"),
        not_before("financial_account", "opened_on", "closed_on", "finance.ended_early"),
        Check("payment_card", ("card_expiry",), "finance.expiry_form", "card_expiry", _expiry_form),
        Check("payment_card", ("card_expiry",), "finance.card_expired", "card_expiry", _not_expired),
        Check(
            "financial_transaction",
            ("counterparty_iban", "counterparty_country"),
            "finance.iban_country",
            "counterparty_iban",
            _iban_of_country,
            "warning",
        ),
        Check(
            "beneficial_owner",
            ("share_percent", "control_kind"),
            "finance.owner_small",
            "share_percent",
            _owns_enough,
            "warning",
        ),
        needs(
            "beneficial_owner",
            "share_percent",
            "finance.share_missing",
            when="control_kind",
            values=("shares",),
        ),
        not_before("sanctions_check", "list_date", "checked_at", "finance.list_later"),
        needs(
            "sanctions_check",
            "disposition_note",
            "finance.hit_unexplained",
            when="disposition",
            values=("false_hit", "true_hit"),
        ),
        needs(
            "suspicious_report",
            "filed_on",
            "finance.filed_undated",
            when="report_state",
            values=("filed", "closed"),
        ),
        not_before("biometric_template", "separate_consent_on", "captured_on", "finance.captured_early"),
    )
)
"""Every check of the plugin."""
