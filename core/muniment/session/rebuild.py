"""What can be computed anew: current state, blind indexes, the auditors' projection, tiles.

They are compared with the sealed, logged parts, and made from them; so nothing
that was done to these tables with other tools lasts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

import attrs

from muniment import audit
from muniment.log.binding import OPERATIONS, unpack_live
from muniment.log.entry import unpack_entries
from muniment.log.tiles import TILE_WIDTH
from muniment.log.tree import leaf_hashes, root_of
from muniment.model import Value, id_text
from muniment.schema import category_of_group
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.current import clear_json
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.erased import is_gone
from muniment.session.kernel.layout import layout_token, set_layout
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.tokens import tokens_of
from muniment.store import Current, Reader, Token, Transaction, Version

__all__ = ["Fault", "Rebuilt", "check_data", "rebuild_data", "refresh_layout"]

_BATCH = 1_000

Progress = Callable[[int, int], None]


@attrs.frozen
class Fault:
    """Something in a rebuildable table that does not follow from the sealed parts.

    Attributes:
        table: ``current``, ``token``, ``log_index`` or ``log_tile``.
        where: the record or entry it is about; empty where only the whole table tells.
    """

    table: str
    where: str


@attrs.frozen
class Rebuilt:
    """What was made anew.

    Attributes:
        records: rows of the current state.
        tokens: of the blind indexes.
        entries: of the auditors' projection.
    """

    records: int
    tokens: int
    entries: int


def _expected(engine: Engine, tx: Transaction, versions: Reader) -> Iterator[tuple[Current, list[Token]]]:
    """Where each record must stand, and its tokens, from its newest version's parts."""
    for _, rows in groupby(versions.versions_by_record(SHARD), attrgetter("record")):
        *_, newest = rows
        if not is_gone(engine, tx, newest):
            yield _standing(engine, tx, newest)


def _standing(engine: Engine, tx: Transaction, version: Version) -> tuple[Current, list[Token]]:
    # Under today's definition, whatever it was written under: fields are found by their numbers.
    record_type = engine.definitions.by_number[version.type]
    live, _ = unpack_live(version.parts)
    values: dict[str, Value] = {}
    gone = engine.check_live(tx, {version.record, version.subject})
    for part in tx.parts_of(SHARD, version.record, version.version, live):
        if (version.record, category_of_group(part.grp)) not in gone:
            values |= engine.sealer.open(part, record_type, version.subject, live[part.grp])
    current = Current(
        SHARD,
        version.record,
        version.type,
        version.subject,
        version.version,
        int(version.operation == OPERATIONS["delete"]),
        clear_json(record_type, values),
    )
    return current, [token for token, _ in tokens_of(engine, record_type, values, values, version.record)]


class _Sum:
    """A digest of rows that does not depend on their order."""

    def __init__(self) -> None:
        self.total = 0
        self.count = 0

    def add(self, row: tuple[object, ...]) -> None:
        self.total += int.from_bytes(sha256(repr(row).encode()).digest(), "big")
        self.count += 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sum) and (self.total, self.count) == (other.total, other.count)

    __hash__ = None  # type: ignore[assignment]  # a running sum is no key


def check_data(engine: Engine, acting: Acting, *, progress: Progress | None = None) -> list[Fault]:
    """Compare the rebuildable tables with what they must hold; values stay inside.

    Returns:
        Every record that stands otherwise, and tables whose rows do not add up.
    """

    def body(tx: Transaction, moment: Moment) -> list[Fault]:
        detail = engine.detail(acting, engine.new_id())
        engine.logbook.append(tx, moment, [Draft("data.check", detail)], actor=acting.actor.id)
        return []

    engine.run(body, acting)
    with engine.store.transaction() as tx:
        return list(_faults(engine, tx, progress))


def _faults(engine: Engine, tx: Transaction, progress: Progress | None) -> Iterator[Fault]:
    head = tx.head(SHARD)
    if head is None:
        return
    stored = tx.currents(SHARD)
    ahead = next(stored, None)
    wanted, found = _Sum(), _Sum()
    wanted.add(layout_token(engine))
    for done, (current, tokens) in enumerate(_expected(engine, tx, tx), start=1):
        while ahead is not None and ahead.record < current.record:
            yield Fault("current", id_text(ahead.record))
            ahead = next(stored, None)
        if ahead is None or ahead != current:
            yield Fault("current", id_text(current.record))
        if ahead is not None and ahead.record == current.record:
            ahead = next(stored, None)
        for token in set(tokens):
            wanted.add(token)
        if progress is not None:
            progress(done, 0)
    while ahead is not None:
        yield Fault("current", id_text(ahead.record))
        ahead = next(stored, None)
    for row in tx.tokens(SHARD):
        found.add(row)
    if wanted != found:
        yield Fault("token", "")
    size = head.first_seq + head.n
    yield from _index_faults(tx, head.gen, size)
    yield from _tile_faults(tx, head.gen, size)


