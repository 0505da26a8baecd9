from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.errors import AccessDenied
from muniment.log.binding import unpack_live
from muniment.model import FileRef, Uuid7, id_bytes, id_text
from muniment.schema import category_of_group
from muniment.schema.template import Template, parse_template
from muniment.seal import seal_file
from muniment.session import Change
from muniment.session.logbook import Draft
from muniment.session.writes import write
from muniment.store import Gap, State
from muniment.testing import TickingClock, new_archive

SHARD = 0
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
        attach(archive, bert.id, b"what was agreed" * 2_000)
        session.get(anna.id)
        session.history(anna.id)
        session.list("person", where={"city": "Berlin"})
        session.search("person", "person")
        session.checkpoint()
        for _ in range(260):
            session.note("log.read")
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


def attach(archive: Archive, record: str, content: bytes) -> FileRef:
    """Attach a file to a record's ``contract``: sealed and in place before the version that names it."""
    engine = archive.engine
    record_type = engine.definitions.types["person"]
    field = record_type.by_key["contract"]
    row = engine.store.subject(SHARD, id_bytes(record))
    assert row is not None
    category = category_of_group(field.seal_group)
    slots = {facet.category: facet.slot for facet in engine.store.facets_of(SHARD, id_bytes(record))}
    slot = slots.get(category) or engine.sealer.slots(1)[0]
    file = Uuid7(archive.engine.clock)()
    name = id_text(file)
    path = archive.folder / "files" / name[-2:] / name
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as target:
        sealed = seal_file(
            BytesIO(content),
            target,
            data_key=engine.sealer.data_key(row.slot, slot, id_bytes(record), category),
            archive=engine.archive,
            type_number=record_type.number,
            subject=id_bytes(record),
            record=id_bytes(record),
            field=field.number,
            file=file,
            facet_slot=slot,
            subject_slot=row.slot,
        )
    ref = FileRef(name, "contract.txt", "text/plain", len(content))
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        write(
            engine,
            session.acting,
            [Change("update", record=id_bytes(record), values={"contract": ref})],
            files={name: sealed.hash},
            facets={(id_bytes(record), category): slot},
        )
    return ref


def erase(archive: Archive, record: str, *, finish: bool) -> None:
    """What an erasure of one record's ``profile`` leaves in the store: states, entries, gaps.

    The order and the rows are those of ``formats/durable-steps.md``; whoever erases for real also
    destroys the secrets, which no verification needs.
    """
    engine, target = archive.engine, id_bytes(record)
    versions = engine.store.versions_of(SHARD, target)
    category = category_of_group(next(iter(unpack_live(versions[0].parts)[0])))
    parts = [part for part in engine.store.parts_by_record(SHARD) if part.record == target]
    parts = [part for part in parts if category_of_group(part.grp) == category]
    parts.sort(key=lambda part: (part.record, part.version, part.grp))
    hashes = [sha256(part.sealed).digest() for part in parts]
    bound = sha256(b"".join(hashes)).digest()
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        acting = session.acting

    def entry(kind: str) -> Draft:
        return Draft(kind, engine.detail(acting, engine.new_id(), target={"record": record}), binding=bound)

    def begin(tx, moment):
        tx.add_states([State(SHARD, target, category, 1, "erasing", moment.gen, moment.size)])
        engine.logbook.append(tx, moment, [entry("erasure.begin")], actor="owner")

    def done(tx, moment):
        kind = "erasure.done"
        tx.add_states([State(SHARD, target, category, 2, "erased", moment.gen, moment.size)])
        tx.dispose_parts(
            [
                Gap(SHARD, part.record, part.grp, part.version, hashed, moment.gen, moment.size)
                for part, hashed in zip(parts, hashes, strict=True)
            ]
        )
        engine.logbook.append(tx, moment, [entry(kind)], actor="owner")

    engine.run(begin)
    if finish:
        engine.run(done)
