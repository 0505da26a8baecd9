"""How often somebody may ask: so many in a minute, counted in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from muniment.errors import AccessDenied

__all__ = ["Limits"]

_MINUTE_US: Final = 60_000_000
_MOST: Final = 20_000


class Limits:
    """A bucket for each caller, which fills evenly and is empty at so many requests at once.

    Args:
        clock: microseconds since 1970.
        a_minute: how many requests in a minute.
    """

    def __init__(self, clock: Callable[[], int], a_minute: int) -> None:
        self._clock = clock
        self._each_us = _MINUTE_US // a_minute
        self._free: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def check(self, caller: str) -> None:
        """Count a request.

        Raises:
            AccessDenied: ``sign.rate`` with the seconds to wait.
        """
        now = self._clock()
        with self._lock:
            free = max(self._free.pop(caller, 0), now - _MINUTE_US) + self._each_us
            if free > now:
                self._free[caller] = free - self._each_us
                raise AccessDenied("sign.rate", seconds=1 + (free - now) // 1_000_000)
            self._free[caller] = free
            if len(self._free) > _MOST:
                self._free.popitem(last=False)
