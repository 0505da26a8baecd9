"""``muniment user``: who may act in the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, paged, verb
from muniment.cli.invocation import Invocation, names_of
from muniment.errors import NotFound, UsageError

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Session
    from muniment.session.kernel.definitions import User

__all__ = ["add", "change", "disable", "enable", "list_users", "set_roles", "user"]

_HERE = "muniment.cli.user"

user = LazyGroup(
    "user",
    {
        "list": Entry(f"{_HERE}:list_users", ("Who there is, with their roles.", "列出用户及其角色。")),
        "add": Entry(f"{_HERE}:add", ("Add somebody.", "添加用户。")),
        "change": Entry(
            f"{_HERE}:change", ("Give somebody another name, roles or attributes.", "修改姓名、角色或属性。")
        ),
        "role": Entry(f"{_HERE}:set_roles", ("Give somebody other roles.", "更换用户的角色。")),
        "disable": Entry(f"{_HERE}:disable", ("Let somebody act no longer.", "停用用户。")),
        "enable": Entry(f"{_HERE}:enable", ("Let somebody act again.", "重新启用用户。")),
    },
    words=(
        "Who may act in the archive. Whoever can read the key file can act as anybody: "
        "roles bind people only behind a process that they do not control.",
        "档案库用户。能读取密钥文件的人可冒充任何用户：只有在其无法控制的进程之后，角色才真正有约束力。",
    ),
)

_LOGIN = ("The login.", "登录名。")
_attributes = option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME=VALUE",
    words=(
        "What conditions of roles on records may ask for, such as region=north; may be given several times.",
        "角色的行级条件可引用的属性，如 region=north；可多次给出。",
    ),
)
_roles = option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    metavar="R",
    words=("A role; may be given several times.", "角色；可多次给出。"),
)


def _known_roles(archive: Archive, given: tuple[str, ...]) -> tuple[str, ...]:
    """The roles that were named, each one that exists."""
    named = tuple(dict.fromkeys(names_of(given)))
    unknown = [name for name in named if name not in archive.engine.policy.roles]
    if unknown or not named:
        raise UsageError(
            "cli.no_role", name=", ".join(unknown), known=", ".join(sorted(archive.engine.policy.roles))
        )
    return named


def _found(archive: Archive, login: str) -> User:
    found = archive.engine.definitions.users.get(login)
    if found is None:
        raise NotFound("cli.no_user", where=login)
    return found


def _document(one: User) -> dict[str, Any]:
    from muniment.model import id_text

    return {
        "id": id_text(one.record),
        "login": one.login,
        "name": one.name,
        "roles": list(one.roles),
        "active": one.active,
        "attributes": _attributes_of(one),
    }


def _attributes_of(one: User) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in one.attributes:
        found.setdefault(name, []).append(value)
    return found


def _tell(call: Invocation, archive: Archive, login: str, code: str) -> None:
    from muniment.cli.output import emit, one_line, put

    archive.engine.refresh()
    one = archive.engine.definitions.users[login]
    if call.json:
        emit({"users": [_document(one)]})
    else:
        put(one_line(call.say(code, login=login, roles=", ".join(one.roles))))


@verb("list", ("Who there is, with their roles.", "列出用户及其角色。"))
@paged()
@click.pass_obj
def list_users(call: Invocation, limit: int, after: str | None) -> None:
    """Who there is."""
    from muniment.cli.output import emit, lead_on, table
    from muniment.session.reading.pieces import piece_of

    with call.session() as (archive, session):
        session.require("user.read")
        session.note("user.read")
        every = archive.engine.definitions.users.values()
        found = piece_of(archive.engine, "user", every, lambda one: (one.login,), limit=limit, after=after)
        if call.json:
            emit({"users": [_document(one) for one in found], "after": found.after})
            return
        states = {True: call.say("cli.active"), False: call.say("cli.disabled")}
        header = call.words(
            "cli.label_login",
            "cli.label_name",
            "cli.label_roles",
            "policy.label_attributes",
            "cli.label_state",
        )
        table(
            header,
            [
                [
                    one.login,
                    one.name,
                    ", ".join(one.roles),
                    ", ".join("=".join(pair) for pair in one.attributes),
                    states[one.active],
                ]
                for one in found
            ],
        )
        lead_on(call, found.after)


@verb(
    "add",
    ("Add somebody.", "添加用户。"),
    note=(
        "Example: muniment user add li.na --name 'Li Na' --role editor",
        "示例：muniment user add li.na --name 李娜 --role editor",
    ),
)
@argument("login", _LOGIN)
@option("--name", default="", metavar="TEXT", words=("What people call them.", "姓名。"))
@_roles
@_attributes
@may_say_why
@click.pass_obj
def add(
    call: Invocation,
    login: str,
    name: str,
    roles: tuple[str, ...],
    attributes: tuple[str, ...],
    reason: str | None,
) -> None:
    """Add somebody."""
    from muniment.roles import read_attributes

    with call.session() as (archive, session):
        session.require("user.change")
        values: dict[str, object] = {"login": login, "roles": _known_roles(archive, roles), "state": "active"}
        if name:
            values["display_name"] = name
        if attributes:
            values["attributes"] = read_attributes(attributes)
        session.create("user", values, reason=reason)
        _tell(call, archive, login, "cli.user_added")


@verb(
    "change",
    (
        "Give somebody another name, roles or attributes, in place of those they have.",
        "修改用户的姓名、角色或属性（替换原有内容）。",
    ),
)
@argument("login", _LOGIN)
@option("--name", default="", metavar="TEXT", words=("What people call them.", "姓名。"))
@option(
    "--role",
    "roles",
    multiple=True,
    metavar="R",
    words=("A role; may be given several times.", "角色；可多次给出。"),
)
@_attributes
@flag("--no-attributes", "without", words=("Take all attributes away.", "去除所有属性。"))
@may_say_why
@click.pass_obj
def change(
    call: Invocation,
    login: str,
    name: str,
    roles: tuple[str, ...],
    attributes: tuple[str, ...],
    without: bool,
    reason: str | None,
) -> None:
    """Change somebody."""
    from muniment.roles import read_attributes

    with call.session() as (archive, session):
        session.require("user.change")
        values: dict[str, object] = {}
        if name:
            values["display_name"] = name
        if roles:
            values["roles"] = _known_roles(archive, roles)
        if attributes or without:
            values["attributes"] = read_attributes(attributes) or None
        if not values:
            raise UsageError("policy.nothing_to_change")
        _update(session, _found(archive, login), values, reason)
        _tell(call, archive, login, "cli.user_roles")


@verb("role", ("Give somebody other roles, in place of those they have.", "更换用户的角色（替换原有角色）。"))
@argument("login", _LOGIN)
@_roles
@may_say_why
@click.pass_obj
def set_roles(call: Invocation, login: str, roles: tuple[str, ...], reason: str | None) -> None:
    """Give somebody other roles."""
    with call.session() as (archive, session):
        session.require("user.change")
        named = _known_roles(archive, roles)
        _update(session, _found(archive, login), {"roles": named}, reason)
        _tell(call, archive, login, "cli.user_roles")


@verb(
    "disable", ("Let somebody act no longer; what they did stays theirs.", "停用用户；其以往操作仍归其名下。")
)
@argument("login", _LOGIN)
@may_say_why
@click.pass_obj
def disable(call: Invocation, login: str, reason: str | None) -> None:
    """Let somebody act no longer."""
    with call.session() as (archive, session):
        session.require("user.change")
        _update(session, _found(archive, login), {"state": "disabled"}, reason)
        _tell(call, archive, login, "cli.user_disabled")


@verb("enable", ("Let somebody act again.", "重新启用用户。"))
@argument("login", _LOGIN)
@may_say_why
@click.pass_obj
def enable(call: Invocation, login: str, reason: str | None) -> None:
    """Let somebody act again."""
    with call.session() as (archive, session):
        session.require("user.change")
        _update(session, _found(archive, login), {"state": "active"}, reason)
        _tell(call, archive, login, "cli.user_enabled")


def _update(session: Session, one: User, values: dict[str, object], reason: str | None) -> None:
    from muniment.model import id_text

    session.update(id_text(one.record), values, reason=reason)
