"""Notices, suspended accountings, opting out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from muniment.model import age_on
from muniment.packs import Check, Checks, needs, not_before
from muniment.plugins import HookContext

__all__ = ["CHECKS"]

Values = Mapping[str, object]

PEOPLE: Final = ("customer", "patient", "client")
_BY_WORD: Final = timedelta(days=30)
"""45 CFR 164.528(a)(2)(ii)(C)."""


def _notified(values: Values, context: HookContext) -> bool:
    return values.get("us_privacy_practices_on") is not None


def _short(values: Values, context: HookContext) -> bool:
    began, until = values.get("us_accounting_stopped_on"), values.get("us_accounting_stopped_until")
    if values.get("us_accounting_in_writing") is True:
        return True
    return not (isinstance(began, date) and isinstance(until, date)) or until - began <= _BY_WORD


def _one_way(values: Values, context: HookContext) -> bool:
    out, into = values.get("us_sale_opt_out_on"), values.get("us_sale_opt_in_on")
    return not (isinstance(out, date) and isinstance(into, date)) or into < out


def _child_told(values: Values, context: HookContext) -> bool:
    born = values.get("birth_date")
    if not isinstance(born, date) or values.get("us_sale_opt_in_on") is None:
        return True
    age = age_on(born, context.today)
    return age >= 16 or values.get("us_collection_notice_on") is not None


CHECKS: Final = Checks(
    [
        Check("patient", ("mrn",), "us.practices_missing", "us_privacy_practices_on", _notified, "warning"),
        needs("patient", "us_accounting_stopped_until", "us.suspension_end", when="us_accounting_stopped_on"),
        not_before(
            "patient",
            "us_accounting_stopped_on",
            "us_accounting_stopped_until",
            "us.suspension_reversed",
        ),
        Check(
            "patient",
            ("us_accounting_stopped_on", "us_accounting_stopped_until", "us_accounting_in_writing"),
            "us.suspension_long",
            "us_accounting_stopped_until",
            _short,
        ),
        *(
            check
            for record_type in PEOPLE
            for check in (
                Check(
                    record_type,
                    ("us_sale_opt_out_on", "us_sale_opt_in_on"),
                    "us.both_ways",
                    "us_sale_opt_in_on",
                    _one_way,
                ),
                Check(
                    record_type,
                    ("us_sale_opt_in_on", "birth_date"),
                    "us.child_opt_in",
                    "us_collection_notice_on",
                    _child_told,
                ),
            )
        ),
    ]
)
"""The checks of the plugin."""
