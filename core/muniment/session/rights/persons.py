"""What a person is told: their data with its sources, purposes and recipients, and who looked at it.

A report goes through the rights of whoever makes it, like any other reading. The list
of accesses is found by the person's own tag over the public entries, so that they can
find it anew from the exported log, with the tag key and a program of their choice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from muniment import audit
from muniment.audit import Found
from muniment.errors import LogError, StoreError
from muniment.files import write_atomically
from muniment.log.binding import OPERATIONS
from muniment.log.entry import tag, unpack_entries
from muniment.log.tiles import export_tree
from muniment.log.tree import Frontier, leaf_hash
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema import is_built_in
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.standing import Standing
from muniment.session.reading.reads import (
    Loaded,
    Plan,
    definition_of,
    disclosure,
    load,
    may_read,
    plan_of,
    release,
)
from muniment.session.rights.consented import consents_of, subject_of
from muniment.session.rights.facets import rules_of_type
from muniment.session.rights.holds import linked
from muniment.session.rights.restrictions import restrictions_on
from muniment.store import Checkpoint, LogFilter, Reader, Transaction
from muniment.subjects.rules import Rights

if TYPE_CHECKING:
    from muniment.session.ground import Ground
    from muniment.session.kernel.views import Record

__all__ = ["Persons", "Report", "one_person"]

_DELETE = OPERATIONS["delete"]
_PAGE = 1_000


@attrs.frozen
class Report:
    """What is known about one person, and what was done with it.

    Attributes:
        subject: UUID text.
        merged: UUID texts of whoever was merged with them: their records, consents and accesses are here too.
        made_us: when the report was made.
        records: the data, as far as whoever makes the report may read it.
        sources: for each record how and when it came: ``record``, ``time``, ``kind``, ``program``.
        purposes: how often it was touched for each.
        disclosures: to whom it was handed out: ``time``, ``recipient``, ``purpose``, ``type``.
        retention: for each type the rules that say how long it is kept.
        consents: what the person consented to, and its state.
        restrictions: what of it may only be stored, or used for little, and on what ground.
        accesses: what was done and when; who did it only where the configuration says so.
    """

    subject: str
    merged: tuple[str, ...]
    made_us: int
    records: tuple[Record, ...]
    sources: tuple[Mapping[str, Any], ...]
    purposes: Mapping[str, int]
    disclosures: tuple[Mapping[str, Any], ...]
    retention: Mapping[str, tuple[Mapping[str, Any], ...]]
    consents: tuple[Mapping[str, Any], ...]
    restrictions: tuple[Mapping[str, Any], ...]
    accesses: tuple[Mapping[str, Any], ...]


class Persons:
    """Reports to persons, as acts of somebody; reached as ``session.persons``."""

    def __init__(self, session: Ground) -> None:
        self._engine = session.engine
        self._acting = session.acting

    def report(self, record: str) -> Report:
        """Everything that is known about the person whom a record is about.

        Args:
            record: UUID text of any record about them.

        Raises:
            NotFound: no such record for this actor; logged.
            AccessDenied: ``access.action``; logged.
        """
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> tuple[Any, ...]:
            engine.policy.require(acting.actor, "subject.report")
            subject = subject_of(engine, acting, tx, id_bytes(record))
            subjects = one_person(engine, tx, subject)
            loaded = self._loaded(tx, subjects)
            op = engine.new_id()
            drafts: list[Draft] = []
            for _, group in groupby(loaded, key=lambda pair: pair[1].type.number):
                some = list(group)
                versions = [one.version for one, _ in some]
                drafts += disclosure(engine, tx, acting, "subject.report", some[0][1], versions, op=op)
            engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
            about = self._about(tx, subjects, moment)
            sources = [self._source(tx, one.version.record) for one, _ in loaded]
            consents = consents_of(engine, tx, set(subjects))
            limits = [one.document() for one in restrictions_on(engine, tx, subjects)]
            return list(map(id_text, subjects)), moment.time_us, loaded, sources, about, consents, limits

        with engine.guarded(acting, "subject.report", record=record):
            subjects, made_us, loaded, sources, about, consents, limits = engine.run(body, acting)
        records = tuple(release(engine, one, plan) for one, plan in loaded)
        return Report(
            subjects[0],
            tuple(subjects[1:]),
            made_us,
            records,
            tuple(sources),
            _counted(about),
            tuple(_disclosed(about)),
            self._retention({one.type for one in records}),
            tuple(
                {
                    "purpose": one.purpose,
                    "state": one.state_at(made_us),
                    "given": _text(one.values.get("given_at")),
                    "until": _text(one.values.get("valid_until")),
                }
                for one in consents
            ),
            tuple(limits),
            tuple(self._shown(gen, one) for gen, one in about),
        )

    def _loaded(self, tx: Transaction, subjects: Sequence[bytes]) -> list[tuple[Loaded, Plan]]:
        """Every record about the person that this actor may read, by type; what was deleted is left out."""
        engine = self._engine
        found = []
        records = sorted({row.record for one in subjects for row in tx.records_of_subject(SHARD, one)})
        newest = tx.newest_versions(SHARD, records)
        for version in sorted(newest.values(), key=lambda one: (one.type, one.record)):
            if is_built_in(version.type) or version.operation == _DELETE:
                continue
            record_type = definition_of(engine, tx, version)
            reached = reached_by(engine, tx, self._acting, record_type, version)
            if not may_read(engine, self._acting, "record.read", record_type, reached=reached):
                continue
            plan = plan_of(engine, self._acting, record_type, None, standing=Standing(reached))
            found.append((load(engine, tx, version, record_type, plan.groups), plan))
        return found

    def _source(self, tx: Transaction, record: bytes) -> dict[str, Any]:
        """How a record came into the archive: what its first entry says."""
        first = tx.version(SHARD, record, 1)
        assert first is not None  # its newest version was read
        found = audit.entry_at(tx, SHARD, first.gen, first.seq)
        detail = found.detail or {}
        imported = isinstance(detail.get("target"), Mapping) and "import" in detail["target"]
        return {
            "record": id_text(record),
            "time": rfc3339(first.recorded_us),
            "kind": "import" if imported else "entry",
            "program": str(detail.get("source", {}).get("program", "")),
        }

    def _retention(self, types: Iterable[str]) -> dict[str, tuple[Mapping[str, Any], ...]]:
        known = self._engine.definitions.types
        return {
            name: tuple(
                {
                    key: str(value)
                    for key, value in attrs.asdict(rule, recurse=False).items()
                    if isinstance(value, (str, int)) and value not in ("", 0)
                }
                for rule in rules_of_type(self._engine, known[name])
            )
            for name in sorted(types)
        }

    # Accesses

    def accesses(self, record: str, folder: Path) -> dict[str, Any]:
        """Write who touched a person's data, with what they need to see that nothing is left out.

        Args:
            record: UUID text of a record about the person.
            folder: new or empty; gets ``report.json``, ``check_accesses.py`` and the log, a folder for
                each generation.

        Returns:
            The report as written: ``subject``; ``merged``, whoever was merged with it; ``tag_keys``, one
            for each of them by UUID text; ``logs`` and ``entries``.

        Raises:
            StoreError: ``store.folder_used``.
            NotFound, AccessDenied: logged.
        """
        engine, acting = self._engine, self._acting
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError("store.folder_used", where=str(folder))

        def body(tx: Transaction, moment: Moment) -> dict[str, bytes]:
            engine.policy.require(acting.actor, "subject.report")
            subjects = one_person(engine, tx, subject_of(engine, acting, tx, id_bytes(record)))
            keys = {id_text(one): engine.subject_key(tx, one) for one in subjects}
            op = engine.new_id()
            # One entry for each identifier and act: each of them is in the answer that it belongs to.
            drafts = [
                Draft(kind, engine.detail(acting, op, target={"record": one}), subject_keys=[key])
                for kind in ("subject.accesses", "subject.give_tag_key")
                for one, key in keys.items()
            ]
            engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
            return keys

        with engine.guarded(acting, "subject.accesses", record=record):
            keys = engine.run(body, acting)
        subject, *merged = keys
        signed = engine.logbook.sign(engine.store)
        assert signed is not None  # it was just written to
        logs, entries = [], []
        with engine.store.snapshot() as reader:
            for gen in reader.generations(SHARD):
                point = signed if gen == signed.gen else reader.last_checkpoint(SHARD, gen)
                if point is None or next(reader.batches(SHARD, gen, stop=1), None) is None:
                    continue
                origin = engine.logbook.origin(gen)
                size = _export(reader, gen, point, folder / f"log-{gen}")
                logs.append({"folder": f"log-{gen}", "origin": origin, "size": size})
                for found in audit.entries_of(reader, SHARD, gen, stop=size):
                    about = [
                        one
                        for one, key in keys.items()
                        if tag(key, found.entry.commitment) in found.entry.subject_tags
                    ]
                    if about:
                        more = {"about": about} if merged else {}
                        entries.append({"log": f"log-{gen}", **self._shown(gen, found), **more})
        document = {
            "type": "muniment-accesses",
            "v": 1,
            "subject": subject,
            "merged": merged,
            "tag_keys": {one: key.hex() for one, key in keys.items()},
            "logs": logs,
            "entries": entries,
        }
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        write_atomically(folder / "report.json", text.encode("utf-8"))
        write_atomically(folder / "check_accesses.py", _program())
        return document

    def _about(self, tx: Transaction, subjects: Sequence[bytes], moment: Moment) -> list[tuple[int, Found]]:
        """Every entry about the person in all generations, oldest first: from the auditors' projection."""
        places: set[tuple[int, int]] = set()
        for gen in tx.generations(SHARD):
            size = moment.size if gen == moment.gen else audit.size_of(tx, SHARD, gen)
            if not size:
                continue
            audit.catch_up(tx, SHARD, gen, stop=size)
            for subject in subjects:
                filters = LogFilter(about=subject, limit=_PAGE)
                while rows := tx.find_entries(SHARD, gen, filters):
                    places.update((gen, row.seq) for row in rows)
                    filters = attrs.evolve(filters, before=rows[-1].seq)
        return [(gen, audit.entry_at(tx, SHARD, gen, seq)) for gen, seq in sorted(places)]

    def _shown(self, gen: int, found: Found) -> dict[str, Any]:
        """One entry as the person is told of it."""
        detail = found.detail or {}
        shown: dict[str, Any] = {
            "generation": gen,
            "index": found.index,
            "time": rfc3339(found.entry.time_us),
            "kind": found.entry.kind,
            "purpose": str(detail.get("purpose", "")),
            "outcome": str(detail.get("outcome", "")),
            "type": str(detail.get("type", "")),
            "fields": sorted(
                {
                    str(name)
                    for one in detail.get("sets", ())
                    for ways in one.values()
                    for names in ways.values()
                    for name in names
                }
            ),
            "recipient": str(detail.get("recipient", "")),
        }
        if self._rights().name_employees:
            shown["actor"] = str(detail.get("actor", {}).get("id", ""))
        return {name: value for name, value in shown.items() if value not in ("", [])}

    def _rights(self) -> Rights:
        applied = self._engine.settings.applied
        return Rights() if applied is None else applied.rights


