"""``muniment webhook``: other systems that are told that something happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, may_say_why, option, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.session.oversight.webhooks import Webhook

__all__ = ["add", "list_webhooks", "pause", "remove", "resume", "retry", "rotate", "webhook"]

_HERE = "muniment.cli.webhook"
_ADD = (
    "Have a place told of events; prints the secret that signs its messages, once.",
    "添加网络钩子；签名密钥仅显示一次。",
)
_LIST = ("Whom the archive tells, and what could not be told.", "列出网络钩子及未送达的事件。")
_ROTATE = ("Make a new secret; for a day both sign.", "更换签名密钥；一天内新旧密钥同时签名。")
_PAUSE = ("Tell it nothing for now.", "暂停推送。")
_RESUME = ("Tell it again, from where it stopped.", "从停止处继续推送。")
_RETRY = ("Try once more what was given up.", "重试已放弃的事件。")
_REMOVE = ("Take it away, with its secret.", "移除网络钩子及其密钥。")

webhook = LazyGroup(
    "webhook",
    {
        "add": Entry(f"{_HERE}:add", _ADD),
        "list": Entry(f"{_HERE}:list_webhooks", _LIST),
        "rotate": Entry(f"{_HERE}:rotate", _ROTATE),
        "pause": Entry(f"{_HERE}:pause", _PAUSE),
        "resume": Entry(f"{_HERE}:resume", _RESUME),
        "retry": Entry(f"{_HERE}:retry", _RETRY),
        "remove": Entry(f"{_HERE}:remove", _REMOVE),
    },
    words=(
        "Other systems are told that something happened: kinds and identifiers, never values.\n"
        "`muniment tick` and `muniment serve` send what is new.",
        "向外部系统推送发生的事件：仅含种类和标识符，不含任何内容。\n由 tick 和 serve 发送。",
    ),
)
_ID = ("Its identifier, as the list shows it.", "标识符，见列表。")


def _document(one: Webhook) -> dict[str, Any]:
    from muniment.model import rfc3339

    return {
        "id": one.id,
        "name": one.name,
        "url": one.url,
        "kinds": list(one.kinds),
        "types": list(one.types),
        "active": one.active,
        "next": f"{one.generation}:{one.next}",
        **{
            state: [
                {
                    "entry": f"{event.generation}:{event.index}",
                    "kind": event.kind,
                    "tries": event.tries,
                    "next": rfc3339(event.next_us),
                    "problem": event.problem,
                }
                for event in events
            ]
            for state, events in (("waiting", one.waiting), ("dead", one.dead))
        },
    }


@verb(
    "add",
    _ADD,
    note=(
        "Example: muniment webhook add crm https://crm.example.com/hook --kind record.create --type customer",
        "示例：muniment webhook add crm https://crm.example.com/hook --kind record.create --type customer",
    ),
)
@argument("name", ("What people call it.", "名称。"))
@argument("url", ("Where messages are posted.", "推送地址。"))
@option(
    "--kind",
    "kinds",
    multiple=True,
    required=True,
    metavar="KIND",
    words=(
        "A kind of entry, such as record.create, or record.*; may be given several times.",
        "事件种类，如 record.create 或 record.*；可多次指定。",
    ),
)
@option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    words=("A record type; may be given several times; by default any.", "记录类型，可多次指定；默认不限。"),
)
@may_say_why
@click.pass_obj
def add(
    call: Invocation, name: str, url: str, kinds: tuple[str, ...], types: tuple[str, ...], reason: str | None
) -> None:
    """Add one."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        one, secret = session.webhooks.add(name, url, kinds, types=types, reason=reason)
        if call.json:
            emit({"webhook": {**_document(one), "secret": secret}})
            return
        put(call.say("webhook.added", id=one.id))
        put(secret)


@verb("list", _LIST)
@paged()
@click.pass_obj
def list_webhooks(call: Invocation, limit: int, after: str | None) -> None:
    """List them."""
    from muniment.cli.output import emit, lead_on, table, talk

    with call.session() as (_, session):
        found = session.webhooks.all(limit=limit, after=after)
        if call.json:
            emit({"webhooks": [_document(one) for one in found], "after": found.after})
            return
        if not found:
            talk(call.say("webhook.none"))
            return
        table(
            call.words(
                "webhook.label_id",
                "webhook.label_name",
                "webhook.label_url",
                "webhook.label_kinds",
                "cli.label_state",
                "webhook.label_waiting",
                "webhook.label_dead",
            ),
            [
                [
                    one.id,
                    one.name,
                    one.url,
                    " ".join((*one.kinds, *one.types)),
                    call.say("webhook.active" if one.active else "webhook.paused"),
                    str(len(one.waiting)),
                    str(len(one.dead)),
                ]
                for one in found
            ],
        )
        lead_on(call, found.after)


@verb("rotate", _ROTATE)
@argument("id", _ID)
@click.pass_obj
def rotate(call: Invocation, id: str) -> None:
    """Make a new secret."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        secret = session.webhooks.rotate(id)
        if call.json:
            emit({"webhook": {"id": id, "secret": secret}})
            return
        put(call.say("webhook.added", id=id))
        put(secret)


@verb("pause", _PAUSE)
@argument("id", _ID)
@may_say_why
@click.pass_obj
def pause(call: Invocation, id: str, reason: str | None) -> None:
    """Pause one."""
    with call.session() as (_, session):
        session.webhooks.pause(id, reason=reason)
        _done(call, id)


@verb("resume", _RESUME)
@argument("id", _ID)
@may_say_why
@click.pass_obj
def resume(call: Invocation, id: str, reason: str | None) -> None:
    """Resume one."""
    with call.session() as (_, session):
        session.webhooks.resume(id, reason=reason)
        _done(call, id)


@verb("retry", _RETRY)
@argument("id", _ID)
@click.pass_obj
def retry(call: Invocation, id: str) -> None:
    """Try again."""
    with call.session() as (_, session):
        session.webhooks.retry(id)
        _done(call, id)


@verb("remove", _REMOVE)
@argument("id", _ID)
@may_say_why
@click.pass_obj
def remove(call: Invocation, id: str, reason: str | None) -> None:
    """Remove one."""
    with call.session() as (_, session):
        session.webhooks.remove(id, reason=reason)
        _done(call, id)


def _done(call: Invocation, id: str) -> None:
    from muniment.cli.output import emit, put

    if call.json:
        emit({"webhook": {"id": id}})
    else:
        put(call.say("webhook.done"))
