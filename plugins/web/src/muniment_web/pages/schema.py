"""Tables and fields: what there is, how it came to be, and what a team adds and changes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.archive.shaping import adding, editing
from muniment.errors import MunimentError, NotFound, UsageError
from muniment.model import CLASSES, id_text
from muniment.schema import INDEX_KINDS, Field, FieldKind, Label, LayoutGroup, RecordType
from muniment.schema.definitions import diff
from muniment.schema.edits import add_field, add_group, change_field, kept_choices, rename_field
from muniment.schema.rules import one_of
from muniment.schema.values import MASKS
from muniment.session.rights.facets import rules_of_type
from muniment_web.frame.call import Call
from muniment_web.frame.named import difference_of
from muniment_web.frame.proposing import Seen, look_or_reshape
from muniment_web.frame.reasons import REASONS
from muniment_web.frame.routing import page
from muniment_web.frame.shapes import (
    NEW_GROUP,
    choice_lines,
    field_of,
    group_of,
    key_from,
    label_of,
    stated,
    takes,
)
from muniment_web.frame.told import form_page, type_names, types_called

__all__ = ["routes"]

# The kinds that a team asks for most, in the order in which it looks for them.
_FIRST: Final = (
    "text", "long text", "choice", "several choices", "checkbox", "date", "datetime", "integer", "decimal",
    "money", "phone", "e-mail", "URL", "identifier", "reference", "file",
)  # fmt: skip


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/schema", tables),
        page("/schema/new", new_table),
        page("/schema/new", add_table, methods=("POST",)),
        page("/schema/{table}", table),
        page("/schema/{table}/compare", compare),
        page("/schema/{table}/add", new_field),
        page("/schema/{table}/add", add_one, methods=("POST",)),
        page("/schema/{table}/fields/{field}", field),
        page("/schema/{table}/fields/{field}", change_one, methods=("POST",)),
    ]


def _type_of(call: Call) -> RecordType:
    return call.session.own_type(call.path["table"])


def tables(call: Call) -> Response:
    """The record types."""
    session = call.session
    return call.page(
        "schema.html",
        types=[(one, session.view(one)) for one in session.types()],
        paths={one.key: _path(call, one) for one in session.types() if isinstance(one.subject, tuple)},
        may=session.may("schema.change"),
        notes=call.taken_notes(),
    )


def _path(call: Call, record_type: RecordType) -> list[str]:
    """The fields on the way from a record to whom it is about, as people call them."""
    types = call.web.engine.definitions.types
    at: RecordType | None = record_type
    labels = []
    for key in record_type.subject:
        field = None if at is None else at.field(key)
        labels.append(key if field is None else field.label.of(call.lang) or key)
        at = None if field is None else types.get(field.target or "")
    return labels


# One table


def table(call: Call) -> Response:
    """A table: its fields, what keeps them how long, what its indexes tell, and every definition it had."""
    session = call.session
    found = _type_of(call)
    view = session.view(found)
    shown = [one for one in found.fields if one.key in view.readable | view.writable]
    return call.page(
        "schema_table.html",
        type=found,
        groups=[(one, [field for field in shown if field.group == one.key]) for one in found.groups],
        kinds=call.web.engine.kinds,
        called=types_called(call),
        kept=_kept(call, found),
        steps=_steps(call, found),
        told=_told(call, found),
        may=session.may("schema.change"),
        notes=call.taken_notes(),
    )


def _kept(call: Call, record_type: RecordType) -> Mapping[str, Sequence[str]]:
    """How long each retention category of a table is kept, in the words of the rules."""
    kept: dict[str, list[str]] = {}
    for rule in rules_of_type(call.web.engine, record_type):
        spans = [
            call.say(key, period=period)
            for key, period in (("schema.at_least", rule.minimum), ("schema.at_most", rule.maximum))
            if period
        ]
        text = f"{rule.id}: {call.say('common.comma').join(spans)}" if spans else rule.id
        kept.setdefault(rule.category, []).append(text)
    return kept


def _steps(call: Call, record_type: RecordType) -> list[dict[str, Any]]:
    """The definitions that a table has had, newest first: who, when, why, what."""
    session = call.session
    record = call.web.engine.definitions.records[record_type.number]
    made: list[dict[str, Any]] = []
    before: RecordType | None = None
    for step in call.plain.history(id_text(record)):
        now = session.definition(record_type.key, step.version)
        made.append(
            {
                "version": step.version,
                "time": call.time(step.recorded_us),
                "actor": step.actor or "?",
                "reason": step.reason or "",
                "entry": step.entry,
                "changes": [difference_of(call, one) for one in diff(before, now)] if before else [],
            }
        )
        before = now
    return made[::-1]


def _told(call: Call, record_type: RecordType) -> tuple[list[tuple[str, str, Sequence[str]]], Sequence[str]]:
    """What the indexes of a table tell whoever copies the database without its keys."""
    from muniment.index import IndexedField, base_kind, plan
    from muniment.session.kernel.tokens import indexes_of

    readable = call.session.view(record_type).readable
    used = {
        key: tuple(one.kind for one in listed)
        for key, listed in indexes_of(call.web.engine, record_type).items()
        if key in readable
    }
    fields = [
        IndexedField(one.key, base_kind(one.kind, one.encoding), used[one.key], distinct=len(one.choices))
        for one in record_type.fields
        if one.key in used
    ]
    if not fields:
        return [], ()
    made = plan(fields, call.web.archive.applied.index_rows)
    named = {one.key: one.label.of(call.lang) or one.key for one in record_type.fields}
    shown = [attrs.evolve(one, field=named[one.field]) for one in made.indexes]
    return [(one.field, one.kind, one.text(call.lang)) for one in shown], made.text(call.lang)


def compare(call: Call) -> Response:
    """What differs between two definitions of a table."""
    session = call.session
    found = _type_of(call)
    newest = found.definition_version
    a, b = (_version(call.query(name), newest) or usual for name, usual in (("a", newest - 1), ("b", newest)))
    if a < 1:
        a = b
    changes = diff(session.definition(found.key, a), session.definition(found.key, b))
    return call.page(
        "schema_compare.html",
        type=found,
        a=a,
        b=b,
        numbers=range(newest, 0, -1),
        changes=[difference_of(call, one) for one in changes],
    )


def _version(text: str, newest: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= newest else 0


# A field of one's own


def _kinds(call: Call) -> list[FieldKind]:
    """Every kind of field, those that are asked for most first."""
    kinds = call.web.engine.kinds
    return [kinds[name] for name in _FIRST] + [kinds[name] for name in sorted(kinds.keys() - set(_FIRST))]


def _kind_of(call: Call, name: str) -> FieldKind:
    found = call.web.engine.kinds.get(name)
    if found is None:
        raise UsageError("usage.kind")
    return found


def _categories(call: Call) -> list[str]:
    """What groups of fields may be kept as."""
    return sorted(name for name in call.web.engine.definitions.registry.categories if name != "archive")


def _form(
    call: Call,
    found: RecordType,
    kind: FieldKind,
    values: Mapping[str, Any],
    *,
    old: Field | None = None,
    seen: Seen | None = None,
    problem: MunimentError | None = None,
) -> Response:
    return form_page(
        call,
        "schema_field.html",
        problem,
        type=found,
        kind=kind,
        takes=takes(kind),
        values=values,
        old=old,
        classes=CLASSES,
        masks=tuple(MASKS),
        indexes=INDEX_KINDS,
        kept=_kept(call, found),
        categories=_categories(call),
        types=type_names(call),
        new_group=NEW_GROUP,
        seen=seen,
        reasons=REASONS,
    )


def new_field(call: Call) -> Response:
    """Which kind a new field is to be, then the form of that kind."""
    call.session.require("schema.change")
    found = _type_of(call)
    name = call.query("kind")
    if name not in call.web.engine.kinds:
        return call.page("schema_kinds.html", type=found, kinds=_kinds(call))
    values = {"class": "personal", "group": found.groups[0].key if found.groups else NEW_GROUP}
    return _form(call, found, _kind_of(call, name), values)


def _typed(call: Call) -> dict[str, Any]:
    """What stands in the form, to be shown again."""
    return {**{name: call.text(name) for name in call.form}, "index": call.texts("index")}


def add_one(call: Call) -> Response:
    """Look what a new field would change, or add it."""
    call.session.require("schema.change")
    found = _type_of(call)
    kind = _kind_of(call, call.text("kind"))

    def edit(record_type: RecordType) -> RecordType:
        group = group_of(call, record_type)
        wider = record_type if group is None else add_group(record_type, group)
        key = call.text("group") if group is None else group.key
        return add_field(wider, field_of(call, record_type, kind, key))

    return look_or_reshape(
        call,
        editing(found.key, edit),
        again=partial(_form, call, found, kind, _typed(call)),
        done=f"/schema/{found.key}",
        note=call.say("schema.field_added"),
    )


# A field that is there


def _field_of(call: Call, found: RecordType) -> Field:
    view = call.session.view(found)
    one = found.field(call.path["field"])
    if one is None or one.key not in view.readable | view.writable:
        raise NotFound("schema.unknown_field", where=found.key, name="?")
    return one


def _values(one: Field) -> dict[str, Any]:
    """A field as its form shows it."""
    return {
        "key": one.key,
        "label_en": one.label.en,
        "label_zh": one.label.zh,
        "help_en": one.help.en,
        "help_zh": one.help.zh,
        "class": one.sensitivity,
        "required": "1" if one.required else "",
        "unique": "1" if one.unique else "",
        "hidden": "1" if one.hidden else "",
        "retired": "1" if one.retired else "",
        "past": "1" if one.past else "",
        "default": one.default or "",
        "choices": choice_lines(one.choices),
        "minimum": one.minimum or "",
        "maximum": one.maximum or "",
        "max_length": str(one.max_length or ""),
        "currency": one.currency,
        "mask": one.mask,
        "index": list(one.index),
        "group": one.group,
    }


def field(call: Call) -> Response:
    """A field, and what may be changed about it."""
    call.session.require("schema.change")
    found = _type_of(call)
    one = _field_of(call, found)
    return _form(call, found, _kind_or_bare(call, one), _values(one), old=one)


def _kind_or_bare(call: Call, one: Field) -> FieldKind:
    """The field's kind; that of plain text where its plugin is gone."""
    kinds = call.web.engine.kinds
    return kinds.get(one.kind) or kinds["text"]


