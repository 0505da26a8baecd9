"""Who gains and who loses what, before a change of roles or of the configuration holds.

Both sides are asked of the policy that enforces them, for each person with all of their roles: a denial of
one role beats what another one allows, so what single roles may do does not add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from muniment.policy import ACTIONS, Actor, Policy
from muniment.schema import RecordType
from muniment_web.frame.call import Call

__all__ = ["Shift", "shifts_of"]

_WAYS = ("clear", "masked", "writable")
Right = tuple[str, str, str]


@attrs.frozen
class Line:
    """Rights of one kind that come or go together.

    Attributes:
        way: ``does``, ``clear``, ``masked``, ``writable`` or ``rows``.
        table: labels of the record types; empty for acts on none.
        names: of the fields or acts.
        whole: whether those are all fields of the type.
    """

    way: str
    table: str
    names: tuple[str, ...]
    whole: bool = False


@attrs.frozen
class Shift:
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
    gains: Sequence[Line]
    losses: Sequence[Line]


def _rights(policy: Policy, roles: tuple[str, ...], types: Iterable[RecordType], purpose: str) -> set[Right]:
    """Everything that somebody with these roles may: an act, or a way with a field of a type."""
    # A role that is there no more allows nothing.
    actor = Actor("?", tuple(one for one in roles if one in policy.roles), purpose=purpose)
    found = {("does", "", action) for action in ACTIONS if policy.may(actor, action)}
    for one in types:
        rights = policy.rights(actor, one.key)
        view = policy.view(actor, one)
        found |= {("does", one.key, action) for action in rights.actions if action.startswith("record.")}
        for way in _WAYS:
            found |= {(way, one.key, key) for key in getattr(view, way)}
        rows = sorted(
            {
                f"{test.field}={','.join(test.values)}"
                for tests in rights.rows.values()
                for line in tests
                for test in line
            }
        )
        found |= {("rows", one.key, row) for row in rows}
    return found


def _lines(call: Call, rights: Iterable[Right], types: Mapping[str, RecordType]) -> list[Line]:
    groups: dict[tuple[str, str], list[str]] = {}
    for way, key, name in sorted(rights):
        groups.setdefault((way, key), []).append(name)
    made: dict[tuple[str, tuple[str, ...], bool], list[str]] = {}
    for (way, key), names in groups.items():
        record_type = types.get(key)
        label = "" if record_type is None else record_type.label.of(call.lang) or key
        whole = record_type is not None and way in _WAYS and len(names) == len(record_type.fields)
        if record_type is not None and way in _WAYS:
            fields = record_type.by_key
            names = [fields[one].label.of(call.lang) or one for one in names]
        # What is alike for several tables is said once.
        made.setdefault((way, () if whole else tuple(names), whole), []).append(label)
    comma = call.say("common.comma")
    return [Line(way, comma.join(tables), names, whole) for (way, names, whole), tables in made.items()]


def shifts_of(
    call: Call,
    people: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    *,
    after: Policy | None = None,
) -> list[Shift]:
    """What changes for whom.

    Args:
        call: who asks; in their language.
        people: keys of the roles that each login has before and after.
        after: the policy that would hold; by default that which does.
    """
    engine = call.web.engine
    before, then = engine.policy, after or engine.policy
    types = {
        one.key: one for one in engine.definitions.types.values() if one.number >= 256 and not one.retired
    }
    purpose = call.web.archive.applied.purpose
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for login, roles in sorted(people.items()):
        groups.setdefault(roles, []).append(login)
    made = []
    for (old, new), logins in groups.items():
        had = _rights(before, old, types.values(), purpose)
        has = _rights(then, new, types.values(), purpose)
        gains, losses = _lines(call, has - had, types), _lines(call, had - has, types)
        if gains or losses:
            made.append(Shift(tuple(logins), old, new, gains, losses))
    return made
