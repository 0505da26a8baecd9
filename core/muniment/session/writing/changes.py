"""What is to be done to records, and what of it is known while it is planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import attrs

from muniment.errors import Issue
from muniment.model import Value, id_text
from muniment.plugins import HookContext, PluginFailure, RecordState
from muniment.policy import View
from muniment.schema import RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.builtins import rules_of
from muniment.session.kernel.engine import Engine
from muniment.store import Token, Version

__all__ = ["Change", "Pending", "action_of", "hook_context", "note_failures", "place_of", "state_before"]


@attrs.frozen
class Change:
    """One thing to be done to one record.

    Attributes:
        operation: ``create``, ``update``, ``correct``, ``delete``, ``undelete`` or ``revert``.
        type: key of the record type; needed for ``create`` only.
        record: identifier of the record, 16 bytes; None for ``create``.
        values: by field key; None or empty text clears.
        expected_version: the version the caller saw; None trusts the newest.
        effective_us: since when it holds in the world.
        replace: ``values`` are all the record's values, as for a revert.
        keep_empty: an empty value leaves what is there as it is, with a warning, instead of clearing it.
        subject: of a new record of a built-in type: whom it is about, 16 bytes; None for the archive.
        kind: of a built-in type: the kind of entry, where it is not the usual one.
        inside: made by the framework itself; only so are guarded built-in types written.
        new_subject: the subject has no record yet, and gets its key with this one; the record that is
            made for it later names it as its ``subject`` too.
        reason: a person's own words on this change alone; sealed.
        computes: a program computed the values: computed fields take them, and of a record that is there
            already no other field does, so that nothing a person entered is overwritten.
    """

    operation: str
    type: str = ""
    record: bytes | None = None
    values: Mapping[str, object] = attrs.field(factory=dict)
    expected_version: int | None = None
    effective_us: int | None = None
    replace: bool = False
    keep_empty: bool = False
    subject: bytes | None = None
    kind: str = ""
    inside: bool = False
    new_subject: bool = False
    reason: str | None = None
    computes: bool = False


@attrs.define
class Pending:
    """One change on its way, with what it builds on; its values are not for release.

    Attributes:
        old: the values before, of the seal groups that the change touches.
        new: the values after.
        changed: keys of the fields that change.
        written: whether a version comes of it.
        regrouped: seal groups whose fields belong to others by now.
        slots: of facet and subject, by category, as the parts that were opened have them.
    """

    change: Change
    type: RecordType
    view: View
    record: bytes
    subject: bytes
    base: Version | None
    old: dict[str, Value]
    new: dict[str, Value]
    changed: list[str]
    warnings: list[Issue]
    deleted: bool = False
    old_clear: str | None = None
    tokens: Collection[Token] = ()
    written: bool = True
    regrouped: frozenset[int] = frozenset()
    slots: dict[int, tuple[int, int]] = attrs.field(factory=dict)
    version: int = attrs.field(init=False)

    @version.default
    def _next_version(self) -> int:
        return 1 if self.base is None else self.base.version + 1


def hook_context(
    engine: Engine, acting: Acting, operation: str, time_us: int, *, region: str = ""
) -> HookContext:
    """What gates and observers are told of an act."""
    return HookContext(
        acting.actor.id,
        acting.purpose,
        operation,
        acting.program,
        time_us,
        default_region=region or engine.settings.default_region,
        timezone=engine.settings.timezone,
    )


def note_failures(engine: Engine, acting: Acting, failures: Iterable[PluginFailure]) -> None:
    """Write down which observers failed, and where; what they were told is not undone."""
    running = {plugin.name: plugin.source.shown_version for plugin in engine.plugins.loaded}
    for failure in failures:
        engine.note(
            acting,
            "plugin.fail",
            outcome="failed",
            code="plugin.raised",
            plugin={"name": failure.plugin, "version": running[failure.plugin]},
            target={"hook": failure.hook, "type": failure.type, "file": failure.file, "line": failure.line},
        )


def state_before(one: Pending) -> RecordState:
    """The record of a change as it stands, as gates are shown it."""
    return RecordState(
        id_text(one.record),
        one.type.key,
        id_text(one.subject),
        one.version - 1,
        dict(one.old),
        kinds=one.type.kind_names,
        classes=one.type.class_names,
    )


def place_of(one: Pending) -> str:
    """Where an error of this change is: the record, or its type while it is made."""
    return one.type.key if one.base is None else id_text(one.record)


def action_of(record_type: RecordType, operation: str) -> str:
    """The action that the policy is asked for; empty where a built-in type's own module decides."""
    if record_type.built_in:
        return rules_of(record_type).write
    return "record.update" if operation == "revert" else f"record.{operation}"
