"""``muniment data``: what can be computed anew, compared with the sealed parts and mended."""

from __future__ import annotations

import click

from muniment.cli.base import Entry, LazyGroup, verb
from muniment.cli.invocation import Invocation

__all__ = ["check", "data", "rebuild"]

_HERE = "muniment.cli.data"
_CLEAN = "muniment.cli.data_clean"

data = LazyGroup(
    "data",
    {
        "check": Entry(
            f"{_HERE}:check",
            ("Compare current state and indexes with the sealed parts.", "将当前状态和索引与密封内容比对。"),
        ),
        "rebuild": Entry(f"{_HERE}:rebuild", ("Make them anew.", "重建当前状态和索引。")),
        "quality": Entry(
            f"{_CLEAN}:quality",
            (
                "What is missing, stale, malformed or points to nothing.",
                "检查缺失、过期、格式有误或失效的数据。",
            ),
        ),
        "clean": Entry(
            f"{_CLEAN}:clean", ("Tidier forms of values, and accept them.", "整理数据格式并采纳。")
        ),
        "duplicates": Entry(
            f"{_CLEAN}:duplicates", ("Records that may be about the same.", "查找可能重复的记录。")
        ),
        "merge": Entry(f"{_CLEAN}:merge", ("Make one of two records.", "合并两条记录。")),
        "unmerge": Entry(f"{_CLEAN}:unmerge", ("Take a merge apart.", "撤销合并。")),
        "merges": Entry(f"{_CLEAN}:merges", ("The merges that hold.", "列出有效的合并。")),
    },
    words=(
        "`check` and `rebuild` are about current state and indexes, which lists and searches look at and "
        "which can always be made anew from the sealed parts; the others are about what people wrote.",
        "check 和 rebuild 针对列表和查找所用的当前状态与索引，可随时从密封内容重建；"
        "其余命令针对数据本身的质量。",
    ),
)


@verb(
    "check",
    (
        "Compare current state and indexes with the sealed parts.\n"
        "What differs is named, and the exit code is 3; `data rebuild` mends it.",
        "将当前状态和索引与密封内容比对。\n发现差异会指出，退出码为 3；可用 data rebuild 修复。",
    ),
)
@click.pass_obj
def check(call: Invocation) -> None:
    """Compare current state and indexes with the sealed parts."""
    from muniment.cli.output import emit, put, table
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("cli.checking"), quiet=call.json) as told:
        faults = session.check_data(progress=told)
    if call.json:
        emit({"faults": [{"table": one.table, "where": one.where} for one in faults]})
    elif faults:
        table(
            [call.say("cli.label_table"), call.say("cli.label_where")],
            [[one.table, one.where] for one in faults],
        )
        put(call.say("cli.data_differs", count=len(faults)))
    else:
        put(call.say("cli.data_sound"))
    if faults:
        raise click.exceptions.Exit(3)


@verb(
    "rebuild",
    ("Make current state and indexes anew from the sealed parts.", "从密封内容重建当前状态和索引。"),
)
@click.pass_obj
def rebuild(call: Invocation) -> None:
    """Make current state and indexes anew."""
    from muniment.cli.output import emit, put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("cli.rebuilding"), quiet=call.json) as told:
        done = session.rebuild_data(progress=told)
    if call.json:
        emit({"rebuilt": {"records": done.records, "tokens": done.tokens, "entries": done.entries}})
    else:
        put(call.say("cli.rebuilt", records=done.records, tokens=done.tokens, entries=done.entries))
