"""The end of what waits: proposals and drafts expire, and what they held is erased through the one door."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from muniment.model import parse_time
from muniment.policy import SYSTEM
from muniment.schema import DRAFT, PROPOSAL
from muniment.session.approval.checking import Changes
from muniment.session.approval.drafts import Drafts
from muniment.session.approval.proposals import clear_of
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.rights.erasing import MOST_TARGETS, erase
from muniment.session.rights.scope import Target
from muniment.store import Current, ListQuery, Transaction

__all__ = ["Expired", "expire_due"]

_PAGE = 500


@attrs.frozen
class Expired:
    """What went.

    Attributes:
        proposals: how many expired that were open, or approved and not used.
        drafts: how many drafts nobody touched for too long.
        erased: how many records of proposals and drafts were erased with all that they held.
    """

    proposals: int = 0
    drafts: int = 0
    erased: int = 0


def expire_due(engine: Engine, acting: Acting, now_us: int | None = None) -> Expired:
    """Let what is due expire, and erase what is over; for ``tick``.

    A proposal is kept until the day it expires, however it ended, so that its maker
    can see what became of it. Then its records are erased, and discarded drafts with
    them, in one act with a certificate; what a hold keeps stays until that is released.

    Args:
        engine: the opened archive.
        acting: for whom; the erasure itself is the framework's own.
        now_us: what counts as now, microseconds since 1970; by default the archive's clock.

    Raises:
        KeyStoreError: ``key.locked``, ``key.slot_absent``: nothing was erased; another time.
    """
    now = engine.clock() if now_us is None else now_us
    proposals = Changes(engine, acting).expire_due(now)
    drafts = Drafts(engine, acting).expire_due(now)
    with engine.store.transaction(write=False) as tx:
        over = [Target(row.record) for row in _over(tx, now)]
    erased = 0
    own = attrs.evolve(acting, actor=SYSTEM)
    for start in range(0, len(over), MOST_TARGETS):
        some = over[start : start + MOST_TARGETS]
        erased += erase(engine, own, some, cause="retention", skip_refused=True).targets
    return Expired(proposals, drafts, erased)


def _over(tx: Transaction, now_us: int) -> Iterator[Current]:
    """The rows of proposals past their day, and of discarded drafts."""
    for row in _rows(tx, ListQuery(PROPOSAL.number, limit=_PAGE)):
        state, expires = clear_of(row)
        if state not in ("open", "ready") and parse_time(expires) <= now_us:
            yield row
    yield from _rows(tx, ListQuery(DRAFT.number, deleted=True, limit=_PAGE))


def _rows(tx: Transaction, query: ListQuery) -> Iterator[Current]:
    while True:
        page = tx.list_current(SHARD, query)
        yield from page
        if len(page) < _PAGE:
            return
        query = attrs.evolve(query, after=((), page[-1].record))
