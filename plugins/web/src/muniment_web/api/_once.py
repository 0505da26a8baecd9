"""Retries that are safe for every call that changes something: the first answer again, for a day.

The answer is kept here, as long as the process serves. That a request was begun is kept in the archive, in
the transaction of the first entry that it wrote: nothing is done twice under one key, however a server ended.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hmac import compare_digest
from hmac import digest as hmac_digest
from threading import Lock
from typing import Final

import attrs

from muniment.errors import Conflict, UsageError

__all__ = ["LARGEST", "Answer", "Answers"]

LARGEST: Final = 1 << 16
"""The largest answer that is kept, in bytes; of a larger one only that it was given."""

_DAY_US: Final = 86_400_000_000
_MOST: Final = 4_096
_BYTES: Final = 16 << 20
_LONGEST_KEY: Final = 200


@attrs.frozen
class Answer:
    """What was answered.

    Attributes:
        status: of HTTP.
        headers: those that belong to the answer itself.
        body: None where it is not kept: it was too large, or told a secret.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


@attrs.define
class _Kept:
    hash: bytes
    time_us: int
    answer: Answer | None = None


class Answers:
    """The answers of the last day, by who asked and the key of the request.

    Args:
        clock: microseconds since 1970.
        secret: 32 bytes; hashes of requests are keyed, since a plain one would let values be guessed.
    """

    def __init__(self, clock: Callable[[], int], secret: bytes) -> None:
        self._clock = clock
        self._secret = secret
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def begin(self, who: str, key: str, asked: bytes) -> Answer | None:
        """Begin a request; an answer that was given to it before, or None where it is to be done now.

        Args:
            who: names the credential that asks.
            key: as the caller chose it.
            asked: all that makes the request what it is.

        Raises:
            UsageError: ``usage.idempotency_key`` for a key that is empty or too long.
            Conflict: ``conflict.idempotency`` where the key was used for something else,
                ``serve.once_running`` where the first request goes on, ``serve.once_gone``
                where it was done and its answer is not kept.
        """
        if not 0 < len(key) <= _LONGEST_KEY:
            raise UsageError("usage.idempotency_key", longest=_LONGEST_KEY)
        hashed = hmac_digest(self._secret, asked, "sha256")
        with self._lock:
            self._forget()
            found = self._kept.get((who, key))
            if found is None:
                self._kept[who, key] = _Kept(hashed, self._clock())
                return None
        if not compare_digest(found.hash, hashed):
            raise Conflict("conflict.idempotency")
        if found.answer is None:
            raise Conflict("serve.once_running")
        if found.answer.body is None:
            raise Conflict("serve.once_gone")
        return found.answer

    def keep(self, who: str, key: str, answer: Answer) -> None:
        """Keep the answer to a request that began."""
        if answer.body is not None and len(answer.body) > LARGEST:
            answer = attrs.evolve(answer, body=None)
        with self._lock:
            found = self._kept.get((who, key))
            if found is not None:
                found.answer = answer
                self._bytes += len(answer.body or b"")

    def drop(self, who: str, key: str) -> None:
        """Forget a request that came to nothing: it may be tried again."""
        with self._lock:
            self._kept.pop((who, key), None)

    def _forget(self) -> None:
        oldest = self._clock() - _DAY_US
        while self._kept:
            one = next(iter(self._kept.values()))
            if one.time_us > oldest and len(self._kept) < _MOST and self._bytes < _BYTES:
                return
            self._kept.popitem(last=False)
            if one.answer is not None:
                self._bytes -= len(one.answer.body or b"")
