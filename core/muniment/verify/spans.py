"""Stretches of one log that several processes verify at once, and how their answers make one.

Only the tree has an order. A batch that carries the frontier after it says all that
the work behind it has to know of what came before, so every stretch begins behind
such a batch; that the frontier it began with is the one that follows from the entries
before is what the stretch before it finds out, back to the first, which begins with
nothing. An answer therefore counts only when all answers before it are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import IntegrityError
from muniment.log.tree import Frontier
from muniment.model import rfc3339
from muniment.store import Reader
from muniment.verify.disposed import Disposals

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from muniment.verify.signed import Signed

__all__ = ["Answer", "Opener", "Span", "Task", "ask", "spans_of", "worth_sharing"]

Opener = Callable[[], AbstractContextManager[Reader]]
"""Opens a reader of the same store in another process, and so can be pickled."""

_LEAST: Final = 150_000
"""Entries of a log below which starting other processes takes longer than it spares."""

_STRETCH: Final = 25_000
"""About so many entries in a stretch: enough to be worth asking, few enough to show how it goes on."""


@attrs.frozen
class Span:
    """A stretch of the entries of one generation, from where its first batch begins.

    Attributes:
        gen: the generation.
        frontier: of the entries before, as the batch before carries it; empty where there are none.
        time: of the entry before, as it stands there.
        start: index of the first entry.
        stop: index behind the last one; None for whatever follows.
    """

    gen: int
    frontier: bytes = b""
    time: bytes = b""
    start: int = 0
    stop: int | None = None

    def holds(self, seq: int) -> bool:
        """Whether what names an entry is for this stretch to look at, be the entry there or not."""
        return (not self.start or seq >= self.start) and (self.stop is None or seq < self.stop)


@attrs.frozen
class Answer:
    """What was found of a stretch: it follows from where it began, and ends here.

    Attributes:
        frontier: behind its last entry.
        count: of entries.
        bound: as ``EntryCheck`` has it.
        expired: likewise.
        disposed: likewise.
    """

    frontier: bytes
    count: int
    bound: dict[tuple[int, int], bytes]
    expired: set[tuple[int, int]]
    disposed: Disposals


@attrs.frozen
class Task:
    """What a process needs to verify stretches of a log."""

    opener: Opener
    shard: int
    origin_base: str
    mac_key: bytes | None = attrs.field(repr=False)
    signed: Signed


def worth_sharing(reader: Reader, shard: int) -> bool:
    """Whether a log is long enough for several processes; only one of a single generation is."""
    head = reader.head(shard)
    return head is not None and head.gen == 0 and head.first_seq + head.n >= _LEAST


def spans_of(reader: Reader, shard: int, gen: int, size: int) -> list[Span]:
    """Stretches of about the same length that together are a generation."""
    spans = [Span(gen)]
    for wanted in range(_STRETCH, size, _STRETCH):
        last = spans[-1]
        if wanted <= last.start:
            continue
        carrying = (one for one in reader.batches(shard, gen, start=wanted) if one.frontier is not None)
        batch = next(carrying, None)
        end = 0 if batch is None else batch.first_seq + batch.n
        if batch is None or batch.frontier is None or not last.start < end < size:
            continue
        spans[-1] = attrs.evolve(last, stop=end)
        time = rfc3339(batch.created_us).encode("ascii")
        spans.append(Span(gen, batch.frontier, time, end))
    return spans


def ask(
    pool: Executor,
    task: Task,
    work: Callable[[Task, Span], Answer],
    spans: Sequence[Span],
    told: Callable[[int], None],
) -> list[Answer]:
    """The answers of all stretches, each fitting on the one before.

    Args:
        pool: of processes.
        task: what they need.
        work: verifies a stretch.
        spans: from ``spans_of``.
        told: how many entries each answer adds.

    Raises:
        IntegrityError: of the first stretch that is not as it was written.
    """
    waiting = [pool.submit(work, task, span) for span in spans]
    answers: list[Answer] = []
    try:
        for future, span in zip(waiting, spans, strict=True):
            if answers and answers[-1].frontier != span.frontier:
                raise IntegrityError("integrity.frontier", where=task.origin_base, index=span.start)
            answers.append(future.result())
            told(answers[-1].count)
    finally:
        for future in waiting:
            future.cancel()
    return answers


def frontier_of(span: Span) -> Frontier:
    """Where a stretch begins in the tree.

    Raises:
        IntegrityError: ``log.frontier``.
    """
    frontier = Frontier.from_bytes(span.frontier) if span.frontier else Frontier()
    if frontier.size != span.start:
        raise IntegrityError("log.frontier")
    return frontier
