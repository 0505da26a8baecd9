"""What was promised to whom and when: by day, done and moved where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.outreach.followups import Due, meant_for
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import Place, caught, form_page, named_places

__all__ = ["routes"]

_CALENDAR: Final = "text/calendar; charset=utf-8"


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/follow-ups", show),
        page("/follow-ups/calendar.ics", calendar),
        page("/follow-ups/{id:uuid}/done", done, methods=("POST",)),
        page("/follow-ups/{id:uuid}/move", move, methods=("POST",)),
    ]


def show(call: Call, problem: MunimentError | None = None) -> Response:
    """What is due, by day: one's own, or everybody's."""
    whose = "all" if call.query("whose") == "all" else "me"
    late_only = call.query("late") == "1"
    found = call.session.follow_ups.list(
        owner="" if whose == "all" else "me", overdue=late_only, **call.piece
    )
    places = named_places(call, {one.customer for one in found if one.customer})
    return form_page(
        call,
        "follow_ups.html",
        problem,
        groups=_by_day(call, found, places),
        count=len(found),
        kinds=len({one.type for one in found}),
        more=call.more(found),
        late=sum(one.overdue for one in found),
        whose=whose,
        late_only=late_only,
        channels=_channels(call),
        tables=[
            (one.key, one.label.of(call.lang) or one.key)
            for one in call.session.types()
            if not one.retired
            and (field := meant_for(one, "due")) is not None
            and not field.computed
            and call.session.may("record.create", one.key)
        ],
        notes=call.taken_notes(),
    )


def _by_day(call: Call, found: Iterable[Due], places: dict[str, Place]) -> list[dict[str, Any]]:
    """What is due under the day that it is due; what should be done by now under one heading."""
    today = call.web.engine.today()
    groups: dict[date | None, dict[str, Any]] = {}
    for one in found:
        day = one.due.date() if isinstance(one.due, datetime) else one.due
        under = None if one.overdue else day
        group = groups.setdefault(
            under, {"label": _day_label(call, under, today), "late": under is None, "rows": []}
        )
        record_type = call.web.engine.definitions.types[one.type]
        at = f"{one.due:%H:%M}" if isinstance(one.due, datetime) else ""
        group["rows"].append(
            {
                "id": one.record,
                "path": f"/t/{one.type}/{one.record}",
                "when": f"{day.isoformat()} {at}".strip() if under is None else at,
                "about": one.about,
                "owner": one.owner,
                "place": places.get(one.customer),
                "table": record_type.label.of(call.lang) or one.type,
                "may": call.session.may("record.update", one.type),
            }
        )
    return list(groups.values())


def _day_label(call: Call, day: date | None, today: date) -> str:
    if day is None:
        return call.say("followups.overdue")
    if day in (today, today + timedelta(days=1)):
        name = call.say("followups.today" if day == today else "followups.tomorrow")
        return f"{name} · {day.isoformat()}"
    return f"{call.say(f'followups.weekday_{day.weekday()}')} · {day.isoformat()}"


def _channels(call: Call) -> list[tuple[str, str]]:
    """How people are talked to, as the table of talks says; empty where there is none that one may write."""
    kept = call.web.engine.definitions.types.get("interaction")
    field = None if kept is None else kept.by_key.get("channel")
    if kept is None or field is None or not call.session.may("record.create", kept.key):
        return []
    return [(one.key, one.label.of(call.lang) or one.key) for one in field.choices if not one.retired]


def done(call: Call) -> Response:
    """Say that something was done: what was said, and when to go on."""
    try:
        call.plain.follow_ups.done(
            str(call.path["id"]),
            note=call.text("note").strip(),
            channel=call.text("channel") or "phone",
            next=call.text("next").strip(),
        )
    except MunimentError as error:
        return show(call, caught(error))
    return _back(call, call.say("followups.done_now"))


def move(call: Call) -> Response:
    """Put something off by some days, or to a day and time."""
    until = call.text("until").strip() or f"+{call.text('by')}"
    try:
        call.plain.follow_ups.snooze(str(call.path["id"]), until)
    except MunimentError as error:
        return show(call, caught(error))
    return _back(call, call.say("followups.moved"))


def _back(call: Call, note: str) -> Response:
    return call.go("/follow-ups?whose=all" if call.text("whose") == "all" else "/follow-ups", note=note)


def calendar(call: Call) -> Response:
    """One's own as a calendar file, in which customers stand by number alone."""
    content = call.plain.follow_ups.calendar(owner="me", lang=call.lang)
    headers = {"Content-Disposition": 'attachment; filename="follow-ups.ics"'}
    return Response(content, media_type=_CALENDAR, headers=headers)
