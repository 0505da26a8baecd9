"""The retention rules of the jurisdictions: every row as it was looked up, none of them verified."""

from __future__ import annotations

import csv
import json
import os
import re
import tomllib
from importlib import resources, util
from pathlib import Path

import jsonschema
import pytest

from muniment import plugins
from muniment.retention.rules import RuleStatement, parse_rules, rules_for

# Whose law it is, by the beginning of the jurisdiction. Card brands make rules of their own.
HOMES = {"CN": "cn", "EU": "eu", "US": "us", "UK": "uk", "card brands": "pci"}
PERIOD = re.compile(r"(P(?=\d)(?:\d+Y)?(?:\d+M)?(?:\d+D)?|PERMANENT)(.*)")


def _text(name: str) -> str:
    return resources.files(f"muniment_{name}").joinpath("rules.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def statements() -> dict[str, tuple[str, RuleStatement]]:
    return {
        one.rule.id: (name, one)
        for name in HOMES.values()
        for one in parse_rules(_text(name), where=name).statements
    }


@pytest.mark.parametrize("name", sorted(HOMES.values()))
def test_the_files_have_the_published_form(name):
    """Counsel's editor checks what they change."""
    text = resources.files("muniment_schemas").joinpath("retention.schema.json").read_text("utf-8")
    jsonschema.validate(tomllib.loads(_text(name)), json.loads(text))


def test_no_rule_claims_to_be_verified(statements):
    """That is for the person who compares it with its source."""
    assert statements
    assert {""} == {one.rule.verified_by for _, one in statements.values()}


def test_every_row_of_the_facts_is_a_rule(statements):
    """Nothing of a row is lost: what has no place of its own stands in words."""
    data = os.environ.get("MUNIMENT_TEST_DATA")
    if not data:
        pytest.skip("MUNIMENT_TEST_DATA names no folder with outside tables")
    path = Path(data, "facts", "retention_rules.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert 105 == len(rows)
    assert {row["id"] for row in rows} == {name for name in statements if "/" not in name}
    source = ""
    for row in rows:
        home, one = statements[row["id"]]
        rule = one.rule
        source = source if row["legal_source"] == "same" else row["legal_source"]
        whose = row["jurisdiction"]
        assert HOMES[whose if whose in HOMES else whose[:2]] == home
        # What card brands ask for holds by contract, wherever somebody is.
        law = "" if whose == "card brands" else whose
        assert law or "card brands" in rule.modifiers
        assert (law, row["industry"], row["record_category"], row["effect"]) == (
            rule.jurisdiction,
            rule.industry,
            rule.about,
            rule.effect,
        )
        assert (row["start_event"], source, row["notes"], row["confidence"]) == (
            rule.event,
            rule.source,
            rule.notes,
            rule.confidence,
        ), row["id"]
        assert row["combine_and_modifiers"] in rule.modifiers
        for text, limit in ((row["min_period"], rule.minimum), (row["max_period"], rule.maximum)):
            found = PERIOD.fullmatch(text)
            if limit:
                assert found is not None
                assert limit == found[1], row["id"]
            assert limit == text or not text or text in rule.modifiers or row["id"] == "PCI-E-01"
        for day in re.findall(r"(?:in force|since) (\d{4}-\d{2}-\d{2})", row["notes"] + row["legal_source"]):
            # The Cybersecurity Law held before, under another article.
            assert rule.in_force_from == day or row["id"] == "CN-L-01"


@pytest.mark.parametrize(
    ("names", "type", "category", "expected"),
    [
        (["healthcare", "cn"], "encounter", "health_record", {"CN-H-01", "CN-H-02"}),
        (
            ["healthcare", "cn"],
            "medication",
            "prescription",
            {"CN-H-04", "CN-H-04/narcotic", "CN-H-04/toxic"},
        ),
        (["healthcare", "cn"], "protected_note", "mental_health", {"CN-H-03"}),
        (["healthcare", "eu"], "patient", "health_record", {"DE-H-01", "FR-H-01", "NL-H-01", "ES-H-01"}),
        (["healthcare", "uk"], "encounter", "health_record", {"UK-H-01", "UK-H-02", "UK-H-04"}),
    ],
)  # fmt: skip
def test_rules_reach_the_types_of_an_industry(names, type, category, expected):
    """By category, whichever plugin made the type; the days that start them are there."""
    found = plugins.load(plugins.needed(names), environ={})
    assert {} == dict(found.quarantined)
    types = [one for plugin in found.loaded for one in plugin.record_types]
    found = found.for_types(types)
    assert {} == dict(found.quarantined)
    rules = [rule for rule in found.retention_rules()[type] if rule.category == category]
    assert expected == {rule.id for rule in rules}
    for rule in rules:
        for anchor in rule.anchors():
            key, _, field = anchor.partition(".")
            if key not in ("subject", "record"):
                (there,) = (one for one in types if one.key == (key if field else type))
                assert there.by_key[field or key].kind in ("date", "datetime"), rule.id
        for condition in rule.where:
            key, _, field = condition.field.rpartition(".")
            (there,) = (one for one in types if one.key == (key or type))
            choices = {choice.key for choice in there.by_key[field].choices}
            assert set(condition.values) <= choices, rule.id


def test_minors_are_kept_for_longer(statements):
    """The further date is the birth, so that nobody asks how old somebody was."""
    for name, period in (("US-CA-H-01", "P19Y"), ("US-TX-H-01", "P21Y"), ("FR-H-01", "P28Y")):
        (term,) = statements[name][1].rule.terms
        assert ("subject.born", period, "later_of") == (
            term.anchor,
            term.period,
            statements[name][1].rule.combine,
        )
    late, later = statements["UK-H-02"][1].rule.terms
    assert (("P25Y", 0, 0), ("P26Y", 17, 17)) == tuple(
        (one.period, one.age_from, one.age_to) for one in (late, later)
    )


def test_a_law_reaches_what_a_team_made_itself(statements):
    """A table of its own under one of the categories is kept as the law says."""
    found = rules_for(
        [one for _, one in statements.values()], "voucher", {"paid_on": "invoice", "issued_on": "invoice"}
    )
    by_id = {rule.id: rule for rule in found}
    assert {"CN-T-01", "CN-T-03", "DE-T-02", "FR-T-01", "UK-T-01"} <= set(by_id)
    assert ("issued_on", "end_of_calendar_year") == (by_id["DE-T-02"].anchor, by_id["DE-T-02"].round_up)


def test_each_jurisdiction_is_installed():
    """The rules of a plugin that nobody can import help nobody."""
    assert all(util.find_spec(f"muniment_{name}") for name in HOMES.values())
