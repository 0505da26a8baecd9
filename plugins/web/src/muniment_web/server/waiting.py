"""How much waits for somebody: counted from what stands in clear, for the rail and the desk."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Final

import attrs

from muniment.schema import RecordType
from muniment.schema.builtin import ALERT, BREAK_GLASS, INCOMING
from muniment.session.kernel.engine import SHARD, Engine
from muniment.store import ListQuery

__all__ = ["Due", "Waiting"]

_FRESH_US: Final = 15_000_000


@attrs.frozen
class Due:
    """What retention had waiting when it was last asked.

    Attributes:
        time_us: when.
        due: facets that are due.
        review: facets that wait for a person's decision.
    """

    time_us: int
    due: int
    review: int


class Waiting:
    """Counts for the rail; looked up anew after a while, and after everything that somebody sends."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Mapping[str, int] = {}
        self._time_us = 0
        self.due: Due | None = None

    def forget(self) -> None:
        """Count anew at the next look."""
        with self._lock:
            self._time_us = 0

    def counts(self, engine: Engine) -> Mapping[str, int]:
        """How many alerts are open, emergency accesses unreviewed, messages and scans undecided."""
        with self._lock:
            now = engine.clock()
            if not self._time_us or not 0 <= now - self._time_us < _FRESH_US:
                self._counts, self._time_us = _counted(engine), now
            return self._counts


def _counted(engine: Engine) -> Mapping[str, int]:
    def count(record_type: RecordType, state: str) -> int:
        field = record_type.by_key["state"].number
        return tx.count_current(SHARD, ListQuery(record_type.number, ((field, state),)))

    with engine.store.transaction(write=False) as tx:
        return {
            "/alerts": count(ALERT, "open"),
            "/break-glass": count(BREAK_GLASS, "open") + count(BREAK_GLASS, "ended"),
            "/incoming": count(INCOMING, "waiting"),
        }
