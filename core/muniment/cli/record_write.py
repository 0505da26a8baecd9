"""``muniment record``: the verbs that write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, may_say_why, must_say_why, option, record_id, verb
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Saved, Session

__all__ = ["attach", "correct", "create", "delete", "undelete", "update"]

_VALUES = (
    "Fields: name=value; name= clears; name=@file reads a text; name=@@x begins with an at sign.",
    "字段：名称=值；“名称=”为清空；“名称=@文件”读取文本；“名称=@@x”表示以 @ 开头。",
)
_expect = option(
    "--expect",
    type=int,
    metavar="VERSION",
    words=("The version you saw; a newer one is a conflict.", "您看到的版本；如有更新版本则视为冲突。"),
)
_effective = option(
    "--effective",
    metavar="T",
    words=("Since when it holds, such as 2026-03-01.", "自何时生效，如 2026-03-01。"),
)
_retry = option(
    "--idempotency-key",
    metavar="KEY",
    words=("A retry with the same key is done once, for a day.", "相同键的重试一天内只执行一次。"),
)
_document = option(
    "--from-json",
    metavar="FILE",
    words=("Values as a JSON object; - reads standard input.", "以 JSON 对象给出的值；- 表示标准输入。"),
)


def _given(values: tuple[str, ...], document: str | None) -> dict[str, object]:
    """Values out of words and a document; a word counts before the document."""
    from muniment.cli.values import assignments, json_values

    made = {**(json_values(document) if document else {}), **assignments(values)}
    if not made:
        raise UsageError("cli.no_values")
    return made


def _type_of(session: Session, record: str) -> str | None:
    """The type of a record, for its references; found without reading a value."""
    from muniment.model import id_bytes
    from muniment.session.kernel.engine import SHARD

    with session.engine.store.transaction(write=False) as tx:
        row = tx.current(SHARD, id_bytes(record))
    found = None if row is None else session.engine.definitions.by_number.get(row.type)
    return None if found is None else found.key


def _resolved(session: Session, type_key: str | None, values: Mapping[str, object]) -> dict[str, object]:
    from muniment.session.reading.references import resolve_references

    if type_key is None:
        return dict(values)
    return resolve_references(session, session.engine.record_type(type_key), values)


@verb(
    "create",
    ("Make a record.", "新建记录。"),
    note=(
        "Example: muniment record create customer full_name='Anna Schmidt' city=Berlin --reason walk-in",
        "示例：muniment record create customer full_name=王芳 phone=13800138000 --reason 到店",
    ),
)
@argument("type", ("The record type.", "记录类型。"))
@argument("values", _VALUES, nargs=-1, metavar="F=V...")
@may_say_why
@_effective
@_retry
@_document
@click.pass_obj
def create(
    call: Invocation,
    type: str,
    values: tuple[str, ...],
    reason: str | None,
    effective: str | None,
    idempotency_key: str | None,
    from_json: str | None,
) -> None:
    """Make a record."""
    given = _given(values, from_json)
    with call.session() as (archive, session):
        saved = session.create(
            type,
            _resolved(session, session.engine.record_type(type).key, given),
            reason=reason,
            effective=effective,
            idempotency_key=idempotency_key,
        )
        _tell(call, archive, saved, "cli.created")


@verb(
    "update",
    (
        "Change fields of a record.\nWhat is there already writes no version.",
        "修改记录字段。\n内容未变则不产生新版本。",
    ),
    note=(
        "Example: muniment record update ID phone='030 7654321' --expect 1 --reason 'caller asked'",
        "示例：muniment record update ID phone=13900139000 --expect 1 --reason 来电要求",
    ),
)
@record_id
@argument("values", _VALUES, nargs=-1, metavar="F=V...")
@may_say_why
@_expect
@_effective
@_retry
@_document
@click.pass_obj
def update(
    call: Invocation,
    id: str,
    values: tuple[str, ...],
    reason: str | None,
    expect: int | None,
    effective: str | None,
    idempotency_key: str | None,
    from_json: str | None,
) -> None:
    """Change fields of a record."""
    _change(call, "update", id, _given(values, from_json), reason, expect, effective, idempotency_key)


@verb(
    "correct",
    (
        "Put right what was wrong from the start.\n"
        "The correction holds since the version that it corrects did.",
        "更正从一开始就有误的内容。\n更正的生效时间与被更正的版本相同。",
    ),
)
@record_id
@argument("values", _VALUES, nargs=-1, metavar="F=V...")
@may_say_why
@_expect
@_effective
@_retry
@_document
@click.pass_obj
def correct(
    call: Invocation,
    id: str,
    values: tuple[str, ...],
    reason: str | None,
    expect: int | None,
    effective: str | None,
    idempotency_key: str | None,
    from_json: str | None,
) -> None:
    """Put right what was wrong."""
    _change(call, "correct", id, _given(values, from_json), reason, expect, effective, idempotency_key)


def _change(
    call: Invocation,
    operation: str,
    id: str,
    given: dict[str, object],
    reason: str | None,
    expect: int | None,
    effective: str | None,
    idempotency_key: str | None,
) -> None:
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        record = resolve_record(session, id)
        values = _resolved(session, _type_of(session, record), given)
        write = session.update if operation == "update" else session.correct
        saved = write(
            record,
            values,
            expected_version=expect,
            reason=reason,
            effective=effective,
            idempotency_key=idempotency_key,
        )
        _tell(call, archive, saved, "cli.saved")


@verb(
    "delete",
    (
        "Take a record out of the lists.\nIt can be brought back until retention disposes of it.",
        "将记录移出列表。\n在按留存规则处置之前均可恢复。",
    ),
)
@record_id
@must_say_why
@_expect
@click.pass_obj
def delete(call: Invocation, id: str, reason: str, expect: int | None) -> None:
    """Take a record out of the lists."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        saved = session.delete(resolve_record(session, id), reason=reason, expected_version=expect)
        _tell(call, archive, saved, "cli.deleted")


