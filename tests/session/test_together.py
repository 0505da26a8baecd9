"""Reads of many threads share a transaction, and each gets what it would have got alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from muniment.errors import AccessDenied, NotFound, StoreError
from muniment.model import id_bytes
from muniment.session import Change
from muniment.session.kernel.together import Reads, Waiting
from muniment.testing import log_entries

COUNT = 12


@pytest.fixture
def people(session):
    changes = [
        Change("create", "customer", values={"full_name": f"name {number}"}) for number in range(COUNT)
    ]
    return [saved.id for saved in session.write(changes)]


def at_once(engine, acts: list[Callable[[], object]]) -> list[Future[object]]:
    """Do all of these while nobody can commit until every one of them waits."""
    reads = engine._reads
    with ThreadPoolExecutor(len(acts)) as pool, engine._lock:
        futures = [pool.submit(act) for act in acts]
        while len(reads._queue) < len(acts) - 1:
            assert not any(future.done() for future in futures)
    assert not reads._queue
    assert not reads._led_by
    return futures


def batches(archive) -> list[tuple[int, int]]:
    with archive.log.reader() as reader:
        return [(batch.first_seq, batch.n) for batch in reader.batches(0, 0)]


def test_reads_that_wait_are_one_batch(archive, session, people):
    """Each thread gets its own record, each has its own entry, and the log is sound."""
    before = len(batches(archive))
    futures = at_once(archive.engine, [lambda one=one: session.get(one) for one in people])
    assert [f"name {number}" for number in range(COUNT)] == [
        one.result().fields["full_name"] for one in futures
    ]
    assert [COUNT] == [n for _, n in batches(archive)[before:]]
    entries = [one for one in log_entries(archive) if one.kind == "record.read"]
    assert COUNT == len(entries)
    assert COUNT == len({one.detail["op"] for one in entries})
    assert archive.log.verify().entries == sum(n for _, n in batches(archive))


def test_pages_and_records_share_a_transaction(archive, session, people):
    """A list is a read like any other."""
    before = len(batches(archive))
    futures = at_once(
        archive.engine, [lambda: session.list("customer", limit=5), *(lambda: session.get(people[0]),) * 3]
    )
    assert 5 == len(futures[0].result().records)
    assert [4] == [n for _, n in batches(archive)[before:]]


def test_a_refusal_among_them_is_one_persons_own(archive, session, people):
    """The others get theirs, and everything stands in the log once."""
    missing = "0" * 8 + "-0000-7000-8000-" + "0" * 12
    futures = at_once(archive.engine, [lambda one=one: session.get(one) for one in [*people, missing]])
    for number, future in enumerate(futures[:-1]):
        assert f"name {number}" == future.result().fields["full_name"]
    with pytest.raises(NotFound):
        futures[-1].result()
    kinds = [one.kind for one in log_entries(archive)]
    assert (COUNT, 1) == (kinds.count("record.read"), kinds.count("access.deny"))
    archive.log.verify()


def test_somebody_whose_roles_changed_is_refused_among_others(archive, session, people):
    """A shared transaction asks of each who takes part whether they still may."""
    values = {"login": "vera", "roles": ["editor"], "state": "active"}
    vera = session.write([Change("create", "user", values=values)])[0]
    reader = archive.session(actor="vera", purpose="ServiceProvision")
    session.write([Change("update", record=id_bytes(vera.id), values={"roles": ["reader"]})])
    futures = at_once(
        archive.engine,
        [lambda: session.get(people[0]), lambda: reader.get(people[1]), lambda: session.get(people[2])],
    )
    assert "name 0" == futures[0].result().fields["full_name"]
    assert "name 2" == futures[2].result().fields["full_name"]
    with pytest.raises(AccessDenied) as caught:
        futures[1].result()
    assert "access.changed" == caught.value.code


def test_nothing_is_released_where_nothing_was_committed(archive, session, people, monkeypatch):
    """A store that cannot commit gives everybody its error and nobody a value."""
    before = batches(archive)

    def failing(*_: object, **__: object) -> object:
        raise StoreError("store.full")

    monkeypatch.setattr(type(archive.store), "transaction", failing)
    futures = at_once(archive.engine, [lambda one=one: session.get(one) for one in people])
    for future in futures:
        with pytest.raises(StoreError):
            future.result()
    monkeypatch.undo()
    assert before == batches(archive)


def test_a_read_inside_a_read_does_not_wait_for_itself(archive, session, people):
    """It is refused by the store, as a transaction inside another is."""

    def body(tx, moment):
        session.get(people[0])

    with pytest.raises(StoreError):
        archive.engine.read(body, session.acting)
    assert "name 1" == session.get(people[1]).fields["full_name"]


def test_whoever_leads_and_is_interrupted_leaves_the_others_to_the_next():
    """Nobody waits for ever for somebody who is gone."""
    reads: Reads
    interrupted = threading.Event()

    def commit(some: list[Waiting]) -> None:
        if not interrupted.is_set():
            while len(reads._queue) + len(some) < 5:
                pass
            interrupted.set()
            raise KeyboardInterrupt
        for one in some:
            one.result = "done"

    reads = Reads(threading.RLock(), commit)
    waiting = [Waiting(lambda tx, moment: None, None) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(reads.run, one) for one in waiting]
    gone = [future for future in futures if isinstance(future.exception(), KeyboardInterrupt)]
    assert 1 == len(gone)
    assert 4 == sum(one.done and one.result == "done" for one in waiting)
    assert not reads._led_by
