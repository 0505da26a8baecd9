"""``muniment export``: records to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, flag, having, must_say_why, option, verb
from muniment.cli.invocation import Invocation, names_of

if TYPE_CHECKING:
    from muniment.exports import Written

__all__ = ["export"]


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
@must_say_why
@option(
    "--view",
    "view_name",
    metavar="V",
    words=("What a saved view shows: `view list`.", "导出已保存视图的内容，见 view list。"),
)
@having
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
@option(
    "--recipient",
    default="",
    metavar="NAME",
    words=(
        "Who gets it, where that is somebody else; the law may want a separate consent.",
        "接收方（组织以外）；法律可能要求单独同意。",
    ),
)
@option("--country", default="", metavar="CC", words=("Where they are, such as US.", "接收方国家，如 US。"))
@flag("--public", words=("It is going to be public.", "将予公开。"))
@flag("--ids", words=("A first column with the records' identifiers.", "首列为记录标识符。"))
@flag("--deleted", words=("What was deleted, instead.", "改为导出已删除的记录。"))
@flag("--scan", words=("Open and compare every record; logged as a scan.", "逐条解密比对；日志记为扫描。"))
@click.pass_obj
def export(
    call: Invocation,
    type: str,
    to: str,
    reason: str,
    view_name: str | None,
    where: tuple[str, ...],
    fields: tuple[str, ...],
    headers: str,
    form: str | None,
    recipient: str,
    country: str,
    public: bool,
    ids: bool,
    deleted: bool,
    scan: bool,
) -> None:
    """Write records to a file."""
    from muniment.cli.progress import progress
    from muniment.cli.record_list import conditions
    from muniment.schema import ListView

    with call.session() as (_, session):
        saved = session.views.get(type, view_name) if view_name else None
        shown = ListView(key="", type=type) if saved is None else saved.view
        equal, compared = conditions(session, session.type(type), where)
        asked = session.views.asked(type, shown, where=equal, filters=compared)
        with progress(call.say("cli.exporting"), quiet=call.json) as told:
            written = session.export_file(
                type,
                to,
                where=asked.where,
                filters=asked.filters,
                order_by=asked.order_by,
                descending=asked.descending,
                view="" if saved is None else saved.name,
                recipient=recipient,
                country=country,
                public=public,
                fields=names_of(fields) or shown.columns or None,
                headers=headers,
                form=form,
                ids=ids,
                deleted=deleted,
                scan=scan,
                reason=reason,
                progress=lambda done, total: told(done, total or 0),
            )
        _tell(call, type, written, on_stdout=to == "-")
        if (recipient or country or public) and not call.json:
            from muniment.cli.output import talk

            talk(call.say("export.separate"))


def _tell(call: Invocation, type: str, written: Written, *, on_stdout: bool) -> None:
    from muniment.cli.output import emit, talk

    if on_stdout:
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
