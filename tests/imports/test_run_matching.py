"""Which record a row means: by number, sealed e-mail, phone, identifier, several fields, names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.errors import UsageError
from muniment.imports import parse_mapping
from muniment.imports.run import Imported
from muniment.imports.seen import Seen
from muniment.session import Record, Session
from muniment.testing import assert_logged

Put = Callable[..., Path]

MEMBERS = (
    "number,name,email,phone\n"
    "1,Anna Schmidt,anna@corp.de,+49 30 1234567\n"
    "2,Bob Roy,bob@corp.de,030 7654321\n"
    "3,Carla Diaz,shared@corp.de,\n"
    "4,Dan Wu,shared@corp.de,\n"
)


def counts(done: Imported) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, rejected."""
    assert done.rows == done.created + done.updated + done.unchanged + done.rejected
    return done.created, done.updated, done.unchanged, done.rejected


def codes(done: Imported) -> list[str]:
    """Why rows were refused, in order."""
    return [issue.code for problem in done.problems for issue in problem.issues]


def by_number(session: Session) -> dict[str, Record]:
    """The members by their number."""
    return {str(one.fields.get("number")): one for one in session.list("member", limit=1000).records}


@pytest.fixture
def filled(club: Archive, owner: Session, put: Put) -> Session:
    """The owner's session after the members are in."""
    owner.import_file("member", put(MEMBERS))
    return owner


def test_a_sealed_address_finds_its_record_in_any_spelling(club: Archive, filled: Session, put: Put) -> None:
    """Matched by its blind index, opened, compared; what was looked at is an entry of its own."""
    path = put("email,city\nAnna@Corp.DE,Kiel\nnobody@corp.de,Rom\n")
    with assert_logged(club, "record.match", count=1, target={"match": ["email"]}) as looked:
        done = filled.import_file("member", path, match=["email"])
    assert counts(done) == (0, 1, 0, 1)
    assert codes(done) == ["value.required"]
    assert by_number(filled)["1"].fields["city"] == "Kiel"
    assert looked[0].detail["sets"][0] == {"internal": {"clear": ["city"]}, "personal": {"clear": ["email"]}}
    assert [line["id"] for line in looked[0].lines] == [by_number(filled)["1"].id]
    assert len(looked[0].entry.subject_tags) == 1


def test_a_phone_number_finds_its_record_in_any_spelling(filled: Session, put: Put) -> None:
    """Compared as E.164; the number stays as it was typed in the file."""
    done = filled.import_file("member", put("phone,city\n+49 (30) 7654321,Kiel\n"), match=["phone"])
    assert counts(done) == (0, 1, 0, 0)
    bob = by_number(filled)["2"]
    assert (bob.fields["city"], bob.fields["phone"]) == ("Kiel", "+49 (30) 7654321")


def test_two_records_that_fit_refuse_the_row(filled: Session, put: Put) -> None:
    """Nothing is guessed; a second field tells them apart."""
    path = put("email,name,city\nshared@corp.de,Dan Wu,Kiel\n")
    done = filled.import_file("member", path, match=["email"])
    assert codes(done) == ["import.ambiguous"]
    assert done.problems[0].columns == ("email",)
    done = filled.import_file("member", path, match=["email", "name"])
    assert counts(done) == (0, 1, 0, 0)
    assert by_number(filled)["4"].fields["city"] == "Kiel"
    assert "city" not in by_number(filled)["3"].fields


def test_the_mapping_names_fields_to_match_by(filled: Session, put: Put) -> None:
    """What the caller says comes before it."""
    mapping = parse_mapping({"match": ["email"]})
    path = put("number,email,city\n9,anna@corp.de,Kiel\n")
    assert codes(filled.import_file("member", path, mapping=mapping, match=["number"])) == ["value.required"]
    done = filled.import_file("member", path, mapping=mapping)
    assert counts(done) == (0, 1, 0, 0)
    assert done.match == ("email",)
    assert by_number(filled)["9"].fields["name"] == "Anna Schmidt"


