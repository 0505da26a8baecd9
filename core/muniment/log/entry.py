"""One entry of the log: its bytes, what its commitment and tags are made of.

An entry is JCS (RFC 8785) with the members a, b, c, k, s, t, v, in that order::

    {"a":actor tag,"b":binding,"c":commitment,"k":kind,"s":[subject tags],"t":time,"v":1}

It is written by formatting and read by one regular expression, because every
write, read and verification passes here; the expression accepts exactly what
the formatting produces.
"""

from __future__ import annotations

import hashlib
import re
import time
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cache, lru_cache
from hmac import digest as hmac_digest
from typing import Final

import attrs

from muniment.errors import IntegrityError, LogError
from muniment.log.keyed import keyed
from muniment.log.kinds import KINDS

__all__ = [
    "MAX_ENTRY",
    "MAX_SUBJECTS",
    "Entry",
    "Scanned",
    "commitment",
    "entry_bytes",
    "line_hash",
    "pack_entries",
    "parse_entry",
    "scan_entries",
    "scan_entry",
    "tag",
    "tagger",
    "unpack_entries",
]

MAX_ENTRY: Final = 4096
"""The most bytes that an entry may have; 100 subjects and the longest kind stay well below."""

MAX_SUBJECTS: Final = 100
"""The most subjects in one entry; a longer result is several entries."""

Scanned = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
"""An entry in pieces, as they stand in it, all ASCII: the whole entry; the binding
in base64, empty where there is none; the commitment in base64; the kind; the
subject tags as ``tag","tag``, empty where there are none; the time, which compares
as text. For verification, where decoding would cost more than it tells."""

_sha256 = hashlib.sha256


@attrs.frozen
class Entry:
    """One entry, read.

    Attributes:
        kind: out of ``KINDS``.
        time_us: microseconds since 1970-01-01T00:00:00Z.
        commitment: 32 bytes, binds the detail.
        actor_tag: 16 bytes.
        subject_tags: 16 bytes each, in order.
        binding: 32 bytes, or None where the entry binds nothing else.
    """

    kind: str
    time_us: int
    commitment: bytes
    actor_tag: bytes
    subject_tags: tuple[bytes, ...] = ()
    binding: bytes | None = None


def commitment(r: bytes, detail: bytes) -> bytes:
    r"""What an entry says of its detail: SHA-256("muniment/detail/v1\n" | r | detail).

    Args:
        r: 32 random bytes, stored with the detail, so that nobody can guess it.
        detail: JCS.

    Returns:
        32 bytes.
    """
    return _sha256(b"muniment/detail/v1\n" + r + detail).digest()


def tag(tag_key: bytes, committed: bytes) -> bytes:
    r"""The mark that whoever has the tag key recognises in an entry, and nobody else.

    HMAC-SHA-256(tag key, "muniment/tag/v1\n" | commitment), cut to 16 bytes.

    Args:
        tag_key: a subject's or an actor's, 32 bytes.
        committed: the entry's commitment, 32 bytes.
    """
    return hmac_digest(tag_key, b"muniment/tag/v1\n" + committed, "sha256")[:16]


def tagger(tag_key: bytes) -> Callable[[bytes], bytes]:
    """``tag`` under one key, prepared once for many entries."""
    mac = keyed(tag_key)
    return lambda committed: mac(b"muniment/tag/v1\n" + committed)[:16]


def line_hash(salt: bytes, line: bytes) -> bytes:
    """The hash of one record's line of a detail: SHA-256(salt | line), 32 bytes.

    Args:
        salt: 32 random bytes, stored with the line.
        line: JCS.
    """
    return _sha256(salt + line).digest()


# --- writing ---------------------------------------------------------------

_WRITTEN: Final = {name: name.encode("ascii") for name, kind in KINDS.items() if not kind.retired}
_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z


@lru_cache(maxsize=64)
def _second(seconds: int) -> bytes:
    if not 0 <= seconds <= _LAST_SECOND:
        raise LogError("log.time")
    return b"%04d-%02d-%02dT%02d:%02d:%02d" % time.gmtime(seconds)[:6]


def _subjects(tags: Collection[bytes]) -> bytes:
    # Most entries have one subject; sets and sorting would double their cost.
    ordered = sorted(set(tags)) if len(tags) > 1 else tags
    if len(ordered) > MAX_SUBJECTS:
        raise LogError("log.subjects", count=len(ordered), limit=MAX_SUBJECTS)
    written = [b2a_base64(one, newline=False) for one in ordered if len(one) == 16]
    if len(written) != len(ordered):
        raise LogError("log.entry_parts")
    return b'","'.join(written)


