"""``muniment incident notice``, ``persons``, ``laws``, ``drill``: what leaves an incident, and practice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import argument, option, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session.oversight.persons_to_tell import ToTell

__all__ = ["drill", "known_laws", "laws", "notice", "source_of", "write_persons"]

_ID = ("The incident's identifier.", "安全事件的标识符。")


@verb(
    "notice",
    (
        "Draft a notice for an authority or for the persons concerned, with its gaps marked.\n"
        "What the archive does not know is never guessed: somebody fills it in and sends it.",
        "起草致监管机构或受影响个人的通知，缺失之处明确标出。\n档案库不知道的内容绝不猜测，须由人补全后发送。",
    ),
    note=(
        "Example: muniment incident notice ID authority --law gdpr --to notice.html --lang en",
        "示例：muniment incident notice ID persons --law pipl --to notice.html --lang zh",
    ),
)
@argument("id", _ID)
@argument(
    "audience",
    ("authority or persons.", "authority（监管机构）或 persons（个人）。"),
    type=click.Choice(("authority", "persons")),
    metavar="WHOM",
)
@option("--law", default="", metavar="LAW", words=("Under which law.", "依据的法律。"))
@option(
    "--to",
    "path",
    metavar="FILE",
    words=(
        "A new file: .html, .md or .json; by default Markdown is printed.",
        "新文件：.html、.md 或 .json；默认输出 Markdown。",
    ),
)
@click.pass_obj
def notice(call: Invocation, id: str, audience: str, law: str, path: str | None) -> None:
    """Draft a notice."""
    from muniment.cli.output import emit, one_line, put, talk
    from muniment.files import write_atomically
    from muniment.incidents import notice_html, notice_markdown

    target = None if path is None else _fresh(path, (".html", ".md", ".json"))
    with call.session() as (_, session):
        made = session.incidents.notice(id, audience, lang=call.language, law=law)
    if target is not None:
        texts = {".html": notice_html, ".md": notice_markdown, ".json": _json}
        write_atomically(target, texts[target.suffix.lower()](made).encode("utf-8"))
    if call.json:
        emit({"notice": made, **({} if target is None else {"file": str(target)})})
    elif target is None:
        put(notice_markdown(made))
    else:
        put(one_line(call.say("incident.written", where=target)))
    if made["gaps"] and not call.json:
        talk(call.say("incident.gaps", count=made["gaps"]))


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _fresh(path: str, endings: Sequence[str]) -> Path:
    """A file that is not there yet, with one of these endings.

    Raises:
        StoreError: ``store.file_exists``.
        UsageError: ``incident.ending``.
    """
    from muniment.errors import StoreError, UsageError

    target = Path(path)
    if target.suffix.lower() not in endings:
        raise UsageError("incident.ending", known=", ".join(endings))
    if target.exists():
        raise StoreError("store.file_exists", where=str(target))
    return target


def write_persons(
    call: Invocation, id: str, path: str | None, fields: Sequence[str] | None, reason: str | None
) -> None:
    """Hand the list of persons out: to a file, or to standard output.

    Args:
        call: the call.
        id: UUID text of the incident.
        path: the file; None prints.
        fields: keys of the fields wanted; None for names and what reaches people.
        reason: a person's own words, for whoever has to approve it.
    """
    from muniment.cli.output import emit, one_line, put, table
    from muniment.session.oversight.persons_to_tell import persons_to_tell

    target = None if path is None else _fresh(path, (".csv", ".ndjson"))
    with call.session() as (archive, session):
        found = list(persons_to_tell(session, id, fields=fields, reason=reason))
        documents = [_person(one, archive) for one in found]
    states = {
        name: sum(one.state == name for one in found) for name in ("there", "withheld", "erased", "none")
    }
    if target is not None:
        _write(target, documents)
    if call.json:
        emit({"persons": [] if target is not None else documents, "states": states, "file": path})
        return
    if target is None:
        names = list(dict.fromkeys(key for one in documents for key in one["fields"]))
        rows = [
            [one["subject"], call.say(f"incident.person_{one['state']}"), *(_cell(one, key) for key in names)]
            for one in documents
        ]
        table([*call.words("incident.label_subject", "incident.label_state"), *names], rows)
    else:
        put(one_line(call.say("incident.written", where=target)))
    put(call.say("incident.persons_found", **states))


def _person(one: ToTell, archive: Archive) -> dict[str, Any]:
    from muniment.cli.values import record_json

    record = None if one.record is None else record_json(one.record, archive)
    return {
        "subject": one.subject,
        "state": one.state,
        "type": None if record is None else record["type"],
        "fields": {} if record is None else record["fields"],
    }


def _cell(one: dict[str, Any], key: str) -> str:
    value = one["fields"].get(key)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write(target: Path, documents: Sequence[dict[str, Any]]) -> None:
    import csv
    import io

    from muniment.files import write_atomically

    if target.suffix.lower() == ".ndjson":
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents)
    else:
        from muniment.exports.guards import protect

        names = list(dict.fromkeys(key for one in documents for key in one["fields"]))
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["subject", "state", "type", *names])
        writer.writerows(
            [one["subject"], one["state"], one["type"] or "", *(protect(_cell(one, key)) for key in names)]
            for one in documents
        )
        text = "\ufeff" + out.getvalue()
    write_atomically(target, text.encode("utf-8"))


@verb("laws", ("The clocks of the laws, with their sources.", "各法律的期限及出处。"))
@click.pass_obj
def laws(call: Invocation) -> None:
    """The clocks of the laws; needs no archive."""
    from muniment.cli.output import emit, table, talk

    if call.json:
        emit({"laws": list(known_laws())})
        return
    table(
        call.words(
            "incident.label_clock", "incident.label_to", "incident.label_period", "incident.label_source"
        ),
        [
            [
                f"{law['key']}.{clock['key']}",
                clock["to"][call.language],
                call.say(
                    f"incident.period_{clock['unit']}",
                    count=clock["period"],
                    start=call.say(f"incident.start_{clock['from']}"),
                )
                if clock["unit"] != "at_once"
                else call.say("incident.at_once"),
                source_of(call, clock),
            ]
            for law in known_laws()
            for clock in law["clocks"]
        ],
    )
    talk(call.say("incident.laws_note"))


def known_laws() -> Iterator[dict[str, Any]]:
    """The laws whose clocks an incident may run, with where each stands written."""
    from muniment.incidents import LAWS

    for law in LAWS.values():
        clocks = []
        for one in law.clocks:
            units = ("hours", "days", "working_days", "year_end_days")
            unit = next((name for name in units if getattr(one, name)), "at_once")
            clocks.append(
                {
                    "key": one.key,
                    "to": dict(one.to),
                    "audience": one.audience,
                    "unit": unit,
                    "period": 0 if unit == "at_once" else getattr(one, unit),
                    "from": one.starts,
                    "source": one.source,
                    "note": dict(one.note),
                    "sure": one.sure,
                }
            )
        yield {"key": law.key, "label": dict(law.label), "clocks": clocks}


@verb(
    "drill",
    (
        "Practise an incident from end to end on a made-up archive: an employee takes the customer list.\n"
        "Nothing of a real archive is touched. `incident open --drill` practises on one's own.",
        "在虚构的档案库上完整演练一次安全事件：某员工带走了客户名单。\n"
        "不触及任何真实档案库；incident open --drill 可在自己的档案库中演练。",
    ),
)
@argument(
    "folder",
    (
        "A new or empty folder; by default one among the temporary files.",
        "新的或空的文件夹；默认建在临时目录。",
    ),
    required=False,
    metavar="[DIR]",
)
@click.pass_obj
def drill(call: Invocation, folder: str | None) -> None:
    """Practise an incident."""
    from muniment.cli.incident_drill import play

    play(call, folder)


def source_of(call: Invocation, clock: dict[str, Any]) -> str:
    """Where a clock is written, what else says when it applies, and how well that was read."""
    note = clock["note"].get(call.language)
    return f"{clock['source']}{f' ({note})' if note else ''} [{clock['sure']}]"
