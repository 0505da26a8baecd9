"""``muniment hold``: legal holds."""

from __future__ import annotations

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, must_say_why, option, paged, verb
from muniment.cli.invocation import Invocation, names_of

__all__ = ["hold", "list_holds", "place", "release"]

_HERE = "muniment.cli.hold"

hold = LazyGroup(
    "hold",
    {
        "place": Entry(f"{_HERE}:place", ("Forbid to dispose of something.", "设置法律保留，禁止处置。")),
        "release": Entry(f"{_HERE}:release", ("End a hold.", "解除法律保留。")),
        "list": Entry(f"{_HERE}:list_holds", ("The holds there are.", "列出法律保留。")),
    },
    words=(
        "Legal holds. What is held is not erased, not disposed of by retention, and its log details stay, "
        "until the hold is released.",
        "法律保留。在解除之前，被保留的内容不会被删除，也不会因留存到期被处置，相关日志明细同样保留。",
    ),
)


@verb(
    "place",
    ("Forbid to dispose of something until the hold is released.", "设置法律保留，解除之前禁止处置。"),
    note=(
        "Example: muniment hold place 'File 12/2026' --subject customer:C-1001 --reason 'claim received'",
        "示例：muniment hold place '2026年第12号案' --subject customer:C-1001 --reason 收到索赔",
    ),
)
@argument("matter", ("The case it belongs to, such as a file number.", "所属案件，例如案号。"))
@option(
    "--subject",
    "subjects",
    multiple=True,
    metavar="ID",
    words=("A person or organisation; may be given several times.", "主体；可多次给出。"),
)
@option(
    "--record",
    "records",
    multiple=True,
    metavar="ID",
    words=("One record; likewise.", "一条记录；可多次给出。"),
)
@option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    words=("All records of a type; likewise.", "一种类型的全部记录；可多次给出。"),
)
@option(
    "--category",
    "categories",
    multiple=True,
    metavar="C",
    words=(
        "A retention category, or TYPE/CATEGORY; likewise.",
        "一个留存类别，或“类型/类别”；可多次给出。",
    ),
)
@flag("--everything", words=("The whole archive, its log's details too.", "整个档案库，包括日志明细。"))
@may_say_why
@click.pass_obj
def place(
    call: Invocation,
    matter: str,
    subjects: tuple[str, ...],
    records: tuple[str, ...],
    types: tuple[str, ...],
    categories: tuple[str, ...],
    everything: bool,
    reason: str | None,
) -> None:
    """Forbid to dispose of something."""
    from muniment.cli.output import emit, one_line, put
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        placed = session.holds.place(
            matter,
            subjects=[resolve_record(session, one) for one in subjects],
            records=[resolve_record(session, one) for one in records],
            types=names_of(types),
            categories=names_of(categories),
            everything=everything,
            reason=reason,
        )
        if call.json:
            emit({"holds": [placed.document()]})
        else:
            put(one_line(call.say("hold.placed", id=placed.id)))


@verb("release", ("End a hold.", "解除法律保留。"))
@argument("id", ("The hold's identifier.", "法律保留的标识符。"))
@must_say_why
@click.pass_obj
def release(call: Invocation, id: str, reason: str) -> None:
    """End a hold."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        ended = session.holds.release(id, reason=reason)
        if call.json:
            emit({"holds": [ended.document()]})
        else:
            put(one_line(call.say("hold.ended", id=ended.id)))


@verb("list", ("The holds there are.", "列出法律保留。"))
@flag("--released", words=("Those that were released too.", "包括已解除的。"))
@paged()
@click.pass_obj
def list_holds(call: Invocation, released: bool, limit: int, after: str | None) -> None:
    """The holds there are."""
    from muniment.cli.output import emit, lead_on, one_line, put, table
    from muniment.cli.values import local_time

    with call.session() as (archive, session):
        found = session.holds.list(released=released, limit=limit, after=after)
        if call.json:
            emit({"holds": [one.document() for one in found], "after": found.after})
            return
        if not found:
            put(one_line(call.say("hold.none_listed")))
            return
        zone = archive.applied.timezone
        table(
            [
                "ID",
                *call.words(
                    "hold.label_matter", "hold.label_state", "hold.label_since", "hold.label_targets"
                ),
            ],
            [
                [
                    one.id,
                    one.matter,
                    call.say("hold.state_placed" if one.placed else "hold.state_released"),
                    local_time(one.changed_us, zone),
                    ", ".join(f"{scope}:{value}" for scope, value in one.targets),
                ]
                for one in found
            ],
        )
        lead_on(call, found.after)
