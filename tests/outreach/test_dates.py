"""Next follow-up and last contact follow from the records about a customer, at once and whatever happens."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.errors import Conflict
from muniment.model import id_bytes
from muniment.schema import Condition
from muniment.session import Change
from muniment.session.reading import lists
from muniment.session.rights.consents import Terms
from muniment.session.ticking import run_jobs
from muniment.session.writing import writes
from muniment.testing import log_entries, log_size


def dates(session, record):
    """Next follow-up and last contact."""
    fields = session.get(record, fields=["next_follow_up_on", "last_contact_at"]).fields
    last = fields.get("last_contact_at")
    return fields.get("next_follow_up_on"), None if last is None else last.astimezone(UTC)


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def promise(session, customer, due, **more):
    return session.create("follow_up", {"customer": customer, "due_at": due, **more}).id


def talk(session, customer, when):
    return session.create("interaction", {"customer": customer, "occurred_at": when, "channel": "phone"}).id


@pytest.fixture
def anna(session):
    return session.create("customer", {"full_name": "Anna", "email": "anna@example.com"}).id


def test_the_earliest_open_follow_up_is_the_next(session, anna):
    """Made, moved, done, cancelled, deleted and brought back: the date is true after each."""
    assert (None, None) == dates(session, anna)
    late = promise(session, anna, "2031-05-01T09:00+08:00")
    assert date(2031, 5, 1) == dates(session, anna)[0]
    soon = promise(session, anna, "2031-03-01T09:00+08:00")
    assert date(2031, 3, 1) == dates(session, anna)[0]
    session.follow_ups.snooze(soon, "2031-06-01T09:00+08:00")
    assert date(2031, 5, 1) == dates(session, anna)[0]
    session.follow_ups.done(late)
    assert date(2031, 6, 1) == dates(session, anna)[0]
    session.follow_ups.done(soon, next="2031-07-02T09:00+08:00")
    assert date(2031, 7, 2) == dates(session, anna)[0]
    last = session.list("follow_up", where={"follow_up_state": "open"}).records[0].id
    session.delete(last, reason="wrong")
    assert (None, None) == dates(session, anna)
    session.undelete(last)
    assert date(2031, 7, 2) == dates(session, anna)[0]
    session.update(last, {"follow_up_state": "cancelled"})
    assert (None, None) == dates(session, anna)


def test_the_day_is_that_of_the_archive(session, anna):
    """A follow-up at night in London is due the next day in Shanghai, where the archive is."""
    promise(session, anna, "2031-03-01T20:00+00:00")
    assert date(2031, 3, 2) == dates(session, anna)[0]


def test_the_latest_talk_is_the_last_contact(session, anna):
    """Also where an older one is added later, the newest is corrected or taken out."""
    newest = talk(session, anna, "2026-02-03T10:00+08:00")
    talk(session, anna, "2026-01-03T10:00+08:00")
    assert at("2026-02-03T10:00+08:00") == dates(session, anna)[1]
    session.correct(newest, {"occurred_at": "2026-01-20T10:00+08:00"})
    assert at("2026-01-20T10:00+08:00") == dates(session, anna)[1]
    session.delete(newest, reason="wrong customer")
    assert at("2026-01-03T10:00+08:00") == dates(session, anna)[1]


def test_it_is_written_in_the_same_change_set(archive, session, anna):
    """One batch of entries, by the same actor, as one act: no reader sees the one without the other."""
    before = log_size(archive)
    promise(session, anna, "2031-05-01T09:00+08:00")
    new = log_entries(archive, start=before)
    assert ["record.create", "record.update"] == [one.kind for one in new]
    assert 1 == len({one.detail["op"] for one in new})
    with archive.engine.store.transaction(write=False) as tx:
        assert 1 == len([one for one in tx.batches(0, 0, start=before)])
    again = log_size(archive)
    promise(session, anna, "2031-06-01T09:00+08:00")
    # A later one changes nothing of the customer, so no version is written.
    assert ["record.create"] == [one.kind for one in log_entries(archive, start=again)]


def test_both_in_one_change_set(session, people):
    """A customer and what is promised to them, saved together, have the date from the first version on."""
    (made,) = [one.id for one in session.write([Change("create", "customer", values={"full_name": "Bo"})])]
    done = session.write(
        [
            Change("update", record=id_bytes(made), values={"city": "Berlin", "company": "Nord"}),
            Change("create", "follow_up", values={"customer": made, "due_at": "2031-05-01T09:00+08:00"}),
            Change(
                "create",
                "interaction",
                values={"customer": made, "occurred_at": "2026-01-01T09:00Z", "channel": "phone"},
            ),
        ]
    )
    assert 3 == len(done)
    assert (date(2031, 5, 1), at("2026-01-01T09:00+00:00")) == dates(session, made)
    found = session.get(made)
    assert ("Berlin", "Nord", "Bo", 2) == (
        *(found.fields[key] for key in ("city", "company", "full_name")),
        found.version,
    )


def test_the_state_of_consent_follows_too(session, anna):
    """Given for one kind of marketing is given; withdrawn from all is withdrawn; others say nothing of it."""

    def state():
        return session.get(anna, fields=["consent_state"]).fields.get("consent_state")

    assert state() is None
    session.consents.give(anna, Terms("ServiceProvision", method="paper"))
    assert state() is None
    for purpose in ("DirectMarketing", "Personalisation"):
        session.consents.give(anna, Terms(purpose, method="paper"))
    assert "given" == state()
    session.consents.withdraw(anna, "DirectMarketing")
    assert "given" == state()
    session.consents.withdraw(anna, "Personalisation")
    assert "withdrawn" == state()
    made = session.consents.create("customer", {"full_name": "Bo"}, Terms("DirectMarketing", method="web"))[0]
    assert ("given", 1) == (session.get(made.id).fields["consent_state"], made.version)


def test_whoever_has_the_form_open_loses_nothing(session, anna):
    """A call that somebody notes meanwhile is no conflict; a change by a person is one."""
    seen = session.get(anna).version
    talk(session, anna, "2026-02-03T10:00+08:00")
    assert session.get(anna).version == seen + 1
    saved = session.update(anna, {"city": "Köln"}, expected_version=seen)
    assert saved.version == seen + 2
    assert at("2026-02-03T10:00+08:00") == dates(session, anna)[1]
    with pytest.raises(Conflict):
        session.update(anna, {"city": "Bonn"}, expected_version=seen)


def test_nobody_writes_the_dates(session, people, anna):
    """They follow from records alone: given by hand they are refused, also for whoever may write all else."""
    from muniment.errors import Invalid

    for values in ({"next_follow_up_on": "2031-01-01"}, {"last_contact_at": "2026-01-01T00:00Z"}):
        with pytest.raises(Invalid) as refused:
            session.update(anna, values)
        assert ["value.computed"] == [one.code for one in refused.value.issues]


def test_who_may_not_change_the_customer_moves_the_date_all_the_same(session, people, user):
    """The service notes a talk with a customer whose record it cannot change, and the date is true."""
    made = session.create("customer", {"full_name": "Cy", "account_owner": user("li.na")}).id
    talk(people("zhao"), made, "2026-02-03T10:00+08:00")
    assert at("2026-02-03T10:00+08:00") == dates(session, made)[1]


def test_imports_fill_them_too(session, anna, tmp_path):
    """A sheet of follow-ups and one of talks; taken back, the dates go as well."""
    path = tmp_path / "follow-ups.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["customer", "due_at"])
        out.writerows([[anna, f"2031-0{month}-01T09:00+08:00"] for month in (5, 3, 4)])
    done = session.import_file("follow_up", path)
    assert date(2031, 3, 1) == dates(session, anna)[0]
    session.revert_import(done.id)
    assert (None, None) == dates(session, anna)


def test_erasing_what_it_follows_from_takes_it_along(session, anna):
    """Where a talk is erased alone, the customer's record does not go on telling when it was."""
    talk(session, anna, "2026-01-03T10:00+08:00")
    newest = talk(session, anna, "2026-02-03T10:00+08:00")
    soon = promise(session, anna, "2031-05-01T09:00+08:00")
    session.erasures.record(newest, reason="asked")
    assert (date(2031, 5, 1), at("2026-01-03T10:00+08:00")) == dates(session, anna)
    session.erasures.record(soon, reason="asked")
    assert (None, at("2026-01-03T10:00+08:00")) == dates(session, anna)


