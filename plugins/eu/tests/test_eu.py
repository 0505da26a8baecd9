"""European Union: restriction of processing, special categories, and rules that reach the tables."""

from __future__ import annotations

from datetime import date

import pytest

from muniment.testing import assert_conforms, issues_of
from muniment_eu._checks import muniment_validate

ONE, TWO = date(2026, 1, 1), date(2026, 1, 2)


def _codes(values, changes, *, type="patient", **how):
    return set(issues_of(muniment_validate, type, changes, before=values, **{"operation": "update", **how}))


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages."""
    assert_conforms("eu")


@pytest.mark.parametrize(
    ("values", "changes", "purpose", "refused"),
    [
        ({"eu_restricted_on": ONE}, {"phone": "1"}, "ServiceProvision", True),
        ({"eu_restricted_on": ONE}, {"phone": "1"}, "RightsFulfillment", False),
        ({"eu_restricted_on": ONE, "eu_lifted_on": TWO}, {"phone": "1"}, "ServiceProvision", False),
        ({"eu_restricted_on": TWO, "eu_lifted_on": ONE}, {"phone": "1"}, "ServiceProvision", True),
        ({"eu_restricted_on": ONE}, {"eu_lift_notice_on": TWO}, "ServiceProvision", False),
        # Lifting and changing at once would be a way around.
        ({"eu_restricted_on": ONE}, {"eu_lift_notice_on": TWO, "eu_lifted_on": TWO, "phone": "1"},
         "ServiceProvision", True),
        ({}, {"phone": "1"}, "ServiceProvision", False),
    ],
)  # fmt: skip
def test_restricted_data_is_not_changed_for_anything_else(values, changes, purpose, refused):
    """GDPR Art. 18(2): for the person's rights, a duty or a claim alone."""
    assert refused == ("restricted" in _codes(values, changes, purpose=purpose))


def test_restricted_data_is_not_deleted():
    """Nor in a table that this plugin does not know is it looked for."""
    assert {"restricted"} == _codes({"eu_restricted_on": ONE}, {}, operation="delete")
    assert set() == _codes({"eu_restricted_on": ONE}, {"x": 1}, type="order")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"eu_restricted_on": ONE}, {"ground_missing"}),
        ({"eu_restricted_on": ONE, "eu_restriction_ground": "accuracy"}, set()),
        ({"eu_lifted_on": TWO}, {"lift_untold"}),
        ({"eu_lifted_on": ONE, "eu_lift_notice_on": TWO}, {"lift_early"}),
        ({"mrn": "A"}, {"condition_missing"}),
        ({"mrn": "A", "eu_special_condition": "h"}, set()),
    ],
)
def test_what_the_law_asks_for_is_missed(changes, found):
    """A ground, a notice before lifting, the condition of Art. 9(2)."""
    assert found == _codes({}, changes)
