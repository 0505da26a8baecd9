"""``muniment subject report``, ``accesses``, ``requests``: what persons are told, and what they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, option, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session.rights.persons import Report
    from muniment.session.rights.requests import Request
    from muniment.session.writing.writes import Saved
    from muniment.subjects.clocks import Calendar, Due

__all__ = ["accesses", "report", "report_document", "report_labels", "requests"]

_HERE = "muniment.cli.subject_report"
_WHO = ("A record about the person, or type:value.", "涉及该主体的记录，或 类型:值。")
_ID = ("The request.", "请求。")
_REASON = ("Why; sealed.", "原因；密封保存。")
_RIGHTS = (
    "access",
    "portability",
    "rectification",
    "erasure",
    "restriction",
    "objection",
    "accounting",
    "explanation",
)

requests = LazyGroup(
    "requests",
    {
        "open": Entry(f"{_HERE}:open_", ("A person asks for something.", "登记请求。")),
        "list": Entry(f"{_HERE}:list_", ("What is owed, and by when.", "列出待办请求及期限。")),
        "show": Entry(
            f"{_HERE}:show", ("One person's requests, with their steps.", "查看某项个人信息权利请求及步骤。")
        ),
        "step": Entry(f"{_HERE}:step", ("Take one a step further.", "推进请求。")),
        "extend": Entry(f"{_HERE}:extend", ("Take the longer time, once.", "延长期限（一次）。")),
        "close": Entry(f"{_HERE}:close", ("End one.", "办结请求。")),
    },
    words=("What persons ask for, with the clock of the law.", "个人信息权利请求及其法定期限。"),
)


@verb(
    "report",
    (
        "What is known about a person, where it came from, what for, who received it, how long it is kept, "
        "and when it was looked at.\n"
        'Who looked is told only where [rights] of muniment.toml says `employees = "named"`.',
        "某主体的全部数据、来源、目的、接收方、保存期限及查阅时间。\n"
        '仅当 muniment.toml 的 [rights] 设为 employees = "named" 时才显示查阅者。',
    ),
    note=(
        "Example: muniment subject report ID --html report.html --lang zh",
        "示例：muniment subject report ID --html report.html --lang zh",
    ),
)
@argument("record", _WHO, metavar="ID")
@option("--html", metavar="FILE", words=("Write a page to print.", "写成可打印的网页文件。"))
@click.pass_obj
def report(call: Invocation, record: str, html: str | None) -> None:
    """What is known about a person."""
    from muniment.cli.output import emit, put
    from muniment.files import write_atomically
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        document = report_document(archive, session.persons.report(resolve_record(session, record)))
        labels = report_labels(archive, call.language)
    if html is not None:
        from muniment.errors import text_of
        from muniment.subjects.page import report_page

        page = report_page(
            document, lambda name: text_of(f"subject.{name}", call.language)[0], labels, call.language
        )
        write_atomically(Path(html), page.encode("utf-8"))
        if not call.json:
            put(html)
            return
    emit({"report": document})


def report_document(archive: Archive, found: Report) -> dict[str, Any]:
    """A report as JSON, the same for the command and the pages."""
    from muniment.cli.values import record_json
    from muniment.model import rfc3339

    return {
        "subject": found.subject,
        "merged": list(found.merged),
        "made": rfc3339(found.made_us),
        "records": [record_json(one, archive) for one in found.records],
        "sources": [dict(one) for one in found.sources],
        "purposes": dict(found.purposes),
        "disclosures": [dict(one) for one in found.disclosures],
        "retention": {name: [dict(one) for one in rules] for name, rules in found.retention.items()},
        "consents": [dict(one) for one in found.consents],
        "restrictions": [dict(one) for one in found.restrictions],
        "accesses": [dict(one) for one in found.accesses],
    }


def report_labels(archive: Archive, lang: str) -> dict[str, dict[str, str]]:
    """What types, fields and choices are called, the type itself under the empty key; see ``report_page``."""
    from muniment.log.kinds import KINDS
    from muniment.purposes import PURPOSES
    from muniment.schema import BUILTIN

    known = {**PURPOSES, **archive.plugins.purposes()}
    found = {
        "": {
            **{term: one.label.of(lang) or term for term, one in known.items()},
            **{name: getattr(kind, lang) for name, kind in KINDS.items()},
        }
    }
    for one in (*BUILTIN, *archive.engine.definitions.registry.types):
        names = found[one.key] = {"": one.label.of(lang)}
        for field in one.fields:
            names[field.key] = field.label.of(lang) or field.key
            for choice in field.choices:
                names[f"{field.key}={choice.key}"] = choice.label.of(lang) or choice.key
    return found


@verb(
    "accesses",
    (
        "Write who touched a person's data into a folder, with the log, the person's tag key and a program "
        "that shows that nothing was left out.\n"
        "Whoever has the tag key can find every entry about this person in the log, and about nobody else.",
        "将某主体数据的全部访问记录写入文件夹，附日志、该主体的标记密钥和用于证明无遗漏的程序。\n"
        "持有该标记密钥者可在日志中找到关于该主体的每一条记录，且仅限该主体。",
    ),
    note=(
        "Then, anywhere: python3 DIR/check_accesses.py --key VKEY",
        "随后在任何地方：python3 DIR/check_accesses.py --key VKEY",
    ),
)
@argument("record", _WHO, metavar="ID")
@option("--to", required=True, metavar="DIR", words=("A new folder.", "新文件夹。"))
@click.pass_obj
def accesses(call: Invocation, record: str, to: str) -> None:
    """Who touched a person's data, with what proves that nothing is left out."""
    from muniment.cli.output import emit, put
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        document = session.persons.accesses(resolve_record(session, record), Path(to))
    if call.json:
        emit({"accesses": document["entries"], "folder": to, "logs": document["logs"]})
    else:
        put(call.say("subject.accesses_written", count=len(document["entries"]), folder=to))


