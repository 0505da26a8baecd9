"""Bringing a spreadsheet in, step by step: file, columns, trial, import; and undoing one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import ConfigError, Issue, MunimentError, NotFound, UsageError
from muniment.imports import Mapping as FileMapping
from muniment.imports.mapping import Join
from muniment.imports.plan import header_key
from muniment.imports.reader import open_table, sheet_names
from muniment.imports.run import Imported
from muniment.schema import RecordType
from muniment.schema.builtin import IMPORT
from muniment.session import Record
from muniment.session.reading.pieces import Piece
from muniment_web.frame.call import Call
from muniment_web.frame.cells import markup
from muniment_web.frame.reasons import IMPORT_REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import form_page, issue_text, number_of, types_called
from muniment_web.server.folders import own_folder
from muniment_web.server.signs import Upload

__all__ = ["routes"]

_LARGEST: Final = 30 << 20
_ENCODINGS: Final = ("utf-8", "gb18030", "windows-1252", "big5", "shift_jis")
_READING: Final = ("encoding", "sheet", "header_row")
"""What says how the file is read."""
_ZIP: Final = b"PK\x03\x04"
"""How a workbook begins: XLSX and ODS are ZIP archives (APPNOTE.TXT, 4.3.7)."""
_SAMPLES: Final = 3
_REJECTS_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/import", start),
        page("/import", take, methods=("POST",), files=True),
        page("/import/columns", columns),
        page("/import/try", attempt, methods=("POST",)),
        page("/import/run", run, methods=("POST",)),
        page("/import/rejects", rejects),
        page("/import/revert/{id:uuid}", revert, methods=("POST",)),
    ]


def start(call: Call, problem: MunimentError | None = None) -> Response:
    """Step one: which table, which file; and the imports there were."""
    session = call.session
    session.require("record.import")
    types = [one for one in session.types() if session.may("record.import", one.key) and not one.retired]
    found = session.imports(**call.piece)
    return form_page(
        call,
        "import.html",
        problem,
        types=types,
        chosen=call.query("type") or call.text("type") or (types[0].key if len(types) == 1 else ""),
        imports=_earlier(call, found),
        more=call.more(found),
        labels=types_called(call),
        states={one.key: (one.label.of(call.lang), one.colour) for one in IMPORT.by_key["state"].choices},
        notes=call.taken_notes(),
        megabytes=_LARGEST >> 20,
    )


def _earlier(call: Call, found: Piece[Record]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "fields": {key: str(value) for key, value in one.fields.items()},
            "time": call.time(one.recorded_us),
        }
        for one in found
    ]


def take(call: Call) -> Response:
    """Keep the file in memory for the steps that follow."""
    upload = call.upload("file")
    record_type = call.session.type(call.text("type"))
    if record_type.built_in:
        raise NotFound("serve.not_found")
    call.session.require("record.import", record_type.key)
    if upload is None:
        return start(call, UsageError("serve.request"))
    content = upload.file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        return start(call, UsageError("serve.body", count=_LARGEST))
    name = (upload.filename or "table")[:200]
    call.signed.upload = Upload(name, content, record_type.key, _sheets(content))
    return call.go("/import/columns")


def _sheets(content: bytes) -> tuple[str, ...]:
    """The sheets to choose from; of what is no workbook none, and what it is instead the next step tells."""
    if not content.startswith(_ZIP):
        return ()
    try:
        return sheet_names(BytesIO(content))
    except UsageError:
        return ()


@contextmanager
def _file(call: Call) -> Iterator[tuple[Path, Upload]]:
    """The uploaded file in a folder of its own, for as long as it is read."""
    upload = call.signed.upload
    if upload is None:
        raise UsageError("serve.request")
    with own_folder() as folder:
        path = folder / (Path(upload.name).name.lstrip(".") or "table")
        path.write_bytes(upload.content)
        yield path, upload


def columns(call: Call, problem: MunimentError | None = None) -> Response:
    """Step two: which column is which field, guessed from the headers in either language."""
    if call.signed.upload is None:
        return call.go("/import")
    reading = {name: call.text(name) or call.query(name) for name in _READING}
    header: Sequence[str] = ()
    samples: list[Sequence[str]] = []
    read = reading["sheet"]
    record_type = call.session.type(call.signed.upload.type)
    try:
        with (
            _file(call) as (path, _),
            open_table(
                path,
                encoding=reading["encoding"] or None,
                sheet=reading["sheet"] or None,
                header_row=number_of(reading["header_row"]) or None,
            ) as table,
        ):
            header, read = table.header, table.sheet
            samples = [row.cells for row in islice(table.rows, _SAMPLES)]
    except UsageError as error:
        problem = problem or error
    guesses = _guesses(header, record_type)
    chosen = dict(zip(call.texts("header"), call.texts("field"), strict=False))
    writable = call.session.view(record_type).writable
    rows = [
        {
            "header": name,
            "field": chosen.get(name, guesses.get(name, "")),
            "samples": [cells[place] for cells in samples if place < len(cells) and cells[place]],
        }
        for place, name in enumerate(header)
        if name
    ]
    return form_page(
        call,
        "import_columns.html",
        problem,
        upload=call.signed.upload,
        type=record_type,
        rows=rows,
        fields=[
            one for one in record_type.fields if one.writable and one.key in writable and not one.retired
        ],
        unique=sorted(record_type.unique),
        match=call.texts("match") or sorted(record_type.unique)[:1],
        encodings=_ENCODINGS,
        reading=reading,
        sheet=read,
        workbook=call.signed.upload.content.startswith(_ZIP),
    )


def _guesses(header: Sequence[str], record_type: RecordType) -> dict[str, str]:
    """The field that each header names, in either language; none where several could be meant."""
    known: dict[str, set[str]] = {}
    for field in record_type.fields:
        if field.writable:
            for name in (field.key, field.label.en, field.label.zh, *field.aliases, *field.former_keys):
                if name:
                    known.setdefault(header_key(name), set()).add(field.key)
    found = {name: known.get(header_key(name), set()) for name in header}
    return {name: next(iter(keys)) for name, keys in found.items() if len(keys) == 1}


def _mapping(call: Call, record_type: RecordType) -> FileMapping:
    pairs = dict(zip(call.texts("header"), call.texts("field"), strict=False))
    known = record_type.by_key
    sources: dict[str, list[str]] = {}
    for name, key in pairs.items():
        if key in known:
            sources.setdefault(key, []).append(name)
    guesses = _guesses(list(pairs), record_type)
    return FileMapping(
        type=record_type.key,
        columns={names[0]: key for key, names in sources.items() if len(names) == 1},
        joins={key: _joined(names, guesses) for key, names in sources.items() if len(names) > 1},
        ignore=tuple(name for name, key in pairs.items() if key not in known and key != "muniment:id"),
        match=tuple(key for key in call.texts("match") if key in known),
        empty="clear" if call.text("empty") == "clear" else "keep",
        date_order=call.text("date_order") if call.text("date_order") in ("dmy", "mdy") else "",
        header_row=number_of(call.text("header_row")) or 0,
    )


def _joined(names: Sequence[str], guesses: Mapping[str, str]) -> Join:
    """Columns that make one field, in the order of the file; in Chinese the family name comes first."""
    han = sorted(names, key=lambda name: guesses.get(name) != "family_name")
    return Join(columns=tuple(names), han_columns=tuple(han))


def _go(call: Call, *, dry_run: bool, rejects: Path | None = None) -> Imported:
    with _file(call) as (path, upload):
        record_type = call.session.type(upload.type)
        mapping = _mapping(call, record_type)
        return call.plain.import_file(
            record_type.key,
            path,
            mapping=mapping,
            dry_run=dry_run,
            encoding=call.text("encoding") or None,
            sheet=call.text("sheet") or None,
            lang=call.lang,
            reason=reason_of(call) or None,
            rejects_to=rejects,
        )


def attempt(call: Call) -> Response:
    """Step three: a trial run that writes nothing but the entry of what it looked at."""
    if call.text("do") == "again":
        return columns(call)
    try:
        done = _go(call, dry_run=True)
    except (UsageError, ConfigError) as error:
        return columns(call, error)
    return _result(call, done)


def run(call: Call) -> Response:
    """Step four: the import itself."""
    if call.text("do") == "again":
        return columns(call)
    with own_folder() as folder:
        target = folder / "rejected.xlsx"
        try:
            done = _go(call, dry_run=False, rejects=target)
        except (UsageError, ConfigError) as error:
            return columns(call, error)
        rejected = target.read_bytes() if target.is_file() else b""
    call.signed.upload = None
    return _result(call, done, rejected=rejected)


def _result(call: Call, done: Imported, *, rejected: bytes = b"") -> Response:
    call.signed.rejected = rejected
    record_type = call.session.type(done.type)
    kinds = call.web.engine.kinds
    labels = {one.key: one.label.of(call.lang) or one.key for one in record_type.fields}

    def text(key: str, value: Any, *, old: bool) -> object:
        field = record_type.field(key)
        if value is None or field is None:
            return ""
        # What is there is masked like everywhere; what comes is in the person's own file.
        if old and not field.in_clear:
            return "•••"
        if isinstance(value, str) and not field.choices:
            return value
        return markup(value, field, kinds.get(field.kind), call.say, {})

    changes = [
        {
            "row": one.row,
            "status": one.status,
            "record": one.record,
            "fields": [
                {
                    "label": labels.get(change.field, change.field),
                    "before": text(change.field, change.before, old=True),
                    "after": text(change.field, change.after, old=False),
                }
                for change in one.changes
            ],
        }
        for one in done.changes
    ]
    return call.page(
        "import_result.html",
        done=done,
        type=record_type,
        changes=changes,
        problems=_problems(call, done, labels),
        left=done.rejected - len(done.problems),
        remarks=[_told(call, one, labels) for one in done.notes],
        upload=call.signed.upload,
        kept=_kept(call),
        reasons=IMPORT_REASONS,
        rejected=bool(rejected),
    )


def _told(call: Call, issue: Issue, labels: Mapping[str, str]) -> str:
    text = issue_text(call, issue)
    return (
        call.say("import.of_field", field=labels.get(issue.field, issue.field), text=text)
        if issue.field
        else text
    )


def _problems(call: Call, done: Imported, labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The first rows that were refused: those that follow each other for the same reason together."""
    comma = call.say("common.comma")
    alike = groupby(
        done.problems,
        lambda one: (comma.join(one.columns), " ".join(_told(call, issue, labels) for issue in one.issues)),
    )
    found = []
    for (columns, text), group in alike:
        rows = [one.row for one in group]
        found.append((f"{rows[0]}–{rows[-1]}" if len(rows) > 1 else str(rows[0]), columns, text))
    return found


def _kept(call: Call) -> list[tuple[str, str]]:
    """What was chosen so far, for the form of the next step."""
    names = ("header", "field", "match", "empty", "date_order", *_READING)
    return [(name, value) for name in names for value in call.texts(name)]


def rejects(call: Call) -> Response:
    """The refused rows of the import that was just done, to mend and import again; handed out once."""
    content, call.signed.rejected = call.signed.rejected, b""
    if not content:
        return call.go("/import")
    headers = {"Content-Disposition": 'attachment; filename="rejected.xlsx"'}
    return Response(content, media_type=_REJECTS_TYPE, headers=headers)


def revert(call: Call) -> Response:
    """Undo an import: its updates too, as new versions."""
    done = call.plain.revert_import(str(call.path["id"]), reason=reason_of(call) or None)
    note = call.say("import.reverted", deleted=done.deleted, restored=done.restored, conflicts=done.conflicts)
    return call.go("/import", note=note)
