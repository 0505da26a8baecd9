"""Generations of the log: a restore that gave entries up ends one and begins the next.

An earlier generation is as much evidence as the newest: its entries are read,
proven and taken away like any others. What does not name one means the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import attrs

from muniment import audit
from muniment.errors import NotFound, UsageError
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.store import Checkpoint, Reader

__all__ = [
    "ALL",
    "Asked",
    "Place",
    "Span",
    "chosen",
    "generation_of",
    "generations_of",
    "parse_place",
    "place_at",
    "signed_end",
]

ALL: Final = "all"

_INDEX_BITS: Final = 40
_LONGEST: Final = 30

Asked = int | Literal["all"] | None
"""A generation by number, all of them, or the newest."""


@attrs.frozen(order=True)
class Place:
    """Where an entry stands: its generation and its index in it."""

    generation: int
    index: int

    def __str__(self) -> str:
        return f"{self.generation}:{self.index}"

    @property
    def ordinal(self) -> int:
        """A number in the order of time over all generations, for what counts entries with one number."""
        return self.generation << _INDEX_BITS | self.index


def place_at(ordinal: int) -> Place:
    """The place with this ordinal."""
    return Place(ordinal >> _INDEX_BITS, ordinal & (1 << _INDEX_BITS) - 1)


class Span(NamedTuple):
    """One generation and how many entries it has."""

    generation: int
    size: int


def parse_place(text: str) -> tuple[int | None, int]:
    """An entry as people write it: ``17`` in the newest generation, ``0:17`` in the first.

    Raises:
        UsageError: ``log.place``.
    """
    generation, colon, index = text.rpartition(":")
    if len(text) > _LONGEST or not (
        index.isascii() and index.isdigit() and (not colon or (generation.isascii() and generation.isdigit()))
    ):
        raise UsageError("log.place")
    return (int(generation) if colon else None), int(index)


def generation_of(reader: Reader, asked: int | None) -> int:
    """The generation that is meant.

    Raises:
        NotFound: ``log.no_generation`` where there is none of this number.
    """
    there = reader.generations(SHARD)
    if asked is None:
        return there[-1] if there else 0
    if asked not in there:
        raise NotFound("log.no_generation", name=str(asked), known=", ".join(map(str, there)))
    return asked


def chosen(reader: Reader, moment: Moment, asked: Asked) -> list[Span]:
    """The generations that are meant, the newest first.

    Args:
        reader: sees the log.
        moment: where the newest generation stands.
        asked: which.

    Raises:
        NotFound: ``log.no_generation``.
    """
    if asked == ALL:
        wanted: Sequence[int] = sorted({*reader.generations(SHARD), moment.gen}, reverse=True)
    else:
        wanted = (moment.gen if asked is None else generation_of(reader, asked),)
    return [
        Span(gen, moment.size if gen == moment.gen else audit.size_of(reader, SHARD, gen)) for gen in wanted
    ]


def generations_of(engine: Engine, acting: Acting) -> tuple[Span, ...]:
    """The generations of the log, oldest first, with their sizes.

    Raises:
        AccessDenied: ``access.action``; logged.
    """
    with engine.guarded(acting, "log.read"):
        engine.policy.require(acting.actor, "log.read")
    with engine.store.snapshot() as reader:
        there = reader.generations(SHARD)
        return tuple(Span(gen, audit.size_of(reader, SHARD, gen)) for gen in there)


def signed_end(engine: Engine, asked: int | None) -> Checkpoint:
    """The checkpoint that vouches for a generation: of the newest the log as it stands, signed now.

    Raises:
        NotFound: ``log.no_generation``, or ``log.uncovered`` where nothing signed covers it.
    """
    signed = engine.logbook.sign(engine.store)
    with engine.store.snapshot() as reader:
        gen = generation_of(reader, asked)
        if signed is None or signed.gen != gen:
            signed = reader.last_checkpoint(SHARD, gen)
    if signed is None:
        raise NotFound("log.uncovered", name=str(gen))
    return signed
