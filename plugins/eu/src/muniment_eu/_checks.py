"""Restriction of processing, and the condition for data of special categories."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs import Check, Checks, needs, not_before
from muniment.plugins import HookContext, RecordState

__all__ = ["CHECKS", "STILL_ALLOWED", "muniment_validate"]

Values = Mapping[str, object]

PEOPLE: Final = ("customer", "patient", "client")
STILL_ALLOWED: Final = frozenset({"RightsFulfillment", "LegalCompliance", "DisputeManagement"})
"""Purposes under which restricted data may still be changed: GDPR Art. 18(2)."""

_OURS: Final = "eu_"
_SPECIAL: Final[Mapping[str, tuple[str, ...]]] = {
    "patient": ("mrn", "blood_group", "allergies", "vip_flag", "deceased_at"),
}
"""What is data concerning health by itself (GDPR Art. 4(15)); a patient's number says that they are one."""


def is_restricted(values: Values) -> bool:
    """Whether processing is restricted as the values stand."""
    since, lifted = values.get("eu_restricted_on"), values.get("eu_lifted_on")
    if not isinstance(since, date):
        return False
    return not (isinstance(lifted, date) and lifted >= since)


def _special(record_type: str, fields: tuple[str, ...]) -> Check:
    def holds(values: Values, context: HookContext) -> bool:
        given = any(values.get(field) is not None for field in fields)
        return not given or values.get("eu_special_condition") is not None

    return Check(record_type, fields, "eu.condition_missing", "eu_special_condition", holds, "warning")


CHECKS: Final = Checks(
    [
        check
        for record_type in PEOPLE
        for check in (
            needs(record_type, "eu_restriction_ground", "eu.ground_missing", when="eu_restricted_on"),
            needs(record_type, "eu_lift_notice_on", "eu.lift_untold", when="eu_lifted_on"),
            not_before(record_type, "eu_restricted_on", "eu_lifted_on", "eu.lift_early"),
            not_before(record_type, "eu_lift_notice_on", "eu_lifted_on", "eu.lift_early"),
        )
    ]
    + [_special(record_type, fields) for record_type, fields in _SPECIAL.items()]
)
"""The checks across fields."""


@hookimpl
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Collection[Issue]:
    """What a write would do against the law; the arguments are those of ``muniment_validate``."""
    found = list(CHECKS.issues(record, changes, context))
    if record.type in PEOPLE and context.purpose not in STILL_ALLOWED and is_restricted(record.values):
        others = [field for field in changes if not field.startswith(_OURS)]
        if others or context.operation == "delete":
            found.append(Issue("eu.restricted", None))
    return found
