"""Figures over the records of a type: gathered once for all that is asked, written down before they leave.

Where everything asked for stands in clear, the current-state table answers; otherwise the records
are opened in batches, as for a list. Either way the figures are of the records that the actor
may list and the fields that they read in clear, and nothing leaves before the entry is in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Final, cast

import attrs

from muniment.errors import AccessDenied, NotFound
from muniment.model import Value
from muniment.schema import Field, RecordType
from muniment.schema.listviews import Condition
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import closed
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reach import Needs, as_newest, needs_of
from muniment.session.kernel.standing import authorize, view_of
from muniment.session.kernel.views import field_set
from muniment.session.reading.filters import Filter, compile_filter
from muniment.session.reading.lists import Asked, candidates_of, compile_terms, passing
from muniment.session.reading.reads import open_loaded, plan_of
from muniment.store import ListQuery, Transaction

__all__ = ["Row", "Sought", "aggregate", "is_clear", "is_open", "release_counted"]

_ACTION: Final = "record.list"
_AT_ONCE: Final = 500
# What the clear table says exactly; an amount stands there without its currency.
_EXACT: Final = (
    "integer",
    "decimal",
    "date",
    "datetime",
    "choice",
    "checkbox",
    "reference",
    "identifier",
    "text",
)


@attrs.frozen
class Row:
    """One record as a figure sees it.

    Attributes:
        subject: whose it is, 16 bytes.
        values: by key; in the form of the clear table where ``clear``, else as opened.
        clear: whether the clear table said so.
    """

    subject: bytes
    values: Mapping[str, Any]
    clear: bool


@attrs.frozen
class Sought:
    """What one figure asks of its records.

    Attributes:
        keys: of the fields whose values it takes.
        filters: conditions that must hold, and those of the part whose share is asked for.
        take: is given each record that meets the first ones, and whether it meets the second ones too.
    """

    keys: frozenset[str]
    filters: tuple[Condition, ...]
    of: tuple[Condition, ...]
    take: Callable[[Row, bool], None]

    @property
    def needed(self) -> frozenset[str]:
        """Keys of every field that it touches."""
        return self.keys | {one.field for one in (*self.filters, *self.of)}


def is_open(engine: Engine, acting: Acting, record_type: RecordType, needed: Collection[str]) -> bool:
    """Whether somebody may be given figures of these fields of any record at all."""
    return engine.policy.may(acting.actor, _ACTION, record_type.key) and view_of(
        engine, acting, record_type
    ).clear.issuperset(needed)


def aggregate(
    engine: Engine,
    acting: Acting,
    type: str,
    sought: Sequence[Sought],
    *,
    op: bytes,
    members: Mapping[str, object],
    progress: Callable[[int], None] | None = None,
) -> int:
    """Go through the records of a type for some figures, and write down what was computed.

    Args:
        engine: the opened archive.
        acting: who, for which purpose.
        type: key of the record type.
        sought: what the figures ask for; what they were given must not be shown before this returns.
        op: 16 bytes that all entries of one act carry.
        members: what the entry's detail names under ``target``, beside how many figures there were.
        progress: told how many records were looked at.

    Returns:
        How many records were looked at.

    Raises:
        AccessDenied: ``access.action``, or ``access.field`` for a field that is not read in clear; logged.
        NotFound: ``schema.unknown_type`` or ``schema.unknown_field``; logged.
    """
    with engine.guarded(acting, _ACTION, type=type):
        record_type = engine.record_type(type)
        engine.policy.require(acting.actor, _ACTION, record_type.key)
        keys = frozenset[str]().union(*(one.needed for one in sought))
        _require_clear(engine, acting, record_type, keys)
        ready = [_compile(engine, acting, record_type, one) for one in sought]
        narrow = [one for one in ready if one.is_clear(record_type)]
        needs = needs_of(engine, acting, record_type, (_ACTION,), read=keys)
        exact = needs is None or needs.exact
        if engine.plugins.authorizes or not exact:
            narrow = []
        opened = [one for one in ready if one not in narrow]
        count = 0
        with engine.store.snapshot() as reader:
            # A snapshot answers every question of a transaction that only reads.
            tx = cast(Transaction, reader)
            if narrow:
                count = _from_clear(engine, tx, acting, record_type, needs, narrow, progress)
            if opened:
                count = _from_parts(engine, tx, acting, record_type, opened, progress)
        _write_down(engine, acting, record_type, sought, keys, count, op, members)
        return count


def release_counted(
    engine: Engine,
    acting: Acting,
    type: str,
    sought: Sequence[Sought],
    *,
    count: int,
    op: bytes,
    members: Mapping[str, object],
) -> None:
    """Let figures go that were counted before: asks what counting asks, and writes down the same.

    Args and errors are those of ``aggregate``; ``count`` is how many records were looked at then.
    """
    with engine.guarded(acting, _ACTION, type=type):
        record_type = engine.record_type(type)
        engine.policy.require(acting.actor, _ACTION, record_type.key)
        keys = frozenset[str]().union(*(one.needed for one in sought))
        _require_clear(engine, acting, record_type, keys)
        _write_down(engine, acting, record_type, sought, keys, count, op, members)


def is_clear(engine: Engine, acting: Acting, record_type: RecordType, sought: Sought) -> bool:
    """Whether a figure is counted from what stands in clear, and no record is opened for it."""
    return _compile(engine, acting, record_type, sought).is_clear(record_type)


def _require_clear(engine: Engine, acting: Acting, record_type: RecordType, keys: Collection[str]) -> None:
    view = view_of(engine, acting, record_type)
    for key in sorted(keys):
        if key not in view.readable:
            raise NotFound("schema.unknown_field", where=record_type.key, name=key)
        if key not in view.clear:
            raise AccessDenied("access.field", where=record_type.key, action="count", names=key)


@attrs.frozen
class _Ready:
    """A figure with its conditions compiled."""

    sought: Sought
    filters: tuple[Filter, ...]
    of: tuple[Filter, ...]

    def is_clear(self, record_type: RecordType) -> bool:
        """Whether the clear table says everything that it asks."""
        fields = (record_type.by_key[key] for key in self.sought.keys)
        compared = all(one.number is not None for one in (*self.filters, *self.of))
        return compared and all(_is_exact(field) for field in fields)

    def take(self, row: Row) -> None:
        """Give it a record, if it asks for it."""
        if all(_holds(one, row) for one in self.filters):
            self.sought.take(row, all(_holds(one, row) for one in self.of))


def _is_exact(field: Field) -> bool:
    return field.in_clear and field.kind in _EXACT


def _holds(one: Filter, row: Row) -> bool:
    value = row.values.get(one.key)
    return one.passes(value) if row.clear else one.matches(value)


def _compile(engine: Engine, acting: Acting, record_type: RecordType, sought: Sought) -> _Ready:
    view = view_of(engine, acting, record_type)
    filters, of = (
        tuple(compile_filter(engine, acting, record_type, view, one, scan=True) for one in conditions)
        for conditions in (sought.filters, sought.of)
    )
    return _Ready(sought, filters, of)


def _from_clear(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    record_type: RecordType,
    needs: Needs | None,
    ready: Sequence[_Ready],
    progress: Callable[[int], None] | None,
) -> int:
    keys = sorted(frozenset[str]().union(*(one.sought.needed for one in ready)))
    query = ListQuery(record_type.number, reach=() if needs is None else needs.matches)
    numbers = [record_type.by_key[key].number for key in keys]
    listed, fields, time_us = tx.clear_values(SHARD, query, numbers), frozenset(keys), engine.clock()
    count = 0
    while some := list(islice(listed, _AT_ONCE)):
        about = {About(subject, record) for record, subject, *_ in some} if engine.gates else ()
        barred = closed(engine, tx, acting, _ACTION, record_type, about, time_us, fields=fields)
        for record, subject, *values in some:
            if barred and (subject, record) in barred:
                continue
            count += 1
            row = Row(subject, dict(zip(keys, values, strict=True)), True)
            for one in ready:
                one.take(row)
        if progress is not None:
            progress(count)
    return count


def _from_parts(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    record_type: RecordType,
    ready: Sequence[_Ready],
    progress: Callable[[int], None] | None,
) -> int:
    """Open what is asked for, some hundred records at once, of those that the actor may list."""
    # Masks come first for people, not for a count.
    acting = attrs.evolve(acting, masked=False)
    keys = sorted(frozenset[str]().union(*(one.sought.needed for one in ready)))
    asked = Asked(record_type.key, fields=keys)
    plan = plan_of(engine, acting, record_type, keys)
    time_us = engine.clock()
    authorize(engine, acting, _ACTION, record_type, plan.keys, None, time_us)
    terms = compile_terms(engine, acting, record_type, asked)
    candidates = candidates_of(tx, asked, record_type, terms, None, _AT_ONCE)
    count = 0
    while rows := list(islice(candidates, _AT_ONCE)):
        for _, loaded, own in passing(engine, tx, acting, asked, plan, terms, rows, time_us, opens=True):
            values = as_newest(engine, loaded.type, open_loaded(engine, loaded, own.numbers))
            shown = {key: value for key, value in values.items() if key in own.view.clear}
            count += 1
            row = Row(loaded.version.subject, cast(Mapping[str, Value], shown), False)
            for one in ready:
                one.take(row)
        if progress is not None:
            progress(count)
    return count


def _write_down(
    engine: Engine,
    acting: Acting,
    record_type: RecordType,
    sought: Sequence[Sought],
    keys: Collection[str],
    count: int,
    op: bytes,
    members: Mapping[str, object],
) -> None:
    view = view_of(engine, acting, record_type)
    detail = engine.detail(
        acting,
        op,
        type=record_type.key,
        count=count,
        sets=[field_set(record_type, view, keys)],
        target={**members, "figures": len(sought)},
    )

    def body(tx: Transaction, moment: Moment) -> None:
        # Roles may have changed while it was counted; then nothing of it is shown.
        engine.policy.require(acting.actor, _ACTION, record_type.key)
        draft = Draft("record.aggregate", detail, [], [])
        engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)

    engine.read(body, acting)
