"""Pages are loaded in two questions: they find what one question a record finds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from muniment.store import Part, Version
from muniment.stores.sqlite import SqliteStore

ZERO = bytes(32)


def version_of(record: bytes, number: int) -> Version:
    return Version(0, record, number, record, 0, 0, 300, 1, 1, ZERO, ZERO, b"", number, number)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """230 records of one to four versions, with parts of two groups in some of them."""
    store = SqliteStore(tmp_path / "archive.db", create=True)
    dice = random.Random(11)
    with store.transaction() as tx:
        for place in range(230):
            record = place.to_bytes(16, "big")
            numbers = range(1, dice.randrange(2, 6))
            tx.add_versions([version_of(record, number) for number in numbers])
            tx.add_parts(
                [
                    Part(0, record, group, number, b"%d" % number)
                    for group in (18, 19)
                    for number in numbers
                    if dice.random() < 0.5
                ]
            )
    return store


def test_the_newest_versions_of_many_records_are_those_of_each(store: SqliteStore) -> None:
    """More records than one statement takes, and some that are not there."""
    records = [place.to_bytes(16, "big") for place in (*range(230), 900, 901)]
    expected = {record: found for record in records if (found := store.version(0, record)) is not None}
    assert store.newest_versions(0, records) == expected
    assert store.newest_versions(0, []) == {}


def test_the_parts_of_many_places_are_those_of_each(store: SqliteStore) -> None:
    """For each record the newest parts of its groups that are not newer; none where there is none."""
    dice = random.Random(12)
    places = {
        place.to_bytes(16, "big"): (dice.randrange(1, 5), dice.choice([(18, 19), (18,), (19,), (18, 20)]))
        for place in range(230)
    }
    expected = {
        record: parts
        for record, (number, groups) in places.items()
        if (parts := store.parts_of(0, record, number, groups))
    }
    found = store.parts_at(0, places)
    assert {record: sorted(parts) for record, parts in expected.items()} == {
        record: sorted(parts) for record, parts in found.items()
    }
    assert store.parts_at(0, {}) == {}
