"""All record types of an archive, and their permanent numbers; pure.

A number is given once: types from 256, fields from 1 (one row of numbers for the
whole archive), retention categories from 2. Nothing is ever removed, only retired,
so the numbers in use are all there is to remember, and the registry is rebuilt from
the newest definition of each type.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import attrs

from muniment.errors import ConfigError
from muniment.model import CLASSES
from muniment.schema.builtin import ARCHIVE_CATEGORY, BUILTIN
from muniment.schema.definitions import Change, diff
from muniment.schema.edits import kept_choices
from muniment.schema.fields import Choice, Field, LayoutGroup, category_of_group, seal_group
from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.rules import check_type, one_of
from muniment.schema.template import Template
from muniment.schema.types import RecordType

__all__ = ["Applied", "Extension", "Registry"]

_FIRST_TYPE = 256
_FIRST_CATEGORY = ARCHIVE_CATEGORY[1] + 1
_LAST_CATEGORY = 8_190
_FIRST_BUILTIN_FIELD = 1 << 31
_BUILTIN_KEYS = frozenset(record_type.key for record_type in BUILTIN)
# What two statements about one field must agree on: stored values and their keys depend on it.
_FIXED = ("kind", "category", "target")


@attrs.frozen
class Applied:
    """What applying templates, or one edited type, comes to.

    Attributes:
        registry: the registry from then on.
        changed: the types whose definition is new, with their new version; each is to be stored.
        changes: every difference, for a preview.
    """

    registry: Registry
    changed: tuple[RecordType, ...]
    changes: tuple[Change, ...]


@attrs.frozen
class Extension:
    """What a plugin adds to one record type.

    Attributes:
        plugin: its name.
        type: the type's key.
        fields: new ones, and refinements of those that are there.
        groups: layout groups for new fields.
    """

    plugin: str
    type: str
    fields: tuple[Field, ...] = ()
    groups: tuple[LayoutGroup, ...] = ()


def _sharper(first: str, second: str) -> str:
    return max(first, second, key=CLASSES.index)


def _same(key: str, first: Field, second: Field, sources: tuple[str, str]) -> None:
    for name in _FIXED:
        if getattr(first, name) != getattr(second, name):
            raise ConfigError(
                "schema.collision", where=f"{key}.{second.key}", name=name, first=sources[0],
                second=sources[1], old=getattr(first, name), new=getattr(second, name),
            )  # fmt: skip


def _both_choices(first: tuple[Choice, ...], second: tuple[Choice, ...]) -> tuple[Choice, ...]:
    known = {choice.key for choice in first}
    return (*first, *(choice for choice in second if choice.key not in known))


def _joined_field(first: Field, second: Field) -> Field:
    """One field that two templates state: the second adds what the first leaves open, and may be stricter."""
    stated = {
        item.name: getattr(first, item.name)
        if getattr(first, item.name) != item.default
        else getattr(second, item.name)
        for item in attrs.fields(Field)
    }
    stated.update(
        sensitivity=_sharper(first.sensitivity, second.sensitivity),
        choices=_both_choices(first.choices, second.choices),
        index=tuple(dict.fromkeys((*first.index, *second.index))),
        aliases=tuple(dict.fromkeys((*first.aliases, *second.aliases))),
        purposes=_narrower(first.purposes, second.purposes),
    )
    return Field(**stated)


def _narrower(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """The purposes that both allow; the first's where they agree on none, for none would mean any."""
    if not first or not second:
        return first or second
    return tuple(one for one in first if one in second) or first


def _extended(record_type: RecordType, extension: Extension) -> RecordType:
    """A type of the archive with what a plugin adds to it."""
    known = {group.key: group for group in record_type.groups}
    groups = {**{group.key: group for group in extension.groups}, **known}
    for group in extension.groups:
        if groups[group.key].category != group.category:
            raise ConfigError(
                "schema.collision", where=f"{record_type.key}.{group.key}", name="category",
                first="the archive", second=extension.plugin, old=groups[group.key].category,
                new=group.category,
            )  # fmt: skip
    fields = dict(record_type.by_key)
    for given in extension.fields:
        old = record_type.field(given.key)
        if old is None:
            one_of(given.group, groups, f"{extension.plugin}: {record_type.key}.{given.key}", "group")
            category = groups[given.group].category
            fields[given.key] = attrs.evolve(given, number=0, category=category, plugin=extension.plugin)
        elif old.plugin == extension.plugin:
            updated = _updated_field(old, given)
            fields[old.key] = attrs.evolve(updated, category=old.category, plugin=old.plugin)
        else:
            fields[old.key] = _refined_field(record_type, old, given, extension.plugin)
    used = {field.group for field in fields.values()}
    kept = _in_order(group for group in groups.values() if group.key in known or group.key in used)
    return attrs.evolve(record_type, groups=kept, fields=_by_group(fields.values(), kept))


