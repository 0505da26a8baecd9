"""Definitions of tables: what they were, what changes between two, which indexes tell what, new fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path, Query, Request, Response
from pydantic import Field, StringConstraints

from muniment.errors import NotFound, text_of
from muniment.model import id_text
from muniment.schema import Choice, RecordType, edits
from muniment.schema import Field as SchemaField
from muniment.schema.definitions import Change, diff
from muniment.schema.registry import Applied
from muniment.schema.values import Label as Words
from muniment.session import Session
from muniment.session.reading.index_plans import index_document
from muniment.session.tables.preview import Effect, effects_of
from muniment_web.api import _models as models
from muniment_web.api._calls import area, language_of, may
from muniment_web.api._parts import (
    IfMatch,
    Key,
    Moment,
    Shown,
    Strict,
    Text,
    TypeKey,
    Word,
    check_type,
    put_version,
    require_seen,
    version_of,
)
from muniment_web.api._records import described
from muniment_web.server.web import Web

__all__ = ["TypesChanged", "changed", "router"]

router: Final = area("definitions")
Looking = Annotated[Session, Depends(may("read", "schema.read"))]
Remembering = Annotated[Session, Depends(may("read", "record.history"))]
Changing = Annotated[Session, Depends(may("setup", "schema.change"))]
Number = Annotated[int, Path(alias="version", ge=1, lt=2**31)]
Rows = Annotated[int | None, Query(ge=1, le=10**9)]


class DefinitionChange(Shown):
    """One difference of a definition."""

    code: str
    type: str
    item: str
    text: str


class EffectShown(Shown):
    """What a change of a definition means for the records that are there."""

    code: str = Field(description="missing, refused, kept or raised")
    type: str
    field: str
    count: int = Field(description="how many records are concerned")
    records: int
    text: str


class TypesChanged(Shown):
    """What changed in the record types, or would."""

    changes: list[DefinitionChange]
    types: list[str]
    applied: bool
    effects: list[EffectShown] = Field(default=[], description="told before it is done alone")


def _changes(found: Any, lang: str) -> list[DefinitionChange]:
    some: list[Change] = list(found)
    return [
        DefinitionChange(code=one.code, type=one.type, item=one.item, text=one.text(lang)) for one in some
    ]


def _effect(one: Effect, lang: str) -> EffectShown:
    said, _ = text_of(
        f"choose.effect_{one.code}",
        lang,
        type=one.type,
        field=one.field,
        count=one.count,
        records=one.records,
    )
    return EffectShown(
        code=one.code, type=one.type, field=one.field, count=one.count, records=one.records, text=said
    )


def changed(request: Request, session: Session, made: Applied, *, applied: bool) -> TypesChanged:
    lang = language_of(request)
    effects = () if applied else effects_of(session, made.changed)
    return TypesChanged(
        changes=_changes(made.changes, lang),
        types=[one.key for one in made.changed],
        applied=applied and bool(made.changed),
        effects=[_effect(one, lang) for one in effects],
    )


class DefinitionStep(Shown):
    """A definition that a type had."""

    version: int
    recorded: Moment
    actor: str | None = None
    reason: str | None = None
    entry: int
    changes: list[str]


class DefinitionHistory(Shown):
    """The definitions that a type had, oldest first."""

    versions: list[DefinitionStep]


class DefinitionDifference(Shown):
    """What differs between two definitions."""

    changes: list[DefinitionChange]


class IndexShown(Shown):
    """What one blind index tells whoever copies the database without its keys."""

    field: str
    kind: str
    bits: int
    bits_in_use: int
    shared_by: float
    collisions: float
    rebuild_at: int | None = None
    warnings: list[str]
    text: list[str]


class IndexPlan(Shown):
    """What the blind indexes of a type tell together."""

    rows: int
    indexes: list[IndexShown]
    text: list[str]


class ChoiceGiven(Strict):
    """One of the values that a choice may be."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    en: Word = ""
    zh: Word = ""


class FieldAdd(Strict):
    """A new field."""

    key: Key
    kind: Annotated[str, StringConstraints(max_length=63)] = Field(description="such as text, date, choice")
    sensitivity: Literal["public", "internal", "personal", "sensitive", "restricted"]
    group: Word | None = Field(default=None, description="the layout group; by default the first")
    label_en: Word = ""
    label_zh: Word = ""
    help_en: Text = ""
    help_zh: Text = ""
    choices: list[ChoiceGiven] = Field(default=[], max_length=500)
    index: list[Word] = Field(default=[], max_length=10)
    target: Word = Field(default="", description="the type that a reference points to")
    default: Word | None = None
    mask: Word = ""
    required: bool = False
    unique: bool = False
    dry_run: bool = Field(default=False, description="say what would change, and change nothing")
    reason: Text | None = None


class FieldEdit(Strict):
    """What changes about a field; what is left out stays."""

    key: Key | None = Field(default=None, description="its key from now on; the old one still finds it")
    label_en: Word | None = None
    label_zh: Word | None = None
    help_en: Text | None = None
    help_zh: Text | None = None
    choices: list[ChoiceGiven] | None = Field(
        default=None,
        max_length=500,
        description="those from now on; others stay where records have them",
    )
    required: bool | None = None
    hidden: bool | None = Field(default=None, description="left out of forms and lists")
    retired: bool | None = Field(default=None, description="takes no more values; stored ones stay")
    dry_run: bool = Field(default=False, description="say what would change, and change nothing")
    reason: Text | None = None


