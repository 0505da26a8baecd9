"""A form that was not saved yet is sealed, seen by its owner alone, and written with the others of a tray."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from muniment.errors import AccessDenied, Conflict, Invalid, NotFound
from muniment.model import Money, id_bytes, id_text
from muniment.testing import assert_logged, assert_no_plaintext

from .conftest import ANNA, refused, rule, waits

_DAY_US = 86_400_000_000


@pytest.fixture
def anna(as_):
    """A customer of everybody's."""
    return as_("li").create("customer", ANNA)


def test_a_tray_is_written_in_one_transaction_for_one_reason(archive, as_, anna):
    """Two forms become two versions of one act, and the drafts are gone."""
    rule(archive, "")
    li = as_("li")
    bert = li.create("customer", {"full_name": "Bert"})
    first = li.drafts.save({"phone": "030 7654321"}, record=anna.id)
    li.drafts.save({"city": "Bonn"}, record=bert.id)
    first = li.drafts.save({"phone": "030 7654321", "city": "Kiel"}, id=first.id)
    assert [None, None] == [one.values.get("city") for one in li.drafts.list()]
    with assert_logged(archive, "record.update", count=2):
        saved = li.drafts.apply(reason="after the call")
    assert [2, 2] == [one.version for one in saved]
    assert "030 7654321" == li.get(anna.id).fields["phone"]
    assert "after the call" == li.history(anna.id)[-1].reason
    assert [] == li.drafts.list()
    with refused("draft.none", NotFound):
        li.drafts.apply()
    archive.log.verify()


def test_nobody_else_sees_a_draft(archive, as_, anna):
    """Not an owner of the archive either, by no path; a service's draft for one person is not another's."""
    li, owner = as_("li"), as_("owner")
    draft = li.drafts.save({"city": "Canary Town"}, record=anna.id)
    for other in (owner, as_("li", on_behalf_of="wu")):
        assert [] == other.drafts.list()
        for act in (other.drafts.get, other.drafts.discard, lambda id, it=other: it.drafts.apply([id])):
            with refused("draft.not_found", NotFound):
                act(draft.id)
    with refused("record.not_found", NotFound):
        owner.get(draft.id)
    with refused("record.not_found", NotFound):
        owner.history(draft.id)
    with refused("access.action", AccessDenied):
        owner.list("draft")
    assert "Canary Town" == li.drafts.get(draft.id).values["city"]
    assert_no_plaintext(archive.folder, ["Canary Town"])


def test_whoever_moved_first_is_told_record_by_record(archive, as_, anna):
    """Nothing is written; the names of what moved are told, and that they were told is in the log."""
    rule(archive, "")
    li, wu = as_("li"), as_("wu")
    bert = li.create("customer", {"full_name": "Bert"})
    draft = li.drafts.save({"phone": "030 7654321"}, record=anna.id)
    li.drafts.save({"city": "Bonn"}, record=bert.id)
    wu.update(anna.id, {"city": "Kiel"})
    assert [True, False] == [one.stale for one in li.drafts.list()]
    with (
        assert_logged(archive, "draft.read", outcome="failed", code="draft.moved"),
        pytest.raises(Conflict) as caught,
    ):
        li.drafts.apply()
    (moved,) = caught.value.parameters["records"]
    assert {"id": anna.id, "expected": 1, "found": 2, "fields": ["city"]} == moved
    assert 1 == li.get(bert.id).version
    li.drafts.save({"phone": "030 7654321"}, id=draft.id, base=2)
    assert [3, 2] == [one.version for one in li.drafts.apply()]


def test_a_half_filled_form_is_kept_and_checked_when_it_is_applied(as_):
    """What is wrong is told then, and the draft stays."""
    li = as_("li")
    draft = li.drafts.save({"email": "not yet"}, type="customer")
    with pytest.raises(Invalid):
        li.drafts.apply()
    assert "not yet" == li.drafts.get(draft.id).values["email"]
    li.drafts.save({"email": "x@example.org", "full_name": "Xenia"}, id=draft.id)
    (saved,) = li.drafts.apply()
    assert (draft.record, 1) == (saved.id, saved.version)


def test_a_new_person_keeps_their_key(archive, as_):
    """The subject gets its key with the draft, and the record is made under it."""
    li = as_("li")
    draft = li.drafts.save({"full_name": "Xenia"}, type="customer")
    slot = archive.store.subject(0, id_bytes(draft.record)).slot
    archive.log.verify()
    li.drafts.apply()
    assert slot == archive.store.subject(0, id_bytes(draft.record)).slot
    li.drafts.discard(li.drafts.save({"full_name": "Nobody"}, type="customer").id)
    archive.log.verify()


