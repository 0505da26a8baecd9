"""Lists and searches: candidates are opened and compared in the transaction that logs the page.

What was opened and not found fit for release goes no further.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

import attrs

from muniment.errors import AccessDenied, Invalid, NotFound, UsageError
from muniment.model import Value
from muniment.schema import RecordType
from muniment.schema.listviews import Condition, parse_order
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.builtins import rules_of
from muniment.session.kernel.current import sortable
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import closed
from muniment.session.kernel.layout import require_layout
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import Needs, as_newest, needs_of
from muniment.session.kernel.reasons import put_reason
from muniment.session.kernel.standing import ANY, Standing, authorize, denied, may_read, view_of
from muniment.session.kernel.tokens import Lookup, lookup_equal, lookup_words
from muniment.session.kernel.views import Page
from muniment.session.reading.filters import Filter, compile_filter
from muniment.session.reading.ordering import (
    Order,
    Place,
    cursor_of,
    in_order,
    order_of,
    place_of,
    sort_values,
)
from muniment.session.reading.reads import (
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
from muniment.store import Current, ListQuery, Transaction, Version

__all__ = [
    "Answer",
    "Asked",
    "Terms",
    "answer",
    "candidates_of",
    "compile_terms",
    "find",
    "list_records",
    "passing",
    "search_records",
    "shown",
]

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
        order_by: keys of clear fields as ``schema.listviews.parse_order`` reads them.
        descending: the other way round; without ``order_by`` the newest first.
        scan: open and compare every record where no index answers; logged as a scan.
        kind: the kind of entry it is written down as.
        members: further members of the entry's detail.
        told: what else the entry's target names; no value of a record.
        op: 16 bytes that all pages of one act carry; by default each page is an act of its own.
        reason: a person's own words; sealed, and bound by the first entry.
        filters: conditions beyond ``where``, all of which must hold.
        view: which view this is, as the entry names it: never what somebody called it.
        only: identifiers of records, 16 bytes each, of which alone there is an answer; None for all.
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
    told: Mapping[str, object] = attrs.field(factory=dict, kw_only=True)
    op: bytes | None = None
    reason: str | None = None
    filters: Sequence[Condition] = ()
    view: str = ""
    only: frozenset[bytes] | None = None

    @property
    def exports(self) -> bool:
        """Whether what is released leaves the archive."""
        return self.action == "record.export"


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
class Terms:
    """A question compiled: what the clear table answers and what must be opened and compared.

    Attributes:
        where: keys of the fields that were asked by.
        clear: keys of the fields that stand in clear in that table.
        needs: what must reach each record; None where every role of the actor reaches all.
        kind: the kind of entry that the answer is written down as.
        order: numbers of the fields that it is sorted by, each with whether its largest come first.
    """

    equals: tuple[tuple[int, object], ...]
    lookups: tuple[Lookup, ...]
    matches: tuple[tuple[frozenset[str], Callable[[Mapping[str, Value]], bool]], ...]
    where: frozenset[str]
    clear: frozenset[str]
    needs: Needs | None
    kind: str
    filters: tuple[Filter, ...] = ()
    order: Order = ()

    @property
    def compared(self) -> frozenset[str]:
        """Keys of the fields whose opened values are compared."""
        return frozenset(key for keys, _ in self.matches for key in keys)


@attrs.frozen
class Answer:
    """One page as its transaction found it: nothing is opened for release before that is committed."""

    loaded: Sequence[Loaded]
    plans: Sequence[Plan]
    after: str | None
    total: int | None


def find(engine: Engine, acting: Acting, asked: Asked) -> Page:
    """Answer a list or search in one transaction and release one page."""
    # A reason is sealed under the index of its entry, so nothing may be appended in between.
    run = engine.run if asked.reason else engine.read
    return shown(engine, run(lambda tx, moment: answer(engine, tx, moment, acting, asked), acting))


def answer(engine: Engine, tx: Transaction, moment: Moment, acting: Acting, asked: Asked) -> Answer:
    """Find one page, and append the entry that names it."""
    record_type = engine.record_type(asked.type)
    engine.policy.require(acting.actor, asked.action, record_type.key)
    if asked.scan:
        engine.policy.require(acting.actor, "record.scan", record_type.key)
    plan = plan_of(engine, acting, record_type, asked.fields, export=asked.exports)
    if record_type.built_in and (plan.keys or rules_of(record_type).guarded):
        right = rules_of(record_type).read
        engine.policy.require(acting.actor, right, record_type.key)
        if not may_read(engine, acting, asked.action, record_type):
            raise AccessDenied("access.action", where=record_type.key, action=right)
    authorize(engine, acting, asked.action, record_type, plan.keys, None, moment.time_us)
    terms = compile_terms(engine, acting, record_type, asked)
    if terms.lookups:
        require_layout(engine, tx)
    elif terms.equals or terms.order:
        tx.ready_listing(SHARD, _query(asked, record_type, terms, 1, None))
    limit = max(1, min(asked.limit, _LARGEST_PAGE))
    hits, after = _hits(engine, tx, acting, asked, plan, terms, limit, moment.time_us)
    reason = None
    if asked.reason:
        reason = put_reason(engine, tx, moment, engine.archive, asked.reason, seq=moment.size)
    drafts = disclosure(
        engine,
        tx,
        acting,
        terms.kind,
        plan,
        [loaded.version for loaded, _ in hits],
        plans=None if terms.needs is None else [own for _, own in hits],
        op=asked.op,
        loose=reason,
        standing=ANY,
        target=_asked_fields(asked),
        **asked.members,
    )
    engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
    total = None if terms.filters or not asked.count else _total(engine, tx, asked, record_type, terms)
    return Answer([loaded for loaded, _ in hits], [one for _, one in hits], after, total)


def shown(engine: Engine, found: Answer) -> Page:
    """Release a page; only after its entry is committed."""
    engine.sealer.prepare(chain.from_iterable(one.parts for one in found.loaded))
    records = [release(engine, one, plan) for one, plan in zip(found.loaded, found.plans, strict=True)]
    return Page(records, found.after, found.total)


def _total(
    engine: Engine, tx: Transaction, asked: Asked, record_type: RecordType, terms: Terms
) -> int | None:
    """How many there are on all pages, where the store's own answer is the whole answer."""
    asking = engine.gates or engine.plugins.authorizes
    exact = terms.needs is None or terms.needs.exact
    if (
        asking
        or terms.lookups
        or asked.only is not None
        or not exact
        or not all(keys <= terms.clear for keys, _ in terms.matches)
    ):
        return None
    return tx.count_current(SHARD, _query(asked, record_type, terms, 1, None))


