"""Webhooks: other systems are told that something happened, by kind and identifier, never by value.

The log is the queue. Each webhook keeps the place up to which it has told, and the few
events that it has to try again; what was told is an entry itself. A message may arrive
twice, with the same identifier, and is never lost while its webhook is there. Messages
are signed as Standard Webhooks says; the secret lies in the key store, without a history.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment import audit
from muniment.alerts.posting import Networks, check_address, post_public
from muniment.codec import canonical
from muniment.errors import LogError, MunimentError, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.log.kinds import KINDS
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema import WEBHOOK
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.oversight.alerting_delivery import signature_of
from muniment.session.reading.generations import Place
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write

if TYPE_CHECKING:
    from muniment.session.records import Records
    from muniment.store import Reader, Transaction

__all__ = ["BACKOFF_S", "Delivered", "Event", "Webhook", "Webhooks"]

BACKOFF_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000)
"""Seconds until each further try, as Standard Webhooks proposes; after the last one an event is given up."""

_A_RUN: Final = 50
_LOOKED_AT: Final = 5_000
_MOST_WAITING: Final = 200
_MOST_DEAD: Final = 200
_GRACE_US: Final = 24 * 3_600_000_000
_PATTERN: Final = re.compile(r"[a-z_]+\.(?:[a-z_]+|\*)")
_SILENT: Final = "webhook."
_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Event:
    """One event on its way to one webhook.

    Attributes:
        generation: of the log.
        index: of the entry in it.
        kind: what happened.
        tries: how often it was tried.
        next_us: when it is tried again, microseconds since 1970.
        problem: the code, or the status, of the last try.
    """

    generation: int
    index: int
    kind: str
    tries: int = 0
    next_us: int = 0
    problem: str = ""


@attrs.frozen
class Webhook:
    """A place that is told.

    Attributes:
        id: UUID text.
        name: what people call it.
        url: where messages are posted.
        kinds: of entries, such as ``record.create``, or ``record.*``.
        types: keys of record types; empty for any, and for entries that are about none.
        active: whether it is told at the moment.
        generation: of the log up to which it was told.
        next: the next entry to look at.
        waiting: events to try again.
        dead: events given up, the latest last.
        version: of its record.
    """

    id: str
    name: str
    url: str
    kinds: tuple[str, ...]
    types: tuple[str, ...]
    active: bool
    generation: int
    next: int
    waiting: tuple[Event, ...]
    dead: tuple[Event, ...]
    version: int

    def wants(self, kind: str, type_key: str) -> bool:
        """Whether it is told of such an entry; of its own messages never."""
        noun = kind.partition(".")[0]
        told = kind in self.kinds or f"{noun}.*" in self.kinds
        return told and not kind.startswith(_SILENT) and (not self.types or type_key in self.types)


@attrs.frozen
class Delivered:
    """What one run did: events told, to be tried again, and given up."""

    sent: int = 0
    failed: int = 0
    dead: int = 0


class Webhooks:
    """The webhooks of an archive; ``session.webhooks``.

    Args:
        session: whose rights count: ``config.read`` to see them, ``config.change`` to change them.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine = session.engine

    # Seeing and changing

    def all(self, *, limit: int | None = None, after: str | None = None) -> Piece[Webhook]:
        """All of them, by name, with what waits and what was given up.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._session.require("config.read")
        engine = self._engine
        kept = Kept("webhook", WEBHOOK.number, order=((WEBHOOK.by_key["name"].number, False),))
        return engine.run(
            lambda tx, _: stored_piece(
                engine, tx, kept, lambda row: _read(engine, tx, row.record), limit=limit, after=after
            ),
            self._session.acting,
        )

    def get(self, id: str) -> Webhook:
        """One of them.

        Raises:
            NotFound: ``webhook.unknown``; logged.
        """
        self._session.require("config.read")
        with self._engine.store.transaction(write=False) as tx:
            found = _read(self._engine, tx, id_bytes(id))
        if found is None:
            error = NotFound("webhook.unknown")
            self._engine.refused(self._session.acting, "config.read", error, record=id)
            raise error
        return found

    def add(
        self,
        name: str,
        url: str,
        kinds: Sequence[str],
        *,
        types: Sequence[str] = (),
        reason: str | None = None,
    ) -> tuple[Webhook, str]:
        """Have a place told of what happens from now on.

        Args:
            name: what people call it.
            url: ``https://...``; private addresses only where ``[webhooks] allow`` names their network.
            kinds: of entries, such as ``record.create``, or ``record.*`` for all of a noun.
            types: keys of record types; empty for any.
            reason: a person's own words; sealed.

        Returns:
            The webhook, and the secret that signs its messages: shown here and never again.

        Raises:
            UsageError: ``webhook.url``, ``webhook.kind`` or ``webhook.name``.
            NotFound: ``schema.unknown_type``.
            AccessDenied: ``access.action``; logged.
        """
        session = self._session
        session.require("config.change")
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise UsageError("webhook.name")
        check_address(url, _allowed(self._engine))
        chosen = _kinds(kinds)
        keys = tuple(dict.fromkeys(session.type(one).key for one in types))
        generation, size = _head(self._engine)
        values: dict[str, object] = {
            "name": name.strip(),
            "url": url,
            "kinds": " ".join(chosen),
            "types": " ".join(keys) or None,
            "state": "active",
            "generation": generation,
            "next": size,
        }
        change = Change("create", WEBHOOK.key, values=values, kind="webhook.add", inside=True)
        made = write(self._engine, session.acting, [change], reason=reason)[0]
        if isinstance(made, MunimentError):
            raise made
        return self.get(made.id), self._new_secret(made.id, keep=False)

    def rotate(self, id: str) -> str:
        """Make a new secret; for a day messages carry the signatures of both.

        Returns:
            The new secret, shown here and never again.
        """
        one = self._for_change(id)
        # What lies in the key store has no versions: the entry alone says that it changed.
        self._session.note("webhook.change", target={"webhook": one.id, "rotated": True})
        return self._new_secret(id, keep=True)

    def pause(self, id: str, *, reason: str | None = None) -> None:
        """Tell it nothing for now; what happens meanwhile is told when it is resumed."""
        self._change(self._for_change(id), {"state": "paused"}, reason)

    def resume(self, id: str, *, reason: str | None = None) -> None:
        """Tell it again, from where it stopped."""
        self._change(self._for_change(id), {"state": "active"}, reason)

    def remove(self, id: str, *, reason: str | None = None) -> None:
        """Take it away, with its secret and all that waits."""
        one = self._for_change(id)
        change = Change(
            "delete",
            record=id_bytes(id),
            expected_version=one.version,
            kind="webhook.remove",
            inside=True,
        )
        write(self._engine, self._session.acting, [change], reason=reason)
        self._engine.keys.box_change(_box(id), lambda held: None)

    def retry(self, id: str, *, reason: str | None = None) -> int:
        """Try all that was given up once more, at the next run; says how many events that are."""
        one = self._for_change(id)
        again = [attrs.evolve(event, tries=0, next_us=0) for event in one.dead]
        waiting = [*one.waiting, *again][:_MOST_WAITING]
        self._change(one, {"waiting": _packed(waiting), "dead": None}, reason)
        return len(again)

    def _for_change(self, id: str) -> Webhook:
        self._session.require("config.change")
        return self.get(id)

    def _change(self, one: Webhook, values: Mapping[str, object], reason: str | None) -> None:
        change = Change(
            "update",
            record=id_bytes(one.id),
            values=values,
            expected_version=one.version,
            kind="webhook.change",
            inside=True,
        )
        write(self._engine, self._session.acting, [change], reason=reason)

    def _new_secret(self, id: str, *, keep: bool) -> str:
        text = "whsec_" + b64encode(self._engine.random(32)).decode("ascii")
        now = self._engine.clock()

        def change(held: bytes | None) -> bytes:
            before = json.loads(held)["secret"] if held is not None and keep else ""
            return canonical({"secret": text, "before": before, "until_us": str(now + _GRACE_US)})

        self._engine.keys.box_change(_box(id), change)
        return text

    # Telling

    def deliver(self, *, networks: Networks | None = None) -> Delivered:
        """Tell every active webhook what is new, and try again what is due; for ``tick`` and ``serve``.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        self._session.require("job.run")
        allowed = _allowed(self._engine) if networks is None else networks
        sent = failed = dead = 0
        for one in _stored(self._engine):
            if one.active:
                told = self._tell(one, allowed)
                sent, failed, dead = sent + told.sent, failed + told.failed, dead + told.dead
        return Delivered(sent, failed, dead)

    def _tell(self, one: Webhook, allowed: Networks) -> Delivered:
        engine = self._engine
        now = engine.clock()
        due = [event for event in one.waiting if event.next_us <= now][:_A_RUN]
        room = min(_A_RUN - len(due), _MOST_WAITING - len(one.waiting))
        with engine.store.snapshot() as reader:
            new, place = _new_events(reader, one, max(room, 0))
            documents = [(event, _document(engine, reader, event)) for event in [*due, *new]]
        # A place that answers slowly keeps no snapshot of the archive open.
        told: list[Event] = []
        tried: dict[tuple[int, int], Event] = {}
        for event, document in documents:
            problem = self._post(one, document, event, allowed)
            if problem:
                tried[event.generation, event.index] = _later(event, problem, now)
            else:
                told.append(event)
        if not told and not tried:
            if place.index - one.next > _LOOKED_AT // 2 or place.generation != one.generation:
                self._move(one, place)
            return Delivered()
        gone = [event for event in tried.values() if event.tries > len(BACKOFF_S)]
        handled = {(event.generation, event.index) for event in [*due, *new]}
        waiting = [event for event in one.waiting if (event.generation, event.index) not in handled]
        waiting += [event for event in tried.values() if event not in gone]
        values = {
            "generation": place.generation,
            "next": place.index,
            "waiting": _packed(waiting),
            "dead": _packed([*one.dead, *gone][-_MOST_DEAD:]),
        }
        members: dict[str, Any] = {
            "webhook": one.id,
            "sent": [event.index for event in told],
            "failed": [event.index for event in tried.values()],
        }
        change = Change(
            "update",
            record=id_bytes(one.id),
            values=values,
            kind="webhook.fail" if tried else "webhook.send",
            inside=True,
        )
        write(engine, self._session.acting, [change], members=members)
        return Delivered(len(told), len(tried) - len(gone), len(gone))

    def _move(self, one: Webhook, place: Place) -> None:
        values = {"generation": place.generation, "next": place.index}
        change = Change("update", record=id_bytes(one.id), values=values, kind="webhook.change", inside=True)
        write(self._engine, self._session.acting, [change])

    def _post(self, one: Webhook, document: Mapping[str, Any] | None, event: Event, allowed: Networks) -> str:
        """Post one message; gives what went wrong, a code or a status, or nothing."""
        if document is None:
            return ""  # its detail is disposed of: there is nothing left to tell
        body = canonical(document)
        message = f"evt_{one.id}_{event.generation}_{event.index}"
        time_s = self._engine.clock() // 1_000_000
        try:
            signed = " ".join(signature_of(secret, message, time_s, body) for secret in self._secrets(one.id))
            headers = {
                "Content-Type": "application/json",
                "webhook-id": message,
                "webhook-timestamp": str(time_s),
                "webhook-signature": signed,
            }
            status = post_public(one.url, body, headers, allowed)
        except (LogError, UsageError) as error:
            return error.code
        return "" if 200 <= status < 300 else f"status {status}"

    def _secrets(self, id: str) -> list[str]:
        held = self._engine.keys.box_get(_box(id))
        if held is None:
            raise UsageError("alert.secret")
        found = json.loads(held)
        before = found["before"] if int(found["until_us"]) > self._engine.clock() else ""
        return [one for one in (found["secret"], before) if one]


