"""How a record came to be what it is: its versions, who wrote them and why, and what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from muniment import audit
from muniment.errors import NotFound
from muniment.log.binding import OPERATIONS, unpack_live
from muniment.log.detail import Opening
from muniment.model import Value, id_text
from muniment.schema import RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.standing import pass_gates, view_of
from muniment.session.kernel.views import Change, Step, shown
from muniment.session.kernel.written import changed_keys, opening_of, written_between, written_in
from muniment.session.reading.reads import (
    Loaded,
    Plan,
    definition_of,
    disclosure,
    load,
    loaded_from,
    open_loaded,
    plan_of,
    stand,
)
from muniment.store import SidePart, Transaction, Version

__all__ = ["detail_of", "diff_versions", "record_history"]


def record_history(engine: Engine, acting: Acting, record: bytes) -> list[Step]:
    """Every version of a record, oldest first, and every erasure of it: that something was, and is gone."""

    def body(tx: Transaction, moment: Moment) -> tuple[list[tuple[Loaded, Plan, _Entry]], list[Step]]:
        found = _load(engine, tx, moment, acting, record, None)
        return found, _erasures(engine, tx, found[-1][0].version)

    with engine.guarded(acting, "record.history", record=id_text(record)):
        found, erasures = engine.run(body, acting)
    steps = []
    before: tuple[Loaded, dict[str, Value]] | None = None
    for loaded, plan, entry in found:
        values = open_loaded(engine, loaded, plan.numbers)
        steps.append(_step(engine, loaded, plan, values, before, entry))
        before = (loaded, values)
    steps += erasures
    return sorted(steps, key=lambda step: (step.recorded_us, step.entry))


def _erasures(engine: Engine, tx: Transaction, newest: Version) -> list[Step]:
    """What was erased of a record or of its subject, with the rule it was erased under."""
    steps = []
    for state in tx.steps_of(SHARD, {newest.record, newest.subject}) if engine.any_states else ():
        if state.state == "live" or (state.category and state.id != newest.record):
            continue
        found = audit.entry_at(tx, SHARD, state.gen, state.seq)
        detail = found.detail or {}
        named = detail.get("target", {})
        steps.append(
            Step(
                newest.version,
                "erase" if state.state == "erased" else "erasing",
                found.entry.time_us,
                found.entry.time_us,
                detail.get("actor", {}).get("id"),
                detail.get("purpose"),
                None,
                state.seq,
                "",
                (),
                True,
                str(named.get("rule", "")),
                str(named.get("category", "")),
                str(named.get("erasure", "")),
            )
        )
    return [step for step in steps if step.operation == "erase"] or steps


def diff_versions(engine: Engine, acting: Acting, record: bytes, first: int, second: int) -> list[Change]:
    """What differs between two versions of a record."""
    with engine.guarded(acting, "record.history", record=id_text(record)):
        found = engine.run(
            lambda tx, moment: _load(engine, tx, moment, acting, record, (first, second)), acting
        )
    sides = {loaded.version.version: (loaded, plan, entry) for loaded, plan, entry in found}
    (old, old_plan, _), (new, plan, entry) = sides[first], sides[second]
    before = open_loaded(engine, old, old_plan.numbers)
    after = open_loaded(engine, new, plan.numbers)
    return _changes(engine, plan, entry, _as_now(before, old.type, new.type), after)


@attrs.frozen
class _Entry:
    """What the log and the versions say of how one version came to be.

    Attributes:
        detail: of its entry; None where the log's retention disposed of it.
        side: what is sealed beside it: the reason.
        clear: keys of the fields that the roles allow to read as they are, whatever is masked first.
        written: numbers of the fields that were written since the version that it is compared with.
    """

    detail: Mapping[str, Any] | None
    side: Sequence[SidePart]
    clear: frozenset[str]
    written: frozenset[int]


def _load(
    engine: Engine,
    tx: Transaction,
    moment: Moment,
    acting: Acting,
    record: bytes,
    only: tuple[int, int] | None,
) -> list[tuple[Loaded, Plan, _Entry]]:
    versions = tx.versions_of(SHARD, record)
    newest = definition_of(engine, tx, versions[-1]) if versions else None
    if newest is None:
        raise NotFound("record.not_found")
    standing = stand(engine, tx, acting, "record.history", versions[-1], moment.time_us)
    shown_as = plan_of(engine, acting, newest, None, standing=standing)
    pass_gates(engine, tx, acting, "record.history", versions[-1], shown_as.keys, moment.time_us, standing)
    if only is not None:
        versions = [one for one in versions if one.version in only]
        if {one.version for one in versions} != set(only):
            raise NotFound("record.no_version")
    between = None if only is None else written_between(engine, tx, record, *only)
    found: list[tuple[Loaded, Plan, _Entry]] = []
    for version in versions:
        plan = plan_of(engine, acting, definition_of(engine, tx, version), None, standing=standing)
        side: Sequence[SidePart] = ()
        try:
            loaded = load(engine, tx, version, plan.type, plan.groups)
            if only is None:
                side = tx.side_part(SHARD, version.gen, version.seq)
        except NotFound:
            if only is not None:
                raise
            # All of it is gone; that it was there is not.
            live, _ = unpack_live(version.parts)
            loaded = loaded_from(version, plan.type, (), live, frozenset(), plan.groups & live.keys())
        opening = None if between is not None else opening_of(tx, version.gen, version.seq)
        written = written_in(plan.type, version, opening) if between is None else between
        clear = view_of(engine, acting, plan.type, standing).clear
        found.append((loaded, plan, _Entry(_detail(opening), side, clear, written)))
    kind = "record.history" if only is None else "record.diff"
    drafts = disclosure(engine, tx, acting, kind, shown_as, versions, standing=standing)
    engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
    return found


def detail_of(tx: Transaction, gen: int, seq: int) -> dict[str, Any] | None:
    """The detail of one entry, or None where the log's retention disposed of it."""
    return _detail(opening_of(tx, gen, seq))


