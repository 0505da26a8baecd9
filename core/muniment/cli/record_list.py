"""``muniment record list``, ``search`` and ``find``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import argument, flag, having, only_fields, option, paged, verb
from muniment.cli.invocation import Invocation, names_of
from muniment.cli.record_read import emit_records, field_label, note_hidden, value_text

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.schema import Condition, RecordType
    from muniment.session import Page, Session

__all__ = ["conditions", "find", "list_records", "search"]

_scan = flag(
    "--scan",
    words=("Open and compare every record; logged as a scan.", "逐条解密比对；日志记为扫描。"),
)


def conditions(
    session: Session, record_type: RecordType, given: Sequence[str]
) -> tuple[dict[str, object], tuple[Condition, ...]]:
    """What ``--where`` asks for: what must be equal, references as identifiers, and what is compared."""
    import re

    from muniment.cli.values import assignments
    from muniment.schema import parse_condition
    from muniment.session.reading.references import resolve_references

    compared = [word for word in given if re.match(r"\s*[a-z][a-z0-9_]*\s*(!=|>|<)", word)]
    where = resolve_references(
        session, record_type, assignments([one for one in given if one not in compared])
    )
    asked = [parse_condition(word, where=record_type.key) for word in compared]
    more, filters = session.views.conditions(record_type, asked)
    return where | more, filters


# One record


@verb(
    "list",
    (
        "One page of records, oldest first or in the order of a field.",
        "列出一页记录，按创建先后或按字段排序。",
    ),
    note=(
        "Examples: muniment record list customer --where city=Berlin --order customer_number\n"
        "          muniment record list follow_up --view overdue",
        "示例：muniment record list customer --where city=上海 --order customer_number\n"
        "      muniment record list follow_up --view overdue",
    ),
)
@argument("type", ("The record type.", "记录类型。"))
@option(
    "--view",
    "view_name",
    metavar="V",
    words=("A saved view, by key or label: `view list`.", "已保存的视图（键或标签），见 view list。"),
)
@having
@only_fields
@option(
    "--order",
    metavar="F,F...",
    words=(
        "Fields of class public or internal to sort by, such as city,-score; with a minus, largest first.",
        "用于排序的公开或内部级字段，如 city,-score；前加减号表示降序。",
    ),
)
@flag("--desc", words=("The other way round; alone, newest first.", "反向排序；单独使用时最新的在前。"))
@paged(50)
@flag("--deleted", words=("What was deleted, instead.", "改为列出已删除的记录。"))
@_scan
@flag("--count", words=("Say how many there are in all.", "同时给出总数。"))
@click.pass_obj
def list_records(
    call: Invocation,
    type: str,
    view_name: str | None,
    where: tuple[str, ...],
    fields: tuple[str, ...],
    order: str | None,
    desc: bool,
    limit: int,
    after: str | None,
    deleted: bool,
    scan: bool,
    count: bool,
) -> None:
    """One page of records."""
    from muniment.schema import ListView

    with call.session() as (archive, session):
        record_type = session.type(type)
        saved = session.views.get(type, view_name) if view_name else None
        shown = ListView(key="", type=type) if saved is None else saved.view
        columns = _columns(call, session, record_type, names_of(fields) or shown.columns)
        equal, compared = conditions(session, record_type, where)
        asked = session.views.asked(
            type,
            shown,
            where=equal,
            filters=compared,
            fields=columns,
            order_by=order,
            descending=(desc or None) if saved is not None and not order else desc,
            limit=limit,
            after=after,
            deleted=deleted,
            scan=scan,
            count=count,
            view=None if saved is None else saved.name,
        )
        page = session.listed(asked)
        group = shown.group_by if not order and shown.group_by in (columns or ()) else ""
        _show_page(call, archive, session, record_type, page, columns, group=group)


@verb(
    "search",
    (
        "Find records by words, phone, e-mail or number.\n"
        "Sealed fields are found by their index, and what is found is compared.",
        "按文字、电话、邮箱或编号查找记录。\n加密字段通过索引查找，命中后再比对。",
    ),
    note=(
        "Example: muniment record search customer '+49 30 1234567'",
        "示例：muniment record search customer 王芳",
    ),
)
@argument("type", ("The record type.", "记录类型。"))
@argument("words", ("What to look for.", "要查找的内容。"), nargs=-1, required=True, metavar="WORDS...")
@only_fields
@paged(50)
@_scan
@click.pass_obj
def search(
    call: Invocation,
    type: str,
    words: tuple[str, ...],
    fields: tuple[str, ...],
    limit: int,
    after: str | None,
    scan: bool,
) -> None:
    """Find records."""
    with call.session() as (archive, session):
        record_type = session.type(type)
        columns = _columns(call, session, record_type, names_of(fields))
        page = session.search(type, " ".join(words), fields=columns, limit=limit, after=after, scan=scan)
        _show_page(call, archive, session, record_type, page, columns)


@verb(
    "find",
    (
        "Find records of any type by words, phone, e-mail or number: one box for everything.\n"
        "Only what your role may search is looked at; the search is one act in the log.",
        "按文字、电话、邮箱或编号在所有类型中查找。\n只查找您的角色有权查找的内容；一次查找在日志中是同一操作。",
    ),
    note=(
        "Example: muniment record find wang.fang@example.com",
        "示例：muniment record find 13800138000",
    ),
)
@argument("words", ("What to look for.", "要查找的内容。"), nargs=-1, required=True, metavar="WORDS...")
@option(
    "--limit",
    type=click.IntRange(1, 100),
    default=10,
    metavar="N",
    words=("Records of each type at the most.", "每种类型最多条数。"),
)
@click.pass_obj
def find(call: Invocation, words: tuple[str, ...], limit: int) -> None:
    """Find in all types."""
    from muniment.cli.output import clean, emit, heading, put, talk
    from muniment.cli.values import record_json

    with call.session() as (archive, session):
        found = session.find(" ".join(words), limit=limit)
        if call.json:
            emit({"records": [record_json(one, archive) for each in found for one in each.page.records]})
            return
        for place, each in enumerate(found):
            if place:
                put()
            put(heading(clean(each.type.label.of(call.language) or each.type.key)))
            page = each.page
            _show_page(call, archive, session, each.type, page, each.columns)
        if not found:
            talk(call.say("cli.found", count=0))


def _columns(
    call: Invocation, session: Session, record_type: RecordType, named: Sequence[str]
) -> list[str] | None:
    """The fields that are shown, and so the only ones that are opened."""
    if named:
        return list(named)
    if call.json:
        return None
    readable = session.view(record_type).readable
    listed = [field for field in record_type.fields if field.key in readable and not field.retired]
    chosen = sorted(
        (field for field in listed if field.order and not field.hidden), key=lambda field: field.order
    )
    return [field.key for field in (chosen or listed[:6])]


def _show_page(
    call: Invocation,
    archive: Archive,
    session: Session,
    record_type: RecordType,
    page: Page,
    columns: Sequence[str] | None,
    *,
    group: str = "",
) -> None:
    from muniment.cli.output import lead_on, table, talk

    if call.json:
        more: dict[str, Any] = {"after": page.after}
        if page.total is not None:
            more["total"] = page.total
        emit_records(page.records, archive, **more)
        return
    fields = [record_type.field(name) for name in columns or ()]
    keys = [field.key for field in fields if field is not None]
    names = _names(session, record_type, page, keys)
    header = [
        *(field_label(record_type, key, call.language) for key in keys),
        call.say("cli.label_version"),
        "ID",
    ]
    rows: list[Sequence[object]] = [
        [
            *(
                names.get(str(record.fields.get(key)))
                or value_text(
                    call, archive, record.type, key, record.fields.get(key), masked=key in record.masked
                )
                for key in keys
            ),
            record.version,
            record.id,
        ]
        for record in page.records
    ]
    if rows and group in keys:
        _show_groups(call, header, rows, keys.index(group))
    elif rows:
        table(header, rows)
    talk(call.say("cli.found", count=len(rows)))
    if page.total is not None:
        talk(call.say("cli.total", count=page.total))
    lead_on(call, page.after)
    note_hidden(call, page.records)


def _show_groups(
    call: Invocation, header: Sequence[str], rows: Sequence[Sequence[object]], place: int
) -> None:
    """Print the rows of each group under what they have in common."""
    from itertools import groupby

    from muniment.cli.output import clean, heading, put, table

    def rest(row: Sequence[object]) -> list[object]:
        return [cell for at, cell in enumerate(row) if at != place]

    for number, (text, some) in enumerate(groupby(rows, key=lambda row: str(row[place]))):
        if number:
            put()
        put(heading(f"{clean(header[place])}: {clean(text) or call.say('view.no_group')}"))
        table([str(cell) for cell in rest(header)], [rest(row) for row in some])


def _names(session: Session, record_type: RecordType, page: Page, keys: Sequence[str]) -> dict[str, str]:
    """What the records go by that these refer to, as far as the actor may list them."""
    from muniment.model import id_text
    from muniment.session.reading.titles import titles_of

    wanted: dict[str, list[str]] = {}
    for key in keys:
        field = record_type.by_key[key]
        if field.kind == "reference":
            there = {
                str(one.fields[key]) for one in page.records if one.fields.get(key) and key not in one.masked
            }
            wanted.setdefault(field.target, []).extend(sorted(there))
    # Who is in charge is what such a field says, whether or not one may list everybody's rights.
    logins = {id_text(user.record): login for login, user in session.engine.definitions.users.items()}
    found = {record: logins[record] for record in wanted.pop("user", ()) if record in logins}
    for target, ids in sorted(wanted.items()):
        found |= titles_of(session.engine, session.acting, target, ids)
    return found
