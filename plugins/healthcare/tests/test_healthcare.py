"""Patients and what is written about them: what is taken, what is refused, who may be whom."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from muniment import plugins
from muniment.errors import Invalid
from muniment.plugins import HookContext, NeedsApproval, RecordState
from muniment.schema import KINDS, Context, Field, ValueProblem
from muniment.testing import assert_conforms, assert_no_plaintext, issues_of, new_archive
from muniment_healthcare import CHECKS, LOINC
from muniment_healthcare._checks import muniment_needs_approval

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PATIENT = {"full_name": "李小明", "mrn": "MR-0001", "birth_date": "1980-02-29"}


def _issues(type: str, values: dict[str, object], *, region: str = "CN") -> set[tuple[str, str]]:
    return set(issues_of(CHECKS.issues, type, values, region=region).items())


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages; its types round-trip through seal, export and import."""
    assert_conforms("healthcare")


def test_every_check_names_fields_that_are_there_and_a_text():
    """A code without a text, or a field that was renamed, would show nothing to anybody."""
    loaded = plugins.load(["healthcare", "identifiers"], environ={})
    assert {} == dict(loaded.quarantined)
    (plugin,) = (one for one in loaded.loaded if one.name == "healthcare")
    types = {one.key: one for one in plugin.record_types}
    for check in CHECKS.all:
        assert {*check.fields, check.on} <= set(types[check.type].by_key), check.code
    assert {check.code for check in CHECKS.all} | {"healthcare.loinc_form", "healthcare.loinc_check"} == set(
        plugin.info.messages
    )


def _born(year: int) -> dict[str, object]:
    return {"birth_date": date(year, 3, 2)}


@pytest.mark.parametrize(
    ("values", "region", "found"),
    [
        (_born(2012), "CN", {("guardian_needed", "error")}),  # 13 until tomorrow
        (_born(2011), "CN", {("guardian_usual", "warning")}),
        (_born(2012), "DE", {("guardian_usual", "warning")}),
        (_born(2007), "DE", set()),
        ({**_born(2012), "guardian_name": "李雷", "guardian_phone": "+8613800000000"}, "CN", set()),
        ({**_born(2012), "jurisdictions": ("CN", "EU")}, "DE", {("guardian_needed", "error")}),
        ({**_born(2012), "jurisdictions": ("EU",)}, "CN", {("guardian_usual", "warning")}),
        ({**_born(2012), "resident_id": "x"}, "", {("guardian_needed", "error")}),
        ({"birth_date": date(1980, 1, 1), "deceased_at": datetime(1979, 1, 1, tzinfo=UTC)}, "CN",
         {("died_before_birth", "error"), ("guardian_needed", "error")}),
        ({"guardian_name": "李雷"}, "CN", {("guardian_phone", "warning")}),
        ({"emergency_contact_name": "李雷"}, "CN", {("emergency_phone", "error")}),
        ({"insurance_member_id": "1"}, "CN", {("insurer_missing", "warning")}),
        ({"allergies": ("无", "青霉素")}, "CN", {("allergy_contradicts", "error")}),
        ({"allergies": ("None known",)}, "CN", set()),
        ({"allergies": ("penicillin", "latex")}, "CN", set()),
        ({"mrn": "abc"}, "CN", {("mrn_form", "error")}),
        ({"mrn": "ZY-2026-0001"}, "CN", set()),
    ],
)  # fmt: skip
def test_a_patient_holds_together(values, region, found):
    """Minors have guardians where the law asks for them; contacts can be reached."""
    assert found == _issues("patient", values, region=region)


