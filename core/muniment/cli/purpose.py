"""``muniment purpose``: why data may be touched."""

from __future__ import annotations

from typing import Any

import click

from muniment.cli.base import Entry, LazyGroup, verb
from muniment.cli.invocation import Invocation

__all__ = ["list_purposes", "purpose"]

_HERE = "muniment.cli.purpose"
_LIST = (
    "The purposes that may be given, and by which roles.",
    "列出可用的目的及可使用它们的角色。",
)

purpose = LazyGroup(
    "purpose",
    {"list": Entry(f"{_HERE}:list_purposes", _LIST)},
    words=("Why data may be touched: terms of the W3C DPV.", "处理数据的目的：W3C DPV 术语。"),
)


@verb("list", _LIST)
@click.pass_obj
def list_purposes(call: Invocation) -> None:
    """The purposes."""
    from muniment.cli.output import emit, table
    from muniment.purposes import PURPOSES, address

    with call.session() as (archive, session):
        session.require("schema.read")
        session.note("config.read")
        policy = archive.engine.policy
        brought = archive.plugins.purposes()
        named = {**PURPOSES, **brought}
        found: list[dict[str, Any]] = []
        for term in sorted({*named, *policy.purposes}):
            one = named.get(term)
            origin = "dpv" if address(term) else "muniment" if term in PURPOSES else "plugin"
            roles = [
                key
                for key, role in sorted(policy.roles.items())
                if not role.purposes or term in role.purposes
            ]
            found.append(
                {
                    "term": term,
                    "label": {"en": one.label.en, "zh": one.label.zh} if one else {"en": term, "zh": term},
                    "broader": one.broader or None if one else None,
                    "address": address(term) or None,
                    "origin": origin if one else "archive",
                    "allowed": not policy.purposes or term in policy.purposes,
                    "roles": roles,
                }
            )
        if call.json:
            emit({"purposes": found})
            return
        every = call.say("policy.any_role")
        table(
            call.words("cli.label_purpose", "cli.label_name", "policy.label_allowed", "cli.label_roles"),
            [
                [
                    one["term"],
                    one["label"][call.language],
                    "+" if one["allowed"] else "",
                    every if len(one["roles"]) == len(policy.roles) else ", ".join(one["roles"]),
                ]
                for one in found
            ],
        )
