"""What a team changes in a type: each function gives a new type, the registry numbers and checks it; pure.

A field never leaves its type and never gives its number away: it is hidden or
retired. What a team changed itself is remembered, and a template that is applied
again leaves it alone.
"""

from __future__ import annotations

from typing import Any

import attrs

from muniment.errors import ConfigError
from muniment.schema.fields import Choice, Field, LayoutGroup
from muniment.schema.rules import one_of
from muniment.schema.types import RecordType
from muniment.schema.values import Label

__all__ = [
    "add_field",
    "add_group",
    "change_field",
    "hide_field",
    "kept_choices",
    "rename_field",
    "retire_field",
]

_FIXED = ("key", "kind", "number", "encoding", "group", "category", "seal_group", "target", "computed")
_OTHERS = ("former_keys", "plugin", "suspended", "own")
_CHANGEABLE = {item.name for item in attrs.fields(Field)} - {*_FIXED, *_OTHERS}


def _found(record_type: RecordType, key: str) -> Field:
    one_of(key, record_type.by_key, record_type.key, "field")
    return record_type.by_key[key]


def kept_choices(old: tuple[Choice, ...], new: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """The new choices of a field, and behind them the old ones that they lack, retired.

    Records hold the keys of choices, so none is ever taken out.
    """
    stated = {choice.key for choice in new}
    return (*new, *(attrs.evolve(choice, retired=True) for choice in old if choice.key not in stated))


def _replaced(record_type: RecordType, old: Field, **changes: Any) -> RecordType:
    own = tuple(sorted({*old.own, *(changes.keys() - {"key", "former_keys"})}))
    new = attrs.evolve(old, **changes, own=own)
    fields = tuple(new if field is old else field for field in record_type.fields)
    return attrs.evolve(record_type, fields=fields)


def add_group(record_type: RecordType, group: LayoutGroup) -> RecordType:
    """The type with one more layout group at the end.

    Raises:
        ConfigError: ``schema.twice`` where it has one of that key.
    """
    if any(group.key == old.key for old in record_type.groups):
        raise ConfigError("schema.twice", where=record_type.key, name=group.key)
    return attrs.evolve(record_type, groups=(*record_type.groups, group))


def add_field(record_type: RecordType, field: Field) -> RecordType:
    """The type with one more field, at the end of its group.

    Args:
        record_type: the type.
        field: without a number; its category becomes its group's.

    Raises:
        ConfigError: ``schema.field_exists``, also for a key that a field had before it was renamed.
    """
    taken = record_type.field(field.key)
    if taken is not None:
        raise ConfigError("schema.field_exists", where=record_type.key, name=field.key, field=taken.key)
    groups = {group.key: group for group in record_type.groups}
    one_of(field.group, groups, f"{record_type.key}.{field.key}", "group")
    added = attrs.evolve(
        field, number=0, category=groups[field.group].category, own=tuple(sorted(_CHANGEABLE))
    )
    return attrs.evolve(record_type, fields=(*record_type.fields, added))


def rename_field(
    record_type: RecordType, key: str, new_key: str, *, label: Label | None = None
) -> RecordType:
    """The type with one field under another key; the old key still finds it, its number stays.

    Args:
        record_type: the type.
        key: the key of today.
        new_key: the key from now on.
        label: what people read from now on; left as it is by default.

    Raises:
        ConfigError: ``schema.unknown`` or ``schema.field_exists``.
    """
    old = _found(record_type, key)
    taken = record_type.field(new_key)
    if taken is not None and taken is not old:
        raise ConfigError("schema.field_exists", where=record_type.key, name=new_key, field=taken.key)
    former = tuple(name for name in dict.fromkeys((*old.former_keys, key)) if name != new_key)
    changes: dict[str, Any] = {"key": new_key, "former_keys": former}
    if label is not None:
        changes["label"] = label
    renamed = _replaced(record_type, old, **changes)
    subject = record_type.subject
    if isinstance(subject, tuple):
        subject = tuple(new_key if place == 0 and name == key else name for place, name in enumerate(subject))
    title = tuple(new_key if name == key else name for name in record_type.title)
    return attrs.evolve(renamed, subject=subject, title=title)


def change_field(record_type: RecordType, key: str, **changes: Any) -> RecordType:
    """The type with some attributes of one field changed.

    Args:
        record_type: the type.
        key: of the field.
        changes: attributes of ``Field``; never its kind, target, group, category or number. Choices
            that are not among the new ones stay, retired.

    Raises:
        ConfigError: ``schema.unknown`` or ``schema.fixed``.
    """
    old = _found(record_type, key)
    for name in sorted(changes.keys() - _CHANGEABLE):
        raise ConfigError("schema.fixed", where=f"{record_type.key}.{key}", name=name)
    if "choices" in changes:
        changes["choices"] = kept_choices(old.choices, tuple(changes["choices"]))
    return _replaced(record_type, old, **changes)


def hide_field(record_type: RecordType, key: str, *, hidden: bool = True) -> RecordType:
    """The type with one field left out of forms and lists, or back in them.

    Raises:
        ConfigError: ``schema.unknown``.
    """
    return change_field(record_type, key, hidden=hidden)


def retire_field(record_type: RecordType, key: str, *, retired: bool = True) -> RecordType:
    """The type with one field that takes no values any more, or takes them again; stored ones stay.

    Raises:
        ConfigError: ``schema.unknown``, or ``schema.subject`` where the field leads to the subject.
    """
    if retired and key in record_type.fixed:
        raise ConfigError("schema.subject", where=record_type.key, name=key)
    return change_field(record_type, key, retired=retired)
