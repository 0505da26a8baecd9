"""``muniment log follow``: entries for a SIEM, as they come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from muniment.cli.base import flag, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

if TYPE_CHECKING:
    from muniment.session.reading.generations import Place

__all__ = ["follow"]


@verb(
    "follow",
    (
        "Print entries as they come, one a line, in a form that another system reads.\n"
        "It goes on until it is stopped; --from or --state says where it begins again.",
        "以其他系统可读的格式逐行持续输出条目。\n直至停止；用 --from 或 --state 指明从何处继续。",
    ),
    note=(
        "Example: muniment log follow --format ocsf --state /var/lib/siem/muniment.next >> events.ndjson",
        "示例：muniment log follow --format ocsf --state /var/lib/siem/muniment.next >> events.ndjson",
    ),
)
@option(
    "--format",
    "form",
    metavar="FORM",
    default="ndjson",
    words=(
        "ndjson, ocsf, fhir, cef, or one that a plugin brings.",
        "ndjson、ocsf、fhir、cef，或插件提供的格式。",
    ),
)
@option(
    "--from",
    "start",
    metavar="N",
    words=("Begin at this entry; 1:17 is one of generation 1.", "起始条目；1:17 为第 1 代的条目。"),
)
@option("--state", metavar="FILE", words=("Where the next place is kept.", "保存下一位置的文件。"))
@flag("--once", words=("End when all there is has been printed.", "输出现有条目后结束。"))
@option(
    "--every",
    type=click.IntRange(1, 3600),
    default=5,
    metavar="SECONDS",
    words=("Look so often.", "查看间隔秒数。"),
)
@click.pass_obj
def follow(call: Invocation, form: str, start: str | None, state: str | None, once: bool, every: int) -> None:
    """Stream entries."""
    import threading

    from muniment.exports.siem import line_of
    from muniment.files import write_atomically

    place = _place(start) if start is not None else _kept(state)
    waiting = threading.Event()
    with call.session() as (_, session):
        made = line_of(session.engine.plugins, form)
        while True:
            entries, following = session.follow(place)
            for one in entries:
                click.echo(made(one.document()).encode("utf-8"))
            if entries and state is not None:
                # After the lines: what is printed twice is better than what is never printed.
                write_atomically(Path(state), f"{following}\n".encode("ascii"))
            place = following
            if not entries:
                if once:
                    return
                waiting.wait(every)


def _place(text: str) -> Place:
    from muniment.session.reading.generations import Place, parse_place

    generation, index = parse_place(text)
    return Place(generation or 0, index)


def _kept(state: str | None) -> Place:
    try:
        return _place("0" if state is None else Path(state).read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return _place("0")
    except (OSError, ValueError, UsageError):
        raise UsageError("cli.no_file", where=state) from None
