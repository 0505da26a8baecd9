"""A form, or what was typed into a row, on its way into the tray of whoever typed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from muniment.changes.drafts import Form, pack_form, raw_value, unpack_form
from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.model import id_bytes, id_text
from muniment.schema import DRAFT, RecordType
from muniment.session.approval.forms import (
    Draft,
    Held,
    gone,
    load,
    one_of,
    show,
    type_of,
    values_of,
)
from muniment.session.ground import Footing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import require_open
from muniment.session.kernel.reach import reached_by
from muniment.session.reading.reads import definition_of, may_read
from muniment.session.writing.approving import expires_at, rules_in_force
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.kernel.logbook import Moment

__all__ = ["Edit", "Saving"]


@attrs.frozen
class Edit:
    """What somebody typed into one record's row.

    Attributes:
        record: UUID text; empty for a record that is not there yet.
        values: what was typed, by field key.
        base: the version that was seen; None for the newest, or for what the tray holds already.
        without: keys of fields whose change is taken back.
    """

    record: str
    values: Mapping[str, object] = attrs.field(factory=dict)
    base: int | None = None
    without: Sequence[str] = ()


class Saving(Footing):
    """One form on its way into the tray."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        super().__init__(engine, acting)
        self.ids: list[bytes] = []
        self.target = b""
        self._record = b""

    def save(
        self,
        values: Mapping[str, object],
        type: str,
        record: str | None,
        base: int | None,
        id: str | None,
    ) -> Draft:
        """Keep a form, as ``Drafts.save`` takes it."""

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            held = None
            if id is not None:
                held = one_of(self._engine, tx, moment, self._acting, id_bytes(id))
            return self._found(tx, moment, values, type, record, base, held)

        write(self._engine, self._acting, find, new_ids=self.ids, action="draft.save")
        with self._engine.store.transaction(write=False) as tx:
            return show(self._engine, tx, self._acting, load(self._engine, tx, self._record))

    def merged(
        self, tx: Transaction, moment: Moment, edit: Edit, held: Held | None, type: str
    ) -> Sequence[Change]:
        """What keeps some cells of a record beside those that are kept already.

        ``target`` then has the identifier of the record, which a new one gets here.
        """
        new = not edit.record or (held is not None and held.form.operation == "create")
        values: dict[str, object] = {}
        base = edit.base
        if held is not None:
            values = values_of(self._engine, self._acting, held.form)
            # What is in the tray was typed over the version seen then; only a look at both moves it on.
            base = held.form.base if base is None or edit.values or edit.without else base
        values = {
            key: value for key, value in (values | dict(edit.values)).items() if key not in edit.without
        }
        if not values:
            return [] if held is None else [gone(held)]
        if new:
            return self._found(tx, moment, values, type, None, None, held)
        return self._found(tx, moment, values, "", edit.record, base, held)

    def _found(
        self,
        tx: Transaction,
        moment: Moment,
        values: Mapping[str, object],
        type: str,
        record: str | None,
        base: int | None,
        held: Held | None,
    ) -> Sequence[Change]:
        engine, acting = self._engine, self._acting
        if held is not None and not type and record is None:
            # The next state of the same form.
            kept = held.form
            if kept.operation == "create":
                type = type_of(engine, kept).key
            else:
                record = id_text(kept.record)
                base = kept.base if base is None else base
        form, subject = self._form(tx, moment, values, type, record, base, held)
        self.target = form.record
        stored = {"owner": acting.actor.id, "content": pack_form(form)}
        if held is not None and held.version.subject == subject:
            self._record = held.version.record
            if unpack_form(stored["content"]) == held.form:
                return ()
            stated: dict[str, Any] = {"expires": self._expires(moment), "content": stored["content"]}
            return [
                Change(
                    "update",
                    record=self._record,
                    values=stated,
                    expected_version=held.version.version,
                    kind="draft.save",
                    inside=True,
                )
            ]
        self._record = engine.new_id()
        self.ids.append(self._record)
        made = Change(
            "create",
            DRAFT.key,
            values={**stored, "expires": self._expires(moment)},
            subject=subject,
            new_subject=tx.subject(SHARD, subject) is None,
            kind="draft.save",
            inside=True,
        )
        return [made] if held is None else [made, gone(held)]

    def _expires(self, moment: Moment) -> datetime:
        days = rules_in_force(self._engine).draft_days
        return expires_at(self._engine, moment.time_us, days=days)

    def _form(
        self,
        tx: Transaction,
        moment: Moment,
        values: Mapping[str, object],
        type: str,
        record: str | None,
        base: int | None,
        held: Held | None,
    ) -> tuple[Form, bytes]:
        engine, acting = self._engine, self._acting
        newest = reached = None
        if record is None:
            if not type:
                raise UsageError("draft.no_target")
            record_type, operation = engine.record_type(type), "create"
        else:
            newest = tx.version(SHARD, id_bytes(record))
            current = tx.current(SHARD, id_bytes(record))
            if newest is None or current is None or current.deleted:
                raise NotFound("record.not_found")
            now = engine.definitions.by_number.get(newest.type, definition_of(engine, tx, newest))
            record_type, operation = now, "update"
            reached = reached_by(engine, tx, acting, record_type, newest)
            if not may_read(engine, acting, "record.read", record_type, reached=reached):
                raise NotFound("record.not_found")
            engine.check_live(tx, {newest.record, newest.subject})
            if base is not None and not 1 <= base <= newest.version:
                raise NotFound("record.no_version", where=record)
        if record_type.built_in:
            raise AccessDenied("access.guarded", where=record_type.key)
        engine.policy.require(acting.actor, f"record.{operation}", record_type.key, reached=reached)
        raw = self._raw(record_type, values)
        if newest is not None:
            target, subject = newest.record, newest.subject
            about = (About(subject, target),)
            require_open(engine, tx, acting, "record.update", record_type, about, moment.time_us, writes=True)
        else:
            target, subject = self._new_target(tx, record_type, values, held)
        seen = 0 if newest is None else newest.version if base is None else base
        on_behalf_of = acting.actor.on_behalf_of or ""
        return Form(operation, record_type.number, target, seen, raw, on_behalf_of), subject

    def _raw(self, record_type: RecordType, values: Mapping[str, object]) -> dict[int, Any]:
        view = self._engine.policy.view(self._acting.actor, record_type)
        raw = {}
        for name, value in values.items():
            field = record_type.field(name)
            if field is None or field.key not in view.readable | view.writable:
                raise NotFound("schema.unknown_field", where=record_type.key, name=name)
            if field.key not in view.writable:
                raise AccessDenied(
                    "access.field", where=record_type.key, action="record.write", names=field.key
                )
            raw[field.number] = raw_value(field, value)
        return raw

    def _new_target(
        self, tx: Transaction, record_type: RecordType, values: Mapping[str, object], held: Held | None
    ) -> tuple[bytes, bytes]:
        """The identifier of a record that is not there yet, and whom it is about as far as that is known."""
        engine = self._engine
        same = held is not None and held.form.type == record_type.number and not held.form.base
        target = held.form.record if held is not None and same else engine.new_id()
        if record_type.subject == "self":
            return target, target
        if isinstance(record_type.subject, tuple):
            named = next(
                (value for name, value in values.items() if _leads(record_type, name)),
                None,
            )
            try:
                owner = tx.current(SHARD, id_bytes(str(named)))
            except UsageError:
                owner = None
            if owner is not None and not owner.deleted:
                engine.check_live(tx, {owner.record, owner.subject})
                return target, owner.subject
        return target, engine.archive


def _leads(record_type: RecordType, name: str) -> bool:
    """Whether a field is the one by which a record knows whom it is about."""
    field = record_type.field(name)
    return field is not None and field.key in record_type.fixed
