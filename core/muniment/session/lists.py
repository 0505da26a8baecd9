"""Lists and searches: candidates are opened and compared in the transaction that logs the page.

What was opened and not found fit for release goes no further.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import attrs

from muniment.errors import AccessDenied, Invalid, NotFound, UsageError
from muniment.model import Value
from muniment.policy import View
from muniment.schema import Field, RecordType
from muniment.schema.listviews import Condition
from muniment.session.builtins import rules_of
from muniment.session.current import sortable
from muniment.session.cursor import decode_cursor, encode_cursor
from muniment.session.engine import SHARD, Acting, Engine
from muniment.session.filters import Filter, compile_filter
from muniment.session.gates import closed
from muniment.session.layout import require_layout
from muniment.session.logbook import Moment
from muniment.session.reads import (
    Loaded,
    Plan,
    definition_of,
    disclosure,
    loaded_from,
    open_loaded,
    plan_of,
    release,
    wanted_groups,
)
from muniment.session.reasons import put_reason
from muniment.session.tokens import Lookup, lookup_equal, lookup_words
from muniment.session.views import Page
from muniment.store import Current, ListQuery, Part, Transaction, Version

__all__ = ["Asked", "find", "list_records", "search_records"]

_LARGEST_PAGE: Final = 1000
_SCAN_PAGE: Final = 500
_LOADED_AT_ONCE: Final = 101


@attrs.frozen
class Asked:
    """What a list or search is asked for.

    Attributes:
        type: key of the record type.
        where: values by field key that records must have.
        words: words to look for.
        fields: keys of the fields wanted; None for all the actor may see.
        order_by: key of a clear field.
        scan: open and compare every record where no index answers; logged as a scan.
        kind: the kind of entry it is written down as.
        members: further members of the entry's detail.
        op: 16 bytes that all pages of one act carry; by default each page is an act of its own.
        reason: a person's own words; sealed, and bound by the first entry.
        filters: conditions beyond ``where``, all of which must hold.
        view: which view this is, as the entry names it: never what somebody called it.
    """

    type: str
    where: Mapping[str, object] = attrs.field(factory=dict)
    words: str = ""
    fields: Sequence[str] | None = None
    order_by: str | None = None
    descending: bool = False
    limit: int = 100
    after: str | None = None
    deleted: bool = False
    scan: bool = False
    count: bool = False
    kind: str = "record.list"
    action: str = "record.list"
    members: Mapping[str, object] = attrs.field(factory=dict)
    op: bytes | None = None
    reason: str | None = None
    filters: Sequence[Condition] = ()
    view: str = ""


def list_records(engine: Engine, acting: Acting, asked: Asked) -> Page:
    """One page of records that have these values."""
    with engine.guarded(acting, asked.action, type=asked.type):
        return find(engine, acting, asked)


def search_records(engine: Engine, acting: Acting, asked: Asked) -> Page:
    """One page of records in which the words are found."""
    if not asked.words.strip():
        raise UsageError("usage.no_words")
    with engine.guarded(acting, asked.action, type=asked.type):
        return find(engine, acting, asked)


@attrs.frozen
class _Terms:
    """A question compiled: what the clear table answers and what must be opened and compared."""

    equals: tuple[tuple[int, object], ...]
    lookups: tuple[Lookup, ...]
    matches: tuple[tuple[frozenset[str], Callable[[Mapping[str, Value]], bool]], ...]
    clear: frozenset[str]
    filters: tuple[Filter, ...] = ()

    @property
    def compared(self) -> frozenset[str]:
        return frozenset(key for keys, _ in self.matches for key in keys)


def find(engine: Engine, acting: Acting, asked: Asked) -> Page:
    """Answer a list or search in one transaction and release one page."""

    def body(tx: Transaction, moment: Moment) -> tuple[list[Loaded], list[Plan], str | None, int | None]:
        record_type = engine.record_type(asked.type)
        engine.policy.require(acting.actor, asked.action, record_type.key)
        if asked.scan:
            engine.policy.require(acting.actor, "record.scan", record_type.key)
        plan = plan_of(engine, acting, record_type, asked.fields)
        if record_type.number < 256 and (plan.keys or rules_of(record_type).guarded):
            engine.policy.require(acting.actor, rules_of(record_type).read, record_type.key)
        terms = _compile(engine, acting, record_type, plan.allowed, asked)
        if terms.lookups:
            require_layout(engine, tx)
        limit = max(1, min(asked.limit, _LARGEST_PAGE))
        hits, after = _hits(engine, tx, acting, asked, plan, terms, limit, moment.time_us)
        reason = None
        if asked.reason:
            reason = put_reason(engine, tx, moment, engine.archive, asked.reason, seq=moment.size)
        drafts = disclosure(
            engine,
            tx,
            acting,
            "record.scan" if asked.scan else asked.kind,
            plan,
            [loaded.version for loaded, _ in hits],
            op=asked.op,
            loose=reason,
            **{**asked.members, "target": _asked_fields(asked)},
        )
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        total = None
        countable = asked.count and not terms.lookups and not terms.filters and not engine.gates
        if countable and all(keys <= terms.clear for keys, _ in terms.matches):
            total = tx.count_current(SHARD, _query(asked, record_type, terms, 1, None))
        return [loaded for loaded, _ in hits], [one for _, one in hits], after, total

    # A reason is sealed under the index of its entry, so nothing may be appended in between.
    run = engine.run if asked.reason else engine.read
    loaded, plans, after, total = run(body, acting)
    return Page([release(engine, one, plan) for one, plan in zip(loaded, plans, strict=True)], after, total)


def _asked_fields(asked: Asked) -> dict[str, object] | None:
    """Which fields were asked by, as names; never what was asked for."""
    target: dict[str, object] = {}
    if asked.where or asked.filters:
        target["where"] = sorted({*asked.where, *(one.field for one in asked.filters)})
    if asked.order_by:
        target["order_by"] = asked.order_by
    if asked.deleted:
        target["deleted"] = True
    if asked.view:
        target["view"] = asked.view
    return target or None


def _compile(engine: Engine, acting: Acting, record_type: RecordType, view: View, asked: Asked) -> _Terms:
    equals: list[tuple[int, object]] = []
    lookups: list[Lookup] = []
    matches: list[tuple[frozenset[str], Callable[[Mapping[str, Value]], bool]]] = []
    for name, raw in asked.where.items():
        field = record_type.field(name)
        if field is None or field.key not in view.readable:
            raise NotFound("schema.unknown_field", where=record_type.key, name=name)
        if field.key not in view.clear:
            raise AccessDenied("access.field", where=record_type.key, action="filter", names=field.key)
        wanted = _wanted_value(engine, record_type, field.key, raw)
        if field.in_clear:
            equals.append((field.number, sortable(wanted)))
            if wanted is not None:
                matches.append((frozenset({field.key}), _equals(field.key, wanted)))
            continue
        lookup = lookup_equal(engine, record_type, field, wanted, scan=asked.scan)
        if lookup.tokens is not None:
            lookups.append(lookup)
        matches.append((frozenset({field.key}), lookup.matches))
    filters = tuple(
        compile_filter(engine, acting, record_type, view, one, scan=asked.scan) for one in asked.filters
    )
    matches += [(frozenset({one.key}), _by_filter(one)) for one in filters]
    if asked.words:
        lookup = lookup_words(engine, record_type, view, asked.words, scan=asked.scan)
        if lookup.tokens is not None:
            lookups.append(lookup)
        matches.append((lookup.fields, lookup.matches))
    if asked.order_by is not None:
        field = record_type.field(asked.order_by)
        if field is None or field.key not in view.readable:
            raise NotFound("schema.unknown_field", where=record_type.key, name=asked.order_by)
        if field.key not in view.clear:
            raise AccessDenied("access.field", where=record_type.key, action="sort", names=field.key)
        if not field.in_clear:
            raise UsageError("index.sealed_order", where=field.key)
    clear = frozenset(field.key for field in record_type.fields if field.in_clear)
    return _Terms(tuple(equals), tuple(lookups), tuple(matches), clear, filters)


def _wanted_value(engine: Engine, record_type: RecordType, key: str, raw: object) -> Value:
    """The value to compare with, read as one that is typed into the field."""
    if raw is None or raw == "":
        return None
    values, issues = record_type.normalise(
        {key: raw}, context=engine.value_context(), partial=True, kinds=engine.kinds
    )
    errors = [issue for issue in issues if issue.severity == "error" and issue.code != "value.computed"]
    if errors:
        raise Invalid(errors, where=record_type.key)
    return values.get(key)


def _by_filter(one: Filter) -> Callable[[Mapping[str, Value]], bool]:
    return lambda values: one.matches(values.get(one.key))


def _equals(key: str, wanted: Value) -> Callable[[Mapping[str, Value]], bool]:
    return lambda values: values.get(key) == wanted


def _query(
    asked: Asked, record_type: RecordType, terms: _Terms, limit: int, after: tuple[object, bytes] | None
) -> ListQuery:
    order = record_type.field(asked.order_by) if asked.order_by else None
    return ListQuery(
        record_type.number,
        terms.equals,
        None if order is None else order.number,
        asked.descending,
        after,
        limit,
        asked.deleted,
    )


def _hits(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    asked: Asked,
    plan: Plan,
    terms: _Terms,
    limit: int,
    time_us: int,
) -> tuple[list[tuple[Loaded, Plan]], str | None]:
    """One page of hits, each with the plan of the definition it was written under."""
    after = decode_cursor(engine, asked.after) if asked.after else None
    found: list[tuple[Loaded, Plan]] = []
    last: Current | None = None
    record_type = plan.type
    clear = not terms.lookups and all(keys <= terms.clear for keys, _ in terms.matches)
    # Where the clear table answers, one more than the page tells whether there is another.
    few = clear and not terms.filters
    candidates = _candidates(
        tx, asked, record_type, terms, after, min(limit + 1, _SCAN_PAGE) if few else _SCAN_PAGE
    )
    narrow = [one for one in terms.filters if one.number is not None]
    if narrow:
        candidates = (row for row in candidates if _may_be(row, narrow))
    while rows := list(islice(candidates, min(limit + 1 - len(found), _LOADED_AT_ONCE))):
        if engine.gates:
            subjects = {row.subject for row in rows}
            barred = closed(
                engine, tx, acting, asked.action, record_type, subjects, time_us, fields=plan.keys
            )
            rows = [row for row in rows if row.subject not in barred]
        for row, loaded, own in _load_all(engine, tx, acting, plan, terms, rows):
            if terms.matches:
                values = _compared(engine, terms, loaded, plan, own)
                if not all(matches(values) for _, matches in terms.matches):
                    continue
            if len(found) == limit:
                assert last is not None
                return found, encode_cursor(engine, _sort_value(last, record_type, asked), last.record)
            found.append((loaded, own))
            last = row
    return found, None


def _may_be(row: Current, filters: Sequence[Filter]) -> bool:
    """Whether a row of the clear table may be a hit; what it says is compared with the sealed value later."""
    held = json.loads(row.clear)
    return all(one.passes(held.get(str(one.number))) for one in filters)


def _load_all(
    engine: Engine, tx: Transaction, acting: Acting, plan: Plan, terms: _Terms, rows: Sequence[Current]
) -> Iterator[tuple[Current, Loaded, Plan]]:
    """What a page of candidates needs, in two questions to the store instead of two a record."""
    versions = tx.newest_versions(SHARD, [row.record for row in rows])
    newest = plan.type.definition_version
    found = []
    places: list[tuple[bytes, int, int]] = []
    for row in rows:
        version = versions.get(row.record)
        if version is None:
            continue
        own = plan if version.definition == newest else _own_plan(engine, tx, acting, version, plan)
        groups = own.groups
        if terms.matches:
            groups |= {field.seal_group for field in _own_fields(plan, own, terms).values()}
        try:
            live, wanted, closed = wanted_groups(engine, tx, version, groups)
        except NotFound:
            continue  # erased between the index and here: as if it had never matched
        found.append((row, version, own, live, wanted, closed))
        places += [(row.record, group, version.version) for group in wanted]
    parts: dict[bytes, list[Part]] = {}
    for part in tx.parts_at(SHARD, places):
        parts.setdefault(part.record, []).append(part)
    for row, version, own, live, wanted, closed in found:
        yield row, loaded_from(version, own.type, parts.get(row.record, ()), live, wanted, closed), own


def _own_fields(plan: Plan, own: Plan, terms: _Terms) -> dict[str, Field]:
    """The fields that are compared, by the key of today, as the record's own definition has them."""
    by_key, by_number = plan.type.by_key, own.type.by_number
    return {key: by_number[number] for key in terms.compared if (number := by_key[key].number) in by_number}


