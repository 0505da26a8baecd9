"""Computed fields: written by programs alone, named in the log, undone and approved like every change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.errors import AccessDenied, Invalid, NotFound
from muniment.session import Session
from muniment.session.tables.computing import Row
from muniment.testing import log_entries, new_archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Customers, orders and the table of lifetime values."""
    with new_archive(tmp_path / "archive", templates=["lifetime-value"]) as archive:
        yield archive


@pytest.fixture
def session(archive: Archive) -> Session:
    """The owner's."""
    return archive.session(actor="owner")


@pytest.fixture
def anna(session: Session) -> str:
    """A customer."""
    return session.create("customer", {"customer_number": "1", "full_name": "Anna"}).id


def values(customer: str, **more: object) -> dict[str, object]:
    """A computed record of a customer."""
    return {"customer": customer, "as_of_on": "2025-12-31", "method": "historic", **more}


def test_a_computation_writes_what_people_cannot(archive: Archive, session: Session, anna: str) -> None:
    """A version by whoever computed, whose entry names the computation; nothing where nothing changed."""
    with pytest.raises(Invalid):
        session.create("lifetime_value", values(anna, direct_sales="10 EUR"))
    work = session.computing.begin("sum", 1, parameters={"months": 12})
    size = len(log_entries(archive))
    done = work.write("lifetime_value", [Row(values(anna, direct_sales="10 EUR"))])
    assert (done.created, done.refused) == (1, {})
    (entry,) = log_entries(archive, start=size)
    assert entry.detail["target"]["computation"] == work.index
    (record,) = session.list("lifetime_value").records
    assert str(record.fields["direct_sales"].amount) == "10"
    same = work.write("lifetime_value", [Row({"direct_sales": "10 EUR"}, record.id)])
    more = work.write("lifetime_value", [Row({"direct_sales": "11 EUR"}, record.id)])
    assert (same.unchanged, more.updated) == (1, 1)
    assert [step.operation for step in session.history(record.id)] == ["create", "update"]
    archive.log.verify()


def test_a_computation_changes_nothing_that_a_person_entered(session: Session, anna: str) -> None:
    """One row is refused with its code; the others are written."""
    kept = session.create("lifetime_value", values(anna, cost_to_serve="3 EUR")).id
    work = session.computing.begin("sum", 1)
    rows = [
        Row({"cost_to_serve": "1 EUR", "direct_sales": "5 EUR"}, kept),
        Row(values(anna, method="bg_nbd", direct_sales="5 EUR")),
    ]
    done = work.write("lifetime_value", rows)
    assert (done.created, done.updated, done.refused) == (1, 0, {"value.not_computed": 1})
    found = session.get(kept).fields
    assert (str(found["cost_to_serve"].amount), found.get("direct_sales")) == ("3", None)


def test_only_what_is_read_in_clear_is_computed_over(archive: Archive, session: Session, anna: str) -> None:
    """A mask is no way in: not as a value, and not as a filter."""
    session.create("user", {"login": "ann", "roles": ["reader"], "state": "active"})
    session.create("lifetime_value", values(anna, cost_to_serve="3 EUR"))
    work = archive.session(actor="ann").computing.begin("sum", 1)
    assert not work.has("lifetime_value", "cost_to_serve")
    assert work.has("lifetime_value", "method")
    assert not work.has("nothing", "method")
    for asked in ({"fields": ["cost_to_serve"]}, {"fields": ["method"], "where": {"cost_to_serve": "3 EUR"}}):
        with pytest.raises(AccessDenied):
            list(work.read("lifetime_value", **asked))
        assert log_entries(archive)[-1].kind == "access.deny"
    with pytest.raises(NotFound):
        list(work.read("lifetime_value", ["nothing"]))
    with pytest.raises(AccessDenied):
        work.add("lifetime_value", values(anna, direct_sales="1 EUR"))


def test_nobody_who_may_list_nothing_begins_a_computation(archive: Archive) -> None:
    """The refusal is in the log."""
    with pytest.raises(AccessDenied):
        archive.session(actor="stranger").computing.begin("sum", 1)
    assert log_entries(archive)[-1].kind == "access.deny"


def test_a_computed_value_can_wait_for_approval_and_is_written_then(tmp_path: Path) -> None:
    """A rule about the type holds for programs too, and who approves writes the computed value."""
    with new_archive(tmp_path / "archive", templates=["lifetime-value"]) as archive:
        owner = archive.session(actor="owner")
        owner.create("user", {"login": "wu", "roles": ["editor"], "state": "active"})
        anna = owner.create("customer", {"customer_number": "1", "full_name": "Anna"}).id
        path = archive.folder / "muniment.toml"
        rule = '\n[[approvals.rule]]\nname = "values"\ntypes = ["lifetime_value"]\n'
        path.write_text(path.read_text(encoding="utf-8") + rule, encoding="utf-8")
        archive.apply_config(owner, reason="four eyes")
        work = owner.computing.begin("sum", 1)
        done = work.write("lifetime_value", [Row(values(anna, direct_sales="10 EUR"))])
        assert (done.created, done.waiting) == (0, 1)
        wu = archive.session(actor="wu")
        (waiting,) = wu.changes.list()
        wu.changes.approve(str(waiting.number), digest=wu.changes.show(str(waiting.number)).digest)
        (record,) = owner.list("lifetime_value").records
        assert str(record.fields["direct_sales"].amount) == "10"
        archive.log.verify()
