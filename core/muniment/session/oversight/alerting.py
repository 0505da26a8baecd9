"""Running alert rules over the log, triaging what they find, and signing spans of the log off.

Where each rule stands is kept in ``alerts.state`` beside the archive, sealed: a
run reads only what is new. The file can be lost; then the next run begins at
the first entry again, and raises nothing twice.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from muniment import audit
from muniment.alerts import BUILTIN_RULES, AlertRule, Event, Finding, Watch, event_of
from muniment.alerts.events import LOOKS
from muniment.alerts.settings import AlertSettings
from muniment.codec import canonical
from muniment.errors import AccessDenied, IntegrityError, NotFound, UsageError
from muniment.files import write_atomically
from muniment.model import id_bytes
from muniment.schema.builtin import ALERT, BUILTIN, REVIEW
from muniment.seal import open_bytes, seal_bytes
from muniment.session.ground import Footing
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reach import reaches
from muniment.session.oversight.alert_values import Alert, Reviewed, Run, alert_of, grade_of, reviewed_of
from muniment.session.oversight.alerting_facts import Seen, currents, facts_of
from muniment.session.reading.generations import Place, Span, place_at
from muniment.session.reading.pieces import Kept, Known, Piece, how_many, stored_piece
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, sole, write
from muniment.store import Current, Reader, Transaction

__all__ = ["Alerts", "settings_of"]

STATE_FILE = "alerts.state"
_STATES: Final = ("open", "explained", "violation")
_GRAVEST: Final = ("critical", "high", "medium", "low")
_PURPOSE = b"alerts"
_CHUNK = 5_000

Progress = Callable[[int, int], None]


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
        with engine.store.transaction(write=False) as tx:
            about = [(one, None if one.subject is None else id_bytes(one.subject)) for one in raised]
            known = tuple(one for one, subject in about if self._knows(tx, subject, "alert.read"))
        return Run(first, last, total, known, sent, unsent)

    def list(
        self,
        *,
        states: Sequence[str] = ("open",),
        gravest: bool = False,
        limit: int | None = None,
        after: str | None = None,
    ) -> Piece[Alert]:
        """The alerts in these states, the newest first; reading them is an entry.

        An alert about somebody whom the actor's roles do not reach is not there for them.

        Args:
            states: ``open``, ``explained``, ``violation``; none of them for all.
            gravest: the gravest first, and the newest of those.
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._require("alert.read")
        engine = self._engine
        chosen = tuple(dict.fromkeys(states)) or _STATES
        state, grade = (ALERT.by_key[key].number for key in ("state", "grade"))
        among: list[list[tuple[int, object]]] = [[]]
        if gravest:
            among = [[(grade, grade_of(one, severity))] for severity in _GRAVEST for one in chosen]
        elif len(chosen) == 1:
            among = [[(state, chosen[0])]]
        kept = Kept("alerts by gravity" if gravest else "alert", ALERT.number, among, descending=True)

        def body(tx: Transaction, moment: Moment) -> Piece[Alert]:
            def shown(row: Current) -> Alert | None:
                one = self._read(row)
                return one if one.state in chosen and self._knows(tx, row.subject, "alert.read") else None

            found = stored_piece(engine, tx, kept, shown, limit=limit, after=after)
            detail = engine.detail(self._acting, engine.new_id(), count=len(found))
            engine.logbook.append(tx, moment, [Draft("alert.read", detail)], actor=self._acting.actor.id)
            return found

        return engine.run(body, self._acting)

    def waiting(self, known: Known) -> int:
        """How many open ones the list has; for whoever may read alerts.

        Args:
            known: as ``how_many`` takes it.
        """
        kept = Kept("alert", ALERT.number, [[(ALERT.by_key["state"].number, "open")]])
        with self._engine.store.transaction(write=False) as tx:
            return how_many(tx, kept, lambda row: self._knows(tx, row.subject, "alert.read"), known)

    def get(self, id: str) -> Alert:
        """One alert.

        Raises:
            NotFound: ``alert.none``, also for one about somebody whom the actor's roles do not reach; logged.
            AccessDenied: ``access.action``; logged.
        """
        return self._one(id, "alert.read")

    def _one(self, id: str, *actions: str) -> Alert:
        """One alert, for whoever may do all of these about whom it is about."""
        for action in actions:
            self._require(action)
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> Alert:
            row = tx.current(SHARD, id_bytes(id))
            if row is None or row.type != ALERT.number:
                raise NotFound("alert.none", where=id)
            if not all(self._knows(tx, row.subject, one) for one in actions):
                raise NotFound("alert.none", where=id)
            detail = engine.detail(acting, engine.new_id(), count=1)
            engine.logbook.append(tx, moment, [Draft("alert.read", detail)], actor=acting.actor.id)
            return self._read(row)

        with engine.guarded(acting, actions[-1], record=id):
            return engine.run(body, acting)

    def _knows(self, tx: Transaction, subject: bytes | None, action: str) -> bool:
        """Whether a role that allows the action reaches whom an alert is about, if it is about anybody."""
        if subject is None or subject == self._engine.archive:
            return True
        if self._engine.policy.may_everywhere(self._acting.actor, action):
            return True
        return reaches(self._engine, tx, self._acting, action, subject)

    def _read(self, row: Current) -> Alert:
        return alert_of(row.record, row.version, row.subject, json.loads(row.clear), self._engine.archive)

    def close(self, id: str, state: str, *, reason: str) -> Saved:
        """Say what became of an alert.

        Args:
            id: UUID text.
            state: ``explained`` or ``violation``, or ``open`` again.
            reason: how it is explained or what was done; sealed.

        Raises:
            NotFound: ``alert.none``, as ``get``; logged.
            UsageError: ``alert.reason`` without a reason; ``alert.state``.
            AccessDenied: ``access.action``; ``alert.own`` where they are who it is about; logged.
        """
        self._require("alert.review")
        if not reason.strip():
            raise UsageError("alert.reason")
        if state not in _STATES:
            raise UsageError("alert.state")
        alert = self._one(id, "alert.read", "alert.review")
        if alert.actor == self._acting.actor.id:
            error = AccessDenied("alert.own", where=id)
            self._engine.refused(self._acting, "alert.review", error, record=id)
            raise error
        change = Change(
            "update",
            record=id_bytes(id),
            values={"state": state, "grade": grade_of(state, alert.severity)},
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
            before = [reviewed_of(row).last for row in currents(tx, REVIEW.number)]
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

    def reviews(
        self, *, limit: int | None = None, after: str | None = None, newest: bool = False
    ) -> Piece[Reviewed]:
        """The spans of the log that were signed off, oldest first; reading them is an entry.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.
            newest: the last ones first.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._require("alert.read")
        engine = self._engine

        def body(tx: Transaction, moment: Moment) -> Piece[Reviewed]:
            # Each begins where the one before ended, so their order is that of their creation.
            kept = Kept("review", REVIEW.number, descending=newest)
            found = stored_piece(engine, tx, kept, reviewed_of, limit=limit, after=after)
            detail = engine.detail(self._acting, engine.new_id(), target={"reviews": len(found)})
            engine.logbook.append(tx, moment, [Draft("alert.read", detail)], actor=self._acting.actor.id)
            return found

        return engine.run(body, self._acting)

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
                raised.append(alert_of(one.id, 1, one.subject, values, self._engine.archive))
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
            "grade": grade_of("open", one.severity),
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
            found = [self._read(row) for row in currents(tx, ALERT.number)]
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
