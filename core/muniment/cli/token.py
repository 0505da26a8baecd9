"""``muniment token``: what a program shows in place of a person's sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, paged, verb
from muniment.cli.invocation import Invocation
from muniment.model import SCOPES

if TYPE_CHECKING:
    from muniment.session.credentials import Token

__all__ = ["add", "list_tokens", "revoke", "token"]

_HERE = "muniment.cli.token"
_ADD = (
    "Make a token for a program of yours; it is printed once.",
    "为自己的程序签发令牌；仅显示一次。",
)
_LIST = (
    "Your tokens; whoever may read users sees everybody's.",
    "列出自己的令牌；有权查看用户的人可看到所有人的令牌。",
)
_REVOKE = ("Take a token back at once.", "立即吊销令牌。")

token = LazyGroup(
    "token",
    {
        "add": Entry(f"{_HERE}:add", _ADD),
        "list": Entry(f"{_HERE}:list_tokens", _LIST),
        "revoke": Entry(f"{_HERE}:revoke", _REVOKE),
    },
    words=(
        "Tokens let programs ask the API that `muniment serve` answers. A token does what its owner's roles "
        "allow, within its scopes, until its day.",
        "令牌供程序调用 muniment serve 提供的 API。令牌在其权限范围和有效期内，按所有者的角色行事。",
    ),
)


def _document(one: Token) -> dict[str, Any]:
    from muniment.model import rfc3339

    return {
        "id": one.id,
        "login": one.login,
        "name": one.name,
        "scopes": list(one.scopes),
        "added": rfc3339(one.added_us),
        "expires": rfc3339(one.expires_us),
    }


@verb(
    "add",
    _ADD,
    note=(
        "The token alone goes to standard output, so that it can be kept without being seen.\n"
        "read sees records, write changes them, export hands data out, rights does what persons ask for and "
        "erases, log is for the log and oversight, setup for users, roles and other systems.\n"
        'Example: TOKEN=$(muniment token add "nightly report" --scope read --scope export --days 90)',
        "标准输出只含令牌本身，便于直接保存而不显示。\n"
        "read 查看记录，write 修改记录，export 对外提供数据，rights 处理个人请求和删除，"
        "log 用于日志与监督，setup 用于用户、角色和其他系统。\n"
        "示例：TOKEN=$(muniment token add 夜间报表 --scope read --scope export --days 90)",
    ),
)
@argument("name", ("What it is called, such as the program that it is for.", "名称，如使用它的程序。"))
@option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=("read",),
    words=(
        "What it may be used for; may be given several times; by default read.",
        "权限范围；可多次给出；默认为 read。",
    ),
)
@option(
    "--days",
    type=click.IntRange(1, 366),
    default=30,
    metavar="N",
    words=("For how many days it is good, by default 30.", "有效天数，默认 30。"),
)
@click.pass_obj
def add(call: Invocation, name: str, scopes: tuple[str, ...], days: int) -> None:
    """Make one."""
    from muniment.cli.output import emit, one_line, put, talk
    from muniment.model import rfc3339

    wanted = tuple(one for one in SCOPES if one in scopes)
    with call.session() as (_, session):
        one, text = session.credentials.issue(session.actor, name=name.strip(), scopes=wanted, days=days)
        if call.json:
            emit({"tokens": [{**_document(one), "token": text}]})
            return
        told = {"id": one.id, "login": one.login, "until": rfc3339(one.expires_us)}
        talk(one_line(call.say("sign.token_made", scopes=", ".join(one.scopes), **told)))
        put(text)


@verb("list", _LIST)
@paged()
@click.pass_obj
def list_tokens(call: Invocation, limit: int, after: str | None) -> None:
    """List them."""
    from muniment.cli.output import emit, lead_on, table, talk
    from muniment.model import rfc3339

    with call.session() as (_, session):
        found, now = session.credentials.listed(limit=limit, after=after), session.engine.clock()
        if call.json:
            emit({"tokens": [_document(one) for one in found], "after": found.after})
            return
        if not found:
            talk(call.say("sign.tokens_none"))
            return

        def until(one: Token) -> str:
            time = rfc3339(one.expires_us)
            return time if one.expires_us > now else call.say("sign.expired", time=time)

        table(
            call.words(
                "webhook.label_id",
                "cli.label_login",
                "cli.label_name",
                "sign.label_scopes",
                "sign.label_added",
                "sign.label_expires",
            ),
            [
                [one.id, one.login, one.name, " ".join(one.scopes), rfc3339(one.added_us), until(one)]
                for one in found
            ],
        )
        lead_on(call, found.after)


@verb("revoke", _REVOKE)
@argument("id", ("Its identifier, as the list shows it.", "标识符，见列表。"))
@click.pass_obj
def revoke(call: Invocation, id: str) -> None:
    """Take one back."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        session.credentials.revoke(id)
        if call.json:
            emit({"token": {"id": id}})
        else:
            put(one_line(call.say("sign.token_revoked", id=id)))
