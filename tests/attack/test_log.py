"""The log under attack with raw SQL: entries, batches and details."""

from __future__ import annotations

import pytest

from muniment.log.binding import side_version
from muniment.log.detail import Opening, pack_details, unpack_details
from muniment.log.entry import pack_entries, unpack_entries
from muniment.stores.migrations import detail_id

from .forging import batches, forge, refused, rewrite


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
