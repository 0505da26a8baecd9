"""``muniment audit``: questions about the past, answered from the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, record_id, verb
from muniment.cli.generation import asked_generation, generation, tell_answered
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.session.oversight.questions import Answer, Questions
    from muniment.session.reading.generations import Asked

__all__ = ["audit", "changed", "could", "did", "disclosures", "rules", "saw", "who"]

_HERE = "muniment.cli.audit"

audit = LazyGroup(
    "audit",
    {
        "who": Entry(f"{_HERE}:who", ("Who saw this person, which fields, why.", "谁查看过此人、为何。")),
        "saw": Entry(f"{_HERE}:saw", ("Who was shown a field in clear.", "谁看过某字段的明文。")),
        "did": Entry(f"{_HERE}:did", ("What somebody did.", "某人做过什么。")),
        "disclosures": Entry(f"{_HERE}:disclosures", ("What was handed to whom.", "向谁提供过什么。")),
        "changed": Entry(f"{_HERE}:changed", ("What changed in a span of time.", "一段时间内的变更。")),
        "rules": Entry(f"{_HERE}:rules", ("Which rules held on a day.", "某日生效的规则。")),
        "could": Entry(f"{_HERE}:could", ("Who could have seen it on a day.", "某日谁有权查看。")),
        "report": Entry(
            "muniment.cli.audit_report:report",
            ("What this archive shows under a regime.", "本档案库在某规范下的情况。"),
        ),
    },
    words=("Questions about the past, answered from the log.", "依据日志回答关于过去的问题。"),
)

_since = option("--since", metavar="T", words=("From this time on.", "自该时间起。"))
_until = option("--until", metavar="T", words=("Before this time.", "至该时间止。"))
_as_of = option("--as-of", metavar="T", required=True, words=("The moment.", "时刻。"))


def _time(text: str | None) -> int | None:
    from muniment.model import parse_time

    return parse_time(text) if text else None


def _answer(
    call: Invocation,
    ask: Callable[[Questions, str, Asked], Answer[Any]],
    key: str,
    columns: Sequence[str],
    *,
    generation: str | None,
    record: str | None = None,
) -> None:
    """Print rows: the same members in JSON and in the table."""
    from muniment.cli.entry_words import EntryWords
    from muniment.cli.output import emit, table, talk
    from muniment.cli.values import local_time
    from muniment.model import id_bytes, id_text
    from muniment.session.oversight.questions import MOST, document
    from muniment.session.reading.references import resolve_record

    with call.session() as (archive, session):
        named = id_text(id_bytes(resolve_record(session, record))) if record else ""
        asked = asked_generation(generation)
        found = ask(session.questions, named, "all" if asked is None else asked)
        tell_answered(call, session, generation)
        zone = archive.applied.timezone
        words = EntryWords(archive, call.language, call.say)
    told = {"purpose": words.purpose, "kind": words.kind, "kinds": words.kind, "outcome": words.outcome,
            "type": words.type}  # fmt: skip
    if call.json:
        emit({key: [document(one) for one in found], "whole": found.whole})
        return
    if not found.whole:
        talk(call.say("audit.not_whole", count=MOST))

    def cell(one: object, name: str) -> object:
        value = getattr(one, name)
        if name.endswith("_us"):
            return local_time(value, zone)
        if call.language == "zh" and (tell := told.get(name)) is not None:
            return "、".join(map(tell, value)) if isinstance(value, tuple) else tell(value)
        return ", ".join(map(str, value)) if isinstance(value, tuple) else value

    if found:
        table(
            [call.say(f"audit.col_{name}") for name in columns],
            [[cell(one, n) for n in columns] for one in found],
        )
    talk(call.say("audit.answers", count=len(found)))


@verb(
    "who",
    (
        "Who saw or changed a person's data, which fields, for which purpose, how often.\n"
        "Lists, searches and exports are in it; `log bundle --about ID --with-tag-key` proves that all are.",
        "谁查看或更改过某人的数据、哪些字段、何种目的、多少次。\n"
        "列表、搜索和导出都在内；log bundle --about ID --with-tag-key 可证明没有遗漏。",
    ),
)
@record_id
@option("--field", metavar="F", words=("This field alone.", "仅该字段。"))
@_since
@_until
@generation
@click.pass_obj
def who(
    call: Invocation,
    id: str,
    field: str | None,
    since: str | None,
    until: str | None,
    generation: str | None,
) -> None:
    """Who saw or changed a person's data."""
    from muniment.model import id_bytes

    _answer(
        call,
        lambda ask, named, gen: ask.who(
            id_bytes(named), since_us=_time(since), until_us=_time(until), field=field, generation=gen
        ),
        "seen",
        ("actor", "roles", "purpose", "kind", "outcome", "times", "first_us", "last_us", "fields", "clear"),
        generation=generation,
        record=id,
    )


