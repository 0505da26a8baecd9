"""United Kingdom: how long records are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muniment import hookimpl
from muniment.packs import Pack
from muniment.plugins import PluginInfo, RetentionRule

__all__ = ["DATA", "muniment_plugin_info", "muniment_retention_rules"]


DATA = Pack(__name__)
"""The files beside this one."""


@hookimpl
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is."""
    return DATA.info()


@hookimpl
def muniment_retention_rules(record_type: str, fields: Mapping[str, str]) -> Sequence[RetentionRule]:
    """State the rules of ``rules.toml`` that are about the type."""
    return DATA.rules(record_type, fields)
