"""``muniment retention``: what is due, why, and disposing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, may_say_why, option, verb
from muniment.cli.invocation import Invocation, names_of

if TYPE_CHECKING:
    from muniment.retention.plan import Verdict

__all__ = ["apply", "explain", "plan", "report", "retention"]

_HERE = "muniment.cli.retention"

retention = LazyGroup(
    "retention",
    {
        "plan": Entry(f"{_HERE}:plan", ("What is due.", "列出已到期的内容。")),
        "explain": Entry(
            f"{_HERE}:explain", ("Why a record is kept or due.", "解释一条记录为何保存或到期。")
        ),
        "apply": Entry(f"{_HERE}:apply", ("Dispose of what is due.", "处置已到期的内容。")),
        "report": Entry(f"{_HERE}:report", ("How everything stands.", "汇总留存状况。")),
    },
    words=(
        "How long records are kept. Rules come from plugins and from muniment.toml; what is not known keeps "
        "a record, it never shortens a period.",
        "记录的留存期限。规则来自插件和 muniment.toml；未知信息只会使记录继续保存，绝不缩短期限。",
    ),
)

_types = option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    words=("Of this record type alone; may be given several times.", "仅此记录类型；可多次给出。"),
)


def _document(one: Verdict) -> dict[str, Any]:
    def day(value: Any) -> str | None:
        return None if value is None else value.isoformat()

    return {
        "record": one.facet.record,
        "type": one.facet.type,
        "subject": one.facet.subject,
        "category": one.facet.category,
        "state": one.state,
        "rule": one.rule,
        "keep_until": day(one.keep_until),
        "must_go_by": day(one.must_go_by),
        "due": day(one.due),
        "hold": one.facet.held,
        "unverified": list(one.unverified),
        "findings": [
            {
                "rule": found.rule.id,
                "effect": found.rule.effect,
                "finding": found.code,
                "source": found.rule.source,
                "start": day(found.start),
                "end": day(found.end),
                "anchor": found.anchor or found.rule.anchor,
            }
            for found in one.findings
        ],
    }


@verb("plan", ("What is due, and what waits for a person's decision.", "列出已到期及待人工决定的内容。"))
@_types
@option(
    "--state",
    "states",
    multiple=True,
    metavar="S",
    words=(
        "What stands so instead: kept, unknown, held, conflict and so on; may be given several times.",
        "改为列出处于该状态的内容：kept、unknown、held、conflict 等；可多次给出。",
    ),
)
@click.pass_obj
def plan(call: Invocation, types: tuple[str, ...], states: tuple[str, ...]) -> None:
    """What is due."""
    from muniment.cli.output import emit, one_line, put, table
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress("retention", quiet=call.json) as told:
        wanted = names_of(states) or ("due", "review")
        found = list(session.retention.plan(types=names_of(types), states=wanted, progress=told))
        if call.json:
            emit({"facets": [_document(one) for one in found]})
        elif not found:
            put(one_line(call.say("keep.nothing")))
        else:
            table(
                call.words(
                    "keep.label_record",
                    "keep.label_type",
                    "keep.label_category",
                    "keep.label_state",
                    "keep.label_due",
                    "keep.label_rule",
                ),
                [
                    [
                        one.facet.record,
                        one.facet.type,
                        one.facet.category,
                        call.say(f"keep.state_{one.state}"),
                        "" if one.due is None else one.due.isoformat(),
                        one.rule,
                    ]
                    for one in found
                ],
            )


@verb("explain", ("Why a record is kept or due, rule by rule.", "逐条规则解释一条记录为何保存或到期。"))
@argument("id", ("The record: an identifier, or TYPE:VALUE.", "记录：标识符，或“类型:值”。"))
@click.pass_obj
def explain(call: Invocation, id: str) -> None:
    """Why a record is kept or due."""
    from muniment.cli.output import clean, emit, heading, one_line, put
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        found = session.retention.explain(resolve_record(session, id))
        if call.json:
            emit({"facets": [_document(one) for one in found]})
            return
        if not found:
            put(one_line(call.say("keep.none_here")))
        for place, one in enumerate(found):
            if place:
                put()
            state = call.say(f"keep.state_{one.state}")
            put(heading(call.say("keep.head", category=clean(one.facet.category), state=state)))
            if one.rule:
                due = "—" if one.due is None else one.due.isoformat()
                put("  " + call.say("keep.head_rule", rule=clean(one.rule), due=due))
            if one.facet.held:
                put("  " + call.say("keep.head_hold", hold=one.facet.held))
            for finding in one.findings:
                put("  - " + clean(call.say(finding.code, **finding.told)))
            if one.unverified:
                put("  " + call.say("keep.head_unverified", names=clean(", ".join(one.unverified))))


@verb(
    "apply",
    (
        "Dispose of what is due, for ever.\n"
        "Each item is looked at again as its disposal begins; a hold placed meanwhile stops it.",
        "永久处置已到期的内容。\n每一项在开始处置时都会再次核对；其间设置的法律保留会使其停止。",
    ),
)
@_types
@option(
    "--reviewed",
    "reviewed",
    multiple=True,
    metavar="ID",
    words=(
        "A record that a person decided on, where its rule asks for that; may be given several times.",
        "按规则须人工决定且已决定处置的记录；可多次给出。",
    ),
)
@may_say_why
@click.pass_obj
def apply(call: Invocation, types: tuple[str, ...], reviewed: tuple[str, ...], reason: str | None) -> None:
    """Dispose of what is due."""
    import attrs

    from muniment.cli.output import emit, one_line, put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress("retention", quiet=call.json) as told:
        done = session.retention.apply(
            reason=reason, types=names_of(types), reviewed=names_of(reviewed), progress=told
        )
        if call.json:
            emit({"applied": attrs.asdict(done)})
            return
        put(
            one_line(
                call.say(
                    "keep.applied",
                    count=done.facets,
                    subjects=done.subjects,
                    refused=done.refused,
                    waiting=done.waiting,
                )
            )
        )


@verb("report", ("How everything stands, by type, category and rule.", "按类型、类别和规则汇总留存状况。"))
@click.pass_obj
def report(call: Invocation) -> None:
    """How everything stands."""
    from muniment.cli.output import clean, emit, put, table
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress("retention", quiet=call.json) as told:
        found = session.retention.report(progress=told)
        if call.json:
            emit({"retention": found})
            return
        table(
            call.words(
                "keep.label_type",
                "keep.label_category",
                "keep.label_state",
                "keep.label_rule",
                "keep.label_count",
            ),
            [
                [
                    one["type"],
                    one["category"],
                    call.say(f"keep.state_{one['state']}"),
                    one["rule"],
                    one["count"],
                ]
                for one in found["facets"]
            ],
        )
        if found["unverified"]:
            put(call.say("keep.head_unverified", names=clean(", ".join(found["unverified"]))))
