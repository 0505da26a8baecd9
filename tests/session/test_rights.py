"""Rights are those of the moment: a session that began under others ends with the next act."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied
from muniment.model import id_bytes
from muniment.session import Change
from muniment.testing import assert_logged, log_size, open_again

ANNA = {"full_name": "Anna Schmidt", "phone": "030 1234567"}


@pytest.fixture
def vera(session):
    """A user ``vera`` with the role ``editor``, as a function that changes her."""
    values = {"login": "vera", "roles": ["editor"], "state": "active"}
    saved = session.write([Change("create", "user", values=values)])[0]

    def change(**changed):
        session.write([Change("update", record=id_bytes(saved.id), values=changed)])

    return change


ACTS = {
    "get": lambda session, one: session.get(one.id),
    "list": lambda session, one: session.list("customer"),
    "search": lambda session, one: session.search("customer", "anna"),
    "history": lambda session, one: session.history(one.id),
    "diff": lambda session, one: session.diff(one.id, 1, 1),
    "accesses": lambda session, one: session.accesses(one.id),
    "create": lambda session, one: session.create("customer", ANNA),
    "update": lambda session, one: session.update(one.id, {"city": "Bonn"}),
    "update with nothing": lambda session, one: session.update(one.id, ANNA),
    "delete": lambda session, one: session.delete(one.id, reason="x"),
    "check": lambda session, one: session.check_data(),
    "note": lambda session, one: session.note("log.read"),
}


@pytest.mark.parametrize("change", [{"state": "disabled"}, {"roles": ["reader"]}, {"roles": None}])
@pytest.mark.parametrize("act", ACTS)
def test_a_session_ends_with_its_rights(archive, session, vera, act, change):
    """Also where another process took them: nothing is given or written, and the refusal is."""
    one = session.create("customer", ANNA)
    with (
        open_again(archive.folder) as other,
        other.session(actor="vera", purpose="CustomerManagement") as mine,
    ):
        mine.get(one.id)
        vera(**change)
        before = log_size(archive)
        with (
            assert_logged(archive, "access.deny", outcome="denied", code="access.changed"),
            pytest.raises(AccessDenied) as caught,
        ):
            ACTS[act](mine, one)
        assert "access.changed" == caught.value.code
        assert before + 1 == log_size(archive)
    assert 1 == archive.store.version(0, id_bytes(one.id)).version


def test_whoever_begins_again_has_the_new_rights(archive, session, vera):
    """More rights need a new session as well as fewer."""
    one = session.create("customer", ANNA)
    with archive.session(actor="vera", purpose="CustomerManagement") as mine:
        vera(roles=["reader"])
        with pytest.raises(AccessDenied):
            mine.get(one.id)
    with archive.session(actor="vera", purpose="CustomerManagement") as mine:
        assert "Anna Schmidt" == mine.get(one.id).fields["full_name"]
        with pytest.raises(AccessDenied) as caught:
            mine.update(one.id, {"city": "Bonn"})
    assert "access.action" == caught.value.code


def test_other_users_are_left_alone(archive, session, vera):
    """A change of one user's rights ends nobody else's session."""
    one = session.create("customer", ANNA)
    vera(roles=["reader"])
    assert 1 == session.get(one.id).version


def test_an_entry_names_the_rules_that_held(archive, session, vera):
    """The digest in an entry's detail is the one of its own transaction, also right after a change."""
    from muniment.testing import log_entries

    with open_again(archive.folder) as other, other.session(actor="owner", purpose="Audit") as mine:
        vera(roles=["reader"])
        mine.note("log.read")
        session.note("log.read")
    first, second = log_entries(archive)[-2:]
    assert first.detail["ruleset"] == second.detail["ruleset"]
