"""What an address names: a table, a record of it."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from muniment.errors import NotFound
from muniment.schema import RecordType
from muniment.session.kernel.views import Record
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup

__all__ = ["change_shown", "id_of", "of_type", "type_of"]


def id_of(call: Call) -> str:
    """The record that the address names."""
    return str(call.path["id"])


def type_of(call: Call) -> RecordType:
    """The record type that the address names.

    Raises:
        NotFound: ``schema.unknown_type``: also for the built-in ones.
    """
    found = call.session.type(call.path["type"])
    if found.number < 256:
        raise NotFound("serve.not_found")
    return found


def of_type(call: Call, record: Record, record_type: RecordType) -> Record:
    """The record, where it is of the type that the address names.

    Raises:
        NotFound: ``record.not_found``.
    """
    if record.type != record_type.key:
        raise NotFound("record.not_found")
    return record


def change_shown(call: Call, record_type: RecordType, one: Any) -> dict[str, Any]:
    """How one field changed, as the pages show it."""
    field = record_type.field(one.field)
    if field is None:
        return {
            "label": one.field,
            "before": one.before or "",
            "after": one.after or "",
            "masked": one.masked,
        }
    kind = call.web.engine.kinds.get(field.kind)

    def text(value: Any) -> Markup:
        if value is None:
            return Markup("")
        if one.masked:
            return Markup("{}").format(str(value))
        return markup(value, field, kind, call.say, {})

    return {
        "label": field.label.of(call.lang) or field.key,
        "before": text(one.before),
        "after": text(one.after),
        "masked": one.masked,
    }
