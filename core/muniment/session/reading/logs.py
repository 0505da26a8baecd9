"""Reading the log: an act like any other, written down before an answer is given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs

from muniment import audit
from muniment.audit import Found
from muniment.errors import AccessDenied, IntegrityError, NotFound, UsageError
from muniment.model import id_text, rfc3339
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.standing import authorize, may_read
from muniment.session.reading.cursor import decode_cursor, encode_cursor, opened_place, sealed_place
from muniment.session.reading.generations import ALL, Asked, Place, Span, chosen, generation_of
from muniment.session.reading.pieces import Piece
from muniment.store import IndexRow, LogFilter, Reader, Transaction

__all__ = [
    "MOST_COUNTED",
    "LogEntry",
    "LogPage",
    "accesses_of",
    "find_entries",
    "follow_entries",
    "known_fields",
    "knows_all",
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
        generation: of the log; a restore that gave entries up begins a new one.
        index: its place in that.
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

    generation: int
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
    def place(self) -> Place:
        """Where it stands: generation and index."""
        return Place(self.generation, self.index)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles under which it was done."""
        return tuple(self.detail.get("actor", {}).get("roles", ()))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields it shows or changes, in clear or masked, without those not to be known.

        Of the lines that are here, where there are any: one person's line of a list has its own fields.
        """
        return self._named()

    @property
    def clear(self) -> tuple[str, ...]:
        """The names of those of them that it shows in clear."""
        return self._named("clear")

    def _named(self, only: str = "") -> tuple[str, ...]:
        sets = self.detail.get("sets", ())
        named_sets = {line["set"] for line in self.records if "set" in line}
        if named_sets:
            sets = [one for place, one in enumerate(sets) if place in named_sets]
        named = {
            key
            for one in sets
            for ways in one.values()
            for way, keys in ways.items()
            if only in ("", way)
            for key in keys
        }
        return tuple(sorted(named))

    def document(self) -> dict[str, Any]:
        """The entry for JSON."""
        return {
            "generation": self.generation,
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
        generations: all that the log has, oldest first.
    """

    entries: tuple[LogEntry, ...]
    total: int
    more: bool
    after: str | None
    generations: tuple[int, ...] = (0,)


@contextmanager
def _allowed(engine: Engine, acting: Acting, action: str) -> Iterator[None]:
    try:
        engine.policy.require(acting.actor, action)
        yield
    except AccessDenied as error:
        engine.refused(acting, action, error)
        raise


def find_entries(
    engine: Engine,
    acting: Acting,
    filters: LogFilter,
    *,
    after: str | None = None,
    generation: Asked = None,
    query: str = "",
) -> LogPage:
    """One page of the entries that match; reading them is an entry itself.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        filters: what is asked for; of several generations each is sorted for itself.
        after: what the page before gave.
        generation: by number, ``all``, or by default the newest.
        query: identifier of the saved query that asks, for the entry of this reading.

    Raises:
        UsageError: ``log.order`` or ``usage.cursor``.
        NotFound: ``log.no_generation``.
        AccessDenied: ``access.action``; logged.
    """
    behind = None if after is None else _behind(engine, filters, after)

    def body(tx: Transaction, moment: Moment) -> LogPage:
        spans = chosen(tx, moment, generation)
        for span in spans:
            audit.catch_up(tx, SHARD, span.generation, stop=span.size)
        rows = _rows(tx, spans if filters.descending else spans[::-1], filters, behind)
        total = _count(tx, spans, filters)
        found = [audit.entry_at(tx, SHARD, row.gen, row.seq) for row in rows]
        target = {**_asked(filters), **({} if generation is None else {"generation": str(generation)})}
        if query:
            target["query"] = query
        detail = engine.detail(acting, engine.new_id(), count=len(found), target=target or None)
        keys = tag_keys(engine, tx, filters.about)
        engine.logbook.append(
            tx, moment, [Draft("log.read", detail, subject_keys=keys)], actor=acting.actor.id
        )
        after = None
        if len(rows) == filters.limit and rows:
            value, place = getattr(rows[-1], filters.order_by), (rows[-1].gen, rows[-1].seq)
            after = encode_cursor(
                engine, _name(filters), value, b"".join(one.to_bytes(8, "big") for one in place)
            )
        entries = tuple(readable(engine, acting, one) for one in found)
        there = tuple(sorted({*tx.generations(SHARD), moment.gen}))
        return LogPage(entries, min(total, MOST_COUNTED), total > MOST_COUNTED, after, there)

    with _allowed(engine, acting, "log.read"):
        return engine.run(body, acting)


