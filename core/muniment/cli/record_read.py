"""``muniment record``: the verbs that read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import argument, flag, option, verb
from muniment.cli.invocation import Invocation, names_of

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.imports.rows import Difference
    from muniment.schema import Condition, RecordType
    from muniment.session import Page, Record, Session, Step

__all__ = [
    "change_json",
    "conditions",
    "diff",
    "find",
    "get",
    "history",
    "list_records",
    "read_file",
    "search",
    "show_changes",
]

_ID = ("The record's identifier, or TYPE:VALUE.", "记录标识符，或“类型:值”。")
_fields = option(
    "--fields",
    multiple=True,
    metavar="F,F...",
    words=("Only these fields; nothing else is opened.", "只读取这些字段；其余不解密。"),
)
_limit = option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    metavar="N",
    words=("Records on a page.", "每页记录数。"),
)
_after = option(
    "--after",
    metavar="CURSOR",
    words=("The next page: what the page before printed.", "下一页：使用上一页给出的位置。"),
)
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


@verb("get", ("Read one record.", "读取一条记录。"))
@argument("id", _ID)
@_fields
@option("--version", type=int, metavar="N", words=("An earlier version.", "读取较早的版本。"))
@option("--as-of", metavar="T", words=("As it was recorded at that time.", "按该时间已记录的内容。"))
@option(
    "--effective-at", metavar="T", words=("As it held in the world at that time.", "按该时间实际生效的内容。")
)
@click.pass_obj
def get(
    call: Invocation,
    id: str,
    fields: tuple[str, ...],
    version: int | None,
    as_of: str | None,
    effective_at: str | None,
) -> None:
    """Read one record."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        record = session.get(
            resolve_record(session, id),
            fields=names_of(fields) or None,
            version=version,
            as_of=as_of,
            effective_at=effective_at,
        )
        if call.json:
            _emit([record], archive)
        else:
            _show(call, archive, record)


def _emit(records: Sequence[Record], archive: Archive, **more: Any) -> None:
    from muniment.cli.output import emit
    from muniment.cli.values import record_json

    emit({"records": [record_json(record, archive) for record in records], **more})


def _show(call: Invocation, archive: Archive, record: Record) -> None:
    """Print a record as its form is laid out."""
    from muniment.cli.output import heading, labels, put
    from muniment.cli.values import local_time

    lang = call.language
    record_type = archive.engine.definitions.types.get(record.type)
    label = record.type if record_type is None else record_type.label.of(lang) or record.type
    put(heading(f"{label}  {record.id}"))
    recorded = local_time(record.recorded_us, archive.applied.timezone)
    state = call.say("cli.version_of", version=record.version, time=recorded)
    if record.effective_us != record.recorded_us:
        since = local_time(record.effective_us, archive.applied.timezone)
        state = f"{state}  {call.say('cli.holds_since', time=since)}"
    put(f"{state}  {call.say('cli.is_deleted')}" if record.deleted else state)
    left = dict(record.fields)
    groups = () if record_type is None else record_type.groups
    for group in groups:
        assert record_type is not None
        keys = [field.key for field in record_type.fields if field.group == group.key and field.key in left]
        if keys:
            put()
            put(heading(group.label.of(lang) or group.key))
            labels([_labelled(call, archive, record, key) for key in keys], indent=2)
            for key in keys:
                del left[key]
    if left:
        put()
        labels([_labelled(call, archive, record, key) for key in left], indent=2)
    _note_hidden(call, [record])


def _labelled(call: Invocation, archive: Archive, record: Record, key: str) -> tuple[str, str]:
    return _label(archive.engine.definitions.types.get(record.type), key, call.language), _text(
        call, archive, record.type, key, record.fields[key], masked=key in record.masked
    )


def _label(record_type: RecordType | None, key: str, lang: str) -> str:
    field = None if record_type is None else record_type.by_key.get(key)
    return key if field is None else field.label.of(lang) or key


