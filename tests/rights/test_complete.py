"""Whatever shows or changes a person's data is in the list of accesses to it, and in nobody else's."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
from base64 import b64decode, b64encode

import pytest

from muniment.session.rights import persons
from muniment.session.rights.consents import Terms
from muniment.testing import log_size

WAYS = {
    "read": lambda owner, one, folder: owner.get(one, fields=["phone"]),
    "reveal": lambda owner, one, folder: owner.reveal(one, ["phone"], reason="calls back"),
    "history": lambda owner, one, folder: owner.history(one),
    "diff": lambda owner, one, folder: owner.diff(one, 1, 2),
    "past": lambda owner, one, folder: owner.get(one, version=1),
    "list": lambda owner, one, folder: owner.list("customer"),
    "search": lambda owner, one, folder: owner.search("customer", "Schmidt"),
    "find": lambda owner, one, folder: owner.find("Schmidt"),
    "titles": lambda owner, one, folder: owner.titles("customer", [one]),
    "export": lambda owner, one, folder: owner.export_file("customer", folder / "out.ndjson"),
    "update": lambda owner, one, folder: owner.update(one, {"city": "Bonn"}, reason="moved"),
    "delete": lambda owner, one, folder: owner.delete(one, reason="wrong"),
    "undelete": lambda owner, one, folder: owner.undelete(one),
    "accesses": lambda owner, one, folder: owner.accesses(one),
    "who": lambda owner, one, folder: owner.questions.who(bytes.fromhex(one.replace("-", ""))),
    "consent": lambda owner, one, folder: owner.consents.give(one, Terms("DirectMarketing")),
    "consents": lambda owner, one, folder: owner.consents.of(one),
    "glass": lambda owner, one, folder: owner.emergencies.begin(one, reason="found unconscious"),
    "report": lambda owner, one, folder: owner.persons.report(one),
    "portable": lambda owner, one, folder: owner.portability.export(
        one, folder / "portable", basis="contract"
    ),
}


def _tagged(folder, *keys):
    """The entries with a tag made with one of these keys, out of the exported log, with nothing of ours."""
    found = set()
    for path in sorted((folder / "log-0" / "tile" / "entries").rglob("*")):
        if not path.is_file():
            continue
        number = path.relative_to(folder / "log-0" / "tile" / "entries").as_posix().partition(".p")[0]
        index, data = int(number.replace("x", "").replace("/", "")) * 256, path.read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            entry, data = json.loads(data[2 : 2 + length]), data[2 + length :]
            for key in keys:
                tag = hmac.digest(key, b"muniment/tag/v1\n" + b64decode(entry["c"]), "sha256")[:16]
                if b64encode(tag).decode() in entry.get("s", ()):
                    found.add(index)
            index += 1
    return found


@pytest.fixture
def people(owner):
    """Anna, whom everything is about, and Bert, whom nothing but lists and exports shows."""
    values = ({"full_name": "Anna Schmidt", "phone": "030 1234567"}, {"full_name": "Bert Wagner"})
    anna, bert = (owner.create("customer", one).id for one in values)
    owner.update(anna, {"city": "Berlin"}, reason="said so")
    return anna, bert


def test_every_way_to_a_persons_data_is_in_their_list(archive, owner, people, tmp_path):
    """Each act adds to it; whoever is given the tag key finds the same entries in the log alone."""
    anna, bert = people
    path = archive.folder / "muniment.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + '\n[rights]\nprovided = ["customer.full_name"]\n', encoding="utf-8"
    )
    archive.apply_config(owner, reason="what people give themselves")
    spans = {}
    for name, act in WAYS.items():
        before = log_size(archive)
        act(owner, anna, tmp_path)
        spans[name] = range(before, log_size(archive))
    apart = range(log_size(archive), log_size(archive) + 1)
    owner.get(bert)
    document = owner.persons.accesses(anna, tmp_path / "out")
    listed = {one["index"] for one in document["entries"]}
    assert [] == [name for name, span in spans.items() if listed.isdisjoint(span)]
    assert listed.isdisjoint(apart)
    assert listed == _tagged(tmp_path / "out", *map(bytes.fromhex, document["tag_keys"].values()))
    program = [sys.executable, "-I", "-S", str(tmp_path / "out" / "check_accesses.py")]
    done = subprocess.run([*program, "--key", archive.verifier_key.text], capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_what_was_looked_at_under_another_record_is_in_it_too(archive, owner, people, tmp_path):
    """Before two records were found to be of one person, and after."""
    anna, _ = people
    twin = owner.create("customer", {"full_name": "Anna Schmidt", "phone": "030 7654321"}).id
    before = log_size(archive)
    owner.get(twin)
    owner.cleaning.links.merge(anna, twin, reason="the same")
    after = log_size(archive)
    owner.get(twin)
    last = log_size(archive)
    indexes = {one["index"] for one in owner.persons.report(anna).accesses}
    assert before in indexes
    assert not indexes.isdisjoint(range(after, last))


def test_a_report_is_complete_however_many_entries_there_are(archive, owner, people, monkeypatch):
    """Read a few at a time, nobody's access is left out."""
    anna, _ = people
    for _ in range(7):
        owner.get(anna)
    whole = {one["index"] for one in owner.persons.report(anna).accesses}
    monkeypatch.setattr(persons, "_PAGE", 2)
    assert whole < {one["index"] for one in owner.persons.report(anna).accesses}


