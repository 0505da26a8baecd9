"""Definitions as documents, and what differs between two of them, in data and in words; pure.

A definition holds everything that is needed to show a record written under it: the
names, the kind and the encoding of each field stand in it, so values are readable
after the plugin that brought the kind is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from muniment.errors import ConfigError, text_of
from muniment.schema.fields import Choice, Field, Highlight, LayoutGroup
from muniment.schema.types import RecordType
from muniment.schema.values import Label

__all__ = ["Change", "definition_document", "diff", "type_from_document"]

_FORMAT = 1
_NESTED: Mapping[str, type] = {
    "label": Label,
    "help": Label,
    "choices": Choice,
    "highlight": Highlight,
    "groups": LayoutGroup,
    "fields": Field,
}


def _names(cls: type) -> tuple[attrs.Attribute[Any], ...]:
    return tuple(item for item in attrs.fields(cls) if item.init)


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return {
            item.name: _plain(getattr(value, item.name))
            for item in _names(type(value))
            if getattr(value, item.name) != item.default
        }
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def definition_document(record_type: RecordType) -> dict[str, Any]:
    """A type's definition as a JSON document for ``codec.canonical``.

    Members that have their default are left out; ``type_from_document`` gives the type back.

    Args:
        record_type: with its numbers.
    """
    return {"format": _FORMAT, **_plain(record_type)}


def _read(cls: type, document: Any, where: str) -> Any:
    known = {item.name: item for item in _names(cls)}
    if not isinstance(document, dict) or not document.keys() <= known.keys():
        raise ConfigError("schema.document", where=where)
    values: dict[str, Any] = {}
    for name, given in document.items():
        inner = _NESTED.get(name)
        place = f"{where}.{name}"
        if isinstance(given, list):
            values[name] = tuple(_read(inner, item, place) if inner else item for item in given)
        elif inner is not None:
            values[name] = _read(inner, given, place)
        else:
            values[name] = given
    try:
        return cls(**values)
    except (TypeError, ValueError):
        raise ConfigError("schema.document", where=where) from None


def type_from_document(document: Mapping[str, Any]) -> RecordType:
    """The type that ``definition_document`` wrote down.

    Raises:
        ConfigError: ``schema.document`` where it is of another format or holds unknown members.
    """
    members = dict(document)
    if members.pop("format", None) != _FORMAT:
        raise ConfigError("schema.document", where=str(members.get("key", "")))
    read: RecordType = _read(RecordType, members, str(members.get("key", "")))
    return read


@attrs.frozen
class Change:
    """One difference between two definitions.

    Attributes:
        code: ``type_added``, ``type_changed``, ``field_added``, ``field_renamed``, ``field_changed``,
            ``choice_added``, ``choice_changed``, ``group_added`` or ``group_changed``, and
            ``field_gone`` and the like where a definition is older than the other.
        type: the key of the type.
        item: the key of the field or group it is about; empty for the type.
        part: the attribute, or the key of the choice.
        old: what it was, as in the document; None where there was nothing.
        new: what it is.
    """

    code: str
    type: str
    item: str = ""
    part: str = ""
    old: Any = None
    new: Any = None

    def text(self, lang: str = "en") -> str:
        """The difference in words."""
        attribute = text_of(f"schema.attribute.{self.part}", lang)[0] if self.part else ""
        part = self.part if attribute.startswith("schema.") else attribute
        return text_of(
            f"schema.change.{self.code}", lang, type=self.type, item=self.item, part=part,
            old=_words(self.old, lang), new=_words(self.new, lang),
        )[0]  # fmt: skip


def _words(value: Any, lang: str) -> str:
    if isinstance(value, bool):
        return text_of(f"schema.word.{'yes' if value else 'no'}", lang)[0]
    if value in (None, "", [], {}):
        return text_of("schema.word.nothing", lang)[0]
    if isinstance(value, dict):
        if value.keys() <= {"en", "zh"}:
            return Label(**value).of(lang)
        return ", ".join(f"{key}: {_words(item, lang)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_words(item, lang) for item in value)
    return str(value)


_APART = {"fields", "groups", "choices", "number", "definition_version", "encoding", "seal_group", "own"}


def _attributes(code: str, type_key: str, item: str, old: Any, new: Any) -> list[Change]:
    return [
        Change(code, type_key, item, part.name, _plain(before), _plain(after))
        for part in _names(type(new))
        if part.name not in _APART
        and (before := getattr(old, part.name)) != (after := getattr(new, part.name))
    ]


def _choices(type_key: str, old: Field, new: Field) -> list[Change]:
    before = {choice.key: choice for choice in old.choices}
    after = {choice.key: choice for choice in new.choices}
    changes = []
    for key in {**before, **after}:
        pair = before.get(key), after.get(key)
        if pair[0] != pair[1]:
            code = (
                "choice_added" if pair[0] is None else "choice_gone" if pair[1] is None else "choice_changed"
            )
            changes.append(Change(code, type_key, new.key, key, *(_plain(choice) for choice in pair)))
    if not changes and tuple(before) != tuple(after):
        changes.append(Change("field_changed", type_key, new.key, "choices", list(before), list(after)))
    return changes


def diff(old: RecordType | None, new: RecordType) -> list[Change]:
    """What differs between two definitions of one type; fields are the same where their number is.

    Args:
        old: the earlier definition; None where there was none.
        new: the later definition.
    """
    key = new.key
    if old is None:
        return [
            Change("type_added", key, new=_plain(new.label)),
            *(_added(key, field) for field in new.fields),
        ]
    changes = _attributes("type_changed", key, "", old, new)
    groups = {group.key: group for group in old.groups}
    for group in new.groups:
        before = groups.pop(group.key, None)
        if before is None:
            changes.append(Change("group_added", key, group.key, new=_plain(group.label)))
        else:
            changes += _attributes("group_changed", key, group.key, before, group)
    changes += [Change("group_gone", key, group, old=_plain(groups[group].label)) for group in groups]
    return changes + _fields(key, old, new)


def _added(type_key: str, field: Field) -> Change:
    return Change("field_added", type_key, field.key, new=_plain(field.label))


def _fields(key: str, old: RecordType, new: RecordType) -> list[Change]:
    # Before the registry numbers a type its fields are known by their keys alone.
    numbered = all(field.number for field in (*old.fields, *new.fields))
    earlier = {field.number if numbered else field.key: field for field in old.fields}
    changes: list[Change] = []
    for field in new.fields:
        before = earlier.pop(field.number if numbered else field.key, None)
        if before is None:
            changes.append(_added(key, field))
            continue
        if before.key != field.key:
            changes.append(Change("field_renamed", key, before.key, new=field.key))
        changes += [
            change
            for change in _attributes("field_changed", key, field.key, before, field)
            if change.part not in ("key", "former_keys")
        ]
        changes += _choices(key, before, field)
    changes += [Change("field_gone", key, field.key, old=_plain(field.label)) for field in earlier.values()]
    kept = [field.key for field in old.fields if field.key in new.by_key]
    if not changes and kept != [field.key for field in new.fields]:
        changes.append(Change("type_changed", key, "", "fields", kept, [field.key for field in new.fields]))
    return changes
