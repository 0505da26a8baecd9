"""The change tray of a table: one draft for each record, looked at and checked as one thing."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, Conflict, Invalid, NotFound, UsageError
from muniment.model import id_text
from muniment.session.approval.tray import MOST_EDITS, Edit
from muniment.testing import log_entries, new_archive

AT = "2026-01-02T10:00:00+01:00"


@pytest.fixture
def two(as_):
    session = as_("owner")
    return [
        session.create("customer", {"customer_number": f"T-{place}", "full_name": f"Anna {place}"}).id
        for place in range(2)
    ]


def test_cells_of_many_rows_are_kept_together(archive, as_, two):
    """One act keeps them, a second one adds to them, and one entry shows them all."""
    tray = as_("owner").drafts.tray("customer")
    tray.keep([Edit(two[0], {"city": "Bonn"}, 1), Edit(two[1], {"city": "Ulm"}, 1)])
    tray.keep([Edit(two[0], {"company": "Nordwind"})])
    before = len(log_entries(archive))
    shown = {one.record: dict(one.values) for one in tray.shown()}
    assert {two[0]: {"city": "Bonn", "company": "Nordwind"}, two[1]: {"city": "Ulm"}} == shown
    assert ["draft.read"] == [one.kind for one in log_entries(archive)[before:]]
    assert {} == tray.problems()


def test_a_cell_is_taken_back(as_, two):
    """Without its last cell a record leaves the tray."""
    tray = as_("owner").drafts.tray("customer")
    tray.keep([Edit(two[0], {"city": "Bonn", "company": "X"}, 1)])
    tray.keep([Edit(two[0], without=["city"])])
    assert [{"company": "X"}] == [dict(one.values) for one in tray.shown()]
    tray.keep([Edit(two[0], without=["company"])])
    assert [] == list(tray.shown())


def test_new_rows_are_kept_beside_changed_ones_and_become_records(archive, as_, two):
    """Each has its identifier from the first cell on; what stands against it is told, and all are written."""
    owner = as_("owner")
    tray = owner.drafts.tray("customer")
    first, changed, second = tray.keep(
        [
            Edit("", {"customer_number": "T-8", "full_name": "Nora"}),
            Edit(two[0], {"city": "Bonn"}, 1),
            Edit("", {"customer_number": "T-8"}),
        ]
    )
    assert two[0] == changed
    assert [first] == tray.keep([Edit(first, {"city": "Kiel"})])
    assert {"full_name"} == {one.field for one in tray.problems()[second].issues}
    assert first not in tray.problems()
    tray.keep([Edit(second, without=["customer_number"])])
    assert [first, changed] == sorted([one.record for one in tray.shown()], key=[first, changed].index)
    assert [""] == tray.keep([Edit("", {})])
    with pytest.raises(NotFound):
        tray.keep([Edit(second, {"full_name": "Nils"})])
    assert 2 == len(owner.drafts.apply([one.id for one in tray.shown()], reason="walk-in"))
    made = owner.get(first)
    assert ("Nora", "Kiel", first) == (made.fields["full_name"], made.fields["city"], made.subject)
    assert [] == list(tray.shown())
    archive.log.verify()


def test_every_problem_is_told_at_once(archive, as_, two):
    """Two rows that are refused and one that moved; nothing is written by looking."""
    owner = as_("owner")
    three = owner.create("customer", {"customer_number": "T-3", "full_name": "Anna 3"}).id
    tray = owner.drafts.tray("customer")
    tray.keep(
        [
            Edit(two[0], {"email": "none", "full_name": ""}, 1),
            Edit(two[1], {"customer_number": "T-0"}, 1),
            Edit(three, {"city": "Bonn"}, 1),
        ]
    )
    owner.update(three, {"city": "Kiel"}, reason="first")
    found = tray.problems()
    assert isinstance(found[two[0]], Invalid)
    assert {"email", "full_name"} == {one.field for one in found[two[0]].issues}
    assert "value.not_unique" == found[two[1]].issues[0].code
    assert "draft.moved" == found[three].code
    # That somebody else has the number is a disclosure, and written down as one.
    assert "value.not_unique" in {entry.detail.get("code") for entry in log_entries(archive)}
    assert 1 == owner.get(two[0]).version
    with pytest.raises(Conflict):
        owner.drafts.apply([one.id for one in tray.shown() if one.record == three], reason="moved")
    archive.log.verify()
    tray.rebase(three)
    assert three not in tray.problems()


def test_a_later_cell_does_not_hide_that_the_record_moved(as_, two):
    """Typing on in a row that somebody else saved meanwhile keeps the version seen first."""
    owner = as_("owner")
    tray = owner.drafts.tray("customer")
    tray.keep([Edit(two[0], {"city": "Bonn"}, 1)])
    owner.update(two[0], {"city": "Kiel"}, reason="first")
    tray.keep([Edit(two[0], {"company": "Nordwind"}, 2)])
    assert "draft.moved" == tray.problems()[two[0]].code


def test_the_tray_is_its_owners_alone(archive, as_, two):
    """Somebody else's tray is empty, and theirs takes only what they may write."""
    as_("owner").drafts.tray("customer").keep([Edit(two[0], {"city": "Bonn"}, 1)])
    assert [] == list(as_("ann").drafts.tray("customer").shown())
    with pytest.raises((AccessDenied, NotFound)):
        as_("ann").drafts.tray("customer").keep([Edit(two[0], {"city": "Ulm"}, 1)])
    assert 0 == as_("ann").drafts.tray("customer").discard()
    assert 1 == as_("owner").drafts.tray("customer").discard()


