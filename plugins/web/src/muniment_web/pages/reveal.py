"""Lifting masks with a reason: the reason is in the log before the value is on the page."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import NotFound, UsageError
from muniment.schema import Field, RecordType
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup
from muniment_web.frame.named import id_of, of_type, type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.titles import titles_of
from muniment_web.frame.told import number_of, problem_of
from muniment_web.frame.widgets import typed_text, widget

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    path = "/t/{type}/{id:uuid}/reveal"
    return [page(path, ask_reveal), page(path, reveal, methods=("POST",))]


def ask_reveal(call: Call) -> Response:
    """The dialog that says what will be written down."""
    record_type = type_of(call)
    fields = _asked_fields(record_type, call.request.query_params.getlist("field"))
    return call.page(
        "_reveal.html" if call.partial else "reveal.html",
        type=record_type,
        id=id_of(call),
        fields=fields,
        reasons=REASONS,
        where=call.query("where", "form"),
        version=call.query("version"),
        problem=None,
    )


def _asked_fields(record_type: RecordType, names: Sequence[str]) -> list[Field]:
    found = [field for name in dict.fromkeys(names) if (field := record_type.field(name)) is not None]
    if not found:
        raise NotFound("schema.unknown_field", where=record_type.key, name="?")
    return found


def reveal(call: Call) -> Response:
    """Write the reason down, then show the values for a while."""
    record_type, identifier = type_of(call), id_of(call)
    fields = _asked_fields(record_type, call.texts("field"))
    where, version = call.text("where", "form"), call.text("version")
    try:
        record = call.session.reveal(
            identifier,
            [one.key for one in fields],
            reason=reason_of(call),
            version=number_of(version),
        )
    except UsageError as error:
        return call.page(
            "_reveal.html" if call.partial else "reveal.html",
            status=422,
            type=record_type,
            id=identifier,
            fields=fields,
            reasons=REASONS,
            where=where,
            version=version,
            problem=problem_of(call, error),
        )
    of_type(call, record, record_type)
    titles = titles_of(call, fields, [record])
    kinds = call.web.engine.kinds
    view = call.session.view(record_type)
    values = []
    for field in fields:
        value, kind = record.fields.get(field.key), kinds.get(field.kind)
        editable = where == "form" and field.writable and field.key in view.writable
        editable = editable and not version and field.kind != "file" and field.key not in record_type.fixed
        if editable:
            shown = widget(field, kind, typed_text(value, field, kind, call.lang), call.say)
        else:
            shown = markup(value, field, kind, call.say, titles) if value is not None else Markup("")
        values.append((field, shown, editable))
    response = call.page(
        "_revealed.html" if call.partial else "revealed.html",
        type=record_type,
        id=identifier,
        values=values,
        where=where,
        version=version,
    )
    if not call.partial:
        # Without scripts the page leaves by itself.
        response.headers["Refresh"] = (
            f"{call.web.settings.reveal_seconds}; url=/t/{record_type.key}/{identifier}"
        )
    return response