def test_a_tray_that_needs_approval_waits_as_one(archive, as_, anna):
    """All of it, in one proposal; the drafts are gone, and what they said is in there alone."""
    li, wu = as_("li"), as_("wu")
    bert = li.create("customer", {"full_name": "Bert"})
    li.drafts.save({"phone": "030 7654321"}, record=anna.id)
    li.drafts.save({"city": "Bonn"}, record=bert.id)
    number = waits(li.drafts.apply)
    assert [] == li.drafts.list()
    shown = wu.changes.show(number)
    assert [anna.id, bert.id] == [one.record for one in shown.changes]
    done = wu.changes.approve(number, digest=shown.digest)
    assert [2, 2] == [one.version for one in done.saved]
    archive.log.verify()


def test_what_nobody_touched_for_long_goes(archive, as_, anna):
    """It is not there from that moment on, and the tick writes it down."""
    li = as_("li")
    draft = li.drafts.save({"city": "Bonn"}, record=anna.id)
    clock = archive.engine.clock
    clock.now_us += 31 * _DAY_US
    li = as_("li")
    assert [] == li.drafts.list()
    with refused("draft.not_found", NotFound):
        li.drafts.get(draft.id)
    with assert_logged(archive, "draft.discard", target={"expired": True}):
        assert 1 == as_("owner").drafts.expire_due()
    assert 0 == as_("owner").drafts.expire_due()


def test_a_draft_takes_only_what_its_owner_may_write(as_, anna):
    """A reader has no tray; a field that is not there is none; a built-in record neither."""
    kim, li = as_("kim"), as_("li")
    with refused("access.action", AccessDenied):
        kim.drafts.save({"city": "Bonn"}, record=anna.id)
    with refused("schema.unknown_field", NotFound):
        li.drafts.save({"moon": "full"}, record=anna.id)
    with refused("record.not_found", NotFound):
        li.drafts.save({"city": "Bonn"}, record="01a200db-9b86-7000-baab-bb7e33fb6ce1")
    with refused("access.guarded", AccessDenied):
        as_("owner").drafts.save({"login": "x"}, type="user")


def test_a_draft_shows_what_its_owner_may_still_write(archive, as_, anna):
    """Whoever lost a field since reads it nowhere: in no draft, list or tray; disabled, they read none."""
    draft = as_("li").drafts.save({"phone": "030 7654321"}, record=anna.id)
    owner, user = as_("owner"), id_text(archive.engine.definitions.users["li"].record)
    for role, left in (("reader", {}), ("editor", {"phone": "030 7654321"})):
        owner.update(user, {"roles": [role]})
        li = as_("li")
        assert left == li.drafts.get(draft.id).values
        assert [list(left)] == [list(one.values) for one in li.drafts.list()]
        assert [left] == [one.values for one in li.drafts.tray("customer").shown()]
    owner.update(user, {"state": "disabled"})
    for look in (li.drafts.list, lambda: li.drafts.get(draft.id), li.drafts.tray("customer").shown):
        with pytest.raises(AccessDenied):
            look()
    with pytest.raises(AccessDenied):
        archive.session(actor="nobody").drafts.tray("customer").shown()


def test_saving_the_same_again_writes_nothing(archive, as_, anna):
    """A form that saves itself every few seconds does not fill the archive."""
    li = as_("li")
    draft = li.drafts.save({"city": "Bonn"}, record=anna.id)
    before = archive.store.version(0, id_bytes(draft.id)).version
    li.drafts.save({"city": "Bonn"}, id=draft.id)
    assert before == archive.store.version(0, id_bytes(draft.id)).version


@pytest.mark.parametrize("value", ["x", True, 7, 1 << 60, date(2026, 1, 1), ("a", "b"), None])
def test_a_form_keeps_what_it_was_given(value):
    """Text as typed, anything else as its kind has it."""
    from muniment.changes.drafts import Form, pack_form, raw_value, unpack_form
    from muniment.schema.fields import Field

    kinds = {int: 2, date: 5}
    field = Field(key="k", kind="text", encoding=kinds.get(type(value), 1), number=7)
    form = Form("create", 256, b"r" * 16, 0, {7: raw_value(field, value)})
    assert value == unpack_form(pack_form(form)).values[7]


def test_amounts_keep_their_places():
    """A draft rounds nothing."""
    from muniment.changes.drafts import Form, pack_form, raw_value, unpack_form
    from muniment.schema.fields import Field

    amount = Money(Decimal("12.50"), "EUR")
    field = Field(key="k", kind="money", encoding=4, number=7)
    form = Form("create", 256, b"r" * 16, 0, {7: raw_value(field, amount)})
    assert amount == unpack_form(pack_form(form)).values[7]
