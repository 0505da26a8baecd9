"""How an archive stands, without reading a value: for the command, the pages and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from muniment.archive._opened import Archive
    from muniment.session import Session

__all__ = ["standing"]


def standing(archive: Archive, session: Session, *, lang: str) -> dict[str, Any]:
    """Counts, log, keys, backups, configuration and plugins of an archive, as JSON; no value is read.

    Args:
        archive: the opened archive.
        session: whose actor looks; warnings about keys are for whoever may read their state.
        lang: of texts.

    Raises:
        AccessDenied: ``access.action``; logged.
    """
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
