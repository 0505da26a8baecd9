"""``muniment alert``: what is odd in the log, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, option, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from muniment.alerts import AlertRule
    from muniment.session.oversight.alert_values import Alert

__all__ = ["alert", "close", "list_alerts", "list_rules", "review", "run", "show"]

_HERE = "muniment.cli.alert"

alert = LazyGroup(
    "alert",
    {
        "run": Entry(f"{_HERE}:run", ("Look at what is new in the log.", "检查日志中的新条目。")),
        "list": Entry(f"{_HERE}:list_alerts", ("Alerts, newest first.", "列出告警。")),
        "show": Entry(f"{_HERE}:show", ("One alert: why, and which entries.", "查看一条告警。")),
        "close": Entry(f"{_HERE}:close", ("Say what became of one.", "处理一条告警。")),
        "review": Entry(f"{_HERE}:review", ("Sign a span of the log off.", "复核日志并签字。")),
        "rules": Entry(f"{_HERE}:list_rules", ("The rules and their parameters.", "查看规则及参数。")),
    },
    words=("What is odd in the log: raised, looked into, signed off.", "日志中的异常：触发、处理、复核。"),
)


@verb(
    "run",
    (
        "Look at every entry since the last run, and raise what is odd.\n"
        "What explains an access, such as who looks after whom, is named under [alerts] in muniment.toml.",
        "检查自上次运行以来的全部条目，并对异常触发告警。\n"
        "何人负责何客户等可解释访问的信息，在 muniment.toml 的 [alerts] 下指明。",
    ),
)
@click.pass_obj
def run(call: Invocation) -> None:
    """Look at what is new in the log."""
    from muniment.cli.output import emit, talk
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("cli.verifying"), quiet=call.json) as told:
        alerts = session.alerts
        found = alerts.run(progress=told)
        if call.json:
            rows = [one.document(alerts.rules, call.language) for one in found.raised]
            emit({"alerts": rows, "entries": found.entries, "sent": found.sent,
                  "unsent": found.unsent})  # fmt: skip
            return
        _table(call, found.raised, alerts.rules)
    talk(call.say("audit.alerts_run", count=len(found.raised), entries=found.entries))
    if found.sent or found.unsent:
        talk(call.say("audit.alerts_sent", sent=found.sent, unsent=found.unsent))


def _table(call: Invocation, found: Sequence[Alert], rules: Mapping[str, AlertRule]) -> None:
    from muniment.cli.output import table

    if found:
        header = call.words(
            "audit.label_rule",
            "audit.label_severity",
            "cli.label_actor",
            "audit.label_why",
            "audit.label_state",
        )
        rows = [
            [one.rule, one.severity, one.actor, one.text(rules, call.language), f"{one.state} {one.id}"]
            for one in found
        ]
        table(header, rows)


@verb(
    "list",
    ("Alerts, newest first; those that are open unless --all.", "列出告警；默认仅待处理的。"),
)
@flag("--all", "everything", words=("Also those that were closed.", "包括已处理的。"))
@paged()
@click.pass_obj
def list_alerts(call: Invocation, everything: bool, limit: int, after: str | None) -> None:
    """Alerts."""
    from muniment.cli.output import emit, lead_on, talk

    with call.session() as (_, session):
        alerts = session.alerts
        found = alerts.list(states=() if everything else ("open",), limit=limit, after=after)
        if call.json:
            rows = [one.document(alerts.rules, call.language) for one in found]
            emit({"alerts": rows, "after": found.after})
        elif found:
            _table(call, found, alerts.rules)
            lead_on(call, found.after)
        else:
            talk(call.say("audit.no_alerts"))


@verb("show", ("One alert: why it was raised, which entries show it, what would have explained it.",
               "查看一条告警：原因、相关条目、何以可解释。"))  # fmt: skip
@argument("id", ("The alert.", "告警标识符。"))
@click.pass_obj
def show(call: Invocation, id: str) -> None:
    """One alert."""
    from muniment.cli.output import emit, heading, labels, put

    with call.session() as (_, session):
        alerts = session.alerts
        found = alerts.get(id)
        said = found.document(alerts.rules, call.language)
    if call.json:
        emit({"alerts": [said]})
        return
    put(heading(f"{found.rule}  {said['label']}"))
    labels(
        [
            (call.say("audit.label_severity"), found.severity),
            (call.say("audit.label_state"), found.state),
            (call.say("cli.label_actor"), found.actor or "—"),
            (call.say("audit.label_why"), said["text"]),
            (call.say("audit.label_explained_by"), said["explained_by"]),
            (call.say("audit.label_entries"), ", ".join(map(str, found.entries)) or "—"),
        ],
        indent=2,
    )


@verb(
    "close",
    (
        "Say what became of an alert: explained, or a violation. Nobody closes one about themselves.",
        "处理告警：已说明，或确认违规。不得处理关于本人的告警。",
    ),
)
@argument("id", ("The alert.", "告警标识符。"))
@option(
    "--as",
    "state",
    type=click.Choice(("explained", "violation", "open")),
    required=True,
    words=("What became of it.", "处理结果。"),
)
@option("--reason", required=True, metavar="TEXT", words=("How; sealed.", "说明；加密保存。"))
@click.pass_obj
def close(call: Invocation, id: str, state: str, reason: str) -> None:
    """Say what became of an alert."""
    from muniment.cli.output import emit, put

    with call.session() as (_, session):
        session.alerts.close(id, state, reason=reason)
    if call.json:
        emit({"alert": {"id": id, "state": state}})
    else:
        put(call.say("audit.alert_closed", name=id, state=state))


@verb(
    "review",
    (
        "Sign a span of the log off, from where the last review ended. Alerts in it are closed first.",
        "复核日志并签字：自上次复核结束处起。其中的告警须先处理。",
    ),
)
@option("--until", metavar="N", words=("Up to before this entry.", "到此条目之前。"))
@option("--reason", metavar="TEXT", words=("What was looked at; sealed.", "复核内容；加密保存。"))
@click.pass_obj
def review(call: Invocation, until: str | None, reason: str | None) -> None:
    """Sign a span of the log off."""
    from muniment.cli.output import emit, put
    from muniment.session.reading.generations import Place, parse_place

    with call.session() as (_, session):
        end = None
        if until is not None:
            generation, index = parse_place(until)
            end = Place(session.generations()[-1].generation if generation is None else generation, index)
        first, last = session.alerts.review(until=end, reason=reason or "")
    if call.json:
        emit({"review": {"first": str(first), "last": str(last)}})
    else:
        put(call.say("audit.reviewed", first=first, last=Place(last.generation, last.index - 1)))


@verb("rules", ("The rules, what they look for, and their parameters.", "列出规则、其检查内容及参数。"))
@click.pass_obj
def list_rules(call: Invocation) -> None:
    """The rules."""
    from muniment.cli.output import emit, table

    with call.session() as (archive, session):
        session.require("alert.read")
        rules, own = session.alerts.rules, archive.applied.alerts.rules
        rows: list[dict[str, Any]] = [
            {
                "key": key,
                "label": rule.label[call.language],
                "severity": rule.severity,
                "parameters": {**rule.parameters, **own.get(key, {})},
            }
            for key, rule in sorted(rules.items())
        ]
    if call.json:
        emit({"rules": rows})
        return
    lines = [
        [
            row["key"],
            row["label"],
            row["severity"],
            ", ".join(f"{name}={value}" for name, value in row["parameters"].items()),
        ]
        for row in rows
    ]
    table(
        call.words("audit.label_rule", "cli.label_name", "audit.label_severity", "audit.label_parameters"),
        lines,
    )
