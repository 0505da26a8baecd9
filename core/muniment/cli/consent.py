"""``muniment consent``: what persons consented to, what they were told, and receipts of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, options, paged, verb
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muniment.session import Session
    from muniment.session.rights.consented import Consent
    from muniment.session.rights.consents import Terms
    from muniment.session.writing.writes import Saved

__all__ = ["consent", "create", "give", "notice", "receipt", "refuse", "show", "verify", "withdraw"]

_HERE = "muniment.cli.consent"
_WHO = ("A record about the person, or type:value.", "涉及该主体的记录，或 类型:值。")
_REASON = ("Why; sealed.", "原因；密封保存。")
_METHODS = ("web", "app", "paper", "spoken", "mail", "other")
_SEPARATE = ("sensitive", "provide", "publish", "cross_border")

consent = LazyGroup(
    "consent",
    {
        "give": Entry(f"{_HERE}:give", ("A person consents to a purpose.", "登记同意。")),
        "create": Entry(
            f"{_HERE}:create", ("Make a record with the person's consent.", "新建记录并登记同意。")
        ),
        "withdraw": Entry(f"{_HERE}:withdraw", ("A person takes it back.", "登记撤回。")),
        "refuse": Entry(f"{_HERE}:refuse", ("A person was asked and said no.", "登记拒绝。")),
        "invalidate": Entry(f"{_HERE}:invalidate", ("Declare one invalid.", "作废同意。")),
        "show": Entry(f"{_HERE}:show", ("The consents of one person.", "查看某主体的同意。")),
        "list": Entry(f"{_HERE}:list_", ("Consents, by purpose and state.", "按目的和状态列出同意。")),
        "receipt": Entry(f"{_HERE}:receipt", ("A receipt to hand over.", "出具回执。")),
        "verify": Entry(f"{_HERE}:verify", ("Check a receipt, offline.", "离线校验回执。")),
        "notice": Entry(f"{_HERE}:notice", ("What people are told.", "管理告知书。")),
    },
    words=(
        "What persons consented to. A purpose that rests on consent is named in [consent] of muniment.toml "
        "and refused without one.",
        "个人的同意。以同意为依据的目的在 muniment.toml 的 [consent] 中列明，未经同意即被拒绝。",
    ),
)

notice = LazyGroup(
    "notice",
    {
        "write": Entry(f"{_HERE}:notice_write", ("Write one, or its next version.", "编写或更新告知书。")),
        "list": Entry(f"{_HERE}:notice_list", ("The notices.", "列出告知书。")),
    },
    words=("What people are told before they consent.", "征求同意前的告知内容。"),
)


def _record(session: Session, text: str) -> str:
    """A record as everywhere: its identifier, or ``type:value`` of a unique field."""
    from muniment.session.reading.references import resolve_record

    return resolve_record(session, text)


_terms = options(
    option("--relation", default="", metavar="R", words=("Of the guardian.", "监护人与本人关系。")),
    option("--guardian", default="", metavar="NAME", words=("Who consents for a child.", "监护人。")),
    option("--data", multiple=True, metavar="KIND", words=("A kind of data.", "个人信息种类。")),
    option("--jurisdiction", default="", metavar="J", words=("Such as EU or CN.", "法域，如 EU、CN。")),
    option(
        "--separate",
        type=click.Choice(_SEPARATE),
        multiple=True,
        words=("Given separately for this too.", "另行单独同意的事项。"),
    ),
    option("--until", default="", metavar="T", words=("Until when.", "有效期至。")),
    option("--since", default="", metavar="T", words=("Since when; by default now.", "起始时间；默认现在。")),
    option(
        "--method",
        type=click.Choice(_METHODS),
        default="other",
        words=("How it was given.", "给予方式。"),
    ),
    option(
        "--language",
        type=click.Choice(("en", "zh")),
        default="en",
        words=("In which language it was shown.", "告知书语言。"),
    ),
    option("--notice", default="", metavar="KEY", words=("The notice that was shown.", "所示告知书。")),
)
"""The options that say to what somebody consents, and how."""


def _read_terms(purpose: str, given: dict[str, Any]) -> Terms:
    from muniment.session.rights.consents import Terms

    return Terms(
        purpose,
        given["notice"],
        given["language"],
        given["method"],
        given["since"],
        given["until"],
        given["separate"],
        given["jurisdiction"],
        given["data"],
        given["guardian"],
        given["relation"],
    )


def _tell(call: Invocation, saved: Saved, purpose: str, state: str) -> None:
    from muniment.cli.output import emit, put

    if call.json:
        emit(
            {
                "consents": [
                    {
                        "id": saved.id,
                        "subject": saved.subject,
                        "version": saved.version,
                        "purpose": purpose,
                        "state": state,
                    }
                ]
            }
        )
    else:
        words = call.say(f"consent.{state}")
        put(call.say("consent.written", state=words, purpose=purpose, version=saved.version))


@verb(
    "give",
    ("Write down that a person consents to a purpose.", "登记某主体对某目的的同意。"),
    note=(
        "Example: muniment consent give ID DirectMarketing --notice newsletter --method web",
        "示例：muniment consent give ID DirectMarketing --notice newsletter --method web",
    ),
)
@argument("record", _WHO, metavar="ID")
@argument("purpose", ("To what, as a W3C DPV term.", "目的（W3C DPV 术语）。"), metavar="PURPOSE")
@_terms
@option("--evidence", metavar="FILE", words=("A file that shows it; sealed.", "证据文件；密封保存。"))
@option("--reason", metavar="R", words=_REASON)
@click.pass_obj
def give(
    call: Invocation, /, record: str, purpose: str, evidence: str | None, reason: str | None, **given: Any
) -> None:
    """Write a consent down."""
    with call.session() as (_, session):
        saved = session.consents.give(
            _record(session, record),
            _read_terms(purpose, given),
            evidence=Path(evidence) if evidence else None,
            reason=reason,
        )
    _tell(call, saved, purpose, "given")


@verb(
    "create",
    (
        "Make a record of a new person together with their consent, in one step.",
        "新建某人的记录，并同时登记其同意。",
    ),
)
@argument("type", ("The record type.", "记录类型。"), metavar="TYPE")
@argument("values", ("Values, as field=value.", "字段=值。"), nargs=-1, metavar="F=V...")
@option("--to", "purpose", required=True, metavar="PURPOSE", words=("To what they consent.", "同意的目的。"))
@_terms
@option("--reason", metavar="R", words=_REASON)
@click.pass_obj
def create(
    call: Invocation, /, type: str, values: tuple[str, ...], purpose: str, reason: str | None, **given: Any
) -> None:
    """Make a record with a consent."""
    from muniment.cli.values import assignments

    with call.session() as (_, session):
        _, saved = session.consents.create(
            type, assignments(values), _read_terms(purpose, given), reason=reason
        )
    _tell(call, saved, purpose, "given")


@verb("withdraw", ("Write down that a person takes a consent back.", "登记某主体撤回同意。"))
@argument("record", _WHO, metavar="ID")
@argument("purpose", ("To what.", "目的。"), metavar="PURPOSE")
@option("--reason", metavar="R", words=_REASON)
@click.pass_obj
def withdraw(call: Invocation, record: str, purpose: str, reason: str | None) -> None:
    """Write a withdrawal down."""
    with call.session() as (_, session):
        saved = session.consents.withdraw(_record(session, record), purpose, reason=reason)
    _tell(call, saved, purpose, "withdrawn")


@verb("refuse", ("Write down that a person was asked and said no.", "登记某主体被征求后表示拒绝。"))
@argument("record", _WHO, metavar="ID")
@argument("purpose", ("To what.", "目的。"), metavar="PURPOSE")
@_terms
@option("--reason", metavar="R", words=_REASON)
@click.pass_obj
def refuse(call: Invocation, /, record: str, purpose: str, reason: str | None, **given: Any) -> None:
    """Write a refusal down."""
    with call.session() as (_, session):
        saved = session.consents.refuse(_record(session, record), _read_terms(purpose, given), reason=reason)
    _tell(call, saved, purpose, "refused")


@verb(
    "invalidate", ("Declare a consent invalid, such as one not given freely.", "作废同意，如非自愿给予者。")
)
@argument("record", _WHO, metavar="ID")
@argument("purpose", ("To what.", "目的。"), metavar="PURPOSE")
@option("--reason", required=True, metavar="R", words=_REASON)
@click.pass_obj
def invalidate(call: Invocation, record: str, purpose: str, reason: str) -> None:
    """Declare a consent invalid."""
    with call.session() as (_, session):
        saved = session.consents.invalidate(_record(session, record), purpose, reason=reason)
    _tell(call, saved, purpose, "invalidated")


def _document(one: Consent, now_us: int) -> dict[str, Any]:
    from muniment.cli.values import value_json
    from muniment.model import rfc3339

    return {
        "id": one.id,
        "subject": one.subject,
        "version": one.version,
        "recorded": rfc3339(one.recorded_us),
        "holds": one.holds_at(now_us),
        "fields": {key: value_json(value) for key, value in one.values.items() if key != "receipt"},
    }


@verb("show", ("The consents of one person, newest first.", "查看某主体的同意，最新在前。"))
@argument("record", _WHO, metavar="ID")
@click.pass_obj
def show(call: Invocation, record: str) -> None:
    """The consents of one person."""
    from muniment.cli.output import emit, table
    from muniment.cli.values import value_json

    with call.session() as (archive, session):
        found = session.consents.of(_record(session, record))
        now = archive.engine.clock()
    if call.json:
        emit({"consents": [_document(one, now) for one in found]})
        return
    rows: list[Sequence[object]] = []
    for one in found:
        values = {key: value_json(value) or "" for key, value in one.values.items()}
        rows.append(
            [
                one.purpose,
                call.say(f"consent.{one.state_at(now)}") if one.state_at(now) else "",
                str(values.get("given_at", ""))[:10],
                str(values.get("valid_until", ""))[:10],
                f"{values.get('notice', '')} {values.get('notice_version', '')}".strip(),
                ", ".join(sorted(one.separate)),
            ]
        )
    header = call.words(
        "consent.head_purpose",
        "consent.head_state",
        "consent.head_since",
        "consent.head_until",
        "consent.head_notice",
        "consent.head_separate",
    )
    table(header, [[str(cell) for cell in row] for row in rows])


@verb("list", ("Consents, by purpose and state.", "按目的和状态列出同意。"))
@option("--of", "purpose", metavar="PURPOSE", words=("To this purpose alone.", "仅限此目的。"))
@option("--state", metavar="S", words=("In this state alone.", "仅限此状态。"))
@paged()
@click.pass_obj
def list_(call: Invocation, purpose: str | None, state: str | None, limit: int, after: str | None) -> None:
    """Consents, by purpose and state."""
    from muniment.cli.output import emit, lead_on, table
    from muniment.cli.values import value_json
    from muniment.session import Asked

    where = {key: value for key, value in (("purpose", purpose), ("state", state)) if value}
    fields = ("purpose", "state", "given_at", "valid_until", "notice", "notice_version", "separate")
    with call.session() as (_, session):
        page = session.listed(
            Asked("consent", where, fields=fields, kind="consent.read", limit=limit, after=after)
        )
        found = page.records
    if call.json:
        emit(
            {
                "consents": [
                    {
                        "id": one.id,
                        "subject": one.subject,
                        "version": one.version,
                        "fields": {key: value_json(value) for key, value in one.fields.items()},
                    }
                    for one in found
                ],
                "after": page.after,
            }
        )
        return
    header = [
        "ID",
        *call.words("consent.head_purpose", "consent.head_state", "consent.head_since", "consent.head_until"),
    ]
    keys = ("purpose", "state", "given_at", "valid_until")
    table(
        header,
        [[one.subject, *(str(value_json(one.fields.get(key)) or "") for key in keys)] for one in found],
    )
    lead_on(call, page.after)


@verb(
    "receipt",
    (
        "A receipt of a person's consent as it stands, that anybody can check offline.\n"
        "It shows the login of whoever wrote it down.",
        "出具某主体现有同意的回执，任何人可离线校验。\n其中可见登记者的登录名。",
    ),
)
@argument("record", _WHO, metavar="ID")
@argument("purpose", ("To what.", "目的。"), metavar="PURPOSE")
@option("--to", metavar="FILE", words=("Write it to a file.", "写入文件。"))
@click.pass_obj
def receipt(call: Invocation, record: str, purpose: str, to: str | None) -> None:
    """A receipt of a consent."""
    from muniment.cli.output import emit
    from muniment.files import write_atomically

    with call.session() as (_, session):
        document = session.consents.receipt(_record(session, record), purpose)
    if to is None:
        emit(document)
        return
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    write_atomically(Path(to), text.encode("utf-8"))
    if call.json:
        emit({"receipt": to})


@verb(
    "verify",
    (
        "Check a receipt of consent; needs no archive and no key but the log's verifier key.",
        "校验同意回执；除日志验证密钥外，无需档案库或其他密钥。",
    ),
)
@argument("file", ("The receipt.", "回执文件。"), metavar="FILE")
@option(
    "--verifier",
    multiple=True,
    metavar="VKEY",
    words=(
        "The log's verifier key, from elsewhere; by default the archive's.",
        "从别处取得的日志验证密钥；默认用档案库的。",
    ),
)
@click.pass_obj
def verify(call: Invocation, file: str, verifier: tuple[str, ...]) -> None:
    """Check a receipt."""
    from muniment.cli.output import emit, put
    from muniment.cli.values import document_of
    from muniment.log.checkpoint import parse_verifier_key
    from muniment.subjects.receipts import verify_given, verify_receipt

    document = document_of(file)
    keys = [parse_verifier_key(text) for text in verifier]
    shown = verify_receipt(document, keys) if keys else verify_given(document, call.settings().verifier_key)
    if call.json:
        emit(
            {
                "verified": {
                    "kind": shown.kind,
                    "time": shown.time,
                    "principal": shown.principal,
                    "consent": dict(shown.consent),
                    "index": shown.index,
                    "origin": shown.checkpoint.origin,
                    "size": shown.checkpoint.size,
                }
            }
        )
        return
    put(
        call.say(
            "consent.receipt_sound",
            kind=shown.kind,
            time=shown.time,
            index=shown.index,
            origin=shown.checkpoint.origin,
            size=shown.checkpoint.size,
        )
    )


@verb(
    "write",
    (
        "Write a notice, or its next version. Consents name the version that was shown.",
        "编写告知书或其新版本。同意记录会注明所示版本。",
    ),
)
@argument("key", ("Its name.", "标识。"), metavar="KEY")
@option("--text-en", metavar="FILE", words=("The text in English.", "英文文本文件。"))
@option("--text-zh", metavar="FILE", words=("The text in Chinese.", "中文文本文件。"))
@option("--for", "purposes", multiple=True, metavar="PURPOSE", words=("A purpose.", "目的。"))
@option("--set", "values", multiple=True, metavar="F=V", words=("Another field.", "其他字段。"))
@option("--reason", metavar="R", words=_REASON)
@click.pass_obj
def notice_write(
    call: Invocation,
    key: str,
    text_en: str | None,
    text_zh: str | None,
    purposes: tuple[str, ...],
    values: tuple[str, ...],
    reason: str | None,
) -> None:
    """Write a notice."""
    from muniment.cli.output import emit, put
    from muniment.cli.values import assignments

    given: dict[str, object] = dict(assignments(values))
    for name, path in (("text_en", text_en), ("text_zh", text_zh)):
        if path is not None:
            given[name] = _text(path)
    if purposes:
        given["purposes"] = purposes
    with call.session() as (_, session):
        saved = session.consents.write_notice(key, given, reason=reason)
    if call.json:
        emit({"notices": [{"id": saved.id, "key": key, "version": saved.version}]})
    else:
        put(call.say("consent.notice_written", name=key, version=saved.version))


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("cli.no_file", where=path) from None


@verb("list", ("The notices, with the newest version of each.", "列出告知书及其最新版本。"))
@paged()
@click.pass_obj
def notice_list(call: Invocation, limit: int, after: str | None) -> None:
    """The notices."""
    from muniment.cli.output import emit, lead_on, put
    from muniment.cli.values import value_json

    with call.session() as (_, session):
        found = session.consents.notices(limit=limit, after=after)
    if call.json:
        emit(
            {
                "notices": [
                    {
                        "id": one.id,
                        "key": one.key,
                        "version": one.version,
                        "fields": {key: value_json(value) for key, value in one.values.items()},
                    }
                    for one in found
                ],
                "after": found.after,
            }
        )
        return
    for one in found:
        put(call.say("consent.notice_written", name=one.key, version=one.version))
    lead_on(call, found.after)
