"""Undo an import, as new versions: what it made is deleted, what it changed gets its values of before.

Its versions are found by the entries that name it, between the entry that began it
and the one that finished it; the log covers both, so nothing needs to be kept
beside it. Nothing is undone twice: an interrupted run is taken up by the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs

from muniment.errors import AccessDenied, Invalid, NotFound
from muniment.log.binding import OPERATIONS
from muniment.log.detail import unpack_details
from muniment.model import Value, id_text
from muniment.schema import RecordType
from muniment.session.approval.asking import approve_revert
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import IMPORT
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.reach import reached_by
from muniment.session.reading.history import detail_of
from muniment.session.reading.reads import choose_version, definition_of, load, open_loaded
from muniment.session.tables.imported import knows_import
from muniment.session.writing.approving import Granted, Sanction
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, write
from muniment.store import Transaction, Version

__all__ = ["Reverted", "revert_import"]

_ENTRIES: Final = 50
"""How many entries are undone in one transaction; each wrote ten versions at the most."""

_MOST_NAMED: Final = 100

Progress = Callable[[int, int | None], None]


@attrs.frozen
class Reverted:
    """What undoing an import did.

    Attributes:
        id: UUID text of the import.
        deleted: how many records that it made were deleted.
        restored: how many records got back their values of before.
        gone: how many had been deleted, erased or undone already.
        conflicts: how many were changed since, or could not be set back, and were left alone.
        records: UUID texts of the first of those.
    """

    id: str
    deleted: int = 0
    restored: int = 0
    gone: int = 0
    conflicts: int = 0
    records: tuple[str, ...] = ()


def revert_import(
    engine: Engine,
    acting: Acting,
    record: bytes,
    *,
    reason: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Reverted:
    """Undo an import, a finished one or one that was interrupted.

    Args:
        engine: the opened archive.
        acting: who undoes it, why and through what.
        record: identifier of the import, 16 bytes.
        reason: a person's own words; sealed.
        force: set back also what was changed since: the fields that the import wrote, no others.
        progress: told how many entries were gone through, and of how many.

    Raises:
        NotFound: there is no such import for this actor; logged.
        AccessDenied: the actor may not import, or not write what is to be set back; logged.
    """
    with engine.guarded(acting, "record.import", record=id_text(record)):
        span = _span(engine, acting, record)
    granted = approve_revert(engine, acting, record, span.type, force=force, reason=reason)
    run = _Revert(engine, acting, record, span, force=force, granted=granted)
    if span.state == "reverted" and not force:
        engine.note(acting, "import.revert", count=0, target={"import": id_text(record)})
        return Reverted(id_text(record))
    _undo(run, span, progress)
    if span.state != "reverted":
        change = Change(
            "update",
            record=record,
            values={"state": "reverted"},
            expected_version=span.version,
            kind="import.revert",
            inside=True,
        )
        write(engine, acting, [change], reason=reason, op=run.op)
    if span.state == "running":
        # If it still went on somewhere, it stops now; what it wrote in the meantime goes too.
        head = engine.run(lambda tx, moment: moment.size - 1, acting)
        _undo(run, attrs.evolve(span, first=span.last, last=head), None)
    return run.answer()


def _undo(run: _Revert, span: _Span, progress: Progress | None) -> None:
    total = span.last - span.first
    for first, last in span.pieces():
        run.piece(span.gen, first, last)
        if progress is not None:
            progress(span.last - first + 1, total)


def _given(versions: Sequence[Version], tx: Transaction) -> Sequence[Version]:
    return versions


@attrs.frozen
class _Span:
    """Between which entries an import wrote, and where it stands.

    Attributes:
        first: index of the entry that began it.
        last: index of the last one that it can have written.
    """

    gen: int
    first: int
    last: int
    state: str
    version: int
    type: str

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Pieces of the span, the last one first."""
        for last in range(self.last, self.first, -_ENTRIES):
            yield max(self.first + 1, last - _ENTRIES + 1), last


