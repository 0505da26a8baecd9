"""``muniment view``: saved views of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, verb
from muniment.cli.invocation import Invocation, names_of
from muniment.errors import UsageError

if TYPE_CHECKING:
    from muniment.schema import ListView, RecordType
    from muniment.session import Session
    from muniment.session.tables.saved import SavedView

__all__ = ["list_views", "remove", "save", "show", "view"]

_HERE = "muniment.cli.view"

view = LazyGroup(
    "view",
    {
        "list": Entry(f"{_HERE}:list_views", ("The views you may use.", "列出可用的视图。")),
        "show": Entry(f"{_HERE}:show", ("What a view shows.", "查看视图内容。")),
        "save": Entry(f"{_HERE}:save", ("Keep a view.", "保存视图。")),
        "remove": Entry(f"{_HERE}:remove", ("Take a view away.", "删除视图。")),
    },
    words=(
        "Saved views of lists: columns, filters, sort and grouping. A view never shows more than your role "
        "does; `record list TYPE --view V` and `export TYPE --view V` use one.",
        "已保存的列表视图：列、筛选、排序和分组。视图不会显示超出角色权限的内容；"
        "用 record list TYPE --view V 和 export TYPE --view V 使用。",
    ),
)

_TYPE = ("The record type.", "记录类型。")
_NAME = ("The view's key or label.", "视图的键或标签。")


def _document(one: SavedView) -> dict[str, Any]:
    shown = one.view
    return {
        "id": one.id or None,
        "key": shown.key,
        "type": shown.type,
        "label": {"en": shown.label.en or shown.key, "zh": shown.label.zh or shown.key},
        "columns": list(shown.columns),
        "filters": [condition.text for condition in shown.filters],
        "sort": shown.sort or None,
        "descending": shown.descending,
        "group_by": shown.group_by or None,
        "audience": one.audience,
        "holders": list(one.holders),
        "locked": one.locked,
        "origin": one.origin or None,
    }


def _audience(call: Invocation, one: SavedView) -> str:
    if one.audience == "everyone":
        return call.say("view.everyone")
    code = "view.mine" if one.audience == "person" else "view.roles"
    return call.say(code, holders=", ".join(one.holders))


def _label(record_type: RecordType, key: str, lang: str) -> str:
    field = record_type.field(key)
    return key if field is None else field.label.of(lang) or key


@verb("list", ("The views you may use, of one type or all.", "列出可用的视图（一个类型或全部）。"))
@argument("type", _TYPE, required=False)
@click.pass_obj
def list_views(call: Invocation, type: str | None) -> None:
    """The views that somebody may use."""
    from muniment.cli.output import emit, table, talk

    with call.session() as (_, session):
        found = session.views.list(type)
    if call.json:
        emit({"views": [_document(one) for one in found]})
        return
    if not found:
        talk(call.say("view.none_here"))
        return
    header = call.words(
        "view.label_type", "view.label_key", "view.label_view", "view.label_for", "view.label_from"
    )
    rows = [
        [
            one.view.type,
            one.view.key,
            one.view.label.of(call.language) or one.view.key,
            _audience(call, one),
            one.origin,
        ]
        for one in found
    ]
    table(header, rows)


@verb("show", ("What a view shows.", "查看视图内容。"))
@argument("type", _TYPE)
@argument("name", _NAME, metavar="V")
@click.pass_obj
def show(call: Invocation, type: str, name: str) -> None:
    """What a view shows."""
    import attrs

    from muniment.cli.output import clean, emit, heading, labels, put

    with call.session() as (_, session):
        one = session.views.get(type, name)
        record_type = session.type(type)
    if call.json:
        emit({"views": [_document(one)]})
        return
    lang, shown = call.language, one.view
    sorts = [(_label(record_type, key, lang), down) for key, down in attrs.evolve(shown, group_by="").order]
    put(heading(f"{shown.key}  {clean(shown.label.of(lang))}".rstrip()))
    pairs = [
        (call.say("view.label_for"), _audience(call, one)),
        (call.say("view.label_from"), one.origin),
        (call.say("view.label_state"), call.say("view.is_locked") if one.locked else ""),
        (call.say("view.label_columns"), ", ".join(_label(record_type, key, lang) for key in shown.columns)),
        (call.say("view.label_filters"), "\n".join(condition.text for condition in shown.filters)),
        (
            call.say("view.label_sort"),
            ", ".join(call.say("view.descending", field=label) if down else label for label, down in sorts),
        ),
        (
            call.say("view.label_group"),
            _label(record_type, shown.group_by, lang) if shown.group_by else "",
        ),
    ]
    labels([(label, text) for label, text in pairs if text], indent=2)


@verb(
    "save",
    (
        "Keep a view, in place of yours of that name.\nWithout --role and --everyone it is yours alone.",
        "保存视图，替换同名的已有视图。\n不带 --role 和 --everyone 时仅供本人使用。",
    ),
    note=(
        "Example: muniment view save customer mine --columns full_name,phone,status \\\n"
        "           --where account_owner=me --where 'status!=lost' --sort next_follow_up_on",
        "示例：muniment view save customer 我的客户 --columns full_name,phone,status \\\n"
        "        --where account_owner=me --where 'status!=lost' --sort next_follow_up_on",
    ),
)
@argument("type", _TYPE)
@argument("name", ("The view's name.", "视图名称。"), metavar="V")
@option(
    "--columns", multiple=True, metavar="F,F...", words=("The fields, in this order.", "字段，按此顺序。")
)
@option(
    "--where",
    multiple=True,
    metavar="F=V",
    words=(
        "A condition: F=V, F!=V, 'F>=V', F=A|B; V may be me, today, today+7; F= finds what is empty.",
        "条件：F=V、F!=V、'F>=V'、F=A|B；V 可为 me、today、today+7；F= 查找空值。",
    ),
)
@option(
    "--sort",
    default="",
    metavar="F,F...",
    words=("Fields to sort by; with a minus, largest first.", "排序字段；前加减号表示降序。"),
)
@flag("--desc", words=("The other way round.", "反向排序。"))
@option("--group", default="", metavar="F", words=("A field by which records stand together.", "分组字段。"))
@option("--role", "roles", multiple=True, metavar="R", words=("For these roles.", "供这些角色使用。"))
@flag("--everyone", words=("For everyone.", "供所有人使用。"))
@option(
    "--locked/--unlocked",
    "locked",
    default=None,
    words=(
        "Whether only somebody who may lock views changes it from now on.",
        "锁定后仅有锁定权限者可修改。",
    ),
)
@may_say_why
@click.pass_obj
def save(
    call: Invocation,
    type: str,
    name: str,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    sort: str,
    desc: bool,
    group: str,
    roles: tuple[str, ...],
    everyone: bool,
    locked: bool | None,
    reason: str | None,
) -> None:
    """Keep a view."""
    from muniment.schema import ListView, parse_condition

    named = tuple(dict.fromkeys(names_of(roles)))
    if named and everyone:
        raise UsageError("view.audience")
    with call.session() as (archive, session):
        known = archive.engine.policy.roles
        unknown = [role for role in named if role not in known]
        if unknown:
            raise UsageError("cli.no_role", name=", ".join(unknown), known=", ".join(sorted(known)))
        made = ListView(
            key=name,
            type=type,
            columns=tuple(_keys(session.type(type), names_of(columns))),
            filters=tuple(parse_condition(text, where=type) for text in where),
            sort=sort,
            descending=desc,
            group_by=group,
        )
        audience = "role" if named else "everyone" if everyone else "person"
        session.views.save(made, audience=audience, roles=named, locked=locked, reason=reason)
        _tell(call, session, made, "view.saved")


def _keys(record_type: RecordType, given: list[str]) -> list[str]:
    """The keys of today, also for a field that was named by a former one."""
    return [name if (field := record_type.field(name)) is None else field.key for name in given]


def _tell(call: Invocation, session: Session, one: ListView, code: str) -> None:
    from muniment.cli.output import emit, one_line, put

    if call.json:
        found = [each for each in session.views.list(one.type) if each.view.key == one.key]
        emit({"views": [_document(each) for each in found]})
    else:
        put(one_line(call.say(code, name=one.key, type=one.type)))


@verb("remove", ("Take a view away.", "删除视图。"))
@argument("type", _TYPE)
@argument("name", _NAME, metavar="V")
@may_say_why
@click.pass_obj
def remove(call: Invocation, type: str, name: str, reason: str | None) -> None:
    """Take a view away."""
    with call.session() as (_, session):
        one = session.views.get(type, name)
        session.views.remove(type, name, reason=reason)
        _tell(call, session, one.view, "view.removed")
