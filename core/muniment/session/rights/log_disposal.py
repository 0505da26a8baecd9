"""Retention of the log's own details: the entries, their proofs and what they bind stay for ever.

A detail says who did what to whom; its entry only commits to it. Details go a
batch and rule at a time, through a door of their own, under an entry
``log.dispose`` that lists the commitments and is evidence itself. Details of
changes stay as long as the records that they tell of, and whatever a hold
concerns stays too.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

import attrs

from muniment import audit
from muniment.errors import AccessDenied, UsageError
from muniment.log.entry import parse_entry, unpack_entries
from muniment.log.kinds import ACCESSES, CHANGES, KINDS, SECURITY
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.rights.holds import Held, denied, held_now, refuse
from muniment.store import DetailGap, Transaction

__all__ = ["LOG_RULES", "DisposedDetails", "dispose_details"]

LOG_RULES: Final = {"changes": CHANGES, "accesses": ACCESSES, "security": SECURITY}
"""The rules whose details may be disposed of; evidence is kept as long as the log."""

_ENTRIES_AT_ONCE: Final = 5_000


@attrs.frozen
class DisposedDetails:
    """What was disposed of.

    Attributes:
        entries: how many entries lost their detail.
        kept: batches whose details were old enough and stay: held, or of records that are still there.
        first: index of the first such entry; None for none.
        last: index of the last one.
    """

    entries: int = 0
    kept: int = 0
    first: int | None = None
    last: int | None = None


@attrs.define
class _Chunk:
    gaps: list[tuple[int, int]] = attrs.field(factory=list)
    places: list[tuple[int, bytes]] = attrs.field(factory=list)
    kept: int = 0
    start: int = 0
    more: bool = False


def dispose_details(engine: Engine, acting: Acting, *, rule: str, before_us: int) -> DisposedDetails:
    """Dispose of the details under one rule that are older than a time.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        rule: a name out of ``LOG_RULES``.
        before_us: microseconds since 1970; details of batches written before go.

    Raises:
        UsageError: ``disposal.no_rule``.
        AccessDenied: ``access.action``, or ``hold.held`` where the whole archive is; logged.
    """
    number = LOG_RULES.get(rule)
    if number is None:
        raise UsageError("disposal.no_rule", known=", ".join(LOG_RULES))
    with engine.guarded(acting, "log.dispose"):
        engine.policy.require(acting.actor, "log.dispose")
    op = engine.new_id()
    total, start, gen = DisposedDetails(), 0, 0
    while True:
        begun = gen, start

        def body(tx: Transaction, moment: Moment, begun: tuple[int, int] = begun) -> tuple[_Chunk, bool]:
            held = held_now(engine, tx)
            whole = held.stop()
            if whole is not None:
                raise denied(whole, engine.logbook.origin(moment.gen))
            found = _collect(engine, tx, moment, held, begun, number, before_us)
            if found.gaps:
                _dispose(engine, acting, tx, moment, begun[0], number, found, op)
            return found, moment.gen > begun[0]

        try:
            chunk, later = engine.run(body, acting)
        except AccessDenied as error:
            if error.code == "hold.held":
                refuse(engine, acting, "retention.refuse", error, rule=rule)
            raise
        total = _added(total, chunk)
        if chunk.more:
            start = chunk.start
        elif later:
            gen, start = gen + 1, 0
        else:
            break
    engine.store.truncate()
    return total


def _added(total: DisposedDetails, chunk: _Chunk) -> DisposedDetails:
    indexes = [index for index, _ in chunk.places]
    return DisposedDetails(
        total.entries + len(indexes),
        total.kept + chunk.kept,
        total.first if total.first is not None else min(indexes, default=None),
        max(indexes, default=total.last),
    )


def _collect(
    engine: Engine,
    tx: Transaction,
    moment: Moment,
    held: Held,
    begun: tuple[int, int],
    rule: int,
    before_us: int,
) -> _Chunk:
    """The next details that may go, up to so many entries."""
    gen, start = begun
    chunk = _Chunk(start=start)
    if gen == moment.gen:
        audit.catch_up(tx, SHARD, gen, stop=moment.size)
    for first, created_us in _rows(tx, gen, start, rule):
        if created_us >= before_us:
            return chunk
        if len(chunk.places) >= _ENTRIES_AT_ONCE:
            chunk.start, chunk.more = first, True
            return chunk
        batch = next(iter(tx.batches(SHARD, gen, start=first, stop=first + 1)))
        entries = [parse_entry(data) for data in unpack_entries(batch.entries)]
        indexes = [first + place for place, one in enumerate(entries) if KINDS[one.kind].rule == rule]
        if _stays(engine, tx, held, gen, indexes, rule):
            chunk.kept += 1
            continue
        chunk.gaps.append((gen, first))
        chunk.places += [(index, entries[index - first].commitment) for index in indexes]
    return chunk


def _rows(tx: Transaction, gen: int, start: int, rule: int) -> Iterator[tuple[int, int]]:
    """First index and time of every batch that has details under a rule."""
    for row in tx.details(SHARD, gen, start=start):
        if row.rule == rule and row.first_seq >= start:
            for batch in tx.batches(SHARD, gen, start=row.first_seq, stop=row.first_seq + 1):
                yield row.first_seq, batch.created_us


def _stays(engine: Engine, tx: Transaction, held: Held, gen: int, indexes: list[int], rule: int) -> bool:
    """Whether a batch's details tell of what is held, or of changes of records that are still there."""
    abouts = {about for _, about in tx.index_abouts(SHARD, gen, indexes[0], indexes[-1])}
    if not abouts:
        return False
    newest = tx.newest_versions(SHARD, sorted(abouts))
    gone = {(state.id, state.category) for state in tx.state_of(SHARD, abouts) if state.state == "erased"}
    types = engine.definitions.by_number
    for about in abouts:
        version = newest.get(about)
        if version is None:
            continue
        record_type = types.get(version.type)
        key = "" if record_type is None else record_type.key
        if held.stop(subjects=(about, version.subject), record=about, type=key):
            return True
        categories = set() if record_type is None else {field.category for field in record_type.fields}
        if held and any(held.stop(type=key, category=category) for category in categories):
            return True
        if rule == CHANGES and not {(about, 0), (version.subject, 0)} & gone:
            return True
    return False


def _dispose(
    engine: Engine,
    acting: Acting,
    tx: Transaction,
    moment: Moment,
    gen: int,
    rule: int,
    chunk: _Chunk,
    op: bytes,
) -> None:
    places = sorted(chunk.places)
    commitments = [commitment for _, commitment in places]
    tx.dispose_details(
        [DetailGap(SHARD, gen, first, rule, moment.gen, moment.size) for _, first in chunk.gaps]
    )
    # What the projection knew came from the details; it is as if it were made anew without them.
    indexes = [index for index, _ in places]
    tx.drop_abouts([(SHARD, gen, index) for index in indexes])
    projector = audit.Projector(tx, SHARD, gen)
    rows = [projector.row(audit.entry_at(tx, SHARD, gen, index)) for index in indexes]
    tx.add_index([row for row, _, _ in rows], [], sorted({shape for *_, shape in rows}))
    detail = engine.detail(
        acting,
        op,
        count=len(places),
        target={
            "rule": rule,
            "generation": gen,
            "first": indexes[0],
            "last": indexes[-1],
            "commitments": [b2a_base64(one, newline=False).decode("ascii") for one in commitments],
        },
    )
    draft = Draft("log.dispose", detail, binding=sha256(b"".join(commitments)).digest())
    engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