def _refined_field(record_type: RecordType, old: Field, given: Field, plugin: str) -> Field:
    """A field that a template or the team has, as a plugin refines it."""
    given = attrs.evolve(
        given,
        key=old.key,
        group=old.group,
        category=old.category,
        target=given.target or old.target,
        # The class of a field that states none.
        sensitivity=old.sensitivity if given.sensitivity == "internal" else given.sensitivity,
        plugin="",
        former_keys=(),
    )
    if old.plugin:
        raise ConfigError(
            "schema.field_of_plugin", where=f"{record_type.key}.{old.key}", first=old.plugin, second=plugin
        )
    _same(record_type.key, old, given, ("the archive", plugin))
    if CLASSES.index(given.sensitivity) < CLASSES.index(old.sensitivity):
        raise ConfigError(
            "schema.class_lowered", where=f"{plugin}: {record_type.key}.{old.key}",
            old=old.sensitivity, new=given.sensitivity,
        )  # fmt: skip
    joined = _joined_field(old, given)
    stays = {name: getattr(old, name) for name in old.own if name != "sensitivity"}
    return attrs.evolve(joined, own=old.own, number=old.number, **stays)


def _by_group(fields: Iterable[Field], groups: Iterable[Any]) -> tuple[Field, ...]:
    order = {group.key: place for place, group in enumerate(groups)}
    return tuple(sorted(fields, key=lambda field: order.get(field.group, len(order))))


def _in_order(groups: Iterable[LayoutGroup]) -> tuple[LayoutGroup, ...]:
    """The groups of a form by their places, so that it is the same in whatever order templates came."""
    return tuple(sorted(groups, key=lambda group: (group.order == 0, group.order)))


def _same_groups(first: RecordType, second: RecordType, sources: tuple[str, str]) -> None:
    known = {group.key: group.category for group in first.groups}
    for group in second.groups:
        if known.get(group.key, group.category) != group.category:
            raise ConfigError(
                "schema.collision", where=f"{first.key}.{group.key}", name="category", first=sources[0],
                second=sources[1], old=known[group.key], new=group.category,
            )  # fmt: skip


def _same_subject(first: RecordType, second: RecordType, sources: tuple[str, str]) -> None:
    old, new = first.subject, second.subject
    if isinstance(old, tuple) and isinstance(new, tuple) and old[1:] == new[1:]:
        # The field that leads there may have been renamed, by the team or by the template.
        now = first.field(new[0])
        if (now and now.key == old[0]) or second.field(old[0]) is second.field(new[0]):
            return
    if old != new:
        raise ConfigError(
            "schema.collision", where=first.key, name="subject", first=sources[0], second=sources[1],
            old=_path(old), new=_path(new),
        )  # fmt: skip


def _path(subject: str | tuple[str, ...]) -> str:
    return subject if isinstance(subject, str) else ".".join(subject)


def _joined(first: RecordType, second: RecordType, sources: tuple[str, str]) -> RecordType:
    """One type that two templates state."""
    _same_subject(first, second, sources)
    _same_groups(first, second, sources)
    fields = dict(first.by_key)
    for field in second.fields:
        old = fields.get(field.key)
        if old is not None:
            _same(first.key, old, field, sources)
        fields[field.key] = field if old is None else _joined_field(old, field)
    known = {group.key for group in first.groups}
    groups = _in_order((*first.groups, *(group for group in second.groups if group.key not in known)))
    return attrs.evolve(
        first, groups=groups, fields=_by_group(fields.values(), groups), title=first.title or second.title
    )


def _updated_field(old: Field, new: Field) -> Field:
    """A field of the archive under a new statement of it; the team's own changes stay."""
    stays = {name: getattr(old, name) for name in old.own}
    values: dict[str, Any] = {
        "key": old.key,
        "number": old.number,
        "encoding": old.encoding,
        "seal_group": old.seal_group,
        "own": old.own,
        "former_keys": tuple(
            name for name in dict.fromkeys((*old.former_keys, *new.former_keys)) if name != old.key
        ),
        "choices": kept_choices(old.choices, new.choices),
        **stays,
    }
    values["sensitivity"] = _sharper(old.sensitivity, new.sensitivity)
    return attrs.evolve(new, **values)


