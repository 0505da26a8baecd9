"""The access log: what happened, whether it is intact, and each entry with its proof."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, UsageError
from muniment.log.kinds import KINDS
from muniment.log.tree import leaf_hash
from muniment.model import id_bytes, micros_of
from muniment.session.reading.generations import ALL
from muniment.session.reading.logs import LogEntry
from muniment.store import LogFilter
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import purpose_of
from muniment_web.server.format import short_hash

__all__ = ["newest_generation", "ref_of", "routes", "row_of", "signed_of"]

_ROWS = 100
_ASKED = ("actor", "since", "until", "outcome", "type", "about", "op", "purpose", "generation")
_COLOURS = {
    "record.read": "grey",
    "record.list": "grey",
    "record.search": "grey",
    "record.scan": "amber",
    "record.reveal": "amber",
    "record.export": "red",
    "record.match": "amber",
    "access.deny": "red",
    "user.sign_fail": "red",
    "user.lock": "red",
    "record.history": "grey",
}


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/log", show),
        page("/log/verify", verify, methods=("POST",)),
        page("/log/badge", badge),
        page("/log/checkpoint", checkpoint, methods=("POST",)),
        page("/log/{place}", entry),
        page("/log/{place}/proof", proof),
    ]


def row_of(call: Call, one: LogEntry) -> dict[str, Any]:
    """An entry as a row of a table."""
    kind = KINDS.get(one.kind)
    label = one.kind if kind is None else (kind.zh if call.lang == "zh" else kind.en)
    sets = one.detail.get("sets", [])
    target = one.detail.get("target", {})
    groups: dict[str, list[str]] = {"clear": [], "masked": [], "written": [], "cleared": []}
    for fields in sets:
        for ways in fields.values():
            for way, keys in ways.items():
                groups.setdefault(way, []).extend(keys)
    record_type = call.web.engine.definitions.types.get(one.type)
    names = {} if record_type is None else {f.key: f.label.of(call.lang) or f.key for f in record_type.fields}
    return {
        "index": one.index,
        "ref": ref_of(one.place),
        "place": str(one.place),
        "newest": one.generation == newest_generation(call),
        "time": call.time(one.time_us, seconds=True),
        "actor": one.actor,
        "auth": one.detail.get("auth", ""),
        "purpose": purpose_of(call, one.purpose),
        "kind": one.kind,
        "label": label,
        "colour": _COLOURS.get(one.kind, "blue" if one.outcome == "ok" else "red"),
        "outcome": one.outcome,
        "code": one.detail.get("code", ""),
        "type": "" if record_type is None or record_type.number < 256 else one.type,
        "type_label": "" if record_type is None else record_type.label.of(call.lang) or one.type,
        "count": one.count,
        "records": [line["id"] for line in one.records[:1]]
        or ([target["record"]] if isinstance(target.get("record"), str) else []),
        "fields": {
            way: [names.get(key, key) for key in dict.fromkeys(keys)] for way, keys in groups.items() if keys
        },
        "has_reason": "reason" in one.detail,
        "hash": short_hash(sha256(one.data).hexdigest()),
    }


def ref_of(place: object) -> str:
    """An entry as the pages name it: ``17`` in the first generation of the log, ``1:17`` in the next."""
    return str(place).removeprefix("0:")


def newest_generation(call: Call) -> int:
    """The generation that is written to; a restore that gave entries up began a new one."""
    head = call.web.engine.store.head(0)
    return 0 if head is None else head.gen


def _asked_place(call: Call) -> tuple[int, int]:
    from muniment.session.reading.generations import parse_place

    generation, index = parse_place(call.path["place"])
    return generation or 0, index


def _filters(call: Call) -> LogFilter:
    kinds = [one for one in call.request.query_params.getlist("kind") if one in KINDS]
    about = call.query("about").strip()
    return LogFilter(
        since_us=_day_us(call, call.query("since")),
        until_us=_day_us(call, call.query("until"), days=1),
        kinds=tuple(kinds),
        actor=call.query("actor").strip() or None,
        outcome=call.query("outcome") or None,
        type=call.query("type") or None,
        op=call.query("op").strip() or None,
        purpose=call.query("purpose").strip() or None,
        about=id_bytes(about) if about else None,
        limit=_ROWS,
    )


def _day_us(call: Call, text: str, *, days: int = 0) -> int | None:
    if not text.strip():
        return None
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=call.web.zone)
    except ValueError:
        raise UsageError("usage.time") from None
    return micros_of(day + timedelta(days=days))


def show(call: Call) -> Response:
    """The log, newest first."""
    problem: MunimentError | None = None
    entries: list[LogEntry] = []
    after: str | None = None
    total, more = 0, False
    generations: tuple[int, ...] = ()
    try:
        asked_of = call.query("generation")
        found = call.session.log_page(
            _filters(call),
            after=call.query("after") or None,
            generation=int(asked_of) if asked_of.isdecimal() and len(asked_of) < 9 else ALL,
        )
        generations = found.generations
        entries, after, total, more = list(found.entries), found.after, found.total, found.more
    except UsageError as error:
        problem = error
    asked = {name: call.query(name) for name in _ASKED}
    kinds = [one for one in call.request.query_params.getlist("kind") if one in KINDS]
    engine = call.web.engine
    values: dict[str, Any] = {
        "entries": [row_of(call, one) for one in entries],
        "asked": asked,
        "kinds_asked": kinds,
        "kinds": {name: (one.zh if call.lang == "zh" else one.en) for name, one in KINDS.items()},
        "users": sorted(engine.definitions.users),
        "types": [one for one in call.session.types()],
        "chips": _chips(call, asked, kinds),
        "older": after,
        "generations": generations,
        "total": total,
        "more": more,
        "newest": call.query("after") == "",
        "signed": signed_of(call),
        "problem": problem,
        "notes": call.taken_notes(),
        "may_verify": call.session.may("log.verify"),
        "may_bundle": call.session.may("log.export"),
        "may_sign": call.session.may("log.checkpoint"),
    }
    return call.page("_entries.html" if call.partial else "log.html", **values)


def _chips(call: Call, asked: dict[str, str], kinds: list[str]) -> list[dict[str, str]]:
    """What narrows the list, each with the address of the list without it."""
    from urllib.parse import urlencode

    pairs = [(name, value) for name, value in asked.items() if value]
    pairs += [("kind", one) for one in kinds]
    made = []
    for place, (name, value) in enumerate(pairs):
        shown = value
        if name == "kind":
            kind = KINDS[value]
            shown = kind.zh if call.lang == "zh" else kind.en
        elif name == "outcome" and value in ("ok", "denied", "failed"):
            shown = call.say(f"log.outcome_{value}")
        elif name == "type":
            found = call.web.engine.definitions.types.get(value)
            shown = value if found is None else found.label.of(call.lang) or value
        rest = urlencode([pair for at, pair in enumerate(pairs) if at != place])
        made.append({"label": call.say(f"log.{name}"), "value": shown, "without": f"/log?{rest}"})
    return made


def signed_of(call: Call) -> dict[str, Any]:
    """How large the log is, and how far it is signed."""
    engine = call.web.engine
    with engine.store.transaction(write=False) as tx:
        head = tx.head(0)
    gen = 0 if head is None else head.gen
    newest = engine.store.last_checkpoint(0, gen)
    return {
        "size": 0 if head is None else head.first_seq + head.n,
        "root": "" if head is None else short_hash(head.root.hex()),
        "checkpoint": 0 if newest is None else newest.size,
    }


def verify(call: Call) -> Response:
    """Begin to verify everything."""
    call.web.verifying.start(call.session)
    return badge(call) if call.partial else call.go("/log")


def badge(call: Call) -> Response:
    """How the log stands, and how far the run is."""
    return call.page("_badge.html", signed=signed_of(call), may_verify=call.session.may("log.verify"))


def checkpoint(call: Call) -> Response:
    """Sign the log as it stands, to be kept elsewhere."""
    signed = call.session.checkpoint()
    return PlainTextResponse(
        signed.note,
        headers={"Content-Disposition": f'attachment; filename="checkpoint-{signed.size}.txt"'},
    )


def entry(call: Call) -> Response:
    """One entry: its bytes, its hashes, its detail, and how to check it."""
    generation, index = _asked_place(call)
    found = call.session.entry(index, generation=generation)
    detail = {name: value for name, value in found.detail.items() if name != "records"}
    return call.page(
        "entry.html",
        row=row_of(call, found),
        op=found.op,
        previous=ref_of(f"{generation}:{index - 1}"),
        next=ref_of(f"{generation}:{index + 1}"),
        data=found.data.decode("ascii"),
        leaf=leaf_hash(found.data).hex(),
        detail=json.dumps(detail, ensure_ascii=False, indent=2, sort_keys=True),
        records=found.records,
        may_prove=call.session.may("log.export"),
    )


def proof(call: Call) -> Response:
    """The proof of one entry as a file that others' tools read."""
    generation, index = _asked_place(call)
    text = call.session.prove(index, generation=generation)
    return PlainTextResponse(
        text, headers={"Content-Disposition": f'attachment; filename="entry-{index}.tlog-proof"'}
    )
