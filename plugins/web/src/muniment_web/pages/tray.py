"""The change tray: what was typed into a table waits sealed on the server, and is saved for one reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import (
    AccessDenied,
    ApprovalNeeded,
    Conflict,
    Invalid,
    MunimentError,
    NotFound,
    UsageError,
)
from muniment.schema import Field, RecordType
from muniment.session.approval.forms import Draft
from muniment.session.approval.tray import Edit
from muniment.session.kernel.views import Record
from muniment.session.reading.references import find_reference
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup
from muniment_web.frame.named import type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.titles import names_of, titles_of
from muniment_web.frame.told import issue_text, sentence_of
from muniment_web.server.strict import strict_json

__all__ = ["held_by", "routes"]

_IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NEW: Final = re.compile(r"\+[0-9]{1,6}")
_PLAIN: Final = (str, bool, type(None))


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/t/{type}/tray", show), page("/t/{type}/tray", act, methods=("POST",))]


@attrs.frozen
class Cell:
    """One change of one field, as the tray shows it.

    Attributes:
        key: of the field.
        label: of the field.
        before: what the record holds now.
        was: what it held when the change was begun, where somebody changed it since.
        after: what was typed.
        raw: the same as JSON, for whatever takes it on.
        problem: why that would be refused.
    """

    key: str
    label: str
    before: Markup
    was: Markup | None
    after: str
    raw: str
    problem: str


@attrs.frozen
class Row:
    """What waits for one record.

    Attributes:
        id: UUID text of the record.
        title: what it goes by.
        base: the version that was seen.
        stale: whether somebody saved it since.
        cells: the changes.
        new: whether there is no such record yet.
        problems: what is wrong with no field in particular.
    """

    id: str
    title: str
    base: int
    stale: bool
    cells: tuple[Cell, ...]
    problems: tuple[str, ...]
    new: bool = False


def held_by(call: Call, record_type: RecordType) -> int:
    """How many records wait in the person's tray, as far as this process knows; -1 where it does not."""
    return call.web.trays.get((call.signed.login, record_type.key), -1)


def show(call: Call) -> Response:
    """What waits in the tray."""
    return _answer(call, check=call.query("check") == "1")


def _type(call: Call) -> RecordType:
    record_type = type_of(call)
    call.session.require("record.update", record_type.key)
    return record_type


def act(call: Call) -> Response:
    """Keep, take back, look at, or save what was typed."""
    record_type = _type(call)
    tray = call.session.drafts.tray(record_type.key)
    verb, _, what = call.text("do", "save").partition(":")
    if verb == "keep":
        edits, names = _edits(call.text("edits"))
        kept = tray.keep(_named(call, record_type, edits))
        made = [f"{name}={one}" for name, one in zip(names, kept, strict=True) if name and one]
        return _answer(call, check=call.text("check") == "1", made=made)
    if verb == "drop":
        record, _, field = what.partition("/")
        if field:
            tray.keep([Edit(record, without=[field])])
        else:
            tray.discard([record])
        return _answer(call, check=call.text("check") == "1")
    if verb == "over":
        tray.rebase(what)
        return _answer(call, check=True)
    if verb == "discard":
        tray.discard()
        return _answer(call)
    if verb == "check":
        return _answer(call, check=True)
    return _save(call, record_type)


def _edits(text: str) -> tuple[list[Edit], list[str]]:
    """What the page's script sends, and what it calls the rows that are new.

    Raises:
        UsageError: ``serve.request``.
    """
    try:
        found, names = [], []
        listed = strict_json(text)
        if not isinstance(listed, list):
            raise TypeError
        for one in listed:
            values = one["fields"]
            if not isinstance(values, dict) or not all(_is_plain(value) for value in values.values()):
                raise TypeError
            record, without = str(one["id"]), one.get("without", [])
            if not isinstance(without, list) or not all(isinstance(key, str) for key in without):
                raise TypeError
            new = _NEW.fullmatch(record) is not None
            base = one.get("version") or None
            if base is not None and (type(base) is not int or not 0 < base < 1 << 31):
                raise TypeError
            found.append(Edit("" if new else record, values, base, without))
            names.append(record if new else "")
        return found, names
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError("serve.request") from None


