"""``muniment data``: the verbs about what people wrote: quality, cleaning, duplicates and merges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from muniment.cli.base import Words, argument, flag, may_say_why, must_say_why, option, paged, verb
from muniment.cli.invocation import Invocation, names_of
from muniment.errors import NotFound

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Session
    from muniment.session.tables.cleaning import Proposal
    from muniment.session.tables.duplicates import Pair
    from muniment.session.tables.links import Link
    from muniment.session.tables.quality import Quality

__all__ = ["clean", "duplicates", "merge", "merges", "quality", "unmerge"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_TYPE = ("The record type.", "记录类型。")


def _label(archive: Archive, type: str, key: str, lang: str) -> str:
    record_type = archive.engine.definitions.types.get(type)
    field = None if record_type is None else record_type.by_key.get(key)
    return key if field is None else field.label.of(lang) or key


# Quality


def _number(name: str, least: int, most: int, usual: int, words: Words) -> Callable[[_Command], _Command]:
    """An option that takes a number."""
    return option(
        name, type=click.IntRange(least, most), default=usual, show_default=True, metavar="N", words=words
    )


@verb(
    "quality",
    (
        "Go through the records of a type: what is missing, stale, malformed, without consent or points "
        "to nothing, by account manager, and how much each field is used.\n"
        "Nothing is changed; the pass is logged. `data clean` and `schema field retire` act on what it says.",
        "逐条检查某类型的记录：缺失、过期、格式有误、未获同意、指向不存在的记录，"
        "按客户经理统计，并给出各字段的使用情况。\n"
        "不作任何修改，检查记入日志。可用 data clean 和 schema field retire 处理。",
    ),
    note=(
        "Example: muniment data quality customer --stale-days 180",
        "示例：muniment data quality customer --stale-days 180",
    ),
)
@argument("type", _TYPE)
@_number(
    "--stale-days",
    1,
    36_500,
    365,
    ("Stale when nobody wrote or verified it for so long.", "超过此天数未更新或核对即为过期。"),
)
@_number("--limit", 0, 1000, 20, ("Findings that are shown one by one.", "逐条显示的问题数。"))
@flag(
    "--last",
    words=(
        "What the last scheduled check found ([quality] in muniment.toml); nothing is opened.",
        "显示最近一次计划检查的结果（muniment.toml 的 [quality]），不打开记录。",
    ),
)
@click.pass_obj
def quality(call: Invocation, type: str, stale_days: int, limit: int, last: bool) -> None:
    """Go through the records of a type."""
    from muniment.cli.progress import progress

    with call.session() as (archive, session):
        if last:
            _tell_last(call, archive, session, type)
            return
        with progress(call.say("quality.checking"), quiet=call.json) as told:
            found = session.cleaning.quality(
                type, stale_days=stale_days, progress=lambda done, total: told(done, total or 0)
            )
        _tell_quality(call, archive, found, limit)


def _tell_last(call: Invocation, archive: Archive, session: Session, type: str) -> None:
    from muniment.cli.output import talk
    from muniment.session.outreach.reminding import checked

    kept = checked(session, type)
    if kept is None:
        raise NotFound("quality.not_checked", where=type)
    talk(call.say("quality.checked_on", day=kept[0].isoformat()))
    _tell_quality(call, archive, kept[1], 0)


def _tell_quality(call: Invocation, archive: Archive, found: Quality, limit: int) -> None:
    from muniment.cli.output import emit, put

    if call.json:
        emit({"quality": _quality_document(found, limit)})
        return
    put(call.say("quality.records", count=found.records))
    _put_owners(call, found)
    if limit and found.findings:
        _put_findings(call, archive, found, limit)
    _put_use(call, archive, found)


def _quality_document(found: Quality, limit: int) -> dict[str, Any]:
    from muniment.model import rfc3339

    return {
        "type": found.type,
        "records": found.records,
        "counts": dict(found.counts),
        "owners": [
            {"owner": owner or None, "counts": dict(counts)} for owner, counts in found.owners.items()
        ],
        "fields": [
            {
                "field": one.field,
                "filled": one.filled,
                "rate": one.rate,
                "last": None if one.last_us is None else rfc3339(one.last_us),
            }
            for one in found.fields
        ],
        "findings": [
            {"code": one.code, "record": one.record, "field": one.field or None, "owner": one.owner or None}
            for one in found.findings[:limit]
        ],
    }


def _put_owners(call: Invocation, found: Quality) -> None:
    """How many records of each owner have which problem."""
    from muniment.cli.output import table

    if not found.counts:
        return
    codes = list(found.counts)
    header = [call.say("quality.label_owner"), *(call.say(f"quality.{code}") for code in codes)]
    rows: list[list[object]] = [
        [owner or call.say("quality.nobody"), *(counts.get(code, 0) for code in codes)]
        for owner, counts in found.owners.items()
    ]
    table(header, rows)


def _put_findings(call: Invocation, archive: Archive, found: Quality, limit: int) -> None:
    """The first findings, one by one."""
    from muniment.cli.output import heading, put, table

    put()
    put(heading(call.say("quality.first")))
    table(
        [call.say("quality.label_problem"), call.say("cli.label_field"), "ID"],
        [
            [
                call.say(f"quality.{one.code}"),
                _label(archive, found.type, one.field, call.language) if one.field else "",
                one.record,
            ]
            for one in found.findings[:limit]
        ],
    )


def _put_use(call: Invocation, archive: Archive, found: Quality) -> None:
    """How many records have something in each field, and since when."""
    from muniment.cli.output import heading, put, table
    from muniment.cli.values import local_time

    put()
    put(heading(call.say("quality.use")))
    table(
        [call.say("cli.label_field"), call.say("quality.label_filled"), "%", call.say("quality.label_last")],
        [
            [
                _label(archive, found.type, one.field, call.language),
                one.filled,
                one.rate,
                "" if one.last_us is None else local_time(one.last_us, archive.applied.timezone)[:10],
            ]
            for one in found.fields
        ],
    )


# Cleaning


@verb(
    "clean",
    (
        "Show values that have a tidier form, with before and after: phones in international form, "
        "full-width digits and letters, double spaces, spaces inside Chinese names.\n"
        "With --accept they are written as one act, a new version for each record; history keeps the rest.",
        "列出可整理的值及其整理前后：电话改为国际格式，"
        "去除全角数字和字母、多余空格、中文姓名中的空格。\n"
        "加 --accept 后作为一次操作写入，每条记录一个新版本；历史中保留原样。",
    ),
    note=(
        "Example: muniment data clean customer --fields phone --accept --reason 'one form for phones'",
        "示例：muniment data clean customer --fields phone --accept --reason 统一电话格式",
    ),
)
@argument("type", _TYPE)
@option("--fields", multiple=True, metavar="F,F...", words=("Only these fields.", "只整理这些字段。"))
@flag("--accept", words=("Write what is shown.", "写入整理结果。"))
@option("--skip", multiple=True, metavar="ID,ID...", words=("Leave these records alone.", "不处理这些记录。"))
@may_say_why
@click.pass_obj
def clean(
    call: Invocation,
    type: str,
    fields: tuple[str, ...],
    accept: bool,
    skip: tuple[str, ...],
    reason: str | None,
) -> None:
    """Show values that have a tidier form."""
    from muniment.cli.output import emit, put, talk
    from muniment.cli.progress import progress

    left_alone = set(names_of(skip))
    with call.session() as (archive, session):
        with progress(call.say("quality.checking"), quiet=call.json) as told:
            found = [
                one
                for one in session.cleaning.proposals(
                    type,
                    fields=names_of(fields) or None,
                    progress=lambda done, total: told(done, total or 0),
                )
                if one.record not in left_alone
            ]
        done = session.cleaning.accept(found, reason=reason) if accept and found else None
        if call.json:
            emit(
                {
                    "proposals": [
                        {
                            "record": one.record,
                            "version": one.version,
                            "field": one.field,
                            "before": one.before,
                            "after": one.after,
                        }
                        for one in found
                    ],
                    "accepted": None if done is None else {"records": done.records, "refused": done.refused},
                }
            )
        else:
            _show_proposals(call, archive, type, found)
            if done is not None:
                put(call.say("quality.cleaned", count=done.records, refused=done.refused))
            elif found:
                talk(call.say("quality.accept_hint"))
    if done is not None and done.refused:
        raise click.exceptions.Exit(6)


def _show_proposals(call: Invocation, archive: Archive, type: str, found: list[Proposal]) -> None:
    from muniment.cli.output import put, table

    if not found:
        put(call.say("quality.tidy"))
        return
    table(
        [
            call.say("cli.label_field"),
            call.say("quality.label_before"),
            call.say("quality.label_after"),
            "ID",
        ],
        [
            [_label(archive, type, one.field, call.language), one.before, one.after, one.record]
            for one in found
        ],
    )


# Duplicates


@verb(
    "duplicates",
    (
        "Find records that may be about the same person or organisation.\n"
        "Index tokens propose, what shares one is opened and compared, what is shown is written to the log.",
        "查找可能是同一人或同一机构的记录。\n由索引提出候选，解密比对后显示，并记入日志。",
    ),
    note=(
        "Example: muniment data duplicates customer --at-least 70",
        "示例：muniment data duplicates customer --at-least 70",
    ),
)
@argument("type", _TYPE)
@option(
    "--file",
    "path",
    metavar="FILE",
    words=(
        "Rows of this file, with each other and with the records, before it is imported.",
        "导入前检查此文件：行与行之间、行与已有记录之间。",
    ),
)
@option(
    "--map",
    "mapping",
    metavar="M",
    words=("A mapping for that file, as for `import file`.", "该文件的映射，同 import file。"),
)
@_number("--at-least", 1, 100, 60, ("The lowest score, 1 to 100.", "最低相似分，1 至 100。"))
@paged(50)
@click.pass_obj
def duplicates(
    call: Invocation,
    type: str,
    path: str | None,
    mapping: str | None,
    at_least: int,
    limit: int,
    after: str | None,
) -> None:
    """Find records that may be about the same."""
    from muniment.cli.output import emit, lead_on, put, table, talk

    found: Sequence[Pair]
    behind = None
    with call.session() as (archive, session):
        if path is None:
            found = piece = session.cleaning.duplicates(type, at_least=at_least, limit=limit, after=after)
            behind = piece.after
        else:
            known = session.mappings.find(mapping) if mapping else None
            found = session.cleaning.duplicates_in_file(
                type, path, mapping=known, at_least=at_least, limit=limit
            )
        if call.json:
            emit({"pairs": [_pair(one) for one in found], "after": behind})
            return
        if not found:
            put(call.say("quality.no_duplicates"))
            return
        table(
            [call.say("quality.label_score"), call.say("quality.label_alike"), "ID", "ID"],
            [
                [
                    one.score,
                    ", ".join(
                        f"{_label(archive, type, each.field, call.language)} {each.percent}%"
                        for each in one.fields
                    ),
                    one.first,
                    one.second,
                ]
                for one in found
            ],
        )
        lead_on(call, behind)
        talk(call.say("quality.merge_hint"))


def _pair(one: Pair) -> dict[str, Any]:
    return {
        "first": one.first,
        "second": one.second,
        "score": one.score,
        "fields": [{"field": each.field, "percent": each.percent} for each in one.fields],
    }


@verb(
    "merge",
    (
        "Make one of two records: DUPLICATE goes out of the lists, KEPT takes over what it lacks, and their "
        "subjects are linked, so that holds, reports and erasure follow. `data unmerge` takes it apart.",
        "合并两条记录：重复的一条移出列表，保留的一条补入所缺字段，两者主体建立关联，"
        "法律保留、报告和删除随之生效。"
        "可用 data unmerge 撤销。",
    ),
    note=(
        "Example: muniment data merge customer:C-1 customer:C-7 --reason 'same person, two branches'",
        "示例：muniment data merge customer:C-1 customer:C-7 --reason 同一人在两个门店登记",
    ),
)
@argument("kept", ("The record that stays.", "保留的记录。"))
@argument("duplicate", ("The one that goes out of the lists.", "移出列表的记录。"))
@flag("--no-fill", words=("Take nothing over.", "不补入字段。"))
@must_say_why
@click.pass_obj
def merge(call: Invocation, kept: str, duplicate: str, no_fill: bool, reason: str) -> None:
    """Make one of two records."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        link = session.cleaning.links.merge(
            resolve_record(session, kept), resolve_record(session, duplicate), reason=reason, fill=not no_fill
        )
        _tell_link(call, link, "link.merged")