def _index_faults(tx: Transaction, gen: int, size: int) -> Iterator[Fault]:
    upto = tx.indexed_to(SHARD, gen)
    if upto > size:
        yield Fault("log_index", str(size))
        return
    stored = tx.index_rows(SHARD, gen)
    projector = audit.Projector(tx, SHARD, gen)
    shapes = set()
    for entry in audit.entries_of(tx, SHARD, gen, stop=upto):
        row, abouts, shape = projector.row(entry)
        shapes.add(shape)
        about_rows = {about for _, about in tx.index_abouts(SHARD, gen, entry.index, entry.index)}
        if next(stored, None) != row or about_rows != abouts:
            yield Fault("log_index", str(entry.index))
            return
    kept = set(tx.index_shapes(SHARD))
    # Generations share shapes, so there may be more; each is what its number says all the same.
    if not shapes <= kept or any(audit.shape_of(SHARD, json.loads(one.terms)) != one for one in kept):
        yield Fault("log_shape", "")


def _tile_faults(tx: Transaction, gen: int, size: int) -> Iterator[Fault]:
    tiles = {(tile.level, tile.idx): tile.hashes for tile in tx.tiles(SHARD, gen)}
    for (level, index), hashes in sorted(tiles.items()):
        if hashes != _tile(tx, gen, size, level, index):
            yield Fault("log_tile", f"{level}/{index}")


def _tile(tx: Transaction, gen: int, size: int, level: int, index: int) -> bytes:
    """A complete tile from the entries themselves, or nothing where the log has no such tile."""
    span = TILE_WIDTH ** (level + 1)
    first = index * span
    if first + span > size:
        return b""
    hashes: list[bytes] = []
    leaves: list[bytes] = []
    for batch in tx.batches(SHARD, gen, start=first, stop=first + span):
        below = max(first - batch.first_seq, 0)
        leaves += leaf_hashes(unpack_entries(batch.entries)[below : first + span - batch.first_seq])
        step = TILE_WIDTH**level
        while len(leaves) >= step:
            hashes.append(root_of(leaves[:step]))
            leaves = leaves[step:]
    return b"".join(hashes)


def rebuild_data(engine: Engine, acting: Acting, *, progress: Progress | None = None) -> Rebuilt:
    """Throw the rebuildable tables away and make them anew, in one transaction.

    Raises:
        IntegrityError: a sealed part is not what was written; then nothing is changed.
    """

    def body(tx: Transaction, moment: Moment) -> Rebuilt:
        # Types and users are read from the current state, so they are known before it goes.
        tx.clear_rebuildable(("current", "token", "log_index", "log_shape", "log_about", "log_tile"))
        records = tokens = 0
        rows: list[Current] = []
        made: list[Token] = []
        for current, some in _expected(engine, tx, tx):
            rows.append(current)
            made += some
            records += 1
            if len(rows) >= _BATCH:
                tx.add_current(rows)
                tx.add_tokens(made)
                tokens += len(made)
                rows, made = [], []
            if progress is not None:
                progress(records, 0)
        tx.add_current(rows)
        tx.add_tokens([*made, layout_token(engine)])
        tokens += len(made)
        entries = audit.catch_up(tx, SHARD, moment.gen, stop=moment.size)
        detail = engine.detail(acting, engine.new_id(), count=records)
        engine.logbook.append(tx, moment, [Draft("data.rebuild", detail)], actor=acting.actor.id)
        return Rebuilt(records, tokens, entries)

    rebuilt = engine.run(body, acting)
    engine.forget_definitions()
    return rebuilt


def refresh_layout(engine: Engine, acting: Acting) -> None:
    """Make the tokens anew if types or configuration want other indexes than they were made for."""
    engine.indexes.clear()
    engine.layout_checked = False
    engine.refresh()
    with engine.store.transaction() as tx:
        fits = set_layout(engine, tx)
    if not fits:
        rebuild_data(engine, acting)
