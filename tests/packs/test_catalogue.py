"""The packs hold the fields of the catalogue, under the classes and categories it gives them."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from importlib import resources
from pathlib import Path

import pytest

from muniment import plugins
from muniment.model import CLASSES
from muniment.schema import load_template

PACKS = {"healthcare": "healthcare"}
# JR/T 0171's class C2 is sensitive like any other; C3, card numbers and confidential things are more.
RANKS = {"P0": "public", "P1": "internal", "P2": "personal", "P3": "sensitive", "P3+": "restricted",
         "P3/C2": "sensitive", "P3/PCI": "restricted", "P3/PCI (JR/T: C3)": "restricted",
         "P4/C3": "restricted", "P4 (confidential)": "restricted"}  # fmt: skip


def _catalogue(path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def _kept(name: str):
    """The fields of a pack by type and key, with those of the customer tables as it refines them."""
    loaded = plugins.load(plugins.needed([name]), environ={})
    assert {} == dict(loaded.quarantined)
    (plugin,) = (one for one in loaded.loaded if one.name == name)
    types = list(plugin.record_types)
    types += [one for template in plugin.templates for one in template.types]
    found = {f"{one.key}.{field.key}": field for one in types for field in one.fields}
    return found


@pytest.mark.parametrize("name", sorted(PACKS))
def test_a_packs_own_catalogue_names_fields_that_it_has(name):
    """What people look up there is what they find in their tables."""
    kept = _kept(name)
    rows = _catalogue(resources.files(f"muniment_{name}").joinpath("catalogue.csv"))
    assert rows
    for row in rows:
        for place in row["kept_in"].split():
            assert place in kept, (row["field"], place)


def test_every_field_of_the_catalogue_is_kept_by_its_pack():
    """With its standard term, purpose and retention category, and in no lower class."""
    data = os.environ.get("MUNIMENT_TEST_DATA")
    if not data:
        pytest.skip("MUNIMENT_TEST_DATA names no folder with outside tables")
    wanted = _catalogue(Path(data, "facts", "field_catalogue.csv"))
    assert 96 == len(wanted)
    by_industry: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in wanted:
        by_industry[row["industry"]][row["field"]] = row
    seen: dict[str, set[str]] = defaultdict(set)
    for name in PACKS:
        kept = _kept(name)
        for row in _catalogue(resources.files(f"muniment_{name}").joinpath("catalogue.csv")):
            fact = by_industry[row["industry"]][row["field"]]
            seen[row["industry"]].add(row["field"])
            assert (fact["standard_term"], fact["purpose_dpv"]) == (row["standard_term"], row["purpose"])
            fields = [kept[place] for place in row["kept_in"].split()]
            categories = {field.category for field in fields}
            assert fact["retention_category"] in categories or not fields, (row["field"], categories)
            ranks = [CLASSES.index(field.sensitivity) for field in fields]
            assert not ranks or max(ranks) == CLASSES.index(RANKS[fact["class"]]), row["field"]
    for industry in {"core", *PACKS.values()}:
        left = set(by_industry[industry]) - seen[industry]
        # A subject has its identifier from the archive, and what may never be kept has no field.
        assert left <= {"subject_id", "cvv"}, (industry, left)


def test_the_customer_tables_are_there_for_packs_that_add_to_them():
    """What a pack refines is what a template of the core brings."""
    assert {"customer"} <= {one.key for one in load_template("customer-info").types}
