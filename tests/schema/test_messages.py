"""Every problem has its words in both languages."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from string import Formatter

import pytest

from muniment.errors import text_of

CHANGE = r'"((?:type|field|group|choice)_(?:added|changed|gone|renamed))"'
CORE = resources.files("muniment")
SOURCES = {
    file.name: file.read_text(encoding="utf-8")
    for file in CORE.joinpath("schema").iterdir()
    if file.name.endswith(".py")
}
CATALOGUES = {
    area: tomllib.loads(CORE.joinpath("messages", f"{area}.toml").read_text(encoding="utf-8"))
    for area in ("value", "schema")
}


def test_every_code_that_is_raised_stands_in_the_catalogue():
    """Also those that are put together from an area and a name."""
    raised = {
        code
        for text in SOURCES.values()
        for code in [
            *re.findall(r'"(value\.[a-z_]+)"', text),
            *re.findall(r'"(schema\.[a-z_]+)"', text),
            *(f"schema.{name}" for name in re.findall(r'refuse\("([a-z_]+)"', text)),
            *(f"schema.change.{name}" for name in re.findall(CHANGE, text)),
        ]
    }
    known = {code for catalogue in CATALOGUES.values() for code in catalogue}
    assert set() == raised - known
    assert {
        "value.ambiguous",
        "schema.collision",
        "schema.class_lowered",
        "schema.change.field_added",
    } <= raised


@pytest.mark.parametrize("area", CATALOGUES)
def test_every_text_is_there_in_both_languages_with_the_same_parameters(area):
    """A hint has its other half, and neither language mentions what the other cannot."""
    for code, entry in CATALOGUES[area].items():
        assert code.startswith(f"{area}."), code
        assert entry["en"], code
        assert entry["zh"], code
        assert ("hint_en" in entry) == ("hint_zh" in entry), code
        names = [
            {name for _, name, _, _ in Formatter().parse(entry.get(key, "")) if name is not None}
            for key in ("en", "zh", "hint_en", "hint_zh")
        ]
        assert names[0] == names[1], code
        assert names[2] == names[3], code
        assert all(re.fullmatch("[a-z_]+", name) for row in names for name in row), code
        text_of(code, "zh")


def test_what_there_is_not_is_told_as_such():
    """A list of nothing ends in no lone full stop."""
    assert ("There is: —.", "现有：—。") == tuple(
        text_of("view.unknown", lang, where="order", known="")[1] for lang in ("en", "zh")
    )
