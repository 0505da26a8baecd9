"""Passwords: how good one must be, and its hash (Argon2id, RFC 9106)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore, Lock
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION, Type

from muniment.errors import AccessDenied, UsageError

__all__ = ["Passwords", "check_strength"]

_SHORTEST: Final = 12
_LONGEST: Final = 256
_AT_ONCE: Final = 4
_MOST_WAITING: Final = 16
_BUSY_SECONDS: Final = 5


def _normal(password: str) -> str:
    # What looks the same is the same, whichever keyboard it was typed on (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


def check_strength(password: str, known: tuple[str, ...]) -> None:
    """Refuse a password that is short or easily guessed.

    Args:
        password: as it was typed.
        known: what a guesser would try: login, name, archive.

    Raises:
        UsageError: ``sign.password_short``, ``sign.password_long`` or ``sign.password_weak``.
    """
    from zxcvbn import zxcvbn  # 0.1 s to import, and needed only where a password is set

    normal = _normal(password)
    if len(normal) < _SHORTEST:
        raise UsageError("sign.password_short", count=_SHORTEST)
    if len(normal) > _LONGEST:
        raise UsageError("sign.password_long", count=_LONGEST)
    # Time to judge grows with length, and what is strong in 72 characters is not weaker in more.
    if zxcvbn(normal[:72], user_inputs=[one for one in known if one])["score"] < 3:
        raise UsageError("sign.password_weak")


class Passwords:
    """Makes and checks hashes.

    Args:
        memory_kib: what one check costs in memory; 64 MiB as RFC 9106 recommends second.
        passes: how often it goes over that memory.
    """

    def __init__(self, *, memory_kib: int = 65_536, passes: int = 3) -> None:
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )
        assert ARGON2_VERSION == 19
        self._lock = Lock()
        self._few = BoundedSemaphore(_AT_ONCE)
        self._waiting = 0

    @contextmanager
    def _one_of_few(self) -> Iterator[None]:
        """Each check takes 64 MiB: whoever sends hundreds at once does not get the memory for them.

        Raises:
            AccessDenied: ``sign.rate`` while as many wait as may.
        """
        with self._lock:
            if self._waiting >= _MOST_WAITING:
                raise AccessDenied("sign.rate", seconds=_BUSY_SECONDS)
            self._waiting += 1
        try:
            with self._few:
                yield
        finally:
            with self._lock:
                self._waiting -= 1

    def hash(self, password: str) -> str:
        """The encoded hash of a password.

        Raises:
            AccessDenied: ``sign.rate`` while too many are at it.
        """
        with self._one_of_few():
            return self._hasher.hash(_normal(password))

    @cache  # noqa: B019 - one hasher lives as long as the process
    def _nobody(self) -> str:
        return self._hasher.hash("nobody has this password")

    def check(self, encoded: str, password: str) -> bool:
        """Whether a password is the one of a hash; takes as long where there is no hash.

        Raises:
            AccessDenied: ``sign.rate`` while too many are at it.
        """
        try:
            with self._one_of_few():
                # An over-long text is cut off: it is wrong, and costs no more than another.
                self._hasher.verify(encoded or self._nobody(), _normal(password[: 4 * _LONGEST]))
        except (VerificationError, InvalidHashError):
            return False
        return bool(encoded)

    def stale(self, encoded: str) -> bool:
        """Whether a hash was made at another cost than one would be now."""
        return self._hasher.check_needs_rehash(encoded)
