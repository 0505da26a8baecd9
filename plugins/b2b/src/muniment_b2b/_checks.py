"""What contradicts itself in an account, a contract, a price list, a recording; changed bank details."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from muniment import hookimpl
from muniment.packs import Check, Checks, needs, not_before
from muniment.plugins import HookContext, NeedsApproval, RecordState

__all__ = ["BANK_DETAILS", "CHECKS", "muniment_needs_approval"]

Values = Mapping[str, object]

BANK_DETAILS: Final = ("bank_iban", "bank_account_number", "bank_holder")
"""What nobody changes alone: a forged letter with a new account is an old trick."""


def _form(type: str, key: str, pattern: str, code: str) -> Check:
    compiled = re.compile(pattern)

    def holds(values: Values, context: HookContext) -> bool:
        value = values.get(key)
        return not isinstance(value, str) or bool(compiled.fullmatch(value))

    return Check(type, (key,), code, key, holds)


def _bank_at_home(values: Values, context: HookContext) -> bool:
    iban, country = values.get("bank_iban"), values.get("country")
    # A country written out is not compared.
    if not isinstance(iban, str) or not isinstance(country, str) or len(country.strip()) != 2:
        return True
    return iban[:2] == country.strip().upper()


CHECKS: Final = Checks(
    (
        _form("customer", "duns", "[0-9]{2}-?[0-9]{3}-?[0-9]{4}", "b2b.duns_form"),
        needs(
            "customer", "nda_signed_on", "b2b.nda_undated", when="nda_status", values=("signed", "expired")
        ),
        not_before("customer", "nda_signed_on", "nda_until_on", "b2b.nda_early"),
        Check(
            "customer", ("bank_iban", "country"), "b2b.bank_country", "bank_iban", _bank_at_home, "warning"
        ),
        needs("customer", "bank_holder", "b2b.bank_holder", when="bank_iban"),
        needs("customer", "bank_holder", "b2b.bank_holder", when="bank_account_number"),
        needs(
            "customer",
            "do_not_contact_on",
            "b2b.no_contact_undated",
            when="do_not_contact",
            severity="warning",
        ),
        not_before("contract", "started_on", "ended_on", "b2b.contract_early"),
        needs(
            "contract",
            "signed_on",
            "b2b.contract_unsigned",
            when="contract_state",
            values=("signed", "ended", "disputed"),
        ),
        _form("contract", "file_digest", "[0-9a-fA-F]{64}", "b2b.digest_form"),
        not_before("price_list", "valid_from_on", "valid_to_on", "b2b.prices_early"),
        _form("price_list", "price_currency", "[A-Z]{3}", "b2b.currency_form"),
        not_before("call_recording", "consent_asked_at", "recorded_at", "b2b.asked_late"),
        needs("call_recording", "consent_asked_at", "b2b.asked_missing", when="recording_basis"),
    )
)
"""Every check of the plugin."""


@hookimpl
def muniment_needs_approval(record: RecordState, changes: Mapping[str, object]) -> NeedsApproval | None:
    """Whether a change of bank details waits for a second person; the first ones of a new customer too."""
    if record.type != "customer" or not any(field in changes for field in BANK_DETAILS):
        return None
    if record.version == 0 and all(changes.get(field) is None for field in BANK_DETAILS):
        return None
    return NeedsApproval(1)
