"""The kinds in a real archive: typed, found, imported, masked, exported, and in no file in clear."""

from __future__ import annotations

import csv
from datetime import date

import pytest

from muniment import plugins
from muniment.errors import ConfigError, Invalid
from muniment.schema import KINDS
from muniment.schema.template import parse_template
from muniment.testing import assert_no_plaintext
from muniment_identifiers import KINDS as OURS
from muniment_identifiers import RECOMMENDED_CLASS, RECOMMENDED_INDEX

HEAD = """
format = 1
key = "patients"
label = { en = "Patients", zh = "患者" }

[[type]]
key = "patient"
label = { en = "Patient", zh = "患者" }
subject = "self"

[[type.group]]
key = "main"
label = { en = "Person", zh = "个人" }
category = "health"
"""
FIELD = """
[[type.group.field]]
key = "{key}"
label = {{ en = "{en}", zh = "{zh}" }}
kind = "{kind}"
class = "{sensitivity}"
index = [{index}]
"""
MORE = """
[[type.group.field]]
key = "birth_date"
label = { en = "Date of birth", zh = "出生日期" }
kind = "date"
class = "personal"

[[type.group.field]]
key = "gender"
label = { en = "Gender", zh = "性别" }
kind = "choice"
class = "personal"
choices = [
  { key = "female", label = { en = "Female", zh = "女" } },
  { key = "male", label = { en = "Male", zh = "男" } },
]

[[type.group.field]]
key = "country"
label = { en = "Country", zh = "国家" }
kind = "text"
class = "internal"
"""


def _parsed(text):
    brought = plugins.load(["identifiers"], environ={}).field_kinds()
    return parse_template(
        text, where="patients.toml", kinds={**KINDS, **{kind.name: kind for kind in brought}}
    )


def _field(kind):
    return FIELD.format(
        key=kind.name,
        en=kind.label.en,
        zh=kind.label.zh,
        kind=kind.name,
        sensitivity=RECOMMENDED_CLASS[kind.name],
        index=", ".join(f'"{index}"' for index in RECOMMENDED_INDEX[kind.name]),
    )


@pytest.fixture
def archive_options():
    return {
        "templates": [_parsed(HEAD + "".join(map(_field, OURS)) + MORE)],
        "plugins": ["identifiers"],
        "region": "CN",
    }


WOMAN = {
    "resident_id": "110105 19491231 002x",
    "birth_date": date(1949, 12, 31),
    "gender": "female",
    "card_number": "6222 0212 3456 7890 128",
    "passport": "E12345678",
    "iban": "DE89 3704 0044 0532 0130 00",
    "ssn": "536-90-4399",
    "icd10": "i10x00",
    "postal_code": "10115",
    "country": "Germany",
    "bic": "DEUTDEFFXXX",
}
KEPT = {
    "resident_id": "11010519491231002X",
    "card_number": "6222021234567890128",
    "iban": "DE89370400440532013000",
    "ssn": "536904399",
    "icd10": "I10.x00",
    "postal_code": "10115",
    "bic": "DEUTDEFF",
}


def test_a_number_is_stored_in_its_one_form_and_found_by_every_index(archive, session):
    """However it is typed, when saved and when looked for; and no file of the archive holds it."""
    saved = session.create("patient", WOMAN)
    assert () == saved.warnings
    fields = session.get(saved.id).fields
    assert KEPT == {key: fields[key] for key in KEPT}
    for where in (
        {"resident_id": "11010519491231002x"},
        {"card_number": "6222-0212-3456-7890-128"},
        {"iban": "de89370400440532013000"},
        {"ssn": "536 90 4399"},
        {"icd10": "I10.X00"},
        {"postal_code": "10115"},
        {"bic": "deutdeff"},
    ):
        (record,) = session.list("patient", where=where).records
        assert saved.id == record.id
    (record,) = session.search("patient", "4399").records
    assert saved.id == record.id
    archive.log.verify()
    secret = ("resident_id", "card_number", "iban", "ssn", "icd10")
    assert_no_plaintext(archive.folder, [KEPT[key] for key in secret])


