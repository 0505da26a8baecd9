"""A person's copy to take along: what they gave, on consent or a contract, in the log as a disclosure."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path

import jsonschema
import pytest

import muniment_schemas
from muniment.errors import AccessDenied, StoreError, UsageError
from muniment.session.rights.consents import Terms
from muniment.testing import TickingClock, log_entries, new_archive

PROVIDED = '\n[rights]\nprovided = ["customer.full_name", "customer.phone", "interaction.*"]\n'
ANNA = {"full_name": "Anna =Schmidt", "phone": "030 1234567", "city": "Potsdam"}
OWNER = {"actor": "owner", "purpose": "RightsFulfillment"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Anna with a call, and Bert, in an archive that says what people gave."""
    folder = tmp_path_factory.mktemp("portable") / "archive"
    templates = ["customer-info", "interaction-log"]
    with new_archive(folder, templates=templates, region="DE", clock=TickingClock()) as archive:
        with archive.session(**OWNER) as session:
            anna = session.create("customer", ANNA).id
            session.create("customer", {"full_name": "Bert Klein"})
            call = {"customer": anna, "channel": "phone", "occurred_at": "2025-12-02T10:00:00+01:00"}
            session.create("interaction", call)
            with pytest.raises(UsageError) as caught:
                session.portability.export(anna, folder / "x", basis="contract")
            assert "subject.nothing_provided" == caught.value.code
            path = archive.folder / "muniment.toml"
            path.write_text(path.read_text("utf-8") + PROVIDED, "utf-8")
            archive.apply_config(session, reason="what people give")
            session.create("user", {"login": "rita", "roles": ["reader"]})
        yield archive, anna


def test_it_holds_what_she_gave_and_nothing_else(shop, tmp_path):
    """As JSON and as tables whose digests are told; her city was noted by the team."""
    archive, anna = shop
    with archive.session(**OWNER) as session:
        found = session.portability.export(anna, tmp_path / "anna", basis="contract")
    document = json.loads((tmp_path / "anna" / "person.json").read_text("utf-8"))
    assert ("muniment-portable", anna, "contract") == (
        document["type"], document["subject"], document["basis"],
    )  # fmt: skip
    schema = Path(muniment_schemas.__file__).parent / "portable.schema.json"
    jsonschema.validate(document, json.loads(schema.read_text("utf-8")))
    person, call = document["records"]
    assert {"full_name": "Anna =Schmidt", "phone": "030 1234567"} == person["fields"]
    assert "interaction" == call["type"]
    assert "city" in document["left_out"]["customer"]["not_provided"]
    assert "Bert" not in json.dumps(document)
    assert {"person.json", "customer.csv", "interaction.csv"} == set(found.files)
    for name, digest in found.files.items():
        data = (tmp_path / "anna" / name).read_bytes()
        assert digest == sha256(data).hexdigest()
        assert b"Potsdam" not in data
    with (tmp_path / "anna" / "customer.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert "1234567" in row["phone"]


def test_it_is_a_disclosure_in_the_log(shop, tmp_path):
    """Which fields of which records, to whom, on which basis; and she is told of it in her report."""
    archive, anna = shop
    with archive.session(**OWNER) as session:
        session.portability.export(anna, tmp_path / "anna", basis="contract", recipient="Another Clinic")
        entries = [one for one in log_entries(archive) if one.kind == "subject.export"][-2:]
        assert {"customer", "interaction"} == {one.detail["type"] for one in entries}
        assert all(("Another Clinic", "contract") == (one.detail["recipient"], one.detail["legal_basis"])
                   for one in entries)  # fmt: skip
        report = session.persons.report(anna)
        assert "Another Clinic" in {one["recipient"] for one in report.disclosures}


def test_consent_must_be_there_where_it_is_the_basis(shop, tmp_path):
    """And hold; another basis than these two gives no such right."""
    archive, anna = shop
    with archive.session(**OWNER) as session:
        with pytest.raises(UsageError) as caught:
            session.portability.export(anna, tmp_path / "x", basis="consent")
        assert "subject.no_consent" == caught.value.code
        session.consents.give(anna, Terms("Marketing"))
        assert session.portability.export(anna, tmp_path / "x", basis="consent").records
        session.consents.withdraw(anna, "Marketing")
        with pytest.raises(UsageError):
            session.portability.export(anna, tmp_path / "y", basis="consent")
        with pytest.raises(UsageError) as caught:
            session.portability.export(anna, tmp_path / "y", basis="legal duty")
        assert "subject.basis" == caught.value.code
        assert not (tmp_path / "y").exists()


def test_whoever_may_not_hand_out_does_not(shop, tmp_path):
    """Refused, logged, and nothing written; nor over what is there."""
    archive, anna = shop
    with (
        archive.session(actor="rita", purpose="RightsFulfillment") as session,
        pytest.raises(AccessDenied),
    ):
        session.portability.export(anna, tmp_path / "x", basis="contract")
    assert not (tmp_path / "x").exists()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "other.txt").write_text("x")
    with archive.session(**OWNER) as session, pytest.raises(StoreError):
        session.portability.export(anna, tmp_path / "used", basis="contract")
