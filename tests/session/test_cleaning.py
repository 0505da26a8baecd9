"""Duplicates, merges that can be undone, tidier forms, and what is wrong with the data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.model import id_bytes
from muniment.schema import Field
from muniment.session import Change
from muniment.session.tables import duplicates
from muniment.session.tables.cleaning import tidy
from muniment.session.tables.duplicates import compare, compared_fields
from muniment.session.tables.links import linked_subjects
from muniment.testing import assert_logged, log_entries, log_size


@pytest.fixture
def archive_options():
    """Customers with conversations."""
    return {"templates": ["interaction-log"], "region": "CN"}


def made(session, **values):
    return session.create("customer", values).id


@pytest.fixture
def reader(archive, session):
    """Somebody who may read and no more."""
    session.write([Change("create", "user", values={"login": "rea", "roles": ["reader"], "state": "active"})])
    return archive.session(actor="rea", purpose="CustomerManagement")


# Duplicates


def test_records_that_share_phone_mail_or_name_are_proposed(archive, session):
    """However they were typed; somebody else of the same surname is not."""
    first = made(session, full_name="王芳", phone="138 0013 8000", city="上海")
    second = made(session, full_name="王 芳", phone="+86 13800138000")
    other = made(session, full_name="王丽", phone="13900139000")
    anna = made(session, full_name="Anna Schmidt", email="anna@example.com")
    again = made(session, full_name="Schmidt Anna", email="Anna@EXAMPLE.com")
    found = session.cleaning.duplicates("customer")
    assert {(first, second), (anna, again)} == {(one.first, one.second) for one in found}
    assert not any(other in (one.first, one.second) for one in found)
    assert all(0 <= each.percent <= 100 for one in found for each in one.fields)


def test_pairs_come_in_pieces(archive, session):
    """Each once, in the order of all; only the records of the piece are named in its entry."""
    for at, name in enumerate(("王芳", "Anna Schmidt", "李娜")):
        for _ in range(3):
            made(session, full_name=name, email=f"n{at}@example.com", city="Ulm")
    whole = session.cleaning.duplicates("customer")
    found, after = [], None
    while True:
        piece = session.cleaning.duplicates("customer", limit=2, after=after)
        assert 2 == len(piece) or piece.after is None
        assert 1 < log_entries(archive)[-1].detail["count"] <= 4
        found += piece
        after = piece.after
        if after is None:
            break
    assert (9, list(whole), None) == (len(whole), found, whole.after)
    assert sorted(found, key=lambda one: -one.score) == found
    with pytest.raises(UsageError) as told:
        session.cleaning.duplicates("customer", after=session.list("customer", limit=1).after)
    assert "usage.cursor" == told.value.code


def test_short_tokens_and_common_words_are_no_pairs(session, monkeypatch):
    """Records that share a token by chance, or one word of a name, are not counted against the bound."""
    monkeypatch.setattr(duplicates, "_MOST_PAIRS", 8)
    values = [{"full_name": f"Anna {one:04}", "phone": f"1380013{one:04}"} for one in range(50)]
    values += [
        {"full_name": "李娜", "phone": "13700137000"},
        {"full_name": "李 娜", "phone": "+8613700137000"},
    ]
    session.write([Change("create", "customer", values=one) for one in values])
    (pair,) = session.cleaning.duplicates("customer")
    assert ("phone", 100) in {(one.field, one.percent) for one in pair.fields}
    session.write([Change("create", "customer", values={"full_name": "Wei", "phone": "13600136000"})] * 5)
    with pytest.raises(UsageError) as caught:
        session.cleaning.duplicates("customer")
    assert "quality.too_many" == caught.value.code


def test_only_what_is_shown_is_a_disclosure(archive, session):
    """The entry names the records of the pairs, and the fields that were compared; nothing else."""
    first = made(session, full_name="王芳", phone="13800138000")
    second = made(session, full_name="王芳", phone="13800138000")
    made(session, full_name="李娜", phone="13700137000")
    with assert_logged(archive, "record.match", count=2):
        (pair,) = session.cleaning.duplicates("customer")
    assert (first, second) == (pair.first, pair.second)
    assert "王芳" not in repr(log_entries(archive)[-1].detail)


def test_what_one_may_not_read_is_not_compared(archive, session, reader):
    """A reader sees names; by a masked field nobody learns that two are alike."""
    import attrs

    from muniment.policy import BUILTIN_ROLES, Policy

    made(session, full_name="王芳", phone="13800138000")
    made(session, full_name="李娜", phone="13800138000")
    assert 0 == len(reader.cleaning.duplicates("customer"))
    blind = attrs.evolve(BUILTIN_ROLES["reader"], read={"public": "clear", "internal": "clear"})
    archive.engine.policy = Policy({**BUILTIN_ROLES, "reader": blind})
    archive.engine.plans.clear()
    fields = compared_fields(
        session.type("customer"), archive.engine.policy.view(reader.acting.actor, session.type("customer"))
    )
    assert not {"full_name", "phone", "email"} & {field.key for field in fields}
    with pytest.raises(UsageError):
        reader.cleaning.duplicates("customer")


def test_deleted_records_are_no_duplicates(session):
    """What is out of the lists is out of here."""
    made(session, full_name="王芳", phone="13800138000")
    second = made(session, full_name="王芳", phone="13800138000")
    session.delete(second, reason="test")
    assert 0 == len(session.cleaning.duplicates("customer"))


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_comparison_is_fair(first, second):
    """The same in both directions, and between 0 and 100."""
    fields = [Field(key="full_name", kind="text"), Field(key="email", kind="e-mail")]
    values = [{"full_name": one or None, "email": one or None} for one in (first, second)]
    options = {"region": "CN", "titles": ("full_name",)}
    assert compare(fields, *values, **options) == compare(fields, *reversed(values), **options)
    assert 0 <= compare(fields, *values, **options)[0] <= 100


def test_a_file_is_compared_before_it_is_imported(archive, session, tmp_path):
    """Row with row, and row with record; nothing is written but the entry of what is shown."""
    there = made(session, full_name="王芳", phone="13800138000")
    path = tmp_path / "new.csv"
    path.write_text(
        "姓名,电话,电子邮箱\n王 芳,+86 138 0013 8000,\nAnna Schmidt,,anna@example.com\n"
        "Schmidt Anna,,ANNA@example.com\n李娜,13700137000,\n",
        encoding="utf-8",
    )
    with assert_logged(archive, "record.match", count=1):
        found = session.cleaning.duplicates_in_file("customer", path)
    assert {("row 2", there), ("row 3", "row 4")} == {(one.first, one.second) for one in found}
    assert 1 == len(session.list("customer").records)


# Merges


def test_a_merge_fills_what_is_missing_and_takes_the_other_away(archive, session):
    """One change set; both stay readable, and the log verifies."""
    kept = made(session, customer_number="C-1", full_name="王芳", city="上海")
    other = made(session, full_name="王芳", city="北京", phone="13800138000", email="wang@example.com")
    with assert_logged(archive, "subject.link"):
        link = session.cleaning.links.merge(kept, other, reason="同一人")
    fields = session.get(kept).fields
    assert ("上海", "138 0013 8000") == (fields["city"], fields["phone"]) or "13800138000" == fields["phone"]
    assert {"phone", "email"} == set(link.filled)
    assert [kept] == [one.id for one in session.list("customer").records]
    assert session.get(other).deleted
    assert [link] == list(session.cleaning.links.list())
    archive.log.verify()


def test_a_unique_number_goes_over(session):
    """It is free the moment the duplicate is gone, and goes back when the merge is undone."""
    kept = made(session, full_name="王芳")
    other = made(session, full_name="王芳", customer_number="C-7")
    session.cleaning.links.merge(kept, other, reason="x")
    assert "C-7" == session.get(kept).fields["customer_number"]
    session.cleaning.links.undo(other, reason="wrong")
    assert "customer_number" not in session.get(kept).fields
    assert "C-7" == session.get(other).fields["customer_number"]
    assert not session.get(other).deleted


def test_a_merge_is_undone_but_for_what_changed_since(archive, session):
    """Values that somebody put right since stay; the history shows every step."""
    kept = made(session, full_name="王芳")
    other = made(session, full_name="王芳", phone="13800138000", city="北京")
    link = session.cleaning.links.merge(kept, other, reason="x")
    session.update(kept, {"city": "上海"})
    with assert_logged(archive, "subject.unlink"):
        session.cleaning.links.undo(link.id, reason="two people")
    fields = session.get(kept).fields
    assert "phone" not in fields
    assert "上海" == fields["city"]
    assert 2 == len(session.list("customer").records)
    assert [] == list(session.cleaning.links.list())
    with pytest.raises(NotFound):
        session.cleaning.links.undo(link.id, reason="again")
    archive.log.verify()


def test_a_number_that_was_taken_away_since_stops_the_undoing(session):
    """The duplicate would come back with a number that is nobody's knowledge any more."""
    kept = made(session, full_name="王芳")
    other = made(session, full_name="王芳", customer_number="C-7")
    session.cleaning.links.merge(kept, other, reason="x")
    session.update(kept, {"customer_number": None})
    with pytest.raises(Conflict):
        session.cleaning.links.undo(other, reason="wrong")