@router.get("/types/{type}/versions")
def type_versions(request: Request, session: Remembering, key: TypeKey) -> DefinitionHistory:
    """The definitions that a type had: who changed what, when and why."""
    newest, lang = check_type(session, key), language_of(request)
    made, before = [], None
    for step in session.history(id_text(session.engine.definitions.records[newest.number])):
        now = session.definition(key, step.version)
        made.append(
            DefinitionStep.model_validate(
                {
                    "version": step.version,
                    "recorded": step.recorded_us,
                    "actor": step.actor,
                    "reason": step.reason,
                    "entry": step.entry,
                    "changes": [one.text(lang) for one in diff(before, now)],
                }
            )
        )
        before = now
    return DefinitionHistory(versions=made)


@router.get("/types/{type}/versions/{version}")
def type_version(session: Looking, key: TypeKey, version: Number) -> models.TypeDescription:
    """An earlier definition of a type."""
    check_type(session, key)
    return described(session, session.definition(key, version))


@router.get("/types/{type}/diff")
def type_diff(
    request: Request,
    session: Looking,
    key: TypeKey,
    first: Annotated[int, Query(ge=1, lt=2**31)],
    second: Annotated[int, Query(ge=1, lt=2**31)],
) -> DefinitionDifference:
    """What differs between two definitions of a type."""
    check_type(session, key)
    found = diff(session.definition(key, first), session.definition(key, second))
    return DefinitionDifference(changes=_changes(found, language_of(request)))


@router.get("/types/{type}/indexes")
def type_indexes(
    request: Request,
    session: Looking,
    key: TypeKey,
    rows: Rows = None,
) -> IndexPlan:
    """What the blind indexes of a type tell a stranger, now or with so many records."""
    web: Web = request.app.state.web
    planned_for = rows or web.archive.applied.index_rows
    found = index_document(session, check_type(session, key), planned_for, lang=language_of(request))
    return IndexPlan.model_validate(found)


def _edited(
    request: Request,
    session: Session,
    key: str,
    edit: Callable[[RecordType], RecordType],
    given: FieldAdd | FieldEdit,
    if_match: str | None,
    response: Response,
) -> TypesChanged:
    web: Web = request.app.state.web
    session.require("schema.change")
    record_type = check_type(session, key)
    if isinstance(given, FieldEdit) and not given.dry_run:
        # What is there is replaced: only by whoever saw it.
        version_of(if_match)
    require_seen(if_match, record_type.definition_version)
    made = session.engine.definitions.registry.replace(edit(record_type), kinds=session.engine.kinds)
    if not given.dry_run:
        web.archive.save_types(session, made, reason=given.reason)
    put_version(response, session.type(key).definition_version)
    return changed(request, session, made, applied=not given.dry_run)


def _choices(given: list[ChoiceGiven]) -> tuple[Choice, ...]:
    return tuple(Choice(one.key, _words(one.en, one.zh, one.key)) for one in given)


def _words(en: str, zh: str, otherwise: str = "") -> Words:
    return Words(en or zh or otherwise, zh or en or otherwise)


@router.post("/types/{type}/fields", status_code=200)
def add_field(
    request: Request,
    session: Changing,
    key: TypeKey,
    given: FieldAdd,
    response: Response,
    if_match: IfMatch = None,
) -> TypesChanged:
    """Add a field to a type; If-Match names the definition that was seen."""

    def edit(record_type: RecordType) -> RecordType:
        made = SchemaField(
            key=given.key,
            kind=given.kind,
            label=_words(given.label_en, given.label_zh, given.key),
            help=_words(given.help_en, given.help_zh),
            group=given.group or record_type.groups[0].key,
            sensitivity=given.sensitivity,
            required=given.required,
            unique=given.unique,
            default=given.default,
            index=tuple(given.index),
            mask=given.mask,
            choices=_choices(given.choices),
            target=given.target,
        )
        return edits.add_field(record_type, made)

    return _edited(request, session, key, edit, given, if_match, response)


@router.patch("/types/{type}/fields/{field}")
def change_field(
    request: Request,
    session: Changing,
    key: TypeKey,
    field: Annotated[Key, Path()],
    given: FieldEdit,
    response: Response,
    if_match: IfMatch = None,
) -> TypesChanged:
    """Rename, hide, retire a field, or change what people read; a field is never removed."""

    def edit(record_type: RecordType) -> RecordType:
        old = record_type.by_key.get(field)
        if old is None:
            raise NotFound("schema.unknown_field", where=record_type.key, name="?")
        changes: dict[str, Any] = {
            name: getattr(given, name)
            for name in ("required", "hidden", "retired")
            if getattr(given, name) is not None
        }
        for name, words in (("label", old.label), ("help", old.help)):
            en, zh = getattr(given, f"{name}_en"), getattr(given, f"{name}_zh")
            if en is not None or zh is not None:
                changes[name] = Words(words.en if en is None else en, words.zh if zh is None else zh)
        if given.choices is not None:
            changes["choices"] = _choices(given.choices)
        if changes:
            record_type = edits.change_field(record_type, field, **changes)
        if given.key is not None and given.key != field:
            record_type = edits.rename_field(record_type, field, given.key)
        return record_type

    return _edited(request, session, key, edit, given, if_match, response)
