"""What plugins bring into an archive's types, and a configuration that is applied, as one logged act."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from muniment.codec import canonical
from muniment.config import Configuration, digest_of
from muniment.errors import ConfigError, PluginError
from muniment.plugins import Pin, PluginSet
from muniment.policy import BUILTIN_ROLES, Policy, Role
from muniment.purposes import PURPOSES
from muniment.schema import KINDS, Extension, FieldKind, Registry, Template
from muniment.schema.definitions import definition_document
from muniment.schema.registry import Applied
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import DEFINITION, Definitions, pins_text
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.writing.approving import Granted, Sanction
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write
from muniment.store import Transaction

__all__ = [
    "Act",
    "acts_between",
    "configuration_values",
    "definition_changes",
    "kinds_of",
    "policy_of",
    "role_acts",
    "roles_of",
    "rules_document",
    "with_plugins",
    "with_roles",
    "write_acts",
]


@attrs.frozen
class Act:
    """An entry of its own within an act: a plugin that is enabled, disabled or upgraded.

    Attributes:
        kind: such as ``plugin.enable``.
        target: what the entry's detail names.
    """

    kind: str
    target: Mapping[str, object]


def kinds_of(plugins: PluginSet) -> Mapping[str, FieldKind]:
    """Every kind of field that is known: the core's and those of the loaded plugins."""
    brought = {kind.name: kind for kind in plugins.field_kinds()}
    # What was read of the library under the core's own kinds is remembered under them alone.
    return {**KINDS, **brought} if brought else KINDS


def with_roles(plugins: PluginSet) -> PluginSet:
    """The set without plugins whose roles are none, or have the key of one of the core's."""
    failed = {}
    for plugin in plugins.loaded:
        for role in plugin.roles:
            place = plugin.calls["muniment_roles"].place
            if not isinstance(role, Role):
                failed[plugin.name] = PluginError(
                    "plugin.result_at", name=plugin.name, hook="muniment_roles", **place
                )
            elif role.key in BUILTIN_ROLES:
                failed[plugin.name] = PluginError(
                    "plugin.role", name=plugin.name, key=role.key, other="muniment", **place
                )
    return plugins.without(failed) if failed else plugins


def roles_of(plugins: PluginSet, own: Iterable[Role] = ()) -> dict[str, Role]:
    """The roles of the core, of the loaded plugins and of the archive, by key.

    Args:
        plugins: the loaded ones.
        own: of the archive's configuration.

    Raises:
        ConfigError: ``config.role_plugin`` where the archive and a plugin mean two by one key.
    """
    brought = {key: role for key, role in plugins.roles().items() if isinstance(role, Role)}
    stated = {role.key: role for role in own}
    for key in sorted(brought.keys() & stated.keys()):
        raise ConfigError("config.role_plugin", where=f"roles.{key}", name=key)
    return {**BUILTIN_ROLES, **brought, **stated}


def role_acts(before: Mapping[str, Role], after: Mapping[str, Role]) -> list[Act]:
    """Which roles one configuration defines, changes or removes against another."""
    acts = [
        Act("role.define", {"role": key, "changed": key in before})
        for key, role in sorted(after.items())
        if before.get(key) != role
    ]
    return acts + [Act("role.remove", {"role": key}) for key in sorted(before.keys() - after.keys())]


def policy_of(plugins: PluginSet, applied: Configuration) -> Policy:
    """What an archive's configuration and plugins allow, compiled."""
    return Policy(
        roles_of(plugins, applied.roles),
        purposes=applied.purposes,
        known={*PURPOSES, *plugins.purposes()},
        break_glass=applied.break_glass,
    )


def with_plugins(
    registry: Registry,
    plugins: PluginSet,
    *,
    enabled: Collection[str],
    fresh: Collection[str],
    templates: Sequence[Template] = (),
) -> tuple[PluginSet, Applied]:
    """An archive's types with templates and with what its plugins add.

    Args:
        registry: as it stands.
        plugins: the loaded ones.
        enabled: the names of all that are enabled; the fields of others take no values.
        fresh: the names of those whose record types and fields are taken anew.
        templates: to be applied.

    Returns:
        The plugins with what they add to each type, and the types.

    Raises:
        PluginError: one of the fresh ones cannot be asked, or collides.
        ConfigError: ``schema.*``: what is stated does not fit.
    """
    kinds = kinds_of(plugins)
    stated = list(templates)
    for plugin in plugins.loaded:
        if plugin.name in fresh and plugin.record_types:
            for record_type in plugin.record_types:
                held = registry.by_key.get(record_type.key)
                if held is not None and held.plugin != plugin.name:
                    raise PluginError(
                        "plugin.record_type",
                        name=plugin.name,
                        key=record_type.key,
                        other=held.plugin or "the archive",
                        **plugin.calls["muniment_record_types"].place,
                    )
            stated.append(Template(plugin.name, types=plugin.record_types))
    first = registry.apply(stated, kinds=kinds)
    plugins = plugins.for_types(first.registry.types)
    for name in sorted(set(fresh) & plugins.quarantined.keys()):
        raise plugins.quarantined[name]
    restated = {record_type.key for record_type in first.changed}
    extensions = [
        Extension(one.plugin, key, one.fields, one.groups)
        for key, all_brought in sorted(plugins.brought.items())
        for one in all_brought
        if one.fields and (one.plugin in fresh or key in restated)
    ]
    second = first.registry.extend(extensions, kinds=kinds)
    return plugins, second.registry.suspend(enabled).registry.since(registry)


