"""What passkeys sign: made without being kept, so that nobody fills a list that others wait in."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Final

__all__ = ["Challenges"]

_RANDOM: Final = 16
_TIME: Final = 8
_LIFE_US: Final = 300_000_000


class Challenges:
    """Makes challenges of random bytes, the time and a mac over both; remembers those that let somebody in.

    Args:
        clock: microseconds since 1970.
        random: random bytes, as many as asked for.
    """

    def __init__(self, clock: Callable[[], int], random: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._random = random
        self._key = random(32)
        self._used: OrderedDict[bytes, int] = OrderedDict()
        self._lock = Lock()

    def new(self) -> bytes:
        """A challenge, good for five minutes."""
        body = self._random(_RANDOM) + self._clock().to_bytes(_TIME, "big")
        return body + self._mac(body)

    def good(self, challenge: bytes) -> bool:
        """Whether a challenge is one of ours, and not too old."""
        body, mac = challenge[: _RANDOM + _TIME], challenge[_RANDOM + _TIME :]
        if not hmac.compare_digest(mac, self._mac(body)):
            return False
        return 0 <= self._clock() - int.from_bytes(body[_RANDOM:], "big") <= _LIFE_US

    def use(self, challenge: bytes) -> bool:
        """Use up a challenge that was signed; False where it was used before, or is not good."""
        with self._lock:
            oldest = self._clock() - _LIFE_US
            while self._used and next(iter(self._used.values())) < oldest:
                self._used.popitem(last=False)
            if challenge in self._used or not self.good(challenge):
                return False
            self._used[challenge] = self._clock()
        return True

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, sha256).digest()