def _new_events(reader: Reader, one: Webhook, room: int) -> tuple[list[Event], Place]:
    """Entries that the webhook is to be told, oldest first, and where to go on."""
    generations = sorted(reader.generations(SHARD))
    generation, start = one.generation, one.next
    found: list[Event] = []
    looked = 0
    while True:
        size = audit.size_of(reader, SHARD, generation)
        for entry in audit.entries_of(reader, SHARD, generation, start=start, stop=size):
            if looked >= _LOOKED_AT or len(found) >= room:
                return found, Place(generation, start)
            looked += 1
            detail = entry.detail or {}
            if one.wants(entry.entry.kind, str(detail.get("type", ""))):
                found.append(Event(generation, entry.index, entry.entry.kind))
            start = entry.index + 1
        later = [one for one in generations if one > generation]
        if not later:
            return found, Place(generation, start)
        generation, start = later[0], 0


def _document(engine: Engine, reader: Reader, event: Event) -> dict[str, Any] | None:
    """What is told of an event: kinds and identifiers, never a value, a name or a person."""
    try:
        found = audit.entry_at(reader, SHARD, event.generation, event.index)
    except NotFound:
        return None
    if found.detail is None:
        return None
    lines = [json.loads(line) for _, line in found.opening.lines] if found.opening else []
    records = [{"id": line["id"], "version": line.get("version")} for line in lines if "id" in line]
    return {
        "type": event.kind,
        "timestamp": rfc3339(found.entry.time_us),
        "data": {
            "archive": engine.archive.hex(),
            "generation": event.generation,
            "index": event.index,
            "outcome": str(found.detail.get("outcome", "")),
            "record_type": str(found.detail.get("type", "")),
            "count": int(found.detail.get("count", 0)),
            "records": records,
        },
    }


