"""What every store promises: rows, a reader that needs no keys, and one kind of transaction.

A store keeps bytes that other modules made; it hashes, seals and decides
nothing. Every key starts with the shard (the same for all rows of one subject)
so that a store may spread shards over machines; a transaction stays inside one
shard. ``gen`` counts generations of a shard's log.

What every store promises:

* The key of ``LogBatch`` is the lock: of two writers at one head the second
  gets ``Conflict("store.head_moved")`` and nothing of its transaction stays.
* After ``commit`` returns, the rows survive a power cut.
* Rows of append-only tables cannot be changed, and go only through
  ``Transaction.dispose_*``, which need a covering ``Gap`` in the same transaction.
* A transaction sees one state; ``Reader`` methods iterate in the order of
  their keys without holding all rows in memory.

What a store may do differently: whether writers wait for one another at
``begin`` (SQLite) or meet at the key (PostgreSQL), and how it names its tables.
"""

from __future__ import annotations

from muniment.store._protocols import Reader, Store, Transaction
from muniment.store._rows import (
    LOG_ORDERS,
    Checkpoint,
    Current,
    DetailGap,
    Facet,
    File,
    Gap,
    Head,
    IndexRow,
    IndexShape,
    ListQuery,
    LogBatch,
    LogDetail,
    LogFilter,
    Part,
    Remembered,
    RowMatch,
    SidePart,
    State,
    Subject,
    Tile,
    Token,
    Version,
)

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
    "Reader",
    "Remembered",
    "RowMatch",
    "SidePart",
    "State",
    "Store",
    "Subject",
    "Tile",
    "Token",
    "Transaction",
    "Version",
]
