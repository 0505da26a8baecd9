"""``muniment followup``: what was promised to whom, and when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, having, may_say_why, option, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muniment.session import Session
    from muniment.session.outreach.followups import Due
    from muniment.session.outreach.promising import Look

__all__ = ["add", "calendar", "close", "done", "followup", "list_due", "snooze"]

_HERE = "muniment.cli.followup"

followup = LazyGroup(
    "followup",
    {
        "list": Entry(f"{_HERE}:list_due", ("What is due.", "列出到期的跟进。")),
        "add": Entry(f"{_HERE}:add", ("Make one, or one for each of many.", "建立跟进，可一次为多个客户。")),
        "close": Entry(f"{_HERE}:close", ("Close some that are open.", "关闭未完成的跟进。")),
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
@paged()
@click.pass_obj
def list_due(
    call: Invocation, owner: str, overdue: bool, days: int | None, limit: int, after: str | None
) -> None:
    """What is due."""
    from muniment.cli.output import emit, lead_on, table, talk

    with call.session() as (_, session):
        found = session.follow_ups.list(owner=owner, overdue=overdue, days=days, limit=limit, after=after)
    if call.json:
        emit({"follow_ups": [_document(one) for one in found], "after": found.after})
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
    lead_on(call, found.after)


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


@verb(
    "add",
    (
        "Make a follow-up for each record named, or for each that --where finds: all of them or none.",
        "为所指明的或 --where 找到的每条记录建立跟进：全部成功或全部不写入。",
    ),
    note=(
        "Example: muniment followup add customer:C-1 customer:C-2 --due +3 --about 'new prices' --owner each",
        "示例：muniment followup add customer:C-1 customer:C-2 --due +3 --about 新价格 --owner each",
    ),
)
@argument("records", _RECORD, nargs=-1)
@option("--due", required=True, metavar="WHEN", words=("A day or time, or +3.", "日期时间，或 +3 天。"))
@option("--about", default="", metavar="TEXT", words=("What it is about.", "跟进事项。"))
@option(
    "--owner",
    default="me",
    metavar="LOGIN",
    words=(
        "Who does it: a login, me, each for whoever each customer has, or '' for nobody.",
        "跟进人：登录名、me（本人）、each（各客户的负责人），或 ''（不指定）。",
    ),
)
@having
@option(
    "--table",
    default="customer",
    metavar="TYPE",
    words=("The table that --where asks.", "--where 所查的表。"),
)
@option(
    "--in",
    "kind",
    default="",
    metavar="TYPE",
    words=("The table of the follow-ups, where there are several.", "跟进所在的表（有多张时）。"),
)
@flag("--dry-run", words=("Only look what would come of it.", "仅查看结果，不写入。"))
@may_say_why
@click.pass_obj
def add(
    call: Invocation,
    records: tuple[str, ...],
    due: str,
    about: str,
    owner: str,
    where: tuple[str, ...],
    table: str,
    kind: str,
    dry_run: bool,
    reason: str | None,
) -> None:
    """Make follow-ups for many."""
    from muniment.cli.output import emit, put
    from muniment.session.outreach.promising import Promise

    with call.session() as (_, session):
        named = [_id(session, one) for one in records] + (_found(session, table, where) if where else [])
        promise = Promise(named, due, about, owner, kind)
        if dry_run:
            _show_looked(call, session.promises.look(promise))
            return
        saved = session.promises.make(promise, reason=reason)
    if call.json:
        emit({"records": [{"id": one.id, "type": one.type, "version": one.version} for one in saved]})
    else:
        put(call.say("followup.made", count=len(saved)))


def _found(session: Session, table: str, where: tuple[str, ...]) -> list[str]:
    """The records that conditions find; one more than may be asked for says that there are too many."""
    from muniment.cli.record_list import conditions
    from muniment.session.outreach.promising import MOST
    from muniment.session.reading.lists import Asked

    record_type = session.own_type(table)
    equal, compared = conditions(session, record_type, where)
    clear = [
        one.key for one in record_type.fields if one.in_clear and one.key in session.view(record_type).clear
    ]
    found: list[str] = []
    for page in session.pages(Asked(table, equal, filters=compared, fields=clear[:1], limit=MOST)):
        found += [one.id for one in page.records]
        if len(found) > MOST:
            break
    return found


def _show_looked(call: Invocation, looked: Sequence[Look]) -> None:
    from muniment.cli.output import emit, put, table

    refused = sum(one.problem is not None for one in looked)
    if call.json:
        emit(
            {
                "promises": [
                    {
                        "record": one.record,
                        "owner": one.owner,
                        "problem": "" if one.problem is None else one.problem.code,
                    }
                    for one in looked
                ]
            }
        )
        return
    header = call.words("followup.label_record", "followup.label_owner", "followup.label_problem")
    rows = [
        [one.record, one.owner, "" if one.problem is None else one.problem.text(call.language)]
        for one in looked
    ]
    table(header, rows)
    put(call.say("followup.looked", count=len(looked) - refused, refused=refused))


@verb("close", ("Close what is still open of these, all in one act.", "一次关闭其中未完成的跟进。"))
@argument("records", _RECORD, nargs=-1, required=True)
@may_say_why
@click.pass_obj
def close(call: Invocation, records: tuple[str, ...], reason: str | None) -> None:
    """Close follow-ups."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        saved = session.promises.close([_id(session, one) for one in records], reason=reason)
    if call.json:
        emit({"records": [{"id": one.id, "type": one.type, "version": one.version} for one in saved]})
    else:
        put(call.say("followup.closed", count=len(saved)))
