"""``muniment template roles``: the roles that come with the templates, put into muniment.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import argument, flag, may_say_why, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from muniment.archive import Archive

__all__ = ["roles"]


@verb(
    "roles",
    (
        "The roles that come with the templates, as TOML for [roles.<key>] in muniment.toml, fitted to the "
        "types of this archive: account_manager (their own customers), sales_supervisor, assistant (nothing "
        "sensitive), service, finance.\n"
        "With --apply those that are not there yet are put into the file and applied; a team changes them "
        "there.",
        "模板自带的角色，以 muniment.toml 中 [roles.<键>] 的形式给出，并按本档案库的类型调整："
        "account_manager（仅自己的客户）、sales_supervisor、assistant（不含敏感内容）、service、finance。\n"
        "加 --apply 将文件中尚无的角色写入并应用；团队可在文件中修改。",
    ),
    note=(
        "Example: muniment template roles --apply --reason 'roles for the sales team'",
        "示例：muniment template roles --apply --reason 销售团队角色",
    ),
)
@argument("keys", ("Only these roles.", "只要这些角色。"), nargs=-1, metavar="[R]...")
@flag("--apply", "put_in", words=("Put them into muniment.toml and apply it.", "写入 muniment.toml 并应用。"))
@may_say_why
@click.pass_obj
def roles(call: Invocation, keys: tuple[str, ...], put_in: bool, reason: str | None) -> None:
    """The roles that come with the templates."""
    from muniment.cli.output import emit, put, talk

    with call.session() as (archive, session):
        session.require("schema.read")
        found = _fitted(archive, keys)
        done: list[str] = []
        if put_in:
            done = _apply(archive, session, found, reason)
        if call.json:
            emit({"roles": found, "applied": done})
            return
        if not put_in:
            put(_text(found).rstrip())
        else:
            talk(call.say("choose.roles_applied" if done else "choose.roles_there", names=", ".join(done)))


def _fitted(archive: Archive, keys: Sequence[str]) -> dict[str, Any]:
    from muniment.schema.template_roles import fitted_role, role_names

    types = archive.engine.definitions.types
    made = {key: fitted_role(key, types) for key in keys or role_names()}
    return {key: role for key, role in made.items() if role is not None}


def _text(found: Mapping[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps({"roles": dict(found)})


def _apply(archive: Archive, session: Any, found: Mapping[str, Any], reason: str | None) -> list[str]:
    """Put the roles that the file lacks into it, and apply it."""
    import tomlkit

    from muniment.archive.editing import edit_configuration

    there = set(tomlkit.parse(archive.file.text).get("roles", {}))
    missing = [key for key in found if key not in there]

    def edit(document: Any) -> None:
        table = document.setdefault("roles", tomlkit.table(is_super_table=True))
        for key in missing:
            table[key] = found[key]

    if missing:
        edit_configuration(archive, session, edit, reason=reason)
    return missing
