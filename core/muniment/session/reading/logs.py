"""Reading the log: an act like any other, written down before an answer is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from muniment import audit
from muniment.audit import Found
from muniment.errors import AccessDenied, LogError, NotFound, StoreError, UsageError
from muniment.files import write_atomically
from muniment.log.detail import Opening
from muniment.log.entry import unpack_entries
from muniment.log.proof import make_proof
from muniment.log.tiles import TILE_WIDTH, export_tree, tile_hashes
from muniment.log.tree import leaf_hashes
from muniment.model import id_text, rfc3339
from muniment.session.kernel.engine import SHARD, Acting, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.standing import authorize
from muniment.session.kernel.tiles import TileReader
from muniment.session.reading.cursor import decode_cursor, encode_cursor
from muniment.store import LogFilter, Reader, Transaction

__all__ = [
    "MOST_COUNTED",
    "LogEntry",
    "LogPage",
    "accesses_of",
    "export_log",
    "find_entries",
    "follow_entries",
    "knows_all",
    "proof_of",
    "prove_entry",
    "readable",
    "show_entry",
    "tag_keys",
]

MOST_COUNTED = 100_000
"""Entries that match are counted up to here; beyond, a page says that there are more."""

_WITHOUT_FIELDS = "?"


@attrs.frozen
class LogEntry:
    """One entry as an auditor may read it.

    Attributes:
        index: its place in the log.
        kind: what happened.
        time_us: when, microseconds since 1970.
        actor: who.
        purpose: why.
        outcome: ``ok``, ``denied`` or ``failed``.
        type: key of the record type, if any.
        count: how many records it concerns.
        op: what belongs together.
        detail: the whole detail, with field names that the reader may not know left out.
        records: id, version and previous version of each record it names.
        data: the entry's own bytes.
        r: the random bytes of its commitment.
    """

    index: int
    kind: str
    time_us: int
    actor: str
    purpose: str
    outcome: str
    type: str
    count: int
    op: str
    detail: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]
    data: bytes
    r: bytes | None

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles under which it was done."""
        return tuple(self.detail.get("actor", {}).get("roles", ()))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields it shows or changes, in clear or masked, without those not to be known.

        Of the lines that are here, where there are any: one person's line of a list has its own fields.
        """
        sets = self.detail.get("sets", ())
        named_sets = {line["set"] for line in self.records if "set" in line}
        if named_sets:
            sets = [one for place, one in enumerate(sets) if place in named_sets]
        named = {key for one in sets for ways in one.values() for keys in ways.values() for key in keys}
        return tuple(sorted(named))

    def document(self) -> dict[str, Any]:
        """The entry for JSON."""
        return {
            "index": self.index,
            "kind": self.kind,
            "time": rfc3339(self.time_us),
            "actor": self.actor,
            "purpose": self.purpose,
            "outcome": self.outcome,
            "type": self.type,
            "count": self.count,
            "op": self.op,
            "detail": dict(self.detail),
            "records": [dict(one) for one in self.records],
            "entry": self.data.decode("ascii"),
        }


@attrs.frozen
class LogPage:
    """One page of entries.

    Attributes:
        entries: in the order asked for.
        total: how many match on all pages, counted up to ``MOST_COUNTED``.
        more: whether there are more than that.
        after: what to ask for the next page with; None on the last one.
    """

    entries: tuple[LogEntry, ...]
    total: int
    more: bool
    after: str | None


@contextmanager
def _allowed(engine: Engine, acting: Acting, action: str) -> Iterator[None]:
    try:
        engine.policy.require(acting.actor, action)
        yield
    except AccessDenied as error:
        engine.refused(acting, action, error)
        raise


def find_entries(engine: Engine, acting: Acting, filters: LogFilter, *, after: str | None = None) -> LogPage:
    """One page of the entries that match; reading them is an entry itself.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        filters: what is asked for.
        after: what the page before gave.

    Raises:
        UsageError: ``log.order`` or ``usage.cursor``.
        AccessDenied: ``access.action``; logged.
    """
    if after is not None:
        value, place = decode_cursor(engine, after)
        if not isinstance(value, (str, int)):
            raise UsageError("usage.cursor")
        filters = attrs.evolve(filters, after=(value, int.from_bytes(place, "big")))

    def body(tx: Transaction, moment: Moment) -> LogPage:
        audit.catch_up(tx, SHARD, moment.gen, stop=moment.size)
        rows = tx.find_entries(SHARD, moment.gen, filters)
        total = tx.count_entries(SHARD, moment.gen, filters, most=MOST_COUNTED + 1)
        found = [audit.entry_at(tx, SHARD, moment.gen, row.seq) for row in rows]
        detail = engine.detail(acting, engine.new_id(), count=len(found), target=_asked(filters))
        keys = tag_keys(engine, tx, filters.about)
        engine.logbook.append(
            tx, moment, [Draft("log.read", detail, subject_keys=keys)], actor=acting.actor.id
        )
        after = None
        if len(rows) == filters.limit and rows:
            value = getattr(rows[-1], filters.order_by)
            after = encode_cursor(engine, value, rows[-1].seq.to_bytes(8, "big"))
        entries = tuple(readable(engine, acting, one) for one in found)
        return LogPage(entries, min(total, MOST_COUNTED), total > MOST_COUNTED, after)

    with _allowed(engine, acting, "log.read"):
        return engine.run(body, acting)


def tag_keys(engine: Engine, tx: Transaction, about: bytes | None) -> list[bytes]:
    """The tag key of whom a question is about, where they still have one."""
    version = None if about is None else tx.version(SHARD, about)
    if version is None or version.subject == engine.archive or tx.state_of(SHARD, {version.subject}):
        return []
    return [engine.subject_key(tx, version.subject)]


def _asked(filters: LogFilter) -> dict[str, object] | None:
    """What was asked for, by name; whom it was about is said, so that this reading is found as well."""
    names = sorted(
        name
        for name, value in attrs.asdict(filters).items()
        if value not in (None, (), []) and name not in ("limit", "order_by", "descending", "after")
    )
    target: dict[str, object] = {"where": names} if names else {}
    if filters.about is not None:
        target["record"] = id_text(filters.about)
    return target or None


def follow_entries(
    engine: Engine, acting: Acting, start: int, *, limit: int = 1_000
) -> tuple[list[LogEntry], int]:
    """The entries from an index on, oldest first, for whoever streams the log elsewhere.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        start: index of the first one wanted.
        limit: entries at the most.

    Returns:
        The entries, and the index to go on from: behind the entry of this very reading where nothing came
        between, so that following a quiet log writes nothing.

    Raises:
        AccessDenied: ``access.action``; logged.
    """

    def body(tx: Transaction, moment: Moment) -> tuple[list[LogEntry], int]:
        stop = min(start + limit, moment.size)
        found = list(audit.entries_of(tx, SHARD, moment.gen, start=start, stop=stop))
        detail = engine.detail(
            acting, engine.new_id(), count=len(found), target={"start": start, "stop": stop}
        )
        own = engine.logbook.append(tx, moment, [Draft("log.read", detail)], actor=acting.actor.id)
        shown = [readable(engine, acting, one) for one in found]
        return shown, own + 1 if own == stop else stop

    with _allowed(engine, acting, "log.read"):
        with engine.store.transaction(write=False) as tx:
            head = tx.head(SHARD)
            size = 0 if head is None else head.first_seq + head.n
        return engine.run(body, acting) if start < size else ([], start)


def show_entry(engine: Engine, acting: Acting, index: int) -> LogEntry:
    """One entry with all that its detail says."""

    def body(tx: Transaction, moment: Moment) -> LogEntry:
        found = audit.entry_at(tx, SHARD, moment.gen, index)
        detail = engine.detail(acting, engine.new_id(), count=1, target={"index": index})
        engine.logbook.append(tx, moment, [Draft("log.read", detail)], actor=acting.actor.id)
        return readable(engine, acting, found)

    with _allowed(engine, acting, "log.read"):
        return engine.run(body, acting)


def accesses_of(engine: Engine, acting: Acting, record: bytes, *, limit: int = 1000) -> list[LogEntry]:
    """Every entry about a record or, where it is one, a subject: who saw, changed or was refused it."""

    def body(tx: Transaction, moment: Moment) -> list[LogEntry]:
        version = tx.version(SHARD, record)
        if version is None:
            raise NotFound("record.not_found")
        record_type = engine.definitions.by_number.get(version.type)
        if record_type is None:
            raise NotFound("record.not_found")
        reached = reached_by(engine, tx, acting, record_type, version)
        may = partial(engine.policy.may, acting.actor, record_type=record_type.key, reached=reached)
        if not may("record.read") or (reached is not None and not may("record.accesses")):
            raise NotFound("record.not_found")
        authorize(engine, acting, "record.accesses", record_type, (), record, moment.time_us)
        found: list[Found] = []
        for gen in reversed(tx.generations(SHARD)):
            # Of before a restore that opened a new generation too: they are accesses all the same.
            size = moment.size if gen == moment.gen else audit.size_of(tx, SHARD, gen)
            if size and len(found) < limit:
                audit.catch_up(tx, SHARD, gen, stop=size)
                rows = tx.find_entries(SHARD, gen, LogFilter(about=record, limit=limit - len(found)))
                found += [audit.entry_at(tx, SHARD, gen, row.seq) for row in rows]
        detail = engine.detail(
            acting,
            engine.new_id(),
            type=record_type.key,
            count=len(found),
            target={"record": id_text(record)},
        )
        subjects = engine.subject_keys(tx, [version.subject])
        draft = Draft("record.accesses", detail, subject_keys=subjects)
        engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
        # Of a list of a hundred only the line about this record is shown.
        return [readable(engine, acting, one, only=record) for one in found]

    try:
        with _allowed(engine, acting, "record.accesses"):
            return engine.run(body, acting)
    except NotFound as error:
        engine.refused(acting, "record.accesses", error, record=id_text(record))
        raise


def readable(engine: Engine, acting: Acting, found: Found, *, only: bytes | None = None) -> LogEntry:
    """An entry as this reader may see it; of its lines only that about one record, if that is asked."""
    detail = dict(found.detail or {})
    detail.pop("records", None)
    lines = [json.loads(line) for _, line in found.opening.lines] if found.opening else []
    if only is not None:
        lines = [line for line in lines if line["id"] == id_text(only)]
    if "sets" in detail:
        detail["sets"] = [
            _known_fields(engine, acting, str(detail.get("type", "")), one) for one in detail["sets"]
        ]
    if "target" in detail:
        detail["target"] = _known_target(engine, acting, str(detail.get("type", "")), detail["target"])
    actor = detail.get("actor", {})
    return LogEntry(
        found.index,
        found.entry.kind,
        found.entry.time_us,
        str(actor.get("id", "")),
        str(detail.get("purpose", "")),
        str(detail.get("outcome", "")),
        str(detail.get("type", "")),
        int(detail.get("count", 0)),
        str(detail.get("op", "")),
        detail,
        tuple(lines),
        found.data,
        found.opening.r if found.opening else None,
    )


def _known_fields(
    engine: Engine, acting: Acting, type_key: str, field_set: Mapping[str, Any]
) -> dict[str, Any]:
    """A field set without the names that this reader may not know."""
    record_type = engine.definitions.types.get(type_key)
    if record_type is None:
        return {}
    readable = engine.policy.view(acting.actor, record_type).readable
    names = {field.key for field in record_type.fields}
    return {
        sensitivity: {
            way: [key if key in readable or key not in names else _WITHOUT_FIELDS for key in keys]
            for way, keys in ways.items()
        }
        for sensitivity, ways in field_set.items()
    }


def knows_all(engine: Engine, acting: Acting, detail: Mapping[str, Any]) -> bool:
    """Whether this reader may know every field that a detail names."""
    type_key = str(detail.get("type", ""))
    target = detail.get("target")
    return all(_known_fields(engine, acting, type_key, one) == one for one in detail.get("sets", ())) and (
        target is None or _known_target(engine, acting, type_key, target) == target
    )


def _known_target(engine: Engine, acting: Acting, type_key: str, target: Mapping[str, Any]) -> dict[str, Any]:
    """What an act was about, without the names of fields that this reader may not know."""
    types = engine.definitions.types
    concerned = [types[type_key]] if type_key in types else list(types.values())
    views = [(one.by_key, engine.policy.view(acting.actor, one).readable) for one in concerned]

    def known(name: str) -> str:
        hidden = any(name in by_key and name not in readable for by_key, readable in views)
        return _WITHOUT_FIELDS if hidden else name

    found = dict(target)
    for member in ("where", "fields", "order_by"):
        value = found.get(member)
        if isinstance(value, str):
            found[member] = known(value)
        elif isinstance(value, list):
            found[member] = [known(one) for one in value]
    return found


# Proofs and files


def prove_entry(engine: Engine, acting: Acting, index: int) -> str:
    """The proof that one entry is in the log that the newest checkpoint signs (c2sp.org/tlog-proof)."""
    with _allowed(engine, acting, "log.export"):
        engine.note(acting, "log.prove", target={"index": index})
    signed = engine.logbook.sign(engine.store)
    if signed is None or not 0 <= index < signed.size:
        raise NotFound("log.no_entry", index=index)
    with engine.store.transaction() as tx:
        reader = TileReader(tx, SHARD, signed.gen, signed.size)
        found = audit.entry_at(tx, SHARD, signed.gen, index)
        return make_proof(found.data, index, tile_hashes(reader.read, signed.size), signed.note)


def proof_of(engine: Engine, gen: int, index: int) -> tuple[str, Opening]:
    """The proof of one entry with what opens its detail; for acts whose own entries say what they give out.

    Args:
        engine: the opened archive.
        gen: the generation of the log; one that ended is proven by its newest checkpoint.
        index: of the entry.

    Raises:
        NotFound: ``log.no_entry`` where nothing signed covers it, or its detail was disposed of.
    """
    signed = engine.logbook.sign(engine.store)
    with engine.store.transaction() as tx:
        if signed is None or signed.gen != gen:
            signed = tx.last_checkpoint(SHARD, gen)
        if signed is None or not 0 <= index < signed.size:
            raise NotFound("log.no_entry", index=index)
        reader = TileReader(tx, SHARD, gen, signed.size)
        found = audit.entry_at(tx, SHARD, gen, index)
        if found.opening is None:
            raise NotFound("log.no_entry", index=index)
        return make_proof(
            found.data, index, tile_hashes(reader.read, signed.size), signed.note
        ), found.opening


def export_log(
    engine: Engine, acting: Acting, folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> int:
    """Write the whole log as files that other people's tools read (c2sp.org/tlog-tiles).

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        folder: new or empty.
        progress: told how many of how many entries are written.

    Returns:
        How many entries were written.

    Raises:
        StoreError: ``store.folder_used`` where the folder holds something.
        LogError: ``log.changed`` where the files do not give the signed root.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StoreError("store.folder_used", where=str(folder))
    with _allowed(engine, acting, "log.export"):
        engine.note(acting, "log.export", recipient=str(folder.name))
    signed = engine.logbook.sign(engine.store)
    assert signed is not None
    reader: Reader
    with engine.store.snapshot() as reader:
        done = 0

        def entries() -> Iterator[bytes]:
            nonlocal done
            for batch in reader.batches(SHARD, signed.gen, stop=signed.size):
                for data in unpack_entries(batch.entries):
                    yield data
                    done += 1
                if progress is not None:
                    progress(done, signed.size)

        hashes = _RootCheck()
        for path, content in export_tree(hashes.seen(entries()), signed.size):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, content)
    if hashes.root != signed.root:
        raise LogError("log.changed", where=str(folder))
    # Last, so that a folder with a checkpoint is a whole one.
    write_atomically(folder / "checkpoint", signed.note.encode("utf-8"))
    return signed.size


class _RootCheck:
    """Hashes entries on their way out, so that what was written is what was signed."""

    def __init__(self) -> None:
        from muniment.log.tree import Frontier

        self._frontier = Frontier()

    def seen(self, entries: Iterator[bytes]) -> Iterator[bytes]:
        """The same entries, hashed on the way."""
        waiting: list[bytes] = []
        for data in entries:
            waiting.append(data)
            if len(waiting) == TILE_WIDTH:
                self._frontier.extend(leaf_hashes(waiting))
                waiting = []
            yield data
        self._frontier.extend(leaf_hashes(waiting))

    @property
    def root(self) -> bytes:
        """The root of all that went by."""
        return self._frontier.root()