def _named(call: Call, record_type: RecordType, edits: Sequence[Edit]) -> list[Edit]:
    """References that were pasted by number or login, as the records they name; what names none stays."""
    found = []
    known: dict[tuple[str, str], str] = {}
    refused: set[str] = set()
    for one in edits:
        values = dict(one.values)
        for key, value in one.values.items():
            field = record_type.field(key)
            if field is None or field.kind != "reference" or not isinstance(value, str) or not value:
                continue
            if _IDENTIFIER.fullmatch(value):
                continue
            asked = (field.target, value)
            if asked not in known:
                known[asked] = _meant(call, *asked, refused)
            values[key] = known[asked]
        found.append(attrs.evolve(one, values=values))
    return found


def _meant(call: Call, target: str, text: str, refused: set[str]) -> str:
    """The record that a name means, or the name where there is none or it may not be looked for.

    One name that may not be looked for must not cost a whole pasted block; the first refusal of a table is
    in the log, and nothing more is asked of that table.
    """
    acting = call.session.acting.actor
    if target == "user" and text == acting.id and acting.record:
        return acting.record  # whoever may not list users may still name themselves
    if target in refused:
        return text
    try:
        return find_reference(call.session, target, text) or text
    except AccessDenied:
        refused.add(target)
        return text


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, _PLAIN)


def _save(call: Call, record_type: RecordType) -> Response:
    """Write all of it in one change set, or say of every cell what stands against it."""
    session = call.session
    drafts = session.drafts.tray(record_type.key).shown()
    back = f"/t/{record_type.key}"
    try:
        reason = reason_of(call)
        if not reason:
            raise UsageError("usage.no_reason")
        if not drafts:
            raise NotFound("draft.none")
        saved = session.drafts.apply([one.id for one in drafts], reason=reason)
    except ApprovalNeeded as error:
        return _done(call, back, sentence_of(call, error))
    except UsageError as error:
        return _answer(call, problem=error, status=422)
    except Invalid as error:
        return _answer(call, check=True, problem=error, status=422)
    except Conflict as error:
        return _answer(call, check=True, problem=error, status=409)
    return _done(call, back, call.say("tray.saved", count=sum(one.written for one in saved)))


def _done(call: Call, back: str, note: str) -> Response:
    """An empty tray; a script shows the table anew where it stood, so that nobody loses their place."""
    call.web.trays[call.signed.login, type_of(call).key] = 0
    return _answer(call, saved=note) if call.partial else call.go(back, note=note)


# Showing


def _answer(
    call: Call,
    *,
    check: bool = False,
    problem: MunimentError | None = None,
    status: int = 200,
    made: Sequence[str] = (),
    saved: str = "",
) -> Response:
    record_type = _type(call)
    tray = call.session.drafts.tray(record_type.key)
    drafts = tray.shown()
    problems = tray.problems() if check and drafts else {}
    rows = _rows(call, record_type, drafts, problems)
    call.web.trays[call.signed.login, record_type.key] = len(rows)
    values: dict[str, Any] = {
        "type": record_type,
        "rows": rows,
        "count": sum(len(one.cells) for one in rows),
        "checked": check,
        "made": made,
        "saved": saved,
        "bad": sum(bool(cell.problem) for row in rows for cell in row.cells),
        "refused": _refusal(call, problem, rows),
        "reasons": REASONS,
    }
    if call.partial:
        return call.page("_tray.html", status=status, **values)
    return call.page("tray.html", status=status, notes=call.taken_notes(), **values)


def _refusal(call: Call, problem: MunimentError | None, rows: Sequence[Row]) -> str:
    """Why nothing was saved; what concerns one cell stands beside it."""
    if problem is None:
        return ""
    if isinstance(problem, Conflict) and any(row.stale for row in rows):
        return call.say("tray.somebody")
    if isinstance(problem, Invalid) and any(cell.problem for row in rows for cell in row.cells):
        return call.say("tray.refused")
    return f"{call.say('tray.refused')} {sentence_of(call, problem)}"


