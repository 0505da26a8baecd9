"""The one read path: policy, one transaction that appends the entry, commit, and only then the values.

Lists and searches open and compare their candidates in memory inside the
transaction; what was opened and not found fit for release goes no further.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import attrs

from muniment.codec import canonical
from muniment.errors import AccessDenied, IntegrityError, Invalid, KeyStoreError, NotFound, UsageError
from muniment.log.binding import OPERATIONS, binding, unpack_live
from muniment.model import Value, id_text
from muniment.policy import View
from muniment.schema import FieldKind, RecordType, category_of_group
from muniment.session.current import sortable
from muniment.session.cursor import decode_cursor, encode_cursor
from muniment.session.details import Filled
from muniment.session.engine import SHARD, Acting, Engine, record_line
from muniment.session.layout import require_layout
from muniment.session.logbook import MAX_SUBJECTS, Draft, Moment
from muniment.session.reasons import put_reason
from muniment.session.tokens import Lookup, lookup_equal, lookup_words
from muniment.session.views import Page, Record, field_set
from muniment.store import Current, ListQuery, Part, Transaction, Version

__all__ = ["Asked", "find", "get_record", "list_records", "search_records"]

_OPERATION_NAMES: Final = {number: name for name, number in OPERATIONS.items()}
_LARGEST_PAGE: Final = 1000
_SCAN_PAGE: Final = 500
_LOADED_AT_ONCE: Final = 101
_DELETE: Final = OPERATIONS["delete"]
_NONE: Final[frozenset[int]] = frozenset()


@attrs.frozen
class Loaded:
    """A version with its sealed parts, before anything is opened for release.

    Attributes:
        gone: seal groups of which the parts were disposed of.
    """

    version: Version
    type: RecordType
    parts: Sequence[Part]
    live: Mapping[int, bytes]
    deleted: bool
    gone: frozenset[int] = frozenset()


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


_BUILTIN_READS: Final = {
    "definition": "schema.read",
    "user": "user.read",
    "configuration": "config.read",
    "import": "record.import",
}


def may_read(engine: Engine, acting: Acting, action: str, record_type: RecordType) -> bool:
    """Whether the actor may read records of a type in this way; built-in types ask for a right of their own."""
    if record_type.number < 256 and not engine.policy.may(acting.actor, _BUILTIN_READS[record_type.key]):
        return False
    return engine.policy.may(acting.actor, action, record_type.key)


# Loading and opening


def definition_of(engine: Engine, tx: Transaction, version: Version) -> RecordType:
    """The definition that a version was written under, so that old ones show as they were."""
    newest = engine.definitions.by_number.get(version.type)
    if newest is None:
        raise NotFound("record.not_found")
    if newest.definition_version == version.definition or version.type < 256:
        return newest
    return engine.definition_at(tx, version.type, version.definition)


@attrs.frozen
class Plan:
    """What one view of one definition releases; compiled once, since every read needs it.

    Attributes:
        type: the definition.
        view: how the actor sees it.
        keys: keys of the fields to release.
        groups: the seal groups they lie in.
        numbers: their permanent numbers.
        order: the same keys in the order of the form.
        sets: the field set as the log writes it down.
        sets_text: the same in JCS.
        masks: for each masked field what makes its mask, and its style; no maker where the kind is gone.
    """

    type: RecordType
    view: View
    keys: frozenset[str]
    groups: frozenset[int]
    numbers: frozenset[int]
    order: tuple[str, ...]
    sets: list[object]
    sets_text: bytes
    masks: Mapping[str, tuple[FieldKind | None, str]]


def plan_of(engine: Engine, acting: Acting, record_type: RecordType, fields: Sequence[str] | None) -> Plan:
    """How this actor sees these fields of a definition.

    Raises:
        NotFound: ``schema.unknown_field`` for a field that is not there or may not be read: both answer alike.
    """
    name = (
        record_type.number,
        record_type.definition_version,
        acting.actor.roles,
        None if fields is None else tuple(fields),
    )
    found: Plan | None = engine.plans.get(name)
    if found is None or found.type is not record_type:
        view = engine.policy.view(acting.actor, record_type)
        keys = _wanted_keys(record_type, view, fields)
        wanted = [field for field in record_type.fields if field.key in keys]
        sets: list[object] = [field_set(record_type, view, keys)]
        found = Plan(
            record_type,
            view,
            keys,
            frozenset(field.seal_group for field in wanted),
            frozenset(field.number for field in wanted),
            tuple(field.key for field in wanted),
            sets,
            canonical(sets),
            {
                field.key: (engine.kinds.get(field.kind), field.mask)
                for field in wanted
                if field.key in view.masked
            },
        )
        if len(engine.plans) > 1000:
            engine.plans.clear()
        engine.plans[name] = found
    return found


def _wanted_keys(record_type: RecordType, view: View, fields: Sequence[str] | None) -> frozenset[str]:
    if fields is None:
        return view.readable
    keys = set()
    for name in fields:
        field = record_type.field(name)
        if field is None or field.key not in view.readable:
            raise NotFound("schema.unknown_field", where=record_type.key, name=name)
        keys.add(field.key)
    return frozenset(keys)


def load(
    engine: Engine, tx: Transaction, version: Version, record_type: RecordType, groups: frozenset[int]
) -> Loaded:
    """The sealed parts of a version that lie in these groups."""
    live, wanted, closed = _wanted_groups(engine, tx, version, groups)
    parts = tx.parts_of(SHARD, version.record, version.version, wanted)
    return _loaded(version, record_type, parts, live, wanted, closed)


def _wanted_groups(
    engine: Engine, tx: Transaction, version: Version, groups: frozenset[int]
) -> tuple[dict[int, bytes], frozenset[int], frozenset[int]]:
    """The hashes of all live parts, which groups to load of those asked for, and which were disposed of."""
    live, _ = unpack_live(version.parts)
    wanted = groups & live.keys()
    gone = engine.check_live(tx, {version.record, version.subject}) if engine.any_states else None
    if not gone:
        return live, wanted, _NONE
    closed = frozenset(group for group in wanted if (version.record, category_of_group(group)) in gone)
    return live, wanted - closed, closed


def _loaded(
    version: Version,
    record_type: RecordType,
    parts: Sequence[Part],
    live: dict[int, bytes],
    wanted: frozenset[int],
    closed: frozenset[int],
) -> Loaded:
    if len(parts) != len(wanted):
        raise IntegrityError("integrity.part_missing", where=id_text(version.record), version=version.version)
    return Loaded(version, record_type, parts, live, version.operation == _DELETE, closed)


def open_loaded(engine: Engine, loaded: Loaded, numbers: frozenset[int]) -> dict[str, Value]:
    """The values of the fields with these numbers, by key."""
    values: dict[str, Value] = {}
    for part in loaded.parts:
        try:
            values |= engine.sealer.open(
                part, loaded.type, loaded.version.subject, loaded.live[part.grp], numbers
            )
        except KeyStoreError as error:
            if error.code != "key.destroyed":
                raise
            raise NotFound("record.erased", where=id_text(loaded.version.record)) from None
    return values


def release(engine: Engine, loaded: Loaded, plan: Plan) -> Record:
    """Open the wanted fields and show them as the view allows; only after the entry is committed."""
    values = open_loaded(engine, loaded, plan.numbers)
    masked = plan.masks.keys() & values.keys() if plan.masks else ()
    for key in masked:
        kind, style = plan.masks[key]
        # Without its kind nobody knows how much a mask may show.
        values[key] = "•••" if kind is None else kind.mask(values[key], style)
    # Groups are opened one after the other; people expect the order of the form.
    fields = {key: values[key] for key in plan.order if key in values}
    version = loaded.version
    erased: frozenset[str] = frozenset()
    if loaded.gone:
        erased = frozenset(
            field.key
            for group in loaded.gone
            for field in plan.type.by_seal_group.get(group, ())
            if field.key in plan.keys
        )
    return Record(
        id_text(version.record),
        loaded.type.key,
        id_text(version.subject),
        version.version,
        fields,
        frozenset(masked),
        erased,
        _OPERATION_NAMES[version.operation],
        version.recorded_us,
        version.effective_us,
        loaded.deleted,
    )


def disclosure(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    kind: str,
    plan: Plan,
    versions: Sequence[Version],
    *,
    op: bytes | None = None,
    loose: bytes | None = None,
    **members: object,
) -> list[Draft]:
    """The entries that name what will be released: at most a hundred subjects in each, sharing one op.

    ``loose`` is the hash of a sealed reason; the first entry names and binds it.
    """
    op = op or engine.new_id()
    members = {name: value for name, value in members.items() if value is not None}
    drafts = []
    for at in range(0, max(len(versions), 1), MAX_SUBJECTS):
        some = versions[at : at + MAX_SUBJECTS]
        subjects = {version.subject for version in some}
        subjects.discard(engine.archive)
        detail: dict[str, object] | Filled
        if some and not members:
            form = engine.form(acting, kind, plan.type)
            detail = Filled(form, len(some), op.hex().encode("ascii"), plan.sets_text)
        else:
            detail = engine.detail(acting, op, type=plan.type.key, count=len(some), sets=plan.sets, **members)
        drafts.append(
            Draft(
                kind,
                detail,
                [record_line(one.record, one.version, one.version - 1, 0) for one in some],
                [engine.subject_key(tx, subject) for subject in subjects],
            )
        )
        if loose is not None and not at:
            detail = engine.detail(acting, op, type=plan.type.key, count=len(some), sets=plan.sets, **members)
            drafts[0].detail = {**detail, "reason": b2a_base64(loose, newline=False).decode("ascii")}
            drafts[0].binding = binding((), (loose,))
    return drafts


# One record


def get_record(
    engine: Engine,
    acting: Acting,
    record: bytes,
    *,
    fields: Sequence[str] | None = None,
    version: int | None = None,
    as_of_us: int | None = None,
    effective_us: int | None = None,
) -> Record:
    """One record as it stands, stood, or held in the world at a time."""

    def body(tx: Transaction, moment: Moment) -> tuple[Loaded, Plan]:
        chosen = choose_version(tx, record, version=version, as_of_us=as_of_us, effective_us=effective_us)
        record_type = definition_of(engine, tx, chosen)
        if not may_read(engine, acting, "record.read", record_type):
            raise NotFound("record.not_found")
        plan = plan_of(engine, acting, record_type, fields)
        loaded = load(engine, tx, chosen, record_type, plan.groups)
        drafts = disclosure(engine, tx, acting, "record.read", plan, [chosen])
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return loaded, plan

    try:
        return release(engine, *engine.run(body))
    except (AccessDenied, NotFound) as error:
        engine.refused(acting, "record.read", error, record=id_text(record))
        raise


def choose_version(
    tx: Transaction,
    record: bytes,
    *,
    version: int | None = None,
    as_of_us: int | None = None,
    effective_us: int | None = None,
) -> Version:
    """The version that was asked for.

    Of the versions recorded until ``as_of_us`` the one that holds at
    ``effective_us``: the one effective last, and of two effective at the same
    time the one recorded last, which corrects the other.

    Raises:
        NotFound: ``record.not_found`` or ``record.no_version``.
    """
    if as_of_us is None and effective_us is None:
        found = tx.version(SHARD, record, version)
        if found is None:
            raise NotFound("record.not_found")
        return found
    known = [one for one in tx.versions_of(SHARD, record) if as_of_us is None or one.recorded_us <= as_of_us]
    if effective_us is not None:
        known = [one for one in known if one.effective_us <= effective_us]
        known.sort(key=lambda one: (one.effective_us, one.version))
    if not known:
        raise NotFound("record.no_version")
    return known[-1]


# Lists and searches


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
        if plan.keys and record_type.number < 256:
            engine.policy.require(acting.actor, _BUILTIN_READS[record_type.key], record_type.key)
        terms = _compile(engine, record_type, plan.view, asked)
        if terms.lookups:
            require_layout(engine, tx)
        limit = max(1, min(asked.limit, _LARGEST_PAGE))
        hits, after = _hits(engine, tx, acting, asked, plan, terms, limit)
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
        if asked.count and not terms.lookups and all(keys <= terms.clear for keys, _ in terms.matches):
            total = tx.count_current(SHARD, _query(asked, record_type, terms, 1, None))
        return [loaded for loaded, _ in hits], [one for _, one in hits], after, total

    loaded, plans, after, total = engine.run(body)
    return Page([release(engine, one, plan) for one, plan in zip(loaded, plans, strict=True)], after, total)


def _asked_fields(asked: Asked) -> dict[str, object] | None:
    """Which fields were asked by, as names; never what was asked for."""
    target: dict[str, object] = {}
    if asked.where:
        target["where"] = sorted(asked.where)
    if asked.order_by:
        target["order_by"] = asked.order_by
    if asked.deleted:
        target["deleted"] = True
    return target or None


def _compile(engine: Engine, record_type: RecordType, view: View, asked: Asked) -> _Terms:
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
    return _Terms(tuple(equals), tuple(lookups), tuple(matches), clear)


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
) -> tuple[list[tuple[Loaded, Plan]], str | None]:
    """One page of hits, each with the plan of the definition it was written under."""
    after = decode_cursor(engine, asked.after) if asked.after else None
    found: list[tuple[Loaded, Plan]] = []
    last: Current | None = None
    record_type = plan.type
    clear = not terms.lookups and all(keys <= terms.clear for keys, _ in terms.matches)
    # Where the clear table answers, one more than the page tells whether there is another.
    candidates = _candidates(tx, asked, record_type, terms, after, min(limit + 1, _SCAN_PAGE) if clear else _SCAN_PAGE)
    while rows := list(islice(candidates, min(limit + 1 - len(found), _LOADED_AT_ONCE))):
        for row, loaded, own in _load_all(engine, tx, acting, plan, terms, rows):
            if terms.matches:
                values = _compared(engine, terms, loaded, own)
                if not all(matches(values) for _, matches in terms.matches):
                    continue
            if len(found) == limit:
                assert last is not None
                return found, encode_cursor(engine, _sort_value(last, record_type, asked), last.record)
            found.append((loaded, own))
            last = row
    return found, None


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
            by_key = own.type.by_key
            groups |= {by_key[key].seal_group for key in terms.compared if key in by_key}
        try:
            live, wanted, closed = _wanted_groups(engine, tx, version, groups)
        except NotFound:
            continue  # erased between the index and here: as if it had never matched
        found.append((row, version, own, live, wanted, closed))
        places += [(row.record, group, version.version) for group in wanted]
    parts: dict[bytes, list[Part]] = {}
    for part in tx.parts_at(SHARD, places):
        parts.setdefault(part.record, []).append(part)
    for row, version, own, live, wanted, closed in found:
        yield row, _loaded(version, own.type, parts.get(row.record, ()), live, wanted, closed), own


def _compared(engine: Engine, terms: _Terms, loaded: Loaded, own: Plan) -> dict[str, Value]:
    by_key = own.type.by_key
    return open_loaded(engine, loaded, frozenset(by_key[key].number for key in terms.compared if key in by_key))


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
    order = [((_sort_value(row, record_type, asked) or ""), row.record) for row in rows]
    ranked = sorted(zip(order, rows, strict=True), key=lambda pair: _rank(pair[0]), reverse=asked.descending)
    start = None if after is None else _rank((after[0] or "", after[1]))
    for place, row in ranked:
        rank = _rank(place)
        if start is None or (rank < start if asked.descending else rank > start):
            yield row


def _rank(place: tuple[object, bytes]) -> tuple[int, float, str, bytes]:
    """Numbers before texts, as SQLite sorts them."""
    value, record = place
    if isinstance(value, (int, float)):
        return 0, float(value), "", record
    return 1, 0.0, str(value), record
