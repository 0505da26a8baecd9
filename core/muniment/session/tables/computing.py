"""Figures computed over records: read as one logged act, written where fields are marked as computed.

A computation is an entry ``record.aggregate`` that names its method, then pages of records
that carry the same act, then versions that name that entry. It reads nothing that its actor does
not read in clear, so no figure tells what a mask hides, and what it writes is at least as
guarded as what it read: a computed field never stands in a lower class than its inputs, and is
there for no purpose for which one of them is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import AccessDenied, ApprovalNeeded, ConfigError, Invalid, MunimentError, NotFound
from muniment.model import CLASSES, id_bytes
from muniment.schema import Condition, Field, RecordType
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reach import reach_of
from muniment.session.kernel.views import Record
from muniment.session.reading import lists
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, sole, write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Computation", "Computed", "Computing", "Row"]

_PAGE: Final = 1_000
_BATCH: Final = 200

Told = Callable[[int, int | None], None]
"""Told how many records were read so far, and of how many where that is known."""

Inputs = Collection[tuple[str, str]]
"""Fields, each as the keys of its type and of itself."""


@attrs.frozen
class Row:
    """One computed record.

    Attributes:
        values: by field key; None empties a field.
        record: UUID text of the record that takes them; empty makes a new one.
        delete: take the record out instead; only one that nothing but programs wrote should be.
    """

    values: Mapping[str, object]
    record: str = ""
    delete: bool = False


@attrs.frozen
class Computed:
    """What became of computed records.

    Attributes:
        created: new records.
        updated: records with a new version.
        unchanged: records whose values were so already; no version was written.
        deleted: records taken out.
        waiting: changes that a second person has to approve.
        refused: how many were refused, by code.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    waiting: int = 0
    refused: Mapping[str, int] = attrs.field(factory=dict)


class Computing:
    """What one actor computes.

    Args:
        session: who acts.
    """

    def __init__(self, session: Records) -> None:
        self._session = session

    def begin(
        self, method: str, version: int, *, plugin: str = "", parameters: Mapping[str, object] | None = None
    ) -> Computation:
        """Begin a computation: its entry is in the log before anything is read.

        Args:
            method: the name of the method, such as ``bg_nbd``.
            version: of the method, raised when the same input gives another result.
            plugin: the plugin that computes; empty for the core.
            parameters: names and numbers, and what they are: never a value of a record.

        Raises:
            AccessDenied: ``access.action`` where the actor may not list records; logged.
        """
        session = self._session
        engine, acting = session.engine, session.acting
        if not any(session.may("record.list", name) for name in engine.definitions.types):
            session.require("record.list")
        running = {one.name: one.source.shown_version for one in engine.plugins.loaded}
        members: dict[str, object] = {}
        if plugin:
            members["plugin"] = {"name": plugin, "version": running[plugin]}
        op = engine.new_id()
        target = {"method": method, "version": version, **(parameters or {})}

        def body(tx: Transaction, moment: Moment) -> int:
            detail = engine.detail(acting, op, target=target, **members)
            return engine.logbook.append(
                tx, moment, [Draft("record.aggregate", detail)], actor=acting.actor.id
            )

        return Computation(session, op, engine.run(body, acting), members)


