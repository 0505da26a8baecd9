"""Reads that wait for the same lock share one transaction, one batch of the log and one sync.

A commit costs more than anything else about a read, and on most disks more than all
the rest. Where many threads read at once, as behind a server, one of them leads: it does
the reading of all who wait, appends their entries as one batch, commits, and only then
has each of them go on and open what it asked for. Those who came meanwhile are led by
the first of them. A thread that finds nobody leading reads alone, as if this were not here.

Only reads: what they do is look things up and append entries, so doing it once more is
no harm. If one of them is refused, or anything fails, all are rolled back and each is
done alone, in a transaction of its own. Writes, which may change who may do what, never
share one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from muniment.session.kernel.acting import Acting
    from muniment.session.kernel.logbook import Moment
    from muniment.store import Transaction

__all__ = ["Reads", "Waiting"]

_AT_ONCE: Final = 64
"""So many reads at the most share a transaction: nobody waits for longer than that many take."""

_SOMEBODY: Final = -1
"""Leads between being told to and running; no thread has such an identifier."""


@attrs.define(eq=False)
class Waiting:
    """One read, and what becomes of it.

    Attributes:
        body: what it does in its transaction.
        acting: for whom.
        same: whether they still have the roles under which they began.
    """

    body: Callable[[Transaction, Moment], Any]
    acting: Acting | None
    same: bool = True
    result: Any = None
    error: Exception | None = None
    done: bool = False
    _leads: bool = False
    _left: bool = False
    _turn: threading.Lock = attrs.field(factory=threading.Lock)


@attrs.define
class Reads:
    """The reads of one engine.

    Args:
        lock: whoever holds it has the transactions of this process to itself.
        commit: does some of them in one transaction, and raises what any of them raises.
    """

    _lock: threading.RLock
    _commit: Callable[[list[Waiting]], None]
    _led_by: int = 0
    _queue: deque[Waiting] = attrs.field(factory=deque)
    _guard: threading.Lock = attrs.field(factory=threading.Lock)

    def run(self, one: Waiting) -> None:
        """Do a read, alone or with others; it is committed, or has its error, when this returns."""
        me = threading.get_ident()
        if self._led_by == me:
            # From inside a read that this thread does: the store refuses it; waiting would never end.
            self._do([one])
            return
        with self._guard:
            leads = not self._led_by
            if leads:
                self._led_by = me
            else:
                one._turn.acquire()
                self._queue.append(one)
        if not leads:
            self._wait(one)
            if one.done:
                return
            self._led_by = me
        others: list[Waiting] = []
        try:
            with self._lock:
                with self._guard:
                    others += [self._queue.popleft() for _ in range(min(len(self._queue), _AT_ONCE - 1))]
                self._do([one, *others])
        finally:
            self._hand_on(others)

    def _wait(self, one: Waiting) -> None:
        """Until it is done, or leads."""
        try:
            one._turn.acquire()
        except BaseException:
            with self._guard:
                one._left = True
                if one in self._queue:
                    self._queue.remove(one)
            if one._leads:
                self._hand_on([])
            raise

    def _hand_on(self, others: list[Waiting]) -> None:
        """Let those go on who are done, and have the first of the others lead."""
        with self._guard:
            # Some are not done where whoever led was interrupted.
            self._queue.extendleft(other for other in reversed(others) if not (other.done or other._left))
            free = [other for other in others if other.done]
            self._led_by = 0
            if self._queue:
                self._led_by = _SOMEBODY
                first = self._queue.popleft()
                first._leads = True
                free.append(first)
        for other in free:
            other._turn.release()

    def _do(self, some: list[Waiting]) -> None:
        if len(some) > 1:
            try:
                self._commit(some)
            except Exception:  # whatever it was, doing each alone finds it again
                pass
            else:
                for one in some:
                    one.done = True
                return
        for one in some:
            try:
                self._commit([one])
            except Exception as error:  # raised again where it was asked for
                one.error = error
            one.done = True
