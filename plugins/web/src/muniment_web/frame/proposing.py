"""What a change of the configuration or of the tables would come to, before anybody says yes to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from muniment.errors import MunimentError
from muniment.session.reading.preview import Effect, effects_of
from muniment_web.frame.call import Call
from muniment_web.frame.gains import Shift, shifts_of
from muniment_web.frame.named import difference_of
from muniment_web.frame.told import caught, problem_of
from muniment_web.server.differences import differing_lines
from muniment_web.server.shifts import everybody

if TYPE_CHECKING:
    from muniment.archive.editing import Edit
    from muniment.archive.shaping import Shape
    from muniment.schema import RecordType

__all__ = ["Seen", "effects_said", "lines_between", "look_at_config", "look_at_types", "said"]

Line = tuple[str, str]


@attrs.frozen
class Seen:
    """What somebody looks at before they go on.

    Attributes:
        seen: given back with the yes, so that nothing else is done than was looked at.
        lines: of the file, how each differs; empty where it is not the file that changes.
        text: the whole file as it would be.
        changes: of the tables, in words.
        effects: what that means for records, in words.
        shifts: who gains and who loses what.
    """

    seen: str
    lines: Sequence[Line] = ()
    text: str = ""
    changes: Sequence[str] = ()
    effects: Sequence[str] = ()
    shifts: Sequence[Shift] = ()


def lines_between(before: str, after: str) -> list[Line]:
    """What differs, line by line: how it differs, and the line."""
    found = []
    for line in differing_lines(before, after):
        kind = {"+": "ins", "-": "del", "@": "at"}.get(line[:1], "")
        found.append((kind, line[1:] if kind != "at" else "…"))
    return found


def effects_said(call: Call, found: Sequence[Effect], changed: Sequence[RecordType]) -> list[str]:
    """What an edit of tables means for their records, in words."""
    types = {one.key: one for one in changed}
    said = []
    for one in found:
        record_type = types[one.type]
        field = record_type.field(one.field)
        text = call.core(
            f"choose.effect_{one.code}",
            type=record_type.label.of(call.lang) or one.type,
            field=one.field if field is None else field.label.of(call.lang) or one.field,
            count=one.count,
            records=one.records,
        )
        said.append(text)
    return said


def look_at_config(call: Call, edit: Edit, *, plugin: str | None = None) -> Seen:
    """What an edit of ``muniment.toml`` would come to; nothing is written.

    Raises:
        MunimentError: as ``muniment.archive.editing.propose``.
    """
    from muniment.archive.editing import propose

    archive, plain = call.web.archive, call.plain
    found = propose(archive, plain, edit, plugin=plugin)
    planned = found.planned
    changed = [one for one in planned.made.changed if one.definition_version > 1]
    types = {one.key: one for one in planned.made.changed}
    may_count = all(plain.may("data.check", one.key) for one in changed)
    return Seen(
        found.seen,
        lines_between(found.before, found.after),
        found.after,
        [difference_of(call, one, types) for one in planned.made.changes],
        effects_said(call, effects_of(plain, changed) if may_count else (), changed),
        shifts_of(call, everybody(call.web.engine), after=planned.policy, types=planned.made.registry.types),
    )


def look_at_types(call: Call, shape: Shape) -> Seen:
    """What an edit of record types would come to; nothing is written but the entries of reading.

    Raises:
        MunimentError: as ``muniment.archive.shaping.reshaped``.
    """
    from muniment.archive.shaping import reshaped

    found = reshaped(call.web.archive, call.plain, shape)
    types = {one.key: one for one in found.made.changed}
    return Seen(
        found.seen,
        changes=[difference_of(call, one, types) for one in found.made.changes],
        effects=effects_said(call, found.effects, found.made.changed),
    )


def said(call: Call, error: MunimentError) -> dict[str, str]:
    """An error for the box above a form.

    Raises:
        MunimentError: one that no form may catch.
    """
    return dict(problem_of(call, caught(error)) or {})
