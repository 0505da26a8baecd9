"""``muniment import``: spreadsheets in, and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, paged, verb
from muniment.cli.invocation import Invocation, names_of

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.errors import Issue
    from muniment.imports.run import Imported, Preview

__all__ = ["file", "group", "list_imports", "revert"]

_HERE = "muniment.cli.imports"

group = LazyGroup(
    "import",
    {
        "file": Entry(f"{_HERE}:file", ("Bring a CSV file or a workbook in.", "导入 CSV 文件或工作簿。")),
        "template": Entry(
            "muniment.cli.import_help:template",
            ("An empty workbook to fill in.", "生成空白工作簿供填写。"),
        ),
        "map": Entry("muniment.cli.import_help:group", ("Saved mappings of columns.", "已保存的列映射。")),
        "list": Entry(f"{_HERE}:list_imports", ("The imports there were.", "列出历次导入。")),
        "revert": Entry(f"{_HERE}:revert", ("Undo an import.", "撤销导入。")),
    },
    words=("Spreadsheets in, and undone.", "导入表格，以及撤销导入。"),
)


@verb(
    "file",
    (
        "Bring a CSV file, an XLSX or an ODS workbook in.\n"
        "Columns find their fields by key, by label in English or Chinese, or by a usual name; "
        "a mapping says the rest. "
        "Rows that are refused are told with column and reason, and the exit code is 6.",
        "导入 CSV 文件、XLSX 或 ODS 工作簿。\n"
        "列按字段的键、中英文标签或常用名称对应，其余由映射文件说明。"
        "被拒绝的行会说明列和原因，退出码为 6。",
    ),
    note=(
        "Example: muniment import file customer list.xlsx --match customer_number --dry-run",
        "示例：muniment import file customer 客户.xlsx --match customer_number --dry-run",
    ),
)
@argument("type", ("The record type.", "记录类型。"))
@argument("path", ("The file.", "文件。"), metavar="FILE")
@option(
    "--map",
    "mapping",
    metavar="M",
    words=(
        "What a team wrote down about such files: a TOML file, or a name of `import map list`.",
        "团队为此类文件编写的映射：TOML 文件，或 import map list 中的名称。",
    ),
)
@option(
    "--save-map",
    metavar="NAME",
    words=("Keep under this name which column was which.", "将本次列对应关系以此名称保存。"),
)
@option(
    "--match",
    multiple=True,
    metavar="F,F...",
    words=("Fields by which a row finds the record that it updates.", "按哪些字段查找要更新的记录。"),
)
@option(
    "--ignore",
    multiple=True,
    metavar="COLUMN",
    words=("A column to leave out, by its header.", "不导入的列，按表头指定。"),
)
@flag(
    "--ignore-unknown",
    words=("Leave out columns that no field takes; they are told.", "没有对应字段的列不导入，并予以列出。"),
)
@flag("--dry-run", words=("Write nothing; show what would change.", "不写入，只显示将要发生的变更。"))
@option(
    "--rejects",
    metavar="FILE",
    words=(
        "A CSV or XLSX file for refused rows, to mend and import again.",
        "被拒行写入此 CSV 或 XLSX 文件，改好后可再次导入。",
    ),
)
@option(
    "--empty",
    type=click.Choice(("keep", "clear")),
    words=("What an empty cell does to a value that is there.", "空单元格对已有值的作用：保留或清空。"),
)
@option("--sheet", metavar="NAME", words=("The sheet of a workbook.", "工作簿中的工作表。"))
@option(
    "--encoding", metavar="NAME", words=("Of a CSV file, such as gb18030.", "CSV 文件的编码，如 gb18030。")
)
@option("--delimiter", metavar="C", words=("Of a CSV file.", "CSV 文件的分隔符。"))
@option("--header-row", type=click.IntRange(1), metavar="N", words=("The row of the header.", "表头所在行。"))
@may_say_why
@click.pass_obj
def file(
    call: Invocation,
    type: str,
    path: str,
    mapping: str | None,
    save_map: str | None,
    match: tuple[str, ...],
    ignore: tuple[str, ...],
    ignore_unknown: bool,
    dry_run: bool,
    rejects: str | None,
    empty: str | None,
    sheet: str | None,
    encoding: str | None,
    delimiter: str | None,
    header_row: int | None,
    reason: str | None,
) -> None:
    """Bring a spreadsheet in."""
    import attrs

    from muniment.cli.output import talk
    from muniment.cli.progress import progress
    from muniment.imports import Mapping

    with call.session() as (archive, session):
        if save_map is not None:
            session.mappings.check_name(save_map)
        known = session.mappings.find(mapping) if mapping else None
        if ignore:
            known = attrs.evolve(known or Mapping(), ignore=(*(known.ignore if known else ()), *ignore))
        if ignore_unknown:
            known = attrs.evolve(known or Mapping(), lenient=True)
        with progress(call.say("cli.importing"), quiet=call.json) as told:
            done = session.import_file(
                type,
                path,
                mapping=known,
                match=names_of(match),
                dry_run=dry_run,
                empty=empty or "",
                sheet=sheet,
                encoding=encoding,
                delimiter=delimiter,
                header_row=header_row,
                rejects_to=rejects,
                lang=call.language,
                reason=reason,
                progress=lambda count, total: told(count, total or 0),
            )
        _tell(call, archive, done, path)
        if save_map is not None and done.mapping is not None and not dry_run:
            session.mappings.save(save_map, done.mapping, reason=reason)
        if save_map is not None:
            talk(call.say("import.no_save_dry" if dry_run else "import.mapping_saved", name=save_map))
    if done.rejected:
        raise click.exceptions.Exit(6)


def _issue(issue: Issue, lang: str) -> dict[str, Any]:
    return {"field": issue.field, "code": issue.code, "detail": issue.text(lang)}


def _document(archive: Archive, done: Imported, path: str, lang: str) -> dict[str, Any]:
    return {
        "id": done.id or None,
        "type": done.type,
        "file": path,
        "dry_run": done.dry_run,
        "rows": done.rows,
        "created": done.created,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "rejected": done.rejected,
        "match": list(done.match),
        "notes": [_issue(one, lang) for one in done.notes],
        "warnings": dict(done.warnings),
        "problems": [
            {
                "row": one.row,
                "columns": list(one.columns),
                "issues": [_issue(issue, lang) for issue in one.issues],
            }
            for one in done.problems
        ],
        "changes": [_preview(archive, done.type, one) for one in done.changes],
        "rejects": None if done.rejects is None else done.rejects.path,
    }


def _preview(archive: Archive, type_key: str, one: Preview) -> dict[str, Any]:
    from muniment.cli.record_read import change_json

    return {
        "row": one.row,
        "status": one.status,
        "record": one.record or None,
        "changes": [change_json(change, type_key, archive) for change in one.changes],
    }


def _tell(call: Invocation, archive: Archive, done: Imported, path: str) -> None:
    from muniment.cli.output import clean, emit, one_line, put, table, talk
    from muniment.errors import text_of

    lang = call.language
    if call.json:
        emit({"imports": [_document(archive, done, path, lang)]})
        return
    for note in done.notes:
        talk(one_line(f"{note.text(lang)} [{note.code}]"))
    if done.changes:
        _show_previews(call, archive, done)
    if done.problems:
        header = call.words("cli.label_row", "cli.label_column", "cli.label_reason")
        alike: dict[tuple[str, str], list[int]] = {}
        for one in done.problems:
            reason = " ".join(f"{issue.text(lang)} [{issue.code}]" for issue in one.issues)
            alike.setdefault((", ".join(one.columns), reason), []).append(one.row)
        table(header, [[_ranges(rows), columns, reason] for (columns, reason), rows in alike.items()])
        if done.rejected > len(done.problems):
            talk(call.say("cli.more_problems", count=done.rejected - len(done.problems)))
    for code, count in done.warnings.items():
        talk(call.say("cli.warned", code=code, count=count, text=text_of(code, lang)[0]))
    said = "cli.would_import" if done.dry_run else "cli.imported"
    put(
        call.say(
            said,
            rows=done.rows,
            created=done.created,
            updated=done.updated,
            unchanged=done.unchanged,
            rejected=done.rejected,
        )
    )
    if done.rejects is not None:
        talk(call.say("cli.rejects_written", where=clean(done.rejects.path)))
    elif done.rejected:
        talk(call.say("cli.rejects_wanted"))
    if done.id:
        talk(call.say("cli.import_is", id=done.id))


def _ranges(numbers: list[int]) -> str:
    """Numbers in ascending order, those that follow each other as a range: ``2-4, 7``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)


