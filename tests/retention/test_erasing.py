"""Erasure: nothing is left, the rest is as before, the log says that something was and is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muniment.errors import Conflict, Invalid, KeyStoreError, NotFound, UsageError
from muniment.keys import ArchiveLock
from muniment.model import id_bytes
from muniment.session.kernel.loading import load, open_loaded
from muniment.store import LogFilter
from muniment.testing import assert_no_plaintext, leaks, open_again
from muniment.verify.certificate import check_certificate


def test_nothing_of_an_erased_subject_is_left(session, archive, people):
    """No value, normalised form or token in any file; everybody else reads as before."""
    before = {one: session.get(one).fields for one in (people.bert, people.other)}
    tokens = [row for row in archive.store.tokens(0) if row.record == id_bytes(people.anna)]
    assert tokens
    session.erase(people.anna, reason="asked for it")
    archive.close()
    assert_no_plaintext(archive.folder, people.forms)
    with (
        open_again(archive.folder, clock=archive.engine.clock) as again,
        again.session(actor="owner", purpose="ServiceProvision") as mine,
    ):
        assert before == {one: mine.get(one).fields for one in (people.bert, people.other)}
        # Tokens are short on purpose, so another may have the same.
        assert not {id_bytes(people.anna), id_bytes(people.order)} & {
            row.record for row in again.store.tokens(0)
        }
        assert [] == list(mine.check_data())
        report = again.log.verify()
        assert 0 == report.unfinished
        assert report.gaps
        assert 1 == len(mine.list("customer").records) == mine.list("customer", count=True).total


def test_what_is_erased_answers_like_what_never_was(session, people):
    """On every path, and its values may be given to somebody else."""
    session.erase(people.anna, reason="asked")
    for call in (
        lambda: session.get(people.anna),
        lambda: session.get(people.order),
        lambda: session.update(people.anna, {"city": "Bonn"}),
        lambda: session.delete(people.order, reason="x"),
        lambda: session.undelete(people.anna),
        lambda: session.diff(people.anna, 1, 2),
        lambda: session.get(people.anna, version=1),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert "record.not_found" == caught.value.code
    assert [] == session.search("customer", "annabella").records
    assert [] == session.list("order", where={"customer": people.anna}).records
    with pytest.raises(Conflict) as caught:
        session.erase(people.anna, reason="again")
    assert "erasure.begun" == caught.value.code
    session.create("customer", people.values)


def test_history_says_that_something_was_and_is_gone(session, people):
    """Versions with who and when, and the erasure itself; no value, no reason."""
    session.erase(people.anna, reason="asked")
    steps = session.history(people.anna)
    assert ["create", "update", "erase"] == [step.operation for step in steps]
    assert all(step.erased and not step.changes and step.reason is None for step in steps)
    assert {"owner"} == {step.actor for step in steps}
    assert steps[-1].certificate
    entry = session.entry(steps[-1].entry)
    assert ("erasure.done", "subject") == (entry.kind, entry.detail["target"]["scope"])
    assert ["create", "erase"] == [step.operation for step in session.history(people.order)]


def test_one_category_of_a_record(session, archive, people):
    """The others stay, can be changed, and can go later with all that is left."""
    session.erasures.record(people.anna, category="contact", reason="wrong number")
    found = session.get(people.anna)
    assert "Annabella Schmidt" == found.fields["full_name"]
    assert {"phone", "email"} <= found.erased
    session.update(people.anna, {"full_name": "Annabella Meier"})
    with pytest.raises(NotFound) as caught:
        session.update(people.anna, {"phone": "030 111"})
    assert "record.erased" == caught.value.code
    step = session.history(people.anna)[-2]
    assert ("erase", "contact") == (step.operation, step.category)
    assert [] == list(session.check_data())
    assert 0 == archive.log.verify().unfinished
    assert [] == session.list("customer", where={"phone": "030 9999111"}).records
    session.erase(people.anna, reason="all of it")
    assert [] == list(session.check_data())
    archive.log.verify()
    archive.close()
    assert_no_plaintext(archive.folder, [*people.forms, "Annabella Meier"])


def test_a_record_alone(session, archive, people):
    """A record about a subject goes alone; one that is its own subject leaves the others of theirs."""
    session.erasures.record(people.order, reason="double")
    with pytest.raises(NotFound):
        session.get(people.order)
    session.erasures.record(people.bert, reason="wrong")
    assert {} == session.get(people.bert).fields
    assert "SO-2" == session.get(people.other).fields["order_number"]
    assert [people.anna] == [one.id for one in session.list("customer").records]
    assert [] == list(session.check_data())
    archive.log.verify()
    with pytest.raises(NotFound):
        session.update(people.bert, {"city": "Bonn"})


def test_a_reason_is_needed(session, people):
    """And a subject where one is asked for."""
    for call in (
        lambda: session.erase(people.anna, reason=" "),
        lambda: session.erasures.record(people.order, reason=""),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert "usage.no_reason" == caught.value.code
    with pytest.raises(UsageError) as caught:
        session.erase(people.order, reason="x")
    assert "erasure.not_subject" == caught.value.code
    with pytest.raises(NotFound):
        session.erase("019b76da-a801-7000-8395-1871b5264c05", reason="x")
    with pytest.raises(UsageError):
        session.erasures.record(people.anna, category="nothing", reason="x")


def test_an_open_process_refuses_at_once(session, archive, people):
    """It had the subject's keys and pages in memory; its next act knows."""
    with (
        open_again(archive.folder, clock=archive.engine.clock) as other,
        other.session(actor="owner", purpose="ServiceProvision") as theirs,
    ):
        assert theirs.get(people.anna).fields["full_name"]
        held = other.engine.sealer._held
        assert other.engine.sealer._data_keys
        assert held
        session.erase(people.anna, reason="asked")
        with pytest.raises(NotFound):
            theirs.get(people.anna)
        assert other.engine.sealer._held is not held
        with pytest.raises(NotFound):
            theirs.update(people.anna, {"city": "Bonn"})
        with pytest.raises(Invalid):
            theirs.create("order", {"customer": people.anna, "order_number": "X", "ordered_at": "2026-01-01"})
        assert not other.engine._subject_keys.get(id_bytes(people.anna))
        assert theirs.get(people.bert).fields["full_name"]
        other.log.verify()


