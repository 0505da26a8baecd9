"""An import undone: as new versions, once, without touching what somebody changed since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.errors import AccessDenied, NotFound
from muniment.session import Record, Session
from muniment.testing import assert_logged

Put = Callable[..., Path]

FIRST = "number,name,city,paid\n1,Anna,Kiel,10.00 EUR\n2,Bob,Rom,\n"
SECOND = "number,name,city,paid\n1,Anna,Bonn,20.00 EUR\n2,Bob,Rom,5 EUR\n3,Cleo,Lyon,\n"


def by_number(session: Session) -> dict[str, Record]:
    """The members by their number."""
    return {str(one.fields.get("number")): one for one in session.list("member", limit=1000).records}


@pytest.fixture
def second(owner: Session, put: Put) -> str:
    """The identifier of an import that updated two records and made one."""
    owner.import_file("member", put(FIRST))
    done = owner.import_file("member", put(SECOND))
    assert (done.created, done.updated) == (1, 2)
    return done.id


def test_what_it_made_goes_and_what_it_changed_comes_back(club: Archive, owner: Session, second: str) -> None:
    """Both as new versions; the import is listed as reverted, and the log verifies."""
    before = by_number(owner)
    with (
        assert_logged(club, "record.revert", target={"import": second, "undo": True}, count=2),
        assert_logged(club, "record.delete", target={"import": second, "undo": True}, count=1),
        assert_logged(club, "import.revert"),
    ):
        undone = owner.revert_import(second, reason="wrong file")
    assert (undone.deleted, undone.restored, undone.gone, undone.conflicts) == (1, 2, 0, 0)
    after = by_number(owner)
    assert set(after) == {"1", "2"}
    assert after["1"].fields["city"] == "Kiel"
    assert str(after["1"].fields["paid"].amount) == "10.00"
    assert "paid" not in after["2"].fields
    assert after["1"].version == before["1"].version + 1 == 3
    assert owner.history(after["1"].id)[-1].operation == "revert"
    assert owner.imports()[0].fields["state"] == "reverted"
    assert owner.history(second)[-1].reason == "wrong file"
    club.log.verify()


def test_undoing_again_does_nothing(club: Archive, owner: Session, second: str) -> None:
    """Neither by itself nor when forced; that it was asked for is written down."""
    owner.revert_import(second)
    versions = {number: one.version for number, one in by_number(owner).items()}
    with assert_logged(club, "import.revert", count=0):
        again = owner.revert_import(second)
    assert (again.deleted, again.restored, again.conflicts) == (0, 0, 0)
    forced = owner.revert_import(second, force=True)
    assert (forced.deleted, forced.restored, forced.gone, forced.conflicts) == (0, 0, 3, 0)
    assert versions == {number: one.version for number, one in by_number(owner).items()}


def test_the_same_file_can_be_imported_again(owner: Session, second: str, put: Put) -> None:
    """What was undone is free: the numbers, the cards."""
    owner.revert_import(second)
    done = owner.import_file("member", put(SECOND))
    assert (done.created, done.updated, done.rejected) == (1, 2, 0)


def test_what_somebody_changed_since_is_left_alone(owner: Session, second: str) -> None:
    """It is told which; the others are undone."""
    members = by_number(owner)
    owner.update(members["1"].id, {"email": "anna@corp.de"})
    owner.update(members["3"].id, {"city": "Nice"})
    undone = owner.revert_import(second)
    assert (undone.deleted, undone.restored, undone.conflicts) == (0, 1, 2)
    assert set(undone.records) == {members["1"].id, members["3"].id}
    assert by_number(owner)["1"].fields["city"] == "Bonn"


def test_imports_are_undone_one_after_the_other(owner: Session, second: str) -> None:
    """Once the later one is undone, the earlier one finds what it wrote, though in newer versions."""
    first = owner.imports()[1].id
    owner.revert_import(second)
    undone = owner.revert_import(first)
    assert (undone.deleted, undone.conflicts) == (2, 0)


def test_a_value_that_was_changed_and_changed_back_is_no_conflict(owner: Session, second: str) -> None:
    """What counts is what the record holds."""
    anna = by_number(owner)["1"]
    owner.update(anna.id, {"city": "Ulm"})
    owner.update(anna.id, {"city": "Bonn"})
    undone = owner.revert_import(second)
    assert (undone.deleted, undone.restored, undone.conflicts) == (1, 2, 0)


def test_forced_it_sets_back_its_own_fields_only(owner: Session, second: str) -> None:
    """Later changes of other fields stay."""
    members = by_number(owner)
    owner.update(members["1"].id, {"email": "anna@corp.de", "city": "Ulm"})
    owner.update(members["3"].id, {"city": "Nice"})
    owner.revert_import(second)
    undone = owner.revert_import(second, force=True)
    assert (undone.deleted, undone.restored, undone.gone, undone.conflicts) == (1, 1, 1, 0)
    anna = by_number(owner)["1"]
    assert (anna.fields["city"], anna.fields["email"]) == ("Kiel", "anna@corp.de")
    assert set(by_number(owner)) == {"1", "2"}


def test_what_was_deleted_since_stays_deleted(owner: Session, second: str) -> None:
    """A record that the import made is gone already; one that it changed is told."""
    members = by_number(owner)
    owner.delete(members["3"].id, reason="left")
    owner.delete(members["2"].id, reason="left")
    undone = owner.revert_import(second, force=True)
    assert (undone.deleted, undone.restored, undone.gone, undone.conflicts) == (0, 1, 1, 1)
    assert set(by_number(owner)) == {"1"}


def test_unique_values_that_moved_from_one_to_another_go_back(owner: Session, put: Put) -> None:
    """What one record gives back the other has again, whichever was undone first."""
    owner.import_file("member", put("number,name,card\n1,Anna,C-1\n2,Bob,C-2\n3,Cleo,C-3\n"))
    done = owner.import_file("member", put("number,card\n1,C-9\n2,C-1\n3,C-2\n"))
    assert done.updated == 3
    undone = owner.revert_import(done.id)
    assert (undone.restored, undone.conflicts) == (3, 0)
    assert {number: one.fields["card"] for number, one in by_number(owner).items()} == {
        "1": "C-1",
        "2": "C-2",
        "3": "C-3",
    }


def test_a_unique_value_that_somebody_has_by_now_is_a_conflict(owner: Session, put: Put) -> None:
    """The record keeps what it has."""
    owner.import_file("member", put("number,name,card\n1,Anna,C-1\n"))
    done = owner.import_file("member", put("number,card\n1,C-9\n"))
    owner.create("member", {"number": "7", "name": "Eve", "card": "C-1"})
    undone = owner.revert_import(done.id)
    assert (undone.restored, undone.conflicts) == (0, 1)
    assert by_number(owner)["1"].fields["card"] == "C-9"


def test_an_interrupted_undoing_is_taken_up(owner: Session, put: Put) -> None:
    """What was undone already is not undone twice, and the import ends as reverted."""
    rows = "".join(f"{number},Member {number}\n" for number in range(1100))
    done = owner.import_file("member", put("number,name\n" + rows))

    def stop(entries: int, of: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        owner.revert_import(done.id, progress=stop)
    left = sum(1 for page in owner.pages(_all()) for _ in page.records)
    assert 0 < left < 1100
    assert owner.imports()[0].fields["state"] == "done"
    undone = owner.revert_import(done.id)
    assert undone.deleted == left
    assert undone.deleted + undone.gone == 1100
    assert owner.imports()[0].fields["state"] == "reverted"


def _all() -> object:
    from muniment.session import Asked

    return Asked("member", limit=1000)


def test_other_imports_and_people_in_between_are_not_touched(owner: Session, put: Put) -> None:
    """Entries that lie between those of the import are somebody else's."""
    rows = "number,name\n" + "".join(f"{number},Member {number}\n" for number in range(30))

    def between(done: int, of: int | None) -> None:
        owner.create("member", {"number": f"x{done}", "name": "In between"})
        if done == 10:
            owner.import_file("member", put("number,name\ny1,Other\n", "other.csv"))

    done = owner.import_file("member", put(rows), batch=10, progress=between)
    owner.revert_import(done.id)
    assert set(by_number(owner)) == {"x10", "x20", "x30", "y1"}