def _show_previews(call: Invocation, archive: Archive, done: Imported) -> None:
    from muniment.cli.output import heading, put
    from muniment.cli.record_read import show_changes

    for one in done.changes:
        code = "cli.row_created" if one.status == "created" else "cli.row_updated"
        put(heading(call.say(code, row=one.row, id=one.record)))
        show_changes(call, archive, done.type, one.changes)


@verb("list", ("The imports there were, newest first.", "列出历次导入，最新的在前。"))
@paged(50)
@click.pass_obj
def list_imports(call: Invocation, limit: int, after: str | None) -> None:
    """The imports there were."""
    from muniment.cli.output import emit, lead_on, table, talk
    from muniment.cli.values import fields_json, local_time
    from muniment.model import rfc3339

    with call.session() as (archive, session):
        found = session.imports(limit=limit, after=after)
        record_type = archive.engine.definitions.types["import"]
        kinds = archive.engine.kinds
        if call.json:
            emit(
                {
                    "imports": [
                        {
                            "id": one.id,
                            "recorded": rfc3339(one.recorded_us),
                            **fields_json(one.fields, one.masked, record_type, kinds),
                        }
                        for one in found
                    ],
                    "after": found.after,
                }
            )
            return
        names = ("file_name", "record_type", "state", "rows", "created", "updated", "unchanged", "rejected")
        header = [
            call.say("cli.label_time"),
            *(record_type.by_key[name].label.of(call.language) for name in names),
            "ID",
        ]
        rows: list[list[object]] = [
            [
                local_time(one.recorded_us, archive.applied.timezone),
                *(
                    value
                    if isinstance(value := one.fields.get(name), int)
                    else _shown(call, archive, name, value)
                    for name in names
                ),
                one.id,
            ]
            for one in found
        ]
        if rows:
            table(header, rows)
        talk(call.say("cli.found_imports", count=len(rows)))
        lead_on(call, found.after)


