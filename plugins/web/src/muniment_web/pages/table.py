"""The table of one record type: a hundred rows a page, found by what stands in no address."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import attrs
from markupsafe import Markup, escape
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.policy import View
from muniment.schema import Condition, Field, Label, ListView, RecordType
from muniment.schema.listviews import order_text, parse_order
from muniment.session.kernel.views import Page
from muniment.session.reading.lists import Asked
from muniment_web.frame.call import Call
from muniment_web.frame.cells import Column, column_of, rows_of
from muniment_web.frame.named import type_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import number_of, problem_of
from muniment_web.frame.widgets import editor
from muniment_web.pages.filters import asked_for, chips_of, conditions_of, filterable, offered
from muniment_web.pages.tray import held_by
from muniment_web.server.icons import icon
from muniment_web.server.plugged import drawing

__all__ = ["all_found", "routes"]

ROWS: Final = 100
_SIZES: Final = (25, 50, 100, 200, 500)
_WIDTH: Final = re.compile(r"([a-z][a-z0-9_]{0,62}):([1-9][0-9]{1,2})")
_TRAIL: Final = 50
_SORTS: Final = 3
_WAYS: Final = (("", "↑"), ("-", "↓"))
_TOTAL_US: Final = 10_000_000
_MOST_TOTALS: Final = 1_000


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/t/{type}", show),
        page("/t/{type}", change, methods=("POST",)),
    ]


@attrs.frozen
class State:
    """What the table shows; it travels in the form, sealed where it could hold a value.

    Attributes:
        words: looked for.
        filters: field, operator and value of each.
        order: keys of clear fields, with a minus where the largest come first; empty for what the view
            says, or the order of creation.
        columns: keys; empty for the type's own choice.
        after: cursor of this page; empty for the first.
        trail: cursors of the pages before.
        number: of this page, from 1.
        deleted: what was deleted, instead.
        view: name of a saved view; empty for all records.
        group: key of a clear field by which rows stand together.
        rows: how many on a page.
        widths: of columns, in pixels, by key.
        pinned: how many of the first columns stay in view; None for as many as the view says.
    """

    words: str = ""
    filters: tuple[tuple[str, str, str], ...] = ()
    order: str = ""
    columns: tuple[str, ...] = ()
    after: str = ""
    trail: tuple[str, ...] = ()
    number: int = 1
    deleted: bool = False
    view: str = ""
    group: str = ""
    rows: int = ROWS
    widths: tuple[tuple[str, int], ...] = ()
    pinned: int = 0

    def from_start(self, **changes: object) -> State:
        """Another question, on its first page."""
        return attrs.evolve(self, after="", trail=(), number=1, **changes)  # type: ignore[arg-type]


def show(call: Call) -> Response:
    """The first page."""
    view = call.query("view")[:100]
    if not view:
        return _answer(call, State())
    shown = call.session.views.get(type_of(call).key, view).view
    return _answer(call, State(view=view, group=shown.group_by, widths=shown.widths, pinned=shown.pinned))


def change(call: Call) -> Response:
    """Another page, order, filter or search; or something about the view that is shown."""
    state = _state(call)
    act = call.text("do").partition(":")[0]
    if act in ("rename", "lock", "unlock", "unview"):
        return _change_view(call, state, act)
    answer = _act(call, state)
    if act in ("save", "keep"):
        return call.go(f"/t/{type_of(call).key}?view={quote(answer.view)}")
    return _answer(call, answer)


def _change_view(call: Call, state: State, act: str) -> Response:
    """Rename, lock or remove the view that is shown, as far as the person may."""
    key, views = type_of(call).key, call.session.views
    one = views.get(key, state.view)
    held: dict[str, Any] = {"audience": one.audience}
    if one.audience == "role":
        held["roles"] = one.holders
    if act == "unview":
        views.remove(key, one.view.key)
        return call.go(f"/t/{key}", note=call.say("view.removed"))
    name = one.view.key
    if act == "rename":
        name = call.text("rename").strip()[:100]
        views.save(attrs.evolve(one.view, key=name, label=Label("", "")), locked=one.locked, **held)
        if name.casefold() != one.view.key.casefold():
            views.remove(key, one.view.key)
    else:
        views.save(one.view, locked=act == "lock", **held)
    return call.go(f"/t/{key}?view={quote(name)}")


def _state(call: Call) -> State:
    number = call.text("number", "1")
    rows, pinned = call.text("rows"), call.text("pinned")
    widths = [found for one in call.texts("w") if (found := _WIDTH.fullmatch(one))]
    return State(
        call.text("q").strip(),
        tuple(zip(call.texts("ff"), call.texts("fs"), call.texts("fv"), strict=False)),
        call.text("order")[:400],
        tuple(call.texts("c")),
        call.text("after"),
        tuple(call.text("trail").split()),
        int(number) if number.isdecimal() and len(number) < 9 else 1,
        call.text("deleted") == "1",
        call.text("view")[:100],
        call.text("group"),
        int(rows) if rows in map(str, _SIZES) else ROWS,
        tuple((one[1], int(one[2])) for one in widths),
        int(pinned) if pinned in ("1", "2", "3", "4", "5") else 0,
    )


def _act(call: Call, state: State) -> State:
    act, _, what = call.text("do", "find").partition(":")
    if act == "stay":
        return state
    if act == "next" and what:
        trail = (*state.trail, state.after or "-")[-_TRAIL:]
        return attrs.evolve(state, after=what, trail=trail, number=state.number + 1)
    if act == "previous" and state.trail:
        before = state.trail[-1]
        return attrs.evolve(
            state,
            after="" if before == "-" else before,
            trail=state.trail[:-1],
            number=max(1, state.number - 1),
        )
    if act == "sort":
        turned = {what: f"-{what}", f"-{what}": ""}
        return state.from_start(order=turned.get(state.order, what))
    if act == "also":
        return state.from_start(order=_also(call, state, what))
    if act == "arrange":
        return state.from_start(order=",".join(one for one in call.texts("s") if one))
    if act == "drop":
        kept = [one for place, one in enumerate(state.filters) if place != number_of(what)]
        return state.from_start(filters=tuple(kept))
    if act == "deleted":
        return state.from_start(deleted=not state.deleted)
    if act in ("save", "keep"):
        name = call.text("name").strip()[:100] if act == "save" else state.view
        _save_view(call, state, name)
        return state.from_start(view=name, filters=())
    asked = asked_for(call, type_of(call))
    if asked:
        others = tuple(one for one in state.filters if one[0] != asked[0][0])
        return state.from_start(filters=(*others, *asked))
    return state.from_start()


def _also(call: Call, state: State, key: str) -> str:
    """The order with one field more, turned round where it has that already, or without it."""
    order = dict(_arranged(call, state))
    if order.get(key):
        del order[key]
    else:
        order[key] = key in order
    return order_text(order.items())


def _arranged(call: Call, state: State) -> tuple[tuple[str, bool], ...]:
    """Keys of the fields that rows are sorted by, each with whether the last ones come first."""
    if state.order or not state.view:
        return parse_order(state.order)
    saved = call.session.views.get(type_of(call).key, state.view).view
    return attrs.evolve(saved, group_by="").order


def all_found(call: Call, most: int) -> tuple[list[str], bool]:
    """What the form's question finds, on all pages of the table, and whether it finds more than so many."""
    record_type = type_of(call)
    clear = call.session.view(record_type).clear
    columns = [one.key for one in record_type.fields if one.in_clear and one.key in clear]
    state = _state(call).from_start(columns=tuple(columns[:1]), rows=most)
    found = _found(call, record_type, state)
    return [one.id for one in found.records], found.after is not None