def test_subjects_are_one_over_several_merges(archive, session):
    """Whoever holds or erases one asks for all of them."""
    people = [made(session, full_name=f"王芳{place}") for place in range(4)]
    session.cleaning.links.merge(people[0], people[1], reason="x")
    session.cleaning.links.merge(people[2], people[0], reason="x")
    assert set(people[:3]) == session.cleaning.links.of(people[1])
    with archive.store.transaction(write=False) as tx:
        alone = linked_subjects(archive.engine, tx, [id_bytes(people[3])])
    assert {id_bytes(people[3])} == alone


def test_a_hold_follows_the_merge(archive, session):
    """What holds one of them stops the erasure of the other, and the merge from being undone to get there."""
    kept, other = made(session, full_name="王芳"), made(session, full_name="王芳")
    session.cleaning.links.merge(kept, other, reason="x")
    hold = session.holds.place("lawsuit", reason="court", subjects=[kept])
    with pytest.raises(AccessDenied):
        session.erase(other, reason="asked for")
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="hold.held"),
        pytest.raises(AccessDenied) as caught,
    ):
        session.cleaning.links.undo(other, reason="two people")
    assert ("hold.held", hold.id) == (caught.value.code, caught.value.parameters["hold"])
    # Whoever holds both by name may take them apart, and both stay held.
    both = session.holds.place("lawsuit", subjects=[kept, other])
    session.holds.release(hold.id, reason="both are named")
    session.cleaning.links.undo(other, reason="two people")
    with pytest.raises(AccessDenied):
        session.erase(other, reason="asked for")
    session.holds.release(both.id, reason="over")
    session.erase(other, reason="asked for")
    with pytest.raises(NotFound):
        session.get(other)
    archive.log.verify()


