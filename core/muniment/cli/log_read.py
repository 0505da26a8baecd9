"""``muniment log``: the verbs that read entries and take them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, flag, option, record_id, verb
from muniment.cli.generation import asked_generation, generation, tell_earlier, wanted_generations
from muniment.cli.invocation import Invocation, names_of
from muniment.errors import UsageError
from muniment.model import CLASSES

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Session
    from muniment.session.reading.generations import Asked
    from muniment.session.reading.logs import LogEntry, LogPage
    from muniment.store import LogFilter

_PLACE = (
    "The entry's index; 0:17 is one of generation 0.",
    "条目序号；0:17 为第 0 代的条目。",
)

SORTS = ("time", "kind", "actor", "purpose", "outcome", "type", "count")
_PAGE = 1_000

__all__ = ["accesses", "export", "list_entries", "prove", "show"]


@verb(
    "list",
    (
        "Entries of the log, newest first; looking is an entry itself.",
        "列出日志条目，最新的在前；查看本身也会记入日志。",
    ),
    note=(
        "Example: muniment log list --actor li.na --kind record.export --since 2026-03-01",
        "示例：muniment log list --actor li.na --kind record.export --since 2026-03-01",
    ),
)
@option("--since", metavar="T", words=("From this time on.", "自该时间起。"))
@option("--until", metavar="T", words=("Before this time.", "至该时间止。"))
@option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="K,K...",
    words=("Kinds, such as record.read,record.export.", "类型，如 record.read,record.export。"),
)
@option("--actor", metavar="LOGIN", words=("By whom.", "操作者。"))
@option("--for", "purpose", metavar="P", words=("For which purpose.", "目的。"))
@option("--outcome", type=click.Choice(("ok", "denied", "failed")), words=("How it ended.", "结果。"))
@option("--type", "record_type", metavar="TYPE", words=("About records of this type.", "涉及的记录类型。"))
@option("--op", metavar="OP", words=("Everything of one act.", "同一操作的全部条目。"))
@option("--about", metavar="ID", words=("About a record or a subject.", "涉及的记录或主体。"))
@option("--role", metavar="ROLE", words=("Done under this role.", "以该角色操作。"))
@option(
    "--field",
    metavar="F",
    words=(
        "Showing or changing this field, such as phone.",
        "涉及该字段，如 phone。",
    ),
)
@option(
    "--class",
    "sensitivity",
    type=click.Choice(CLASSES),
    words=("Showing or changing fields of this class.", "涉及该敏感级别的字段。"),
)
@option(
    "--program",
    metavar="P",
    words=("Through which program, such as web.", "通过的程序，如 web。"),
)
@option(
    "--auth",
    metavar="A",
    words=("How the actor was known (password, os-user).", "身份确认方式（password、os-user）。"),
)
@option(
    "--sort",
    type=click.Choice(SORTS),
    default="time",
    words=("Sort by this.", "排序依据。"),
)
@flag("--ascending", words=("The first ones first.", "升序排列。"))
@option(
    "--before",
    type=int,
    metavar="N",
    words=("Only entries below this index.", "仅序号小于此值的条目。"),
)
@option(
    "--after",
    metavar="CURSOR",
    words=("The next page, as the one before names it.", "由上一页给出的下一页。"),
)
@option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    metavar="N",
    words=("Entries at the most.", "最多条目数。"),
)
@generation
@option(
    "--to",
    metavar="FILE",
    words=("Write all that match to a .csv or .xlsx file.", "将全部匹配条目写入 .csv 或 .xlsx 文件。"),
)
@click.pass_obj
def list_entries(
    call: Invocation,
    since: str | None,
    until: str | None,
    kinds: tuple[str, ...],
    actor: str | None,
    purpose: str | None,
    outcome: str | None,
    record_type: str | None,
    op: str | None,
    about: str | None,
    role: str | None,
    field: str | None,
    sensitivity: str | None,
    program: str | None,
    auth: str | None,
    sort: str,
    ascending: bool,
    before: int | None,
    after: str | None,
    limit: int,
    generation: str | None,
    to: str | None,
) -> None:
    """Entries of the log."""
    from muniment.log.kinds import KINDS
    from muniment.model import id_bytes, parse_time
    from muniment.session.reading.references import resolve_record
    from muniment.store import LogFilter

    named = names_of(kinds)
    if any(kind not in KINDS for kind in named):
        raise UsageError("cli.no_kind", name=", ".join(kind for kind in named if kind not in KINDS))
    asked = asked_generation(generation)
    terms = {"role": role, "field": field, "class": sensitivity, "program": program, "auth": auth}
    with call.session() as (archive, session):
        filters = LogFilter(
            since_us=parse_time(since) if since else None,
            until_us=parse_time(until) if until else None,
            kinds=named,
            actor=actor,
            purpose=purpose,
            outcome=outcome,
            type=record_type,
            op=op,
            terms=tuple(f"{name}:{value}" for name, value in terms.items() if value),
            about=id_bytes(resolve_record(session, about)) if about else None,
            before=before,
            order_by={"time": "seq", "count": "records"}.get(sort, sort),
            descending=not ascending,
            limit=limit if to is None else _PAGE,
        )
        if to is not None:
            _write_entries(call, archive, session, filters, asked, Path(to))
            tell_earlier(call, session, generation)
            return
        page = session.log_page(filters, after=after, generation=asked)
        if call.json:
            from muniment.cli.output import emit

            documents = [one.document() for one in page.entries]
            told = {"total": page.total, "more": page.more, "after": page.after}
            emit({"entries": documents, **told, "generations": list(page.generations)})
            return
        _show_entries(call, archive, page.entries, whole=asked is None)
        _tell_pages(call, page)
        tell_earlier(call, session, generation)


def _tell_pages(call: Invocation, page: LogPage) -> None:
    from muniment.cli.output import talk

    said = "audit.found_more" if page.more else "audit.found"
    talk(call.say(said, count=len(page.entries), total=page.total))
    if page.after is not None:
        talk(call.say("audit.next_page", after=page.after))


def _write_entries(
    call: Invocation, archive: Archive, session: Session, filters: LogFilter, asked: Asked, target: Path
) -> None:
    """All pages into one file; each page is written down before it is handed over."""
    from muniment.cli.output import emit, talk
    from muniment.cli.progress import progress
    from muniment.exports.rows import write_rows

    with progress(call.say("cli.exporting"), quiet=call.json) as told:

        def rows() -> Iterator[list[str | int]]:
            after, done = None, 0
            while True:
                page = session.log_page(filters, after=after, generation=asked)
                for one in page.entries:
                    cells = _cells(call, archive, one, whole=asked is None)
                    yield [*cells, " ".join(one.roles), " ".join(one.fields), one.op]
                done += len(page.entries)
                told(done, page.total)
                after = page.after
                if after is None:
                    return

        header = [*call.words(*_HEADER), *call.words("audit.label_roles", "audit.label_fields"), "op"]
        widths = (8, 22, 30, 16, 24, 16, 8, 10, 20, 40, 34)
        written = write_rows(target, header, rows(), widths=widths, title="log")
    if call.json:
        emit({"export": {"path": written.path, "rows": written.rows, "sha256": written.digest.hex()}})
    else:
        talk(call.say("audit.list_written", count=written.rows, where=written.path))


_HEADER = (
    "cli.label_number",
    "cli.label_time",
    "cli.label_kind",
    "cli.label_actor",
    "cli.label_purpose",
    "cli.label_type",
    "cli.label_count",
    "cli.label_outcome",
)


def _cells(call: Invocation, archive: Archive, one: LogEntry, *, whole: bool) -> list[str | int]:
    """What a table says of an entry; ``whole`` where it is of one generation, so that its index names it."""
    from muniment.cli.values import local_time
    from muniment.log.kinds import KINDS

    return [
        one.index if whole else str(one.place),
        local_time(one.time_us, archive.applied.timezone),
        f"{KINDS[one.kind].zh}（{one.kind}）" if call.language == "zh" else one.kind,
        one.actor,
        one.purpose,
        one.type,
        one.count,
        one.outcome,
    ]


def _show_entries(
    call: Invocation, archive: Archive, found: Sequence[LogEntry], *, whole: bool = True
) -> None:
    from muniment.cli.output import table

    rows: list[list[object]] = [list(_cells(call, archive, one, whole=whole)) for one in found]
    if rows:
        table(call.words(*_HEADER), rows)


@verb("show", ("One entry with all that its detail says.", "查看一条日志及其全部明细。"))
@argument("place", _PLACE, metavar="N")
@click.pass_obj
def show(call: Invocation, place: str) -> None:
    """One entry."""
    import json

    from muniment.cli.output import emit, heading, labels, put
    from muniment.cli.values import local_time
    from muniment.log.kinds import KINDS
    from muniment.session.reading.generations import parse_place

    with call.session() as (archive, session):
        gen, index = parse_place(place)
        found = session.entry(index, generation=gen)
        if call.json:
            emit({"entries": [found.document()]})
            return
        kind = KINDS[found.kind]
        put(heading(f"{place}  {found.kind}  {kind.zh if call.language == 'zh' else kind.en}"))
        known = ("op", "kind", "time", "actor", "purpose", "outcome")
        labels(
            [
                (call.say("cli.label_time"), local_time(found.time_us, archive.applied.timezone)),
                (call.say("cli.label_actor"), found.actor),
                (call.say("cli.label_purpose"), found.purpose),
                (call.say("cli.label_outcome"), found.outcome),
                ("op", found.op),
                *(
                    (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
                    for name, value in found.detail.items()
                    if name not in known
                ),
                *(("record", json.dumps(dict(line))) for line in found.records),
                ("entry", found.data.decode("ascii")),
            ],
            indent=2,
        )
        tell_earlier(call, session, gen)


@verb(
    "prove",
    (
        "The proof that one entry is in the signed log, in the form of c2sp.org/tlog-proof.",
        "输出某条目确在已签署日志中的证明（c2sp.org/tlog-proof 格式）。",
    ),
)
@argument("place", _PLACE, metavar="N")
@option("--to", metavar="FILE", words=("Write it to a file.", "写入文件。"))
@click.pass_obj
def prove(call: Invocation, place: str, to: str | None) -> None:
    """The proof of one entry."""
    from muniment.cli.output import emit, talk
    from muniment.exports.files import replacing
    from muniment.session.reading.generations import parse_place

    gen, index = parse_place(place)
    with call.session() as (_, session):
        proof = session.prove(index, generation=gen)
        tell_earlier(call, session, gen)
    if to is not None:
        with replacing(Path(to)) as new:
            new.write_bytes(proof.encode("utf-8"))
    if call.json:
        emit({"proof": {"generation": gen, "index": index, "path": to, "text": proof}})
    elif to is not None:
        talk(call.say("cli.proof_written", index=place, where=to))
    else:
        click.echo(proof.encode("utf-8"), nl=False)


@verb(
    "export",
    (
        "Write the whole log as files that other people's tools read (c2sp.org/tlog-tiles).\n"
        "It holds no personal data.",
        "将整个日志导出为他人工具可读的文件（c2sp.org/tlog-tiles）。\n其中不含个人数据。",
    ),
)
@argument("folder", ("A new or empty folder.", "新的或空的文件夹。"), metavar="DIR")
@generation
@click.pass_obj
def export(call: Invocation, folder: str, generation: str | None) -> None:
    """Write the whole log as tiles; of all generations each in a folder of its own."""
    from muniment.cli.output import emit, talk
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("cli.exporting"), quiet=call.json) as told:
        wanted, count = wanted_generations(session, generation), 0
        for gen in wanted:
            target = Path(folder) / str(gen) if generation == "all" else Path(folder)
            count += session.export_log(target, generation=gen, progress=told)
        tell_earlier(call, session, generation)
    if call.json:
        emit({"export": {"path": folder, "entries": count}})
    else:
        talk(call.say("cli.log_exported", count=count, where=folder))


@verb(
    "accesses",
    (
        "Everything the log says about a record: who saw it, who changed it, who was refused.",
        "查看日志中与一条记录有关的一切：谁看过、谁改过、谁被拒绝。",
    ),
)
@record_id
@option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    metavar="N",
    words=("Entries at the most.", "最多条目数。"),
)
@click.pass_obj
def accesses(call: Invocation, id: str, limit: int) -> None:
    """Everything the log says about a record."""
    from muniment.cli.output import emit, talk
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        found = session.accesses(resolve_record(session, id), limit=limit)
        if call.json:
            emit({"entries": [one.document() for one in found]})
            return
        _show_entries(call, archive, found, whole=len({one.generation for one in found}) < 2)
        talk(call.say("cli.found_entries", count=len(found)))