def _asked_fields(asked: Asked) -> dict[str, object] | None:
    """Which fields were asked by, as names; never what was asked for."""
    target: dict[str, object] = {}
    if asked.where or asked.filters:
        target["where"] = sorted({*asked.where, *(one.field for one in asked.filters)})
    if asked.order_by:
        keys = [key for key, _ in parse_order(asked.order_by)]
        target["order_by"] = keys[0] if len(keys) == 1 else keys
    if asked.deleted:
        target["deleted"] = True
    if asked.view:
        target["view"] = asked.view
    target.update(asked.told)
    return target or None


def compile_terms(engine: Engine, acting: Acting, record_type: RecordType, asked: Asked) -> Terms:
    """What a question asks, if this actor may ask it.

    Raises:
        NotFound, AccessDenied, UsageError, Invalid: it cannot be asked, or not by them.
    """
    view = view_of(engine, acting, record_type)
    kind = "record.scan" if asked.scan else asked.kind
    equals: list[tuple[int, object]] = []
    lookups: list[Lookup] = []
    matches: list[tuple[frozenset[str], Callable[[Mapping[str, Value]], bool]]] = []
    for name, raw in asked.where.items():
        field = record_type.field(name)
        if field is None or field.key not in view.readable | view.searchable:
            raise NotFound("schema.unknown_field", where=record_type.key, name=name)
        if field.key not in view.clear:
            if field.key not in view.searchable or raw is None or raw == "":
                raise AccessDenied("access.field", where=record_type.key, action="filter", names=field.key)
            # Whoever asks learns that somebody has this very value, though nothing of it is shown.
            kind = "record.match" if kind == "record.list" else kind
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
    order = order_of(record_type, view, asked.order_by or "", asked.descending)
    clear = frozenset(field.key for field in record_type.fields if field.in_clear)
    where = _keys(record_type, asked.where)
    filtered = frozenset(one.key for one in filters)
    needs = needs_of(
        engine,
        acting,
        record_type,
        (asked.action, "record.scan") if asked.scan else (asked.action,),
        read=filtered | {record_type.by_number[number].key for number, _ in order},
        compared=where,
    )
    return Terms(
        tuple(equals), tuple(lookups), tuple(matches), where | filtered, clear, needs, kind, filters, order
    )


def _keys(record_type: RecordType, names: Iterable[str]) -> frozenset[str]:
    """The keys of fields that are named, maybe by a former key."""
    return frozenset(field.key for name in names if (field := record_type.field(name)) is not None)


def _wanted_value(engine: Engine, record_type: RecordType, key: str, raw: object) -> Value:
    """The value to compare with, read as one that is typed into the field."""
    if raw is None or raw == "":
        return None
    values, issues = _askable(record_type, key).normalise(
        {key: raw}, context=engine.value_context(), partial=True, kinds=engine.kinds
    )
    errors = [issue for issue in issues if issue.severity == "error" and issue.code != "value.computed"]
    if errors:
        raise Invalid(errors, where=record_type.key)
    return values.get(key)


