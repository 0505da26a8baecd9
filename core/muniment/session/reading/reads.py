"""The one read path: policy, one transaction that appends the entry, commit, and only then the values."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import attrs

from muniment.codec import canonical, decode_values
from muniment.errors import AccessDenied, NotFound
from muniment.log.binding import OPERATIONS, binding
from muniment.model import Value, id_text
from muniment.policy import View
from muniment.schema import Field, RecordType
from muniment.schema.values import HIDDEN, hides_all
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.details import Filled
from muniment.session.kernel.engine import SHARD, Engine, record_line
from muniment.session.kernel.loading import (
    Loaded,
    definition_of,
    load,
    loaded_from,
    open_loaded,
    read_loaded,
    wanted_groups,
)
from muniment.session.kernel.logbook import MAX_SUBJECTS, Draft, Moment
from muniment.session.kernel.standing import ANY, Standing, may_read, pass_gates, stand, view_of
from muniment.session.kernel.views import Record, field_set
from muniment.store import Transaction, Version

__all__ = [
    "Loaded",
    "Plan",
    "choose_version",
    "choose_visible",
    "definition_of",
    "disclosure",
    "get_record",
    "load",
    "loaded_from",
    "may_read",
    "open_loaded",
    "plan_of",
    "release",
    "stand",
    "view_of",
    "wanted_groups",
    "whole_plan",
]

Mask = Callable[[Value], Value]
"""Makes the text that is shown in a value's stead."""

