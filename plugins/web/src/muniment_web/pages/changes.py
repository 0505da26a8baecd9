"""What waits for a second person: shown exactly as it would be written, decided by somebody else."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.approval.showing import STATES, ProposedChange
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import changed_text, form_page, purpose_of

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/changes", show),
        page("/changes/{id}", one),
        page("/changes/{id}", decide, methods=("POST",)),
    ]


def show(call: Call) -> Response:
    """What waits, and what did."""
    state = call.query("state", "open")
    listed = call.session.changes.list(state=state if state in STATES else "open", newest=True, **call.piece)
    return call.page(
        "changes.html",
        changes=[
            {
                "id": found.id,
                "number": found.number,
                "makers": found.makers,
                "what": [changed_text(call, each) for each in list(dict.fromkeys(found.what))[:4]],
                "count": len(found.what),
                "created": call.time(found.created_us),
                "expires": call.time(found.expires_us),
                "given": found.given,
                "needed": sum(need.approvers for need in found.needs),
                "rules": [need.rule for need in found.needs],
                "mine": found.mine,
            }
            for found in listed
        ],
        more=call.more(listed),
        state=state,
        states=STATES,
        notes=call.taken_notes(),
    )


def one(call: Call, problem: MunimentError | None = None) -> Response:
    """One proposal in full: whoever approves has to see what it says, so nothing of it is masked by us."""
    found = call.plain.changes.show(call.path["id"])
    summary = found.summary
    return form_page(
        call,
        "change.html",
        problem,
        found=found,
        summary=summary,
        purpose=purpose_of(call, found.purpose),
        created=call.time(summary.created_us),
        expires=call.time(summary.expires_us),
        approvals=[(given.actor, call.time(given.time_us), given.reason) for given in found.approvals],
        changes=[_change(call, change) for change in found.changes],
        may_approve=call.session.may("change.approve") and not summary.mine and summary.state == "open",
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def _change(call: Call, change: ProposedChange) -> dict[str, Any]:
    record_type = call.web.engine.definitions.types[change.type]
    kinds = call.web.engine.kinds

    def text(key: str, value: Any, masked: bool) -> Markup:
        field = record_type.field(key)
        if value is None:
            return Markup("")
        if masked or field is None:
            return Markup("{}").format(str(value))
        return markup(value, field, kinds.get(field.kind), call.say, {})

    def rows(fields: Any) -> list[dict[str, Any]]:
        found = []
        for field_change in fields:
            field = record_type.field(field_change.field)
            found.append(
                {
                    "label": field_change.field if field is None else field.label.of(call.lang) or field.key,
                    "before": text(field_change.field, field_change.before, field_change.masked),
                    "after": text(field_change.field, field_change.after, field_change.masked),
                }
            )
        return found

    return {
        "operation": call.say(f"record.op_{change.operation}"),
        "type": change.type,
        "type_label": record_type.label.of(call.lang) or change.type,
        "link": f"/t/{change.type}/{change.record}" if change.base and not record_type.built_in else "",
        "base": change.base,
        "fields": rows(change.fields),
        "stale": change.stale,
        "moved": rows(change.moved),
    }


def decide(call: Call) -> Response:
    """Approve exactly what was shown, reject it, take it back, or put it up again."""
    changes, identifier, act = call.plain.changes, call.path["id"], call.text("do")
    reason = reason_of(call)
    try:
        if act == "approve":
            done = changes.approve(identifier, digest=call.text("digest"), reason=reason or None)
        elif act == "reject":
            done = changes.reject(identifier, reason=reason)
        elif act == "renew":
            done = changes.renew(identifier, reason=reason or None)
        else:
            done = changes.withdraw(identifier, reason=reason or None)
    except MunimentError as error:
        if error.code in ("access.changed", "access.unknown_actor", "access.disabled"):
            raise
        return one(call, error)
    note = call.say("changes.now", number=done.number, state=call.say(f"changes.state_{done.state}"))
    return call.go("/changes", note=note)
