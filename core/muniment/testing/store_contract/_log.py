"""The log is read by its entries, and found by what auditors ask."""

from __future__ import annotations

from muniment.store import Checkpoint, Store, Tile, Transaction
from muniment.testing.store_contract._rows import a_batch, a_detail, a_head, write


def _long_log(store: Store) -> None:
    def body(tx: Transaction) -> None:
        for first in (0, 3, 4, 9):
            n = {0: 3, 3: 1, 4: 5, 9: 2}[first]
            tx.append_batch(a_batch(first, n=n, frontier=b"f" if first == 3 else None), [a_detail(first, 2)])
        tx.append_batch(a_batch(0, gen=1, n=4), [a_detail(0, 3, gen=1), a_detail(0, 1, gen=1)])

    write(store, body)


def test_batches_are_found_by_the_entries_in_them(store: Store) -> None:
    """From the batch that holds the first entry to the one that holds the last, in order."""
    _long_log(store)

    def firsts(start: int, stop: int | None) -> list[int]:
        found = [row.first_seq for row in store.batches(0, 0, start=start, stop=stop)]
        assert found == [row.first_seq for row in store.details(0, 0, start=start, stop=stop)]
        return found

    assert [0, 3, 4, 9] == firsts(0, None)
    assert [0] == firsts(2, 3)
    assert [0, 3] == firsts(2, 4)
    assert [4, 9] == firsts(8, None)
    assert [4] == firsts(5, 9)
    assert [9] == firsts(50, None)
    assert [(0, 1), (0, 3)] == [(row.first_seq, row.rule) for row in store.details(0, 1)]


def test_the_head_is_the_newest_batch_of_the_newest_generation(store: Store) -> None:
    """Generations are counted apart; the newest stored frontier is found in its own."""
    assert store.head(0) is None
    assert [] == store.generations(0)
    _long_log(store)
    frontier = store.last_frontier(0, 0)
    assert frontier is not None
    assert a_head(a_batch(0, gen=1, n=4)) == store.head(0)
    assert [0, 1] == store.generations(0)
    assert 3 == frontier.first_seq
    assert store.last_frontier(0, 1) is None
    assert store.head(1) is None


def test_checkpoints_and_tiles_in_order(store: Store) -> None:
    """Smallest first; the largest is the last; a tile that is there stays."""

    def body(tx: Transaction) -> None:
        for size in (7, 1, 300):
            tx.add_checkpoint(Checkpoint(0, 0, size, b"r" * 32, f"note {size}"))
        tx.add_checkpoint(Checkpoint(0, 1, 9, b"r" * 32, "note of another generation"))
        tx.add_tiles([Tile(0, 0, 1, 0, b"c"), Tile(0, 0, 0, 1, b"b"), Tile(0, 0, 0, 0, b"a")])
        tx.add_tiles([Tile(0, 0, 0, 1, b"changed")])

    write(store, body)
    last = store.last_checkpoint(0, 0)
    assert [1, 7, 300] == [row.size for row in store.checkpoints(0, 0)]
    assert last is not None
    assert 300 == last.size
    assert store.last_checkpoint(0, 2) is None
    assert [b"a", b"b", b"c"] == [row.hashes for row in store.tiles(0, 0)]
    assert b"b" == store.tile(0, 0, 0, 1)
    assert store.tile(0, 0, 5, 0) is None


__all__ = [*(name for name in dir() if name.startswith("test_"))]
