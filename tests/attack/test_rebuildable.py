"""Tables that are computed: what is done to them is found by ``data check``, mended by ``data rebuild``."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from muniment.stores.migrations import REBUILDABLE, STEPS
from muniment.testing import open_again


def _columns():
    with closing(sqlite3.connect(":memory:")) as db:
        for step in STEPS:
            for statement in step:
                db.execute(statement)
        for table in REBUILDABLE:
            for _, name, kind, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
                yield table, name, kind


MOVED_TILES = {("log_tile", "shard"), ("log_tile", "gen")}


def _other(table, column, value):
    if column == "clear":
        return '{"9":"Tomsk"}' if value != '{"9":"Tomsk"}' else "{}"
    if isinstance(value, int):
        return value + 1_000
    if isinstance(value, str):
        return value + "x"
    return bytes([value[0] ^ 1]) + value[1:]


def _rows(folder):
    with closing(sqlite3.connect(folder / "archive.db")) as db:
        return {
            table: sorted(db.execute(f"SELECT * FROM {table}").fetchall())
            for table in REBUILDABLE
            if table not in ("log_index", "log_shape", "log_about", "log_tile")
        }


@pytest.fixture(scope="module")
def projected(grown, tmp_path_factory):
    """``grown`` with every table filled that is filled only when somebody asks."""
    import shutil

    folder = tmp_path_factory.mktemp("projected") / "archive"
    shutil.copytree(grown, folder)
    shutil.copy(grown.with_name("archive.key"), folder.with_name("archive.key"))
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        # What a real erasure takes out of these tables, the one of the test archive left there.
        session.rebuild_data()
        session.entries()
        session.prove(5)  # keeps the tiles it made
        assert list(session.check_data()) == []
    return folder


@pytest.fixture
def copy(projected, tmp_path):
    import shutil

    folder = tmp_path / "copy" / "archive"
    shutil.copytree(projected, folder)
    shutil.copy(projected.with_name("archive.key"), folder.with_name("archive.key"))
    return folder


@pytest.mark.parametrize(("table", "column", "kind"), list(_columns()))
def test_an_edited_cell_is_found_and_mended(copy, table, column, kind):
    """In any column: check names the table, rebuild makes it as it was, and the log stays sound."""
    before = _rows(copy)
    with closing(sqlite3.connect(copy / "archive.db", isolation_level=None)) as db:
        order = ", ".join(name for _, name, _, _, _, key in db.execute(f"PRAGMA table_info({table})") if key)
        # Not the last row: a projection that ends earlier is one that was not asked for lately.
        rows = db.execute(
            f"SELECT * FROM {table} ORDER BY {order} DESC LIMIT 1 OFFSET ?", (table != "log_tile",)
        )
        row = dict(zip([name for name, *_ in rows.description], rows.fetchone(), strict=True))
        where = " AND ".join(f"{name} IS ?" for name in row)
        changed = _other(table, column, row[column])
        done = db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (changed, *row.values()))
        assert done.rowcount == 1
    with open_again(copy) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        faults = {fault.table for fault in session.check_data()}
        # A tile that lies elsewhere counts as not stored, and is made when it is asked for.
        assert faults & {table, table.replace("log_about", "log_index")} or (table, column) in MOVED_TILES
        session.rebuild_data()
        assert list(session.check_data()) == []
        assert len(session.list("person", limit=1000).records) == 28
        assert "owner" == session.entries()[0].detail["actor"]["id"]
        archive.log.verify()
    assert before == _rows(copy)


@pytest.mark.parametrize("table", REBUILDABLE)
def test_an_emptied_table_is_mended(copy, table):
    """All of it can be made anew, also where nothing is left; an archive whose users are gone still opens."""
    before = _rows(copy)
    with closing(sqlite3.connect(copy / "archive.db", isolation_level=None)) as db:
        db.execute(f"DELETE FROM {table}")
    with open_again(copy) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        session.rebuild_data()
        assert list(session.check_data()) == []
    assert before == _rows(copy)


def test_a_forged_row_of_the_current_state_gives_no_value(copy):
    """What stands in clear chooses rows; what is shown is opened from sealed parts."""
    with closing(sqlite3.connect(copy / "archive.db", isolation_level=None)) as db:
        db.execute("""UPDATE current SET clear = replace(clear, 'Berlin', 'Tomsk')""")
    with open_again(copy) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        page = session.list("person", where={"city": "Tomsk"})
        assert [] == list(page.records)
        everybody = session.list("person", limit=1000).records
        assert "Tomsk" not in {record.fields.get("city") for record in everybody}


def test_a_forged_token_gives_no_record(copy):
    """A hit is opened and compared before it is shown."""
    with closing(sqlite3.connect(copy / "archive.db", isolation_level=None)) as db:
        records = [record for (record,) in db.execute("SELECT record FROM current WHERE type >= 256")]
        tokens = db.execute("SELECT DISTINCT shard, field, kind, token FROM token").fetchall()
        for row in tokens:
            for record in records:
                db.execute("INSERT OR IGNORE INTO token VALUES (?, ?, ?, ?, ?)", (*row, record))
    with open_again(copy) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        assert ["Person 1"] == [
            record.fields["name"] for record in session.list("person", where={"phone": "030 1234561"}).records
        ]
        found = session.search("person", "Person")
        assert {"Person"} == {record.fields["name"].split()[0] for record in found.records}
