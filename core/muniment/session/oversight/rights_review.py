"""Somebody signs that who may do what was looked at: over the very rights that held then."""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import sha256
from typing import Any

from muniment.codec import canonical
from muniment.errors import UsageError
from muniment.log.binding import binding
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reasons import put_reason
from muniment.store import Transaction

__all__ = ["review_rights", "rights_digest"]

ACTION = "role.review"


def rights_digest(engine: Engine) -> str:
    """Hex of SHA-256 over who has which roles and what the roles allow, as they hold now.

    Over the JCS of ``roles`` (the matrix of every role) and ``users`` (login to roles and attributes of
    those who may act): whatever changes what somebody may do changes it.
    """
    types = [one for _, one in sorted(engine.definitions.types.items()) if not one.built_in]
    held: dict[str, Any] = {
        "roles": engine.policy.matrix(types),
        "users": {
            login: {"roles": sorted(one.roles), "attributes": [list(pair) for pair in one.attributes]}
            for login, one in sorted(engine.definitions.users.items())
            if one.active
        },
    }
    return sha256(b"muniment/rights/v1\n" + canonical(held)).hexdigest()


def review_rights(engine: Engine, acting: Acting, reason: str) -> str:
    """Sign the rights that hold now as reviewed, as one entry.

    Args:
        engine: the opened archive.
        acting: who signs.
        reason: what was looked at and found, in their own words; sealed.

    Returns:
        What ``rights_digest`` gave, as the entry names it.

    Raises:
        UsageError: ``usage.no_reason``.
        AccessDenied: ``access.action``; logged.
    """
    if not reason.strip():
        raise UsageError("usage.no_reason")

    def body(tx: Transaction, moment: Moment) -> str:
        engine.policy.require(acting.actor, ACTION)
        digest = rights_digest(engine)
        sealed = put_reason(engine, tx, moment, engine.archive, reason.strip(), seq=moment.size)
        active = sum(one.active for one in engine.definitions.users.values())
        detail = engine.detail(
            acting,
            engine.new_id(),
            count=active,
            target={"rights": digest},
            reason=b2a_base64(sealed, newline=False).decode("ascii"),
        )
        draft = Draft("role.review", detail, binding=binding((), (sealed,)))
        engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
        return digest

    with engine.guarded(acting, ACTION):
        return engine.run(body, acting)