# Requests


def _request_json(one: Request) -> dict[str, Any]:
    from muniment.cli.values import value_json
    from muniment.session.rights.requests import described

    fields = {key: value_json(value) for key, value in one.values.items() if key not in ("steps", "evidence")}
    return {**described(one), "fields": fields}


def _told(call: Invocation, saved: Saved) -> None:
    from muniment.cli.output import emit, put

    if call.json:
        emit({"requests": [{"id": saved.id, "subject": saved.subject, "version": saved.version}]})
    else:
        put(call.say("request.written", id=saved.id, version=saved.version))


@verb(
    "open",
    ("Write down that a person asks for something; its clock runs.", "登记个人信息权利请求并开始计时。"),
)
@argument("record", _WHO, metavar="ID")
@argument("right", ("What they ask for.", "权利。"), type=click.Choice(_RIGHTS), metavar="RIGHT")
@option("--law", type=click.Choice(("gdpr", "ccpa", "hipaa", "pipl")), words=("Whose clock.", "适用法律。"))
@option("--received", metavar="DAY", words=("When; by default today.", "收到日期；默认今天。"))
@option("--channel", default="", metavar="C", words=("How it came.", "渠道。"))
@option("--requester", default="", metavar="NAME", words=("Who asks, if somebody else.", "代为提出者。"))
@option("--authority", default="", metavar="A", words=("What entitles them.", "授权依据。"))
@option("--reason", metavar="R", words=_REASON)
@click.pass_obj
def open_(
    call: Invocation,
    record: str,
    right: str,
    law: str | None,
    received: str | None,
    channel: str,
    requester: str,
    authority: str,
    reason: str | None,
) -> None:
    """Write a request down."""
    from muniment.session.reading.references import resolve_record

    day = _day(received)
    with call.session() as (_, session):
        dates, calendar = session.requests.dates(right, law=law, received=day)
        saved = session.requests.open(
            resolve_record(session, record),
            right,
            law=law,
            received=day,
            channel=channel,
            requester=requester,
            authority=authority,
            reason=reason,
        )
    _told_dates(call, saved, dates, calendar)


def _told_dates(call: Invocation, saved: Saved, dates: Due, calendar: Calendar) -> None:
    """The request with its days, and why one moved."""
    from muniment.cli.output import emit, put

    if call.json:
        found: dict[str, Any] = {
            "id": saved.id,
            "subject": saved.subject,
            "version": saved.version,
            "due": dates.due.isoformat(),
            "latest": dates.latest.isoformat(),
            "statutory": dates.statutory.isoformat(),
        }
        if dates.rolls:
            found["rolls"] = dates.rolls
        if calendar.until is not None:
            found["holidays_until"] = calendar.until.isoformat()
        emit({"requests": [found]})
        return
    put(call.say("request.written", id=saved.id, version=saved.version))
    put(call.say("request.answer_by", due=dates.due, latest=dates.latest))
    if dates.due != dates.statutory:
        put(call.say("request.rolled", day=dates.statutory, law=dates.rolls))
    if calendar.until is not None and dates.latest > calendar.until:
        put(call.say("request.no_table", day=calendar.until))


