"""Pieces of lists of what the framework keeps: holds, requests, alerts, certificates and their like.

Such a list is short beside the records, but grows for ever. A piece begins behind a place, not after a count,
so that what comes or goes meanwhile shifts nothing; and only the entries of that piece are released. Where
each entry is a record, the store finds the place, and nothing before or behind the piece is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from muniment.errors import UsageError
from muniment.session.reading.cursor import opened_place, sealed_place
from muniment.session.reading.ordering import Order, ranked_by, sort_values
from muniment.store import Current, ListQuery, Transaction

if TYPE_CHECKING:
    from muniment.session.kernel.engine import Engine

__all__ = ["Kept", "Known", "Piece", "how_many", "piece_of", "stored_piece"]

_One = TypeVar("_One")

_SHARD: Final = 0
_MOST: Final = 500
"""So many rows are fetched at once where few of them are wanted."""


class Piece(list[_One]):
    """A list, or a piece of one.

    Attributes:
        after: asks for the next piece; None behind the last.
    """

    after: str | None = None


def piece_of(
    engine: Engine,
    name: str,
    found: Iterable[_One],
    place: Callable[[_One], tuple[str | int, ...]],
    *,
    limit: int | None = None,
    after: str | None = None,
    descending: bool = False,
) -> Piece[_One]:
    """The piece of a list that was asked for, in order.

    Args:
        engine: the opened archive.
        name: of the list; a cursor of another one is refused.
        found: all of the list.
        place: where one stands, the same for no two.
        limit: so many at the most; by default all.
        after: what the piece before gave.
        descending: the last ones first.

    Raises:
        UsageError: ``usage.cursor``.
    """
    ranked: Iterable[_One] = sorted(found, key=place, reverse=descending)
    purpose = f"piece/{name}".encode()
    if after is not None:
        start = tuple(opened_place(engine, purpose, after))
        ranked = (one for one in ranked if (place(one) < start if descending else place(one) > start))
    piece = Piece(ranked if limit is None else islice(ranked, limit + 1))
    if limit is not None and len(piece) > limit:
        del piece[limit:]
        piece.after = sealed_place(engine, purpose, place(piece[-1]))
    return piece


@attrs.frozen
class Kept:
    """A list whose entries are records of one type.

    Attributes:
        name: of the list; a cursor of another one is refused.
        type: number of the record type.
        among: the parts of the list, one after the other: each by clear fields, by number, and what a record
            of that part has in them. No record is in two.
        mixed: whether the parts stand in one order, as if they were one.
        order: the clear fields that a part is sorted by; rows that are equal in them, and all where there
            are none, stand in the order of creation.
        descending: of creation the newest first.
    """

    name: str
    type: int
    among: Sequence[Sequence[tuple[int, object]]] = ((),)
    order: Order = ()
    descending: bool = False
    mixed: bool = False


def stored_piece(
    engine: Engine,
    tx: Transaction,
    kept: Kept,
    shown: Callable[[Current], _One | None],
    *,
    limit: int | None = None,
    after: str | None = None,
) -> Piece[_One]:
    """The piece of a list that was asked for, found by the store.

    Args:
        engine: the opened archive.
        tx: a transaction that may write, since a list that has grown long gets an index.
        kept: the list.
        shown: what stands in the list for a row; None where the row is not there for whoever asks.
        limit: so many at the most; by default all.
        after: what the piece before gave.

    Raises:
        UsageError: ``usage.cursor``.
    """
    purpose = f"piece/{kept.name}".encode()
    place = None if after is None else _place(kept, opened_place(engine, purpose, after))
    piece: Piece[_One] = Piece()
    last: list[object] = []
    for part, row in _rows(tx, kept, place, _MOST if limit is None else min(limit + 1, _MOST)):
        one = shown(row)
        if one is None:
            continue
        if len(piece) == limit:
            piece.after = sealed_place(engine, purpose, last)
            break
        piece.append(one)
        last = [part, sort_values(row, kept.order), row.record.hex()]
    return piece


Known = dict[tuple[bytes, int], bool]
"""Whether each of some rows, by record and version, was there for somebody."""


def how_many(tx: Transaction, kept: Kept, there: Callable[[Current], bool], known: Known) -> int:
    """How many rows of a list are there for whoever asks; a number alone, by which nothing is released.

    Args:
        tx: a transaction.
        kept: the list.
        there: whether a row is there for them, which may take opening it.
        known: what was found before, which is not asked again; what is found now is added.
    """
    found = 0
    for equals in kept.among:
        query = ListQuery(kept.type, equals, limit=_MOST)
        while rows := tx.list_current(_SHARD, query):
            for row in rows:
                name = row.record, row.version
                if name not in known:
                    known[name] = there(row)
                found += known[name]
            if len(rows) < query.limit:
                break
            query = attrs.evolve(query, after=((), rows[-1].record))
    return found


_Place = tuple[int, tuple[Sequence[object], bytes] | None]


def _place(kept: Kept, found: object) -> _Place:
    """Where a piece begins: in which part of the list, and behind which row of it."""
    match found:
        case [int(part), [*values], str(record)] if part < len(kept.among) and len(values) == len(kept.order):
            return part, (values, bytes.fromhex(record))
    raise UsageError("usage.cursor")


def _rows(tx: Transaction, kept: Kept, place: _Place | None, first: int) -> Iterator[tuple[int, Current]]:
    start, after = place or (0, None)
    if kept.mixed:
        parts = [_part(tx, kept, equals, after, first) for equals in kept.among]
        rank = ranked_by(kept.order, kept.descending)
        yield from ((0, row) for row in merge(*parts, key=rank))
        return
    for part, equals in enumerate(kept.among[start:], start):
        yield from ((part, row) for row in _part(tx, kept, equals, after, first))
        after = None


def _part(
    tx: Transaction,
    kept: Kept,
    equals: Sequence[tuple[int, object]],
    after: tuple[Sequence[object], bytes] | None,
    first: int,
) -> Iterator[Current]:
    """The rows of one part of a list, from behind a place on."""
    query = ListQuery(kept.type, equals, kept.order, kept.descending, after, first)
    tx.ready_listing(_SHARD, query, together=True)
    while rows := tx.list_current(_SHARD, query):
        yield from rows
        if len(rows) < query.limit:
            break
        behind = sort_values(rows[-1], kept.order), rows[-1].record
        query = attrs.evolve(query, after=behind, limit=_MOST)
