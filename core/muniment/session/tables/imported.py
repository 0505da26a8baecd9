"""The imports that there were, and who may know of each.

What an import did belongs to whoever made it, and to everybody whose roles reach every
record of its type: to others its file and its counts would tell of records out of reach.
"""

from __future__ import annotations

from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import IMPORT, open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reach_of
from muniment.session.kernel.views import Record
from muniment.session.reading.history import detail_of
from muniment.session.reading.lists import Asked, list_records
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.reading.reads import Loaded, Plan, disclosure, load, plan_of, release
from muniment.store import Current, Transaction, Version

__all__ = ["knows_import", "list_imports"]

_ACTION = "record.import"


def knows_import(engine: Engine, tx: Transaction, acting: Acting, import_: Version, type_key: str) -> bool:
    """Whether an import is the actor's own, or their roles reach every record that it can have written.

    Args:
        engine: the opened archive.
        tx: the transaction.
        acting: who, for which purpose.
        import_: any version of it.
        type_key: of the records that it wrote.
    """
    record_type = engine.definitions.types.get(type_key)
    reach = None if record_type is None else reach_of(engine, acting, record_type)
    if reach is None or engine.policy.may(acting.actor, _ACTION, type_key, reached=reach.always):
        return True
    first = tx.version(SHARD, import_.record, 1)
    detail = None if first is None else detail_of(tx, first.gen, first.seq)
    return detail is not None and detail["actor"]["id"] == acting.actor.id


def list_imports(engine: Engine, acting: Acting, *, limit: int, after: str | None) -> Piece[Record]:
    """The imports that the actor may know of, newest first; their entry is in the log before this returns.

    Args:
        engine: the opened archive.
        acting: who, for which purpose.
        limit: so many at the most.
        after: what the piece before gave.

    Raises:
        AccessDenied: ``access.action``; logged.
        UsageError: ``usage.cursor``.
    """
    if engine.policy.may_everywhere(acting.actor, _ACTION):
        asked = Asked(IMPORT.key, kind="import.list", descending=True, limit=limit, after=after)
        page = list_records(engine, acting, asked)
        found = Piece(page.records)
        found.after = page.after
        return found

    def body(tx: Transaction, moment: Moment) -> tuple[list[Loaded], Plan, str | None]:
        engine.policy.require(acting.actor, _ACTION, IMPORT.key)
        plan = plan_of(engine, acting, IMPORT, None)
        piece = stored_piece(
            engine,
            tx,
            Kept("import", IMPORT.number, descending=True),
            lambda row: _known(engine, tx, acting, row),
            limit=limit,
            after=after,
        )
        drafts = disclosure(engine, tx, acting, "import.list", plan, piece)
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return [load(engine, tx, one, IMPORT, plan.groups) for one in piece], plan, piece.after

    with engine.guarded(acting, _ACTION):
        loaded, plan, behind = engine.run(body, acting)
    own = Piece(release(engine, one, plan) for one in loaded)
    own.after = behind
    return own


def _known(engine: Engine, tx: Transaction, acting: Acting, row: Current) -> Version | None:
    version = tx.version(SHARD, row.record, row.version)
    if version is None:
        return None
    values = open_version(tx, engine.sealer, version, IMPORT)
    return version if knows_import(engine, tx, acting, version, str(values["record_type"])) else None
