"""The current state is listed in order, page by page, and chosen by clear fields."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import permutations

import attrs
import pytest

from muniment.store import Current, ListQuery, RowMatch, Store, Transaction
from muniment.testing.store_contract._rows import a_current, an_id, write

_CLEAR = (
    '{"1":"b"}', '{"1":"a"}', "{}", '{"1":"b","2":5}', '{"1":"B"}', '{"1":"李"}', '{"1":"b"}', '{"2":1}',
    '{"1":"","2":-3}', '{"1":"é"}', '{"1":"a","2":0}', '{"1":"😀"}',
)  # fmt: skip


def _pages(store: Store, query: ListQuery) -> list[Current]:
    found: list[Current] = []
    while True:
        page = store.list_current(0, query)
        assert len(page) <= query.limit
        found += page
        if len(page) < query.limit:
            return found
        held = json.loads(page[-1].clear)
        values = [held.get(str(number)) for number, _ in query.order]
        query = attrs.evolve(query, after=(values, page[-1].record))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "order",
    [
        (),
        ((1, False),),
        ((2, True),),
        ((1, False), (2, False)),
        ((1, True), (2, False)),
        ((2, False), (1, True)),
    ],
)
def test_pages_hold_every_row_once_and_in_order(
    store: Store, limit: int, descending: bool, order: tuple[tuple[int, bool], ...]
) -> None:
    """Equal and missing sort values do not lose or repeat a row at the edge of a page."""
    rows = [a_current(at + 1, clear) for at, clear in enumerate(_CLEAR)]
    write(store, lambda tx: tx.add_current([*rows, a_current(90, '{"1":"c"}', deleted=1)]))
    query = ListQuery(256, order=order, descending=descending, limit=limit)
    found = _pages(store, query)
    assert sorted(rows) == sorted(found)
    assert found == _pages(store, attrs.evolve(query, limit=100))
    assert len(rows) == store.count_current(0, query)
    if not order:
        assert sorted(rows, key=lambda row: row.record, reverse=descending) == found


def test_rows_are_sorted_by_the_next_field_where_they_are_equal_in_the_first(store: Store) -> None:
    """Each field its own way; numbers come before texts, no value is the empty text; then by creation."""
    clear = (
        '{"1":"b","2":1}',
        '{"1":"a","2":1}',
        '{"1":"b","2":3}',
        '{"1":"a"}',
        '{"1":"b","2":3}',
        '{"2":9}',
    )
    write(store, lambda tx: tx.add_current([a_current(at + 1, one) for at, one in enumerate(clear)]))

    def found(*order: tuple[int, bool], descending: bool = False) -> list[int]:
        rows = store.list_current(0, ListQuery(256, order=order, descending=descending))
        return [int.from_bytes(row.record, "big") for row in rows]

    assert [6, 2, 4, 1, 3, 5] == found((1, False), (2, False))
    assert [6, 4, 2, 3, 5, 1] == found((1, False), (2, True))
    assert [1, 5, 3, 2, 4, 6] == found((1, True), (2, False), descending=True)
    assert [2, 1, 3, 5, 6, 4] == found((2, False), (1, False))


def _set_current(rows: Sequence[Current], tx: Transaction) -> None:
    tx.set_current(rows)


def test_texts_sort_by_their_characters(store: Store) -> None:
    """By code point, which is the order of UTF-8 as well: every store gives the same pages."""
    texts = ["a", "b", "B", "é", "李", "\uffee", "😀"]
    write(store, lambda tx: tx.add_current([a_current(at + 1) for at in range(len(texts))]))
    for order in list(permutations(range(len(texts))))[::1_000]:
        rows = [a_current(at + 1, f'{{"1":"{texts[place]}"}}') for at, place in enumerate(order)]
        write(store, partial(_set_current, rows))
        found = store.list_current(0, ListQuery(256, order=((1, False),)))
        assert sorted(texts) == [texts[order[int.from_bytes(row.record, "big") - 1]] for row in found]


def test_current_rows_are_chosen_by_clear_fields(store: Store) -> None:
    """Equal values of every type, none for a missing field, and what was deleted apart."""
    rows = [
        a_current(1, '{"1":"a","2":1}'),
        a_current(2, '{"1":"a"}', subject=1),
        a_current(3, '{"1":"1","2":1.5}'),
        a_current(4, '{"1":"a"}', deleted=1),
        a_current(5)._replace(type=300),
    ]
    write(store, lambda tx: tx.add_current(rows))

    def found(*equals: tuple[int, object], deleted: bool = False) -> list[int]:
        query = ListQuery(256, equals=equals, deleted=deleted)
        listed = store.list_current(0, query)
        assert len(listed) == store.count_current(0, query)
        return [int.from_bytes(row.record, "big") for row in listed]

    assert [1, 2] == found((1, "a"))
    assert [1] == found((1, "a"), (2, 1))
    assert [3] == found((2, 1.5))
    assert [2] == found((2, None))
    assert [] == found((1, 1))
    assert [4] == found(deleted=True)


def test_clear_values_are_those_of_the_rows_that_a_query_has(store: Store) -> None:
    """Record, subject and asked values of each, None where there is none; limit and order do not count."""
    rows = [
        a_current(1, '{"1":"a","2":1}'),
        a_current(2, '{"1":"b"}', subject=1),
        a_current(3, "{}", deleted=1),
    ]
    write(store, lambda tx: tx.add_current(rows))

    def found(query: ListQuery, *numbers: int) -> list[tuple[object, ...]]:
        return sorted(store.clear_values(0, query, numbers), key=str)

    about = [(row.record, row.subject) for row in rows]
    assert sorted([(*about[0], "a", 1), (*about[1], "b", None)], key=str) == found(
        ListQuery(256, limit=1), 1, 2
    )
    assert [(*about[1], None)] == found(ListQuery(256, equals=((1, "b"),)), 9)
    assert [about[2]] == found(ListQuery(256, deleted=True))


def test_current_rows_are_chosen_by_conditions(store: Store) -> None:
    """Of each member a row meets every condition of one alternative; also those on its subject's record."""
    rows = [
        a_current(1, '{"1":"a","2":1}'),
        a_current(2, '{"1":"b","2":1}'),
        a_current(3, '{"1":"a"}', subject=2),
        a_current(4, '{"3":"x"}', subject=1)._replace(type=300),
        a_current(5, '{"3":"y"}', subject=2)._replace(type=300),
    ]
    write(store, lambda tx: tx.add_current(rows))

    def found(*members: tuple[tuple[RowMatch, ...], ...], type: int = 256) -> list[int]:
        query = ListQuery(type, reach=members)
        listed = store.list_current(0, query)
        assert len(listed) == store.count_current(0, query)
        return [int.from_bytes(row.record, "big") for row in listed]

    a, b, one = RowMatch(1, ("a",)), RowMatch(1, ("b",)), RowMatch(2, (1,))
    assert [1, 2, 3] == found(((RowMatch(1, ("a", "b")),),))
    assert [1] == found(((a, one),))
    assert [1, 2] == found(((a, one), (b,)))
    assert [2] == found(((one,),), ((b,),))
    assert [] == found(())
    assert [] == found(((RowMatch(1, ()),),))
    assert [4] == found(((RowMatch(1, ("a",), 256),),), type=300)
    assert [5] == found(((RowMatch(1, ("b",), 256), RowMatch(3, ("y",))),), type=300)


def test_a_current_row_is_replaced(store: Store) -> None:
    """It says where a record stands now."""
    write(store, lambda tx: tx.add_current([a_current(1), a_current(2)]))
    moved = a_current(1, '{"1":"x"}', deleted=1)._replace(version=2)
    write(store, lambda tx: tx.set_current([moved]))
    assert [moved, a_current(2)] == list(store.currents(0))
    assert moved == store.current(0, an_id(1))
    assert store.current(0, an_id(9)) is None


__all__ = [*(name for name in dir() if name.startswith("test_"))]
