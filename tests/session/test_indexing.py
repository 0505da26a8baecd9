"""The job that brings the auditors' index up to date goes on where it was stopped, and does nothing twice."""

from __future__ import annotations

import pytest

from muniment import audit
from muniment.session.kernel.engine import SHARD
from muniment.session.oversight import affected
from muniment.store import LogFilter
from muniment.testing import log_entries


class Stopped(Exception):
    """The process ended here."""


@pytest.fixture
def looked_at(monkeypatch):
    """The pieces of the log that are taken in, of three entries each; they may end after some."""
    pieces, catch_up = [], audit.catch_up

    def counted(tx, shard, gen, *, stop):
        if counted.ends_after is not None and len(pieces) == counted.ends_after:
            raise Stopped
        pieces.append((tx.indexed_to(shard, gen), stop))
        return catch_up(tx, shard, gen, stop=stop)

    counted.ends_after = None
    counted.pieces = pieces
    monkeypatch.setattr(affected, "_PIECE", 3)
    monkeypatch.setattr(affected.audit, "catch_up", counted)
    return counted


def indexed(archive):
    """Up to where the newest generation is in the index."""
    with archive.store.transaction(write=False) as tx:
        return tx.indexed_to(SHARD, 0)


def test_a_job_that_was_stopped_between_two_pieces_goes_on_there(archive, session, looked_at):
    """What is done stays done; the next run takes the rest, each entry once, and says how many those were."""
    for _ in range(8):
        session.create("customer", {"full_name": "Anna Schmidt"})
    before, size = indexed(archive), len(log_entries(archive))
    looked_at.ends_after = 2
    with pytest.raises(Stopped):
        session.tick(only=["index"])
    assert before + 6 == indexed(archive)
    looked_at.ends_after = None
    (done,) = session.tick(only=["index"])
    end = looked_at.pieces[-1][1]
    assert end >= size
    starts, stops = zip(*looked_at.pieces, strict=True)
    assert (before, *stops[:-1]) == starts
    assert {3} == {stop - start for start, stop in looked_at.pieces[:-1]}
    assert end - before - 6 == done.counts["entries"]
    archive.log.verify()
    with archive.store.transaction(write=False) as tx:
        filters = LogFilter(kinds=("record.create",), before=size, limit=100)
        assert [8] == [len(tx.find_entries(SHARD, 0, filters))]


def test_a_job_with_nothing_to_do_does_nothing(archive, session, looked_at):
    """Right after another one there is what that one wrote, and no piece without an entry."""
    session.tick(only=["index"])
    looked_at.pieces.clear()
    (done,) = session.tick(only=["index"])
    assert done.counts["entries"] == sum(stop - start for start, stop in looked_at.pieces)
    assert all(start < stop for start, stop in looked_at.pieces)
