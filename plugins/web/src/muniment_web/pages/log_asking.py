"""What the log is asked for: by a form, by a link without a name of anybody, or by a saved query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from muniment.errors import UsageError
from muniment.log.kinds import KINDS
from muniment.session.oversight.log_queries import LogQuery
from muniment.session.reading.generations import ALL, Asked
from muniment.session.reading.references import resolve_record
from muniment_web.frame.call import Call
from muniment_web.frame.told import auth_of, field_names, purpose_of, roles_of, time_us_of

__all__ = ["FILTERS", "asked_in", "chips_of", "fields_of", "generation_in", "without"]

_PLAIN: Final = ("outcome", "type", "purpose", "op", "field", "sensitivity", "program", "auth")
_NAMING: Final = ("actor", "role")
FILTERS: Final = ("actor", "since", "until", "days", "about", *_PLAIN, "role")
"""The fields of the form beside the kinds."""


def asked_in(call: Call) -> LogQuery:
    """What this request asks for; an address may not say who, so only a form does.

    Raises:
        UsageError: ``usage.time``, ``usage.identifier`` or ``query.value``.
        NotFound: ``record.not_found`` for what names no record.
    """
    sent = call.request.method == "POST"
    given: Callable[[str], str] = call.text if sent else call.query
    kinds = call.texts("kind") if sent else call.request.query_params.getlist("kind")
    about, days = given("about").strip(), given("days").strip()
    if days and not (days.isdecimal() and 0 < int(days[:6]) <= 36_600):
        raise UsageError("query.value", name=call.say("log.days"))
    names = (*_PLAIN, *_NAMING) if sent else _PLAIN
    return LogQuery(
        kinds=tuple(dict.fromkeys(one for one in kinds if one in KINDS)),
        about=resolve_record(call.session, about) if about else "",
        since_us=None if days else time_us_of(call, given("since")),
        until_us=None if days else time_us_of(call, given("until"), end=True),
        days=int(days) if days else None,
        **{name: given(name).strip()[:200] for name in names},
    )


def generation_in(call: Call) -> Asked:
    """The generation of the log that is asked for; all by default."""
    asked = call.text("generation") or call.query("generation")
    if call.text("do") == "drop:generation":
        return ALL
    return int(asked) if asked.isdecimal() and len(asked) < 9 else ALL


def _day(call: Call, micros: int | None, *, end: bool = False) -> str:
    if micros is None:
        return ""
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros - (1 if end else 0))
    return at.astimezone(call.web.engine.zone).date().isoformat()


def fields_of(call: Call, asked: LogQuery) -> dict[str, str]:
    """What stands in the form."""
    return {
        "since": _day(call, asked.since_us),
        "until": _day(call, asked.until_us, end=True),
        "days": "" if asked.days is None else str(asked.days),
        "about": asked.about,
        **{name: getattr(asked, name) for name in (*_PLAIN, *_NAMING)},
    }


def chips_of(call: Call, asked: LogQuery) -> Sequence[dict[str, str]]:
    """What narrows the list, each with the word that takes it away."""
    made = [
        {"drop": f"kind={one}", "label": call.say("log.kind"), "value": _kind(call, one)}
        for one in asked.kinds
    ]
    for name, value in fields_of(call, asked).items():
        if value:
            shown = _shown(call, name, value)
            made.append({"drop": name, "label": call.say(f"log.{name}"), "value": shown})
    generation = generation_in(call)
    if generation != ALL:
        label = call.say("log.generation")
        made.append({"drop": "generation", "label": label, "value": str(generation)})
    return made


def _kind(call: Call, name: str) -> str:
    return KINDS[name].zh if call.lang == "zh" else KINDS[name].en


def _shown(call: Call, name: str, value: str) -> str:
    types = call.web.engine.definitions.types
    if name == "outcome" and value in ("ok", "denied", "failed"):
        return call.say(f"log.outcome_{value}")
    if name == "type" and value in types:
        return types[value].label.of(call.lang) or value
    if name == "purpose":
        return purpose_of(call, value)
    if name == "field":
        return dict(field_names(call)).get(value, value)
    if name == "role":
        return roles_of(call, [value])[0]
    if name == "auth":
        return auth_of(call, value)
    if name == "sensitivity" and value in ("public", "internal", "personal", "sensitive", "restricted"):
        return call.say(f"schema.class_{value}")
    return value


def without(asked: LogQuery, dropped: str) -> LogQuery:
    """The same without one of the conditions."""
    name, _, value = dropped.partition("=")
    if name == "kind":
        return attrs.evolve(asked, kinds=tuple(one for one in asked.kinds if one != value))
    changes: dict[str, Any] = {
        "since": {"since_us": None},
        "until": {"until_us": None},
        "days": {"days": None},
    }.get(name, {name: ""} if name in FILTERS else {})
    return attrs.evolve(asked, **changes)
