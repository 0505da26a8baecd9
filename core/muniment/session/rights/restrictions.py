"""Restriction of processing: data is stored, and used for little or nothing else.

A person is restricted as a whole, with whoever was merged with them, or one record
alone. ``restricted`` (GDPR 18) leaves legal claims, legal duties and the person's own
requests; ``storage_only`` (GDPR 17(3)(b), PIPL 47) leaves claims and requests. It is
asked in the transaction of every access, like consent; see ``kernel.gates``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import attrs

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema import is_built_in
from muniment.schema.builtin import RESTRICTION, SUBJECT_LINK
from muniment.session.ground import Footing
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.erased import is_gone
from muniment.session.kernel.gates import PURPOSES_LEFT, RESTRICTED, STORAGE_ONLY, About, Touch
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reaches, require_reached
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.rights.holds import linked
from muniment.session.writing.writes import Change, Saved, write
from muniment.store import Current, Transaction

__all__ = [
    "Restriction",
    "RestrictionGate",
    "Restrictions",
    "restricting",
    "restrictions_now",
    "restrictions_on",
]

_CODES: Final = {"restricted": RESTRICTED, "storage_only": STORAGE_ONLY}
_DELETE: Final = OPERATIONS["delete"]
_KEPT: Final = "restrictions"


@attrs.frozen
class Restriction:
    """One restriction.

    Attributes:
        id: UUID text.
        subject: UUID text of the person.
        record: UUID text of the one record that it is about; empty where it is the person.
        state: ``restricted``, ``storage_only`` or ``lifted``.
        basis: on what ground, such as ``GDPR 18(1)(a)``.
        placed_by: the login of whoever restricted it, or ordered the erasure that left it.
        erasure: UUID text of the erasure that had to leave it; empty for none.
        version: of its record.
        changed_us: when it was last changed.
    """

    id: str
    subject: str
    record: str
    state: str
    basis: str
    placed_by: str
    erasure: str
    version: int
    changed_us: int

    @property
    def target(self) -> str:
        """UUID text of what is restricted."""
        return self.record or self.subject

    def document(self) -> dict[str, Any]:
        """The restriction for JSON."""
        found = {
            "id": self.id,
            "scope": "record" if self.record else "subject",
            "subject": self.subject,
            "record": self.record,
            "state": self.state,
            "basis": self.basis,
            "placed_by": self.placed_by,
            "erasure": self.erasure,
            "changed": rfc3339(self.changed_us),
        }
        return {name: value for name, value in found.items() if value or name == "basis"}


@attrs.frozen
class _Now:
    """What is restricted at one moment; the subjects with everybody who was merged with them."""

    subjects: Mapping[bytes, Restriction]
    records: Mapping[bytes, Restriction]
    merged: Mapping[bytes, Restriction]

    def of(self, about: About) -> list[Restriction]:
        """The restrictions that an access to a record meets."""
        found = [self.merged.get(about.subject)]
        if about.record is not None:
            found.append(self.records.get(about.record))
        return [one for one in found if one is not None]


def restrictions_now(engine: Engine, tx: Transaction) -> _Now:
    """Every restriction that holds, read in this transaction."""
    listed = tx.builtin(SHARD, (RESTRICTION.number,))
    links = tx.builtin(SHARD, (SUBJECT_LINK.number,)) if listed else ()
    # An erasure takes a restriction, or a merge, away without another version of it.
    mark = (tuple(listed), tuple(links), engine.keys.destructions)
    found = engine.plans.get(_KEPT)
    if found is None or found[0] != mark:
        found = engine.plans[_KEPT] = (mark, _read(engine, tx, listed))
    result: _Now = found[1]
    return result


def _read(engine: Engine, tx: Transaction, listed: Collection[tuple[int, bytes, int]]) -> _Now:
    subjects: dict[bytes, Restriction] = {}
    records: dict[bytes, Restriction] = {}
    merged: dict[bytes, Restriction] = {}
    for _, record, _ in listed:
        made = _holding(engine, tx, record)
        if made is not None:
            (records if made.record else subjects)[id_bytes(made.target)] = made
    for subject, one in subjects.items():
        for other in linked(engine, tx, subject):
            # Of two persons who turned out to be one, the stricter counts.
            if other not in merged or one.state == "storage_only":
                merged[other] = one
    return _Now(subjects, records, merged)


def _holding(engine: Engine, tx: Transaction, record: bytes) -> Restriction | None:
    """One restriction; None where it does not hold."""
    version = tx.version(SHARD, record)
    gone = version is None or version.operation == _DELETE
    if version is None or gone or engine.gone(tx, {record, version.subject}):
        return None  # it went with the person
    values = open_version(tx, engine.sealer, version, RESTRICTION)
    if values["state"] == "lifted":
        return None
    target = id_bytes(str(values["target"]))
    alone = values["scope"] == "record"
    first = tx.version(SHARD, target) if alone else None
    if alone and (first is None or is_gone(engine, tx, first)):
        return None  # erased since
    return Restriction(
        id_text(record),
        id_text(version.subject),
        id_text(target) if alone else "",
        str(values["state"]),
        str(values.get("basis") or ""),
        str(values.get("placed_by") or ""),
        str(values.get("erasure") or ""),
        version.version,
        version.recorded_us,
    )


def restrictions_on(engine: Engine, tx: Transaction, subjects: Collection[bytes]) -> list[Restriction]:
    """The restrictions that hold on these persons and on single records of theirs."""
    now = restrictions_now(engine, tx)
    names = {id_text(one) for one in subjects}
    return [one for one in (*now.subjects.values(), *now.records.values()) if one.subject in names]


class RestrictionGate:
    """Closes what is restricted to every purpose but those that a restriction leaves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def refusals(self, tx: Transaction, touch: Touch, asked: Collection[About]) -> Mapping[About, str]:
        """Which of these records are closed to the purpose."""
        now = restrictions_now(self._engine, tx)
        found = {}
        for one in asked:
            for restriction in now.of(one):
                if touch.purpose not in PURPOSES_LEFT[restriction.state]:
                    found[one] = _CODES[restriction.state]
        return found