def test_who_may_not_write_a_field_may_not_set_it_back(club: Archive, owner: Session, put: Put) -> None:
    """An editor cannot undo what the owner imported into a restricted field; nothing is half undone."""
    owner.import_file("member", put("number,name,debt\n1,Anna,1.5\n"))
    done = owner.import_file("member", put("number,debt\n1,2.5\n"))
    editor = club.session(actor="editor")
    with (
        assert_logged(club, "access.deny", outcome="denied", code="access.field"),
        pytest.raises(AccessDenied),
    ):
        editor.revert_import(done.id)
    assert owner.imports()[0].fields["state"] == "done"
    assert owner.revert_import(done.id).restored == 1


def test_what_is_no_import_is_not_found(club: Archive, owner: Session) -> None:
    """A record of another type, an unknown identifier; a reader may not even ask."""
    anna = owner.create("member", {"number": "1", "name": "Anna"})
    for identifier in (anna.id, "01a20000-0000-7000-8000-000000000000"):
        with assert_logged(club, "access.deny", outcome="denied"), pytest.raises(NotFound):
            owner.revert_import(identifier)
    with pytest.raises(AccessDenied):
        club.session(actor="reader").imports()


def test_listing_imports_is_logged(club: Archive, owner: Session, second: str) -> None:
    """Newest first, as one entry."""
    with assert_logged(club, "import.list", count=2):
        listed = owner.imports()
    assert [one.fields["updated"] for one in listed] == [2, 0]
    assert listed[0].id == second
