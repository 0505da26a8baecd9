"""Changing record types for somebody: looked at first, with what it means for records, then kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import attrs

from muniment.codec import canonical
from muniment.errors import ConfigError, Conflict
from muniment.schema import RecordType, Template
from muniment.schema.definitions import definition_document
from muniment.session.tables.preview import Effect, effects_of

if TYPE_CHECKING:
    from muniment.archive._opened import Archive
    from muniment.schema.registry import Applied
    from muniment.session import Session

__all__ = ["Reshaped", "Shape", "adding", "editing", "keep", "reshaped"]

Shape = Callable[["Archive"], "Applied"]
"""Gives the archive's types edited; see ``muniment.schema.edits``."""


@attrs.frozen
class Reshaped:
    """An edit of record types that was looked at and not kept.

    Attributes:
        made: the types by it, and how they differ.
        effects: what that means for the records that are there.
        seen: hex of SHA-256 over the definitions that it would write: whoever goes on gives it back.
    """

    made: Applied
    effects: Sequence[Effect]
    seen: str


def editing(key: str, edit: Callable[[RecordType], RecordType]) -> Shape:
    """An edit of one type of the archive's own.

    Args:
        key: of the type.
        edit: gives it edited.

    Raises:
        NotFound: ``schema.unknown_type``, when it is applied.
    """

    def shape(archive: Archive) -> Applied:
        registry = archive.engine.definitions.registry
        return registry.replace(edit(archive.engine.record_type(key)), kinds=archive.engine.kinds)

    return shape


def adding(record_type: RecordType) -> Shape:
    """One more type.

    Args:
        record_type: without a number.

    Raises:
        ConfigError: ``schema.type_exists``, when it is applied.
    """

    def shape(archive: Archive) -> Applied:
        registry = archive.engine.definitions.registry
        if record_type.key in registry.by_key:
            raise ConfigError("schema.type_exists", where=record_type.key, name=record_type.key)
        return registry.apply([Template(record_type.key, types=(record_type,))], kinds=archive.engine.kinds)

    return shape


def reshaped(archive: Archive, session: Session, shape: Shape) -> Reshaped:
    """What an edit of record types would come to; nothing is written but the entries of reading.

    Args:
        archive: the opened archive.
        session: whose actor may change the schema; where they may not check data, nothing is counted.
        shape: the edit.

    Raises:
        ConfigError: ``schema.*``: what is stated does not fit.
        AccessDenied: ``access.action``; logged.
    """
    session.require("schema.change")
    archive.engine.refresh()
    made = shape(archive)
    may_count = all(session.may("data.check", one.key) for one in made.changed if one.definition_version > 1)
    effects = effects_of(session, made.changed) if may_count else ()
    return Reshaped(made, effects, _seen(made))


def keep(
    archive: Archive, session: Session, shape: Shape, *, reason: str | None, seen: str | None = None
) -> Applied:
    """Keep an edit of record types, each as a new version of its definition.

    Args:
        archive: the opened archive.
        session: whose actor may change the schema.
        shape: the edit.
        reason: why; sealed.
        seen: of the edit that somebody looked at; None where nobody did.

    Raises:
        Conflict: ``config.types_moved`` where it comes to something else than was looked at.
        ConfigError: ``schema.*``.
        ApprovalNeeded: a second person is asked.
        AccessDenied: ``access.action``; logged.
    """
    session.require("schema.change")
    archive.engine.refresh()
    made = shape(archive)
    if seen is not None and _seen(made) != seen:
        raise Conflict("config.types_moved")
    archive.save_types(session, made, reason=reason)
    return made


def _seen(made: Applied) -> str:
    document = [[one.number, one.definition_version, definition_document(one)] for one in made.changed]
    return sha256(canonical(document)).hexdigest()