@verb(
    "unmerge",
    (
        "Take a merge apart: the duplicate is back, and what went over goes back where nobody changed it.",
        "撤销合并：恢复重复的记录；补入的字段若之后未被修改则一并撤回。",
    ),
)
@argument("id", ("The merge's identifier, or the duplicate's.", "合并编号，或重复记录的编号。"))
@must_say_why
@click.pass_obj
def unmerge(call: Invocation, id: str, reason: str) -> None:
    """Take a merge apart."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        link = session.cleaning.links.undo(resolve_record(session, id), reason=reason)
        _tell_link(call, link, "link.undone")


@verb("merges", ("The merges that hold.", "列出有效的合并。"))
@paged()
@click.pass_obj
def merges(call: Invocation, limit: int, after: str | None) -> None:
    """The merges that hold."""
    from muniment.cli.output import emit, lead_on, put, table

    with call.session() as (_, session):
        found = session.cleaning.links.list(limit=limit, after=after)
    if call.json:
        emit({"merges": [_link(one) for one in found], "after": found.after})
    elif not found:
        put(call.say("link.none"))
    else:
        header = call.words("cli.label_type", "link.label_kept", "link.label_duplicate", "link.label_fields")
        table(
            [*header, "ID"],
            [[one.type, one.kept, one.duplicate, ", ".join(one.filled), one.id] for one in found],
        )
        lead_on(call, found.after)


def _link(one: Link) -> dict[str, Any]:
    return {
        "id": one.id,
        "type": one.type,
        "kept": one.kept,
        "duplicate": one.duplicate,
        "filled": list(one.filled),
    }


def _tell_link(call: Invocation, one: Link, code: str) -> None:
    from muniment.cli.output import emit, put

    if call.json:
        emit({"merges": [_link(one)]})
    else:
        put(call.say(code, kept=one.kept, duplicate=one.duplicate, count=len(one.filled)))
