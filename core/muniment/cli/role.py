"""``muniment role``: what roles allow, asked of what enforces it."""

from __future__ import annotations

from typing import Any

import click

from muniment.cli.base import Entry, LazyGroup, verb
from muniment.cli.invocation import Invocation

__all__ = ["list_roles", "matrix", "role"]

_HERE = "muniment.cli.role"
_WAYS = {"clear": "cli.way_clear", "mask": "cli.way_mask", "none": "cli.way_none"}

role = LazyGroup(
    "role",
    {
        "list": Entry(
            f"{_HERE}:list_roles", ("The roles, and what they read and write.", "列出角色及其读写范围。")
        ),
        "matrix": Entry(
            f"{_HERE}:matrix", ("Who may do what to which fields.", "查看各角色对各字段的权限。")
        ),
    },
    words=("What roles allow.", "查看角色权限。"),
)


@verb("list", ("The roles, and what they read and write.", "列出角色及其读写范围。"))
@click.pass_obj
def list_roles(call: Invocation) -> None:
    """The roles."""
    from muniment.cli.output import emit, table
    from muniment.model import CLASSES

    with call.session() as (archive, session):
        session.require("user.read")
        session.note("role.read")
        found = [one for _, one in sorted(archive.engine.policy.roles.items())]
        if call.json:
            emit(
                {
                    "roles": [
                        {
                            "key": one.key,
                            "label": dict(one.label),
                            "actions": sorted(one.actions),
                            "read": dict(one.read),
                            "write": sorted(one.write),
                            "types": sorted(one.types),
                            "deny": sorted(one.deny),
                        }
                        for one in found
                    ]
                }
            )
            return
        ways = {way: call.say(code) for way, code in _WAYS.items()}
        write = call.say("cli.way_write")
        header = [call.say("cli.label_role"), call.say("cli.label_name"), *CLASSES]
        table(
            header,
            [
                [
                    one.key,
                    one.label.get(call.language, ""),
                    *(
                        ways[one.read.get(name, "none")] + (f" + {write}" if name in one.write else "")
                        for name in CLASSES
                    ),
                ]
                for one in found
            ],
        )


@verb(
    "matrix",
    (
        "Who may do what to which fields: exactly what is enforced.",
        "各角色对各字段的权限：与实际执行完全一致。",
    ),
)
@click.pass_obj
def matrix(call: Invocation) -> None:
    """Who may do what."""
    from muniment.cli.output import emit, heading, put, table

    with call.session() as (archive, session):
        session.require("user.read")
        session.note("role.read")
        types = session.types()
        made: dict[str, dict[str, Any]] = archive.engine.policy.matrix(types)
        if call.json:
            emit({"roles": [{"key": key, **content} for key, content in made.items()]})
            return
        actions = sorted({action for content in made.values() for action in content["actions"]})
        table(
            [call.say("cli.label_action"), *made],
            [
                [action, *("+" if action in made[key]["actions"] else "" for key in made)]
                for action in actions
            ],
        )
        for record_type in types:
            put()
            put(heading(record_type.key))
            rows = [
                [field.key, *(_ways(call, made[key]["types"][record_type.key], field.key) for key in made)]
                for field in record_type.fields
            ]
            table([call.say("cli.label_field"), *made], rows)


def _ways(call: Invocation, content: dict[str, list[str]], key: str) -> str:
    way = "clear" if key in content["clear"] else "mask" if key in content["masked"] else "none"
    said = call.say(_WAYS[way]) if way != "none" else ""
    if key in content["writable"]:
        written = call.say("cli.way_write")
        return f"{said} + {written}" if said else written
    return said
