"""Versions: what is written when, what is not, and what held at a time."""

from __future__ import annotations

import pytest

from muniment.errors import Conflict, Invalid, NotFound, UsageError
from muniment.model import id_bytes, rfc3339
from muniment.session import Change
from muniment.testing import TickingClock, assert_logged, log_entries, log_size, open_again

ANNA = {"full_name": "Anna Schmidt", "phone": "030 1234567", "city": "Berlin", "notes": "calls at noon"}
DAY_US = 86_400_000_000


@pytest.fixture
def clock():
    return TickingClock()


@pytest.fixture
def archive_options(clock):
    return {"clock": clock, "templates": ["customer-info", "interaction-log"]}


def parts(archive, record):
    return [row for row in archive.store.parts_by_record(0) if row.record == id_bytes(record)]


def test_only_groups_that_changed_are_sealed_anew(archive, session):
    """Storage grows with what changed: the other parts serve the new version as well."""
    one = session.create("customer", ANNA)
    before = parts(archive, one.id)
    session.update(one.id, {"phone": "030 7654321"})
    after = parts(archive, one.id)
    assert before == [row for row in after if row.version == 1]
    assert 1 == len(after) - len(before)
    assert {**ANNA, "phone": "030 7654321"}.items() <= session.get(one.id).fields.items()
    assert ANNA.items() <= session.get(one.id, version=1).fields.items()


def test_clearing_the_last_field_of_a_group_leaves_no_part(archive, session):
    """An empty group has none, and its old part stays with the old version."""
    one = session.create("customer", {"full_name": "Anna Schmidt", "job_title": "pilot"})
    before = parts(archive, one.id)
    session.update(one.id, {"job_title": None})
    assert before == parts(archive, one.id)
    assert "job_title" not in session.get(one.id).fields
    assert "pilot" == session.get(one.id, version=1).fields["job_title"]


@pytest.mark.parametrize(
    "values",
    [{}, ANNA, {"phone": " 030 1234567 "}, {"email": ""}, {"email": None}, {"notes": "calls at noon\n"}],
)
def test_saving_with_no_change_writes_nothing(archive, session, values):
    """Neither a version nor an entry, however the same value was typed."""
    one = session.create("customer", ANNA)
    before = log_size(archive)
    saved = session.update(one.id, values, expected_version=1, reason="nothing")
    assert (1, False) == (saved.version, saved.written)
    assert before == log_size(archive)


def test_a_conflict_says_what_moved(session):
    """Whoever saw version 1 learns that there are three by now."""
    one = session.create("customer", ANNA)
    session.update(one.id, {"city": "Bonn"})
    session.update(one.id, {"city": "Köln"})
    with pytest.raises(Conflict) as caught:
        session.update(one.id, {"city": "Ulm"}, expected_version=1)
    assert {"expected": 1, "found": 3} == caught.value.parameters
    assert one.id == caught.value.where


def test_what_held_at_a_time_by_what_was_known_at_a_time(session):
    """A move in May, known in June; a correction of it in July that it was April."""
    one = session.create("customer", {"full_name": "Anna", "city": "Berlin"}, effective="2026-01-01")
    session.update(one.id, {"city": "Bonn"}, effective="2026-05-01")
    session.update(one.id, {"city": "Ulm"}, effective="2026-09-01")
    session.correct(one.id, {"city": "Köln"}, effective="2026-05-01")
    recorded = [step.recorded_us for step in session.history(one.id)]

    def city(as_of, effective_at):
        options = {} if as_of is None else {"as_of": rfc3339(recorded[as_of])}
        return session.get(one.id, effective_at=effective_at, **options).fields["city"]

    assert "Berlin" == city(0, "2026-12-31")
    assert "Berlin" == city(1, "2026-04-30")
    assert "Bonn" == city(1, "2026-05-01")
    assert "Bonn" == city(2, "2026-08-31")
    assert "Ulm" == city(2, "2026-09-01")
    assert "Köln" == city(3, "2026-08-31")
    assert "Ulm" == city(None, "2026-10-01")
    with pytest.raises(NotFound) as caught:
        city(None, "2025-12-31")
    assert "record.no_version" == caught.value.code


