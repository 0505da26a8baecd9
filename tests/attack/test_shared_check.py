"""Several processes that verify one log find what one alone finds, and name the same entry."""

from __future__ import annotations

import concurrent.futures
import shutil
from concurrent.futures import Executor, Future
from pathlib import Path

import attrs
import pytest

from muniment.archive import check
from muniment.errors import IntegrityError
from muniment.keys import KeyFile
from muniment.stores.migrations import batch_id, detail_id
from muniment.stores.sqlite import reader_of
from muniment.testing import open_again
from muniment.verify import spans


class Here(Executor):
    """Runs at once and in this process what a pool would run elsewhere."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def submit(self, work, /, *given, **named):
        future: Future[object] = Future()
        try:
            future.set_result(work(*given, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_LEAST", 500)
    monkeypatch.setattr(spans, "_STRETCH", 200)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", Here)


@pytest.fixture(scope="module")
def read_often(grown: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sound archive after some hundred accesses and a few writes among them."""
    place = tmp_path_factory.mktemp("often")
    shutil.copytree(grown.parent, place / "all")
    folder = place / "all" / grown.name
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        for number in range(8):
            saved = session.create("person", {"name": "somebody"}, reason="asked")
            for _ in range(100):
                session.get(saved.id, fields=["name"])
            session.update(saved.id, {"name": f"else {number}"})
    return folder


@pytest.fixture
def folder(read_often: Path, tmp_path: Path) -> Path:
    shutil.copytree(read_often.parent, tmp_path / "all")
    return tmp_path / "all" / read_often.name


def found(folder: Path, workers: int) -> object:
    """The report, or the error as (code, index)."""
    root = KeyFile(folder.with_name("archive.key"))
    try:
        return attrs.evolve(check(folder, root=root, workers=workers), seconds=0.0, workers=0)
    except IntegrityError as error:
        return error.code, error.parameters.get("index")


def test_stretches_are_the_whole_log(folder):
    """Each begins where the one before ends, and the last is open."""
    with reader_of(folder / "archive.db") as reader:
        head = reader.head(0)
        made = spans.spans_of(reader, 0, 0, head.first_seq + head.n)
    assert len(made) > 2
    assert [0, *(span.stop for span in made[:-1])] == [span.start for span in made]
    assert made[-1].stop is None


def test_several_processes_find_a_sound_log_sound(folder):
    """Real ones, started anew."""
    assert 2 == check(folder, root=KeyFile(folder.with_name("archive.key")), workers=2).workers
    assert found(folder, 1) == found(folder, 2)


COLUMNS = [
    *(("log_batch", column) for column in ("root", "prev_root", "mac", "entries", "frontier")),
    ("log_detail", "details"),
]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
@pytest.mark.parametrize("where", ["early", "boundary", "late"])
@pytest.mark.usefixtures("here")
def test_an_altered_batch_is_named_alike(folder, guardless, table, column, where):
    """Wherever it lies, also where one stretch ends and the next begins."""
    with guardless(folder) as db:
        carrying = [
            row[0] for row in db.execute("SELECT first_seq FROM log_batch WHERE frontier IS NOT NULL")
        ]
        seq = {"early": 100, "boundary": carrying[1], "late": carrying[-1] + 30}[where]
        # The log's own retention may have disposed of the details of the oldest.
        seq, rule = db.execute(
            "SELECT first_seq, rule FROM log_detail WHERE first_seq >= ? ORDER BY id", (seq,)
        ).fetchone()
        key = batch_id(0, 0, seq) if table == "log_batch" else detail_id(0, 0, seq, rule)
        (right,) = db.execute(f"SELECT {column} FROM {table} WHERE id = ?", (key,)).fetchone()
        right = right or bytes(40)
        wrong = right[:-20] + bytes([right[-20] ^ 1]) + right[-19:]
        db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (wrong, key))
    alone = found(folder, 1)
    assert isinstance(alone, tuple)
    assert alone == found(folder, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log_batch WHERE id = (SELECT max(id) FROM log_batch WHERE first_seq < 300)",
        "DELETE FROM record_version WHERE seq > 400 AND version = 1",
        "UPDATE record_version SET seq = -1 WHERE version = 2 AND seq > 400",
        "UPDATE record_version SET seq = seq + 100000 WHERE version = 2 AND seq > 400",
        "UPDATE side_part SET seq = seq + 1 WHERE seq > 400",
        "UPDATE side_part SET seq = 100000 WHERE seq > 400",
        "UPDATE side_part SET gen = 3 WHERE seq > 400",
        "DELETE FROM side_part WHERE seq > 400",
        "INSERT INTO gap SELECT shard, record, grp, version, sealed, 0, 300 FROM part LIMIT 1",
        "INSERT INTO state SELECT shard, subject, 0, 1, 'erasing', 0, 100000 FROM subject LIMIT 1",
        "DELETE FROM log_batch WHERE first_seq > 600",
    ],
)
@pytest.mark.usefixtures("here")
def test_a_row_that_fits_no_entry_is_named_alike(folder, guardless, statement):
    """Rows of versions, reasons, gaps and states belong to one stretch, or to none and then to the whole."""
    with guardless(folder) as db:
        assert db.execute(statement).rowcount > 0
    alone = found(folder, 1)
    assert isinstance(alone, tuple)
    assert alone == found(folder, 2)


@pytest.mark.usefixtures("here")
def test_a_history_written_anew_in_one_stretch_does_not_fit_the_next(folder, guardless):
    """A stretch that is consistent in itself counts only behind the one before it."""
    with guardless(folder) as db:
        carrying = db.execute("SELECT * FROM log_batch WHERE frontier IS NOT NULL ORDER BY id").fetchall()
        # Another frontier for the second stretch to begin with, as if other entries had been before it.
        db.execute(
            "UPDATE log_batch SET frontier = ? WHERE id = ?",
            (carrying[0]["frontier"][:-32] + bytes(32), carrying[0]["id"]),
        )
    assert ("integrity.frontier", carrying[0]["first_seq"]) == found(folder, 2)
