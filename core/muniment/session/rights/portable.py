"""A person's copy to take elsewhere (GDPR 20, PIPL 45): what they gave themselves, as JSON and CSV.

Only what rests on consent or on a contract goes into it, and only fields of which the
configuration says that persons gave them: ``[rights] provided``. What a team noted,
rated or worked out about somebody is theirs to see in the report, not to take along.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.errors import StoreError, UsageError
from muniment.files import write_atomically
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema import RecordType, is_built_in
from muniment.session.kernel.engine import SHARD
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
from muniment.session.rights.persons import one_person
from muniment.store import Transaction
from muniment.subjects.rules import Rights

if TYPE_CHECKING:
    from muniment.session.ground import Ground
    from muniment.session.kernel.views import Record

__all__ = ["BASES", "Portability", "Portable"]

BASES: Final = ("consent", "contract")
"""On which basis data must be used for a person to take it along (GDPR 20(1)(a))."""

_DELETE: Final = OPERATIONS["delete"]
_PERSON: Final = "myself"
_DOCUMENT: Final = "person.json"


@attrs.frozen
class Portable:
    """A copy that was written.

    Attributes:
        subject: UUID text.
        files: names of the files in the folder, with hex of SHA-256 over each.
        records: how many it holds.
        left_out: by type, which fields are not in it, and why: ``not_provided``, ``not_allowed``, ``file``.
    """

    subject: str
    files: dict[str, str]
    records: int
    left_out: dict[str, dict[str, list[str]]]


@attrs.frozen
class _Chosen:
    """What of one definition goes along."""

    keys: tuple[str, ...]
    left_out: dict[str, list[str]]


class Portability:
    """Portable copies, as acts of somebody; reached as ``session.portability``."""

    def __init__(self, session: Ground) -> None:
        self._engine = session.engine
        self._acting = session.acting

    def export(self, record: str, folder: Path, *, basis: str, recipient: str = "") -> Portable:
        """Write the copy, as one disclosure in the log.

        Args:
            record: UUID text of a record about the person.
            folder: new or empty; gets ``person.json``, and a CSV for each type.
            basis: on which the data is used: one of ``BASES``.
            recipient: who gets it instead of the person, where they ask for that.

        Raises:
            UsageError: ``subject.basis``; ``subject.no_consent`` where it is consent, and none holds;
                ``subject.nothing_provided`` where the configuration names no field.
            StoreError: ``store.folder_used``.
            NotFound, AccessDenied: logged.
        """
        if basis not in BASES:
            raise UsageError("subject.basis", known=", ".join(BASES))
        if not self._rights().provided:
            raise UsageError("subject.nothing_provided")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError("store.folder_used", where=str(folder))
        engine = self._engine
        acting = self._acting = attrs.evolve(self._acting, legal_basis=basis)

        def body(tx: Transaction, moment: Moment) -> tuple[bytes, int, list[tuple[Loaded, Plan]]]:
            engine.policy.require(acting.actor, "subject.report")
            subject = subject_of(engine, acting, tx, id_bytes(record))
            subjects = one_person(engine, tx, subject)
            if basis == "consent":
                given = consents_of(engine, tx, set(subjects))
                if not any(one.holds_at(moment.time_us) for one in given):
                    raise UsageError("subject.no_consent")
            loaded = list(self._loaded(tx, subjects))
            engine.logbook.append(
                tx, moment, self._drafts(tx, subject, loaded, recipient or _PERSON), actor=acting.actor.id
            )
            return subject, moment.time_us, loaded

        with engine.guarded(acting, "subject.export", record=record):
            subject, made_us, loaded = engine.run(body, acting)
        return self._written(folder, subject, made_us, basis, loaded)

    def _rights(self) -> Rights:
        applied = self._engine.settings.applied
        return Rights() if applied is None else applied.rights

    def _loaded(self, tx: Transaction, subjects: Sequence[bytes]) -> Iterator[tuple[Loaded, Plan]]:
        """The records about the person of which something goes along, by type."""
        engine, acting = self._engine, self._acting
        records = sorted({row.record for one in subjects for row in tx.records_of_subject(SHARD, one)})
        newest = tx.newest_versions(SHARD, records)
        for version in sorted(newest.values(), key=lambda one: (one.type, one.record)):
            if is_built_in(version.type) or version.operation == _DELETE:
                continue
            record_type = definition_of(engine, tx, version)
            reached = reached_by(engine, tx, acting, record_type, version)
            if not may_read(engine, acting, "record.export", record_type, reached=reached):
                continue
            standing = Standing(reached)
            whole = plan_of(engine, acting, record_type, None, standing=standing, export=True)
            chosen = self._chosen(record_type, whole)
            if chosen.keys:
                plan = plan_of(
                    engine, acting, record_type, chosen.keys, standing=standing, export=True, lenient=True
                )
                yield load(engine, tx, version, record_type, plan.groups), plan

    def _chosen(self, record_type: RecordType, plan: Plan) -> _Chosen:
        """The fields that the person gave and that may be handed out in clear; the others, with why not."""
        provided = self._rights().provided
        keys, left = [], dict[str, list[str]]()
        for field in record_type.fields:
            if field.key not in plan.view.readable:
                continue  # to whom it may not be shown, it is not named either
            given = {f"{record_type.key}.*", f"{record_type.key}.{field.key}"} & provided
            if not given or field.computed:
                left.setdefault("not_provided", []).append(field.key)
            elif field.key not in plan.view.clear:
                left.setdefault("not_allowed", []).append(field.key)
            elif field.kind == "file":
                left.setdefault("file", []).append(field.key)
            else:
                keys.append(field.key)
        return _Chosen(tuple(keys), left)

    def _drafts(
        self, tx: Transaction, subject: bytes, loaded: Sequence[tuple[Loaded, Plan]], recipient: str
    ) -> list[Draft]:
        engine, op = self._engine, self._engine.new_id()
        acting = self._acting
        drafts: list[Draft] = []
        for _, group in groupby(loaded, key=lambda pair: pair[1].type.number):
            some = list(group)
            drafts += disclosure(
                engine,
                tx,
                acting,
                "subject.export",
                some[0][1],
                [one.version for one, _ in some],
                plans=[plan for _, plan in some],
                op=op,
                recipient=recipient[:400],
            )
        if not drafts:
            target = {"record": id_text(subject)}
            detail = engine.detail(acting, op, count=0, recipient=recipient[:400], target=target)
            drafts.append(Draft("subject.export", detail, subject_keys=[engine.subject_key(tx, subject)]))
        return drafts

    # Files

    def _written(
        self, folder: Path, subject: bytes, made_us: int, basis: str, loaded: Sequence[tuple[Loaded, Plan]]
    ) -> Portable:
        engine = self._engine
        folder.mkdir(parents=True, exist_ok=True)
        records = [(release(engine, one, plan), plan) for one, plan in loaded]
        left_out: dict[str, dict[str, list[str]]] = {}
        files: dict[str, str] = {}
        for key, group in groupby(records, key=lambda pair: pair[0].type):
            some = list(group)
            plan = some[0][1]
            newest = engine.definitions.types.get(key, plan.type)
            whole = plan_of(engine, self._acting, newest, None, export=True)
            left_out[key] = self._chosen(newest, whole).left_out
            files[f"{key}.csv"] = self._table(folder / f"{key}.csv", plan, [one for one, _ in some])
        document = {
            "type": "muniment-portable",
            "v": 1,
            "subject": id_text(subject),
            "made": rfc3339(made_us),
            "basis": basis,
            "records": [self._json(one, plan) for one, plan in records],
            "left_out": left_out,
        }
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        data = text.encode("utf-8")
        write_atomically(folder / _DOCUMENT, data)
        files[_DOCUMENT] = sha256(data).hexdigest()
        return Portable(id_text(subject), files, len(records), left_out)

    def _table(self, path: Path, plan: Plan, records: Sequence[Record]) -> str:
        from muniment.exports.columns import columns_of
        from muniment.exports.tables import write_csv

        keys = [field.key for field in plan.type.fields if field.key in plan.keys]
        columns = columns_of(plan.type, fields=keys)
        return write_csv(path, columns, records, kinds=self._engine.kinds).digest.hex()

    def _json(self, record: Record, plan: Plan) -> dict[str, Any]:
        kinds = self._engine.kinds
        fields = {}
        for key, value in record.fields.items():
            field = plan.type.by_key[key]
            if value is not None:
                fields[key] = kinds[field.kind].to_json(value) if field.kind in kinds else str(value)
        return {
            "id": record.id,
            "type": record.type,
            "labels": {"en": plan.type.label.en, "zh": plan.type.label.zh},
            "fields": fields,
        }