def change_one(call: Call) -> Response:
    """Look what a change of a field would come to, or keep it."""
    call.session.require("schema.change")
    found = _type_of(call)
    one = _field_of(call, found)
    kind = _kind_or_bare(call, one)

    def edit(record_type: RecordType) -> RecordType:
        old = record_type.by_key[one.key]
        wanted = {**stated(call, kind, old), "retired": call.text("retired") == "1"}
        if "choices" in wanted:
            wanted["choices"] = kept_choices(old.choices, wanted["choices"])
        changed = {name: value for name, value in wanted.items() if getattr(old, name) != value}
        made = change_field(record_type, one.key, **changed) if changed else record_type
        key = call.text("key").strip()
        return rename_field(made, one.key, key) if key and key != one.key else made

    return look_or_reshape(
        call,
        editing(found.key, edit),
        again=partial(_form, call, found, kind, _typed(call), old=one),
        done=f"/schema/{found.key}",
        note=call.say("schema.field_changed"),
    )


# A table of one's own


def new_table(call: Call) -> Response:
    """The form of a new table."""
    call.session.require("schema.change")
    return _table_form(call, {"subject": "self", "class": "personal"})


def _table_form(
    call: Call,
    values: Mapping[str, Any],
    *,
    seen: Seen | None = None,
    problem: MunimentError | None = None,
) -> Response:
    own = [one for one in call.session.types() if not one.retired]
    return form_page(
        call,
        "schema_new.html",
        problem,
        values=values,
        subjects=[(one.key, one.label.of(call.lang) or one.key) for one in own],
        categories=_categories(call),
        classes=CLASSES,
        seen=seen,
        reasons=REASONS,
    )


