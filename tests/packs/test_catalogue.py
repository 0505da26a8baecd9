"""The packs hold the fields of the catalogue, under the classes and categories it gives them."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from importlib import resources
from pathlib import Path

import pytest

import muniment_schemas
from muniment import plugins
from muniment.model import CLASSES
from muniment.schema import Field, Registry, parse_type
from muniment.session.writing.applying import with_plugins

PACKS = {"b2b": "b2b", "ecommerce": "e-commerce", "finance": "finance", "healthcare": "healthcare"}
# JR/T 0171's class C2 is sensitive like any other; C3, card numbers and confidential things are more.
RANKS = {"P0": "public", "P1": "internal", "P2": "personal", "P3": "sensitive", "P3+": "restricted",
         "P3/C2": "sensitive", "P3/PCI": "restricted", "P3/PCI (JR/T: C3)": "restricted",
         "P4/C3": "restricted", "P4 (confidential)": "restricted"}  # fmt: skip


def _catalogue(path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def _kept(name: str) -> dict[str, Field]:
    """The fields of an archive that uses a pack and its template, by type and key."""
    loaded = plugins.load(plugins.needed([name]), environ={})
    assert {} == dict(loaded.quarantined)
    enabled = [plugin.name for plugin in loaded.loaded]
    templates = tuple(loaded.templates().values())
    found, made = with_plugins(Registry(), loaded, enabled=enabled, fresh=enabled, templates=templates)
    assert {} == dict(found.quarantined)
    return {f"{one.key}.{field.key}": field for one in made.registry.types for field in one.fields}


def _is_of_the_core(place: str) -> bool:
    key, _, field = place.partition(".")
    if key not in muniment_schemas.names("types"):
        return False
    return field in parse_type(muniment_schemas.read("types", key), where=key).by_key


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
            # What the customer tables bring has their category and class, for all who use them.
            own = [kept[place] for place in row["kept_in"].split() if not _is_of_the_core(place)]
            if own:
                assert fact["retention_category"] in {field.category for field in fields}, row["field"]
                highest = max(CLASSES.index(field.sensitivity) for field in own)
                wanted_class = CLASSES.index(RANKS[fact["class"]])
                assert wanted_class == highest or (len(own) < len(fields) and highest < wanted_class), row
    for industry in {"core", *PACKS.values()}:
        left = set(by_industry[industry]) - seen[industry]
        # A subject has its identifier from the archive, and what may never be kept has no field.
        assert left <= {"subject_id", "cvv"}, (industry, left)
