"""What a store does: read, and write in transactions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from muniment.store._rows import (
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
    SidePart,
    State,
    Subject,
    Tile,
    Token,
    Version,
)

__all__ = ["Reader", "Store", "Transaction"]


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

    def parts_at(
        self, shard: int, places: Mapping[bytes, tuple[int, Collection[int]]]
    ) -> Mapping[bytes, Sequence[Part]]:
        """By record, in one go, the newest part of each of these groups that is not newer than a version.

        Args:
            shard: the shard.
            places: the version and the groups, by record; a record of which there is none is left out.
        """

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

    def subject_slots(self, shard: int, subjects: Collection[bytes]) -> dict[bytes, int]:
        """Where the secrets of these subjects lie; of one that has no row, nothing."""

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

    def current_of(self, shard: int, records: Sequence[bytes]) -> list[Current]:
        """Where each of these records stands, in their order; those that are not there are left out."""

    def currents(self, shard: int) -> Iterator[Current]:
        """Where every record stands, in order of record."""

    def list_current(self, shard: int, query: ListQuery) -> list[Current]:
        """One page of current records."""

    def count_current(self, shard: int, query: ListQuery) -> int:
        """How many records the query has in all its pages."""

    def clear_values(self, shard: int, query: ListQuery, numbers: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """Record, subject and values of these clear fields of all that the query has in all its pages.

        In no order; a field without a value is None. ``order``, ``after`` and ``limit`` do not count.
        """

    def records_of_subject(self, shard: int, subject: bytes) -> list[Current]:
        """The current records of one subject."""

    def tokens(self, shard: int) -> Iterator[Token]:
        """All tokens in order of (field, kind, token, record)."""

    def find_tokens(
        self, shard: int, field: int, kind: int, tokens: Collection[bytes]
    ) -> dict[bytes, list[bytes]]:
        """The records under each of these tokens."""

    def records_under(self, shard: int, tokens: Iterable[tuple[int, int, bytes]]) -> set[bytes]:
        """The records that stand under all of these tokens, each with the field and the kind of its index."""

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

    def ready_listing(self, shard: int, query: ListQuery, *, together: bool = False) -> None:
        """Make ready what lists by these fields quickly, where a store has such a thing.

        Changes no answer. Called before a query that sorts by a field or chooses by its value.

        Args:
            shard: of the rows.
            query: that will be asked.
            together: choose and sort in one go, where what is not chosen outgrows what is.
        """

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