def _span(engine: Engine, acting: Acting, record: bytes) -> _Span:
    def body(tx: Transaction, moment: Any) -> _Span:
        versions = tx.versions_of(SHARD, record)
        if not versions or versions[0].type != IMPORT.number:
            raise NotFound("record.not_found")
        engine.policy.require(acting.actor, "record.import")
        newest = versions[-1]
        values = open_loaded(
            engine, load(engine, tx, newest, IMPORT, _groups(IMPORT)), frozenset(IMPORT.by_number)
        )
        key = str(values["record_type"])
        for action in ("record.import", "record.delete", "record.update"):
            engine.policy.require(acting.actor, action, key)
        if not knows_import(engine, tx, acting, newest, key):
            raise NotFound("record.not_found")
        head = moment.size - 1
        finished = len(versions) > 1
        last = versions[1].seq if finished and versions[1].gen == versions[0].gen else head
        return _Span(versions[0].gen, versions[0].seq, last, str(values["state"]), newest.version, key)

    return engine.run(body, acting)


def _groups(record_type: RecordType) -> frozenset[int]:
    return frozenset(record_type.by_seal_group)


class _Revert:
    """One run of undoing, piece by piece from the end."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        record: bytes,
        span: _Span,
        *,
        force: bool,
        granted: Granted | None,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._sanction = Sanction(granted, aside=False)
        self._import = id_text(record)
        self._gen, self._begun = span.gen, span.first
        self._force = force
        self._count = dict.fromkeys(("deleted", "restored", "gone", "conflicts"), 0)
        self._named: list[str] = []
        self._targets: dict[tuple[int, int], Mapping[str, Any]] = {}
        self.op = engine.new_id()

    def answer(self) -> Reverted:
        """What was done."""
        return Reverted(self._import, **self._count, records=tuple(self._named))

    def piece(self, gen: int, first: int, last: int) -> None:
        """Undo what the entries from ``first`` to ``last`` wrote, in one transaction."""
        waiting = self._write(lambda tx: self._written(tx, gen, first, last))
        while waiting:
            # A record that was set back just now may have had the unique value of another.
            left = self._write(partial(_given, waiting))
            if len(left) == len(waiting):
                break
            waiting = left
        for one in waiting:
            self._conflict(one.record)

    def _write(self, find: Callable[[Transaction], Sequence[Version]]) -> list[Version]:
        """Undo some versions; gives those that cannot be undone because of a unique value."""
        changes: list[Change] = []
        versions: list[Version] = []

        def body(tx: Transaction, moment: Any) -> Sequence[Change]:
            for one in find(tx):
                change = self._change(tx, one)
                if change is not None:
                    changes.append(change)
                    versions.append(one)
            return changes

        members = {"import": self._import, "undo": True}
        done = write(
            self._engine,
            self._acting,
            body,
            collect=True,
            members=members,
            op=self.op,
            sanction=self._sanction,
        )
        again: list[Version] = []
        for change, version, result in zip(changes, versions, done, strict=True):
            if isinstance(result, Saved):
                self._count["deleted" if change.operation == "delete" else "restored"] += 1
            elif isinstance(result, Invalid) and all(one.code == "value.not_unique" for one in result.issues):
                again.append(version)
            elif isinstance(result, AccessDenied):
                raise result
            else:
                self._conflict(version.record)
        return again

    def _conflict(self, record: bytes) -> None:
        self._count["conflicts"] += 1
        if len(self._named) < _MOST_NAMED:
            self._named.append(id_text(record))

    # What was written

    def _written(self, tx: Transaction, gen: int, first: int, last: int) -> list[Version]:
        own = self._own_entries(tx, gen, first, last)
        if not own:
            return []
        versions = [one for one in tx.versions_at(SHARD, gen, first, last) if one.seq in own]
        # What was written last is undone first, so that most values are free when they are wanted back.
        return versions[::-1]

    def _own_entries(self, tx: Transaction, gen: int, first: int, last: int) -> set[int]:
        """Which of these entries wrote for the import, and did not undo it."""
        name = self._import.encode("ascii")
        own: set[int] = set()
        for row in tx.details(SHARD, gen, start=first, stop=last + 1):
            for opening in unpack_details(row.details):
                seq = row.first_seq + opening.place
                if first <= seq <= last and name in opening.detail:
                    target = json.loads(opening.detail).get("target", {})
                    if target.get("import") == self._import and not target.get("undo"):
                        own.add(seq)
        return own

    # What undoes it

    def _change(self, tx: Transaction, written: Version) -> Change | None:
        """What undoes one version, or nothing where there is nothing left to be undone."""
        engine, record = self._engine, written.record
        newest = tx.version(SHARD, record)
        try:
            engine.check_live(tx, {record, written.subject})
        except NotFound:
            newest = None
        if newest is None or not self._within_reach(tx, newest):
            self._count["gone"] += 1
            return None
        if newest.version != written.version:
            return self._change_since(tx, written, newest)
        return self._undo(tx, written, newest)

    def _within_reach(self, tx: Transaction, newest: Version) -> bool:
        """Whether the record is still one that the actor may know of; else it is as gone."""
        engine, actor = self._engine, self._acting.actor
        record_type = engine.definitions.by_number[newest.type]
        reached = reached_by(engine, tx, self._acting, record_type, newest)
        return reached is None or engine.policy.may(actor, "record.read", record_type.key, reached=reached)

    def _undo(self, tx: Transaction, written: Version, newest: Version) -> Change | None:
        first = written
        # References by other names can lead two rows to one record; then it is undone as a whole.
        while first.version > 1:
            before = choose_version(tx, written.record, version=first.version - 1)
            if before.gen != self._gen or before.seq <= self._begun or not self._is_own(tx, before):
                break
            first = before
        if first.version == 1:
            return Change("delete", record=written.record, expected_version=newest.version)
        return self._back(tx, first, written, newest)

    def _is_own(self, tx: Transaction, version: Version) -> bool:
        target = self._target(tx, version)
        return target.get("import") == self._import and not target.get("undo")

    def _target(self, tx: Transaction, version: Version) -> Mapping[str, Any]:
        """What the entry of a version names; ten versions share one, so the last ones are kept."""
        name = (version.gen, version.seq)
        if name not in self._targets:
            if len(self._targets) >= _ENTRIES:
                self._targets.clear()
            self._targets[name] = (detail_of(tx, *name) or {}).get("target", {})
        return self._targets[name]

    def _change_since(self, tx: Transaction, written: Version, newest: Version) -> Change | None:
        """Somebody wrote the record after the import: this run's predecessor, or a person."""
        deleted = newest.operation == OPERATIONS["delete"]
        target = self._target(tx, newest)
        undone = target.get("import") == self._import and bool(target.get("undo"))
        if undone or (deleted and written.version == 1):
            self._count["gone"] += 1
            return None
        if deleted or not (self._force or self._same(tx, written, newest)):
            self._conflict(written.record)
            return None
        return self._undo(tx, written, newest)

    def _same(self, tx: Transaction, written: Version, newest: Version) -> bool:
        """Whether a record holds what the import wrote, as when a later import was undone."""
        now = self._engine.definitions.by_number[newest.type]
        values = self._values(tx, written, now)
        return values is not None and values == self._values(tx, newest, now)

    def _back(self, tx: Transaction, first: Version, written: Version, newest: Version) -> Change | None:
        """The record with the values that the import changed as they were before it."""
        before = choose_version(tx, written.record, version=first.version - 1)
        now = self._engine.definitions.by_number[newest.type]
        old, new = self._values(tx, before, now), self._values(tx, written, now)
        values = new if newest.version == written.version else self._values(tx, newest, now)
        if old is None or new is None or values is None:
            # Something of it was disposed of, and cannot come back.
            self._conflict(written.record)
            return None
        result = dict(values)
        for key in old.keys() | new.keys():
            if old.get(key) != new.get(key):
                result[key] = old.get(key)
        result = {key: value for key, value in result.items() if value is not None}
        return Change(
            "revert", record=written.record, values=result, expected_version=newest.version, replace=True
        )

    def _values(self, tx: Transaction, version: Version, now: RecordType) -> dict[str, Value] | None:
        """All values of a version under today's keys; None where a part of it is gone."""
        own = definition_of(self._engine, tx, version)
        try:
            loaded = load(self._engine, tx, version, own, _groups(own))
        except NotFound:
            return None
        if loaded.gone:
            return None
        opened = open_loaded(self._engine, loaded, frozenset(own.by_number))
        numbers = now.by_number
        return {numbers[own.by_key[key].number].key: value for key, value in opened.items()}
