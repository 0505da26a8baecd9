"""How a record came to be as it is: its versions, who saw it, and two versions side by side."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import UsageError
from muniment.schema import Field
from muniment.session.kernel.views import Record
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup
from muniment_web.frame.named import change_shown, id_of, of_type, type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.titles import title_of, titles_changed, titles_of
from muniment_web.frame.told import number_of
from muniment_web.server.format import short_hash

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    base = "/t/{type}/{id:uuid}"
    return [
        page(f"{base}/history", history),
        page(f"{base}/accesses", accesses),
        page(f"{base}/compare", compare),
        page(f"{base}/revert", revert, methods=("POST",)),
    ]


def history(call: Call) -> Response:
    """Every version with what changed, newest first."""
    record_type = type_of(call)
    found = call.session.history(id_of(call))
    titles = titles_changed(call, record_type, [one for step in found for one in step.changes])
    steps = [
        {
            "version": step.version,
            "operation_key": step.operation,
            "operation": call.say(f"record.op_{step.operation}"),
            "actor": step.actor or "—",
            "time": call.time(step.recorded_us, seconds=True),
            "effective": call.time(step.effective_us) if step.effective_us != step.recorded_us else "",
            "reason": step.reason or "",
            "entry": step.entry,
            "hash": short_hash(step.hash),
            "erased": step.erased,
            "changes": [change_shown(call, record_type, one, titles) for one in step.changes],
        }
        for step in reversed(found)
    ]
    template = "_history.html" if call.partial else "history.html"
    return call.page(
        template,
        type=record_type,
        id=id_of(call),
        steps=steps,
        newest=steps[0]["version"] if steps else 0,
        reasons=REASONS,
        may_log=call.session.may("log.read"),
        may_update=call.session.may("record.update", record_type.key),
    )


def revert(call: Call) -> Response:
    """Write what stood in an older version as a new one, as far as the person may read and write it."""
    record_type, identifier = type_of(call), id_of(call)
    reason = reason_of(call)
    if not reason:
        raise UsageError("usage.no_reason")
    version, newest = call.text("version"), call.text("expected")
    if not (version.isdecimal() and newest.isdecimal() and len(version) < 9 and len(newest) < 9):
        raise UsageError("serve.request")
    view = call.session.view(record_type)
    # Nothing of it is shown: it goes from one version into the next, and that it was read is written down.
    held = of_type(call, call.plain.get(identifier, version=int(version)), record_type)
    values = {
        one.key: held.fields.get(one.key)
        for one in record_type.fields
        if one.writable
        and one.kind != "file"
        and one.key in view.writable & view.clear
        and one.key not in record_type.fixed
        and one.key not in held.masked
        and one.key not in held.erased
    }
    saved = call.session.update(
        identifier,
        values,
        expected_version=int(newest),
        reason=call.say("record.was_set_back", version=int(version), reason=reason),
    )
    said = "record.saved" if saved.written else "record.same"
    return call.go(f"/t/{record_type.key}/{identifier}", note=call.say(said, version=saved.version))


def accesses(call: Call) -> Response:
    """Everybody who saw, changed or was refused this record."""
    from muniment_web.pages.log import row_of

    record_type = type_of(call)
    found = call.session.accesses(id_of(call), **call.piece)
    template = "_accesses.html" if call.partial else "accesses.html"
    return call.page(
        template,
        type=record_type,
        id=id_of(call),
        entries=[row_of(call, one) for one in found],
        more=call.more(found),
        may_log=call.session.may("log.read"),
    )


def compare(call: Call) -> Response:
    """Two versions side by side."""
    record_type, identifier = type_of(call), id_of(call)
    first, second = call.query("a"), call.query("b")
    steps = list(call.session.history(identifier))
    numbers = [one.version for one in steps]
    a, b = number_of(first), number_of(second)
    a = a if a in numbers else max(1, numbers[-1] - 1)
    b = b if b in numbers else numbers[-1]
    left, right = call.session.get(identifier, version=a), call.session.get(identifier, version=b)
    kinds = call.web.engine.kinds
    titles = dict(titles_of(call, record_type.fields, [left, right]))
    changed = {one.field for one in call.session.diff(identifier, a, b)}
    rows = []
    for field in record_type.fields:
        if field.key not in left.fields and field.key not in right.fields:
            continue

        def text(record: Record, field: Field = field) -> Markup:
            value = record.fields.get(field.key)
            if value is None:
                return Markup("")
            if field.key in record.masked:
                return Markup('<span class="mk">{}</span>').format(str(value))
            return markup(value, field, kinds.get(field.kind), call.say, titles)

        rows.append(
            {
                "label": field.label.of(call.lang) or field.key,
                "left": text(left),
                "right": text(right),
                "changed": field.key in changed,
            }
        )
    only = call.query("only") == "1"
    return call.page(
        "compare.html",
        type=record_type,
        id=identifier,
        title=title_of(right, record_type.title),
        numbers=numbers,
        a=a,
        b=b,
        only=only,
        rows=[one for one in rows if one["changed"] or not only],
        times={one.version: call.time(one.recorded_us) for one in steps},
    )
