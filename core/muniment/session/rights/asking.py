"""Plugins around an erasure: asked before it begins, told when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muniment.errors import AccessDenied, MunimentError, PluginError
from muniment.model import id_text
from muniment.plugins import ErasedNotice, ErasurePlan, ErasureTarget
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.rights.scope import Scope
from muniment.session.writing.changes import hook_context, note_failures

__all__ = ["notice_of", "refused_by_plugins", "tell_erased"]


def refused_by_plugins(
    engine: Engine, acting: Acting, cause: str, scopes: Sequence[Scope], time_us: int
) -> Mapping[bytes, MunimentError]:
    """The subjects of whom a plugin lets nothing go, each with the first refusal.

    Args:
        engine: the opened archive.
        acting: who erases, and why.
        cause: of the erasure.
        scopes: all that would go.
        time_us: of the transaction.
    """
    if not any("muniment_before_erase" in plugin.calls for plugin in engine.plugins.loaded):
        return {}
    targets: dict[bytes, list[ErasureTarget]] = {}
    for scope in scopes:
        targets.setdefault(scope.subject, []).append(_target(engine, scope))
    context = hook_context(engine, acting, "erase", time_us)
    found: dict[bytes, MunimentError] = {}
    for subject, listed in targets.items():
        plan = ErasurePlan(cause, tuple(listed))
        try:
            issues = engine.plugins.before_erase(id_text(subject), plan, context)
        except PluginError as error:
            error.refused_by = (str(error.parameters.get("name", "")), error.code)
            found[subject] = error
            continue
        for plugin, issue in issues:
            if issue.severity == "error":
                refusal = AccessDenied(issue.code, where=id_text(subject), **issue.parameters)
                refusal.refused_by = (plugin, issue.code)
                found.setdefault(subject, refusal)
    return found


def _target(engine: Engine, scope: Scope) -> ErasureTarget:
    record_type = engine.definitions.by_number.get(scope.type)
    target = scope.target
    return ErasureTarget(
        scope.kind,
        id_text(scope.subject),
        id_text(target.id),
        "" if record_type is None else record_type.key,
        engine.definitions.registry.category_names.get(target.category, ""),
        target.rule,
        len(scope.records),
        len(scope.files),
    )


def notice_of(certificate: Mapping[str, Any], cause: str) -> ErasedNotice:
    """What plugins are told of an erasure.

    Args:
        certificate: as it is kept.
        cause: of the erasure.
    """
    return ErasedNotice(
        certificate["id"],
        cause,
        certificate["done"],
        tuple(
            ErasureTarget(
                one["scope"],
                one["record"] if one["scope"] == "subject" else one.get("subject", ""),
                one["record"],
                one.get("type", ""),
                one.get("category", ""),
                one.get("rule", ""),
                one["count"],
                one["files"],
            )
            for one in certificate["targets"]
        ),
    )


def tell_erased(engine: Engine, acting: Acting, notice: ErasedNotice) -> None:
    """Tell every plugin; what fails there is written down, and hinders nothing."""
    note_failures(engine, acting, engine.plugins.after_erase(notice))
