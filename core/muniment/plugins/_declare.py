"""What plugins declare: checked when they are loaded, by type when an archive's types are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import attrs

from muniment.errors import ConfigError, PluginError
from muniment.plugins._calls import Call, ask_loading
from muniment.plugins._declared import Purpose, RetentionRule, SearchTerms
from muniment.plugins._formats import CORE_FORMATS, LogFormat
from muniment.plugins._jurisdictions import Jurisdiction
from muniment.plugins._pages import Column, Page, Panel, problem_of
from muniment.plugins._plugin import Brought, Plugin
from muniment.schema import (
    BUILTIN,
    KINDS,
    Field,
    FieldKind,
    Label,
    LayoutGroup,
    ListView,
    RecordType,
    Template,
    check_type,
    template_names,
)

__all__ = [
    "all_kinds",
    "brought_to",
    "categories_of",
    "colliding_brought",
    "colliding_declarations",
    "declared",
    "ruled_by",
]

_CORE: Final = "muniment"


def all_kinds(plugins: Iterable[Plugin]) -> Mapping[str, FieldKind]:
    """The core's kinds of field and those of plugins, by name."""
    return {**KINDS, **{kind.name: kind for plugin in plugins for kind in plugin.field_kinds}}


def declared(plugin: Plugin, kinds: Mapping[str, FieldKind]) -> Plugin:
    """The plugin with what it declares once for all: templates, record types, purposes, roles and so on.

    Args:
        plugin: loaded.
        kinds: every kind of field that is known.

    Raises:
        PluginError: ``plugin.result_at`` or ``plugin.declares``, with file and line of the hook.
    """
    values = partial(_values, plugin)

    types = values("muniment_record_types", RecordType, kinds)
    for record_type in types:
        _check_type(plugin, "muniment_record_types", record_type, kinds)
    templates = values("muniment_templates", Template, kinds)
    for template in templates:
        for record_type in template.types:
            _check_type(plugin, "muniment_templates", record_type, kinds)
    purposes = values("muniment_purposes", Purpose)
    search_terms = values("muniment_search_terms", SearchTerms)
    roles = values("muniment_roles", object)
    alert_rules = values("muniment_alert_rules", object)
    regimes = values("muniment_regimes", object)
    log_formats = values("muniment_log_formats", LogFormat)
    jurisdictions = values("muniment_jurisdictions", Jurisdiction)
    for one in jurisdictions:
        if problem := one.problem():
            raise _unfit(plugin, "muniment_jurisdictions", "jurisdiction", f"{one.key}.{problem}")
    pages = values("muniment_pages", Page)
    _check_shown(plugin, "muniment_pages", pages, "")
    for hook, labels in (
        ("muniment_alert_rules", [getattr(one, "label", None) for one in alert_rules]),
        ("muniment_regimes", [getattr(one, "label", None) for one in regimes]),
        ("muniment_log_formats", [one.label for one in log_formats]),
        ("muniment_jurisdictions", [one.label for one in jurisdictions]),
        ("muniment_templates", [one.label for one in templates]),
        ("muniment_purposes", [one.label for one in purposes]),
        ("muniment_roles", [getattr(one, "label", None) for one in roles]),
        ("muniment_pages", [one.label for one in pages]),
    ):
        if not all(map(_whole, labels)):
            raise _unfit(plugin, hook, "schema.label", "")
    return attrs.evolve(
        plugin,
        templates=templates,
        record_types=tuple(_owned(plugin.name, one) for one in types),
        purposes=purposes,
        search_terms=search_terms,
        roles=roles,
        alert_rules=alert_rules,
        jurisdictions=jurisdictions,
        pages=pages,
        regimes=regimes,
        log_formats=log_formats,
    )


def _check_shown(plugin: Plugin, hook: str, listed: Iterable[Page | Panel | Column], where: str) -> None:
    """Refuse what the pages could not show, and a name that is there twice.

    Raises:
        PluginError: ``plugin.declares``.
    """
    taken: set[str] = set()
    for one in listed:
        name = one.field if isinstance(one, Column) else one.name
        problem = "schema.twice" if name in taken else problem_of(one)
        if not problem and not isinstance(one, Column) and not _whole(one.label):
            problem = "schema.label"
        if problem:
            raise _unfit(plugin, hook, problem, f"{where}{name}")
        taken.add(name)


