"""Several records by their identifiers, and what they go by: written down like any list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from muniment.errors import NotFound
from muniment.model import id_bytes
from muniment.schema import RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import closed
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.standing import Standing, denied
from muniment.session.kernel.views import Record
from muniment.session.reading.reads import (
    Loaded,
    Plan,
    definition_of,
    disclosure,
    loaded_from,
    may_read,
    plan_of,
    release,
    wanted_groups,
)
from muniment.store import Transaction

__all__ = ["records_of", "titles_of"]


def titles_of(engine: Engine, acting: Acting, type: str, ids: Sequence[str]) -> dict[str, str]:
    """By identifier the first title field of each record that is not empty and not masked.

    A record that is not there, of another type, or that the actor may not list, has none; nor has one that
    a gate or a plugin closes.
    """
    record_type = engine.definitions.types.get(type)
    if record_type is None or not ids:
        return {}
    titles = {}
    for loaded, record in _released(engine, acting, record_type, ids, record_type.title):
        # In the order in which the type names them, not in that of the form.
        own = (key for key in loaded.type.title if key in record.fields and key not in record.masked)
        shown = [str(record.fields[key]) for key in own]
        if shown:
            titles[record.id] = shown[0]
    return titles


def records_of(
    engine: Engine, acting: Acting, type: str, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, Record]:
    """Some fields of several records, by identifier; those that the actor may not list are not among them."""
    record_type = engine.record_type(type)
    found = _released(engine, acting, record_type, ids, fields) if ids else []
    return {record.id: record for _, record in found}


def _released(
    engine: Engine, acting: Acting, record_type: RecordType, ids: Sequence[str], fields: Sequence[str]
) -> list[tuple[Loaded, Record]]:
    if not may_read(engine, acting, "record.list", record_type):
        return []
    readable = engine.policy.view(acting.actor, record_type).readable
    keys = tuple(key for key in fields if key in readable)
    if not keys:
        return []

    def body(tx: Transaction, moment: Moment) -> list[tuple[Loaded, Plan]]:
        plan = plan_of(engine, acting, record_type, keys)
        found = []
        plans = []
        places: dict[bytes, tuple[int, frozenset[int]]] = {}
        versions = tx.newest_versions(SHARD, [id_bytes(one) for one in ids]).values()
        about = {About(one.subject, one.record) for one in versions}
        barred = closed(
            engine, tx, acting, "record.list", record_type, about, moment.time_us, fields=plan.keys
        )
        for version in versions:
            if version.type != record_type.number or (version.subject, version.record) in barred:
                continue
            if denied(engine, acting, "record.list", record_type, plan.keys, version.record, moment.time_us):
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
                live, groups, gone = wanted_groups(engine, tx, version, own.groups)
            except NotFound:
                continue  # being erased
            found.append((version, own, live, groups, gone))
            places[version.record] = version.version, groups
            plans.append(own if reached is not None else plan)
        if not found:
            return []
        parts = tx.parts_at(SHARD, places)
        drafts = disclosure(
            engine, tx, acting, "record.list", plan, [version for version, *_ in found], plans=plans
        )
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return [
            (loaded_from(version, own.type, parts.get(version.record, ()), live, groups, gone), own)
            for version, own, live, groups, gone in found
        ]

    chosen = engine.read(body, acting)
    engine.sealer.prepare(chain.from_iterable(loaded.parts for loaded, _ in chosen))
    return [(loaded, release(engine, loaded, plan)) for loaded, plan in chosen]
