"""Parts and versions under attack with raw SQL, and what is not built upon them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest

from muniment.errors import IntegrityError
from muniment.log.binding import pack_live, unpack_live, version_hash
from muniment.log.entry import unpack_entries
from muniment.log.tree import Frontier, leaf_hash
from muniment.stores.migrations import batch_id
from muniment.stores.sqlite import SqliteStore
from muniment.testing import open_again

from .forging import forge, refused


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("what", ["record", "grp", "version"])
def test_a_part_that_was_moved_is_named(victim, guardless, verify, keys, what):
    """To another record, group or version: where it came from misses it."""
    folder = victim()
    with guardless(folder) as db:
        part = db.execute("SELECT * FROM part ORDER BY record DESC LIMIT 1 OFFSET 30").fetchone()
        seq = db.execute(
            "SELECT seq FROM record_version WHERE record = ? AND version = ?",
            (part["record"], part["version"]),
        ).fetchone()[0]
        other = db.execute("SELECT max(record) FROM part WHERE record <> ?", (part["record"],)).fetchone()[0]
        value = {"record": other, "grp": part["grp"] + 1, "version": part["version"] + 50}[what]
        db.execute(
            f"UPDATE part SET {what} = ? WHERE record = ? AND grp = ? AND version = ?",
            (value, part["record"], part["grp"], part["version"]),
        )
    assert ("integrity.part_gone", seq) == refused(verify, folder, keys=keys)


@pytest.mark.parametrize("keys", [True, False])
def test_a_record_is_not_made_a_subject(victim, guardless, verify, keys):
    """A visit belongs to its person: a row that gives it a secret of its own is named."""
    folder = victim()
    with guardless(folder) as db:
        record, seq = db.execute(
            "SELECT record, seq FROM record_version WHERE subject <> record AND type > 255"
        ).fetchone()
        db.execute("INSERT INTO subject VALUES (0, ?, 70000)", (record,))
    assert ("integrity.subject", seq) == refused(verify, folder, keys=keys)


def some_part(db, offset=20):
    part = db.execute("SELECT * FROM part ORDER BY record LIMIT 1 OFFSET ?", (offset,)).fetchone()
    where = "record = ? AND grp = ? AND version = ?"
    return part, where, (part["record"], part["grp"], part["version"])


@pytest.mark.parametrize("keys", [True, False])
def test_a_deleted_part_is_named(victim, guardless, verify, keys):
    """No entry covers it."""
    folder = victim()
    with guardless(folder) as db:
        part, where, place = some_part(db)
        db.execute(f"DELETE FROM part WHERE {where}", place)
        seq = db.execute(
            "SELECT seq FROM record_version WHERE record = ? AND version = ?",
            (part["record"], part["version"]),
        ).fetchone()[0]
    assert ("integrity.part_gone", seq) == refused(verify, folder, keys=keys)


@pytest.mark.parametrize("keys", [True, False])
def test_a_part_deleted_under_an_entry_that_covers_others_is_named(victim, guardless, verify, keys):
    """A gap hung onto an erasure that really took place changes what that entry must bind."""
    folder = victim()
    with guardless(folder) as db:
        part, where, place = some_part(db)
        done = db.execute("SELECT seq FROM gap").fetchone()[0]
        db.execute(
            "INSERT INTO gap VALUES (0, ?, ?, ?, ?, 0, ?)", (*place, sha256(part["sealed"]).digest(), done)
        )
        db.execute(f"DELETE FROM part WHERE {where}", place)
    assert ("integrity.gap", done) == refused(verify, folder, keys=keys)


def forged_erasure(db, offset=20):
    """A part removed under entries, states and a gap that all agree; gives the first forged index."""
    part, where, place = some_part(db, offset)
    category = part["grp"] >> 3
    found = db.execute("SELECT * FROM part WHERE record = ?", (part["record"],)).fetchall()
    found = [row for row in found if row["grp"] >> 3 == category]
    found.sort(key=lambda row: (row["version"], row["grp"]))
    hashes = [sha256(row["sealed"]).digest() for row in found]
    bound = sha256(b"".join(hashes)).digest()
    begin = forge(db, "erasure.begin", binding=bound)
    done = forge(db, "erasure.done", binding=bound)
    for n, (state, seq) in enumerate((("erasing", begin), ("erased", done)), 1):
        db.execute(
            "INSERT INTO state VALUES (0, ?, ?, ?, ?, 0, ?)", (part["record"], category, n, state, seq)
        )
    for row, hashed in zip(found, hashes, strict=True):
        place = (row["record"], row["grp"], row["version"])
        db.execute("INSERT INTO gap VALUES (0, ?, ?, ?, ?, 0, ?)", (*place, hashed, done))
        db.execute(f"DELETE FROM part WHERE {where}", place)
    return begin


def test_a_forged_erasure_is_found_by_its_mac(victim, guardless, verify):
    """With keys it is named; without, the report says that nothing signed covers it."""
    folder = victim()
    with guardless(folder) as db:
        begin = forged_erasure(db)
    assert ("integrity.mac", begin) == refused(verify, folder)
    report = verify(folder, keys=False)
    assert report.signed_size <= begin < report.size
    assert not report.with_keys


def test_nothing_is_built_upon_or_signed_over_a_forged_batch(victim, guardless, verify):
    """Neither a write, nor a read, nor a checkpoint, nor closing launders it."""
    folder = victim()
    with guardless(folder) as db:
        begin = forged_erasure(db)
        signed = db.execute("SELECT max(size) FROM checkpoint").fetchone()[0]
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        for act in (
            lambda: session.list("person"),
            lambda: session.create("person", {"name": "new"}),
            session.checkpoint,
            lambda: archive.engine.logbook.sign(archive.store),
        ):
            with pytest.raises(IntegrityError) as caught:
                act()
            assert "log.mac" == caught.value.code
            assert caught.value.parameters["first_seq"] in (begin, begin + 1)
    report = verify(folder, keys=False)
    assert (signed, begin + 2) == (report.signed_size, report.size)


def test_a_batch_forged_while_the_archive_is_open_is_not_built_upon(victim, guardless):
    """A process that knows the head it wrote itself looks at it again."""
    folder = victim()
    with open_again(folder) as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            session.list("person")
            store = SqliteStore(folder / "archive.db")
            with store.transaction() as tx:
                head = tx.head(0)
                last = list(tx.batches(0, 0, start=head.first_seq))[-1]
                frontier = Frontier()
                for row in tx.batches(0, 0):
                    frontier.extend([leaf_hash(entry) for entry in unpack_entries(row.entries)])
                size = frontier.size
                entry = unpack_entries(last.entries)[0]
                frontier.extend([leaf_hash(entry)])
                tx.append_batch(
                    last._replace(
                        first_seq=size, n=1, prev_root=last.root, root=frontier.root(), frontier=None
                    ),
                    [],
                )
            store.close()
            with pytest.raises(IntegrityError) as caught:
                session.list("person")
            assert ("log.mac", size) == (caught.value.code, caught.value.parameters["first_seq"])
        archive.engine.logbook._unsigned = 0  # closing would refuse to sign as well


@pytest.mark.parametrize("column", ["entries", "root", "prev_root", "mac"])
def test_a_batch_altered_since_this_process_wrote_it_is_not_signed_over(victim, column):
    """What a process remembers of its own batches is compared with their rows, and the bad one is named."""
    folder = victim()
    with open_again(folder) as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            first = archive.store.head(0)
            for _ in range(3):
                session.list("person")
            index = first.first_seq + first.n + 1
            with closing(sqlite3.connect(folder / "archive.db")) as db:
                guard = "SELECT sql FROM sqlite_master WHERE name = 'log_batch_guard_update'"
                (trigger,) = db.execute(guard).fetchone()
                db.execute("DROP TRIGGER log_batch_guard_update")
                (right,) = db.execute(
                    f"SELECT {column} FROM log_batch WHERE id = ?", (batch_id(0, 0, index),)
                ).fetchone()
                wrong = right[:-40] + bytes([right[-40] ^ 1]) + right[-39:] if len(right) > 40 else bytes(32)
                db.execute(f"UPDATE log_batch SET {column} = ? WHERE id = ?", (wrong, batch_id(0, 0, index)))
                db.execute(trigger)
                db.commit()
            with pytest.raises(IntegrityError) as caught:
                archive.engine.logbook.sign(archive.store)
            named = caught.value.parameters
            assert index == named.get("index", named.get("first_seq"))
        archive.engine.logbook._unsigned = 0  # closing would refuse to sign as well


@pytest.mark.parametrize("gen", [0, "beyond", 1, 7, 2**31])
@pytest.mark.parametrize("keys", [True, False])
def test_a_forged_version_is_named(victim, guardless, verify, keys, gen):
    """A version that chains and hashes well, built of old parts, is bound by no entry of any generation."""
    folder = victim()
    with guardless(folder) as db:
        rows = db.execute("SELECT * FROM record_version ORDER BY record, version").fetchall()
        last = [
            row
            for row in rows
            if row["version"] == max(r["version"] for r in rows if r["record"] == row["record"])
        ]
        row = max(last, key=lambda row: row["version"])
        first = next(one for one in rows if one["record"] == row["record"] and one["version"] == 1)
        archive_id = db.execute("SELECT subject FROM subject WHERE slot = 4").fetchone()[0]
        live, _ = unpack_live(row["parts"])
        old, _ = unpack_live(first["parts"])
        parts = pack_live({**live, **{group: old[group] for group in old if group in live}})
        made = version_hash(
            archive_id, row["record"], row["version"] + 1, row["type"], row["definition"], row["subject"], 6,
            row["recorded_us"], row["effective_us"], row["hash"], parts,
        )  # fmt: skip
        seq = {0: row["seq"], "beyond": 5_000}.get(gen, 0)
        gen = 0 if gen == "beyond" else gen
        db.execute(
            "INSERT INTO record_version VALUES (0, ?, ?, ?, ?, ?, ?, ?, 6, ?, ?, ?, ?, ?)",
            (row["record"], row["version"] + 1, row["subject"], gen, seq, row["type"], row["definition"],
             row["hash"], made, parts, row["recorded_us"], row["effective_us"]),
        )  # fmt: skip
        for group, hashed in old.items():
            if live.get(group) != hashed:
                db.execute(
                    "INSERT INTO part SELECT shard, record, grp, ?, sealed FROM part "
                    "WHERE record = ? AND grp = ? AND version = 1",
                    (row["version"] + 1, row["record"], group),
                )
    code, index = refused(verify, folder, keys=keys)
    assert code in ("integrity.binding", "integrity.stray_row", "integrity.unlogged_version")
    assert seq == index
