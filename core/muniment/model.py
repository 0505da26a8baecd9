"""Frozen values that the other modules hand to one another; no I/O.

Times are integers: microseconds since 1970-01-01T00:00:00Z. Identifiers are 16
bytes inside and the usual UUID text at the API's edge.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache

import attrs

from muniment.errors import ConfigError, UsageError

__all__ = [
    "CLASSES",
    "SCOPES",
    "Clock",
    "FileRef",
    "Money",
    "Random",
    "Uuid7",
    "Value",
    "age_on",
    "id_bytes",
    "id_text",
    "instant",
    "micros_of",
    "parse_time",
    "rfc3339",
    "system_clock",
    "zone_named",
]

CLASSES = ("public", "internal", "personal", "sensitive", "restricted")
"""How sensitive a field is, mildest first; the number of a class is its place here plus one."""

SCOPES = ("read", "write", "export", "rights", "log", "setup")
"""What a token may be used for; its owner's roles bound it further.

``read`` sees records and what stands around them, ``write`` changes them, ``export`` hands data out of
the house (files, reports, letters), ``rights`` does what persons ask for and what ends a record's life,
``log`` reads the log and does what oversight does, ``setup`` concerns users, roles and other systems.
"""

Clock = Callable[[], int]
Random = Callable[[int], bytes]


@attrs.frozen
class Money:
    """An amount in a currency; never a float.

    Attributes:
        amount: the amount, with as many places as it was given.
        currency: three capital letters, ISO 4217.
    """

    amount: Decimal
    currency: str


@attrs.frozen
class FileRef:
    """What a record keeps of an attached file; the bytes are sealed beside the records.

    Attributes:
        id: UUID text, also the name under ``files/``.
        name: the file's name as it was given.
        media_type: such as ``application/pdf``.
        size: in bytes, before sealing.
    """

    id: str
    name: str
    media_type: str
    size: int


Value = object
"""A field's value: str, int, Decimal, bool, Money, date, datetime, tuple of str, or FileRef."""


def system_clock() -> int:
    """Now, in microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1000


class Uuid7:
    """Makes time-ordered identifiers (RFC 9562, version 7), 16 bytes each.

    Within one millisecond the 12 bits behind the time count up, so that a batch
    keeps the order in which it was made and lands at the end of each index.

    Args:
        clock: microseconds since 1970.
        random: gives so many random bytes.
    """

    def __init__(self, clock: Clock = system_clock, *, random: Random = os.urandom) -> None:
        self._clock = clock
        self._random = random
        self._last = -1
        self._lock = threading.Lock()

    def __call__(self) -> bytes:
        """One new identifier."""
        tail = self._random(8)
        with self._lock:
            head = self._last = max(self._clock() // 1000 << 12, self._last + 1)
        return _uuid(head, tail)

    def many(self, count: int) -> list[bytes]:
        """So many new identifiers, in order."""
        tails = self._random(8 * count)
        with self._lock:
            first = max(self._clock() // 1000 << 12, self._last + 1)
            self._last = first + count - 1
        return [_uuid(first + place, tails[8 * place : 8 * place + 8]) for place in range(count)]


_UUID = struct.Struct(">QQ")


def _uuid(head: int, tail: bytes) -> bytes:
    left = (head >> 12 << 16) | 0x7000 | (head & 0xFFF)
    right = int.from_bytes(tail, "big") & (1 << 62) - 1 | 1 << 63
    return _UUID.pack(left & (1 << 64) - 1, right)


def id_text(identifier: bytes) -> str:
    """16 bytes as UUID text."""
    digits = identifier.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_bytes(text: str) -> bytes:
    """UUID text as 16 bytes; only the usual form with its hyphens, in either case.

    Raises:
        UsageError: ``usage.identifier`` where it is no UUID.
    """
    try:
        if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
            return bytes.fromhex(text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:])
    except (ValueError, TypeError):
        pass
    raise UsageError("usage.identifier")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(micros: int, zone: tzinfo = UTC) -> datetime:
    """Microseconds since 1970 as a point in time, exactly, in a zone."""
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment if zone is UTC else moment.astimezone(zone)


def micros_of(moment: datetime) -> int:
    """A point in time, in whatever zone, as microseconds since 1970, exactly."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


@lru_cache(maxsize=16)
def zone_named(name: str, where: str | None = None) -> tzinfo:
    """The time zone of an IANA name, such as ``Asia/Shanghai``; ``where`` it stands, for the error.

    Raises:
        ConfigError: ``schema.timezone`` where there is no zone of that name.
    """
    if name == "UTC":
        return UTC
    # Costs a few milliseconds to import, and most commands read no local time.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ConfigError("schema.timezone", where=where, name=name) from None


def age_on(born: date, day: date) -> int:
    """Whole years from a day of birth to another day; who was born on 29 February is older on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    parts = time.gmtime(seconds)
    return f"{parts[0]:04d}-{parts[1]:02d}-{parts[2]:02d}T{parts[3]:02d}:{parts[4]:02d}:{parts[5]:02d}"


def rfc3339(micros: int) -> str:
    """Microseconds since 1970 as RFC 3339 UTC with six decimals and Z."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z"


def parse_time(text: str) -> int:
    """RFC 3339 time (or a bare date, read as its first instant in UTC) as microseconds since 1970.

    Raises:
        UsageError: ``usage.time`` where it is neither, or a time without a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise UsageError("usage.time") from None
    if moment.tzinfo is None:
        if len(text) > 10:
            raise UsageError("usage.time")
        moment = moment.replace(tzinfo=UTC)
    return micros_of(moment)
