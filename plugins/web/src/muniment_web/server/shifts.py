"""Who gains and who loses what by other roles, or by a configuration that does not hold yet: asked of both.

Both sides are asked of the policy that enforces them, for each person with all of their roles: a denial of
one role beats what another one allows, so what single roles may do does not add up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import attrs

from muniment.policy import ACTIONS, Actor, Policy, RowTest
from muniment.schema import RecordType
from muniment.session import Engine

__all__ = ["WAYS", "Right", "Shifted", "everybody", "shifted", "types_shown"]

WAYS: Final = ("clear", "masked", "writable")
"""How a field may be had."""

Right = tuple[str, str, str]
"""A way (``does``, ``clear``, ``masked``, ``writable`` or ``rows``), the key of a type or nothing, a name.

The name is that of an act or a field, or conditions that records are reached under, empty for every record.
"""


_Told = TypeVar("_Told")


@attrs.frozen
class Shifted(Generic[_Told]):
    """What changes for people who have the same roles before and after.

    Attributes:
        logins: whose.
        before: keys of their roles.
        after: the same then.
        gains: what they may do that they could not.
        losses: what they may do no more.
    """

    logins: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    gains: Collection[_Told]
    losses: Collection[_Told]


def everybody(engine: Engine) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Whoever may act, with the roles that stay theirs: for a change of what the roles allow."""
    active = (one for one in engine.definitions.users.values() if one.active)
    return {one.login: (tuple(sorted(one.roles)),) * 2 for one in active}


def types_shown(engine: Engine) -> dict[str, RecordType]:
    """The record types that rights are told for, by key."""
    return {one.key: one for one in engine.definitions.types.values() if not one.built_in and not one.retired}


def shifted(
    engine: Engine,
    people: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    *,
    purpose: str,
    after: Policy | None = None,
    types: Mapping[str, RecordType] | None = None,
) -> list[Shifted[Right]]:
    """What changes for whom; those alone for whom something does.

    Args:
        engine: the opened archive.
        people: keys of the roles that each login has before and after.
        purpose: for what they would act.
        after: the policy that would hold; by default that which does.
        types: the record types that there would be, by key; by default those that are there.
    """
    before, then = engine.policy, after or engine.policy
    held = types_shown(engine)
    later = held if types is None else types
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for login, roles in sorted(people.items()):
        groups.setdefault(roles, []).append(login)
    made = []
    for (old, new), logins in groups.items():
        had = _rights(before, old, held.values(), purpose)
        has = _rights(then, new, later.values(), purpose)
        if had != has:
            made.append(Shifted(tuple(logins), old, new, frozenset(has - had), frozenset(had - has)))
    return made


def _rights(policy: Policy, roles: tuple[str, ...], types: Iterable[RecordType], purpose: str) -> set[Right]:
    """Everything that somebody with these roles may: an act, or a way with a field of a type."""
    actor = Actor("?", roles, purpose=purpose)
    found = {("does", "", action) for action in ACTIONS if policy.may(actor, action)}
    for one in types:
        rights = policy.rights(actor, one.key)
        view = policy.view(actor, one)
        acts = {action: roles for action, roles in rights.actions.items() if action.startswith("record.")}
        found |= {("does", one.key, action) for action in acts}
        for way in WAYS:
            found |= {(way, one.key, key) for key in getattr(view, way)}
        for role in frozenset().union(*acts.values()):
            found |= {("rows", one.key, reached) for reached in _reached(rights.rows[role])}
    return found


def _reached(tests: Sequence[Sequence[RowTest]]) -> list[str]:
    """The records that a role reaches, by each list of conditions that is enough; empty for every record."""
    if not tests:
        return [""]
    return [" & ".join(f"{test.field}={','.join(test.values)}" for test in line) for line in tests]
