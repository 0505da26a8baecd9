"""Questions that auditors ask of the log and the archive, answered from what is written down.

Each answer is a reading of the log and an entry itself; it counts and names, and
never shows a value of a record. All generations of the log are asked unless one is
named; entries are named by their place, generation and index, such as ``0:17``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import attrs

from muniment import audit, config
from muniment.errors import NotFound
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, rfc3339
from muniment.policy import Actor
from muniment.session.ground import Footing
from muniment.session.kernel.definitions import load_definitions
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.reading import logs
from muniment.session.reading.generations import ALL, Asked, chosen
from muniment.session.reading.logs import LogEntry
from muniment.session.writing.applying import policy_of
from muniment.store import LogFilter, Reader, Transaction

__all__ = [
    "DISCLOSURES",
    "MOST",
    "Answer",
    "Changed",
    "Deed",
    "Disclosure",
    "Questions",
    "Seen",
    "Viewer",
    "document",
]

MOST: Final = 100_000
"""So many entries at most are counted in one answer; a narrower span of time counts the rest."""

_One = TypeVar("_One")


class Answer(list[_One]):
    """What a question was answered with.

    Attributes:
        whole: whether every entry that was asked about counts; else the newest ``MOST`` alone.
    """

    whole: bool = True

    @classmethod
    def to(cls, found: Iterable[_One], entries: Answer[LogEntry]) -> Answer[_One]:
        """An answer that rests on these entries."""
        made = cls(found)
        made.whole = entries.whole
        return made


_PAGE: Final = 1_000
_WRITES: Final = (*(f"record.{name}" for name in OPERATIONS), "record.import", "record.migrate")

DISCLOSURES: Final = (
    "record.export", "record.print", "subject.export", "subject.report", "disclosure.record", "mail.send",
    "webhook.send",
)  # fmt: skip
"""Kinds by which data left the archive for somebody."""

_OPERATIONS: Final = {number: name for name, number in OPERATIONS.items()}


@attrs.frozen
class Seen:
    """What one person did with one subject's data, for one purpose, in one way; what was shown in clear."""

    actor: str
    roles: tuple[str, ...]
    purpose: str
    kind: str
    outcome: str
    times: int
    first_us: int
    last_us: int
    fields: tuple[str, ...]
    clear: tuple[str, ...]
    entries: tuple[str, ...]


@attrs.frozen
class Viewer:
    """Of how many records somebody was shown a field in clear, in how many entries, in which ways."""

    actor: str
    roles: tuple[str, ...]
    records: int
    times: int
    kinds: tuple[str, ...]
    first_us: int
    last_us: int
    entries: tuple[str, ...]


@attrs.frozen
class Deed:
    """What one person did in one way to one type of record: how many acts, entries and records."""

    kind: str
    type: str
    purpose: str
    outcome: str
    acts: int
    entries: int
    records: int
    first_us: int
    last_us: int


@attrs.frozen
class Disclosure:
    """One handing over of a subject's data."""

    entry: str
    time_us: int
    kind: str
    actor: str
    recipient: str
    file: str
    purpose: str
    fields: tuple[str, ...]


@attrs.frozen
class Changed:
    """How far one record moved within a span of time."""

    record: str
    type: str
    before: int
    after: int
    operations: tuple[str, ...]
    actors: tuple[str, ...]
    first_us: int
    last_us: int


