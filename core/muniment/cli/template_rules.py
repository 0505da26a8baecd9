"""``muniment template rules``: the retention rules that come with the templates, put into muniment.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import flag, may_say_why, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from muniment.archive import Archive

__all__ = ["fitting_rules", "put_rules", "rules"]


@verb(
    "rules",
    (
        "The retention rules that come with the templates, for the types of this archive, as TOML for "
        "[[retention.rule]] in muniment.toml. They recommend; a person decides on each record.\n"
        "With --apply those that are not there yet are put into the file and applied; a team changes them "
        "there. Laws come with the plugins of countries.",
        "模板自带的留存规则，按本档案库的类型以 muniment.toml 中 [[retention.rule]] 的形式给出。"
        "仅为建议，每条记录由人工决定。\n"
        "加 --apply 将文件中尚无的规则写入并应用；团队可在文件中修改。法规由各国插件提供。",
    ),
    note=(
        "Example: muniment template rules --apply --reason 'what we start from'",
        "示例：muniment template rules --apply --reason 初始规则",
    ),
)
@flag("--apply", "put_in", words=("Put them into muniment.toml and apply it.", "写入 muniment.toml 并应用。"))
@may_say_why
@click.pass_obj
def rules(call: Invocation, put_in: bool, reason: str | None) -> None:
    """The retention rules that come with the templates."""
    import tomlkit

    from muniment.cli.output import emit, put, talk

    with call.session() as (archive, session):
        session.require("schema.read")
        found = list(fitting_rules(archive))
        done = put_rules(archive, session, found, reason) if put_in else []
        if call.json:
            emit({"rules": found, "applied": done})
        elif not put_in:
            put(tomlkit.dumps({"retention": {"rule": found}}).rstrip())
        else:
            talk(call.say("choose.rules_applied" if done else "choose.rules_there", names=", ".join(done)))


def fitting_rules(archive: Archive) -> Iterator[dict[str, Any]]:
    """The packaged rules about types that the archive has, naming those alone.

    Args:
        archive: opened.
    """
    import tomllib

    import muniment_schemas

    types = archive.engine.definitions.types
    for name in muniment_schemas.names("rules"):
        for rule in tomllib.loads(muniment_schemas.read("rules", name))["rule"]:
            there = [one for one in rule["types"] if one in types]
            if there:
                yield {**rule, "types": there}


def put_rules(
    archive: Archive, session: Any, found: Sequence[dict[str, Any]], reason: str | None
) -> list[str]:
    """Put the rules that the file lacks into it, and apply it; give their ids.

    Args:
        archive: opened.
        session: of whoever may change the configuration.
        found: as ``fitting_rules`` gives them.
        reason: why; sealed.
    """
    import tomlkit

    from muniment.archive.editing import edit_configuration

    table = tomlkit.parse(archive.file.text).get("retention", {})
    there = {one["id"] for one in table.get("rule", ())}
    missing = [one for one in found if one["id"] not in there]

    def edit(document: Any) -> None:
        retention = document.setdefault("retention", tomlkit.table())
        listed = retention.setdefault("rule", tomlkit.aot())
        for one in missing:
            listed.append(tomlkit.item(one))

    if missing:
        edit_configuration(archive, session, edit, reason=reason)
    return [one["id"] for one in missing]
