"""Follow-ups for many rows of a table in one act: asked for, looked at, made, and closed again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import attrs
from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import Invalid, MunimentError, NotFound, UsageError
from muniment.schema import Field, Label, RecordType
from muniment.session.outreach.followups import meant_for
from muniment.session.outreach.promising import EACH, ME, MOST, Look, Promise
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, named_places, sentence_of
from muniment_web.frame.widgets import widget
from muniment_web.pages.table import all_found

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/t/{type}/follow-ups", show),
        page("/t/{type}/follow-ups", act, methods=("POST",)),
    ]


def show(call: Call) -> Response:
    """The form without anybody in it: whom it is about is ticked in the table."""
    _kinds(call)
    return _form(call)


def act(call: Call) -> Response:
    """Ask what is promised, look what would become of it, make it, or close what was made."""
    kept = _kind(call)
    ids = list(dict.fromkeys(call.texts("r")))
    verb = call.text("do")
    try:
        if verb == "all":
            ids, more = all_found(call, MOST)
            if more:
                ids = []
                raise UsageError("followup.too_many", maximum=MOST)
        if len(ids) > MOST:
            ids = []
            raise UsageError("followup.too_many", maximum=MOST)
        if verb == "look":
            return _looked(call, ids, call.plain.promises.look(_promise(call, kept, ids)))
        if verb == "make":
            return _make(call, kept, ids)
        if verb == "close":
            return _close(call, ids)
    except MunimentError as error:
        return _form(call, ids, problem=caught(error))
    return _form(call, ids)


def _kinds(call: Call) -> Sequence[RecordType]:
    """The tables into which follow-ups about records of this one may be put.

    Raises:
        AccessDenied: ``access.action`` for whoever may make no record at all; logged.
        NotFound: ``serve.not_found`` where there is none.
    """
    found = call.session.promises.types(type_of(call).key)
    if not found:
        call.session.require("record.create")
        raise NotFound("serve.not_found")
    return found


def _kind(call: Call) -> RecordType:
    kinds = _kinds(call)
    return next((one for one in kinds if one.key == call.text("kind")), kinds[0])


def _promise(call: Call, kept: RecordType, ids: Sequence[str]) -> Promise:
    field = meant_for(kept, "owner")
    other = "" if field is None else call.text(f"v.{field.key}").strip()
    return Promise(
        ids,
        f"{call.text('due').strip()} {call.text('at').strip()}".strip(),
        call.text("about").strip(),
        other or call.text("who"),
        kept.key,
    )


def _looked(call: Call, ids: Sequence[str], looked: Sequence[Look]) -> Response:
    """The form with what would become of it; what refuses every one of them is told once."""
    first = looked[0].problem
    if first is not None and all(_same(one.problem, first) for one in looked):
        return _form(call, ids, problem=first)
    return _form(call, ids, looked=looked)


def _same(one: MunimentError | None, other: MunimentError) -> bool:
    if isinstance(one, Invalid) and isinstance(other, Invalid):
        return one.issues == other.issues
    return one is not None and one.code == other.code and not isinstance(one, Invalid)


def _make(call: Call, kept: RecordType, ids: Sequence[str]) -> Response:
    reason = reason_of(call)
    if not reason:
        looked = call.plain.promises.look(_promise(call, kept, ids))
        return _form(call, ids, looked=looked, problem=UsageError("usage.no_reason"))
    once = call.text("once")[:100] or None
    saved = call.plain.promises.make(_promise(call, kept, ids), reason=reason, idempotency_key=once)
    return _form(call, made=[one.id for one in saved])


def _close(call: Call, ids: Sequence[str]) -> Response:
    closed = call.plain.promises.close(ids, reason=reason_of(call) or None)
    return call.go(f"/t/{type_of(call).key}", note=call.say("followups.many_closed", count=len(closed)))


def _form(
    call: Call,
    ids: Sequence[str] = (),
    *,
    looked: Sequence[Look] = (),
    made: Sequence[str] = (),
    problem: MunimentError | None = None,
) -> Response:
    record_type, kinds, kept = type_of(call), _kinds(call), _kind(call)
    due, owner = meant_for(kept, "due"), meant_for(kept, "owner")
    owned = meant_for(record_type, "owner")
    each = owned is not None and owned.key in call.session.view(record_type).clear
    places = named_places(call, [one.record for one in looked]) if looked else {}
    rows = [{"one": one, "place": places[one.record], "problem": _problem(call, kept, one)} for one in looked]
    return form_page(
        call,
        "follow_many.html",
        problem,
        type=record_type,
        kinds=[(one.key, one.label.of(call.lang) or one.key) for one in kinds],
        kept=kept,
        ids=ids,
        due=due,
        about=_label(kept.by_key[kept.title[0]], call.lang),
        owner=None if owner is None else _other(call, owner),
        who=call.text("who") or (EACH if each else ME),
        each=each,
        rows=rows,
        going=sum(one.problem is None for one in looked),
        made=made,
        once=secrets.token_hex(16) if looked else "",
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def _label(field: Field, lang: str) -> str:
    return field.label.of(lang) or field.key


def _other(call: Call, owner: Field) -> Markup:
    """Where somebody else is looked for who does it."""
    chosen = call.text(f"v.{owner.key}")
    named = call.session.titles(owner.target, [chosen]).get(chosen, "") if len(chosen) == 36 else ""
    words = call.say("followups.owner_other")
    asked = attrs.evolve(owner, label=Label(words, words), help=Label("", ""))
    return widget(asked, call.web.engine.kinds.get(owner.kind), chosen, call.say, label=named)


def _problem(call: Call, kept: RecordType, one: Look) -> str:
    if not isinstance(one.problem, Invalid):
        return "" if one.problem is None else sentence_of(call, one.problem)
    told = []
    for issue in one.problem.issues:
        field = kept.field(issue.field) if issue.field else None
        text = issue.text(call.lang).removeprefix(f"{issue.field}: ")
        told.append(text if field is None else f"{_label(field, call.lang)}: {text}")
    return " ".join(told)
