"""``muniment import template`` and ``import map``: an empty workbook to fill in, and saved mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.exports.columns import Headers
    from muniment.session.tables.mapped import SavedMapping

__all__ = ["group", "list_maps", "remove", "show", "template"]

_HERE = "muniment.cli.import_help"

group = LazyGroup(
    "map",
    {
        "list": Entry(f"{_HERE}:list_maps", ("The mappings there are.", "列出映射。")),
        "show": Entry(f"{_HERE}:show", ("A mapping as TOML.", "以 TOML 显示映射。")),
        "remove": Entry(f"{_HERE}:remove", ("Take a saved mapping away.", "删除已保存的映射。")),
    },
    words=(
        "Mappings: which column of a file becomes which field. Some come with muniment, for exports of other "
        "programs; `import file ... --save-map NAME` keeps one of your own.",
        "映射：文件的哪一列对应哪个字段。部分为自带，用于其他程序的导出文件；"
        "import file ... --save-map NAME 可保存自己的映射。",
    ),
)

_NAME = ("The mapping's name.", "映射名称。")


@verb(
    "template",
    (
        "Write an empty workbook for a type: headers, drop-downs, and help in each column.\n"
        "Fill it in and give it to `import file`.",
        "为记录类型生成空白工作簿：含表头、下拉选项和填写说明。\n填好后用 import file 导入。",
    ),
    note=(
        "Example: muniment import template customer --to customers.xlsx",
        "示例：muniment import template customer --to 客户.xlsx",
    ),
)
@argument("type", ("The record type.", "记录类型。"))
@option("--to", required=True, metavar="FILE", words=("A file ending in .xlsx.", "以 .xlsx 结尾的文件。"))
@option(
    "--headers",
    type=click.Choice(("key", "en", "zh")),
    words=(
        "Columns by key, or by English or Chinese label; by default in your language.",
        "列名使用键、英文或中文标签；默认使用您的语言。",
    ),
)
@flag("--all", "everything", words=("Hidden fields too.", "包括隐藏字段。"))
@click.pass_obj
def template(call: Invocation, type: str, to: str, headers: str | None, everything: bool) -> None:
    """Write an empty workbook."""
    from muniment.cli.output import emit, talk
    from muniment.exports.blank import write_blank

    with call.session() as (_, session):
        record_type = session.type(type)
        writable = session.view(record_type).writable
        written = write_blank(
            to,
            record_type,
            fields=[
                field.key
                for field in record_type.fields
                if field.key in writable and (everything or not field.hidden)
            ],
            headers=cast("Headers", headers or call.language),
            kinds=session.kinds,
        )
    if call.json:
        emit({"template": {"type": type, "path": written.path, "columns": written.rows}})
    else:
        talk(call.say("import.template_written", count=written.rows, where=written.path))


def _document(one: SavedMapping) -> dict[str, Any]:
    from muniment.imports import mapping_document

    return {
        "name": one.name,
        "id": one.id or None,
        "type": one.mapping.type or None,
        "shipped": not one.id,
        "mapping": mapping_document(one.mapping),
    }


@verb("list", ("The mappings there are, saved and shipped.", "列出已保存和自带的映射。"))
@click.pass_obj
def list_maps(call: Invocation) -> None:
    """The mappings there are."""
    from muniment.cli.output import emit, table

    with call.session() as (_, session):
        found = session.mappings.all()
    if call.json:
        emit({"mappings": [_document(one) for one in found]})
        return
    header = call.words("cli.label_name", "cli.label_type", "view.label_from")
    table(header, [[one.name, one.mapping.type, "" if one.id else "muniment"] for one in found])


@verb(
    "show",
    ("A mapping as TOML, to be edited and given as a file.", "以 TOML 显示映射，可修改后作为文件使用。"),
)
@argument("name", _NAME)
@click.pass_obj
def show(call: Invocation, name: str) -> None:
    """A mapping as TOML."""
    import tomlkit

    from muniment.cli.output import clean, emit, put
    from muniment.imports import mapping_document

    with call.session() as (_, session):
        one = session.mappings.get(name)
    if call.json:
        emit({"mappings": [_document(one)]})
        return
    for line in tomlkit.dumps(mapping_document(one.mapping)).splitlines():
        put(clean(line))


@verb("remove", ("Take a saved mapping away.", "删除已保存的映射。"))
@argument("name", _NAME)
@may_say_why
@click.pass_obj
def remove(call: Invocation, name: str, reason: str | None) -> None:
    """Take a saved mapping away."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        session.mappings.remove(name, reason=reason)
    if call.json:
        emit({"mappings": []})
    else:
        put(one_line(call.say("import.mapping_removed", name=name)))