def test_a_row_without_its_key_is_refused_or_new(filled: Session, put: Put) -> None:
    """Where matching was asked for it is refused; by default it is a new record."""
    path = put("number,name,email\n,Eve,eve@corp.de\n")
    done = filled.import_file("member", path, match=["number"])
    assert codes(done) == ["import.no_key"]
    assert counts(filled.import_file("member", path)) == (1, 0, 0, 0)


def test_a_phone_that_cannot_be_read_is_no_key(filled: Session, put: Put) -> None:
    """It has no token, so no record could be found by it."""
    done = filled.import_file("member", put("phone,name\n12,Eve\n"), match=["phone"])
    assert codes(done) == ["import.no_key"]


def test_all_faults_of_a_row_are_told_also_where_its_key_is_one(filled: Session, put: Put) -> None:
    """A person mends a row once."""
    done = filled.import_file("member", put("email,joined\nbroken,2050-01-01\n"), match=["email"])
    assert sorted(codes(done)) == ["value.email", "value.future", "value.required"]


@pytest.mark.parametrize("fields", [["name"], ["city"]])
def test_matching_needs_an_index_that_answers(filled: Session, put: Put, fields: list[str]) -> None:
    """Never an empty answer: the error says which index would do."""
    with pytest.raises(UsageError, match=r"index\.unsupported"):
        filled.import_file("member", put("name,city\nAnna,Kiel\n"), match=fields)


def test_a_field_to_match_by_must_be_in_the_file(filled: Session, put: Put) -> None:
    """Also the column of identifiers."""
    for name in ("email", "muniment:id"):
        with pytest.raises(UsageError, match=r"import\.match"):
            filled.import_file("member", put("number,name\n1,Anna\n"), match=[name])


def test_identifiers_of_an_export_find_their_records(filled: Session, put: Put) -> None:
    """An empty one is a new record; one of nothing, of another type or of a deleted record is refused."""
    members = by_number(filled)
    visit = filled.create("visit", {"member": members["1"].id, "day": "2026-01-05"})
    filled.delete(members["2"].id, reason="left")
    rows = [
        f"{members['1'].id.upper()},Anna Maria",
        ",Eve",
        f"{visit.id},Mallory",
        f"{members['2'].id},Bob",
        "01a20000-0000-7000-8000-000000000000,Nobody",
        "not an identifier,Nobody",
    ]
    done = filled.import_file("member", put("muniment:id,name\n" + "\n".join(rows) + "\n"))
    assert counts(done) == (1, 1, 0, 4)
    assert codes(done) == ["import.no_record"] * 4
    assert done.match == ("muniment:id",)
    assert by_number(filled)["1"].fields["name"] == "Anna Maria"


def test_a_number_of_a_deleted_record_makes_a_new_one_and_says_so(filled: Session, put: Put) -> None:
    """Two live records never share it; the deleted one stays deleted."""
    bob = by_number(filled)["2"]
    filled.delete(bob.id, reason="left")
    done = filled.import_file("member", put("number,name\n2,Bob Roy\n"))
    assert counts(done) == (1, 0, 0, 0)
    assert done.warnings == {"import.was_deleted": 1}
    assert by_number(filled)["2"].id != bob.id


# References


def test_references_are_found_by_unique_values_or_identifiers(
    club: Archive, filled: Session, put: Put
) -> None:
    """By number, by card, by identifier; who is named is written down once in an import."""
    members = by_number(filled)
    filled.update(members["2"].id, {"card": "C-77"})
    path = put(
        f"member,day,note\n1,2026-01-05,first\n{members['1'].id},2026-01-06,second\nC-77,2026-01-07,third\n"
        "9,2026-01-08,nobody\n"
    )
    with assert_logged(club, "record.match", entries=2) as looked:
        done = filled.import_file("visit", path, batch=2)
    assert counts(done) == (3, 0, 0, 1)
    assert codes(done) == ["value.no_such_record"]
    assert done.problems[0].columns == ("member",)
    assert [one.detail["count"] for one in looked] == [1, 1]
    visits = filled.list("visit").records
    assert {visit.fields["member"] for visit in visits} == {members["1"].id, members["2"].id}
    assert {visit.subject for visit in visits} == {members["1"].id, members["2"].id}


