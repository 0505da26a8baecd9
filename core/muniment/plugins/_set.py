"""The plugins of one archive, and the way to ask them.

Implementations are called one by one, because the first exception of a plain
hook call would stop the others and discard their results.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from muniment.codec import canonical
from muniment.errors import Issue, PluginError
from muniment.plugins._calls import Call, check_code, failure_of, in_time, raised
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
from muniment.plugins._values import (
    Decision,
    ErasedNotice,
    ErasurePlan,
    HookContext,
    Installed,
    NeedsApproval,
    Pin,
    PluginFailure,
    PluginInfo,
    RecordState,
    WrittenVersion,
)

if TYPE_CHECKING:
    from muniment.schema import Field, FieldKind, LayoutGroup, ListView, RecordType, Template

__all__ = ["Brought", "Plugin", "PluginSet"]

_BY_TYPE = (
    "muniment_columns",
    "muniment_fields",
    "muniment_panels",
    "muniment_retention_rules",
    "muniment_views",
)


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


def _word(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _calls(plugins: Sequence[Plugin], hook: str) -> tuple[tuple[str, Call], ...]:
    return tuple((plugin.name, plugin.calls[hook]) for plugin in plugins if hook in plugin.calls)


@attrs.frozen
class PluginSet:
    """The plugins of one opened archive: the loaded ones, and the others with their reasons.

    Attributes:
        loaded: the sound plugins, by name.
        quarantined: why each of the others is not loaded, by name.
        brought: what the loaded ones add to the record types that ``for_types`` asked about, by key.
    """

    loaded: tuple[Plugin, ...] = ()
    quarantined: Mapping[str, PluginError] = attrs.field(factory=dict)
    brought: Mapping[str, tuple[Brought, ...]] = attrs.field(factory=dict, repr=False)
    _gates: tuple[tuple[str, Call], ...] = attrs.field(init=False, repr=False, eq=False)
    _judges: tuple[tuple[str, Call], ...] = attrs.field(init=False, repr=False, eq=False)
    _observers: tuple[tuple[str, Call], ...] = attrs.field(init=False, repr=False, eq=False)
    _approvals: tuple[tuple[str, Call], ...] = attrs.field(init=False, repr=False, eq=False)

    @_gates.default
    def _find_gates(self) -> tuple[tuple[str, Call], ...]:
        return _calls(self.loaded, "muniment_validate")

    @_judges.default
    def _find_judges(self) -> tuple[tuple[str, Call], ...]:
        return _calls(self.loaded, "muniment_authorize")

    @_observers.default
    def _find_observers(self) -> tuple[tuple[str, Call], ...]:
        return _calls(self.loaded, "muniment_after_commit")

    @_approvals.default
    def _find_approvals(self) -> tuple[tuple[str, Call], ...]:
        return _calls(self.loaded, "muniment_needs_approval")

    @property
    def validates(self) -> bool:
        """Whether ``validate`` has anything to ask; where not, a write need not prepare for it."""
        return bool(self._gates or self._approvals or self.quarantined)

    @property
    def approves(self) -> bool:
        """Whether ``needs_approval`` has anybody to ask."""
        return bool(self._approvals)

    @property
    def authorizes(self) -> bool:
        """Whether ``authorize`` has anybody to ask."""
        return bool(self._judges)

    @property
    def observes(self) -> bool:
        """Whether ``after_commit`` has anybody to tell."""
        return bool(self._observers)

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

    def for_types(self, types: Iterable[RecordType]) -> PluginSet:
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

    def _asked_about(self, record_type: RecordType) -> PluginSet:
        from muniment.plugins._declare import brought_to, categories_of, colliding_brought, ruled_by
        from muniment.plugins._load import ask_loading

        found: dict[str, Brought] = {}
        failed: dict[str, PluginError] = {}
        for plugin in self.loaded:
            try:
                found[plugin.name] = brought_to(plugin, record_type.key, ask_loading)
            except PluginError as error:
                failed[plugin.name] = error
        # Rules last: they are about the categories of all fields, whoever brings them.
        categories = MappingProxyType(categories_of(record_type, found.values()))
        for plugin in self.loaded:
            if plugin.name in failed:
                continue
            try:
                rules = ruled_by(plugin, record_type.key, categories, ask_loading)
                found[plugin.name] = attrs.evolve(found[plugin.name], rules=rules)
            except PluginError as error:
                failed[plugin.name] = error
        all_brought = tuple(found.values())
        common = {field.key for field in record_type.fields if not field.plugin}
        failed |= colliding_brought(self.loaded, all_brought, record_type.key, common)
        kept = self.without(failed) if failed else self
        sound = tuple(one for one in all_brought if one.plugin not in failed)
        return attrs.evolve(kept, brought={**kept.brought, record_type.key: sound})

    def without(self, failed: Mapping[str, PluginError]) -> PluginSet:
        """The set with some of its plugins quarantined.

        Args:
            failed: why, by the plugin's name.
        """
        return PluginSet(
            tuple(plugin for plugin in self.loaded if plugin.name not in failed),
            dict(sorted({**self.quarantined, **failed}.items())),
            {
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
            began = time.monotonic()
            try:
                found.extend(call(record, shown, context) or ())
            except Exception as error:
                failure = failure_of(name, "muniment_validate", error)
            if failure is not None:
                # Outside the handler, or the error would carry the plugin's exception and what it says.
                raise raised(failure)
            in_time(name, "muniment_validate", began, call)
            for issue in found:
                _check_issue(issue, name, "muniment_validate")
            issues += found
        return tuple(issues)

    def needs_approval(
        self, record: RecordState, changes: Mapping[str, object], context: HookContext
    ) -> tuple[tuple[str, NeedsApproval], ...]:
        """Ask every plugin whether a write has to wait for somebody else.

        Args:
            record: the record as it stands.
            changes: the normalised new value of each field that changes.
            context: who acts, why, and which operation it is.

        Returns:
            The plugins that want approval, each with what it wants.

        Raises:
            PluginError: as for ``validate``: then nothing is written.
        """
        self.require_all()
        found: list[tuple[str, NeedsApproval]] = []
        shown = MappingProxyType(dict(changes))
        for name, call in self._approvals:
            wanted: Any = None
            failure = None
            began = time.monotonic()
            try:
                wanted = call(record, shown, context)
            except Exception as error:
                failure = failure_of(name, "muniment_needs_approval", error)
            if failure is not None:
                raise raised(failure)
            in_time(name, "muniment_needs_approval", began, call)
            if wanted is not None:
                found.append((name, _checked_need(wanted, name)))
        return tuple(found)

    def authorize(
        self,
        action: str,
        record_type: str,
        fields: Collection[str],
        record_id: str | None,
        context: HookContext,
    ) -> tuple[str, str] | None:
        """Ask every plugin whether an access may happen; any that denies it decides.

        Args:
            action: the policy's name for it.
            record_type: key of the type.
            fields: keys of the fields that are read or written.
            record_id: UUID text; None where it is about no single record.
            context: who acts, why, and through what.

        Returns:
            The first plugin that denies it and its code, or None.

        Raises:
            PluginError: ``plugin.raised``, ``plugin.result``, ``plugin.slow`` or ``plugin.unknown_code``,
                with the plugin's name.
        """
        denied = None
        shown = frozenset(fields)
        for name, call in self._judges:
            decision: object = None
            failure = None
            began = time.monotonic()
            try:
                decision = call(action, record_type, shown, record_id, context)
            except Exception as error:
                failure = failure_of(name, "muniment_authorize", error)
            if failure is not None:
                raise raised(failure)
            in_time(name, "muniment_authorize", began, call)
            if decision is None:
                continue
            if not isinstance(decision, Decision) or not isinstance(decision.allowed, bool):
                raise PluginError("plugin.result", name=name, hook="muniment_authorize")
            check_code(decision.code, name, "muniment_authorize")
            if not decision.allowed and denied is None:
                denied = name, decision.code
        return denied

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

    def before_erase(
        self, subject_id: str, plan: ErasurePlan, context: HookContext
    ) -> tuple[tuple[str, Issue], ...]:
        """Ask every plugin whether something of a subject may be erased.

        One that is enabled and not loaded is not asked: what is to be erased can be without its plugin.

        Args:
            subject_id: UUID text.
            plan: what would go.
            context: who acts, why, and through what.

        Returns:
            The issues of all plugins, each with who found it; those of severity ``error`` refuse.

        Raises:
            PluginError: ``plugin.raised``, ``plugin.result``, ``plugin.slow`` or ``plugin.unknown_code``,
                with the plugin's name: then nothing of the subject is erased.
        """
        issues: list[tuple[str, Issue]] = []
        for name, call in _calls(self.loaded, "muniment_before_erase"):
            found: list[Issue] = []
            failure = None
            began = time.monotonic()
            try:
                found.extend(call(subject_id, plan, context) or ())
            except Exception as error:
                failure = failure_of(name, "muniment_before_erase", error)
            if failure is not None:
                raise raised(failure)
            in_time(name, "muniment_before_erase", began, call)
            for issue in found:
                _check_issue(issue, name, "muniment_before_erase")
                issues.append((name, issue))
        return tuple(issues)

    def after_erase(self, certificate: ErasedNotice) -> tuple[PluginFailure, ...]:
        """Tell every plugin what was erased; one that fails hinders no other.

        Args:
            certificate: of the erasure.

        Returns:
            What failed; the caller logs each as ``plugin.fail``.
        """
        failures = []
        for name, call in _calls(self.loaded, "muniment_after_erase"):
            try:
                call(certificate)
            except Exception as error:
                failures.append(failure_of(name, "muniment_after_erase", error))
        return tuple(failures)

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
        shown = [_described(plugin) for plugin in self.loaded]
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


def _described(plugin: Plugin) -> dict[str, Any]:
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


def _checked_need(wanted: object, plugin: str) -> NeedsApproval:
    if (
        isinstance(wanted, NeedsApproval)
        and type(wanted.approvers) is int
        and wanted.approvers >= 1
        and all(isinstance(role, str) for role in wanted.roles)
    ):
        return wanted
    raise PluginError("plugin.result", name=plugin, hook="muniment_needs_approval")


def _check_issue(issue: object, plugin: str, hook: str) -> None:
    # A plugin need not be typed, so what a type checker takes for granted is looked at here.
    field: Any = issue.field if isinstance(issue, Issue) else 0
    if not (
        isinstance(issue, Issue) and isinstance(field, str | None) and issue.severity in {"error", "warning"}
    ):
        raise PluginError("plugin.result", name=plugin, hook=hook)
    check_code(issue.code, plugin, hook)
