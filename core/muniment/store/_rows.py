"""Rows as stores keep them, and what is asked of them.

Named tuples, in the order of the columns: they are made by the hundred thousand
and handed to drivers as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import attrs

__all__ = [
    "LOG_ORDERS",
    "Checkpoint",
    "Current",
    "DetailGap",
    "Facet",
    "File",
    "Gap",
    "Head",
    "IndexRow",
    "IndexShape",
    "ListQuery",
    "LogBatch",
    "LogDetail",
    "LogFilter",
    "Part",
    "Remembered",
    "RowMatch",
    "SidePart",
    "State",
    "Subject",
    "Tile",
    "Token",
    "Version",
]


class LogBatch(NamedTuple):
    """One group commit of the log.

    ``first_seq`` is the size of the log before it, ``entries`` a tlog-tiles
    entry bundle, ``frontier`` (every 256 entries, else None) the tree's compact
    range after it, ``created_us`` the time of its last entry.
    """

    shard: int
    gen: int
    first_seq: int
    n: int
    prev_root: bytes
    root: bytes
    frontier: bytes | None
    entries: bytes
    mac: bytes
    created_us: int


class Head(NamedTuple):
    """The newest batch without what it holds; the log's size is ``first_seq + n``."""

    gen: int
    first_seq: int
    n: int
    root: bytes
    mac: bytes
    created_us: int


class LogDetail(NamedTuple):
    """The details of one batch that fall under one retention rule of the log."""

    shard: int
    gen: int
    first_seq: int
    rule: int
    details: bytes


class Tile(NamedTuple):
    """256 complete hashes of one level of the tree; can be computed anew."""

    shard: int
    gen: int
    level: int
    idx: int
    hashes: bytes


class Checkpoint(NamedTuple):
    """A signed statement of the log's size and root."""

    shard: int
    gen: int
    size: int
    root: bytes
    note: str


class Version(NamedTuple):
    """One version of a record; ``parts`` is the list of hashes that ``hash`` covers."""

    shard: int
    record: bytes
    version: int
    subject: bytes
    gen: int
    seq: int
    type: int
    definition: int
    operation: int
    prev_hash: bytes
    hash: bytes
    parts: bytes
    recorded_us: int
    effective_us: int


class Part(NamedTuple):
    """The sealed fields of one group, as of the version that changed them."""

    shard: int
    record: bytes
    grp: int
    version: int
    sealed: bytes


class SidePart(NamedTuple):
    """A sealed text that is no version (a reason), bound by the entry it belongs to."""

    shard: int
    record: bytes
    version: int
    gen: int
    seq: int
    sealed: bytes


class File(NamedTuple):
    """An attached file: which version named it first, and the hash of its sealed bytes."""

    shard: int
    file: bytes
    record: bytes
    version: int
    grp: int
    hash: bytes


class Subject(NamedTuple):
    """Whose secret lies in which slot of the key store."""

    shard: int
    subject: bytes
    slot: int


class Facet(NamedTuple):
    """A record under one retention category, and the slot of its secret."""

    shard: int
    record: bytes
    category: int
    slot: int


class State(NamedTuple):
    """A step in the life of a subject (category 0) or facet, named by its entry."""

    shard: int
    id: bytes
    category: int
    n: int
    state: str
    gen: int
    seq: int


class Gap(NamedTuple):
    """A part that was disposed of, its hash, and the entry that covers it."""

    shard: int
    record: bytes
    grp: int
    version: int
    hash: bytes
    gen: int
    seq: int


class DetailGap(NamedTuple):
    """The details of one batch under one rule that were disposed of, and the entry that covers them."""

    shard: int
    gen: int
    first_seq: int
    rule: int
    by_gen: int
    by_seq: int


class Remembered(NamedTuple):
    """The answer to a request with an idempotency key."""

    shard: int
    actor: str
    idem_key: str
    gen: int
    seq: int
    request_hash: bytes
    created_us: int


class Current(NamedTuple):
    """Where a record stands: its newest version and its clear fields; can be rebuilt.

    ``clear`` is a JSON object from field number to sortable value, holding the
    fields of class ``public`` and ``internal`` only.
    """

    shard: int
    record: bytes
    type: int
    subject: bytes
    version: int
    deleted: int
    clear: str


class Token(NamedTuple):
    """A blind index token; can be rebuilt."""

    shard: int
    field: int
    kind: int
    token: bytes
    record: bytes


class IndexRow(NamedTuple):
    """What auditors filter on, for one entry; can be rebuilt."""

    shard: int
    gen: int
    seq: int
    time_us: int
    kind: str
    actor: str
    purpose: str
    outcome: str
    type: str
    op: str
    records: int
    shape: int


class IndexShape(NamedTuple):
    """What many entries have in common, kept once: a sorted JSON list of terms, such as ``role:editor``.

    Terms are ``role:``, ``class:``, ``field:`` (by name, and with its type before it), ``program:`` and
    ``auth:``. ``shape`` is computed from the text, so the same terms always have the same number.
    """

    shard: int
    shape: int
    terms: str


class RowMatch(NamedTuple):
    """One condition on a current row.

    Attributes:
        number: of a clear field.
        values: the sortable values of which it must have one; none are met by no row.
        of_subject: number of a type: the field is one of the record of that type that is the row's
            subject; 0 for the row's own.
    """

    number: int
    values: tuple[object, ...]
    of_subject: int = 0


@attrs.frozen
class ListQuery:
    """Which current records a page holds.

    Attributes:
        type: number of the record type.
        equals: clear fields by number with the sortable value they must have.
        order: numbers of clear fields to sort by, each with whether its largest come first; rows that
            are equal in all of them, and all where there are none, stand in the order of creation.
        descending: of creation the newest first.
        after: the key of the last row of the page before: its value of each field of ``order``, None
            where it has none, and the record.
        limit: rows at the most.
        deleted: list what was deleted instead.
        reach: conditions on rows: of each member, which is a list of alternatives, a row must meet
            every condition of one.
    """

    type: int
    equals: Sequence[tuple[int, object]] = ()
    order: Sequence[tuple[int, bool]] = ()
    descending: bool = False
    after: tuple[Sequence[object], bytes] | None = None
    limit: int = 100
    deleted: bool = False
    reach: Sequence[Sequence[Sequence[RowMatch]]] = ()


LOG_ORDERS = ("seq", "kind", "actor", "purpose", "outcome", "type", "records")
"""What rows of the projection can be sorted by; ``seq`` is time as well."""


@attrs.frozen
class LogFilter:
    """What an auditor asks for; None leaves a column open.

    Attributes:
        terms: terms of ``IndexShape`` that must all be there.
        about: identifier of a subject or record.
        before: only entries below this index.
        order_by: out of ``LOG_ORDERS``.
        descending: the last ones first.
        after: value and index of the last row of the page before, in this order.
        limit: rows at the most.
    """

    since_us: int | None = None
    until_us: int | None = None
    kinds: Sequence[str] = ()
    actor: str | None = None
    purpose: str | None = None
    outcome: str | None = None
    type: str | None = None
    op: str | None = None
    terms: Sequence[str] = ()
    about: bytes | None = None
    before: int | None = None
    order_by: str = "seq"
    descending: bool = True
    after: tuple[str | int, int] | None = None
    limit: int = 100
