"""Filters of a table: for each kind of field what can be asked of it, and how that is said."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import attrs
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import NotFound
from muniment.policy import View
from muniment.schema import WORDED, Condition, Field, RecordType
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.routing import page
from muniment_web.frame.titles import names_of
from muniment_web.frame.widgets import filter_input
from muniment_web.server.texts import Say

__all__ = ["Chip", "asked_for", "chips_of", "conditions_of", "filterable", "operators", "routes"]

_ORDERED: Final = ("integer", "decimal", "money", "date", "datetime")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/t/{type}/filter", offer, methods=("POST",))]


@attrs.frozen
class Chip:
    """One filter as it is shown.

    Attributes:
        field: key of the field.
        operator: between field and value, as a condition has it.
        value: as it travels in the form.
        text: what people read.
    """

    field: str
    operator: str
    value: str
    text: str


def filterable(record_type: RecordType, view: View) -> list[Field]:
    """The fields that a person may ask by."""
    return [
        one
        for one in record_type.fields
        if one.key in view.clear and not one.retired and one.kind != "file" and (one.in_clear or one.index)
    ]


def operators(field: Field) -> tuple[str, ...]:
    """What can be asked of a field, the most likely first; of a sealed one whether it is exactly a value."""
    if not field.in_clear:
        return ("is",)
    if field.kind in _ORDERED:
        return ("range", "is", "empty", "filled")
    if field.kind == "checkbox":
        return ("is",)
    if field.kind in WORDED and not field.choices:
        return ("has", "is", "not", "empty", "filled")
    return ("is", "not", "empty", "filled")


def offer(call: Call) -> Response:
    """What can be asked of the field that was chosen."""
    record_type = type_of(call)
    field = record_type.field(call.text("nf"))
    if field is None or field not in filterable(record_type, call.session.view(record_type)):
        raise NotFound("schema.unknown_field", where=record_type.key, name="?")
    return call.page("_filter.html", type=record_type, **offered(call, field))


def offered(call: Call, field: Field | None) -> dict[str, Any]:
    """The values of the piece that asks for an operator and a value."""
    if field is None:
        return {
            "asked": None,
            "operators": ("is",),
            "input": filter_input(None, None, call.say),
            "second": "",
        }
    kind = call.web.engine.kinds.get(field.kind)
    several = operators(field)
    ranged = "range" in several
    return {
        "asked": field,
        "operators": several,
        "input": filter_input(field, kind, call.say, ranged=ranged),
        "second": filter_input(field, kind, call.say, ranged=True, name="nv2") if ranged else "",
    }


def asked_for(call: Call, record_type: RecordType) -> tuple[tuple[str, str, str], ...]:
    """The conditions that the form adds; none where nothing was filled in."""
    field = record_type.field(call.text("nf"))
    if field is None:
        return ()
    operator = call.text("no", "is")
    values = [one.strip() for one in call.texts("nv") if one.strip()]
    first, second = values[0] if values else "", call.text("nv2").strip()
    if operator == "empty":
        return ((field.key, "=", ""),)
    if operator == "filled":
        return ((field.key, "!=", ""),)
    if operator == "range":
        found = [(field.key, ">=", first)] if first else []
        if second:
            found.append((field.key, *_until(field, second)))
        return tuple(found)
    if not values:
        return ()
    if field.kind == "checkbox":
        # Where nobody said anything, the answer is no.
        return ((field.key, "=" if first == "1" else "!=", "1"),)
    sign = {"not": "!=", "has": "~"}.get(operator, "=")
    return ((field.key, sign, "|".join(values) if field.choices else first),)


def _until(field: Field, text: str) -> tuple[str, str]:
    """The upper end: a whole day belongs to it, as people mean it."""
    if field.kind == "datetime":
        try:
            return "<", (date.fromisoformat(text) + timedelta(days=1)).isoformat()
        except ValueError:
            pass
    return "<=", text


def conditions_of(
    call: Call, record_type: RecordType, filters: tuple[tuple[str, str, str], ...]
) -> tuple[dict[str, object], tuple[Condition, ...]]:
    """Filters as a list takes them: what an index answers, and what is compared."""
    sealed: dict[str, object] = {}
    clear = []
    for key, operator, value in filters:
        field = record_type.field(key)
        if field is not None and not field.in_clear:
            sealed[key] = value
        else:
            clear.append(Condition(key, operator, value))
    where, compared = call.session.views.conditions(record_type, clear)
    return {**where, **sealed}, compared


def chips_of(call: Call, record_type: RecordType, filters: tuple[tuple[str, str, str], ...]) -> list[Chip]:
    """Each filter as people read it."""
    references: dict[str, set[str]] = {}
    for key, _, value in filters:
        field = record_type.field(key)
        if field is not None and field.kind == "reference" and len(value) == 36:
            references.setdefault(field.target, set()).add(value)
    titles: dict[str, str] = {}
    for target, ids in references.items():
        titles |= names_of(call, target, ids)
    return [
        Chip(key, operator, value, _said(call.say, record_type.field(key), key, operator, value, titles))
        for key, operator, value in filters
    ]


def _said(say: Say, field: Field | None, key: str, operator: str, value: str, titles: dict[str, str]) -> str:
    name = key if field is None else field.label.of(say.lang) or key
    if not value:
        return say("filter.said_empty" if operator == "=" else "filter.said_filled", field=name)
    sign = {"=": "=", "!=": "≠", ">=": "≥", "<=": "≤"}.get(operator, operator)
    if operator == "~":
        return say("filter.said_has", field=name, value=value)
    if field is None:
        return f"{name} {sign} {value}"
    if field.kind == "checkbox":
        return f"{name} = {say('common.yes' if operator == '=' else 'common.no')}"
    labels = {one.key: one.label.of(say.lang) or one.key for one in field.choices}
    shown = say("filter.or").join(labels.get(one, titles.get(one, one)) for one in value.split("|"))
    return f"{name} {sign} {shown}"
