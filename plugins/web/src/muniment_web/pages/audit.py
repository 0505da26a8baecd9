"""What auditors ask of the past, and the evidence that they take away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, UsageError
from muniment.log.kinds import KINDS
from muniment.model import id_bytes
from muniment.session.oversight.evidence import Scope
from muniment.session.oversight.questions import MOST
from muniment.session.reading.references import resolve_record
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import (
    caught,
    day_of,
    field_names,
    form_page,
    places_of,
    purpose_of,
    roles_of,
    time_us_of,
    type_names,
)
from muniment_web.server.handed import handed

__all__ = ["routes"]

QUESTIONS: Final = ("who", "saw", "did", "disclosures", "stood", "changed", "rules", "could")
_ASKED: Final = ("record", "actor", "type", "field", "least", "since", "until", "day", "before")
_MOST: Final = 300
_STALE_US: Final = 7 * 86_400_000_000


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/audit", ask),
        page("/audit", ask, methods=("POST",)),
        page("/evidence", evidence),
        page("/evidence", bundle, methods=("POST",)),
        page("/evidence/witnesses", ask_witnesses, methods=("POST",)),
        page("/evidence/timestamp", timestamp, methods=("POST",)),
    ]


# Questions


def ask(call: Call) -> Response:
    """One question and its answer; what is asked names people, records and days, never a value."""
    sent = call.request.method == "POST"
    given = call.text if sent else call.query
    question = given("q", "who")
    question = question if question in QUESTIONS else "who"
    asked = {name: given(name).strip()[:200] for name in _ASKED}
    if not sent:
        asked["actor"] = ""  # an address says of nobody that somebody looked into them
    problem: MunimentError | None = None
    answer: Mapping[str, Any] = {}
    call.session.require("log.read")
    if _complete(question, asked):
        try:
            if asked["record"]:
                asked["record"] = resolve_record(call.session, asked["record"])
            if question == "stood":
                return _stood(call, asked)
            answer = _ANSWERS[question](call, asked)
        except MunimentError as error:
            problem = caught(error)
    engine = call.web.engine
    return form_page(
        call,
        "audit.html",
        problem,
        question=question,
        questions=QUESTIONS,
        asked=asked,
        answer=answer,
        users=sorted(engine.definitions.users),
        types=type_names(call),
        fields=field_names(call),
        most=_MOST,
        counted=MOST,
        notes=call.taken_notes(),
    )


def _complete(question: str, asked: Mapping[str, str]) -> bool:
    needs = {
        "who": ("record",),
        "saw": ("field",),
        "did": ("actor",),
        "disclosures": ("record",),
        "stood": ("record", "day"),
        "changed": ("since",),
        "rules": ("day",),
        "could": ("type", "day"),
    }
    return all(asked[name] for name in needs[question])


def _span(call: Call, asked: Mapping[str, str]) -> dict[str, int | None]:
    return {
        "since_us": time_us_of(call, asked["since"]),
        "until_us": time_us_of(call, asked["until"], end=True),
    }


def _kind(call: Call, name: str) -> str:
    kind = KINDS.get(name)
    return name if kind is None else kind.zh if call.lang == "zh" else kind.en


def _type_label(call: Call, key: str) -> str:
    found = call.web.engine.definitions.types.get(key)
    return key if found is None else found.label.of(call.lang) or key


def _names(call: Call) -> dict[str, str]:
    """What fields are called, by key; entries of several types are told together here."""
    return {
        field.key: field.label.of(call.lang) or field.key
        for record_type in call.web.engine.definitions.types.values()
        for field in record_type.fields
    }


def _who(call: Call, asked: Mapping[str, str]) -> Mapping[str, Any]:
    since, until = _span(call, asked).values()
    found = call.session.questions.who(
        id_bytes(asked["record"]), since_us=since, until_us=until, field=asked["field"] or None
    )
    names = _names(call)
    return {
        "whole": found.whole,
        "place": places_of(call, [asked["record"]])[asked["record"]],
        "rows": [
            {
                "actor": one.actor,
                "roles": roles_of(call, one.roles),
                "kind": _kind(call, one.kind),
                "purpose": purpose_of(call, one.purpose),
                "outcome": one.outcome,
                "times": one.times,
                "first": call.time(one.first_us),
                "last": call.time(one.last_us),
                "clear": [names.get(key, key) for key in one.clear],
                "fields": [names.get(key, key) for key in one.fields if key not in one.clear],
                "entries": one.entries[-3:],
            }
            for one in found
        ],
    }


def _saw(call: Call, asked: Mapping[str, str]) -> Mapping[str, Any]:
    least = asked["least"] or "1"
    if not least.isdecimal() or not int(least[:9]) > 0:
        raise UsageError("query.value", name=call.say("audit.least"))
    since, until = _span(call, asked).values()
    found = call.session.questions.saw(
        asked["field"],
        least=int(least[:9]),
        type=asked["type"] or None,
        since_us=since,
        until_us=until,
    )
    return {
        "whole": found.whole,
        "rows": [
            {
                "actor": one.actor,
                "roles": roles_of(call, one.roles),
                "records": one.records,
                "times": one.times,
                "kinds": [_kind(call, kind) for kind in one.kinds],
                "first": call.time(one.first_us),
                "last": call.time(one.last_us),
                "entries": one.entries[-3:],
            }
            for one in found
        ],
    }


def _did(call: Call, asked: Mapping[str, str]) -> Mapping[str, Any]:
    found = call.session.questions.did(asked["actor"], **_span(call, asked))
    return {
        "whole": found.whole,
        "rows": [
            {
                "kind": _kind(call, one.kind),
                "key": one.kind,
                "type": _type_label(call, one.type) if one.type else "",
                "purpose": purpose_of(call, one.purpose),
                "outcome": one.outcome,
                "acts": one.acts,
                "entries": one.entries,
                "records": one.records,
                "first": call.time(one.first_us),
                "last": call.time(one.last_us),
            }
            for one in found
        ],
    }


def _disclosures(call: Call, asked: Mapping[str, str]) -> Mapping[str, Any]:
    found = call.session.questions.disclosures(id_bytes(asked["record"]), **_span(call, asked))
    names = _names(call)
    return {
        "whole": found.whole,
        "place": places_of(call, [asked["record"]])[asked["record"]],
        "rows": [
            {
                "entry": one.entry,
                "time": call.time(one.time_us),
                "kind": _kind(call, one.kind),
                "actor": one.actor,
                "recipient": one.recipient,
                "purpose": purpose_of(call, one.purpose),
                "fields": [names.get(key, key) for key in one.fields],
            }
            for one in found
        ],
    }


def _stood(call: Call, asked: Mapping[str, str]) -> Response:
    """How a record stood on a day: its own page, as of then."""
    day_of(asked["day"])
    place = places_of(call, [asked["record"]])[asked["record"]]
    if not place.path:
        from muniment.errors import NotFound

        raise NotFound("record.not_found")
    return call.go(f"{place.path}?as_of={asked['day']}")


def _changed(call: Call, asked: Mapping[str, str]) -> Mapping[str, Any]:
    found = call.session.questions.changed(**_span(call, asked), type=asked["type"] or None)
    places = places_of(call, [one.record for one in found[:_MOST]])
    return {
        "whole": found.whole,
        "total": len(found),
        "rows": [
            {
                "place": places[one.record],
                "type": _type_label(call, one.type),
                "before": one.before,
                "after": one.after,
                "operations": [_kind(call, f"record.{name}") for name in one.operations],
                "actors": one.actors,
                "last": call.time(one.last_us),
            }
            for one in found[:_MOST]
        ],
    }


def _moment(call: Call, day: str) -> int:
    """The last moment of a day, or now for today."""
    found = time_us_of(call, day, end=True)
    assert found is not None  # the question is complete
    return min(found - 1, call.web.engine.clock())


def _rules(call: Call, asked: Mapping[str, str]) -> Mapping[str, Any]:
    moment = _moment(call, asked["day"])
    found = call.session.questions.rules(moment)
    users = [{**one, "roles": roles_of(call, one["roles"])} for one in found["users"]]
    types = [{**one, "label": _type_label(call, one["key"])} for one in found["types"]]
    return {**found, "users": users, "types": types, "as_of": call.time(moment, seconds=True)}


def _could(call: Call, asked: Mapping[str, str]) -> Mapping[str, Any]:
    """Who could see what on a day; beside another day what was otherwise then."""
    questions, moment = call.session.questions, _moment(call, asked["day"])
    found = questions.could(asked["type"], moment)
    earlier: Mapping[str, Any] | None = None
    before = 0
    if asked["before"]:
        before = _moment(call, asked["before"])
        earlier = questions.could(asked["type"], before)
    record_type = call.session.type(asked["type"])
    users = _beside(call, found["users"], [] if earlier is None else earlier["users"], earlier is not None)
    fields = [one for one in record_type.fields if not one.retired and asked["field"] in ("", one.key)]
    return {
        **found,
        "users": users,
        "as_of": call.time(moment, seconds=True),
        "before": call.time(before, seconds=True) if earlier is not None else "",
        "label": record_type.label.of(call.lang) or record_type.key,
        "fields": [(one.key, one.label.of(call.lang) or one.key, one.sensitivity) for one in fields],
        "differ": any(one["was"][key] != one["is"][key] for one in users for key in [f.key for f in fields])
        if earlier is not None
        else None,
    }


def _beside(
    call: Call, now: Sequence[Mapping[str, Any]], then: Sequence[Mapping[str, Any]], asked: bool
) -> list[dict[str, Any]]:
    """Everybody of either day, with how they see each field: ``clear``, ``mask`` or nothing."""
    held = ({one["login"]: one for one in now}, {one["login"]: one for one in then})
    users = []
    for login in sorted({*held[0], *held[1]}):
        ways = [_ways(one.get(login)) for one in held]
        roles = (held[0].get(login) or held[1][login])["roles"]
        was = ways[1] if asked else ways[0]
        users.append({"login": login, "roles": roles_of(call, roles), "is": ways[0], "was": was})
    return users


def _ways(one: Mapping[str, Any] | None) -> Mapping[str, str]:
    if one is None:
        return defaultdict(str)
    ways = {**dict.fromkeys(one["masked"], "mask"), **dict.fromkeys(one["clear"], "clear")}
    return defaultdict(str, ways)


_ANSWERS: Final[Mapping[str, Callable[[Call, Mapping[str, str]], Mapping[str, Any]]]] = {
    "who": _who,
    "saw": _saw,
    "did": _did,
    "disclosures": _disclosures,
    "changed": _changed,
    "rules": _rules,
    "could": _could,
}


# Evidence


def evidence(call: Call, problem: MunimentError | None = None) -> Response:
    """What to take away, and who vouches for the log from outside."""
    from muniment_web.pages.log import signed_of

    session, engine = call.session, call.web.engine
    session.require("log.read")
    signed = signed_of(call)
    now = engine.clock()
    witnesses = [
        {
            "name": one.name,
            "size": one.size,
            "time": call.time(one.time_us),
            "behind": max(signed["size"] - one.size, 0),
            "fresh": bool(one.time_us) and now - one.time_us < _STALE_US,
        }
        for one in session.witnesses.list()
    ]
    policy = engine.settings.witness
    stamps = []
    if policy.timestamps:
        from muniment.session.witnessing import stamps as kept

        stamps = [
            {"size": one.size, "time": call.time(one.time_us), "authority": one.authority}
            for one in reversed(kept(engine)[-5:])
        ]
    key = call.web.archive.verifier_key.text
    return form_page(
        call,
        "evidence.html",
        problem,
        signed=signed,
        witnesses=witnesses,
        stamps=stamps,
        may_stamp=bool(policy.timestamps) and session.may("log.checkpoint"),
        may_ask=session.may("log.checkpoint"),
        may_bundle=session.may("log.export"),
        key=key,
        program=program_digest(),
        users=sorted(engine.definitions.users),
        notes=call.taken_notes(),
    )


def program_digest() -> str:
    """SHA-256 of the program that every bundle brings along, hex."""
    return sha256(resources.files("muniment_schemas").joinpath("evidence/verify.py").read_bytes()).hexdigest()


def bundle(call: Call) -> Response:
    """A ZIP that verifies offline, without keys; making it is in the log that it proves."""
    try:
        record, op = call.text("record").strip(), call.text("op").strip()
        scope = Scope(
            since_us=time_us_of(call, call.text("since")),
            until_us=time_us_of(call, call.text("until"), end=True),
            subject=id_bytes(record) if record else None,
            actor=call.text("actor").strip() or None,
            op=op or None,
        )
        earlier = call.text("earlier").replace("\r\n", "\n").strip()
        return handed(
            lambda target: call.session.bundle(
                target,
                scope,
                tag_keys=call.text("tag_keys") == "1",
                recipient=call.text("recipient").strip(),
                earlier=[f"{earlier}\n"] if earlier else (),
            ),
            "evidence.zip",
            "application/zip",
        )
    except MunimentError as error:
        return evidence(call, caught(error))


def ask_witnesses(call: Call) -> Response:
    """Have the log witnessed as it stands."""
    asked = call.session.witnesses.ask()
    if not asked:
        return evidence(call, UsageError("witness.unknown"))
    vouched = sum(one.vouched is not None for one in asked)
    return call.go("/evidence", note=call.say("evidence.asked", count=len(asked), vouched=vouched))


def timestamp(call: Call) -> Response:
    """Have an authority say that the log existed now."""
    try:
        made = call.session.witnesses.timestamp()
    except MunimentError as error:
        return evidence(call, caught(error))
    return call.go("/evidence", note=call.say("evidence.stamped", size=f"{made.size:,}"))