def _earlier(old: RecordType, field: Field) -> Field | None:
    """The field of the archive that a template's field is, by its key or a former key of either."""
    for name in (field.key, *field.former_keys):
        found = old.field(name)
        if found is not None:
            return found
    return None


def _renamed(updated: Field, field: Field) -> Field:
    """The field under the key that a template gave it anew, where that template names the old key."""
    if updated.key == field.key or updated.key not in field.former_keys:
        return updated
    former = (name for name in dict.fromkeys((*updated.former_keys, updated.key)) if name != field.key)
    return attrs.evolve(updated, key=field.key, former_keys=tuple(former))


def _updated(old: RecordType, new: RecordType, source: str) -> RecordType:
    """A type of the archive under a new statement of it: what is not mentioned stays."""
    sources = ("the archive", source)
    _same_subject(old, new, sources)
    _same_groups(old, new, sources)
    stated: dict[str, Field] = {}
    keys: dict[str, str] = {}
    for field in new.fields:
        before = _earlier(old, field)
        if before is not None:
            _same(old.key, before, field, sources)
            field = _renamed(_updated_field(before, field), field)
            keys[before.key] = field.key
        stated[before.key if before else field.key] = field
    keys.update({former: field.key for field in stated.values() for former in field.former_keys})
    stated_groups = {group.key: group for group in new.groups}
    groups = _in_order(({group.key: group for group in old.groups} | stated_groups).values())
    rest = (field for field in old.fields if field.key not in stated)
    subject = old.subject
    if isinstance(subject, tuple):
        subject = (keys.get(subject[0], subject[0]), *subject[1:])
    return attrs.evolve(
        old, label=new.label, help=new.help, subject=subject, groups=groups,
        title=tuple(keys.get(key, key) for key in new.title or old.title), retired=False,
        fields=_by_group((*stated.values(), *rest), groups), plugin=new.plugin or old.plugin,
    )  # fmt: skip


