"""Clean data: what is missing, stale or malformed, what may be the same, and merging it with a way back."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, UsageError
from muniment.schema import RecordType
from muniment.session.reading.pieces import Piece
from muniment.session.tables.duplicates import Pair
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.titles import title_of, titles_of
from muniment_web.frame.told import caught, form_page, named_places, places_of, problem_of

__all__ = ["routes"]

_FINDINGS = 200


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/quality", quality),
        page("/duplicates", duplicates),
        page("/merge", ask_merge),
        page("/merge", merge, methods=("POST",)),
        page("/merges", merges),
        page("/merges/{id:uuid}/undo", undo, methods=("POST",)),
    ]


def _chosen(call: Call) -> tuple[RecordType, list[RecordType]]:
    session = call.session
    types = [one for one in session.types() if session.may("record.list", one.key) and not one.retired]
    if not types:
        raise UsageError("serve.nothing_chosen")
    asked = call.query("type")
    usual = next((one for one in types if one.subject == "self"), types[0])
    return next((one for one in types if one.key == asked), usual), types


def quality(call: Call) -> Response:
    """What a check of one table finds; records, fields and codes, never a value."""
    record_type, types = _chosen(call)
    found = None
    places: dict[str, Any] = {}
    if call.query("type"):
        found = call.plain.cleaning.quality(record_type.key)
        places = places_of(call, [one.record for one in found.findings[:_FINDINGS]])
    labels = {one.key: one.label.of(call.lang) or one.key for one in record_type.fields}
    return call.page(
        "quality.html",
        type=record_type,
        types=types,
        found=found,
        places=places,
        labels=labels,
        findings=() if found is None else found.findings[:_FINDINGS],
        unused=() if found is None else [one for one in found.fields if one.rate < 100][:20],
        notes=call.taken_notes(),
    )


def duplicates(call: Call) -> Response:
    """Pairs that may be about the same, the most alike first."""
    record_type, types = _chosen(call)
    types = [one for one in types if one.subject == "self"]
    problem: MunimentError | None = None
    rows: list[dict[str, Any]] = []
    pairs: Piece[Pair] = Piece()
    if call.query("type"):
        try:
            pairs = call.plain.cleaning.duplicates(record_type.key, **call.piece)
        except UsageError as error:
            pairs, problem = Piece(), error
        places = named_places(call, [id for one in pairs for id in (one.first, one.second)])
        labels = {one.key: one.label.of(call.lang) or one.key for one in record_type.fields}
        rows = [
            {
                "first": places[one.first],
                "second": places[one.second],
                "score": one.score,
                "fields": [(labels.get(like.field, like.field), like.percent) for like in one.fields],
            }
            for one in pairs
        ]
    return call.page(
        "duplicates.html",
        type=record_type,
        types=types,
        rows=rows,
        asked=bool(call.query("type")),
        more=call.more(pairs),
        may=call.session.may("subject.link"),
        problem=problem_of(call, problem),
        notes=call.taken_notes(),
    )


def ask_merge(call: Call) -> Response:
    """Two records side by side: which one stays, and what it takes over."""
    return _merge(call, call.query("first"), call.query("second"), None)


def _merge(call: Call, first: str, second: str, problem: MunimentError | None) -> Response:
    session = call.session
    session.require("subject.link")
    one, other = session.get(first), session.get(second)
    record_type = session.type(one.type)
    kinds = call.web.engine.kinds
    named = dict(titles_of(call, record_type.fields, [one, other]))

    def shown(record: Any, key: str) -> Markup:
        value = record.fields.get(key)
        field = record_type.by_key[key]
        if value is None:
            return Markup("")
        if key in record.masked:
            return Markup('<span class="mk">{}</span>').format(str(value))
        return markup(value, field, kinds.get(field.kind), call.say, named)

    rows = [
        (field.label.of(call.lang) or field.key, shown(one, field.key), shown(other, field.key))
        for field in record_type.fields
        if field.key in one.fields or field.key in other.fields
    ]
    return form_page(
        call,
        "merge.html",
        problem,
        type=record_type,
        first=one,
        second=other,
        titles=[title_of(record, record_type.title) or record.id[-6:] for record in (one, other)],
        rows=rows,
        reasons=REASONS,
    )


def merge(call: Call) -> Response:
    """Make one of the two; the other leaves the lists and can come back."""
    kept, both = call.text("kept"), {call.text("first"), call.text("second")}
    duplicate = next(iter(both - {kept}), "")
    try:
        if kept not in both or not duplicate:
            raise UsageError("serve.nothing_chosen")
        call.plain.cleaning.links.merge(
            kept, duplicate, reason=reason_of(call), fill=call.text("fill") == "1"
        )
    except MunimentError as error:
        if len(both) != 2 or "" in both:
            raise
        return _merge(call, call.text("first"), call.text("second"), caught(error))
    call.web.totals.clear()
    return call.go("/merges", note=call.say("quality.merged"))


def merges(call: Call) -> Response:
    """The merges that hold, each with its way back."""
    found = call.session.cleaning.links.list(newest=True, **call.piece)
    places = places_of(call, [id for one in found for id in (one.kept, one.duplicate)])
    types = call.web.engine.definitions.types
    return call.page(
        "merges.html",
        rows=[
            {
                "id": one.id,
                "kept": places[one.kept],
                "duplicate": places[one.duplicate],
                "filled": [
                    field.label.of(call.lang) or key if (field := types[one.type].field(key)) else key
                    for key in one.filled
                ],
            }
            for one in found
        ],
        more=call.more(found),
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def undo(call: Call) -> Response:
    """Take a merge apart."""
    call.plain.cleaning.links.undo(str(call.path["id"]), reason=reason_of(call))
    call.web.totals.clear()
    return call.go("/merges", note=call.say("quality.undone"))
