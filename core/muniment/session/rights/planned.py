"""The plan of retention that was last made of everything: the log names its records, and no value.

To plan is to open something of every record that a rule is about, which takes minutes where there are many.
So whoever renews the plan closes it with an entry that says how many stand how, and a page looks anew at the
records that the plan named alone: who was erased meanwhile, or is held by now, is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment import audit
from muniment.model import parse_time
from muniment.retention.plan import Verdict
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Moment
from muniment.store import LogFilter, Transaction

__all__ = ["LISTS", "Closed", "Planned", "last_closed", "named_by", "renewals"]

LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "due": ("due", "review"),
    "blocked": ("held", "conflict", "suspended", "unknown"),
}
"""The lists of a plan, and the states of the facets in each."""

_CLOSES: Final = "retention.report"
_NAMES: Final = "retention.plan"
_CHANGES: Final = (
    "record.create",
    "record.update",
    "record.correct",
    "record.delete",
    "record.undelete",
    "record.revert",
)
_MOST_CHANGES: Final = 100_000


@attrs.frozen
class Planned:
    """A list of the last plan, as what it names stands now.

    Attributes:
        time_us: when the plan was made.
        changes: how many writings of records the log has since, counted up to 100,000.
        facets: how many facets stood how then: type, category, state, rule, count.
        verdicts: on the records that the list names, as far as they stand so still.
        more: whether it names more records than were looked at.
    """

    time_us: int
    changes: int
    facets: Sequence[tuple[str, str, str, str, int]]
    verdicts: Sequence[Verdict]
    more: bool


@attrs.frozen
class Closed:
    """The entry that closed the last plan.

    Attributes:
        time_us: when.
        began_us: when the first records were looked at.
        lists: by name of a list the act under which its records were written down, in hex.
        facets: as for ``Planned``.
        changes: likewise.
    """

    time_us: int
    began_us: int
    lists: Mapping[str, str]
    facets: Sequence[tuple[str, str, str, str, int]]
    changes: int


def renewals(actor: str = "") -> bytes:
    """The act, 16 bytes, of all entries that close plans, so that the last one is found.

    Args:
        actor: whose plans, where they reach some records alone; empty for those of everything.
    """
    return sha256(b"muniment/retention-plan/v1\n" + actor.encode()).digest()[:16]


def last_closed(tx: Transaction, moment: Moment, act: bytes) -> Closed | None:
    """The last plan of this generation of the log; None where there is none, or its detail had its time.

    Args:
        tx: the transaction.
        moment: its moment.
        act: from ``renewals``.
    """
    gen = moment.gen
    audit.catch_up(tx, SHARD, gen, stop=moment.size)
    rows = tx.find_entries(SHARD, gen, LogFilter(kinds=(_CLOSES,), op=act.hex(), limit=1))
    detail = audit.entry_at(tx, SHARD, gen, rows[0].seq).detail if rows else None
    if detail is None:
        return None
    target: Mapping[str, Any] = detail["target"]
    since = LogFilter(kinds=_CHANGES, since_us=rows[0].time_us + 1)
    return Closed(
        rows[0].time_us,
        parse_time(target["began"]),
        target["lists"],
        [(key, category, state, rule, count) for key, category, state, rule, count in target["facets"]],
        tx.count_entries(SHARD, gen, since, most=_MOST_CHANGES),
    )


def named_by(tx: Transaction, moment: Moment, plan: Closed, name: str, *, limit: int) -> list[bytes]:
    """The first records of one list of a plan.

    Args:
        tx: the transaction.
        moment: its moment.
        plan: how it was closed.
        name: out of ``LISTS``.
        limit: records at the most.
    """
    found: dict[bytes, None] = {}
    asked = LogFilter(
        since_us=plan.began_us, kinds=(_NAMES,), op=plan.lists[name], descending=False, limit=limit
    )
    for row in tx.find_entries(SHARD, moment.gen, asked):
        found |= dict.fromkeys(audit.named_records(audit.entry_at(tx, SHARD, moment.gen, row.seq)))
        if len(found) >= limit:
            break
    return list(found)[:limit]
