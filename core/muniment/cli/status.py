"""``muniment status``: how the archive stands, without reading a value."""

from __future__ import annotations

from typing import Any

import click

from muniment.cli.base import verb
from muniment.cli.invocation import Invocation

__all__ = ["status"]


@verb(
    "status",
    (
        "How the archive stands: counts, log, keys, configuration, plugins. No value is read.",
        "查看档案库状态：数量、日志、密钥、配置、插件。不读取任何内容。",
    ),
)
@click.pass_obj
def status(call: Invocation) -> None:
    """How the archive stands."""
    from muniment.archive.standing import standing
    from muniment.cli.output import emit

    with call.session() as (archive, session):
        found = standing(archive, session, lang=call.language)
        if call.json:
            emit(found)
        else:
            _show(call, found)


def _show(call: Invocation, found: dict[str, Any]) -> None:
    from muniment.cli.output import clean, heading, labels, one_line, put, table, talk

    archive, log = found["archive"], found["log"]
    put(heading(clean(archive["name"] or archive["folder"])))
    labels(
        [
            ("ID", archive["id"]),
            (call.say("cli.label_folder"), archive["folder"]),
            (
                call.say("cli.label_log"),
                call.say(
                    "cli.log_size",
                    count=log["size"],
                    since=log["since_checkpoint"],
                    checkpoint=log["checkpoint"],
                ),
            ),
            (call.say("cli.label_users"), found["users"]),
            (
                call.say("cli.label_config"),
                call.say("cli.config_differs" if found["config"]["differs"] else "cli.config_same"),
            ),
            (
                call.say("cli.label_plugins"),
                ", ".join(f"{one['name']} {one.get('version', '')}".strip() for one in found["plugins"])
                or "—",
            ),
        ]
    )
    put()
    if found["types"]:
        header = call.words("cli.label_type", "cli.label_holds", "cli.label_records", "cli.label_deleted")
        rows = [
            [one["key"], one["label"][call.language], one["records"], one["deleted"]]
            for one in found["types"]
        ]
        table(header, rows)
    else:
        put(call.say("cli.no_types"))
    if found["backup"]["late"]:
        made = str(found["backup"]["made"] or call.say("backup.never"))[:19]
        talk(one_line(call.say("backup.late", time=made) + " [backup.late]"))
    for one in found["keys"]["warnings"]:
        talk(one_line(f"{one['detail']} [{one['code']}]"))
    for one in found["plugins"]:
        if one["state"] == "quarantined":
            talk(one_line(f"{one['reason']}"))
