"""The one read path: policy, one transaction that appends the entry, commit, and only then the values."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from muniment.codec import canonical
from muniment.errors import AccessDenied, IntegrityError, KeyStoreError, NotFound
from muniment.log.binding import OPERATIONS, binding, unpack_live
from muniment.model import Value, id_text
from muniment.policy import View
from muniment.schema import FieldKind, RecordType, category_of_group
from muniment.session.builtins import rules_of
from muniment.session.details import Filled
from muniment.session.engine import SHARD, Acting, Engine, record_line
from muniment.session.gates import require_open
from muniment.session.logbook import MAX_SUBJECTS, Draft, Moment
from muniment.session.views import Record, field_set
from muniment.store import Part, Transaction, Version

__all__ = [
    "Loaded",
    "Plan",
    "choose_version",
    "definition_of",
    "disclosure",
    "get_record",
    "load",
    "loaded_from",
    "may_read",
    "open_loaded",
    "plan_of",
    "release",
    "view_of",
    "wanted_groups",
]

_OPERATION_NAMES: Final = {number: name for name, number in OPERATIONS.items()}
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


def may_read(engine: Engine, acting: Acting, action: str, record_type: RecordType) -> bool:
    """Whether the actor may read records of a type in this way; built-in types ask for their own right."""
    if record_type.number < 256:
        right = rules_of(record_type).read
        if not right or not engine.policy.may(acting.actor, right):
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
        view: how the actor is shown it.
        allowed: how the actor may see it; wider than ``view`` where masks come first.
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
    allowed: View
    keys: frozenset[str]
    groups: frozenset[int]
    numbers: frozenset[int]
    order: tuple[str, ...]
    sets: list[object]
    sets_text: bytes
    masks: Mapping[str, tuple[FieldKind | None, str]]


def view_of(engine: Engine, acting: Acting, record_type: RecordType) -> View:
    """How the actor sees a definition: an old one no wider than the newest, since a class may have risen."""
    view = engine.policy.view(acting.actor, record_type)
    newest = engine.definitions.by_number.get(record_type.number, record_type)
    if newest.definition_version == record_type.definition_version:
        return view
    now = engine.policy.view(acting.actor, newest)
    today = {key: newest.by_number.get(record_type.by_key[key].number) for key in view.readable}
    clear = frozenset(key for key in view.clear if (field := today[key]) is None or field.key in now.clear)
    readable = frozenset(key for key, field in today.items() if field is None or field.key in now.readable)
    return View(clear, readable - clear, view.writable)


def plan_of(engine: Engine, acting: Acting, record_type: RecordType, fields: Sequence[str] | None) -> Plan:
    """How this actor sees these fields of a definition.

    Raises:
        NotFound: ``schema.unknown_field`` for a field that is not there or may not be read: alike.
    """
    newest = engine.definitions.by_number.get(record_type.number, record_type)
    name = (
        record_type.number,
        record_type.definition_version,
        newest.definition_version,
        acting.actor.roles,
        acting.masked,
        None if fields is None else tuple(fields),
    )
    found: Plan | None = engine.plans.get(name)
    if found is None or found.type is not record_type:
        allowed = view_of(engine, acting, record_type)
        view = _behind_masks(record_type, allowed) if acting.masked else allowed
        keys = _wanted_keys(record_type, view, fields)
        wanted = [field for field in record_type.fields if field.key in keys]
        sets: list[object] = [field_set(record_type, view, keys)]
        found = Plan(
            record_type,
            view,
            allowed,
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


def _behind_masks(record_type: RecordType, view: View) -> View:
    """A view in which what is personal stays masked until it is revealed.

    What a record goes by stays as it may be seen, where it is no more than personal: in a
    list of masks alone nobody finds the person that they came for.
    """
    by_key, title = record_type.by_key, frozenset(record_type.title)
    clear = frozenset(
        key
        for key in view.clear
        if by_key[key].in_clear or (key in title and by_key[key].sensitivity == "personal")
    )
    return View(clear, view.readable - clear, view.writable)


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
    live, wanted, closed = wanted_groups(engine, tx, version, groups)
    parts = tx.parts_of(SHARD, version.record, version.version, wanted)
    return loaded_from(version, record_type, parts, live, wanted, closed)


def wanted_groups(
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


def loaded_from(
    version: Version,
    record_type: RecordType,
    parts: Sequence[Part],
    live: dict[int, bytes],
    wanted: frozenset[int],
    closed: frozenset[int],
) -> Loaded:
    """A version with the parts that were found, if all of them were.

    Raises:
        IntegrityError: ``integrity.part_missing``.
    """
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
                engine.subject_keys(tx, subjects),
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
        try:
            chosen = choose_version(tx, record, version=version, as_of_us=as_of_us, effective_us=effective_us)
        except NotFound:
            # That it had no version then is not for those who may not know of it now.
            newest = tx.version(SHARD, record)
            readable = newest is not None and may_read(
                engine, acting, "record.read", definition_of(engine, tx, newest)
            )
            if not readable:
                raise NotFound("record.not_found") from None
            raise
        record_type = definition_of(engine, tx, chosen)
        if not may_read(engine, acting, "record.read", record_type):
            raise NotFound("record.not_found")
        plan = plan_of(engine, acting, record_type, fields)
        require_open(
            engine,
            tx,
            acting,
            "record.read",
            record_type,
            (chosen.subject,),
            moment.time_us,
            fields=plan.keys,
        )
        loaded = load(engine, tx, chosen, record_type, plan.groups)
        drafts = disclosure(engine, tx, acting, "record.read", plan, [chosen])
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return loaded, plan

    try:
        return release(engine, *engine.read(body, acting))
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
    known = tx.versions_of(SHARD, record)
    if not known:
        raise NotFound("record.not_found")
    if as_of_us is not None:
        known = [one for one in known if one.recorded_us <= as_of_us]
    if effective_us is not None:
        known = [one for one in known if one.effective_us <= effective_us]
        known.sort(key=lambda one: (one.effective_us, one.version))
    if not known:
        raise NotFound("record.no_version")
    return known[-1]
