"""Tokens, answers to retries and the auditors' projection are found, and go."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.errors import UsageError
from muniment.store import IndexRow, LogFilter, Remembered, Store, Token
from muniment.testing.store_contract._rows import an_id, write

_DAY_US = 86_400_000_000


def test_tokens_are_found_and_dropped(store: Store) -> None:
    """By field and kind; adding one twice or dropping one that is not there is nothing."""
    mine = [Token(0, 1, 2, b"t", an_id(1)), Token(0, 1, 2, b"t", an_id(2)), Token(0, 1, 3, b"t", an_id(3))]
    write(store, lambda tx: tx.add_tokens([*mine, mine[0]]))
    write(store, lambda tx: tx.add_tokens(mine))
    many = [b"x%d" % at for at in range(1_200)]
    found = store.find_tokens(0, 1, 2, [b"t", *many])
    assert {an_id(1), an_id(2)} == set(found[b"t"])
    assert not any(found[token] for token in many)
    write(store, lambda tx: tx.drop_tokens([mine[0], Token(0, 9, 9, b"t", an_id(1))]))
    assert [an_id(2)] == store.find_tokens(0, 1, 2, [b"t"])[b"t"]
    assert 2 == len(list(store.tokens(0)))


def test_records_are_found_under_all_of_several_tokens(store: Store) -> None:
    """Of one word, of two, of one that nobody has; another kind, field or shard of a token is no hit."""
    placed = {b"anna": (1, 2, 3), b"schmidt": (2, 3, 4), b"old": (3, 5)}
    rows = [Token(0, 1, 2, token, an_id(number)) for token, all in placed.items() for number in all]
    elsewhere = ((1, 1, 2), (0, 1, 3), (0, 2, 2))
    others = [Token(*place, b"anna", an_id(4)) for place in elsewhere]
    write(store, lambda tx: tx.add_tokens([*rows, *others]))

    def under(*words: bytes) -> set[bytes]:
        return store.records_under(0, [(1, 2, word) for word in words])

    assert {an_id(1), an_id(2), an_id(3)} == under(b"anna")
    assert {an_id(2), an_id(3)} == under(b"anna", b"schmidt") == under(b"schmidt", b"anna", b"anna")
    assert {an_id(3)} == under(b"anna", b"schmidt", b"old")
    assert set() == under(b"anna", b"nobody") == under(b"nobody", b"anna") == under()
    assert (
        {an_id(4)} == store.records_under(0, [(1, 3, b"anna")]) == store.records_under(1, [(1, 2, b"anna")])
    )
    for shard, field, kind in elsewhere:
        assert {an_id(4)} == store.records_under(shard, [(field, kind, b"anna")])
    assert {an_id(4)} == store.records_under(0, [(1, 3, b"anna"), (2, 2, b"anna")])


def test_an_answer_is_remembered_for_a_day(store: Store) -> None:
    """By actor and key; the newest counts; older ones are forgotten as new ones come."""
    first = Remembered(0, "anna", "k", 0, 1, b"h" * 32, _DAY_US)
    write(store, lambda tx: tx.remember(first))
    assert first == store.remembered(0, "anna", "k")
    assert store.remembered(0, "bert", "k") is None
    write(store, lambda tx: tx.remember(Remembered(0, "bert", "k", 0, 2, b"i" * 32, 2 * _DAY_US)))
    assert first == store.remembered(0, "anna", "k")
    write(store, lambda tx: tx.remember(Remembered(0, "bert", "z", 0, 3, b"i" * 32, 2 * _DAY_US + 1)))
    assert store.remembered(0, "anna", "k") is None
    assert store.remembered(0, "bert", "k") is not None


def test_entries_are_found_by_what_auditors_ask(store: Store) -> None:
    """Each filter by itself, newest first, paged by index."""
    rows = [
        IndexRow(0, 0, at, 100 + at, "k", "anna" if at % 3 else "bert", "A", "ok", "t", "o", at % 2, 7)
        for at in range(9)
    ]
    write(store, lambda tx: tx.add_index(rows[:8], []))

    def found(**filters: Any) -> list[int]:
        return [row.seq for row in store.find_entries(0, 0, LogFilter(**filters))]

    assert [6, 3, 0, 7] == found(order_by="actor")[:4]
    assert [1, 2, 4, 5, 7, 0, 3, 6] == found(order_by="actor", descending=False)
    assert [7, 5, 3, 1, 6, 4, 2, 0] == found(order_by="records")
    assert [1, 2, 4] == found(order_by="actor", descending=False, limit=3)
    write(store, lambda tx: tx.add_index(rows[8:], []))
    assert [5, 7, 8, 0] == found(order_by="actor", descending=False, limit=4, after=("anna", 4))
    assert [4, 3] == found(after=(5, 5), limit=2)
    assert 9 == store.count_entries(0, 0, LogFilter(), most=100)
    assert 3 == store.count_entries(0, 0, LogFilter(actor="bert", limit=1), most=100)
    assert 2 == store.count_entries(0, 0, LogFilter(actor="bert"), most=2)
    with pytest.raises(UsageError):
        found(order_by="op; DROP TABLE log_index")


__all__ = [*(name for name in dir() if name.startswith("test_"))]
