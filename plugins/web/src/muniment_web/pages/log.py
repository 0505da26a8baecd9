"""The access log: what happened, whether it is intact, and each entry with its proof."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from muniment.cli.entry_words import EntryWords
from muniment.errors import MunimentError, NotFound, UsageError
from muniment.log.kinds import KINDS
from muniment.log.tree import leaf_hash
from muniment.session.oversight.log_queries import LogQuery, SavedQuery
from muniment.session.reading.logs import LogEntry, LogPage
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import (
    AUTHS,
    auth_of,
    caught,
    field_names,
    form_page,
    problem_of,
    purpose_of,
    purposes_of,
    roles_of,
    type_names,
)
from muniment_web.pages.log_asking import asked_in, chips_of, fields_of, generation_in, without
from muniment_web.server.format import short_hash

__all__ = ["newest_generation", "ref_of", "routes", "row_of", "signed_of"]

_ROWS = 100
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
        page("/log", ask, methods=("POST",)),
        page("/log/verify", verify, methods=("POST",)),
        page("/log/badge", badge, quiet=True),
        page("/log/seal", seal, quiet=True),
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
        "auth": auth_of(call, one.detail.get("auth", "")),
        "loose": one.detail.get("auth", "") not in ("password", "passkey"),
        "purpose": purpose_of(call, one.purpose),
        "kind": one.kind,
        "label": label,
        "colour": _COLOURS.get(one.kind, "blue" if one.outcome == "ok" else "red"),
        "outcome": one.outcome,
        "code": one.detail.get("code", ""),
        "type": "" if record_type is None or record_type.built_in else one.type,
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


def show(call: Call) -> Response:
    """The log, newest first, or what a saved query finds."""
    saved = call.query("query")
    if saved:
        one, found = call.session.log_queries.run(saved, after=call.query("after") or None)
        return _answer(call, one.query, found, saved=one)
    return _found(call)


def ask(call: Call) -> Response:
    """Another question to the log; who is asked about stands in no address."""
    act, _, what = call.text("do", "find").partition(":")
    if act == "unsave":
        call.session.log_queries.remove(what)
        return call.go("/log", note=call.say("log.query_removed"))
    if act == "all":
        return call.go("/log")
    if act == "save":
        return _save(call)
    return _found(call, dropped=what if act == "drop" else "", after=what if act == "older" else "")


def _save(call: Call) -> Response:
    """Keep what is asked for under a name."""
    asked, problem = LogQuery(), None
    try:
        asked = asked_in(call)
        audience = "everyone" if call.text("audience") == "everyone" else "person"
        one = call.session.log_queries.save(call.text("name").strip(), asked, audience=audience)
        return call.go(f"/log?query={one.id}", note=call.say("log.query_saved"))
    except MunimentError as error:
        problem = caught(error)
    return _answer(call, asked, LogPage((), 0, False, None, ()), problem=problem)


def _found(call: Call, *, dropped: str = "", after: str = "") -> Response:
    asked = LogQuery()
    try:
        asked = asked_in(call)
        if dropped:
            asked = without(asked, dropped)
        filters = asked.filters(call.web.engine.clock(), limit=_ROWS)
        behind = after or call.query("after") or None
        found = call.session.log_page(filters, after=behind, generation=generation_in(call))
        return _answer(call, asked, found, newest=behind is None)
    except (UsageError, NotFound) as error:
        return _answer(call, asked, LogPage((), 0, False, None, ()), problem=error)


def _answer(
    call: Call,
    asked: LogQuery,
    found: LogPage,
    *,
    saved: SavedQuery | None = None,
    problem: MunimentError | None = None,
    newest: bool = True,
) -> Response:
    session, engine = call.session, call.web.engine
    return form_page(
        call,
        "log.html",
        problem,
        entries=[row_of(call, one) for one in found.entries],
        asked=fields_of(call, asked),
        kinds_asked=asked.kinds,
        kinds={name: (one.zh if call.lang == "zh" else one.en) for name, one in KINDS.items()},
        users=sorted(engine.definitions.users),
        types=type_names(call),
        fields=field_names(call),
        purposes=[(name, purpose_of(call, name)) for name in purposes_of(call)],
        roles=list(zip(engine.policy.roles, roles_of(call, engine.policy.roles), strict=True)),
        auths=[(name, auth_of(call, name)) for name in AUTHS],
        chips=chips_of(call, asked),
        older=found.after,
        generation=str(generation_in(call)),
        generations=found.generations,
        total=found.total,
        more=found.more,
        newest=newest and not call.query("after"),
        signed=signed_of(call),
        notes=call.taken_notes(),
        queries=session.log_queries.list(),
        saved=saved,
        may_save=session.may("view.save"),
        may_share=session.may("view.share"),
        may_verify=session.may("log.verify"),
        may_bundle=session.may("log.export"),
        may_sign=session.may("log.checkpoint"),
    )


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
    return badge(call, starting=True) if call.partial else call.go("/log")


def badge(call: Call, *, starting: bool = False) -> Response:
    """How the log stands, and how far the run is; the rail follows at the beginning and at the end."""
    may_verify = call.session.may("log.verify")
    return call.page("_badge.html", signed=signed_of(call), may_verify=may_verify, starting=starting)


def seal(call: Call) -> Response:
    """The same as the rail tells it, on every page, while a run goes on."""
    return call.page("_seal.html")


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
    reason, problem = "", None
    if call.query("reason"):
        try:
            reason = call.session.reason(index, generation=generation)
        except NotFound as error:
            problem = error
    return call.page(
        "entry.html",
        reason=reason,
        problem=problem_of(call, problem),
        lines=EntryWords(call.web.archive, call.lang, call.core).lines(found),
        key=call.web.archive.verifier_key.text,
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
