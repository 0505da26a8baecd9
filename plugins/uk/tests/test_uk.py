"""United Kingdom: rules that reach the tables."""

from __future__ import annotations

import pytest

from muniment.testing import assert_conforms
from muniment_uk import DATA


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Its rules hold together."""
    assert_conforms("uk")


def test_its_rules_follow_the_categories():
    """A patient's file and a bank's, each under its own."""
    fields = {"note": "health_record", "identity": "kyc", "notes": "mental_health", "name": "profile"}
    found = {(rule.id, rule.category) for rule in DATA.rules("file", fields)}
    assert {
        ("UK-H-01", "health_record"),
        ("UK-H-02", "health_record"),
        ("UK-H-03", "mental_health"),
        ("UK-H-04", "health_record"),
        ("UK-F-01", "kyc"),
    } == found
