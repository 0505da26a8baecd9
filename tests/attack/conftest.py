from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from muniment.archive import Archive, check
from muniment.errors import AccessDenied
from muniment.keys import KeyFile
from muniment.log.binding import unpack_live
from muniment.model import id_bytes
from muniment.schema import category_of_group
from muniment.schema.template import Template, parse_template
from muniment.session import Change
from muniment.testing import TickingClock, new_archive
from muniment.verify import Report

SHARD = 0

Guardless = Callable[[Path], AbstractContextManager[sqlite3.Connection]]
EVERYTHING = Path(__file__).parent.parent / "everything.toml"


@pytest.fixture(scope="session")
def everything() -> Template:
    """Every kind of field, in every class that matters."""
    return parse_template(EVERYTHING.read_text(encoding="utf-8"), where=EVERYTHING.name)


@pytest.fixture
def archive_options(everything: Template) -> dict[str, object]:
    return {"templates": [everything]}


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory, everything: Template) -> Path:
    """An archive with a row of every sort in every table; closed, never to be changed."""
    folder = tmp_path_factory.mktemp("grown") / "archive"
    with new_archive(folder, templates=[everything], clock=TickingClock()) as archive:
        _grow(archive)
    return folder


@pytest.fixture
def victim(grown: Path, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Gives the folder of a fresh copy of ``grown`` each time it is called."""
    made = []

    def copy() -> Path:
        folder = tmp_path / f"copy{len(made)}" / "archive"
        shutil.copytree(grown, folder)
        shutil.copy(grown.with_name("archive.key"), folder.with_name("archive.key"))
        made.append(folder)
        return folder

    yield copy
    for folder in made:
        shutil.rmtree(folder.parent)


@pytest.fixture(scope="session")
def guardless() -> Guardless:
    """Opens a connection with every guard down; they are up again afterwards, as if nothing had been."""
    return _guardless


@contextmanager
def _guardless(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "archive.db", isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = DELETE")
        db.row_factory = sqlite3.Row
        db.execute("BEGIN")
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        yield db
        for _, sql in triggers:
            db.execute(sql)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")


@pytest.fixture(scope="session")
def verify() -> Callable[..., Report]:
    """Verifies a folder as anybody can, or with the keys that lie beside it."""

    def run(folder: Path, *, keys: bool = True, **options: object) -> Report:
        root = KeyFile(folder.with_name("archive.key")) if keys else None
        return check(folder, root=root, **options)

    return run


def _grow(archive: Archive) -> None:
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        people = []
        for number in range(6):
            values = {
                "number": f"P-{number}",
                "city": ("Berlin", "Köln", "北京")[number % 3],
                "name": f"Person {number}",
                "phone": f"030 123456{number}",
                "secret": f"secret {number}",
            }
            people.append(session.create("person", values, reason="walk-in" if number % 2 else None))
        many = [{"name": f"Many {number}", "born": "1990-01-01"} for number in range(23)]
        session.write([Change("create", "person", values=values) for values in many], reason="a list")
        anna, bert, carl = people[:3]
        session.update(anna.id, {"phone": "030 9999999"}, expected_version=1, reason="moved")
        session.update(anna.id, {"city": "Bonn", "notes": "calls in the morning"})
        session.correct(anna.id, {"name": "Anna"}, effective="2025-01-01")
        for number in range(3):
            session.create("visit", {"person": bert.id, "subject": f"visit {number}", "finding": "none"})
        session.create("product", {"sku": "A-1", "supplier": "Firma"}, reason="new")
        session.update(session.create("product", {"sku": "A-2"}).id, {"price": "12.50 EUR"})
        session.delete(carl.id, reason="double")
        session.undelete(carl.id, reason="was not")
        session.delete(people[4].id, reason="gone")
        contract = archive.folder.with_name("contract.txt")
        contract.write_bytes(b"what was agreed" * 2_000)
        session.attach(bert.id, "contract", contract)
        session.get(anna.id)
        session.history(anna.id)
        session.list("person", where={"city": "Berlin"})
        session.search("person", "person")
        session.drafts.save({"name": "Not there yet"}, type="person")
        session.drafts.discard(session.drafts.save({"city": "Ulm"}, record=bert.id).id)
        session.checkpoint()
        for _ in range(260):
            session.note("log.read")
        session.dispose_log("accesses", before="2026-01-01T00:00:00.300000Z")
        erase(archive, people[3].id, finish=True)
        erase(archive, people[5].id, finish=False)
        session.checkpoint()
        for number in range(12):
            session.update(anna.id, {"score": number})
    with (
        pytest.raises(AccessDenied),
        archive.session(actor="nobody", purpose="ServiceProvision") as session,
    ):
        session.list("person")


class _Cut(Exception):
    """Stands for a crash."""


def erase(archive: Archive, record: str, *, finish: bool) -> None:
    """Erase one record's ``profile``, or only begin to."""
    engine, target = archive.engine, id_bytes(record)
    versions = engine.store.versions_of(SHARD, target)
    category = category_of_group(next(iter(unpack_live(versions[0].parts)[0])))
    name = engine.definitions.registry.category_names[category]

    def cut(step: str) -> None:
        if step == "begun" and not finish:
            raise _Cut

    engine.step = cut
    with (
        contextlib.suppress(_Cut),
        archive.session(actor="owner", purpose="ServiceProvision") as session,
    ):
        session.erasures.record(record, category=name, reason="asked for")
    engine.step = lambda step: None