class Computation:
    """One computation: what it read, and where its results go.

    Made by ``Computing.begin``.

    Attributes:
        index: of its entry in the log.
        inputs: the keys of the fields that were read, by type.
        read_count: how many records were read, by type.
    """

    def __init__(self, session: Records, op: bytes, index: int, members: Mapping[str, object]) -> None:
        self._session = session
        self._op = op
        self._members = members
        self.index = index
        self.inputs: dict[str, tuple[str, ...]] = {}
        self.read_count = Counter[str]()

    def has(self, type: str, *fields: str) -> bool:
        """Whether the archive has a type with these fields, and the actor reads them in clear."""
        try:
            record_type = self._session.engine.record_type(type)
        except NotFound:
            return False
        if not self._session.may("record.list", type):
            return False
        found = [record_type.field(name) for name in fields]
        clear = self._session.view(record_type).clear
        return all(one is not None and one.key in clear for one in found)

    def is_partial(self, type: str) -> bool:
        """Whether the actor's roles reach some records of a type alone, so that a figure is of those only."""
        session = self._session
        return reach_of(session.engine, session.acting, session.engine.record_type(type)) is not None

    def read(
        self,
        type: str,
        fields: Sequence[str],
        *,
        where: Mapping[str, object] | None = None,
        filters: Sequence[Condition] = (),
        counted: bool = True,
        progress: Told | None = None,
    ) -> Iterator[Record]:
        """Records of a type that the actor reaches, page by page; each page is logged before it is given.

        Args:
            type: key of the record type.
            fields: keys of the fields; each one must be read in clear.
            where: values that records must have, by field key.
            filters: further conditions.
            counted: nothing is made of what is read where not, as when earlier results are looked for;
                it is logged all the same.
            progress: told after each page.

        Raises:
            AccessDenied: ``access.field`` where a field is masked or hidden for the actor, or
                ``access.action``; logged.
            NotFound: ``schema.unknown_type`` or ``schema.unknown_field``.
        """
        session = self._session
        record_type = session.type(type)
        keys = [_known(record_type, name).key for name in fields]
        asked_by = [*(where or {}), *(one.field for one in filters)]
        clear = session.view(record_type).clear
        hidden = sorted({*keys, *asked_by} - clear)
        if hidden:
            error = AccessDenied(
                "access.field", where=type, action="record.aggregate", names=", ".join(hidden)
            )
            session.engine.refused(session.acting, "record.aggregate", error, type=type)
            raise error
        if counted:
            self.inputs[type] = tuple(dict.fromkeys((*self.inputs.get(type, ()), *keys, *asked_by)))
        asked = lists.Asked(
            type,
            dict(where or {}),
            fields=keys,
            limit=_PAGE,
            count=progress is not None,
            kind="record.aggregate",
            members=self._members,
            op=self._op,
            filters=filters,
        )
        done, total = 0, None
        for page in session.pages(asked):
            total = page.total if page.total is not None else total
            done += len(page.records)
            self.read_count[type] += len(page.records) if counted else 0
            yield from page.records
            if progress is not None:
                progress(done, total)

    def write(
        self,
        type: str,
        rows: Iterable[Row],
        *,
        sources: Mapping[str, Inputs] | None = None,
        reason: str | None = None,
        progress: Told | None = None,
    ) -> Computed:
        """Write computed records; of one that is there, computed fields alone are changed.

        Args:
            type: key of the record type; what is computed must be marked so in it.
            rows: the records.
            sources: from which fields each computed field was made; one that is not named counts as made
                from everything that was read.
            reason: a person's own words; sealed, with the first version.
            progress: told after each batch.

        Raises:
            ConfigError: ``schema.computed_class`` or ``schema.computed_purpose`` where an input is more
                guarded than what would be made of it.
            AccessDenied: the actor may not write such records; logged.
        """
        checked: set[str] = set()
        record_type = self._session.type(type)
        found, refused = Counter[str](), Counter[str]()
        batch: list[Row] = []

        def flush() -> None:
            keys = {key for row in batch for key, value in row.values.items() if value is not None}
            for key in sorted(keys - checked):
                self._guard(record_type, key, (sources or {}).get(key))
            checked.update(keys)
            self._flush(type, batch, found, refused, reason if not sum(found.values()) else None)
            batch.clear()
            if progress is not None:
                progress(sum(found.values()), None)

        for row in rows:
            batch.append(row)
            if len(batch) >= _BATCH:
                flush()
        if batch:
            flush()
        return Computed(
            found["created"],
            found["updated"],
            found["unchanged"],
            found["deleted"],
            found["waiting"],
            dict(sorted(refused.items())),
        )

    def add(self, type: str, values: Mapping[str, object]) -> str:
        """Write one new record that others will refer to: the run itself, or a group; give its UUID text.

        It says how something was computed, and holds nothing that was read.

        Args:
            type: key of the record type.
            values: by field key.

        Raises:
            Invalid: values were refused.
            ApprovalNeeded: ``approval.waits``.
            AccessDenied: the actor may not write such records; logged.
        """
        change = _change(type, Row(values), self.index)
        saved = sole(
            write(
                self._session.engine,
                self._session.acting,
                [change],
                members={"computation": self.index},
                op=self._op,
            )
        )
        return saved.id

    def _flush(
        self, type: str, rows: Sequence[Row], found: Counter[str], refused: Counter[str], reason: str | None
    ) -> None:
        results = write(
            self._session.engine,
            self._session.acting,
            [_change(type, row, self.index) for row in rows],
            reason=reason,
            collect=True,
            members={"computation": self.index},
            op=self._op,
        )
        for row, one in zip(rows, results, strict=True):
            if isinstance(one, ApprovalNeeded):
                found["waiting"] += 1
            elif isinstance(one, MunimentError):
                found["refused"] += 1
                refused.update(_codes(one))
            elif isinstance(one, Saved):
                found[_ending(row, one)] += 1

    def _guard(self, record_type: RecordType, key: str, sources: Inputs | None) -> None:
        """Refuse a computed field that would tell what one of its inputs keeps closer."""
        field = record_type.field(key)
        if field is None or not field.computed:
            return
        read = {(type, name) for type, names in self.inputs.items() for name in names}
        for type, name in sorted(read if sources is None else read.intersection(sources)):
            source = self._session.engine.record_type(type).field(name)
            if source is None:
                continue
            place = f"{record_type.key}.{field.key}"
            if CLASSES.index(source.sensitivity) > CLASSES.index(field.sensitivity):
                raise ConfigError("schema.computed_class", where=place, name=f"{type}.{source.key}")
            if source.purposes and not (field.purposes and set(field.purposes) <= set(source.purposes)):
                raise ConfigError("schema.computed_purpose", where=place, name=f"{type}.{source.key}")


def _known(record_type: RecordType, name: str) -> Field:
    field = record_type.field(name)
    if field is None:
        raise NotFound("schema.unknown_field", where=record_type.key, name=name)
    return field


def _change(type: str, row: Row, index: int) -> Change:
    if row.delete:
        # A deletion names why; the entry that it names says how it came about.
        return Change("delete", record=id_bytes(row.record), reason=f"computation {index}")
    if row.record:
        return Change("update", record=id_bytes(row.record), values=row.values, computes=True)
    return Change(
        "create", type, values={k: v for k, v in row.values.items() if v is not None}, computes=True
    )


def _ending(row: Row, saved: Saved) -> str:
    if not saved.written:
        return "unchanged"
    return "deleted" if row.delete else "updated" if row.record else "created"


def _codes(error: MunimentError) -> list[str]:
    if isinstance(error, Invalid):
        return [issue.code for issue in error.issues if issue.severity == "error"][:1]
    return [error.code]
