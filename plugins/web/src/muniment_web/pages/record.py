"""One record: its form, what is saved from it, and its files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import (
    ApprovalNeeded,
    Conflict,
    Invalid,
    Issue,
    MunimentError,
    UsageError,
)
from muniment.model import FileRef, parse_time
from muniment.schema import Field, RecordType
from muniment.session.kernel.views import Change, Record
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup
from muniment_web.frame.named import change_shown, id_of, of_type, type_of
from muniment_web.frame.panels import rights_panels
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.titles import title_of, titles_changed, titles_of
from muniment_web.frame.told import issue_text, number_of, problem_of, sentence_of
from muniment_web.frame.widgets import given_values, typed_text, widget
from muniment_web.server.folders import own_folder
from muniment_web.server.handed import Handed

__all__ = ["routes"]


@attrs.frozen
class Shown:
    """A field that is not typed into, and what is known of its value.

    Attributes:
        body: the value, or its mask.
        masked: whether it is only a mask.
        erased: whether the value was disposed of.
        revealable: whether the mask can be lifted.
        writable: whether whoever lifts it may then type into it.
    """

    field: Field
    body: Markup
    masked: bool
    erased: bool
    revealable: bool
    writable: bool


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    base = "/t/{type}/{id:uuid}"
    return [
        page("/t/{type}/new", new),
        page("/t/{type}/new", create, methods=("POST",), files=True),
        page(base, show),
        page(base, save, methods=("POST",), files=True),
        page(f"{base}/delete", delete, methods=("POST",)),
        page(f"{base}/undelete", undelete, methods=("POST",)),
        page(f"{base}/file/{{field}}", download),
    ]


# Showing


def show(call: Call) -> Response:
    """The record, as it stands or as it stood."""
    version, as_of = call.query("version"), call.query("as_of")
    if version and version.isdecimal():
        return _read_only(call, call.session.get(id_of(call), version=int(version[:9])))
    if as_of:
        return _read_only(call, call.session.get(id_of(call), as_of=_moment(as_of)))
    record_type = type_of(call)
    record = of_type(call, call.session.get(id_of(call)), record_type)
    if record.deleted or not call.session.may("record.update", record_type.key):
        return _read_only(call, record)
    return _form(call, record_type, record)


def _moment(text: str) -> str:
    """A day as its last moment, or a time, in RFC 3339."""
    plain = text.strip()
    full = f"{plain}T23:59:59.999999Z" if len(plain) == 10 else plain
    parse_time(full)
    return full


def _common(call: Call, record_type: RecordType, record: Record | None) -> dict[str, Any]:
    session = call.session
    key = record_type.key
    titles = {} if record is None else titles_of(call, record_type.fields, [record])
    return {
        "type": record_type,
        "record": record,
        "title": title_of(record, record_type.title) if record else "",
        "titles": titles,
        "reasons": REASONS,
        "notes": call.taken_notes(),
        "panels": [
            (plugin, one)
            for plugin, one in call.web.engine.plugins.panels(key)
            if record is not None and session.may(one.action, key)
        ],
        "may_delete": session.may("record.delete", key),
        "may_history": session.may("record.history", key),
        "may_hold": session.may("hold.change"),
        "may_consents": session.may("consent.read"),
        "may_erase": session.may("subject.erase"),
        **rights_panels(call, record_type),
        "may_accesses": session.may("record.accesses", key),
        "recorded": call.time(record.recorded_us) if record else "",
        "beside": _beside(call, record),
        "problem": None,
    }


def _beside(call: Call, record: Record | None) -> dict[str, Any] | None:
    """The records before and behind this one in the list that the person saw last."""
    if record is None:
        return None
    listed = call.web.listed.get((call.signed.id, record.type), ())
    if record.id not in listed:
        return None
    at = listed.index(record.id)
    return {
        "place": at + 1,
        "count": len(listed),
        "before": listed[at - 1] if at else "",
        "after": listed[at + 1] if at + 1 < len(listed) else "",
    }


def _then(call: Call, record_type: RecordType, identifier: str) -> str:
    """Where the person goes on after saving: here, to the next record, or to another new one."""
    then = call.text("then")
    if then == "new":
        return f"/t/{record_type.key}/new"
    known = call.web.listed.get((call.signed.id, record_type.key), ())
    return f"/t/{record_type.key}/{then if then in known else identifier}"


def _form(
    call: Call,
    record_type: RecordType,
    record: Record | None,
    *,
    typed: Mapping[str, object] | None = None,
    issues: Iterable[Issue] = (),
    conflict: Sequence[Any] = (),
    problem: MunimentError | None = None,
    status: int = 200,
) -> Response:
    """The form of a record, or of a new one; what was typed stays in it."""
    values = _common(call, record_type, record)
    by_field: dict[str | None, list[str]] = {}
    for issue in issues:
        by_field.setdefault(issue.field, []).append(issue_text(call, issue))
    groups = _groups(call, record_type, record, typed or {}, by_field, values["titles"])
    if problem is not None:
        values["problem"] = problem_of(call, problem)
    labels = {one.key: one.label.of(call.lang) or one.key for one in record_type.fields}
    return call.page(
        "record.html",
        status=status,
        groups=groups,
        faults=[
            (key or "", labels.get(key or "", ""), text) for key, told in by_field.items() for text in told
        ],
        conflict=conflict,
        next_version=1 if record is None else record.version + 1,
        has_files=any(one.kind == "file" for one in record_type.fields),
        **values,
    )


def _groups(
    call: Call,
    record_type: RecordType,
    record: Record | None,
    typed: Mapping[str, object],
    problems: Mapping[str | None, list[str]],
    titles: Mapping[str, str],
) -> list[tuple[str, list[Markup | Shown]]]:
    """The groups of the form in order, each with its inputs and what is only shown."""
    view = call.session.view(record_type)
    kinds, say, lang = call.web.engine.kinds, call.say, call.lang
    made: dict[str, list[Markup | Shown]] = {}
    for field in record_type.fields:
        if field.hidden or field.key not in view.readable | view.writable:
            continue
        kind = kinds.get(field.kind)
        value = None if record is None else record.fields.get(field.key)
        if record is None and (not field.writable or field.key not in view.writable):
            continue
        if field.retired and value is None:
            continue
        masked = record is not None and field.key in record.masked and field.key not in typed
        may_write = field.writable and field.key in view.writable
        if masked or not may_write or (record is not None and field.key in record_type.fixed):
            shown = _shown_field(
                call, field, record, titles, revealable=field.key in view.clear, writable=may_write
            )
            made.setdefault(field.group, []).append(shown)
            continue
        default = (field.default or "") if record is None else ""
        text = typed_text(value, field, kind, lang) if record is not None else default
        if field.key in typed:
            given = typed[field.key]
            text = "\n".join(given) if isinstance(given, tuple) else str(given or "")
        if field.kind == "file":
            made.setdefault(field.group, []).append(_file_field(call, field, record, problems))
            continue
        made.setdefault(field.group, []).append(
            widget(
                field,
                kind,
                text,
                say,
                problems=problems.get(field.key, ()),
                required=field.required,
                label=titles.get(text, ""),
            )
        )
    groups = sorted(record_type.groups, key=lambda one: one.order or 999)
    listed = [(one.label.of(lang) or one.key, made.pop(one.key)) for one in groups if one.key in made]
    return listed + [("", rest) for rest in made.values()]


def _shown_field(
    call: Call,
    field: Field,
    record: Record | None,
    titles: Mapping[str, str],
    *,
    revealable: bool,
    writable: bool,
) -> Shown:
    """A field that is not typed into: masked, computed, or not the person's to write."""
    kind = call.web.engine.kinds.get(field.kind)
    value = None if record is None else record.fields.get(field.key)
    masked = record is not None and field.key in record.masked
    body = Markup("")
    if value is not None:
        body = Markup("{}").format(str(value)) if masked else markup(value, field, kind, call.say, titles)
    return Shown(
        field,
        body,
        masked,
        record is not None and field.key in record.erased,
        revealable and masked,
        writable and masked and field.kind != "file",
    )