def _shown(call: Invocation, archive: Archive, key: str, value: Any) -> str:
    from muniment.cli.values import shown_value

    record_type = archive.engine.definitions.types["import"]
    return shown_value(
        key, value, masked=False, record_type=record_type, kinds=archive.engine.kinds, lang=call.language
    )


@verb(
    "revert",
    (
        "Undo an import: what it made is deleted, what it changed gets back its values, as new versions.\n"
        "What somebody changed since is left alone, and the exit code is 5.",
        "撤销导入：删除其新建的记录，恢复其修改前的值，均记为新版本。\n"
        "之后被他人修改过的内容保持不变，退出码为 5。",
    ),
)
@argument("id", ("The import's identifier.", "导入编号。"))
@flag("--force", words=("Set back also what was changed since.", "之后被修改过的内容也一并恢复。"))
@may_say_why
@click.pass_obj
def revert(call: Invocation, id: str, force: bool, reason: str | None) -> None:
    """Undo an import."""
    import attrs

    from muniment.cli.output import emit, put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("cli.reverting"), quiet=call.json) as told:
        done = session.revert_import(
            id, reason=reason, force=force, progress=lambda count, total: told(count, total or 0)
        )
    if call.json:
        emit({"reverted": attrs.asdict(done)})
    else:
        put(
            call.say(
                "cli.reverted",
                deleted=done.deleted,
                restored=done.restored,
                gone=done.gone,
                conflicts=done.conflicts,
            )
        )
        for record in done.records:
            put(f"  {record}")
    if done.conflicts:
        raise click.exceptions.Exit(5)
