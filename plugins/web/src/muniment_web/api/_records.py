"""Records over the API: everything that the pages do with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from muniment.cli.errors import problem
from muniment.errors import Issue, MunimentError, UsageError
from muniment.model import id_bytes, rfc3339
from muniment.policy import ACTIONS
from muniment.schema import RecordType, parse_condition
from muniment.session import Change as SessionChange
from muniment.session import Session
from muniment.session.kernel import views
from muniment.session.reading.lists import Asked
from muniment.session.writing.writes import Saved as SavedChange
from muniment_web.api import _models as models
from muniment_web.api._calls import Caller, area, language_of, may, whole_caller
from muniment_web.api._parts import (
    After,
    Day,
    Id,
    Idempotency,
    IfMatch,
    Limit,
    TypeKey,
    of_type,
    put_version,
    version_of,
)
from muniment_web.api._parts import check_type as _check_type
from muniment_web.api._withheld import sent_in, withhold
from muniment_web.server.handed import handed
from muniment_web.server.strict import strict_json

__all__ = ["described", "page_of", "record_of", "router", "saved_of"]

router: Final = area("records")
_LINES: Final = 200
_FORMS: Final = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_LONGEST_LINE: Final = 1 << 20

Described = Annotated[Session, Depends(may("read", "schema.read"))]
Reading = Annotated[Session, Depends(may("read", "record.read"))]
Listing = Annotated[Session, Depends(may("read", "record.list", once="never"))]
Searching = Annotated[Session, Depends(may("read", "record.search", once="never"))]
Remembering = Annotated[Session, Depends(may("read", "record.history"))]
Watching = Annotated[Session, Depends(may("read", "record.accesses"))]
Creating = Annotated[Session, Depends(may("write", "record.create", once="kept"))]
Bulk = Annotated[Session, Depends(may("write", "record.create"))]
Updating = Annotated[Session, Depends(may("write", "record.update", once="kept"))]
Correcting = Annotated[Session, Depends(may("write", "record.correct"))]
Deleting = Annotated[Session, Depends(may("write", "record.delete"))]
Restoring = Annotated[Session, Depends(may("write", "record.undelete"))]
Exporting = Annotated[Session, Depends(may("export", "record.export", once="never"))]
RecordId = Id


# As JSON


def record_of(session: Session, record: views.Record) -> models.Record:
    record_type = session.engine.definitions.types[record.type]
    return models.Record(
        id=record.id,
        type=record.type,
        subject=record.subject,
        version=record.version,
        fields=_values(session, record_type, record.fields, record.masked),
        masked=sorted(record.masked),
        erased=sorted(record.erased),
        operation=record.operation,
        recorded=rfc3339(record.recorded_us),
        effective=rfc3339(record.effective_us),
        deleted=record.deleted,
    )


def _values(
    session: Session, record_type: RecordType, fields: Any, masked: frozenset[str] = frozenset()
) -> dict[str, Any]:
    return {
        key: value if key in masked else _json(session, record_type, key, value)
        for key, value in fields.items()
    }


def _json(session: Session, record_type: RecordType, key: str, value: Any) -> Any:
    field = record_type.field(key)
    kind = None if field is None else session.kinds.get(field.kind)
    return str(value) if kind is None and value is not None else kind.to_json(value) if kind else None


def saved_of(saved: SavedChange, response: Response) -> models.Saved:
    put_version(response, saved.version)
    return models.Saved(
        id=saved.id,
        type=saved.type,
        subject=saved.subject,
        version=saved.version,
        written=saved.written,
        warnings=[_issue(one) for one in saved.warnings],
    )


def _issue(one: Issue) -> models.Issue:
    return models.Issue(field=one.field, code=one.code, severity=one.severity, detail=one.text())


# Who and what


@router.get("/me", tags=["about"])
def get_me(caller: Annotated[Caller, Depends(whole_caller)]) -> models.Me:
    """Who is asking, and what they may do."""
    session = caller.session
    actor = session.acting.actor
    return models.Me(
        login=actor.id,
        roles=list(actor.roles),
        auth=actor.auth,
        purpose=session.acting.purpose,
        scopes=sorted(caller.scopes),
        actions=sorted(one for one in ACTIONS if session.may(one)),
    )


@router.get("/types", tags=["about"])
def list_types(session: Described) -> models.Types:
    """The record types with the fields that this caller may see or write."""
    return models.Types(types=[described(session, one) for one in session.types()])


@router.get("/types/{type}", tags=["about"])
def get_type(session: Described, key: TypeKey) -> models.TypeDescription:
    """One record type."""
    return described(session, _check_type(session, key))


def described(session: Session, record_type: RecordType) -> models.TypeDescription:
    view = session.view(record_type)
    fields = [
        models.FieldDescription(
            key=one.key,
            kind=one.kind,
            label={"en": one.label.en, "zh": one.label.zh},
            help={"en": one.help.en, "zh": one.help.zh},
            sensitivity=one.sensitivity,
            shown="clear" if one.key in view.clear else "masked" if one.key in view.masked else "none",
            writable=one.writable and one.key in view.writable,
            required=one.required,
            unique=one.unique,
            index=list(one.index),
            choices=[choice.key for choice in one.choices if not choice.retired],
            target=one.target,
        )
        for one in record_type.fields
        if one.key in view.readable | view.writable and not one.retired
    ]
    return models.TypeDescription(
        key=record_type.key,
        label={"en": record_type.label.en, "zh": record_type.label.zh},
        version=record_type.definition_version,
        title=[key for key in record_type.title if key in view.readable],
        fields=fields,
    )


# Finding


@router.post("/records/{type}/list")
def list_records(session: Listing, key: TypeKey, asked: models.ListRequest) -> models.RecordsPage:
    """One page of records, by values, in order."""
    _check_type(session, key)
    conditions = [parse_condition(text, where=key) for text in asked.filters]
    where, filters = session.views.conditions(session.type(key), conditions)
    question = Asked(
        key,
        {**where, **asked.where},
        fields=asked.fields,
        order_by=asked.order_by,
        descending=asked.descending,
        limit=asked.limit,
        after=asked.after,
        deleted=asked.deleted,
        count=asked.count,
        filters=filters,
    )
    return page_of(session, session.listed(question))


@router.post("/find")
def find_records(session: Searching, asked: models.FindRequest) -> models.FoundRecords:
    """Records of any type in which words stand; types that the caller may not search are passed over."""
    return models.FoundRecords(
        found=[
            models.FoundOfType(
                type=one.type.key,
                columns=list(one.columns),
                more=one.page.after is not None,
                records=[record_of(session, each) for each in one.page.records],
            )
            for one in session.find(asked.words, limit=asked.limit)
        ]
    )


@router.post("/records/{type}/search")
def search_records(session: Searching, key: TypeKey, asked: models.SearchRequest) -> models.RecordsPage:
    """Records in which words stand: names, phones, e-mails, numbers that have an index."""
    _check_type(session, key)
    found = session.search(
        key, asked.words, where=asked.where, fields=asked.fields, limit=asked.limit, after=asked.after
    )
    return page_of(session, found)


def page_of(session: Session, found: views.Page) -> models.RecordsPage:
    return models.RecordsPage(
        records=[record_of(session, one) for one in found.records], after=found.after, total=found.total
    )


@router.post(
    "/records/{type}/export",
    response_class=Response,
    responses={
        200: {
            "content": {one: {"schema": {"type": "string", "format": "binary"}} for one in _FORMS.values()},
            "description": "One record a line, or a table.",
        }
    },
)
def export_records(session: Exporting, key: TypeKey, asked: models.ExportRequest) -> Response:
    """Records as NDJSON, which an import reads again, as CSV or a workbook; one act in the log."""
    _check_type(session, key)
    return handed(
        lambda target: session.export_file(
            key,
            target,
            form=asked.form,
            headers=asked.headers,
            ids=asked.ids,
            where=asked.where,
            fields=asked.fields,
            deleted=asked.deleted,
            records=asked.records,
            recipient=asked.recipient,
            reason=asked.reason,
        ),
        f"{key}.{asked.form}",
        _FORMS[asked.form],
    )


# One record


@router.post("/records/{type}", status_code=201)
def create_record(
    session: Creating,
    key: TypeKey,
    given: models.Change,
    response: Response,
    idempotency_key: Idempotency = None,
) -> models.Saved:
    """Make a record."""
    _check_type(session, key)
    saved = session.create(
        key,
        given.fields,
        reason=given.reason,
        effective=given.effective,
        idempotency_key=idempotency_key,
    )
    response.headers["Location"] = f"/api/v1/records/{key}/{saved.id}"
    return saved_of(saved, response)


@router.get("/records/{type}/{id}")
def get_record(
    session: Reading,
    key: TypeKey,
    id: RecordId,
    response: Response,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    as_of: Day = None,
    effective_at: Day = None,
    fields: Annotated[str | None, Query(max_length=4_000, description="keys, with commas between")] = None,
) -> models.Record:
    """One record, as it stands or stood; its entry is in the log before the answer."""
    named = of_type(session, key, id, "record.read")
    wanted = [one for one in fields.split(",") if one] if fields else None
    record = session.get(named, version=version, as_of=as_of, effective_at=effective_at, fields=wanted)
    put_version(response, record.version)
    return record_of(session, record)


@router.patch("/records/{type}/{id}")
def update_record(
    session: Updating,
    key: TypeKey,
    id: RecordId,
    given: models.Change,
    response: Response,
    if_match: IfMatch = None,
    idempotency_key: Idempotency = None,
) -> models.Saved:
    """Change some fields; saving what is there already writes nothing."""
    expected = version_of(if_match)
    _check_type(session, key)
    saved = session.update(
        of_type(session, key, id),
        given.fields,
        expected_version=expected,
        reason=given.reason,
        effective=given.effective,
        idempotency_key=idempotency_key,
    )
    return saved_of(saved, response)


@router.post("/records/{type}/{id}/correct")
def correct_record(
    session: Correcting,
    key: TypeKey,
    id: RecordId,
    given: models.Change,
    response: Response,
    if_match: IfMatch = None,
) -> models.Saved:
    """Put right what was wrong from the start: it holds since the version it corrects did."""
    expected = version_of(if_match)
    _check_type(session, key)
    saved = session.correct(
        of_type(session, key, id),
        given.fields,
        expected_version=expected,
        reason=given.reason,
        effective=given.effective,
    )
    return saved_of(saved, response)


@router.post("/records/{type}/{id}/delete")
def delete_record(
    session: Deleting,
    key: TypeKey,
    id: RecordId,
    given: models.RemoveRequest,
    response: Response,
    if_match: IfMatch = None,
) -> models.Saved:
    """Take a record out of lists; it can be brought back until retention disposes of it."""
    _check_type(session, key)
    expected = None if if_match is None else version_of(if_match)
    return saved_of(
        session.delete(of_type(session, key, id), reason=given.reason, expected_version=expected),
        response,
    )


@router.post("/records/{type}/{id}/undelete")
def undelete_record(
    session: Restoring, key: TypeKey, id: RecordId, given: models.RestoreRequest, response: Response
) -> models.Saved:
    """Bring a deleted record back."""
    _check_type(session, key)
    return saved_of(session.undelete(of_type(session, key, id), reason=given.reason), response)


# History


@router.get("/records/{type}/{id}/history", tags=["history"])
def record_history(session: Remembering, key: TypeKey, id: RecordId) -> models.History:
    """Every version: who wrote it, when, why, and what changed."""
    record_type = _check_type(session, key)
    return models.History(
        history=[
            models.Step(
                version=one.version,
                operation=one.operation,
                recorded=rfc3339(one.recorded_us),
                effective=rfc3339(one.effective_us),
                actor=one.actor,
                purpose=one.purpose,
                reason=one.reason,
                entry=one.entry,
                hash=one.hash,
                changes=[_difference(session, record_type, change) for change in one.changes],
            )
            for one in session.history(of_type(session, key, id, "record.history"))
        ]
    )


@router.get("/records/{type}/{id}/diff", tags=["history"])
def record_diff(
    session: Remembering,
    key: TypeKey,
    id: RecordId,
    first: Annotated[int, Query(ge=1, le=2**31 - 1)],
    second: Annotated[int, Query(ge=1, le=2**31 - 1)],
) -> list[models.Difference]:
    """What differs between two versions."""
    record_type = _check_type(session, key)
    return [
        _difference(session, record_type, one)
        for one in session.diff(of_type(session, key, id, "record.history"), first, second)
    ]


def _difference(session: Session, record_type: RecordType, one: views.Change) -> models.Difference:
    if one.masked:
        return models.Difference(field=one.field, before=one.before, after=one.after, masked=True)
    return models.Difference(
        field=one.field,
        before=_json(session, record_type, one.field, one.before),
        after=_json(session, record_type, one.field, one.after),
    )


@router.get("/records/{type}/{id}/accesses", tags=["history"])
def record_accesses(
    session: Watching,
    key: TypeKey,
    id: RecordId,
    limit: Limit = 100,
    after: After = None,
) -> models.EntriesPage:
    """Everybody who saw, changed or was refused this record, the newest first."""
    _check_type(session, key)
    found = session.accesses(of_type(session, key, id, "record.accesses"), limit=limit, after=after)
    return models.EntriesPage(
        entries=[models.Entry(**one.document()) for one in found],
        generations=sorted({one.generation for one in found}),
        after=found.after,
    )


# Many at once


@router.post(
    "/records/{type}/bulk",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        }
    },
    responses={
        200: {
            "content": {"application/x-ndjson": {}},
            "description": "One line for each: what was saved, or a problem.",
        }
    },
)
async def write_records(session: Bulk, key: TypeKey, request: Request) -> Response:
    """Write many records, a line each.

    ``{"fields": {...}}`` makes one; ``id`` and ``version`` beside it change one.
    Lines are written by two hundred; a refused one does not hinder the others.
    """
    content = await request.body()
    lines = await run_in_threadpool(_changes, session, key, content)
    return StreamingResponse(
        _written(session, lines, language_of(request)), media_type="application/x-ndjson"
    )


def _changes(session: Session, key: str, content: bytes) -> list[SessionChange]:
    """The changes that lines ask for.

    Raises:
        UsageError: ``serve.line`` with the number of a line that is none.
    """
    _check_type(session, key)
    changes = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            document: Any = strict_json(line) if len(line) <= _LONGEST_LINE else None
            fields = document["fields"]
            identifier, version = document.get("id"), document.get("version")
            if (
                not isinstance(fields, dict)
                or not set(document) <= {"fields", "id", "version"}
                or not isinstance(version, int | None)
                or isinstance(version, bool)
            ):
                raise ValueError
            record = None if identifier is None else id_bytes(str(UUID(identifier)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise UsageError("serve.line", number=number) from None
        changes.append(
            SessionChange("create", key, values=fields)
            if record is None
            else SessionChange("update", record=record, values=fields, expected_version=version)
        )
    return changes


def _written(session: Session, changes: list[SessionChange], lang: str) -> Iterator[str]:
    number = 0
    for start in range(0, len(changes), _LINES):
        some = changes[start : start + _LINES]
        for change, one in zip(some, session.write(some, collect=True), strict=True):
            number += 1
            document: dict[str, Any] = {"line": number}
            if isinstance(one, MunimentError):
                withhold(one, sent_in(change.values))
                document["problem"] = problem(one, lang)
            else:
                document |= {"id": one.id, "version": one.version, "written": one.written}
            yield json.dumps(document, ensure_ascii=False) + "\n"
