"""Emergency access: for one person, for a while, reading alone, and somebody else reviews it."""

from __future__ import annotations

import attrs
import pytest

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.model import CLASSES
from muniment.policy import BreakGlass, FieldRule, Policy, Role, TypeRule
from muniment.session.kernel.gates import RESTRICTED
from muniment.testing import assert_logged, log_entries, log_size, open_again

NURSE = Role(
    "nurse", {}, frozenset({"record.read", "record.history", "break_glass.begin"}),
    {"internal": "clear"}, types=frozenset({"interaction"}),
)  # fmt: skip
REVIEWER = Role("reviewer", {}, frozenset({"break_glass.review"}), {})
HOUR = 3_600_000_000


def begin(session, record, **more):
    return session.emergencies.begin(record, reason="found unconscious", **more)


@pytest.mark.parametrize("name", ["id", "value"])
def test_it_opens_one_persons_records_for_reading(shop, name):
    """The record, its history and what else is kept about the same person; nobody else's, and no writing."""
    with shop.acting("li", NURSE) as session:
        with pytest.raises(NotFound):
            session.get(shop.bert.id)
        made = begin(session, shop.bert.id if name == "id" else "customer:C-2")
        assert ("li", shop.bert.id, shop.bert.id) == (made.actor, made.record, made.subject)
        assert "030 7654321" == session.get(shop.bert.id).fields["phone"]
        assert session.history(shop.bert.id)[0].changes
        assert "channel" in session.get(shop.call.id).fields
        with pytest.raises(NotFound):
            session.get(shop.anna.id)
        for act in (
            lambda: session.update(shop.bert.id, {"city": "x"}),
            lambda: session.delete(shop.bert.id, reason="x"),
        ):
            with pytest.raises((NotFound, AccessDenied)):
                act()
        with pytest.raises(AccessDenied):
            session.list("customer")


def test_every_look_says_that_it_was_under_glass(shop):
    """The entries of begin and of each access; others stay as they are."""
    with shop.acting("li", NURSE) as session:
        start = log_size(shop.archive)
        made = begin(session, shop.bert.id)
        (begun,) = log_entries(shop.archive, start=start)
        assert ("break_glass.begin", "break_glass") == (begun.kind, begun.detail["type"])
        for act in (lambda: session.get(shop.bert.id), lambda: session.history(shop.bert.id)):
            start = log_size(shop.archive)
            act()
            (entry,) = log_entries(shop.archive, start=start)
            assert made.id == entry.detail["break_glass"]["id"]
            assert entry.detail["break_glass"]["expires"].startswith("20")
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        start = log_size(shop.archive)
        session.get(shop.bert.id)
        (entry,) = log_entries(shop.archive, start=start)
        assert "break_glass" not in entry.detail


def test_it_is_over_by_its_own_time(shop, monkeypatch):
    """Also in a session that goes on, and in another process."""
    engine = shop.archive.engine
    with shop.acting("li", NURSE) as session:
        made = begin(session, shop.bert.id, minutes=30)
        session.get(shop.bert.id)
        before = engine.clock
        later = lambda: before() + 31 * 60_000_000  # noqa: E731  # a clock is a function
        engine.clock = later
        monkeypatch.setattr(engine.logbook, "_clock", later)
        with pytest.raises(NotFound):
            session.get(shop.bert.id)
        assert made.expires_us < later()


def test_it_ends_when_it_is_ended_or_reviewed(shop):
    """Ended by oneself it stays on the list; reviewed by another it leaves it."""
    with shop.acting("wu", REVIEWER) as reviewer:
        with shop.archive.session(actor="owner", purpose="CustomerManagement") as owner:
            user = shop.archive.engine.definitions.users["li"]
            from muniment.session import Change

            engine = shop.archive.engine
            engine.policy = Policy({**engine.policy.roles, "nurse": NURSE})
            owner.write([Change("update", record=user.record, values={"roles": ["nurse"]})])
        nurse = shop.archive.session(actor="li", purpose="CustomerManagement")
        first, second = begin(nurse, shop.bert.id), begin(nurse, shop.anna.id)
        assert [first.id, second.id] == [one.id for one in reviewer.emergencies.list()]
        nurse.emergencies.end(first.id)
        with pytest.raises(NotFound):
            nurse.get(shop.bert.id)
        assert ["ended", "open"] == [one.state for one in reviewer.emergencies.list()]
        assert "found unconscious" == reviewer.emergencies.list()[0].reason
        nurse.get(shop.anna.id)
        with assert_logged(shop.archive, "break_glass.review"):
            reviewer.emergencies.review(second.id, finding="was right")
        with pytest.raises(NotFound):
            nurse.get(shop.anna.id)
        assert [first.id] == [one.id for one in reviewer.emergencies.list()]
        (done,) = reviewer.emergencies.list(reviewed=True)
        assert ("wu", "was right", "reviewed") == (done.reviewer, done.finding, done.state)
        with pytest.raises(Conflict):
            reviewer.emergencies.review(second.id, finding="again")


