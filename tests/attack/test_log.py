"""The log under attack with raw SQL, by somebody who has this program's code and not its keys."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest

from muniment.archive import check
from muniment.errors import IntegrityError, KeyStoreError
from muniment.keys import KeyFile
from muniment.log.binding import pack_live, side_version, unpack_live, version_hash
from muniment.log.detail import Opening, pack_details, unpack_details
from muniment.log.entry import commitment, entry_bytes, pack_entries, unpack_entries
from muniment.log.kinds import KINDS
from muniment.log.tree import EMPTY, Frontier, leaf_hash
from muniment.model import rfc3339
from muniment.session import Change
from muniment.stores.migrations import batch_id, detail_id
from muniment.stores.sqlite import SqliteStore
from muniment.testing import log_entries, new_archive, open_again
from muniment.verify.entries import EntryCheck


def batches(db):
    return db.execute("SELECT * FROM log_batch ORDER BY id").fetchall()


def refused(verify, folder, *, keys=True, **options):
    """The error that verification raises, as (code, index)."""
    with pytest.raises(IntegrityError) as caught:
        verify(folder, keys=keys, **options)
    return caught.value.code, caught.value.parameters.get("index")


def chain(db, *, upto=None):
    """The compact range over the stored entries, as whoever reads the file can compute it."""
    frontier = Frontier()
    for row in batches(db):
        if upto is None or row["first_seq"] < upto:
            frontier.extend([leaf_hash(entry) for entry in unpack_entries(row["entries"])])
    return frontier


def forge(db, kind, *, binding=None, detail=None, later_us=1):
    """Append a batch of one entry that is right in all but its mac; gives its index."""
    frontier = chain(db)
    size, before = frontier.size, frontier.root()
    time_us = batches(db)[-1]["created_us"] + later_us
    plain = detail or b'{"kind":"%s","outcome":"ok","time":"%s"}' % (kind.encode(), rfc3339(time_us).encode())
    r = bytes(32)
    entry = entry_bytes(
        kind=kind,
        time_us=time_us,
        commitment=commitment(r, plain),
        actor_tag=bytes(16),
        subject_tags=[],
        binding=binding,
    )
    frontier.extend([leaf_hash(entry)])
    kept = frontier.to_bytes() if (size + 1) % 256 == 0 else None
    db.execute(
        "INSERT INTO log_batch(id, n, prev_root, root, frontier, entries, mac, created_us) "
        "VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
        (batch_id(0, 0, size), before, frontier.root(), kept, pack_entries([entry]), bytes(32), time_us),
    )
    db.execute(
        "INSERT INTO log_detail(id, details) VALUES (?, ?)",
        (detail_id(0, 0, size, KINDS[kind].rule), pack_details([Opening(0, r, plain)])),
    )
    return size


def cut(db, size):
    """Remove everything that the entries from ``size`` on brought, with the checkpoints over them."""
    found = [row["first_seq"] for row in batches(db) if row["first_seq"] >= size]
    first = found[0]
    db.execute("DELETE FROM log_batch WHERE first_seq >= ?", (first,))
    db.execute("DELETE FROM log_detail WHERE first_seq >= ?", (first,))
    db.execute("DELETE FROM checkpoint WHERE size > ?", (first,))
    gone = db.execute("SELECT record, version FROM record_version WHERE seq >= ?", (first,)).fetchall()
    for record, version in gone:
        db.execute("DELETE FROM part WHERE record = ? AND version = ?", (record, version))
        db.execute("DELETE FROM file WHERE record = ? AND version = ?", (record, version))
    for table in ("record_version", "side_part", "state", "gap"):
        db.execute(f"DELETE FROM {table} WHERE seq >= ?", (first,))
    for record in {record for record, _ in gone}:
        # What was made after the cut leaves no key behind either.
        if not db.execute("SELECT 1 FROM record_version WHERE record = ?", (record,)).fetchone():
            db.execute("DELETE FROM facet WHERE record = ?", (record,))
            db.execute("DELETE FROM subject WHERE subject = ?", (record,))
    return first


# --- entries and batches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("place", [0, 5, 100, -2])
def test_a_deleted_batch_is_named(victim, guardless, verify, keys, place):
    """The hole is where it was."""
    folder = victim()
    with guardless(folder) as db:
        row = batches(db)[place]
        db.execute("DELETE FROM log_batch WHERE id = ?", (row["id"],))
        db.execute("DELETE FROM log_detail WHERE first_seq = ?", (row["first_seq"],))
    assert ("integrity.sequence", row["first_seq"]) == refused(verify, folder, keys=keys)


@pytest.mark.parametrize("keys", [True, False])
def test_an_entry_deleted_from_its_batch_is_named(victim, guardless, verify, keys):
    """Also where the batch says afterwards that it never held more."""
    folder = victim()
    with guardless(folder) as db:
        row = next(row for row in batches(db) if row["n"] > 2)
        entries = unpack_entries(row["entries"])
        db.execute(
            "UPDATE log_batch SET entries = ?, n = n - 1 WHERE id = ?",
            (pack_entries(entries[:-1]), row["id"]),
        )
    code, index = refused(verify, folder, keys=keys)
    assert code in ("integrity.root", "integrity.entry")
    assert row["first_seq"] <= index < row["first_seq"] + row["n"]


@pytest.mark.parametrize("keys", [True, False])
def test_two_swapped_batches_are_named(victim, guardless, verify, keys):
    """Two neighbours of one length change places with all that is theirs but their place."""
    folder = victim()
    with guardless(folder) as db:
        one, two = batches(db)[60:62]
        assert one["n"] == two["n"] == 1
        for row, other in ((one, two), (two, one)):
            db.execute(
                "UPDATE log_batch SET entries = ?, created_us = ? WHERE id = ?",
                (other["entries"], other["created_us"], row["id"]),
            )
    code, index = refused(verify, folder, keys=keys)
    assert code in ("integrity.root", "integrity.entry", "integrity.time")
    assert one["first_seq"] == index


@pytest.mark.parametrize("keys", [True, False])
def test_two_swapped_entries_of_a_batch_are_named(victim, guardless, verify, keys):
    """The order within one commit counts as well."""
    folder = victim()
    with guardless(folder) as db:
        row = next(row for row in batches(db) if row["n"] > 2)
        entries = unpack_entries(row["entries"])
        swapped = pack_entries([entries[0], entries[2], entries[1], *entries[3:]])
        db.execute("UPDATE log_batch SET entries = ? WHERE id = ?", (swapped, row["id"]))
    code, index = refused(verify, folder, keys=keys)
    assert ("integrity.entry", row["first_seq"] + 1) == (code, index)


@pytest.mark.parametrize("keys", [True, False])
def test_an_inserted_batch_is_named(victim, guardless, verify, keys):
    """A batch written at a place that another holds already, or between two."""
    folder = victim()
    with guardless(folder) as db:
        row = next(row for row in batches(db) if row["n"] > 2)
        db.execute(
            "INSERT INTO log_batch(id, n, prev_root, root, frontier, entries, mac, created_us) "
            "SELECT id + 1, n, prev_root, root, frontier, entries, mac, created_us "
            "FROM log_batch WHERE id = ?",
            (row["id"],),
        )
    assert ("integrity.sequence", row["first_seq"] + row["n"]) == refused(verify, folder, keys=keys)


def rewrite(db, index, **changed):
    """Replace an entry's kind and make every root, range and detail after it consistent again."""
    frontier = chain(db, upto=index)
    for row in batches(db):
        if row["first_seq"] < index:
            continue
        entries = unpack_entries(row["entries"])
        if row["first_seq"] == index:
            entries = [entries[0].replace(*changed["text"]), *entries[1:]]
        before = frontier.root()
        frontier.extend([leaf_hash(entry) for entry in entries])
        db.execute(
            "UPDATE log_batch SET entries = ?, prev_root = ?, root = ?, frontier = ? WHERE id = ?",
            (
                pack_entries(entries),
                before,
                frontier.root(),
                None if row["frontier"] is None else frontier.to_bytes(),
                row["id"],
            ),
        )


