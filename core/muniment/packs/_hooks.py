"""The hooks that a plugin of data implements: one for each file that it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import attrs

from muniment import hookimpl
from muniment.errors import Issue
from muniment.packs._checks import Checks
from muniment.packs._data import Pack
from muniment.plugins import HookContext, Jurisdiction, PluginInfo, Purpose, RecordState, RetentionRule
from muniment.policy import Role
from muniment.schema import Field, FieldKind, LayoutGroup, RecordType, Template

__all__ = ["plugin_of"]


def plugin_of(data: Pack, *hooks: Any, checks: Checks | None = None) -> SimpleNamespace:
    """What an entry point names: the hooks that the files answer, and the plugin's own.

    Args:
        data: the plugin's files; a hook whose file is missing is not implemented.
        hooks: functions marked with ``muniment.hookimpl``, each named as its hook.
        checks: answer ``muniment_validate``.
    """
    answers = _Hooks(data, checks or Checks(()))
    found = {hook: getattr(answers, hook) for hook, file in _FILES.items() if data.has(file)}
    if checks is not None:
        found["muniment_validate"] = answers.muniment_validate
    return SimpleNamespace(**found, **{hook.__name__: hook for hook in hooks})


_FILES: Final[Mapping[str, str]] = {
    "muniment_plugin_info": "plugin.toml",
    "muniment_purposes": "plugin.toml",
    "muniment_roles": "roles.toml",
    "muniment_record_types": "types.toml",
    "muniment_templates": "templates",
    "muniment_fields": "fields.toml",
    "muniment_retention_rules": "rules.toml",
    "muniment_jurisdictions": "jurisdictions.toml",
}


@attrs.frozen
class _Hooks:
    _data: Pack
    _checks: Checks

    @hookimpl
    def muniment_plugin_info(self) -> PluginInfo:
        return self._data.info()

    @hookimpl
    def muniment_purposes(self) -> Sequence[Purpose]:
        return self._data.purposes()

    @hookimpl
    def muniment_roles(self) -> Sequence[Role]:
        return self._data.roles()

    @hookimpl
    def muniment_record_types(self, kinds: Mapping[str, FieldKind]) -> Sequence[RecordType]:
        return self._data.record_types(kinds)

    @hookimpl
    def muniment_templates(self, kinds: Mapping[str, FieldKind]) -> Sequence[Template]:
        return self._data.templates(kinds)

    @hookimpl
    def muniment_fields(self, record_type: str) -> Iterable[Field | LayoutGroup]:
        return self._data.fields(record_type)

    @hookimpl
    def muniment_retention_rules(
        self, record_type: str, fields: Mapping[str, str]
    ) -> Sequence[RetentionRule]:
        return self._data.rules(record_type, fields)

    @hookimpl
    def muniment_jurisdictions(self) -> Sequence[Jurisdiction]:
        return self._data.jurisdictions()

    @hookimpl
    def muniment_validate(
        self, record: RecordState, changes: Mapping[str, object], context: HookContext
    ) -> Collection[Issue]:
        return self._checks.issues(record, changes, context)