_OPERATION_NAMES: Final = {number: name for name, number in OPERATIONS.items()}


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
        shown: number and key of each field in that order, and what makes its mask, where it is masked.
        sets: the field set as the log writes it down.
        sets_text: the same in JCS.
        masks: keys of the masked ones.
        unseen: numbers of those whose mask shows nothing of the value, which stays sealed.
    """

    type: RecordType
    view: View
    allowed: View
    keys: frozenset[str]
    groups: frozenset[int]
    numbers: frozenset[int]
    order: tuple[str, ...]
    shown: tuple[tuple[int, str, Mask | None], ...]
    sets: list[object]
    sets_text: bytes
    masks: frozenset[str]
    unseen: frozenset[int] = frozenset()


def plan_of(
    engine: Engine,
    acting: Acting,
    record_type: RecordType,
    fields: Sequence[str] | None,
    *,
    standing: Standing = ANY,
    export: bool = False,
    lenient: bool = False,
) -> Plan:
    """How this actor sees these fields of a definition.

    Args:
        engine: the opened archive.
        acting: who, for which purpose.
        record_type: the definition.
        fields: keys of those that are wanted; None for all that may be seen.
        standing: to the record that is to be released; by default to none in particular.
        export: what is released leaves the archive.
        lenient: leave out what may not be read, since it was asked whether any record may show it.

    Raises:
        NotFound: ``schema.unknown_field`` for a field that is not there or may not be read: alike.
    """
    newest = engine.definitions.by_number.get(record_type.number, record_type)
    name = (
        record_type.number,
        record_type.definition_version,
        newest.definition_version,
        acting.actor.roles,
        acting.purpose,
        acting.masked,
        standing.reached,
        standing.glass is not None,
        export,
        lenient,
        None if fields is None else tuple(fields),
    )
    found: Plan | None = engine.plans.get(name)
    if found is None or found.type is not record_type:
        allowed = view_of(engine, acting, record_type, standing)
        view = allowed.for_export() if export else allowed
        if acting.masked:
            view = _behind_masks(record_type, view)
        keys = _wanted_keys(record_type, view, fields, lenient)
        wanted = [field for field in record_type.fields if field.key in keys]
        sets: list[object] = [field_set(record_type, view, keys)]
        masks = keys & view.masked
        unseen = frozenset(field.number for field in wanted if field.key in masks and _unseen(engine, field))
        found = Plan(
            record_type,
            view,
            allowed,
            keys,
            frozenset(field.seal_group for field in wanted),
            frozenset(field.number for field in wanted),
            tuple(field.key for field in wanted),
            tuple(
                (field.number, field.key, _mask_of(engine, field) if field.key in masks else None)
                for field in wanted
            ),
            sets,
            canonical(sets),
            masks,
            unseen,
        )
        if len(engine.plans) > 1000:
            engine.plans.clear()
        engine.plans[name] = found
    return found


def _unseen(engine: Engine, field: Field) -> bool:
    # Without its kind nobody knows how much a mask may show.
    kind = engine.kinds.get(field.kind)
    return kind is None or hides_all(field.mask or kind.mask_style)


def _mask_of(engine: Engine, field: Field) -> Mask:
    kind = engine.kinds.get(field.kind)
    return _hide if kind is None else partial(kind.mask, style=field.mask)


def _hide(value: Value) -> str:
    return HIDDEN


def whole_plan(record_type: RecordType) -> Plan:
    """Everything of a built-in type in clear, for its own module: a right decides, not classes."""
    every = frozenset(record_type.by_key)
    view = View(every, frozenset(), frozenset())
    sets: list[object] = [field_set(record_type, view, every)]
    return Plan(
        record_type,
        view,
        view,
        every,
        frozenset(record_type.by_seal_group),
        frozenset(record_type.by_number),
        tuple(record_type.by_key),
        tuple((field.number, field.key, None) for field in record_type.fields),
        sets,
        canonical(sets),
        frozenset(),
    )


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
    return attrs.evolve(view, clear=clear, masked=view.readable - clear)


def _wanted_keys(
    record_type: RecordType, view: View, fields: Sequence[str] | None, lenient: bool
) -> frozenset[str]:
    if fields is None:
        return view.readable
    keys = set()
    for name in fields:
        field = record_type.field(name)
        if field is not None and field.key in view.readable:
            keys.add(field.key)
        elif not lenient:
            raise NotFound("schema.unknown_field", where=record_type.key, name=name)
    return frozenset(keys)


def release(engine: Engine, loaded: Loaded, plan: Plan) -> Record:
    """Open the wanted fields and show them as the view allows; only after the entry is committed."""
    read = read_loaded(engine, loaded, plan.numbers, plan.unseen)
    values = decode_values(read)
    fields: dict[str, Value] = {}
    # Groups are read one after the other; people expect the order of the form.
    for number, key, mask in plan.shown:
        value = values.get(number)
        if value is not None:
            fields[key] = value if mask is None else mask(value)
        elif number in read:
            fields[key] = HIDDEN
    version = loaded.version
    record = id_text(version.record)
    erased: frozenset[str] = frozenset()
    if loaded.gone:
        erased = frozenset(
            field.key
            for group in loaded.gone
            for field in plan.type.by_seal_group.get(group, ())
            if field.key in plan.keys
        )
    return Record(
        record,
        loaded.type.key,
        record if version.subject == version.record else id_text(version.subject),
        version.version,
        fields,
        plan.masks.intersection(fields),
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
    plans: Sequence[Plan] | None = None,
    standing: Standing = ANY,
    op: bytes | None = None,
    loose: bytes | None = None,
    **members: object,
) -> list[Draft]:
    """The entries that name what will be released: at most a hundred subjects in each, sharing one op.

    ``plans`` are those of each version, where they differ. ``loose`` is the hash of a sealed reason;
    the first entry names and binds it.
    """
    op = op or engine.new_id()
    members = {name: value for name, value in members.items() if value is not None} | standing.members
    drafts = []
    for at in range(0, max(len(versions), 1), MAX_SUBJECTS):
        some = versions[at : at + MAX_SUBJECTS]
        subjects = {version.subject for version in some}
        subjects.discard(engine.archive)
        detail: dict[str, object] | Filled
        sets, places = plan.sets, None
        if plans is not None:
            sets, places = _sets_of(plan, plans[at : at + MAX_SUBJECTS])
        if some and not members and places is None:
            form = engine.form(acting, kind, plan.type)
            detail = Filled(form, len(some), op.hex().encode("ascii"), plan.sets_text)
        else:
            detail = engine.detail(acting, op, type=plan.type.key, count=len(some), sets=sets, **members)
        drafts.append(
            Draft(
                kind,
                detail,
                [
                    record_line(
                        one.record, one.version, one.version - 1, 0 if places is None else places[at_row]
                    )
                    for at_row, one in enumerate(some)
                ],
                engine.subject_keys(tx, subjects),
            )
        )
        if loose is not None and not at:
            detail = engine.detail(acting, op, type=plan.type.key, count=len(some), sets=sets, **members)
            drafts[0].detail = {**detail, "reason": b2a_base64(loose, newline=False).decode("ascii")}
            drafts[0].binding = binding((), (loose,))
    return drafts


def _sets_of(plan: Plan, plans: Sequence[Plan]) -> tuple[list[object], list[int] | None]:
    """The field sets of some records, each once, and which is whose; None where all have the plan's."""
    texts = [one.sets_text for one in plans]
    if all(text == plan.sets_text for text in texts):
        return plan.sets, None
    order = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    first = {one.sets_text: one.sets[0] for one in plans}
    return [first[text] for text in order], [order[text] for text in texts]


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
        chosen = choose_visible(
            engine, tx, acting, record, moment, version=version, as_of_us=as_of_us, effective_us=effective_us
        )
        record_type = definition_of(engine, tx, chosen)
        standing = stand(engine, tx, acting, "record.read", chosen, moment.time_us)
        plan = plan_of(engine, acting, record_type, fields, standing=standing)
        pass_gates(engine, tx, acting, "record.read", chosen, plan.keys, moment.time_us, standing)
        loaded = load(engine, tx, chosen, record_type, plan.groups)
        drafts = disclosure(engine, tx, acting, "record.read", plan, [chosen], standing=standing)
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return loaded, plan

    try:
        return release(engine, *engine.read(body, acting))
    except (AccessDenied, NotFound) as error:
        engine.refused(acting, "record.read", error, record=id_text(record))
        raise


def choose_visible(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    record: bytes,
    moment: Moment,
    *,
    version: int | None = None,
    as_of_us: int | None = None,
    effective_us: int | None = None,
) -> Version:
    """As ``choose_version``, but that a record had no version then is told to its readers alone.

    Raises:
        NotFound: ``record.not_found`` or ``record.no_version``.
    """
    try:
        return choose_version(tx, record, version=version, as_of_us=as_of_us, effective_us=effective_us)
    except NotFound:
        newest = tx.version(SHARD, record)
        if newest is None:
            raise NotFound("record.not_found") from None
        stand(engine, tx, acting, "record.read", newest, moment.time_us)
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
