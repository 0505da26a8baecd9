"""``muniment schema``: record types, their fields, and how they came to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.schema import RecordType

__all__ = ["diff", "history", "index", "list_types", "schema", "show"]

_HERE = "muniment.cli.schema"

schema = LazyGroup(
    "schema",
    {
        "list": Entry(f"{_HERE}:list_types", ("The record types.", "列出记录类型。")),
        "show": Entry(f"{_HERE}:show", ("The fields of a type.", "查看类型的字段。")),
        "history": Entry(f"{_HERE}:history", ("The definitions a type has had.", "查看类型定义的历次变更。")),
        "diff": Entry(f"{_HERE}:diff", ("What differs between two definitions.", "比较类型的两个定义。")),
        "field": Entry(
            "muniment.cli.schema_field:field",
            ("Add, rename, hide or retire a field.", "添加、改名、隐藏或停用字段。"),
        ),
        "index": Entry(f"{_HERE}:index", ("What the blind indexes tell a stranger.", "盲索引会泄露什么。")),
    },
    words=("Record types and their fields.", "记录类型及其字段。"),
)

_TYPE = ("The record type.", "记录类型。")


@verb("list", ("The record types of the archive.", "列出档案库的记录类型。"))
@click.pass_obj
def list_types(call: Invocation) -> None:
    """The record types."""
    from muniment.cli.output import emit, table
    from muniment.cli.schema_out import live_fields, subject_path, type_summary

    with call.session() as (_, session):
        found = session.types()
        if call.json:
            emit({"types": [type_summary(one) for one in found]})
            return
        header = call.words(
            "cli.label_type", "cli.label_holds", "cli.label_subject", "cli.label_fields", "cli.label_version"
        )
        table(
            header,
            [
                [
                    one.key,
                    one.label.of(call.language),
                    subject_path(one),
                    live_fields(one),
                    one.definition_version,
                ]
                for one in found
            ],
        )


@verb("show", ("The fields of a record type.", "查看记录类型的字段。"))
@argument("type", _TYPE)
@option("--version", type=int, metavar="N", words=("An earlier definition.", "较早的定义。"))
@click.pass_obj
def show(call: Invocation, type: str, version: int | None) -> None:
    """The fields of a type."""
    from muniment.cli.output import emit
    from muniment.cli.schema_out import show_fields, type_json

    with call.session() as (_, session):
        found = session.type(type) if version is None else session.definition(type, version)
        view = session.view(found)
        known = [field for field in found.fields if field.key in view.readable | view.writable]
        if call.json:
            emit({"types": [type_json(found, known)]})
        else:
            show_fields(call, found, known)


@verb("diff", ("What differs between two definitions of a type.", "比较类型的两个定义。"))
@argument("type", _TYPE)
@argument("a", ("The one definition.", "一个定义。"), type=int)
@argument("b", ("The other.", "另一个定义。"), type=int)
@click.pass_obj
def diff(call: Invocation, type: str, a: int, b: int) -> None:
    """What differs between two definitions."""
    from muniment.cli.output import clean, emit, put, talk
    from muniment.schema.definitions import diff as differences

    with call.session() as (_, session):
        changes = differences(session.definition(type, a), session.definition(type, b))
        if call.json:
            emit(
                {
                    "changes": [
                        {"code": one.code, "item": one.item, "text": one.text(call.language)}
                        for one in changes
                    ]
                }
            )
            return
        for one in changes:
            put(clean(one.text(call.language)))
        if not changes:
            talk(call.say("cli.no_difference"))


@verb(
    "history",
    (
        "The definitions a type has had: who changed what, when and why.",
        "类型定义的历次变更：谁、何时、为何、改了什么。",
    ),
)
@argument("type", _TYPE)
@click.pass_obj
def history(call: Invocation, type: str) -> None:
    """The definitions a type has had."""
    from muniment.cli.output import clean, emit, heading, put
    from muniment.cli.values import OPERATIONS, local_time
    from muniment.model import id_text, rfc3339
    from muniment.schema.definitions import diff as differences

    with call.session() as (archive, session):
        newest = session.type(type)
        steps = session.history(id_text(session.engine.definitions.records[newest.number]))
        listed = []
        before = None
        for step in steps:
            now = session.definition(type, step.version)
            listed.append((step, [one.text(call.language) for one in differences(before, now)]))
            before = now
        if call.json:
            emit(
                {
                    "versions": [
                        {
                            "version": step.version,
                            "recorded": rfc3339(step.recorded_us),
                            "actor": step.actor,
                            "reason": step.reason,
                            "entry": step.entry,
                            "changes": changes,
                        }
                        for step, changes in listed
                    ]
                }
            )
            return
        for step, changes in listed:
            when = local_time(step.recorded_us, archive.applied.timezone)
            operation = call.say(OPERATIONS[step.operation])
            put(heading(call.say("cli.step", version=step.version, operation=operation, time=when)))
            put(
                "  "
                + call.say(
                    "cli.step_who",
                    actor=clean(step.actor or "?"),
                    purpose=clean(step.purpose or "?"),
                    entry=step.entry,
                )
            )
            if step.reason:
                put("  " + call.say("cli.step_reason", text=clean(step.reason)))
            for change in changes:
                put(f"    {clean(change)}")


@verb(
    "index",
    (
        "What the blind indexes of a type tell whoever copies the database without its keys.",
        "说明类型的盲索引会向没有密钥而复制数据库的人泄露什么。",
    ),
)
@argument("type", _TYPE)
@option(
    "--rows", type=click.IntRange(1), metavar="N", words=("Plan for so many records.", "按这么多条记录规划。")
)
@click.pass_obj
def index(call: Invocation, type: str, rows: int | None) -> None:
    """What the blind indexes tell."""
    from muniment.cli.output import emit, heading, put
    from muniment.session.reading.index_plans import index_document

    with call.session() as (archive, session):
        made = index_document(
            session, session.type(type), rows or archive.applied.index_rows, lang=call.language
        )
    if call.json:
        emit(made)
        return
    for one in made["indexes"]:
        put(heading(f"{one['field']}  {one['kind']}"))
        for sentence in one["text"]:
            put(f"  {sentence}")
        if one["bits_in_use"] != one["bits"]:
            put("  " + call.say("cli.bits_in_use", bits=one["bits_in_use"]))
        put()
    for sentence in made["text"]:
        put(sentence)


Edit = Callable[["RecordType"], "RecordType"]
"""Gives a type edited; see ``muniment.schema.edits``."""


def edit_type(call: Invocation, type: str, edit: Edit, reason: str | None, *, dry_run: bool) -> None:
    """Edit a type, store its new definition, and say what changed, or what would, also for records."""
    from muniment.archive.shaping import editing, keep, reshaped
    from muniment.cli.schema_out import tell_changes

    with call.session() as (archive, session):
        shape = editing(type, edit)
        if dry_run:
            found = reshaped(archive, session, shape)
            made, effects = found.made, found.effects
        else:
            made, effects = keep(archive, session, shape, reason=reason), ()
        tell_changes(call, made.changes, [one.key for one in made.changed], dry_run=dry_run, effects=effects)
