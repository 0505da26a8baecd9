"""What a plugin keeps as files, and what its hooks are given of them."""

from __future__ import annotations

import sys

import pytest

from muniment import hookimpl
from muniment.errors import ConfigError
from muniment.packs import Checks, Pack, plugin_of
from muniment.plugins._hooks import implementations
from muniment.schema import KINDS, Field, LayoutGroup, parse_additions

FIELDS = """
format = 1

[[type]]
key = "customer"

[[type.group]]
key = "clinic"
label = { en = "Clinic", zh = "诊所" }
category = "health_record"

[[type.group.field]]
key = "ward"
label = { en = "Ward", zh = "病房" }
kind = "text"
class = "sensitive"

[[type.field]]
key = "phone"
group = "contact"
kind = "phone"
class = "sensitive"
"""

FILES = {
    "plugin.toml": """
name = "clinic"
api = ">=1,<2"
needs = ["identifiers"]
title = { en = "Clinic", zh = "诊所" }
[[purpose]]
term = "ServiceProvision"
en = "Care"
zh = "诊疗"
[messages.early]
en = "Too early."
zh = "过早。"
""",
    "fields.toml": FIELDS,
    "rules.toml": """
format = 1
key = "clinic"
label = { en = "Clinic", zh = "诊所" }
[[rule]]
id = "L-1"
effect = "MIN"
minimum = "P1Y"
source = "Law 1"
categories = ["health_record"]
anchors = ["record.created"]
""",
}


@pytest.fixture
def pack(tmp_path, monkeypatch):
    folder = tmp_path / "some_clinic"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield Pack("some_clinic")
    sys.modules.pop("some_clinic", None)


def test_a_plugin_gives_its_hooks_what_its_files_say(pack):
    """Names, texts, purposes, additions and rules; the codes get the plugin's name."""
    info = pack.info()
    assert ("clinic", ">=1,<2", ("identifiers",)) == (info.name, info.api, info.needs)
    assert {"clinic.early": {"en": "Too early.", "zh": "过早。"}} == info.messages
    assert [("ServiceProvision", "诊疗")] == [(one.term, one.label.zh) for one in pack.purposes()]
    group, ward, phone = pack.fields("customer")
    assert isinstance(group, LayoutGroup)
    assert ("ward", "clinic", "sensitive") == (ward.key, ward.group, ward.sensitivity)
    assert ("phone", "contact", "sensitive") == (phone.key, phone.group, phone.sensitivity)
    assert ["L-1"] == [rule.id for rule in pack.rules("stay", {"ward": "health_record"})]


def test_a_plugin_implements_the_hooks_of_the_files_that_are_there(pack):
    """Nobody is told of the others, and nobody waits for them; a plugin's own hooks stand beside."""

    @hookimpl
    def muniment_roles():
        return ()

    hooks = implementations("clinic", plugin_of(pack, muniment_roles))
    assert set(hooks) == {
        "muniment_fields",
        "muniment_plugin_info",
        "muniment_purposes",
        "muniment_retention_rules",
        "muniment_roles",
    }
    assert "muniment_validate" in implementations("clinic", plugin_of(pack, checks=Checks(())))


def test_a_file_that_is_not_there_says_nothing(pack):
    """Most plugins need two or three of them."""
    assert ((), (), ()) == (pack.record_types(KINDS), pack.templates(KINDS), pack.fields("order"))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('key = "customer"', "", "schema.missing"),
        ('group = "contact"\n', "", "schema.missing"),
        ('kind = "phone"\n', "", "schema.missing"),
        ('class = "sensitive"', 'class = "secret"', "schema.unknown"),
        ("[[type]]", "types = 1\n[[type]]", "schema.unknown_near"),
        ("format = 1", "format = 9", "schema.format"),
    ],
)
def test_additions_that_do_not_fit_are_refused_with_their_place(old, new, code):
    """When the plugin is loaded, with the file's name."""
    with pytest.raises(ConfigError) as caught:
        parse_additions(FIELDS.replace(old, new), where="clinic/fields.toml")
    assert code == caught.value.code
    assert str(caught.value.where).startswith("clinic/fields.toml")


def test_a_type_is_added_to_in_one_place():
    """Two tables for one type would hide one another."""
    twice = FIELDS + '[[type]]\nkey = "customer"\n'
    with pytest.raises(ConfigError, match=r"schema\.twice"):
        parse_additions(twice, where="x")
    assert [LayoutGroup, Field, Field] == [
        type(one) for one in parse_additions(FIELDS, where="x")["customer"]
    ]
