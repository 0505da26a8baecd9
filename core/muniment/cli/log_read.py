"""``muniment log``: the verbs that read entries and take them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from muniment.cli.base import argument, flag, further, option, record_id, verb
from muniment.cli.generation import asked_generation, generation, tell_earlier, wanted_generations
from muniment.cli.invocation import Invocation
from muniment.cli.log_narrow import a_page, narrowing, query_of

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
PAGE = 1_000

__all__ = [
    "PAGE",
    "accesses",
    "export",
    "list_entries",
    "prove",
    "show",
    "show_page",
    "write_entries",
]


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
@narrowing
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
@a_page
@click.pass_obj
def list_entries(
    call: Invocation,
    /,
    sort: str,
    ascending: bool,
    before: int | None,
    after: str | None,
    limit: int,
    generation: str | None,
    to: str | None,
    **narrowed: Any,
) -> None:
    """Entries of the log."""
    asked = asked_generation(generation)
    with call.session() as (archive, session):
        filters = attrs.evolve(
            query_of(session, narrowed).filters(archive.engine.clock()),
            before=before,
            order_by={"time": "seq", "count": "records"}.get(sort, sort),
            descending=not ascending,
            limit=limit if to is None else PAGE,
        )
        if to is not None:
            write_entries(call, archive, session, filters, asked, Path(to))
            tell_earlier(call, session, generation)
            return
        page = session.log_page(filters, after=after, generation=asked)
        show_page(call, archive, page, whole=asked is None)
        if not call.json:
            tell_earlier(call, session, generation)


def show_page(call: Invocation, archive: Archive, page: LogPage, *, whole: bool, **more: Any) -> None:
    """One page of entries; ``more`` stands beside them in the JSON document."""
    from muniment.cli.output import emit, talk

    if call.json:
        documents = [one.document() for one in page.entries]
        told = {"total": page.total, "more": page.more, "after": page.after}
        emit({"entries": documents, **told, "generations": list(page.generations), **more})
        return
    _show_entries(call, archive, page.entries, whole=whole)
    said = "audit.found_more" if page.more else "audit.found"
    talk(call.say(said, count=len(page.entries), total=page.total))
    if page.after is not None:
        talk(call.say("audit.next_page", after=page.after))


def write_entries(
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
    from muniment.cli.entry_words import EntryWords
    from muniment.cli.values import local_time
    from muniment.log.kinds import KINDS

    told = [one.kind, one.purpose, one.type, one.outcome]
    if call.language == "zh":
        words = EntryWords(archive, call.language, call.say)
        told = [
            f"{KINDS[one.kind].zh}（{one.kind}）",
            words.purpose(one.purpose),
            words.type(one.type),
            words.outcome(one.outcome),
        ]
    kind, purpose, record_type, outcome = told
    return [
        one.index if whole else str(one.place),
        local_time(one.time_us, archive.applied.timezone),
        kind,
        one.actor,
        purpose,
        record_type,
        one.count,
        outcome,
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
@flag(
    "--reason",
    words=(
        "With the words in which its reason was given; reading them is an entry.",
        "同时查看当时填写的理由；查看本身也会记入日志。",
    ),
)
@click.pass_obj
def show(call: Invocation, place: str, reason: bool) -> None:
    """One entry."""
    from muniment.cli.entry_words import EntryWords
    from muniment.cli.output import emit, heading, labels, put
    from muniment.cli.values import local_time
    from muniment.log.kinds import KINDS
    from muniment.session.reading.generations import parse_place

    with call.session() as (archive, session):
        gen, index = parse_place(place)
        found = session.entry(index, generation=gen)
        words = session.reason(index, generation=gen) if reason else None
        if call.json:
            emit({"entries": [found.document()], **({"reason": words} if reason else {})})
            return
        kind = KINDS[found.kind]
        put(heading(f"{place}  {found.kind}  {kind.zh if call.language == 'zh' else kind.en}"))
        labels(
            [
                (call.say("cli.label_time"), local_time(found.time_us, archive.applied.timezone)),
                *([(call.say("entry.words"), words)] if words else []),
                *EntryWords(archive, call.language, call.say).lines(found),
                *(
                    (call.say("entry.record"), f"{line['id']}  {call.say('entry.version', **line)}")
                    for line in found.records
                ),
                (call.say("entry.bytes"), found.data.decode("ascii")),
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
@further
@click.pass_obj
def accesses(call: Invocation, id: str, limit: int, after: str | None) -> None:
    """Everything the log says about a record."""
    from muniment.cli.output import emit, lead_on, talk
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        found = session.accesses(resolve_record(session, id), limit=limit, after=after)
        if call.json:
            emit({"entries": [one.document() for one in found], "after": found.after})
            return
        _show_entries(call, archive, found, whole=len({one.generation for one in found}) < 2)
        talk(call.say("cli.found_entries", count=len(found)))
        lead_on(call, found.after)
