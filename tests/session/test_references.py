"""References by name, reasons of reads, and rights to the archive's own records."""

from __future__ import annotations

import json

import pytest

from muniment.archive import create
from muniment.errors import AccessDenied, Invalid, NotFound, UsageError
from muniment.session import Asked
from muniment.session.reading.references import find_reference, resolve_record, resolve_references


@pytest.fixture
def archive(tmp_path):
    made = create(
        tmp_path / "archive",
        templates=["customer-info", "interaction-log"],
        key_file=tmp_path / "key",
        recovery=False,
        region="DE",
    ).archive
    with made:
        with made.session() as s:
            s.create("customer", {"customer_number": "C-1", "full_name": "Anna"})
            s.create("user", {"login": "reader", "roles": ("reader",)})
        yield made


def test_a_unique_value_names_its_record(archive):
    """Each look is an entry of its own kind, which says the field and releases nothing."""
    with archive.session() as s:
        (anna,) = s.list("customer").records
        assert anna.id == find_reference(s, "customer", "C-1")
        assert find_reference(s, "customer", "C-2") is None
        assert anna.id == resolve_record(s, "customer:C-1") == resolve_record(s, anna.id.upper())
        assert find_reference(s, "user", "owner")
        entry = next(one for one in s.entries() if one.kind == "record.match")
        assert {"where": ["login"]} == entry.detail["target"]
        assert "C-1" not in json.dumps([dict(one.detail) for one in s.entries()])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("C-1", UsageError),
        ("nonsense:C-1", UsageError),
        ("customer:", UsageError),
        ("customer:C-2", NotFound),
    ],
)
def test_what_names_no_record_is_refused(archive, text, error):
    """Neither an identifier nor a type with a value, or nobody has it."""
    with archive.session() as s, pytest.raises(error):
        resolve_record(s, text)


def test_only_references_are_looked_up(archive):
    """Other fields, identifiers and empty values stay as they are; every unknown one is listed."""
    with archive.session() as s:
        kind = s.type("interaction")
        (anna,) = s.list("customer").records
        given = {"customer": "C-1", "channel": "phone", "handled_by": "", "topic": "C-1"}
        assert {**given, "customer": anna.id} == resolve_references(s, kind, given)
        assert {"customer": anna.id} == resolve_references(s, kind, {"customer": anna.id})
        with pytest.raises(Invalid) as refused:
            resolve_references(s, kind, {"customer": "C-9", "handled_by": "nobody"})
        assert {"customer", "handled_by"} == {issue.field for issue in refused.value.issues}


def test_whoever_may_list_records_may_refer_to_users_and_not_list_them(archive):
    """A reference tells that a login is there; a list would tell everything about everybody."""
    with archive.session(actor="reader") as s:
        owner = find_reference(s, "user", "owner")
        assert owner
        for read in (
            lambda: s.list("user"),
            lambda: s.list("user", fields=["login"]),
            lambda: s.list("configuration"),
        ):
            with pytest.raises(AccessDenied):
                read()
        for read in (s.get, s.history):
            with pytest.raises(NotFound):
                read(owner)


def test_the_reason_of_an_export_is_sealed_and_bound(archive):
    """It is in no entry in clear, and its loss would be noticed."""
    with archive.session() as s:
        for number in range(2, 6):
            s.create("customer", {"customer_number": f"C-{number}", "full_name": "P"})
        asked = Asked(
            "customer", kind="record.export", action="record.export", limit=2, reason="Canary reason"
        )
        assert [2, 2, 1] == [len(page.records) for page in s.pages(asked)]
        entries = [one for one in s.entries() if one.kind == "record.export"]
        assert 1 == len({one.op for one in entries})
        assert [False, False, True] == ["reason" in one.detail for one in entries]
        archive.log.verify()
    stored = b"".join(path.read_bytes() for path in archive.folder.rglob("*") if path.is_file())
    assert b"Canary reason" not in stored


def test_earlier_definitions_are_read_by_their_number(archive):
    """As they stood; a number that there never was is refused."""
    from muniment.schema.edits import hide_field

    with archive.session() as s:
        registry = archive.engine.definitions.registry
        archive.save_types(s, registry.replace(hide_field(s.type("customer"), "company")), reason=None)
        assert [False, True] == [
            s.definition("customer", number).by_key["company"].hidden for number in (1, 2)
        ]
        for number in (0, 3):
            with pytest.raises(NotFound):
                s.definition("customer", number)
