"""Changes of the configuration and of the tables: looked at before anybody says yes, then kept."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import attrs
from starlette.responses import Response

from muniment.archive.editing import Edit, edit_configuration, propose
from muniment.archive.shaping import Shape, keep, reshaped
from muniment.errors import MunimentError, UsageError
from muniment.roles import beyond_rows
from muniment.session.tables.preview import Effect, effects_of
from muniment_web.frame.call import Call
from muniment_web.frame.gains import Shift, shifts_of
from muniment_web.frame.named import difference_of
from muniment_web.frame.reasons import reason_of
from muniment_web.frame.told import caught
from muniment_web.server.differences import differing_lines
from muniment_web.server.shifts import everybody

if TYPE_CHECKING:
    from muniment.policy import Role
    from muniment.schema import RecordType

__all__ = ["Again", "Seen", "beyond_said", "effects_said", "lines_between", "look_or_edit", "look_or_reshape"]

_YES: Final = ("keep",)

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
        warnings: what somebody should know before they say yes.
    """

    seen: str
    lines: Sequence[Line] = ()
    text: str = ""
    changes: Sequence[str] = ()
    effects: Sequence[str] = ()
    shifts: Sequence[Shift] = ()
    warnings: Sequence[str] = ()


class Again(Protocol):
    """The form once more: with what was looked at, and with what is wrong."""

    def __call__(self, *, seen: Seen | None, problem: MunimentError | None) -> Response:
        """The page that answers."""


def look_or_edit(
    call: Call,
    making: Callable[[], Edit],
    *,
    again: Again,
    done: str,
    note: str,
    plugin: str | None = None,
    yes: Container[str] = _YES,
    after: Callable[[], object] | None = None,
) -> Response:
    """Look what an edit of ``muniment.toml`` would come to, or have it hold; the form says what is wrong.

    Args:
        call: the request, whose form says which of the two.
        making: makes the edit of what the form states, or raises what is wrong with that.
        again: the form as it is shown again.
        done: path of the page that is next, once it holds.
        note: what is said there.
        plugin: the one plugin whose code is taken anew; see ``Archive.apply_config``.
        yes: what the button sends that says yes.
        after: what follows from it, once it holds.
    """
    try:
        edit = making()
        if call.text("do") not in yes:
            return again(seen=_look_at_config(call, edit, plugin), problem=None)
        reason = reason_of(call)
        if not reason:
            raise UsageError("usage.no_reason")
        edit_configuration(
            call.web.archive,
            call.session,
            edit,
            reason=reason,
            plugin=plugin,
            seen=call.text("seen"),
        )
        if after is not None:
            after()
    except MunimentError as error:
        return again(seen=None, problem=caught(error))
    return call.go(done, note=note)


def look_or_reshape(call: Call, shape: Shape, *, again: Again, done: str, note: str) -> Response:
    """Look what an edit of record types would come to, or have it hold; the form says what is wrong.

    Args:
        call: the request, whose form says which of the two.
        shape: the edit.
        again: the form as it is shown again.
        done: path of the page that is next, once it holds.
        note: what is said there.
    """
    try:
        if call.text("do") not in _YES:
            return again(seen=_look_at_types(call, shape), problem=None)
        keep(call.web.archive, call.session, shape, reason=reason_of(call) or None, seen=call.text("seen"))
    except MunimentError as error:
        moved = caught(error).code == "config.types_moved"
        return again(seen=_look_at_types(call, shape) if moved else None, problem=error)
    return call.go(done, note=note)


def lines_between(before: str, after: str) -> list[Line]:
    """What differs, line by line: how it differs, and the line."""
    found = []
    for line in differing_lines(before, after):
        kind = {"+": "ins", "-": "del", "@": "at"}.get(line[:1], "")
        found.append((kind, line[1:] if kind != "at" else "…"))
    return found


def beyond_said(call: Call, roles: Iterable[Role]) -> list[str]:
    """Of roles that end at some rows those that read the log whole, in words."""
    return [call.core("policy.beyond_rows", name=key) for key in beyond_rows(roles)]


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


def _look_at_config(call: Call, edit: Edit, plugin: str | None) -> Seen:
    """What an edit of ``muniment.toml`` would come to; nothing is written."""
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
        beyond_said(call, planned.policy.roles.values()),
    )


def _look_at_types(call: Call, shape: Shape) -> Seen:
    """What an edit of record types would come to; nothing is written but the entries of reading."""
    found = reshaped(call.web.archive, call.plain, shape)
    types = {one.key: one for one in found.made.changed}
    return Seen(
        found.seen,
        changes=[difference_of(call, one, types) for one in found.made.changes],
        effects=effects_said(call, found.effects, found.made.changed),
    )
