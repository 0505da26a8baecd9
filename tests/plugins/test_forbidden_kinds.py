"""No plugin can bring a kind of field for what may never be kept."""

from __future__ import annotations

import pytest

from muniment import plugins

KIND = """
    from muniment.schema import FieldKind, Label
    @muniment.hookimpl
    def muniment_field_kinds():
        return [FieldKind(name={name!r}, encoding=1, label=Label("Code", "代码"), prepare=lambda field: None)]
"""


@pytest.mark.parametrize("name", ["cvv", "CVC2", "card pin", "track-2", "pin_block"])
def test_a_plugin_with_a_kind_for_a_cards_secret_is_put_aside(install, name):
    """It is told which plugin and which kind, and why."""
    install("shop", KIND.format(name=name))
    (error,) = plugins.load(["shop"], environ={}).quarantined.values()
    assert ("plugin.forbidden_kind", name) == (error.code, error.parameters["kind"])
    for lang in ("en", "zh"):
        assert "PCI DSS" in error.text(lang)
