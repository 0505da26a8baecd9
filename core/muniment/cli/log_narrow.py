"""What narrows the log on the command line; ``log list`` and saved queries take the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import option, options
from muniment.cli.generation import generation
from muniment.cli.invocation import names_of
from muniment.errors import UsageError
from muniment.model import CLASSES

if TYPE_CHECKING:
    from muniment.session import Session
    from muniment.session.oversight.log_queries import LogQuery

__all__ = ["a_page", "narrowing", "query_of"]

narrowing = options(
    option("--since", metavar="T", words=("From this time on.", "自该时间起。")),
    option("--until", metavar="T", words=("Before this time.", "至该时间止。")),
    option(
        "--days",
        type=click.IntRange(1, 36_600),
        metavar="N",
        words=("Of the last N days.", "最近 N 天。"),
    ),
    option(
        "--kind",
        "kinds",
        multiple=True,
        metavar="K,K...",
        words=("Kinds, such as record.read,record.export.", "类型，如 record.read,record.export。"),
    ),
    option("--actor", metavar="LOGIN", words=("By whom.", "操作者。")),
    option("--for", "purpose", metavar="P", words=("For which purpose.", "目的。")),
    option("--outcome", type=click.Choice(("ok", "denied", "failed")), words=("How it ended.", "结果。")),
    option(
        "--type", "record_type", metavar="TYPE", words=("About records of this type.", "涉及的记录类型。")
    ),
    option("--op", metavar="OP", words=("Everything of one act.", "同一操作的全部条目。")),
    option("--about", metavar="ID", words=("About a record or a subject.", "涉及的记录或主体。")),
    option("--role", metavar="ROLE", words=("Done under this role.", "以该角色操作。")),
    option(
        "--field",
        metavar="F",
        words=(
            "Showing or changing this field, such as phone.",
            "涉及该字段，如 phone。",
        ),
    ),
    option(
        "--class",
        "sensitivity",
        type=click.Choice(CLASSES),
        words=("Showing or changing fields of this class.", "涉及该敏感级别的字段。"),
    ),
    option(
        "--program",
        metavar="P",
        words=("Through which program, such as web.", "通过的程序，如 web。"),
    ),
    option(
        "--auth",
        metavar="A",
        words=("How the actor was known (password, os-user).", "身份确认方式（password、os-user）。"),
    ),
)
"""The options that narrow the log; a command takes them as ``**narrowed``."""

a_page = options(
    option(
        "--after",
        metavar="CURSOR",
        words=("The next page, as the one before names it.", "由上一页给出的下一页。"),
    ),
    option(
        "--limit",
        type=click.IntRange(1, 10_000),
        default=50,
        metavar="N",
        words=("Entries at the most.", "最多条目数。"),
    ),
    generation,
    option(
        "--to",
        metavar="FILE",
        words=("Write all that match to a .csv or .xlsx file.", "将全部匹配条目写入 .csv 或 .xlsx 文件。"),
    ),
)
"""The options that choose a page of entries, or put all of them into a file."""


def query_of(session: Session, narrowed: Mapping[str, Any]) -> LogQuery:
    """What the options ask for.

    Raises:
        UsageError: ``cli.no_kind``, ``usage.time`` or ``query.value``.
        NotFound: ``record.not_found`` for what names no record.
    """
    from muniment.log.kinds import KINDS
    from muniment.model import parse_time
    from muniment.session.oversight.log_queries import LogQuery
    from muniment.session.reading.references import resolve_record

    kinds = names_of(narrowed["kinds"])
    if any(kind not in KINDS for kind in kinds):
        raise UsageError("cli.no_kind", name=", ".join(kind for kind in kinds if kind not in KINDS))
    since, until, about = narrowed["since"], narrowed["until"], narrowed["about"]
    if narrowed["days"] and (since or until):
        raise UsageError("query.value", name="--days")
    plain = ("actor", "outcome", "purpose", "op", "field", "sensitivity", "role", "program", "auth")
    return LogQuery(
        kinds=tuple(kinds),
        type=narrowed["record_type"] or "",
        about=resolve_record(session, about) if about else "",
        since_us=parse_time(since) if since else None,
        until_us=parse_time(until) if until else None,
        days=narrowed["days"],
        **{name: narrowed[name] or "" for name in plain},
    )
