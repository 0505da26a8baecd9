"""Erasing somebody who was merged with others: all of them go, or none; what is left comes apart."""

from __future__ import annotations

import json

import pytest

from muniment.errors import AccessDenied, ApprovalNeeded, Conflict, NotFound
from muniment.testing import assert_no_plaintext, log_entries, open_again
from muniment.verify.certificate import check_certificate


@pytest.fixture
def merged(session, people):
    """Anna and somebody who turned out to be Anna, and a third who turned out to be that one."""
    twin = session.create("customer", {"full_name": "Annabella Schmitt", "city": "Teltow-Nord"}).id
    third = session.create("customer", {"full_name": "A. Schmidt", "email": "third@example.org"}).id
    session.cleaning.links.merge(people.anna, twin, reason="the same person")
    session.cleaning.links.merge(people.anna, third, reason="and this one")
    return people.anna, twin, third


FORMS = ["Annabella Schmitt", "Teltow-Nord", "third@example.org"]


@pytest.mark.parametrize("asked", range(3))
def test_all_who_are_one_go_together(archive, session, people, merged, asked):
    """Whichever of them is asked for; the certificate names each, and why it went."""
    done = session.erase(merged[asked], reason="she asked")
    targets = {one["record"]: one for one in done.certificate["targets"]}
    assert set(merged) == set(targets)
    assert {merged[asked]} == {one["merged_with"] for name, one in targets.items() if name != merged[asked]}
    assert "merged_with" not in targets[merged[asked]]
    made = session.erasures.certificate(done.id)
    assert check_certificate(json.dumps(made)).certificate == done.certificate
    for one in merged:
        with pytest.raises(NotFound):
            session.get(one)
    assert [people.bert] == [one.id for one in session.list("customer").records]
    archive.log.verify()
    archive.close()
    assert_no_plaintext(archive.folder, [*people.forms, *FORMS])


def test_the_plan_names_them_and_does_nothing(archive, session, people, merged):
    """Who, how many records, which hold; and it is written down."""
    hold = session.holds.place("Doe v. us", subjects=[merged[2]])
    planned = session.erasures.plan(merged[0])
    assert merged[0] == planned.subjects[0]
    assert set(merged) == set(planned.subjects)
    assert {merged[0]: 2, merged[1]: 1, merged[2]: 1} == planned.records
    assert (hold.id,) == planned.holds
    entry = log_entries(archive)[-1]
    assert ("retention.plan", sorted(merged)) == (entry.kind, sorted(entry.detail["target"]["subjects"]))
    assert session.get(merged[0]).fields


@pytest.mark.parametrize("held", range(3))
def test_a_hold_on_any_of_them_stops_it(session, merged, held):
    """Nothing of anybody goes."""
    session.holds.place("Doe v. us", subjects=[merged[held]])
    for asked in merged:
        with pytest.raises(AccessDenied) as caught:
            session.erase(asked, reason="asked")
        assert "hold.held" == caught.value.code
    assert session.get(merged[0]).fields
    assert session.get(merged[1]).deleted


def test_a_merge_between_looking_and_beginning_stops_it(archive, session, people, monkeypatch):
    """Whoever turned out to be the same meanwhile would have been left behind."""
    twin = session.create("customer", {"full_name": "Annabella Schmitt"}).id
    erasures = session.erasures
    real = archive.engine.keys.require_rotatable

    def meanwhile():
        monkeypatch.setattr(archive.engine.keys, "require_rotatable", real)
        session.cleaning.links.merge(people.anna, twin, reason="the same person")
        real()

    monkeypatch.setattr(archive.engine.keys, "require_rotatable", meanwhile)
    with pytest.raises(Conflict) as caught:
        erasures.subject(people.anna, reason="asked")
    assert "erasure.merged" == caught.value.code
    assert session.get(people.anna).fields


