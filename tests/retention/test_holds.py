"""Holds: what is held stays, whoever asks and by whatever way."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.model import id_bytes
from muniment.session import Change
from muniment.store import LogFilter
from muniment.testing import assert_logged, open_again


def refused(error, call):
    with pytest.raises(error) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "hold",
    [
        {"subjects": ["anna"]},
        {"records": ["anna"]},
        {"records": ["order"]},
        {"types": ["order"]},
        {"types": ["customer"]},
        {"categories": ["profile"]},
        {"categories": ["customer/contact"]},
        {"everything": True},
    ],
    ids=str,
)
def test_a_hold_on_any_part_stops_the_erasure_of_the_whole(session, archive, people, hold):
    """A subject's erasure takes in every record and category, so a hold on any of them stops it."""
    named = {
        scope: [getattr(people, one) for one in ones] if scope in ("subjects", "records") else ones
        for scope, ones in hold.items()
    }
    placed = session.holds.place("File 1", reason="claim", **named)
    with assert_logged(archive, "erasure.refuse", outcome="denied", code="hold.held"):
        error = refused(AccessDenied, lambda: session.erase(people.anna, reason="asked"))
    assert ("hold.held", placed.id) == (error.code, error.parameters["hold"])
    assert session.get(people.anna).fields["full_name"] == "Annabella Schmidt"
    session.holds.release(placed.id, reason="settled")
    session.erase(people.anna, reason="asked")
    refused(NotFound, lambda: session.get(people.anna))


def test_a_hold_on_something_else_stops_nothing(session, people):
    """Another subject, type, record or category is nobody's business."""
    session.holds.place("1", subjects=[people.bert])
    session.holds.place("2", records=[people.other])
    session.holds.place("3", types=["product"])
    session.holds.place("4", categories=["product/record"])
    session.erase(people.anna, reason="asked")
    refused(AccessDenied, lambda: session.erase(people.bert, reason="asked"))


def test_a_hold_of_one_category_leaves_the_others(session, people):
    """What is asked for is what is looked at: the held category stays, another one goes."""
    session.holds.place("1", categories=["customer/profile"])
    refused(AccessDenied, lambda: session.erasures.record(people.anna, category="profile", reason="x"))
    session.erasures.record(people.anna, category="contact", reason="x")
    found = session.get(people.anna)
    assert "Annabella Schmidt" == found.fields["full_name"]
    assert "phone" not in found.fields
    assert {"phone", "email"} <= found.erased


def test_a_hold_placed_in_another_process_counts_at_once(session, archive, people):
    """Holds are read in the transaction that begins an erasure."""
    session.holds.list()
    with (
        open_again(archive.folder, clock=archive.engine.clock) as other,
        other.session(actor="owner", purpose="ServiceProvision") as theirs,
    ):
        theirs.holds.place("1", subjects=[people.anna])
    refused(AccessDenied, lambda: session.erase(people.anna, reason="asked"))


def test_holds_cannot_be_written_by_other_ways(session, people):
    """No update, correction, deletion, revert or creation but through the holds' own functions."""
    hold = session.holds.place("1", subjects=[people.anna])
    for call in (
        lambda: session.update(hold.id, {"state": "released"}),
        lambda: session.correct(hold.id, {"state": "released"}),
        lambda: session.delete(hold.id, reason="x"),
        lambda: session.write([Change("revert", record=id_bytes(hold.id), values={}, replace=True)]),
        lambda: session.create("hold", {"matter": "x", "state": "placed", "targets": "[]"}),
    ):
        assert "access.guarded" == refused(AccessDenied, call).code
    assert "erasure.builtin" == refused(NotFound, lambda: session.erasures.record(hold.id, reason="x")).code
    assert [hold] == session.holds.list()


def test_a_hold_that_comes_too_late_is_refused(session, archive, people, cut_at):
    """After an erasure began nothing can be promised any more."""
    cut = cut_at(archive, "begun")
    with pytest.raises(cut):
        session.erase(people.anna, reason="asked")
    for named in ({"subjects": [people.anna]}, {"records": [people.order]}):
        assert "hold.too_late" == refused(Conflict, lambda n=named: session.holds.place("1", **n)).code


def test_what_a_hold_must_name(session, people):
    """Something that is there; nothing is held by mistake."""
    unknown = "019b76da-a801-7000-8395-1871b5264c05"
    assert "hold.nothing" == refused(UsageError, lambda: session.holds.place("1")).code
    assert "hold.no_matter" == refused(UsageError, lambda: session.holds.place(" ", types=["order"])).code
    assert "hold.category" == refused(UsageError, lambda: session.holds.place("1", categories=["x"])).code
    for named in ({"subjects": [unknown]}, {"records": [unknown]}, {"types": ["nothing"]}):
        refused(NotFound, lambda n=named: session.holds.place("1", **n))
    assert (
        "record.not_found"
        == refused(NotFound, lambda: session.holds.place("1", subjects=[people.order])).code
    )
    hold = session.holds.place("1", types=["order"])
    assert "usage.no_reason" == refused(UsageError, lambda: session.holds.release(hold.id, reason=" ")).code
    session.holds.release(hold.id, reason="over")
    assert "hold.released" == refused(Conflict, lambda: session.holds.release(hold.id, reason="x")).code
    assert "hold.none" == refused(NotFound, lambda: session.holds.release(unknown, reason="x")).code
    assert [] == session.holds.list()
    assert [(hold.id, False)] == [(one.id, one.placed) for one in session.holds.list(released=True)]


def test_holds_are_the_business_of_few(session, archive, people):
    """Placing and releasing need a right of their own; the refusal is in the log."""
    session.create("user", {"login": "vera", "roles": ["editor"], "state": "active"})
    with archive.session(actor="vera", purpose="ServiceProvision") as mine:
        for call in (
            lambda: mine.holds.place("1", subjects=[people.anna]),
            lambda: mine.holds.list(),
            lambda: mine.erase(people.anna, reason="x"),
            lambda: mine.erasures.certificates(),
            lambda: mine.dispose_log("accesses", before="2026-01-01"),
        ):
            with assert_logged(archive, "access.deny", outcome="denied", code="access.action"):
                refused(AccessDenied, call)


def test_placing_and_releasing_stand_in_the_log(session, archive, people):
    """Who, when and what was held; the matter and the reason are sealed."""
    hold = session.holds.place("Case Zebra-99", subjects=[people.anna], reason="Elephant Ltd sues")
    session.holds.release(hold.id, reason="Elephant Ltd lost")
    kinds = ("hold.place", "hold.release")
    released, placed = session.entries(LogFilter(kinds=kinds))
    assert kinds == (placed.kind, released.kind)
    assert [f"subject:{people.anna}"] == placed.detail["target"]["targets"]
    assert "reason" in placed.detail
    assert "reason" in released.detail
    assert "Zebra" not in str(placed) + str(released)
