"""What every store promises, as tests: a second store passes them before it keeps an archive.

Give a fixture ``store_maker`` and import the tests into a test module::

    from muniment.testing.store_contract import *  # noqa: F403

    @pytest.fixture
    def store_maker(tmp_path):
        return MyMaker(tmp_path)  # a ``StoreMaker``
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import permutations
from typing import Any, Protocol

import pytest

from muniment.errors import Conflict, MunimentError, StoreError, UsageError
from muniment.store import (
    Checkpoint,
    Current,
    DetailGap,
    Facet,
    File,
    Gap,
    Head,
    IndexRow,
    ListQuery,
    LogBatch,
    LogDetail,
    LogFilter,
    Part,
    Remembered,
    RowMatch,
    SidePart,
    State,
    Store,
    Subject,
    Tile,
    Token,
    Transaction,
    Version,
)

_DAY_US = 86_400_000_000


class StoreMaker(Protocol):
    """How the contract gets at a store, and at its rows behind its back."""

    @property
    def attacks(self) -> Mapping[str, str]:
        """Raw statements that each try to change, remove or replace a row of an append-only table.

        The names say which and how; the rows are those that the contract puts there: it fills every
        append-only table. A statement that hits no row proves nothing.
        """

    def make(self) -> Store:
        """A new, empty store."""

    def again(self) -> Store:
        """The store made last, opened once more, as another process would."""

    def attack(self, statement: str) -> bool:
        """Run a raw statement over a connection that knows nothing of muniment; whether it was refused.

        Raises:
            LookupError: it went through and hit no row.
        """


@pytest.fixture
def store(store_maker: StoreMaker) -> Iterator[Store]:
    """A new, empty store."""
    with closing(store_maker.make()) as made:
        yield made


@pytest.fixture
def other(store_maker: StoreMaker, store: Store) -> Iterator[Store]:
    """The same store, opened once more."""
    with closing(store_maker.again()) as made:
        yield made


# --- rows -------------------------------------------------------------------------------------------------


def _id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def _batch(first: int, *, gen: int = 0, n: int = 1, frontier: bytes | None = None) -> LogBatch:
    return LogBatch(
        0, gen, first, n, bytes([first % 256]) * 32, bytes([(first + n) % 256]) * 32, frontier,
        b"entries %d" % first, b"m" * 32, 1_000_000 + first,
    )  # fmt: skip


def _head(batch: LogBatch) -> Head:
    return Head(batch.gen, batch.first_seq, batch.n, batch.root, batch.mac, batch.created_us)


def _detail(first: int, rule: int = 1, *, gen: int = 0) -> LogDetail:
    return LogDetail(0, gen, first, rule, b"details %d %d" % (first, rule))


def _version(record: int, version: int, *, seq: int = 0, subject: int | None = None) -> Version:
    owner = _id(record if subject is None else subject)
    return Version(
        0, _id(record), version, owner, 0, seq, 256, 1, 1, bytes(32), bytes([version]) * 32, b"parts",
        5_000 + seq, 6_000 + seq,
    )  # fmt: skip


def _part(record: int, group: int, version: int, sealed: bytes = b"sealed") -> Part:
    return Part(0, _id(record), group, version, sealed)


def _current(record: int, clear: str = "{}", *, deleted: int = 0, subject: int | None = None) -> Current:
    return Current(0, _id(record), 256, _id(record if subject is None else subject), 1, deleted, clear)


def _write(store: Store, *steps: Callable[[Transaction], None]) -> None:
    with store.transaction() as tx:
        for step in steps:
            step(tx)


def _fill(store: Store) -> None:
    """A row in every append-only table, and in the others."""

    def body(tx: Transaction) -> None:
        tx.append_batch(_batch(0, n=2), [_detail(0, 1), _detail(0, 2), _detail(0, 3)])
        tx.dispose_details([DetailGap(0, 0, 0, 3, 0, 1)])
        tx.add_subjects([Subject(0, _id(1), 256)])
        tx.add_facets([Facet(0, _id(1), 1, 257)])
        tx.add_versions([_version(1, 1)])
        tx.add_parts([_part(1, 9, 1), _part(1, 10, 1)])
        tx.add_side_parts([SidePart(0, _id(1), 77, 0, 0, b"reason")])
        tx.add_files([File(0, _id(90), _id(1), 1, 9, b"h" * 32)])
        tx.add_states([State(0, _id(1), 1, 1, "erasing", 0, 1)])
        tx.dispose_parts([Gap(0, _id(1), 10, 1, b"h" * 32, 0, 1)])
        tx.add_checkpoint(Checkpoint(0, 0, 2, b"r" * 32, "note"))
        tx.remember(Remembered(0, "anna", "key", 0, 0, b"h" * 32, 10))
        tx.add_current([_current(1)])
        tx.add_tokens([Token(0, 1, 1, b"t", _id(1))])
        tx.add_tiles([Tile(0, 0, 0, 0, b"hashes")])
        tx.add_index([IndexRow(0, 0, 0, 1, "record.read", "anna", "p", "ok", "customer", "op", 1, 7)], [])

    _write(store, body)


def _everything(store: Store) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for gen in store.generations(0):
        rows += [
            *store.batches(0, gen),
            *store.details(0, gen),
            *store.checkpoints(0, gen),
            *store.tiles(0, gen),
        ]
    for listed in (
        store.versions_by_record, store.parts_by_record, store.side_parts, store.files, store.subjects,
        store.facets, store.states, store.gaps, store.detail_gaps, store.currents, store.tokens,
    ):  # fmt: skip
        rows += listed(0)
    return rows


# --- locks and conflicts ----------------------------------------------------------------------------------


def test_of_two_writers_at_one_head_the_second_leaves_nothing(store: Store, other: Store) -> None:
    """The key of a batch is the lock: the loser gets a conflict and no row of its transaction stays."""
    _write(store, lambda tx: tx.append_batch(_batch(0), [_detail(0)]))
    before = _everything(store)

    def late(tx: Transaction) -> None:
        tx.add_versions([_version(1, 1)])
        tx.append_batch(_batch(0), [_detail(0)])

    with pytest.raises(Conflict) as caught:
        _write(other, late)
    assert "store.head_moved" == caught.value.code
    assert before == _everything(store) == _everything(other)


def test_a_version_is_written_once(store: Store, other: Store) -> None:
    """Of two writers of one version, or one part, the second gets a conflict."""
    _write(store, lambda tx: tx.add_versions([_version(1, 1)]), lambda tx: tx.add_parts([_part(1, 9, 1)]))
    for step in (
        lambda tx: tx.add_versions([_version(2, 1), _version(1, 1)]),
        lambda tx: tx.add_parts([_part(2, 9, 1), _part(1, 9, 1)]),
    ):
        with pytest.raises(Conflict) as caught:
            _write(other, step)
        assert "store.version_exists" == caught.value.code
    assert [1] == [row.version for row in store.versions_by_record(0)]
    assert 1 == len(list(store.parts_by_record(0)))


def test_a_slot_is_given_once(store: Store, other: Store) -> None:
    """A secret never serves two subjects or two facets, whoever leased its slot twice."""
    _write(
        store,
        lambda tx: tx.add_subjects([Subject(0, _id(1), 256)]),
        lambda tx: tx.add_facets([Facet(0, _id(1), 1, 257)]),
    )
    for step in (
        lambda tx: tx.add_subjects([Subject(0, _id(2), 256)]),
        lambda tx: tx.add_subjects([Subject(0, _id(1), 300)]),
        lambda tx: tx.add_facets([Facet(0, _id(2), 1, 257)]),
        lambda tx: tx.add_facets([Facet(0, _id(1), 1, 300)]),
    ):
        with pytest.raises(Conflict) as caught:
            _write(other, step)
        assert "store.slot_taken" == caught.value.code
    assert [256] == [row.slot for row in store.subjects(0)]
    assert [257] == [row.slot for row in store.facets(0)]


def test_a_size_is_signed_once(store: Store) -> None:
    """The same checkpoint again is nothing; another one of the same size is a conflict."""
    row = Checkpoint(0, 0, 5, b"r" * 32, "note")
    _write(store, lambda tx: tx.add_checkpoint(row))
    _write(store, lambda tx: tx.add_checkpoint(row))
    with pytest.raises(Conflict) as caught:
        _write(store, lambda tx: tx.add_checkpoint(row._replace(note="other")))
    assert "store.checkpoint_exists" == caught.value.code
    assert [row] == list(store.checkpoints(0, 0))


# --- append-only ------------------------------------------------------------------------------------------


def test_no_foreign_connection_changes_what_is_append_only(store_maker: StoreMaker, store: Store) -> None:
    """UPDATE, DELETE and every way to replace a row are refused, by the database and not by us."""
    _fill(store)
    before = _everything(store)
    assert store_maker.attacks
    survived = [name for name, statement in store_maker.attacks.items() if not store_maker.attack(statement)]
    assert [] == survived
    assert before == _everything(store)


def test_a_part_goes_only_under_its_gap(store: Store) -> None:
    """Disposal leaves a row that names the part, its hash and the entry that covers it."""
    _write(store, lambda tx: tx.add_parts([_part(1, 9, 1), _part(1, 9, 2), _part(2, 9, 1)]))
    gap = Gap(0, _id(1), 9, 1, b"h" * 32, 0, 7)
    _write(store, lambda tx: tx.dispose_parts([gap]))
    assert [gap] == list(store.gaps(0))
    assert [(_id(1), 2), (_id(2), 1)] == [(row.record, row.version) for row in store.parts_by_record(0)]
    with pytest.raises(MunimentError):
        _write(store, lambda tx: tx.dispose_parts([gap._replace(seq=8)]))
    assert [gap] == list(store.gaps(0))


def test_only_rebuildable_tables_are_emptied(store: Store) -> None:
    """What is computed may be computed anew; nothing else has a door."""
    _fill(store)
    for name in ("log_batch", "part", "idem", "nonsense", "current; DROP TABLE part"):
        with pytest.raises(StoreError):
            _write(store, _emptying(name))
    kept = _everything(store)
    _write(store, lambda tx: tx.clear_rebuildable(["current", "token", "log_index", "log_tile"]))
    computed = (Current, Token, Tile)
    assert [row for row in kept if not isinstance(row, computed)] == _everything(store)
    assert 0 == _indexed(store)


def _emptying(name: str) -> Callable[[Transaction], None]:
    return lambda tx: tx.clear_rebuildable([name])


def _indexed(store: Store) -> int:
    with store.transaction(write=False) as tx:
        return tx.indexed_to(0, 0)


# --- atomicity and visibility -----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, StoreError("store.full")])
def test_a_transaction_that_fails_leaves_nothing(store: Store, other: Store, error: Any) -> None:
    """Whatever ends the block early, no row of it can be read, and the store goes on."""

    def fail(tx: Transaction) -> None:
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        _write(store, lambda tx: tx.append_batch(_batch(0), [_detail(0)]), fail)
    assert [] == _everything(store) == _everything(other)
    _write(store, lambda tx: tx.append_batch(_batch(0), [_detail(0)]))
    assert 2 == len(_everything(other))


def test_a_refused_row_leaves_nothing_of_its_transaction(store: Store) -> None:
    """A conflict late in a transaction takes what came before with it, also where its block went on."""
    _write(store, lambda tx: tx.add_versions([_version(1, 1)]))

    def body(tx: Transaction) -> None:
        tx.append_batch(_batch(0), [])
        tx.add_versions([_version(1, 1)])

    with pytest.raises(Conflict):
        _write(store, body)
    assert store.head(0) is None


def test_a_transaction_reads_what_it_wrote(store: Store) -> None:
    """A write is seen by the reads behind it in the same transaction."""
    with store.transaction() as tx:
        tx.append_batch(_batch(0), [_detail(0)])
        tx.add_versions([_version(1, 1)])
        tx.add_current([_current(1)])
        assert _head(_batch(0)) == tx.head(0)
        assert _version(1, 1) == tx.version(0, _id(1))
        assert _current(1) == tx.current(0, _id(1))


def test_a_snapshot_sees_one_state(store: Store, other: Store) -> None:
    """A reader that began before a write does not see it, however long it reads."""
    _write(store, lambda tx: tx.append_batch(_batch(0), []))
    with store.snapshot() as reader:
        first = list(reader.batches(0, 0))
        _write(other, lambda tx: tx.append_batch(_batch(1), []))
        assert first == list(reader.batches(0, 0))
    assert 2 == len(list(store.batches(0, 0)))


def test_what_was_committed_is_there_when_opened_again(store_maker: StoreMaker, store: Store) -> None:
    """Every row of every table, byte for byte."""
    _fill(store)
    before = _everything(store)
    store.close()
    with closing(store_maker.again()) as opened:
        assert before == _everything(opened)
        assert [] == opened.schema_faults()


def test_bytes_and_numbers_come_back_as_they_were(store: Store) -> None:
    """No byte string is cut at a zero or taken for text, no number rounded."""
    odd = Version(
        0, b"\0" * 16, 2**31, b"\xff" * 16, 2**31, 2**53, 2**32 - 1, 2**32 - 1, 255, b"\0" * 32, b"\xff" * 32,
        b"", -(2**53), 2**62,
    )  # fmt: skip
    sealed = bytes(range(256)) * 20
    _write(
        store, lambda tx: tx.add_versions([odd]), lambda tx: tx.add_parts([_part(0, 2**16 - 1, 1, sealed)])
    )
    assert [odd] == list(store.versions_by_record(0))
    assert [sealed] == [row.sealed for row in store.parts_by_record(0)]


# --- reading the log --------------------------------------------------------------------------------------


def _long_log(store: Store) -> None:
    def body(tx: Transaction) -> None:
        for first in (0, 3, 4, 9):
            n = {0: 3, 3: 1, 4: 5, 9: 2}[first]
            tx.append_batch(_batch(first, n=n, frontier=b"f" if first == 3 else None), [_detail(first, 2)])
        tx.append_batch(_batch(0, gen=1, n=4), [_detail(0, 3, gen=1), _detail(0, 1, gen=1)])

    _write(store, body)


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
    assert _head(_batch(0, gen=1, n=4)) == store.head(0)
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

    _write(store, body)
    last = store.last_checkpoint(0, 0)
    assert [1, 7, 300] == [row.size for row in store.checkpoints(0, 0)]
    assert last is not None
    assert 300 == last.size
    assert store.last_checkpoint(0, 2) is None
    assert [b"a", b"b", b"c"] == [row.hashes for row in store.tiles(0, 0)]
    assert b"b" == store.tile(0, 0, 0, 1)
    assert store.tile(0, 0, 5, 0) is None


# --- reading records --------------------------------------------------------------------------------------


def test_rows_come_in_the_order_of_their_keys(store: Store) -> None:
    """However they were written, so that tables can be walked side by side."""
    versions = [_version(2, 1, seq=1), _version(1, 2, seq=3), _version(1, 1, seq=2), _version(3, 1, seq=1)]
    parts = [_part(2, 9, 1), _part(1, 17, 1), _part(1, 9, 2), _part(1, 9, 1)]
    sides = [
        SidePart(0, _id(1), 5, 0, 9, b""),
        SidePart(0, _id(2), 4, 0, 3, b""),
        SidePart(0, _id(1), 6, 0, 3, b""),
    ]
    files = [
        File(0, _id(8), _id(2), 1, 9, b""),
        File(0, _id(9), _id(1), 1, 9, b""),
        File(0, _id(7), _id(1), 1, 9, b""),
    ]
    states = [
        State(0, _id(2), 0, 1, "live", 0, 0),
        State(0, _id(1), 3, 1, "live", 0, 0),
        State(0, _id(1), 1, 2, "live", 0, 0),
    ]
    gaps = [Gap(0, _id(2), 9, 9, b"", 0, 0), Gap(0, _id(1), 9, 8, b"", 0, 0), Gap(0, _id(1), 9, 7, b"", 0, 0)]
    facets = [Facet(0, _id(2), 1, 302), Facet(0, _id(1), 2, 301), Facet(0, _id(1), 1, 300)]
    subjects = [Subject(0, _id(2), 302), Subject(0, _id(1), 303)]
    tokens = [
        Token(0, 2, 1, b"a", _id(1)),
        Token(0, 1, 1, b"b", _id(1)),
        Token(0, 1, 1, b"a", _id(2)),
        Token(0, 1, 1, b"a", _id(1)),
    ]
    _write(
        store,
        lambda tx: tx.add_versions(versions),
        lambda tx: tx.add_parts(parts),
        lambda tx: tx.add_side_parts(sides),
        lambda tx: tx.add_files(files),
        lambda tx: tx.add_states(states),
        lambda tx: tx.dispose_parts(gaps),
        lambda tx: tx.add_facets(facets),
        lambda tx: tx.add_subjects(subjects),
        lambda tx: tx.add_tokens(tokens),
        lambda tx: tx.add_current([_current(2), _current(1)]),
    )
    assert sorted(versions, key=lambda row: (row.record, row.version)) == list(store.versions_by_record(0))
    assert sorted(versions, key=lambda row: (row.seq, row.record, row.version)) == list(
        store.versions_by_entry(0, 0)
    )
    assert [versions[2]] == list(store.versions_by_entry(0, 0, start=2, stop=3))
    assert sorted(parts) == list(store.parts_by_record(0))
    assert sorted(sides, key=lambda row: (row.gen, row.seq, row.record, row.version)) == list(
        store.side_parts(0)
    )
    assert sorted(files, key=lambda row: (row.record, row.file)) == list(store.files(0))
    assert sorted(states) == list(store.states(0))
    assert sorted(gaps) == list(store.gaps(0))
    assert sorted(facets) == list(store.facets(0))
    assert sorted(subjects) == list(store.subjects(0))
    assert sorted(tokens) == list(store.tokens(0))
    assert [_current(1), _current(2)] == list(store.currents(0))
    assert [_id(7), _id(9)] == [row.file for row in store.files_of(0, _id(1))]
    assert [1, 2] == [row.category for row in store.facets_of(0, _id(1))]
    assert [_id(1), _id(2)] == [row.record for row in store.side_part(0, 0, 3)]
    assert subjects[0] == store.subject(0, _id(2))
    assert store.subject(0, _id(9)) is None


def _add_parts(rows: Sequence[Part], tx: Transaction) -> None:
    tx.add_parts(rows)


def _add_versions(rows: Sequence[Version], tx: Transaction) -> None:
    tx.add_versions(rows)


def _set_current(rows: Sequence[Current], tx: Transaction) -> None:
    tx.set_current(rows)


def test_walking_a_table_holds_few_rows(store: Store) -> None:
    """Verification reads archives that are larger than the memory."""
    sealed = bytes(4_096)
    for start in range(0, 2_000, 500):
        _write(store, partial(_add_parts, [_part(start + at, 9, 1, sealed) for at in range(500)]))
    tracemalloc.start()
    try:
        assert 2_000 == sum(1 for _ in store.parts_by_record(0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_tables_are_walked_side_by_side(store: Store) -> None:
    """Two iterators over one store do not disturb one another."""
    _write(
        store,
        lambda tx: tx.add_versions([_version(at, 1) for at in range(600)]),
        lambda tx: tx.add_parts([_part(at, 9, 1) for at in range(600)]),
    )
    walked = list(zip(store.versions_by_record(0), store.parts_by_record(0), strict=True))
    assert 600 == len(walked)
    assert all(version.record == part.record for version, part in walked)


def test_versions_of_one_record_and_of_one_entry(store: Store) -> None:
    """By number, the newest, all, and those that an entry wrote."""
    _write(
        store,
        lambda tx: tx.add_versions([_version(1, 1, seq=4), _version(1, 2, seq=7), _version(2, 1, seq=7)]),
    )
    assert _version(1, 2, seq=7) == store.version(0, _id(1))
    assert _version(1, 1, seq=4) == store.version(0, _id(1), 1)
    assert store.version(0, _id(1), 3) is None
    assert store.version(0, _id(9)) is None
    assert [1, 2] == [row.version for row in store.versions_of(0, _id(1))]
    assert [_id(1), _id(2)] == [row.record for row in store.versions_at(0, 0, 5, 7)]


def test_built_in_records_are_found_without_the_current_state(store: Store) -> None:
    """Definitions and users by type, each with its newest version."""
    rows = [
        _version(2, 1)._replace(type=2),
        _version(1, 1)._replace(type=2),
        _version(1, 2)._replace(type=2),
        _version(3, 1)._replace(type=1),
        _version(5, 1)._replace(type=3),
        _version(4, 1),
    ]
    _write(store, lambda tx: tx.add_versions(rows))
    found = [tuple(row) for row in store.builtin(0, {2, 1})]
    assert [(1, _id(3), 1), (2, _id(1), 2), (2, _id(2), 1)] == found


def test_an_unchanged_group_keeps_its_older_part(store: Store) -> None:
    """A version is shown with the newest part of each group that is not newer than it."""
    _write(
        store, lambda tx: tx.add_parts([_part(1, 9, 1, b"a1"), _part(1, 9, 4, b"a4"), _part(1, 10, 2, b"b2")])
    )

    def seen(version: int, groups: Sequence[int] | None = None) -> dict[int, bytes]:
        return {row.grp: row.sealed for row in store.parts_of(0, _id(1), version, groups)}

    assert {9: b"a1"} == seen(1)
    assert {9: b"a1", 10: b"b2"} == seen(2) == seen(3)
    assert {9: b"a4", 10: b"b2"} == seen(4) == seen(99)
    assert {10: b"b2"} == seen(4, [10])
    assert {} == seen(4, []) == seen(4, [77])


def test_many_records_are_read_in_one_go(store: Store) -> None:
    """The newest version of each, and the parts at given versions, as one by one."""
    count = 250
    for number in range(count):
        parts = [_part(number, 9, 1, b"a%d" % number), _part(number, 9, 3, b"c%d" % number)]
        versions = [_version(number, 1), _version(number, 2, seq=1 + number % 2)]
        _write(store, partial(_add_parts, parts), partial(_add_versions, versions))
    records = [_id(number) for number in range(-3 % count, count + 3)] + [_id(5), _id(999)]
    found = store.newest_versions(0, records)
    assert {record: store.version(0, record) for record in records if store.version(0, record)} == found
    places = [
        (_id(number), group, version) for number in range(count) for group in (9, 10) for version in (2, 3)
    ]
    expected = [
        row for record, group, version in places for row in store.parts_of(0, record, version, [group])
    ]
    assert sorted(expected) == sorted(store.parts_at(0, places))
    assert store.newest_versions(0, []) == {}
    assert store.parts_at(0, []) == []


def test_the_records_of_a_subject_are_found_without_the_current_state(store: Store) -> None:
    """Its own record and those about it, whatever happened to the rows that can be rebuilt."""
    _write(
        store,
        lambda tx: tx.add_versions(
            [
                _version(1, 1),
                _version(1, 2),
                _version(2, 1, subject=1),
                _version(3, 1, subject=1),
                _version(4, 1),
            ]
        ),
        lambda tx: tx.add_current([_current(1), _current(2, subject=1), _current(4)]),
    )
    assert [1, 2, 3] == [int.from_bytes(one.record, "big") for one in store.subject_records(0, _id(1))]
    assert {1} == {one.version for one in store.subject_records(0, _id(1))}
    assert [] == store.subject_records(0, _id(3))
    assert {1, 2} == {int.from_bytes(row.record, "big") for row in store.records_of_subject(0, _id(1))}


def test_reasons_and_details_go_through_their_doors(store: Store) -> None:
    """Each leaves a gap that names its entry; what has none stays."""
    _fill(store)
    _write(
        store,
        lambda tx: tx.add_side_parts([SidePart(0, _id(1), 78, 0, 1, b"other")]),
        lambda tx: tx.dispose_parts([Gap(0, _id(1), 0, 77, b"h" * 32, 0, 1)]),
        lambda tx: tx.dispose_details([DetailGap(0, 0, 0, 1, 0, 1)]),
    )
    assert [78] == [side.version for side in store.side_parts_of(0, _id(1))]
    assert [2] == [row.rule for row in store.details(0, 0)]
    assert [(1, 0, 1), (3, 0, 1)] == [(gap.rule, gap.by_gen, gap.by_seq) for gap in store.detail_gaps(0)]


def test_what_is_being_erased_is_the_last_that_was_begun(store: Store) -> None:
    """An erasure that was done hides nothing, and is not in the way of the next one."""
    done = [State(0, _id(1), 1, 1, "erasing", 0, 1), State(0, _id(1), 1, 2, "erased", 0, 2)]
    going = [State(0, _id(3), 0, 1, "erasing", 0, 3), State(0, _id(2), 4, 1, "erasing", 0, 4)]
    assert [] == store.unfinished(0)
    _write(store, lambda tx: tx.add_states(done))
    assert [] == store.unfinished(0)
    _write(store, lambda tx: tx.add_states(going))
    assert going == store.unfinished(0)
    assert done == store.steps_of(0, {_id(1), _id(9)})


def test_rows_of_what_was_erased_are_dropped(store: Store) -> None:
    """Current rows, tokens of some fields or all, and answers to retries; the rest stays."""
    tokens = [Token(0, field, 1, b"t", _id(record)) for field in (1, 2) for record in (1, 2, 3)]
    mark = Token(0, 0, 0, b"layout", _id(1))
    _write(
        store,
        lambda tx: tx.append_batch(_batch(0, n=2), []),
        lambda tx: tx.remember(Remembered(0, "anna", "key", 0, 0, b"h" * 32, 10)),
        lambda tx: tx.remember(Remembered(0, "bert", "key", 0, 2, b"h" * 32, 10)),
        lambda tx: tx.add_current([_current(1), _current(2)]),
        lambda tx: tx.add_tokens([*tokens, mark]),
    )
    _write(
        store,
        lambda tx: tx.drop_current(0, {_id(1)}),
        lambda tx: tx.drop_tokens_of(0, {_id(1): None, _id(2): {2}}),
        lambda tx: tx.forget_answers(0, {(0, 1)}),
    )
    assert [_id(2)] == [row.record for row in store.currents(0)]
    kept = [(row.field, int.from_bytes(row.record, "big")) for row in store.tokens(0)]
    assert [(0, 1), (1, 2), (1, 3), (2, 3)] == kept
    assert store.remembered(0, "anna", "key") is None
    assert store.remembered(0, "bert", "key") is not None


def test_states_tell_only_what_is_not_simply_live(store: Store) -> None:
    """The newest step counts."""
    assert not store.has_states(0)
    _write(
        store,
        lambda tx: tx.add_states(
            [
                State(0, _id(1), 1, 1, "erasing", 0, 1),
                State(0, _id(1), 1, 2, "erased", 0, 2),
                State(0, _id(2), 0, 1, "erasing", 0, 1),
                State(0, _id(2), 0, 2, "live", 0, 3),
                State(0, _id(3), 0, 1, "erasing", 0, 1),
            ]
        ),
    )
    assert store.has_states(0)
    found = store.state_of(0, {_id(number) for number in range(2_000)})
    assert {(_id(1), 1, "erased"), (_id(3), 0, "erasing")} == {
        (row.id, row.category, row.state) for row in found
    }


# --- the current state ------------------------------------------------------------------------------------

_CLEAR = (
    '{"1":"b"}', '{"1":"a"}', "{}", '{"1":"b","2":5}', '{"1":"B"}', '{"1":"李"}', '{"1":"b"}', '{"2":1}',
    '{"1":"","2":-3}', '{"1":"é"}', '{"1":"a","2":0}', '{"1":"😀"}',
)  # fmt: skip


def _pages(store: Store, query: ListQuery, number: int | None) -> list[Current]:
    import json

    import attrs

    found: list[Current] = []
    while True:
        page = store.list_current(0, query)
        assert len(page) <= query.limit
        found += page
        if len(page) < query.limit:
            return found
        value = None if number is None else json.loads(page[-1].clear).get(str(number))
        query = attrs.evolve(query, after=(value, page[-1].record))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("number", [None, 1, 2])
def test_pages_hold_every_row_once_and_in_order(
    store: Store, limit: int, descending: bool, number: int | None
) -> None:
    """Equal and missing sort values do not lose or repeat a row at the edge of a page."""
    rows = [_current(at + 1, clear) for at, clear in enumerate(_CLEAR)]
    _write(store, lambda tx: tx.add_current([*rows, _current(90, '{"1":"c"}', deleted=1)]))
    query = ListQuery(256, order_by=number, descending=descending, limit=limit)
    found = _pages(store, query, number)
    assert sorted(rows) == sorted(found)
    assert found == _pages(store, ListQuery(256, order_by=number, descending=descending, limit=100), number)
    assert len(rows) == store.count_current(0, query)
    if number is None:
        assert sorted(rows, key=lambda row: row.record, reverse=descending) == found


def test_texts_sort_by_their_characters(store: Store) -> None:
    """By code point, which is the order of UTF-8 as well: every store gives the same pages."""
    texts = ["a", "b", "B", "é", "李", "\uffee", "😀"]
    _write(store, lambda tx: tx.add_current([_current(at + 1) for at in range(len(texts))]))
    for order in list(permutations(range(len(texts))))[::1_000]:
        rows = [_current(at + 1, f'{{"1":"{texts[place]}"}}') for at, place in enumerate(order)]
        _write(store, partial(_set_current, rows))
        found = store.list_current(0, ListQuery(256, order_by=1))
        assert sorted(texts) == [texts[order[int.from_bytes(row.record, "big") - 1]] for row in found]


def test_current_rows_are_chosen_by_clear_fields(store: Store) -> None:
    """Equal values of every type, none for a missing field, and what was deleted apart."""
    rows = [
        _current(1, '{"1":"a","2":1}'),
        _current(2, '{"1":"a"}', subject=1),
        _current(3, '{"1":"1","2":1.5}'),
        _current(4, '{"1":"a"}', deleted=1),
        _current(5)._replace(type=300),
    ]
    _write(store, lambda tx: tx.add_current(rows))

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
    """Subject and asked values of each, None where there is none; limit and order do not count."""
    rows = [_current(1, '{"1":"a","2":1}'), _current(2, '{"1":"b"}', subject=1), _current(3, "{}", deleted=1)]
    _write(store, lambda tx: tx.add_current(rows))

    def found(query: ListQuery, *numbers: int) -> list[tuple[object, ...]]:
        return sorted(store.clear_values(0, query, numbers), key=str)

    subjects = rows[0].subject, rows[1].subject
    assert sorted([(subjects[0], "a", 1), (subjects[1], "b", None)], key=str) == found(
        ListQuery(256, limit=1), 1, 2
    )
    assert [(subjects[1], None)] == found(ListQuery(256, equals=((1, "b"),)), 9)
    assert [(rows[2].subject,)] == found(ListQuery(256, deleted=True))


def test_current_rows_are_chosen_by_conditions(store: Store) -> None:
    """Of each member a row meets every condition of one alternative; also those on its subject's record."""
    rows = [
        _current(1, '{"1":"a","2":1}'),
        _current(2, '{"1":"b","2":1}'),
        _current(3, '{"1":"a"}', subject=2),
        _current(4, '{"3":"x"}', subject=1)._replace(type=300),
        _current(5, '{"3":"y"}', subject=2)._replace(type=300),
    ]
    _write(store, lambda tx: tx.add_current(rows))

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
    _write(store, lambda tx: tx.add_current([_current(1), _current(2)]))
    moved = _current(1, '{"1":"x"}', deleted=1)._replace(version=2)
    _write(store, lambda tx: tx.set_current([moved]))
    assert [moved, _current(2)] == list(store.currents(0))
    assert moved == store.current(0, _id(1))
    assert store.current(0, _id(9)) is None


