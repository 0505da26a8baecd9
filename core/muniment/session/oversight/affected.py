"""Whom and what an incident affects, computed from the log: every act that showed or changed something.

What is kept of it is figures and the index of the log they were computed at. The
same question up to the same index gives the same answer again, so no list of
persons has to be stored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment import audit
from muniment.audit import Found
from muniment.errors import UsageError
from muniment.model import id_bytes, parse_time, rfc3339
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.reading import logs
from muniment.store import IndexRow, LogFilter, Reader, Transaction

__all__ = ["READING", "WRITING", "Affected", "Scope", "affected", "catch_up"]

READING: Final = (
    "record.read", "record.reveal", "record.list", "record.search", "record.scan", "record.aggregate",
    "record.match", "record.history", "record.diff", "record.print", "record.export", "file.read",
    "import.preview", "import.rejects", "change.read", "draft.read", "consent.read", "request.read",
    "subject.report", "subject.accesses", "subject.export", "subject.give_tag_key", "disclosure.record",
    "mail.send", "calendar.export", "webhook.send",
)  # fmt: skip
"""Kinds by which somebody got to see something."""

WRITING: Final = (
    "record.create", "record.update", "record.correct", "record.delete", "record.undelete", "record.revert",
    "record.import", "import.revert", "erasure.begin",
)  # fmt: skip
"""Kinds by which somebody changed something, or had it gone."""

WAYS: Final = ("clear", "masked", "written", "cleared")
"""How a field may have been touched, as entries say it."""

_PAGE: Final = 1_000
_PIECE: Final = 1_000
_DENSE: Final = 8

Progress = Callable[[int, int], None]


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


@attrs.frozen
class Scope:
    """What is searched for; everything that is given has to hold.

    Attributes:
        actors: logins; any of them.
        sessions: sign-ins; any of them.
        ops: acts, as entries name them; any of them.
        types: keys of record types; any of them.
        kinds: kinds of entry, in place of what ``acts`` says.
        acts: ``read``, ``write`` or ``both``.
        since_us: from this time on, microseconds since 1970.
        until_us: before this time.
        everything: all records that are there, whoever touched them: for what happened beside the program,
            such as a stolen disk with its keys.
    """

    actors: tuple[str, ...] = attrs.field(default=(), converter=_names)
    sessions: tuple[str, ...] = attrs.field(default=(), converter=_names)
    ops: tuple[str, ...] = attrs.field(default=(), converter=_names)
    types: tuple[str, ...] = attrs.field(default=(), converter=_names)
    kinds: tuple[str, ...] = attrs.field(default=(), converter=_names)
    acts: str = "read"
    since_us: int | None = None
    until_us: int | None = None
    everything: bool = False

    def check(self) -> None:
        """Refuse what names nothing: it would blame everybody for everything.

        Raises:
            UsageError: ``incident.scope``.
        """
        named = any((self.actors, self.sessions, self.ops, self.types, self.everything))
        if not named and self.since_us is None and self.until_us is None:
            raise UsageError("incident.scope")

    @property
    def wanted(self) -> tuple[str, ...]:
        """The kinds of entry that count."""
        if self.kinds:
            return self.kinds
        return {"read": READING, "write": WRITING}.get(self.acts, READING + WRITING)

    def document(self) -> dict[str, Any]:
        """The scope as JSON; ``of`` reads it."""
        kept = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in attrs.asdict(self).items()
            if value is not None and value != () and value is not False
        }
        for name, value in (("since", self.since_us), ("until", self.until_us)):
            if value is not None:
                del kept[f"{name}_us"]
                kept[name] = rfc3339(value)
        return kept

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Scope:
        """A scope out of JSON."""
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        for name in ("since", "until"):
            if name in kept:
                kept[f"{name}_us"] = parse_time(kept.pop(name))
        return cls(**kept)


@attrs.define
class Affected:
    """What was found, while it is counted.

    Attributes:
        index: the log was read up to here.
        gen: of this generation, and all before it.
        subjects: persons and organisations, 16 bytes each.
        entries: how many entries count.
        unread: how many entries of the wanted kinds have no detail any more, so that nobody can tell.
    """

    index: int
    gen: int
    subjects: set[bytes] = attrs.field(factory=set)
    records: set[bytes] = attrs.field(factory=set)
    entries: int = 0
    unread: int = 0
    first_us: int | None = None
    last_us: int | None = None
    acts: set[str] = attrs.field(factory=set)
    kinds: Counter[str] = attrs.field(factory=Counter)
    recipients: set[str] = attrs.field(factory=set)
    shown: dict[tuple[str, str], set[bytes]] = attrs.field(factory=dict)

    def add(self, found: Found, projector: audit.Projector, archive: bytes) -> None:
        """Count one entry."""
        self.entries += 1
        self.kinds[found.entry.kind] += 1
        time_us = found.entry.time_us
        self.first_us = time_us if self.first_us is None else min(self.first_us, time_us)
        self.last_us = time_us if self.last_us is None else max(self.last_us, time_us)
        detail = found.detail
        if detail is None or found.opening is None:
            self.unread += 1
            return
        self.acts.add(str(detail.get("op", "")))
        if detail.get("recipient"):
            self.recipients.add(str(detail["recipient"]))
        sets = [json.dumps(one, sort_keys=True) for one in detail.get("sets", ())]
        type_key = str(detail.get("type", ""))
        lined = set()
        for _, text in found.opening.lines:
            line = json.loads(text)
            record = id_bytes(line["id"])
            lined.add(record)
            place = line.get("set")
            fields = sets[place] if isinstance(place, int) and place < len(sets) else "{}"
            self._count(record, projector, archive, (type_key, fields))
        for record in audit.named_records(found):
            if record not in lined:
                self._count(record, projector, archive, (type_key, "{}"))

    def _count(
        self, record: bytes, projector: audit.Projector, archive: bytes, shown: tuple[str, str]
    ) -> None:
        subject = projector.subject_of(record)
        if subject is None:
            return
        self.records.add(record)
        if subject != archive:
            self.subjects.add(subject)
            self.shown.setdefault(shown, set()).add(subject)

    def add_type(self, type_key: str, fields: Mapping[str, Any], rows: Iterator[tuple[bytes, bytes]]) -> None:
        """Count every record of a type as shown in clear."""
        kept = self.shown.setdefault((type_key, json.dumps(fields, sort_keys=True)), set())
        for record, subject in rows:
            self.records.add(record)
            self.subjects.add(subject)
            kept.add(subject)

    def figures(self, jurisdictions: Mapping[str, int]) -> dict[str, Any]:
        """What is kept: numbers and names, and a digest by which the same set is known again."""
        classes: dict[str, dict[str, set[bytes]]] = {}
        types: dict[str, dict[str, set[str]]] = {}
        members: dict[str, set[bytes]] = {}
        for (type_key, text), subjects in self.shown.items():
            members.setdefault(type_key, set()).update(subjects)
            kept = types.setdefault(type_key, {way: set() for way in WAYS})
            for sensitivity, ways in json.loads(text).items():
                for way, keys in ways.items():
                    kept.setdefault(way, set()).update(keys)
                    if keys:
                        classes.setdefault(sensitivity, {}).setdefault(way, set()).update(subjects)
        return {
            "generation": self.gen,
            "index": self.index,
            "entries": self.entries,
            "unread": self.unread,
            "acts": len(self.acts),
            "first": None if self.first_us is None else rfc3339(self.first_us),
            "last": None if self.last_us is None else rfc3339(self.last_us),
            "kinds": dict(sorted(self.kinds.items())),
            "recipients": sorted(self.recipients),
            "records": len(self.records),
            "subjects": len(self.subjects),
            "types": {
                name: {
                    "subjects": len(members[name]),
                    **{way: sorted(keys) for way, keys in kept.items() if way != "masked"},
                    "masked": sorted(kept["masked"] - kept["clear"]),
                }
                for name, kept in sorted(types.items())
            },
            "classes": {
                sensitivity: {way: len(some) for way, some in sorted(ways.items())}
                for sensitivity, ways in sorted(classes.items())
            },
            "jurisdictions": dict(jurisdictions),
            "digest": self.digest,
        }

    @property
    def digest(self) -> str:
        """Hex of SHA-256 over the identifiers of the subjects, sorted."""
        return sha256(b"muniment/affected/v1\n" + b"".join(sorted(self.subjects))).hexdigest()


def catch_up(engine: Engine, gen: int, stop: int) -> None:
    """Bring the projection of a generation, and all before it, up to an index: a piece in a transaction.

    Args:
        engine: the opened archive.
        gen: of the log.
        stop: the index in it.
    """
    with engine.store.snapshot() as reader:
        sizes = {one: audit.size_of(reader, SHARD, one) for one in reader.generations(SHARD) if one < gen}
    for one, size in {**sizes, gen: stop}.items():
        done = -1

        def piece(tx: Transaction, moment: Moment, one: int = one, size: int = size) -> int:
            end = min(tx.indexed_to(SHARD, one) + _PIECE, size)
            audit.catch_up(tx, SHARD, one, stop=end)
            return end

        while done < size:
            done = engine.run(piece)


def affected(
    engine: Engine,
    acting: Acting,
    reader: Reader,
    scope: Scope,
    *,
    gen: int,
    stop: int,
    progress: Progress | None = None,
) -> Affected:
    """Whom and what a scope affects, by the log up to an index; the caller writes down that it was read.

    Args:
        engine: the opened archive.
        acting: whose view of field names counts.
        reader: sees the state, with a projection that goes up to ``stop``.
        scope: what is searched for.
        gen: of the log.
        stop: one past the last entry that counts.
        progress: told how many entries were looked at.

    Raises:
        UsageError: ``incident.scope``.
    """
    scope.check()
    made = Affected(stop, gen)
    if scope.everything:
        for record_type in [one for _, one in sorted(engine.definitions.types.items()) if not one.built_in]:
            if not scope.types or record_type.key in scope.types:
                fields: dict[str, dict[str, list[str]]] = {}
                for field in record_type.fields:
                    fields.setdefault(field.sensitivity, {"clear": []})["clear"].append(field.key)
                made.add_type(record_type.key, fields, _rows(engine, reader, record_type.number))
        return made
    done = 0
    for one_gen in reader.generations(SHARD):
        size = stop if one_gen == gen else audit.size_of(reader, SHARD, one_gen)
        if one_gen > gen or not size:
            continue
        projector = audit.Projector(reader, SHARD, one_gen)
        for found in _entries(reader, one_gen, scope, size):
            done += 1
            if progress is not None and not done % _PAGE:
                progress(done, 0)
            if _matches(scope, found):
                made.add(found, projector, engine.archive)
    made.shown = _known(engine, acting, made.shown)
    return made


def _rows(engine: Engine, tx: Reader, type_number: int) -> Iterator[tuple[bytes, bytes]]:
    for row in tx.currents(SHARD):
        if row.type == type_number and row.subject != engine.archive:
            yield row.record, row.subject


def _entries(tx: Reader, gen: int, scope: Scope, size: int) -> Iterator[Found]:
    """The entries that the projection finds, oldest first."""
    for actor in scope.actors or (None,):
        after: tuple[str | int, int] | None = None
        while True:
            filters = LogFilter(
                since_us=scope.since_us,
                until_us=scope.until_us,
                kinds=scope.wanted,
                actor=actor,
                op=scope.ops[0] if len(scope.ops) == 1 else None,
                before=size,
                descending=False,
                after=after,
                limit=_PAGE,
            )
            rows = tx.find_entries(SHARD, gen, filters)
            yield from _opened(tx, gen, rows)
            if len(rows) < _PAGE:
                break
            after = rows[-1].seq, rows[-1].seq


def _opened(tx: Reader, gen: int, rows: Sequence[IndexRow]) -> Iterator[Found]:
    """The entries of these rows; what stands close together is read in one go."""
    if not rows:
        return
    first, last = rows[0].seq, rows[-1].seq
    if last - first < _DENSE * len(rows):
        wanted = {row.seq for row in rows}
        for found in audit.entries_of(tx, SHARD, gen, start=first, stop=last + 1):
            if found.index in wanted:
                yield found
    else:
        for row in rows:
            yield audit.entry_at(tx, SHARD, gen, row.seq)


def _matches(scope: Scope, found: Found) -> bool:
    detail = found.detail
    if detail is None:
        return True  # nobody can tell, so it counts as unread
    if detail.get("outcome", "ok") != "ok":
        return False
    if scope.ops and detail.get("op") not in scope.ops:
        return False
    if scope.types and detail.get("type") not in scope.types:
        return False
    return not scope.sessions or detail.get("source", {}).get("session") in scope.sessions


def _known(
    engine: Engine, acting: Acting, shown: Mapping[tuple[str, str], set[bytes]]
) -> dict[tuple[str, str], set[bytes]]:
    """The same without the names of fields that this reader may not know."""
    found: dict[tuple[str, str], set[bytes]] = {}
    for (type_key, text), subjects in shown.items():
        fields = {
            sensitivity: {way: sorted(set(keys)) for way, keys in ways.items()}
            for sensitivity, ways in logs.known_fields(engine, acting, type_key, json.loads(text)).items()
        }
        found.setdefault((type_key, json.dumps(fields, sort_keys=True)), set()).update(subjects)
    return found
