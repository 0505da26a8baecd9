"""Restriction: a person's data is stored, and used for nothing but what the law leaves."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.model import id_bytes
from muniment.session import Change
from muniment.testing import assert_logged, open_again

ORDER = {"order_number": "SO-1", "ordered_at": "2025-06-01T10:00:00Z"}


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


def test_one_record_alone_is_closed(archive, session, people, tmp_path):
    """On every path, to the same purposes as a person would be; the person's others stay open."""
    placed = session.restrictions.place_record(people.order, basis="GDPR 18(1)(a)", reason="she contests it")
    assert (people.order, people.anna) == (placed.record, placed.subject)
    for call in (
        lambda: session.get(people.order),
        lambda: session.get(people.order, version=1),
        lambda: session.history(people.order),
        lambda: session.diff(people.order, 1, 1),
        lambda: session.update(people.order, {"order_number": "SO-9"}),
        lambda: session.correct(people.order, {"order_number": "SO-9"}),
        lambda: session.delete(people.order, reason="x"),
        lambda: session.write([Change("revert", record=id_bytes(people.order), values=ORDER, replace=True)]),
    ):
        with (
            assert_logged(archive, "access.deny", outcome="denied", code="access.restricted"),
            pytest.raises(AccessDenied),
        ):
            call()
    assert [people.other] == [one.id for one in session.list("order").records]
    assert session.list("order", count=True).total is None
    assert not session.list("order", where={"order_number": "SO-19283746"}).records
    session.export_file("order", tmp_path / "out.csv")
    assert "SO-19283746" not in (tmp_path / "out.csv").read_text("utf-8")
    assert session.get(people.anna).fields["full_name"]
    session.create("order", {"customer": people.anna, **ORDER})
    with session_for(archive, "LegalCompliance") as clerk:
        assert clerk.get(people.order).fields["order_number"]
    session.restrictions.lift_record(people.order, reason="settled, and she was told")
    assert "SO-19283746" == session.get(people.order).fields["order_number"]


def test_a_record_that_is_its_own_subject_alone(session, people):
    """The person's record is closed, their order is not."""
    session.restrictions.place_record(people.anna)
    with pytest.raises(AccessDenied):
        session.get(people.anna)
    assert session.get(people.order).fields["order_number"]
    assert people.anna not in session.titles("customer", [people.anna, people.bert])
    assert people.bert in session.titles("customer", [people.anna, people.bert])


def test_a_restricted_record_is_in_no_import(archive, session, people, tmp_path):
    """A row that would change it is refused; the others go on."""
    session.restrictions.place_record(people.order)
    found = session.write(
        [
            Change("update", record=id_bytes(people.order), values={"order_number": "SO-8"}),
            Change("update", record=id_bytes(people.other), values={"order_number": "SO-9"}),
        ],
        collect=True,
    )
    assert "access.restricted" == found[0].code
    assert "SO-9" == session.get(people.other).fields["order_number"]


def test_which_records_can_be_restricted(session, people):
    """One that is about somebody, and that is there."""
    product = session.create("product", {"product_name": "Lamp", "product_code": "L-1"}).id
    with pytest.raises(UsageError) as caught:
        session.restrictions.place_record(product)
    assert "restriction.nobody" == caught.value.code
    with pytest.raises(Conflict):
        session.restrictions.lift_record(people.order, reason="x")
    session.restrictions.place_record(people.order)
    session.erasures.record(people.order, reason="double")
    assert [] == session.restrictions.list()