def test_a_merge_is_erased_with_the_duplicate(archive, session):
    """What links them names the duplicate, so it goes when the duplicate does; the log still verifies."""
    kept, other = made(session, full_name="王芳"), made(session, full_name="王芳")
    session.cleaning.links.merge(kept, other, reason="x")
    session.erase(other, reason="asked for")
    assert [] == list(session.cleaning.links.list())
    assert {kept} == session.cleaning.links.of(kept)
    archive.log.verify()


def test_what_cannot_be_merged(session):
    """The same record, records of two types, of types that belong to somebody else, without a reason."""
    first, second = made(session, full_name="A"), made(session, full_name="B")
    talks = [
        session.create(
            "interaction", {"customer": first, "channel": "phone", "occurred_at": "2026-01-02 10:00"}
        ).id
        for _ in range(2)
    ]
    links = session.cleaning.links
    for pair, code in (
        ((first, first), "link.same"),
        ((first, talks[0]), "link.types"),
        (talks, "link.not_self"),
    ):
        with pytest.raises(UsageError) as caught:
            links.merge(*pair, reason="x")
        assert code == caught.value.code
    with pytest.raises(UsageError):
        links.merge(first, second, reason=" ")
    session.delete(second, reason="x")
    with pytest.raises(NotFound):
        links.merge(first, second, reason="x")


