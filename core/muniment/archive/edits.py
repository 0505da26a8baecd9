"""Edits of ``muniment.toml`` that forms and calls state: roles, and where backups go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.errors import ConfigError, NotFound
from muniment.model import CLASSES
from muniment.policy import BUILTIN_ROLES
from muniment.subjects.rules import BackupPlan

if TYPE_CHECKING:
    from muniment.archive._opened import Archive
    from muniment.archive.editing import Edit

__all__ = ["RoleStated", "backing_up", "defining", "origin_of", "removing", "role_text"]

_PLANNED: Final = ("to", "every_hours", "keep_daily", "keep_weekly", "keep_monthly")


@attrs.frozen
class RoleStated:
    """What a form says of a role; rules of single types, fields and rows stay as the file has them.

    Attributes:
        label: in English and Chinese.
        actions: what it may do.
        read: for each class ``clear``, ``mask`` or ``none``.
        write: the classes it may write.
        types: the record types it is for; empty means all.
        purposes: under which it counts; empty means any.
    """

    label: Mapping[str, str]
    actions: frozenset[str]
    read: Mapping[str, str]
    write: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()


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
    origin, _ = origin_of(archive, key)
    if origin != "archive":
        code = "config.role_builtin" if origin == "core" else "config.role_plugin"
        raise ConfigError(code, where=f"roles.{key}", name=key)
    held = archive.engine.policy.roles.get(key)

    def edit(document: Any) -> None:
        import tomlkit

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
        ):
            # What means the same stays as somebody wrote it.
            if held is not None and value == before:
                continue
            if value:
                table[name] = shown(value)
            else:
                table.pop(name, None)

    return edit


def removing(archive: Archive, key: str) -> Edit:
    """The edit that takes a role of the archive's own out of the file.

    Raises:
        NotFound: ``cli.no_role``.
    """
    if origin_of(archive, key)[0] != "archive" or key not in archive.engine.policy.roles:
        raise NotFound("cli.no_role", name=key, known=", ".join(sorted(archive.engine.policy.roles)))

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

    held = archive.engine.policy.roles.get(key)
    if held is None:
        raise NotFound("cli.no_role", name=key, known=", ".join(sorted(archive.engine.policy.roles)))
    if origin_of(archive, key)[0] == "archive":
        own = tomlkit.parse(archive.applied.text)["roles"][key]
        return tomlkit.dumps({"roles": {key: own}}).strip()
    document = tomlkit.document()
    stated = RoleStated(held.label, held.actions, held.read, held.write, held.types, held.purposes)
    roles = tomlkit.table(is_super_table=True)
    roles[key] = table = tomlkit.table()
    table["label"] = _inline(dict(stated.label))
    table["actions"] = _listed(stated.actions)
    table["read"] = _inline(_said(stated.read))
    table["write"] = _classes(stated.write)
    document["roles"] = roles
    return tomlkit.dumps(document).strip()


def _said(read: Mapping[str, str]) -> dict[str, str]:
    return {name: read[name] for name in CLASSES if read.get(name, "none") != "none"}


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


def backing_up(plan: BackupPlan) -> Edit:
    """The edit that says where scheduled backups go and how long they stay.

    Args:
        plan: what ``[backup]`` is to say; what is as usual is left unsaid.
    """
    usual = BackupPlan()

    def edit(document: Any) -> None:
        import tomlkit

        table = document.setdefault("backup", tomlkit.table())
        for name in _PLANNED:
            value = getattr(plan, name)
            if name in table or value != getattr(usual, name):
                table[name] = value

    return edit
