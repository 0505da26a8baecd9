"""Restriction of processing: a person's data is stored, and used for little or nothing else.

``restricted`` (GDPR 18) leaves legal claims, legal duties and the person's own
requests; ``storage_only`` (GDPR 17(3)(b), PIPL 47) leaves claims and requests. It is
asked in the transaction of every access, like consent; see ``session.gates``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import attrs

from muniment.errors import Conflict, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema.builtin import RESTRICTION
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Acting, Engine
from muniment.session.kernel.gates import RESTRICTED, STORAGE_ONLY, Touch
from muniment.session.kernel.logbook import Moment
from muniment.session.writing.writes import Change, Saved, write
from muniment.store import Transaction

__all__ = ["ALLOWED", "Restriction", "RestrictionGate", "Restrictions", "restrictions_now"]

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "restricted": frozenset({"RightsFulfillment", "DisputeManagement", "LegalCompliance"}),
    "storage_only": frozenset({"RightsFulfillment", "DisputeManagement"}),
}
"""The purposes (W3C DPV) for which data in such a state may still be used."""

_CODES: Final = {"restricted": RESTRICTED, "storage_only": STORAGE_ONLY}
_DELETE: Final = OPERATIONS["delete"]
_KEPT: Final = "restrictions"


@attrs.frozen
class Restriction:
    """One restriction.

    Attributes:
        id: UUID text.
        subject: UUID text of the person.
        state: ``restricted``, ``storage_only`` or ``lifted``.
        basis: on what ground, such as ``GDPR 18(1)(a)``.
        version: of its record.
        changed_us: when it was last changed.
    """

    id: str
    subject: str
    state: str
    basis: str
    version: int
    changed_us: int

    def document(self) -> dict[str, Any]:
        """The restriction for JSON."""
        return {
            "id": self.id,
            "subject": self.subject,
            "state": self.state,
            "basis": self.basis,
            "changed": rfc3339(self.changed_us),
        }


def restrictions_now(engine: Engine, tx: Transaction) -> Mapping[bytes, Restriction]:
    """Every restriction that holds, by subject."""
    listed = tx.builtin(SHARD, (RESTRICTION.number,))
    # An erasure takes a restriction away without another version of it.
    mark = (tuple(listed), engine.keys.destructions)
    found = engine.plans.get(_KEPT)
    if found is None or found[0] != mark:
        held: dict[bytes, Restriction] = {}
        for _, record, newest in listed:
            version = tx.version(SHARD, record, newest)
            gone = version is None or version.operation == _DELETE
            if version is None or gone or tx.state_of(SHARD, {record, version.subject}):
                continue  # it went with the person
            values = open_version(tx, engine.sealer, version, RESTRICTION)
            if values["state"] != "lifted":
                held[version.subject] = Restriction(
                    id_text(record),
                    id_text(version.subject),
                    str(values["state"]),
                    str(values.get("basis") or ""),
                    newest,
                    version.recorded_us,
                )
        found = engine.plans[_KEPT] = (mark, held)
    result: Mapping[bytes, Restriction] = found[1]
    return result


class RestrictionGate:
    """Closes restricted persons to every purpose but those that a restriction leaves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def refusals(self, tx: Transaction, touch: Touch, subjects: Collection[bytes]) -> Mapping[bytes, str]:
        """Which of these persons are closed to the purpose."""
        now = restrictions_now(self._engine, tx)
        return {
            one: _CODES[found.state]
            for one in subjects
            if (found := now.get(one)) is not None and touch.purpose not in ALLOWED[found.state]
        }


class Restrictions:
    """Placing, lifting and listing restrictions; ``Session.restrictions``."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        self._engine = engine
        self._acting = acting

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
        """
        if state not in ALLOWED:
            raise UsageError("restriction.state", known=", ".join(ALLOWED))
        target = id_bytes(subject)

        def body(tx: Transaction, moment: Moment) -> list[Change]:
            first = tx.version(SHARD, target, 1)
            if first is None or first.subject != target or first.type < 256:
                raise NotFound("record.not_found")
            held = restrictions_now(self._engine, tx).get(target)
            values = {"target": id_text(target), "state": state, "basis": basis or None}
            if held is not None:
                record = id_bytes(held.id)
                return [Change("update", record=record, values=values, inside=True, kind="subject.restrict")]
            return [Change("create", RESTRICTION.key, values=values, subject=target, inside=True)]

        self._write(body, reason)
        return self._of(target)

    def lift(self, subject: str, *, reason: str) -> None:
        """End a restriction; whoever asked for it is told before (GDPR 18(3)).

        Raises:
            UsageError: ``usage.no_reason``.
            Conflict: ``restriction.none``.
        """
        if not reason.strip():
            raise UsageError("usage.no_reason")
        target = id_bytes(subject)

        def body(tx: Transaction, moment: Moment) -> list[Change]:
            held = restrictions_now(self._engine, tx).get(target)
            if held is None:
                raise Conflict("restriction.none", where=id_text(target))
            return [Change("update", record=id_bytes(held.id), values={"state": "lifted"}, inside=True)]

        self._write(body, reason)

    def list(self) -> list[Restriction]:
        """The restrictions that hold; logged.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        engine = self._engine
        self._require("retention.read")
        engine.note(self._acting, "record.list", type=RESTRICTION.key)
        with engine.store.transaction(write=False) as tx:
            return [one for _, one in sorted(restrictions_now(engine, tx).items())]

    def _of(self, subject: bytes) -> Restriction:
        with self._engine.store.transaction(write=False) as tx:
            return restrictions_now(self._engine, tx)[subject]

    def _write(self, body: Any, reason: str | None) -> None:
        self._require("subject.restrict")
        saved = write(self._engine, self._acting, body, reason=reason)
        assert all(isinstance(one, Saved) for one in saved)

    def _require(self, action: str) -> None:
        engine = self._engine
        with engine.guarded(self._acting, action):
            engine.policy.require(self._acting.actor, action)
