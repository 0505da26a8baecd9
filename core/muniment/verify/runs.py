"""Many batches of the log at once: whether all of them are as they were written, and nothing more.

Going through batches one by one costs as much again as hashing them. So a run of
them is checked in bulk, each thing for all batches before the next thing; where
anything is wrong or only unusual, ``scan_run`` says no more than that, and
``EntryCheck`` goes through the same batches one by one and names what it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Final, NamedTuple

import attrs

from muniment.errors import IntegrityError
from muniment.log.checkpoint import batch_macs
from muniment.log.detail import scan_rows
from muniment.log.entry import Scanned, scan_entries
from muniment.log.kinds import KINDS
from muniment.log.tree import EMPTY, Frontier, leaf_hashes
from muniment.model import rfc3339
from muniment.store import LogBatch, LogDetail

__all__ = ["FRONTIER_EVERY", "RULES", "Walk", "readable", "runs", "scan_run"]

RULES: Final = {name.encode("ascii"): kind.rule for name, kind in KINDS.items()}
"""Under which retention rule of the log the details of each kind lie."""

FRONTIER_EVERY: Final = 256
"""Entries after which a batch carries the frontier."""

_UNREADABLE: Final = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError, struct.error)
"""What cells of a wrong type raise, which only somebody who edits the file's pages can make."""

_ENTRIES: Final = 256


@contextmanager
def readable(where: str, at: Callable[[], int | None]) -> Iterator[None]:
    """Cells of a wrong type are no crash: what they are in is named.

    Raises:
        IntegrityError: ``integrity.row``.
    """
    try:
        yield
    except _UNREADABLE:
        raise IntegrityError("integrity.row", where=where, index=at()) from None


@attrs.define
class Walk:
    """Where a verification of one generation stands.

    Attributes:
        frontier: of all entries so far.
        root: the same.
        time: of the last entry, as it stands there.
    """

    frontier: Frontier = attrs.field(factory=Frontier)
    root: bytes = EMPTY
    time: bytes = b""


def runs(batches: Iterable[LogBatch]) -> Iterator[list[LogBatch]]:
    """Batches that are worth checking at once; one that carries a frontier is the last of its run."""
    run: list[LogBatch] = []
    count = 0
    for batch in batches:
        run.append(batch)
        count += 1 if len(batch.entries) < 1024 else _ENTRIES
        if batch.frontier is not None or count >= _ENTRIES:
            yield run
            run, count = [], 0
    if run:
        yield run


def scan_run(
    run: Sequence[LogBatch], details: Sequence[LogDetail], walk: Walk, origin: str, mac_key: bytes | None
) -> list[Scanned] | None:
    """All entries of a run, if everything about its batches and their details is as it must be.

    Args:
        run: the batches that follow where the walk stands.
        details: their rows.
        walk: moved behind the run, if all is well.
        origin: the log's name.
        mac_key: to check the macs with, if it is there.

    Returns:
        The entries, or None where the batches have to be looked at one by one.
    """
    try:
        batches = _Columns(*zip(*run, strict=True))
        scanned = _scan(batches, walk)
        if scanned is None or not _are_details(batches, details, scanned):
            return None
        if mac_key is not None and batch_macs(
            mac_key, origin, batches.first_seq, batches.n, batches.root
        ) != list(batches.mac):
            return None
        frontier = _grown(batches, walk.frontier, leaf_hashes([entry[0] for entry in scanned]))
    except (IntegrityError, *_UNREADABLE):
        return None
    if frontier is None:
        return None
    walk.frontier, walk.root, walk.time = frontier, batches.root[-1], scanned[-1][5]
    return scanned


class _Columns(NamedTuple):
    """The batches of a run turned on their side: what holds for all of them is then one comparison."""

    shard: tuple[int, ...]
    gen: tuple[int, ...]
    first_seq: tuple[int, ...]
    n: tuple[int, ...]
    prev_root: tuple[bytes, ...]
    root: tuple[bytes, ...]
    frontier: tuple[bytes | None, ...]
    entries: tuple[bytes, ...]
    mac: tuple[bytes, ...]
    created_us: tuple[int, ...]


def _scan(batches: _Columns, walk: Walk) -> list[Scanned] | None:
    """The entries, if they are as many as the batches say, in order of place and time."""
    counts, at = batches.n, walk.frontier.size
    *firsts, end = accumulate(counts, initial=at)
    if min(counts) < 1 or list(batches.first_seq) != firsts:
        return None
    if batches.prev_root != (walk.root, *batches.root[:-1]):
        return None
    scanned = scan_entries(b"".join(batches.entries))
    if len(scanned) != end - at or scanned[0][5] < walk.time:
        return None
    lengths = [len(entry[0]) + 2 for entry in scanned]
    times = [entry[5] for entry in scanned]
    if len(scanned) > len(counts):
        ends = [first - at for first in (*firsts[1:], end)]
        sums = list(accumulate(lengths, initial=0))
        lengths = [sums[stop] - sums[stop - n] for stop, n in zip(ends, counts, strict=True)]
        times = [times[stop - 1] for stop in ends]
    if lengths != list(map(len, batches.entries)):
        return None
    return scanned if times == _times(batches.created_us) else None


def _times(moments: Sequence[int]) -> list[bytes]:
    """``rfc3339`` of many."""
    if moments[0] == moments[-1] == min(moments) == max(moments):
        return [rfc3339(moments[0]).encode("ascii")] * len(moments)
    return [rfc3339(moment).encode("ascii") for moment in moments]


def _are_details(batches: _Columns, details: Sequence[LogDetail], scanned: Sequence[Scanned]) -> bool:
    """Whether one row opens each batch, as nearly always, and opens what its entries commit to."""
    if not details:
        return False
    _, _, firsts, rules, packed = zip(*details, strict=True)
    if firsts != batches.first_seq:
        return False
    places, committed = scan_rows(packed)
    if committed != [entry[2] for entry in scanned]:
        return False
    # Most commits of a quiet archive are of one entry.
    single = len(scanned) == len(firsts)
    if any(places) if single else places != [place for n in batches.n for place in range(n)]:
        return False
    kinds = [entry[3] for entry in scanned]
    if len(set(kinds)) == 1:
        return set(rules) == {RULES[kinds[0]]}
    each = rules if single else [rule for rule, n in zip(rules, batches.n, strict=True) for _ in range(n)]
    return list(each) == [RULES[kind] for kind in kinds]


def _grown(batches: _Columns, before: Frontier, leaves: Sequence[bytes]) -> Frontier | None:
    """The frontier behind the run, if each batch has the root and frontier that follow."""
    frontier = before.copy()
    if len(leaves) == len(batches.n):
        roots = frontier.append_each(leaves)
    else:
        roots, place = [], 0
        for n in batches.n:
            frontier.extend(leaves[place : place + n])
            roots.append(frontier.root())
            place += n
    if tuple(roots) != batches.root:
        return None
    for first, n, kept in zip(batches.first_seq, batches.n, batches.frontier, strict=True):
        if ((first + n) // FRONTIER_EVERY > first // FRONTIER_EVERY) != (kept is not None):
            return None
    last = batches.frontier[-1]
    return frontier if last is None or last == frontier.to_bytes() else None
