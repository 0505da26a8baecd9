"""``muniment status``: how the archive stands, without reading a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Session

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
    from muniment.cli.output import emit

    with call.session() as (archive, session):
        found = _collected(archive, session, call.language)
        if call.json:
            emit(found)
        else:
            _show(call, found)


def _collected(archive: Archive, session: Session, lang: str) -> dict[str, Any]:
    types = session.types()
    warnings = archive.keys.status().warnings if session.may("key.read") else ()
    return {
        "archive": {
            "id": archive.id,
            "name": archive.file.name,
            "folder": str(archive.folder),
            "origin": archive.file.origin,
        },
        "types": _counts(archive, types),
        "log": _log(archive),
        "keys": {"warnings": [{"code": one.code, "detail": one.text(lang)} for one in warnings]},
        "backup": _backup(session),
        "config": {"differs": archive.config_differs},
        "plugins": archive.plugins.describe(lang=lang),
        "users": len(archive.engine.definitions.users),
    }


def _backup(session: Session) -> dict[str, Any]:
    from muniment.model import rfc3339
    from muniment.session.backups import last_backup

    last = last_backup(session.engine)
    made = None if last is None else rfc3339(last.made_us)
    return {"made": made, "late": session.backups.late()}


def _counts(archive: Archive, types: list[Any]) -> list[dict[str, Any]]:
    from muniment.session.kernel.engine import SHARD
    from muniment.store import ListQuery

    with archive.store.transaction(write=False) as tx:
        return [
            {
                "key": one.key,
                "label": {"en": one.label.en, "zh": one.label.zh},
                "records": tx.count_current(SHARD, ListQuery(one.number)),
                "deleted": tx.count_current(SHARD, ListQuery(one.number, deleted=True)),
                "definition": one.definition_version,
            }
            for one in types
        ]


def _log(archive: Archive) -> dict[str, Any]:
    from muniment.model import rfc3339
    from muniment.session.kernel.engine import SHARD

    with archive.store.transaction(write=False) as tx:
        head = tx.head(SHARD)
        assert head is not None  # an archive begins with an entry
        signed = tx.last_checkpoint(SHARD, head.gen)
        size = head.first_seq + head.n
        signed_size = 0 if signed is None else signed.size
        return {
            "origin": archive.engine.logbook.origin(head.gen),
            "size": size,
            "last": rfc3339(head.created_us),
            "checkpoint": signed_size,
            "since_checkpoint": size - signed_size,
        }


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