# --- tokens, retries, the auditors' projection ------------------------------------------------------------


def test_tokens_are_found_and_dropped(store: Store) -> None:
    """By field and kind; adding one twice or dropping one that is not there is nothing."""
    mine = [Token(0, 1, 2, b"t", _id(1)), Token(0, 1, 2, b"t", _id(2)), Token(0, 1, 3, b"t", _id(3))]
    _write(store, lambda tx: tx.add_tokens([*mine, mine[0]]))
    _write(store, lambda tx: tx.add_tokens(mine))
    many = [b"x%d" % at for at in range(1_200)]
    found = store.find_tokens(0, 1, 2, [b"t", *many])
    assert {_id(1), _id(2)} == set(found[b"t"])
    assert not any(found[token] for token in many)
    _write(store, lambda tx: tx.drop_tokens([mine[0], Token(0, 9, 9, b"t", _id(1))]))
    assert [_id(2)] == store.find_tokens(0, 1, 2, [b"t"])[b"t"]
    assert 2 == len(list(store.tokens(0)))


def test_an_answer_is_remembered_for_a_day(store: Store) -> None:
    """By actor and key; the newest counts; older ones are forgotten as new ones come."""
    first = Remembered(0, "anna", "k", 0, 1, b"h" * 32, _DAY_US)
    _write(store, lambda tx: tx.remember(first))
    assert first == store.remembered(0, "anna", "k")
    assert store.remembered(0, "bert", "k") is None
    _write(store, lambda tx: tx.remember(Remembered(0, "bert", "k", 0, 2, b"i" * 32, 2 * _DAY_US)))
    assert first == store.remembered(0, "anna", "k")
    _write(store, lambda tx: tx.remember(Remembered(0, "bert", "z", 0, 3, b"i" * 32, 2 * _DAY_US + 1)))
    assert store.remembered(0, "anna", "k") is None
    assert store.remembered(0, "bert", "k") is not None