def _askable(record_type: RecordType, key: str) -> RecordType:
    """The type with this field as if its plugin were enabled: what takes no values can be asked for."""
    field = record_type.by_key.get(key)
    if field is None or not field.suspended:
        return record_type
    fields = tuple(attrs.evolve(one, suspended=False) if one is field else one for one in record_type.fields)
    return attrs.evolve(record_type, fields=fields)


def _by_filter(one: Filter) -> Callable[[Mapping[str, Value]], bool]:
    return lambda values: one.matches(values.get(one.key))


def _equals(key: str, wanted: Value) -> Callable[[Mapping[str, Value]], bool]:
    return lambda values: values.get(key) == wanted


def _query(asked: Asked, record_type: RecordType, terms: Terms, limit: int, after: Place | None) -> ListQuery:
    return ListQuery(
        record_type.number,
        terms.equals,
        terms.order,
        asked.descending,
        after,
        limit,
        asked.deleted,
        () if terms.needs is None else terms.needs.matches,
    )


def _hits(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    asked: Asked,
    plan: Plan,
    terms: Terms,
    limit: int,
    time_us: int,
) -> tuple[list[tuple[Loaded, Plan]], str | None]:
    """One page of hits, each with the plan of the definition it was written under."""
    record_type = plan.type
    listed = (record_type.number, terms.order, asked.descending)
    after = place_of(engine, *listed, asked.after) if asked.after else None
    found: list[tuple[Loaded, Plan]] = []
    last: Current | None = None
    clear = not terms.lookups and all(keys <= terms.clear for keys, _ in terms.matches)
    # Where the clear table answers, one more than the page tells whether there is another.
    few = clear and not terms.filters
    candidates = candidates_of(
        tx, asked, record_type, terms, after, min(limit + 1, _SCAN_PAGE) if few else _SCAN_PAGE
    )
    narrow = [one for one in terms.filters if one.number is not None]
    if narrow:
        candidates = (row for row in candidates if _may_be(row, narrow))
    while rows := list(islice(candidates, min(limit + 1 - len(found), _LOADED_AT_ONCE))):
        for row, loaded, own in passing(engine, tx, acting, asked, plan, terms, rows, time_us):
            if len(found) == limit:
                assert last is not None
                return found, cursor_of(engine, *listed, (sort_values(last, terms.order), last.record))
            found.append((loaded, own))
            last = row
    return found, None


def passing(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    asked: Asked,
    plan: Plan,
    terms: Terms,
    rows: Sequence[Current],
    time_us: int,
    *,
    opens: bool = False,
) -> Iterator[tuple[Current, Loaded, Plan]]:
    """Of some candidates those that are hits, each with the plan of the definition it was written under.

    ``opens`` says that the caller opens them one by one.
    """
    record_type = plan.type
    if engine.gates:
        about = {About(row.subject, row.record) for row in rows}
        barred = closed(engine, tx, acting, asked.action, record_type, about, time_us, fields=plan.keys)
        rows = [row for row in rows if (row.subject, row.record) not in barred]
    numbers = _numbers(record_type, terms.compared)
    if terms.lookups:
        # Many records share a token and few of them are meant: the rest of those alone is loaded.
        narrow = _load_all(engine, tx, acting, asked, plan, terms, rows, opens=True, narrow=True)
        rows = [row for row, loaded, own in narrow if _fits(engine, terms, loaded, own, numbers)]
    for row, loaded, own in _load_all(engine, tx, acting, asked, plan, terms, rows, opens=opens):
        if not terms.lookups and not _fits(engine, terms, loaded, own, numbers):
            continue
        if not denied(engine, acting, asked.action, record_type, own.keys, row.record, time_us):
            yield row, loaded, own


def _fits(engine: Engine, terms: Terms, loaded: Loaded, own: Plan, numbers: frozenset[int]) -> bool:
    """Whether the opened values of a record are what was asked for."""
    if not terms.matches:
        return True
    values = as_newest(engine, loaded.type, open_loaded(engine, loaded, numbers))
    if terms.needs is not None:
        # Words are looked for where this record may be read in clear, and nowhere else.
        told = own.view.clear | terms.where
        values = {key: value for key, value in values.items() if key in told}
    return all(matches(values) for _, matches in terms.matches)


def _may_be(row: Current, filters: Sequence[Filter]) -> bool:
    """Whether a row of the clear table may be a hit; what it says is compared with the sealed value later."""
    held = json.loads(row.clear)
    return all(one.passes(held.get(str(one.number))) for one in filters)


