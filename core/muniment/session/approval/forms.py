"""Forms that were not saved yet, as they lie in the store: found, opened and written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from muniment.changes import people_of
from muniment.changes.drafts import Form, unpack_form
from muniment.errors import KeyStoreError, NotFound
from muniment.log.binding import unpack_live
from muniment.model import Value, id_text, micros_of
from muniment.schema import DRAFT, RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine, record_line
from muniment.session.kernel.logbook import MAX_SUBJECTS
from muniment.session.kernel.logbook import Draft as Entry
from muniment.session.kernel.moving import has_moved
from muniment.session.writing.changes import Change
from muniment.store import ListQuery, Transaction, Version

if TYPE_CHECKING:
    from muniment.session.kernel.logbook import Moment

__all__ = [
    "Draft",
    "Held",
    "change_of",
    "every",
    "gone",
    "load",
    "note",
    "one_of",
    "own",
    "show",
    "shown",
    "type_of",
    "values_of",
]

_PAGE: Final = 200


@attrs.frozen
class Draft:
    """A form that was not saved yet, as its owner sees it.

    Attributes:
        id: UUID text.
        operation: ``create`` or ``update``.
        type: key of the record type.
        record: UUID text; of a new record the identifier that it will have.
        base: the version it builds on; 0 for a new record.
        values: what was typed, by field key; in a list only the keys count, and the values are None.
        saved_us: when, microseconds since 1970.
        expires_us: when it expires.
        stale: whether the record has moved since.
    """

    id: str
    operation: str
    type: str
    record: str
    base: int
    values: Mapping[str, object]
    saved_us: int
    expires_us: int
    stale: bool


@attrs.frozen
class Held:
    """A draft in the store, opened."""

    version: Version
    owner: str
    form: Form
    expires_us: int


def note(
    engine: Engine, acting: Acting, tx: Transaction, moment: Moment, found: Sequence[Held], *, names: bool
) -> None:
    """Write down that these were looked at: their names alone, or what was typed."""
    op = engine.new_id()
    entries = []
    for at in range(0, max(len(found), 1), MAX_SUBJECTS):
        some = found[at : at + MAX_SUBJECTS]
        about = {held.version.subject for held in some} - {engine.archive}
        target = {"names": True} if names else None
        detail = engine.detail(acting, op, type=DRAFT.key, count=len(some), sets=[{}], target=target)
        lines = [
            record_line(one.version.record, one.version.version, one.version.version - 1, 0) for one in some
        ]
        entries.append(Entry("draft.read", detail, lines, [engine.subject_key(tx, one) for one in about]))
    engine.logbook.append(tx, moment, entries, actor=acting.actor.id)


def shown(engine: Engine, acting: Acting, type: str) -> Sequence[Draft]:
    """The actor's new and changed records of one type with what was typed, oldest first; one act."""

    def body(tx: Transaction, moment: Moment) -> Sequence[Draft]:
        engine.policy.require_known(acting.actor)
        number = engine.record_type(type).number
        found = [held for held in own(engine, tx, moment, acting) if held.form.type == number]
        note(engine, acting, tx, moment, found, names=False)
        return [show(engine, tx, acting, held) for held in found]

    with engine.guarded(acting, "draft.read"):
        return engine.run(body, acting)


def own(engine: Engine, tx: Transaction, moment: Moment, acting: Acting) -> list[Held]:
    """The actor's drafts that are not over, oldest first."""
    return [held for held in every(engine, tx) if _is_own(held, acting) and held.expires_us > moment.time_us]


def every(engine: Engine, tx: Transaction) -> Iterator[Held]:
    """Everybody's drafts, oldest first."""
    after: tuple[tuple[()], bytes] | None = None
    while True:
        page = tx.list_current(SHARD, ListQuery(DRAFT.number, after=after, limit=_PAGE))
        for row in page:
            try:
                yield load(engine, tx, row.record)
            except NotFound:
                continue  # erased with its subject
        if len(page) < _PAGE:
            return
        after = ((), page[-1].record)


def load(engine: Engine, tx: Transaction, record: bytes) -> Held:
    """One draft, opened.

    Raises:
        NotFound: ``draft.not_found``, also where its subject is erased.
    """
    version, row = tx.version(SHARD, record), tx.current(SHARD, record)
    if version is None or row is None or version.type != DRAFT.number or row.deleted:
        raise NotFound("draft.not_found")
    engine.check_live(tx, {record, version.subject})
    live, _ = unpack_live(version.parts)
    values: dict[str, Value] = {}
    for part in tx.parts_of(SHARD, record, version.version, live):
        try:
            values |= engine.sealer.open(part, DRAFT, version.subject, live[part.grp])
        except KeyStoreError as error:
            if error.code != "key.destroyed":
                raise
            raise NotFound("draft.not_found") from None
    expires = values.get("expires")
    if not isinstance(expires, datetime) or "content" not in values or "owner" not in values:
        raise NotFound("draft.not_found")
    form = unpack_form(str(values["content"]))
    return Held(version, str(values["owner"]), form, micros_of(expires))


def _is_own(held: Held, acting: Acting) -> bool:
    """Whether it is the actor's; what a service keeps for one person is not for another."""
    actor = acting.actor
    mine = people_of(actor.id), people_of(actor.on_behalf_of or "")
    return (people_of(held.owner), people_of(held.form.on_behalf_of)) == mine


def one_of(engine: Engine, tx: Transaction, moment: Moment, acting: Acting, record: bytes) -> Held:
    """One of the actor's own drafts.

    Raises:
        NotFound: ``draft.not_found``: also for somebody else's, alike.
    """
    held = load(engine, tx, record)
    if not _is_own(held, acting) or held.expires_us <= moment.time_us:
        raise NotFound("draft.not_found")
    return held


def type_of(engine: Engine, form: Form) -> RecordType:
    """The record type that a form is for."""
    found = engine.definitions.by_number.get(form.type)
    if found is None:
        raise NotFound("draft.not_found")
    return found


def values_of(engine: Engine, acting: Acting, form: Form) -> dict[str, object]:
    """What a form holds under today's keys, without fields that its owner may not write any more."""
    record_type = type_of(engine, form)
    view = engine.policy.view(acting.actor, record_type)
    keys = {number: field.key for number, field in record_type.by_number.items()}
    return {
        keys[number]: value
        for number, value in form.values.items()
        if number in keys and keys[number] in view.writable
    }


def change_of(engine: Engine, acting: Acting, form: Form) -> Change:
    """The change of a record that a form would be, if it were saved."""
    values = values_of(engine, acting, form)
    if form.operation == "update":
        return Change("update", record=form.record, values=values, expected_version=form.base)
    record_type = type_of(engine, form)
    filled = {key: value for key, value in values.items() if value not in (None, "", ())}
    subject = form.record if record_type.subject == "self" else None
    return Change("create", record_type.key, values=filled, subject=subject)


def show(engine: Engine, tx: Transaction, acting: Acting, held: Held, *, names: bool = False) -> Draft:
    """A draft as its owner sees it, with what was typed or with the names of the fields alone."""
    form = held.form
    values = values_of(engine, acting, form)
    return Draft(
        id_text(held.version.record),
        form.operation,
        type_of(engine, form).key,
        id_text(form.record),
        form.base,
        dict.fromkeys(values) if names else values,
        held.version.recorded_us,
        held.expires_us,
        has_moved(engine, tx, form.record, form.base),
    )


def gone(held: Held) -> Change:
    """The change that throws a draft away."""
    return Change(
        "delete",
        record=held.version.record,
        expected_version=held.version.version,
        kind="draft.discard",
        inside=True,
    )
