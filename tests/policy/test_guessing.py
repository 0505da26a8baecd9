"""Whoever writes a field that they see as a mask never learns whether they wrote what was there already."""

from __future__ import annotations

import pytest

from muniment import config
from muniment.errors import ApprovalNeeded, Conflict
from muniment.policy import FieldRule, Role, TypeRule

ALL = frozenset(
    f"record.{one}" for one in ("read", "list", "search", "history", "create", "update", "correct")
)
KINDS = frozenset(("public", "internal", "personal"))
CLERK = Role(
    "clerk",
    {"en": "Clerk", "zh": "职员"},
    ALL | {"view.save", "change.read"},
    {"public": "clear", "internal": "clear", "personal": "mask"},
    write=KINDS,
    rules={"customer": TypeRule(fields={"city": FieldRule(read="mask")})},
)
KNOWING = Role("clerk", CLERK.label, CLERK.actions, dict.fromkeys(KINDS, "clear"), write=KINDS)

RULE = """
[[approvals.rule]]
name = "regions"
types = ["customer"]
fields = ["region"]
"""

RIGHT = {"phone": "030 1234567", "city": "Berlin"}
WRONG = {"phone": "030 7654321", "city": "Bonn"}


@pytest.fixture
def twins(shop):
    """Two customers who differ in their names alone."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        made = [
            session.create("customer", {"full_name": f"Twin {name}", **RIGHT}).id for name in ("Ada", "Eva")
        ]
    return made


def _said(session, record):
    return [
        [(one.field, one.before, one.after, one.masked) for one in step.changes]
        for step in session.history(record)[1:]
    ]


@pytest.mark.parametrize("field", RIGHT)
@pytest.mark.parametrize("write", ["update", "correct"])
def test_history_and_comparison_say_of_a_mask_that_it_was_written(shop, twins, field, write):
    """As much of a right guess as of a wrong one, as far as their masks look alike."""
    right, wrong = twins
    with shop.acting("li", CLERK) as session:
        for record, values in ((right, RIGHT), (wrong, WRONG)):
            getattr(session, write)(record, {field: values[field]}, reason="guessed")
        steps = [_said(session, record) for record in twins]
        found = [session.diff(record, 1, 2) for record in twins]
        backwards = [session.diff(record, 2, 1) for record in twins]
    for (step,) in steps:
        ((name, before, after, masked),) = step
        assert (field, True) == (name, masked)
        assert before
        assert after
    assert [[field]] * 2 == [[one.field for one in each] for each in found]
    assert [[field]] * 2 == [[one.field for one in each] for each in backwards]


def test_what_nobody_wrote_is_not_said_to_have_changed(shop, twins):
    """A mask beside it, of the same sealed group, is left out; so is one that was empty and stays so."""
    with shop.acting("li", CLERK) as session:
        session.update(twins[0], {"phone": "030 7654321", "email": None}, reason="called")
        assert [["phone"]] == [[one[0] for one in step] for step in _said(session, twins[0])]
        assert [] == session.diff(twins[0], 1, 1)


def test_whoever_reads_it_in_clear_sees_what_changed(shop, twins):
    """Nothing where the value stayed; masked first or not."""
    with shop.acting("li", CLERK) as session:
        for record, values in zip(twins, (RIGHT, WRONG), strict=True):
            session.update(record, {"phone": values["phone"]}, reason="guessed")
    with shop.acting("wu", KNOWING) as session:
        assert [[[]], [[("phone", "030 1234567", "030 7654321", False)]]] == [
            _said(session, record) for record in twins
        ]
    with shop.archive.session(actor="owner", purpose="CustomerManagement", masked=True) as session:
        assert [[], ["phone"]] == [[one.field for one in session.diff(each, 1, 2)] for each in twins]


def test_after_the_log_was_disposed_of_a_mask_tells_nothing(shop, twins, monkeypatch):
    """Without the entry nobody knows what was written, and values are not compared instead."""
    from muniment.session.reading import history

    with shop.acting("li", CLERK) as session:
        for record, values in zip(twins, (RIGHT, WRONG), strict=True):
            session.update(record, {"phone": values["phone"], "region": "west"}, reason="guessed")
        monkeypatch.setattr(history, "opening_of", lambda tx, gen, seq: None)
        assert [[["region"]]] * 2 == [
            [[one[0] for one in step] for step in _said(session, each)] for each in twins
        ]


def test_a_form_that_is_behind_names_what_was_written(shop, twins):
    """One kept before a guess, and applied after it, is refused alike."""
    with shop.acting("li", CLERK) as session:
        found = []
        for record, values in zip(twins, (RIGHT, WRONG), strict=True):
            form = session.drafts.save({"region": "west"}, record=record)
            session.update(record, {"phone": values["phone"]}, reason="guessed")
            with pytest.raises(Conflict) as caught:
                session.drafts.apply()
            ((moved),) = caught.value.parameters["records"]
            found.append(moved["fields"])
            session.drafts.discard(form.id)
    assert [["phone"]] * 2 == found


@pytest.mark.parametrize("field", RIGHT)
def test_a_version_that_was_seen_is_behind_after_any_write(shop, twins, field):
    """Whoever wrote, and asks under the version from before, is refused alike."""
    found = []
    with shop.acting("li", CLERK) as session:
        for record, values in zip(twins, (RIGHT, WRONG), strict=True):
            session.update(record, {field: values[field]}, expected_version=1, reason="guessed")
            with pytest.raises(Conflict) as caught:
                session.update(record, {"region": "west"}, expected_version=1, reason="asked")
            found.append((caught.value.code, caught.value.parameters))
    assert [("conflict.version", {"expected": 1, "found": 2})] * 2 == found


def test_a_proposal_that_is_behind_shows_what_was_written(shop, twins):
    """Whoever may read proposals compares by them as little as by the history."""
    path = shop.archive.folder / config.FILE_NAME
    path.write_text(shop.archive.applied.text + RULE, encoding="utf-8")
    numbers = []
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        shop.archive.apply_config(session, reason="two people")
        for record in twins:
            with pytest.raises(ApprovalNeeded) as waits:
                session.update(record, {"region": "west"}, reason="moved")
            numbers.append(str(waits.value.parameters["number"]))
    with shop.acting("li", CLERK) as session:
        for record, values in zip(twins, (RIGHT, WRONG), strict=True):
            session.update(record, {"phone": values["phone"]}, reason="guessed")
        shown = [session.changes.show(number).changes[0] for number in numbers]
    assert [True] * 2 == [one.stale for one in shown]
    assert [["phone"]] * 2 == [[each.field for each in one.moved] for one in shown]
