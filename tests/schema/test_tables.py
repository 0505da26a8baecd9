"""The kinds on real tables, and the published page of formats."""

from __future__ import annotations

import csv
import json
import os
import re
import typing
from datetime import date
from importlib import resources
from pathlib import Path

import attrs
import pytest

from muniment.codec import ENCODINGS
from muniment.schema import (
    KINDS,
    Choice,
    Context,
    Field,
    Highlight,
    LayoutGroup,
    RecordType,
    fold_name,
    load_template,
    type_from_document,
)

TABLES = os.environ.get("MUNIMENT_TEST_DATA")
needs_tables = pytest.mark.skipif(not TABLES, reason="MUNIMENT_TEST_DATA is not set")
PAGE = resources.files("muniment_schemas").joinpath("formats", "types.md").read_text(encoding="utf-8")


def rows(name: str) -> list[dict[str, str]]:
    with (Path(TABLES or "") / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@needs_tables
def test_the_customers_of_chinook_are_read_by_their_headers():
    """Every one of 59; names and postcodes as they are; three phones kept with a warning."""
    customer = load_template("customer-info").types[0]
    columns = {
        header: customer.headers.get(fold_name(header), ()) for header in rows("chinook_customer.csv")[0]
    }
    assert {header for header, keys in columns.items() if len(keys) != 1} == set()
    warned = 0
    for row in rows("chinook_customer.csv"):
        given = {
            columns[header][0]: text for header, text in row.items() if header not in ("id", "support_rep")
        }
        given["full_name"] = f"{row['firstname']} {row['lastname']}"
        values, issues = customer.normalise(given, context=Context(today=date(2026, 3, 1)))
        assert all(issue.severity == "warning" for issue in issues)
        warned += any(issue.field == "phone" for issue in issues)
        for key, text in given.items():
            assert (text.strip() or None) == values.get(key)
    assert 3 == warned


@needs_tables
def test_the_numbers_and_days_of_superstore_need_their_decimal_mark():
    """Without it some sales could be thousands; with it every one of 9,994 is read."""
    kinds = {
        "Sales": "decimal",
        "Profit": "decimal",
        "Discount": "decimal",
        "Quantity": "integer",
        "Order Date": "date",
    }
    line = RecordType(key="line", fields=tuple(Field(key=key, kind=kind) for key, kind in kinds.items()))
    sure = Context(today=date(2026, 3, 1), decimal_mark=".")
    unsure = attrs.evolve(sure, decimal_mark="")
    ambiguous = 0
    for row in rows("superstore.csv"):
        given = {key: row[key] for key in kinds}
        values, issues = line.normalise(given, context=sure)
        assert [] == issues
        assert [row["Sales"], row["Profit"]] == [str(values["Sales"]), str(values["Profit"])]
        _, issues = line.normalise(given, context=unsure)
        assert {issue.code for issue in issues} <= {"value.ambiguous"}
        ambiguous += bool(issues)
    assert 0 < ambiguous < 9_994


def test_the_page_names_every_kind_with_its_encoding():
    """As the program has them."""
    table = re.findall(
        r"^\| (`.*?) \| ([a-z ]+) \|", PAGE.partition("## Kinds")[2].partition("##")[0], re.MULTILINE
    )
    stated = {kind: encoding for kinds, encoding in table for kind in re.findall("`(.*?)`", kinds)}
    numbers = {number: name for name, number in ENCODINGS.items()}
    shown = {name: numbers[kind.encoding].replace("list", "list of text") for name, kind in KINDS.items()}
    assert shown == stated


def test_the_document_of_the_page_is_a_definition():
    """The example can be read."""
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    order = type_from_document(json.loads(example[1]))
    assert ("order_number", 50) == (order.fields[0].key, order.fields[0].seal_group)


def test_defaults_of_the_document_are_those_of_the_page():
    """A changed default would change what stored definitions mean."""
    expected: dict[type, typing.Any] = {bool: False, int: 0, str: "", tuple: ()}
    odd = {"subject": "self", "sensitivity": "internal", "default": None, "minimum": None, "maximum": None}
    for cls in (RecordType, Field, LayoutGroup, Choice, Highlight):
        for item in attrs.fields(cls):
            if item.init and item.default is not attrs.NOTHING and item.name not in ("label", "help"):
                assert (
                    odd.get(item.name, expected[type(item.default)] if item.name not in odd else None)
                    == item.default
                )
