"""What the records go by that other records refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment.schema import Field
from muniment.session.kernel.views import Record
from muniment_web.frame.call import Call

__all__ = ["title_of", "titles_of"]


def title_of(record: Record, title: Sequence[str]) -> str:
    """What one record goes by: the first of its type's title fields that is not empty."""
    for key in title:
        value = record.fields.get(key)
        if value is not None and key not in record.masked:
            return str(value)
    return ""


def titles_of(call: Call, fields: Iterable[Field], records: Iterable[Record]) -> Mapping[str, str]:
    """What the records go by that these fields of these records refer to; each look-up is logged."""
    wanted: dict[str, set[str]] = {}
    listed = list(records)
    for field in fields:
        if field.kind == "reference" and field.target:
            for record in listed:
                value = record.fields.get(field.key)
                if value is not None and field.key not in record.masked:
                    wanted.setdefault(field.target, set()).add(str(value))
    found: dict[str, str] = {}
    for target, ids in wanted.items():
        found |= call.session.titles(target, sorted(ids))
    return found
