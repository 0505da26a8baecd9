"""A file of retention rules, and what it says of a record type."""

from __future__ import annotations

import json
import tomllib

import jsonschema
import pytest

from muniment.errors import ConfigError
from muniment.retention.rules import parse_rules, rules_for

HEAD = 'format = 1\nkey = "x"\nlabel = { en = "X", zh = "甲" }\n'

WHOLE = (
    HEAD
    + """
[[rule]]
id = "X-1"
effect = "MIN"
minimum = "P10Y"
about = "Patient file"
event = "last_visit.date"
categories = ["health_record", "prescription"]
anchors = ["ended_on", "visit.ended_on"]
combine = "later_of"
term = [{ anchor = "subject.born", period = "P28Y" }]
on_death = { anchor = "subject.died", period = "P10Y", within = "P10Y" }
suspended_by = ["litigation"]
source = "Law 1"
in_force_from = "2025-01-01"
at_end = "review"

[[rule.variant]]
name = "inpatient"
minimum = "P30Y"
where = [{ field = "visit.stay", values = ["inpatient"] }]

[[rule]]
id = "X-2"
effect = "MAX"
maximum = "P6M"
categories = ["log"]
anchors = ["record.created"]
source = "Law 2"
"""
)


@pytest.fixture(scope="module")
def schema():
    from importlib import resources

    text = resources.files("muniment_schemas").joinpath("retention.schema.json").read_text("utf-8")
    return json.loads(text)


def test_a_file_says_what_the_published_schema_allows(schema):
    """One description for people's editors and for the parser."""
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(WHOLE), schema)
    assert ["X-1", "X-1/inpatient", "X-2"] == [
        one.rule.id for one in parse_rules(WHOLE, where="x").statements
    ]


def test_the_schema_knows_exactly_what_the_parser_knows(schema):
    """A key that one of them lacks would be refused or passed over."""
    from muniment.retention import rules

    known = {"rule": rules._RULE, "variant": rules._VARIANT, "term": rules._TERM, "condition": rules._WHERE}
    for name, keys in known.items():
        assert set(keys) == set(schema["$defs"][name]["properties"]), name
    assert set(rules._FILE) == set(schema["properties"])


def test_a_rule_follows_its_category_into_any_type():
    """Whoever made the type; what the category is called is enough."""
    statements = parse_rules(WHOLE, where="x").statements
    fields = {"drug": "prescription", "dose": "prescription", "ended_on": "health_record"}
    found = rules_for(statements, "medication", fields)
    assert {("X-1", "health_record"), ("X-1", "prescription"), ("X-1/inpatient", "health_record"),
            ("X-1/inpatient", "prescription")} == {(one.id, one.category) for one in found}  # fmt: skip
    assert all(one.anchor == "ended_on" and not one.problem() for one in found)
    assert () == rules_for(statements, "product", {"name": "record"})


def test_the_first_day_that_a_type_has_starts_a_rule():
    """Its own field before a day of the subject's other records."""
    statements = parse_rules(WHOLE, where="x").statements
    (base, inpatient) = rules_for(statements, "patient", {"blood": "health_record"})
    assert ("visit.ended_on", "P10Y", ()) == (base.anchor, base.minimum, base.where)
    assert ("visit.stay", "P30Y") == (inpatient.where[0].field, inpatient.minimum)
    (_, own) = rules_for(statements, "visit", {"stay": "health_record", "ended_on": "health_record"})
    assert "stay" == own.where[0].field


def test_a_condition_on_a_field_that_is_not_there_shortens_nothing():
    """What nobody knows must not let a record go earlier."""
    statements = parse_rules(WHOLE, where="x").statements
    (_, own) = rules_for(statements, "visit", {"ended_on": "health_record"})
    assert () == own.where


def test_a_rule_without_its_dates_has_no_anchor():
    """Then a person decides; half of a later-of would be too early."""
    text = WHOLE.replace('"subject.born"', '"born_on"').replace('"visit.ended_on"', '"closed_on"')
    statements = parse_rules(text, where="x").statements
    assert {""} == {one.anchor for one in rules_for(statements, "a", {"drug": "prescription"})}
    for fields in ({"ended_on": "prescription"}, {"closed_on": "prescription"}):
        for rule in rules_for(statements, "a", fields):
            assert ("", (), "", None) == (rule.anchor, rule.terms, rule.combine, rule.on_death)
            assert "" == rule.problem()


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("format = 1", "format = 2", "retention.format", "x.toml"),
        ("[[rule]]", "[[rule", "retention.toml", "x.toml"),
        ('source = "Law 1"', "", "retention.missing", "rule[0](X-1)"),
        ('source = "Law 1"', 'sauce = "Law 1"', "retention.unknown", "rule[0](X-1)"),
        ('"X-2"', '"X-1"', "retention.twice", "x.toml"),
        ('"P10Y"', '"10 years"', "retention.rule", "rule[0](X-1)"),
        ('"P6M"', '""', "retention.rule", "rule[1](X-2)"),
        ('"MAX"', '"MOST"', "retention.rule", "rule[1](X-2)"),
        ('["log"]', "[]", "retention.missing", "rule[1](X-2)"),
        ('["log"]', '"log"', "retention.value", "rule[1](X-2)"),
        ('["log"]', "[1]", "retention.value", "rule[1](X-2)"),
        ('values = ["inpatient"]', "values = []", "retention.rule", "rule[0](X-1).variant[0]"),
        ('name = "inpatient"', "", "retention.missing", "variant[0]"),
        ('combine = "later_of"', "", "retention.rule", "rule[0](X-1)"),
        ('"record.created"', '"Record created"', "retention.rule", "rule[1](X-2)"),
        ('"review"', '"burn"', "retention.rule", "rule[0](X-1)"),
        ('"2025-01-01"', '"January"', "retention.rule", "rule[0](X-1)"),
    ],
)
def test_what_does_not_hold_together_is_refused_with_its_place(old, new, code, place):
    """A rule that is half read is no rule."""
    assert old in WHOLE
    with pytest.raises(ConfigError) as caught:
        parse_rules(WHOLE.replace(old, new, 1), where="x.toml")
    assert code == caught.value.code
    assert place in str(caught.value.where)
    assert caught.value.text() != caught.value.text("zh")
