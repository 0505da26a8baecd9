"""Health care: patients, encounters, diagnoses, medicines, results, consents, protected notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs import Pack
from muniment.plugins import HookContext, NeedsApproval, PluginInfo, Purpose, RecordState
from muniment.policy import Role
from muniment.schema import FieldKind, RecordType
from muniment_healthcare._checks import CHECKS, approval_for_diagnosis
from muniment_healthcare._loinc import LOINC

__all__ = [
    "CHECKS",
    "DATA",
    "LOINC",
    "muniment_field_kinds",
    "muniment_needs_approval",
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
def muniment_field_kinds() -> Sequence[FieldKind]:
    """Add the kind ``loinc``."""
    return [LOINC]


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


@hookimpl
def muniment_needs_approval(record: RecordState, changes: Mapping[str, object]) -> NeedsApproval | None:
    """Have a change of diagnosis wait for a second person."""
    return approval_for_diagnosis(record, changes)
