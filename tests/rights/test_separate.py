"""Separate consents: what a jurisdiction's pack asks for is asked for where a configuration names it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

import muniment_schemas
from muniment.errors import AccessDenied, ConfigError, UsageError
from muniment.packs._jurisdictions import parse_jurisdictions
from muniment.plugins import Jurisdiction, SeparateConsent
from muniment.schema import Label
from muniment.session.rights.consents import Terms
from muniment.testing import TickingClock, log_entries, new_archive

CN = """
[consent]
purposes = ["DirectMarketing"]
jurisdictions = ["CN"]
birth_field = "customer.birth_date"

[rights]
law = "pipl"
calendar = ["CN"]
"""
OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An archive under Chinese law with Anna and Bert."""
    folder = tmp_path_factory.mktemp("cn") / "archive"
    options = {
        "templates": ["customer-info", "account-manager"],
        "plugins": ["cn"],
        "region": "CN",
        "clock": TickingClock(),
    }
    with new_archive(folder, **options) as archive:
        path = archive.folder / "muniment.toml"
        path.write_text(path.read_text("utf-8") + CN, "utf-8")
        with archive.session(**OWNER) as session:
            archive.apply_config(session, reason="the law")
            anna = session.create("customer", {"full_name": "Anna Schmidt", "phone": "13812345678"}).id
            bert = session.create("customer", {"full_name": "Bert Klein", "phone": "13912345678"}).id
        yield archive, anna, bert


@pytest.fixture
def cn(made):
    """Without anybody's consent."""
    archive, anna, bert = made
    yield archive, anna, bert
    with archive.session(**OWNER) as session:
        for one in (anna, bert):
            for consent in session.consents.of(one):
                if consent.state_at(archive.engine.clock()) == "given":
                    session.consents.withdraw(one, consent.purpose)


def exported(archive, tmp_path, fields=("full_name",), basis=None, **handing):
    path = tmp_path / f"out{len(list(tmp_path.iterdir()))}.csv"
    with archive.session(**OWNER, legal_basis=basis) as session:
        session.export_file("customer", path, fields=list(fields), **handing)
    return path.read_text("utf-8")


@pytest.mark.parametrize(
    ("handing", "separate"),
    [
        ({"recipient": "Lab"}, ("provide",)),
        ({"recipient": "Lab", "country": "US"}, ("provide", "cross_border")),
        ({"recipient": "Lab", "country": "CN"}, ("provide",)),
        ({"public": True}, ("provide", "publish", "cross_border")),
    ],
)
def test_handing_out_needs_a_consent_of_its_own(cn, tmp_path, handing, separate):
    """Whoever has not given each of them stays out; one that lacks any is not enough."""
    archive, anna, bert = cn
    assert "Anna" in exported(archive, tmp_path)
    assert "Anna" not in exported(archive, tmp_path, **handing)
    with archive.session(**OWNER) as session:
        session.consents.give(anna, Terms("ServiceProvision", separate=separate))
        session.consents.give(bert, Terms("ServiceProvision", separate=separate[1:]))
    found = exported(archive, tmp_path, **handing)
    assert "Anna" in found
    assert "Bert" not in found
    entry = log_entries(archive)[-1]
    assert "record.export" == entry.kind
    assert handing.get("recipient", entry.detail["recipient"]) == entry.detail["recipient"]
    assert handing.get("country") == entry.detail.get("target", {}).get("country")


def test_another_basis_carries_it(cn, tmp_path):
    """A contract or a duty that is stated, and logged; consent is not stated but given."""
    archive, _, _ = cn
    assert "Anna" in exported(archive, tmp_path, basis="contract", recipient="Lab", country="US")
    assert "contract" == log_entries(archive)[-1].detail["legal_basis"]
    assert "Anna" not in exported(archive, tmp_path, basis="consent", recipient="Lab", country="US")


def test_what_tells_of_nobody_needs_none(cn, tmp_path):
    """Numbers and dates of the team's own go out."""
    archive, _, _ = cn
    text = exported(archive, tmp_path, fields=("region",), recipient="Lab", country="US")
    assert len(exported(archive, tmp_path).splitlines()) == len(text.splitlines()) >= 3


def test_sensitive_data_under_consent_needs_its_own(cn):
    """The purpose's consent opens what is not sensitive; the separate one the rest."""
    archive, anna, _ = cn
    record_type = archive.engine.definitions.types["customer"]
    sensitive = next(one.key for one in record_type.fields if one.sensitivity == "sensitive")
    with archive.session(**OWNER) as session:
        session.consents.give(anna, Terms("DirectMarketing"))
    with archive.session(actor="owner", purpose="DirectMarketing") as marketing:
        assert marketing.get(anna, fields=["full_name"]).fields
        with pytest.raises(AccessDenied) as caught:
            marketing.get(anna, fields=[sensitive])
        assert "access.separate_consent" == caught.value.code
    with archive.session(**OWNER) as session:
        session.consents.give(anna, Terms("DirectMarketing", separate=("sensitive",)))
    with archive.session(actor="owner", purpose="DirectMarketing") as marketing:
        marketing.get(anna, fields=[sensitive])


