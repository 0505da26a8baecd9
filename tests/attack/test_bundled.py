"""Twelve attacks on an archive's files, each met three times: by verification, by the bundle, by verify.py.

A bundle that is made of an archive that was altered is either refused while it is
made, or called altered by the program in it; under no key is it verified.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.errors import IntegrityError, MunimentError
from muniment.log.detail import Opening, pack_details
from muniment.log.entry import pack_entries, unpack_entries
from muniment.session.oversight.evidence import Scope
from muniment.stores.migrations import detail_id
from muniment.testing import open_again

from .forging import batches, cut, rewrite

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


def edit(db):
    row = batches(db)[70]
    entries = [one.replace(b'"k":"', b'"k":"a', 1) for one in unpack_entries(row["entries"])]
    db.execute("UPDATE log_batch SET entries = ? WHERE id = ?", (pack_entries(entries), row["id"]))


def delete(db):
    row = batches(db)[70]
    db.execute("DELETE FROM log_batch WHERE id = ?", (row["id"],))
    db.execute("DELETE FROM log_detail WHERE first_seq = ?", (row["first_seq"],))


def insert(db):
    row = next(row for row in batches(db) if row["n"] > 2)
    db.execute(
        "INSERT INTO log_batch(id, n, prev_root, root, frontier, entries, mac, created_us) "
        "SELECT id + 1, n, prev_root, root, frontier, entries, mac, created_us FROM log_batch WHERE id = ?",
        (row["id"],),
    )


def reorder(db):
    one, two = batches(db)[60:62]
    for row, other in ((one, two), (two, one)):
        db.execute("UPDATE log_batch SET entries = ? WHERE id = ?", (other["entries"], row["id"]))


def replace_detail(db):
    rows = db.execute("SELECT * FROM log_detail ORDER BY id LIMIT 9").fetchall()
    db.execute("UPDATE log_detail SET details = ? WHERE id = ?", (rows[8]["details"], rows[5]["id"]))


def _parts(db):
    return db.execute(
        "SELECT record, grp, version, sealed FROM part ORDER BY record LIMIT 2 OFFSET 20"
    ).fetchall()


def _put(db, row, sealed):
    where = "record = ? AND grp = ? AND version = ?"
    db.execute(f"UPDATE part SET sealed = ? WHERE {where}", (sealed, *row[:3]))


def replace_part(db):
    row = _parts(db)[0]
    _put(db, row, row["sealed"][:-1] + bytes([row["sealed"][-1] ^ 1]))


def swap_parts(db):
    one, two = _parts(db)
    _put(db, one, two["sealed"])
    _put(db, two, one["sealed"])


def forge_with_tiles(db):
    """Every root made to fit again, and nothing kept of the tiles that told otherwise."""
    index = db.execute("SELECT seq FROM record_version WHERE version = 2 ORDER BY seq").fetchone()[0]
    rewrite(db, index, text=(b'"s":["', b'"s":["AAAAAAAAAAAAAAAAAAAAAA==","'))
    db.execute("DELETE FROM log_tile")


def beyond_the_size(db):
    extra = pack_details([Opening(0, bytes(32), b"{}")])
    db.execute("INSERT INTO log_detail(id, details) VALUES (?, ?)", (detail_id(0, 0, 100_000, 9), extra))


def cut_tail(db):
    cut(db, 300)


ATTACKS: dict[str, Callable[..., None]] = {
    one.__name__: one
    for one in (
        edit, delete, insert, reorder, replace_detail, replace_part, swap_parts, forge_with_tiles,
        beyond_the_size, cut_tail,
    )
}  # fmt: skip


def bundled(folder: Path, path: Path, *words: str) -> str:
    """What becomes of a bundle of an archive: why it was not made, or what the program in it says."""
    try:
        with open_again(folder) as archive, archive.session(**OWNER) as session:
            session.bundle(path, Scope(), whole=True)
            key = archive.engine.logbook.verifier_key().text
    except MunimentError as error:
        return f"REFUSED: {error.code}"
    unpacked = path.with_suffix("")
    shutil.unpack_archive(path, unpacked, "zip")
    program = [sys.executable, "-I", "-S", str(unpacked / "verify.py"), "--key", key, *words]
    done = subprocess.run(program, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_altered_is_found_and_no_bundle_of_it_is_verified(victim, guardless, verify, tmp_path, name):
    """With keys and, where the signed log tells, without; and by whoever was handed a bundle."""
    folder, handed = victim(), victim()
    for one in (folder, handed):
        with guardless(one) as db:
            ATTACKS[name](db)
    with pytest.raises(IntegrityError):
        verify(folder)
    said = bundled(handed, tmp_path / "made.zip")
    if name == "beyond_the_size":
        # Such a row is no part of the log, and nothing of it is handed over.
        assert "100000" not in said
    else:
        assert "VERIFIED" not in said
        assert said.startswith("REFUSED: ") or "ALTERED: " in said


@pytest.mark.slow
def test_an_archive_that_was_not_touched_is_verified(victim, verify, tmp_path):
    """Else the tests above would say nothing."""
    folder = victim()
    verify(folder)
    assert "VERIFIED under the key that you gave" in bundled(folder, tmp_path / "made.zip")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["rolled back", "forked"])
def test_data_and_keys_put_back_together_are_found_with_a_checkpoint_kept_elsewhere(
    victim, verify, tmp_path, how
):
    """By nothing else, and both say so: nothing outside vouches for what they show."""
    folder, old = victim(), victim()
    with open_again(folder) as archive, archive.session(**OWNER) as session:
        session.list("person")
        kept = session.checkpoint().note
    if how == "forked":
        with open_again(old) as archive, archive.session(**OWNER) as session:
            for _ in range(5):
                session.list("visit")
            session.checkpoint()
    path = tmp_path / "kept.txt"
    path.write_text(kept, encoding="utf-8")
    assert 0 == verify(old).trusted_size
    with pytest.raises(IntegrityError) as caught:
        verify(old, trusted=[kept])
    assert ("integrity.cut" if how == "rolled back" else "integrity.fork") == caught.value.code
    fresh = tmp_path / "again"
    shutil.copytree(old.parent, fresh)
    assert "Nothing outside vouches" in bundled(old, tmp_path / "one.zip")
    said = bundled(fresh / "archive", tmp_path / "two.zip", "--trusted", str(path))
    assert said.startswith("ALTERED: ")
    assert ("was cut or rolled back" if how == "rolled back" else "the past was rewritten") in said