def _name(filters: LogFilter) -> str:
    return f"log/{filters.order_by}/{int(filters.descending)}"


def _behind(engine: Engine, filters: LogFilter, after: str) -> tuple[str | int, Place]:
    """The sort value and the place of the last entry of a page."""
    value, place = decode_cursor(engine, _name(filters), after)
    if not isinstance(value, (str, int)) or len(place) != 16:
        raise UsageError("usage.cursor")
    return value, Place(int.from_bytes(place[:8], "big"), int.from_bytes(place[8:], "big"))


def _rows(
    reader: Reader, spans: Sequence[Span], filters: LogFilter, behind: tuple[str | int, Place] | None
) -> list[IndexRow]:
    """One page of rows, one generation behind the other."""
    wanted = [span.generation for span in spans]
    if behind is not None:
        if behind[1].generation not in wanted:
            raise UsageError("usage.cursor")
        wanted = wanted[wanted.index(behind[1].generation) :]
    found: list[IndexRow] = []
    for gen in wanted:
        here = behind is not None and gen == behind[1].generation
        after = (behind[0], behind[1].index) if behind is not None and here else filters.after
        limit = filters.limit - len(found)
        if limit > 0:
            found += reader.find_entries(SHARD, gen, attrs.evolve(filters, after=after, limit=limit))
    return found


def _count(reader: Reader, spans: Sequence[Span], filters: LogFilter) -> int:
    """How many match, counted to one more than is told."""
    total = 0
    for span in spans:
        total += reader.count_entries(SHARD, span.generation, filters, most=MOST_COUNTED + 1 - total)
        if total > MOST_COUNTED:
            break
    return total


def tag_keys(engine: Engine, tx: Transaction, about: bytes | None) -> list[bytes]:
    """The tag key of whom a question is about, where they still have one."""
    version = None if about is None else tx.version(SHARD, about)
    if version is None or version.subject == engine.archive or engine.gone(tx, {version.subject}):
        return []
    return [engine.subject_key(tx, version.subject)]


def _asked(filters: LogFilter) -> dict[str, object]:
    """What was asked for, by name; whom it was about is said, so that this reading is found as well."""
    names = sorted(
        name
        for name, value in attrs.asdict(filters).items()
        if value not in (None, (), []) and name not in ("limit", "order_by", "descending", "after")
    )
    target: dict[str, object] = {"where": names} if names else {}
    if filters.about is not None:
        target["record"] = id_text(filters.about)
    return target


def follow_entries(
    engine: Engine, acting: Acting, start: Place, *, limit: int = 1_000
) -> tuple[list[LogEntry], Place]:
    """The entries from a place on, oldest first, for whoever streams the log elsewhere.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        start: the first one wanted; behind the end of a generation that is over, the next one begins.
        limit: entries at the most.

    Returns:
        The entries, and the place to go on from: behind the entry of this very reading where nothing came
        between, so that following a quiet log writes nothing.

    Raises:
        IntegrityError: ``log.behind`` where the log is shorter than it was when ``start`` was given.
        NotFound: ``log.no_generation``.
        AccessDenied: ``access.action``; logged.
    """

    def body(tx: Transaction, moment: Moment) -> tuple[list[LogEntry], Place]:
        here = _begun(tx, engine, start)
        size = moment.size if here.generation == moment.gen else audit.size_of(tx, SHARD, here.generation)
        stop = min(here.index + limit, size)
        found = list(audit.entries_of(tx, SHARD, here.generation, start=here.index, stop=stop))
        target: dict[str, object] = {"start": here.index, "stop": stop, "generation": here.generation}
        detail = engine.detail(acting, engine.new_id(), count=len(found), target=target)
        own = engine.logbook.append(tx, moment, [Draft("log.read", detail)], actor=acting.actor.id)
        shown = [readable(engine, acting, one) for one in found]
        quiet = here.generation == moment.gen and own == stop
        return shown, Place(here.generation, own + 1 if quiet else stop)

    with _allowed(engine, acting, "log.read"):
        with engine.store.snapshot() as reader:
            begun = _begun(reader, engine, start)
            waiting = begun.index < audit.size_of(reader, SHARD, begun.generation)
        return engine.run(body, acting) if waiting else ([], begun)