def _load_all(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    asked: Asked,
    plan: Plan,
    terms: Terms,
    rows: Sequence[Current],
    *,
    opens: bool,
    narrow: bool = False,
) -> Iterator[tuple[Current, Loaded, Plan]]:
    """What a page of candidates needs, in two questions to the store instead of two a record.

    ``opens`` says that the caller opens them one by one, ``narrow`` that what is compared is enough.
    """
    versions = tx.newest_versions(SHARD, [row.record for row in rows])
    newest = plan.type.definition_version
    opened = _numbers(plan.type, terms.compared)
    if terms.needs is not None:
        opened |= terms.needs.reach.numbers
    found = []
    places: dict[bytes, tuple[int, frozenset[int]]] = {}
    for row in rows:
        version = versions.get(row.record)
        if version is None:
            continue
        own = plan if version.definition == newest else _own_plan(engine, tx, acting, asked, version, plan)
        groups: frozenset[int] = frozenset() if narrow else own.groups
        if opened:
            by_number = own.type.by_number
            groups |= {by_number[number].seal_group for number in opened if number in by_number}
        try:
            live, wanted, closed = wanted_groups(engine, tx, version, groups)
        except NotFound:
            continue  # erased between the index and here: as if it had never matched
        found.append((row, version, own, live, wanted, closed))
        places[row.record] = version.version, wanted
    parts = tx.parts_at(SHARD, places)
    if opened or opens:
        engine.sealer.prepare(chain.from_iterable(parts.values()))
    for row, version, own, live, wanted, closed in found:
        loaded = loaded_from(version, own.type, parts.get(row.record, ()), live, wanted, closed)
        if terms.needs is not None:
            reached = _reached(engine, tx, terms.needs, loaded)
            if not terms.needs.met(reached):
                continue
            names = asked.fields if own is plan else own.order
            own = plan_of(
                engine,
                acting,
                own.type,
                names,
                standing=Standing(reached),
                export=asked.exports,
                lenient=True,
            )
            if asked.exports and own.masks:
                # One column holds values or masks, never both: an import would take a mask for a value.
                kept = [key for key in own.order if key not in own.masks or key in plan.masks]
                own = plan_of(
                    engine, acting, own.type, kept, standing=Standing(reached), export=True, lenient=True
                )
        yield row, loaded, own


def _reached(engine: Engine, tx: Transaction, needs: Needs, loaded: Loaded) -> frozenset[str]:
    """The roles that reach a record, by what its sealed parts say."""
    values = open_loaded(engine, loaded, needs.reach.numbers)
    return needs.reach.roles(engine, tx, as_newest(engine, loaded.type, values))


def _numbers(record_type: RecordType, keys: Iterable[str]) -> frozenset[int]:
    return frozenset(record_type.by_key[key].number for key in keys)


def _own_plan(
    engine: Engine, tx: Transaction, acting: Acting, asked: Asked, version: Version, plan: Plan
) -> Plan:
    """The same fields as an older definition had them, by their permanent numbers."""
    own = definition_of(engine, tx, version)
    keys = [field.key for field in own.fields if field.number in plan.numbers]
    return plan_of(engine, acting, own, keys, export=asked.exports, lenient=True)


def candidates_of(
    tx: Transaction,
    asked: Asked,
    record_type: RecordType,
    terms: Terms,
    after: Place | None,
    size: int,
) -> Iterator[Current]:
    """Rows of the current state that may be hits, in order, from after the cursor on, so many at once."""
    if not terms.lookups and asked.only is None:
        while True:
            page = tx.list_current(SHARD, _query(asked, record_type, terms, size, after))
            yield from page
            if len(page) < size:
                return
            after = (sort_values(page[-1], terms.order), page[-1].record)
    ids: set[bytes] | None = None if asked.only is None else set(asked.only)
    for lookup in terms.lookups:
        some = lookup.candidates(tx)
        ids = some if ids is None else ids & some
    wanted = dict(terms.equals)

    def there(listed: Iterable[bytes]) -> Iterator[Current]:
        waiting = iter(listed)
        while some := list(islice(waiting, _LOADED_AT_ONCE)):
            for row in tx.current_of(SHARD, some):
                if row.type != record_type.number or bool(row.deleted) != asked.deleted:
                    continue
                if wanted:
                    clear = json.loads(row.clear)
                    if any(clear.get(str(number)) != value for number, value in wanted.items()):
                        continue
                yield row

    listed = sorted(ids or (), reverse=asked.descending)
    if not terms.order:
        # In the order of the records themselves nobody need look at those before and behind the page.
        if after is not None:
            last = after[1]
            listed = [one for one in listed if (one < last if asked.descending else one > last)]
        yield from there(listed)
        return
    yield from in_order(there(listed), terms.order, asked.descending, after)
