"""Edits of ``muniment.toml`` that forms and calls state about roles, and a role as the file would say it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.errors import ConfigError, NotFound
from muniment.model import CLASSES
from muniment.policy import BUILTIN_ROLES, FieldRule, Role, RowTest, TypeRule

if TYPE_CHECKING:
    from muniment.archive._opened import Archive
    from muniment.archive.editing import Edit

__all__ = [
    "KEPT",
    "Kept",
    "RoleStated",
    "RuleStated",
    "defining",
    "origin_of",
    "removing",
    "role_text",
    "ruling",
]


class Kept(Enum):
    """What is not stated, and stays as the file has it; None is something that a rule can say."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT
Classes = frozenset[str] | Kept
MaybeClasses = frozenset[str] | None | Kept


@attrs.frozen
class RoleStated:
    """What a form says of a role; rules of single types, fields and rows stay as the file has them.

    So does what is ``KEPT``.

    Attributes:
        label: in English and Chinese.
        actions: what it may do.
        read: for each class ``clear``, ``mask`` or ``none``.
        write: the classes it may write.
        types: the record types it is for; empty means all.
        purposes: under which it counts; empty means any.
        deny: actions that no other role of the same person may allow.
        search: the classes that may be asked for by exact value, where they are not read in clear.
        export: the classes it may hand out; None hands out what it reads.
        deny_types: record types with which no other role of the same person may do anything.
    """

    label: Mapping[str, str]
    actions: frozenset[str]
    read: Mapping[str, str]
    write: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    deny: Classes = KEPT
    search: Classes = KEPT
    export: MaybeClasses = KEPT
    deny_types: Classes = KEPT


@attrs.frozen
class RuleStated:
    """What a form says of one table under a role; what is ``KEPT`` stays as the file has it.

    Attributes:
        actions: what the role may do there, in place of what it may in general; None keeps that.
        fields: where single fields differ from their class, by key.
        rows: the records that the role reaches: those that meet all conditions of one of these lists;
            empty for every record.
        read: how classes are read there, over the role's own.
        write: the classes it may write there, in place of the role's; None keeps those. Likewise ``search``
            and ``export``.
        deny: actions there that no other role of the same person may allow.
    """

    actions: frozenset[str] | None = None
    fields: Mapping[str, FieldRule] = attrs.field(factory=dict)
    rows: tuple[tuple[RowTest, ...], ...] = ()
    read: Mapping[str, str] | Kept = KEPT
    write: MaybeClasses = KEPT
    search: MaybeClasses = KEPT
    export: MaybeClasses = KEPT
    deny: Classes = KEPT


_IN_PLACE: Final = frozenset({"actions", "write", "search", "export"})
"""What a table's rule says in place of the role: also that there is nothing."""


def origin_of(archive: Archive, key: str) -> tuple[str, str]:
    """Where a role comes from: ``core``, ``plugin`` with its name, or ``archive``."""
    if key in BUILTIN_ROLES:
        return "core", ""
    for plugin in archive.plugins.loaded:
        if any(one.key == key for one in plugin.roles):
            return "plugin", plugin.name
    return "archive", ""


def defining(archive: Archive, key: str, stated: RoleStated) -> Edit:
    """The edit that defines a role of the archive's own, or changes one.

    Args:
        archive: the opened archive.
        key: of the role.
        stated: what it is to say.

    Raises:
        ConfigError: ``config.role_builtin`` or ``config.role_plugin``: those roles are not the archive's.
    """
    _require_own(archive, key)

    def edit(document: Any) -> None:
        import tomlkit

        held = archive.engine.policy.roles.get(key)
        roles = document.setdefault("roles", tomlkit.table(is_super_table=True))
        if key not in roles:
            roles[key] = tomlkit.table()
        table = roles[key]
        for name, value, before, shown in (
            ("label", dict(stated.label), held and dict(held.label), _inline),
            ("actions", stated.actions, held and held.actions, _listed),
            ("read", _said(stated.read), held and _said(held.read), _inline),
            ("write", stated.write, held and held.write, _classes),
            ("types", stated.types, held and held.types, _listed),
            ("purposes", stated.purposes, held and held.purposes, _listed),
            ("deny", stated.deny, held and held.deny, _listed),
            ("search", stated.search, held and held.search, _classes),
            ("export", stated.export, held and held.export, _classes),
            ("deny_types", stated.deny_types, held and held.deny_types, _listed),
        ):
            # What means the same stays as somebody wrote it.
            if value is KEPT or (held is not None and value == before):
                continue
            if value or (name == "export" and value is not None):
                table[name] = shown(value)
            else:
                table.pop(name, None)

    return edit


