"""One box for everything: what it finds, for whom, and how it is written down."""

from __future__ import annotations

import pytest

from muniment.errors import UsageError
from muniment.session import Change
from muniment.testing import log_entries, log_size


@pytest.fixture
def archive_options():
    """An archive with several tables."""
    return {"templates": ["account-manager", "customer-products"], "region": "CN"}


@pytest.fixture
def people(session):
    """A customer, a contact of theirs and an opportunity, all of one name."""
    customer = session.create(
        "customer", {"full_name": "王芳", "phone": "13800138000", "customer_number": "C-7"}
    ).id
    contact = session.create(
        "contact", {"customer": customer, "contact_name": "王芳", "phone": "13800138000"}
    ).id
    sale = session.create("opportunity", {"customer": customer, "title": "王芳 2026", "stage": "lead"}).id
    return {"customer": customer, "contact": contact, "opportunity": sale}


def ids(session, words):
    """Identifiers of what is found, by type."""
    return {one.type.key: [record.id for record in one.page.records] for one in session.find(words)}


def test_it_finds_names_phones_and_numbers_in_every_table(session, people):
    """However they are typed; what stands nowhere is found nowhere."""
    assert {key: [one] for key, one in people.items()} == ids(session, "王芳")
    both = {key: [people[key]] for key in ("customer", "contact")}
    assert both == ids(session, "138 0013 8000")
    assert {"customer": [people["customer"]]} == ids(session, "C-7")
    assert {} == ids(session, "李娜")
    with pytest.raises(UsageError):
        session.find(" ")


def test_a_search_is_one_act(archive, session, people):
    """Every entry of it carries the same op, and no word of what was looked for."""
    start = log_size(archive)
    session.find("王芳")
    entries = log_entries(archive, start=start)
    assert {"record.search"} == {one.kind for one in entries}
    assert 1 == len({one.detail["op"] for one in entries})
    assert "王芳" not in repr([one.detail for one in entries])


def test_nobody_finds_what_they_may_not_search(archive, session, people):
    """Types of other roles are passed over without a word, and so are fields that one does not read."""
    import attrs

    from muniment.policy import BUILTIN_ROLES, Policy

    session.write([Change("create", "user", values={"login": "rea", "roles": ["reader"], "state": "active"})])
    narrow = attrs.evolve(BUILTIN_ROLES["reader"], types=frozenset({"contact"}))
    archive.engine.policy = Policy({**BUILTIN_ROLES, "reader": narrow})
    archive.engine.plans.clear()
    rea = archive.session(actor="rea", purpose="CustomerManagement")
    start = log_size(archive)
    assert {"contact": [people["contact"]]} == ids(rea, "王芳")
    assert not [one for one in log_entries(archive, start=start) if one.kind == "access.deny"]
