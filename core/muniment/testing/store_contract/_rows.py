"""The rows that the contract puts into a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from muniment.store import (
    Checkpoint,
    Current,
    DetailGap,
    Facet,
    File,
    Gap,
    Head,
    IndexRow,
    LogBatch,
    LogDetail,
    Part,
    Remembered,
    SidePart,
    State,
    Store,
    Subject,
    Tile,
    Token,
    Transaction,
    Version,
)

__all__ = [
    "a_batch",
    "a_current",
    "a_detail",
    "a_head",
    "a_part",
    "a_version",
    "an_id",
    "everything",
    "fill",
    "write",
]


def an_id(number: int) -> bytes:
    """The identifier of this number, 16 bytes."""
    return number.to_bytes(16, "big")


def a_batch(first: int, *, gen: int = 0, n: int = 1, frontier: bytes | None = None) -> LogBatch:
    """A batch of so many entries; roots and macs stand for real ones."""
    return LogBatch(
        0, gen, first, n, bytes([first % 256]) * 32, bytes([(first + n) % 256]) * 32, frontier,
        b"entries %d" % first, b"m" * 32, 1_000_000 + first,
    )  # fmt: skip


def a_head(batch: LogBatch) -> Head:
    """What ``Reader.head`` says of a batch."""
    return Head(batch.gen, batch.first_seq, batch.n, batch.root, batch.mac, batch.created_us)


def a_detail(first: int, rule: int = 1, *, gen: int = 0) -> LogDetail:
    """Details of a batch under one rule."""
    return LogDetail(0, gen, first, rule, b"details %d %d" % (first, rule))


def a_version(record: int, version: int, *, seq: int = 0, subject: int | None = None) -> Version:
    """A version whose subject is itself, unless told otherwise."""
    owner = an_id(record if subject is None else subject)
    return Version(
        0, an_id(record), version, owner, 0, seq, 256, 1, 1, bytes(32), bytes([version]) * 32, b"parts",
        5_000 + seq, 6_000 + seq,
    )  # fmt: skip


def a_part(record: int, group: int, version: int, sealed: bytes = b"sealed") -> Part:
    """A part of one group."""
    return Part(0, an_id(record), group, version, sealed)


def a_current(record: int, clear: str = "{}", *, deleted: int = 0, subject: int | None = None) -> Current:
    """A row of the current state."""
    return Current(0, an_id(record), 256, an_id(record if subject is None else subject), 1, deleted, clear)


def write(store: Store, *steps: Callable[[Transaction], None]) -> None:
    """All steps in one transaction."""
    with store.transaction() as tx:
        for step in steps:
            step(tx)


def fill(store: Store) -> None:
    """A row in every append-only table, and in the others."""

    def body(tx: Transaction) -> None:
        tx.append_batch(a_batch(0, n=2), [a_detail(0, 1), a_detail(0, 2), a_detail(0, 3)])
        tx.dispose_details([DetailGap(0, 0, 0, 3, 0, 1)])
        tx.add_subjects([Subject(0, an_id(1), 256)])
        tx.add_facets([Facet(0, an_id(1), 1, 257)])
        tx.add_versions([a_version(1, 1)])
        tx.add_parts([a_part(1, 9, 1), a_part(1, 10, 1)])
        tx.add_side_parts([SidePart(0, an_id(1), 77, 0, 0, b"reason")])
        tx.add_files([File(0, an_id(90), an_id(1), 1, 9, b"h" * 32)])
        tx.add_states([State(0, an_id(1), 1, 1, "erasing", 0, 1)])
        tx.dispose_parts([Gap(0, an_id(1), 10, 1, b"h" * 32, 0, 1)])
        tx.add_checkpoint(Checkpoint(0, 0, 2, b"r" * 32, "note"))
        tx.remember(Remembered(0, "anna", "key", 0, 0, b"h" * 32, 10))
        tx.add_current([a_current(1)])
        tx.add_tokens([Token(0, 1, 1, b"t", an_id(1))])
        tx.add_tiles([Tile(0, 0, 0, 0, b"hashes")])
        tx.add_index([IndexRow(0, 0, 0, 1, "record.read", "anna", "p", "ok", "customer", "op", 1, 7)], [])

    write(store, body)


def everything(store: Store) -> list[tuple[Any, ...]]:
    """Every row of every table that the reader walks."""
    rows: list[tuple[Any, ...]] = []
    for gen in store.generations(0):
        rows += [
            *store.batches(0, gen),
            *store.details(0, gen),
            *store.checkpoints(0, gen),
            *store.tiles(0, gen),
        ]
    for listed in (
        store.versions_by_record, store.parts_by_record, store.side_parts, store.files, store.subjects,
        store.facets, store.states, store.gaps, store.detail_gaps, store.currents, store.tokens,
    ):  # fmt: skip
        rows += listed(0)
    return rows
