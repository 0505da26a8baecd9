"""European Union: how long records are kept, restriction of processing, special categories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs import Pack
from muniment.plugins import HookContext, PluginInfo, Purpose, RecordState, RetentionRule
from muniment.schema import Field, LayoutGroup
from muniment_eu._checks import problems

__all__ = [
    "DATA",
    "muniment_fields",
    "muniment_plugin_info",
    "muniment_purposes",
    "muniment_retention_rules",
    "muniment_validate",
]


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
def muniment_purposes() -> Sequence[Purpose]:
    """Name the purposes of ``plugin.toml``."""
    return DATA.purposes()


@hookimpl
def muniment_fields(record_type: str) -> Sequence[Field | LayoutGroup]:
    """Add the fields of ``fields.toml`` to people's records."""
    return DATA.fields(record_type)


@hookimpl
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Iterable[Issue]:
    """Hold what is restricted, and ask for the condition of special categories."""
    return problems(record, changes, context)