def _answer(call: Call, state: State) -> Response:
    record_type = type_of(call)
    problem: MunimentError | None = None
    try:
        found = _found(call, record_type, state)
    except MunimentError as error:
        if error.code in ("access.changed", "access.unknown_actor", "access.disabled", "access.action"):
            raise
        problem, found = error, Page(())
    values = _shown(call, record_type, state, found)
    if call.partial:
        return call.page("_grid.html", problem=problem_of(call, problem), **values)
    return call.page("table.html", problem=problem_of(call, problem), notes=call.taken_notes(), **values)


def _found(call: Call, record_type: RecordType, state: State) -> Page:
    session = call.session
    fields = [one.key for one in _columns(call, record_type, state)]
    title = [key for key in record_type.title if key not in fields]
    readable = session.view(record_type).readable
    wanted = [*fields, *(key for key in title if key in readable)]
    where, compared = conditions_of(call, record_type, state.filters)
    if state.view:
        return _found_by_view(call, record_type, state, wanted, where, compared)
    asked = Asked(
        record_type.key,
        where,
        words=state.words,
        fields=wanted,
        filters=compared,
        limit=state.rows,
        after=state.after or None,
    )
    if state.words:
        return session.listed(attrs.evolve(asked, kind="record.search", action="record.search"))
    asking = (call.signed.id, record_type.key, state.filters, state.deleted)
    total = _known_total(call, asking)
    shown = ListView(key="", type=record_type.key, group_by=state.group, sort=state.order)
    found = session.listed(
        attrs.evolve(
            asked,
            order_by=order_text(shown.order),
            deleted=state.deleted,
            count=total is None,
        )
    )
    if total is None:
        total = found.total
        if total is not None:
            if len(call.web.totals) > _MOST_TOTALS:
                call.web.totals.clear()
            call.web.totals[asking] = (total, call.web.engine.clock())
    return attrs.evolve(found, total=total)