def test_a_tray_holds_records_of_its_type_alone(tmp_path):
    """Another's identifier answers there like one that nothing has; what lies in another tray stays there."""
    templates = ("customer-info", "interaction-log")
    with new_archive(tmp_path / "two", templates=templates) as made, made.session(actor="owner") as owner:
        anna = owner.create("customer", {"full_name": "Anna"}).id
        talk = owner.create("interaction", {"customer": anna, "channel": "phone", "occurred_at": AT}).id
        people, talks = owner.drafts.tray("customer"), owner.drafts.tray("interaction")
        user = id_text(made.engine.definitions.users["owner"].record)
        for record in (talk, user, "01900000-0000-7000-8000-000000000000"):
            with pytest.raises(NotFound):
                people.keep([Edit(record, {"full_name": "Li"}, 1)])
        people.keep([Edit(anna, {"city": "Bonn"}, 1)])
        talks.keep([Edit(talk, {"topic": "moving"}, 1)])
        assert ([anna], [talk]) == (
            [one.record for one in people.shown()],
            [one.record for one in talks.shown()],
        )
        assert {} == people.problems()
        assert 1 == people.discard()
        assert ([], [talk]) == ([one.record for one in people.shown()], [one.record for one in talks.shown()])


def test_some_rows_are_thrown_away_and_others_stay(as_, two):
    """Those that are named, each of them once; what is not in the tray is nothing to throw away."""
    tray = as_("owner").drafts.tray("customer")
    tray.keep([Edit(one, {"city": "Bonn"}, 1) for one in two])
    assert 0 == tray.discard(["01900000-0000-7000-8000-000000000000"])
    assert 1 == tray.discard([two[0], two[0]])
    assert [two[1]] == [one.record for one in tray.shown()]
    assert 0 == tray.discard([])
    assert 1 == tray.discard()


def test_too_much_at_once_is_refused(as_, two):
    """A table is pasted through the import; the same row twice is a mistake of the caller's."""
    tray = as_("owner").drafts.tray("customer")
    with pytest.raises(UsageError, match="1000"):
        tray.keep([Edit(two[0])] * (MOST_EDITS + 1))
    with pytest.raises(UsageError, match="same record"):
        tray.keep([Edit(two[0]), Edit(two[0])])


def test_some_fields_of_several_records_are_one_act(archive, as_, two):
    """Named by identifier, masked as in a list, and one entry names them all."""
    before = len(log_entries(archive))
    found = as_("owner").several("customer", [*two, two[0]], ["city", "full_name"])
    assert {two[0]: "Anna 0", two[1]: "Anna 1"} == {
        name: record.fields["full_name"] for name, record in found.items()
    }
    assert ["record.list"] == [one.kind for one in log_entries(archive)[before:]]
    assert {} == as_("owner").several("customer", two, ["nothing"])


def test_a_plugin_is_asked_of_the_record_that_will_be_made(archive, as_, monkeypatch):
    """What is checked before it is saved has the identifier that it is saved under."""
    asked: list[str] = []

    def validate(self, state, values, context):
        asked.append(state.id)
        return []

    monkeypatch.setattr("muniment.plugins.PluginSet.validates", property(lambda self: True))
    monkeypatch.setattr("muniment.plugins.PluginSet.validate", validate)
    owner = as_("owner")
    tray = owner.drafts.tray("customer")
    new = list(tray.keep([Edit("", {"customer_number": f"T-{n}", "full_name": "Nora"}) for n in range(2)]))
    assert {} == tray.problems()
    assert new == asked
    owner.drafts.apply([one.id for one in tray.shown()], reason="walk-in")
    assert new == asked[2:]
