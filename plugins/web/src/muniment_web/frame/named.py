"""What an address names: a table, a record of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
from markupsafe import Markup, escape

from muniment.errors import NotFound
from muniment.schema import RecordType
from muniment.schema.definitions import Change
from muniment.session.kernel.views import Record
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup

__all__ = ["change_shown", "difference_of", "id_of", "of_type", "type_of"]


def id_of(call: Call) -> str:
    """The record that the address names."""
    return str(call.path["id"])


def type_of(call: Call) -> RecordType:
    """The record type that the address names.

    Raises:
        NotFound: ``schema.unknown_type``: also for the built-in ones.
    """
    found = call.session.type(call.path["type"])
    if found.built_in:
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


_CODE: Final = ("\ue000", "\ue001")
"""Characters of no alphabet: what stands between them is a key."""


def difference_of(call: Call, one: Change, types: Mapping[str, RecordType] | None = None) -> Markup:
    """How definitions differ, in words: the table by its name, which may be new, what is in it by its key."""
    found = {**call.web.engine.definitions.types, **(types or {})}.get(one.type)
    label = "" if found is None or one.code == "type_added" else found.label.of(call.lang)
    label = label or f"{_CODE[0]}{one.type}{_CODE[1]}"
    item = f"{_CODE[0]}{one.item}{_CODE[1]}" if one.item else ""
    text = escape(attrs.evolve(one, type=label, item=item).text(call.lang))
    return text.replace(_CODE[0], Markup("<code>")).replace(_CODE[1], Markup("</code>"))


def change_shown(
    call: Call, record_type: RecordType, one: Any, titles: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """How one field changed, as the pages show it; titles are what records go by that it refers to."""
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
        return markup(value, field, kind, call.say, dict(titles or {}))

    return {
        "label": field.label.of(call.lang) or field.key,
        "before": text(one.before),
        "after": text(one.after),
        "masked": one.masked,
    }