@verb("undelete", ("Bring a deleted record back.", "恢复已删除的记录。"))
@record_id
@may_say_why
@_expect
@click.pass_obj
def undelete(call: Invocation, id: str, reason: str | None, expect: int | None) -> None:
    """Bring a deleted record back."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        saved = session.undelete(resolve_record(session, id), reason=reason, expected_version=expect)
        _tell(call, archive, saved, "cli.undeleted")


@verb(
    "attach",
    (
        "Seal a file into a field of kind file.\nThe file before stays with its version.",
        "将文件加密附到文件类字段。\n之前的文件随其版本保留。",
    ),
)
@record_id
@argument("field", ("The field's key.", "字段的键。"))
@argument("path", ("The file.", "文件。"), metavar="FILE")
@option(
    "--name",
    metavar="TEXT",
    words=("Under this name, instead of the file's own.", "使用此名称而非文件原名。"),
)
@may_say_why
@_expect
@click.pass_obj
def attach(
    call: Invocation, id: str, field: str, path: str, name: str | None, reason: str | None, expect: int | None
) -> None:
    """Seal a file into a field."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        record = resolve_record(session, id)
        saved = session.attach(record, field, Path(path), name=name, expected_version=expect, reason=reason)
        _tell(call, archive, saved, "cli.saved")


def _tell(call: Invocation, archive: Archive, saved: Saved, code: str) -> None:
    """Say what became of a change; values are not read back."""
    from muniment.cli.output import emit, one_line, put, talk

    if call.json:
        document = {
            "id": saved.id,
            "type": saved.type,
            "subject": saved.subject,
            "version": saved.version,
            "written": saved.written,
            "warnings": [
                {"field": one.field, "code": one.code, "detail": one.text(call.language)}
                for one in saved.warnings
            ],
        }
        emit({"records": [document]})
        return
    record_type = archive.engine.definitions.types[saved.type]
    label = record_type.label.of(call.language) or saved.type
    said = code if saved.written else "cli.unchanged"
    put(call.say(said, type=label, id=saved.id, version=saved.version))
    for issue in saved.warnings:
        talk(one_line(f"{issue.text(call.language)} [{issue.code}]"))
