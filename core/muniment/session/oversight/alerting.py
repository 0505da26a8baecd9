"""Running alert rules over the log, triaging what they find, and signing spans of the log off.

Where each rule stands is kept in ``alerts.state`` beside the archive, sealed: a
run reads only what is new. The file can be lost; then the next run begins at
the first entry again, and raises nothing twice.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from muniment import audit
from muniment.alerts import BUILTIN_RULES, AlertRule, Event, Finding, Watch, event_of
from muniment.alerts.events import LOOKS
from muniment.alerts.settings import AlertSettings
from muniment.codec import canonical
from muniment.errors import AccessDenied, IntegrityError, NotFound, UsageError
from muniment.files import write_atomically
from muniment.model import id_bytes, id_text
from muniment.schema.builtin import ALERT, BUILTIN, REVIEW
from muniment.seal import open_bytes, seal_bytes
from muniment.session.ground import Footing
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.oversight.alerting_facts import Seen, currents, facts_of
from muniment.session.reading.generations import Place, Span, place_at
from muniment.session.reading.pieces import Piece, piece_of
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, sole, write
from muniment.store import Reader

__all__ = ["Alert", "Alerts", "Reviewed", "Run", "settings_of"]

STATE_FILE = "alerts.state"
_PURPOSE = b"alerts"
_CHUNK = 5_000

Progress = Callable[[int, int], None]


@attrs.frozen
class Alert:
    """One alert.

    Attributes:
        id: UUID text.
        version: of its record.
        rule: the rule's key.
        severity: ``low``, ``medium``, ``high`` or ``critical``.
        state: ``open``, ``explained`` or ``violation``.
        actor: who did it; empty where nobody did.
        subject: UUID text of whom it is about, or None.
        entries: the entries that show it.
        why: what the rule's text names.
        sent: by what it was sent.
    """

    id: str
    version: int
    rule: str
    severity: str
    state: str
    actor: str
    subject: str | None
    entries: tuple[Place, ...]
    why: Mapping[str, Any]
    sent: str

    def text(self, rules: Mapping[str, AlertRule], lang: str) -> str:
        """Why it was raised, in words."""
        rule = rules.get(self.rule)
        return "" if rule is None else rule.why[lang].format_map(_Blanks(self.why))

    def document(self, rules: Mapping[str, AlertRule], lang: str) -> dict[str, Any]:
        """The alert for JSON."""
        rule = rules.get(self.rule)
        return {
            "id": self.id,
            "rule": self.rule,
            "label": self.rule if rule is None else rule.label[lang],
            "severity": self.severity,
            "state": self.state,
            "actor": self.actor,
            "subject": self.subject,
            "entries": [str(place) for place in self.entries],
            "why": dict(self.why),
            "text": self.text(rules, lang),
            "explained_by": "" if rule is None else rule.explained_by[lang],
        }


class _Blanks(dict[str, Any]):
    """Names that a finding did not give are left open in its text."""

    def __missing__(self, name: str) -> str:
        return "—"


@attrs.frozen
class Run:
    """What a run found.

    Attributes:
        first: the first entry that was looked at.
        last: behind the last one.
        entries: how many were.
        raised: the new alerts.
        sent: how many were delivered, of those that had to be.
        unsent: how many were not.
    """

    first: Place
    last: Place
    entries: int
    raised: tuple[Alert, ...]
    sent: int = 0
    unsent: int = 0


@attrs.frozen
class Reviewed:
    """A span of the log that somebody signed off.

    Attributes:
        first: its first entry.
        last: the place behind its last one.
        reviewer: who signed.
        time_us: when, microseconds since 1970.
    """

    first: Place
    last: Place
    reviewer: str
    time_us: int


class Alerts(Footing):
    """What a session does with alerts.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    @property
    def rules(self) -> Mapping[str, AlertRule]:
        """Every rule by key: the core's and the plugins'."""
        brought = {one.key: one for one in self._engine.plugins.alert_rules() if isinstance(one, AlertRule)}
        return {**BUILTIN_RULES, **brought}

    def run(self, *, progress: Progress | None = None) -> Run:
        """Look at every entry since the last run, and raise what is odd.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        self._require("alert.run")
        engine = self._engine
        raised: list[Alert] = []
        settings = settings_of(engine)
        # Nothing is read while alerts are written, and nothing written while it is read: a state that is held
        # open keeps an erasure from cleaning up behind itself.
        seen = Seen(engine)
        with seen.open() as reader:
            watch = Watch(self.rules, facts_of(engine, reader), settings.rules)
            spans = [Span(gen, audit.size_of(reader, SHARD, gen)) for gen in reader.generations(SHARD)]
        self._load(watch, spans)
        first = place_at(watch.next_index)
        waiting = list(_chunks(spans, first))
        done, total = 0, sum(len(chunk.indexes) for chunk in waiting)
        for chunk in waiting:
            start, stop = chunk.indexes.start, chunk.indexes.stop
            with seen.open() as reader:
                found = list(watch.see(_events(engine, reader, chunk.generation, start, stop)))
            watch.next_index = Place(chunk.generation, stop).ordinal
            raised += self._raise(found)
            self._keep(watch)
            done += len(chunk.indexes)
            if progress is not None:
                progress(done, total)
        with seen.open():
            late = list(watch.tick(engine.clock()))
        raised += self._raise(late)
        self._keep(watch)
        last = place_at(watch.next_index)
        target = {"first": str(first), "last": str(last)}
        engine.note(self._acting, "alert.run", count=len(raised), target=target)
        from muniment.session.oversight.alerting_delivery import deliver

        sent, unsent = deliver(engine, self._acting, settings, self.rules, self._held(("open",)))
        return Run(first, last, total, tuple(raised), sent, unsent)

    def list(
        self, *, states: Sequence[str] = ("open",), limit: int | None = None, after: str | None = None
    ) -> Piece[Alert]:
        """The alerts in these states, the newest first; reading them is an entry.

        Args:
            states: ``open``, ``explained``, ``violation``.
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._require("alert.read")
        found = piece_of(
            self._engine,
            "alert",
            self._held(states),
            lambda one: (one.id,),
            limit=limit,
            after=after,
            descending=True,
        )
        self._engine.note(self._acting, "alert.read", count=len(found))
        return found

    def get(self, id: str) -> Alert:
        """One alert.

        Raises:
            NotFound: ``alert.none``; logged.
            AccessDenied: ``access.action``; logged.
        """
        self._require("alert.read")
        one = next((one for one in self._held(()) if one.id == id), None)
        if one is None:
            error = NotFound("alert.none", where=id)
            self._engine.refused(self._acting, "alert.read", error, record=id)
            raise error
        self._engine.note(self._acting, "alert.read", count=1)
        return one

    def close(self, id: str, state: str, *, reason: str) -> Saved:
        """Say what became of an alert.

        Args:
            id: UUID text.
            state: ``explained`` or ``violation``, or ``open`` again.
            reason: how it is explained or what was done; sealed.

        Raises:
            NotFound: ``alert.none``.
            UsageError: ``alert.reason`` without a reason; ``alert.state``.
            AccessDenied: ``access.action``; ``alert.own`` where they are who it is about; logged.
        """
        self._require("alert.review")
        if not reason.strip():
            raise UsageError("alert.reason")
        if state not in ("open", "explained", "violation"):
            raise UsageError("alert.state")
        alert = self.get(id)
        if alert.actor == self._acting.actor.id:
            error = AccessDenied("alert.own", where=id)
            self._engine.refused(self._acting, "alert.review", error, record=id)
            raise error
        change = Change(
            "update",
            record=id_bytes(id),
            values={"state": state},
            expected_version=alert.version,
            kind="alert.review",
            inside=True,
        )
        return sole(write(self._engine, self._acting, [change], reason=reason))

    def review(self, *, until: Place | None = None, reason: str = "") -> tuple[Place, Place]:
        """Sign a span of the log off: from where the last review ended.

        Args:
            until: behind the last entry of it; by default all there is.
            reason: what was looked at, and what was found; sealed.

        Returns:
            Its first entry, and the place behind its last.

        Raises:
            UsageError: ``alert.nothing_new``; ``alert.open`` while alerts in it are open.
            AccessDenied: ``access.action``; logged.
        """
        self._require("alert.review")
        engine = self._engine
        with engine.store.transaction(write=False) as tx:
            head = tx.head(SHARD)
            assert head is not None
            end = Place(head.gen, head.first_seq + head.n)
            before = [_reviewed(row.clear, "last") for row in currents(tx, REVIEW.number)]
        first = max(before, default=Place(0, 0))
        last = min(until or end, end)
        if last <= first:
            raise UsageError("alert.nothing_new")
        waiting = [one for one in self._held(("open",)) if one.entries and first <= one.entries[-1] < last]
        if waiting:
            raise UsageError("alert.open", count=len(waiting))
        values = {
            "first": first.index,
            "first_generation": first.generation,
            "last": last.index,
            "last_generation": last.generation,
            "reviewer": self._acting.actor.id,
        }
        write(
            engine,
            self._acting,
            [Change("create", REVIEW.key, values=values, kind="audit.review", inside=True)],
            reason=reason or None,
        )
        return first, last

    def reviews(self, *, limit: int | None = None, after: str | None = None) -> Piece[Reviewed]:
        """The spans of the log that were signed off, oldest first; reading them is an entry.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._require("alert.read")
        with self._engine.store.transaction(write=False) as tx:
            held = [
                Reviewed(
                    _reviewed(row.clear, "first"),
                    _reviewed(row.clear, "last"),
                    str(json.loads(row.clear)[str(REVIEW.by_key["reviewer"].number)]),
                    int.from_bytes(row.record[:6], "big") * 1000,
                )
                for row in currents(tx, REVIEW.number)
            ]

        def place(one: Reviewed) -> tuple[int, int, int]:
            return one.last.generation, one.last.index, one.time_us

        found = piece_of(self._engine, "review", held, place, limit=limit, after=after)
        self._engine.note(self._acting, "alert.read", target={"reviews": len(found)})
        return found

    # Underneath

    def _load(self, watch: Watch, spans: Sequence[Span]) -> None:
        try:
            box = (self._engine.folder / STATE_FILE).read_bytes()
            held = json.loads(zlib.decompress(open_bytes(self._engine.keys.index_root, _PURPOSE, box)))
        except (OSError, IntegrityError, ValueError, zlib.error):
            return
        place = place_at(held["watch"]["next"])
        # A state that is ahead of the log belongs to one that was put back since.
        known = not spans or (place.generation < spans[-1].generation) or place.index <= spans[-1].size
        if held["base"] == self._engine.logbook.base and known:
            watch.load(held["watch"])

    def _keep(self, watch: Watch) -> None:
        plain = json.dumps({"base": self._engine.logbook.base, "watch": watch.dump()}).encode()
        box = seal_bytes(self._engine.keys.index_root, _PURPOSE, zlib.compress(plain, 1))
        write_atomically(self._engine.folder / STATE_FILE, box)

    def _raise(self, findings: Iterable[Finding]) -> Sequence[Alert]:
        changes = [self._change(one) for one in findings]
        if not changes:
            return []
        done = write(self._engine, self._acting, changes, collect=True)
        raised = []
        for change, one in zip(changes, done, strict=True):
            # What an interrupted run raised already is refused as not unique.
            if isinstance(one, Saved):
                values = {str(ALERT.by_key[key].number): value for key, value in change.values.items()}
                raised.append(_alert(one.id, 1, one.subject, values, self._engine.archive))
        return raised

    def _change(self, one: Finding) -> Change:
        places = [place_at(entry) for entry in one.entries]
        last = places[-1] if places else Place(0, 0)
        values = {
            "rule": one.rule,
            "severity": one.severity,
            "state": "open",
            "actor": one.actor or None,
            "last": last.index,
            "generation": last.generation,
            "entries": json.dumps([str(place) for place in places]),
            "why": canonical(dict(one.why)).decode("utf-8"),
            "key": f"{one.rule}-{last}-{one.actor}-{one.subject}{one.about}"[:250],
        }
        subject = bytes.fromhex(one.subject) if one.subject else None
        if subject is not None:
            with self._engine.store.transaction(write=False) as tx:
                if tx.subject(SHARD, subject) is None or self._engine.gone(tx, {subject}):
                    subject = None
        return Change("create", ALERT.key, values=values, subject=subject, kind="alert.raise", inside=True)

    def _held(self, states: Sequence[str]) -> Sequence[Alert]:
        with self._engine.store.transaction(write=False) as tx:
            found = [
                _alert(row.record, row.version, row.subject, json.loads(row.clear), self._engine.archive)
                for row in currents(tx, ALERT.number)
            ]
        kept = [one for one in found if not states or one.state in states]
        return sorted(kept, key=lambda one: one.id, reverse=True)


class _Chunk(NamedTuple):
    """Entries of one generation that are looked at together."""

    generation: int
    indexes: range


def _chunks(spans: Sequence[Span], first: Place) -> Iterator[_Chunk]:
    """What is to be looked at from a place on, over all generations."""
    for gen, size in spans:
        begin = first.index if gen == first.generation else 0
        for start in range(begin, size, _CHUNK) if gen >= first.generation else ():
            yield _Chunk(gen, range(start, min(start + _CHUNK, size)))


def _reviewed(clear: str, end: str) -> Place:
    """Where a review began (``first``) or ended (``last``)."""
    values = json.loads(clear)
    generation, index = (int(values[str(REVIEW.by_key[key].number)]) for key in (f"{end}_generation", end))
    return Place(generation, index)


def _alert(
    record: bytes | str, version: int, subject: bytes | str, clear: Mapping[str, Any], archive: bytes
) -> Alert:
    values = {field.key: clear.get(str(field.number)) for field in ALERT.fields}
    about = subject if isinstance(subject, str) else id_text(subject)
    return Alert(
        record if isinstance(record, str) else id_text(record),
        version,
        str(values["rule"]),
        str(values["severity"]),
        str(values["state"]),
        str(values["actor"] or ""),
        None if about == id_text(archive) else about,
        tuple(Place(*map(int, place.split(":"))) for place in json.loads(str(values["entries"] or "[]"))),
        json.loads(str(values["why"] or "{}")),
        str(values["sent"] or ""),
    )


# What the rules are told


def settings_of(engine: Engine) -> AlertSettings:
    """What the applied configuration says about alerts."""
    applied = engine.settings.applied
    return AlertSettings() if applied is None else applied.alerts


def _events(engine: Engine, reader: Reader, gen: int, start: int, stop: int) -> Iterator[Event]:
    zone = engine.zone
    projector = audit.Projector(reader, SHARD, gen)
    own = {one.key for one in BUILTIN}
    for found in audit.entries_of(reader, SHARD, gen, start=start, stop=stop):
        named = list(audit.named_records(found))
        subjects = {
            subject
            for subject in map(projector.subject_of, named)
            if subject is not None and subject != engine.archive
        }
        if found.entry.kind in LOOKS and (found.detail or {}).get("type") in own:
            subjects = set()  # a look at what the archive itself keeps, such as a consent, is no look at them
        yield event_of(
            Place(gen, found.index).ordinal,
            found.entry.time_us,
            found.entry.kind,
            found.detail or {},
            subjects,
            named=named,
            zone=zone,
        )
