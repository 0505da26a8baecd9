"""What a person is told is whole, within the rights of whoever tells it, and can be checked by anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from muniment.archive import restore
from muniment.errors import AccessDenied, NotFound, StoreError
from muniment.keys import KeyFile
from muniment.session.rights.consents import Terms
from muniment.testing import assert_logged, log_entries, open_again

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


@pytest.fixture
def anna(owner, tmp_path):
    one = owner.create("customer", {"full_name": "Anna <b>Schmidt", "phone": "030 1234567"})
    bert = owner.create("customer", {"full_name": "Bert Wagner"})
    owner.update(one.id, {"city": "Bonn"}, reason="moved")
    owner.get(one.id)
    owner.get(bert.id)
    owner.list("customer")
    owner.search("customer", "schmidt")
    owner.history(one.id)
    owner.export_file("customer", tmp_path / "everybody.ndjson")
    owner.consents.give(one.id, Terms("DirectMarketing"))
    owner.consents.of(bert.id)
    owner.consents.of(one.id)
    return one


def run(folder, *words):
    """The program alone: another interpreter, isolated, with no package to import."""
    return subprocess.run(
        [sys.executable, "-I", "-S", folder / "check_accesses.py", *words],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"]},
    )


def test_a_report_says_it_all(archive, owner, anna):
    """Data, sources, purposes, recipients, consents, and every access; other people are not in it."""
    with assert_logged(archive, "subject.report", type="customer"):
        found = owner.persons.report(anna.id)
    assert [anna.id] == [one.id for one in found.records]
    assert "Bert" not in json.dumps([dict(one.fields) for one in found.records], default=str)
    assert {"record.create", "record.update", "record.list", "record.export", "record.search"} <= {
        one["kind"] for one in found.accesses
    }
    assert ["everybody.ndjson"] == [one["recipient"] for one in found.disclosures]
    assert ("DirectMarketing", "given") == (found.consents[0]["purpose"], found.consents[0]["state"])
    assert "ServiceProvision" in found.purposes
    assert "entry" == found.sources[0]["kind"]
    assert not any("actor" in one for one in found.accesses)


def test_employees_are_named_where_the_configuration_says_so(archive, owner, anna):
    """C-579/21: the default is not to."""
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + '\n[rights]\nemployees = "named"\n', encoding="utf-8")
    archive.apply_config(owner, reason="the works council agreed")
    assert {"owner"} == {one["actor"] for one in owner.persons.report(anna.id).accesses}


def test_a_report_needs_the_right(archive, owner, anna):
    """And shows no field that its maker may not read."""
    owner.create("user", {"login": "vera", "roles": "editor", "state": "active"})
    with archive.session(actor="vera", purpose="RightsFulfillment") as vera:
        with pytest.raises(AccessDenied):
            vera.persons.report(anna.id)
        with pytest.raises(AccessDenied):
            vera.persons.accesses(anna.id, archive.folder.with_name("no"))
    assert not archive.folder.with_name("no").exists()
    with pytest.raises(NotFound):
        owner.persons.report("019b76da-a801-7000-b594-e5f49907ff1f")


def test_a_page_escapes_what_it_shows(archive, owner, anna):
    """A name is text, whatever is in it."""
    from muniment.cli.subject_report import report_document, report_labels
    from muniment.errors import text_of
    from muniment.subjects.page import report_page

    document = report_document(archive, owner.persons.report(anna.id))
    for lang in ("en", "zh"):
        page = report_page(
            document,
            lambda name, lang=lang: text_of(f"subject.{name}", lang)[0],
            report_labels(archive, lang),
            lang,
        )
        assert "Anna &lt;b&gt;Schmidt" in page
        assert "<b>" not in page
        assert "subject.page" not in page
        assert "http" not in page


def test_the_list_of_accesses_is_shown_to_be_complete(archive, owner, anna, tmp_path):
    """A program that knows nothing of muniment finds the same entries in the log alone."""
    document = owner.persons.accesses(anna.id, tmp_path / "out")
    kinds = [one["kind"] for one in document["entries"]]
    assert {"record.create", "record.read", "record.list", "record.export", "consent.give"} <= set(kinds)
    assert ["subject.accesses", "subject.give_tag_key"] == kinds[-2:]
    done = run(tmp_path / "out", "--key", archive.verifier_key.text)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert f"complete: {len(kinds)} entries" in done.stdout
    with pytest.raises(StoreError):
        owner.persons.accesses(anna.id, tmp_path / "out")


def _report(folder, change):
    path = folder / "report.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def _entry_bytes(folder):
    path = next(path for path in (folder / "log-0" / "tile" / "entries").rglob("*") if path.is_file())
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"record.read"', b'"record.list"', 1))


ATTACKS = {
    "an entry left out": lambda folder: _report(folder, lambda one: one["entries"].pop(2)),
    "an entry put in": lambda folder: _report(
        folder, lambda one: one["entries"].append({**one["entries"][0], "index": 0})
    ),
    "an entry twice": lambda folder: _report(folder, lambda one: one["entries"].append(one["entries"][0])),
    "another kind": lambda folder: _report(folder, lambda one: one["entries"][1].update(kind="record.list")),
    "another time": lambda folder: _report(
        folder, lambda one: one["entries"][1].update(time="2026-01-01T00:00:00.000000Z")
    ),
    "another tag key": lambda folder: _report(
        folder, lambda one: one.update(tag_keys={one["subject"]: "00" * 32})
    ),
    "a tag key left out": lambda folder: _report(folder, lambda one: one.update(tag_keys={})),
    "no log": lambda folder: _report(folder, lambda one: one.update(logs=[], entries=[])),
    "a changed entry": _entry_bytes,
    "a changed checkpoint": lambda folder: (folder / "log-0" / "checkpoint").write_text(
        (folder / "log-0" / "checkpoint").read_text(encoding="utf-8").replace("/0.0\n", "/0.1\n", 1),
        encoding="utf-8",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_report_is_found(archive, owner, anna, tmp_path, attack):
    """Whatever is left out, put in or changed: the program says so."""
    owner.persons.accesses(anna.id, tmp_path / "out")
    ATTACKS[attack](tmp_path / "out")
    done = run(tmp_path / "out", "--key", archive.verifier_key.text)
    assert 3 == done.returncode, done.stdout + done.stderr
    assert "NOT COMPLETE" in done.stdout


def test_another_key_vouches_for_nothing(archive, owner, anna, tmp_path):
    """The key comes from elsewhere than the report."""
    from muniment.log.checkpoint import verifier_key

    owner.persons.accesses(anna.id, tmp_path / "out")
    other = verifier_key(archive.verifier_key.name, bytes(range(32)))
    assert 3 == run(tmp_path / "out", "--key", other.text).returncode
    assert 0 != run(tmp_path / "out", "--key", "nonsense").returncode


@pytest.mark.slow
def test_accesses_of_before_a_restore_are_in_the_report(archive, owner, anna, tmp_path, clock):
    """Each generation of the log is in it, and each is checked."""
    owner.backups.create(tmp_path / "backup")
    owner.get(anna.id)
    archive.close()
    key = KeyFile(archive.folder.with_name("archive.key"))
    restore(tmp_path / "backup", archive.folder, root=key, accept_loss=True, clock=clock)
    with open_again(archive.folder, clock=clock) as again, again.session(**OWNER) as session:
        session.get(anna.id)
        listed = session.accesses(anna.id)
        assert {"record.create", "record.export"} <= {one.kind for one in listed}
        assert len(listed) > len([one for one in log_entries(again) if one.kind == "record.read"])
        document = session.persons.accesses(anna.id, tmp_path / "out")
        assert {0, 1} == {one["generation"] for one in document["entries"]}
        report = session.persons.report(anna.id)
        assert {0, 1} == {one["generation"] for one in report.accesses}
        done = run(tmp_path / "out", "--key", again.verifier_key.text)
    assert 0 == done.returncode, done.stdout + done.stderr
