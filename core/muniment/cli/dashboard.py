"""``muniment dashboard``: figures over the records."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, verb
from muniment.cli.invocation import Invocation, names_of
from muniment.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from muniment.schema import FieldKind
    from muniment.schema.dashboards import Tile
    from muniment.session.tables.dashboards import SavedDashboard, Shown
    from muniment.session.tables.figures import Figure

__all__ = ["dashboard", "list_dashboards", "remove", "renew", "save", "show"]

_HERE = "muniment.cli.dashboard"

dashboard = LazyGroup(
    "dashboard",
    {
        "list": Entry(f"{_HERE}:list_dashboards", ("The dashboards you may see.", "列出可查看的看板。")),
        "show": Entry(f"{_HERE}:show", ("Compute a dashboard.", "计算并显示看板。")),
        "renew": Entry(f"{_HERE}:renew", ("Count kept figures anew.", "重新统计留存的数字。")),
        "save": Entry(f"{_HERE}:save", ("Keep a dashboard.", "保存看板。")),
        "remove": Entry(f"{_HERE}:remove", ("Take a dashboard away.", "删除看板。")),
    },
    words=(
        "Figures over the records: counts, sums, averages, shares, trends and short lists. A dashboard shows "
        "the records and fields that your role may see, and no small groups of what is personal.",
        "记录的统计看板：计数、求和、平均、占比、趋势和简短列表。"
        "看板只统计您的角色可见的记录和字段；个人信息的小群组不予显示。",
    ),
)

_NAME = ("The dashboard's key or label.", "看板的键或标签。")


def _document(one: SavedDashboard) -> dict[str, Any]:
    from muniment.schema.dashboards import dashboard_document

    shown = one.dashboard
    document = dashboard_document(shown)
    del document["v"]
    return {
        "id": one.id,
        "key": shown.key,
        "audience": one.audience,
        "holders": list(one.holders),
        "origin": one.origin or None,
        **document,
        "label": {"en": shown.label.en or shown.key, "zh": shown.label.zh or shown.key},
    }


@verb("list", ("The dashboards you may see something of.", "列出有可查看内容的看板。"))
@click.pass_obj
def list_dashboards(call: Invocation) -> None:
    """The dashboards that somebody may see."""
    from muniment.cli.output import emit, table, talk

    with call.session() as (_, session):
        found = session.dashboards.list()
    if call.json:
        emit({"dashboards": [_document(one) for one in found]})
        return
    if not found:
        talk(call.say("figure.none"))
        return
    lang = call.language
    header = call.words(
        "view.label_key", "figure.dashboard", "view.label_for", "figure.tiles", "view.label_from"
    )
    rows = [
        [
            one.dashboard.key,
            one.dashboard.label.of(lang) or one.dashboard.key,
            call.say("view.everyone") if one.audience == "everyone" else ", ".join(one.holders),
            len(one.dashboard.tiles),
            one.origin,
        ]
        for one in found
    ]
    table(header, rows)


@verb(
    "show",
    (
        "Compute a dashboard over the records as they stand now; one act of the log.\n"
        "With --to it is written as a page with charts, each with its table.",
        "按当前记录计算看板；在日志中记为一次操作。\n使用 --to 则写成带图表的网页，每张图均附表格。",
    ),
    note=(
        "Example: muniment dashboard show my-customers\n         muniment dashboard show team --to team.html",
        "示例：muniment dashboard show 我的客户\n      muniment dashboard show team --to team.html",
    ),
)
@argument("name", _NAME, metavar="D")
@option(
    "--to",
    "target",
    metavar="FILE",
    words=("Write a page (HTML) to this new file.", "写入此新文件（HTML）。"),
)
@click.pass_obj
def show(call: Invocation, name: str, target: str | None) -> None:
    """Compute a dashboard."""
    from muniment.cli.output import emit, one_line, put
    from muniment.cli.progress import progress
    from muniment.session.tables.charting import shown_document

    with call.session() as (archive, session), progress(call.say("figure.counted"), quiet=call.json) as told:
        shown = session.dashboards.show(name, progress=lambda done: told(done, 0))
        zone, kinds = archive.applied.timezone, session.kinds
    if target is not None:
        from muniment.cli.dashboard_page import dashboard_page
        from muniment.files import write_atomically

        write_atomically(Path(target), dashboard_page(shown, kinds, call.language, zone).encode("utf-8"))
    if call.json:
        emit({"dashboards": [shown_document(shown)]})
    elif target is not None:
        put(one_line(call.say("figure.written", where=target)))
    else:
        _print(call, shown, kinds, zone)


@verb(
    "renew",
    (
        "Count anew, and keep, what a dashboard shows of fields that stand nowhere in clear: every record is "
        "opened for that. Until then it shows what was kept, and says of when it is.\n"
        "`muniment tick` does the same once an hour where records have changed.",
        "重新统计看板中加密字段的数字并留存：统计需逐条解密记录。在此之前看板显示已留存的数字及其统计时间。\n"
        "记录有变化时，`muniment tick` 每小时自动执行一次。",
    ),
)
@argument("name", _NAME, metavar="D")
@click.pass_obj
def renew(call: Invocation, name: str) -> None:
    """Count kept figures anew."""
    from muniment.cli.output import emit, one_line, put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("figure.counted"), quiet=call.json) as told:
        count = session.dashboards.renew(name, progress=lambda done: told(done, 0))
    if call.json:
        emit({"renewed": count})
    else:
        put(one_line(call.say("figure.renewed", count=count)))


def _print(call: Invocation, shown: Shown, kinds: Mapping[str, FieldKind], zone: str) -> None:
    from muniment.cli.output import clean, heading, labels, put, talk
    from muniment.cli.values import local_time
    from muniment.session.tables.charting import label_of, number_of

    lang = call.language
    dashboard = shown.saved.dashboard
    put(heading(clean(dashboard.label.of(lang) or dashboard.key)))
    talk(call.say("figure.made", time=local_time(shown.time_us, zone), login=shown.login))
    single = [one for one in shown.figures.values() if not one.tile.by]
    if single:
        put()
        labels([(label_of(one.tile, lang), number_of(one, lang)) for one in single], indent=2)
    for tile in dashboard.tiles:
        if tile.by or tile.key in shown.lists:
            put()
            put(heading(clean(label_of(tile, lang))))
            if tile.key in shown.lists:
                _print_list(call, shown, tile, kinds)
            else:
                _print_groups(call, shown.figures[tile.key])
    kept = {one.kept_us: label_of(one.tile, lang) for one in shown.figures.values() if one.kept_us}
    for time_us, label in kept.items():
        talk(f"{clean(label)}: " + call.say("figure.kept", time=local_time(time_us, zone)))


def _print_groups(call: Invocation, figure: Figure) -> None:
    from muniment.cli.output import clean, labels, put
    from muniment.session.tables.charting import marks_of

    marks = marks_of(figure, call.language)
    most = max((mark.value for mark in marks if mark.value is not None), default=Decimal(0))
    if not most:
        put("  " + call.say("figure.nothing"))
        return
    columns = max(len(mark.text) for mark in marks)
    rows = []
    for mark in marks:
        share = float(max(mark.value, Decimal(0)) / most) if mark.value is not None else 0.0
        rows.append((clean(mark.label), f"{mark.text:>{columns}}  {'█' * round(24 * share)}".rstrip()))
    labels(rows, indent=2)


def _print_list(call: Invocation, shown: Shown, tile: Tile, kinds: Mapping[str, FieldKind]) -> None:
    from muniment.cli.output import put, table
    from muniment.session.tables.charting import cells_of

    lang, record_type = call.language, shown.types[tile.type]
    rows = [
        cells_of(record, record_type, kinds, tile.columns, shown.names, lang)
        for record in shown.lists[tile.key]
    ]
    if not rows:
        put("  " + call.say("figure.nothing"))
        return
    table([record_type.by_key[key].label.of(lang) for key in tile.columns], rows)


@verb(
    "save",
    (
        "Keep the dashboards of a file (TOML), in place of yours of that name.\n"
        "Without --role and --everyone they are yours alone.",
        "保存文件（TOML）中的看板，替换同名的已有看板。\n不带 --role 和 --everyone 时仅供本人使用。",
    ),
    note=(
        "The file: format = 1, then [[dashboard]] and [[dashboard.tile]] tables as in templates.",
        "文件格式：format = 1，之后为 [[dashboard]] 与 [[dashboard.tile]]，与模板相同。",
    ),
)
@argument("file", ("A file of dashboards.", "看板文件。"), metavar="FILE")
@option("--role", "roles", multiple=True, metavar="R", words=("For these roles.", "供这些角色使用。"))
@flag("--everyone", words=("For everyone.", "供所有人使用。"))
@may_say_why
@click.pass_obj
def save(call: Invocation, file: str, roles: tuple[str, ...], everyone: bool, reason: str | None) -> None:
    """Keep dashboards."""
    from muniment.cli.values import text_of_file
    from muniment.schema.dashboards import read_dashboards

    named = tuple(dict.fromkeys(names_of(roles)))
    if named and everyone:
        raise UsageError("dashboard.audience")
    made = read_dashboards(text_of_file(file), where=file)
    with call.session() as (archive, session):
        known = archive.engine.policy.roles
        unknown = [role for role in named if role not in known]
        if unknown:
            raise UsageError("cli.no_role", name=", ".join(unknown), known=", ".join(sorted(known)))
        audience = "role" if named else "everyone" if everyone else "person"
        for one in made:
            session.dashboards.save(one, audience=audience, roles=named, reason=reason)
        found = [session.dashboards.get(one.key) for one in made]
    _tell(call, found, "figure.saved")


@verb("remove", ("Take a dashboard away.", "删除看板。"))
@argument("name", _NAME, metavar="D")
@may_say_why
@click.pass_obj
def remove(call: Invocation, name: str, reason: str | None) -> None:
    """Take a dashboard away."""
    with call.session() as (_, session):
        one = session.dashboards.get(name)
        session.dashboards.remove(name, reason=reason)
    _tell(call, [one], "figure.removed")


def _tell(call: Invocation, found: list[SavedDashboard], code: str) -> None:
    from muniment.cli.output import emit, one_line, put

    if call.json:
        emit({"dashboards": [_document(one) for one in found]})
        return
    for one in found:
        put(one_line(call.say(code, name=one.dashboard.key)))