def test_a_child_needs_a_guardian_at_the_age_of_the_law(cn):
    """14 in China, without any number in the configuration."""
    archive, _, _ = cn
    with archive.session(**OWNER) as session:
        born = {"full_name": "Cleo Klein", "birth_date": "2015-01-01"}
        anna = session.create("customer", born).id
        with pytest.raises(UsageError) as caught:
            session.consents.give(anna, Terms("DirectMarketing"))
        assert ("consent.guardian", 14) == (caught.value.code, caught.value.parameters["number"])
        session.consents.give(anna, Terms("DirectMarketing", guardian="Eva Klein", relation="mother"))


def test_the_calendar_of_the_pack_moves_the_day(cn):
    """National holidays of 2026; the day of the period itself is kept too."""
    archive, _, _ = cn
    from datetime import date

    with archive.session(**OWNER) as session:
        dates, calendar = session.requests.dates("access", received=date(2026, 9, 2))
    assert ("2026-10-02", "2026-10-08") == (dates.statutory.isoformat(), dates.due.isoformat())
    assert "Civil Code 203" == dates.rolls
    assert date(2026, 12, 31) == calendar.until
    assert calendar.works(date(2026, 10, 10))


def test_a_pack_that_is_gone_opens_nothing(cn, tmp_path, monkeypatch):
    """What the law would want is not known then, so nothing that could need it is done."""
    archive, anna, _ = cn
    found = archive.engine.plugins
    monkeypatch.setattr(type(found), "jurisdictions", lambda self: {})
    with archive.session(**OWNER) as session:
        assert session.get(anna).fields
        with pytest.raises(AccessDenied) as caught:
            session.export_file("customer", tmp_path / "x.csv", recipient="Lab")
        assert "access.no_jurisdiction" == caught.value.code
        with pytest.raises(UsageError) as caught:
            session.requests.dates("access")
        assert "request.calendar" == caught.value.code
        with pytest.raises(UsageError) as caught:
            session.export_file("customer", tmp_path / "x.csv", recipient="Lab", country="China")
        assert "export.country" == caught.value.code


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"key": "China"}, "key"),
        ({"separate": (SeparateConsent(act="sell", source="x"),)}, "separate"),
        ({"separate": (SeparateConsent(act="provide", source=" "),)}, "separate"),
        ({"guardian_below": 14}, "guardian_source"),
        ({}, ""),
    ],
)
def test_a_jurisdiction_that_is_wrong_says_where(change, problem):
    """Before anything rests on it."""
    given = {"key": "CN", "label": Label("China", "中国"), **change}
    assert problem == Jurisdiction(**given).problem()


@pytest.mark.parametrize("name", ["cn", "eu"])
def test_the_packs_are_of_the_published_form(name):
    """And what they say is sound: every act with its law, no day both off and worked."""
    from importlib.resources import files

    text = (files(f"muniment_{name}") / "jurisdictions.toml").read_text("utf-8")
    schema = Path(muniment_schemas.__file__).parent / "jurisdictions.schema.json"
    jsonschema.validate(tomllib.loads(text), json.loads(schema.read_text("utf-8")))
    for one in parse_jurisdictions(text, where=name):
        assert not one.problem()
        assert all(day.weekday() >= 5 for day in one.workdays)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("jurisdiction = 1", "config.unknown"),
        ("[[jurisdiction", "config.syntax"),
        ("[[law]]", "config.unknown"),
        ("[[jurisdiction]]\nkey = 'CN'", "config.type"),
        ("[[jurisdiction]]\nkey = 1\nen = 'x'\nzh = 'x'", "config.type"),
        ("[[jurisdiction]]\nkey = 'CN'\nen = 'x'\nzh = 'x'\ncolour = 'red'", "config.unknown"),
        ("[[jurisdiction]]\nkey = 'CN'\nen = 'x'\nzh = 'x'\nseparate = [{ act = 'x' }]", "config.type"),
    ],
)
def test_a_file_that_is_wrong_says_where(text, code):
    """No traceback, whatever stands in it."""
    with pytest.raises(ConfigError) as caught:
        parse_jurisdictions(text, where="law.toml")
    assert code == caught.value.code
    assert "law.toml" in caught.value.where