def _file_field(
    call: Call, field: Field, record: Record | None, problems: Mapping[str | None, list[str]]
) -> Markup:
    value = None if record is None else record.fields.get(field.key)
    made = widget(
        field, call.web.engine.kinds.get("file"), "", call.say, problems=problems.get(field.key, ())
    )
    if isinstance(value, FileRef) and record is not None:
        made += Markup('<p class="hint"><a href="/t/{}/{}/file/{}">{}</a> · {:,} B</p>').format(
            record.type, record.id, field.key, value.name, value.size
        )
    return made


def _read_only(call: Call, record: Record) -> Response:
    """A version that nobody writes into."""
    record_type = _type_shown(call, record)
    values = _common(call, record_type, record)
    view = call.session.view(record_type)
    groups: dict[str, list[Shown]] = {}
    for field in record_type.fields:
        if field.key not in record.fields and field.key not in record.erased:
            continue
        groups.setdefault(field.group, []).append(
            _shown_field(
                call,
                field,
                record,
                values["titles"],
                revealable=field.key in view.clear and not call.query("as_of"),
                writable=False,
            )
        )
    names = {one.key: one.label.of(call.lang) or one.key for one in record_type.groups}
    listed = [(names.get(key, ""), rows) for key, rows in groups.items()]
    return call.page("record_read.html", groups=listed, version=call.query("version"), **values)


