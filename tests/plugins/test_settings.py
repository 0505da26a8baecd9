"""What a team sets about a plugin: checked by its schema, given to it, and never passed over in silence."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from muniment import config
from muniment.archive.editing import edit_configuration
from muniment.archive.plugging import switching
from muniment.errors import ConfigError, PluginError
from muniment.plugins import HookContext, PluginInfo, RecordState, load
from muniment.plugins._settings import filled, schema_problem, setting_problem
from muniment.testing import new_archive

ZH = {"x-zh": {"title": "中"}, "title": "t"}
PROPERTIES = {
    "days": {"type": "integer", "minimum": 1, "maximum": 30, "default": 3, **ZH},
    "strict": {"type": "boolean", "default": False, **ZH},
    "tone": {"type": "string", "enum": ["soft", "loud"], "default": "soft", **ZH},
    "code": {"type": "string", "pattern": "^[A-Z]*$", "maxLength": 4, "default": "", **ZH},
    "wards": {
        "type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 3, "uniqueItems": True,
        "default": [], **ZH,
    },
}  # fmt: skip
SCHEMA = {"type": "object", "additionalProperties": False, "properties": PROPERTIES}

VALUES = st.one_of(
    st.integers(-5, 40),
    st.booleans(),
    st.sampled_from(["soft", "loud", "ABC", "abc", "", "ABCDE"]),
    st.lists(st.sampled_from(["a", "b", "", 1]), max_size=4),
    st.none(),
)


@given(st.dictionaries(st.sampled_from([*PROPERTIES, "other"]), VALUES))
def test_values_are_taken_as_a_validator_of_json_schema_takes_them(values):
    """Whatever we accept or refuse, the published standard does."""
    ours = setting_problem(SCHEMA, values) == ""
    theirs = Draft202012Validator(SCHEMA).is_valid(json.loads(json.dumps(values)))
    assert theirs == ours


def test_a_plugin_finds_every_value():
    """What the team set, and the defaults of all else, which nobody can change from there."""
    found = filled(SCHEMA, {"days": 7, "wards": ["a"]})
    assert {"days": 7, "strict": False, "tone": "soft", "code": "", "wards": ("a",)} == dict(found)
    with pytest.raises(TypeError):
        found["days"] = 8


@pytest.mark.parametrize(
    "schema",
    [
        [],
        {"type": "array"},
        {"type": "object"},
        {"type": "object", "properties": {"Days": PROPERTIES["days"]}},
        {"type": "object", "properties": {"days": {"type": "number", "default": 1, **ZH}}},
        {"type": "object", "properties": {"days": {"type": "integer", **ZH}}},
        {"type": "object", "properties": {"days": {"type": "integer", "default": "3", **ZH}}},
        {"type": "object", "properties": {"days": {"type": "integer", "default": 3, "title": "t"}}},
        {"type": "object", "properties": {"days": {"$ref": "https://example.org", "default": 3, **ZH}}},
        {"type": "object", "properties": {"days": {**PROPERTIES["days"], "multipleOf": 2}}},
        {"type": "object", "properties": {"code": {**PROPERTIES["code"], "pattern": "("}}},
        {"type": "object", "properties": {}, "additionalProperties": True},
    ],
)
def test_a_schema_that_would_promise_more_is_refused(schema):
    """Another type, a keyword that is not checked, no default, one language: none is passed over."""
    assert schema_problem(schema)
    assert not schema_problem(SCHEMA)


def test_what_a_plugin_does_not_take_quarantines_it():
    """The reason names the plugin, the setting and what it takes."""
    found = load(["healthcare", "identifiers"], environ={}, settings={"healthcare": {"checkers": 9}})
    why = found.quarantined["healthcare"]
    assert ("plugin.settings", "checkers", "1..3") == (
        why.code, why.parameters["key"], why.parameters["known"],
    )  # fmt: skip
    assert "settings" in {field.name for field in attrs.fields(PluginInfo)}


def test_settings_reach_the_plugin_that_they_are_about():
    """A changed diagnosis waits for as many people as the team said."""
    names, set_so = ["healthcare", "identifiers"], {"healthcare": {"checkers": 2}}
    state = RecordState("r", "diagnosis", "s", 1, {"certainty": "provisional"})
    context = HookContext("li.na", "ServiceProvision", "update", "api", 0)
    changes = {"diagnosis_code": "J45.9"}
    for settings, expected in (({}, 1), (set_so, 2)):
        found = load(names, environ={}, settings=settings)
        ((plugin, need),) = found.needs_approval(state, changes, context)
        assert ("healthcare", expected) == (plugin, need.approvers)


def test_settings_are_written_beside_the_name_and_go_with_it(tmp_path):
    """Only what is unusual is said; a wrong value leaves the file; leaving the plugin out takes it along."""
    with new_archive(tmp_path / "customers") as archive, archive.session(actor="owner") as session:
        path = archive.folder / config.FILE_NAME

        def act(enabled, settings=None):
            edit = switching(archive, "healthcare", enabled=enabled, settings=settings)
            edit_configuration(archive, session, edit, reason="clinic", plugin="healthcare")

        act(True, {"checkers": 2, "longest_visit_days": 3})
        assert {"healthcare": {"checkers": 2}} == archive.applied.plugin_settings
        assert "longest_visit_days" not in path.read_text("utf-8")
        before = path.read_bytes()
        with pytest.raises(PluginError) as caught:
            act(True, {"checkers": 0})
        assert "plugin.settings" == caught.value.code
        assert before == path.read_bytes()
        assert {"checkers": 2} == dict(archive.applied.plugin_settings["healthcare"])
        path.write_text(path.read_text("utf-8").replace("checkers = 2", "checkers = 7"), "utf-8")
        with pytest.raises(PluginError):
            archive.apply_config(session, reason="by hand")
        path.write_bytes(before)
        act(False)
        assert {} == archive.applied.plugin_settings
        assert "settings" not in path.read_text("utf-8")


def test_settings_of_what_is_not_enabled_are_refused(tmp_path):
    """A misspelt name would be set for nobody."""
    with new_archive(tmp_path / "customers") as archive, archive.session(actor="owner") as session:
        path = archive.folder / config.FILE_NAME
        path.write_text(path.read_text("utf-8") + "\n[plugins.settings.helthcare]\ncheckers = 2\n", "utf-8")
        with pytest.raises(ConfigError) as caught:
            archive.apply_config(session, reason="x")
        assert "config.unknown" == caught.value.code