def test_a_history_written_anew_contradicts_what_was_signed(victim, guardless, verify):
    """With every root made consistent again: by the mac with keys, by the next checkpoint without."""
    folder = victim()
    with guardless(folder) as db:
        index = db.execute("SELECT seq FROM record_version WHERE version = 2 ORDER BY seq").fetchone()[0]
        rewrite(db, index, text=(b'"s":["', b'"s":["AAAAAAAAAAAAAAAAAAAAAA==","'))
        signed = db.execute("SELECT min(size) FROM checkpoint WHERE size > ?", (index,)).fetchone()[0]
    assert ("integrity.mac", index) == refused(verify, folder)
    assert ("integrity.fork", signed) == refused(verify, folder, keys=False)


@pytest.mark.parametrize("keys", [True, False])
def test_a_detail_of_another_entry_is_named(victim, guardless, verify, keys):
    """It opens its own entry and no other."""
    folder = victim()
    with guardless(folder) as db:
        rows = db.execute(
            "SELECT d.* FROM log_detail d JOIN log_batch b ON b.first_seq = d.first_seq WHERE b.n = 1 LIMIT 9"
        ).fetchall()
        db.execute("UPDATE log_detail SET details = ? WHERE id = ?", (rows[8]["details"], rows[4]["id"]))
    assert ("integrity.detail", rows[4]["first_seq"]) == refused(verify, folder, keys=keys)


