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

Rows are named tuples, in the order of the columns: they are made by the
hundred thousand and handed to drivers as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

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
        order_by: number of a clear field, or None for the order of creation.
        descending: newest or largest first.
        after: the key of the last row of the page before, as ``(sort value, record)``.
        limit: rows at the most.
        deleted: list what was deleted instead.
        reach: conditions on rows: of each member, which is a list of alternatives, a row must meet
            every condition of one.
    """

    type: int
    equals: Sequence[tuple[int, object]] = ()
    order_by: int | None = None
    descending: bool = False
    after: tuple[object, bytes] | None = None
    limit: int = 100
    deleted: bool = False
    reach: Sequence[Sequence[Sequence[RowMatch]]] = ()


class Reader(Protocol):
    """Everything that can be read without keys; what a verifier needs."""

    def head(self, shard: int) -> Head | None:
        """The newest batch of the newest generation, or None for an empty log."""

    def batches(self, shard: int, gen: int, *, start: int = 0, stop: int | None = None) -> Iterator[LogBatch]:
        """The batches that hold entries from ``start`` to before ``stop``, in order."""

    def details(
        self, shard: int, gen: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[LogDetail]:
        """The details of the same batches, in order of batch and rule."""

    def last_frontier(self, shard: int, gen: int) -> LogBatch | None:
        """The newest batch that stored a frontier."""

    def generations(self, shard: int) -> list[int]:
        """The generations of the log, oldest first."""

    def checkpoints(self, shard: int, gen: int) -> Iterator[Checkpoint]:
        """The signed checkpoints, smallest first."""

    def last_checkpoint(self, shard: int, gen: int) -> Checkpoint | None:
        """The largest signed checkpoint."""

    def tiles(self, shard: int, gen: int) -> Iterator[Tile]:
        """The stored tiles in order of level and index."""

    def tile(self, shard: int, gen: int, level: int, idx: int) -> bytes | None:
        """The hashes of one complete tile, or None where it was not stored."""

    def versions_by_entry(
        self, shard: int, gen: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Version]:
        """The versions of entries from ``start`` (0: all) to before ``stop``, by (seq, record, version)."""

    def versions_by_record(self, shard: int) -> Iterator[Version]:
        """All versions in order of (record, version)."""

    def versions_of(self, shard: int, record: bytes) -> list[Version]:
        """The versions of one record, oldest first."""

    def versions_at(self, shard: int, gen: int, first: int, last: int) -> list[Version]:
        """The versions written by the entries from ``first`` to ``last`` inclusive."""

    def version(self, shard: int, record: bytes, version: int | None = None) -> Version | None:
        """One version of a record, by default the newest."""

    def newest_versions(self, shard: int, records: Sequence[bytes]) -> dict[bytes, Version]:
        """The newest version of each of these records, by record; those that are not there are left out."""

    def builtin(self, shard: int, types: Collection[int]) -> list[tuple[int, bytes, int]]:
        """Type, record and newest version of every record of these built-in types (below 256), in that order.

        Out of the versions themselves, not the current state, which may have to be made anew.
        """

    def newest_about(self, shard: int, type: int, subjects: Collection[bytes]) -> list[Version]:
        """The newest version of every record of a built-in type about these subjects, in no order."""

    def parts_by_record(self, shard: int) -> Iterator[Part]:
        """All parts in order of (record, group, version)."""

    def parts_of(
        self, shard: int, record: bytes, version: int, groups: Collection[int] | None = None
    ) -> list[Part]:
        """The newest part of each group that is not newer than ``version``."""

    def parts_at(self, shard: int, places: Sequence[tuple[bytes, int, int]]) -> list[Part]:
        """For each (record, group, version) the newest part that is not newer, in one go and in no order."""

    def parts_of_record(self, shard: int, record: bytes) -> list[Part]:
        """Every part of one record, in order of (group, version)."""

    def side_parts(self, shard: int) -> Iterator[SidePart]:
        """All side parts in order of (gen, seq, record, version)."""

    def side_part(self, shard: int, gen: int, seq: int) -> list[SidePart]:
        """The side parts of one entry."""

    def side_parts_of(self, shard: int, record: bytes) -> list[SidePart]:
        """The side parts that belong to one subject, in order of version."""

    def files(self, shard: int) -> Iterator[File]:
        """All attached files in order of (record, file)."""

    def files_of(self, shard: int, record: bytes) -> list[File]:
        """The attached files of one record, in order of their ids."""

    def has_file(self, shard: int, file: bytes) -> bool:
        """Whether a version names this attached file."""

    def subjects(self, shard: int) -> Iterator[Subject]:
        """All subjects in order."""

    def subject(self, shard: int, subject: bytes) -> Subject | None:
        """One subject's row."""

    def subject_records(self, shard: int, subject: bytes) -> list[Version]:
        """The first version of every record about a subject; out of the versions, not the current state."""

    def facets(self, shard: int) -> Iterator[Facet]:
        """All facets in order of (record, category)."""

    def facets_of(self, shard: int, record: bytes) -> list[Facet]:
        """The facets of one record."""

    def states(self, shard: int) -> Iterator[State]:
        """All states in order of (id, category, n)."""

    def has_states(self, shard: int) -> bool:
        """Whether anything was ever erased or is being erased."""

    def state_of(self, shard: int, ids: Collection[bytes]) -> list[State]:
        """The newest states of these subjects and records that are not simply live."""

    def steps_of(self, shard: int, ids: Collection[bytes]) -> list[State]:
        """All states of these subjects and records, in order of (id, category, n)."""

    def unfinished(self, shard: int) -> list[State]:
        """The states of what is being erased now, in order of their entries.

        One erasure ends before another begins, so they are the last states that were written.
        """

    def detail_gaps(self, shard: int) -> Iterator[DetailGap]:
        """The details of the log that were disposed of, in order of (gen, batch, rule)."""

    def gaps(self, shard: int) -> Iterator[Gap]:
        """All gaps in order of (record, group, version)."""

    def current(self, shard: int, record: bytes) -> Current | None:
        """Where one record stands."""

    def currents(self, shard: int) -> Iterator[Current]:
        """Where every record stands, in order of record."""

    def list_current(self, shard: int, query: ListQuery) -> list[Current]:
        """One page of current records."""

    def count_current(self, shard: int, query: ListQuery) -> int:
        """How many records the query has in all its pages."""

    def records_of_subject(self, shard: int, subject: bytes) -> list[Current]:
        """The current records of one subject."""

    def tokens(self, shard: int) -> Iterator[Token]:
        """All tokens in order of (field, kind, token, record)."""

    def find_tokens(
        self, shard: int, field: int, kind: int, tokens: Collection[bytes]
    ) -> dict[bytes, list[bytes]]:
        """The records under each of these tokens."""

    def remembered(self, shard: int, actor: str, idem_key: str) -> Remembered | None:
        """The answer that was given to this idempotency key."""

    def find_entries(self, shard: int, gen: int, filters: LogFilter) -> list[IndexRow]:
        """One page of rows of the auditors' projection, in the order asked for.

        Raises ``UsageError("log.order")`` for an order that there is not.
        """

    def count_entries(self, shard: int, gen: int, filters: LogFilter, *, most: int) -> int:
        """How many rows match on all pages, counted no further than ``most``."""

    def index_shapes(self, shard: int) -> Iterator[IndexShape]:
        """What rows of the projection have in common, in order of number."""

    def index_rows(self, shard: int, gen: int) -> Iterator[IndexRow]:
        """All rows of the auditors' projection, in order."""

    def index_abouts(self, shard: int, gen: int, first: int, last: int) -> list[tuple[int, bytes]]:
        """The index of each entry from ``first`` to ``last``, with the subjects and records it is about."""

    def strays(self, shards: int) -> list[tuple[str, int | None]]:
        """Append-only tables that hold rows which no walk over shards and generations comes by.

        Args:
            shards: how many there are, numbered from 0.

        Returns:
            Name of the table and, where the row says one, the index of its entry.
        """

    def schema_faults(self) -> list[str]:
        """Tables, indexes, triggers and settings that are not as they should be."""