def _rows(
    call: Call,
    record_type: RecordType,
    drafts: Sequence[Draft],
    problems: Mapping[str, MunimentError],
) -> list[Row]:
    """The changes beside what the records hold; reading those is written down as a list."""
    keys = [*record_type.title, *dict.fromkeys(key for one in drafts for key in one.values)]
    there = [one.record for one in drafts if one.operation == "update"]
    records = call.session.several(record_type.key, there, list(dict.fromkeys(keys))) if there else {}
    titles = _titles(call, record_type, drafts, records.values())
    rows = []
    for one in drafts:
        record = records.get(one.record)
        moved = _moved(call, one, record) if one.stale else {}
        told, rest = _told(call, problems.get(one.record))
        cells = tuple(
            _cell(call, record_type, key, value, record, moved, told.get(key, ()), titles)
            for key, value in one.values.items()
        )
        title = ""
        if record is not None:
            shown = (record.fields.get(key) for key in record_type.title if key not in record.masked)
            title = next((str(value) for value in shown if value is not None), "")
        known = {cell.key for cell in cells}
        rest += [text for key, texts in told.items() if key not in known for text in texts]
        new = one.operation == "create"
        if new:
            title = call.say("tray.new")
        rows.append(Row(one.record, title, one.base, one.stale, cells, tuple(rest), new))
    # What has to be looked at must not stand below a hundred rows that are well.
    return sorted(rows, key=lambda row: not (row.stale or row.problems or any(c.problem for c in row.cells)))


def _moved(call: Call, one: Draft, record: Record | None) -> dict[str, Any]:
    """What somebody else changed since: by field, as it was and as it is."""
    if record is None:
        return {}
    try:
        found = call.session.diff(one.record, one.base, record.version)
    except MunimentError:
        return {}  # whoever may not see the history sees what is there now
    return {change.field: change for change in found}


def _told(call: Call, error: MunimentError | None) -> tuple[dict[str, list[str]], list[str]]:
    """The problems of one record, by field, and those of no field in particular."""
    if error is None or error.code == "draft.moved":
        return {}, []
    if not isinstance(error, Invalid):
        return {}, [sentence_of(call, error)]
    told: dict[str, list[str]] = {}
    rest = []
    for issue in error.issues:
        text = issue_text(call, issue)
        if issue.field:
            told.setdefault(issue.field, []).append(text)
        else:
            rest.append(text)
    return told, rest


def _cell(
    call: Call,
    record_type: RecordType,
    key: str,
    value: object,
    record: Record | None,
    moved: Mapping[str, Any],
    told: Sequence[str],
    titles: Mapping[str, str],
) -> Cell:
    field = record_type.by_key[key]
    before = Markup("")
    if record is not None and record.fields.get(key) is not None:
        before = _shown(call, field, record.fields[key], titles, masked=key in record.masked)
    was = None
    if key in moved:
        change = moved[key]
        was = (
            Markup("")
            if change.before is None
            else _shown(call, field, change.before, titles, masked=change.masked)
        )
    label = field.label.of(call.lang) or key
    raw = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False, default=str)
    return Cell(key, label, before, was, _typed(call, field, value, titles), raw, " ".join(told))


def _shown(call: Call, field: Field, value: Any, titles: Mapping[str, str], *, masked: bool) -> Markup:
    if masked:
        return Markup('<span class="mk">{}</span>').format(str(value))
    return markup(value, field, call.web.engine.kinds.get(field.kind), call.say, titles)


def _titles(
    call: Call, record_type: RecordType, drafts: Sequence[Draft], records: Iterable[Record]
) -> dict[str, str]:
    """What the records go by that references lead to, as they are and as they would be."""
    typed: dict[str, set[str]] = {}
    fields = [one for one in record_type.fields if one.kind == "reference" and one.target]
    for field in fields:
        for draft in drafts:
            value = draft.values.get(field.key)
            if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
                typed.setdefault(field.target, set()).add(value)
    found = dict(titles_of(call, fields, records))
    for target, ids in typed.items():
        found |= names_of(call, target, ids)
    return found


def _typed(call: Call, field: Field, value: object, titles: Mapping[str, str]) -> str:
    """What was typed, as a person reads it: a choice by its label, a record by what it goes by."""
    if field.kind == "reference":
        return titles.get(str(value), "" if value is None else str(value))
    labels = {one.key: one.label.of(call.lang) or one.key for one in field.choices}
    if isinstance(value, bool) or (field.kind == "checkbox" and value in ("", "1")):
        return call.say("common.yes" if value else "common.no")
    if isinstance(value, (list, tuple)):
        return ", ".join(labels.get(str(one), str(one)) for one in value)
    return labels.get(str(value), "" if value is None else str(value))