def acts_between(
    before: Collection[str],
    after: Collection[str],
    old: Mapping[str, Pin],
    new: Mapping[str, Pin],
) -> list[Act]:
    """Which plugins one configuration enables, disables or upgrades against another.

    Args:
        before: the enabled ones so far.
        after: the enabled ones from now on.
        old: which code was applied so far.
        new: which code is from now on.
    """
    acts = [
        Act("plugin.enable", {"plugin": name, **_said(new.get(name))})
        for name in sorted(set(after) - set(before))
    ]
    acts += [Act("plugin.disable", {"plugin": name}) for name in sorted(set(before) - set(after))]
    for name in sorted(set(before) & set(after)):
        pins = old.get(name), new.get(name)
        if pins[0] != pins[1]:
            target: dict[str, object] = {"plugin": name, **_said(pins[1])}
            if pins[0] is not None:
                target |= {f"previous_{name}": value for name, value in _said(pins[0]).items()}
            acts.append(Act("plugin.upgrade", target))
    return acts


def _said(pin: Pin | None) -> dict[str, object]:
    if pin is None:
        return {}
    return {name: value for name, value in attrs.asdict(pin).items() if value}


def rules_document(plugins: PluginSet, policy: Policy) -> dict[str, object]:
    """What plugins and policy say beyond types, as JSON, for the digest of the ruleset."""
    return {
        "purposes": {term: _plain(one) for term, one in plugins.purposes().items()},
        "retention": {key: _plain(rules) for key, rules in plugins.retention_rules().items()},
        "roles": {key: _plain(role) for key, role in policy.roles.items()},
        "break_glass": _plain(policy.break_glass),
    }


def _plain(value: object) -> Any:
    if attrs.has(type(value)):
        items: Any = attrs.fields(type(value))  # type: ignore[arg-type]  # it has some
        return {item.name: _plain(getattr(value, item.name)) for item in items if item.init}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(one) for one in value), key=canonical)
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


def configuration_values(applied: Configuration, pins: Mapping[str, Pin]) -> dict[str, object]:
    """What the record of a configuration holds."""
    return {
        "digest": digest_of(applied.text),
        "text": applied.text,
        "plugins": pins_text(pins) if pins else None,
    }


def definition_changes(definitions: Definitions, made: Applied) -> list[Change]:
    """The changes that write the definitions of edited types down."""
    changes = []
    for record_type in made.changed:
        text = canonical(definition_document(record_type)).decode("utf-8")
        values: Mapping[str, object] = {"key": record_type.key, "definition": text}
        record = definitions.records.get(record_type.number)
        if record is None:
            changes.append(Change("create", DEFINITION.key, values=values))
        else:
            seen = record_type.definition_version - 1
            changes.append(Change("update", record=record, values=values, expected_version=seen))
    return changes


def write_acts(
    engine: Engine,
    acting: Acting,
    acts: Sequence[Act],
    changes: Sequence[Change],
    *,
    reason: str | None,
    granted: Granted | None = None,
) -> None:
    """Write changes of configuration and definitions with the entries of what they amount to, as one act.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        acts: what it amounts to.
        changes: of configuration and definitions.
        reason: a person's own words; sealed.
        granted: the approval that it is done under.
    """
    op = engine.new_id()
    approval = None if granted is None else granted.detail

    def found(tx: Transaction, moment: Moment) -> Sequence[Change]:
        drafts = [
            Draft(act.kind, engine.detail(acting, op, target=dict(act.target), approval=approval))
            for act in acts
        ]
        if drafts:
            engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return changes

    write(engine, acting, found, reason=reason, op=op, sanction=Sanction(granted))