def entry_bytes(
    *,
    kind: str,
    time_us: int,
    commitment: bytes,
    actor_tag: bytes,
    subject_tags: Collection[bytes] = (),
    binding: bytes | None = None,
) -> bytes:
    """An entry as it is logged, hashed and handed out.

    Args:
        kind: out of ``KINDS``, and not retired.
        time_us: microseconds since 1970-01-01T00:00:00Z.
        commitment: 32 bytes, from ``commitment``.
        actor_tag: 16 bytes, from ``tag``.
        subject_tags: 16 bytes each; order and repetition do not matter.
        binding: 32 bytes, where the entry binds something besides its detail.

    Returns:
        JCS, ASCII, at most 4,096 bytes.

    Raises:
        LogError: ``log.kind`` for an unknown kind, ``log.subjects`` for more
            than 100 subjects, ``log.time`` for a time outside 1970 to 9999,
            ``log.entry_parts`` for bytes of a wrong length.
    """
    named = _WRITTEN.get(kind)
    if named is None:
        raise LogError("log.kind", kind=kind)
    if len(commitment) != 32 or len(actor_tag) != 16:
        raise LogError("log.entry_parts")
    seconds, micros = divmod(time_us, 1_000_000)
    bound = subjects = b""
    if binding is not None:
        if len(binding) != 32:
            raise LogError("log.entry_parts")
        bound = b'"b":"%b",' % b2a_base64(binding, newline=False)
    if subject_tags:
        subjects = b'"s":["%b"],' % _subjects(subject_tags)
    return b'{"a":"%b",%b"c":"%b","k":"%b",%b"t":"%b.%06dZ","v":1}' % (
        b2a_base64(actor_tag, newline=False),
        bound,
        b2a_base64(commitment, newline=False),
        named,
        subjects,
        _second(seconds),
        micros,
    )


# --- reading ---------------------------------------------------------------

# The last character before the padding has bits that must be zero. Repetitions
# are possessive: nothing that they could give back would let an entry match.
_TAG: Final = rb"[A-Za-z0-9+/]{21}[AQgw]=="
_HASH: Final = rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
_TIME: Final = rb"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
_ENTRY: Final = (
    rb'(\{"a":"' + _TAG + rb'",'
    rb'(?:"b":"(' + _HASH + rb')",)?+'
    rb'"c":"(' + _HASH + rb')",'
    rb'"k":"([a-z_]++\.[a-z_]++)",'
    rb'(?:"s":\["(' + _TAG + rb'(?:","' + _TAG + rb'){0,99}+)"\],)?+'
    rb'"t":"(' + _TIME + rb')",'
    rb'"v":1\})'
)
_FEW: Final = 1200
"""Below so many bytes a bundle has too few entries to be worth more than reading them singly."""

_KNOWN: Final = frozenset(name.encode("ascii") for name in KINDS)

# Writes base64 so that its order as text is the order of the bytes behind it.
_IN_ORDER: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bytes(range(0x30, 0x70)),
)


@cache
def _one() -> re.Pattern[bytes]:
    # Compiled when first asked for: whoever only writes does not wait for it.
    return re.compile(_ENTRY)


@cache
def _packed() -> re.Pattern[bytes]:
    return re.compile(rb".." + _ENTRY, re.DOTALL)


@lru_cache(maxsize=1024)
def _is_hour(hour: bytes) -> bool:
    """Whether ``YYYY-MM-DDTHH`` is in the calendar; what stands behind it, the expression has checked."""
    text = hour.decode("ascii")
    try:
        # Later versions of Python read hour 24 as the next day's first.
        return text >= "1970" and datetime.fromisoformat(text).isoformat().startswith(text)
    except ValueError:
        return False


def _are_hours(times: list[bytes]) -> bool:
    """The same of a list in order: one look suffices where the first and the last share their hour."""
    if not times or times[0][:13] == times[-1][:13]:
        return not times or _is_hour(times[0][:13])
    return all(map(_is_hour, {when[:13] for when in times}))


def _are_in_order(subjects: bytes) -> bool:
    tags = subjects.translate(_IN_ORDER).split(b'","')
    return tags == sorted(tags) and len(tags) == len(set(tags))


def scan_entry(data: bytes) -> Scanned:
    """Check that bytes are an entry, and take it apart without decoding.

    Accepts exactly what ``entry_bytes`` writes, and the kinds that are retired.

    Args:
        data: one entry.

    Raises:
        IntegrityError: ``log.entry`` where it is not of that form,
            ``log.entry_kind`` for an unknown kind, ``log.entry_subjects`` where
            tags are repeated or out of order, ``log.entry_time`` for a day or an
            hour that does not exist.
    """
    found = _one().fullmatch(data)
    if found is None:
        raise IntegrityError("log.entry")
    scanned: Scanned = found.groups(b"")  # type: ignore[assignment]  # six groups, by the pattern
    _, _, _, kind, subjects, when = scanned
    if kind not in _KNOWN:
        raise IntegrityError("log.entry_kind")
    if len(subjects) > 24 and not _are_in_order(subjects):
        raise IntegrityError("log.entry_subjects")
    if not _is_hour(when[:13]):
        raise IntegrityError("log.entry_time")
    return scanned