class Questions(Footing):
    """What a session answers about the past.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    def who(
        self,
        record: bytes,
        *,
        since_us: int | None = None,
        until_us: int | None = None,
        field: str | None = None,
        generation: Asked = ALL,
    ) -> Answer[Seen]:
        """Who saw or changed a subject's data, which fields and why; of one field only, if it is named.

        Raises:
            NotFound: there is no such record; logged.
            AccessDenied: ``access.action``; logged.
        """
        found: dict[tuple[tuple[str, tuple[str, ...]], tuple[str, str, str]], list[LogEntry]] = {}
        filters = LogFilter(about=record, since_us=since_us, until_us=until_us, terms=_of_field(field))
        entries = self._entries("who", filters, generation)
        for one in entries:
            if field and field not in one.fields:
                continue  # it was another record of the same list that showed it
            name = (one.actor, one.roles), (one.purpose, one.kind, one.outcome)
            found.setdefault(name, []).append(one)
        answers = [
            Seen(
                *who,
                *how,
                len(some),
                some[-1].time_us,
                some[0].time_us,
                tuple(sorted({name for one in some for name in one.fields})),
                tuple(sorted({name for one in some for name in one.clear})),
                tuple(str(one.place) for one in reversed(some)),
            )
            for (who, how), some in found.items()
        ]
        return Answer.to(sorted(answers, key=lambda one: one.last_us, reverse=True), entries)

    def saw(
        self,
        field: str,
        *,
        least: int = 1,
        type: str | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        generation: Asked = ALL,
    ) -> Answer[Viewer]:
        """Who was shown a field in clear, and of how many records; those of the most records first.

        Args:
            field: by its key.
            least: of fewer records than this does not count.
            type: key of a record type; of all by default.
            since_us: from this time on.
            until_us: before this time.
            generation: of the log; by default all.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        filters = LogFilter(
            terms=_of_field(field), type=type, outcome="ok", since_us=since_us, until_us=until_us
        )
        found: dict[tuple[str, tuple[str, ...]], list[tuple[LogEntry, set[str]]]] = {}
        entries = self._entries("saw", filters, generation)
        for one in entries:
            shown = _shown_in_clear(one, field)
            if shown:
                found.setdefault((one.actor, one.roles), []).append((one, shown))
        answers = [
            Viewer(
                *who,
                len(set().union(*(shown for _, shown in some))),
                len(some),
                tuple(sorted({one.kind for one, _ in some})),
                some[-1][0].time_us,
                some[0][0].time_us,
                tuple(str(one.place) for one, _ in reversed(some)),
            )
            for who, some in found.items()
        ]
        kept = [one for one in answers if one.records >= least]
        return Answer.to(sorted(kept, key=lambda one: (-one.records, one.actor)), entries)

    def did(
        self,
        login: str,
        *,
        since_us: int | None = None,
        until_us: int | None = None,
        generation: Asked = ALL,
    ) -> Answer[Deed]:
        """What somebody did: an export of a thousand records is one act.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        found: dict[tuple[str, str, str, str], list[LogEntry]] = {}
        filters = LogFilter(actor=login, since_us=since_us, until_us=until_us)
        entries = self._entries("did", filters, generation)
        for one in entries:
            found.setdefault((one.kind, one.type, one.purpose, one.outcome), []).append(one)
        answers = [
            Deed(
                *name,
                len({one.op for one in some}),
                len(some),
                sum(one.count for one in some),
                some[-1].time_us,
                some[0].time_us,
            )
            for name, some in found.items()
        ]
        return Answer.to(sorted(answers, key=lambda one: one.last_us, reverse=True), entries)

    def disclosures(
        self,
        record: bytes,
        *,
        since_us: int | None = None,
        until_us: int | None = None,
        generation: Asked = ALL,
    ) -> Answer[Disclosure]:
        """What of a subject's data was handed to whom: the accounting of disclosures.

        Raises:
            NotFound: there is no such record; logged.
            AccessDenied: ``access.action``; logged.
        """
        filters = LogFilter(
            about=record, kinds=DISCLOSURES, outcome="ok", since_us=since_us, until_us=until_us
        )
        entries = self._entries("disclosures", filters, generation)
        disclosed = (
            Disclosure(
                str(one.place),
                one.time_us,
                one.kind,
                one.actor,
                str(one.detail.get("target", {}).get("recipient") or one.detail.get("recipient") or ""),
                str(one.detail.get("target", {}).get("file", "")),
                one.purpose,
                one.fields,
            )
            for one in entries
        )
        return Answer.to(disclosed, entries)

    def changed(
        self,
        *,
        since_us: int | None = None,
        until_us: int | None = None,
        type: str | None = None,
        generation: Asked = ALL,
    ) -> Answer[Changed]:
        """Which records changed in a span of time, from which version to which, and by whom.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        moved: dict[str, list[tuple[int, LogEntry]]] = {}
        filters = LogFilter(kinds=_WRITES, type=type, outcome="ok", since_us=since_us, until_us=until_us)
        entries = self._entries("changed", filters, generation)
        for one in entries:
            for line in one.records:
                moved.setdefault(str(line["id"]), []).append((int(line["version"]), one))
        answers = []
        for record, some in moved.items():
            versions = sorted(version for version, _ in some)
            moves = [one for _, one in some]
            answers.append(
                Changed(
                    record,
                    moves[0].type,
                    versions[0] - 1,
                    versions[-1],
                    tuple(sorted({one.kind.partition(".")[2] for one in moves})),
                    tuple(sorted({one.actor for one in moves})),
                    min(one.time_us for one in moves),
                    max(one.time_us for one in moves),
                )
            )
        return Answer.to(sorted(answers, key=lambda one: one.last_us, reverse=True), entries)

    def rules(self, as_of_us: int) -> dict[str, Any]:
        """Which rules held at a moment: configuration, plugins, types, users with their roles.

        Raises:
            NotFound: ``audit.before`` where the archive was not there yet.
            AccessDenied: ``access.action``; logged.
        """
        held = self._held("rules", as_of_us)
        assert held.configuration is not None
        return {
            "as_of": rfc3339(as_of_us),
            "configuration": {
                "version": held.configuration[1],
                "digest": config.digest_of(held.configuration[2]),
            },
            "plugins": [
                {"name": name, **{key: value for key, value in attrs.asdict(pin).items() if value}}
                for name, pin in sorted(held.pins.items())
            ],
            "types": [
                {"key": one.key, "definition": one.definition_version}
                for one in held.registry.types
                if not one.built_in
            ],
            "users": [
                {"login": one.login, "roles": list(one.roles), "active": one.active}
                for _, one in sorted(held.users.items())
            ],
        }

    def could(self, type_key: str, as_of_us: int) -> dict[str, Any]:
        """Who could have seen which fields of a type at a moment, asked of the function that enforces it.

        Roles of plugins are those of the code that is loaded now; ``plugins_differ`` says where another
        version was in use then.

        Raises:
            NotFound: ``schema.unknown_type`` or ``audit.before``.
            AccessDenied: ``access.action``; logged.
        """
        held = self._held("could", as_of_us)
        record_type = held.types.get(type_key)
        if record_type is None or record_type.built_in:
            raise NotFound("schema.unknown_type", where=type_key, known=", ".join(sorted(held.types)))
        assert held.configuration is not None
        applied = config.parse(held.configuration[2], where="applied")
        plugins = self._engine.plugins
        policy = policy_of(plugins, applied)
        users = []
        for login, user in sorted(held.users.items()):
            actor = Actor(login, user.roles if user.active else ())
            view = policy.view(actor, record_type)
            reads = user.active and policy.may(actor, "record.read", record_type.key)
            users.append(
                {
                    "login": login,
                    "roles": list(user.roles),
                    "clear": sorted(view.clear) if reads else [],
                    "masked": sorted(view.masked) if reads else [],
                }
            )
        now = plugins.pins()
        differ = sorted(name for name, pin in held.pins.items() if now.get(name) != pin)
        return {"as_of": rfc3339(as_of_us), "type": type_key, "users": users, "plugins_differ": differ}

    # Underneath

    def _held(self, question: str, as_of_us: int) -> Any:
        engine = self._engine

        def body(tx: Transaction, moment: Moment) -> Any:
            engine.policy.require(self._acting.actor, "config.read")
            held = load_definitions(tx, engine.sealer, as_of_us=as_of_us)
            if held.configuration is None:
                raise NotFound("audit.before")
            detail = engine.detail(
                self._acting, engine.new_id(), target={"question": question, "as_of": rfc3339(as_of_us)}
            )
            engine.logbook.append(tx, moment, [Draft("config.read", detail)], actor=self._acting.actor.id)
            return held

        with engine.guarded(self._acting, "config.read"):
            return engine.run(body, self._acting)

    def _entries(self, question: str, filters: LogFilter, generation: Asked) -> Answer[LogEntry]:
        """The entries that match, newest first; the reading is one entry."""
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> Answer[LogEntry]:
            engine.policy.require(acting.actor, "log.read")
            if filters.about is not None and tx.version(SHARD, filters.about) is None:
                raise NotFound("record.not_found")
            found: Answer[LogEntry] = Answer()
            for gen, size in chosen(tx, moment, generation):
                audit.catch_up(tx, SHARD, gen, stop=size)
                projector = audit.Projector(tx, SHARD, gen)
                # One more than counts tells whether there are more.
                entries = _matching(tx, gen, filters, MOST + 1 - len(found))
                readable = (logs.readable(engine, acting, one) for one in entries)
                found += [_about(one, filters.about, projector) for one in readable]
            found.whole = len(found) <= MOST
            del found[MOST:]
            target: dict[str, object] = {"question": question}
            if filters.about is not None:
                target["record"] = id_text(filters.about)
            detail = engine.detail(acting, engine.new_id(), count=len(found), target=target)
            keys = logs.tag_keys(engine, tx, filters.about)
            draft = Draft("log.read", detail, subject_keys=keys)
            engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
            return found

        with engine.guarded(acting, "log.read"):
            return engine.run(body, acting)


