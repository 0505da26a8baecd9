"""China: consents, children, and rules that reach the tables."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from muniment.plugins import HookContext, NeedsApproval, RecordState
from muniment.testing import assert_conforms
from muniment_cn import CHECKS
from muniment_cn._checks import muniment_needs_approval, muniment_validate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CHILD, GROWN = date(2015, 1, 1), date(1990, 1, 1)


def _context(operation: str = "update") -> HookContext:
    return HookContext("li.na", "ServiceProvision", operation, "cli", int(NOW.timestamp()) * 1_000_000)


def _state(values=None, *, type="patient", version=1):
    return RecordState(
        "r", type, "s", version, values or {}, classes={"allergies": "sensitive", "phone": "personal"}
    )


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages."""
    assert_conforms("cn")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"allergies": ("x",)}, {"cn.sensitive_consent"}),
        ({"allergies": ("x",), "cn_sensitive_consent_on": GROWN}, set()),
        ({"allergies": None}, set()),
        ({"phone": "1"}, set()),
        ({"birth_date": CHILD}, {"cn.guardian_consent"}),
        ({"birth_date": CHILD, "cn_guardian_consent_on": GROWN}, set()),
        ({"birth_date": GROWN}, set()),
        ({"cn_abroad_basis": "contract"}, {"cn.abroad_consent"}),
        (
            {"cn_sensitive_consent_on": GROWN, "cn_consent_withdrawn_on": date(1980, 1, 1)},
            {"cn.withdrawn_early"},
        ),
    ],
)
def test_consents_that_the_law_asks_for_are_missed(changes, found):
    """Articles 29, 31 and 39 of the Personal Information Protection Law."""
    assert found == {one.code for one in muniment_validate(_state(version=0), changes, _context("create"))}


def test_other_tables_are_left_alone():
    """What a clinic writes of a visit names no person's age."""
    assert [] == list(muniment_validate(_state(type="encounter"), {"allergies": ("x",)}, _context()))
    assert {"patient", "client", "customer"} == {check.type for check in CHECKS.all}


@pytest.mark.parametrize(
    ("values", "version", "changes", "operation", "waits"),
    [
        ({"birth_date": CHILD}, 1, {"phone": "1"}, "update", True),
        ({"birth_date": CHILD}, 1, {"birth_date": GROWN}, "correct", True),
        ({"birth_date": GROWN}, 1, {"birth_date": CHILD}, "correct", True),
        ({"birth_date": CHILD}, 1, {}, "delete", True),
        ({"birth_date": CHILD}, 1, {"cn_guardian_consent_on": GROWN}, "update", False),
        ({}, 0, {"birth_date": CHILD}, "create", False),
        ({"birth_date": GROWN}, 1, {"phone": "1"}, "update", False),
        ({}, 1, {"phone": "1"}, "update", False),
    ],
)
def test_a_change_to_a_childs_record_waits(values, version, changes, operation, waits):
    """Somebody in charge approves it; registering and noting consents does not wait."""
    found = muniment_needs_approval(_state(values, version=version), changes, _context(operation))
    assert (NeedsApproval(1) if waits else None) == found
    assert muniment_needs_approval(_state(values, type="order"), changes, _context(operation)) is None
