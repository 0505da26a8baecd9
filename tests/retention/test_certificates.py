"""Certificates: checked by anybody with the log's key, and no other than what the log says."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest

import muniment_schemas
from muniment.errors import IntegrityError, NotFound
from muniment.log.checkpoint import verifier_key
from muniment.retention.page import certificate_page
from muniment.testing import assert_no_plaintext, open_again
from muniment.verify.certificate import check_certificate

SCHEMA = json.loads(
    (Path(muniment_schemas.__file__).parent / "certificate.schema.json").read_text(encoding="utf-8")
)


@pytest.fixture
def certified(archive, session, people, tmp_path):
    """A certificate of somebody who was exported before, as a file."""
    session.export_file("customer", tmp_path / "out.csv")
    done = session.erase(people.anna, reason="asked for it")
    return session.erasures.certificate(done.id), archive.verifier_key.text


def test_it_verifies_without_the_archive(certified, people):
    """With the key from elsewhere; without it, it is only consistent with itself."""
    made, key = certified
    jsonschema.validate(made, SCHEMA)
    text = json.dumps(made, ensure_ascii=False)
    assert check_certificate(text, key=key).trusted
    assert not check_certificate(text.encode()).trusted
    (target,) = made["certificate"]["targets"]
    assert ("subject", people.anna, 2) == (target["scope"], target["record"], target["count"])


def test_it_says_what_is_out_of_reach(certified):
    """What was exported before, to whom, by the log's own entries; unknown copies are called unknown."""
    final = {one["place"]: one for one in certified[0]["certificate"]["final"]}
    exported = final["exports"]
    assert ("out_of_reach", "record.export") == (exported["state"], exported["entries"][0]["kind"])
    assert exported["entries"][0]["recipient"]
    assert {"key_copies", "replicas"} == {place for place, one in final.items() if one["state"] == "unknown"}


def forgeries(made):
    """Each member of the certificate changed, and pieces of evidence swapped or taken away."""
    for name, value in made["certificate"].items():
        other = copy.deepcopy(made)
        other["certificate"][name] = value + 1 if isinstance(value, int) else "x"
        yield f"certificate.{name}", other
    for name, value in made["certificate"]["targets"][0].items():
        other = copy.deepcopy(made)
        other["certificate"]["targets"][0][name] = value + 1 if isinstance(value, int) else value[::-1]
        yield f"targets.{name}", other
    for place in range(2):
        for name in ("detail", "r", "proof", "index"):
            other = copy.deepcopy(made)
            value = other["evidence"][place][name]
            other["evidence"][place][name] = value + 1 if name == "index" else value[:-3] + "A" + value[-2:]
            if other["evidence"] != made["evidence"]:
                yield f"evidence.{place}.{name}", other
    other = copy.deepcopy(made)
    other["evidence"].reverse()
    yield "swapped", other
    yield "no evidence", {**made, "evidence": made["evidence"][1:]}
    yield "more", {**made, "note": "trust me"}
    for name in made:
        yield f"without {name}", {key: value for key, value in made.items() if key != name}


def test_forged_certificates_are_found(certified):
    """Whatever was changed in it."""
    made, key = certified
    missed = []
    for name, forged in forgeries(made):
        try:
            check_certificate(json.dumps(forged), key=key)
        except IntegrityError:
            continue
        missed.append(name)
    assert [] == missed


NO_CERTIFICATES = (
    "", "{}", "[]", "null", "1", '{"certificate": 1, "verifier_key": 1, "evidence": 1}', "\xff",
    '{"a": 1, "a": 2}', "[" * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("text", NO_CERTIFICATES, ids=range(len(NO_CERTIFICATES)))
def test_what_is_no_certificate_is_refused(text):
    """Without a traceback, whatever it is."""
    with pytest.raises(IntegrityError):
        check_certificate(text)


def test_a_member_twice_is_no_certificate(certified):
    """Two readers must not see two documents."""
    made, key = certified
    text = json.dumps(made)
    twice = text.replace('"certificate": {', '"certificate": {"id": "x"}, "certificate": {', 1)
    with pytest.raises(IntegrityError):
        check_certificate(twice, key=key)


def test_another_logs_key_does_not_do(certified):
    """Nor one made up for the purpose."""
    made, key = certified
    name = key.split("+")[0]
    with pytest.raises(IntegrityError):
        check_certificate(json.dumps(made), key=verifier_key(name, bytes(32)).text)


def test_one_certificate_does_not_serve_another_erasure(archive, session, people):
    """The evidence of one under the claims of the other."""
    first = session.erasures.certificate(session.erase(people.anna, reason="x").id)
    second = session.erasures.certificate(session.erase(people.bert, reason="x").id)
    mixed = {**first, "evidence": second["evidence"]}
    with pytest.raises(IntegrityError):
        check_certificate(json.dumps(mixed), key=archive.verifier_key.text)


def test_it_can_be_had_again(archive, session, people):
    """By the erasure's identifier or the person's, later and in another process."""
    session.erase(people.anna, reason="x")
    with (
        open_again(archive.folder, clock=archive.engine.clock) as other,
        other.session(actor="owner", purpose="ServiceProvision") as theirs,
    ):
        made = theirs.erasures.certificate(people.anna)
        assert check_certificate(json.dumps(made), key=archive.verifier_key.text)
        assert 1 == len(theirs.erasures.certificates(about=people.anna))
        assert [] == theirs.erasures.certificates(about=people.bert)
        with pytest.raises(NotFound):
            theirs.erasures.certificate(people.bert)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_to_print(certified, people, tmp_path, lang):
    """Every text of it is there, in one file that needs nothing else; and no value of the person."""
    page = certificate_page(certified[0], lang)
    assert people.anna in page
    assert "certificate." not in page
    assert "<script" not in page
    assert "http" not in page.replace("https://", "http")[:200]
    assert ("删除证明" if lang == "zh" else "Certificate of erasure") in page
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "certificate.html").write_text(page, encoding="utf-8")
    assert_no_plaintext(folder, people.forms)
