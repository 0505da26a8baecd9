"""Whoever tries to be both people, to approve something else than was shown, or to go round the rule."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from muniment.errors import (
    AccessDenied,
    ApprovalNeeded,
    Conflict,
    Invalid,
    MunimentError,
    NotFound,
    PluginError,
)
from muniment.model import id_bytes
from muniment.session import Change
from muniment.testing import (
    assert_logged,
    assert_no_plaintext,
    new_archive,
    open_again,
)

from .conftest import ANNA, EVERYTHING, PURPOSE, refused, rule, waits

TWO = """
[[approvals.rule]]
name = "two"
types = ["customer"]
fields = ["phone"]
operations = ["update"]
approvers = 2
"""


@pytest.fixture
def anna(as_):
    """A customer of everybody's."""
    return as_("li").create("customer", ANNA)


def proposed(session, record, **values):
    """The number of a proposal, and its digest as its maker is shown it."""
    number = waits(lambda: session.update(record.id, values or {"phone": "030 7654321"}))
    return number, session.changes.show(number).digest


# Being both people


def test_another_role_makes_nobody_another_person(archive, as_, anna):
    """Whoever asked for it as an editor does not approve it as an owner."""
    number, digest = proposed(as_("li"), anna)
    with as_("owner") as owner:
        user = archive.engine.definitions.users["li"]
        owner.write([Change("update", record=user.record, values={"roles": ["owner", "editor"]})])
    with refused("approval.own", AccessDenied):
        as_("li").changes.approve(number, digest=digest)


@pytest.mark.parametrize(
    ("maker", "checker"),
    [
        (("li", None), ("wu", "li")),
        (("wu", "li"), ("li", None)),
        (("wu", "li"), ("bo", "li")),
        (("wu", "li"), ("bo", "LI ")),
    ],
)
def test_a_service_is_whom_it_acts_for(as_, anna, maker, checker):
    """Neither side of it checks what the other made, in whatever spelling."""

    def begin(login, for_whom):
        return as_(login, **({"on_behalf_of": for_whom} if for_whom else {}))

    number, digest = proposed(begin(*maker), anna)
    with refused("approval.own", AccessDenied):
        begin(*checker).changes.approve(number, digest=digest)


def test_whoever_edited_it_made_it(as_, anna):
    """From then on there are two makers, and what was approved before lapses."""
    li, wu, bo = as_("li"), as_("wu"), as_("bo")
    number, old = proposed(li, anna)
    wu.changes.edit(number, {"phone": "030 5555555"}, reason="typing error")
    shown = wu.changes.show(number)
    assert (("li", "wu"), 2) == (tuple(shown.summary.makers), shown.round)
    for maker in (li, wu):
        with refused("approval.own", AccessDenied):
            maker.changes.approve(number, digest=shown.digest)
    with refused("approval.digest", Conflict):
        bo.changes.approve(number, digest=old)
    bo.changes.approve(number, digest=shown.digest)
    assert "030 5555555" == li.get(anna.id).fields["phone"]


def test_two_checkers_are_two_people(archive, as_, anna):
    """One who approves twice, or through a service, is one."""
    rule(archive, TWO)
    li, wu = as_("li"), as_("wu")
    number, digest = proposed(li, anna)
    first = wu.changes.approve(number, digest=digest)
    assert ("open", ["two"]) == (first.state, [need.rule for need in first.missing])
    for again in (wu, as_("bo", on_behalf_of="wu")):
        with refused("approval.twice", Conflict):
            again.changes.approve(number, digest=digest)
    assert 1 == li.get(anna.id).version
    with assert_logged(archive, "record.update", approval={"by": ["wu", "bo"], "made_by": ["li"]}):
        as_("bo").changes.approve(number, digest=digest)
    assert 2 == li.get(anna.id).version