def one_person(engine: Engine, tx: Transaction, subject: bytes) -> list[bytes]:
    """The subject, and then whoever was merged with it and is still there."""
    others = sorted(linked(engine, tx, subject) - {subject})
    gone = engine.gone(tx, others)
    return [subject, *(one for one in others if one not in gone)]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _counted(about: Iterable[tuple[int, Found]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for _, one in about:
        purpose = str((one.detail or {}).get("purpose", ""))
        if purpose:
            counts[purpose] = counts.get(purpose, 0) + 1
    return dict(sorted(counts.items()))


def _disclosed(about: Iterable[tuple[int, Found]]) -> Iterator[dict[str, Any]]:
    """What 45 CFR 164.528 asks for: when, to whom, what, why."""
    for _, one in about:
        detail = one.detail or {}
        if detail.get("recipient"):
            yield {
                "time": rfc3339(one.entry.time_us),
                "recipient": str(detail["recipient"]),
                **({"file": str(detail["target"]["file"])} if detail.get("target", {}).get("file") else {}),
                "purpose": str(detail.get("purpose", "")),
                "kind": one.entry.kind,
                "type": str(detail.get("type", "")),
            }


def _export(reader: Reader, gen: int, point: Checkpoint, folder: Path) -> int:
    """Write one generation up to a checkpoint as a c2sp.org/tlog-tiles tree, checked on its way out."""
    frontier = Frontier()

    def entries() -> Iterator[bytes]:
        for batch in reader.batches(SHARD, gen, stop=point.size):
            for data in unpack_entries(batch.entries):
                if frontier.size < point.size:
                    frontier.append(leaf_hash(data))
                    yield data

    for path, content in export_tree(entries(), point.size):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
    if frontier.root() != point.root:
        raise LogError("log.changed", where=str(folder))
    write_atomically(folder / "checkpoint", point.note.encode("utf-8"))
    return point.size


def _program() -> bytes:
    from importlib.resources import files

    return (files("muniment_schemas") / "evidence" / "check_accesses.py").read_bytes()
