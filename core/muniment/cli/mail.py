"""``muniment mail``: letters to customers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, may_say_why, option, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.outreach.letters import Letter
    from muniment.session import Session
    from muniment.session.outreach.recipients import Selection

__all__ = ["letters", "list_mailings", "mail", "preview", "send", "unsubscribe"]

_HERE = "muniment.cli.mail"

mail = LazyGroup(
    "mail",
    {
        "letters": Entry(f"{_HERE}:letters", ("The letters there are.", "列出可用的信件。")),
        "preview": Entry(f"{_HERE}:preview", ("Who would get a letter, and who not.", "预览收件人与原因。")),
        "send": Entry(f"{_HERE}:send", ("Send a letter, or go on with it.", "发送信件，或继续发送。")),
        "list": Entry(f"{_HERE}:list_mailings", ("What was sent.", "列出已发送的群发。")),
        "unsubscribe": Entry(
            f"{_HERE}:unsubscribe", ("Take somebody off by the link of a letter.", "按信中链接退订。")
        ),
    },
    words=(
        "Letters to customers: a template over a list of people, to those alone who may be written to. "
        "Marketing needs their consent; who wants no e-mail, unsubscribed or is restricted gets none.",
        "给客户的信件：将模板发送给一组可联系的人。营销信件须有本人同意；"
        "不接受邮件、已退订或被限制处理的人不会收到。",
    ),
)

_LETTER = ("The letter's key, or a file (.toml).", "信件的键，或文件（.toml）。")
_view = option("--view", metavar="V", words=("Only who stands in this saved view.", "仅限该视图中的人。"))
_where = option(
    "--where",
    multiple=True,
    metavar="F=V",
    words=(
        "Only who meets this condition, such as customer_level=vip or interests=events.",
        "仅限满足该条件的人，如 customer_level=vip 或 interests=events。",
    ),
)


def _selection(session: Session, letter: Letter, view: str | None, where: tuple[str, ...]) -> Selection:
    from muniment.schema import parse_condition
    from muniment.session.outreach.recipients import Selection

    filters = tuple(parse_condition(text, where=letter.type) for text in where)
    if view is None:
        return Selection(filters)
    one = session.views.get(letter.type, view)
    return Selection((*one.view.filters, *filters), one.name)


def _why(call: Invocation, code: str) -> str:
    return call.say("mail.why_closed", code=code) if "." in code else call.say(f"mail.why_{code}")


@verb("letters", ("The letters that ship, and yours in the archive's folder `letters`.",
                  "列出内置信件及档案库 letters 文件夹中的信件。"))  # fmt: skip
@click.pass_obj
def letters(call: Invocation) -> None:
    """The letters there are."""
    from muniment.cli.output import emit, table

    with call.session() as (_, session):
        found = session.mail.letters()
    if call.json:
        emit({"letters": [_letter(one) for one in found]})
        return
    lang = call.language
    header = call.words("mail.label_letter", "mail.label_name", "mail.label_purpose", "mail.label_help")
    table(header, [[one.key, one.label.of(lang), one.purpose, one.help.of(lang)] for one in found])


def _letter(one: Letter) -> dict[str, Any]:
    return {
        "key": one.key,
        "label": {"en": one.label.en, "zh": one.label.zh},
        "help": {"en": one.help.en, "zh": one.help.zh},
        "purpose": one.purpose,
        "type": one.type,
        "fields": list(one.fields),
        "filters": [condition.text for condition in one.filters],
        "on": one.on or None,
        "survey": one.survey,
    }


@verb(
    "preview",
    (
        "Who would get a letter and who would not and why, with the first one filled in; nothing is sent.",
        "显示谁会收到、谁不会收到及原因，并填写首封信件；不发送。",
    ),
    note=(
        "Example: muniment mail preview offer --view mine --where customer_level=vip",
        "示例：muniment mail preview offer --view mine --where customer_level=vip",
    ),
)
@argument("letter", _LETTER, metavar="LETTER")
@_view
@_where
@option(
    "--name",
    default="",
    metavar="N",
    words=("Leave out who has this mailing's letter.", "排除已收到该群发的人。"),
)
@click.pass_obj
def preview(call: Invocation, letter: str, view: str | None, where: tuple[str, ...], name: str) -> None:
    """Who would get a letter."""
    from muniment.cli.output import clean, emit, heading, put, talk
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("figure.counted"), quiet=call.json) as told:
        chosen = session.mail.letter(letter)
        selection = _selection(session, chosen, view, where)
        found = session.mail.preview(chosen, selection, name=name, progress=told)
    if call.json:
        sample = found.sample
        emit(
            {
                "previews": [
                    {
                        "letter": _letter(chosen),
                        "going": list(found.going),
                        "left_out": [
                            {"record": record, "why": why} for record, why in sorted(found.left_out.items())
                        ],
                        "sample": None
                        if sample is None
                        else {"subject": sample.subject, "text": sample.text, "html": sample.html or None},
                    }
                ]
            }
        )
        return
    put(call.say("mail.previewed", going=len(found.going), left_out=len(found.left_out)))
    _left_out(call, found.reasons)
    if found.sample is not None:
        talk("")
        put(heading(call.say("mail.sample")))
        for line in [found.sample.subject, "", *found.sample.text.strip().splitlines()]:
            put(f"  {clean(line)}".rstrip())


def _left_out(call: Invocation, reasons: Mapping[str, int]) -> None:
    from muniment.cli.output import labels, put

    if reasons:
        put(call.say("mail.left_out"))
        labels([(_why(call, code), count) for code, count in reasons.items()], indent=2)


@verb(
    "send",
    (
        "Send a letter to everybody who may get it. Consent and restriction are asked once more for each.\n"
        "The same --name goes on with a mailing that was interrupted; nobody gets a letter twice.",
        "将信件发送给所有可联系的人，发送时逐人再次核对同意与限制。\n"
        "相同的 --name 会继续被中断的群发；任何人都不会重复收到。",
    ),
    note=(
        "Example: muniment mail send offer --name 'offer November' --view mine --reason 'tea week'\n"
        "         muniment mail send offer --name trial --to letters/     (files instead of a server)",
        "示例：muniment mail send offer --name 十一月优惠 --view mine --reason 茶叶周\n"
        "      muniment mail send offer --name 试发 --to letters/     （写成文件，不经服务器）",
    ),
)
@argument("letter", _LETTER, metavar="LETTER")
@option("--name", required=True, metavar="N", words=("What this mailing is called.", "本次群发的名称。"))
@_view
@_where
@option(
    "--to", "into", metavar="DIR", words=("Write .eml files into this folder.", "写入该文件夹（.eml 文件）。")
)
@option(
    "--limit", type=click.IntRange(min=1), metavar="N", words=("So many at most now.", "本次最多发送数。")
)
@may_say_why
@click.pass_obj
def send(
    call: Invocation,
    letter: str,
    name: str,
    view: str | None,
    where: tuple[str, ...],
    into: str | None,
    limit: int | None,
    reason: str | None,
) -> None:
    """Send a letter."""
    from muniment.cli.output import emit, one_line, put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("mail.label_counts"), quiet=call.json) as told:
        chosen = session.mail.letter(letter)
        done = session.mail.send(
            chosen,
            _selection(session, chosen, view, where),
            name=name,
            into=None if into is None else Path(into),
            reason=reason,
            limit=limit,
            progress=told,
        )
    if call.json:
        emit(
            {
                "mailings": [
                    {
                        "id": done.mailing,
                        "name": done.name,
                        "sent": done.sent,
                        "failed": done.failed,
                        "unclear": done.unclear,
                        "left_out": dict(done.left_out),
                        "state": done.state,
                    }
                ]
            }
        )
    else:
        state = call.say(f"mail.state_{done.state}")
        put(
            one_line(
                call.say(
                    "mail.sent",
                    name=done.name,
                    sent=done.sent,
                    failed=done.failed,
                    unclear=done.unclear,
                    state=state,
                )
            )
        )
        _left_out(call, done.left_out)
    if done.failed or done.unclear:
        raise click.exceptions.Exit(1)


@verb(
    "list",
    ("The mailings, newest first, with what became of their messages.", "列出群发及其邮件结果（新的在前）。"),
)
@paged()
@click.pass_obj
def list_mailings(call: Invocation, limit: int, after: str | None) -> None:
    """What was sent."""
    from muniment.cli.output import emit, lead_on, table, talk
    from muniment.model import rfc3339
    from muniment.schema.builtin import MESSAGE

    with call.session() as (_, session):
        found = session.mail.list(limit=limit, after=after)
    if call.json:
        emit(
            {
                "mailings": [
                    {
                        "id": one.id,
                        "name": one.name,
                        "letter": one.letter,
                        "type": one.type,
                        "purpose": one.purpose,
                        "way": one.way,
                        "state": one.state,
                        "started_by": one.started_by,
                        "time": rfc3339(one.recorded_us),
                        "messages": dict(counts),
                    }
                    for one, counts in found
                ],
                "after": found.after,
            }
        )
        return
    if not found:
        talk(call.say("mail.none"))
        return
    words = {choice.key: choice.label.of(call.language) for choice in MESSAGE.by_key["state"].choices}
    header = call.words(
        "mail.label_name", "mail.label_letter", "mail.label_purpose", "mail.label_state", "mail.label_counts"
    )
    rows = [
        [
            one.name,
            one.letter,
            one.purpose,
            one.state,
            ", ".join(f"{words[key]} {count}" for key, count in counts.items()),
        ]
        for one, counts in found
    ]
    table(header, rows)
    lead_on(call, found.after)


@verb(
    "unsubscribe",
    (
        "Do what the link to leave does: no more letters of that purpose, and their consent is withdrawn.\n"
        "For an answer by mail that names the link; on the pages people click it themselves.",
        "执行退订链接的操作：不再发送该目的的信件，并撤回相应同意。\n用于来信中附有链接的退订；网页上由本人点击。",
    ),
)
@argument("token", ("The end of the link.", "链接末尾的字符。"), metavar="TOKEN")
@click.pass_obj
def unsubscribe(call: Invocation, token: str) -> None:
    """Take somebody off."""
    from muniment.cli.output import emit, put
    from muniment.session.outreach.answers import leave

    with call.session() as (archive, session):
        session.require("consent.change")
        done = leave(archive.engine, token.rpartition("/")[2], program="cli")
    if call.json:
        emit({"left": [{"letter": done.letter, "purpose": done.purpose, "withdrawn": done.withdrawn}]})
    else:
        put(call.say("mail.left" if done.withdrawn else "mail.left_only", purpose=done.purpose))
