"""Follow-ups for many: looked at, made together or not at all, closed together."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, Invalid, NotFound, UsageError
from muniment.session.outreach.promising import EACH, ME, MOST, Promise
from muniment.testing import assert_logged, log_size

NOBODY = "00000000-0000-7000-8000-000000000000"
NOW_US = 1_937_721_600_000_000  # 2031-05-28, four in the afternoon in Shanghai


@pytest.fixture
def customers(archive, session, user):
    """Four customers of two managers, and one of nobody's."""
    archive.engine.clock = lambda: NOW_US
    return {
        name: session.create(
            "customer",
            {"full_name": name, "customer_number": f"C-{name}", "account_owner": login and user(login)},
        ).id
        for name, login in (("Anna", "li.na"), ("Mei", "li.na"), ("Tom", "tom"), ("Ben", ""))
    }


def of(session, customer):
    """The follow-ups of a customer."""
    return [one.fields for one in session.list("follow_up", where={"customer": customer}).records]


def test_each_gets_one_in_one_act(archive, session, user, customers):
    """What, when and for whom: the owner of each customer, and nobody where there is none."""
    promise = Promise(customers.values(), "+3", "new prices", EACH)
    with assert_logged(archive, "record.create", type="follow_up"):
        saved = session.promises.make(promise, reason="price list")
    assert 4 == len(saved)
    owners = {}
    for name, customer in customers.items():
        (one,) = of(session, customer)
        assert ("2031-05-31T00:00", "new prices", "open") == (
            one["due_at"].isoformat()[:16],
            one["purpose_note"],
            one["follow_up_state"],
        )
        owners[name] = one.get("assigned_to")
    assert {"Anna": user("li.na"), "Mei": user("li.na"), "Tom": user("tom"), "Ben": None} == owners


@pytest.mark.parametrize(("owner", "login"), [(ME, "owner"), ("tom", "tom"), ("", "")])
def test_one_owner_for_all(session, user, customers, owner, login):
    """Oneself, somebody by their login, or nobody."""
    session.promises.make(Promise([customers["Anna"]], "2031-06-01 09:30", "", owner))
    (one,) = of(session, customers["Anna"])
    assert (user(login) if login else None) == one.get("assigned_to")
    assert "2031-06-01T09:30" == one["due_at"].isoformat()[:16]


def test_looking_writes_no_record_and_is_logged(archive, session, customers):
    """Nothing is made; who is looked at stands in the log, and who would do it is told."""
    with assert_logged(archive, "record.list", type="customer", count=4):
        looked = session.promises.look(Promise([*customers.values(), NOBODY], "+1", "call", EACH))
    assert ["li.na", "li.na", "tom", "", ""] == [one.owner for one in looked]
    assert [None] * 4 + ["record.not_found"] == [one.problem and one.problem.code for one in looked]
    assert not session.list("follow_up").records


def test_all_of_them_or_none(archive, session, customers):
    """A day that is none names the first; one who is not there refuses the others too."""
    ids = list(customers.values())
    with pytest.raises(Invalid) as caught:
        session.promises.make(Promise(ids, "someday"))
    assert (ids[0], ["due_at"]) == (caught.value.where, [one.field for one in caught.value.issues])
    with assert_logged(archive, "access.deny", outcome="denied"), pytest.raises(NotFound) as missing:
        session.promises.make(Promise([ids[0], NOBODY], "+1"))
    assert NOBODY == missing.value.where
    assert not session.list("follow_up").records


def test_the_refusal_names_whom_it_is_about(session, customers):
    """One customer who is restricted stops all, and is the one named."""
    session.restrictions.place(session.get(customers["Mei"]).subject, basis="GDPR 18(1)(a)", reason="asked")
    with pytest.raises((AccessDenied, NotFound, Invalid)) as caught:
        session.promises.make(Promise(customers.values(), "+1"))
    assert customers["Mei"] == caught.value.where
    looked = session.promises.look(Promise(customers.values(), "+1"))
    assert [customers["Mei"]] == [one.record for one in looked if one.problem is not None]
    assert not session.list("follow_up").records


def test_a_retry_makes_nothing_twice(session, customers):
    """The same key gives the same answer; one customer named twice counts once."""
    promise = Promise([customers["Anna"], customers["Anna"]], "2031-06-02")
    first = session.promises.make(promise, idempotency_key="once")
    assert [one.id for one in first] == [
        one.id for one in session.promises.make(promise, idempotency_key="once")
    ]
    assert 1 == len(of(session, customers["Anna"]))


def test_nobody_promises_for_customers_they_do_not_reach(people, session, customers):
    """An account manager's rights end at their own; who may make none is offered none."""
    mine = people("li.na").promises
    assert 1 == len(mine.make(Promise([customers["Anna"]], "+1", owner=ME)))
    with pytest.raises(NotFound) as caught:
        mine.make(Promise([customers["Anna"], customers["Tom"]], "+1"))
    assert customers["Tom"] == caught.value.where
    looked = mine.look(Promise([customers["Tom"]], "+1", owner=EACH))
    assert [("", "record.not_found")] == [(one.owner, one.problem.code) for one in looked]
    assert [] == of(session, customers["Tom"])
    assert [] == list(people("eva").promises.types())
    with pytest.raises((AccessDenied, UsageError)):
        people("eva").promises.make(Promise([customers["Anna"]], "+1", type="follow_up"))


def test_closing_takes_back_what_is_still_open(archive, session, customers):
    """In one act; what was done stays done, and what is no follow-up is not there."""
    made = [one.id for one in session.promises.make(Promise(customers.values(), "+1"))]
    session.follow_ups.done(made[0])
    before = log_size(archive)
    closed = session.promises.close(made, reason="wrong list")
    assert set(made[1:]) == {one.id for one in closed}
    assert log_size(archive) > before
    states = [session.get(one).fields["follow_up_state"] for one in made]
    assert ["done", *["cancelled"] * 3] == states
    assert [] == session.promises.close(made)
    for odd in (NOBODY, customers["Anna"]):
        with assert_logged(archive, "access.deny", outcome="denied"), pytest.raises(NotFound) as caught:
            session.promises.close([made[1], odd])
        assert odd == caught.value.where


def test_nobody_closes_what_is_somebody_elses(people, session, customers):
    """Whoever does not reach a follow-up closes none."""
    (made,) = session.promises.make(Promise([customers["Tom"]], "+1", owner="tom"))
    with pytest.raises(NotFound):
        people("li.na").promises.close([made.id])
    with pytest.raises((AccessDenied, NotFound)):
        people("eva").promises.close([made.id])
    assert "open" == session.get(made.id).fields["follow_up_state"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"records": []}, "followup.nobody"),
        ({"records": [f"{n:08x}-0000-7000-8000-000000000000" for n in range(MOST + 1)]}, "followup.too_many"),
        ({"records": ["no identifier"]}, "usage.identifier"),
        ({"type": "customer"}, "followup.none"),
        ({"type": "product"}, "followup.none"),
        ({"owner": "nobody-there"}, "followup.no_user"),
    ],
)
def test_what_is_odd_is_refused(session, customers, change, code):
    """Nobody, too many, what is no identifier, a table without follow-ups, a user that there is not."""
    given = {"records": [customers["Anna"]], "due": "+1", **change}
    for act in (session.promises.look, session.promises.make):
        with pytest.raises((UsageError, NotFound)) as caught:
            act(Promise(**given))
        assert code == caught.value.code