def test_a_number_that_contradicts_its_record_is_refused(session):
    """With a code for the field, and without the day, the sex or the number."""
    saved = session.create("patient", WOMAN)
    with pytest.raises(Invalid) as caught:
        session.update(saved.id, {"birth_date": date(1950, 1, 1)}, expected_version=1)
    assert [("resident_id", "identifiers.resident_birth_differs")] == [
        (issue.field, issue.code) for issue in caught.value.issues
    ]
    for lang in ("en", "zh"):
        assert not {"1949", "1950", "110105"} & set(caught.value.text(lang).replace("-", " ").split())
    with pytest.raises(Invalid, match=r"identifiers\.postal_differs"):
        session.update(saved.id, {"country": "CN"}, expected_version=1)
    changed = session.update(saved.id, {"gender": "male"}, expected_version=1)
    assert ["identifiers.resident_sex_differs"] == [issue.code for issue in changed.warnings]
    cleared = session.update(saved.id, {"resident_id": None, "birth_date": "1950-01-01"}, expected_version=2)
    assert () == cleared.warnings
    session.delete(saved.id, reason="moved away")


def test_a_spreadsheet_brings_good_numbers_and_leaves_bad_ones(session, tmp_path):
    """Leading zeros stay, each refused row says its column and why, and no cell is in what it says."""
    rows = [
        ("resident_id", "birth_date", "card_number", "postal_code", "country", "icd10"),
        ("110105 19491231 002X", "1949-12-31", "4111 1111 1111 1111", "010000", "CN", "E119"),
        ("110101199003078670", "1990-03-08", "", "", "", ""),
        ("110105194912310021", "", "", "", "", ""),
        ("", "", "4111111111111112", "", "", ""),
        ("", "", "%B4111111111111111^DOE/JANE^2512", "", "", ""),
        ("", "", "", "2113", "USA", ""),
        ("", "", "", "02113", "USA", "E11."),
        ("", "", "", "999077", "Hong Kong", ""),
    ]
    path = tmp_path / "patients.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    done = session.import_file("patient", path)
    assert (8, 2, 6) == (done.rows, done.created, done.rejected)
    assert {"identifiers.postal_country": 1} == dict(done.warnings)
    found = {problem.row: [issue.code for issue in problem.issues] for problem in done.problems}
    assert {
        3: ["identifiers.resident_birth_differs"],
        4: ["identifiers.resident_check"],
        5: ["identifiers.card_check"],
        6: ["identifiers.card_track"],
        7: ["identifiers.postal_differs"],
        8: ["identifiers.icd10_form"],
    } == found
    said = repr(done) + "".join(issue.text("zh") for one in done.problems for issue in one.issues)
    assert not [cell for row in rows[1:] for cell in row if len(cell) > 5 and cell in said]
    (record,) = session.list("patient", where={"resident_id": "11010519491231002X"}).records
    assert ("010000", "E11.9") == (record.fields["postal_code"], record.fields["icd10"])


def test_what_is_exported_is_found_and_unchanged_when_it_comes_back(session, tmp_path):
    """The file holds every number as it is stored, and a row finds its record by its number."""
    session.create("patient", WOMAN)
    path = tmp_path / "out.csv"
    session.export_file("patient", path)
    done = session.import_file("patient", path, match=["resident_id"])
    assert (1, 0, 0) == (done.unchanged, done.rejected, done.updated)


@pytest.mark.parametrize(
    ("key", "kind", "code"),
    [
        ("cvv", "text", "schema.forbidden"),
        ("card_pin", "card_number", "schema.forbidden"),
        ("track_2", "text", "schema.forbidden"),
        ("number", "cvc2", "schema.forbidden"),
    ],
)
def test_no_field_for_a_cards_secret_beside_its_number(key, kind, code):
    """PCI DSS v4.0.1, 3.3.1: neither under its name nor by a kind of its own."""
    field = FIELD.format(key=key, en="Code", zh="代码", kind=kind, sensitivity="restricted", index="")
    with pytest.raises(ConfigError) as caught:
        _parsed(HEAD + field)
    assert code == caught.value.code
