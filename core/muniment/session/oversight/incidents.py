"""Incidents: written down step by step, with the clocks of laws and whom they affect."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from muniment.errors import NotFound, UsageError
from muniment.incidents import Due, Times, draft_notice, due_dates
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, parse_time, rfc3339
from muniment.schema.builtin import INCIDENT
from muniment.session.attachments import attach_file
from muniment.session.ground import Footing
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.oversight.affected import Affected, Progress, Scope, affected, catch_up
from muniment.session.oversight.incident_values import (
    NATURES,
    PLAN,
    RISKS,
    SEVERITIES,
    TOLD,
    Incident,
    incident_of,
    newest,
)
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.reading.reads import disclosure
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, sole, write
from muniment.store import Current, Reader, Transaction, Version

__all__ = ["Incident", "Incidents"]

_UNTOLD: Final = ("running", "at_once", "late", "waiting")
"""States of a clock by which somebody is still to be told."""

_Result = TypeVar("_Result")


class Incidents(Footing):
    """Incidents, as acts of somebody; reached as ``session.incidents``.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    # Reading

    def listed(
        self, *, closed: bool = False, limit: int | None = None, after: str | None = None
    ) -> Piece[Incident]:
        """The open incidents, or all, the newest first; logged.

        Args:
            closed: closed ones too.
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        among = ((),) if closed else (((INCIDENT.by_key["state"].number, "open"),),)
        listed = Kept("incident", INCIDENT.number, among, descending=True)

        def body(tx: Transaction, moment: Moment) -> Piece[Incident]:
            def shown(row: Current) -> Incident | None:
                version = tx.version(SHARD, row.record)
                if version is None or version.operation == OPERATIONS["delete"]:
                    return None
                one = self._opened(tx, version)
                return one if closed or one.state == "open" else None

            kept = stored_piece(self._engine, tx, listed, shown, limit=limit, after=after)
            self._released(tx, moment, kept, "record.list")
            return kept

        return self._reading(body)

    def get(self, id: str, *, kind: str = "record.read") -> Incident:
        """One incident with all that is known of it; logged.

        Args:
            id: UUID text.
            kind: of entry: ``record.print`` where a notice is made of it.

        Raises:
            NotFound: ``incident.none``; logged.
            AccessDenied: ``access.action``; logged.
        """

        def body(tx: Transaction, moment: Moment) -> Incident:
            found = self._opened(tx, self._version(tx, id))
            return self._released(tx, moment, [found], kind)[0]

        return self._reading(body)

    def standing(self) -> Counter[str]:
        """How many incidents are open, and how many of their clocks run, are due today or are late."""
        counts: Counter[str] = Counter(open=0, running=0, soon=0, late=0)
        now = self._engine.clock()
        with self._engine.store.transaction(write=False) as tx:
            for one in (self._opened(tx, version) for version in newest(tx)):
                if one.state != "open":
                    continue
                counts["open"] += 1
                for clock in one.clocks:
                    state = clock.state(now)
                    if state in ("running", "at_once", "late"):
                        counts["late" if state == "late" else "running"] += 1
                    near = clock.due_us is not None and clock.due_us - now < 24 * 3_600_000_000
                    counts["soon"] += near and state in ("running", "at_once")
        return counts

    # Writing

    def open(
        self,
        title: str,
        *,
        nature: str = "disclosed",
        known: str | None = None,
        found: str | None = None,
        happened: str | None = None,
        ended: str | None = None,
        laws: Sequence[str] = (),
        drill: bool = False,
        reason: str | None = None,
    ) -> Incident:
        """Write an incident down; from then on its clocks run.

        Args:
            title: what happened, in a line; sealed.
            nature: out of ``NATURES``.
            known: when it became known, RFC 3339; by default now.
            found: when it was found, where that was before.
            happened: when it began.
            ended: when it ended.
            laws: keys of ``incidents.LAWS``.
            drill: an exercise; marked so in the archive, the log and every draft.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``incident.title``, ``incident.nature``, ``incident.law``, ``incident.times``.
            AccessDenied: ``access.action``; logged.
        """
        if not title.strip():
            raise UsageError("incident.title")
        _known_word(nature, NATURES, "incident.nature")
        now = self._engine.clock()
        times = {
            name: None if text is None else parse_time(text)
            for name, text in (("happened", happened), ("ended", ended), ("found", found), ("known", known))
        }
        started = times["known"] if times["known"] is not None else now
        _in_order({**times, "known": started}, now)
        laws = list(dict.fromkeys(laws))
        clocks = due_dates(laws, Times(started, times["found"]), holidays=self._holidays())
        values: dict[str, object] = {
            "title": title,
            "state": "open",
            "nature": nature,
            "risk": "unknown",
            "drill": drill or None,
            **{name: None if value is None else rfc3339(value) for name, value in times.items()},
            "known": rfc3339(started),
            "laws": ",".join(laws) or None,
            "clocks": _text([one.document() for one in clocks]),
            "steps": _text([self._step("open")]),
        }
        change = Change("create", INCIDENT.key, values=values, kind="incident.open", inside=True)
        saved = self._written(change, reason, drill=drill)
        return self.get(saved.id)

    def add(
        self,
        id: str,
        what: str,
        text: str = "",
        *,
        entries: Sequence[int] = (),
        evidence: Path | None = None,
        at: str | None = None,
        reason: str | None = None,
    ) -> Incident:
        """Add to what is known, or to what was done.

        Args:
            id: UUID text.
            what: one of ``TOLD``, which replaces what stood there; or ``contain``, ``note``, ``contacted``
                or ``evidence``, which are steps.
            text: a person's own words; sealed.
            entries: indexes of the log that show it.
            evidence: a file; sealed beside the incident.
            at: when it was done, RFC 3339; by default now.
            reason: why it is added; sealed.

        Raises:
            UsageError: ``incident.what``, ``incident.text``.
            NotFound, AccessDenied, Conflict: as the others.
        """
        _known_word(what, (*TOLD, "contain", "note", "contacted", "evidence"), "incident.what")
        if not text.strip() and evidence is None and not entries:
            raise UsageError("incident.text")
        one = self._open_one(id)
        step = self._step(what, text=text, entries=list(entries), at=at)
        if evidence is not None:
            step["file"] = evidence.name
        values: dict[str, object] = {what: text} if what in TOLD else {}
        self._update(one, values, step, reason)
        if evidence is not None:
            attach_file(
                self._engine, self._acting, id_bytes(id), "evidence", evidence, inside="incident.step"
            )
        return self.get(id)

    def assess(
        self,
        id: str,
        *,
        severity: str | None = None,
        risk: str | None = None,
        laws: Sequence[str] | None = None,
        text: str = "",
        reason: str | None = None,
    ) -> Incident:
        """Say how grave it is, what it means for persons, and which laws apply; the clocks follow.

        Args:
            id: UUID text.
            severity: out of ``SEVERITIES``.
            risk: out of ``RISKS``.
            laws: in place of those before.
            text: what that rests on; sealed.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``incident.severity``, ``incident.risk``, ``incident.law``.
        """
        if severity is not None:
            _known_word(severity, SEVERITIES, "incident.severity")
        if risk is not None:
            _known_word(risk, RISKS, "incident.risk")
        one = self._open_one(id)
        values: dict[str, object] = {
            name: value for name, value in (("severity", severity), ("risk", risk)) if value is not None
        }
        if one.time("assessed") is None:
            values["assessed"] = rfc3339(self._engine.clock())
        if laws is not None:
            values["laws"] = ",".join(dict.fromkeys(laws)) or None
        step = self._step("assess", text=text, severity=severity, risk=risk)
        self._update(one, values, step, reason)
        return self.get(id)

    def find(
        self,
        id: str,
        scope: Scope | None = None,
        *,
        progress: Progress | None = None,
        reason: str | None = None,
    ) -> Incident:
        """Compute from the log whom and what it affects, and keep the figures.

        Args:
            id: UUID text.
            scope: what to search for; None searches again for what was searched before.
            progress: told how many entries were looked at.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``incident.scope``.
        """
        one = self._open_one(id)
        scope = scope or one.scope
        if scope is None:
            raise UsageError("incident.scope")
        scope.check()
        figures, _ = self._search(one, scope, None, progress)
        step = self._step("find", subjects=figures["subjects"], records=figures["records"])
        values = {"scope": _text(scope.document()), "affected": _text(figures)}
        self._update(one, values, step, reason)
        return self.get(id)

    def check(self, id: str, *, progress: Progress | None = None) -> bool:
        """Whether the log still gives the figures that are kept, at the index they were computed at.

        Raises:
            UsageError: ``incident.not_found_yet`` where nothing was computed.
        """
        one = self.get(id)
        kept = one.affected
        if kept is None or one.scope is None:
            raise UsageError("incident.not_found_yet", where=id)
        figures, _ = self._search(one, one.scope, (kept["generation"], kept["index"]), progress)
        return bool(figures["digest"] == kept["digest"])

    def subjects(self, id: str) -> tuple[Incident, list[str]]:
        """The identifiers of whom it affects, computed anew at the index that is kept; logged.

        Raises:
            UsageError: ``incident.not_found_yet`` where nothing was computed.
        """
        one = self.get(id)
        kept = one.affected
        if kept is None or one.scope is None:
            raise UsageError("incident.not_found_yet", where=id)
        _, made = self._search(one, one.scope, (kept["generation"], kept["index"]), None)
        return one, [id_text(subject) for subject in sorted(made.subjects)]

    def told(
        self,
        id: str,
        clock: str,
        *,
        at: str | None = None,
        recipient: str = "",
        text: str = "",
        reason: str | None = None,
    ) -> Incident:
        """Write down that somebody was told, which ends a clock.

        Args:
            id: UUID text.
            clock: as ``law.clock``.
            at: when, RFC 3339; by default now.
            recipient: who; sealed.
            text: how, or a file number; sealed.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``incident.clock`` for one that it does not have; ``incident.times``.
        """
        one = self._open_one(id)
        clocks = {each.name: each for each in one.clocks}
        if clock not in clocks:
            raise UsageError("incident.clock", name=clock, known=", ".join(clocks) or "-")
        now = self._engine.clock()
        met = now if at is None else parse_time(at)
        if met > now:
            raise UsageError("incident.times")
        clocks[clock] = attrs.evolve(
            clocks[clock], met_us=met, met_by=self._acting.actor.id, recipient=recipient
        )
        step = self._step("notify", text=text, clock=clock, recipient=recipient, at=at)
        self._update(one, {}, step, reason, told=list(clocks.values()))
        return self.get(id)

    def close(
        self, id: str, *, text: str, despite_clocks: bool = False, reason: str | None = None
    ) -> Incident:
        """End an incident.

        Args:
            id: UUID text.
            text: what came of it and what was learned; sealed.
            despite_clocks: though somebody is still to be told; from then on nobody is reminded.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``incident.text`` without it; ``incident.clocks_run`` while somebody has to be told.
        """
        if not text.strip():
            raise UsageError("incident.text")
        one = self._open_one(id)
        now = self._engine.clock()
        left = [each.name for each in one.clocks if each.state(now) in _UNTOLD]
        if left and not despite_clocks:
            raise UsageError("incident.clocks_run", where=id, known=", ".join(left))
        step = self._step("close", text=text, left=left)
        self._update(one, {"state": "closed"}, step, reason, kind="incident.close")
        return self.get(id)

    def notice(self, id: str, audience: str, *, lang: str, law: str = "") -> dict[str, Any]:
        """The draft of a notice, with its gaps marked; that it was made is logged.

        Args:
            id: UUID text.
            audience: ``authority`` or ``persons``.
            lang: ``en`` or ``zh``.
            law: key of the law under which it is made; by default the first that asks for one.

        Returns:
            As ``incidents.draft_notice``.

        Raises:
            UsageError: ``incident.audience``, ``incident.law``.
        """
        engine = self._engine
        one = self.get(id, kind="record.print")
        labels = {
            each.key: {
                "": {"en": each.label.en, "zh": each.label.zh},
                **{field.key: {"en": field.label.en, "zh": field.label.zh} for field in each.fields},
            }
            for each in engine.definitions.types.values()
        }
        applied = engine.settings.applied
        return draft_notice(
            one.document(engine.clock()),
            audience,
            lang=lang,
            law=law,
            organisation="" if applied is None else applied.name,
            labels=labels,
        )

    # Underneath

    def _reading(self, body: Callable[[Transaction, Moment], _Result]) -> _Result:
        engine = self._engine

        def asked(tx: Transaction, moment: Moment) -> _Result:
            engine.policy.require(self._acting.actor, "incident.read", INCIDENT.key)
            return body(tx, moment)

        with engine.guarded(self._acting, "incident.read"):
            return engine.run(asked, self._acting)

    def _released(
        self, tx: Transaction, moment: Moment, found: Sequence[Incident], kind: str
    ) -> list[Incident]:
        engine = self._engine
        versions = [one for each in found if (one := tx.version(SHARD, id_bytes(each.id))) is not None]
        drafts = disclosure(engine, tx, self._acting, kind, PLAN, versions)
        engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
        return list(found)

    def _version(self, tx: Transaction, id: str) -> Version:
        version = tx.version(SHARD, id_bytes(id))
        if version is None or version.type != INCIDENT.number or version.operation == OPERATIONS["delete"]:
            raise NotFound("incident.none", where=id)
        return version

    def _opened(self, tx: Reader, version: Version) -> Incident:
        return incident_of(self._engine, tx, version)

    def _open_one(self, id: str) -> Incident:
        """An incident that is to be changed; the change itself says so in the log."""
        engine = self._engine
        with engine.guarded(self._acting, "incident.change", record=id):
            engine.policy.require(self._acting.actor, "incident.change")
            with engine.store.transaction(write=False) as tx:
                one = self._opened(tx, self._version(tx, id))
        if one.state != "open":
            raise UsageError("incident.closed", where=id)
        return one

    def _search(
        self, one: Incident, scope: Scope, upto: tuple[int, int] | None, progress: Progress | None
    ) -> tuple[dict[str, Any], Affected]:
        """Read the log for a scope; that it was read is an entry of its own, written before anything is told.

        A long log takes a while, and others go on writing: the projection is brought up to date a piece at a
        time, and what is read is one state that nobody waits for.
        """
        engine, acting = self._engine, self._acting

        def begin(tx: Transaction, moment: Moment) -> tuple[int, int]:
            engine.policy.require(acting.actor, "log.read")
            return (moment.gen, moment.size) if upto is None else upto

        def note(tx: Transaction, moment: Moment) -> None:
            engine.policy.require(acting.actor, "log.read")
            target: dict[str, object] = {"question": "incident", "incident": one.id, "stop": stop}
            if one.drill:
                target["drill"] = True
            detail = engine.detail(acting, engine.new_id(), count=made.entries, target=target)
            engine.logbook.append(tx, moment, [Draft("log.read", detail)], actor=acting.actor.id)

        with engine.guarded(acting, "log.read"):
            scope.check()
            gen, stop = engine.run(begin, acting)
            catch_up(engine, gen, stop)
            with engine.store.snapshot() as reader:
                made = affected(engine, acting, reader, scope, gen=gen, stop=stop, progress=progress)
                jurisdictions = _jurisdictions(engine, reader, made.subjects)
            engine.run(note, acting)
        return made.figures(jurisdictions), made

    def _step(self, what: str, *, at: str | None = None, **said: object) -> dict[str, Any]:
        now = self._engine.clock()
        when = now if at is None else parse_time(at)
        if when > now:
            raise UsageError("incident.times")
        kept = {name: value for name, value in said.items() if value not in (None, "", [])}
        return {"at": rfc3339(when), "by": self._acting.actor.id, "what": what, **kept}

    def _update(
        self,
        one: Incident,
        values: Mapping[str, object],
        step: Mapping[str, Any],
        reason: str | None,
        *,
        told: Sequence[Due] | None = None,
        kind: str = "incident.step",
    ) -> Saved:
        given: dict[str, object] = {**values, "steps": _text([*one.steps, step])}
        after = {**one.values, **given}
        laws = tuple(filter(None, str(after.get("laws") or "").split(",")))
        known, assessed = one.time("known"), one.time("assessed")
        assert known is not None
        if assessed is None and "assessed" in values:
            assessed = parse_time(str(values["assessed"]))
        found = json.loads(str(after["affected"])) if after.get("affected") else None
        clocks = due_dates(
            laws,
            Times(known, one.time("found"), assessed),
            risk=str(after.get("risk") or "unknown"),
            persons=None if found is None else int(found["subjects"]),
            holidays=self._holidays(),
            before=one.clocks if told is None else told,
        )
        given["clocks"] = _text([each.document() for each in clocks])
        change = Change(
            "update",
            record=id_bytes(one.id),
            values=given,
            expected_version=one.version,
            inside=True,
            kind=kind,
        )
        return self._written(change, reason, drill=one.drill, what=str(step["what"]))

    def _written(self, change: Change, reason: str | None, *, drill: bool, what: str = "open") -> Saved:
        members: dict[str, object] = {"step": what, **({"drill": True} if drill else {})}
        return sole(write(self._engine, self._acting, [change], reason=reason, members=members))

    def _holidays(self) -> frozenset[date]:
        applied = self._engine.settings.applied
        return frozenset() if applied is None else applied.rights.holidays


def _jurisdictions(engine: Engine, reader: Reader, subjects: set[bytes]) -> dict[str, int]:
    """How many of them belong to which law, as far as the configuration says where that stands."""
    applied = engine.settings.applied
    settings = None if applied is None else applied.retention
    counts: Counter[str] = Counter()
    fields: dict[int, str] = {}
    if settings is not None and settings.jurisdiction_field:
        for record_type in engine.definitions.types.values():
            field = record_type.by_key.get(settings.jurisdiction_field)
            if field is not None and field.in_clear:
                fields[record_type.number] = str(field.number)
    named = "" if settings is None or len(settings.jurisdictions) != 1 else settings.jurisdictions[0]
    for subject in subjects:
        row = reader.current(SHARD, subject) if fields else None
        value = "" if row is None or row.type not in fields else json.loads(row.clear).get(fields[row.type])
        counts[str(value or named)] += 1
    return dict(sorted(counts.items()))


def _known_word(word: str, known: Sequence[str], code: str) -> None:
    if word not in known:
        raise UsageError(code, name=word, known=", ".join(known))


def _in_order(times: Mapping[str, int | None], now_us: int) -> None:
    """Refuse times that lie ahead, or an end before its beginning.

    Raises:
        UsageError: ``incident.times``.
    """
    if any(value is not None and value > now_us for value in times.values()):
        raise UsageError("incident.times")
    order = [times[name] for name in ("happened", "found", "known")]
    given = [value for value in order if value is not None]
    ended, began = times["ended"], times["happened"]
    if given != sorted(given) or (ended is not None and began is not None and ended < began):
        raise UsageError("incident.times")


def _text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
