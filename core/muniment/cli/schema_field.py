"""``muniment schema field``: what a team changes in a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, verb
from muniment.cli.invocation import Invocation, names_of
from muniment.errors import UsageError
from muniment.model import CLASSES

if TYPE_CHECKING:
    from muniment.schema import Choice

__all__ = ["add", "field", "hide", "rename", "retire"]

_HERE = "muniment.cli.schema_field"

field = LazyGroup(
    "field",
    {
        "add": Entry(f"{_HERE}:add", ("Add a field to a type.", "为类型添加字段。")),
        "rename": Entry(f"{_HERE}:rename", ("Give a field another key.", "修改字段的键。")),
        "hide": Entry(f"{_HERE}:hide", ("Leave a field out of forms and lists.", "在表单和列表中隐藏字段。")),
        "retire": Entry(
            f"{_HERE}:retire", ("Take no more values; stored ones stay.", "停用字段；已存的值保留。")
        ),
    },
    words=(
        "Change the fields of a type. A field is never removed: old versions show as they were.",
        "修改类型的字段。字段从不删除：旧版本按原样显示。",
    ),
)

_TYPE = ("The record type.", "记录类型。")
_KEY = ("The field's key.", "字段的键。")
_dry_run = flag(
    "--dry-run",
    words=(
        "Show what would change, also for the records that are there, and change nothing.",
        "只显示将要发生的变更及其对现有记录的影响，不作修改。",
    ),
)


def _words(en: str | None, zh: str | None, fallback: str) -> tuple[str, str]:
    return en or zh or fallback, zh or en or fallback


@verb(
    "add",
    ("Add a field to a type.", "为类型添加字段。"),
    note=(
        "Example: muniment schema field add customer shoe --kind integer --class internal --label-en Shoe",
        "示例：muniment schema field add customer shoe --kind integer --class internal --label-zh 鞋码",
    ),
)
@argument("type", _TYPE)
@argument("key", ("Small letters, digits and underscores.", "小写字母、数字和下划线。"))
@option(
    "--kind",
    required=True,
    metavar="K",
    words=("Such as text, date, money, choice, phone.", "如 text、date、money、choice、phone。"),
)
@option(
    "--class",
    "sensitivity",
    required=True,
    type=click.Choice(CLASSES),
    words=("How sensitive it is.", "敏感级别。"),
)
@option("--group", metavar="G", words=("The layout group; by default the first.", "布局分组；默认为第一组。"))
@option("--label-en", metavar="TEXT", words=("Label in English.", "英文标签。"))
@option("--label-zh", metavar="TEXT", words=("Label in Chinese.", "中文标签。"))
@option("--help-en", metavar="TEXT", words=("Help in English.", "英文说明。"))
@option("--help-zh", metavar="TEXT", words=("Help in Chinese.", "中文说明。"))
@option(
    "--choice",
    "choices",
    multiple=True,
    metavar="KEY:EN:ZH",
    words=("A choice; may be given several times.", "选项；可多次给出。"),
)
@option(
    "--index",
    "indexes",
    multiple=True,
    metavar="I,I...",
    words=(
        "Blind indexes: exact, normalised, unique, prefix, last_four, words.",
        "盲索引：exact、normalised、unique、prefix、last_four、words。",
    ),
)
@option("--target", default="", metavar="TYPE", words=("Where a reference points to.", "关联指向的类型。"))
@option(
    "--default", metavar="V", words=("The value of a new record that gives none.", "新记录未填写时的默认值。")
)
@option(
    "--mask",
    default="",
    metavar="M",
    words=(
        "How it is covered up: full, last_four, first, mail, year.",
        "遮盖方式：full、last_four、first、mail、year。",
    ),
)
@flag("--required", words=("A record without it is refused.", "必填。"))
@flag("--unique", words=("No two records hold the same value.", "取值唯一。"))
@_dry_run
@may_say_why
@click.pass_obj
def add(
    call: Invocation,
    type: str,
    key: str,
    kind: str,
    sensitivity: str,
    group: str | None,
    label_en: str | None,
    label_zh: str | None,
    help_en: str | None,
    help_zh: str | None,
    choices: tuple[str, ...],
    indexes: tuple[str, ...],
    target: str,
    default: str | None,
    mask: str,
    required: bool,
    unique: bool,
    dry_run: bool,
    reason: str | None,
) -> None:
    """Add a field to a type."""
    from muniment.cli.schema import edit_type
    from muniment.schema import Field, RecordType
    from muniment.schema.edits import add_field
    from muniment.schema.values import Label

    def edit(record_type: RecordType) -> RecordType:
        made = Field(
            key=key,
            kind=kind,
            label=Label(*_words(label_en, label_zh, key)),
            help=Label(*_words(help_en, help_zh, "")),
            group=group or record_type.groups[0].key,
            sensitivity=sensitivity,
            required=required,
            unique=unique,
            default=default,
            index=tuple(names_of(indexes)),
            mask=mask,
            choices=_choices(choices),
            target=target,
        )
        return add_field(record_type, made)

    edit_type(call, type, edit, reason, dry_run=dry_run)


def _choices(given: tuple[str, ...]) -> tuple[Choice, ...]:
    from muniment.schema import Choice as Made
    from muniment.schema.values import Label

    made = []
    for one in given:
        parts = [part.strip() for part in one.split(":")]
        if len(parts) > 3 or not parts[0]:
            raise UsageError("cli.choice_form")
        en, zh = [*parts, "", ""][1:3]
        made.append(Made(parts[0], Label(*_words(en, zh, parts[0]))))
    return tuple(made)


@verb("rename", ("Give a field another key.\nThe old key still finds it.", "修改字段的键。\n旧键仍可使用。"))
@argument("type", _TYPE)
@argument("key", _KEY)
@argument("new_key", ("Its key from now on.", "新的键。"))
@option("--label-en", metavar="TEXT", words=("Label in English.", "英文标签。"))
@option("--label-zh", metavar="TEXT", words=("Label in Chinese.", "中文标签。"))
@_dry_run
@may_say_why
@click.pass_obj
def rename(
    call: Invocation,
    type: str,
    key: str,
    new_key: str,
    label_en: str | None,
    label_zh: str | None,
    dry_run: bool,
    reason: str | None,
) -> None:
    """Give a field another key."""
    from muniment.cli.schema import edit_type
    from muniment.schema import RecordType
    from muniment.schema.edits import rename_field
    from muniment.schema.values import Label

    def edit(record_type: RecordType) -> RecordType:
        old = record_type.field(key)
        label = None
        if old is not None and (label_en or label_zh):
            label = Label(label_en or old.label.en, label_zh or old.label.zh)
        return rename_field(record_type, key, new_key, label=label)

    edit_type(call, type, edit, reason, dry_run=dry_run)


@verb("hide", ("Leave a field out of forms and lists.", "在表单和列表中隐藏字段。"))
@argument("type", _TYPE)
@argument("key", _KEY)
@flag("--show", words=("Put it back in.", "重新显示。"))
@_dry_run
@may_say_why
@click.pass_obj
def hide(call: Invocation, type: str, key: str, show: bool, dry_run: bool, reason: str | None) -> None:
    """Leave a field out of forms and lists."""
    from muniment.cli.schema import edit_type
    from muniment.schema import RecordType
    from muniment.schema.edits import hide_field

    def edit(record_type: RecordType) -> RecordType:
        return hide_field(record_type, key, hidden=not show)

    edit_type(call, type, edit, reason, dry_run=dry_run)


@verb(
    "retire", ("Take no more values in a field; stored ones stay.", "停用字段，不再接受新值；已存的值保留。")
)
@argument("type", _TYPE)
@argument("key", _KEY)
@flag("--restore", words=("Take values again.", "重新启用。"))
@_dry_run
@may_say_why
@click.pass_obj
def retire(call: Invocation, type: str, key: str, restore: bool, dry_run: bool, reason: str | None) -> None:
    """Take no more values in a field."""
    from muniment.cli.schema import edit_type
    from muniment.schema import RecordType
    from muniment.schema.edits import retire_field

    def edit(record_type: RecordType) -> RecordType:
        return retire_field(record_type, key, retired=not restore)

    edit_type(call, type, edit, reason, dry_run=dry_run)