def _at(day: int, hour: int = 8) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type", "values", "found"),
    [
        ("encounter", {"started_at": _at(3), "ended_at": _at(2)}, {("discharge_early", "error")}),
        ("encounter", {"started_at": _at(2), "ended_at": _at(9), "encounter_class": "IMP"}, set()),
        ("encounter", {"started_at": _at(2), "ended_at": _at(9), "encounter_class": "AMB"},
         {("long_visit", "warning")}),
        ("encounter", {"started_at": _at(2), "ended_at": None, "encounter_class": "EMER"}, set()),
        ("diagnosis", {"diagnosed_on": date(2026, 1, 2), "resolved_on": date(2026, 1, 1)},
         {("resolved_early", "error")}),
        ("diagnosis", {"is_principal": True, "certainty": "ruled_out"}, {("principal_ruled_out", "error")}),
        ("diagnosis", {"is_principal": True, "certainty": "confirmed"}, set()),
        ("medication", {"prescribed_on": date(2026, 1, 2), "dispensed_on": date(2026, 1, 1),
                        "until_on": date(2026, 1, 1)},
         {("dispensed_early", "error"), ("intake_early", "error")}),
        ("medication", {"dose": Decimal(5)}, {("dose_unit", "error")}),
        ("lab_result", {"result_value": None}, {("result_missing", "error")}),
        ("lab_result", {"result_text": "negative"}, set()),
        ("lab_result", {"result_value": Decimal(5)}, {("result_unit", "error")}),
        ("lab_result", {"reference_low": Decimal(5), "reference_high": Decimal(4)},
         {("range_reversed", "error")}),
        ("lab_result", {"sampled_at": _at(3), "reported_at": _at(2)}, {("reported_early", "error")}),
        ("treatment_consent", {"given_by": "guardian"}, {("signer_missing", "error")}),
        ("treatment_consent", {"given_by": "patient"}, set()),
        ("treatment_consent", {"given_on": date(2026, 1, 2), "withdrawn_on": date(2026, 1, 1)},
         {("withdrawn_early", "error")}),
        ("advance_directive", {"signed_on": date(2026, 1, 2), "revoked_on": date(2026, 1, 1)},
         {("withdrawn_early", "error")}),
        ("genetic_test", {"tested_on": date(2026, 1, 1), "separate_consent_on": date(2026, 1, 2)},
         {("consent_late", "error")}),
    ],
)  # fmt: skip
def test_what_is_written_about_a_patient_holds_together(type, values, found):
    """No discharge before its admission, no dose without a unit."""
    assert found == _issues(type, values)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # LOINC 2.78: blood group, glucose, haemoglobin A1c, the first of all
        ("882-1", ""),
        ("2345-7", ""),
        ("4548-4", ""),
        ("1-8", ""),
        ("2345-8", "healthcare.loinc_check"),
        ("2345", "healthcare.loinc_form"),
        ("12345678-1", "healthcare.loinc_form"),
    ],
)
def test_a_loinc_fits_its_check_digit(text, code):
    """A code with two digits changed over would be another test."""
    parse = LOINC.prepare(Field(key="code", kind="loinc"))
    found = ""
    try:
        assert text == parse(text, Context(today=NOW.date()))
    except ValueProblem as problem:
        found = problem.code
    assert code == found
    assert "loinc" not in KINDS


def test_a_clinic_works_from_the_first_minute(tmp_path, monkeypatch):
    """One command makes the tables; what is sensitive is in no file; bad values are refused together."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with new_archive(tmp_path / "clinic", plugins=["healthcare"], region="CN") as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            li = session.create("patient", {**PATIENT, "phone": "13800138000", "blood_group": "AB-"})
            visit = session.create(
                "encounter",
                {"patient": li.id, "encounter_class": "AMB", "started_at": "2026-01-05T09:00:00Z"},
            )
            session.create(
                "diagnosis", {"patient": li.id, "encounter": visit.id, "diagnosis_code": "J45.901"}
            )
            with pytest.raises(Invalid) as caught:
                # The example of GB 11643-1999, born on the last day of 1949.
                session.create("patient", {**PATIENT, "mrn": "lower", "resident_id": "11010519491231002X"})
            assert {"healthcare.mrn_form", "identifiers.resident_birth_differs"} == {
                one.code for one in caught.value.issues
            }
            assert [li.id] == [one.id for one in session.list("patient", where={"mrn": "MR-0001"}).records]
        archive.log.verify()
    assert_no_plaintext(tmp_path / "clinic", ["李小明", "J45.901", "13800138000"])


def test_classes_and_categories_are_those_of_health_data():
    """What the law calls special is sealed apart, and the most private of it needs a right of its own."""
    loaded = plugins.load(["healthcare", "identifiers"], environ={})
    types = {one.key: one for plugin in loaded.loaded for one in plugin.record_types}
    for key in ("psychotherapy_notes", "substance_use_records"):
        assert "restricted" == types["protected_note"].by_key[key].sensitivity
    assert "mental_health" == types["protected_note"].by_key["psychotherapy_notes"].category
    for record_type in types.values():
        for field in record_type.fields:
            if field.kind != "reference" and field.category in ("health_record", "prescription"):
                inside = {"administrative_gender", "encounter_number", "department", "attending_provider",
                          "attending_provider_npi", "prescriber"}  # fmt: skip
                assert field.key in inside or field.sensitivity in ("sensitive", "restricted"), field.key


@pytest.mark.parametrize(
    ("version", "values", "changes", "waits"),
    [
        (1, {"certainty": "provisional"}, {"diagnosis_code": "J45.9"}, True),
        (1, {"certainty": "confirmed"}, {"certainty": "ruled_out"}, True),
        (1, {"certainty": "provisional"}, {"certainty": "confirmed"}, False),
        (1, {"certainty": "confirmed"}, {"resolved_on": date(2026, 1, 1)}, False),
        (1, {"certainty": "provisional"}, {}, True),
        (0, {}, {"diagnosis_code": "J45.9"}, False),
    ],
)
def test_a_change_of_diagnosis_waits_for_a_second_person(version, values, changes, waits):
    """Making, confirming and resolving one does not; taking it out does."""
    state = RecordState("r", "diagnosis", "s", version, values)
    context = HookContext("li.na", "ServiceProvision", "update", "api", 0)
    assert (NeedsApproval(1) if waits else None) == muniment_needs_approval(state, changes, context)
    two = HookContext("li.na", "ServiceProvision", "update", "api", 0, settings={"checkers": 2})
    assert (NeedsApproval(2) if waits else None) == muniment_needs_approval(state, changes, two)
    other = RecordState("r", "encounter", "s", version, values)
    assert muniment_needs_approval(other, changes, context) is None