def scan_entries(packed: bytes) -> list[Scanned]:
    """Check and take apart a whole bundle: ``unpack_entries`` and ``scan_entry`` in one, and quicker.

    Checks besides that no entry is older than the one above it.

    Args:
        packed: from ``pack_entries``.

    Raises:
        IntegrityError: ``log.packed_entries`` where the bundle itself is
            broken; the codes of ``scan_entry``, or ``log.time_back``, with the
            entry's ``place`` in the bundle, from 0.
    """
    if len(packed) < _FEW:
        return _scan_singly(unpack_entries(packed))
    rows: list[Scanned] = _packed().findall(packed)
    times = [row[5] for row in rows]
    if (
        _are_packed(rows, packed)
        and {row[3] for row in rows} <= _KNOWN
        and (times[0] == times[-1] == max(times) == min(times) or times == sorted(times))
        and _are_hours(times)
        and all([_are_in_order(row[4]) for row in rows if len(row[4]) > 24])
    ):
        return rows
    return _scan_singly(unpack_entries(packed))


def _are_packed(rows: list[Scanned], packed: bytes) -> bool:
    """Whether these entries, each behind its length, are all that there is."""
    if not rows:
        return False
    size = len(rows[0][0])
    if {len(row[0]) for row in rows} == {size}:
        # Of one length, as accesses of one kind are: then the lengths stand at even steps.
        step, count = size + 2, len(rows)
        return (
            len(packed) == step * count
            and packed[::step] == bytes((size >> 8,)) * count
            and packed[1::step] == bytes((size & 255,)) * count
        )
    return [row[0] for row in rows] == unpack_entries(packed)


def _scan_singly(entries: list[bytes]) -> list[Scanned]:
    """Go through a bundle entry by entry: quicker for a few, and names the first bad one."""
    rows: list[Scanned] = []
    for place, entry in enumerate(entries):
        try:
            row = scan_entry(entry)
        except IntegrityError as error:
            raise IntegrityError(error.code, place=place) from None
        if rows and row[5] < rows[-1][5]:
            raise IntegrityError("log.time_back", place=place)
        rows.append(row)
    return rows


@lru_cache(maxsize=64)
def _seconds_of(text: bytes) -> int:
    return int(datetime.fromisoformat(text.decode("ascii")).replace(tzinfo=UTC).timestamp())


def parse_entry(data: bytes) -> Entry:
    """Read one entry.

    Accepts exactly what ``entry_bytes`` writes, and the kinds that are retired.

    Args:
        data: one entry.

    Raises:
        IntegrityError: as ``scan_entry``.
    """
    _, binding, committed, kind, subjects, when = scan_entry(data)
    return Entry(
        kind=kind.decode("ascii"),
        time_us=_seconds_of(when[:19]) * 1_000_000 + int(when[20:26]),
        commitment=a2b_base64(committed),
        actor_tag=a2b_base64(data[6:30]),
        subject_tags=tuple([a2b_base64(one) for one in subjects.split(b'","')]) if subjects else (),
        binding=a2b_base64(binding) if binding else None,
    )


# --- packing ---------------------------------------------------------------


def pack_entries(entries: Collection[bytes]) -> bytes:
    """Entries as one byte string: a uint16 length before each (c2sp.org/tlog-tiles, entry bundle).

    Args:
        entries: 1 to 4,096 bytes each.

    Raises:
        LogError: ``log.entry_size`` for an entry that is empty or too long.
    """
    if not all(0 < len(entry) <= MAX_ENTRY for entry in entries):
        raise LogError("log.entry_size", limit=MAX_ENTRY)
    return b"".join([piece for entry in entries for piece in (len(entry).to_bytes(2, "big"), entry)])


def unpack_entries(packed: bytes) -> list[bytes]:
    """The entries of a bundle, in order.

    Args:
        packed: from ``pack_entries``.

    Raises:
        IntegrityError: ``log.packed_entries`` where a length leads past the
            end, is 0 or is above 4,096.
    """
    entries: list[bytes] = []
    add, place, end = entries.append, 0, len(packed)
    try:
        while place < end:
            start = place + 2
            place = start + (packed[place] << 8 | packed[place + 1])
            add(packed[start:place])
    except IndexError:
        raise IntegrityError("log.packed_entries") from None
    if place != end or not all(entries) or (entries and len(max(entries, key=len)) > MAX_ENTRY):
        raise IntegrityError("log.packed_entries")
    return entries