def _found_by_view(
    call: Call,
    record_type: RecordType,
    state: State,
    wanted: list[str],
    where: dict[str, object],
    compared: Sequence[Condition],
) -> Page:
    session = call.session
    saved = session.views.get(record_type.key, state.view)
    shown = attrs.evolve(
        saved.view,
        group_by=state.group,
        sort=state.order or saved.view.sort,
        descending=saved.view.descending and not state.order,
    )
    asked = session.views.asked(
        record_type.key,
        shown,
        where=where,
        filters=compared,
        words=state.words or None,
        limit=state.rows,
        after=state.after or None,
        deleted=state.deleted or None,
        count=True,
        view=saved.name,
    )
    return session.listed(attrs.evolve(asked, fields=wanted))


def _save_view(call: Call, state: State, name: str) -> None:
    """Keep what the table shows as a view: a new one of the person's own, or the one that is shown."""
    record_type = type_of(call)
    held = None if not state.view else call.session.views.get(record_type.key, state.view)
    base = None if held is None else held.view
    own = tuple(Condition(*one) for one in state.filters)
    audience: dict[str, Any] = {}
    if held is not None and name == state.view:
        name = held.view.key
        audience["audience"] = held.audience
        if held.audience == "role":
            audience["roles"] = held.holders
    call.session.views.save(
        ListView(
            key=name,
            type=record_type.key,
            label=base.label if base is not None and audience else Label("", ""),
            columns=tuple(one.key for one in _columns(call, record_type, state)),
            filters=(*(base.filters if base else ()), *own),
            sort=state.order or (base.sort if base else ""),
            descending=base is not None and base.descending and not state.order,
            group_by=state.group,
            widths=tuple((key, wide) for key, wide in state.widths if key in record_type.by_key),
            pinned=state.pinned,
        ),
        **audience,
    )


def _known_total(call: Call, asking: tuple[str, str, tuple[object, ...], bool]) -> int | None:
    """How many records there were a moment ago: counting a hundred thousand takes longer than a page."""
    total, when = call.web.totals.get(asking, (0, 0))
    return total if call.web.engine.clock() - when < _TOTAL_US else None


def _columns(call: Call, record_type: RecordType, state: State) -> list[Field]:
    readable = call.session.view(record_type).readable
    usable = [one for one in record_type.fields if one.key in readable and not one.hidden and not one.retired]
    if state.columns:
        by_key = {one.key: one for one in usable}
        return [by_key[key] for key in dict.fromkeys(state.columns) if key in by_key]
    if state.view:
        shown = call.session.views.get(record_type.key, state.view).view
        if shown.columns:
            by_key = {one.key: one for one in usable}
            return [by_key[key] for key in shown.columns if key in by_key]
    chosen = sorted((one for one in usable if one.order), key=lambda one: one.order)
    return chosen or usable[:8]


def _shown(call: Call, record_type: RecordType, state: State, found: Page) -> dict[str, Any]:
    from muniment_web.frame.titles import titles_of

    session, engine = call.session, call.web.engine
    columns = _columns(call, record_type, state)
    view = session.view(record_type)
    titles = titles_of(call, columns, found.records)
    linked = next((one for one in columns if one.key in record_type.title), columns[0] if columns else None)
    context = engine.value_context(lang=call.lang)
    drawn = engine.plugins.columns(record_type.key)
    draws = drawing(call.web.engine, session, drawn) if drawn else {}
    made = [
        column_of(
            one,
            engine.kinds.get(one.kind),
            call.say,
            context,
            revealable=one.key in view.clear,
            titles=titles,
            link=f"/t/{record_type.key}/" if one is linked else "",
            draw=draws.get(one.key),
        )
        for one in columns
    ]
    first = (state.number - 1) * state.rows + 1
    rows = _rows(call, record_type, state, found, made)
    editors = _editors(call, columns, view, record_type)
    call.web.listed[call.signed.id, record_type.key] = tuple(one.id for one in found.records)
    shown = {one.key for one in columns}
    choosable = [
        *columns,
        *(
            one
            for one in record_type.fields
            if one.key in view.readable and not one.retired and one.key not in shown
        ),
    ]
    orders = _arranged(call, state)
    sortable = {
        one.key: one.label.of(call.lang) or one.key
        for one in choosable
        if one.in_clear and one.key in view.clear
    }
    ways = [(f"{down}{key}", f"{label} {arrow}") for key, label in sortable.items() for down, arrow in _WAYS]
    return {
        "type": record_type,
        "state": state,
        "columns": columns,
        "choosable": choosable,
        "filterable": filterable(record_type, view),
        "chips": chips_of(call, record_type, state.filters),
        "chips_of_view": _chips_of_view(call, record_type, state),
        "sizes": _SIZES,
        "widths": dict(state.widths),
        "today": context.today.isoformat(),
        **offered(call, None),
        "sortable": sortable.keys(),
        "ways": [("", ""), *ways],
        "orders": {key: (at, down) for at, (key, down) in enumerate(orders, 1)},
        "order": order_text(orders),
        "sorts": [order_text([one]) for one in orders] + [""] * (_SORTS - len(orders)),
        "sealed": {one.key for one in columns if not one.in_clear},
        "rows": Markup(rows),
        "first": first if found.records else 0,
        "last": first + len(found.records) - 1 if found.records else 0,
        "total": found.total,
        "after": found.after,
        "editors": editors,
        "views": [one for one in session.views.list(record_type.key)],
        "groupable": [
            one for one in record_type.fields if one.key in view.clear and one.in_clear and one.choices
        ],
        "may_save_view": session.may("view.save", record_type.key),
        "own_view": _changeable(call, record_type, state),
        "may_lock": session.may("view.lock", record_type.key),
        "held": held_by(call, record_type),
        "may_create": session.may("record.create", record_type.key),
        "may_follow": bool(session.promises.types(record_type.key)),
        "may_export": session.may("record.export", record_type.key),
        "may_import": session.may("record.import", record_type.key),
    }


