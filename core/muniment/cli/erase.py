"""Erasing: ``subject erase`` and ``record erase``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, flag, must_say_why, option, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.session.rights.erasing import Erased
    from muniment.session.rights.erasures import Planned

__all__ = ["erase_record", "erase_subject"]


@verb(
    "erase",
    (
        "Erase a person or organisation for ever: all their records, reasons and files.\n"
        "It cannot be undone. The history still says that something was; a certificate says what was done.\n"
        "Whoever was merged with them goes with them; undo the merge first where it was wrong. What a law "
        "wants kept stays for storage only.",
        "永久删除一个主体的全部记录、原因说明和附件。\n此操作不可撤销。历史仍显示曾有内容，并出具删除证明。\n"
        "与其合并的主体一并删除；如合并有误，请先撤销合并。法律要求保存的内容自此仅可存储。",
    ),
    note=(
        "Example: muniment subject erase customer:C-1001 --reason 'asked for it on 3 May'",
        "示例：muniment subject erase customer:C-1001 --reason 本人5月3日要求",
    ),
)
@argument("id", ("The subject: an identifier, or TYPE:VALUE.", "主体：标识符，或“类型:值”。"))
@option(
    "--reason",
    metavar="TEXT",
    words=(
        "Why, in your own words; sealed. Needed to erase.",
        "原因，用自己的话说明；加密保存。删除时必填。",
    ),
)
@flag("--dry-run", words=("Only say what would go, and what stays and why.", "仅列出将删除和保留的内容。"))
@click.pass_obj
def erase_subject(call: Invocation, id: str, reason: str | None, dry_run: bool) -> None:
    """Erase a subject."""
    from muniment.errors import UsageError
    from muniment.session.reading.references import resolve_record

    if not dry_run and not reason:
        raise UsageError("cli.missing", name="--reason")
    with call.session() as (_, session):
        subject = resolve_record(session, id)
        if dry_run:
            _tell_plan(call, session.erasures.plan(subject))
        else:
            _tell(call, session.erasures.subject(subject, reason=reason or ""))


def _tell_plan(call: Invocation, planned: Planned) -> None:
    """What would go, and what stays and why."""
    from muniment.cli.output import emit, one_line, put

    why = [error.text(call.language) for error in planned.why]
    kept = [{**one.document(), "detail": detail} for one, detail in zip(planned.kept, why, strict=True)]
    if call.json:
        emit(
            {
                "subjects": list(planned.subjects),
                "records": dict(planned.records),
                "goes": [{"id": id, "category": category} for id, category in planned.goes],
                "kept": kept,
                "holds": list(planned.holds),
            }
        )
        return
    if len(planned.subjects) > 1:
        ids = ", ".join(planned.subjects)
        put(one_line(call.say("erasure.plan_merged", count=len(planned.subjects), ids=ids)))
    for hold in planned.holds:
        put(one_line(call.say("erasure.plan_held", id=hold)))
    if not planned.kept:
        put(one_line(call.say("erasure.plan_goes", count=sum(planned.records.values()))))
    else:
        for id, category in planned.goes:
            named = category or call.say("erasure.everything")
            put(one_line(call.say("erasure.plan_part", id=id, category=named)))
    for detail in why:
        put(one_line(call.say("erasure.kept", why=detail)))


@verb(
    "erase",
    (
        "Erase one record for ever, or one retention category of it.\nIt cannot be undone.",
        "永久删除一条记录，或其中一个留存类别。\n此操作不可撤销。",
    ),
)
@argument("id", ("The record: an identifier, or TYPE:VALUE.", "记录：标识符，或“类型:值”。"))
@option("--category", default="", metavar="C", words=("This retention category alone.", "仅此留存类别。"))
@must_say_why
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
    if erased.refused and erased.id:
        put(one_line(call.say("erasure.storage_only")))
