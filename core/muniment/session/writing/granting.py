"""Roles given and taken away: whichever way a user is written, each is an entry of its own."""

from __future__ import annotations

from collections.abc import Iterable

from muniment.model import Value
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import USER
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.logbook import Draft
from muniment.session.writing.changes import Pending

__all__ = ["grants"]


def grants(engine: Engine, acting: Acting, op: bytes, written: Iterable[Pending]) -> list[Draft]:
    """The entries of what a change set gives and takes; the first user of a new archive needs none.

    Args:
        engine: the opened archive.
        acting: who gives or takes.
        op: 16 bytes that all entries of the act carry.
        written: what the set will write.
    """
    drafts: list[Draft] = []
    if not engine.definitions.users:
        return drafts
    for one in written:
        if one.type.number != USER.number:
            continue
        held = next((user for user in engine.definitions.users.values() if user.record == one.record), None)
        operation = one.change.operation
        before = _roles(one.old.get("roles")) if held is None else frozenset(held.roles)
        after = before
        if operation == "delete":
            after = frozenset()
        elif "roles" in one.changed:
            after = _roles(one.new.get("roles"))
        elif operation == "undelete":
            before, after = frozenset(), _roles(one.new.get("roles"))
        login = str(one.new.get("login") or (held.login if held is not None else ""))
        for kind, keys in (("role.grant", after - before), ("role.revoke", before - after)):
            for key in sorted(keys):
                drafts.append(
                    Draft(kind, engine.detail(acting, op, target={"role": key, "user": login or "?"}))
                )
    return drafts


def _roles(value: Value) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, tuple) else frozenset()
