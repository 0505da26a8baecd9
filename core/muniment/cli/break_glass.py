"""``muniment break-glass``: emergency access, and its review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, option, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.session.oversight.emergency import Emergency

__all__ = ["begin", "break_glass", "end", "list_emergencies", "review"]

_HERE = "muniment.cli.break_glass"
_BEGIN = (
    "See one person's records for a while, in an emergency; somebody else reviews it.",
    "紧急情况下限时查看某人的记录；事后由他人复核。",
)
_LIST = ("What waits for a review.", "列出待复核的紧急访问。")
_REVIEW = ("Say what an emergency access was; never one's own.", "复核紧急访问；不可复核自己的。")
_END = ("End one's own emergency access before its time.", "提前结束自己的紧急访问。")


class _WithoutVerb(LazyGroup):
    """A group whose usual verb may be left out: ``break-glass ID``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; what names no verb begins."""
        named = any(word in self.entries for word in args)
        if args and not named and not {"--help", "-h"} & set(args):
            args = ["begin", *args]
        return super().parse_args(ctx, args)


break_glass = _WithoutVerb(
    "break-glass",
    {
        "begin": Entry(f"{_HERE}:begin", _BEGIN),
        "list": Entry(f"{_HERE}:list_emergencies", _LIST),
        "review": Entry(f"{_HERE}:review", _REVIEW),
        "end": Entry(f"{_HERE}:end", _END),
    },
    words=(
        "Emergency access: break the glass, look, and be reviewed by somebody else.\n"
        "`muniment break-glass ID` begins.",
        "紧急访问：打破玻璃、查看，并由他人复核。\nmuniment break-glass ID 即开始。",
    ),
)

_ID = ("Its identifier, as the list shows it.", "标识符，见列表。")


def _document(one: Emergency) -> dict[str, Any]:
    from muniment.model import rfc3339

    return {
        "id": one.id,
        "actor": one.actor,
        "record": one.record,
        "subject": one.subject,
        "began": rfc3339(one.began_us),
        "expires": rfc3339(one.expires_us),
        "state": one.state,
        "reason": one.reason,
        "reviewer": one.reviewer or None,
        "finding": one.finding or None,
    }


@verb(
    "begin",
    _BEGIN,
    note=(
        "Example: muniment break-glass customer:C-1001 --reason 'Unconscious in the shop' --minutes 30",
        "示例：muniment break-glass customer:C-1001 --reason '客户在店内昏迷' --minutes 30",
    ),
)
@argument(
    "id",
    (
        "A record, or type:value with the value of a unique field.",
        "记录标识符，或 type:value（唯一字段的值）。",
    ),
)
@option(
    "--reason",
    required=True,
    metavar="TEXT",
    words=("Why, in your own words; sealed, and read by whoever reviews.", "原因；加密保存，复核人可读。"),
)
@option("--minutes", type=int, metavar="N", words=("For how long.", "时长（分钟）。"))
@click.pass_obj
def begin(call: Invocation, id: str, reason: str, minutes: int | None) -> None:
    """Break the glass."""
    from muniment.cli.output import emit, put
    from muniment.model import rfc3339

    with call.session() as (_, session):
        made = session.emergencies.begin(id, reason=reason, minutes=minutes)
        if call.json:
            emit({"emergencies": [_document(made)]})
            return
        put(call.say("policy.glass_begun", record=made.record, expires=rfc3339(made.expires_us), id=made.id))


@verb("list", _LIST)
@flag("--reviewed", words=("Those that were reviewed, instead.", "改为列出已复核的。"))
@paged()
@click.pass_obj
def list_emergencies(call: Invocation, reviewed: bool, limit: int, after: str | None) -> None:
    """What waits for a review."""
    from muniment.cli.output import emit, lead_on, table, talk
    from muniment.model import rfc3339

    with call.session() as (_, session):
        found = session.emergencies.list(reviewed=reviewed, limit=limit, after=after)
        if call.json:
            emit({"emergencies": [_document(one) for one in found], "after": found.after})
            return
        if not found:
            talk(call.say("policy.glass_none"))
            return
        states = {state: call.say(f"policy.glass_{state}") for state in ("open", "ended", "reviewed")}
        table(
            call.words(
                "policy.label_id",
                "policy.label_who",
                "policy.label_record",
                "policy.label_until",
                "cli.label_state",
                "cli.label_reason",
                "policy.label_finding",
            ),
            [
                [
                    one.id,
                    one.actor,
                    one.record,
                    rfc3339(one.expires_us)[:19],
                    states[one.state],
                    one.reason,
                    f"{one.reviewer}: {one.finding}" if one.reviewer else "",
                ]
                for one in found
            ],
        )
        lead_on(call, found.after)


@verb("review", _REVIEW)
@argument("id", _ID)
@option("--reason", required=True, metavar="TEXT", words=("What you found; sealed.", "复核意见；加密保存。"))
@click.pass_obj
def review(call: Invocation, id: str, reason: str) -> None:
    """Review one."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        session.emergencies.review(id, finding=reason)
        if call.json:
            emit({"emergency": {"id": id, "state": "reviewed"}})
        else:
            put(call.say("policy.glass_reviewed_now"))


@verb("end", _END)
@argument("id", _ID)
@click.pass_obj
def end(call: Invocation, id: str) -> None:
    """End one's own."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        session.emergencies.end(id)
        if call.json:
            emit({"emergency": {"id": id, "state": "ended"}})
        else:
            put(call.say("policy.glass_ended_now"))
