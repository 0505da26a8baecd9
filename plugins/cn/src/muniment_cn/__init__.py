"""China: how long records are kept, separate consents, and what is kept of children."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs import Pack
from muniment.plugins import HookContext, NeedsApproval, PluginInfo, Purpose, RecordState, RetentionRule
from muniment.schema import Field, LayoutGroup
from muniment_cn._checks import CHECKS, approval_for_child, problems

__all__ = [
    "CHECKS",
    "DATA",
    "muniment_fields",
    "muniment_needs_approval",
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
    """Look for the consents that the law asks for."""
    return problems(record, changes, context)


@hookimpl
def muniment_needs_approval(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> NeedsApproval | None:
    """Have a change to a child's record wait for somebody in charge."""
    return approval_for_child(record, changes, context)
