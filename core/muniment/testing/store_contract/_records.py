"""Records, their parts and their states are read without what can be rebuilt."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from functools import partial

from muniment.store import (
    DetailGap,
    Facet,
    File,
    Gap,
    Part,
    Remembered,
    SidePart,
    State,
    Store,
    Subject,
    Token,
    Transaction,
    Version,
)
from muniment.testing.store_contract._rows import a_batch, a_current, a_part, a_version, an_id, fill, write


def test_rows_come_in_the_order_of_their_keys(store: Store) -> None:
    """However they were written, so that tables can be walked side by side."""
    versions = [
        a_version(2, 1, seq=1),
        a_version(1, 2, seq=3),
        a_version(1, 1, seq=2),
        a_version(3, 1, seq=1),
    ]
    parts = [a_part(2, 9, 1), a_part(1, 17, 1), a_part(1, 9, 2), a_part(1, 9, 1)]
    sides = [
        SidePart(0, an_id(1), 5, 0, 9, b""),
        SidePart(0, an_id(2), 4, 0, 3, b""),
        SidePart(0, an_id(1), 6, 0, 3, b""),
    ]
    files = [
        File(0, an_id(8), an_id(2), 1, 9, b""),
        File(0, an_id(9), an_id(1), 1, 9, b""),
        File(0, an_id(7), an_id(1), 1, 9, b""),
    ]
    states = [
        State(0, an_id(2), 0, 1, "live", 0, 0),
        State(0, an_id(1), 3, 1, "live", 0, 0),
        State(0, an_id(1), 1, 2, "live", 0, 0),
    ]
    gaps = [
        Gap(0, an_id(2), 9, 9, b"", 0, 0),
        Gap(0, an_id(1), 9, 8, b"", 0, 0),
        Gap(0, an_id(1), 9, 7, b"", 0, 0),
    ]
    facets = [Facet(0, an_id(2), 1, 302), Facet(0, an_id(1), 2, 301), Facet(0, an_id(1), 1, 300)]
    subjects = [Subject(0, an_id(2), 302), Subject(0, an_id(1), 303)]
    tokens = [
        Token(0, 2, 1, b"a", an_id(1)),
        Token(0, 1, 1, b"b", an_id(1)),
        Token(0, 1, 1, b"a", an_id(2)),
        Token(0, 1, 1, b"a", an_id(1)),
    ]
    write(
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
        lambda tx: tx.add_current([a_current(2), a_current(1)]),
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
    assert [a_current(1), a_current(2)] == list(store.currents(0))
    assert [an_id(7), an_id(9)] == [row.file for row in store.files_of(0, an_id(1))]
    assert [1, 2] == [row.category for row in store.facets_of(0, an_id(1))]
    assert [an_id(1), an_id(2)] == [row.record for row in store.side_part(0, 0, 3)]
    assert subjects[0] == store.subject(0, an_id(2))
    assert store.subject(0, an_id(9)) is None
    assert store.subject_slots(0, [an_id(2), an_id(1), an_id(9)]) == {an_id(2): 302, an_id(1): 303}
    assert store.subject_slots(0, []) == {}


def _add_parts(rows: Sequence[Part], tx: Transaction) -> None:
    tx.add_parts(rows)


def _add_versions(rows: Sequence[Version], tx: Transaction) -> None:
    tx.add_versions(rows)


def test_walking_a_table_holds_few_rows(store: Store) -> None:
    """Verification reads archives that are larger than the memory."""
    sealed = bytes(4_096)
    for start in range(0, 2_000, 500):
        write(store, partial(_add_parts, [a_part(start + at, 9, 1, sealed) for at in range(500)]))
    tracemalloc.start()
    try:
        assert 2_000 == sum(1 for _ in store.parts_by_record(0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_tables_are_walked_side_by_side(store: Store) -> None:
    """Two iterators over one store do not disturb one another."""
    write(
        store,
        lambda tx: tx.add_versions([a_version(at, 1) for at in range(600)]),
        lambda tx: tx.add_parts([a_part(at, 9, 1) for at in range(600)]),
    )
    walked = list(zip(store.versions_by_record(0), store.parts_by_record(0), strict=True))
    assert 600 == len(walked)
    assert all(version.record == part.record for version, part in walked)


def test_versions_of_one_record_and_of_one_entry(store: Store) -> None:
    """By number, the newest, all, and those that an entry wrote."""
    write(
        store,
        lambda tx: tx.add_versions([a_version(1, 1, seq=4), a_version(1, 2, seq=7), a_version(2, 1, seq=7)]),
    )
    assert a_version(1, 2, seq=7) == store.version(0, an_id(1))
    assert a_version(1, 1, seq=4) == store.version(0, an_id(1), 1)
    assert store.version(0, an_id(1), 3) is None
    assert store.version(0, an_id(9)) is None
    assert [1, 2] == [row.version for row in store.versions_of(0, an_id(1))]
    assert [an_id(1), an_id(2)] == [row.record for row in store.versions_at(0, 0, 5, 7)]


def test_built_in_records_are_found_without_the_current_state(store: Store) -> None:
    """Definitions and users by type, each with its newest version."""
    rows = [
        a_version(2, 1)._replace(type=2),
        a_version(1, 1)._replace(type=2),
        a_version(1, 2)._replace(type=2),
        a_version(3, 1)._replace(type=1),
        a_version(5, 1)._replace(type=3),
        a_version(4, 1),
    ]
    write(store, lambda tx: tx.add_versions(rows))
    found = [tuple(row) for row in store.builtin(0, {2, 1})]
    assert [(1, an_id(3), 1), (2, an_id(1), 2), (2, an_id(2), 1)] == found


def test_an_unchanged_group_keeps_its_older_part(store: Store) -> None:
    """A version is shown with the newest part of each group that is not newer than it."""
    write(
        store,
        lambda tx: tx.add_parts([a_part(1, 9, 1, b"a1"), a_part(1, 9, 4, b"a4"), a_part(1, 10, 2, b"b2")]),
    )

    def seen(version: int, groups: Sequence[int] | None = None) -> dict[int, bytes]:
        return {row.grp: row.sealed for row in store.parts_of(0, an_id(1), version, groups)}

    assert {9: b"a1"} == seen(1)
    assert {9: b"a1", 10: b"b2"} == seen(2) == seen(3)
    assert {9: b"a4", 10: b"b2"} == seen(4) == seen(99)
    assert {10: b"b2"} == seen(4, [10])
    assert {} == seen(4, []) == seen(4, [77])


def test_many_records_are_read_in_one_go(store: Store) -> None:
    """The newest version of each, and the parts at given versions, as one by one."""
    count = 250
    for number in range(count):
        parts = [a_part(number, 9, at, b"%d %d" % (at, number)) for at in (1, 3, 30)]
        versions = [a_version(number, 1), a_version(number, 2, seq=1 + number % 2)]
        write(store, partial(_add_parts, parts), partial(_add_versions, versions))
    records = [an_id(number) for number in range(-3 % count, count + 3)] + [an_id(5), an_id(999)]
    found = store.newest_versions(0, records)
    assert {record: store.version(0, record) for record in records if store.version(0, record)} == found
    asked: list[dict[bytes, tuple[int, tuple[int, ...]]]] = [
        {an_id(number): (version, (9, 10)) for number in range(count)} for version in (2, 3, 29, 31)
    ]
    groups = ((9,), (9, 10), (10,), ())
    asked.append(
        {an_id(number): ((2, 3, 29, 31)[number % 4], groups[number // 4 % 4]) for number in range(count)}
    )
    for places in asked:
        expected = {record: store.parts_of(0, record, *wanted) for record, wanted in places.items()}
        told = {record: list(parts) for record, parts in store.parts_at(0, places).items()}
        assert {record: parts for record, parts in expected.items() if parts} == told
    assert store.newest_versions(0, []) == {}
    assert store.parts_at(0, {}) == {}
    write(store, lambda tx: tx.add_current([a_current(number) for number in range(0, count, 3)]))
    standing = [row for record in records if (row := store.current(0, record)) is not None]
    assert standing
    assert standing == store.current_of(0, records)
    assert store.current_of(0, []) == []


def test_the_records_of_a_subject_are_found_without_the_current_state(store: Store) -> None:
    """Its own record and those about it, whatever happened to the rows that can be rebuilt."""
    write(
        store,
        lambda tx: tx.add_versions(
            [
                a_version(1, 1),
                a_version(1, 2),
                a_version(2, 1, subject=1),
                a_version(3, 1, subject=1),
                a_version(4, 1),
            ]
        ),
        lambda tx: tx.add_current([a_current(1), a_current(2, subject=1), a_current(4)]),
    )
    assert [1, 2, 3] == [int.from_bytes(one.record, "big") for one in store.subject_records(0, an_id(1))]
    assert {1} == {one.version for one in store.subject_records(0, an_id(1))}
    assert [] == store.subject_records(0, an_id(3))
    assert {1, 2} == {int.from_bytes(row.record, "big") for row in store.records_of_subject(0, an_id(1))}


def test_reasons_and_details_go_through_their_doors(store: Store) -> None:
    """Each leaves a gap that names its entry; what has none stays."""
    fill(store)
    write(
        store,
        lambda tx: tx.add_side_parts([SidePart(0, an_id(1), 78, 0, 1, b"other")]),
        lambda tx: tx.dispose_parts([Gap(0, an_id(1), 0, 77, b"h" * 32, 0, 1)]),
        lambda tx: tx.dispose_details([DetailGap(0, 0, 0, 1, 0, 1)]),
    )
    assert [78] == [side.version for side in store.side_parts_of(0, an_id(1))]
    assert [2] == [row.rule for row in store.details(0, 0)]
    assert [(1, 0, 1), (3, 0, 1)] == [(gap.rule, gap.by_gen, gap.by_seq) for gap in store.detail_gaps(0)]


def test_what_is_being_erased_is_the_last_that_was_begun(store: Store) -> None:
    """An erasure that was done hides nothing, and is not in the way of the next one."""
    done = [State(0, an_id(1), 1, 1, "erasing", 0, 1), State(0, an_id(1), 1, 2, "erased", 0, 2)]
    going = [State(0, an_id(3), 0, 1, "erasing", 0, 3), State(0, an_id(2), 4, 1, "erasing", 0, 4)]
    assert [] == store.unfinished(0)
    write(store, lambda tx: tx.add_states(done))
    assert [] == store.unfinished(0)
    write(store, lambda tx: tx.add_states(going))
    assert going == store.unfinished(0)
    assert done == store.steps_of(0, {an_id(1), an_id(9)})


def test_rows_of_what_was_erased_are_dropped(store: Store) -> None:
    """Current rows, tokens of some fields or all, and answers to retries; the rest stays."""
    tokens = [Token(0, field, 1, b"t", an_id(record)) for field in (1, 2) for record in (1, 2, 3)]
    mark = Token(0, 0, 0, b"layout", an_id(1))
    write(
        store,
        lambda tx: tx.append_batch(a_batch(0, n=2), []),
        lambda tx: tx.remember(Remembered(0, "anna", "key", 0, 0, b"h" * 32, 10)),
        lambda tx: tx.remember(Remembered(0, "bert", "key", 0, 2, b"h" * 32, 10)),
        lambda tx: tx.add_current([a_current(1), a_current(2)]),
        lambda tx: tx.add_tokens([*tokens, mark]),
    )
    write(
        store,
        lambda tx: tx.drop_current(0, {an_id(1)}),
        lambda tx: tx.drop_tokens_of(0, {an_id(1): None, an_id(2): {2}}),
        lambda tx: tx.forget_answers(0, {(0, 1)}),
    )
    assert [an_id(2)] == [row.record for row in store.currents(0)]
    kept = [(row.field, int.from_bytes(row.record, "big")) for row in store.tokens(0)]
    assert [(0, 1), (1, 2), (1, 3), (2, 3)] == kept
    assert store.remembered(0, "anna", "key") is None
    assert store.remembered(0, "bert", "key") is not None


def test_states_tell_only_what_is_not_simply_live(store: Store) -> None:
    """The newest step counts."""
    assert not store.has_states(0)
    write(
        store,
        lambda tx: tx.add_states(
            [
                State(0, an_id(1), 1, 1, "erasing", 0, 1),
                State(0, an_id(1), 1, 2, "erased", 0, 2),
                State(0, an_id(2), 0, 1, "erasing", 0, 1),
                State(0, an_id(2), 0, 2, "live", 0, 3),
                State(0, an_id(3), 0, 1, "erasing", 0, 1),
            ]
        ),
    )
    assert store.has_states(0)
    found = store.state_of(0, {an_id(number) for number in range(2_000)})
    assert {(an_id(1), 1, "erased"), (an_id(3), 0, "erasing")} == {
        (row.id, row.category, row.state) for row in found
    }


__all__ = [*(name for name in dir() if name.startswith("test_"))]