def test_an_approval_lapses_with_what_was_approved(archive, as_, anna):
    """Renewing, editing, and the checker's losing the right take it back."""
    rule(archive, TWO)
    li, wu, bo, owner = as_("li"), as_("wu"), as_("bo"), as_("owner")
    number, digest = proposed(li, anna)
    wu.changes.approve(number, digest=digest)
    li.changes.renew(number)
    shown = bo.changes.show(number)
    assert () == shown.approvals
    wu.changes.approve(number, digest=shown.digest)
    user = archive.engine.definitions.users["wu"]
    owner.write([Change("update", record=user.record, values={"roles": ["reader"]})])
    assert "open" == bo.changes.approve(number, digest=shown.digest).state
    assert 1 == li.get(anna.id).version


# What was shown is what is written


def test_it_is_written_once(as_, anna):
    """A second approval, a rejection, a withdrawal and a renewal come too late."""
    li, wu, bo = as_("li"), as_("wu"), as_("bo")
    number, digest = proposed(li, anna)
    wu.changes.approve(number, digest=digest)
    for act in (
        lambda: bo.changes.approve(number, digest=digest),
        lambda: bo.changes.reject(number, reason="x"),
        lambda: li.changes.withdraw(number),
        lambda: li.changes.renew(number),
        lambda: bo.changes.edit(number, {"phone": "030 1"}),
    ):
        with refused("approval.closed", Conflict):
            act()
    assert 2 == li.get(anna.id).version


@pytest.mark.parametrize("digest", ["", "0", "0" * 15, "x" * 64, "é" * 32])
def test_a_digest_that_says_nothing_approves_nothing(as_, anna, digest):
    """Too short, or no digest at all."""
    number, _ = proposed(as_("li"), anna)
    with pytest.raises(MunimentError) as caught:
        as_("wu").changes.approve(number, digest=digest)
    assert caught.value.code in ("approval.short_digest", "approval.digest")
    assert 1 == as_("li").get(anna.id).version


def test_a_unique_value_that_somebody_took_is_refused_and_the_rest_waits(archive, as_):
    """What was sound when it was proposed is looked at again."""
    rule(archive, EVERYTHING)
    li, wu, owner = as_("li"), as_("wu"), as_("owner")
    values = {**ANNA, "customer_number": "C-1"}
    first, second = (waits(lambda: li.create("customer", values)) for _ in range(2))
    wu.changes.approve(first, digest=wu.changes.show(first).digest)
    digest = wu.changes.show(second).digest
    with pytest.raises(Invalid):
        wu.changes.approve(second, digest=digest)
    assert "open" == owner.changes.show(second).summary.state
    archive.log.verify()


def test_a_maker_who_may_not_any_more_gets_nothing_written(archive, as_, anna):
    """Disabled, or with less rights: what they wanted is theirs no more."""
    wu, owner = as_("wu"), as_("owner")
    number, digest = proposed(as_("li"), anna)
    user = archive.engine.definitions.users["li"]
    for values in ({"state": "disabled"}, {"state": "active", "roles": ["reader"]}):
        owner.write([Change("update", record=user.record, values=values)])
        with refused("approval.maker", AccessDenied):
            wu.changes.approve(number, digest=digest)
    assert 1 == wu.get(anna.id).version


def test_nobody_approves_what_they_may_not_read_and_write(clinic):
    """What is masked is shown masked; and a value that is not read is not waved through."""

    def as_(login):
        return clinic.session(actor=login, purpose=PURPOSE)

    owner, li, eve = as_("owner"), as_("li"), as_("eve")
    made = waits(lambda: owner.create("person", {"name": "Anna", "secret": "canary-secret"}))
    (change,) = li.changes.show(made).changes
    shown = {one.field: (one.after, one.masked) for one in change.fields}
    assert "canary-secret" not in repr(shown)
    digest = eve.changes.show(made).digest
    with refused("access.field", AccessDenied):
        li.changes.approve(made, digest=digest)
    assert "done" == eve.changes.approve(made, digest=digest).state
    assert_no_plaintext(clinic.folder, ["canary-secret"])


# Going round the rule