@verb(
    "saw",
    (
        "Who was shown a field in clear, of how many records, and in which ways.",
        "谁看过某字段的明文、涉及多少条记录、以何种方式。",
    ),
    note=(
        "Example: muniment audit saw phone --least 20 --since 2026-11-16",
        "示例：muniment audit saw phone --least 20 --since 2026-11-16",
    ),
)
@argument("field", ("The field's key.", "字段的键。"), metavar="F")
@option(
    "--least",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    words=("Of so many records at least.", "至少涉及的记录数。"),
)
@option("--type", "record_type", metavar="TYPE", words=("Records of this type.", "该类型的记录。"))
@_since
@_until
@generation
@click.pass_obj
def saw(
    call: Invocation,
    field: str,
    least: int,
    record_type: str | None,
    since: str | None,
    until: str | None,
    generation: str | None,
) -> None:
    """Who was shown a field in clear."""
    _answer(
        call,
        lambda ask, _, gen: ask.saw(
            field,
            least=least,
            type=record_type,
            since_us=_time(since),
            until_us=_time(until),
            generation=gen,
        ),
        "viewers",
        ("actor", "roles", "records", "times", "kinds", "first_us", "last_us"),
        generation=generation,
    )


@verb(
    "did",
    (
        "What somebody did: an export of a thousand records is one act.",
        "某人做过什么；一次导出算一次操作。",
    ),
)
@argument("login", ("Whose acts.", "登录名。"), metavar="LOGIN")
@_since
@_until
@generation
@click.pass_obj
def did(call: Invocation, login: str, since: str | None, until: str | None, generation: str | None) -> None:
    """What somebody did."""
    _answer(
        call,
        lambda ask, _, gen: ask.did(login, since_us=_time(since), until_us=_time(until), generation=gen),
        "deeds",
        ("kind", "type", "purpose", "outcome", "acts", "records", "first_us", "last_us"),
        generation=generation,
    )


@verb("disclosures", ("What of a person's data was handed to whom, and why.", "某人的数据提供给了谁、为何。"))
@record_id
@_since
@_until
@generation
@click.pass_obj
def disclosures(
    call: Invocation, id: str, since: str | None, until: str | None, generation: str | None
) -> None:
    """The accounting of disclosures."""
    from muniment.model import id_bytes

    _answer(
        call,
        lambda ask, named, gen: ask.disclosures(
            id_bytes(named), since_us=_time(since), until_us=_time(until), generation=gen
        ),
        "disclosures",
        ("entry", "time_us", "kind", "actor", "recipient", "file", "purpose", "fields"),
        generation=generation,
        record=id,
    )


@verb(
    "changed",
    (
        "Which records changed in a span of time, from which version to which.\n"
        "`record diff ID A B` shows what changed, masked to your role.",
        "一段时间内哪些记录有变更、从哪个版本到哪个版本。\nrecord diff ID A B 可查看内容，按您的角色遮盖。",
    ),
)
@_since
@_until
@generation
@option("--type", "record_type", metavar="TYPE", words=("Records of this type.", "该类型的记录。"))
@click.pass_obj
def changed(
    call: Invocation,
    since: str | None,
    until: str | None,
    generation: str | None,
    record_type: str | None,
) -> None:
    """Which records changed."""
    _answer(
        call,
        lambda ask, _, gen: ask.changed(
            since_us=_time(since), until_us=_time(until), type=record_type, generation=gen
        ),
        "changed",
        ("record", "type", "before", "after", "operations", "actors", "first_us", "last_us"),
        generation=generation,
    )


@verb(
    "rules",
    (
        "Which configuration, plugins, types, users and roles held then.",
        "某一时刻生效的规则。",
    ),
)
@_as_of
@click.pass_obj
def rules(call: Invocation, as_of: str) -> None:
    """Which rules held."""
    from muniment.cli.output import emit, labels

    moment = _time(as_of)
    assert moment is not None
    with call.session() as (_, session):
        found = session.questions.rules(moment)
    if call.json:
        emit({"rules": found})
        return
    labels(
        [
            ("SHA-256", found["configuration"]["digest"]),
            (call.say("cli.label_plugins"), ", ".join(one["name"] for one in found["plugins"]) or "—"),
            *((one["key"], f"v{one['definition']}") for one in found["types"]),
            *((one["login"], _user(one)) for one in found["users"]),
        ]
    )


def _user(one: dict[str, Any]) -> str:
    return ", ".join(one["roles"]) if one["active"] else "—"


@verb(
    "could",
    ("Who could have seen which fields of a type at a moment.", "某一时刻谁有权查看哪些字段。"),
)
@argument("type", ("The record type.", "记录类型。"), metavar="TYPE")
@_as_of
@click.pass_obj
def could(call: Invocation, type: str, as_of: str) -> None:
    """Who could have seen what."""
    from muniment.cli.output import emit, table, talk

    moment = _time(as_of)
    assert moment is not None
    with call.session() as (_, session):
        found = session.questions.could(type, moment)
    if call.json:
        emit({"could": found})
        return
    rows = [
        [one["login"], ", ".join(one["roles"]), ", ".join(one["clear"]), ", ".join(one["masked"])]
        for one in found["users"]
    ]
    header = [call.say(f"audit.col_{name}") for name in ("actor", "roles", "clear", "masked")]
    table(header, rows)
    if found["plugins_differ"]:
        talk(call.say("audit.plugins_differ", names=", ".join(found["plugins_differ"])))
