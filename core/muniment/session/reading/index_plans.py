"""What the blind indexes of a type tell whoever copies the database without its keys, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muniment.index import IndexedField, base_kind, plan
from muniment.schema import RecordType
from muniment.session.kernel.tokens import indexes_of

if TYPE_CHECKING:
    from muniment.session.ground import Ground

__all__ = ["index_document"]


def index_document(session: Ground, record_type: RecordType, rows: int, *, lang: str) -> dict[str, Any]:
    """The plan of a type's indexes, of those fields alone that the actor may read.

    Args:
        session: whose actor asks.
        record_type: which type.
        rows: for so many records.
        lang: of the texts.
    """
    readable = session.view(record_type).readable
    in_use = {
        (key, one.kind): one.bits
        for key, listed in indexes_of(session.engine, record_type).items()
        for one in listed
    }
    fields = [
        IndexedField(
            field.key,
            base_kind(field.kind, field.encoding),
            tuple(kind for key, kind in in_use if key == field.key),
            distinct=len(field.choices),
        )
        for field in record_type.fields
        if field.key in readable and any(key == field.key for key, _ in in_use)
    ]
    made = plan(fields, rows)
    return {
        "rows": made.rows,
        "indexes": [
            {
                "field": one.field,
                "kind": one.kind,
                "bits": one.bits,
                "bits_in_use": in_use[one.field, one.kind],
                "shared_by": round(one.shared_by, 3),
                "collisions": round(one.collisions, 3),
                "rebuild_at": one.rebuild_at,
                "warnings": list(one.warnings),
                "text": list(one.text(lang)),
            }
            for one in made.indexes
        ],
        "text": list(made.text(lang)),
    }
