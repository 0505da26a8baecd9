"""What contradicts itself in a patient, an encounter, a diagnosis, a medicine, a result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from muniment import hookimpl
from muniment.model import age_on
from muniment.packs import Check, Checks, needs, not_above, not_before
from muniment.plugins import HookContext, NeedsApproval, RecordState

__all__ = ["CHECKS", "muniment_needs_approval"]

Values = Mapping[str, object]

_MRN = re.compile(r"[A-Z0-9-]{4,32}")
_NONE_KNOWN: Final = frozenset({"none", "none known", "nkda", "无", "无过敏", "无已知过敏", "否认"})


def _mrn(values: Values, context: HookContext) -> bool:
    number = values.get("mrn")
    return not isinstance(number, str) or bool(_MRN.fullmatch(number))


def _age(values: Values, context: HookContext) -> int | None:
    """Whole years at the time of the write; somebody born on 29 February is older on 1 March."""
    born = values.get("birth_date")
    # What dies as a child stays one.
    died = values.get("deceased_at")
    if not isinstance(born, date):
        return None
    return age_on(born, died.date() if isinstance(died, datetime) else context.today)


def _chinese(values: Values, context: HookContext) -> bool:
    named = values.get("jurisdictions")
    if isinstance(named, tuple) and named:
        return "CN" in named
    return context.default_region == "CN" or values.get("resident_id") is not None


def _guardian_of_child(values: Values, context: HookContext) -> bool:
    """Personal Information Protection Law of China, Art. 31: guardians agree for those under 14."""
    age = _age(values, context)
    return (
        age is None or age >= 14 or not _chinese(values, context) or values.get("guardian_name") is not None
    )


def _guardian_of_minor(values: Values, context: HookContext) -> bool:
    age = _age(values, context)
    below = context.settings.get("guardian_below", 18)
    if age is None or not isinstance(below, int) or age >= below or values.get("guardian_name") is not None:
        return True
    return age < 14 and _chinese(values, context)


def _allergies(values: Values, context: HookContext) -> bool:
    named = values.get("allergies")
    if not isinstance(named, tuple):
        return True
    none = sum(isinstance(one, str) and one.strip().casefold() in _NONE_KNOWN for one in named)
    return none == 0 or none == len(named)


def _short_visit(values: Values, context: HookContext) -> bool:
    began, ended = values.get("started_at"), values.get("ended_at")
    if values.get("encounter_class") not in ("AMB", "EMER"):
        return True
    if not isinstance(began, datetime) or not isinstance(ended, datetime):
        return True
    days = context.settings.get("longest_visit_days", 3)
    return not isinstance(days, int) or ended - began <= timedelta(days=days)


def _principal(values: Values, context: HookContext) -> bool:
    return not (values.get("is_principal") is True and values.get("certainty") == "ruled_out")


def _result(values: Values, context: HookContext) -> bool:
    return values.get("result_value") is not None or values.get("result_text") is not None


CHECKS: Final = Checks(
    (
        Check("patient", ("mrn",), "healthcare.mrn_form", "mrn", _mrn),
        Check(
            "patient",
            ("birth_date", "guardian_name", "resident_id", "jurisdictions"),
            "healthcare.guardian_needed",
            "guardian_name",
            _guardian_of_child,
        ),
        Check(
            "patient",
            ("birth_date", "guardian_name"),
            "healthcare.guardian_usual",
            "guardian_name",
            _guardian_of_minor,
            "warning",
        ),
        needs(
            "patient", "guardian_phone", "healthcare.guardian_phone", when="guardian_name", severity="warning"
        ),
        needs(
            "patient", "emergency_contact_phone", "healthcare.emergency_phone", when="emergency_contact_name"
        ),
        not_before("patient", "birth_date", "deceased_at", "healthcare.died_before_birth"),
        needs(
            "patient", "insurer", "healthcare.insurer_missing", when="insurance_member_id", severity="warning"
        ),
        Check("patient", ("allergies",), "healthcare.allergy_contradicts", "allergies", _allergies),
        not_before("encounter", "started_at", "ended_at", "healthcare.discharge_early"),
        Check(
            "encounter",
            ("encounter_class", "started_at", "ended_at"),
            "healthcare.long_visit",
            "ended_at",
            _short_visit,
            "warning",
        ),
        not_before("diagnosis", "diagnosed_on", "resolved_on", "healthcare.resolved_early"),
        Check(
            "diagnosis",
            ("is_principal", "certainty"),
            "healthcare.principal_ruled_out",
            "is_principal",
            _principal,
        ),
        not_before("medication", "prescribed_on", "dispensed_on", "healthcare.dispensed_early"),
        not_before("medication", "prescribed_on", "until_on", "healthcare.intake_early"),
        needs("medication", "dose_unit", "healthcare.dose_unit", when="dose"),
        Check(
            "lab_result",
            ("result_value", "result_text"),
            "healthcare.result_missing",
            "result_value",
            _result,
        ),
        needs("lab_result", "unit", "healthcare.result_unit", when="result_value"),
        not_above("lab_result", "reference_low", "reference_high", "healthcare.range_reversed"),
        not_before("lab_result", "sampled_at", "reported_at", "healthcare.reported_early"),
        not_before("treatment_consent", "given_on", "withdrawn_on", "healthcare.withdrawn_early"),
        needs(
            "treatment_consent",
            "signed_by_name",
            "healthcare.signer_missing",
            when="given_by",
            values=("guardian", "relative", "court"),
        ),
        not_before("advance_directive", "signed_on", "revoked_on", "healthcare.withdrawn_early"),
        not_before("genetic_test", "separate_consent_on", "tested_on", "healthcare.consent_late"),
    )
)
"""Every check of the plugin."""


@hookimpl
def muniment_needs_approval(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> NeedsApproval | None:
    """Whether a change waits for other people: another code, or what was confirmed no longer is.

    A diagnosis that is made for the first time does not wait, nor does one that is
    confirmed or resolved in the course of things. Taking it out of the record does.
    """
    if record.type != "diagnosis" or record.version == 0:
        return None
    doubted = record.values.get("certainty") == "confirmed" and "certainty" in changes
    # A deletion names no field.
    if changes and "diagnosis_code" not in changes and not doubted:
        return None
    checkers = context.settings.get("checkers", 1)
    return NeedsApproval(checkers if isinstance(checkers, int) else 1)
