"""``muniment audit report``: what this archive shows, clause by clause, under a regime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from muniment.cli.base import flag, option, verb
from muniment.cli.invocation import Invocation

__all__ = ["report"]


@verb(
    "report",
    (
        "What this archive shows under a regime: each clause with what was checked now, the entries and "
        "commands that show it, and gaps said plainly.\n"
        "It judges nobody. Without --regime it lists the regimes there are.",
        "本档案库在某规范下的情况：逐条列出当场检查的结果、相应的日志条目和命令，并直言缺口。\n"
        "报告不作评判。不带 --regime 时列出现有规范。",
    ),
    note=(
        "Example: muniment audit report --regime hipaa --to report.html",
        "示例：muniment audit report --regime pipl --lang zh --to report.html",
    ),
)
@option("--regime", metavar="KEY", words=("Which one; left out: list them.", "规范代号；省略则列出。"))
@option(
    "--to",
    "path",
    metavar="FILE",
    words=("A new file: .html to print, or .json.", "新文件：.html 供打印，或 .json。"),
)
@flag("--no-verify", words=("Do not verify the log first.", "不先校验日志。"))
@click.pass_obj
def report(call: Invocation, regime: str | None, path: str | None, no_verify: bool) -> None:
    """What this archive shows under a regime."""
    from muniment.cli.output import emit, one_line, put, talk
    from muniment.cli.progress import progress
    from muniment.errors import StoreError, UsageError
    from muniment.files import write_atomically
    from muniment.regimes import report_page

    if regime is None:
        _list(call)
        return
    target = None if path is None else Path(path)
    if target is not None and target.suffix.lower() not in (".html", ".json"):
        raise UsageError("incident.ending", known=".html, .json")
    if target is not None and target.exists():
        raise StoreError("store.file_exists", where=str(target))
    with call.session() as (_, session), progress(call.say("incident.searching")) as told:
        made = session.regimes.report(regime, verified=not no_verify, progress=told)
    if target is not None:
        text = (
            json.dumps(made, ensure_ascii=False, indent=1) + "\n"
            if target.suffix.lower() == ".json"
            else report_page(made, call.language)
        )
        write_atomically(target, text.encode("utf-8"))
    if call.json:
        emit({"report": made, **({} if target is None else {"file": str(target)})})
        return
    if target is None:
        _show(call, made)
    else:
        put(one_line(call.say("regime.written", where=target)))
    put(one_line(call.say("regime.counted", **made["summary"])))
    talk(one_line(call.say("regime.caveat")))


def _list(call: Invocation) -> None:
    from muniment.cli.output import emit, table

    with call.session() as (_, session):
        known = session.regimes.listed()
    if call.json:
        emit(
            {
                "regimes": [
                    {
                        "key": one.key,
                        "label": {"en": one.label.en, "zh": one.label.zh},
                        "clauses": len(one.clauses),
                    }
                    for one in known.values()
                ]
            }
        )
        return
    table(
        call.words("regime.col_regime", "regime.col_label", "regime.col_clauses"),
        [[one.key, getattr(one.label, call.language), len(one.clauses)] for one in known.values()],
    )


def _show(call: Invocation, made: dict[str, Any]) -> None:
    """The clauses one after the other; a table would cut what they say."""
    from muniment.cli.output import clean, heading, put

    colon = "：" if call.language == "zh" else ": "
    for clause in made["clauses"]:
        verdict = call.say(f"regime.verdict_{clause['verdict']}")
        put(heading(clean(f"{clause['id']}  [{verdict}]  {clause['cite']}")))
        put(clean(f"  {call.say('regime.asks')} {clause['asks'][call.language]}"))
        for one in clause["findings"]:
            entries = f" ({', '.join(one['entries'])})" if one["entries"] else ""
            word = call.say(f"regime.verdict_{one['verdict']}")
            label = "" if one["label"] is None else f"{one['label'][call.language]}{colon}"
            put(clean(f"  [{word}] {label}{one['text'][call.language]}{entries}"))
            for command in one["commands"]:
                put(clean(f"    $ {command}"))
        if clause["outside"] is not None:
            outside = call.say("regime.verdict_outside")
            put(clean(f"  [{outside}] {clause['outside'][call.language]}"))
        put()
