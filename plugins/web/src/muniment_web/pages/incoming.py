"""What came in by mail or on paper: what it says beside what would be made of it, accepted or refused."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import Invalid, MunimentError, UsageError
from muniment.inbox.messages import LARGEST
from muniment.model import micros_of
from muniment.schema import RecordType
from muniment.session.incoming import Item
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, issue_text, named_places, sent_file
from muniment_web.frame.widgets import given_values, widget
from muniment_web.server.handed import handed

__all__ = ["routes"]

_PERSON: Final = "person."
_OCR: Final = "ocr"


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/incoming", show),
        page("/incoming", bring, methods=("POST",), files=True),
        page("/incoming/{id:uuid}", one),
        page("/incoming/{id:uuid}", decide, methods=("POST",)),
        page("/incoming/{id:uuid}/original", original),
    ]


def show(call: Call, problem: MunimentError | None = None) -> Response:
    """What waits for a person, oldest first; or all that is still here."""
    everything = call.query("state") == "all"
    inbox = call.plain.inbox
    found = inbox.listed(everything=everything, **call.piece)
    places = named_places(call, {id for item in found for id in (*item.proposal.persons, item.made) if id})
    may = call.session.may("inbox.change")
    return form_page(
        call,
        "incoming.html",
        problem,
        rows=[
            {
                "item": item,
                "from": item.proposal.shown.get("from") or item.source,
                "subject": item.proposal.shown.get("subject") or item.proposal.shown.get("file") or "",
                "received": call.time(micros_of(item.received_at)),
                "type": _label_of(call, item.proposal.type),
                "persons": [places[id] for id in item.proposal.persons],
                "made": places.get(item.made) if item.made else None,
                "lowest": min(item.proposal.shown.get("confidence", {}).values(), default=None),
            }
            for item in found
        ],
        everything=everything,
        more=call.more(found),
        may=may,
        may_fetch=may and bool(inbox.settings.account.host),
        scan_types=_scan_types(call) if may else [],
        notes=call.taken_notes(),
    )


def _label_of(call: Call, key: str) -> str:
    found = call.web.engine.definitions.types.get(key)
    return key if found is None else found.label.of(call.lang) or key


def _scan_types(call: Call) -> list[tuple[str, str]]:
    """What a scan may become, where the plugin that reads scans is in use; else nothing."""
    if all(plugin.name != _OCR for plugin in call.web.engine.plugins.loaded):
        return []
    return [
        (one.key, one.label.of(call.lang) or one.key)
        for one in call.session.types()
        if not one.retired and call.session.may("record.create", one.key)
    ]


def bring(call: Call) -> Response:
    """Take a message or a scan that somebody has as a file, or what is new in the mailbox."""
    act = call.text("do")
    try:
        if act == "fetch":
            done = call.plain.inbox.fetch()
        elif act == "scan":
            return _scan(call)
        else:
            upload = call.upload("mail")
            if upload is None:
                raise UsageError("serve.nothing_chosen")
            data = upload.file.read(LARGEST + 1)
            if len(data) > LARGEST:
                raise UsageError("inbox.large", where=upload.filename or "", maximum=LARGEST // 1_000_000)
            done = call.plain.inbox.take([(upload.filename or "message.eml", data)])
    except MunimentError as error:
        return show(call, caught(error))
    note = call.core("inbox.taken", new=done.new, known=done.known, refused=len(done.refused))
    for place, code in done.refused:
        note += " " + call.core("inbox.refused_place", place=place, code=code).strip()
    return call.go("/incoming", note=note)


def _scan(call: Call) -> Response:
    with sent_file(call, "scan") as path:
        if path is None:
            raise UsageError("serve.nothing_chosen")
        key = call.text("type")
        if key not in dict(_scan_types(call)):
            raise UsageError("serve.request")
        # The plugin is a distribution of its own, and in use here: it is asked for by its name.
        propose = import_module("muniment_ocr.proposing").propose
        made = propose(call.plain, key, path)
    if made is None:
        return call.go("/incoming", note=call.core("inbox.taken", new=0, known=1, refused=0))
    return call.go(f"/incoming/{made}")


def one(call: Call, problem: MunimentError | None = None) -> Response:
    """One of them: what came, and the record that would be made of it."""
    item = call.plain.inbox.get(str(call.path["id"]))
    places = named_places(call, {id for id in (*item.proposal.persons, item.made) if id})
    record_type = call.web.engine.definitions.types.get(item.proposal.type)
    return form_page(
        call,
        "incoming_one.html",
        problem,
        item=item,
        shown=item.proposal.shown,
        received=call.time(micros_of(item.received_at)),
        type_label=_label_of(call, item.proposal.type),
        labels={}
        if record_type is None
        else {one.key: one.label.of(call.lang) or one.key for one in record_type.fields},
        persons=[places[id] for id in item.proposal.persons],
        made=places.get(item.made) if item.made else None,
        person_label=_label_of(call, call.plain.inbox.settings.person),
        target=_target(record_type),
        may=call.session.may("inbox.change") and item.state == "waiting" and record_type is not None,
        chosen=call.text("whose") or (item.proposal.persons[0] if len(item.proposal.persons) == 1 else ""),
        notes=call.taken_notes(),
        **_forms(call, item, record_type, problem),
    )


def _target(record_type: RecordType | None) -> str:
    """The type of the person that the record leads to; empty for a record of the person themselves."""
    link = next(iter(record_type.fixed), "") if record_type is not None else ""
    return "" if record_type is None or not link else record_type.by_key[link].target


def _forms(
    call: Call, item: Item, record_type: RecordType | None, problem: MunimentError | None
) -> Mapping[str, Any]:
    """The inputs of the record, first those that something was found for; and those of a new person."""
    told: dict[str | None, list[str]] = {}
    if isinstance(problem, Invalid):
        for issue in problem.issues:
            told.setdefault(issue.field, []).append(issue_text(call, issue))
    confidence = item.proposal.shown.get("confidence", {})
    found, more = _inputs(call, record_type, item.proposal.values, told, "", confidence)
    person_type = call.web.engine.definitions.types.get(call.plain.inbox.settings.person)
    person, person_more = _inputs(call, person_type, item.proposal.person, told, _PERSON, {})
    return {
        "found": found,
        "more": more,
        "person": person if item.proposal.person else [],
        "person_more": person_more if item.proposal.person else [],
    }


def _inputs(
    call: Call,
    record_type: RecordType | None,
    values: Mapping[str, str],
    told: Mapping[str | None, list[str]],
    prefix: str,
    confidence: Mapping[str, int],
) -> tuple[list[Markup], list[Markup]]:
    if record_type is None:
        return [], []
    view, kinds = call.session.view(record_type), call.web.engine.kinds
    link = next(iter(record_type.fixed), "")  # chosen apart, as the person whose it is
    first: list[Markup] = []
    rest: list[Markup] = []
    for field in record_type.fields:
        if field.key not in view.writable or not field.writable or field.hidden or field.retired:
            continue
        if field.kind == "file" or field.key == link:
            continue
        typed = call.texts(f"v.{prefix}{field.key}")
        text = "\n".join(typed) if typed else values.get(field.key, field.default or "")
        made = widget(
            field, kinds.get(field.kind), text, call.say,
            problems=told.get(field.key, ()), required=field.required, prefix=prefix,
        )  # fmt: skip
        sure = confidence.get(field.key)
        if sure is not None and sure < 80:
            made += Markup('<p class="hint sure"><span class="chip amber">{}</span></p>').format(
                call.say("incoming.sure", percent=sure)
            )
        made = Markup('<div class="held">{}</div>').format(made) if sure is not None else made
        (first if field.key in values or field.required or field.key in told else rest).append(made)
    return first, rest


def decide(call: Call) -> Response:
    """Make the record in one's own name, or say that nothing comes of it."""
    identifier, inbox = str(call.path["id"]), call.plain.inbox
    try:
        if call.text("do") == "refuse":
            inbox.refuse(identifier, reason=call.text("reason").strip())
            return call.go("/incoming", note=call.core("inbox.dropped"))
        item = inbox.get(identifier)
        whose = call.text("whose")
        saved = inbox.accept(
            identifier,
            person=(call.text("other").strip() if whose == "other" else whose if whose != "new" else "")
            or None,
            new=whose == "new",
            values=_given(call, item.proposal.type, ""),
            person_values=_given(call, inbox.settings.person, _PERSON) if whose == "new" else None,
            reason=call.text("reason").strip() or None,
        )
    except MunimentError as error:
        return one(call, caught(error))
    label = _label_of(call, saved.type)
    return call.go(
        f"/t/{saved.type}/{saved.id}", note=call.core("inbox.accepted", type=label, id=saved.id[-6:])
    )


def _given(call: Call, key: str, prefix: str) -> dict[str, object]:
    record_type = call.session.type(key)
    writable = call.session.view(record_type).writable
    names = (f"v.{prefix}", f"p.{prefix}")
    form = {name: call.texts(name) for name in call.form if name.startswith(names)}
    fields = [one for one in record_type.fields if one.kind != "file" and one.key in writable]
    given = given_values(fields, form, prefix=prefix)
    return {name: value for name, value in given.items() if value not in ((), None)}


def original(call: Call) -> Response:
    """The original as it came, after its entry is in the log."""
    identifier = str(call.path["id"])
    item = call.plain.inbox.get(identifier)
    shown = item.proposal.shown
    name = str(shown.get("file") or "message.eml")
    return handed(
        lambda target: call.plain.inbox.original(identifier, target), name, "application/octet-stream"
    )
