"""Disposing again of what the key store knows as destroyed, after old rows came back with their sealed parts.

The key store is the ledger of erasures: a part whose secrets are gone can be opened
by nobody, and the rows say so too. No hold stands in the way of what is done already.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Final

import attrs

from muniment.log.binding import unpack_live
from muniment.schema import category_of_group
from muniment.session.engine import SHARD, Acting, Engine, record_line
from muniment.session.logbook import Draft, Moment
from muniment.store import Gap, State, Transaction, Version

__all__ = ["Disposed", "dispose_again"]

_STATES_AN_ENTRY: Final = 500

_Place = tuple[bytes, int, int, bytes]
"""Record, version, group and hash of a part."""


@attrs.frozen
class Disposed:
    """What was disposed of again.

    Attributes:
        subjects: whose own secret is destroyed.
        records: of which at least one part went.
        parts: sealed parts that went.
    """

    subjects: int = 0
    records: int = 0
    parts: int = 0


@attrs.define
class _Doomed:
    """What one state closes: a subject with all its records, or one facet of one record.

    Attributes:
        name: identifier and category of the state; category 0 for a subject.
        records: the versions of each record concerned, oldest first.
    """

    name: tuple[bytes, int]
    records: list[list[Version]] = attrs.field(factory=list)

    def places(self) -> Iterator[_Place]:
        """Every part that was ever made under it."""
        for versions in self.records:
            live: dict[int, bytes] = {}
            for version in versions:
                now, _ = unpack_live(version.parts)
                for group, hashed in now.items():
                    if hashed != live.get(group) and self.name[1] in (0, category_of_group(group)):
                        yield version.record, version.version, group, hashed
                live = now


def dispose_again(engine: Engine, acting: Acting, op: bytes) -> Disposed:
    """Dispose of every facet whose own or whose subject's secret is destroyed, and that is not known to be.

    Args:
        engine: over the rows that were put back.
        acting: who put them back.
        op: 16 bytes, of the restore.

    Returns:
        What went; nothing where the rows know of every erasure.
    """
    with engine.store.transaction(write=False) as tx:
        doomed = _doomed(engine, tx)
    parts = 0
    for start in range(0, len(doomed), _STATES_AN_ENTRY):
        some = doomed[start : start + _STATES_AN_ENTRY]
        parts += engine.run(partial(_dispose, engine, acting, op, some))
    engine.forget_keys()
    records = {versions[0].record for one in doomed for versions in one.records}
    return Disposed(sum(not one.name[1] for one in doomed), len(records), parts)


def _doomed(engine: Engine, tx: Transaction) -> list[_Doomed]:
    facets = [row for row in tx.facets(SHARD) if row.category]
    own = [row for row in tx.subjects(SHARD) if row.subject != engine.archive]
    slots = {row.slot for row in facets} | {row.slot for row in own}
    dead = set(engine.keys.destroyed(slots))
    subjects = {row.subject: _Doomed((row.subject, 0)) for row in own if row.slot in dead}
    closed: dict[bytes, list[int]] = {}
    for row in facets:
        if row.slot in dead:
            closed.setdefault(row.record, []).append(row.category)
    found = []
    for record, rows in groupby(tx.versions_by_record(SHARD), attrgetter("record")):
        versions = list(rows)
        if versions[0].subject in subjects:
            subjects[versions[0].subject].records.append(versions)
        else:
            found += [_Doomed((record, category), [versions]) for category in closed.get(record, ())]
    found += subjects.values()
    known = {(state.id, state.category) for one in found for state in tx.state_of(SHARD, {one.name[0]})}
    return [one for one in found if one.name not in known and (one.name[0], 0) not in known]


def _dispose(
    engine: Engine, acting: Acting, op: bytes, doomed: list[_Doomed], tx: Transaction, moment: Moment
) -> int:
    """Begin and end in one transaction: the secrets are gone already, so nothing can stop in between."""
    places = sorted({place for one in doomed for place in one.places()})
    bound = sha256(b"".join([hashed for *_, hashed in places])).digest() if places else None
    newest = {versions[-1].record: versions[-1].version for one in doomed for versions in one.records}
    lines = [record_line(record, newest[record], 0, 0) for record in sorted(newest)]
    first = moment.size
    drafts = []
    for kind in ("erasure.begin", "erasure.done"):
        target = {"cause": "restore", "parts": len(places)}
        detail = engine.detail(acting, op, count=len(newest), sets=[{}] if lines else None, target=target)
        drafts.append(Draft(kind, detail, lines, binding=bound))
    engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
    for step, state in enumerate(("erasing", "erased")):
        tx.add_states([State(SHARD, *one.name, step + 1, state, moment.gen, first + step) for one in doomed])
    tx.dispose_parts(
        [
            Gap(SHARD, record, group, version, hashed, moment.gen, first + 1)
            for record, version, group, hashed in places
        ]
    )
    return len(places)