def _later(event: Event, problem: str, now: int) -> Event:
    wait = BACKOFF_S[min(event.tries, len(BACKOFF_S) - 1)]
    return attrs.evolve(event, tries=event.tries + 1, next_us=now + wait * 1_000_000, problem=problem)


def _kinds(texts: Sequence[str]) -> tuple[str, ...]:
    known = set(KINDS)
    nouns = {kind.partition(".")[0] for kind in known}
    chosen = tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
    for text in chosen:
        noun, _, verb = text.partition(".")
        whole = verb == "*" and noun in nouns
        if not _PATTERN.fullmatch(text) or text.startswith(_SILENT) or not (whole or text in known):
            raise UsageError("webhook.kind", name=text)
    if not chosen:
        raise UsageError("webhook.kind", name="")
    return chosen


def _allowed(engine: Engine) -> Networks:
    applied = engine.settings.applied
    return () if applied is None else applied.webhook_networks


def _head(engine: Engine) -> tuple[int, int]:
    with engine.store.snapshot() as reader:
        generation = max(reader.generations(SHARD))
        return generation, audit.size_of(reader, SHARD, generation)


def _box(id: str) -> str:
    return f"webhook/{id}"


def _packed(events: Sequence[Event]) -> str | None:
    listed = [
        [one.generation, one.index, one.kind, one.tries, str(one.next_us), one.problem] for one in events
    ]
    return canonical(listed).decode("utf-8") if listed else None


def _unpacked(text: object) -> tuple[Event, ...]:
    if not text:
        return ()
    return tuple(
        Event(generation, index, kind, tries, int(next_us), problem)
        for generation, index, kind, tries, next_us, problem in json.loads(str(text))
    )


def _stored(engine: Engine) -> list[Webhook]:
    with engine.store.transaction(write=False) as tx:
        found = [_read(engine, tx, record) for _, record, _ in tx.builtin(SHARD, (WEBHOOK.number,))]
    return [one for one in found if one is not None]


def _read(engine: Engine, tx: Transaction, record: bytes) -> Webhook | None:
    """One that was not taken away."""
    version = tx.version(SHARD, record)
    if version is None or version.type != WEBHOOK.number or version.operation == _DELETE:
        return None
    values = open_version(tx, engine.sealer, version, WEBHOOK)
    return Webhook(
        id_text(record),
        str(values["name"]),
        str(values["url"]),
        tuple(str(values["kinds"]).split()),
        tuple(str(values.get("types") or "").split()),
        values["state"] == "active",
        int(str(values["generation"])),
        int(str(values["next"])),
        _unpacked(values.get("waiting")),
        _unpacked(values.get("dead")),
        version.version,
    )
