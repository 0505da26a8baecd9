"""A change that needs a second person waits, is shown, and is written as it was shown."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, Conflict, Invalid
from muniment.model import id_bytes
from muniment.testing import assert_logged, assert_no_plaintext

from .conftest import ANNA, EVERYTHING, refused, rule, waits


def test_a_change_waits_and_is_written_by_the_approval(archive, as_):
    """Nothing is written before; afterwards the entry names maker, checker and proposal."""
    li, wu = as_("li"), as_("wu")
    anna = li.create("customer", ANNA)
    with assert_logged(archive, "change.propose", type="proposal", count=1):
        number = waits(lambda: li.update(anna.id, {"phone": "030 7654321"}, reason="caller asked"))
    assert "030 1234567" == li.get(anna.id).fields["phone"]
    (listed,) = wu.changes.list()
    assert (int(number), ("li",), ("update customer",), False) == (
        listed.number,
        listed.makers,
        listed.what,
        listed.mine,
    )
    shown = wu.changes.show(number)
    (change,) = shown.changes
    assert [("phone", "030 1234567", "030 7654321")] == [
        (one.field, one.before, one.after) for one in change.fields
    ]
    assert "caller asked" == shown.reason
    done = wu.changes.approve(number, digest=shown.digest, reason="rang back")
    assert ("done", 2) == (done.state, done.saved[0].version)
    assert "030 7654321" == li.get(anna.id).fields["phone"]
    step = wu.history(anna.id)[-1]
    assert ("wu", "caller asked") == (step.actor, step.reason)
    assert (("li",), ("wu",)) == (step.made_by, step.approved_by)
    with as_("owner") as owner:
        entry = owner.entry(step.entry)
    assert {"id": shown.summary.id, "made_by": ["li"], "by": ["wu"]} == entry.detail["approval"]
    archive.log.verify()


def test_bad_values_are_refused_at_once(as_):
    """Whatever is wrong is told to whoever typed it, not to whoever checks it."""
    li = as_("li")
    anna = li.create("customer", ANNA)
    with pytest.raises(Invalid):
        li.update(anna.id, {"phone": "not a number", "email": "nor this"})
    assert [] == li.changes.list()


def test_the_maker_cannot_check(archive, as_):
    """Not even one who may approve everything; the refusal is in the log."""
    owner = as_("owner")
    anna = owner.create("customer", ANNA)
    number = waits(lambda: owner.update(anna.id, {"phone": "030 7654321"}))
    digest = owner.changes.show(number).digest
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="approval.own"),
        refused("approval.own", AccessDenied),
    ):
        owner.changes.approve(number, digest=digest)
    with refused("approval.own", AccessDenied):
        owner.changes.reject(number, reason="x")


def test_another_digest_is_refused(as_):
    """Whoever approves names what they were shown."""
    li, wu = as_("li"), as_("wu")
    anna = li.create("customer", ANNA)
    number = waits(lambda: li.update(anna.id, {"phone": "030 7654321"}))
    with refused("approval.digest", Conflict):
        wu.changes.approve(number, digest="0" * 64)
    assert 1 == wu.get(anna.id).version


def test_a_base_that_moved_needs_a_renewal(archive, as_):
    """What moved is shown, and what was approved before counts for nothing."""
    li, wu, bo = as_("li"), as_("wu"), as_("bo")
    anna = li.create("customer", ANNA)
    number = waits(lambda: li.update(anna.id, {"phone": "030 7654321"}))
    old = wu.changes.show(number).digest
    bo.update(anna.id, {"city": "Bonn"})
    with refused("approval.stale", Conflict):
        wu.changes.approve(number, digest=old)
    shown = wu.changes.show(number)
    assert shown.stale
    assert [("city", None, "Bonn")] == [(one.field, one.before, one.after) for one in shown.changes[0].moved]
    li.changes.renew(number)
    with refused("approval.digest", Conflict):
        wu.changes.approve(number, digest=old)
    again = wu.changes.show(number)
    assert not again.stale
    assert 2 == again.round
    wu.changes.approve(number, digest=again.digest)
    fields = wu.get(anna.id).fields
    assert ("030 7654321", "Bonn") == (fields["phone"], fields["city"])


def test_a_new_person_waits_under_a_key_of_their_own(archive, as_):
    """The subject has its key from the proposal on, and keeps it when the record is made."""
    rule(archive, EVERYTHING)
    li, wu = as_("li"), as_("wu")
    number = waits(lambda: li.create("customer", ANNA))
    shown = wu.changes.show(number)
    subject = id_bytes(shown.changes[0].subject)
    slot = archive.store.subject(0, subject).slot
    assert archive.store.version(0, subject) is None
    archive.log.verify()
    done = wu.changes.approve(number, digest=shown.digest)
    assert shown.changes[0].record == done.saved[0].id
    assert slot == archive.store.subject(0, subject).slot
    archive.log.verify()


def test_a_program_is_told_what_waits(archive, as_):
    """The document of the error names the proposal; a conflict of drafts names the records."""
    from muniment.cli.errors import exit_code, problem
    from muniment.errors import MunimentError

    li = as_("li")
    anna = li.create("customer", ANNA)
    with pytest.raises(MunimentError) as caught:
        li.update(anna.id, {"phone": "030 7"})
    told = problem(caught.value, "en")
    assert (8, 202, "approval.waits") == (exit_code(caught.value), told["status"], told["code"])
    assert told["proposal"] == li.changes.show(str(told["number"])).summary.id
    li.drafts.save({"city": "Bonn"}, record=anna.id)
    as_("wu").update(anna.id, {"city": "Kiel"})
    with pytest.raises(MunimentError) as caught:
        li.drafts.apply()
    assert [anna.id] == [one["id"] for one in problem(caught.value, "en")["records"]]


CANARIES = {
    "update": "030 1111 9991",
    "create": "Canary Created",
    "edited": "030 1111 9992",
    "draft": "Canary Drafted",
    "where": "Canary Asked",
}


def test_nothing_that_waits_stands_in_clear_anywhere(archive, as_, tmp_path):
    """Neither proposals nor drafts nor reasons nor what an export asks for: open, closed, rejected, done."""
    rule(archive, EVERYTHING + '[[approvals.rule]]\nname = "out"\noperations = ["export"]\n')
    li, wu = as_("li"), as_("wu")
    number = waits(lambda: li.create("customer", ANNA))
    anna = wu.changes.approve(number, digest=wu.changes.show(number).digest).saved[0]
    number = waits(
        lambda: li.update(anna.id, {"phone": CANARIES["update"]}, reason="canary-reason of the maker")
    )
    wu.changes.edit(number, {"phone": CANARIES["edited"]}, reason="canary-reason of the editor")
    as_("bo").changes.reject(number, reason="canary-reason of the checker")
    waits(lambda: li.create("customer", {"full_name": CANARIES["create"]}))
    li.drafts.save({"full_name": CANARIES["draft"]}, record=anna.id)
    kept = li.drafts.save({"notes": CANARIES["draft"]}, type="customer")
    li.drafts.discard(kept.id)
    waits(lambda: li.export_file("customer", tmp_path / "x.csv", where={"full_name": CANARIES["where"]}))
    told = [*CANARIES.values(), "canary-reason of the maker", "canary-reason of the editor"]
    told += ["canary-reason of the checker", "11119991", "11119992"]
    assert_no_plaintext(archive.folder, told)
    archive.log.verify()
    archive.close()
    assert_no_plaintext(archive.folder, told)
