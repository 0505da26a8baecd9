"""Who gains and who loses what, before a change of roles or of the configuration holds, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from muniment.policy import Policy
from muniment.schema import RecordType
from muniment_web.frame.call import Call
from muniment_web.server.shifts import WAYS, Right, Shifted, shifted, types_shown

__all__ = ["Shift", "shifts_of"]


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


Shift = Shifted[Line]
"""The same, in words."""


def _lines(call: Call, rights: Iterable[Right], types: Mapping[str, RecordType]) -> list[Line]:
    groups: dict[tuple[str, str], list[str]] = {}
    for way, key, name in sorted(rights):
        groups.setdefault((way, key), []).append(name)
    made: dict[tuple[str, tuple[str, ...], bool], list[str]] = {}
    for (way, key), names in groups.items():
        record_type = types.get(key)
        label = "" if record_type is None else record_type.label.of(call.lang) or key
        whole = record_type is not None and way in WAYS and len(names) == len(record_type.fields)
        if record_type is not None and way in WAYS:
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
    types: Iterable[RecordType] | None = None,
) -> list[Shift]:
    """What changes for whom.

    Args:
        call: who asks; in their language.
        people: keys of the roles that each login has before and after.
        after: the policy that would hold; by default that which does.
        types: the record types that there would be; by default those that are there.
    """
    engine = call.web.engine
    held = types_shown(engine)
    then = held if types is None else {one.key: one for one in types if not one.built_in and not one.retired}
    purpose = call.web.archive.applied.purpose
    return [
        Shift(
            one.logins,
            one.before,
            one.after,
            _lines(call, one.gains, then),
            _lines(call, one.losses, held),
        )
        for one in shifted(engine, people, purpose=purpose, after=after, types=then)
    ]