def _ask(plugin: Plugin, hook: str, call: Call, arguments: Iterable[object]) -> Any:
    try:
        found = () if (given := call(*arguments)) is None else given
        # Whatever it is, a text is no list of declarations.
        sound = isinstance(found, Iterable) and not isinstance(found, str)
        return tuple(found) if sound else _wrong(plugin, hook, call)
    except ConfigError as error:
        # Our own refusal of what the plugin states: its code and place say more than its type.
        code, where = error.code, error.where or ""
    return _unfit(plugin, hook, code, where)


def _whole(label: object) -> bool:
    if isinstance(label, Label):
        return bool(label.en.strip() and label.zh.strip())
    return isinstance(label, Mapping) and all(str(label.get(lang, "")).strip() for lang in ("en", "zh"))


def _wrong(plugin: Plugin, hook: str, call: Call) -> PluginError:
    return PluginError("plugin.result_at", name=plugin.name, hook=hook, **call.place)


def _unfit(plugin: Plugin, hook: str, code: str, where: str) -> PluginError:
    return PluginError(
        "plugin.declares",
        name=plugin.name,
        hook=hook,
        problem=f"{code}: {where}" if where else code,
        **plugin.calls[hook].place,
    )


def _check_type(plugin: Plugin, hook: str, record_type: RecordType, kinds: Mapping[str, FieldKind]) -> None:
    try:
        check_type(record_type, kinds)
    except ConfigError as error:
        code, where = error.code, error.where or ""
    else:
        return
    raise _unfit(plugin, hook, code, where)


def _owned(plugin: str, record_type: RecordType) -> RecordType:
    categories = {group.key: group.category for group in record_type.groups}
    fields = tuple(
        attrs.evolve(field, plugin=plugin, category=categories[field.group]) for field in record_type.fields
    )
    return attrs.evolve(record_type, fields=fields, plugin=plugin)


# What two bring


def colliding_declarations(plugins: Iterable[Plugin]) -> dict[str, PluginError]:
    """The plugins that bring a template, a record type or a role which somebody else brings too.

    All of them, because which came first says nothing about which is meant.
    """
    listed = list(plugins)
    found: dict[str, PluginError] = {}
    for code, hook, keys, taken in (
        ("plugin.template", "muniment_templates", "templates", _packaged(listed)),
        ("plugin.record_type", "muniment_record_types", "record_types", _builtin()),
        ("plugin.role", "muniment_roles", "roles", set[str]()),
        ("plugin.alert_rule", "muniment_alert_rules", "alert_rules", set[str]()),
        ("plugin.jurisdiction", "muniment_jurisdictions", "jurisdictions", set[str]()),
        ("plugin.regime", "muniment_regimes", "regimes", set[str]()),
        ("plugin.log_format", "muniment_log_formats", "log_formats", set(CORE_FORMATS)),
    ):
        brought = {one.name: [str(value.key) for value in getattr(one, keys)] for one in listed}
        for name, key, other in _shared(brought, taken):
            place = next(one for one in listed if one.name == name).calls[hook].place
            found[name] = PluginError(code, name=name, key=key, other=other, **place)
    return found


def _packaged(plugins: Iterable[Plugin]) -> set[str]:
    return set(template_names()) if any(plugin.templates for plugin in plugins) else set()


def _builtin() -> set[str]:
    return {record_type.key for record_type in BUILTIN}