def _text(call: Invocation, archive: Archive, type_key: str, key: str, value: Any, *, masked: bool) -> str:
    from muniment.cli.values import shown_value

    return shown_value(
        key,
        value,
        masked=masked,
        record_type=archive.engine.definitions.types.get(type_key),
        kinds=archive.engine.kinds,
        lang=call.language,
    )


def _note_hidden(call: Invocation, records: Sequence[Record]) -> None:
    from muniment.cli.output import talk

    masked = {key for record in records for key in record.masked}
    if masked:
        talk(call.say("cli.masked", names=", ".join(sorted(masked))))
    erased = {key for record in records for key in record.erased}
    if erased:
        talk(call.say("cli.erased", names=", ".join(sorted(erased))))


@verb("file", ("Take an attached file out.", "取出附件。"))
@argument("id", _ID)
@argument("field", ("The field's key.", "字段的键。"))
@option(
    "--to",
    required=True,
    metavar="FILE",
    words=("Where to put it; must not be there yet.", "存放位置；不得已存在。"),
)
@option("--version", type=int, metavar="N", words=("Of an earlier version.", "取自较早的版本。"))
@click.pass_obj
def read_file(call: Invocation, id: str, field: str, to: str, version: int | None) -> None:
    """Take an attached file out."""
    from muniment.cli.output import emit, talk
    from muniment.cli.values import value_json
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        found = session.read_file(resolve_record(session, id), field, Path(to), version=version)
        if call.json:
            emit({"files": [{**value_json(found), "path": to}]})
        else:
            talk(call.say("cli.file_written", size=found.size, where=to))


# Its past