PATHS = {
    "update": lambda s, one: s.update(one.id, {"phone": "030 7"}),
    "correct": lambda s, one: s.correct(one.id, {"phone": "030 7"}),
    "set": lambda s, one: s.write([Change("update", record=id_bytes(one.id), values={"phone": "030 7"})]),
    "inside": lambda s, one: s.write(
        [Change("update", record=id_bytes(one.id), values={"phone": "030 7"}, inside=True)]
    ),
    "revert": lambda s, one: s.write(
        [Change("revert", record=id_bytes(one.id), values={"full_name": "Eve"}, replace=True)]
    ),
    "delete": lambda s, one: s.delete(one.id, reason="x"),
    "undelete": lambda s, one: s.undelete(one.id),
    "create": lambda s, one: s.create("customer", {"full_name": "Eve"}),
    "draft": lambda s, one: (s.drafts.save({"phone": "030 7"}, record=one.id), s.drafts.apply()),
    "idempotent": lambda s, one: s.update(one.id, {"phone": "030 7"}, idempotency_key="k"),
}


@pytest.mark.parametrize("path", PATHS)
def test_every_path_waits(archive, as_, anna, path):
    """By whatever way a record is written, somebody else looks at it first."""
    li, wu = as_("li"), as_("wu")
    if path == "undelete":
        li.delete(anna.id, reason="x")
    rule(archive, EVERYTHING)
    before = archive.store.version(0, id_bytes(anna.id))
    number = waits(lambda: PATHS[path](li, anna))
    assert before == archive.store.version(0, id_bytes(anna.id))
    if path == "idempotent":
        assert number == waits(lambda: PATHS[path](li, anna))
    shown = wu.changes.show(number)
    done = wu.changes.approve(number, digest=shown.digest)
    assert done.saved[0].written
    archive.log.verify()


def test_what_is_collected_waits_change_by_change(archive, as_, anna):
    """The sound ones that need nobody are written, the others wait together."""
    li = as_("li")
    bert = li.create("customer", {"full_name": "Bert"})
    done = li.write(
        [
            Change("update", record=id_bytes(anna.id), values={"phone": "030 7"}),
            Change("update", record=id_bytes(bert.id), values={"city": "Bonn"}),
        ],
        collect=True,
    )
    assert isinstance(done[0], ApprovalNeeded)
    assert (1, 2) == (li.get(anna.id).version, done[1].version)


def test_a_field_that_was_renamed_is_still_guarded(archive, as_, anna):
    """A rule that names the old key means the field; one that names nothing guards everything."""
    from muniment.changes import Approvals, Rule

    record_type = archive.engine.definitions.types["customer"]
    found = Approvals((Rule("x", fields=frozenset({"gone"})),))
    assert found.needs({"update"}, type=record_type, changed=["city"], roles=[("editor",)])


def test_a_plugin_that_fails_lets_nothing_through(archive, as_, anna):
    """Neither when it is wanted nor when it is approved."""
    folder = archive.folder / "plugins"
    folder.mkdir()
    text = """
import muniment
from muniment.plugins import NeedsApproval, PluginInfo

@muniment.hookimpl
def muniment_plugin_info():
    return PluginInfo("guard", ">=1,<2")

@muniment.hookimpl
def muniment_needs_approval(record, changes, context):
    if changes.get("city") == "Bonn":
        return NeedsApproval(roles=("owner",))
    if changes.get("city") == "Kiel":
        raise ValueError(repr(changes))
    if changes.get("city") == "Ulm":
        return True
"""
    (folder / "guard.py").write_text(text)
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text().replace("enabled = []", 'enabled = ["guard"]'))
    with as_("owner") as owner:
        archive.apply_config(owner, reason="guard")
    li, wu, owner = as_("li"), as_("wu"), as_("owner")
    for city, code in (("Kiel", "plugin.raised"), ("Ulm", "plugin.result")):
        with refused(code, PluginError):
            li.update(anna.id, {"city": city})
    number = waits(lambda: li.update(anna.id, {"city": "Bonn"}))
    digest = wu.changes.show(number).digest
    with refused("approval.role", AccessDenied):
        wu.changes.approve(number, digest=digest)
    assert "done" == owner.changes.approve(number, digest=digest).state
    assert 2 == li.update(anna.id, {"city": "Bonn"}).version


# Who may know of it


