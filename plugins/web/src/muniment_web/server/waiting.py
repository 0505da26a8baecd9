"""How much waits for somebody: counted from what stands in clear, for the rail and the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

import attrs

from muniment.policy import Actor, Policy
from muniment.schema import RecordType
from muniment.schema.builtin import ALERT, BREAK_GLASS, INCOMING
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.reading.pieces import Known
from muniment.store import ListQuery

__all__ = ["Due", "Waiting"]

_FRESH_US: Final = 15_000_000
_MOST_OWN: Final = 200
"""So many counts of single people are kept."""


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


@attrs.define
class _Own:
    """What waits at one page for somebody whose roles end at some rows.

    Attributes:
        policy: by which it was counted.
        time_us: when each of those that wait was last looked at.
        known: which of them are there for that person.
        count: how many.
        sent: how often somebody had sent something by then.
    """

    policy: Policy
    time_us: int
    known: Known = attrs.field(factory=dict)
    count: int = 0
    sent: int = -1


class Waiting:
    """Counts for the rail; looked up anew after a while, and after everything that somebody sends."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Mapping[str, int] = {}
        self._time_us = 0
        self._own: dict[tuple[Actor, str], _Own] = {}
        self._sent = 0
        self.due: Due | None = None

    def forget(self) -> None:
        """Count anew at the next look."""
        with self._lock:
            self._time_us = 0
            self._sent += 1

    def own(self, engine: Engine, actor: Actor, path: str, count: Callable[[Known], int]) -> int:
        """How much waits at a page for somebody whose roles end at some rows: as much as its list shows them.

        Each one that waits is opened once in a while; what somebody sends has new ones opened alone.

        Args:
            engine: the opened archive.
            actor: who, for which purpose.
            path: of the page.
            count: counts, given what is known.
        """
        with self._lock:
            now, held = engine.clock(), self._own.get((actor, path))
            if held is None or held.policy is not engine.policy or not 0 <= now - held.time_us < _FRESH_US:
                if len(self._own) >= _MOST_OWN:
                    self._own.clear()
                held = self._own[actor, path] = _Own(engine.policy, now)
            sent = self._sent
        if held.sent != sent:
            held.count, held.sent = count(held.known), sent
        return held.count

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