def test_a_reader_merges_nothing(archive, session, reader):
    """And the refusal is written down."""
    first, second = made(session, full_name="A"), made(session, full_name="B")
    with assert_logged(archive, "access.deny", outcome="denied"), pytest.raises(AccessDenied):
        reader.cleaning.links.merge(first, second, reason="x")


# Tidier forms


def test_proposals_are_written_when_they_are_accepted(archive, session):
    """Nothing before that; one version for each record; somebody who was faster is not overwritten."""
    first = made(session, full_name="王 芳", phone="１３８００１３８０００")
    second = made(session, full_name="Anna Schmidt", email="anna@EXAMPLE.COM", phone="139 0013 9000")
    found = list(session.cleaning.proposals("customer"))
    assert {(first, "full_name"), (first, "phone"), (second, "phone")} <= {
        (one.record, one.field) for one in found
    }
    assert 1 == session.get(first).version
    session.update(second, {"city": "Bonn"})
    done = session.cleaning.accept(found, reason="one form")
    assert (1, 1) == (done.records, done.refused)
    assert ("王芳", "+86 138 0013 8000") == tuple(
        session.get(first).fields[key] for key in ("full_name", "phone")
    )
    again = [one for one in session.cleaning.proposals("customer") if one.record == first]
    assert [] == again


TEXT = st.text(alphabet="１２ａＢ 　王芳abc-+0123456789@.", max_size=20)


@given(st.sampled_from(["phone", "e-mail", "text", "identifier", "long text"]), TEXT)
def test_tidying_twice_changes_nothing_more(kind, text):
    """And never makes an empty value of one that was not."""
    field = Field(key="x", kind=kind)
    once = tidy(field, text, "CN")
    assert once == tidy(field, once, "CN")
    assert bool(once) == bool(text)


# Quality


def test_a_check_finds_what_is_wrong(archive, session):
    """Stale by day of verification, orphaned, without consent; by account manager; no value anywhere."""
    from muniment.model import id_text

    owner = id_text(archive.engine.definitions.users["owner"].record)
    old = made(session, full_name="王芳", verified_on="2001-01-01", account_owner=owner)
    talk = session.create(
        "interaction", {"customer": old, "channel": "phone", "occurred_at": "2026-01-02 10:00"}
    )
    with assert_logged(archive, "data.check"):
        found = session.cleaning.quality("customer")
    assert (1, 1) == (found.records, found.counts["stale"])
    assert {"owner"} == set(found.owners)
    assert 100 == next(one.rate for one in found.fields if one.field == "full_name")
    unused = next(one for one in found.fields if one.field == "fax")
    assert (0, None) == (unused.filled, unused.last_us)
    session.delete(old, reason="x")
    talks = session.cleaning.quality("interaction")
    assert [("orphaned", talk.id, "customer")] == [
        (one.code, one.record, one.field) for one in talks.findings if one.code == "orphaned"
    ]
    assert "王芳" not in repr((found, talks))


def test_a_value_that_would_not_be_taken_today_is_malformed(archive, session):
    """A field became stricter after the record was written."""
    from muniment.schema.edits import change_field

    one = made(session, full_name="王芳", city="Unterschleißheim")
    registry = archive.engine.definitions.registry
    archive.save_types(
        session, registry.replace(change_field(session.type("customer"), "city", max_length=5)), reason=None
    )
    found = session.cleaning.quality("customer")
    assert [("malformed", one, "city")] == [
        (each.code, each.record, each.field) for each in found.findings if each.code == "malformed"
    ]


def test_a_check_needs_its_right(archive, session, reader):
    """Whoever may only read has no overview of everybody's mistakes."""
    before = log_size(archive)
    with pytest.raises(AccessDenied):
        reader.cleaning.quality("customer")
    assert before + 1 == log_size(archive)
