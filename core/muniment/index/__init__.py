"""Blind indexes: finding a sealed value by its token, the top bits of an HMAC over its normal form.

Tokens live in a table that can be rebuilt, are in no backup and never reach the
log. They narrow down: every hit is opened and compared before it is shown. What
each kind tells a stranger stands in the catalogue (``index.leak_...``) and is
printed by the planner. Forms and numbers: ``formats/indexes.md`` of
muniment_schemas.
"""

from __future__ import annotations

from muniment.index._kinds import (
    FIELD_KINDS,
    INDEX_KINDS,
    PREFIX_LENGTHS,
    IndexKind,
    base_kind,
    bucket_forms,
    check_kind,
    compound_form,
    normaliser,
    token_bytes,
    token_maker,
    token_set,
    tokens,
)
from muniment.index._lookup import OPERATORS, Lookup, lookup, matches, scan
from muniment.index._normalise import NORMALISERS, email_form, fold, last_four_form, phone_form
from muniment.index._plan import (
    LEAST_VALUE_BITS,
    IndexedField,
    IndexPlan,
    Plan,
    bits_due,
    bits_for,
    plan,
    value_bits,
)

__all__ = [
    "FIELD_KINDS",
    "INDEX_KINDS",
    "LEAST_VALUE_BITS",
    "NORMALISERS",
    "OPERATORS",
    "PREFIX_LENGTHS",
    "IndexKind",
    "IndexPlan",
    "IndexedField",
    "Lookup",
    "Plan",
    "base_kind",
    "bits_due",
    "bits_for",
    "bucket_forms",
    "check_kind",
    "compound_form",
    "email_form",
    "fold",
    "last_four_form",
    "lookup",
    "matches",
    "normaliser",
    "phone_form",
    "plan",
    "scan",
    "token_bytes",
    "token_maker",
    "token_set",
    "tokens",
    "value_bits",
]
