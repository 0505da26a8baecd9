"""``muniment incident``: what happened to the data, whom it affects, and by when somebody has to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, option, paged, verb
from muniment.cli.invocation import Invocation, names_of

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session.oversight.incident_values import Incident

__all__ = [
    "add",
    "assess",
    "close",
    "find",
    "incident",
    "list_",
    "notify",
    "open_",
    "persons",
    "show",
]

_HERE = "muniment.cli.incident"
_OUT = "muniment.cli.incident_out"
_ID = ("The incident's identifier.", "安全事件的标识符。")
_AT = ("When, RFC 3339; by default now.", "时间（RFC 3339）；默认为现在。")
_LAWS = "gdpr, pipl, hipaa, pci, glba, nydfs, reg_s_p, sec_8k, cn_network_data, cn_incidents"

incident = LazyGroup(
    "incident",
    {
        "open": Entry(
            f"{_HERE}:open_", ("Write an incident down; its clocks run.", "登记安全事件，开始计时。")
        ),
        "find": Entry(f"{_HERE}:find", ("Compute from the log whom it affects.", "从日志计算受影响的对象。")),
        "assess": Entry(f"{_HERE}:assess", ("Say how grave it is.", "评估严重程度。")),
        "add": Entry(f"{_HERE}:add", ("Add what is known or was done.", "补充已知情况或已采取的措施。")),
        "notice": Entry(f"{_OUT}:notice", ("Draft a notice.", "起草通知。")),
        "persons": Entry(f"{_HERE}:persons", ("The persons to be told.", "列出需要告知的个人。")),
        "notify": Entry(f"{_HERE}:notify", ("Somebody was told; a clock ends.", "登记已告知，结束计时。")),
        "list": Entry(f"{_HERE}:list_", ("The incidents and their clocks.", "列出安全事件及期限。")),
        "show": Entry(f"{_HERE}:show", ("One incident whole.", "查看一个安全事件。")),
        "close": Entry(f"{_HERE}:close", ("End an incident.", "结案。")),
        "laws": Entry(f"{_OUT}:laws", ("The clocks of the laws.", "列出各法律的期限。")),
        "drill": Entry(f"{_OUT}:drill", ("Practise one from end to end.", "完整演练一次。")),
    },
    words=(
        "Incidents: what happened to the data, whom it affects, by when somebody has to be told.\n"
        "Whom it affects is computed from the log, and can be computed again.",
        "安全事件：数据发生了什么、影响了谁、须在何时前告知谁。\n受影响的对象由日志计算得出，可随时重新计算。",
    ),
)


def _shown(call: Invocation, archive: Archive, one: Incident) -> None:
    """An incident for people: where it stands, its clocks, its figures, its steps."""
    from muniment.cli.output import emit, heading, labels, put, table

    document = one.document(archive.engine.clock())
    if call.json:
        emit({"incidents": [document]})
        return
    zone = archive.applied.timezone
    labels(
        [
            ("ID", one.id),
            (call.say("incident.label_title"), _titled(call, document)),
            (call.say("incident.label_state"), call.say(f"incident.state_{one.state}")),
            (call.say("incident.label_nature"), call.say(f"incident.nature_{document['nature']}")),
            (
                call.say("incident.label_severity"),
                call.say(f"incident.severity_{document['severity']}") if document["severity"] else "—",
            ),
            (call.say("incident.label_risk"), call.say(f"incident.risk_{one.risk}")),
            *(
                (call.say(f"incident.label_{name}"), _local(document[name], zone))
                for name in ("happened", "found", "known")
                if document[name]
            ),
            *((call.say(f"incident.label_{name}"), document[name]) for name in _TOLD if document[name]),
        ]
    )
    if document["clocks"]:
        put()
        put(heading(call.say("incident.head_clocks")))
        table(*_clock_rows(call, document["clocks"], zone))
    put()
    put(heading(call.say("incident.head_affected")))
    _figures(call, document["affected"], zone)
    put()
    put(heading(call.say("incident.head_steps")))
    table(
        call.words("incident.label_when", "incident.label_by", "incident.label_what", "incident.label_text"),
        [
            [
                _local(step["at"], zone),
                step["by"],
                call.say(f"incident.step_{step['what']}"),
                step.get("text") or step.get("clock") or "",
            ]
            for step in document["steps"]
        ],
    )


def _taken(call: Invocation, archive: Archive, one: Incident) -> None:
    """That a step was taken, and which clock is next."""
    from muniment.cli.output import emit, one_line, put

    document = one.document(archive.engine.clock())
    if call.json:
        emit({"incidents": [document]})
        return
    step = call.say(f"incident.step_{document['steps'][-1]['what']}")
    left = [each for each in document["clocks"] if each["state"] in ("late", "at_once", "running")]
    put(one_line(call.say("incident.taken", step=step, title=_titled(call, document))))
    if left and one.state == "open":
        named, to = f"{left[0]['law']}.{left[0]['clock']}", left[0]["to"][call.language]
        due = _local(left[0]["due"], archive.applied.timezone)
        state = call.say(f"incident.clock_{left[0]['state']}")
        put(one_line(call.say("incident.next_clock", name=named, to=to, due=due, state=state)))


_TOLD = ("cause", "harm", "measures", "advice", "contact")


def _titled(call: Invocation, document: dict[str, Any]) -> str:
    title = str(document["title"])
    return f"{call.say('incident.drill_mark')} {title}" if document["drill"] else title


def _local(text: str, zone: str) -> str:
    from muniment.cli.values import local_time
    from muniment.model import parse_time

    return local_time(parse_time(text), zone)


def _clock_rows(
    call: Invocation, clocks: list[dict[str, Any]], zone: str
) -> tuple[list[str], list[list[object]]]:
    from muniment.cli.incident_out import source_of

    header = call.words(
        "incident.label_clock",
        "incident.label_to",
        "incident.label_due",
        "incident.label_state",
        "incident.label_source",
    )
    return header, [
        [
            f"{one['law']}.{one['clock']}",
            one["to"][call.language],
            call.say("incident.at_once")
            if one["at_once"]
            else _local(one["due"], zone)
            if one["due"]
            else "—",
            call.say(f"incident.clock_{one['state']}"),
            source_of(call, one),
        ]
        for one in clocks
    ]


def _figures(call: Invocation, found: dict[str, Any] | None, zone: str) -> None:
    from muniment.cli.output import labels, put, talk

    if found is None:
        put(call.say("incident.not_computed"))
        return
    labels(
        [
            (call.say("incident.label_subjects"), found["subjects"]),
            (call.say("incident.label_records"), found["records"]),
            (call.say("incident.label_acts"), found["acts"]),
            (call.say("incident.label_index"), found["index"]),
            *(
                (
                    call.say("incident.label_first"),
                    f"{_local(found['first'], zone)} – {_local(found['last'], zone)}",
                )
                for _ in range(1)
                if found["first"]
            ),
            (call.say("incident.label_kinds"), ", ".join(f"{key} {n}" for key, n in found["kinds"].items())),
            (
                call.say("incident.label_classes"),
                ", ".join(
                    f"{key}: "
                    + " + ".join(call.say(f"incident.way_{way}", count=n) for way, n in ways.items())
                    for key, ways in found["classes"].items()
                ),
            ),
            *(
                (
                    name,
                    ", ".join(
                        [
                            *one["clear"],
                            *(f"({key})" for key in one["masked"]),
                            *(f"*{key}" for key in one["written"]),
                        ]
                    ),
                )
                for name, one in found["types"].items()
            ),
            (call.say("incident.label_recipients"), ", ".join(found["recipients"])),
            (
                call.say("incident.label_jurisdictions"),
                ", ".join(f"{name or '?'} {n}" for name, n in found["jurisdictions"].items()),
            ),
            ("SHA-256", found["digest"]),
        ]
    )
    if found["unread"]:
        talk(call.say("incident.unread", count=found["unread"]))


@verb(
    "open",
    ("Write an incident down; from then on its clocks run.", "登记安全事件，随即开始计时。"),
    note=(
        "Example: muniment incident open 'Export by a leaver' --law gdpr --known 2026-03-02T09:00+01:00",
        "示例：muniment incident open '离职员工导出数据' --law pipl --known 2026-03-02T09:00+08:00",
    ),
)
@argument("title", ("What happened, in a line; sealed.", "一句话说明发生了什么；加密保存。"))
@option(
    "--nature",
    type=click.Choice(("disclosed", "altered", "lost")),
    default="disclosed",
    words=("What happened to the data.", "数据受到的影响：泄露、篡改、丢失。"),
)
@option(
    "--law",
    "laws",
    multiple=True,
    metavar="LAW",
    words=(f"One that applies: {_LAWS}.", f"适用的法律：{_LAWS}。"),
)
@option("--known", metavar="T", words=("When it became known; by default now.", "知悉时间；默认为现在。"))
@option("--found", metavar="T", words=("When it was found.", "发现时间。"))
@option("--happened", metavar="T", words=("When it began.", "发生时间。"))
@option("--ended", metavar="T", words=("When it ended.", "结束时间。"))
@flag("--drill", words=("An exercise; marked so everywhere.", "演练；各处均有标记。"))
@may_say_why
@click.pass_obj
def open_(
    call: Invocation,
    title: str,
    nature: str,
    laws: tuple[str, ...],
    known: str | None,
    found: str | None,
    happened: str | None,
    ended: str | None,
    drill: bool,
    reason: str | None,
) -> None:
    """Write an incident down."""
    with call.session() as (archive, session):
        made = session.incidents.open(
            title,
            nature=nature,
            laws=names_of(laws),
            known=known,
            found=found,
            happened=happened,
            ended=ended,
            drill=drill,
            reason=reason,
        )
        _shown(call, archive, made)


@verb(
    "find",
    (
        "Compute from the log whom and what it affects: every act that showed or changed something.\n"
        "The figures are kept with the index of the log. Without options it searches again for what was "
        "searched before; `--check` compares with what is kept.",
        "从日志计算受影响的对象：所有显示或更改过数据的操作。\n"
        "结果连同日志序号一并保存。不带选项时按上次的范围重新计算；--check 与已保存的结果比对。",
    ),
    note=(
        "Example: muniment incident find ID --actor li.na --since 2026-03-01",
        "示例：muniment incident find ID --actor li.na --since 2026-03-01",
    ),
)
@argument("id", _ID)
@option("--actor", "actors", multiple=True, metavar="LOGIN", words=("What they did.", "操作者。"))
@option("--session", "sessions", multiple=True, metavar="ID", words=("In this sign-in.", "登录会话。"))
@option("--op", "ops", multiple=True, metavar="OP", words=("In this act.", "同一操作。"))
@option("--type", "types", multiple=True, metavar="TYPE", words=("Of this record type.", "记录类型。"))
@option("--kind", "kinds", multiple=True, metavar="KIND", words=("Of this kind alone.", "仅此类条目。"))
@option("--since", metavar="T", words=("From this time on.", "自该时间起。"))
@option("--until", metavar="T", words=("Before this time.", "至该时间止。"))
@option(
    "--acts",
    type=click.Choice(("read", "write", "both")),
    default="read",
    words=("What counts.", "计入读取、写入或两者。"),
)
@flag(
    "--everything",
    words=(
        "All records that are there: for what happened beside the program, such as a stolen disk.",
        "全部现有记录：适用于程序之外发生的事件，例如磁盘被盗。",
    ),
)
@flag(
    "--check",
    words=(
        "Compare with the figures that are kept; exit code 3 if they differ.",
        "与已保存的结果比对；不一致时退出码为 3。",
    ),
)
@may_say_why
@click.pass_obj
def find(
    call: Invocation,
    id: str,
    actors: tuple[str, ...],
    sessions: tuple[str, ...],
    ops: tuple[str, ...],
    types: tuple[str, ...],
    kinds: tuple[str, ...],
    since: str | None,
    until: str | None,
    acts: str,
    everything: bool,
    check: bool,
    reason: str | None,
) -> None:
    """Compute whom it affects."""
    from muniment.cli.output import emit, put
    from muniment.cli.progress import progress
    from muniment.errors import IntegrityError
    from muniment.model import parse_time
    from muniment.session.oversight.affected import Scope

    given = any((actors, sessions, ops, types, kinds, since, until, everything))
    scope = Scope(
        names_of(actors),
        names_of(sessions),
        names_of(ops),
        names_of(types),
        names_of(kinds),
        acts,
        None if since is None else parse_time(since),
        None if until is None else parse_time(until),
        everything,
    )
    with call.session() as (archive, session), progress(call.say("incident.searching")) as told:
        if check:
            if not session.incidents.check(id, progress=told):
                raise IntegrityError("incident.differs", where=id)
            if call.json:
                emit({"incident": {"id": id, "same": True}})
            else:
                put(call.say("incident.same"))
            return
        made = session.incidents.find(id, scope if given else None, progress=told, reason=reason)
        _shown(call, archive, made)


@verb(
    "assess",
    (
        "Say how grave it is and which laws apply; the clocks follow.",
        "评估严重程度及适用法律；期限随之变化。",
    ),
)
@argument("id", _ID)
@option(
    "--severity",
    type=click.Choice(("low", "medium", "high", "critical")),
    words=("How grave.", "严重程度。"),
)
@option("--risk", type=click.Choice(("unlikely", "risk", "high")), words=("For persons.", "对个人的风险。"))
@option("--law", "laws", multiple=True, metavar="LAW", words=("In place of those before.", "替换原有法律。"))
@option("--text", default="", metavar="TEXT", words=("What that rests on; sealed.", "评估依据；加密保存。"))
@may_say_why
@click.pass_obj
def assess(
    call: Invocation,
    id: str,
    severity: str | None,
    risk: str | None,
    laws: tuple[str, ...],
    text: str,
    reason: str | None,
) -> None:
    """Say how grave it is."""
    with call.session() as (archive, session):
        made = session.incidents.assess(
            id, severity=severity, risk=risk, laws=names_of(laws) or None, text=text, reason=reason
        )
        _shown(call, archive, made)


@verb(
    "add",
    (
        "Add what is known or was done.\n"
        "cause, harm, measures, advice and contact are what notices say, and replace what stood there; "
        "contain, contacted, note and evidence are steps.",
        "补充已知情况或已采取的措施。\n"
        "cause、harm、measures、advice、contact 用于通知，并替换原有内容；"
        "contain、contacted、note、evidence 记为处理步骤。",
    ),
)
@argument("id", _ID)
@argument(
    "what",
    ("cause, harm, measures, advice, contact, contain, contacted, note or evidence.", "类别，见上文。"),
    type=click.Choice(
        ("cause", "harm", "measures", "advice", "contact", "contain", "contacted", "note", "evidence")
    ),
    metavar="WHAT",
)
@argument("text", ("In your own words; sealed.", "用自己的话说明；加密保存。"), required=False, default="")
@option(
    "--entry",
    "entries",
    multiple=True,
    type=int,
    metavar="N",
    words=("An entry that shows it.", "相关日志条目。"),
)
@option("--file", "file", metavar="FILE", words=("A file as evidence; sealed.", "作为证据的文件；加密保存。"))
@option("--at", metavar="T", words=_AT)
@may_say_why
@click.pass_obj
def add(
    call: Invocation,
    id: str,
    what: str,
    text: str,
    entries: tuple[int, ...],
    file: str | None,
    at: str | None,
    reason: str | None,
) -> None:
    """Add what is known or was done."""
    from pathlib import Path

    with call.session() as (archive, session):
        made = session.incidents.add(
            id,
            what,
            text,
            entries=entries,
            evidence=None if file is None else Path(file),
            at=at,
            reason=reason,
        )
        _taken(call, archive, made)


@verb(
    "persons",
    (
        "The persons to be told, found anew in the log, with how to reach them.\n"
        "Handing the list out is a disclosure of each of them, and logged as one.",
        "列出需要告知的个人及其联系方式，由日志重新计算得出。\n导出该名单本身即是一次披露，逐人记入日志。",
    ),
)
@argument("id", _ID)
@option("--to", "path", metavar="FILE", words=("A new file: .csv or .ndjson.", "新文件：.csv 或 .ndjson。"))
@option("--fields", multiple=True, metavar="F", words=("These fields instead.", "改用这些字段。"))
@may_say_why
@click.pass_obj
def persons(call: Invocation, id: str, path: str | None, fields: tuple[str, ...], reason: str | None) -> None:
    """The persons to be told."""
    from muniment.cli.incident_out import write_persons

    write_persons(call, id, path, names_of(fields) or None, reason)


@verb("notify", ("Write down that somebody was told, which ends a clock.", "登记已告知某方，结束相应计时。"))
@argument("id", _ID)
@argument("clock", ("LAW.CLOCK, as the list of clocks names it.", "期限名称：法律.期限。"))
@option("--at", metavar="T", words=_AT)
@option(
    "--to", "recipient", default="", metavar="WHO", words=("Who was told; sealed.", "告知对象；加密保存。")
)
@option(
    "--text", default="", metavar="TEXT", words=("How, or a file number; sealed.", "方式或文号；加密保存。")
)
@may_say_why
@click.pass_obj
def notify(
    call: Invocation, id: str, clock: str, at: str | None, recipient: str, text: str, reason: str | None
) -> None:
    """Somebody was told."""
    with call.session() as (archive, session):
        made = session.incidents.told(id, clock, at=at, recipient=recipient, text=text, reason=reason)
        _taken(call, archive, made)


@verb("list", ("The incidents and their next clocks.", "列出安全事件及其最近期限。"))
@flag("--closed", words=("Those that were closed too.", "包括已结案的。"))
@paged()
@click.pass_obj
def list_(call: Invocation, closed: bool, limit: int, after: str | None) -> None:
    """The incidents there are."""
    from muniment.cli.output import emit, lead_on, put, table

    with call.session() as (archive, session):
        found = session.incidents.listed(closed=closed, limit=limit, after=after)
        now = archive.engine.clock()
        if call.json:
            emit({"incidents": [one.document(now) for one in found], "after": found.after})
            return
        if not found:
            put(call.say("incident.none_listed"))
            return
        zone = archive.applied.timezone
        rows = []
        for one in found:
            document = one.document(now)
            left = [each for each in document["clocks"] if each["state"] in ("late", "at_once", "running")]
            clock = left[0] if left else None
            rows.append(
                [
                    one.id,
                    _titled(call, document),
                    call.say(f"incident.state_{one.state}"),
                    _local(document["known"], zone),
                    "—" if clock is None else f"{clock['law']}.{clock['clock']}",
                    "—"
                    if clock is None
                    else f"{_local(clock['due'], zone)} ({call.say('incident.clock_' + clock['state'])})",
                ]
            )
        header = call.words(
            "incident.label_title",
            "incident.label_state",
            "incident.label_known",
            "incident.label_clock",
            "incident.label_due",
        )
        table(["ID", *header], rows)
        lead_on(call, found.after)


@verb("show", ("One incident with all that is known of it.", "查看一个安全事件的全部情况。"))
@argument("id", _ID)
@click.pass_obj
def show(call: Invocation, id: str) -> None:
    """One incident."""
    with call.session() as (archive, session):
        _shown(call, archive, session.incidents.get(id))


@verb("close", ("End an incident: what came of it, and what was learned.", "结案：结果与教训。"))
@argument("id", _ID)
@option(
    "--text",
    required=True,
    metavar="TEXT",
    words=("In your own words; sealed.", "用自己的话说明；加密保存。"),
)
@flag(
    "--despite-clocks",
    words=(
        "Though somebody is still to be told; nobody is reminded any more.",
        "即使仍有未告知方；此后不再提醒。",
    ),
)
@may_say_why
@click.pass_obj
def close(call: Invocation, id: str, text: str, despite_clocks: bool, reason: str | None) -> None:
    """End an incident."""
    with call.session() as (archive, session):
        made = session.incidents.close(id, text=text, despite_clocks=despite_clocks, reason=reason)
        _taken(call, archive, made)
