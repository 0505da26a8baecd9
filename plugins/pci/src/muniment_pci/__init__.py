"""Payment cards: how long their data is kept, and where it must not stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs import Pack
from muniment.plugins import HookContext, PluginInfo, RecordState, RetentionRule
from muniment_pci._cards import misplaced

__all__ = ["DATA", "muniment_plugin_info", "muniment_retention_rules", "muniment_validate"]


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


@hookimpl
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Iterable[Issue]:
    """Find card data where it must not stand."""
    return misplaced(record, changes)
