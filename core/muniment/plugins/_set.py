"""The plugins of one archive, and the way to ask them.

Implementations are called one by one, because the first exception of a plain
hook call would stop the others and discard their results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from muniment.codec import canonical
from muniment.errors import Issue, PluginError
from muniment.plugins._calls import Call, check_code, failure_of, raised
from muniment.plugins._values import (
    HookContext,
    Installed,
    PluginFailure,
    PluginInfo,
    RecordState,
    WrittenVersion,
)

if TYPE_CHECKING:
    from muniment.schema import FieldKind

__all__ = ["Plugin", "PluginSet"]


@attrs.frozen
class Plugin:
    """A plugin that passed every check.

    Attributes:
        source: the entry point it came from.
        info: what it says about itself.
        field_kinds: the kinds of field it brings.
        calls: its implementations, by hook.
    """

    source: Installed
    info: PluginInfo
    field_kinds: tuple[FieldKind, ...] = ()
    calls: Mapping[str, Call] = attrs.field(factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The name of its entry point."""
        return self.source.name

    @property
    def hooks(self) -> tuple[str, ...]:
        """The names of the hooks it implements, sorted."""
        return tuple(sorted(self.calls))


def _calls(plugins: Sequence[Plugin], hook: str) -> tuple[tuple[str, Call], ...]:
    return tuple((plugin.name, plugin.calls[hook]) for plugin in plugins if hook in plugin.calls)


@attrs.frozen
class PluginSet:
    """The plugins of one opened archive: the loaded ones, and the others with their reasons.

    Attributes:
        loaded: the sound plugins, by name.
        quarantined: why each of the others is not loaded, by name.
    """

    loaded: tuple[Plugin, ...] = ()
    quarantined: Mapping[str, PluginError] = attrs.field(factory=dict)
    _gates: tuple[tuple[str, Call], ...] = attrs.field(init=False, repr=False, eq=False)
    _observers: tuple[tuple[str, Call], ...] = attrs.field(init=False, repr=False, eq=False)

    @_gates.default
    def _find_gates(self) -> tuple[tuple[str, Call], ...]:
        return _calls(self.loaded, "muniment_validate")

    @_observers.default
    def _find_observers(self) -> tuple[tuple[str, Call], ...]:
        return _calls(self.loaded, "muniment_after_commit")

    @property
    def validates(self) -> bool:
        """Whether ``validate`` has anything to ask; where not, a write need not prepare for it."""
        return bool(self._gates or self.quarantined)

    @property
    def observes(self) -> bool:
        """Whether ``after_commit`` has anybody to tell."""
        return bool(self._observers)

    def field_kinds(self) -> tuple[FieldKind, ...]:
        """The kinds of field that the loaded plugins bring, by plugin."""
        return tuple(kind for plugin in self.loaded for kind in plugin.field_kinds)

    def require_all(self) -> None:
        """Refuse to go on where an enabled plugin is not loaded.

        Raises:
            PluginError: ``plugin.not_loaded``, with the first such plugin's name.
        """
        if self.quarantined:
            raise PluginError("plugin.not_loaded", name=min(self.quarantined))

    def validate(
        self, record: RecordState, changes: Mapping[str, object], context: HookContext
    ) -> tuple[Issue, ...]:
        """Ask every plugin whether a write may happen.

        Args:
            record: the record as it stands.
            changes: the normalised new value of each field that changes.
            context: who acts, why, and which operation it is.

        Returns:
            All issues of all plugins, warnings among them.

        Raises:
            PluginError: ``plugin.not_loaded`` where an enabled plugin cannot be
                asked; ``plugin.raised``, ``plugin.result`` or ``plugin.unknown_code``,
                with the plugin's name, where one fails or breaks the contract.
        """
        self.require_all()
        issues: list[Issue] = []
        # A gate that could change what it is shown would be a way around the policy.
        shown = MappingProxyType(dict(changes)) if self._gates else changes
        for name, call in self._gates:
            found: list[Issue] = []
            failure = None
            try:
                found.extend(call(record, shown, context) or ())
            except Exception as error:
                failure = failure_of(name, "muniment_validate", error)
            if failure is not None:
                # Outside the handler, or the error would carry the plugin's exception and what it says.
                raise raised(failure)
            for issue in found:
                _check_issue(issue, name, "muniment_validate")
            issues += found
        return tuple(issues)

    def after_commit(
        self, change_set: str | None, versions: Sequence[WrittenVersion], context: HookContext
    ) -> tuple[PluginFailure, ...]:
        """Tell every plugin what was written; one that fails hinders no other.

        Args:
            change_set: the identifier of what was written together, None for a single write.
            versions: what was written.
            context: who acted, why, and which operation it was.

        Returns:
            What failed; the caller logs each as ``plugin.fail``.
        """
        failures = []
        for name, call in self._observers:
            try:
                call(change_set, versions, context)
            except Exception as error:
                failures.append(failure_of(name, "muniment_after_commit", error))
        return tuple(failures)

    def describe(self, *, lang: str = "en") -> list[dict[str, Any]]:
        """Every plugin of the set as JSON, by name.

        Args:
            lang: the language of the reasons, ``en`` or ``zh``.

        Returns:
            For each: ``name``, ``state`` (``loaded`` or ``quarantined``); a
            loaded one's ``version``, ``distribution``, ``api``, ``title``,
            ``hooks`` and ``field_kinds``; another's ``code`` and ``reason``.
        """
        shown: list[dict[str, Any]] = [
            {
                "name": plugin.name,
                "state": "loaded",
                "version": plugin.source.version,
                "distribution": plugin.source.distribution,
                "api": plugin.info.api,
                "title": dict(plugin.info.title),
                "hooks": list(plugin.hooks),
                "field_kinds": [kind.name for kind in plugin.field_kinds],
            }
            for plugin in self.loaded
        ]
        shown += [
            {"name": name, "state": "quarantined", "code": why.code, "reason": why.text(lang)}
            for name, why in self.quarantined.items()
        ]
        return sorted(shown, key=lambda one: str(one["name"]))

    def digest(self) -> bytes:
        """32 bytes that stand for which plugins are in force, for the digest of the ruleset.

        SHA-256 over ``muniment/plugins/v1`` and a line feed, then the JCS list of
        ``{name, distribution, version}`` of the loaded ones and ``{name, code}``
        of the others, by name.
        """
        lines = [
            {
                "name": plugin.name,
                "distribution": plugin.source.distribution,
                "version": plugin.source.version,
            }
            for plugin in self.loaded
        ]
        lines += [{"name": name, "code": why.code} for name, why in self.quarantined.items()]
        lines.sort(key=lambda line: line["name"])
        return hashlib.sha256(b"muniment/plugins/v1\n" + canonical(lines)).digest()


def _check_issue(issue: object, plugin: str, hook: str) -> None:
    # A plugin need not be typed, so what a type checker takes for granted is looked at here.
    field: Any = issue.field if isinstance(issue, Issue) else 0
    if not (
        isinstance(issue, Issue) and isinstance(field, str | None) and issue.severity in {"error", "warning"}
    ):
        raise PluginError("plugin.result", name=plugin, hook=hook)
    check_code(issue.code, plugin, hook)