def test_a_proposal_is_read_through_its_own_door_alone(archive, as_, anna):
    """Not as a record, in no list, history or export; and by nobody who may not read what it is about."""
    number, _ = proposed(as_("li"), anna, phone="030 4242424")
    owner = as_("owner")
    record = owner.changes.show(number).summary.id
    with refused("record.not_found", NotFound):
        owner.get(record)
    with refused("record.not_found", NotFound):
        owner.history(record)
    with refused("access.action", AccessDenied):
        owner.list("proposal")
    with refused("access.action", AccessDenied):
        list(
            owner.exported(
                "proposal",
                where={},
                fields=["content"],
                deleted=False,
                scan=False,
                recipient="x",
                reason=None,
            )
        )
    with refused("access.action", AccessDenied):
        owner.update(record, {"state": "done"})
    with refused("approval.not_found", NotFound):
        as_("kim").changes.show(number)
    assert [] == as_("kim").changes.list()
    for missing in ("0", "999999", "x", "01a200db-9b86-7000-baab-bb7e33fb6ce1", anna.id, "9" * 40):
        with refused("approval.not_found", NotFound):
            owner.changes.show(missing)
    assert_no_plaintext(archive.folder, ["030 4242424", "4242424"])


def test_what_is_due_has_expired_before_anybody_says_so(archive, as_, anna):
    """It cannot be approved any more; the tick writes that down once."""
    number, digest = proposed(as_("li"), anna)
    archive.engine.clock.now_us += 15 * 86_400_000_000
    wu = as_("wu")
    with refused("approval.expired", Conflict):
        wu.changes.approve(number, digest=digest)
    assert [] == wu.changes.list()
    assert 1 == len(wu.changes.list(state="expired"))
    with assert_logged(archive, "change.expire", count=1):
        assert 1 == as_("owner").changes.expire_due()
    assert 0 == as_("owner").changes.expire_due()
    archive.log.verify()


def test_withdrawing_is_the_makers(archive, as_, anna):
    """Nobody else takes a proposal back, and a maker does not reject it."""
    li, wu = as_("li"), as_("wu")
    number, _ = proposed(li, anna)
    with refused("approval.not_yours", AccessDenied):
        wu.changes.withdraw(number)
    with refused("approval.not_yours", AccessDenied):
        wu.changes.renew(number)
    assert "withdrawn" == li.changes.withdraw(number, reason="never mind").state
    other, _ = proposed(li, anna)
    with assert_logged(archive, "change.reject", count=1):
        assert "rejected" == wu.changes.reject(other, reason="wrong number").state
    archive.log.verify()


# Two at once


