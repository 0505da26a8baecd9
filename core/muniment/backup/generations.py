"""Which of many backups are kept: the newest one of each of the last days, weeks and months; pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime

__all__ = ["kept"]


def kept(times: Iterable[datetime], *, daily: int, weekly: int, monthly: int) -> set[datetime]:
    """The times of the backups to keep; the newest one is among them.

    Args:
        times: when backups were made, aware.
        daily: of so many days that have one, the newest backup is kept.
        weekly: likewise weeks, ISO 8601.
        monthly: likewise months.
    """
    newest = sorted(times, reverse=True)
    keep = set(newest[:1])
    spans: tuple[tuple[int, Callable[[datetime], Hashable]], ...] = (
        (daily, lambda one: one.astimezone(UTC).date()),
        (weekly, lambda one: one.astimezone(UTC).isocalendar()[:2]),
        (monthly, lambda one: (one.astimezone(UTC).year, one.astimezone(UTC).month)),
    )
    for count, span in spans:
        seen: set[Hashable] = set()
        for one in newest:
            if span(one) not in seen and len(seen) < count:
                seen.add(span(one))
                keep.add(one)
    return keep
