"""``muniment inbox``: what came in by mail or on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, must_say_why, option, paged, verb
from muniment.cli.invocation import Invocation
from muniment.model import micros_of

if TYPE_CHECKING:
    from muniment.session.incoming import Item, Received

__all__ = ["accept", "add", "fetch", "file", "inbox", "list_items", "refuse", "show"]

_HERE = "muniment.cli.inbox"

inbox = LazyGroup(
    "inbox",
    {
        "add": Entry(f"{_HERE}:add", ("Take e-mails from files.", "从文件接收电子邮件。")),
        "fetch": Entry(f"{_HERE}:fetch", ("Take what is new in the mailbox.", "收取邮箱中的新邮件。")),
        "list": Entry(f"{_HERE}:list_items", ("What waits for a person.", "列出待处理的来件。")),
        "show": Entry(f"{_HERE}:show", ("One of them.", "查看一件来件。")),
        "accept": Entry(f"{_HERE}:accept", ("Make a record of it.", "接受来件并生成记录。")),
        "refuse": Entry(f"{_HERE}:refuse", ("Say that nothing comes of it.", "拒绝来件。")),
        "file": Entry(f"{_HERE}:file", ("Open its original.", "取出原件。")),
    },
    words=(
        "What came in by e-mail or on paper. It waits, sealed, until somebody accepts it as a record or "
        "refuses it; nothing becomes a record by itself.",
        "通过邮件或纸质方式收到的内容。它们加密保存，等待有人接受为记录或拒绝；不会自动成为记录。",
    ),
)

_ID = ("Its identifier.", "来件的标识符。")


@verb(
    "add",
    (
        "Take e-mails from files: .eml, mbox, Maildir, or a folder of .eml files.",
        "从文件接收电子邮件：.eml、mbox、Maildir 或 .eml 文件夹。",
    ),
    note=("Example: muniment inbox add letters/", "示例：muniment inbox add 邮件/"),
)
@argument("paths", ("Files or folders.", "文件或文件夹。"), nargs=-1, required=True)
@click.pass_obj
def add(call: Invocation, paths: tuple[str, ...]) -> None:
    """Take e-mails from files."""
    from muniment.session.incoming import Received

    with call.session() as (_, session):
        total = Received()
        for path in paths:
            done = session.inbox.add(Path(path))
            total = Received(total.new + done.new, total.known + done.known, total.refused + done.refused)
        _put_received(call, total)


@verb("fetch", ("Take what is new in the mailbox that is configured.", "收取已配置邮箱中的新邮件。"))
@click.pass_obj
def fetch(call: Invocation) -> None:
    """Take what is new in the mailbox."""
    with call.session() as (_, session):
        _put_received(call, session.inbox.fetch())


def _put_received(call: Invocation, done: Received) -> None:
    from muniment.cli.output import emit, one_line, put

    if call.json:
        refused = [{"place": place, "code": code} for place, code in done.refused]
        emit({"new": done.new, "known": done.known, "refused": refused})
        return
    put(one_line(call.say("inbox.taken", new=done.new, known=done.known, refused=len(done.refused))))
    for place, code in done.refused:
        put(one_line(call.say("inbox.refused_place", place=place, code=code)))


@verb("list", ("What waits for a person, oldest first.", "列出待处理的来件，最早的在前。"))
@flag("--all", "everything", words=("What was decided and is still here too.", "包括已处理但尚未删除的。"))
@paged()
@click.pass_obj
def list_items(call: Invocation, everything: bool, limit: int, after: str | None) -> None:
    """What waits for a person."""
    from muniment.cli.output import emit, lead_on, one_line, put, table
    from muniment.cli.values import local_time

    with call.session() as (archive, session):
        found = session.inbox.listed(everything=everything, limit=limit, after=after)
        if call.json:
            emit({"incoming": [_document(one) for one in found], "after": found.after})
            return
        if not found:
            put(one_line(call.say("inbox.empty")))
            return
        heads = (
            "inbox.label_state",
            "inbox.label_received",
            "inbox.label_from",
            "inbox.label_subject",
            "inbox.label_person",
        )
        table(
            ["ID", *call.words(*heads)],
            [
                [
                    one.id,
                    call.say(f"inbox.state_{one.state}"),
                    local_time(micros_of(one.received_at), archive.applied.timezone),
                    one.proposal.shown.get("from", one.source),
                    one.proposal.shown.get("subject", ""),
                    ", ".join(one.proposal.persons) or "?",
                ]
                for one in found
            ],
        )
        lead_on(call, found.after)


def _document(one: Item) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state,
        "source": one.source,
        "received_at": one.received_at.isoformat(),
        "made": one.made or None,
        "type": one.proposal.type,
        "persons": list(one.proposal.persons),
        "values": dict(one.proposal.values),
        "person": dict(one.proposal.person),
        "shown": dict(one.proposal.shown),
    }


@verb("show", ("One of them, with what is proposed.", "查看一件来件及建议内容。"))
@argument("id", _ID)
@click.pass_obj
def show(call: Invocation, id: str) -> None:
    """One of them."""
    from muniment.cli.output import emit, labels

    with call.session() as (_, session):
        item = session.inbox.get(id)
        if call.json:
            emit(_document(item))
            return
        proposal, types = item.proposal, {one.key: one for one in session.types()}
        named: list[tuple[str, object]] = [
            (call.say("inbox.label_state"), call.say(f"inbox.state_{item.state}")),
            (call.say("inbox.label_from"), proposal.shown.get("from", item.source)),
            (call.say("inbox.label_person"), ", ".join(proposal.persons) or "?"),
        ]
        for key, values in (
            (proposal.type, proposal.values),
            (session.inbox.settings.person, proposal.person),
        ):
            fields = types[key].by_key if key in types else {}
            for name, value in values.items():
                label = fields[name].label.of(call.language) if name in fields else name
                named.append((f"{key}: {label}", value))
        for one in proposal.shown.get("attachments", ()):
            named.append((call.say("inbox.label_attachment"), f"{one['name']} ({one['size']})"))
        labels(named)


@verb(
    "accept",
    ("Make a record of it, in your own name.", "以自己的名义接受来件并生成记录。"),
    note=(
        "Example: muniment inbox accept ID --customer customer:C-1001 --set topic=order",
        "示例：muniment inbox accept ID --customer customer:C-1001 --set topic=order",
    ),
)
@argument("id", _ID)
@option(
    "--customer",
    "person",
    metavar="ID",
    words=("Whose it is, where that is not clear or not right.", "所属客户；不明确或有误时使用。"),
)
@flag("--new", words=("Make a record of the proposed person as well.", "同时新建建议的客户记录。"))
@option(
    "--set",
    "values",
    multiple=True,
    metavar="FIELD=VALUE",
    words=("What differs from the proposal.", "与建议内容不同的字段。"),
)
@option(
    "--set-person",
    "person_values",
    multiple=True,
    metavar="FIELD=VALUE",
    words=("The same of the new person.", "新客户记录中不同的字段。"),
)
@may_say_why
@click.pass_obj
def accept(
    call: Invocation,
    id: str,
    person: str | None,
    new: bool,
    values: tuple[str, ...],
    person_values: tuple[str, ...],
    reason: str | None,
) -> None:
    """Make a record of it."""
    from muniment.cli.output import emit, one_line, put
    from muniment.cli.values import assignments
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        saved = session.inbox.accept(
            id,
            person=resolve_record(session, person) if person else None,
            new=new,
            values=assignments(values),
            person_values=assignments(person_values),
            reason=reason,
        )
        if call.json:
            emit({"id": saved.id, "type": saved.type, "version": saved.version})
        else:
            label = session.type(saved.type).label.of(call.language)
            put(one_line(call.say("inbox.accepted", type=label, id=saved.id)))


@verb("refuse", ("Say that nothing comes of it; it will be erased.", "拒绝来件；其内容将被删除。"))
@argument("id", _ID)
@must_say_why
@click.pass_obj
def refuse(call: Invocation, id: str, reason: str) -> None:
    """Say that nothing comes of it."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        session.inbox.refuse(id, reason=reason)
        if call.json:
            emit({"id": id})
        else:
            put(one_line(call.say("inbox.dropped")))


@verb("file", ("Open its original into a new file.", "把原件取出到新文件。"))
@argument("id", _ID)
@option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    words=("The new file.", "新文件。"),
)
@click.pass_obj
def file(call: Invocation, id: str, target: Path) -> None:
    """Open its original."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        session.inbox.original(id, target)
        if call.json:
            emit({"path": str(target)})
        else:
            put(one_line(call.say("inbox.opened", path=str(target))))
