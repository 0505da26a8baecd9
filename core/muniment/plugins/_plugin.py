"""One plugin that passed every check, and what it adds to one record type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from muniment.plugins._calls import Call
from muniment.plugins._declared import (
    AlertRuleLike,
    Purpose,
    RegimeLike,
    RetentionRule,
    RoleLike,
    SearchTerms,
)
from muniment.plugins._formats import LogFormat
from muniment.plugins._jurisdictions import Jurisdiction
from muniment.plugins._pages import Column, Page, Panel
from muniment.plugins._values import Installed, PluginInfo

if TYPE_CHECKING:
    from muniment.schema import Field, FieldKind, LayoutGroup, ListView, RecordType, Template

__all__ = ["Brought", "Plugin", "described"]


@attrs.frozen
class Brought:
    """What one plugin adds to one record type.

    Attributes:
        plugin: its name.
        fields: added, or refining those that are there.
        groups: layout groups for added fields.
        rules: retention rules.
        views: of its list.
        panels: beside its records.
        columns: how cells of its list look.
    """

    plugin: str
    fields: tuple[Field, ...] = ()
    groups: tuple[LayoutGroup, ...] = ()
    rules: tuple[RetentionRule, ...] = ()
    views: tuple[ListView, ...] = ()
    panels: tuple[Panel, ...] = ()
    columns: tuple[Column, ...] = ()


@attrs.frozen
class Plugin:
    """A plugin that passed every check.

    Attributes:
        source: the entry point it came from.
        info: what it says about itself.
        field_kinds: the kinds of field it brings.
        calls: its implementations, by hook.
        templates: the templates it ships.
        record_types: the record types it brings, with its name on them.
        purposes: the purposes it names.
        search_terms: further words under which it has texts found.
        roles: the roles it brings, ``muniment.policy.Role``.
        alert_rules: the alert rules it brings, ``muniment.alerts.AlertRule``.
        jurisdictions: whose law on consents, ages and working days it knows.
        pages: its pages.
        regimes: the regimes it brings, ``muniment.regimes.Regime``.
        log_formats: forms in which others read the log.
    """

    source: Installed
    info: PluginInfo
    field_kinds: tuple[FieldKind, ...] = ()
    calls: Mapping[str, Call] = attrs.field(factory=dict, repr=False)
    templates: tuple[Template, ...] = ()
    record_types: tuple[RecordType, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    search_terms: tuple[SearchTerms, ...] = ()
    roles: tuple[RoleLike, ...] = ()
    alert_rules: tuple[AlertRuleLike, ...] = ()
    jurisdictions: tuple[Jurisdiction, ...] = ()
    pages: tuple[Page, ...] = ()
    regimes: tuple[RegimeLike, ...] = ()
    log_formats: tuple[LogFormat, ...] = ()

    @property
    def name(self) -> str:
        """The name of its entry point."""
        return self.source.name

    @property
    def hooks(self) -> tuple[str, ...]:
        """The names of the hooks it implements, sorted."""
        return tuple(sorted(self.calls))


def described(plugin: Plugin) -> dict[str, Any]:
    """A loaded plugin as JSON, as ``PluginSet.describe`` gives it."""
    source = plugin.source
    return {
        "name": plugin.name,
        "state": "loaded",
        "code": None,
        "reason": None,
        "version": source.shown_version,
        "distribution": source.distribution or None,
        "path": source.target if source.digest else None,
        "digest": source.digest or None,
        "api": plugin.info.api,
        "title": dict(plugin.info.title),
        "needs": list(plugin.info.needs),
        "settings": dict(plugin.info.settings),
        "hooks": list(plugin.hooks),
        "field_kinds": [kind.name for kind in plugin.field_kinds],
        "record_types": [one.key for one in plugin.record_types],
        "templates": [one.key for one in plugin.templates],
        "purposes": [one.term for one in plugin.purposes],
        "roles": [one.key for one in plugin.roles],
        "alert_rules": [one.key for one in plugin.alert_rules],
        "jurisdictions": [one.key for one in plugin.jurisdictions],
        "regimes": [one.key for one in plugin.regimes],
        "log_formats": [one.key for one in plugin.log_formats],
    }
