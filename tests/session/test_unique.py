"""Two live records never hold the same unique value; deleted ones hold none."""

from __future__ import annotations

import pytest

from muniment.archive import Archive
from muniment.errors import Invalid
from muniment.session import Change, Saved, Session


def _customer(session: Session, number: str) -> Saved:
    return session.create("customer", {"full_name": "Anna", "customer_number": number})


def test_a_deleted_record_gives_its_number_up(archive: Archive, session: Session) -> None:
    """A new record may have it, and then the old one cannot come back with it."""
    old = _customer(session, "C-1")
    with pytest.raises(Invalid, match=r"value\.not_unique"):
        _customer(session, "C-1")
    session.delete(old.id, reason="left")
    new = _customer(session, "C-1")
    with pytest.raises(Invalid, match=r"value\.not_unique"):
        session.undelete(old.id)
    session.update(new.id, {"customer_number": "C-2"})
    session.undelete(old.id)
    assert session.get(old.id).fields["customer_number"] == "C-1"
    archive.log.verify()


def test_within_a_set_each_change_builds_on_those_before(session: Session) -> None:
    """What one gives up the next may have; what one takes the next may not."""
    one, two = _customer(session, "C-1"), _customer(session, "C-2")

    def number(saved: Saved, value: str) -> Change:
        record = bytes.fromhex(saved.id.replace("-", ""))
        return Change("update", record=record, values={"customer_number": value})

    with pytest.raises(Invalid, match=r"value\.not_unique"):
        session.write([number(one, "C-2"), number(two, "C-9")])
    session.write([number(two, "C-9"), number(one, "C-2")])
    assert session.get(one.id).fields["customer_number"] == "C-2"
    record = bytes.fromhex(one.id.replace("-", ""))
    new = Change("create", "customer", values={"full_name": "Bob", "customer_number": "C-2"})
    done = session.write([new, Change("delete", record=record), new, new], collect=True)
    assert [isinstance(one, Saved) for one in done] == [False, True, True, False]


def test_a_refused_change_takes_nothing(session: Session) -> None:
    """The one behind it may have what it wanted."""
    _customer(session, "C-1")
    bad = Change("create", "customer", values={"customer_number": "C-2"})
    good = Change("create", "customer", values={"full_name": "Bob", "customer_number": "C-2"})
    done = session.write([bad, good], collect=True)
    assert [isinstance(one, Saved) for one in done] == [False, True]
