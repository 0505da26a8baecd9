"""Taking evidence away: what a bundle opens is chosen, written down, and only then handed out."""

from __future__ import annotations

import json
from array import array
from binascii import b2a_base64
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from muniment import audit
from muniment.errors import NotFound, UsageError
from muniment.model import id_bytes, id_text, rfc3339
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.reading import logs
from muniment.session.reading.generations import generation_of, signed_end
from muniment.store import Checkpoint, LogFilter, Reader, Transaction

if TYPE_CHECKING:
    from muniment.audit import Found
    from muniment.evidence import Bundled, Chosen
    from muniment.evidence.bundle import Progress

__all__ = ["Scope", "make_bundle"]

_PAGE = 10_000

WHOLE_UP_TO = 100_000
"""A log of up to so many entries is carried whole unless it is asked otherwise."""


@attrs.frozen
class Scope:
    """Which entries a bundle opens: those that match everything that is given.

    Attributes:
        since_us: from this time on, microseconds since 1970.
        until_us: before this time.
        subject: about this subject or record, 16 bytes.
        actor: by this login.
        op: of this act.
    """

    since_us: int | None = None
    until_us: int | None = None
    subject: bytes | None = None
    actor: str | None = None
    op: str | None = None

    def document(self) -> dict[str, str]:
        """What was asked for, for ``bundle.json`` and the log."""
        times = {"since": self.since_us, "until": self.until_us}
        said = {name: rfc3339(value) for name, value in times.items() if value is not None}
        if self.subject is not None:
            said["subject"] = id_text(self.subject)
        if self.actor is not None:
            said["actor"] = self.actor
        if self.op is not None:
            said["op"] = self.op
        return said

    def filters(self, before: int | None) -> LogFilter:
        """The same for the projection, one page of it."""
        return LogFilter(
            since_us=self.since_us,
            until_us=self.until_us,
            actor=self.actor,
            op=self.op,
            about=self.subject,
            before=before,
            limit=_PAGE,
        )


def make_bundle(
    engine: Engine,
    acting: Acting,
    path: Path,
    scope: Scope,
    *,
    whole: bool | None = None,
    earlier: Sequence[str] = (),
    tag_keys: bool = False,
    recipient: str = "",
    generation: int | None = None,
    extra: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
) -> Bundled:
    """Write a bundle of evidence; that it was made, and for whom, is in the log it proves.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        path: of the ZIP.
        scope: which entries are opened.
        whole: carry all entries; by default in a log of up to 100,000.
        earlier: signed notes that somebody kept, to be compared with.
        tag_keys: hand over the tag key of the scope's subject or actor, so that whoever checks the
            bundle can see that none of their entries was left out. It opens nothing else, but finds
            their entries in this log for ever.
        recipient: whom it is for.
        generation: of the log, by default the newest; one that is over ends with its last checkpoint.
        extra: further files by name.
        progress: told how many entries are done, and of how many.

    Raises:
        UsageError: ``log.no_scope`` where tag keys are wanted of neither a subject nor an actor.
        AccessDenied: ``access.action``; logged.
        NotFound: there is no such subject; ``log.no_generation``; logged.
    """
    from muniment.evidence import write_bundle

    if tag_keys and scope.subject is None and scope.actor is None:
        raise UsageError("log.no_scope")

    def body(tx: Transaction, moment: Moment) -> tuple[array[int], list[dict[str, str]]]:
        for action in ("log.read", "log.export"):
            engine.policy.require(acting.actor, action)
        gen = moment.gen if generation is None else generation_of(tx, generation)
        subject = None
        if scope.subject is not None:
            version = tx.version(SHARD, scope.subject)
            if version is None:
                raise NotFound("record.not_found")
            subject = version.subject
        keys = [] if subject is None else engine.subject_keys(tx, [subject])
        target: dict[str, object] = {**scope.document(), **({"tag_keys": True} if tag_keys else {})}
        if gen != moment.gen:
            target["generation"] = gen
        detail = engine.detail(acting, engine.new_id(), target=target, recipient=recipient or None)
        engine.logbook.append(
            tx, moment, [Draft("log.bundle", detail, subject_keys=keys)], actor=acting.actor.id
        )
        # What this very act wrote belongs to the evidence too.
        size = moment.size if gen == moment.gen else audit.size_of(tx, SHARD, gen)
        audit.catch_up(tx, SHARD, gen, stop=size)
        tags = []
        if tag_keys and subject is not None and keys:
            tags.append({"of": "subject", "id": id_text(subject), "key": _b64(keys[0])})
        if tag_keys and scope.actor is not None:
            tags.append(
                {"of": "actor", "id": scope.actor, "key": _b64(engine.logbook.actor_key(scope.actor))}
            )
        return _indexes(tx, gen, scope), tags

    with engine.guarded(acting, "log.bundle"):
        indexes, tags = engine.run(body, acting)
    signed, kept = _vouched_for(engine, acting, generation)
    with engine.store.snapshot() as reader:
        # Of a generation that ended with entries behind its last checkpoint only those before it.
        covered = indexes[: bisect_left(indexes, signed.size)]
        choose = _Choice(engine, acting, reader, signed.gen, covered, scope.subject)
        return write_bundle(
            path,
            reader,
            archive=engine.archive,
            shard=SHARD,
            signed=signed,
            chosen=choose,
            scope=scope.document(),
            whole=signed.size <= WHOLE_UP_TO if whole is None else whole,
            earlier=[*earlier, *kept],
            tags=tags,
            extra={**_stamps(engine), **(extra or {})},
            progress=progress,
        )


