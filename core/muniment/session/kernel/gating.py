"""Asking the gates of an opened archive, in the transaction of an access; see ``gates``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict, Unpack

from muniment.errors import AccessDenied
from muniment.schema import RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.gates import About, Touch
from muniment.store import Transaction

__all__ = ["How", "closed", "require_open"]


class How(TypedDict, total=False):
    """What more there is to say of an access.

    Attributes:
        writes: whether it changes something.
        fields: keys of the fields that would be released or written.
        emergency: whether it is under a broken glass.
    """

    writes: bool
    fields: frozenset[str] | None
    emergency: bool


def closed(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    action: str,
    record_type: RecordType,
    about: Iterable[About],
    time_us: int,
    **how: Unpack[How],
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
        how: what more there is to say of it.
    """
    if not engine.gates or record_type.built_in:
        return {}
    asked = frozenset(one for one in about if one.subject != engine.archive)
    if not asked:
        return {}
    touch = Touch(
        action,
        how.get("writes", False),
        acting.purpose,
        acting.actor.id,
        record_type,
        time_us,
        acting.legal_basis,
        how.get("fields"),
        how.get("emergency", False),
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
    **how: Unpack[How],
) -> None:
    """Refuse an access to which any of these is closed; for the arguments see ``closed``.

    Raises:
        AccessDenied: the gate's code; the caller writes it down.
    """
    for code in sorted(closed(engine, tx, acting, action, record_type, about, time_us, **how).values()):
        raise AccessDenied(code, where=record_type.key, action=action, purpose=acting.purpose)
