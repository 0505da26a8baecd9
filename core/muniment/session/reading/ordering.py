"""The order of a list: by clear fields, and where they are equal by creation; pages go on behind a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.policy import View
from muniment.schema import RecordType
from muniment.schema.listviews import MOST_ORDERS, parse_order
from muniment.session.reading.cursor import decode_cursor, encode_cursor
from muniment.store import Current

if TYPE_CHECKING:
    from muniment.session.kernel.engine import Engine

__all__ = [
    "Order",
    "Place",
    "cursor_of",
    "in_order",
    "order_of",
    "place_of",
    "ranked_by",
    "sort_values",
]

Order = tuple[tuple[int, bool], ...]
"""Numbers of clear fields, each with whether its largest values come first."""

Place = tuple[Sequence[object], bytes]
"""Where a page ended: what the last row has in the fields that are sorted by, and its record."""


def order_of(record_type: RecordType, view: View, order_by: str, descending: bool) -> Order:
    """The order that is asked for, by fields that the actor may sort by.

    Raises:
        NotFound: ``schema.unknown_field``.
        AccessDenied: ``access.field``.
        UsageError: ``index.sealed_order``, or ``view.orders`` for more fields than a list is sorted by.
    """
    found = []
    for key, down in parse_order(order_by):
        field = record_type.field(key)
        if field is None or field.key not in view.readable:
            raise NotFound("schema.unknown_field", where=record_type.key, name=key)
        if field.key not in view.clear:
            raise AccessDenied("access.field", where=record_type.key, action="sort", names=field.key)
        if not field.in_clear:
            raise UsageError("index.sealed_order", where=field.key)
        found.append((field.number, down is not descending))
    if len(found) > MOST_ORDERS:
        raise UsageError("view.orders", where=record_type.key, most=MOST_ORDERS)
    return tuple(found)


def sort_values(row: Current, order: Order) -> list[object]:
    """What a row has in the fields of an order."""
    held = json.loads(row.clear) if order else {}
    return [held.get(str(number)) for number, _ in order]


def cursor_of(engine: Engine, type: int, order: Order, descending: bool, place: Place) -> str:
    """A cursor behind a row, for lists of one type in one order.

    Args:
        engine: the opened archive.
        type: number of the record type.
        order: by which they are sorted.
        descending: whether of equal ones the newest come first.
        place: of the row.
    """
    values, record = place
    return encode_cursor(engine, _list_of(type, order, descending), list(values), record)


def place_of(engine: Engine, type: int, order: Order, descending: bool, cursor: str) -> Place:
    """The place that a cursor names.

    Raises:
        UsageError: ``usage.cursor``, also for one of another type or order.
    """
    values, record = decode_cursor(engine, _list_of(type, order, descending), cursor)
    if not isinstance(values, list) or len(values) != len(order):
        raise UsageError("usage.cursor")
    return values, record


def _list_of(type: int, order: Order, descending: bool) -> str:
    fields = "".join(f"/{'-' if down else ''}{number}" for number, down in order)
    return f"records/{type}/{int(descending)}{fields}"


def in_order(rows: Iterable[Current], order: Order, descending: bool, after: Place | None) -> list[Current]:
    """Rows from behind a place on, as a store would list them.

    Args:
        rows: in the order of their records; the largest first where ``descending``.
        order: by which they are sorted.
        descending: whether of equal ones the newest come first.
        after: the place; None for the beginning.
    """
    ranked = [([*map(_rank, sort_values(row, order)), row.record], row) for row in rows]
    ways = [*(down for _, down in order), descending]
    # What counts least comes first: a sort leaves those in their order that are equal.
    for at, down in reversed(list(enumerate(ways[:-1]))):
        _sort(ranked, at, down)
    if after is None:
        return [row for _, row in ranked]
    last = [*map(_rank, after[0]), after[1]]
    return [row for place, row in ranked if _is_beyond(place, last, ways)]


def ranked_by(order: Order, descending: bool) -> Callable[[Current], Any]:
    """What rows compare by that a store lists in this order; see ``in_order``."""
    ways = [*(down for _, down in order), descending]

    def compared(one: list[Any], other: list[Any]) -> int:
        return int(_is_beyond(one, other, ways)) - int(_is_beyond(other, one, ways))

    rank = cmp_to_key(compared)
    return lambda row: rank([*map(_rank, sort_values(row, order)), row.record])


def _sort(ranked: list[tuple[list[Any], Current]], at: int, down: bool) -> None:
    ranked.sort(key=lambda one: one[0][at], reverse=down)


def _is_beyond(one: Sequence[Any], other: Sequence[Any], ways: Sequence[bool]) -> bool:
    for mine, its, down in zip(one, other, ways, strict=True):
        if mine != its:
            return bool(mine < its) if down else bool(mine > its)
    return False


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers before texts, as the store sorts them; no value sorts as the empty text; zero is a number."""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return 1, 0.0, "" if value is None else str(value)