@attrs.frozen
class Registry:
    """The record types that an archive knows, built-in ones first, each with its numbers.

    Attributes:
        types: in order of number; retired ones too.
    """

    types: tuple[RecordType, ...] = BUILTIN

    @classmethod
    def of(cls, types: Iterable[RecordType]) -> Registry:
        """The registry out of the newest definition of each type that is not built in.

        Raises:
            ConfigError: ``schema.number`` where two share a number.
        """
        registry = cls((*BUILTIN, *sorted(types, key=lambda record_type: record_type.number)))
        registry._check_numbers()
        return registry

    @cached_property
    def by_key(self) -> Mapping[str, RecordType]:
        """Every type by its key."""
        return MappingProxyType({record_type.key: record_type for record_type in self.types})

    @cached_property
    def by_number(self) -> Mapping[int, RecordType]:
        """Every type by its permanent number."""
        return MappingProxyType({record_type.number: record_type for record_type in self.types})

    @cached_property
    def categories(self) -> Mapping[str, int]:
        """The permanent number of each retention category."""
        return MappingProxyType(
            {
                field.category: category_of_group(field.seal_group)
                for record_type in self.types
                for field in record_type.fields
            }
        )

    @cached_property
    def category_names(self) -> Mapping[int, str]:
        """The name of each retention category by its number."""
        return MappingProxyType({number: name for name, number in self.categories.items()})

    def type(self, key: str) -> RecordType:
        """One type by its key.

        Raises:
            ConfigError: ``schema.unknown`` or ``schema.unknown_near``.
        """
        one_of(key, self.by_key, key, "type")
        return self.by_key[key]

    def subject_path(self, record_type: RecordType) -> tuple[tuple[RecordType, Field], ...]:
        """The steps from a type to its subject: each a type and its reference field.

        Empty where the type is its own subject or has none.
        """
        if isinstance(record_type.subject, str):
            return ()
        steps, here = [], record_type
        for key in record_type.subject:
            field = here.field(key)
            if field is None or field.target not in self.by_key:
                raise ConfigError("schema.subject", where=record_type.key, name=key)
            steps.append((here, field))
            here = self.by_key[field.target]
        return tuple(steps)

    def apply(self, templates: Iterable[Template], *, kinds: Mapping[str, FieldKind] = KINDS) -> Applied:
        """The registry with templates applied to it; what they do not mention stays as it is.

        A type or field that several templates state is joined: the class may only rise, choices,
        indexes and aliases add up, and of other attributes the first statement counts. What the
        archive has already keeps its numbers, the team's own changes, and a class that is higher.

        Args:
            templates: in order; all that are in use, so that what one adds another does not take back.
            kinds: the kinds that fields may be of.

        Raises:
            ConfigError: ``schema.collision`` naming both sides, or another ``schema.*``.
        """
        wanted: dict[str, RecordType] = {}
        sources: dict[str, str] = {}
        for template in templates:
            for record_type in template.types:
                key = record_type.key
                if key in _BUILTIN_KEYS:
                    raise ConfigError("schema.reserved", where=template.key, name=key)
                if key in wanted:
                    wanted[key] = _joined(wanted[key], record_type, (sources[key], template.key))
                    sources[key] += f" + {template.key}"
                else:
                    wanted[key], sources[key] = record_type, template.key
        edited = [
            _updated(self.by_key[key], record_type, sources[key]) if key in self.by_key else record_type
            for key, record_type in wanted.items()
        ]
        return self._with(edited, kinds)

    def extend(self, extensions: Iterable[Extension], *, kinds: Mapping[str, FieldKind] = KINDS) -> Applied:
        """The registry with what plugins add to its types; a type that it does not have is passed over.

        A field that is there already is refined: of the same kind, category and target, with the same
        or a higher class; choices, indexes and aliases add up, and what was left open is filled in.

        Args:
            extensions: in the order of the plugins' names.
            kinds: the kinds that fields may be of.

        Raises:
            ConfigError: ``schema.field_of_plugin`` or ``schema.collision`` naming both sides, or another
                ``schema.*``.
        """
        edited: dict[str, RecordType] = {}
        for extension in extensions:
            record_type = edited.get(extension.type) or self.by_key.get(extension.type)
            if record_type is not None and not record_type.retired:
                edited[extension.type] = _extended(record_type, extension)
        return self._with(edited.values(), kinds)

    def suspend(self, enabled: Collection[str]) -> Applied:
        """The registry in which fields of plugins take values where their plugin is enabled, nowhere else.

        Args:
            enabled: the names of the plugins that are.
        """
        types = []
        for record_type in self.types:
            fields = tuple(
                attrs.evolve(field, suspended=suspended)
                if (suspended := bool(field.plugin) and field.plugin not in enabled) != field.suspended
                else field
                for field in record_type.fields
            )
            same = all(new is old for new, old in zip(fields, record_type.fields, strict=True))
            types.append(record_type if same else attrs.evolve(record_type, fields=fields))
        return Registry(tuple(types)).since(self)

    def since(self, before: Registry) -> Applied:
        """What several edits, one after the other, come to: each changed type is one version later.

        Args:
            before: the registry that the first of them began with.
        """
        types: list[RecordType] = []
        changed: list[RecordType] = []
        changes: list[Change] = []
        for record_type in self.types:
            old = before.by_key.get(record_type.key)
            version = old.definition_version if old else 0
            if old is not None and old == attrs.evolve(record_type, definition_version=version):
                types.append(old)
                continue
            new = attrs.evolve(record_type, definition_version=version + 1)
            types.append(new)
            changed.append(new)
            changes += diff(old, new)
        return Applied(Registry(tuple(types)), tuple(changed), tuple(changes))

    def replace(self, record_type: RecordType, *, kinds: Mapping[str, FieldKind] = KINDS) -> Applied:
        """The registry with one type edited (``schema.edits``); new fields get their numbers.

        Raises:
            ConfigError: ``schema.*``; ``schema.number`` where a field was taken out or renumbered.
        """
        if record_type.key in _BUILTIN_KEYS:
            raise ConfigError("schema.reserved", where=record_type.key, name=record_type.key)
        return self._with([record_type], kinds)

    def retire(self, key: str, *, kinds: Mapping[str, FieldKind] = KINDS) -> Applied:
        """The registry with one type that takes no new records; its records and numbers stay.

        Raises:
            ConfigError: ``schema.unknown``, or ``schema.target`` where a live type refers to it.
        """
        return self.replace(attrs.evolve(self.type(key), retired=True), kinds=kinds)

    def _with(self, edited: Iterable[RecordType], kinds: Mapping[str, FieldKind]) -> Applied:
        numbers = _Numbers(self)
        types = dict(self.by_key)
        changed: list[RecordType] = []
        changes: list[Change] = []
        for record_type in edited:
            old = types.get(record_type.key)
            new = numbers.given(record_type, kinds)
            _check_kept(old, new)
            if old == new:
                continue
            check_type(new, kinds)
            new = attrs.evolve(new, definition_version=(old.definition_version if old else 0) + 1)
            types[new.key] = new
            changed.append(new)
            changes += diff(old, new)
        registry = Registry(tuple(sorted(types.values(), key=lambda record_type: record_type.number)))
        registry._check_numbers()
        for record_type in registry.types:
            registry._check_references(record_type)
        return Applied(registry, tuple(changed), tuple(changes))

    def _check_numbers(self) -> None:
        types = [record_type.number for record_type in self.types]
        fields = [field.number for record_type in self.types for field in record_type.fields]
        names = {
            (field.category, category_of_group(field.seal_group))
            for record_type in self.types
            for field in record_type.fields
        }
        rows = (types, fields, [name for name, _ in names], [number for _, number in names])
        for row in rows:
            if len(set(row)) != len(row) or 0 in row:
                raise ConfigError("schema.number")
        if len(self.by_key) != len(self.types):
            raise ConfigError("schema.number")

    def _check_references(self, record_type: RecordType) -> None:
        if record_type.retired:
            return
        for field in record_type.fields:
            if not field.target or field.retired:
                continue
            target = self.by_key.get(field.target)
            if target is None or target.retired:
                raise ConfigError("schema.target", where=f"{record_type.key}.{field.key}", name=field.target)
        steps = self.subject_path(record_type)
        for here, field in steps:
            if not (field.required and field.lasting and field.kind == "reference"):
                raise ConfigError("schema.subject", where=here.key, name=field.key)
        if steps and self.by_key[steps[-1][1].target].subject != "self":
            raise ConfigError("schema.subject", where=record_type.key, name=steps[-1][1].key)


