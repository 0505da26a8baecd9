"""The shipped types and templates beside the tables they were made from, field by field."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import muniment_schemas
from muniment.schema import Field, Label, RecordType, load_template, parse_type, template_names

TABLES = os.environ.get("MUNIMENT_TEST_DATA")
pytestmark = pytest.mark.skipif(not TABLES, reason="MUNIMENT_TEST_DATA is not set")

TYPES: Mapping[str, RecordType] = {
    name: parse_type(muniment_schemas.read("types", name), where=name)
    for name in muniment_schemas.names("types")
}

# Where the tables are not followed, and why.
OTHERWISE: Mapping[tuple[str, str, str], Any] = {
    # Nobody's language is known before they were asked; Chinese would be wrong for most of the world.
    ("customer", "preferred_language", "default"): None,
    # Empty means the customer's account manager, also the next one; no default could say that.
    ("follow_up", "assigned_to", "required"): False,
    ("follow_up", "assigned_to", "default"): None,
    # Whose feedback it is decides whose key seals it, so it cannot be left open.
    ("feedback", "customer", "required"): True,
    ("feedback", "customer", "help"): Label(
        "Who answered; keep anonymous answers under one customer made for them.",
        "作答的客户；匿名答卷统一归入专设的一个客户。",
    ),
    # Its index refuses a second one in any case; said openly, a number also names its opportunity.
    ("opportunity", "contract_number", "unique"): True,
    # Rows of a sheet name a campaign by it.
    ("campaign", "campaign_name", "unique"): True,
    ("campaign", "campaign_name", "index"): ("unique", "words"),
    ("segment", "segment_name", "index"): ("unique",),
    # What is in clear may as well be searched by word.
    ("product", "product_name", "index"): ("words",),
    ("opportunity", "title", "index"): ("words",),
    # Who is in a segment is the question that it is made for.
    ("membership", "segment", "index"): ("exact",),
    # Whoever sees the other three sums would know the sensitive costs by subtracting.
    ("lifetime_value", "value_so_far", "class"): "sensitive",
    # That is the chance that somebody leaves, and the field is the chance that they stay.
    ("lifetime_value", "probability_active", "aliases"): (),
}


def rows(name: str) -> list[dict[str, str]]:
    with (Path(TABLES or "") / "facts" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stated(row: Mapping[str, str], hints: Mapping[str, str]) -> dict[str, Any]:
    """What the tables say of a field."""
    limits = row["choices"].split("..") if row["kind"] == "integer" and row["choices"] else ["", ""]
    plain = bool(row["choices"]) and not row["choices"].startswith("-> ") and not limits[0]
    return {
        "kind": row["kind"],
        "class": row["class"],
        "label": Label(row["label_en"], row["label_zh"]),
        "help": Label(row["help_en"], row["help_zh"]),
        "target": row["choices"].removeprefix("-> ") if row["choices"].startswith("-> ") else "",
        "range": tuple(limits),
        "choices": tuple(row["choices"].split("|")) if plain else (),
        "required": hints.get("required") == "yes",
        "unique": hints.get("unique") == "yes",
        "computed": hints.get("computed") == "yes",
        "default": hints.get("default") or None,
        "index": tuple(filter(None, (hints.get("index") or "").split("|"))),
        "aliases": tuple(filter(None, (hints.get("aliases") or "").split("|"))),
    }


def shipped(field: Field, expected: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a field as it ships."""
    ranged = expected["range"] != ("", "")
    return {
        "kind": field.kind,
        "class": field.sensitivity,
        "label": field.label,
        "help": field.help,
        "target": field.target,
        # The help of some fields implies a bound that the table has no column for.
        "range": (field.minimum, field.maximum) if ranged else ("", ""),
        "choices": tuple(
            ":".join(filter(None, (one.key, one.label.en, one.label.zh, one.colour))) for one in field.choices
        ),
        "required": field.required,
        "unique": field.unique,
        "computed": field.computed,
        "default": field.default,
        "index": field.index,
        # Further ones do no harm: what two fields share is asked for.
        "aliases": tuple(name for name in expected["aliases"] if name in field.aliases),
    }


def test_every_field_is_as_the_tables_say():
    """Kind, class, both labels and helps, range, choices with colours, target, and every hint."""
    hints = {(row["type"], row["field"]): row for row in rows("template_hints.csv")}
    found = set()
    for row in rows("template_fields.csv"):
        type_key, _, group = row["group"].partition("/")
        field = TYPES[type_key].by_key[row["field"]]
        found.add((type_key, field.key))
        expected = stated(row, hints.pop((type_key, field.key), {}))
        changed = {
            name: OTHERWISE[type_key, field.key, name]
            for name in expected
            if (type_key, field.key, name) in OTHERWISE
        }
        assert group == field.group
        assert {**expected, **changed} == shipped(field, expected), field.key
    assert {} == hints
    assert {(key, field.key) for key, one in TYPES.items() for field in one.fields} == found
    assert 203 == len(found)


def test_what_differs_from_the_tables_does_differ():
    """The list of exceptions is no longer than it must be."""
    hints = {(row["type"], row["field"]): row for row in rows("template_hints.csv")}
    said = {
        (row["group"].partition("/")[0], row["field"]): stated(
            row, hints.get((row["group"].partition("/")[0], row["field"]), {})
        )
        for row in rows("template_fields.csv")
    }
    same = [name for name, value in OTHERWISE.items() if said[name[:2]][name[2]] == value]
    assert [] == same


def test_a_header_that_means_two_fields_is_asked_about():
    """In Chinese sheets one column often holds hobbies, interests or both."""
    assert ("hobbies", "interests") == TYPES["customer"].headers["兴趣爱好"]


def test_types_and_groups_are_as_the_tables_say():
    """Both labels, subject, and the retention category of each group, in order."""
    order: dict[str, list[str]] = {}
    for row in rows("template_groups.csv"):
        record_type = TYPES[row["type"]]
        group = next(one for one in record_type.groups if f"{row['type']}/{one.key}" == row["group"])
        subject = row["subject"] if row["subject"] in ("self", "none") else tuple(row["subject"].split("."))
        assert subject == record_type.subject
        assert Label(row["type_en"], row["type_zh"]) == record_type.label
        assert (Label(row["group_en"], row["group_zh"]), row["retention_category"]) == (
            group.label,
            group.category,
        )
        order.setdefault(row["type"], []).append(group.key)
    assert order == {key: [group.key for group in one.groups] for key, one in TYPES.items()}


@pytest.mark.parametrize("name", template_names())
def test_a_template_holds_exactly_the_groups_that_name_it(name):
    """No type and no group more, none less, and each with all of its fields."""
    expected: dict[str, list[str]] = {}
    for row in rows("template_groups.csv"):
        if name in row["templates"].split():
            expected.setdefault(row["type"], []).append(row["group"].partition("/")[2])
    loaded = load_template(name).types
    assert expected == {one.key: [group.key for group in one.groups] for one in loaded}
    for one in loaded:
        whole = [field for field in TYPES[one.key].fields if field.group in expected[one.key]]
        assert whole == list(one.fields)


def test_every_template_of_the_tables_ships():
    """And no other."""
    named = {name for row in rows("template_groups.csv") for name in row["templates"].split()}
    assert named == set(template_names())
    assert 11 == len(named)
