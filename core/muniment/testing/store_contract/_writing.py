"""One writer of two wins, what is append-only stays, and a transaction is whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from muniment.errors import Conflict, MunimentError, StoreError
from muniment.store import Checkpoint, Current, Facet, Gap, Store, Subject, Tile, Token, Transaction, Version
from muniment.testing.store_contract._makers import StoreMaker
from muniment.testing.store_contract._rows import (
    a_batch,
    a_current,
    a_detail,
    a_head,
    a_part,
    a_version,
    an_id,
    everything,
    fill,
    write,
)


def test_of_two_writers_at_one_head_the_second_leaves_nothing(store: Store, other: Store) -> None:
    """The key of a batch is the lock: the loser gets a conflict and no row of its transaction stays."""
    write(store, lambda tx: tx.append_batch(a_batch(0), [a_detail(0)]))
    before = everything(store)

    def late(tx: Transaction) -> None:
        tx.add_versions([a_version(1, 1)])
        tx.append_batch(a_batch(0), [a_detail(0)])

    with pytest.raises(Conflict) as caught:
        write(other, late)
    assert "store.head_moved" == caught.value.code
    assert before == everything(store) == everything(other)


def test_a_version_is_written_once(store: Store, other: Store) -> None:
    """Of two writers of one version, or one part, the second gets a conflict."""
    write(store, lambda tx: tx.add_versions([a_version(1, 1)]), lambda tx: tx.add_parts([a_part(1, 9, 1)]))
    for step in (
        lambda tx: tx.add_versions([a_version(2, 1), a_version(1, 1)]),
        lambda tx: tx.add_parts([a_part(2, 9, 1), a_part(1, 9, 1)]),
    ):
        with pytest.raises(Conflict) as caught:
            write(other, step)
        assert "store.version_exists" == caught.value.code
    assert [1] == [row.version for row in store.versions_by_record(0)]
    assert 1 == len(list(store.parts_by_record(0)))


def test_a_slot_is_given_once(store: Store, other: Store) -> None:
    """A secret never serves two subjects or two facets, whoever leased its slot twice."""
    write(
        store,
        lambda tx: tx.add_subjects([Subject(0, an_id(1), 256)]),
        lambda tx: tx.add_facets([Facet(0, an_id(1), 1, 257)]),
    )
    for step in (
        lambda tx: tx.add_subjects([Subject(0, an_id(2), 256)]),
        lambda tx: tx.add_subjects([Subject(0, an_id(1), 300)]),
        lambda tx: tx.add_facets([Facet(0, an_id(2), 1, 257)]),
        lambda tx: tx.add_facets([Facet(0, an_id(1), 1, 300)]),
    ):
        with pytest.raises(Conflict) as caught:
            write(other, step)
        assert "store.slot_taken" == caught.value.code
    assert [256] == [row.slot for row in store.subjects(0)]
    assert [257] == [row.slot for row in store.facets(0)]


def test_a_size_is_signed_once(store: Store) -> None:
    """The same checkpoint again is nothing; another one of the same size is a conflict."""
    row = Checkpoint(0, 0, 5, b"r" * 32, "note")
    write(store, lambda tx: tx.add_checkpoint(row))
    write(store, lambda tx: tx.add_checkpoint(row))
    with pytest.raises(Conflict) as caught:
        write(store, lambda tx: tx.add_checkpoint(row._replace(note="other")))
    assert "store.checkpoint_exists" == caught.value.code
    assert [row] == list(store.checkpoints(0, 0))


def test_no_foreign_connection_changes_what_is_append_only(store_maker: StoreMaker, store: Store) -> None:
    """UPDATE, DELETE and every way to replace a row are refused, by the database and not by us."""
    fill(store)
    before = everything(store)
    assert store_maker.attacks
    survived = [name for name, statement in store_maker.attacks.items() if not store_maker.attack(statement)]
    assert [] == survived
    assert before == everything(store)


def test_a_part_goes_only_under_its_gap(store: Store) -> None:
    """Disposal leaves a row that names the part, its hash and the entry that covers it."""
    write(store, lambda tx: tx.add_parts([a_part(1, 9, 1), a_part(1, 9, 2), a_part(2, 9, 1)]))
    gap = Gap(0, an_id(1), 9, 1, b"h" * 32, 0, 7)
    write(store, lambda tx: tx.dispose_parts([gap]))
    assert [gap] == list(store.gaps(0))
    assert [(an_id(1), 2), (an_id(2), 1)] == [(row.record, row.version) for row in store.parts_by_record(0)]
    with pytest.raises(MunimentError):
        write(store, lambda tx: tx.dispose_parts([gap._replace(seq=8)]))
    assert [gap] == list(store.gaps(0))


def test_only_rebuildable_tables_are_emptied(store: Store) -> None:
    """What is computed may be computed anew; nothing else has a door."""
    fill(store)
    for name in ("log_batch", "part", "idem", "nonsense", "current; DROP TABLE part"):
        with pytest.raises(StoreError):
            write(store, _emptying(name))
    kept = everything(store)
    write(store, lambda tx: tx.clear_rebuildable(["current", "token", "log_index", "log_tile"]))
    computed = (Current, Token, Tile)
    assert [row for row in kept if not isinstance(row, computed)] == everything(store)
    assert 0 == _indexed(store)


def _emptying(name: str) -> Callable[[Transaction], None]:
    return lambda tx: tx.clear_rebuildable([name])


def _indexed(store: Store) -> int:
    with store.transaction(write=False) as tx:
        return tx.indexed_to(0, 0)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, StoreError("store.full")])
def test_a_transaction_that_fails_leaves_nothing(store: Store, other: Store, error: Any) -> None:
    """Whatever ends the block early, no row of it can be read, and the store goes on."""

    def fail(tx: Transaction) -> None:
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        write(store, lambda tx: tx.append_batch(a_batch(0), [a_detail(0)]), fail)
    assert [] == everything(store) == everything(other)
    write(store, lambda tx: tx.append_batch(a_batch(0), [a_detail(0)]))
    assert 2 == len(everything(other))


def test_a_refused_row_leaves_nothing_of_its_transaction(store: Store) -> None:
    """A conflict late in a transaction takes what came before with it, also where its block went on."""
    write(store, lambda tx: tx.add_versions([a_version(1, 1)]))

    def body(tx: Transaction) -> None:
        tx.append_batch(a_batch(0), [])
        tx.add_versions([a_version(1, 1)])

    with pytest.raises(Conflict):
        write(store, body)
    assert store.head(0) is None


def test_a_transaction_reads_what_it_wrote(store: Store) -> None:
    """A write is seen by the reads behind it in the same transaction."""
    with store.transaction() as tx:
        tx.append_batch(a_batch(0), [a_detail(0)])
        tx.add_versions([a_version(1, 1)])
        tx.add_current([a_current(1)])
        assert a_head(a_batch(0)) == tx.head(0)
        assert a_version(1, 1) == tx.version(0, an_id(1))
        assert a_current(1) == tx.current(0, an_id(1))


def test_a_snapshot_sees_one_state(store: Store, other: Store) -> None:
    """A reader that began before a write does not see it, however long it reads."""
    write(store, lambda tx: tx.append_batch(a_batch(0), []))
    with store.snapshot() as reader:
        first = list(reader.batches(0, 0))
        write(other, lambda tx: tx.append_batch(a_batch(1), []))
        assert first == list(reader.batches(0, 0))
    assert 2 == len(list(store.batches(0, 0)))


def test_what_was_committed_is_there_when_opened_again(store_maker: StoreMaker, store: Store) -> None:
    """Every row of every table, byte for byte."""
    fill(store)
    before = everything(store)
    store.close()
    with closing(store_maker.again()) as opened:
        assert before == everything(opened)
        assert [] == opened.schema_faults()


def test_bytes_and_numbers_come_back_as_they_were(store: Store) -> None:
    """No byte string is cut at a zero or taken for text, no number rounded."""
    odd = Version(
        0, b"\0" * 16, 2**31, b"\xff" * 16, 2**31, 2**53, 2**32 - 1, 2**32 - 1, 255, b"\0" * 32, b"\xff" * 32,
        b"", -(2**53), 2**62,
    )  # fmt: skip
    sealed = bytes(range(256)) * 20
    write(
        store, lambda tx: tx.add_versions([odd]), lambda tx: tx.add_parts([a_part(0, 2**16 - 1, 1, sealed)])
    )
    assert [odd] == list(store.versions_by_record(0))
    assert [sealed] == [row.sealed for row in store.parts_by_record(0)]


__all__ = [*(name for name in dir() if name.startswith("test_"))]
