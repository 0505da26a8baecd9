"""``muniment followup``: what was promised to whom, and when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.session.outreach.followups import Due

__all__ = ["calendar", "done", "followup", "list_due", "snooze"]

_HERE = "muniment.cli.followup"

followup = LazyGroup(
    "followup",
    {
        "list": Entry(f"{_HERE}:list_due", ("What is due.", "列出到期的跟进。")),
        "done": Entry(f"{_HERE}:done", ("Say that one is done.", "标记完成。")),
        "snooze": Entry(f"{_HERE}:snooze", ("Put one off.", "推迟。")),
        "calendar": Entry(f"{_HERE}:calendar", ("A calendar file of them.", "写成日历文件。")),
    },
    words=(
        "Follow-ups: what was promised to whom and when, in every table that says when something is due. "
        "`tick` sends each person what is due where [mail] digest asks for it.",
        "跟进：各表中约定的联系时间与事项。[mail] 设置 digest 后，tick 会向每人发送到期事项。",
    ),
)

_RECORD = ("The record, or type:value.", "记录，或 类型:值。")
_owner = option(
    "--owner",
    default="",
    metavar="LOGIN",
    words=("Only whose this is; `me` is you.", "仅限该人的跟进；me 为本人。"),
)


def _document(one: Due) -> dict[str, Any]:
    return {
        "type": one.type,
        "record": one.record,
        "version": one.version,
        "due": one.due.isoformat(),
        "owner": one.owner or None,
        "overdue": one.overdue,
        "customer": one.customer or None,
        "name": one.name or None,
        "about": one.about or None,
    }


@verb(
    "list",
    ("What is due, soonest first.", "按时间先后列出到期的跟进。"),
    note=(
        "Example: muniment followup list --owner me --overdue",
        "示例：muniment followup list --owner me --overdue",
    ),
)
@_owner
@flag("--overdue", words=("Only what should have been done.", "仅限已逾期的。"))
@option("--days", type=click.IntRange(min=0), metavar="N", words=("Due in so many days.", "N 天内到期的。"))
@click.pass_obj
def list_due(call: Invocation, owner: str, overdue: bool, days: int | None) -> None:
    """What is due."""
    from muniment.cli.output import emit, table, talk

    with call.session() as (_, session):
        found = session.follow_ups.list(owner=owner, overdue=overdue, days=days)
    if call.json:
        emit({"follow_ups": [_document(one) for one in found]})
        return
    if not found:
        talk(call.say("followup.nothing"))
        return
    header = call.words(
        "followup.label_due",
        "followup.label_late",
        "followup.label_customer",
        "followup.label_about",
        "followup.label_owner",
        "followup.label_record",
    )
    late = call.say("followup.late")
    rows = [
        [
            one.due.strftime("%Y-%m-%d %H:%M") if isinstance(one.due, datetime) else one.due.isoformat(),
            late if one.overdue else "",
            one.name or one.number,
            one.about,
            one.owner,
            one.record,
        ]
        for one in found
    ]
    table(header, rows)


def _id(session: Any, text: str) -> str:
    from muniment.session.reading.references import resolve_record

    return str(resolve_record(session, text))


@verb(
    "done",
    (
        "Say that something was done; with --note the talk is kept, with --next it goes on then.",
        "标记完成；--note 记录沟通内容，--next 安排下次跟进。",
    ),
    note=(
        "Example: muniment followup done RECORD --note 'wants an offer by Friday' --next '2026-12-04 10:00'",
        "示例：muniment followup done RECORD --note '周五前要报价' --next '2026-12-04 10:00'",
    ),
)
@argument("record", _RECORD)
@option(
    "--note", default="", metavar="TEXT", words=("What was said; becomes a talk.", "沟通内容，记为互动。")
)
@option("--channel", default="phone", metavar="C", words=("How you were in touch.", "沟通渠道。"))
@option("--next", "again", default="", metavar="WHEN", words=("When to follow up again.", "下次跟进时间。"))
@may_say_why
@click.pass_obj
def done(call: Invocation, record: str, note: str, channel: str, again: str, reason: str | None) -> None:
    """Say that something was done."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        saved = session.follow_ups.done(
            _id(session, record), note=note, channel=channel, next=again, reason=reason
        )
    if call.json:
        emit({"records": [{"id": one.id, "type": one.type, "version": one.version} for one in saved]})
    else:
        put(call.say("followup.done", count=len(saved)))


@verb("snooze", ("Put something off.", "推迟跟进。"))
@argument("record", _RECORD)
@option(
    "--until",
    required=True,
    metavar="WHEN",
    words=("A day or time, or +3.", "日期时间，或 +3 天。"),
)
@may_say_why
@click.pass_obj
def snooze(call: Invocation, record: str, until: str, reason: str | None) -> None:
    """Put something off."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        saved = session.follow_ups.snooze(_id(session, record), until, reason=reason)
    if call.json:
        emit({"records": [{"id": saved.id, "type": saved.type, "version": saved.version}]})
    else:
        put(call.say("followup.snoozed", version=saved.version))


@verb(
    "calendar",
    (
        "Write what is due as a calendar file (.ics); customers are named by number alone.",
        "将到期的跟进写成日历文件（.ics）；仅以编号指代客户。",
    ),
)
@option("--to", "target", required=True, metavar="FILE", words=("The file.", "文件。"))
@option("--owner", default="me", metavar="LOGIN", words=("Whose; by default yours.", "所属人，默认为本人。"))
@flag("--everyone", words=("Everybody's.", "所有人的。"))
@click.pass_obj
def calendar(call: Invocation, target: str, owner: str, everyone: bool) -> None:
    """Write a calendar file."""
    from muniment.cli.output import emit, one_line, put
    from muniment.files import write_atomically

    with call.session() as (_, session):
        content = session.follow_ups.calendar(owner="" if everyone else owner, lang=call.language)
    write_atomically(Path(target), content)
    count = content.count(b"BEGIN:VEVENT")
    if call.json:
        emit({"calendars": [{"file": target, "reminders": count}]})
    else:
        put(one_line(call.say("followup.written", count=count, where=target)))
