"""``muniment change``: what waits for a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, may_say_why, must_say_why, option, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session.approval.checking import Decided, Proposal
    from muniment.session.approval.showing import ProposedChange, Summary

__all__ = ["approve", "change", "edit", "list_changes", "reject", "renew", "show", "withdraw"]

_HERE = "muniment.cli.change"

change = LazyGroup(
    "change",
    {
        "list": Entry(f"{_HERE}:list_changes", ("What waits.", "列出待批准的申请。")),
        "show": Entry(f"{_HERE}:show", ("One proposal, before and after.", "查看一份申请的前后内容。")),
        "approve": Entry(f"{_HERE}:approve", ("Approve what was shown.", "批准所显示的内容。")),
        "reject": Entry(f"{_HERE}:reject", ("Close a proposal, with a reason.", "驳回申请并说明原因。")),
        "withdraw": Entry(f"{_HERE}:withdraw", ("Take one's own proposal back.", "撤回自己的申请。")),
        "renew": Entry(f"{_HERE}:renew", ("Put one's own up again.", "按现状重新提交申请。")),
        "edit": Entry(f"{_HERE}:edit", ("Change what a proposal wants.", "修改申请内容。")),
    },
    words=(
        "What waits for a second person, as the rules in muniment.toml ask. Whoever wanted it cannot approve "
        "it, and what is approved is exactly what was shown. Two logins of one person are two people to the "
        "archive: give each person one.",
        "按 muniment.toml 的规则须由第二人批准的内容。申请人不能自行批准；批准的就是所显示的内容。"
        "同一人的两个登录名会被视为两个人：请为每人只设一个登录名。",
    ),
)

_NUMBER = ("The proposal's number, or its identifier.", "申请编号或标识符。")
_VALUES = ("Fields: name=value; name= clears.", "字段：名称=值；“名称=”为清空。")


@verb("list", ("What waits: what you may check, and your own.", "列出您可批准的及您自己的申请。"))
@option(
    "--state",
    default="open",
    metavar="STATE",
    words=(
        "Another state: ready, done, rejected, withdrawn, expired.",
        "其他状态：ready、done、rejected、withdrawn、expired。",
    ),
)
@paged()
@click.pass_obj
def list_changes(call: Invocation, state: str, limit: int, after: str | None) -> None:
    """What waits."""
    from muniment.cli.output import emit, lead_on, table, talk
    from muniment.cli.values import local_time

    with call.session() as (archive, session):
        found = session.changes.list(state=state, limit=limit, after=after)
        if call.json:
            emit({"changes": [_summary_json(one) for one in found], "after": found.after})
            return
        if not found:
            talk(call.say("approval.none"))
            return
        zone = archive.applied.timezone
        header = call.words(
            "approval.label_number",
            "approval.label_what",
            "approval.label_maker",
            "approval.label_given",
            "approval.label_expires",
        )
        rows = [
            [
                one.number,
                ", ".join(one.what),
                ", ".join(one.makers) + (f" {call.say('approval.yours')}" if one.mine else ""),
                f"{one.given}/{max((need.approvers for need in one.needs), default=1)}",
                local_time(one.expires_us, zone),
            ]
            for one in found
        ]
        table(header, rows)
        lead_on(call, found.after)


@verb(
    "show",
    (
        "One proposal exactly as it would be written, as far as you may see it.\n"
        "Its digest is what an approval names.",
        "按您的权限显示申请将写入的确切内容。\n批准时须给出其摘要。",
    ),
)
@argument("number", _NUMBER, metavar="N")
@click.pass_obj
def show(call: Invocation, number: str) -> None:
    """One proposal."""
    from muniment.cli.output import emit

    with call.session() as (archive, session):
        found = session.changes.show(number)
        if call.json:
            emit({"changes": [_full_json(found, archive)]})
        else:
            _print(call, archive, found)


@verb(
    "approve",
    (
        "Approve exactly what was shown.\nWith the last approval that is needed it is written at once.",
        "批准所显示的确切内容。\n达到所需批准数后立即写入。",
    ),
    note=(
        "Example: muniment change show 12; muniment change approve 12 --digest 3f6a90c2d41b7e55",
        "示例：muniment change show 12；muniment change approve 12 --digest 3f6a90c2d41b7e55",
    ),
)
@argument("number", _NUMBER, metavar="N")
@option(
    "--digest",
    required=True,
    metavar="HEX",
    words=("The digest that `change show` printed.", "change show 显示的摘要。"),
)
@may_say_why
@click.pass_obj
def approve(call: Invocation, number: str, digest: str, reason: str | None) -> None:
    """Approve what was shown."""
    with call.session() as (_, session):
        _tell(call, session.changes.approve(number, digest=digest, reason=reason))


@verb("reject", ("Close a proposal for good, with a reason.", "驳回申请并说明原因；不可恢复。"))
@argument("number", _NUMBER, metavar="N")
@must_say_why
@click.pass_obj
def reject(call: Invocation, number: str, reason: str) -> None:
    """Close a proposal."""
    with call.session() as (_, session):
        _tell(call, session.changes.reject(number, reason=reason))


@verb("withdraw", ("Take back what you proposed yourself.", "撤回自己提出的申请。"))
@argument("number", _NUMBER, metavar="N")
@may_say_why
@click.pass_obj
def withdraw(call: Invocation, number: str, reason: str | None) -> None:
    """Take a proposal back."""
    with call.session() as (_, session):
        _tell(call, session.changes.withdraw(number, reason=reason))


@verb(
    "renew",
    (
        "Put your proposal up again over the records as they stand now.\nApprovals given so far lapse.",
        "按记录现状重新提交自己的申请。\n此前的批准失效。",
    ),
)
@argument("number", _NUMBER, metavar="N")
@may_say_why
@click.pass_obj
def renew(call: Invocation, number: str, reason: str | None) -> None:
    """Put a proposal up again."""
    with call.session() as (_, session):
        _tell(call, session.changes.renew(number, reason=reason))


@verb(
    "edit",
    (
        "Change what a proposal wants.\n"
        "Whoever does is one of its makers from then on, and approvals given so far lapse.",
        "修改申请内容。\n修改者即成为申请人之一，此前的批准失效。",
    ),
)
@argument("number", _NUMBER, metavar="N")
@argument(
    "values",
    ("Fields: name=value; name= clears.", "字段：名称=值；“名称=”为清空。"),
    nargs=-1,
    metavar="F=V...",
)
@option(
    "--record",
    metavar="ID",
    words=("Which record, where it is about several.", "涉及多条记录时，指明是哪一条。"),
)
@may_say_why
@click.pass_obj
def edit(
    call: Invocation, number: str, values: tuple[str, ...], record: str | None, reason: str | None
) -> None:
    """Change what a proposal wants."""
    from muniment.cli.values import assignments
    from muniment.errors import UsageError

    given = assignments(values)
    if not given:
        raise UsageError("cli.no_values")
    with call.session() as (_, session):
        _tell(call, session.changes.edit(number, given, record=record, reason=reason))


# What is printed


def _tell(call: Invocation, done: Decided) -> None:
    from muniment.cli.output import emit, one_line, put

    if call.json:
        document = {
            "id": done.id,
            "number": done.number,
            "state": done.state,
            "missing": [_need_json(need) for need in done.missing],
            "records": [
                {"id": one.id, "type": one.type, "version": one.version, "written": one.written}
                for one in done.saved
            ],
        }
        emit({"changes": [document]})
        return
    put(one_line(call.say(f"approval.now_{done.state}", number=done.number)))
    for need in done.missing:
        put(one_line(f"  {_need_text(call, need)}"))


def _need_json(need: Any) -> dict[str, Any]:
    return {"rule": need.rule, "approvers": need.approvers, "roles": list(need.roles)}


def _need_text(call: Invocation, need: Any) -> str:
    code = "approval.need_roles" if need.roles else "approval.need"
    return call.say(code, rule=need.rule, count=need.approvers, names=", ".join(need.roles))


def _summary_json(one: Summary) -> dict[str, Any]:
    from muniment.model import rfc3339

    return {
        "id": one.id,
        "number": one.number,
        "sort": one.sort,
        "state": one.state,
        "makers": list(one.makers),
        "mine": one.mine,
        "what": list(one.what),
        "created": rfc3339(one.created_us),
        "expires": rfc3339(one.expires_us),
        "approvals": one.given,
        "needs": [_need_json(need) for need in one.needs],
    }


def _full_json(found: Proposal, archive: Archive) -> dict[str, Any]:
    from muniment.cli.record_read import change_json
    from muniment.model import rfc3339

    document = _summary_json(found.summary)
    document |= {
        "digest": found.digest,
        "round": found.round,
        "purpose": found.purpose,
        "reason": found.reason,
        "approvals": [
            {"actor": one.actor, "time": rfc3339(one.time_us), "reason": one.reason}
            for one in found.approvals
        ],
        "stale": found.stale,
        "records": [
            {
                "operation": one.operation,
                "type": one.type,
                "id": one.record,
                "subject": one.subject,
                "base": one.base,
                "effective": None if one.effective_us is None else rfc3339(one.effective_us),
                "changes": [change_json(each, one.type, archive) for each in one.fields],
                "stale": one.stale,
                "moved": [change_json(each, one.type, archive) for each in one.moved],
            }
            for one in found.changes
        ],
    }
    if found.act is not None:
        document["act"] = {
            "action": found.act.action,
            "type": found.act.type,
            "fields": list(found.act.fields),
            "where": dict(found.act.where),
            "facts": dict(found.act.facts),
        }
    return document


def _print(call: Invocation, archive: Archive, found: Proposal) -> None:
    from muniment.cli.output import clean, heading, labels, put
    from muniment.cli.values import local_time

    zone, one = archive.applied.timezone, found.summary
    put(heading(call.say("approval.title", number=one.number, state=call.say(f"approval.state_{one.state}"))))
    rows: list[tuple[str, object]] = [
        (call.say("approval.label_maker"), clean(", ".join(one.makers))),
        (call.say("approval.label_made"), local_time(one.created_us, zone)),
        (call.say("approval.label_expires"), local_time(one.expires_us, zone)),
        (call.say("approval.label_purpose"), clean(found.purpose)),
    ]
    if found.reason:
        rows.append((call.say("approval.label_reason"), clean(found.reason)))
    rows += [(call.say("approval.label_needs"), clean(_need_text(call, need))) for need in one.needs]
    for given in found.approvals:
        said = f"{given.actor}  {local_time(given.time_us, zone)}  {given.reason}"
        rows.append((call.say("approval.label_approved"), clean(said.strip())))
    labels(rows, indent=2)
    for each in found.changes:
        _print_change(call, archive, each)
    if found.act is not None:
        facts = [*found.act.facts.items(), *found.act.where.items()]
        put()
        put(heading(f"{found.act.action} {found.act.type}".strip()))
        if found.act.fields:
            facts.append((call.say("approval.label_fields"), ", ".join(found.act.fields)))
        labels([(clean(name), clean(text)) for name, text in facts], indent=4)
    put()
    labels([(call.say("approval.label_digest"), found.digest)])
    if one.mine:
        put(call.say("approval.is_yours"))


def _print_change(call: Invocation, archive: Archive, each: ProposedChange) -> None:
    from muniment.cli.output import heading, put
    from muniment.cli.record_read import show_changes

    put()
    put(heading(f"{call.say(f'approval.to_{each.operation}')}  {each.type}  {each.record}"))
    show_changes(call, archive, each.type, each.fields)
    if each.stale:
        put(f"  {call.say('approval.is_stale')}")
        show_changes(call, archive, each.type, each.moved)
