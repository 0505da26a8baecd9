"""Indexes of clear fields in SQLite: quicker, never another answer, and gone with what they hold."""

from __future__ import annotations

import json
from contextlib import closing

import attrs
import pytest

from muniment.errors import IntegrityError
from muniment.store import ListQuery
from muniment.stores import _writing
from muniment.stores._reading_current import field_index
from muniment.stores.sqlite import SqliteStore
from muniment.testing.store_contract._rows import a_current, write

CLEAR = (
    '{"1":"b"}', '{"1":"a"}', "{}", '{"1":"b","2":5}', '{"1":"B"}', '{"1":"李"}', '{"1":"b"}', '{"2":1}',
    '{"1":"","2":-3}', '{"1":"é"}', '{"1":"a","2":0}', '{"1":"😀"}', '{"2":0,"1":"a"}', '{"1":true}',
)  # fmt: skip
VALUES = ("a", "b", "", None, "nobody's", 0, 5, True)


@pytest.fixture
def filled(store_maker):
    """A store with rows of which some are equal, empty, or deleted."""
    with closing(store_maker.make()) as store:
        rows = [a_current(at + 1, clear) for at, clear in enumerate(CLEAR)]
        write(store, lambda tx: tx.add_current([*rows, a_current(90, '{"1":"c"}', deleted=1)]))
        yield store


def queries():
    """Every way to sort, choose and turn pages over those rows."""
    for number in (1, 2):
        for descending in (False, True):
            for order in (((number, descending),), ((number, descending), (3 - number, True))):
                yield ListQuery(256, order=order, descending=descending, limit=3)
                yield ListQuery(256, ((3 - number, 0),), order=order, descending=descending, limit=1)
        for value in VALUES:
            yield ListQuery(256, ((number, value),), limit=2)
            yield ListQuery(256, ((number, value), (1, "a")), descending=True, limit=2)


def answers(store):
    """All pages of all of them, and how many rows each says it has."""
    found = []
    for query in queries():
        found.append(store.count_current(0, query))
        while rows := store.list_current(0, query):
            found.append(rows)
            held = json.loads(rows[-1].clear)
            values = [held.get(str(number)) for number, _ in query.order]
            query = attrs.evolve(query, after=(values, rows[-1].record))
    return found


def ready(store, number):
    with store.transaction() as tx:
        tx.ready_listing(0, ListQuery(256, order=((number, False),)))


def plans_of(store, monkeypatch, query):
    """How SQLite goes about a page."""
    asked = []
    fetch = store._fetch
    with monkeypatch.context() as patched:
        patched.setattr(
            store, "_fetch", lambda sql, values=(): asked.append((sql, values)) or fetch(sql, values)
        )
        store.list_current(0, query)
    return [
        row[3]
        for sql, values in asked
        if "INDEXED BY" in sql
        for row in fetch(f"EXPLAIN QUERY PLAN {sql}", values)
    ]


def test_an_index_changes_no_answer(filled, monkeypatch):
    """Sorted, chosen and counted: the same rows on the same pages, with one index and with two."""
    before = answers(filled)
    ready(filled, 1)
    assert before == answers(filled), "a small table is walked"
    monkeypatch.setattr(_writing, "MANY", 1)
    for number in (1, 2):
        ready(filled, number)
        assert filled._has_index(number)
        assert before == answers(filled)


def test_an_index_of_two_fields_changes_no_answer_and_serves_both(filled, monkeypatch):
    """Chosen by one and sorted by the other: sought, not sorted, however many were not chosen."""
    before = answers(filled)
    monkeypatch.setattr(_writing, "MANY", 1)
    query = ListQuery(256, ((2, None),), ((1, False),), limit=2)
    for asked in (query, attrs.evolve(query, equals=((1, "a"),), order=((2, True),))):
        with filled.transaction() as tx:
            tx.ready_listing(0, asked, together=True)
    assert filled._has_index(2, 1)
    assert filled._has_index(1, 2)
    assert not filled._has_index(1)
    assert before == answers(filled)
    assert [] == filled.schema_faults()
    for after in (None, (["b"], bytes(16))):
        for plan in plans_of(filled, monkeypatch, attrs.evolve(query, after=after)):
            assert "USING INDEX current_field_2_1" in plan
            assert "TEMP" not in plan


def test_pages_in_order_are_sought_and_not_sorted(filled, monkeypatch):
    """SQLite's own plan names the index, and makes no table to sort in."""
    monkeypatch.setattr(_writing, "MANY", 1)
    ready(filled, 1)
    plans = [
        *plans_of(
            filled, monkeypatch, ListQuery(256, order=((1, False),), after=(["b"], bytes(16)), limit=100)
        ),
        *plans_of(filled, monkeypatch, ListQuery(256, ((1, "b"),))),
    ]
    assert 3 == len(plans)
    assert all("USING INDEX current_field_1" in one for one in plans), plans


def test_an_index_is_ours_to_the_letter_or_a_fault(filled, monkeypatch, store_maker):
    """One of that name that leaves rows out is named at the next opening."""
    monkeypatch.setattr(_writing, "MANY", 1)
    ready(filled, 1)
    assert [] == filled.schema_faults()
    filled.close()
    SqliteStore(store_maker.path).close()
    name, sql = field_index(2)
    with closing(SqliteStore(store_maker.path)) as store:
        store._db.execute(f"{sql} WHERE record <> x'00'")
    with pytest.raises(IntegrityError, match=name):
        SqliteStore(store_maker.path)


def test_what_is_dropped_is_in_no_index(filled, monkeypatch, store_maker):
    """A row's values leave the file with the row, from the index too."""
    monkeypatch.setattr(_writing, "MANY", 1)
    gone = a_current(91, '{"1":"Quernstein"}')
    write(filled, lambda tx: tx.add_current([gone]))
    ready(filled, 1)
    filled.truncate()
    assert store_maker.path.read_bytes().count(b"Quernstein") >= 2, "in the table and in the index"
    write(filled, lambda tx: tx.drop_current(0, [gone.record]))
    filled.truncate()
    assert b"Quernstein" not in store_maker.path.read_bytes()