def test_entries_are_found_by_what_auditors_ask(store: Store) -> None:
    """Each filter by itself, newest first, paged by index."""
    rows = [
        IndexRow(0, 0, at, 100 + at, "k", "anna" if at % 3 else "bert", "A", "ok", "t", "o", at % 2, 7)
        for at in range(9)
    ]
    _write(store, lambda tx: tx.add_index(rows[:8], []))

    def found(**filters: Any) -> list[int]:
        return [row.seq for row in store.find_entries(0, 0, LogFilter(**filters))]

    assert [6, 3, 0, 7] == found(order_by="actor")[:4]
    assert [1, 2, 4, 5, 7, 0, 3, 6] == found(order_by="actor", descending=False)
    assert [7, 5, 3, 1, 6, 4, 2, 0] == found(order_by="records")
    assert [1, 2, 4] == found(order_by="actor", descending=False, limit=3)
    _write(store, lambda tx: tx.add_index(rows[8:], []))
    assert [5, 7, 8, 0] == found(order_by="actor", descending=False, limit=4, after=("anna", 4))
    assert [4, 3] == found(after=(5, 5), limit=2)
    assert 9 == store.count_entries(0, 0, LogFilter(), most=100)
    assert 3 == store.count_entries(0, 0, LogFilter(actor="bert", limit=1), most=100)
    assert 2 == store.count_entries(0, 0, LogFilter(actor="bert"), most=2)
    with pytest.raises(UsageError):
        found(order_by="op; DROP TABLE log_index")


__all__ = ["StoreMaker", "other", "store", *(name for name in dir() if name.startswith("test_"))]