@verb(
    "history",
    (
        "Every version of a record: who, when, why and what changed.",
        "查看记录的各个版本：谁、何时、为何、改了什么。",
    ),
)
@argument("id", _ID)
@click.pass_obj
def history(call: Invocation, id: str) -> None:
    """Every version of a record."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        record = resolve_record(session, id)
        steps = session.history(record)
        type_key = _type_key(session, record)
        if call.json:
            from muniment.cli.output import emit

            emit({"versions": [_step_json(step, type_key, archive) for step in steps]})
        else:
            _show_steps(call, archive, type_key, steps)


def _type_key(session: Session, record: str) -> str:
    from muniment.model import id_bytes
    from muniment.session.kernel.engine import SHARD

    with session.engine.store.transaction(write=False) as tx:
        row = tx.current(SHARD, id_bytes(record))
    found = None if row is None else session.engine.definitions.by_number.get(row.type)
    return "" if found is None else found.key


def change_json(change: Difference, type_key: str, archive: Archive) -> dict[str, Any]:
    """How one field changed, as JSON."""
    from muniment.cli.values import fields_json

    record_type = archive.engine.definitions.types.get(type_key)
    covered = (change.field,) if change.masked else ()
    before, after = (
        fields_json({change.field: value}, covered, record_type, archive.engine.kinds)[change.field]
        for value in (change.before, change.after)
    )
    document = {"field": change.field, "before": before, "after": after}
    if change.masked:
        document["masked"] = True
    return document


def _step_json(step: Step, type_key: str, archive: Archive) -> dict[str, Any]:
    from muniment.model import rfc3339

    return {
        "version": step.version,
        "operation": step.operation,
        "recorded": rfc3339(step.recorded_us),
        "effective": rfc3339(step.effective_us),
        "actor": step.actor,
        "purpose": step.purpose,
        "reason": step.reason,
        "entry": step.entry,
        "hash": step.hash,
        "changes": [change_json(change, type_key, archive) for change in step.changes],
        **({"erased": True} if step.erased else {}),
        **(
            {"approval": {"made_by": list(step.made_by), "by": list(step.approved_by)}}
            if step.approved_by
            else {}
        ),
        **({"rule": step.rule} if step.rule else {}),
        **({"category": step.category} if step.category else {}),
        **({"certificate": step.certificate} if step.certificate else {}),
    }


def _show_steps(call: Invocation, archive: Archive, type_key: str, steps: Sequence[Step]) -> None:
    from muniment.cli.output import clean, heading, put
    from muniment.cli.values import OPERATIONS, local_time

    for place, step in enumerate(steps):
        if place:
            put()
        when = local_time(step.recorded_us, archive.applied.timezone)
        who = clean(step.actor or "?")
        operation = call.say(OPERATIONS[step.operation])
        put(heading(call.say("cli.step", version=step.version, operation=operation, time=when)))
        put("  " + call.say("cli.step_who", actor=who, purpose=clean(step.purpose or "?"), entry=step.entry))
        if step.effective_us != step.recorded_us:
            since = local_time(step.effective_us, archive.applied.timezone)
            put("  " + call.say("cli.holds_since", time=since))
        if step.approved_by:
            names = {"makers": clean(", ".join(step.made_by)), "checkers": clean(", ".join(step.approved_by))}
            put("  " + call.say("approval.step", **names))
        if step.reason:
            put("  " + call.say("cli.step_reason", text=clean(step.reason)))
        if step.certificate:
            category = clean(step.category) or call.say("erasure.everything")
            put("  " + call.say("erasure.step", category=category, id=step.certificate))
            if step.rule:
                put("  " + call.say("erasure.step_rule", rule=clean(step.rule)))
        elif step.erased:
            put("  " + call.say("erasure.gone"))
        show_changes(call, archive, type_key, step.changes)


def show_changes(call: Invocation, archive: Archive, type_key: str, changes: Sequence[Difference]) -> None:
    """Print what changed, field by field, under the labels that people know."""
    from muniment.cli.output import clean, labels

    record_type = archive.engine.definitions.types.get(type_key)
    rows = []
    for change in changes:
        before, after = (
            clean(_text(call, archive, type_key, change.field, value, masked=change.masked)) or "—"
            for value in (change.before, change.after)
        )
        rows.append((_label(record_type, change.field, call.language), f"{before}  →  {after}"))
    labels(rows, indent=4)


@verb("diff", ("What differs between two versions of a record.", "比较记录的两个版本。"))
@argument("id", _ID)
@argument("a", ("The one version.", "一个版本。"), type=int)
@argument("b", ("The other.", "另一个版本。"), type=int)
@click.pass_obj
def diff(call: Invocation, id: str, a: int, b: int) -> None:
    """What differs between two versions."""
    from muniment.cli.output import emit, talk
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        record = resolve_record(session, id)
        changes = session.diff(record, a, b)
        type_key = _type_key(session, record)
        if call.json:
            emit({"changes": [change_json(change, type_key, archive) for change in changes]})
        elif changes:
            show_changes(call, archive, type_key, changes)
        else:
            talk(call.say("cli.no_difference"))


# Many records


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
@option(
    "--where",
    multiple=True,
    metavar="F=V",
    words=(
        "Records with this value; may be given several times; also F!=V, 'F>=V', 'F<V'.",
        "具有该值的记录；可多次给出；也可用 F!=V、'F>=V'、'F<V'。",
    ),
)
@_fields
@option(
    "--order",
    metavar="F",
    words=("A field of class public or internal to sort by.", "用于排序的公开或内部级字段。"),
)
@flag("--desc", words=("Largest or newest first.", "降序。"))
@_limit
@_after
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
    import attrs

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
        if not order:
            page = attrs.evolve(page, records=session.views.ordered(shown, page.records))
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
@_fields
@_limit
@_after
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
    from muniment.cli.output import table, talk

    if call.json:
        more: dict[str, Any] = {"after": page.after}
        if page.total is not None:
            more["total"] = page.total
        _emit(page.records, archive, **more)
        return
    fields = [record_type.field(name) for name in columns or ()]
    keys = [field.key for field in fields if field is not None]
    names = _names(session, record_type, page, keys)
    header = [*(_label(record_type, key, call.language) for key in keys), call.say("cli.label_version"), "ID"]
    rows: list[Sequence[object]] = [
        [
            *(
                names.get(str(record.fields.get(key)))
                or _text(call, archive, record.type, key, record.fields.get(key), masked=key in record.masked)
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
    if page.after:
        talk(call.say("cli.more", after=page.after))
    _note_hidden(call, page.records)


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
