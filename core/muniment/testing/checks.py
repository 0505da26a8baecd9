"""What a plugin's checks say of values, without an archive: fast enough for tables of examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from muniment.errors import Issue
from muniment.model import micros_of
from muniment.plugins import HookContext, RecordState

__all__ = ["TODAY", "issues_of"]

TODAY: Final = datetime(2026, 3, 1, tzinfo=UTC)
"""When checks are asked, as long as nothing else is said."""


def issues_of(
    validate: Callable[[RecordState, Mapping[str, object], HookContext], Iterable[Issue]],
    type: str,
    changes: Mapping[str, object],
    *,
    before: Mapping[str, object] | None = None,
    operation: str = "create",
    purpose: str = "ServiceProvision",
    region: str = "",
    now: datetime = TODAY,
) -> dict[str, str]:
    """What a write would make wrong.

    Args:
        validate: ``muniment_validate`` of the plugin, or ``Checks.issues``.
        type: key of the record type.
        changes: the values that the write gives.
        before: what the record holds already; none for a new one.
        operation: as in ``HookContext``.
        purpose: why somebody writes.
        region: where values belong that name no country.
        now: when the write is recorded.

    Returns:
        The severity of each issue by its code, without the plugin's name before it.
    """
    state = RecordState("r", type, "s", int(bool(before)), before or {})
    context = HookContext("li.na", purpose, operation, "cli", micros_of(now), default_region=region)
    return {one.code.partition(".")[2]: one.severity for one in validate(state, changes, context)}