def test_a_correction_holds_since_what_it_corrects_did(session):
    """Unless it says otherwise."""
    one = session.create("customer", ANNA, effective="2020-02-02")
    session.correct(one.id, {"city": "Bonn"})
    session.update(one.id, {"city": "Ulm"})
    first, second, third = (session.get(one.id, version=number) for number in (1, 2, 3))
    assert first.effective_us == second.effective_us < first.recorded_us
    assert third.effective_us == third.recorded_us


def test_a_deleted_record_leaves_the_lists_and_comes_back(session):
    """It is shown to whoever asks for it by name, takes no values, and is found again when undeleted."""
    one = session.create("customer", ANNA)
    session.delete(one.id, reason="double")
    assert [] == list(session.list("customer").records)
    assert [] == list(session.search("customer", "anna").records)
    assert [one.id] == [row.id for row in session.list("customer", deleted=True).records]
    assert session.get(one.id).deleted
    assert not session.delete(one.id, reason="again").written
    with pytest.raises(NotFound) as caught:
        session.update(one.id, {"city": "Bonn"})
    assert "record.deleted" == caught.value.code
    session.undelete(one.id)
    assert [one.id] == [row.id for row in session.search("customer", "anna").records]
    assert ["create", "delete", "undelete"] == [step.operation for step in session.history(one.id)]


# --- retries ----------------------------------------------------------------------------------------------


def test_a_retry_is_done_once(archive, session, clock):
    """By this process, by another, and for a whole change set."""
    one = session.create("customer", ANNA, idempotency_key="k", reason="walk-in")
    before = log_size(archive)
    assert one.id == session.create("customer", ANNA, idempotency_key="k", reason="walk-in").id
    with (
        open_again(archive.folder, clock=clock) as other,
        other.session(actor="owner", purpose="Audit") as mine,
    ):
        assert one.id == mine.create("customer", ANNA, idempotency_key="k", reason="walk-in").id
    assert before == log_size(archive)
    many = [Change("create", "customer", values={"full_name": f"Person {number}"}) for number in range(25)]
    first = session.write(many, idempotency_key="m")
    again = session.write(many, idempotency_key="m")
    assert [(row.id, row.version) for row in first] == [(row.id, row.version) for row in again]
    saved = session.update(one.id, {"city": "Bonn"}, idempotency_key="u")
    session.update(one.id, {"city": "Ulm"})
    assert saved.version == session.update(one.id, {"city": "Bonn"}, idempotency_key="u").version
    assert "Ulm" == session.get(one.id).fields["city"]


@pytest.mark.parametrize(
    "other",
    [
        {"values": {**ANNA, "city": "Bonn"}},
        {"reason": "other"},
        {"effective": "2020-01-01"},
        {"type": "interaction"},
        {"values": {**ANNA, "city": None}},
    ],
)
def test_a_key_is_for_one_request(archive, session, other):
    """Another request under the same key is refused, and nothing is written."""
    options = {"type": "customer", "values": ANNA, "reason": "walk-in"}
    session.create(**options, idempotency_key="k")
    before = log_size(archive)
    with pytest.raises(Conflict) as caught:
        session.create(**{**options, **other}, idempotency_key="k")
    assert "conflict.idempotency" == caught.value.code
    assert before == log_size(archive)


def test_a_key_is_the_actors_own_and_lasts_a_day(archive, session, clock):
    """Two people may use one key; after a day it is forgotten."""
    values = {"login": "vera", "roles": ["editor"], "state": "active"}
    session.write([Change("create", "user", values=values)])
    one = session.create("customer", ANNA, idempotency_key="k")
    with archive.session(actor="vera", purpose="Audit") as mine:
        assert one.id != mine.create("customer", ANNA, idempotency_key="k").id
    clock.now_us += DAY_US + 1
    session.create("customer", ANNA, idempotency_key="another")
    assert one.id != session.create("customer", ANNA, idempotency_key="k").id


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_has_a_length(session, key):
    """An empty one would be everybody's."""
    with pytest.raises(UsageError) as caught:
        session.create("customer", ANNA, idempotency_key=key)
    assert "usage.idempotency_key" == caught.value.code


