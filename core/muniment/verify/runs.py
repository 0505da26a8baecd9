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
from typing import Final

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
        scanned = _scan(run, walk)
        if scanned is None or not _are_details(run, details, scanned):
            return None
        firsts, counts = [batch.first_seq for batch in run], [batch.n for batch in run]
        roots = [batch.root for batch in run]
        if mac_key is not None and batch_macs(mac_key, origin, firsts, counts, roots) != [
            batch.mac for batch in run
        ]:
            return None
        frontier = _grown(run, walk.frontier, leaf_hashes([entry[0] for entry in scanned]))
    except (IntegrityError, *_UNREADABLE):
        return None
    if frontier is None:
        return None
    walk.frontier, walk.root, walk.time = frontier, roots[-1], scanned[-1][5]
    return scanned


def _scan(run: Sequence[LogBatch], walk: Walk) -> list[Scanned] | None:
    """The entries, if they are as many as the batches say, in order of place and time."""
    at = walk.frontier.size
    before = walk.root
    for batch in run:
        if batch.first_seq != at or batch.prev_root != before or batch.n < 1:
            return None
        at += batch.n
        before = batch.root
    scanned = scan_entries(b"".join([batch.entries for batch in run]))
    if len(scanned) != at - walk.frontier.size or scanned[0][5] < walk.time:
        return None
    place = 0
    for batch in run:
        end = place + batch.n
        if sum([len(entry[0]) + 2 for entry in scanned[place:end]]) != len(batch.entries):
            return None
        if scanned[end - 1][5] != rfc3339(batch.created_us).encode("ascii"):
            return None
        place = end
    return scanned


def _are_details(run: Sequence[LogBatch], details: Sequence[LogDetail], scanned: Sequence[Scanned]) -> bool:
    """Whether one row opens each batch, as nearly always, and opens what its entries commit to."""
    if [row.first_seq for row in details] != [batch.first_seq for batch in run]:
        return False
    places, committed = scan_rows([row.details for row in details])
    if committed != [entry[2] for entry in scanned]:
        return False
    if places != [place for batch in run for place in range(batch.n)]:
        return False
    kinds = [entry[3] for entry in scanned]
    if {row.rule for row in details} == {RULES[kind] for kind in set(kinds)} and len(set(kinds)) == 1:
        return True
    rules = [row.rule for row, batch in zip(details, run, strict=True) for _ in range(batch.n)]
    return rules == [RULES[kind] for kind in kinds]


def _grown(run: Sequence[LogBatch], before: Frontier, leaves: Sequence[bytes]) -> Frontier | None:
    """The frontier behind the run, if each batch has the root and frontier that follow."""
    frontier = before.copy()
    if len(leaves) == len(run):
        roots = frontier.append_each(leaves)
    else:
        roots, place = [], 0
        for batch in run:
            frontier.extend(leaves[place : place + batch.n])
            roots.append(frontier.root())
            place += batch.n
    if roots != [batch.root for batch in run]:
        return None
    for batch in run:
        due = (batch.first_seq + batch.n) // FRONTIER_EVERY > batch.first_seq // FRONTIER_EVERY
        if due != (batch.frontier is not None):
            return None
    kept = run[-1].frontier
    return frontier if kept is None or kept == frontier.to_bytes() else None
