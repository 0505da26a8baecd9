"""What stands in the log of an archive under test, read without the archive's own paths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from muniment.archive import Archive
from muniment.log.detail import Opening, unpack_details
from muniment.log.entry import Entry, parse_entry, unpack_entries
from muniment.store import Reader

__all__ = ["LoggedEntry", "assert_logged", "log_entries", "log_size"]

_SHARD = 0


@attrs.frozen
class LoggedEntry:
    """One entry with its detail.

    Attributes:
        index: its place in the log, from 0.
        kind: out of the closed list.
        entry: what the log itself says.
        detail: what an auditor reads, without ``records``' hashes being opened; empty where the log's
            retention disposed of it.
        lines: one for each record that it names: ``id``, ``version``, ``previous``, ``set``.
    """

    index: int
    kind: str
    entry: Entry
    detail: Mapping[str, Any]
    lines: tuple[Mapping[str, Any], ...]


def log_entries(archive: Archive, *, start: int = 0) -> list[LoggedEntry]:
    """The entries of the newest generation from an index on, each with its detail.

    Args:
        archive: opened; nothing is written by looking.
        start: the first index.
    """
    with archive.log.reader() as reader:
        return list(_entries(reader, start))


def _entries(reader: Reader, start: int) -> Iterator[LoggedEntry]:
    gens = reader.generations(_SHARD)
    if not gens:
        return
    openings: dict[int, Opening] = {}
    for row in reader.details(_SHARD, gens[-1], start=start):
        for opening in unpack_details(row.details):
            openings[row.first_seq + opening.place] = opening
    for batch in reader.batches(_SHARD, gens[-1], start=start):
        for index, data in enumerate(unpack_entries(batch.entries), start=batch.first_seq):
            if index >= start:
                entry = parse_entry(data)
                found = openings.get(index)
                if found is None:
                    yield LoggedEntry(index, entry.kind, entry, {}, ())
                    continue
                lines = tuple(json.loads(line) for _, line in found.lines)
                yield LoggedEntry(index, entry.kind, entry, json.loads(found.detail), lines)


def log_size(archive: Archive) -> int:
    """How many entries the newest generation of the log has.

    Args:
        archive: opened; nothing is written by looking.
    """
    head = archive.store.head(_SHARD)
    return 0 if head is None else head.first_seq + head.n


@contextmanager
def assert_logged(
    archive: Archive, kind: str, *, outcome: str = "ok", entries: int = 1, **members: object
) -> Iterator[list[LoggedEntry]]:
    """Assert that the block writes exactly one entry of a kind, with this outcome and these members.

    Entries of other kinds may be written too.

    Args:
        archive: opened.
        kind: such as ``record.read``.
        outcome: ``ok``, ``denied`` or ``failed``.
        entries: how many entries of the kind, where it is not one.
        members: what the detail must say; of a member that is an object (as
            ``actor`` or ``target``) the given keys are compared.

    Yields:
        A list that holds the new entries of the kind once the block has ended.

    Raises:
        AssertionError: says what was written instead.
    """
    start = log_size(archive)
    found: list[LoggedEntry] = []
    yield found
    new = log_entries(archive, start=start)
    found.extend(one for one in new if one.kind == kind)
    written = [one.kind for one in new]
    if len(found) != entries:
        raise AssertionError(f"{len(found)} entries of kind {kind}, not {entries}; the block wrote {written}")
    for one in found:
        for name, expected in {"outcome": outcome, **members}.items():
            actual = one.detail.get(name)
            if not _agrees(actual, expected):
                raise AssertionError(f"entry {one.index} ({kind}): {name} is {actual!r}, not {expected!r}")


def _agrees(actual: object, expected: object) -> bool:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return all(_agrees(actual.get(name), value) for name, value in expected.items())
    return actual == expected
