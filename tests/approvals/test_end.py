"""What waits goes with the person it is about, and on its own day."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, NotFound
from muniment.model import id_bytes
from muniment.session import Change
from muniment.session.rights.expiring import expire_due
from muniment.testing import assert_logged, assert_no_plaintext

from .conftest import ANNA, EVERYTHING, refused, rule, waits

_DAY_US = 86_400_000_000
ERASING = '[[approvals.rule]]\nname = "erasing"\noperations = ["erase"]\n'


@pytest.fixture
def anna(as_):
    """A customer of everybody's."""
    return as_("li").create("customer", ANNA)


def test_erasing_a_person_takes_along_what_waits_about_them(archive, as_, anna):
    """A proposal and a draft are gone with their subject; what was about others stays, unapprovable."""
    li, wu, owner = as_("li"), as_("wu"), as_("owner")
    bert = li.create("customer", {"full_name": "Bert"})
    alone = waits(lambda: li.update(anna.id, {"phone": "030 7777777"}))
    both = waits(
        lambda: li.write(
            [
                Change("update", record=id_bytes(one.id), values={"phone": "030 8888888"})
                for one in (bert, anna)
            ]
        )
    )
    draft = li.drafts.save({"city": "Bonn"}, record=anna.id)
    assert [bert.id, anna.id] == [one.record for one in wu.changes.show(both).changes]
    digest = wu.changes.show(both).digest
    owner.erase(anna.id, reason="asked")
    for number in (alone, both):
        with pytest.raises(NotFound):
            wu.changes.show(number)
        with pytest.raises(NotFound):
            wu.changes.approve(number, digest=digest)
    assert [] == wu.changes.list()
    assert [] == li.drafts.list()
    with pytest.raises(NotFound):
        li.drafts.get(draft.id)
    assert 1 == li.get(bert.id).version
    assert_no_plaintext(archive.folder, ["030 7777777"])
    archive.log.verify()
    archive.engine.clock.now_us += 40 * _DAY_US
    expire_due(archive.engine, as_("owner").acting)
    archive.log.verify()


def test_somebody_without_a_record_is_erased_as_well(archive, as_):
    """Whom a proposal or a draft is about alone, under the identifier that they would have had."""
    rule(archive, EVERYTHING)
    li, wu, owner = as_("li"), as_("wu"), as_("owner")
    number = waits(lambda: li.create("customer", ANNA))
    subject = wu.changes.show(number).changes[0].subject
    form = li.drafts.save({"full_name": "Xenia"}, type="customer")
    for one in (subject, form.record):
        assert 1 == owner.erase(one, reason="asked").targets
    with pytest.raises(NotFound):
        wu.changes.show(number)
    assert [] == li.drafts.list()
    archive.log.verify()


def test_what_is_over_is_erased_on_its_day(archive, as_, anna):
    """Not before: until then whoever wanted it can see what became of it."""
    li, wu, owner = as_("li"), as_("wu"), as_("owner")
    rejected = waits(lambda: li.update(anna.id, {"phone": "030 7777777"}))
    wu.changes.reject(rejected, reason="no")
    left = waits(lambda: li.update(anna.id, {"phone": "030 8888888"}))
    li.drafts.discard(li.drafts.save({"city": "Bonn"}, record=anna.id).id)
    first = expire_due(archive.engine, owner.acting)
    assert (0, 0, 1) == (first.proposals, first.drafts, first.erased)
    assert "rejected" == li.changes.show(rejected).summary.state
    archive.engine.clock.now_us += 15 * _DAY_US
    done = expire_due(archive.engine, as_("owner").acting)
    assert (1, 0, 2) == (done.proposals, done.drafts, done.erased)
    for number in (rejected, left):
        with pytest.raises(NotFound):
            as_("li").changes.show(number)
    assert (0, 0, 0) == tuple(
        getattr(expire_due(archive.engine, as_("owner").acting), name)
        for name in ("proposals", "drafts", "erased")
    )
    assert "030 1234567" == as_("li").get(anna.id).fields["phone"]
    archive.log.verify()


def test_an_erasure_waits_too(archive, as_, anna):
    """Exactly these targets, once; the certificate's entry names who approved it."""
    rule(archive, ERASING)
    with as_("owner") as owner:
        owner.create("user", {"login": "eve", "roles": ["owner"], "state": "active"})
    owner, eve = as_("owner"), as_("eve")
    number = waits(lambda: owner.erase(anna.id, reason="asked"))
    assert "Anna Schmidt" == owner.get(anna.id).fields["full_name"]
    digest = owner.changes.show(number).digest
    with refused("approval.own", AccessDenied):
        owner.changes.approve(number, digest=digest)
    with refused("access.action", AccessDenied):
        as_("wu").changes.approve(number, digest=digest)
    assert "ready" == eve.changes.approve(number, digest=digest).state
    with assert_logged(archive, "erasure.begin", approval={"by": ["eve"], "made_by": ["owner"]}):
        owner.erase(anna.id, reason="asked")
    with pytest.raises(NotFound):
        owner.get(anna.id)
    archive.log.verify()
