"""Asking the gates of an opened archive, in the transaction of an access; see ``gates``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from muniment.errors import AccessDenied
from muniment.schema import RecordType
from muniment.session.kernel.engine import Acting, Engine
from muniment.session.kernel.gates import About, Touch
from muniment.store import Transaction

__all__ = ["closed", "require_open"]


def closed(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    action: str,
    record_type: RecordType,
    about: Iterable[About],
    time_us: int,
    *,
    writes: bool = False,
    fields: frozenset[str] | None = None,
    emergency: bool = False,
) -> Mapping[About, str]:
    """Those that any gate closes to an access, each with the first gate's code.

    Args:
        engine: the opened archive.
        tx: the transaction of the access.
        acting: who, why and through what.
        action: the policy's name for the access.
        record_type: of the records.
        about: the records, and whose they are.
        time_us: of the transaction.
        writes: whether the access changes something.
        fields: keys of the fields that would be released or written.
        emergency: whether it is an access under a broken glass.
    """
    if not engine.gates or record_type.number < 256:
        return {}
    asked = frozenset(one for one in about if one.subject != engine.archive)
    if not asked:
        return {}
    touch = Touch(
        action,
        writes,
        acting.purpose,
        acting.actor.id,
        record_type,
        time_us,
        acting.legal_basis,
        fields,
        emergency,
        acting.handing,
    )
    found: dict[About, str] = {}
    for gate in engine.gates:
        for one, code in gate.refusals(tx, touch, asked).items():
            found.setdefault(one, code)
    return found


def require_open(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    action: str,
    record_type: RecordType,
    about: Iterable[About],
    time_us: int,
    *,
    writes: bool = False,
    fields: frozenset[str] | None = None,
    emergency: bool = False,
) -> None:
    """Refuse an access to which any of these is closed.

    Args:
        engine: the opened archive.
        tx: the transaction of the access.
        acting: who, why and through what.
        action: the policy's name for the access.
        record_type: of the records.
        about: the records, and whose they are.
        time_us: of the transaction.
        writes: whether the access changes something.
        fields: keys of the fields that would be released or written.
        emergency: whether it is an access under a broken glass.

    Raises:
        AccessDenied: the gate's code; the caller writes it down.
    """
    if not engine.gates:
        return
    refused = closed(
        engine,
        tx,
        acting,
        action,
        record_type,
        about,
        time_us,
        writes=writes,
        fields=fields,
        emergency=emergency,
    )
    for code in sorted(refused.values()):
        raise AccessDenied(code, where=record_type.key, action=action, purpose=acting.purpose)
