"""What somebody can do to the tables who has this program's code and not its keys."""

from __future__ import annotations

import pytest

from muniment.errors import IntegrityError
from muniment.log.detail import Opening, pack_details
from muniment.log.entry import commitment, entry_bytes, pack_entries, unpack_entries
from muniment.log.kinds import KINDS
from muniment.log.tree import Frontier, leaf_hash
from muniment.model import rfc3339
from muniment.stores.migrations import batch_id, detail_id


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
