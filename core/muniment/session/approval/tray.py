"""A table's change tray: cells of many records, kept at once, looked at and checked before they are saved.

One draft for each record, so that two places in which somebody types end in one form. What
is kept is sealed under the person it is about; nothing is checked before somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from muniment.errors import Conflict, Invalid, MunimentError, NotFound, UsageError
from muniment.model import id_bytes, id_text
from muniment.session.approval import forms
from muniment.session.approval.saving import Edit, Saving
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.moving import has_moved
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.standing import may_read
from muniment.session.writing.changes import Change, Pending
from muniment.session.writing.planning import Planner
from muniment.session.writing.writes import log_disclosures, write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.approval.forms import Draft
    from muniment.session.kernel.logbook import Moment

__all__ = ["MOST_EDITS", "Edit", "Tray"]

MOST_EDITS = 1_000
"""How many records one act of keeping may touch."""


class Tray:
    """What one actor has typed into the rows of one record type; ``session.drafts.tray``.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        type: key of the record type.
    """

    def __init__(self, engine: Engine, acting: Acting, type: str) -> None:
        self._engine = engine
        self._acting = acting
        self._type = engine.record_type(type).key

    def shown(self) -> Sequence[Draft]:
        """All of it with what was typed, oldest first; one entry of the log names every record."""
        return forms.shown(self._engine, self._acting, self._type)

    def keep(self, edits: Sequence[Edit]) -> Sequence[str]:
        """Keep what was typed, beside what the tray holds of those records; all of it or nothing.

        Args:
            edits: each record at most once.

        Returns:
            The record of each, in order: what is new goes by the identifier that it will have. It is
            empty for a new one into which nothing was typed.

        Raises:
            NotFound: there is no such record or field for this actor; logged.
            AccessDenied: the actor may not write that; logged.
            UsageError: ``draft.too_many`` or ``draft.same_record``.
        """
        if len(edits) > MOST_EDITS:
            raise UsageError("draft.too_many", maximum=MOST_EDITS)
        named = [one.record for one in edits if one.record]
        if len(set(named)) < len(named):
            raise UsageError("draft.same_record")
        saving = Saving(self._engine, self._acting)
        records: list[str] = []

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            held = {one.form.record: one for one in self._held(tx, moment)}
            found: list[Change] = []
            for one in edits:
                known = held.get(id_bytes(one.record)) if one.record else None
                if one.record and known is None:
                    self._require_type(tx, one.record)
                saving.target = b""
                found += saving.merged(tx, moment, one, known, self._type)
                records.append(one.record or (id_text(saving.target) if saving.target else ""))
            return found

        write(self._engine, self._acting, find, new_ids=saving.ids, action="draft.save")
        return records

    def _require_type(self, tx: Transaction, record: str) -> None:
        engine, acting = self._engine, self._acting
        record_type, newest = engine.record_type(self._type), tx.version(SHARD, id_bytes(record))
        if newest is None or newest.type != record_type.number:
            raise NotFound("record.not_found")
        reached = reached_by(engine, tx, acting, record_type, newest)
        if not may_read(engine, acting, "record.read", record_type, reached=reached):
            raise NotFound("record.not_found")

    def _held(self, tx: Transaction, moment: Moment) -> list[forms.Held]:
        number = self._engine.record_type(self._type).number
        return [one for one in forms.own(self._engine, tx, moment, self._acting) if one.form.type == number]

    def discard(self, records: Sequence[str] | None = None) -> int:
        """Throw away what was typed into these records, by default into all; says into how many."""
        wanted = None if records is None else {id_bytes(one) for one in records}

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            held = self._held(tx, moment)
            return [forms.gone(one) for one in held if wanted is None or one.form.record in wanted]

        return len(write(self._engine, self._acting, find, action="draft.discard"))

    def rebase(self, record: str) -> None:
        """Take what was typed over to the newest version of its record, after somebody looked at both."""
        self.keep([Edit(record, {}, self._newest(record))])

    def _newest(self, record: str) -> int:
        with self._engine.store.transaction(write=False) as tx:
            found = tx.version(SHARD, id_bytes(record))
        if found is None:
            raise NotFound("record.not_found")
        return found.version

    def problems(self) -> Mapping[str, MunimentError]:
        """What would be refused if all of it were saved now, by record; nothing is written but an entry.

        A record that changed since stands there with ``draft.moved``, a value that is refused with every
        other value of its record that is.
        """
        engine, acting = self._engine, self._acting
        found: dict[str, MunimentError] = {}

        def body(tx: Transaction, moment: Moment) -> None:
            held = self._held(tx, moment)
            forms.note(engine, acting, tx, moment, held, names=True)
            changes: list[Change] = []
            records: list[str] = []
            new: list[bytes] = []
            for one in held:
                name = id_text(one.form.record)
                if has_moved(engine, tx, one.form.record, one.form.base):
                    found[name] = Conflict("draft.moved", count=1)
                    continue
                records.append(name)
                changes.append(forms.change_of(engine, acting, one.form))
                new += [one.form.record] if one.form.operation == "create" else []
            planned = Planner(engine, acting).plan(tx, moment.time_us, changes, collect=True, new_ids=new)
            for name, outcome in zip(records, planned, strict=True):
                if not isinstance(outcome, Pending):
                    found[name] = outcome

        with engine.guarded(acting, "draft.read"):
            engine.run(body, acting)
        log_disclosures(engine, acting, [one for one in found.values() if isinstance(one, Invalid)])
        return found
