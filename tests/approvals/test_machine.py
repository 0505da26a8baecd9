"""Proposals against a plain model, through whatever makers, checkers and others do meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from muniment.archive import check
from muniment.errors import MunimentError
from muniment.keys import KeyFile
from muniment.model import id_bytes
from muniment.testing import TickingClock, new_archive, open_again

from . import conftest

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
PEOPLE = ("li", "wu", "bo", "eve")
WHO = st.sampled_from(PEOPLE)
PLACE = st.integers(0, 1 << 16)
PHONES = st.sampled_from(("030 1111111", "030 2222222", "030 3333333"))
RULES = """
[approvals]
expire_days = 2

[[approvals.rule]]
name = "phones"
types = ["customer"]
fields = ["phone"]
approvers = 2

[[approvals.rule]]
name = "new"
types = ["customer"]
operations = ["create", "delete"]
"""
DAY_US = 86_400_000_000


@attrs.define
class Wanted:
    """What a proposal must be."""

    number: str
    record: str
    operation: str
    phone: str | None
    base: int
    makers: set[str]
    expires: int
    approved: set[str] = attrs.field(factory=set)
    state: str = "open"

    @property
    def needed(self) -> int:
        return 2 if self.phone is not None and self.operation != "delete" else 1


@attrs.define
class Customer:
    """What a record must be."""

    version: int
    phone: str | None
    city: str | None = None
    deleted: bool = False


class ApprovalMachine(RuleBasedStateMachine):
    """Acts on an archive through two objects in turn, and on the model alike."""

    made: Path | None = None

    def __init__(self):
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.folder = self.home / "archive"
        self.clock = TickingClock()
        self.customers: dict[str, Customer] = {}
        self.proposals: list[Wanted] = []
        self.turn = 0

    @initialize()
    def open(self):
        cls = type(self)
        if cls.made is None:
            cls.made = Path(tempfile.mkdtemp()) / "archive"
            with new_archive(cls.made, clock=TickingClock()) as archive:
                with archive.session(actor="owner", purpose=conftest.PURPOSE) as owner:
                    for login in PEOPLE:
                        roles = ["owner" if login == "eve" else "editor"]
                        owner.create("user", {"login": login, "roles": roles, "state": "active"})
                    for name in ("Anna", "Bert"):
                        owner.create("customer", {"full_name": name})
                conftest.rule(archive, RULES)
        shutil.copytree(cls.made, self.folder)
        shutil.copy(cls.made.with_name("archive.key"), self.home / "archive.key")
        self.clock.now_us += 10_000_000
        self.archives = [open_again(self.folder, clock=self.clock) for _ in range(2)]
        with self.as_("eve") as eve:
            self.customers = {one.id: Customer(1, None) for one in eve.list("customer").records}

    def teardown(self):
        try:
            if hasattr(self, "archives"):
                for archive in self.archives:
                    archive.close()
                check(self.folder, root=KeyFile(self.home / "archive.key"))
        finally:
            shutil.rmtree(self.home)

    def as_(self, login):
        self.turn += 1
        return self.archives[self.turn % 2].session(actor=login, purpose=conftest.PURPOSE)

    def pick(self, place):
        return self.proposals[place % len(self.proposals)]

    def one(self, place):
        return sorted(self.customers)[place % len(self.customers)]

    def now(self):
        """The state of a proposal: what is due has expired."""
        return self.clock.now_us

    def alive(self, one):
        if one.state == "open" and one.expires <= self.now():
            return "expired"
        return one.state

    # Wanting

    def wants(self, who, act, record, operation, phone, base):
        with self.as_(who) as session:
            number = conftest.waits(lambda: act(session))
            if operation == "create":
                record = session.changes.show(number).changes[0].record
        expires = self.clock.now_us + 2 * DAY_US
        self.proposals.append(Wanted(number, record, operation, phone, base, {who}, expires))

    @rule(who=WHO, place=PLACE, phone=PHONES)
    def propose(self, who, place, phone):
        record = self.one(place)
        held = self.customers[record]
        if held.deleted or held.phone == phone:
            return
        self.wants(
            who,
            lambda session: session.update(record, {"phone": phone}),
            record,
            "update",
            phone,
            held.version,
        )

    @rule(who=WHO, phone=st.none() | PHONES)
    def propose_somebody_new(self, who, phone):
        values = {"full_name": "Carl", **({} if phone is None else {"phone": phone})}
        self.wants(who, lambda session: session.create("customer", values), "", "create", phone, 0)

    @rule(who=WHO, place=PLACE)
    def propose_to_delete(self, who, place):
        record = self.one(place)
        held = self.customers[record]
        if not held.deleted:
            self.wants(
                who, lambda session: session.delete(record, reason="x"), record, "delete", None, held.version
            )

    @rule(who=WHO, place=PLACE, city=st.sampled_from(("Bonn", "Kiel")))
    def move_the_base(self, who, place, city):
        """What needs nobody goes on meanwhile."""
        record = self.one(place)
        held = self.customers[record]
        if held.deleted or held.city == city:
            return
        with self.as_(who) as session:
            session.update(record, {"city": city})
        held.version, held.city = held.version + 1, city

    # Deciding

    def decide(self, act, expected):
        found = code = None
        try:
            found = act()
        except MunimentError as error:
            code = error.code
        assert expected == code
        return found

    def stands(self, one):
        held = self.customers.get(one.record)
        return (0 if held is None else held.version) == one.base

    def closed(self, one):
        state = self.alive(one)
        return {"open": None, "expired": "approval.expired"}.get(state, "approval.closed")

    @precondition(lambda self: self.proposals)
    @rule(who=WHO, place=PLACE, wrong=st.sampled_from((False,) * 5 + (True,)))
    def approve(self, who, place, wrong):
        self.approve_one(self.pick(place), who, wrong=wrong)

    @precondition(lambda self: self.proposals)
    @rule(place=PLACE)
    def approve_by_all_others(self, place):
        one = self.pick(place)
        for who in PEOPLE:
            if who not in one.makers and who not in one.approved:
                self.approve_one(one, who, wrong=False)

    def approve_one(self, one, who, *, wrong):
        with self.as_(who) as session:
            shown = session.changes.show(one.number)
            digest = "0" * 64 if wrong else shown.digest
            expected = self.closed(one)
            if expected is None and who in one.makers:
                expected = "approval.own"
            if expected is None and wrong:
                expected = "approval.digest"
            if expected is None and who in one.approved:
                expected = "approval.twice"
            if expected is None and not self.stands(one):
                expected = "approval.stale"
            done = self.decide(lambda: session.changes.approve(one.number, digest=digest), expected)
        if done is None:
            return
        one.approved.add(who)
        if len(one.approved) < one.needed:
            assert "open" == done.state
            return
        assert "done" == done.state
        one.state = "done"
        held = self.customers.setdefault(one.record, Customer(0, None))
        held.version += 1
        if one.operation == "delete":
            held.deleted = True
        else:
            held.phone = one.phone

    @precondition(lambda self: self.proposals)
    @rule(who=WHO, place=PLACE)
    def reject(self, who, place):
        one = self.pick(place)
        expected = self.closed(one) or ("approval.own" if who in one.makers else None)
        with self.as_(who) as session:
            if self.decide(lambda: session.changes.reject(one.number, reason="no"), expected):
                one.state = "rejected"

    @precondition(lambda self: self.proposals)
    @rule(who=WHO, place=PLACE)
    def withdraw(self, who, place):
        one = self.pick(place)
        expected = self.closed(one) or (None if who in one.makers else "approval.not_yours")
        with self.as_(who) as session:
            if self.decide(lambda: session.changes.withdraw(one.number), expected):
                one.state = "withdrawn"

    @precondition(lambda self: self.proposals)
    @rule(who=WHO, place=PLACE)
    def renew(self, who, place):
        one = self.pick(place)
        expected = self.closed(one) or (None if who in one.makers else "approval.not_yours")
        self.put_up_again(one, who, lambda session: session.changes.renew(one.number), expected, one.phone)

    @precondition(lambda self: self.proposals)
    @rule(who=WHO, place=PLACE, phone=PHONES)
    def edit(self, who, place, phone):
        one = self.pick(place)
        expected = self.closed(one)
        if one.operation == "delete":
            expected = expected or "approval.no_values"
        self.put_up_again(
            one, who, lambda session: session.changes.edit(one.number, {"phone": phone}), expected, phone
        )

    def put_up_again(self, one, who, act, expected, phone):
        held = self.customers.get(one.record)
        if expected is None and held is not None:
            if held.deleted:
                expected = "approval.nothing_left" if one.operation == "delete" else "record.deleted"
            elif one.operation == "update" and held.phone == phone:
                expected = "approval.nothing_left"
        with self.as_(who) as session:
            before = self.clock.now_us
            done = self.decide(lambda: act(session), expected)
        if done is not None:
            one.phone, one.base = phone, 0 if held is None else held.version
            one.makers.add(who)
            one.approved.clear()
            assert before < self.clock.now_us
            one.expires = self.clock.now_us + 2 * DAY_US

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours):
        self.clock.now_us += hours * DAY_US // 24

    @rule()
    def tick(self):
        due = [one for one in self.proposals if self.alive(one) == "expired"]
        with self.as_("eve") as session:
            assert len([one for one in due if one.state == "open"]) == session.changes.expire_due()
        for one in due:
            one.state = "expired"

    # Looking

    @invariant()
    def nothing_is_written_that_was_not_approved(self):
        if not hasattr(self, "archives"):
            return
        store = self.archives[0].store
        for record, held in self.customers.items():
            assert held.version == store.version(0, id_bytes(record)).version
        for one in self.proposals:
            if one.operation == "create" and one.state != "done":
                assert store.version(0, id_bytes(one.record)) is None

    @precondition(lambda self: self.proposals)
    @rule(who=WHO)
    def look(self, who):
        with self.as_(who) as session:
            listed = {str(one.number): one for one in session.changes.list(limit=1000)}
            waiting = {one.number: one for one in self.proposals if self.alive(one) == "open"}
            assert waiting.keys() == listed.keys()
            for number, one in waiting.items():
                assert one.makers == set(listed[number].makers)
                assert (who in one.makers) == listed[number].mine
                shown = session.changes.show(number)
                assert shown.stale != self.stands(one)
                after = {each.field: each.after for each in shown.changes[0].fields}
                assert one.phone == after.get("phone")


TestApprovals = ApprovalMachine.TestCase
TestApprovals.settings = settings(
    max_examples=400 if SOAK else 25, stateful_step_count=60 if SOAK else 40, deadline=None
)