def test_a_name_that_one_may_not_look_for_is_a_missing_one(club: Archive, filled: Session, put: Put) -> None:
    """Denied and missing answer alike: nobody is found by a field that one may not read in clear."""
    filled.update(by_number(filled)["2"].id, {"passport": "P-77"})
    path = put("member,day\nP-77,2026-01-07\n")
    done = club.session(actor="editor").import_file("visit", path)
    assert codes(done) == ["value.no_such_record"]
    assert counts(filled.import_file("visit", path)) == (1, 0, 0, 0)


@pytest.mark.parametrize("size", [1, 2, 500])
@pytest.mark.parametrize("trial", [False, True])
def test_rows_may_refer_to_each_other_in_any_order(owner: Session, put: Put, size: int, trial: bool) -> None:
    """A row waits for the one that it names; what nobody brings is refused. A trial run says the same."""
    path = put("number,name,sponsor\n4,Dan,3\n3,Cleo,2\n1,Anna,\n2,Bob,1\n5,Eve,99\n6,Finn,5\n7,Gus,7\n")
    done = owner.import_file("member", path, batch=size, dry_run=trial)
    assert counts(done) == (4, 0, 0, 3)
    assert codes(done) == ["value.no_such_record"] * 3
    if not trial:
        members = by_number(owner)
        assert members["4"].fields["sponsor"] == members["3"].id
        assert counts(owner.import_file("member", path, batch=size)) == (0, 0, 4, 3)


def test_a_reference_can_be_matched_by(filled: Session, put: Put) -> None:
    """Visits are found by member and day, however the member is named."""
    members = by_number(filled)
    filled.import_file("visit", put("member,day,note\n1,2026-01-05,a\n1,2026-01-06,b\n2,2026-01-05,c\n"))
    path = put(f"member,day,note\n{members['1'].id},2026-01-05,new\n1,2026-01-06,b\n")
    done = filled.import_file("visit", path, match=["member", "day"])
    assert counts(done) == (0, 1, 1, 0)
    twice = put(f"member,day,note\n{members['1'].id},2026-02-05,x\n1,2026-02-05,y\n")
    for size in (1, 500):
        done = filled.import_file("visit", twice, match=["member", "day"], batch=size)
        assert counts(done) == (1, 1, 0, 0)
        assert filled.revert_import(done.id).deleted == 1


def test_whom_a_record_is_about_is_not_changed(filled: Session, put: Put) -> None:
    """A row that would move a visit to somebody else is refused."""
    members = by_number(filled)
    visit = filled.create("visit", {"member": members["1"].id, "day": "2026-01-05"})
    done = filled.import_file("visit", put(f"muniment:id,member\n{visit.id},2\n"))
    assert codes(done) == ["value.fixed"]


# The table of what came before


def test_what_came_before_is_told_for_many_keys() -> None:
    """Every key gives its value, also after the table grew; zero takes it away."""
    seen = Seen()
    for number in range(5_000):
        seen.put(hash(str(number)), number + 1)
    assert all(seen.get(hash(str(number))) == number + 1 for number in range(5_000))
    assert seen.get(hash("other")) == 0
    seen.put(hash("17"), 0)
    assert seen.get(hash("17")) == 0
    seen.put(0, 7)
    seen.put(-1, 8)
    assert (seen.get(0), seen.get(-1)) == (7, 8)
    assert len(seen) == 5_002