def _check_kept(old: RecordType | None, new: RecordType) -> None:
    if old is None:
        return
    if old.number != new.number:
        raise ConfigError("schema.number", where=new.key)
    for before in old.fields:
        after = new.by_number.get(before.number)
        if after is None:
            raise ConfigError("schema.number", where=f"{new.key}.{before.key}")
        fixed = ("kind", "encoding", "category", "target")
        for name in fixed:
            if getattr(before, name) != getattr(after, name):
                raise ConfigError("schema.fixed", where=f"{new.key}.{after.key}", name=name)
        if CLASSES.index(after.sensitivity) < CLASSES.index(before.sensitivity):
            raise ConfigError(
                "schema.class_lowered", where=f"{new.key}.{after.key}",
                old=before.sensitivity, new=after.sensitivity,
            )  # fmt: skip


class _Numbers:
    """Gives numbers out while types are put into a registry."""

    def __init__(self, registry: Registry) -> None:
        self._type = max((_FIRST_TYPE - 1, *(each.number for each in registry.types))) + 1
        fields = (field.number for each in registry.types for field in each.fields)
        self._field = max((0, *(number for number in fields if number < _FIRST_BUILTIN_FIELD))) + 1
        self._categories = dict(registry.categories)

    def _category(self, name: str) -> int:
        number = self._categories.setdefault(name, max(_FIRST_CATEGORY - 1, *self._categories.values()) + 1)
        if number > _LAST_CATEGORY:
            raise ConfigError("schema.too_many_categories", where=name, maximum=_LAST_CATEGORY)
        return number

    def given(self, record_type: RecordType, kinds: Mapping[str, FieldKind]) -> RecordType:
        """The type with every number that it lacks."""
        number = record_type.number
        if not number:
            number, self._type = self._type, self._type + 1
        fields = tuple(self._numbered(field, kinds) for field in record_type.fields)
        return attrs.evolve(record_type, number=number, fields=_by_group(fields, record_type.groups))

    def _numbered(self, field: Field, kinds: Mapping[str, FieldKind]) -> Field:
        number = field.number
        if not number:
            number, self._field = self._field, self._field + 1
        kind = kinds.get(field.kind)
        return attrs.evolve(
            field,
            number=number,
            # A field whose plugin is gone keeps the encoding that its definition names.
            encoding=field.encoding or (kind.encoding if kind else 0),
            seal_group=seal_group(self._category(field.category), field.sensitivity),
        )
