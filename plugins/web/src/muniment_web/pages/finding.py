"""One box for all tables: the words are looked for wherever the person may search, as one act."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import UsageError
from muniment.session.reading.finding import Found
from muniment_web.frame.call import Call
from muniment_web.frame.cells import column_of, rows_of
from muniment_web.frame.routing import page
from muniment_web.frame.titles import titles_of
from muniment_web.frame.told import form_page

__all__ = ["may_find", "routes"]

_LONGEST = 200


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/find", ask), page("/find", find, methods=("POST",))]


def may_find(call: Call) -> bool:
    """Whether there is a table that the person may search."""
    types = call.web.engine.definitions.types.values()
    return any(not one.built_in and call.session.may("record.search", one.key) for one in types)


def ask(call: Call) -> Response:
    """The box."""
    return call.page("find.html", words="", found=None, problem=None, notes=call.taken_notes())


def find(call: Call) -> Response:
    """What was found, table by table; the words stand in no address."""
    words = call.text("q").strip()[:_LONGEST]
    found: list[dict[str, Any]] | None = None
    problem: UsageError | None = None
    try:
        found = [_table(call, one) for one in call.session.find(words)]
    except UsageError as error:
        problem = error
    return form_page(
        call,
        "find.html",
        problem,
        words=words,
        found=found,
    )


def _table(call: Call, one: Found) -> dict[str, Any]:
    engine, record_type = call.web.engine, one.type
    fields = [record_type.by_key[key] for key in one.columns]
    titles = titles_of(call, fields, one.page.records)
    context = engine.value_context(lang=call.lang)
    columns = [
        column_of(
            field,
            engine.kinds.get(field.kind),
            call.say,
            context,
            revealable=False,
            titles=titles,
            link=f"/t/{record_type.key}/" if at == 0 else "",
        )
        for at, field in enumerate(fields)
    ]
    return {
        "key": record_type.key,
        "label": record_type.label.of(call.lang) or record_type.key,
        "columns": [field.label.of(call.lang) or field.key for field in fields],
        "rows": [Markup(row) for row in rows_of(columns, one.page.records)],
        "more": one.page.after is not None,
    }
