"""The whole verification: the log, what its entries bind, every record, every checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import attrs

from muniment.errors import IntegrityError
from muniment.log.checkpoint import VerifierKey
from muniment.store import Reader
from muniment.verify.entries import EntryCheck, check_span
from muniment.verify.generations import Lost, lost_ranges
from muniment.verify.records import RecordCheck
from muniment.verify.runs import readable
from muniment.verify.signed import expected_roots
from muniment.verify.spans import Opener, Task, ask, spans_of, worth_sharing

__all__ = ["Checked", "Progress", "Reading", "Report", "Secrets", "check"]

Progress = Callable[[int, int], None]
"""Told how many of how many entries are done."""

SHARD = 0


class Reading(Reader, Protocol):
    """What a verifier reads; a store's snapshot is one."""


@attrs.frozen
class Secrets:
    """What only the key store's holder can check with.

    Attributes:
        mac_key: of the log's batches, 32 bytes.
        signed: by origin the size and root that the key store signed last: they find a cut
            tail, and a log put back from an older copy.
    """

    mac_key: bytes = attrs.field(repr=False)
    signed: Mapping[str, tuple[int, bytes]] = attrs.field(factory=dict)


@attrs.frozen
class Checked:
    """One generation of the log that was found sound.

    Attributes:
        generation: its number.
        origin: its name.
        size: entries in it.
        root: hex of its root.
    """

    generation: int
    origin: str
    size: int
    root: str


@attrs.frozen
class Report:
    """What was checked and found sound.

    Attributes:
        size: entries in the newest generation.
        root: hex of its root.
        origin: its name.
        generations: all of them, oldest first.
        entries: checked in all generations.
        versions: of records.
        parts: sealed parts hashed.
        gaps: parts that were disposed of under an entry.
        unfinished: gaps of erasures that were begun and not done.
        checkpoints: signatures verified.
        signed_size: what the newest signed checkpoint covers.
        trusted_size: what a checkpoint kept elsewhere covers; 0 where none was given.
        with_keys: whether macs were checked too.
        lost: entries that a restore gave up, each generation's range as its successor states it.
        workers: how many processes went through the log.
        disposed: entries whose details the log's retention disposed of.
        disposed_first: index of the first of them; None for none.
        disposed_last: index of the last.
        seconds: how long it took.
    """

    size: int
    root: str
    origin: str
    generations: tuple[Checked, ...]
    entries: int
    versions: int
    parts: int
    gaps: int
    unfinished: int
    checkpoints: int
    signed_size: int
    trusted_size: int
    with_keys: bool
    lost: tuple[Lost, ...]
    workers: int
    disposed: int
    disposed_first: int | None
    disposed_last: int | None
    seconds: float


def check(
    reader: Reading,
    *,
    archive: bytes,
    origin_base: str,
    key: VerifierKey | None,
    trusted: Sequence[str] = (),
    secrets: Secrets | None = None,
    files: Path | None = None,
    progress: Progress | None = None,
    opener: Opener | None = None,
    workers: int = 1,
) -> Report:
    """Check everything that was ever written.

    A long log is checked in stretches by several processes where ``workers`` says so. They are started
    anew (``spawn``), so a script that asks for it must guard what it does with ``__name__``.

    Args:
        reader: sees one state of the store.
        archive: the archive's identifier, 16 bytes.
        origin_base: the log's origin without shard and generation.
        key: the log's verifier key; None where nobody has one, and then signatures prove nothing.
        trusted: checkpoints kept elsewhere, as signed notes: they find a cut tail.
        secrets: checks the macs of the batches as well.
        files: the folder of attached files.
        progress: told about progress.
        opener: opens another reader of the same store in another process.
        workers: how many processes to use for a long log; needs ``opener``.

    Raises:
        IntegrityError: the first thing found that is not what was written, with the entry's index.
    """
    began = time.perf_counter()
    faults = reader.schema_faults()
    if faults:
        raise IntegrityError("integrity.schema", names=", ".join(faults))
    generations = reader.generations(SHARD)
    with readable(origin_base, lambda: 0):
        lost = lost_ranges(reader, SHARD, generations, origin_base, key)
    signed = expected_roots(
        reader, SHARD, generations, origin_base, key, trusted, secrets.signed if secrets else {}, lost
    )
    mac_key = secrets.mac_key if secrets else None
    entries = EntryCheck(reader, SHARD, origin_base, mac_key, signed, progress)
    shared = workers > 1 and opener is not None and worth_sharing(reader, SHARD)
    if shared and opener is not None:
        _share(entries, reader, Task(opener, SHARD, origin_base, mac_key, signed), workers, progress)
    for gen in () if shared else generations:
        with readable(f"{origin_base}/{SHARD}.{gen}", lambda: entries.at):
            entries.check_generation(gen)
    entries.finish()
    records = RecordCheck(reader, SHARD, archive, files, entries.bound, entries.expired)
    with readable("record_version", lambda: records.at):
        records.check()
    for table, index in reader.strays(SHARD + 1):
        raise IntegrityError("integrity.stray_row", name=table, index=index)
    return Report(
        entries.size,
        entries.root.hex(),
        f"{origin_base}/{SHARD}.{generations[-1] if generations else 0}",
        tuple(
            Checked(gen, f"{origin_base}/{SHARD}.{gen}", size, root.hex())
            for gen, (size, root) in sorted(entries.ended.items())
        ),
        entries.count,
        records.versions,
        records.parts,
        records.gaps,
        records.unfinished,
        signed.verified,
        signed.size,
        signed.trusted_size,
        secrets is not None,
        tuple(lost[origin] for origin in sorted(lost)),
        workers if shared else 1,
        entries.disposed.count,
        entries.disposed.first,
        entries.disposed.last,
        time.perf_counter() - began,
    )


def _share(entries: EntryCheck, reader: Reader, task: Task, workers: int, progress: Progress | None) -> None:
    """Have several processes check the log of one generation."""
    # Only here: nothing else starts processes, and this takes a while to import.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    head = reader.head(SHARD)
    assert head is not None
    size, done = head.first_seq + head.n, 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, size)

    spans = spans_of(reader, SHARD, head.gen, size)
    with ProcessPoolExecutor(min(workers, len(spans)), mp_context=get_context("spawn")) as pool:
        entries.take(head.gen, ask(pool, task, check_span, spans, told))
