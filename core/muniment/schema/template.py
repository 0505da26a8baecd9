"""Templates: ready sets of record types, read from TOML; pure but for the packaged files.

A template chooses types of the library (and groups of their fields), changes or adds
fields, and may hold types of its own. The published form is
``muniment_schemas/template.schema.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any

import attrs

import muniment_schemas
from muniment.codec import canonical
from muniment.model import CLASSES
from muniment.schema.dashboards import Dashboard, check_dashboard, dashboard_document, parse_dashboard
from muniment.schema.definitions import definition_document
from muniment.schema.fields import Choice, Field, Highlight, LayoutGroup
from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.listviews import ListView, check_view, fitted, parse_condition, view_document
from muniment.schema.rules import check_type, one_of, refuse
from muniment.schema.toml import read_document, read_label, read_strings, read_table
from muniment.schema.types import RecordType
from muniment.schema.values import NO_LABEL, Label

__all__ = [
    "Template",
    "load_template",
    "parse_additions",
    "parse_template",
    "parse_type",
    "read_type",
    "template_names",
]

_KEY = re.compile(r"[a-z][a-z0-9-]{0,62}")


@attrs.frozen
class Template:
    """A ready set of record types.

    Attributes:
        key: its name, such as ``customer-info``.
        label: what people read.
        help: what it is for.
        types: the record types, complete but for their numbers.
        views: of their lists.
        dashboards: of all of them together.
    """

    key: str
    label: Label = NO_LABEL
    help: Label = NO_LABEL
    types: tuple[RecordType, ...] = ()
    views: tuple[ListView, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()


_CHOICE = {"key": str, "label": dict, "colour": str, "icon": str, "retired": bool}
_HIGHLIGHT = {"test": str, "colour": str, "value": str, "where": str}
_FIELD: Mapping[str, type] = {
    "key": str, "kind": str, "label": dict, "help": dict, "group": str, "class": str, "required": bool,
    "unique": bool, "default": str, "index": list, "mask": str, "choices": list, "minimum": str,
    "maximum": str, "max_length": int, "target": str, "currency": str, "past": bool, "computed": bool,
    "hidden": bool, "retired": bool, "aliases": list, "former_keys": list, "width": int, "order": int,
    "emphasis": str, "highlight": list, "purposes": list, "meaning": str,
}  # fmt: skip
_GROUP = {"key": str, "label": dict, "category": str, "order": int, "field": list}
_TYPE = {
    "key": str, "label": dict, "help": dict, "subject": (str, list), "title": list, "group": list,
    "view": list,
}  # fmt: skip
_USE = {"use": str, "groups": list, "group": list, "field": list, "title": list, "view": list}
_VIEW = {
    "key": str, "label": dict, "columns": list, "filters": list, "sort": str, "descending": bool,
    "group_by": str, "roles": list,
}  # fmt: skip
_TEMPLATE = {"format": int, "key": str, "label": dict, "help": dict, "type": list, "dashboard": list}
_LIBRARY = {"format": int, **_TYPE}
_ADDITIONS = {"format": int, "type": list}
_ADDED = {"key": str, "group": list, "field": list}


def _choice(given: Any, where: str) -> Choice:
    table = dict(read_table(given, _CHOICE, where, "key", "label"))
    table["label"] = read_label(table["label"], f"{where}.label")
    return Choice(**table)


def _highlight(given: Any, where: str) -> Highlight:
    return Highlight(**read_table(given, _HIGHLIGHT, where, "test", "colour"))


def _field_values(given: Any, where: str) -> dict[str, Any]:
    """The attributes of a field that a table states, ready for ``Field``."""
    if isinstance(given, dict) and isinstance(given.get("key"), str):
        where = f"{where}({given['key']})"
    values = dict(read_table(given, _FIELD, where, "key"))
    if "class" in values:
        one_of(values["class"], CLASSES, f"{where}.class", "class")
        values["sensitivity"] = values.pop("class")
    for name in ("label", "help"):
        if name in values:
            values[name] = read_label(values[name], f"{where}.{name}")
    for name in ("index", "aliases", "former_keys", "purposes"):
        if name in values:
            values[name] = read_strings(values[name], f"{where}.{name}")
    for name, read in (("choices", _choice), ("highlight", _highlight)):
        if name in values:
            values[name] = tuple(
                read(item, f"{where}.{name}[{place}]") for place, item in enumerate(values[name])
            )
    return values


def _new_field(values: dict[str, Any], group: LayoutGroup, where: str) -> Field:
    place = f"{where}({values['key']})"
    for name in ("kind", "label", "sensitivity"):
        if name not in values:
            raise refuse("missing", place, name="class" if name == "sensitivity" else name)
    if values.get("group", group.key) != group.key:
        raise refuse("group", place, name=values["group"], group=group.key)
    return Field(**{**values, "group": group.key, "category": group.category})


def _group(given: Any, where: str) -> tuple[LayoutGroup, tuple[Field, ...]]:
    table = read_table(given, _GROUP, where, "key", "label", "category")
    label = read_label(table["label"], f"{where}.label")
    group = LayoutGroup(table["key"], label, table["category"], table.get("order", 0))
    fields = tuple(
        _new_field(_field_values(item, f"{where}({group.key}).field"), group, f"{where}({group.key}).field")
        for item in table.get("field", ())
    )
    return group, fields


def _groups(given: list[Any], where: str) -> tuple[tuple[LayoutGroup, ...], tuple[Field, ...]]:
    read = [_group(item, f"{where}.group[{place}]") for place, item in enumerate(given)]
    return tuple(group for group, _ in read), tuple(field for _, fields in read for field in fields)


def _subject(given: Any, where: str) -> str | tuple[str, ...]:
    if isinstance(given, str):
        return given if given in ("self", "none") else tuple(given.split("."))
    return read_strings(given, where)


def _own_type(table: Mapping[str, Any], where: str) -> RecordType:
    groups, fields = _groups(table["group"], where)
    return RecordType(
        key=table["key"],
        label=read_label(table["label"], f"{where}.label"),
        help=read_label(table["help"], f"{where}.help") if "help" in table else NO_LABEL,
        subject=_subject(table["subject"], f"{where}.subject"),
        title=read_strings(table.get("title", []), f"{where}.title"),
        groups=groups,
        fields=fields,
    )


def parse_type(text: str, *, where: str, kinds: Mapping[str, FieldKind] = KINDS) -> RecordType:
    """A record type of the library.

    Args:
        text: TOML.
        where: the file, for errors.
        kinds: the kinds its fields may be of.

    Raises:
        ConfigError: ``schema.*``.
    """
    table = read_table(read_document(text, where), _LIBRARY, where, "key", "label", "subject", "group")
    record_type = _own_type(table, where)
    check_type(record_type, kinds, where=where)
    return record_type


def _library(name: str, where: str, kinds: Mapping[str, FieldKind]) -> RecordType:
    known = muniment_schemas.names("types")
    one_of(name, known, f"{where}.use", "type")
    return _core_type(name) if kinds is KINDS else _read_type(name, kinds)


def _read_type(name: str, kinds: Mapping[str, FieldKind]) -> RecordType:
    return parse_type(muniment_schemas.read("types", name), where=f"types/{name}.toml", kinds=kinds)


@cache
def _core_type(name: str) -> RecordType:
    # All templates have customers, and reading that TOML takes ten milliseconds.
    return _read_type(name, KINDS)


def _chosen(base: RecordType, wanted: tuple[str, ...], where: str) -> RecordType:
    known = {group.key: group for group in base.groups}
    for name in wanted:
        one_of(name, known, f"{where}.groups", "group")
    fields = tuple(field for field in base.fields if field.group in wanted)
    kept = {field.key for field in fields}
    return attrs.evolve(
        base,
        groups=tuple(group for group in base.groups if group.key in wanted),
        fields=fields,
        title=tuple(key for key in base.title if key in kept),
    )


def _changed(base: RecordType, given: list[Any], where: str) -> RecordType:
    fields = {field.key: field for field in base.fields}
    groups = {group.key: group for group in base.groups}
    for place, item in enumerate(given):
        spot = f"{where}.field[{place}]"
        values = _field_values(item, spot)
        field = fields.get(values["key"])
        if field is None:
            one_of(values.get("group", ""), groups, f"{spot}({values['key']}).group", "group")
            fields[values["key"]] = _new_field(values, groups[values["group"]], spot)
            continue
        for name in ("kind", "target", "group"):
            if values.get(name, getattr(field, name)) != getattr(field, name):
                raise refuse("fixed", f"{spot}({field.key})", name=name)
        raised = values.get("sensitivity", field.sensitivity)
        if CLASSES.index(raised) < CLASSES.index(field.sensitivity):
            raise refuse("class_lowered", f"{spot}({field.key})", old=field.sensitivity, new=raised)
        fields[field.key] = attrs.evolve(field, **values)
    return attrs.evolve(base, fields=tuple(fields.values()))


def _used(table: Mapping[str, Any], where: str, kinds: Mapping[str, FieldKind]) -> RecordType:
    made = _library(table["use"], where, kinds)
    if "groups" in table:
        made = _chosen(made, read_strings(table["groups"], f"{where}.groups"), where)
    groups, fields = _groups(table.get("group", []), where)
    known = {group.key: group for group in made.groups}
    for group in groups:
        if known.setdefault(group.key, group).category != group.category:
            raise refuse("fixed", f"{where}.group({group.key})", name="category")
    fresh = tuple(group for group in groups if group.key not in {old.key for old in made.groups})
    made = attrs.evolve(made, groups=made.groups + fresh, fields=made.fields + fields)
    made = _changed(made, table.get("field", []), where)
    return attrs.evolve(made, title=read_strings(table["title"], where)) if "title" in table else made


def _template_type(given: Any, where: str, kinds: Mapping[str, FieldKind]) -> RecordType:
    if isinstance(given, dict) and "use" in given:
        made = _used(read_table(given, _USE, where), where, kinds)
    else:
        made = _own_type(read_table(given, _TYPE, where, "key", "label", "subject", "group"), where)
    check_type(made, kinds, where=where.partition(":")[0])
    return made


def _view(given: Any, record_type: RecordType, where: str) -> ListView:
    table = read_table(given, _VIEW, where, "key", "label", "columns")
    place = f"{where}({table['key']})"
    if not _KEY.fullmatch(table["key"]):
        raise refuse("key", place, name=table["key"])
    return ListView(
        key=table["key"],
        type=record_type.key,
        label=read_label(table["label"], f"{place}.label"),
        columns=read_strings(table["columns"], f"{place}.columns"),
        filters=tuple(
            parse_condition(text, where=place)
            for text in read_strings(table.get("filters", []), f"{place}.filters")
        ),
        sort=table.get("sort", ""),
        descending=table.get("descending", False),
        group_by=table.get("group_by", ""),
        roles=read_strings(table.get("roles", []), f"{place}.roles"),
    )


def _views(given: list[Any], record_type: RecordType, where: str) -> tuple[ListView, ...]:
    """The views that a table states, each shown to fit its type."""
    read = tuple(_view(item, record_type, f"{where}.view[{place}]") for place, item in enumerate(given))
    for view in read:
        check_view(view, record_type)
        if [one.key for one in read].count(view.key) > 1:
            raise refuse("twice", f"{where}.view", name=view.key)
    return read


def _library_views(name: str, kinds: Mapping[str, FieldKind]) -> tuple[ListView, ...]:
    where = f"types/{name}.toml"
    table = read_document(muniment_schemas.read("types", name), where)
    return _views(table.get("view", []), _library(name, where, kinds), where)


def _type_views(
    given: Any, record_type: RecordType, where: str, kinds: Mapping[str, FieldKind]
) -> tuple[ListView, ...]:
    """The views of one type of a template: its own, and those of the library that fit the groups it takes."""
    own = _views(given.get("view", []), record_type, where)
    if "use" not in given:
        return own
    stated = {view.key for view in own}
    library = _core_views(given["use"]) if kinds is KINDS else _library_views(given["use"], kinds)
    fitting = (view for view in library if view.key not in stated and fitted(view, record_type) is not None)
    return (*own, *fitting)


@cache
def _core_views(name: str) -> tuple[ListView, ...]:
    return _library_views(name, KINDS)


def parse_template(text: str, *, where: str, kinds: Mapping[str, FieldKind] = KINDS) -> Template:
    """A template out of TOML.

    Args:
        text: the TOML.
        where: the file, for errors.
        kinds: the kinds that fields may be of; more than the core's where plugins bring some.

    Raises:
        ConfigError: ``schema.*``, with the file and the place in it.
    """
    table = read_table(read_document(text, where), _TEMPLATE, where, "key", "label", "type")
    types = tuple(
        _template_type(item, f"{where}: type[{place}]", kinds) for place, item in enumerate(table["type"])
    )
    if not _KEY.fullmatch(table["key"]):
        raise refuse("key", where, name=table["key"])
    keys = [record_type.key for record_type in types]
    for key in keys:
        if keys.count(key) > 1:
            raise refuse("twice", f"{where}: type", name=key)
    return Template(
        key=table["key"],
        label=read_label(table["label"], f"{where}: label"),
        help=read_label(table["help"], f"{where}: help") if "help" in table else NO_LABEL,
        types=types,
        views=tuple(
            view
            for place, (item, made) in enumerate(zip(table["type"], types, strict=True))
            for view in _type_views(item, made, f"{where}: type[{place}]", kinds)
        ),
        dashboards=_dashboards(table.get("dashboard", []), types, where),
    )


def _dashboards(given: list[Any], types: tuple[RecordType, ...], where: str) -> tuple[Dashboard, ...]:
    """The dashboards that a template states, each shown to fit its types."""
    read = tuple(parse_dashboard(item, f"{where}: dashboard[{place}]") for place, item in enumerate(given))
    for dashboard in read:
        check_dashboard(dashboard, {record_type.key: record_type for record_type in types})
        if [one.key for one in read].count(dashboard.key) > 1:
            raise refuse("twice", f"{where}: dashboard", name=dashboard.key)
    return read


def parse_additions(text: str, *, where: str) -> dict[str, tuple[Field | LayoutGroup, ...]]:
    """What a plugin adds to record types of others, out of TOML.

    Each ``[[type]]`` names a type by its ``key``. Its ``[[type.group]]`` tables are layout
    groups with fields, as in a template; its ``[[type.field]]`` tables are fields that name
    the ``group`` of the type in which they are to stand, or refine a field that it has.

    Args:
        text: the TOML.
        where: the file, for errors.

    Returns:
        Groups and fields by the type's key, as ``muniment_fields`` gives them. They are
        checked against the type when they are joined with it.

    Raises:
        ConfigError: ``schema.*``, with the file and the place in it.
    """
    table = read_table(read_document(text, where), _ADDITIONS, where, "type")
    found: dict[str, tuple[Field | LayoutGroup, ...]] = {}
    for place, given in enumerate(table["type"]):
        spot = f"{where}: type[{place}]"
        added = read_table(given, _ADDED, spot, "key")
        groups, fields = _groups(added.get("group", []), spot)
        single = [
            _added_field(item, f"{spot}.field[{number}]")
            for number, item in enumerate(added.get("field", ()))
        ]
        if added["key"] in found:
            raise refuse("twice", f"{where}: type", name=added["key"])
        found[added["key"]] = (*groups, *fields, *single)
    return found


def _added_field(given: Any, where: str) -> Field:
    values = _field_values(given, where)
    for name in ("kind", "group"):
        if name not in values:
            raise refuse("missing", f"{where}({values['key']})", name=name)
    return Field(**values)


def read_type(given: Any, *, where: str, kinds: Mapping[str, FieldKind] = KINDS) -> RecordType:
    """One record type, as it stands in the library.

    Args:
        given: its table.
        where: for errors.
        kinds: the kinds its fields may be of.

    Raises:
        ConfigError: ``schema.*``.
    """
    read_table(given, _TYPE, where, "key", "label", "subject", "group")
    record_type = _own_type(given, where)
    check_type(record_type, kinds, where=where)
    return record_type


def template_digest(template: Template) -> str:
    """Hex of SHA-256 over everything that a template says, for telling its versions apart."""
    document = {
        "key": template.key,
        "types": [definition_document(one) for one in template.types],
        "views": [[one.type, one.key, view_document(one), list(one.roles)] for one in template.views],
        "dashboards": [[one.key, dashboard_document(one), list(one.roles)] for one in template.dashboards],
    }
    return sha256(canonical(document)).hexdigest()


def template_names() -> tuple[str, ...]:
    """The names of the packaged templates."""
    return muniment_schemas.names("templates")


def load_template(
    name: str, *, kinds: Mapping[str, FieldKind] = KINDS, beside: Iterable[str] = ()
) -> Template:
    """A packaged template.

    Args:
        name: such as ``customer-info``.
        kinds: the kinds that fields may be of.
        beside: names of templates that plugins bring, told too where there is none of that name.

    Raises:
        ConfigError: ``schema.unknown`` where there is none of that name.
    """
    one_of(name, sorted({*template_names(), *beside}), name, "template")
    return parse_template(
        muniment_schemas.read("templates", name), where=f"templates/{name}.toml", kinds=kinds
    )
