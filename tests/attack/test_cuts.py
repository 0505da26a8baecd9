"""What a cut, an emptied or an older log shows against what was signed or kept elsewhere."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from muniment.archive import check
from muniment.errors import IntegrityError, KeyStoreError
from muniment.keys import KeyFile
from muniment.log.tree import EMPTY
from muniment.session import Change
from muniment.testing import log_entries, new_archive, open_again
from muniment.verify.entries import EntryCheck

from .forging import cut, refused


def test_a_cut_tail_is_found_with_a_checkpoint_kept_elsewhere(victim, guardless, verify):
    """What the auditor took home is larger than what is left."""
    folder = victim()
    with guardless(folder) as db:
        kept = db.execute("SELECT note FROM checkpoint ORDER BY size DESC").fetchone()["note"]
        left = cut(db, 300)
    report = verify(folder, keys=False)
    assert left == report.size
    assert ("integrity.cut", left) == refused(verify, folder, keys=False, trusted=[kept])


def test_a_cut_tail_is_found_by_the_keys(victim, guardless, verify):
    """The key store remembers what it signed last; nothing is written on top of less."""
    folder = victim()
    with guardless(folder) as db:
        left = cut(db, 300)
    assert ("integrity.cut", left) == refused(verify, folder)
    with pytest.raises(IntegrityError) as caught:
        open_again(folder)
    assert "integrity.below_signed" == caught.value.code


def test_an_emptied_archive_is_no_new_one(victim, guardless, verify):
    """With every row gone the keys still know that there was a log."""
    folder = victim()
    with guardless(folder) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            db.execute(f"DELETE FROM {table}")
    assert ("integrity.cut", 0) == refused(verify, folder)
    with pytest.raises(IntegrityError) as caught:
        open_again(folder)
    assert "integrity.below_signed" == caught.value.code


def test_the_tail_behind_the_last_signature_can_be_cut(victim, guardless, verify):
    """What nobody signed nobody can miss: the report says from where on."""
    folder = victim()
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        signed = session.checkpoint().size
        session.list("person")
        session.list("person")
        archive.engine.logbook._unsigned = 0
    with guardless(folder) as db:
        left = cut(db, signed + 1)
    assert signed + 1 == left
    report = verify(folder)
    assert (signed, left) == (report.signed_size, report.size)


def test_a_fork_is_found_with_a_checkpoint_kept_elsewhere(victim, guardless, tmp_path, verify):
    """A copy that went on otherwise, signed with the very key, contradicts the kept checkpoint."""
    folder, copy = victim(), victim()
    kept = []
    for place, words in ((folder, "person"), (copy, "visit")):
        with (
            open_again(place) as archive,
            archive.session(actor="owner", purpose="ServiceProvision") as session,
        ):
            session.list(words)
            kept.append(session.checkpoint().note)
    assert verify(folder, trusted=[kept[0]]).trusted_size
    code, index = refused(verify, folder, keys=False, trusted=[kept[1]])
    assert "integrity.fork" == code
    assert verify(folder).size == index


def test_an_older_database_under_todays_keys_is_found(victim, verify):
    """A whole file put back from before is sound in itself, and shorter than what was signed."""
    folder, old = victim(), victim()
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        session.list("person")
        session.checkpoint()
    before = verify(old).size
    for path in folder.glob("archive.db*"):
        path.unlink()
    shutil.copy(old / "archive.db", folder / "archive.db")
    assert ("integrity.cut", before) == refused(verify, folder)


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("how", ["signature", "root", "size", "origin", "unsigned"])
def test_an_altered_checkpoint_is_named(victim, guardless, verify, keys, how):
    """Every part of it is signed, and the columns beside it must agree."""
    folder = victim()
    with guardless(folder) as db:
        row = db.execute("SELECT * FROM checkpoint ORDER BY size LIMIT 1").fetchone()
        origin, size, root, rest = row["note"].split("\n", 3)
        if how == "signature":
            note = row["note"][:-9] + ("A" if row["note"][-9] != "A" else "B") + row["note"][-8:]
        elif how == "unsigned":
            note = row["note"].split("\n\n")[0] + "\n\n"
        else:
            origin = origin + "x" if how == "origin" else origin
            size = "7" if how == "size" else size
            root = "A" * 43 + "=" if how == "root" else root
            note = "\n".join((origin, size, root, rest))
        db.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (note, row["size"]))
        if how == "size":
            db.execute("UPDATE checkpoint SET size = 7, root = ? WHERE size = ?", (EMPTY, row["size"]))
    code, index = refused(verify, folder, keys=keys)
    assert code in ("integrity.checkpoint", "log.note")
    assert index in (None, 7, row["size"])


def test_a_checkpoint_of_another_archive_is_refused(victim, tmp_path, verify):
    """It proves nothing about this log."""
    folder = victim()
    with (
        new_archive(tmp_path / "other", templates=[]) as archive,
        archive.session(actor="owner", purpose="ServiceProvision") as session,
    ):
        note = session.checkpoint().note
    assert "integrity.other_log" == refused(verify, folder, trusted=[note])[0]
    with new_archive(tmp_path / "third", templates=[]) as archive:
        key = archive.verifier_key.text
    assert "integrity.checkpoint" == refused(verify, folder, keys=False, key=key)[0]


def test_a_trigger_dropped_while_open_is_found(victim, verify):
    """Verification looks at the guards too, not only at the rows."""
    folder = victim()
    with open_again(folder) as archive:
        db = sqlite3.connect(folder / "archive.db")
        db.execute("DROP TRIGGER part_guard_delete")
        db.close()
        with pytest.raises(IntegrityError) as caught:
            archive.log.verify()
    assert ("integrity.schema", "part_guard_delete") == (caught.value.code, caught.value.parameters["names"])
    with pytest.raises(IntegrityError, match="part_guard_delete"):
        verify(folder, keys=False)
    with pytest.raises(IntegrityError, match="part_guard_delete"):
        open_again(folder)


def test_a_sound_log_is_verified_in_bulk(tmp_path, everything, verify, monkeypatch):
    """What is written every day needs nobody to look at batches one by one."""

    def never(*_: object) -> None:
        raise AssertionError("one by one")

    folder = tmp_path / "archive"
    with (
        new_archive(folder, templates=[everything]) as archive,
        archive.session(actor="owner", purpose="ServiceProvision") as session,
    ):
        some = [saved.id for saved in session.write([Change("create", "person", values={"name": "a"})] * 30)]
        for record in some:
            session.get(record)
    monkeypatch.setattr(EntryCheck, "_check_singly", never)
    assert verify(folder).entries > 33
    assert verify(folder, keys=False).entries > 33


def test_verification_needs_no_byte_changed(victim, verify):
    """It reads; neither the database nor the keys nor the log are written."""
    folder = victim()
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    verify(folder)
    verify(folder, keys=False)
    after = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    assert before == {path: data for path, data in after.items() if not path.name.endswith(("-wal", "-shm"))}


def test_a_wrong_key_file_is_an_error_and_no_verification_without_macs(victim, tmp_path):
    """Whoever gives a root wants the macs checked: a fallback would be a silent downgrade."""
    folder = victim()
    with new_archive(tmp_path / "other", templates=[]):
        pass
    with pytest.raises(KeyStoreError, match="key"):
        check(folder, root=KeyFile(tmp_path / "other.key"))


def test_every_entry_of_the_sound_archive_can_be_read(victim):
    """The test archive holds entries of every sort that the attacks above rely on."""
    with open_again(victim()) as archive:
        kinds = {entry.kind for entry in log_entries(archive)}
    assert {"record.create", "record.read", "access.deny", "erasure.done", "log.checkpoint"} <= kinds
