"""References by name: the record that a person means by a customer number or a login.

A reference is stored as an identifier. Whoever types one may give the value of
a unique field of the target instead; looking that up is asked of the policy
and written to the log as a disclosure that somebody has this value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from muniment.errors import Invalid, Issue, NotFound, UsageError
from muniment.schema import RecordType
from muniment.session.reading import lists

if TYPE_CHECKING:
    from muniment.session.ground import Ground

__all__ = ["find_reference", "resolve_record", "resolve_references"]


def _is_identifier(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == 36


def find_reference(session: Ground, type: str, text: str, *, deleted: bool = False) -> str | None:
    """The record of a type that a unique value names.

    Args:
        session: who asks; each look is an entry of kind ``record.match``.
        type: key of the record type.
        text: the value of one of its unique fields, as typed.
        deleted: look among deleted records instead; only clear fields can be asked for there,
            since a deleted record claims no unique value.

    Returns:
        UUID text, or None where no record has it.

    Raises:
        AccessDenied: the actor may not list such records, or not compare the field.
    """
    record_type = session.engine.record_type(type)
    found: set[str] = set()
    for field in record_type.fields:
        if not field.unique or field.retired or (deleted and not field.in_clear):
            continue
        # No field is released: the answer is only which record it is.
        asked = lists.Asked(type, {field.key: text}, fields=(), limit=2, kind="record.match", deleted=deleted)
        try:
            page = lists.list_records(session.engine, session.acting, asked)
        except Invalid:
            continue  # such a value cannot stand in this field
        found.update(record.id for record in page.records)
    return found.pop() if len(found) == 1 else None


def resolve_references(
    session: Ground, record_type: RecordType, values: Mapping[str, object]
) -> dict[str, object]:
    """Values with every reference as an identifier.

    Args:
        session: who asks.
        record_type: whose values they are.
        values: by key, as typed.

    Raises:
        Invalid: ``value.no_such_record`` for each reference that names no record.
        AccessDenied: as ``find_reference``.
    """
    made = dict(values)
    issues = []
    view = session.view(record_type)
    known = view.readable | view.writable
    for name, value in values.items():
        field = record_type.field(name)
        if field is None or field.kind != "reference" or not isinstance(value, str):
            continue
        text = value.strip()
        if not text or _is_identifier(text) or field.key not in known:
            continue
        acting = session.acting.actor
        if field.target == "user" and text == acting.id and acting.record:
            # Whoever may not list users may still name themselves.
            made[name] = acting.record
            continue
        record = find_reference(session, field.target, text)
        if record is None:
            issues.append(Issue("value.no_such_record", field.key, parameters={"target": field.target}))
        else:
            made[name] = record
    if issues:
        raise Invalid(issues, where=record_type.key)
    return made


def resolve_record(session: Ground, text: str) -> str:
    """A record's identifier out of one, or out of ``type:value`` such as ``customer:C-1001``.

    Raises:
        UsageError: ``usage.identifier`` where it is neither.
        NotFound: ``record.not_found`` where no record has the value.
        AccessDenied: as ``find_reference``.
    """
    text = text.strip()
    if _is_identifier(text):
        return text.lower()
    type_key, colon, value = text.partition(":")
    if not colon or not value.strip() or type_key not in session.engine.definitions.types:
        raise UsageError("usage.identifier")
    found = find_reference(session, type_key, value.strip())
    if found is None:
        found = find_reference(session, type_key, value.strip(), deleted=True)
    if found is None:
        raise NotFound("record.not_found")
    return found
