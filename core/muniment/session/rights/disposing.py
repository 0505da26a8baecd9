"""Disposing again of what the key store knows as destroyed, after old rows came back with their sealed parts.

The key store is the ledger of erasures: a part whose secrets are gone can be opened
by nobody, and the rows say so too. No hold stands in the way of what is done already.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

import attrs

from muniment.policy import SYSTEM
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.rights.erasing import MOST_TARGETS, erase
from muniment.session.rights.scope import Target
from muniment.store import Transaction

__all__ = ["Disposed", "dispose_again"]


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


def dispose_again(engine: Engine, acting: Acting, op: bytes) -> Disposed:
    """Dispose of every facet whose own or whose subject's secret is destroyed, and that is not known to be.

    Args:
        engine: over the rows that were put back.
        acting: who put them back; that these rows go is the framework's own doing.
        op: 16 bytes, of the restore; the entries name it.

    Returns:
        What went; nothing where the rows know of every erasure.
    """
    with engine.store.transaction(write=False) as tx:
        targets, records = _doomed(engine, tx)
    parts = 0
    own = attrs.evolve(acting, actor=SYSTEM)
    for start in range(0, len(targets), MOST_TARGETS):
        some = targets[start : start + MOST_TARGETS]
        done = erase(engine, own, some, cause="restore", notwithstanding=True, members={"restore": op.hex()})
        parts += sum(int(one["parts"]) for one in done.certificate["targets"])
    return Disposed(sum(not one.category for one in targets), len(records), parts)


def _doomed(engine: Engine, tx: Transaction) -> tuple[list[Target], set[bytes]]:
    """What is dead and does not say so, and the records that this concerns."""
    facets = [row for row in tx.facets(SHARD) if row.category]
    own = [row for row in tx.subjects(SHARD) if row.subject != engine.archive]
    dead = set(engine.keys.destroyed({row.slot for row in facets} | {row.slot for row in own}))
    if not dead:
        return [], set()
    known = {(state.id, state.category) for state in tx.states(SHARD)}
    targets = [Target(row.subject) for row in own if row.slot in dead and (row.subject, 0) not in known]
    gone = {target.id for target in targets} | {identifier for identifier, category in known if not category}
    records = {one.record for target in targets for one in tx.subject_records(SHARD, target.id)}
    for record, rows in groupby(facets, attrgetter("record")):
        first = tx.version(SHARD, record, 1)
        if first is None or {record, first.subject} & gone:
            continue
        for row in rows:
            if row.slot in dead and (record, row.category) not in known:
                targets.append(Target(record, row.category))
                records.add(record)
    return targets, records
