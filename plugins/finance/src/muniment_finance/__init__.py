"""Finance: clients, due diligence, accounts, cards, transactions, screening."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs import Pack
from muniment.plugins import HookContext, PluginInfo, Purpose, RecordState
from muniment.policy import Role
from muniment.schema import FieldKind, RecordType
from muniment_finance._checks import CHECKS

__all__ = [
    "CHECKS",
    "DATA",
    "muniment_plugin_info",
    "muniment_purposes",
    "muniment_record_types",
    "muniment_roles",
    "muniment_validate",
]

DATA = Pack(__name__)
"""The files beside this one."""


@hookimpl
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is."""
    return DATA.info()


@hookimpl
def muniment_record_types(kinds: Mapping[str, FieldKind]) -> Sequence[RecordType]:
    """Bring the types of ``types.toml``."""
    return DATA.record_types(kinds)


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