def restricting(
    engine: Engine,
    tx: Transaction,
    subject: bytes,
    record: bytes | None,
    *,
    state: str,
    basis: str,
    placed_by: str,
    erasure: str = "",
) -> Change | None:
    """The change that restricts a person, or one record; None where it is as strict already.

    Args:
        engine: the opened archive.
        tx: the transaction that will write it.
        subject: whose it is, 16 bytes.
        record: 16 bytes; None for the person as a whole.
        state: ``restricted`` or ``storage_only``.
        basis: on what ground.
        placed_by: login.
        erasure: UUID text of the erasure that leaves it; then nothing that holds is weakened.
    """
    now = restrictions_now(engine, tx)
    held = now.subjects.get(subject) if record is None else now.records.get(record)
    if erasure and held is not None and held.state == state:
        return None
    values = {
        "target": id_text(subject if record is None else record),
        "scope": "subject" if record is None else "record",
        "state": state,
        "basis": basis or None,
        "placed_by": placed_by,
        "erasure": erasure or None,
    }
    if held is None:
        return Change("create", RESTRICTION.key, values=values, subject=subject, inside=True)
    return Change("update", record=id_bytes(held.id), values=values, inside=True, kind="subject.restrict")


class Restrictions(Footing):
    """Placing, lifting and listing restrictions; ``Session.restrictions``."""

    def place(
        self, subject: str, *, state: str = "restricted", basis: str = "", reason: str | None = None
    ) -> Restriction:
        """Restrict what may be done with a person's data.

        Args:
            subject: UUID text.
            state: ``restricted`` or ``storage_only``.
            basis: on what ground, such as ``GDPR 18(1)(a)``.
            reason: why; sealed.

        Raises:
            UsageError: ``restriction.state``.
            NotFound: there is no such subject; logged.
            AccessDenied: ``access.action``; logged.
            Conflict: ``restriction.of_erasure`` where an erasure left it for storage only.
        """
        return self._place(id_bytes(subject), False, state, basis, reason)

    def place_record(
        self, record: str, *, state: str = "restricted", basis: str = "", reason: str | None = None
    ) -> Restriction:
        """Restrict what may be done with one record; the person's others stay as they are.

        Args:
            record: UUID text.
            state: ``restricted`` or ``storage_only``.
            basis: on what ground.
            reason: why; sealed.

        Raises:
            UsageError: ``restriction.state``; ``restriction.nobody`` for a record that is about nobody.
            NotFound, AccessDenied, Conflict: as ``place``.
        """
        return self._place(id_bytes(record), True, state, basis, reason)

    def _place(self, target: bytes, alone: bool, state: str, basis: str, reason: str | None) -> Restriction:
        if state not in PURPOSES_LEFT:
            raise UsageError("restriction.state", known=", ".join(PURPOSES_LEFT))
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> Sequence[Change]:
            first = tx.version(SHARD, target)
            if first is None or is_built_in(first.type) or (not alone and first.subject != target):
                raise NotFound("record.not_found")
            require_reached(engine, tx, acting, "subject.restrict", target)
            engine.check_live(tx, {target, first.subject})
            if first.subject == engine.archive:
                raise UsageError("restriction.nobody", where=id_text(target))
            held = self._held(tx, target, alone)
            if held is not None and held.erasure:
                raise Conflict("restriction.of_erasure", where=held.target)
            change = restricting(
                engine,
                tx,
                first.subject,
                target if alone else None,
                state=state,
                basis=basis,
                placed_by=acting.actor.id,
            )
            assert change is not None
            return [change]

        self._write(body, reason, target, alone)
        with engine.store.transaction(write=False) as tx:
            found = self._held(tx, target, alone)
        assert found is not None
        return found

    def lift(self, subject: str, *, reason: str) -> None:
        """End the restriction of a person; whoever asked for it is told before (GDPR 18(3)).

        What an erasure had to leave is for storage only because the person wanted it gone: another
        user than the one who ordered that erasure ends it, such as when the person comes back.

        Args:
            subject: UUID text.
            reason: why, and that the person was told; sealed.

        Raises:
            UsageError: ``usage.no_reason``.
            NotFound: there is no such record for this actor; logged.
            Conflict: ``restriction.none``.
            AccessDenied: ``access.action``, or ``restriction.four_eyes``; logged.
        """
        self._lift(id_bytes(subject), False, reason)

    def lift_record(self, record: str, *, reason: str) -> None:
        """End the restriction of one record; see ``lift``."""
        self._lift(id_bytes(record), True, reason)

    def _lift(self, target: bytes, alone: bool, reason: str) -> None:
        if not reason.strip():
            raise UsageError("usage.no_reason")
        acting = self._acting

        def body(tx: Transaction, moment: Moment) -> Sequence[Change]:
            first = tx.version(SHARD, target)
            if first is None or is_built_in(first.type):
                raise NotFound("record.not_found")
            require_reached(self._engine, tx, acting, "subject.restrict", target)
            held = self._held(tx, target, alone)
            if held is None:
                raise Conflict("restriction.none", where=id_text(target))
            if held.erasure and held.placed_by in (acting.actor.id, acting.actor.on_behalf_of):
                raise AccessDenied("restriction.four_eyes", where=held.target)
            return [Change("update", record=id_bytes(held.id), values={"state": "lifted"}, inside=True)]

        self._write(body, reason, target, alone)

    def list(self, *, limit: int | None = None, after: str | None = None) -> Piece[Restriction]:
        """The restrictions that hold; logged.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        engine = self._engine
        self._require("retention.read")
        engine.note(self._acting, "record.list", type=RESTRICTION.key)
        state = RESTRICTION.by_key["state"].number
        among = [[(state, one)] for one in PURPOSES_LEFT]
        kept = Kept("restriction", RESTRICTION.number, among, mixed=True)

        def body(tx: Transaction, moment: Moment) -> Piece[Restriction]:
            def shown(row: Current) -> Restriction | None:
                one = _holding(engine, tx, row.record)
                if one is None:
                    return None
                reached = reaches(engine, tx, self._acting, "retention.read", id_bytes(one.target))
                return one if reached else None

            return stored_piece(engine, tx, kept, shown, limit=limit, after=after)

        return engine.run(body, self._acting)

    def _held(self, tx: Transaction, target: bytes, alone: bool) -> Restriction | None:
        now = restrictions_now(self._engine, tx)
        return (now.records if alone else now.subjects).get(target)

    def _write(
        self,
        body: Callable[[Transaction, Moment], Sequence[Change]],
        reason: str | None,
        target: bytes,
        alone: bool,
    ) -> None:
        self._require("subject.restrict")
        members = {"scope": "record" if alone else "subject", "record": id_text(target)}
        saved = write(self._engine, self._acting, body, reason=reason, members=members)
        assert all(isinstance(one, Saved) for one in saved)
