"""What the plugins of one archive bring, put together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import attrs

from muniment.codec import canonical
from muniment.errors import PluginError
from muniment.plugins._calls import failure_of, raised
from muniment.plugins._declared import (
    AlertRuleLike,
    Purpose,
    RegimeLike,
    RetentionRule,
    RoleLike,
    SearchTerms,
)
from muniment.plugins._formats import LogFormat, guarded
from muniment.plugins._jurisdictions import Jurisdiction
from muniment.plugins._pages import Column, Page, Panel
from muniment.plugins._plugin import Brought, Plugin, described
from muniment.plugins._values import Pin

if TYPE_CHECKING:
    from muniment.schema import FieldKind, ListView, RecordType, Template

__all__ = ["Gathered"]

_BY_TYPE = (
    "muniment_columns",
    "muniment_fields",
    "muniment_panels",
    "muniment_retention_rules",
    "muniment_views",
)


@attrs.frozen
class Gathered:
    """The plugins of one opened archive: the loaded ones, and the others with their reasons.

    Attributes:
        loaded: the sound plugins, by name.
        quarantined: why each of the others is not loaded, by name.
        brought: what the loaded ones add to the record types that ``for_types`` asked about, by key.
        settings: what holds of each plugin that can be set, by its name.
    """

    loaded: tuple[Plugin, ...] = ()
    quarantined: Mapping[str, PluginError] = attrs.field(factory=dict)
    brought: Mapping[str, tuple[Brought, ...]] = attrs.field(factory=dict, repr=False)
    settings: Mapping[str, Mapping[str, object]] = attrs.field(factory=dict, repr=False, kw_only=True)

    def field_kinds(self) -> tuple[FieldKind, ...]:
        """The kinds of field that the loaded plugins bring, by plugin."""
        return tuple(kind for plugin in self.loaded for kind in plugin.field_kinds)

    def templates(self) -> Mapping[str, Template]:
        """The templates that the loaded plugins ship, by key."""
        return {one.key: one for plugin in self.loaded for one in plugin.templates}

    def purposes(self) -> Mapping[str, Purpose]:
        """The purposes that the loaded plugins name, by term; of several labels the first plugin's counts."""
        return {one.term: one for plugin in reversed(self.loaded) for one in plugin.purposes}

    def search_terms(self) -> tuple[tuple[str, SearchTerms], ...]:
        """What gives further words under which texts are found, each with its plugin's name."""
        return tuple((plugin.name, one) for plugin in self.loaded for one in plugin.search_terms)

    def searched(self, text: str) -> str:
        """A text with the further words under which quick search finds it.

        Raises:
            PluginError: ``plugin.raised`` or ``plugin.result`` where a plugin fails or gives something else.
        """
        words = [text]
        for name, one in self.search_terms():
            failure = None
            try:
                words += map(_word, one.terms(text))
            except TypeError:
                raise PluginError("plugin.result", name=name, hook="muniment_search_terms") from None
            except Exception as error:
                failure = failure_of(name, "muniment_search_terms", error)
            if failure is not None:
                raise raised(failure)
        return " ".join(words)

    def roles(self) -> Mapping[str, RoleLike]:
        """The roles that the loaded plugins bring, by key."""
        return {one.key: one for plugin in self.loaded for one in plugin.roles}

    def jurisdictions(self) -> Mapping[str, Jurisdiction]:
        """The jurisdictions that the loaded plugins know, by key."""
        return {one.key: one for plugin in self.loaded for one in plugin.jurisdictions}

    def alert_rules(self) -> tuple[AlertRuleLike, ...]:
        """The alert rules that the loaded plugins bring."""
        return tuple(one for plugin in self.loaded for one in plugin.alert_rules)

    def regimes(self) -> tuple[RegimeLike, ...]:
        """The regimes that the loaded plugins bring."""
        return tuple(one for plugin in self.loaded for one in plugin.regimes)

    def log_formats(self) -> Mapping[str, LogFormat]:
        """The forms of the log that the loaded plugins bring, by key."""
        return {one.key: guarded(plugin.name, one) for plugin in self.loaded for one in plugin.log_formats}

    def retention_rules(self) -> Mapping[str, tuple[RetentionRule, ...]]:
        """The retention rules of each record type that ``for_types`` asked about, in the order of plugins."""
        return {
            key: rules
            for key, all_brought in sorted(self.brought.items())
            if (rules := tuple(rule for one in all_brought for rule in one.rules))
        }

    def views(self) -> Mapping[str, tuple[ListView, ...]]:
        """The views that each loaded plugin brings to the record types that ``for_types`` asked about."""
        found: dict[str, tuple[ListView, ...]] = {}
        for _, all_brought in sorted(self.brought.items()):
            for one in all_brought:
                found[one.plugin] = (*found.get(one.plugin, ()), *one.views)
        return found

    def pages(self) -> tuple[tuple[str, Page], ...]:
        """The pages of the loaded plugins, each with its plugin's name."""
        return tuple((plugin.name, one) for plugin in self.loaded for one in plugin.pages)

    def panels(self, record_type: str) -> tuple[tuple[str, Panel], ...]:
        """What plugins show beside records of a type, each with its plugin's name."""
        return tuple((one.plugin, panel) for one in self.brought.get(record_type, ()) for panel in one.panels)

    def columns(self, record_type: str) -> Mapping[str, tuple[str, Column]]:
        """How cells of a type's list look, by field, each with its plugin's name."""
        return {
            column.field: (one.plugin, column)
            for one in self.brought.get(record_type, ())
            for column in one.columns
        }

    def for_types(self, types: Iterable[RecordType]) -> Self:
        """The set with what its plugins add to these record types; each is asked once about each.

        Args:
            types: an archive's, with those of templates that are being applied.

        Returns:
            The set; a plugin that fails, or collides with another, is quarantined in it.
        """
        asking = [plugin for plugin in self.loaded if any(hook in plugin.calls for hook in _BY_TYPE)]
        found = self
        for record_type in types if asking else ():
            if record_type.number in range(1, 256) or record_type.key in found.brought:
                continue
            found = found._asked_about(record_type)
        return found

    def _asked_about(self, record_type: RecordType) -> Self:
        from muniment.plugins._declare import brought_to, categories_of, colliding_brought, ruled_by

        found: dict[str, Brought] = {}
        failed: dict[str, PluginError] = {}
        for plugin in self.loaded:
            try:
                found[plugin.name] = brought_to(plugin, record_type.key)
            except PluginError as error:
                failed[plugin.name] = error
        # Rules last: they are about the categories of all fields, whoever brings them.
        categories = MappingProxyType(categories_of(record_type, found.values()))
        for plugin in self.loaded:
            if plugin.name in failed:
                continue
            try:
                rules = ruled_by(plugin, record_type.key, categories)
                found[plugin.name] = attrs.evolve(found[plugin.name], rules=rules)
            except PluginError as error:
                failed[plugin.name] = error
        all_brought = tuple(found.values())
        common = {field.key for field in record_type.fields if not field.plugin}
        failed |= colliding_brought(self.loaded, all_brought, record_type.key, common)
        kept = self.without(failed) if failed else self
        sound = tuple(one for one in all_brought if one.plugin not in failed)
        return attrs.evolve(kept, brought={**kept.brought, record_type.key: sound})

    def without(self, failed: Mapping[str, PluginError]) -> Self:
        """The set with some of its plugins quarantined.

        Args:
            failed: why, by the plugin's name.
        """
        return attrs.evolve(
            self,
            loaded=tuple(plugin for plugin in self.loaded if plugin.name not in failed),
            quarantined=dict(sorted({**self.quarantined, **failed}.items())),
            brought={
                key: tuple(one for one in all_brought if one.plugin not in failed)
                for key, all_brought in self.brought.items()
            },
        )

    def pins(self) -> dict[str, Pin]:
        """Which code of each loaded plugin this is, by name."""
        return {plugin.name: plugin.source.pin for plugin in self.loaded}

    def require_all(self) -> None:
        """Refuse to go on where an enabled plugin is not loaded.

        Raises:
            PluginError: ``plugin.not_loaded``, with the first such plugin's name.
        """
        if self.quarantined:
            raise PluginError("plugin.not_loaded", name=min(self.quarantined))

    def describe(self, *, lang: str = "en") -> list[dict[str, Any]]:
        """Every plugin of the set as JSON, by name.

        Args:
            lang: the language of the reasons, ``en`` or ``zh``.

        Returns:
            For each: ``name``, ``state`` (``loaded`` or ``quarantined``), and
            ``code`` and ``reason`` where it is quarantined, else None; of a
            loaded one also ``version``, ``distribution``, ``path`` and
            ``digest`` (of an archive's own), ``api``, ``title``, and what it
            brings.
        """
        shown = [described(plugin) for plugin in self.loaded]
        shown += [
            {"name": name, "state": "quarantined", "code": why.code, "reason": why.text(lang)}
            for name, why in self.quarantined.items()
        ]
        return sorted(shown, key=lambda one: str(one["name"]))

    def digest(self) -> bytes:
        """32 bytes that stand for which plugins are in force, for the digest of the ruleset.

        SHA-256 over ``muniment/plugins/v1`` and a line feed, then the JCS list of
        ``{name, distribution, version}`` of the loaded ones, ``{name, digest}``
        of an archive's own, and ``{name, code}`` of the others, by name.
        """
        lines = [
            {"name": plugin.name, "digest": plugin.source.digest}
            if plugin.source.digest
            else {
                "name": plugin.name,
                "distribution": plugin.source.distribution,
                "version": plugin.source.version,
            }
            for plugin in self.loaded
        ]
        lines += [{"name": name, "code": why.code} for name, why in self.quarantined.items()]
        lines.sort(key=lambda line: line["name"])
        return hashlib.sha256(b"muniment/plugins/v1\n" + canonical(lines)).digest()


def _word(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given
