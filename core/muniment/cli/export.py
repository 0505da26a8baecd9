"""``muniment export``: records to a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, flag, option, verb
from muniment.cli.invocation import Invocation, names_of
from muniment.errors import NotFound

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.cli.progress import Told
    from muniment.exports import Written
    from muniment.schema import RecordType
    from muniment.session import Asked, Record, Session

__all__ = ["export"]

_PAGE = 1000


@verb(
    "export",
    (
        "Write records to a CSV, XLSX or NDJSON file.\n"
        "The export is one act in the log, whatever its size. No cell can run as a formula, "
        "and an import reads the values back as they were.",
        "将记录导出为 CSV、XLSX 或 NDJSON 文件。\n"
        "无论多少条，一次导出在日志中是同一操作。单元格不会作为公式运行，再次导入可得到原值。",
    ),
    note=(
        "Example: muniment export customer --to customers.xlsx --headers en --reason 'letter in March'",
        "示例：muniment export customer --to 客户.xlsx --headers zh --reason 三月信函",
    ),
)
@argument("type", ("The record type.", "记录类型。"))
@option(
    "--to",
    required=True,
    metavar="FILE",
    words=(
        "A file ending in .csv, .xlsx or .ndjson; - for standard output.",
        "以 .csv、.xlsx 或 .ndjson 结尾的文件；- 为标准输出。",
    ),
)
@option(
    "--reason",
    required=True,
    metavar="TEXT",
    words=("Why, in your own words; sealed.", "原因，用自己的话说明；加密保存。"),
)
@option(
    "--where",
    multiple=True,
    metavar="F=V",
    words=("Records with this value; may be given several times.", "具有该值的记录；可多次给出。"),
)
@option(
    "--fields",
    multiple=True,
    metavar="F,F...",
    words=("Only these fields, in this order.", "只导出这些字段，并按此顺序。"),
)
@option(
    "--headers",
    type=click.Choice(("key", "en", "zh")),
    default="key",
    words=("Columns by key, or by English or Chinese label.", "列名使用键、英文或中文标签。"),
)
@option(
    "--format",
    "form",
    type=click.Choice(("csv", "xlsx", "ndjson")),
    words=("Whatever the file's name says.", "不看文件名，指定格式。"),
)
@flag("--ids", words=("A first column with the records' identifiers.", "首列为记录标识符。"))
@flag("--deleted", words=("What was deleted, instead.", "改为导出已删除的记录。"))
@flag("--scan", words=("Open and compare every record; logged as a scan.", "逐条解密比对；日志记为扫描。"))
@click.pass_obj
def export(
    call: Invocation,
    type: str,
    to: str,
    reason: str,
    where: tuple[str, ...],
    fields: tuple[str, ...],
    headers: str,
    form: str | None,
    ids: bool,
    deleted: bool,
    scan: bool,
) -> None:
    """Write records to a file."""
    from muniment.cli.progress import progress
    from muniment.cli.record_read import conditions
    from muniment.exports import format_of
    from muniment.session import Asked

    # Standard output has no name; what pipes read best is the default there.
    chosen = format_of(to, given=form or ("ndjson" if to == "-" else None))
    with call.session() as (archive, session):
        record_type = session.type(type)
        keys = _keys(session, record_type, names_of(fields))
        asked = Asked(
            type,
            conditions(session, record_type, where),
            fields=keys,
            limit=_PAGE,
            deleted=deleted,
            scan=scan,
            count=True,
            kind="record.export",
            action="record.export",
            members={"recipient": _recipient(to)},
            reason=reason,
        )
        with progress(call.say("cli.exporting"), quiet=call.json) as told:
            records = _records(session, asked, told)
            written = _write(archive, session, record_type, keys, to, chosen, headers, ids, records)
        _tell(call, type, written, told_on_stdout=to == "-")


def _keys(session: Session, record_type: RecordType, named: list[str]) -> list[str]:
    """The fields to export: the named ones, else all that may be seen."""
    readable = session.view(record_type).readable
    for name in named:
        field = record_type.field(name)
        if field is None or field.key not in readable:
            # Denied and missing answer alike, and before a file is begun.
            error = NotFound("schema.unknown_field", where=record_type.key, name=name)
            session.engine.refused(session.acting, "record.export", error, type=record_type.key)
            raise error
    if named:
        return named
    return [field.key for field in record_type.fields if field.key in readable and not field.retired]


def _recipient(to: str) -> str:
    # The file's name without its folder, which may name its owner.
    return "stdout" if to == "-" else Path(to).name[:200]


def _records(session: Session, asked: Asked, told: Told) -> Iterator[Record]:
    done, total = 0, 0
    for page in session.pages(asked):
        total = page.total or total
        yield from page.records
        done += len(page.records)
        told(done, max(total, done))


def _write(
    archive: Archive,
    session: Session,
    record_type: RecordType,
    keys: list[str],
    to: str,
    form: str,
    headers: str,
    ids: bool,
    records: Iterator[Record],
) -> Written:
    from muniment.exports import columns_of, write_csv, write_ndjson, write_xlsx

    masked = session.view(record_type).masked
    kinds = archive.engine.kinds
    if form == "ndjson":
        return write_ndjson(to, record_type, records, fields=keys, masked=masked, kinds=kinds)
    columns = columns_of(record_type, fields=keys, headers=headers, masked=masked, ids=ids)  # type: ignore[arg-type]  # click checked the choice
    if form == "csv":
        return write_csv(to, columns, records, kinds=kinds)
    title = record_type.label.of("zh" if headers == "zh" else "en") or record_type.key
    return write_xlsx(to, columns, records, title=title, kinds=kinds)


def _tell(call: Invocation, type: str, written: Written, *, told_on_stdout: bool) -> None:
    from muniment.cli.output import emit, talk

    if told_on_stdout:
        talk(call.say("cli.exported", count=written.rows, where=call.say("cli.standard_output")))
    elif call.json:
        emit(
            {
                "export": {
                    "type": type,
                    "path": written.path,
                    "rows": written.rows,
                    "size": written.size,
                    "sha256": written.digest.hex(),
                }
            }
        )
    else:
        talk(call.say("cli.exported", count=written.rows, where=written.path))
