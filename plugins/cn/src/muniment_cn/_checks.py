"""Consents that Chinese law asks for, and changes to what is kept of children."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from muniment import hookimpl
from muniment.errors import Issue
from muniment.model import age_on
from muniment.packs import Check, Checks, needs, not_before
from muniment.plugins import HookContext, NeedsApproval, RecordState

__all__ = ["CHECKS", "muniment_needs_approval", "muniment_validate"]

Values = Mapping[str, object]

PEOPLE: Final = ("customer", "patient", "client")
_CHILD: Final = 14
# What only notes a consent is no change to what is kept of the child.
_OURS: Final = "cn_"
_SENSITIVE: Final = frozenset({"sensitive", "restricted"})


def _age(values: Values, context: HookContext) -> int | None:
    born = values.get("birth_date")
    if not isinstance(born, date):
        return None
    return age_on(born, context.today)


def _is_child(values: Values, context: HookContext) -> bool:
    age = _age(values, context)
    return age is not None and age < _CHILD


def _guardian_agreed(values: Values, context: HookContext) -> bool:
    return not _is_child(values, context) or values.get("cn_guardian_consent_on") is not None


CHECKS: Final = Checks(
    check
    for record_type in PEOPLE
    for check in (
        Check(
            record_type,
            ("birth_date", "cn_guardian_consent_on"),
            "cn.guardian_consent",
            "cn_guardian_consent_on",
            _guardian_agreed,
            "warning",
        ),
        needs(record_type, "cn_abroad_consent_on", "cn.abroad_consent", when="cn_abroad_basis"),
        not_before(record_type, "cn_sensitive_consent_on", "cn_consent_withdrawn_on", "cn.withdrawn_early"),
    )
)
"""The checks across fields."""


@hookimpl
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Collection[Issue]:
    """What a write lacks; the arguments are those of ``muniment_validate``."""
    found = list(CHECKS.issues(record, changes, context))
    if record.type in PEOPLE:
        consented = {**record.values, **changes}.get("cn_sensitive_consent_on") is not None
        written = (field for field, value in changes.items() if value is not None)
        if not consented and any(record.classes.get(field) in _SENSITIVE for field in written):
            # A warning: a contract, a statutory duty or an emergency may be the basis (Art. 13).
            found.append(Issue("cn.sensitive_consent", "cn_sensitive_consent_on", "warning"))
    return found


@hookimpl
def muniment_needs_approval(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> NeedsApproval | None:
    """Whether a change waits for somebody in charge.

    Regulations on the Protection of Minors in Cyberspace, Art. 36: staff touch what is
    kept of minors with the approval of the person in charge, and it is written down.
    Here it is what changes the record of a child under 14; the first registration, for
    which the guardian agrees, and the noting of consents do not wait.
    """
    if record.type not in PEOPLE or record.version == 0:
        return None
    if context.operation != "delete" and all(field.startswith(_OURS) for field in changes):
        return None
    after = {**record.values, **changes}
    # Neither does a wrong birth date make an adult of a child by itself.
    child = _is_child(record.values, context) or _is_child(after, context)
    return NeedsApproval(1) if child else None