def test_one_that_a_crash_cut_short_is_finished_for_all(archive, session, merged, cut_at):
    """By the next opening; none is half gone."""
    crash = cut_at(archive, "destroy")
    with pytest.raises(crash):
        session.erase(merged[0], reason="asked")
    archive.engine.step = lambda name: None
    archive.close()
    with (
        open_again(archive.folder, clock=archive.engine.clock) as again,
        again.session(actor="owner", purpose="ServiceProvision") as mine,
    ):
        assert 0 == again.log.verify().unfinished
        for one in merged:
            with pytest.raises(NotFound):
                mine.get(one)
        (certificate,) = mine.erasures.certificates()
        assert set(merged) == {one["record"] for one in certificate["targets"]}


def test_the_approval_names_them(archive, session, merged):
    """Whoever approves sees who goes along; what they approve is exactly that."""
    path = archive.folder / "muniment.toml"
    rule = '\n[[approvals.rule]]\nname = "erasing"\noperations = ["erase"]\n'
    path.write_text(path.read_text("utf-8") + rule, "utf-8")
    archive.apply_config(session, reason="four eyes")
    with pytest.raises(ApprovalNeeded) as caught:
        session.erase(merged[0], reason="asked")
    facts = session.changes.show(str(caught.value.parameters["number"])).act.facts
    assert set(merged[1:]) == set(facts["merged"].split(", "))


def test_a_merge_is_undone_after_the_kept_one_is_gone(archive, session, people):
    """What retention left of it comes back alone; nobody is stuck as a duplicate of nothing."""
    twin = session.create("customer", {"full_name": "Annabella Schmitt", "city": "Teltow"}).id
    link = session.cleaning.links.merge(people.bert, twin, reason="the same person")
    session.erasures.record(people.bert, reason="wrong in the first place")
    session.cleaning.links.undo(link.id, reason="the other is gone")
    assert "Annabella Schmitt" == session.get(twin).fields["full_name"]
    assert not session.cleaning.links.list()
    # From now on they are two again.
    session.erase(twin, reason="asked")
    assert "SO-2" == session.get(people.other).fields["order_number"]
    archive.log.verify()


def test_a_merge_of_which_something_was_erased_is_undone(session, people):
    """What is gone stays gone, and the rest is as it was."""
    twin = session.create("customer", {"full_name": "Berthold Kleine", "email": "b@example.org"}).id
    link = session.cleaning.links.merge(people.bert, twin, reason="the same person")
    assert "b@example.org" == session.get(people.bert).fields["email"]
    session.erasures.record(people.bert, category="contact", reason="wrong number")
    session.cleaning.links.undo(link.id, reason="two persons after all")
    assert "b@example.org" == session.get(twin).fields["email"]
    assert "email" in session.get(people.bert).erased
    assert not session.get(twin).deleted


def test_a_report_tells_of_all_of_them(session, people, merged):
    """Their records, and what was done with them."""
    order = {"order_number": "SO-77", "ordered_at": "2025-06-02T10:00:00Z", "customer": merged[1]}
    # Made before the merge in real life; a deleted customer takes no new orders.
    session.cleaning.links.undo(merged[1], reason="to add one")
    made = session.create("order", order).id
    session.cleaning.links.merge(merged[0], merged[1], reason="the same person")
    report = session.persons.report(merged[0])
    assert {people.order, made} <= {one.id for one in report.records}
    assert set(merged[1:]) == set(report.merged)


def test_a_restriction_follows_the_merge(archive, session, people, merged):
    """Of two who are one, neither is used, until it is lifted or taken apart."""
    session.restrictions.place(merged[1])
    with pytest.raises(AccessDenied):
        session.get(merged[0])
    assert merged[1] == session.restrictions.list()[0].subject
    with archive.session(actor="owner", purpose="RightsFulfillment") as officer:
        officer.cleaning.links.undo(merged[1], reason="two persons after all")
    assert session.get(merged[0]).fields