def add_table(call: Call) -> Response:
    """Look what a new table would be, or make it."""
    call.session.require("schema.change")
    made = _table_of(call)
    return look_or_reshape(
        call,
        adding(made),
        again=partial(_table_form, call, _typed(call)),
        done=f"/schema/{made.key}",
        note=call.say("schema.table_added"),
    )


def _table_of(call: Call) -> RecordType:
    """A new table as the form states it: whose records they are, one group, and what a record goes by."""
    types = call.web.engine.definitions.types
    one_of(call.text("class"), CLASSES, "class", "class")
    label = label_of(call, "label")
    key = call.text("key").strip() or key_from(call.text("label_en"), types, "table")
    heading = Label(*(call.web.says[lang]("schema.first_group") for lang in ("en", "zh")))
    group = LayoutGroup("main", heading, call.text("category").strip(), 1)
    name = Field(
        key="name",
        kind="text",
        label=label_of(call, "name"),
        group="main",
        sensitivity=call.text("class"),
        required=True,
        category=group.category,
    )
    fields = [name]
    subject: str | tuple[str, ...] = call.text("subject")
    if subject not in ("self", "none"):
        target = types.get(str(subject))
        if target is None:
            raise UsageError("usage.kind")
        link = Field(
            key=target.key,
            kind="reference",
            label=target.label,
            group="main",
            sensitivity="internal",
            required=True,
            target=target.key,
            category=group.category,
        )
        fields.insert(0, link)
        subject = (target.key,)
    return RecordType(
        key=key,
        label=label,
        help=label_of(call, "help"),
        subject=subject,
        title=("name",),
        groups=(group,),
        fields=tuple(fields),
    )