def test_nobody_reviews_their_own(shop):
    """Not even an owner; the refusal is written down."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        made = begin(session, shop.bert.id)
        with (
            assert_logged(shop.archive, "access.deny", outcome="denied", code="access.own_glass"),
            pytest.raises(AccessDenied),
        ):
            session.emergencies.review(made.id, finding="I was right")


def test_only_who_may_begin_begins_and_only_who_may_review_reviews(shop):
    """Refused and written down; and nobody ends another's."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        made = begin(session, shop.bert.id)
    with shop.acting("li", attrs.evolve(NURSE, actions=frozenset({"record.read"}))) as session:
        for act in (
            lambda: begin(session, shop.bert.id),
            lambda: session.emergencies.list(),
            lambda: session.emergencies.review(made.id, finding="x"),
        ):
            with pytest.raises(AccessDenied) as caught:
                act()
            assert "access.action" == caught.value.code
    with shop.acting("li", NURSE) as session:
        for id in (made.id, shop.bert.id, "01900000-0000-7000-8000-000000000000"):
            with pytest.raises(NotFound):
                session.emergencies.end(id)


def test_a_role_that_is_taken_away_takes_the_glass_with_it(shop):
    """Emergency access is for those who may begin it, as long as they may."""
    with shop.acting("li", NURSE) as session:
        begin(session, shop.bert.id)
    with shop.acting("li", REVIEWER) as session, pytest.raises(NotFound):
        session.get(shop.bert.id)


def test_what_it_allows_stands_in_the_configuration(shop):
    """Classes left out stay closed; denies and purposes hold all the same."""
    deny = Role(
        "deny", {}, frozenset(), {}, rules={"customer": TypeRule(fields={"email": FieldRule(deny=True)})}
    )
    with shop.acting("li", NURSE, deny) as session:
        engine = shop.archive.engine
        rules = BreakGlass({"internal": "clear", "personal": "mask"}, 10, 20)
        engine.policy = Policy(engine.policy.roles, break_glass=rules)
        with pytest.raises(UsageError):
            begin(session, shop.bert.id, minutes=21)
        made = begin(session, shop.bert.id)
        assert made.expires_us - made.began_us <= 10 * 60_000_000
        shown = session.get(shop.bert.id)
        assert {"full_name", "phone"} <= shown.masked
        assert "Bert" not in repr(shown)


def test_a_denied_type_stays_closed(shop):
    """A deny is a wall, in an emergency too: what must open there is not denied but left unsaid."""
    deny = Role("deny", {}, frozenset(), {}, deny_types=frozenset({"customer"}))
    with shop.acting("li", NURSE, deny) as session, pytest.raises(NotFound):
        begin(session, shop.bert.id)


@pytest.mark.parametrize("record", ["01900000-0000-7000-8000-000000000000", "customer:C-99", "user:li"])
def test_what_is_not_there_cannot_be_opened(shop, record):
    """Neither a record that is missing nor one of the archive's own."""
    with shop.acting("li", NURSE) as session:
        with pytest.raises((NotFound, UsageError)):
            begin(session, record)
        with pytest.raises(UsageError):
            session.emergencies.begin(shop.bert.id, reason="  ")


def test_a_gate_is_told_of_the_emergency(shop):
    """A restriction may let it through, and may not."""

    class Gate:
        strict = False

        def refusals(self, tx, touch, asked):
            return {} if touch.emergency and not self.strict else dict.fromkeys(asked, RESTRICTED)

    gate = Gate()
    with shop.acting("li", NURSE) as session:
        begin(session, shop.bert.id)
        shop.archive.engine.gates = (gate,)
        assert session.get(shop.bert.id).fields["phone"]
        gate.strict = True
        with pytest.raises(AccessDenied):
            session.get(shop.bert.id)


def test_it_cannot_be_written_by_hand(shop):
    """Nobody gives themselves a glass, or reviews one, past its commands."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        made = begin(session, shop.bert.id)
        values = {"actor": "owner", "record": shop.bert.id, "state": "open", "reason": "x",
                  "expires": "2100-01-01T00:00:00Z"}  # fmt: skip
        for act in (
            lambda: session.create("break_glass", values),
            lambda: session.update(made.id, {"state": "reviewed"}),
            lambda: session.delete(made.id, reason="x"),
        ):
            with pytest.raises(AccessDenied) as caught:
                act()
            assert "access.guarded" == caught.value.code


def test_it_is_sealed_and_verified_like_any_record(shop):
    """Another process knows of it, its reason stands nowhere in clear, and the log is sound."""
    with shop.acting("li", NURSE) as session:
        begin(session, shop.bert.id)
        with open_again(shop.archive.folder) as other:
            assert ["li"] == list(other.engine.definitions.glasses)
    assert b"found unconscious" not in (shop.archive.folder / "archive.db").read_bytes()
    shop.archive.log.verify()
    assert {"clear"} == {BreakGlass().read[name] for name in CLASSES}