def _compared(engine: Engine, terms: _Terms, loaded: Loaded, plan: Plan, own: Plan) -> dict[str, Value]:
    fields = _own_fields(plan, own, terms)
    opened = open_loaded(engine, loaded, frozenset(field.number for field in fields.values()))
    return {key: opened[field.key] for key, field in fields.items() if field.key in opened}


def _own_plan(engine: Engine, tx: Transaction, acting: Acting, version: Version, plan: Plan) -> Plan:
    """The same fields as an older definition had them, by their permanent numbers."""
    own = definition_of(engine, tx, version)
    keys = [field.key for field in own.fields if field.number in plan.numbers]
    return plan_of(engine, acting, own, keys)


def _sort_value(row: Current, record_type: RecordType, asked: Asked) -> object:
    if asked.order_by is None:
        return None
    field = record_type.field(asked.order_by)
    return None if field is None else json.loads(row.clear).get(str(field.number))


def _candidates(
    tx: Transaction,
    asked: Asked,
    record_type: RecordType,
    terms: _Terms,
    after: tuple[object, bytes] | None,
    size: int,
) -> Iterator[Current]:
    """Rows of the current state that may be hits, in order, from after the cursor on, so many at once."""
    if not terms.lookups:
        while True:
            page = tx.list_current(SHARD, _query(asked, record_type, terms, size, after))
            yield from page
            if len(page) < size:
                return
            after = (_sort_value(page[-1], record_type, asked), page[-1].record)
    ids: set[bytes] | None = None
    for lookup in terms.lookups:
        some = lookup.candidates(tx)
        ids = some if ids is None else ids & some
    wanted = dict(terms.equals)
    rows = []
    for record in sorted(ids or ()):
        row = tx.current(SHARD, record)
        if row is None or row.type != record_type.number or bool(row.deleted) != asked.deleted:
            continue
        if wanted:
            clear = json.loads(row.clear)
            if any(clear.get(str(number)) != value for number, value in wanted.items()):
                continue
        rows.append(row)
    order = [(_sort_value(row, record_type, asked), row.record) for row in rows]
    ranked = sorted(zip(order, rows, strict=True), key=lambda pair: _rank(pair[0]), reverse=asked.descending)
    start = None if after is None else _rank(after)
    for place, row in ranked:
        rank = _rank(place)
        if start is None or (rank < start if asked.descending else rank > start):
            yield row


def _rank(place: tuple[object, bytes]) -> tuple[int, float, str, bytes]:
    """Numbers before texts, as the store sorts them; no value sorts as the empty text; zero is a number."""
    value, record = place
    if isinstance(value, (int, float)):
        return 0, float(value), "", record
    return 1, 0.0, "" if value is None else str(value), record