def test_a_merge_counts_what_both_had_and_parts_again(session, anna):
    """The record that stays tells of the talks with either; undone, each has its own."""
    double = session.create("customer", {"full_name": "Ana"}).id
    talk(session, anna, "2026-01-03T10:00+08:00")
    talk(session, double, "2026-02-03T10:00+08:00")
    promise(session, double, "2031-05-01T09:00+08:00")
    link = session.cleaning.links.merge(anna, double, reason="the same")
    both = (date(2031, 5, 1), at("2026-02-03T10:00+08:00"))
    assert both == dates(session, anna)
    session.cleaning.links.undo(link.id, reason="not the same")
    assert (None, at("2026-01-03T10:00+08:00")) == dates(session, anna)
    assert both == dates(session, double)


def test_views_find_who_is_due(session, anna):
    """The list of customers to be called is by the computed date, soonest first."""
    other = session.create("customer", {"full_name": "Bo"}).id
    promise(session, anna, "2026-01-02T09:00+08:00")
    promise(session, other, "2026-01-01T09:00+08:00")
    asked = lists.Asked(
        "customer",
        fields=["full_name"],
        order_by="next_follow_up_on",
        filters=(Condition("next_follow_up_on", "<=", "today"),),
    )
    assert [other, anna] == [one.id for one in session.listed(asked).records]