def _begun(reader: Reader, engine: Engine, start: Place) -> Place:
    """Where to begin: at the beginning of the next generation where this one is over and done."""
    there = reader.generations(SHARD)
    while start.generation != there[-1] and start.index >= audit.size_of(reader, SHARD, start.generation):
        # What a restore gave up is not there any more, and its successor says so in its first entry.
        later = [gen for gen in there if gen > start.generation]
        if not later:
            break
        start = Place(later[0], 0)
    if start.generation not in there:
        known = ", ".join(map(str, there))
        raise NotFound("log.no_generation", name=str(start.generation), known=known)
    size = audit.size_of(reader, SHARD, start.generation)
    if start.index > size:
        raise IntegrityError(
            "log.behind", where=engine.logbook.origin(start.generation), index=start.index, size=size
        )
    return start


def show_entry(engine: Engine, acting: Acting, index: int, *, generation: int | None = None) -> LogEntry:
    """One entry with all that its detail says.

    Raises:
        NotFound: ``log.no_entry`` or ``log.no_generation``.
        AccessDenied: ``access.action``; logged.
    """

    def body(tx: Transaction, moment: Moment) -> LogEntry:
        gen = moment.gen if generation is None else generation_of(tx, generation)
        found = audit.entry_at(tx, SHARD, gen, index)
        target: dict[str, object] = {"index": index, "generation": gen}
        detail = engine.detail(acting, engine.new_id(), count=1, target=target)
        engine.logbook.append(tx, moment, [Draft("log.read", detail)], actor=acting.actor.id)
        return readable(engine, acting, found)

    with _allowed(engine, acting, "log.read"):
        return engine.run(body, acting)


def accesses_of(
    engine: Engine, acting: Acting, record: bytes, *, limit: int = 1000, after: str | None = None
) -> Piece[LogEntry]:
    """Every entry about a record or, where it is one, a subject: who saw, changed or was refused it."""
    purpose = b"accesses/" + record
    behind = None if after is None else Place(*opened_place(engine, purpose, after))

    def body(tx: Transaction, moment: Moment) -> Piece[LogEntry]:
        version = tx.version(SHARD, record)
        if version is None:
            raise NotFound("record.not_found")
        record_type = engine.definitions.by_number.get(version.type)
        if record_type is None:
            raise NotFound("record.not_found")
        reached = reached_by(engine, tx, acting, record_type, version)
        may = partial(may_read, engine, acting, record_type=record_type, reached=reached)
        if not may("record.read") or (reached is not None and not may("record.accesses")):
            raise NotFound("record.not_found")
        authorize(engine, acting, "record.accesses", record_type, (), record, moment.time_us)
        found: list[Found] = []
        for gen, size in chosen(tx, moment, ALL):
            # Of before a restore that opened a new generation too: they are accesses all the same.
            shown = behind is not None and gen > behind.generation
            if size and not shown and len(found) <= limit:
                audit.catch_up(tx, SHARD, gen, stop=size)
                before = behind.index if behind is not None and gen == behind.generation else None
                filters = LogFilter(about=record, before=before, limit=limit + 1 - len(found))
                rows = tx.find_entries(SHARD, gen, filters)
                found += [audit.entry_at(tx, SHARD, gen, row.seq) for row in rows]
        more = len(found) > limit
        del found[limit:]
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
        entries = Piece(readable(engine, acting, one, only=record) for one in found)
        if more:
            last = entries[-1]
            entries.after = sealed_place(engine, purpose, [last.generation, last.index])
        return entries

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
            known_fields(engine, acting, str(detail.get("type", "")), one) for one in detail["sets"]
        ]
    if "target" in detail:
        detail["target"] = _known_target(engine, acting, str(detail.get("type", "")), detail["target"])
    actor = detail.get("actor", {})
    return LogEntry(
        found.gen,
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


def known_fields(
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
    return all(known_fields(engine, acting, type_key, one) == one for one in detail.get("sets", ())) and (
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
