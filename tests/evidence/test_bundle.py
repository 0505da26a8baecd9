from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.log.checkpoint import Checkpoint, sign
from muniment.log.entry import pack_entries, unpack_entries
from muniment.log.tree import leaf_hash, root_of
from muniment.model import id_bytes, rfc3339
from muniment.session.oversight.evidence import Scope

from .conftest import VERIFIER, Case, Contents, contents, rewritten

FIRST = "log/tile/entries/000"


@pytest.fixture(scope="module")
def whole(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "whole.zip"
    with case.archive.session(actor="owner") as session:
        session.bundle(path, Scope(), recipient="auditor")
    return path


def test_a_bundle_is_verified_by_its_own_program_alone(case, whole, tmp_path):
    """With no muniment on the path, in another process, from the unpacked folder."""
    for name, data in contents(whole).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), "--key", case.key],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (0, "VERIFIED under the key that you gave.") == (done.returncode, done.stdout.splitlines()[-1])
    assert done.stdout.startswith("Nothing outside vouches for the entries from 0 on")


def test_the_program_needs_the_standard_library_alone_and_is_short():
    """An auditor reads it before trusting it."""
    tree = ast.parse(VERIFIER.read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
    assert modules <= sys.stdlib_module_names
    assert len(VERIFIER.read_text(encoding="utf-8").splitlines()) < 600


def test_without_a_key_nothing_is_called_verified(whole, verdict):
    """A key that came with the bundle would prove nothing."""
    said = verdict(whole)
    assert "CONSISTENT WITH ITSELF ONLY" in said
    assert "VERIFIED" not in said


def test_another_logs_key_is_refused(case, whole, verdict):
    """The verifier key decides whose log it is."""
    other = "example.com/other/0.0+1a2b3c4d+AAAA"
    assert verdict(whole, "--key", other).startswith("NOT CHECKED: not a verifier key")
    name, _, _ = case.key.partition("+")
    from muniment.log.checkpoint import verifier_key

    assert verdict(whole, "--key", verifier_key(name, bytes(32)).text).startswith(
        "ALTERED: log/checkpoint is not signed with your key"
    )


def test_a_checkpoint_kept_from_before_vouches_for_what_it_covers(case, whole, verdict, tmp_path):
    """The first line says from where on nothing outside does."""
    kept = tmp_path / "kept"
    kept.write_text(case.kept, encoding="utf-8")
    size = int(case.kept.split("\n")[1])
    said = verdict(whole, "--key", case.key, "--trusted", str(kept))
    assert said.startswith(f"Nothing outside vouches for the entries from {size} on")
    assert said.endswith("VERIFIED under the key that you gave.\n")


def test_a_bundle_about_a_person_is_complete_and_shows_nobody_else(case, tmp_path, verdict):
    """With their tag key every entry about them is found in the log, lists and searches too."""
    path, person = tmp_path / "person.zip", case.people[3]
    with case.archive.session(actor="owner") as session:
        made = session.bundle(path, Scope(subject=id_bytes(person)), tag_keys=True, recipient="the person")
        told = [one for one in session.accesses(person) if one.kind != "record.accesses"]
    said = verdict(path, "--key", case.key)
    assert f"complete: the {made.opened} entries of the whole log" in said
    opened = [json.loads(line) for line in contents(path)["details.ndjson"].splitlines()]
    assert {one.index for one in told} <= {one["index"] for one in opened}
    named = {json.loads(line)["id"] for one in opened for _, _, line in one.get("lines", ())}
    assert {person} == named
    kinds = {json.loads(one["detail"])["kind"] for one in opened}
    assert {"record.create", "record.read", "record.update", "record.list", "record.search"} <= kinds
    shown = contents(path)["versions.ndjson"].decode()
    assert not any(other.replace("-", "") in shown for other in case.people if other != person)


def test_an_opened_entry_that_is_left_out_is_missed(case, tmp_path, verdict):
    """Who holds a tag key sees that the report leaves out an entry."""
    path, person = tmp_path / "person.zip", case.people[5]
    with case.archive.session(actor="owner") as session:
        session.bundle(path, Scope(subject=id_bytes(person)), tag_keys=True)
    held = contents(path)
    lines = held["details.ndjson"].splitlines(keepends=True)
    left_out = json.loads(lines[2])["index"]
    versions = [
        line
        for line in held["versions.ndjson"].splitlines(keepends=True)
        if json.loads(line)["index"] != left_out
    ]
    forged = {
        **held,
        "details.ndjson": b"".join(lines[:2] + lines[3:]),
        "versions.ndjson": b"".join(versions),
    }
    assert f"ALTERED: entry {left_out} carries the tag" in verdict(
        rewritten(tmp_path / "less.zip", forged), "--key", case.key
    )


def test_a_bundle_of_one_actor_or_act_or_time_opens_only_that(case, tmp_path, verdict):
    """What is not asked for stays behind its commitment."""
    with case.archive.session(actor="owner") as session:
        entry = session.entries()[30]
        scopes = {
            "actor": Scope(actor="li.na"),
            "op": Scope(op=entry.op),
            "time": Scope(since_us=entry.time_us, until_us=entry.time_us + 1),
        }
        for name, scope in scopes.items():
            made = session.bundle(tmp_path / name, scope, tag_keys=name == "actor")
            assert verdict(tmp_path / name, "--key", case.key).endswith(
                "VERIFIED under the key that you gave.\n"
            )
            assert (made.opened == 1) == (name != "actor")
            assert made.entries == made.size


def test_of_a_large_log_only_the_bundles_that_are_needed_are_carried(case, tmp_path, verdict):
    """And the root is reached all the same, and an earlier checkpoint compared."""
    path, kept = tmp_path / "part.zip", tmp_path / "kept"
    kept.write_text(case.kept, encoding="utf-8")
    with case.archive.session(actor="owner") as session:
        entry = session.entry(10)
        scope = Scope(since_us=entry.time_us, until_us=entry.time_us + 1)
        made = session.bundle(path, scope, whole=False, earlier=[case.kept])
    held = contents(path)
    assert 256 + made.size % 256 == made.entries
    assert FIRST in held
    assert "log/tile/entries/001" not in held
    assert "VERIFIED" in verdict(path, "--key", case.key, "--trusted", str(kept))


def test_making_a_bundle_is_an_entry_that_the_bundle_holds(case, tmp_path):
    """With whom it was for."""
    path = tmp_path / "made.zip"
    with case.archive.session(actor="owner") as session:
        made = session.bundle(path, Scope(actor="owner"), recipient="Mazars")
    last = json.loads(contents(path)["details.ndjson"].splitlines()[-1])
    detail = json.loads(last["detail"])
    assert ("log.bundle", "Mazars", made.size - 1) == (detail["kind"], detail["recipient"], last["index"])


def test_no_value_of_a_record_is_in_a_bundle(whole):
    """Names of fields and identifiers, never what stands in them."""
    everything = b"".join(contents(whole).values())
    assert b"Person " not in everything
    assert b"030 555" not in everything
    assert b"+4930555" not in everything


def test_who_may_not_export_the_log_gets_no_bundle(case, tmp_path):
    """And the refusal is written down."""
    session = case.archive.session(actor="li.na", purpose="ServiceProvision")
    with pytest.raises(AccessDenied):
        session.bundle(tmp_path / "no.zip", Scope())
    assert not (tmp_path / "no.zip").exists()
    with case.archive.session(actor="owner") as session:
        newest = session.entries()[0]
    assert ("access.deny", "log.bundle") == (newest.kind, newest.detail["target"]["action"])


def test_a_bundle_about_nobody_is_refused(case, tmp_path):
    """Tag keys are somebody's."""
    with case.archive.session(actor="owner") as session:
        with pytest.raises(NotFound):
            session.bundle(tmp_path / "no.zip", Scope(subject=bytes(16)))
        with pytest.raises(UsageError):
            session.bundle(tmp_path / "no.zip", Scope(), tag_keys=True)


# Twelve ways to lie


def _entries(held: Contents) -> list[bytes]:
    return unpack_entries(held[FIRST])


def _edit(held: Contents) -> None:
    some = _entries(held)
    some[7] = re.sub(rb'"k":"[a-z._]+"', b'"k":"record.delete"', some[7])
    held[FIRST] = pack_entries(some)


def _delete(held: Contents) -> None:
    held[FIRST] = pack_entries(_entries(held)[:-1])


def _insert(held: Contents) -> None:
    some = _entries(held)
    held[FIRST] = pack_entries([*some[:9], some[8], *some[9:-1]])


def _reorder(held: Contents) -> None:
    some = _entries(held)
    some[20], some[21] = some[21], some[20]
    held[FIRST] = pack_entries(some)


def _replace_detail(held: Contents) -> None:
    held["details.ndjson"] = held["details.ndjson"].replace(
        b'\\"id\\":\\"li.na\\"', b'\\"id\\":\\"no.na\\"', 1
    )


def _replace_part(held: Contents) -> None:
    first, *rest = held["parts.ndjson"].splitlines(keepends=True)
    one = json.loads(first)
    one["sha256"] = "00" * 32
    held["parts.ndjson"] = json.dumps(one).encode() + b"\n" + b"".join(rest)


def _swap_parts(held: Contents) -> None:
    lines = [json.loads(line) for line in held["parts.ndjson"].splitlines()]
    lines[0]["sha256"], lines[1]["sha256"] = lines[1]["sha256"], lines[0]["sha256"]
    held["parts.ndjson"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _forge_with_tile(held: Contents) -> None:
    _edit(held)
    held["log/tile/0/000"] = b"".join(leaf_hash(one) for one in _entries(held))


def _beyond(held: Contents) -> None:
    line = json.loads(held["details.ndjson"].splitlines()[-1])
    line["index"] = 1_000_000
    held["details.ndjson"] += json.dumps(line).encode() + b"\n"


def _beyond_in_the_tree(held: Contents) -> None:
    held["log/tile/entries/004"] = held[FIRST]


def _edit_version(held: Contents) -> None:
    held["versions.ndjson"] = held["versions.ndjson"].replace(b'"operation":2', b'"operation":3', 1)


def _hide_part(held: Contents) -> None:
    held["parts.ndjson"] = b"".join(held["parts.ndjson"].splitlines(keepends=True)[1:])


def _false_erasure(held: Contents) -> None:
    first, *rest = held["parts.ndjson"].splitlines(keepends=True)
    one = json.loads(first)
    del one["sha256"]
    held["parts.ndjson"] = json.dumps({**one, "erased": 12}).encode() + b"\n" + b"".join(rest)


@pytest.mark.parametrize(
    ("lie", "named"),
    [
        (_edit, "entry 7 is not the one its tile was made of"),
        (_delete, "log/tile/entries/000 is not a whole bundle"),
        (_insert, "entry 9 is not the one"),
        (_reorder, "entry 20 is not the one"),
        (_replace_detail, "the detail of entry"),
        (_replace_part, "is not the sealed part that the version names"),
        (_swap_parts, "is not the sealed part that the version names"),
        (_forge_with_tile, "tile 0 of level 0, from entry 0 on, does not give the hash above it"),
        (_beyond, "entry 1000000 is opened, but is not in the bundle"),
        (_beyond_in_the_tree, "lies beyond the size of the checkpoint"),
        (_edit_version, "does not bind these versions"),
        (_hide_part, "is neither stored nor erased"),
        (_false_erasure, "which erases nothing"),
    ],
)
def test_what_was_altered_is_named(case, whole, tmp_path, verdict, lie, named):
    """Also where the forger makes the sums fit, and whether or not a key is given."""
    held = contents(whole)
    before = dict(held)
    lie(held)
    assert before != held
    forged = rewritten(tmp_path / "forged.zip", held)
    for key in ((), ("--key", case.key)):
        said = verdict(forged, *key)
        assert said.startswith("ALTERED: ")
        assert named in said


def _signed_anew(case: Case, held: Contents, size: int) -> Contents:
    """What the holder of the signing key can make: another log of that size, all of it fitting."""
    origin = case.archive.engine.logbook.origin(0)
    entries = _entries(held)[:size]
    hashes = [leaf_hash(one) for one in entries]
    checkpoint = Checkpoint(origin, size, root_of(hashes))
    made = {"log/checkpoint": sign(checkpoint, case.archive.keys.signing_seed).encode(), "verify.py": b""}
    made[f"log/tile/entries/000.p/{size}"] = pack_entries(entries)
    made["README.txt"] = held["README.txt"]
    return made


def test_a_log_that_was_rolled_back_is_found_with_a_checkpoint_kept_elsewhere(case, whole, tmp_path, verdict):
    """Data and keys rolled back together, or a tail cut off and signed anew: it fits with itself."""
    kept = tmp_path / "kept"
    kept.write_text(case.kept, encoding="utf-8")
    size = int(case.kept.split("\n")[1])
    cut = rewritten(tmp_path / "cut.zip", _signed_anew(case, contents(whole), size - 1))
    assert "VERIFIED" in verdict(cut, "--key", case.key)
    said = verdict(cut, "--key", case.key, "--trusted", str(kept))
    assert said.startswith("ALTERED: the log was cut or rolled back")


def test_a_fork_is_found_with_a_checkpoint_kept_elsewhere(case, whole, tmp_path, verdict):
    """Another past of the same length, or a longer one."""
    kept = tmp_path / "kept"
    kept.write_text(case.kept, encoding="utf-8")
    size = int(case.kept.split("\n")[1])
    for length in (size, size + 20):
        held = contents(whole)
        _edit(held)
        forked = rewritten(tmp_path / f"fork{length}.zip", _signed_anew(case, held, length))
        assert "VERIFIED" in verdict(forked, "--key", case.key)
        said = verdict(forked, "--key", case.key, "--trusted", str(kept))
        assert said.startswith("ALTERED: the past was rewritten")


def test_damage_on_the_way_is_named(case, whole, tmp_path, verdict):
    """The sums tell which file did not arrive as it was sent."""
    import zipfile

    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in contents(whole).items():
            zipped.writestr(name, data + (b" " if name == "README.txt" else b""))
    assert "README.txt is not the file that SHA256SUMS lists" in verdict(path, "--key", case.key)


def test_times_are_those_of_the_log(case, tmp_path):
    """A scope by time says so in words that people read."""
    scope = Scope(since_us=1_767_225_600_000_000)
    assert {"since": rfc3339(1_767_225_600_000_000)} == scope.document()