# --- change sets and entries ------------------------------------------------------------------------------


def test_a_refused_change_takes_the_set_with_it(archive, session):
    """Unless what is sound is wanted: then each refused one is given back with its error."""
    changes = [
        Change("create", "customer", values={"full_name": "Anna", **more})
        for more in ({}, {"email": "x"}, {})
    ]
    before = log_size(archive)
    with pytest.raises(Invalid):
        session.write(changes)
    assert before == log_size(archive)
    done = session.write(changes, collect=True)
    assert [True, False, True] == [not isinstance(one, Invalid) for one in done]
    assert 2 == len(session.list("customer").records)


def test_ten_versions_share_an_entry(archive, session):
    """And each is bound by its own, so that evidence for one exposes few others."""
    start = log_size(archive)
    session.write([Change("create", "customer", values={"full_name": f"P {number}"}) for number in range(25)])
    entries = log_entries(archive, start=start)
    assert [10, 10, 5] == [len(entry.lines) for entry in entries]
    assert 1 == len({entry.detail["op"] for entry in entries})


def test_a_long_list_is_several_entries(archive, session):
    """At most a hundred subjects in one, all with the same operation."""
    session.write(
        [Change("create", "customer", values={"full_name": f"P {number}"}) for number in range(250)]
    )
    with assert_logged(archive, "record.list", entries=3) as found:
        assert 250 == len(session.list("customer", limit=1000).records)
    assert [100, 100, 50] == [entry.detail["count"] for entry in found]
    assert [100, 100, 50] == [len(entry.entry.subject_tags) for entry in found]
    assert 1 == len({entry.detail["op"] for entry in found})


@pytest.mark.parametrize(
    "act",
    [
        lambda session, one: session.get(one.id),
        lambda session, one: session.get(one.id, version=1),
        lambda session, one: session.history(one.id),
        lambda session, one: session.diff(one.id, 1, 2),
        lambda session, one: session.list("customer"),
        lambda session, one: session.list("customer", where={"phone": "030 1234567"}),
        lambda session, one: session.search("customer", "anna"),
        lambda session, one: session.list("customer", scan=True),
    ],
)
def test_without_its_entry_nothing_is_released(archive, session, monkeypatch, act):
    """Where the entry cannot be written nothing is returned; what was not needed to choose stays sealed."""
    one = session.create("customer", ANNA)
    session.update(one.id, {"city": "Bonn"})
    before = log_size(archive)

    def full(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(archive.engine.logbook, "append", full)
    with pytest.raises(OSError, match="no space"):
        act(session, one)
    monkeypatch.undo()
    assert before == log_size(archive)
    act(session, one)
    assert before < log_size(archive)


@pytest.mark.parametrize("name", ["get", "history", "diff"])
def test_a_record_is_opened_only_after_its_entry_is_committed(archive, session, monkeypatch, name):
    """The order is: policy, entry, commit, and only then the seal."""
    one = session.create("customer", ANNA)
    session.update(one.id, {"city": "Bonn"})
    session.get(one.id)
    sizes = []
    real = archive.engine.sealer.read
    before = log_size(archive)

    def opened(*arguments, **options):
        sizes.append(log_size(archive))
        assert not archive.store._db.in_transaction
        return real(*arguments, **options)

    monkeypatch.setattr(archive.engine.sealer, "read", opened)
    {"get": session.get, "history": session.history, "diff": lambda id: session.diff(id, 1, 2)}[name](one.id)
    assert sizes
    assert {before + 1} == set(sizes)
