"""Pieces of lists that are put together in memory: holds, requests, certificates and their like.

Such a list is short beside the records, but grows for ever. A piece begins behind a place, not after a count,
so that what comes or goes meanwhile shifts nothing; and only the entries of that piece are released.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from muniment.session.reading.cursor import opened_place, sealed_place

if TYPE_CHECKING:
    from muniment.session.kernel.engine import Engine

__all__ = ["Piece", "piece_of"]

_One = TypeVar("_One")


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