def _chips_of_view(call: Call, record_type: RecordType, state: State) -> list[str]:
    """What the saved view leaves out, in words: rows that are not there must not seem never to have been."""
    if not state.view:
        return []
    held = call.session.views.get(record_type.key, state.view).view
    filters = tuple((one.field, one.operator, one.value) for one in held.filters)
    return [one.text for one in chips_of(call, record_type, filters)]


def _rows(call: Call, record_type: RecordType, state: State, found: Page, columns: Sequence[Column]) -> str:
    """The rows, with a heading before each group where they are grouped."""
    made = []
    tick = escape(call.say("table.tick"))
    box = f'<th class="rh" scope="row"><input type="checkbox" tabindex="-1" aria-label="{tick}"></th>'
    group = record_type.field(state.group) if state.group else None
    counts = Counter(one.fields.get(group.key) for one in found.records) if group is not None else Counter()
    last: object = _rows
    for one, cells in zip(found.records, rows_of(columns, found.records), strict=True):
        if group is not None and one.fields.get(group.key) != last:
            last = one.fields.get(group.key)
            label = _value_label(group, str(last), call.lang) if last is not None else "—"
            made.append(_heading(call, label, counts[last], len(columns) + 1))
        made.append(f'<tr data-id="{one.id}" data-v="{one.version}">{box}{cells}</tr>')
    return "".join(made)


def _heading(call: Call, label: str, count: int, width: int) -> str:
    """The heading of a group: how many of its rows are on this page, and a way to fold them."""
    told = escape(call.say("table.in_group", count=f"{count:,}"))
    return (
        f'<tr class="grp"><th colspan="{width}" scope="rowgroup"><button type="button" data-fold '
        f'aria-expanded="true">{icon("down")} {escape(label)}</button> '
        f'<span class="hint">{told}</span></th></tr>'
    )


def _changeable(call: Call, record_type: RecordType, state: State) -> Any:
    """The saved view that is shown, where the person may change it; else None."""
    if not state.view:
        return None
    one = call.session.views.get(record_type.key, state.view)
    may = call.session.may("view.save" if one.audience == "person" else "view.share", record_type.key)
    open_to = not one.locked or call.session.may("view.lock", record_type.key)
    return one if one.id and may and open_to else None


def _editors(
    call: Call, columns: Sequence[Field], view: View, record_type: RecordType
) -> list[tuple[str, Markup, str]]:
    """The inputs with which cells are changed in place: key, markup, and what is particular about it."""
    if not call.session.may("record.update", record_type.key):
        return []
    kinds = call.web.engine.kinds
    found = []
    for one in columns:
        if not one.writable or one.key not in view.writable:
            continue
        mark = "" if one.kind != "file" else " data-dialog"
        if one.kind == "several choices" and not one.choices:
            mark = " data-many"
        if one.key in record_type.fixed:
            mark += " data-first"  # only a new record is asked for it
        # Columns are filled from one another where they are of one kind, with the same to choose from.
        mark += f' data-kind="{one.kind}{f":{one.target or one.key}" if one.target or one.choices else ""}"'
        found.append((one.key, editor(one, kinds.get(one.kind), call.say), mark))
    return found


def _value_label(field: Field, value: str, lang: str) -> str:
    return next((one.label.of(lang) for one in field.choices if one.key == value), "") or value