def _day(text: str | None) -> Any:
    from datetime import date

    from muniment.errors import UsageError

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError("cli.bad_value", name="--received") from None


@verb("list", ("The open requests, the one due first on top.", "列出未办结的请求，最先到期者在前。"))
@flag("--all", "everything", words=("Closed ones too.", "包括已办结的。"))
@paged()
@click.pass_obj
def list_(call: Invocation, everything: bool, limit: int, after: str | None) -> None:
    """The open requests."""
    from muniment.cli.output import emit, lead_on, table

    with call.session() as (_, session):
        found = session.requests.listed(everything=everything, limit=limit, after=after)
        today = session.engine.today()
    if call.json:
        emit({"requests": [_request_json(one) for one in found], "after": found.after})
        return
    header = [
        "ID",
        *call.words(
            "request.head_right",
            "request.head_law",
            "request.head_state",
            "request.head_due",
            "request.head_used",
        ),
    ]
    keys = ("right", "law", "state", "due")
    table(
        header,
        [
            [one.id, *(str(one.values.get(key) or "") for key in keys), f"{one.percent(today)} %"]
            for one in found
        ],
    )
    lead_on(call, found.after)


@verb(
    "show",
    ("A person's requests, with what was done and what is left.", "查看个人信息权利请求、已办和待办步骤。"),
)
@argument("record", _WHO, metavar="ID")
@click.pass_obj
def show(call: Invocation, record: str) -> None:
    """A person's requests."""
    from muniment.cli.output import clean, emit, heading, put
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        found = session.requests.listed(everything=True, of=resolve_record(session, record))
    if call.json:
        emit({"requests": [_request_json(one) for one in found]})
        return
    for one in found:
        values = one.values
        put(heading(f"{one.id}  {values['right']}  {values['law']}  {one.state}  {values['due']}"))
        for name, done in one.checklist():
            put(f"  [{'x' if done else ' '}] {name}")
        for step in one.steps():
            put(clean(f"  {step['at'][:19]}  {step['by']}  {step['to']}  {step.get('note', '')}"))


@verb(
    "step",
    (
        "Take a request a step further. `granted`, `partial` and `refused` decide it.",
        "推进请求。granted、partial、refused 为决定；后两者须注明理由。",
    ),
)
@argument("id", _ID, metavar="REQUEST")
@argument("to", ("The step.", "步骤。"), metavar="STEP")
@option("--note", default="", metavar="TEXT", words=("What was found or done; sealed.", "说明；密封保存。"))
@option(
    "--answer", default="", metavar="TEXT", words=("What the person is told; sealed.", "答复；密封保存。")
)
@option("--evidence", metavar="FILE", words=("A file; sealed.", "证据文件；密封保存。"))
@option("--reason", metavar="R", words=_REASON)
@click.pass_obj
def step(
    call: Invocation, id: str, to: str, note: str, answer: str, evidence: str | None, reason: str | None
) -> None:
    """Take a request a step further."""
    with call.session() as (_, session):
        saved = session.requests.step(
            id,
            to,
            note=note,
            answer=answer,
            evidence=Path(evidence) if evidence else None,
            reason=reason,
        )
    _told(call, saved)


@verb(
    "extend",
    (
        "Take the longer time that the law allows, once, within the first one; say what the person was told.",
        "在首个期限内依法延长一次，并注明已告知的理由。",
    ),
)
@argument("id", _ID, metavar="REQUEST")
@option("--note", required=True, metavar="TEXT", words=("Why; sealed.", "理由；密封保存。"))
@click.pass_obj
def extend(call: Invocation, id: str, note: str) -> None:
    """Take the longer time."""
    with call.session() as (_, session):
        saved = session.requests.extend(id, note=note)
    _told(call, saved)


@verb("close", ("End a request that was answered or refused.", "办结已答复或已拒绝的请求。"))
@argument("id", _ID, metavar="REQUEST")
@option(
    "--answer", default="", metavar="TEXT", words=("What the person was told; sealed.", "答复；密封保存。")
)
@option("--note", default="", metavar="TEXT", words=("Anything else; sealed.", "备注；密封保存。"))
@click.pass_obj
def close(call: Invocation, id: str, answer: str, note: str) -> None:
    """End a request."""
    with call.session() as (_, session):
        saved = session.requests.close(id, answer=answer, note=note)
    _told(call, saved)