def _shared(brought: Mapping[str, Iterable[str]], taken: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(plugin, key, whoever brings it too) for each key that is brought twice or taken."""
    bringers: dict[str, list[str]] = {key: [_CORE] for key in taken}
    for name in sorted(brought):
        for key in brought[name]:
            bringers.setdefault(key, []).append(name)
    for key, names in bringers.items():
        for name in names if len(names) > 1 else ():
            others = list(names)
            others.remove(name)
            if name != _CORE:
                yield name, key, ", ".join(others)


# What is brought to one record type


def brought_to(plugin: Plugin, record_type: str) -> Brought:
    """What a plugin adds to one record type: fields, their groups, and views.

    Args:
        plugin: loaded.
        record_type: the type's key.

    Raises:
        PluginError: ``plugin.result_at`` or ``plugin.declares``, with file and line of the hook.
    """
    fields: list[Field] = []
    groups: list[LayoutGroup] = []
    for value in _told(plugin, "muniment_fields", record_type):
        if isinstance(value, Field):
            fields.append(value)
        elif isinstance(value, LayoutGroup):
            groups.append(value)
        else:
            raise _wrong(plugin, "muniment_fields", plugin.calls["muniment_fields"])
    keys = [field.key for field in fields]
    for key in keys:
        if keys.count(key) > 1:
            raise _unfit(plugin, "muniment_fields", "schema.twice", f"{record_type}.{key}")
    views = _told(plugin, "muniment_views", record_type)
    taken: set[str] = set()
    for view in views:
        if not isinstance(view, ListView) or view.type != record_type:
            raise _wrong(plugin, "muniment_views", plugin.calls["muniment_views"])
        if not view.key or view.key in taken or not _whole(view.label):
            code = "schema.twice" if view.key in taken else "schema.label"
            raise _unfit(plugin, "muniment_views", code, f"{record_type}.{view.key}")
        taken.add(view.key)
    panels = _values(plugin, "muniment_panels", Panel, record_type)
    _check_shown(plugin, "muniment_panels", panels, f"{record_type}.")
    columns = _values(plugin, "muniment_columns", Column, record_type)
    _check_shown(plugin, "muniment_columns", columns, f"{record_type}.")
    return Brought(plugin.name, tuple(fields), tuple(groups), views=views, panels=panels, columns=columns)


def categories_of(record_type: RecordType, brought: Iterable[Brought]) -> Mapping[str, str]:
    """The retention category of each field of a type by the field's key, of added ones too.

    Args:
        record_type: as the archive has it.
        brought: what plugins add to it.
    """
    groups = {group.key: group.category for group in record_type.groups}
    found = {field.key: field.category or groups.get(field.group, "") for field in record_type.fields}
    for one in brought:
        groups |= {group.key: group.category for group in one.groups}
        found |= {field.key: groups.get(field.group, "") for field in one.fields if field.key not in found}
    return found


def ruled_by(plugin: Plugin, record_type: str, categories: Mapping[str, str]) -> tuple[RetentionRule, ...]:
    """The retention rules that a plugin states for one record type.

    Args:
        plugin: loaded.
        record_type: the type's key.
        categories: the retention category of each of its fields, by key.

    Raises:
        PluginError: as ``brought_to``.
    """
    hook = "muniment_retention_rules"
    found = _told(plugin, hook, record_type, categories)
    # One law may be about several categories of a type.
    names: set[tuple[str, str]] = set()
    for rule in found:
        if not isinstance(rule, RetentionRule):
            raise _wrong(plugin, hook, plugin.calls[hook])
        name = (rule.id, rule.category)
        problem = "id" if name in names else rule.problem()
        if problem:
            raise _unfit(plugin, hook, "rule", f"{record_type}: {rule.id}.{problem}")
        names.add(name)
    return found


def _values(plugin: Plugin, hook: str, wanted: type, *arguments: object) -> tuple[Any, ...]:
    found = _told(plugin, hook, *arguments)
    if not all(isinstance(one, wanted) for one in found):
        raise _wrong(plugin, hook, plugin.calls[hook])
    return found


def _told(plugin: Plugin, hook: str, *arguments: object) -> tuple[Any, ...]:
    call = plugin.calls.get(hook)
    if call is None:
        return ()
    found = ask_loading(plugin.name, plugin.source.target, partial(_ask, plugin, hook, call, arguments))
    if isinstance(found, PluginError):
        raise found
    return tuple(found)


def colliding_brought(
    plugins: Iterable[Plugin], brought: Iterable[Brought], record_type: str, common: Collection[str]
) -> dict[str, PluginError]:
    """The plugins that bring a field or a rule to a type which another plugin brings to it too.

    Args:
        plugins: the loaded ones.
        brought: what they bring to the type.
        record_type: the type's key.
        common: keys of the type's fields that are no plugin's; any number may refine these.
    """
    listed = {plugin.name: plugin for plugin in plugins}
    own = {
        one.name: [field.key for declared in one.record_types if declared.key == record_type
                   for field in declared.fields]
        for one in listed.values()
    }  # fmt: skip
    fields = dict(own)
    for one in brought:
        added = [field.key for field in one.fields if field.key not in common]
        fields[one.plugin] = [*own.get(one.plugin, ()), *added]
    rules = {one.plugin: list({rule.id: None for rule in one.rules}) for one in brought}
    views = {one.plugin: [view.key for view in one.views] for one in brought}
    columns = {one.plugin: [column.field for column in one.columns] for one in brought}
    found: dict[str, PluginError] = {}
    for code, hooks, keys in (
        ("plugin.field", ("muniment_fields", "muniment_record_types"), fields),
        ("plugin.rule", ("muniment_retention_rules",), rules),
        ("plugin.view", ("muniment_views",), views),
        ("plugin.column", ("muniment_columns",), columns),
    ):
        for name, key, other in _shared(keys, ()):
            calls = listed[name].calls
            place = next(calls[hook].place for hook in hooks if hook in calls)
            found[name] = PluginError(code, name=name, key=f"{record_type}.{key}", other=other, **place)
    return found