def test_one_answer_holds_for_all_identifiers_of_a_merged_person(archive, owner, people, tmp_path):
    """Asked under either record: the same entries, each told whom it is about, and one proof over all."""
    anna, bert = people
    twin = owner.create("customer", {"full_name": "Anna Schmidt", "phone": "030 7654321"}).id
    before = log_size(archive)
    owner.get(twin)
    owner.cleaning.links.merge(anna, twin, reason="the same")
    apart = log_size(archive)
    owner.get(bert)
    documents = [owner.persons.accesses(one, tmp_path / one) for one in (anna, twin)]
    for document, other in zip(documents, documents[::-1], strict=True):
        assert {document["subject"], *document["merged"]} == set(document["tag_keys"])
        assert [other["subject"]] == document["merged"]
        listed = {one["index"]: one for one in document["entries"]}
        assert [twin] == listed[before]["about"]
        assert apart not in listed
        folder = tmp_path / document["subject"]
        assert set(listed) == _tagged(folder, *map(bytes.fromhex, document["tag_keys"].values()))
        program = [sys.executable, "-I", "-S", str(folder / "check_accesses.py")]
        done = subprocess.run([*program, "--key", archive.verifier_key.text], capture_output=True, text=True)
        assert 0 == done.returncode, done.stdout + done.stderr
    first, second = ({one["index"] for one in document["entries"]} for document in documents)
    assert first <= second  # the second is later, and has the acts of the first besides


def test_half_a_person_is_no_answer(archive, owner, people, tmp_path):
    """A report whose maker leaves out what stands under the other record is refused."""
    anna, _ = people
    twin = owner.create("customer", {"full_name": "Anna Schmidt"}).id
    owner.cleaning.links.merge(anna, twin, reason="the same")
    owner.persons.accesses(anna, tmp_path / "out")
    path = tmp_path / "out" / "report.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["tag_keys"][twin]
    document["entries"] = [one for one in document["entries"] if one["about"] != [twin]]
    path.write_text(json.dumps(document), encoding="utf-8")
    program = [sys.executable, "-I", "-S", str(tmp_path / "out" / "check_accesses.py")]
    done = subprocess.run([*program, "--key", archive.verifier_key.text], capture_output=True, text=True)
    assert 3 == done.returncode
    assert "NOT COMPLETE" in done.stdout