def raced(folder, acts):
    """Let every act run at once, each in an archive of its own; gives what became of each."""
    ready, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place, login, act):
        with open_again(folder) as own, own.session(actor=login, purpose=PURPOSE) as session:
            ready.wait()
            try:
                results[place] = act(session).state
            except MunimentError as error:
                results[place] = error.code

    threads = [
        threading.Thread(target=run, args=(place, login, act)) for place, (login, act) in enumerate(acts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.slow
@pytest.mark.parametrize("other", ["approve", "withdraw"])
def test_of_two_at_once_one_wins(tmp_path, other):
    """Two who approve, or one who approves while the maker takes it back: it is written once or never."""
    folder = tmp_path / "raced"
    with new_archive(folder) as archive:
        with archive.session(actor="owner", purpose=PURPOSE) as owner:
            for login in ("li", "wu", "bo"):
                owner.create("user", {"login": login, "roles": ["editor"], "state": "active"})
        rule(archive, EVERYTHING)
        seen = set()
        for turn in range(6):
            with archive.session(actor="li", purpose=PURPOSE) as li:
                number = waits(lambda s=li, n=turn: s.create("customer", {"full_name": f"Person {n}"}))
                shown = li.changes.show(number)
            acts = [("wu", lambda s, n=number, d=shown.digest: s.changes.approve(n, digest=d))]
            if other == "approve":
                acts.append(("bo", acts[0][1]))
            else:
                acts.append(("li", lambda s, n=number: s.changes.withdraw(n)))
            results = raced(folder, acts)
            assert 1 == results.count("approval.closed"), results
            written = archive.store.version(0, id_bytes(shown.changes[0].record))
            assert ("done" in results) == (written is not None and written.version == 1)
            seen.add(tuple(results))
        archive.engine.refresh()
        archive.log.verify()


CRASH = """
import os, sys
from muniment.testing import open_again
from muniment.stores import sqlite

where, folder, number, digest = sys.argv[1:]
archive = open_again(folder)
session = archive.session(actor="wu", purpose="CustomerManagement")
import muniment.session.writing.commit as commit
if where == "put":
    commit.Commit._put = lambda *given: os._exit(9)
elif where == "append":
    archive.engine.logbook.committed = lambda moment: None
    archive.engine.sealer.settle = lambda: os._exit(9)
else:
    archive.engine.logbook.committed = lambda moment: os._exit(9)
session.changes.approve(number, digest=digest)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("where", "written"), [("put", False), ("append", False), ("commit", True)])
def test_a_kill_leaves_all_of_it_or_nothing(tmp_path, where, written):
    """Approval, versions and entries are one transaction."""
    folder = tmp_path / "killed"
    with new_archive(folder) as archive:
        with archive.session(actor="owner", purpose=PURPOSE) as owner:
            for login in ("li", "wu"):
                owner.create("user", {"login": login, "roles": ["editor"], "state": "active"})
        rule(archive, EVERYTHING)
        with archive.session(actor="li", purpose=PURPOSE) as li:
            number = waits(lambda: li.create("customer", {"full_name": "Anna"}))
            digest = li.changes.show(number).digest
    killed = subprocess.run(
        [sys.executable, "-c", CRASH, where, str(folder), number, digest],
        check=False,
        capture_output=True,
    )
    assert 9 == killed.returncode, killed.stderr.decode()
    with open_again(folder) as archive, archive.session(actor="li", purpose=PURPOSE) as li:
        shown = li.changes.show(number)
        assert ("done" if written else "open") == shown.summary.state
        assert written == (archive.store.version(0, id_bytes(shown.changes[0].record)) is not None)
        archive.log.verify()


SELLERS = """
[roles.seller]
label = { en = "Seller", zh = "销售" }
actions = ["read", "write", "change.read", "change.approve"]
read = { public = "clear", internal = "clear", personal = "clear" }
write = ["public", "internal", "personal"]

[roles.seller.type.customer]
rows = { region = "actor.region" }
"""


def test_what_is_out_of_reach_is_so_while_it_waits(tmp_path):
    """Who does not reach a record knows of no proposal about it, and no draft tells of it."""
    with new_archive(tmp_path / "regions") as archive:
        path = archive.folder / "muniment.toml"
        path.write_text(path.read_text() + SELLERS + EVERYTHING)

        def as_(login):
            return archive.session(actor=login, purpose=PURPOSE)

        archive.apply_config(as_("owner"), reason="rules")
        people = {"nora": "north", "nick": "north", "sam": "south"}
        for login, region in people.items():
            values = {"login": login, "roles": ["seller"], "attributes": [f"region={region}"]}
            as_("owner").create("user", values)
        nora, nick, sam = as_("nora"), as_("nick"), as_("sam")
        number = waits(lambda: nora.create("customer", {"full_name": "Anna", "region": "north"}))
        with refused("approval.not_found", NotFound):
            sam.changes.show(number)
        assert [] == sam.changes.list()
        digest = nick.changes.show(number).digest
        with refused("approval.not_found", NotFound):
            sam.changes.approve(number, digest=digest)
        anna = nick.changes.approve(number, digest=digest).saved[0]
        number = waits(lambda: nora.update(anna.id, {"phone": "030 1234567"}))
        with refused("approval.not_found", NotFound):
            sam.changes.show(number)
        with refused("record.not_found", NotFound):
            sam.drafts.save({"phone": "030 7"}, record=anna.id)
        nick.changes.approve(number, digest=nick.changes.show(number).digest)
        archive.log.verify()