def _vouched_for(engine: Engine, acting: Acting, generation: int | None) -> tuple[Checkpoint, list[str]]:
    """The log signed as it stands, with what witnesses say of it or said last."""
    signed = signed_end(engine, generation)
    newest = engine.logbook.sign(engine.store)
    if not engine.settings.witness.known:
        return signed, []
    if newest is None or newest.gen != signed.gen:
        # No witness is asked about a log that is over; what they said while it went on stands in it.
        from muniment.session import witnessing

        before = witnessing.cosigned(engine, signed.gen)
        return signed, [] if before is None else [before]
    from muniment.log.checkpoint import attach
    from muniment.session import witnessing

    asked = witnessing.ask_all(engine, acting, witnessing.known_witnesses(engine), signed=signed)
    lines = [one.vouched.line for one in asked if one.vouched is not None]
    if lines:
        return signed._replace(note=attach(signed.note, lines)), []
    before = witnessing.cosigned(engine)
    return signed, [] if before is None else [before]


def _stamps(engine: Engine) -> dict[str, bytes]:
    """The newest token of an authority with the checkpoint it is over, if there is one."""
    if not engine.settings.witness.timestamps:
        return {}
    from muniment.session import witnessing

    for one in reversed(witnessing.stamps(engine)):
        kept = witnessing.checkpoint_of(engine, one.size)
        if kept is not None:
            return {
                f"timestamps/{one.size}.tsr": one.token,
                f"timestamps/{one.size}.checkpoint": kept.note.encode("utf-8"),
            }
    return {}


def _indexes(reader: Reader, gen: int, scope: Scope) -> array[int]:
    """The places of the entries in scope, in order."""
    found: array[int] = array("q")
    before = None
    while True:
        rows = reader.find_entries(SHARD, gen, scope.filters(before))
        found.extend(row.seq for row in rows)
        if len(rows) < _PAGE:
            found.reverse()
            return found
        before = rows[-1].seq


class _Choice:
    """Gives the entries to open, as often as it is asked; reads neighbours together."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        reader: Reader,
        gen: int,
        indexes: array[int],
        about: bytes | None,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._reader = reader
        self._gen = gen
        self._indexes = indexes
        self._about = about
        self._subjects: dict[bytes, bytes | None] = {}
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self) -> Iterator[Chosen]:
        from muniment.evidence import Chosen

        for first, last in _runs(self._indexes):
            for found in audit.entries_of(self._reader, SHARD, self._gen, start=first, stop=last + 1):
                only = None if self._about is None else self._only(found)
                yield Chosen(found, only, withheld=not self._may_open(found))

    def _only(self, found: Found) -> frozenset[bytes]:
        """The records that an entry names and that belong to whom the bundle is about."""
        lines = found.opening.lines if found.opening is not None else ()
        records = {id_bytes(json.loads(line)["id"]) for _, line in lines}
        return frozenset(
            record for record in records if record == self._about or self._subject(record) == self._about
        )

    def _subject(self, record: bytes) -> bytes | None:
        if record not in self._subjects:
            if len(self._subjects) > 100_000:
                self._subjects.clear()
            version = self._reader.version(SHARD, record, 1)
            self._subjects[record] = None if version is None else version.subject
        return self._subjects[record]

    def _may_open(self, found: Found) -> bool:
        """Whether the actor may know every field that a detail names: it is opened whole or not at all."""
        detail = found.detail
        if detail is None:
            return False
        type_key = str(detail.get("type", ""))
        name = (type_key, json.dumps([detail.get("sets"), detail.get("target")], sort_keys=True))
        may = self._known.get(name)
        if may is None:
            if len(self._known) > 10_000:
                self._known.clear()
            may = self._known[name] = logs.knows_all(self._engine, self._acting, detail)
        return may


def _runs(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers as pairs of the first and the last."""
    first = last = None
    for index in indexes:
        if first is None or last is None:
            first = last = index
        elif index == last + 1:
            last = index
        else:
            yield first, last
            first = last = index
    if first is not None and last is not None:
        yield first, last


def _b64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")