class Transaction(Reader, Protocol):
    """One atomic write, in one shard; leaves nothing behind unless committed."""

    def append_batch(self, batch: LogBatch, details: Iterable[LogDetail]) -> None:
        """Extend the log. Raises ``Conflict("store.head_moved")`` if another did."""

    def add_versions(self, rows: Sequence[Version]) -> None:
        """Raises ``Conflict("store.version_exists")`` where another wrote that version."""

    def add_parts(self, rows: Sequence[Part]) -> None:
        """Add sealed parts."""

    def add_side_parts(self, rows: Sequence[SidePart]) -> None:
        """Add sealed reasons."""

    def add_files(self, rows: Sequence[File]) -> None:
        """Name attached files, which lie durable in place already."""

    def add_subjects(self, rows: Sequence[Subject]) -> None:
        """Raises ``Conflict("store.slot_taken")`` where a slot was given twice."""

    def add_facets(self, rows: Sequence[Facet]) -> None:
        """Raises ``Conflict("store.slot_taken")`` where a slot was given twice."""

    def add_states(self, rows: Sequence[State]) -> None:
        """Add a step in the life of subjects and facets."""

    def add_checkpoint(self, row: Checkpoint) -> None:
        """Keep a signed checkpoint; the same one again is nothing."""

    def add_tiles(self, rows: Sequence[Tile]) -> None:
        """Keep complete tiles; those that are there stay."""

    def remember(self, row: Remembered) -> None:
        """Keep the answer to an idempotency key, and forget those of the day before."""

    def add_current(self, rows: Sequence[Current]) -> None:
        """Say where new records stand."""

    def set_current(self, rows: Sequence[Current]) -> None:
        """Say where records stand that were there before."""

    def add_tokens(self, rows: Sequence[Token]) -> None:
        """Add blind index tokens; one that is there already stays.

        Whether a unique one is taken is looked up before, in the same transaction:
        of two writers that both find it free one loses at the head of the log.
        """

    def drop_tokens(self, rows: Sequence[Token]) -> None:
        """Remove tokens of values that were replaced."""

    def dispose_parts(self, gaps: Sequence[Gap]) -> None:
        """Remove parts through the one door: each leaves a gap that names its entry.

        A gap of group 0 stands for a side part.
        """

    def dispose_details(self, gaps: Sequence[DetailGap]) -> None:
        """Remove details of the log through their door: each batch and rule leaves a gap."""

    def drop_abouts(self, rows: Sequence[tuple[int, int, int]]) -> None:
        """Remove from the projection whom entries (shard, gen, index) are about."""

    def drop_current(self, shard: int, records: Collection[bytes]) -> None:
        """Say no longer where records stand of which nothing is left."""

    def drop_tokens_of(self, shard: int, fields: Mapping[bytes, Collection[int] | None]) -> None:
        """Remove the tokens of some fields of records, or with None all of a record's; walks the table."""

    def forget_answers(self, shard: int, entries: Collection[tuple[int, int]]) -> None:
        """Forget the answers to idempotency keys that these entries (gen, index) were given under."""

    def clear_rebuildable(self, tables: Collection[str]) -> None:
        """Empty tables that can be rebuilt: ``current``, ``token``, ``log_index``, ``log_tile``."""

    def indexed_to(self, shard: int, gen: int) -> int:
        """How many entries the auditors' projection covers."""

    def add_index(
        self,
        rows: Sequence[IndexRow],
        abouts: Sequence[tuple[int, int, int, bytes]],
        shapes: Sequence[IndexShape] = (),
    ) -> None:
        """Extend the projection; ``abouts`` are (shard, gen, seq, subject or record)."""


class Store(Reader, Protocol):
    """A place that keeps one archive's rows."""

    def transaction(self, *, write: bool = True) -> AbstractContextManager[Transaction]:
        """One transaction; commits when the block ends well, else leaves nothing."""

    def snapshot(self) -> AbstractContextManager[Reader]:
        """A reader that sees one state while others write."""

    def copy_to(self, target: Path, *, progress: Callable[[int, int], None] | None = None) -> None:
        """Write one state into a new SQLite file, without what can be rebuilt, while others write.

        The file is the form of every backup, whatever the store.

        Args:
            target: a file that is not there yet.
            progress: told how many of how many pages are copied.
        """

    def truncate(self) -> None:
        """Fold the write-ahead log back, so that disposed bytes are gone from it."""

    def close(self) -> None:
        """Let go of files and connections."""


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
