"""Record types, and what changes in them, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.schema import Field, RecordType
    from muniment.schema.definitions import Change
    from muniment.session.tables.preview import Effect

__all__ = ["live_fields", "show_fields", "subject_path", "tell_changes", "type_json", "type_summary"]


def live_fields(record_type: RecordType) -> int:
    """How many fields a type has, without those that are retired."""
    return sum(not field.retired for field in record_type.fields)


def subject_path(record_type: RecordType) -> str:
    """Whom its records are about, as a template says it."""
    return record_type.subject if isinstance(record_type.subject, str) else ".".join(record_type.subject)


def type_summary(one: RecordType) -> dict[str, Any]:
    """A type as JSON, without its fields."""
    return {
        "key": one.key,
        "number": one.number,
        "label": {"en": one.label.en, "zh": one.label.zh},
        "subject": subject_path(one),
        "fields": live_fields(one),
        "version": one.definition_version,
        "retired": one.retired,
    }


def type_json(one: RecordType, fields: Sequence[Field] | None = None) -> dict[str, Any]:
    """A type as JSON, with the fields that may be shown."""
    from muniment.schema.definitions import definition_document

    shown = one if fields is None else attrs.evolve(one, fields=tuple(fields))
    return {
        **type_summary(one),
        **definition_document(shown),
        "subject": subject_path(one),
        "version": one.definition_version,
    }


def show_fields(call: Invocation, record_type: RecordType, fields: Sequence[Field]) -> None:
    """Print a type's fields as a table."""
    from muniment.cli.output import clean, heading, put, table

    lang = call.language
    put(heading(f"{record_type.key}  {clean(record_type.label.of(lang))}"))
    header = call.words(
        "cli.label_field",
        "cli.label_label",
        "cli.label_kind",
        "cli.label_class",
        "cli.label_index",
        "cli.label_notes",
    )
    table(
        header,
        [
            [
                field.key,
                field.label.of(lang),
                _kind_words(field, lang),
                field.sensitivity,
                ", ".join(field.index),
                _notes(call, field),
            ]
            for field in fields
        ],
    )


def _kind_words(field: Field, lang: str) -> str:
    from muniment.schema import KINDS

    kind = KINDS.get(field.kind)
    name = field.kind if kind is None else kind.label.of(lang)
    return f"{name} → {field.target}" if field.target else name


def _notes(call: Invocation, field: Field) -> str:
    words = [
        call.say(code)
        for code, stands in (
            ("cli.note_required", field.required),
            ("cli.note_unique", field.unique),
            ("cli.note_computed", field.computed),
            ("cli.note_hidden", field.hidden),
            ("cli.note_retired", field.retired),
        )
        if stands
    ]
    if field.choices:
        words.append(" / ".join(choice.key for choice in field.choices if not choice.retired))
    return ", ".join(words)


def tell_changes(
    call: Invocation,
    changes: Sequence[Change],
    changed: Sequence[str],
    *,
    dry_run: bool,
    effects: Sequence[Effect] = (),
) -> None:
    """Say what changed, or would change, in definitions, and what that does to records."""
    from muniment.cli.output import clean, emit, put, talk

    if call.json:
        emit(
            {
                "changes": [
                    {"code": one.code, "type": one.type, "item": one.item, "text": one.text(call.language)}
                    for one in changes
                ],
                "types": list(changed),
                "applied": not dry_run and bool(changed),
                "effects": [
                    {
                        "code": one.code,
                        "type": one.type,
                        "field": one.field,
                        "count": one.count,
                        "records": one.records,
                    }
                    for one in effects
                ],
            }
        )
        return
    for one in changes:
        put(clean(one.text(call.language)))
    for effect in effects:
        put(
            call.say(
                f"choose.effect_{effect.code}",
                type=effect.type,
                field=effect.field,
                count=effect.count,
                records=effect.records,
            )
        )
    code = (
        "cli.nothing_changes" if not changed else "cli.would_change" if dry_run else "cli.definitions_changed"
    )
    talk(call.say(code, names=", ".join(changed)))