def test_only_one_erases_at_a_time(session, archive, people):
    """Erasure, rotation, backup and restore hold one lock; who comes second is told so, and nothing began."""
    import threading

    held, go = threading.Event(), threading.Event()

    def hold():
        with ArchiveLock(archive.folder, act="backup"):
            held.set()
            go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    with pytest.raises(KeyStoreError) as caught:
        session.erase(people.anna, reason="asked")
    assert "key.locked" == caught.value.code
    go.set()
    thread.join()
    assert [] == list(archive.store.states(0))
    session.erase(people.anna, reason="asked")


def test_an_old_copy_of_the_keys_opens_nothing(session, archive, people, tmp_path):
    """Once the archive key is rotated, keys.db from before does not open with the slots of today."""
    before = archive.keys.epoch
    copy = (archive.folder / "keys.db").read_bytes()
    session.erase(people.anna, reason="asked")
    assert before + 1 == archive.keys.epoch
    archive.close()
    for name in ("keys.db-wal", "keys.db-shm"):
        (archive.folder / name).unlink(missing_ok=True)
    (archive.folder / "keys.db").write_bytes(copy)
    with pytest.raises(KeyStoreError):
        open_again(archive.folder)


STEPS = ("begun", "destroy", "destroyed", "disposed", "files", "rotate", "rotated", "done")


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_is_finished_by_the_next_opening(session, archive, people, cut_at, step):
    """Nothing is half erased and called done; what should live lives; it is written down."""
    with pytest.raises(cut_at(archive, step)):
        session.erase(people.anna, reason="asked for it")
    # What began answers like what is gone, wherever it stopped.
    with pytest.raises(NotFound):
        session.get(people.anna)
    states = [state.state for state in archive.store.states(0)]
    assert ["erasing"] == states
    assert [] == session.erasures.certificates()
    archive.log.verify()
    archive.close()
    with (
        open_again(archive.folder, clock=archive.engine.clock) as again,
        again.session(actor="owner", purpose="ServiceProvision") as mine,
    ):
        assert ["erasing", "erased"] == [state.state for state in again.store.states(0)]
        assert [] == again.store.unfinished(0)
        assert not again.keys.rotation_due
        assert 2 <= again.keys.epoch
        assert "Berthold Klein" == mine.get(people.bert).fields["full_name"]
        assert [] == list(mine.check_data())
        assert 0 == again.log.verify().unfinished
        (certificate,) = mine.erasures.certificates()
        check_certificate(json.dumps(mine.erasures.certificate(certificate["id"])))
        assert 1 == len(mine.entries(LogFilter(kinds=("archive.recover",))))
    assert_no_plaintext(archive.folder, people.forms)


def test_another_erasure_finishes_the_one_before(session, archive, people, cut_at):
    """In the same process too: one ends before another begins."""
    with pytest.raises(cut_at(archive, "destroyed")):
        session.erase(people.anna, reason="asked")
    archive.engine.step = lambda name: None
    session.erase(people.bert, reason="asked")
    assert 2 == len(session.erasures.certificates())
    archive.log.verify()