def _detail(opening: Opening | None) -> dict[str, Any] | None:
    if opening is None:
        return None
    found: dict[str, Any] = json.loads(opening.detail)
    return found


def _step(
    engine: Engine,
    loaded: Loaded,
    plan: Plan,
    values: dict[str, Value],
    before: tuple[Loaded, dict[str, Value]] | None,
    entry: _Entry,
) -> Step:
    version = loaded.version
    detail = entry.detail
    approval = (detail or {}).get("approval", {})
    return Step(
        version.version,
        _operation(version),
        version.recorded_us,
        version.effective_us,
        None if detail is None else str(detail["actor"]["id"]),
        None if detail is None else str(detail.get("purpose", "")),
        _reason(engine, version, entry.side),
        version.seq,
        version.hash.hex(),
        _changes(
            engine,
            plan,
            entry,
            {} if before is None else _as_now(before[1], before[0].type, loaded.type),
            values,
        ),
        bool(loaded.gone),
        made_by=tuple(map(str, approval.get("made_by", ()))),
        approved_by=tuple(map(str, approval.get("by", ()))),
    )


def _operation(version: Version) -> str:
    return next(name for name, number in OPERATIONS.items() if number == version.operation)


def _reason(engine: Engine, version: Version, side: Sequence[SidePart]) -> str | None:
    for part in side:
        if part.record in (version.subject, engine.archive):
            return engine.sealer.open_text(part, part.record)
    return None


def _as_now(values: Mapping[str, Value], then: RecordType, now: RecordType) -> dict[str, Value]:
    """Values under the keys that their fields have in another definition."""
    if then is now:
        return dict(values)
    by_number = now.by_number
    return {
        by_number[then.by_key[key].number].key: value
        for key, value in values.items()
        if then.by_key[key].number in by_number
    }


def _changes(
    engine: Engine, plan: Plan, entry: _Entry, before: Mapping[str, Value], after: Mapping[str, Value]
) -> list[Change]:
    view = plan.view
    changed = changed_keys(plan.type, entry.clear, before, after, entry.written)
    old, _ = shown(plan.type, engine.kinds, before, view.clear, view.masked)
    new, _ = shown(plan.type, engine.kinds, after, view.clear, view.masked)
    return [
        Change(key, old.get(key), new.get(key), key in view.masked) for key in changed if key in view.readable
    ]
