"""Why somebody did something: read by whoever reads the log, as an entry, and gone with the person."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, NotFound
from muniment.session import Change
from muniment.testing import assert_logged, log_entries


@pytest.fixture
def archive_options():
    """Customers."""
    return {"templates": ["customer-info"]}


@pytest.fixture
def people(archive, session):
    """An auditor, a reader, and an auditor who reads no customers."""
    for login, role in (("ada", "auditor"), ("rea", "reader")):
        values = {"login": login, "roles": [role], "state": "active"}
        session.write([Change("create", "user", values=values)])
    return {login: archive.session(actor=login, purpose="Audit") for login in ("ada", "rea")}


@pytest.fixture
def anna(session):
    """A customer."""
    return session.create("customer", {"customer_number": "C-1", "full_name": "Anna Schmidt"}).id


def revealed(archive, anna) -> int:
    """The index of a reveal with a reason."""
    with archive.session(actor="owner", purpose="CustomerCare", masked=True) as masked:
        masked.reveal(anna, ["full_name"], reason="she called back")
    return next(one.index for one in reversed(log_entries(archive)) if one.kind == "record.reveal")


def test_the_words_of_a_reason_are_read_as_an_act(archive, people, anna):
    """Given to an auditor, with an entry that names the one it belongs to and carries the person's tag."""
    index = revealed(archive, anna)
    assert "she called back" == people["ada"].reason(index)
    last = log_entries(archive)[-1]
    assert ("log.read", index, True) == (
        last.kind,
        last.detail["target"]["index"],
        last.detail["target"]["reason"],
    )
    assert last.entry.subject_tags


def test_who_may_not_read_the_log_reads_no_reason(archive, people, anna):
    """The refusal is an entry."""
    with pytest.raises(AccessDenied, match=r"access\.action"):
        people["rea"].reason(revealed(archive, anna))
    assert_logged(archive, "access.deny", actor="rea")


def test_a_reason_ends_with_the_person(archive, session, people, anna):
    """Erased, never given, not there: alike."""
    index = revealed(archive, anna)
    session.erase(anna, reason="asked")
    for place in (index, 0, 99_999):
        with pytest.raises(NotFound, match=r"log\.no_reason"):
            people["ada"].reason(place)


def test_who_was_shown_a_field_is_counted_by_records(archive, session, people, anna):
    """A record shown twice counts once, a masked one not at all, and the least is kept to."""
    for number in range(2, 5):
        session.create(
            "customer", {"customer_number": f"C-{number}", "full_name": "Bert", "phone": "030 5551"}
        )
    with archive.session(actor="rea", purpose="CustomerCare") as reading:
        reading.get(anna, fields=["full_name"])
        reading.get(anna, fields=["full_name"])
        reading.list("customer", fields=["full_name"])
    people["ada"].get(anna, fields=["full_name"])
    found = {one.actor: one for one in people["ada"].questions.saw("full_name")}
    assert "ada" not in found
    assert (4, 3) == (found["rea"].records, found["rea"].times)
    assert ("record.list", "record.read") == found["rea"].kinds
    assert ["rea"] == [one.actor for one in people["ada"].questions.saw("full_name", least=4)]
    assert [] == list(people["ada"].questions.saw("full_name", least=5))
    assert [] == list(people["ada"].questions.saw("phone", type="nothing"))


def test_who_saw_one_field_is_told_apart_from_who_saw_the_record(archive, people, anna):
    """Of a field only the entries that name it; what was in clear is said."""
    with archive.session(actor="rea", purpose="CustomerCare") as reading:
        reading.get(anna, fields=["customer_number"])
    people["ada"].get(anna, fields=["full_name"])
    from muniment.model import id_bytes

    found = people["ada"].questions.who(id_bytes(anna), field="full_name")
    by = {(one.actor, one.kind): one for one in found}
    assert ("rea", "record.read") not in by
    assert () == by["ada", "record.read"].clear
    assert ("full_name",) == by["ada", "record.read"].fields
