"""``muniment log query``: questions to the log that are asked again and again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, verb
from muniment.cli.generation import asked_generation, tell_earlier
from muniment.cli.invocation import Invocation, names_of
from muniment.cli.log_narrow import a_page, narrowing, query_of
from muniment.errors import UsageError

if TYPE_CHECKING:
    from muniment.session.oversight.log_queries import LogQuery, SavedQuery

__all__ = ["list_queries", "query", "remove", "run", "save"]

_HERE = "muniment.cli.log_query"

query = LazyGroup(
    "query",
    {
        "list": Entry(f"{_HERE}:list_queries", ("The queries you may run.", "列出可用的查询。")),
        "save": Entry(f"{_HERE}:save", ("Keep a query.", "保存查询。")),
        "run": Entry(f"{_HERE}:run", ("What a query finds.", "执行查询。")),
        "remove": Entry(f"{_HERE}:remove", ("Take a query away.", "删除查询。")),
    },
    words=(
        "Saved queries of the log. What they are called and whom they are about is sealed; "
        "whoever runs one reads the log, and that is an entry which names the query.",
        "已保存的日志查询。查询的名称和对象均加密保存；执行查询即查看日志，会记入日志并注明所用的查询。",
    ),
)

_NAME = ("The query's name or identifier.", "查询的名称或标识。")
_ASKED = {"since_us": "since", "until_us": "until"}


def _asks(call: Invocation, asked: LogQuery, zone: str) -> str:
    """What a query asks for, as the options of ``log list`` are called."""
    from muniment.cli.values import local_time

    parts = []
    for name, value in asked.document().items():
        shown = ",".join(value) if isinstance(value, list) else str(value)
        if name in _ASKED:
            shown = local_time(int(value), zone)
        parts.append(f"{call.say(f'query.by_{_ASKED.get(name, name)}')}: {shown}")
    return "; ".join(parts)


def _audience(call: Invocation, one: SavedQuery) -> str:
    if one.audience == "everyone":
        return call.say("view.everyone")
    code = "view.mine" if one.audience == "person" else "view.roles"
    return call.say(code, holders=", ".join(one.holders))


@verb("list", ("The queries you may run.", "列出可用的查询。"))
@click.pass_obj
def list_queries(call: Invocation) -> None:
    """The queries that somebody may run."""
    from muniment.cli.output import emit, table, talk

    with call.session() as (archive, session):
        found = session.log_queries.list()
        zone = archive.applied.timezone
    if call.json:
        emit({"queries": [one.document() for one in found]})
    elif found:
        rows = [[one.name, _asks(call, one.query, zone), _audience(call, one)] for one in found]
        table(call.words("query.label_name", "query.label_asks", "view.label_for"), rows)
    else:
        talk(call.say("query.none_here"))


@verb(
    "save",
    (
        "Keep a query, in place of yours of that name.\nWithout --for-role and --everyone it is yours alone.",
        "保存查询，替换同名的已有查询。\n不带 --for-role 和 --everyone 时仅供本人使用。",
    ),
    note=(
        "Example: muniment log query save 'exports of the week' --kind record.export --days 7",
        "示例：muniment log query save 本周导出 --kind record.export --days 7",
    ),
)
@argument("name", ("What it is called.", "名称。"))
@narrowing
@option("--for-role", "roles", multiple=True, metavar="R", words=("For these roles.", "供这些角色使用。"))
@flag("--everyone", words=("For everyone who reads the log.", "供所有可查看日志者使用。"))
@may_say_why
@click.pass_obj
def save(
    call: Invocation,
    /,
    name: str,
    roles: tuple[str, ...],
    everyone: bool,
    reason: str | None,
    **narrowed: Any,
) -> None:
    """Keep a query."""
    from muniment.cli.output import emit, one_line, put

    named = names_of(roles)
    if named and everyone:
        raise UsageError("view.audience")
    with call.session() as (_, session):
        audience = "role" if named else "everyone" if everyone else "person"
        made = query_of(session, narrowed)
        saved = session.log_queries.save(name, made, audience=audience, roles=named, reason=reason)
        if call.json:
            emit({"queries": [session.log_queries.get(saved.id).document()]})
        else:
            put(one_line(call.say("query.saved", name=name)))


@verb("run", ("What a query finds; looking is an entry itself.", "执行查询；查看本身也会记入日志。"))
@argument("name", _NAME)
@a_page
@click.pass_obj
def run(
    call: Invocation, name: str, after: str | None, limit: int, generation: str | None, to: str | None
) -> None:
    """What a query finds."""
    from muniment.cli.log_read import PAGE, show_page, write_entries

    asked = asked_generation(generation)
    with call.session() as (archive, session):
        if to is not None:
            filters = session.log_queries.get(name).query.filters(archive.engine.clock())
            filters = attrs.evolve(filters, limit=PAGE)
            write_entries(call, archive, session, filters, asked, Path(to))
            return
        one, page = session.log_queries.run(name, after=after, generation=asked, limit=limit)
        show_page(call, archive, page, whole=asked is None, query=one.document())
        if not call.json:
            tell_earlier(call, session, generation)


@verb("remove", ("Take a query away; the log keeps what it found.", "删除查询；日志本身不变。"))
@argument("name", _NAME)
@may_say_why
@click.pass_obj
def remove(call: Invocation, name: str, reason: str | None) -> None:
    """Take a query away."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        one = session.log_queries.get(name)
        session.log_queries.remove(one.id, reason=reason)
        if call.json:
            emit({"queries": [one.document()]})
        else:
            put(one_line(call.say("query.removed", name=one.name)))
