"""``muniment record``: the verbs that read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import argument, only_fields, option, record_id, verb
from muniment.cli.invocation import Invocation, names_of

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.imports.rows import Difference
    from muniment.schema import RecordType
    from muniment.session import Record, Session, Step

__all__ = [
    "change_json",
    "diff",
    "emit_records",
    "field_label",
    "get",
    "history",
    "note_hidden",
    "read_file",
    "show_changes",
    "value_text",
]


@verb("get", ("Read one record.", "读取一条记录。"))
@record_id
@only_fields
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
            emit_records([record], archive)
        else:
            _show(call, archive, record)


def emit_records(records: Sequence[Record], archive: Archive, **more: Any) -> None:
    """Print records as JSON, with what else belongs beside them."""
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
    note_hidden(call, [record])


def _labelled(call: Invocation, archive: Archive, record: Record, key: str) -> tuple[str, str]:
    return field_label(archive.engine.definitions.types.get(record.type), key, call.language), value_text(
        call, archive, record.type, key, record.fields[key], masked=key in record.masked
    )


def field_label(record_type: RecordType | None, key: str, lang: str) -> str:
    """What a field goes by in a language; its key where the type is gone."""
    field = None if record_type is None else record_type.by_key.get(key)
    return key if field is None else field.label.of(lang) or key


def value_text(
    call: Invocation, archive: Archive, type_key: str, key: str, value: Any, *, masked: bool
) -> str:
    """A value as a person reads it, or that it is masked."""
    from muniment.cli.values import shown_value

    return shown_value(
        key,
        value,
        masked=masked,
        record_type=archive.engine.definitions.types.get(type_key),
        kinds=archive.engine.kinds,
        lang=call.language,
    )


def note_hidden(call: Invocation, records: Sequence[Record]) -> None:
    """Say below that fields were withheld, and how to see them."""
    from muniment.cli.output import talk

    masked = {key for record in records for key in record.masked}
    if masked:
        talk(call.say("cli.masked", names=", ".join(sorted(masked))))
    erased = {key for record in records for key in record.erased}
    if erased:
        talk(call.say("cli.erased", names=", ".join(sorted(erased))))


@verb("file", ("Take an attached file out.", "取出附件。"))
@record_id
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
@record_id
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
            clean(value_text(call, archive, type_key, change.field, value, masked=change.masked)) or "—"
            for value in (change.before, change.after)
        )
        rows.append((field_label(record_type, change.field, call.language), f"{before}  →  {after}"))
    labels(rows, indent=4)


@verb("diff", ("What differs between two versions of a record.", "比较记录的两个版本。"))
@record_id
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
