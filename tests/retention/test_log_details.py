"""Retention of the log's details: they go, the entries and proofs stay, what is held or needed stays."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, IntegrityError, UsageError
from muniment.log.proof import verify_proof
from muniment.model import rfc3339
from muniment.store import LogFilter
from muniment.testing import assert_logged, log_entries


def later(archive):
    """The present, as a text."""
    return rfc3339(archive.engine.clock())


def test_details_go_and_entries_stay(session, archive, people):
    """Proofs are the same, verification says from where to where, and who did it is written down."""
    for _ in range(3):
        session.get(people.anna)
    before = log_entries(archive)
    (read, *_) = [one for one in before if one.kind == "record.read"]
    with assert_logged(archive, "log.dispose", count=3) as disposed:
        done = session.dispose_log("accesses", before=later(archive))
    assert (3, 0, read.index) == (done.entries, done.kept, done.first)
    assert 3 == len(disposed[0].detail["target"]["commitments"])
    after = log_entries(archive)
    assert [one.entry for one in before] == [one.entry for one in after[: len(before)]]
    assert {} == after[read.index].detail
    report = archive.log.verify()
    assert (3, done.first, done.last) == (report.disposed, report.disposed_first, report.disposed_last)
    proven = verify_proof(session.prove(read.index), [archive.verifier_key])
    assert read.index == proven.index
    assert [] == list(session.check_data())


def test_the_projection_knows_no_more_than_the_details(session, archive, people):
    """Who read what is not found any more by filters, nor by asking about the person."""
    session.create("user", {"login": "vera", "roles": ["reader"], "state": "active"})
    with archive.session(actor="vera", purpose="ServiceProvision") as mine:
        mine.get(people.anna)
    assert [1] == [one.count for one in session.entries(LogFilter(actor="vera"))]
    session.dispose_log("accesses", before=later(archive))
    assert not session.entries(LogFilter(actor="vera"))
    assert "record.read" not in {one.kind for one in session.accesses(people.anna)}
    session.rebuild_data()
    assert not session.entries(LogFilter(actor="vera"))
    assert session.entry(0).kind == "archive.create"


def test_the_trail_of_a_record_lives_as_long_as_the_record(session, archive, people):
    """Details of changes stay while the record does, and go once it was erased."""
    assert 0 == session.dispose_log("changes", before=later(archive)).entries
    assert [one.actor for one in session.history(people.anna)] == ["owner", "owner"]
    session.erase(people.anna, reason="asked")
    done = session.dispose_log("changes", before=later(archive))
    assert done.entries >= 3
    assert done.kept >= 2
    assert {None} == {one.actor for one in session.history(people.anna)[:2]}
    assert "owner" == session.history(people.bert)[0].actor
    archive.log.verify()


@pytest.mark.parametrize("hold", [{"subjects": "anna"}, {"records": "anna"}, {"types": ["customer"]},
                                  {"categories": ["profile"]}], ids=str)  # fmt: skip
def test_what_a_hold_concerns_stays(session, archive, people, hold):
    """What it does not concern goes all the same."""
    named = {k: [getattr(people, v)] if isinstance(v, str) else v for k, v in hold.items()}
    session.get(people.anna)
    session.get(session.create("product", {"product_name": "Lamp", "product_code": "L-1"}).id)
    placed = session.holds.place("1", **named)
    done = session.dispose_log("accesses", before=later(archive))
    assert (1, 1) == (done.entries, done.kept)
    session.holds.release(placed.id, reason="x")
    assert 1 == session.dispose_log("accesses", before=later(archive)).entries
    archive.log.verify()


def test_a_hold_of_everything_stops_it(session, archive, people):
    """And says so in the log."""
    session.get(people.anna)
    session.holds.place("1", everything=True)
    with assert_logged(archive, "retention.refuse", outcome="denied"), pytest.raises(AccessDenied) as caught:
        session.dispose_log("accesses", before=later(archive))
    assert "hold.held" == caught.value.code


def test_evidence_is_never_disposed_of(session, archive):
    """There is no rule for it."""
    with pytest.raises(UsageError) as caught:
        session.dispose_log("evidence", before=later(archive))
    assert "disposal.no_rule" == caught.value.code


def test_what_is_young_stays(session, archive, people):
    """Nothing from the time on."""
    session.get(people.anna)
    when = later(archive)
    session.get(people.bert)
    assert 1 == session.dispose_log("accesses", before=when).entries
    assert 1 == session.dispose_log("accesses", before=later(archive)).entries


def test_a_disposal_under_a_false_entry_is_found(session, archive, people):
    """An entry that lists other commitments than those that are gone covers nothing."""
    from muniment.session.kernel.logbook import Draft
    from muniment.store import DetailGap

    session.get(people.anna)
    (read,) = [one for one in log_entries(archive) if one.kind == "record.read"]
    engine = archive.engine

    def forged(tx, moment):
        tx.dispose_details([DetailGap(0, 0, read.index, 2, moment.gen, moment.size)])
        detail = engine.detail(session.acting, engine.new_id(), count=1)
        engine.logbook.append(tx, moment, [Draft("log.dispose", detail, binding=bytes(32))], actor="owner")

    engine.run(forged)
    with pytest.raises(IntegrityError) as caught:
        archive.log.verify()
    assert "integrity.detail_gap" == caught.value.code
