"""Legal holds: what may not be disposed of, whoever asks, until somebody releases it.

A hold names what it holds: a subject, a record, a record type, a retention
category (``profile``, or ``customer/profile`` for one type's), or the whole
archive. Every disposal asks ``Held.stop`` in the transaction that begins it, so
a hold placed a moment before counts, and one placed a moment after is refused
as too late.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import AccessDenied, Conflict, MunimentError, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema import is_built_in
from muniment.schema.builtin import HOLD
from muniment.session.ground import Footing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.erased import is_gone
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reaches, require_reached
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.rights.holding import forget_hold, keep_hold
from muniment.session.writing.writes import Change, sole, write
from muniment.store import Current, Transaction, Version

__all__ = [
    "SCOPES",
    "Held",
    "Hold",
    "Holds",
    "denied",
    "held_now",
    "hold_together",
    "holds_ever",
    "linked",
    "refuse",
]

SCOPES: Final = ("subject", "record", "type", "category", "archive")
"""What a hold may name."""

_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Hold:
    """One hold.

    Attributes:
        id: UUID text.
        matter: the case it belongs to, in a team's own words.
        targets: what it holds, as (scope, value): UUID text, the key of a type, the name of a category.
        placed: whether it holds still.
        version: of its record.
        changed_us: when it was placed or, if it was, released.
    """

    id: str
    matter: str
    targets: tuple[tuple[str, str], ...]
    placed: bool
    version: int
    changed_us: int

    def document(self) -> dict[str, Any]:
        """The hold for JSON."""
        return {
            "id": self.id,
            "matter": self.matter,
            "state": "placed" if self.placed else "released",
            "targets": [{"scope": scope, "value": value} for scope, value in self.targets],
            "changed": rfc3339(self.changed_us),
        }


@attrs.frozen
class Held:
    """All that is held at one moment."""

    by_target: dict[tuple[str, str], Hold] = attrs.field(factory=dict)

    @classmethod
    def of(cls, holds: Iterable[Hold]) -> Held:
        """What these holds hold; the oldest of several is the one that is named."""
        found: dict[tuple[str, str], Hold] = {}
        for hold in holds:
            if hold.placed:
                for target in hold.targets:
                    found.setdefault(target, hold)
        return cls(found)

    def __bool__(self) -> bool:
        return bool(self.by_target)

    def stop(
        self,
        *,
        subjects: Iterable[bytes] = (),
        record: bytes | None = None,
        type: str = "",
        category: str = "",
    ) -> Hold | None:
        """The hold that forbids to dispose of something, if any does.

        Args:
            subjects: whose it is, with whoever is linked to them.
            record: 16 bytes.
            type: key of the record's type.
            category: name of the retention category; empty for all of the record's.
        """
        if not self.by_target:
            return None
        names = [("archive", "*")]
        names += [("subject", id_text(one)) for one in subjects]
        if record is not None:
            names.append(("record", id_text(record)))
        if type:
            names.append(("type", type))
        if category:
            names += [("category", category), ("category", f"{type}/{category}")]
        return next((self.by_target[name] for name in names if name in self.by_target), None)


def held_now(engine: Engine, tx: Transaction) -> Held:
    """What is held, read in this transaction."""
    mark = tuple(tx.builtin(SHARD, (HOLD.number,)))
    found = engine.plans.get(_KEPT)
    if found is None or found[0] != mark:
        found = (mark, Held.of(hold for hold in _all(engine, tx)))
        engine.plans[_KEPT] = found
    held: Held = found[1]
    return held


_KEPT: Final = "holds"


def _all(engine: Engine, tx: Transaction) -> Iterator[Hold]:
    for _, record, newest in tx.builtin(SHARD, (HOLD.number,)):
        version = tx.version(SHARD, record, newest)
        if version is not None and version.operation != _DELETE:
            yield _opened(engine, tx, version)


def _opened(engine: Engine, tx: Transaction, version: Version) -> Hold:
    values = open_version(tx, engine.sealer, version, HOLD)
    document = parse_canonical(str(values["targets"]).encode("utf-8"))
    return Hold(
        id_text(version.record),
        str(values["matter"]),
        tuple((str(one["scope"]), str(one["value"])) for one in document),
        values["state"] == "placed",
        version.version,
        version.recorded_us,
    )


def holds_ever(engine: Engine, tx: Transaction) -> Iterator[tuple[Hold, int, int | None]]:
    """Every hold there ever was, with the times at which it was placed and released."""
    for hold in _all(engine, tx):
        first = tx.version(SHARD, id_bytes(hold.id), 1)
        assert first is not None
        yield hold, first.recorded_us, None if hold.placed else hold.changed_us


def linked(engine: Engine, tx: Transaction, subject: bytes) -> frozenset[bytes]:
    """A subject with everybody who is linked to them as the same: holds and erasures follow links."""
    found = {subject}
    for follow in engine.links:
        found |= follow(tx, subject)
    return frozenset(found)


def hold_together(
    engine: Engine,
) -> Callable[[Transaction, str, frozenset[bytes], frozenset[bytes]], None]:
    """What ``Engine.parting`` asks: a hold that reaches somebody by a merge alone forbids to undo it.

    Otherwise whoever takes them apart may erase one of them. A hold that names both sides parts with both.
    """

    def check(tx: Transaction, link: str, kept: frozenset[bytes], duplicate: frozenset[bytes]) -> None:
        for hold in _all(engine, tx):
            named = {id_bytes(value) for scope, value in hold.targets if scope == "subject"}
            if hold.placed and named.isdisjoint(kept) != named.isdisjoint(duplicate):
                raise denied(hold, link)

    return check


def refuse(engine: Engine, acting: Acting, kind: str, error: MunimentError, **target: object) -> None:
    """Write down that a disposal was refused, and because of which hold, rule or plugin."""
    named = {name: error.parameters[name] for name in ("hold", "rule") if error.parameters.get(name)}
    members = {name: value for name, value in {**target, **named}.items() if value}
    engine.note(
        acting,
        kind,
        outcome="denied",
        code=error.code,
        plugin=engine.refuser(error),
        target=members or None,
    )


class Holds(Footing):
    """Placing, releasing and listing holds; ``Session.holds``."""

    def place(
        self,
        matter: str,
        *,
        subjects: Sequence[str] = (),
        records: Sequence[str] = (),
        types: Sequence[str] = (),
        categories: Sequence[str] = (),
        everything: bool = False,
        reason: str | None = None,
    ) -> Hold:
        """Forbid to dispose of something until the hold is released.

        Args:
            matter: the case it belongs to; stands in the log's clear part nowhere.
            subjects: UUID texts.
            records: UUID texts.
            types: keys of record types.
            categories: names of retention categories, or ``type/category``.
            everything: hold the whole archive, its log's details too.
            reason: why; sealed.

        Raises:
            UsageError: ``hold.nothing``, ``hold.no_matter``, ``hold.category``.
            NotFound: there is no such subject, record or type; logged.
            Conflict: ``hold.too_late`` where it is being erased, or was.
            AccessDenied: ``access.action``; logged.
        """
        if not matter.strip():
            raise UsageError("hold.no_matter")
        targets = [("subject", id_text(id_bytes(one))) for one in subjects]
        targets += [("record", id_text(id_bytes(one))) for one in records]
        targets += [("type", one) for one in types]
        targets += [("category", one) for one in categories]
        if everything:
            targets.append(("archive", "*"))
        if not targets:
            raise UsageError("hold.nothing")

        listed = [{"scope": scope, "value": value} for scope, value in dict.fromkeys(targets)]
        values = {"matter": matter, "state": "placed", "targets": canonical(listed).decode("utf-8")}

        def body(tx: Transaction, moment: Moment) -> list[Change]:
            self._check(tx, targets)
            return [Change("create", HOLD.key, values=values, inside=True)]

        self._require("hold.change")
        record = self._engine.new_id()
        keep_hold(self._engine, record, values)
        try:
            return self._write(body, reason, [f"{scope}:{value}" for scope, value in targets], [record])
        except MunimentError:
            forget_hold(self._engine, record)
            raise

    def release(self, id: str, *, reason: str) -> Hold:
        """End a hold.

        Raises:
            UsageError: ``usage.no_reason``.
            NotFound: ``hold.none`` where there is no such hold; logged.
            Conflict: ``hold.released`` where it was ended already.
        """
        if not reason.strip():
            raise UsageError("usage.no_reason")
        record = id_bytes(id)

        def body(tx: Transaction, moment: Moment) -> list[Change]:
            hold = next((one for one in _all(self._engine, tx) if one.id == id_text(record)), None)
            if hold is None or not self._reaches(tx, hold, "hold.change"):
                raise NotFound("hold.none", where=id_text(record))
            if not hold.placed:
                raise Conflict("hold.released", where=hold.id)
            values = {"state": "released"}
            return [
                Change("update", record=record, values=values, expected_version=hold.version, inside=True)
            ]

        released = self._write(body, reason, None)
        forget_hold(self._engine, record)
        return released

    def list(
        self,
        *,
        released: bool = False,
        limit: int | None = None,
        after: str | None = None,
        newest: bool = False,
    ) -> Piece[Hold]:
        """The holds, oldest first; logged.

        Args:
            released: those that were ended too.
            limit: so many at the most; by default all.
            after: what the piece before gave.
            newest: the last ones first.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        engine, acting = self._engine, self._acting
        self._require("hold.read")
        among = ((),) if released else (((HOLD.by_key["state"].number, "placed"),),)
        kept = Kept("hold", HOLD.number, among, descending=newest)

        def body(tx: Transaction, moment: Moment) -> Piece[Hold]:
            from muniment.session.kernel.logbook import Draft

            def shown(row: Current) -> Hold | None:
                version = tx.version(SHARD, row.record)
                if version is None or version.operation == _DELETE:
                    return None
                hold = _opened(engine, tx, version)
                there = (hold.placed or released) and self._reaches(tx, hold, "hold.read")
                return hold if there else None

            found = stored_piece(engine, tx, kept, shown, limit=limit, after=after)
            detail = engine.detail(acting, engine.new_id(), count=len(found))
            engine.logbook.append(tx, moment, [Draft("hold.read", detail)], actor=acting.actor.id)
            return found

        return engine.run(body, acting)

    def _write(
        self,
        body: Callable[[Transaction, Moment], Sequence[Change]],
        reason: str | None,
        targets: Collection[str] | None,
        new_ids: Sequence[bytes] = (),
    ) -> Hold:
        engine = self._engine
        self._require("hold.change")
        members = None if targets is None else {"targets": sorted(targets)}
        saved = sole(
            write(engine, self._acting, body, reason=reason, members=members, new_ids=new_ids or None)
        )
        with engine.store.transaction(write=False) as tx:
            version = tx.version(SHARD, id_bytes(saved.id), saved.version)
            assert version is not None
            return _opened(engine, tx, version)

    def _reaches(self, tx: Transaction, hold: Hold, action: str) -> bool:
        """Whether a role that allows the action reaches every person and record that a hold names."""
        named = [id_bytes(value) for scope, value in hold.targets if scope in ("subject", "record")]
        return all(reaches(self._engine, tx, self._acting, action, one) for one in named)

    def _check(self, tx: Transaction, targets: Sequence[tuple[str, str]]) -> None:
        """Refuse a hold on what is not there, or no longer."""
        engine = self._engine
        known = engine.definitions
        categories = known.registry.categories
        for scope, value in targets:
            if scope == "type":
                engine.record_type(value)
            elif scope == "category":
                first, _, second = value.rpartition("/")
                if second not in categories or (first and first not in known.types):
                    raise UsageError("hold.category", known=", ".join(sorted(categories)))
            elif scope in ("subject", "record"):
                self._check_one(tx, scope, id_bytes(value))

    def _check_one(self, tx: Transaction, scope: str, identifier: bytes) -> None:
        engine = self._engine
        version = tx.version(SHARD, identifier)
        found = version is not None and not is_built_in(version.type)
        if scope == "subject" and (identifier == engine.archive or tx.subject(SHARD, identifier) is None):
            found = False
        if not found or version is None:
            raise NotFound("record.not_found")
        record_type = engine.definitions.by_number.get(version.type)
        if record_type is None or not engine.policy.may(self._acting.actor, "record.read", record_type.key):
            raise NotFound("record.not_found")
        require_reached(engine, tx, self._acting, "hold.change", identifier)
        states = tx.state_of(SHARD, {identifier, version.subject})
        # What is left of a record of which one category went can still be held.
        going = any(state.state == "erasing" for state in states if state.id == identifier)
        if going or is_gone(engine, tx, version):
            raise Conflict("hold.too_late", where=id_text(identifier))


def denied(hold: Hold, where: str) -> AccessDenied:
    """The refusal of a disposal because of a hold."""
    return AccessDenied("hold.held", where=where, hold=hold.id)
