"""Restriction: a person's data is stored, and used for nothing but what the law leaves."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.testing import assert_logged, open_again


def session_for(archive, purpose):
    return archive.session(actor="owner", purpose=purpose)


@pytest.mark.parametrize(
    ("state", "code"), [("restricted", "access.restricted"), ("storage_only", "access.storage_only")]
)
def test_a_restricted_person_is_closed(archive, session, people, state, code):
    """On every path, to every purpose but those that are left; others are as before."""
    session.restrictions.place(people.anna, state=state, basis="GDPR 18(1)(a)", reason="she contests it")
    for call in (
        lambda: session.get(people.anna),
        lambda: session.get(people.order),
        lambda: session.history(people.anna),
        lambda: session.update(people.anna, {"city": "Bonn"}),
        lambda: session.delete(people.order, reason="x"),
    ):
        with assert_logged(archive, "access.deny", outcome="denied", code=code), pytest.raises(AccessDenied):
            call()
    assert [people.bert] == [one.id for one in session.list("customer").records]
    assert not session.search("customer", "annabella").records
    with session_for(archive, "DisputeManagement") as lawyer:
        assert lawyer.get(people.anna).fields["full_name"]
    with session_for(archive, "LegalCompliance") as clerk:
        if state == "restricted":
            assert clerk.get(people.anna).fields["full_name"]
        else:
            with pytest.raises(AccessDenied):
                clerk.get(people.anna)


def test_another_process_knows_at_once(archive, session, people):
    """Placed there, it closes here; lifted, it opens."""
    assert session.get(people.anna)
    with (
        open_again(archive.folder, clock=archive.engine.clock) as other,
        other.session(actor="owner", purpose="ServiceProvision") as theirs,
    ):
        theirs.restrictions.place(people.anna)
        with pytest.raises(AccessDenied):
            session.get(people.anna)
        theirs.restrictions.lift(people.anna, reason="settled, and told")
    assert session.get(people.anna).fields["full_name"]
    assert session.list("customer", count=True).records


def test_it_goes_with_the_person(archive, session, people):
    """An erasure is no use of the data; afterwards nothing of it is left."""
    session.restrictions.place(people.anna)
    assert [people.anna] == [one.subject for one in session.restrictions.list()]
    session.erase(people.anna, reason="asked")
    assert [] == session.restrictions.list()
    assert session.get(people.bert).fields
    archive.log.verify()


def test_what_can_be_restricted(session, people):
    """A subject, in a state that there is; and it cannot be written around."""
    with pytest.raises(UsageError):
        session.restrictions.place(people.anna, state="lifted")
    with pytest.raises(NotFound):
        session.restrictions.place(people.order)
    with pytest.raises(Conflict):
        session.restrictions.lift(people.anna, reason="x")
    one = session.restrictions.place(people.anna)
    with pytest.raises(AccessDenied):
        session.update(one.id, {"state": "lifted"})
    assert one.id == session.restrictions.place(people.anna, state="storage_only").id
