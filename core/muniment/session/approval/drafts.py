"""Forms that somebody has not saved yet: sealed, seen by their owner alone, written together in the end.

A draft lies under the subject that it is about, so erasing that person takes it
along. It is checked when it is applied, not before: a form may be half filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from muniment.errors import Conflict, NotFound, UsageError
from muniment.model import id_bytes, id_text
from muniment.schema import DRAFT
from muniment.session.approval.forms import (
    Draft,
    Held,
    change_of,
    every,
    gone,
    note,
    one_of,
    own,
    show,
    type_of,
)
from muniment.session.approval.saving import Saving
from muniment.session.approval.showing import names_between
from muniment.session.ground import Footing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.moving import has_moved
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.approval.tray import Tray
    from muniment.session.kernel.logbook import Moment

__all__ = ["Draft", "Drafts"]

_MOST: Final = 200


class Drafts(Footing):
    """The tray of one actor; ``session.drafts``.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    # Keeping

    def save(
        self,
        values: Mapping[str, object],
        *,
        type: str = "",
        record: str | None = None,
        base: int | None = None,
        id: str | None = None,
    ) -> Draft:
        """Keep a form as it stands; its values are checked when it is applied.

        Args:
            values: all that the form holds that is not as in the record, by field key.
            type: key of the record type, for a new record.
            record: UUID text of the record that it changes.
            base: the version of it that was seen; by default the newest.
            id: the draft that this is the next state of; by default it is a new one.

        Returns:
            The draft. Its identifier is another than before where it turned out to be about
            somebody else, since nothing sealed for one person moves to another.

        Raises:
            NotFound: there is no such record, field or draft for this actor; logged.
            AccessDenied: the actor may not write that; logged.
        """
        return Saving(self._engine, self._acting).save(values, type, record, base, id)

    def discard(self, id: str) -> None:
        """Throw a draft away.

        Raises:
            NotFound: ``draft.not_found``: this actor has none such; logged.
        """

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            return [gone(one_of(self._engine, tx, moment, self._acting, id_bytes(id)))]

        write(self._engine, self._acting, find, action="draft.discard")

    # Reading

    def list(self) -> Sequence[Draft]:
        """The actor's drafts, oldest first, with the names of the fields that they hold, and no values."""

        def body(tx: Transaction, moment: Moment) -> Sequence[Draft]:
            self._engine.policy.require_known(self._acting.actor)
            found = own(self._engine, tx, moment, self._acting)
            note(self._engine, self._acting, tx, moment, found, names=True)
            return [show(self._engine, tx, self._acting, held, names=True) for held in found]

        with self._engine.guarded(self._acting, "draft.read"):
            return self._engine.run(body, self._acting)

    def get(self, id: str) -> Draft:
        """One draft with what was typed.

        Raises:
            NotFound: ``draft.not_found``: this actor has none such; logged.
        """

        def body(tx: Transaction, moment: Moment) -> Draft:
            held = one_of(self._engine, tx, moment, self._acting, id_bytes(id))
            note(self._engine, self._acting, tx, moment, [held], names=False)
            return show(self._engine, tx, self._acting, held)

        with self._engine.guarded(self._acting, "draft.read"):
            return self._engine.run(body, self._acting)

    def tray(self, type: str) -> Tray:
        """What this actor typed into the rows of one record type, as one thing.

        Args:
            type: key of the record type.
        """
        from muniment.session.approval.tray import Tray

        return Tray(self._engine, self._acting, type)

    # Writing

    def apply(self, ids: Sequence[str] | None = None, *, reason: str | None = None) -> Sequence[Saved]:
        """Write drafts together, in one transaction and for one reason, or none of them.

        Args:
            ids: UUID texts of the drafts; by default all that the actor has.
            reason: a person's own words; sealed.

        Returns:
            What became of each, in order; the drafts are gone.

        Raises:
            Conflict: ``draft.moved``: records changed since; ``parameters["records"]`` has of each the
                version seen, the newest one and the names of the fields that moved. Nothing was written;
                ``save`` with the newest ``base`` takes a draft over it.
            Invalid: values were refused; every problem is listed.
            ApprovalNeeded: ``approval.waits``: all of them were put aside as one proposal, and the drafts
                are gone.
        """
        return _Applying(self._engine, self._acting).apply(ids, reason)

    def expire_due(self, now_us: int | None = None) -> int:
        """Discard the drafts of everybody that nobody touched for too long; for ``tick``.

        Args:
            now_us: what counts as now, microseconds since 1970; by default the archive's clock.

        Returns:
            How many there were.
        """
        now = self._engine.clock() if now_us is None else now_us
        count = 0

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            due = [held for held in every(self._engine, tx) if held.expires_us <= now][:_MOST]
            return [gone(held) for held in due]

        while done := write(self._engine, self._acting, find, members={"expired": True}):
            count += len(done)
        return count


class _Applying(Footing):
    """A tray on its way into the records."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        super().__init__(engine, acting)
        self._ids: list[bytes] = []
        self._moved: list[dict[str, object]] = []

    def apply(self, ids: Sequence[str] | None, reason: str | None) -> list[Saved]:
        wanted = None if ids is None else [id_bytes(one) for one in dict.fromkeys(ids)]
        try:
            done = write(
                self._engine,
                self._acting,
                lambda tx, moment: self._found(tx, moment, wanted),
                reason=reason,
                new_ids=self._ids,
                action="record.write",
            )
        except Conflict as error:
            if error.code == "draft.moved":
                # What moved is told, so that it was told is written down; the transaction is undone.
                self._engine.note(
                    self._acting,
                    "draft.read",
                    outcome="failed",
                    code=error.code,
                    target={"moved": [str(one["id"]) for one in self._moved]},
                )
            raise
        return [one for one in done if isinstance(one, Saved) and one.type != DRAFT.key]

    def _found(self, tx: Transaction, moment: Moment, wanted: Sequence[bytes] | None) -> Sequence[Change]:
        engine, acting = self._engine, self._acting
        if wanted is None:
            held = own(engine, tx, moment, acting)
        else:
            held = [one_of(engine, tx, moment, acting, one) for one in wanted]
        if not held:
            raise NotFound("draft.none")
        records = [one.form.record for one in held]
        if len(set(records)) < len(records):
            raise UsageError("draft.same_record")
        changes = [self._change(tx, one) for one in held]
        if self._moved:
            raise Conflict("draft.moved", count=len(self._moved), records=list(self._moved))
        self._ids += [one.form.record for one in held if one.form.operation == "create"]
        return [*changes, *(gone(one) for one in held)]

    def _change(self, tx: Transaction, held: Held) -> Change:
        engine, acting, form = self._engine, self._acting, held.form
        record_type = type_of(engine, form)
        if form.operation == "create":
            return change_of(engine, acting, form)
        newest = tx.version(SHARD, form.record)
        if newest is not None and has_moved(engine, tx, form.record, form.base):
            fields = names_between(engine, tx, acting, record_type, form.record, form.base)
            self._moved.append(
                {
                    "id": id_text(form.record),
                    "expected": form.base,
                    "found": newest.version,
                    "fields": fields,
                }
            )
        return change_of(engine, acting, form)
