"""The plugins of one archive, and the way to ask them.

Implementations are called one by one, because the first exception of a plain
hook call would stop the others and discard their results.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from muniment.errors import Issue, PluginError
from muniment.plugins._calls import Call, answer_of, check_code, failure_of
from muniment.plugins._gathered import Gathered
from muniment.plugins._plugin import Plugin
from muniment.plugins._values import (
    Decision,
    ErasedNotice,
    ErasurePlan,
    HookContext,
    NeedsApproval,
    PluginFailure,
    RecordState,
    WrittenVersion,
)

__all__ = ["PluginSet"]


def _calls(plugins: Sequence[Plugin], hook: str) -> tuple[tuple[str, Call], ...]:
    return tuple((plugin.name, plugin.calls[hook]) for plugin in plugins if hook in plugin.calls)


@attrs.frozen
class PluginSet(Gathered):
    """The plugins of one opened archive, and the way to ask those that are loaded."""

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

    def _context(self, name: str, context: HookContext) -> HookContext:
        """The context as one plugin is given it: with its settings."""
        settings = self.settings.get(name)
        return attrs.evolve(context, settings=settings) if settings else context

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
            issues += _issues_of(name, "muniment_validate", call, record, shown, self._context(name, context))
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
            wanted = answer_of(
                name, "muniment_needs_approval", call, record, shown, self._context(name, context)
            )
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
            own = self._context(name, context)
            decision = answer_of(name, "muniment_authorize", call, action, record_type, shown, record_id, own)
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
        failures: tuple[PluginFailure, ...] = ()
        for name, call in self._observers:
            own = self._context(name, context)
            failures += _told(((name, call),), "muniment_after_commit", change_set, versions, own)
        return failures

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
            found = _issues_of(
                name, "muniment_before_erase", call, subject_id, plan, self._context(name, context)
            )
            issues += ((name, issue) for issue in found)
        return tuple(issues)

    def after_erase(self, certificate: ErasedNotice) -> tuple[PluginFailure, ...]:
        """Tell every plugin what was erased; one that fails hinders no other.

        Args:
            certificate: of the erasure.

        Returns:
            What failed; the caller logs each as ``plugin.fail``.
        """
        hook = "muniment_after_erase"
        return _told(_calls(self.loaded, hook), hook, certificate)


def _told(calls: Sequence[tuple[str, Call]], hook: str, *arguments: object) -> tuple[PluginFailure, ...]:
    failures = []
    for name, call in calls:
        try:
            call(*arguments)
        except Exception as error:
            failures.append(failure_of(name, hook, error))
    return tuple(failures)


def _issues_of(plugin: str, hook: str, call: Call, *arguments: object) -> tuple[Issue, ...]:
    found: tuple[Issue, ...] = answer_of(plugin, hook, call, *arguments, take=_listed)
    for issue in found:
        _check_issue(issue, plugin, hook)
    return found


def _listed(given: Any) -> tuple[Any, ...]:
    return tuple(given or ())


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
