"""Slows guessing down without letting anybody lock somebody else out.

Failures are counted for a login together with where they come from: the address,
or a browser that has signed in as this login before and shows the cookie that it was
given then (OWASP, "Slow down online guessing attacks with device cookies"). Whoever
guesses from elsewhere slows down only themselves. Each address is counted as a
whole too, for those who try many logins.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from threading import Lock
from typing import Final

from muniment.errors import AccessDenied

__all__ = ["Throttle", "network_of"]

_FREE: Final = 5
_FREE_OF_ADDRESS: Final = 30
_LONGEST_SECONDS: Final = 900
_FORGOTTEN_US: Final = 3_600_000_000
_MOST: Final = 50_000


def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        known = ip_address(address)
    except ValueError:
        return "?"
    return str(known) if known.version == 4 else known.exploded[:19]


class Throttle:
    """Counts failures and says how long to wait; in memory, for one process.

    Args:
        clock: microseconds since 1970.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._failed: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._lock = Lock()

    def check(self, login: str, place: str) -> None:
        """Refuse an attempt that comes too soon after those that failed.

        Args:
            login: as it was typed.
            place: from where: a network, or the mark of a known browser.

        Raises:
            AccessDenied: ``sign.throttled`` with the seconds to wait.
        """
        with self._lock:
            self._check(login, place)

    def _check(self, login: str, place: str) -> None:
        now = self._clock()
        wait = max(self._wait(now, (login, place), _FREE), self._wait(now, ("", place), _FREE_OF_ADDRESS))
        if wait > 0:
            raise AccessDenied("sign.throttled", seconds=wait)

    def _wait(self, now: int, key: tuple[str, str], free: int) -> int:
        count, last = self._failed.get(key, (0, 0))
        if count < free:
            return 0
        pause = min(_LONGEST_SECONDS, 1 << min(count - free + 1, 20))
        return -(-(last + pause * 1_000_000 - now) // 1_000_000)

    def begin(self, login: str, place: str) -> bool:
        """Begin an attempt, which counts as a failure until it succeeded: so none come side by side for free.

        Returns:
            Whether waiting begins with this one.

        Raises:
            AccessDenied: as ``check``.
        """
        with self._lock:
            self._check(login, place)
            return self._failed_now(login, place)

    def failed(self, login: str, place: str) -> bool:
        """Count a failure; says whether waiting begins with this one."""
        with self._lock:
            return self._failed_now(login, place)

    def _failed_now(self, login: str, place: str) -> bool:
        now = self._clock()
        began = False
        for key, free in (((login, place), _FREE), (("", place), _FREE_OF_ADDRESS)):
            count, last = self._failed.pop(key, (0, 0))
            count = 1 if now - last > _FORGOTTEN_US else count + 1
            self._failed[key] = (count, now)
            began = began or count == free
        while len(self._failed) > _MOST:
            self._failed.popitem(last=False)
        return began

    def succeeded(self, login: str, place: str) -> None:
        """Forget the failures of a login at a place, and that this attempt was one of the place's."""
        with self._lock:
            self._failed.pop((login, place), None)
            count, last = self._failed.get(("", place), (0, 0))
            if count:
                self._failed["", place] = (count - 1, last)
