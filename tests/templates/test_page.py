"""The page of all tables is what the templates say today."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from muniment.schema import load_template, template_names

TOOL = Path(__file__).parents[1] / "tools" / "make_templates_page.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The program that writes the pages."""
    spec = importlib.util.spec_from_file_location("make_templates_page", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_is_up_to_date(tool, lang):
    """``python tests/tools/make_templates_page.py`` would change nothing."""
    assert tool.page(lang) == tool.PAGES[lang].read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_template_table_and_field_stands_on_the_page(tool, lang):
    """By its key and by its label."""
    text = tool.page(lang)
    for name in template_names():
        template = load_template(name)
        assert f"### {template.label.of(lang)} `{name}`\n" in text
        for record_type in template.types:
            table = text.partition(f"\n### {record_type.label.of(lang)} `{record_type.key}`\n")[2]
            table = table.partition("\n### ")[0]
            for field in record_type.fields:
                assert f"| {field.label.of(lang)} `{field.key}` |" in table
                assert field.help.of(lang) in table