def ruling(archive: Archive, key: str, record_type: str, stated: RuleStated) -> Edit:
    """The edit that says what a role of the archive's own may do with one table.

    Args:
        archive: the opened archive.
        key: of the role.
        record_type: key of the type; one that there is none of is refused when the edit is applied.
        stated: what the rule is to say; what it leaves to the role is not written.

    Raises:
        ConfigError: ``config.role_builtin`` or ``config.role_plugin``: those roles are not the archive's.
        NotFound: ``cli.no_role``.
    """
    _require_own(archive, key)
    _held(archive, key)
    fields = {name: rule for name, rule in stated.fields.items() if rule != FieldRule()}

    def edit(document: Any) -> None:
        import tomlkit

        held = _held(archive, key).rules.get(record_type, TypeRule())
        own = document["roles"][key]
        rules = own.setdefault("type", tomlkit.table(is_super_table=True))
        table = rules.setdefault(record_type, tomlkit.table())
        for name, value, before, shown in (
            ("actions", stated.actions, held.actions, _listed),
            ("deny", stated.deny, held.deny, _listed),
            ("read", stated.read, dict(held.read), _ways),
            ("write", stated.write, held.write, _classes),
            ("search", stated.search, held.search, _classes),
            ("export", stated.export, held.export, _classes),
            ("rows", stated.rows, held.rows, _conditions),
            ("field", fields, dict(held.fields), _field_rules),
        ):
            # What means the same stays as somebody wrote it.
            if value is KEPT or value == before:
                continue
            table.pop(name, None)
            if value or (name in _IN_PLACE and value is not None):
                table[name] = shown(value)
        if not table:
            del rules[record_type]
        if not rules:
            del own["type"]

    return edit


def removing(archive: Archive, key: str) -> Edit:
    """The edit that takes a role of the archive's own out of the file.

    Raises:
        NotFound: ``cli.no_role``.
    """
    if origin_of(archive, key)[0] != "archive":
        raise _no_role(archive, key)
    _held(archive, key)

    def edit(document: Any) -> None:
        del document["roles"][key]
        if not document["roles"]:
            del document["roles"]

    return edit


def role_text(archive: Archive, key: str) -> str:
    """A role as TOML: as the file in force has it, or as one of its own would be written.

    Raises:
        NotFound: ``cli.no_role``.
    """
    import tomlkit

    held = _held(archive, key)
    if origin_of(archive, key)[0] == "archive":
        own = tomlkit.parse(archive.applied.text)["roles"][key]
        return tomlkit.dumps({"roles": {key: own}}).strip()
    document = tomlkit.document()
    roles = tomlkit.table(is_super_table=True)
    roles[key] = table = tomlkit.table()
    table["label"] = _inline(dict(held.label))
    table["actions"] = _listed(held.actions)
    table["read"] = _inline(_said(held.read))
    table["write"] = _classes(held.write)
    if held.export is not None:
        table["export"] = _classes(held.export)
    if held.search:
        table["search"] = _classes(held.search)
    for name in ("types", "purposes", "deny", "deny_types"):
        if getattr(held, name):
            table[name] = _listed(getattr(held, name))
    document["roles"] = roles
    return tomlkit.dumps(document).strip()


def _held(archive: Archive, key: str) -> Role:
    held = archive.engine.policy.roles.get(key)
    if held is None:
        raise _no_role(archive, key)
    return held


def _no_role(archive: Archive, key: str) -> NotFound:
    return NotFound("cli.no_role", name=key, known=", ".join(sorted(archive.engine.policy.roles)))


def _require_own(archive: Archive, key: str) -> None:
    origin, _ = origin_of(archive, key)
    if origin != "archive":
        code = "config.role_builtin" if origin == "core" else "config.role_plugin"
        raise ConfigError(code, where=f"roles.{key}", name=key)


def _said(read: Mapping[str, str]) -> dict[str, str]:
    return {name: read[name] for name in CLASSES if read.get(name, "none") != "none"}


def _ways(read: Any) -> Any:
    return _inline({name: read[name] for name in CLASSES if name in read})


def _inline(value: Any) -> Any:
    import tomlkit

    made = tomlkit.inline_table()
    made.update(value)
    return made


def _listed(value: Any) -> Any:
    import tomlkit

    made = tomlkit.array()
    made.extend(sorted(value))
    return made.multiline(len(value) > 6)


def _classes(value: Any) -> Any:
    return [one for one in CLASSES if one in value]


def _conditions(rows: Any) -> Any:
    import tomlkit

    made = [
        _inline({one.field: one.values[0] if len(one.values) == 1 else list(one.values) for one in tests})
        for tests in rows
    ]
    if len(made) == 1:
        return made[0]
    listed = tomlkit.array()
    listed.extend(made)
    return listed.multiline(True)


def _field_rules(fields: Any) -> Any:
    import tomlkit

    # A table of its own, written anew: a rule may have stood there as a text, in line or as a table.
    made = tomlkit.table()
    for name, rule in sorted(fields.items()):
        made[name] = _field_rule(rule)
    return made


def _field_rule(rule: FieldRule) -> Any:
    """As short as it can be said: ``deny``, how it is read, or a table."""
    if rule == FieldRule(deny=True):
        return "deny"
    if rule.read and rule == FieldRule(rule.read):
        return rule.read
    said = {name: value for name, value in attrs.asdict(rule).items() if value is not None}
    if not rule.deny:
        del said["deny"]
    return _inline(said)
