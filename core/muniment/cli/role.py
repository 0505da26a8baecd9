"""``muniment role``: what roles allow, asked of what enforces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import NotFound

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.policy import FieldRule, Role, TypeRule

__all__ = ["list_roles", "matrix", "review", "role", "show"]

_HERE = "muniment.cli.role"
_WAYS = {"clear": "cli.way_clear", "mask": "cli.way_mask", "none": "cli.way_none"}
_LIST = ("The roles, and what they read and write.", "列出角色及其读写范围。")
_SHOW = ("All that one role says.", "查看某个角色的全部规定。")
_REVIEW = ("Sign that who may do what was reviewed.", "签署权限复核。")
_MATRIX = ("Who may do what to which fields.", "查看各角色对各字段的权限。")

role = LazyGroup(
    "role",
    {
        "list": Entry(f"{_HERE}:list_roles", _LIST),
        "show": Entry(f"{_HERE}:show", _SHOW),
        "matrix": Entry(f"{_HERE}:matrix", _MATRIX),
        "review": Entry(f"{_HERE}:review", _REVIEW),
    },
    words=(
        "What roles allow. A team's own stand under [roles.<key>] in muniment.toml.",
        "查看角色权限。团队自定义的角色写在 muniment.toml 的 [roles.<key>] 中。",
    ),
)


def _document(archive: Archive, one: Role) -> dict[str, Any]:
    from muniment.archive.roles import origin_of

    origin, plugin = origin_of(archive, one.key)
    return {
        "key": one.key,
        "label": dict(one.label),
        "origin": origin,
        "plugin": plugin or None,
        "actions": sorted(one.actions),
        "read": dict(one.read),
        "write": sorted(one.write),
        "search": sorted(one.search),
        "export": None if one.export is None else sorted(one.export),
        "types": sorted(one.types),
        "deny": sorted(one.deny),
        "deny_types": sorted(one.deny_types),
        "purposes": sorted(one.purposes),
        "rules": {key: _rule(rule) for key, rule in sorted(one.rules.items())},
    }


def _rule(rule: TypeRule) -> dict[str, Any]:
    return {
        "actions": None if rule.actions is None else sorted(rule.actions),
        "read": dict(rule.read),
        "write": None if rule.write is None else sorted(rule.write),
        "search": None if rule.search is None else sorted(rule.search),
        "export": None if rule.export is None else sorted(rule.export),
        "fields": {key: _field(one) for key, one in sorted(rule.fields.items())},
        "rows": [{test.field: list(test.values) for test in tests} for tests in rule.rows],
        "deny": sorted(rule.deny),
    }


def _field(rule: FieldRule) -> dict[str, Any]:
    said = {"read": rule.read, "write": rule.write, "search": rule.search, "export": rule.export}
    found: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    return {**found, "deny": True} if rule.deny else found


@verb("list", _LIST)
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
            emit({"roles": [_document(archive, one) for one in found]})
            return
        ways = {way: call.say(code) for way, code in _WAYS.items()}
        write = call.say("cli.way_write")
        header = [
            *call.words("cli.label_role", "cli.label_name", "policy.label_origin"),
            *CLASSES,
            *call.words("cli.label_purposes", "policy.label_types"),
        ]
        any_purpose, every = call.say("policy.any_purpose"), call.say("policy.all_rows")
        table(
            header,
            [
                [
                    one.key,
                    one.label.get(call.language, ""),
                    _from(call, archive, one.key),
                    *(
                        ways[one.read.get(name, "none")] + (f" + {write}" if name in one.write else "")
                        for name in CLASSES
                    ),
                    ", ".join(sorted(one.purposes)) or any_purpose,
                    ", ".join(sorted(one.types)) or every,
                ]
                for one in found
            ],
        )


def _from(call: Invocation, archive: Archive, key: str) -> str:
    from muniment.archive.roles import origin_of

    origin, name = origin_of(archive, key)
    return call.say(f"policy.origin_{origin}", name=name)


@verb("show", _SHOW)
@argument("key", ("The role's key.", "角色的键。"))
@click.pass_obj
def show(call: Invocation, key: str) -> None:
    """One role."""
    import json

    from muniment.cli.output import emit, labels, talk
    from muniment.roles import beyond_rows

    with call.session() as (archive, session):
        session.require("user.read")
        session.note("role.read")
        found = archive.engine.policy.roles.get(key)
        if found is None:
            raise NotFound("cli.no_role", name=key, known=", ".join(sorted(archive.engine.policy.roles)))
        document = _document(archive, found)
        for one in beyond_rows((found,)):
            talk(call.say("policy.beyond_rows", name=one))
        if call.json:
            emit({"roles": [document]})
            return
        labels(
            [
                (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
                for name, value in document.items()
                if value not in (None, [], {}, "")
            ]
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
        any_purpose = call.say("policy.any_purpose")
        table(
            [call.say("cli.label_action"), *made],
            [
                [
                    call.say("cli.label_purposes"),
                    *(", ".join(content["purposes"]) or any_purpose for content in made.values()),
                ],
                *(
                    [action, *("+" if action in content["actions"] else "" for content in made.values())]
                    for action in actions
                ),
            ],
        )
        for record_type in types:
            put()
            put(heading(record_type.key))
            own = {key: content["types"][record_type.key] for key, content in made.items()}
            rows = [[call.say("policy.label_rows"), *(_rows(call, content) for content in own.values())]]
            rows += [
                [field.key, *(_ways(call, content, field.key) for content in own.values())]
                for field in record_type.fields
            ]
            table([call.say("cli.label_field"), *made], rows)


def _rows(call: Invocation, content: dict[str, Any]) -> str:
    if not content["actions"]:
        return call.say("policy.no_rows")
    if not content["rows"]:
        return call.say("policy.all_rows")
    return " | ".join(
        " + ".join(f"{field} = {', '.join(values)}" for field, values in tests.items())
        for tests in content["rows"]
    )


def _ways(call: Invocation, content: dict[str, Any], key: str) -> str:
    way = "clear" if key in content["clear"] else "mask" if key in content["masked"] else "none"
    said = [call.say(_WAYS[way])] if way != "none" else []
    if key in content["searchable"]:
        said.append(call.say("policy.way_search"))
    if key in content["writable"]:
        said.append(call.say("cli.way_write"))
    if way != "none" and "record.export" in content["actions"] and key not in content["exported"]:
        said.append(call.say("policy.way_kept"))
    purposes = content["purposes"].get(key)
    if said and purposes:
        said.append(call.say("policy.way_only", purposes=", ".join(purposes)))
    return " + ".join(said)


@verb(
    "review",
    (
        "Sign that who may do what was reviewed, as it stands now. A right that changes later needs another "
        "review.\nLook first: muniment role matrix, muniment user list.",
        "签署：已按现状复核各人的权限。此后权限一有变更，即须重新复核。\n"
        "请先查看：muniment role matrix、muniment user list。",
    ),
)
@option("--reason", required=True, metavar="R", words=("What was found; sealed.", "复核结论；密封保存。"))
@click.pass_obj
def review(call: Invocation, reason: str) -> None:
    """Sign a review of rights."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        digest = session.review_rights(reason)
    if call.json:
        emit({"review": {"rights": digest}})
        return
    put(call.say("policy.reviewed", digest=digest[:16]))
