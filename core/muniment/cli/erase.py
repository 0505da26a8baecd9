"""Erasing: ``subject erase`` and ``record erase``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, option, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.session.rights.erasing import Erased

__all__ = ["erase_record", "erase_subject"]

_reason = option(
    "--reason",
    required=True,
    metavar="TEXT",
    words=("Why, in your own words; sealed.", "原因，用自己的话说明；加密保存。"),
)


@verb(
    "erase",
    (
        "Erase a person or organisation for ever: all their records, reasons and files.\n"
        "It cannot be undone. The history still says that something was; a certificate says what was done.",
        "永久删除一个主体的全部记录、原因说明和附件。\n此操作不可撤销。历史仍显示曾有内容，并出具删除证明。",
    ),
    note=(
        "Example: muniment subject erase customer:C-1001 --reason 'asked for it on 3 May'",
        "示例：muniment subject erase customer:C-1001 --reason 本人5月3日要求",
    ),
)
@argument("id", ("The subject: an identifier, or TYPE:VALUE.", "主体：标识符，或“类型:值”。"))
@_reason
@click.pass_obj
def erase_subject(call: Invocation, id: str, reason: str) -> None:
    """Erase a subject."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        _tell(call, session.erasures.subject(resolve_record(session, id), reason=reason))


@verb(
    "erase",
    (
        "Erase one record for ever, or one retention category of it.\nIt cannot be undone.",
        "永久删除一条记录，或其中一个留存类别。\n此操作不可撤销。",
    ),
)
@argument("id", ("The record: an identifier, or TYPE:VALUE.", "记录：标识符，或“类型:值”。"))
@option("--category", default="", metavar="C", words=("This retention category alone.", "仅此留存类别。"))
@_reason
@click.pass_obj
def erase_record(call: Invocation, id: str, category: str, reason: str) -> None:
    """Erase a record."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        record = resolve_record(session, id)
        _tell(call, session.erasures.record(record, category=category, reason=reason))


def _tell(call: Invocation, erased: Erased) -> None:
    """Say what went, and no less plainly what stays and why."""
    from muniment.cli.output import emit, one_line, put
    from muniment.model import id_text

    if call.json:
        kept = [
            {
                "record": id_text(one.target.id),
                "code": one.error.code,
                "detail": one.error.text(call.language),
            }
            for one in erased.refused
        ]
        emit({"certificate": dict(erased.certificate), "kept": kept})
        return
    if erased.id:
        put(one_line(call.say("erasure.done", id=erased.id)))
    for one in erased.refused:
        put(one_line(call.say("erasure.kept", why=one.error.text(call.language))))