def test_a_tick_mends_what_is_behind(archive, session, anna, monkeypatch):
    """As in an archive whose follow-ups are older than the dates; a second tick finds nothing to do."""
    monkeypatch.setattr(writes, "derived", lambda *args: [])
    promise(session, anna, "2031-05-01T09:00+08:00")
    monkeypatch.undo()
    assert (None, None) == dates(session, anna)
    first, second = (run_jobs(session, only=frozenset({"dates"}))[0] for _ in range(2))
    assert ({"renewed": 1}, {"renewed": 0}) == (first.counts, second.counts)
    assert date(2031, 5, 1) == dates(session, anna)[0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["promise", "talk", "done", "move", "delete"]), st.integers(1, 28), st.integers(0, 5)
    ),
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_after_any_steps_it_is_what_the_records_say(session, steps):
    """Counted from the records anew it is the same, whatever was done in between."""
    made = session.create("customer", {"full_name": "Any"}).id
    for step, day, which in steps:
        own = {
            kind: [one for one in session.list(kind, where={"customer": made}).records]
            for kind in ("follow_up", "interaction")
        }
        promised, talks = own["follow_up"], own["interaction"]
        if step == "promise":
            promise(session, made, f"2031-01-{day:02d}T09:00+08:00")
        elif step == "talk":
            talk(session, made, f"2026-01-{day:02d}T09:00+08:00")
        elif step == "done" and promised:
            session.update(promised[which % len(promised)].id, {"follow_up_state": "done"})
        elif step == "move" and promised:
            session.update(promised[which % len(promised)].id, {"due_at": f"2031-02-{day:02d}T09:00+08:00"})
        elif step == "delete" and (promised or talks):
            every = [*promised, *talks]
            session.delete(every[which % len(every)].id, reason="test")
    open_ = [
        one.fields["due_at"]
        for one in session.list("follow_up", where={"customer": made, "follow_up_state": "open"}).records
    ]
    spoken = [
        one.fields["occurred_at"] for one in session.list("interaction", where={"customer": made}).records
    ]
    expected = min(open_).date() if open_ else None, max(spoken).astimezone(UTC) if spoken else None
    assert expected == dates(session, made)
