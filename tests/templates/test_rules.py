"""The retention rules that come with the templates: of the published form, for what is there, once."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

import muniment_schemas
from muniment.cli.template_rules import fitting_rules, put_rules
from muniment.retention.rules import parse_rules
from muniment.testing import new_archive

SCHEMA = json.loads(
    (Path(muniment_schemas.__file__).parent / "retention.schema.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", muniment_schemas.names("rules"))
def test_they_are_of_the_published_form_and_only_recommend(name):
    """What nobody compared with a source disposes of nothing by itself."""
    text = muniment_schemas.read("rules", name)
    jsonschema.validate(tomllib.loads(text), SCHEMA)
    for one in parse_rules(text, where=name).statements:
        assert ("REC-MAX", "review", "") == (one.rule.effect, one.rule.at_end, one.rule.verified_by)
        assert one.types
        assert set(one.types) <= set(muniment_schemas.names("types"))


def test_they_are_put_into_the_configuration_once(tmp_path):
    """Those about tables that are there, naming those alone; a second time changes nothing."""
    with (
        new_archive(tmp_path / "archive", templates=["customer-info"]) as archive,
        archive.session(actor="owner", purpose="RecordManagement") as session,
    ):
        found = list(fitting_rules(archive))
        assert ["TPL-CONTACT", "TPL-NOTE"] == [one["id"] for one in found]
        assert [["customer"], ["customer"]] == [one["types"] for one in found]
        assert ["record.changed"] == found[0]["anchors"]
        assert ["TPL-CONTACT", "TPL-NOTE"] == put_rules(archive, session, found, "to start from")
        assert [] == put_rules(archive, session, found, "again")
        assert ["TPL-CONTACT", "TPL-NOTE"] == [one.rule.id for one in archive.applied.retention.own]
        anna = session.create("customer", {"full_name": "Anna Schmidt", "phone": "030 1234567"}).id
        verdicts = {one.facet.category: one for one in session.retention.explain(anna)}
        assert "TPL-CONTACT" == verdicts["contact"].rule
