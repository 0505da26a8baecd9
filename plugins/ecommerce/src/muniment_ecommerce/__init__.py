"""Online shops: accounts, orders, invoices, returns, reviews, suppression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs import Pack
from muniment.plugins import HookContext, PluginInfo, Purpose, RecordState
from muniment.policy import Role
from muniment.schema import Field, FieldKind, LayoutGroup, Template
from muniment_ecommerce._checks import CHECKS

__all__ = [
    "CHECKS",
    "DATA",
    "muniment_fields",
    "muniment_plugin_info",
    "muniment_purposes",
    "muniment_roles",
    "muniment_templates",
    "muniment_validate",
]

DATA = Pack(__name__)
"""The files beside this one."""


@hookimpl
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is."""
    return DATA.info()


@hookimpl
def muniment_fields(record_type: str) -> Sequence[Field | LayoutGroup]:
    """Add the fields of ``fields.toml`` to the customer tables."""
    return DATA.fields(record_type)


@hookimpl
def muniment_templates(kinds: Mapping[str, FieldKind]) -> Sequence[Template]:
    """Ship the template in ``templates``."""
    return DATA.templates(kinds)


@hookimpl
def muniment_purposes() -> Sequence[Purpose]:
    """Name the purposes of ``plugin.toml``."""
    return DATA.purposes()


@hookimpl
def muniment_roles() -> Sequence[Role]:
    """Bring the roles of ``roles.toml``."""
    return DATA.roles()


@hookimpl
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Iterable[Issue]:
    """Find what contradicts itself in a record."""
    return CHECKS.issues(record, changes, context)
