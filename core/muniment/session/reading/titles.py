"""What records go by that others refer to: many at a time, and written down like any list."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.errors import NotFound
from muniment.model import id_bytes
from muniment.session.kernel.engine import SHARD, Acting, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.standing import Standing
from muniment.session.reading.reads import (
    Loaded,
    Plan,
    definition_of,
    disclosure,
    load,
    may_read,
    plan_of,
    release,
)
from muniment.store import Transaction

__all__ = ["titles_of"]


def titles_of(engine: Engine, acting: Acting, type: str, ids: Sequence[str]) -> dict[str, str]:
    """By identifier the first title field of each record that is not empty and not masked.

    A record that is not there, of another type, or that the actor may not list, has none.
    """
    record_type = engine.definitions.types.get(type)
    if record_type is None or not ids or not may_read(engine, acting, "record.list", record_type):
        return {}
    readable = engine.policy.view(acting.actor, record_type).readable
    keys = tuple(key for key in record_type.title if key in readable)
    if not keys:
        return {}

    def body(tx: Transaction, moment: Moment) -> list[tuple[Loaded, Plan]]:
        plan = plan_of(engine, acting, record_type, keys)
        found = []
        plans = []
        for version in tx.newest_versions(SHARD, [id_bytes(one) for one in ids]).values():
            if version.type != record_type.number:
                continue
            own_type = definition_of(engine, tx, version)
            reached = reached_by(engine, tx, acting, record_type, version)
            if not may_read(engine, acting, "record.list", record_type, reached=reached):
                continue
            own = plan
            if own_type is not record_type or reached is not None:
                names = [one.key for one in own_type.fields if one.number in plan.numbers]
                own = plan_of(engine, acting, own_type, names, standing=Standing(reached), lenient=True)
            try:
                found.append((load(engine, tx, version, own_type, own.groups), own))
            except NotFound:
                continue  # being erased
            plans.append(own if reached is not None else plan)
        if found:
            versions = [loaded.version for loaded, _ in found]
            drafts = disclosure(engine, tx, acting, "record.list", plan, versions, plans=plans)
            engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return found

    titles = {}
    for loaded, plan in engine.run(body, acting):
        record = release(engine, loaded, plan)
        # In the order in which the type names them, not in that of the form.
        own = (key for key in loaded.type.title if key in record.fields and key not in record.masked)
        shown = [str(record.fields[key]) for key in own]
        if shown:
            titles[record.id] = shown[0]
    return titles