def _type_shown(call: Call, record: Record) -> RecordType:
    record_type = type_of(call)
    return call.session.type(of_type(call, record, record_type).type)


# Writing


def new(call: Call) -> Response:
    """The form of a new record."""
    record_type = type_of(call)
    call.session.require("record.create", record_type.key)
    return _form(call, record_type, None)


def create(call: Call) -> Response:
    """Make the record."""
    record_type = type_of(call)
    values = _given(call, record_type)
    filled = {key: value for key, value in values.items() if value not in ("", None, ())}
    try:
        saved = call.session.create(record_type.key, filled, reason=reason_of(call) or None)
    except Invalid as error:
        return _form(call, record_type, None, typed=values, issues=error.issues, status=422)
    _attach(call, record_type, saved.id)
    return call.go(_then(call, record_type, saved.id), note=call.say("record.made", version=saved.version))


def _given(call: Call, record_type: RecordType) -> dict[str, object]:
    form = {name: call.texts(name) for name in call.form if name.startswith(("v.", "p."))}
    view = call.session.view(record_type)
    fields = [one for one in record_type.fields if one.kind != "file" and one.key in view.writable]
    return given_values(fields, {name: found for name, found in form.items() if found or name[0] == "p"})


def save(call: Call) -> Response:
    """Save a new version; what was typed is never lost."""
    record_type, identifier = type_of(call), id_of(call)
    values = _given(call, record_type)
    expected = call.text("expected")
    reason = reason_of(call)
    try:
        if not reason:
            raise UsageError("usage.no_reason")
        act = call.session.correct if call.text("mode") == "correct" else call.session.update
        saved = act(
            identifier,
            values,
            expected_version=number_of(expected),
            reason=reason,
        )
    except (Invalid, Conflict, UsageError) as error:
        return _again(call, record_type, identifier, values, error)
    except ApprovalNeeded as error:
        return call.go(f"/t/{record_type.key}/{identifier}", note=sentence_of(call, error))
    attached = _attach(call, record_type, identifier)
    if not saved.written and not attached:
        note = call.say("record.same", version=saved.version)
    else:
        note = call.say("record.saved", version=max(saved.version, attached))
    return call.go(_then(call, record_type, identifier), note=note)


def _again(
    call: Call,
    record_type: RecordType,
    identifier: str,
    values: Mapping[str, object],
    error: MunimentError,
) -> Response:
    """The form once more, with what was typed and what is wrong."""
    session = call.session
    record = of_type(call, session.get(identifier), record_type)
    if isinstance(error, Invalid):
        return _form(call, record_type, record, typed=values, issues=error.issues, status=422)
    if isinstance(error, UsageError):
        return _form(call, record_type, record, typed=values, problem=error, status=422)
    moved = _moved(call, identifier, record)
    titles = titles_changed(call, record_type, moved)
    own = _own_changes(call, record_type, values, moved)
    conflict = []
    for one in moved:
        mine = _typed(call, record_type, one.field, values, titles) if one.field in own else None
        conflict.append({**change_shown(call, record_type, one, titles), "mine": mine})
    # What moved is told beside what was typed; the bare refusal would say it twice.
    problem = None if conflict else error
    return _form(call, record_type, record, typed=own, conflict=conflict, problem=problem, status=409)