def _of_field(field: str | None) -> tuple[str, ...]:
    return (f"field:{field}",) if field else ()


def _shown_in_clear(one: LogEntry, field: str) -> set[str]:
    """The records of which an entry shows a field in clear."""
    sets = [
        any(field in ways.get("clear", ()) for ways in fields.values())
        for fields in one.detail.get("sets", ())
    ]
    return {
        str(line["id"])
        for line in one.records
        if (sets[line["set"]] if "set" in line and line["set"] < len(sets) else any(sets))
    }


def _matching(reader: Reader, gen: int, filters: LogFilter, most: int) -> Iterator[audit.Found]:
    """The entries of one generation that match, newest first."""
    before = None
    while most > 0:
        rows = reader.find_entries(SHARD, gen, attrs.evolve(filters, before=before, limit=min(_PAGE, most)))
        for row in rows:
            yield audit.entry_at(reader, SHARD, gen, row.seq)
        if len(rows) < min(_PAGE, most):
            return
        before, most = rows[-1].seq, most - len(rows)


def _about(one: LogEntry, about: bytes | None, projector: audit.Projector) -> LogEntry:
    """An entry with the lines about one subject alone."""
    if about is None:
        return one
    lines = [
        line
        for line in one.records
        if (record := id_bytes(str(line["id"]))) == about or projector.subject_of(record) == about
    ]
    return attrs.evolve(one, records=tuple(lines))


def document(answer: Any) -> Mapping[str, Any]:
    """An answer, an attrs value, for JSON: times as RFC 3339."""
    said = attrs.asdict(answer)
    return {
        name.removesuffix("_us"): rfc3339(value) if name.endswith("_us") else value
        for name, value in said.items()
    }