def test_several_subjects_in_one_act(session, archive):
    """One certificate names all; one held subject stops all of it."""
    ids = [session.create("customer", {"full_name": f"Somebody Number {n}"}).id for n in range(30)]
    hold = session.holds.place("1", subjects=[ids[7]])
    with pytest.raises(Exception, match="hold"):
        session.erasures.subjects(ids, reason="closed")
    assert 30 == session.list("customer", count=True).total
    session.holds.release(hold.id, reason="x")
    done = session.erasures.subjects(ids, reason="closed")
    assert 30 == done.targets == len(done.certificate["targets"])
    assert 0 == session.list("customer", count=True).total
    check_certificate(json.dumps(session.erasures.certificate(ids[3])))
    archive.log.verify()


def test_answers_to_retries_go(session, archive, people):
    """A keyed hash of what was asked for is something of theirs too."""
    saved = session.create("customer", {"full_name": "Carla Retry"}, idempotency_key="once")
    session.create("customer", {"full_name": "Dora Retry"}, idempotency_key="twice")
    session.erase(saved.id, reason="x")
    assert archive.store.remembered(0, "owner", "once") is None
    assert archive.store.remembered(0, "owner", "twice") is not None


def test_answers_that_nobody_can_ask_for_any_more_go_as_well(session, archive, people):
    """The key of a request may hold a name, and outlives its day where no other request came since."""
    saved = session.create("customer", {"full_name": "Carla Retry"}, idempotency_key="form of Carla Retry")
    archive.engine.clock.now_us += 3 * 86_400_000_000
    assert archive.store.remembered(0, "owner", "form of Carla Retry") is not None
    session.erase(saved.id, reason="x")
    archive.close()
    assert_no_plaintext(archive.folder, ["form of Carla Retry"])


def test_the_search_for_leaks_would_find_them(archive, session, people):
    """Before the erasure clear values are found, or the other tests here would prove nothing."""
    archive.store.truncate()
    assert leaks(Path(archive.folder), ["Potsdam-Babelsberg", "SO-19283746"])


def parts_of(engine, people):
    """The sealed parts of Anna and her order, as they lie in the store."""
    found = []
    with engine.store.transaction(write=False) as tx:
        for record in (people.anna, people.order):
            version = tx.version(0, id_bytes(record))
            definition = engine.definitions.by_number[version.type]
            found.append(load(engine, tx, version, definition, frozenset(definition.by_seal_group)))
    return found


def opened(engine, loaded):
    """The values of sealed parts."""
    return open_loaded(engine, loaded, frozenset(loaded.type.by_number))


@pytest.mark.parametrize("reading", ["shown", "listed"])
@pytest.mark.parametrize("scope", ["subject", "record"])
def test_what_was_opened_before_does_not_open_again(session, archive, people, reading, scope):
    """Sealed bytes that somebody kept stay shut, in the process that erased and in another one."""
    with (
        open_again(archive.folder, clock=archive.engine.clock) as again,
        again.session(actor="owner", purpose="ServiceProvision") as other,
    ):
        for one in (session, other):
            if reading == "shown":
                assert one.get(people.anna).fields
                assert one.get(people.order).fields
            else:
                assert one.list("customer").records
                assert one.list("order").records
        kept = [parts_of(one, people) for one in (archive.engine, again.engine)]
        for engine, (anna, order) in zip((archive.engine, again.engine), kept, strict=True):
            assert opened(engine, anna)
            assert opened(engine, order)
        if scope == "subject":
            session.erase(people.anna, reason="asked")
        else:
            session.erasures.record(people.order, reason="asked")
        # The other process learns of it with the next thing that it does.
        assert other.get(people.bert).fields
        for engine, (anna, order) in zip((archive.engine, again.engine), kept, strict=True):
            for loaded in (anna, order) if scope == "subject" else (order,):
                with pytest.raises(NotFound) as caught:
                    opened(engine, loaded)
                assert "record.erased" == caught.value.code


def test_keys_in_memory_go_with_their_secrets(session, archive, people, cut_at):
    """Whatever stops the erasure behind the destruction, what was read before does not open any more."""
    # The first erasure that an opened archive sees lets it forget everything anyway.
    session.erase(people.bert, reason="asked")
    assert session.get(people.anna).fields
    assert session.get(people.order).fields
    kept = parts_of(archive.engine, people)
    assert all(opened(archive.engine, one) for one in kept)
    stop = cut_at(archive, "disposed")
    with pytest.raises(stop):
        session.erase(people.anna, reason="asked")
    for loaded in kept:
        with pytest.raises(NotFound):
            opened(archive.engine, loaded)