def _moved(call: Call, identifier: str, record: Record) -> Sequence[Change]:
    """What others changed since the form was opened."""
    expected = number_of(call.text("expected"))
    try:
        return () if expected is None else call.session.diff(identifier, expected, record.version)
    except MunimentError:
        return ()  # whoever may not see the history is told that it moved


def _own_changes(
    call: Call, record_type: RecordType, values: Mapping[str, object], moved: Iterable[Change]
) -> dict[str, object]:
    """What was typed, without the fields that only others changed.

    A form sends every field. One that stands as it was when the form was opened would take back what
    somebody else wrote there since, as soon as it is saved again.
    """
    own = dict(values)
    for one in moved:
        field = record_type.field(one.field)
        if field is None or one.field not in own or one.masked:
            continue
        kind = call.web.engine.kinds.get(field.kind)
        before = typed_text(one.before, field, kind, call.lang)
        if _alike(_text(own[one.field]), before, listed=isinstance(own[one.field], tuple)):
            del own[one.field]
    return own


def _alike(given: str, before: str, *, listed: bool) -> bool:
    """Whether an input holds what it was filled with; boxes are sent in the order of the form."""
    lines, held = given.strip().splitlines(), before.strip().splitlines()
    return sorted(lines) == sorted(held) if listed else lines == held


def _text(given: object) -> str:
    """What a form gave for a field, as the text that its input holds."""
    if isinstance(given, bool):
        return "1" if given else ""
    return "\n".join(given) if isinstance(given, tuple) else str(given or "")


def _typed(
    call: Call, record_type: RecordType, key: str, values: Mapping[str, object], titles: Mapping[str, str]
) -> str:
    """What was typed into a field, as a person reads it."""
    field, text = record_type.by_key[key], _text(values[key])
    if field.kind == "checkbox":
        return call.say("common.yes" if text else "common.no")
    labels = {one.key: one.label.of(call.lang) or one.key for one in field.choices}
    lines = [labels.get(line, titles.get(line, line)) for line in text.splitlines()]
    return ", ".join(lines)


def _attach(call: Call, record_type: RecordType, identifier: str) -> int:
    """Seal the files that the form carries; gives the newest version, 0 where there was none."""
    version = 0
    for field in record_type.fields:
        upload = call.upload(f"v.{field.key}") if field.kind == "file" else None
        if upload is None:
            continue
        with own_folder() as folder:
            place = folder / "upload"
            with place.open("wb") as target:
                while chunk := upload.file.read(1 << 20):
                    target.write(chunk)
            saved = call.session.attach(
                identifier, field.key, place, name=upload.filename, reason=reason_of(call) or None
            )
        version = saved.version
    return version


def delete(call: Call) -> Response:
    """Take the record out of lists."""
    record_type, identifier = type_of(call), id_of(call)
    call.session.delete(identifier, reason=reason_of(call))
    return call.go(f"/t/{record_type.key}", note=call.say("record.deleted"))


def undelete(call: Call) -> Response:
    """Bring it back."""
    record_type, identifier = type_of(call), id_of(call)
    saved = call.session.undelete(identifier, reason=reason_of(call) or None)
    return call.go(f"/t/{record_type.key}/{identifier}", note=call.say("record.saved", version=saved.version))


def download(call: Call) -> Response:
    """An attached file, opened after its entry is in the log."""
    folder = tempfile.TemporaryDirectory(prefix="muniment-")
    target = Path(folder.name) / "file"
    try:
        found = call.session.read_file(id_of(call), call.path["field"], target)
    except BaseException:
        folder.cleanup()
        raise
    return Handed(folder, target, found.name, "application/octet-stream")