@pytest.mark.parametrize("keys", [True, False])
def test_a_line_of_a_detail_cannot_be_exchanged(victim, guardless, verify, keys):
    """Which record was seen stands in a line; its hash stands in the detail."""
    folder = victim()
    with guardless(folder) as db:
        for row in db.execute("SELECT * FROM log_detail ORDER BY id").fetchall():
            opened = unpack_details(row["details"])
            if opened[0].lines:
                break
        salt, line = opened[0].lines[0]
        changed = (salt, line.replace(b'"version":1', b'"version":2')), *opened[0].lines[1:]
        changed = Opening(opened[0].place, opened[0].r, opened[0].detail, changed)
        db.execute(
            "UPDATE log_detail SET details = ? WHERE id = ?",
            (pack_details([changed, *opened[1:]]), row["id"]),
        )
    assert ("integrity.detail", row["first_seq"] + opened[0].place) == refused(verify, folder, keys=keys)


@pytest.mark.parametrize("keys", [True, False])
def test_a_missing_detail_is_named(victim, guardless, verify, keys):
    """Nothing says that it was disposed of."""
    folder = victim()
    with guardless(folder) as db:
        row = db.execute("SELECT * FROM log_detail ORDER BY id LIMIT 1 OFFSET 7").fetchone()
        db.execute("DELETE FROM log_detail WHERE id = ?", (row["id"],))
    code, index = refused(verify, folder, keys=keys)
    assert "integrity.detail_missing" == code
    assert index >= row["first_seq"]


@pytest.mark.parametrize("keys", [True, False])
def test_a_detail_of_no_entry_is_named(victim, guardless, verify, keys):
    """Beside an entry's own, between two batches, behind the last one."""
    for place in ("beside", "between", "behind"):
        folder = victim()
        with guardless(folder) as db:
            rows = batches(db)
            row = next(one for one in rows if one["n"] > 2)
            size = rows[-1]["first_seq"] + rows[-1]["n"]
            first = {"beside": row["first_seq"], "between": row["first_seq"] + 1, "behind": size + 5}[place]
            extra = pack_details([Opening(row["n"] if place == "beside" else 0, bytes(32), b"{}")])
            db.execute(
                "INSERT INTO log_detail(id, details) VALUES (?, ?)", (detail_id(0, 0, first, 9), extra)
            )
        code, index = refused(verify, folder, keys=keys)
        assert code in ("integrity.detail", "integrity.unlogged_detail")
        assert first == index


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("beyond", [True, False])
def test_a_reason_of_no_entry_is_named(victim, guardless, verify, keys, beyond):
    """A sealed text that names an entry which does not bind it, or which is none."""
    folder = victim()
    with guardless(folder) as db:
        side = db.execute("SELECT * FROM side_part ORDER BY seq LIMIT 1").fetchone()
        seq = 5_000 if beyond else side["seq"] + 1
        db.execute(
            "INSERT INTO side_part VALUES (0, ?, ?, 0, ?, ?)",
            (side["record"], side_version(0, seq), seq, side["sealed"]),
        )
    code, index = refused(verify, folder, keys=keys)
    assert code in ("integrity.reason", "integrity.binding")
    assert seq == index


def test_time_does_not_run_back(victim, guardless, verify):
    """An entry before the one above it in time is named, whoever wrote it."""
    folder = victim()
    with guardless(folder) as db:
        index = forge(db, "log.read", later_us=-10_000_000)
    assert ("integrity.time", index) == refused(verify, folder, keys=False)


# --- parts and versions -----------------------------------------------------------------------------------


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


# --- checkpoints and cuts ---------------------------------------------------------------------------------


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
    import sqlite3

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
