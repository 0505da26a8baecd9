"""Imports: files of rows, how they are read, and undoing one."""

from __future__ import annotations

import tempfile
from base64 import b64encode
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path
from pydantic import Field, StringConstraints
from starlette.responses import Response

from muniment.cli.values import value_json
from muniment.errors import Issue, UsageError
from muniment.imports import Mapping, mapping_document, parse_mapping
from muniment.imports.run import Imported
from muniment.session import Session
from muniment.session.tables.mapped import SavedMapping
from muniment_web.api import _models as models
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    Done,
    Id,
    IfMatch,
    Limit,
    Moment,
    Name,
    Paged,
    Reason,
    Shown,
    Strict,
    Text,
    TypeKey,
    Upload,
    Written,
    check_type,
    file_answers,
    put_version,
    replacing,
    require_seen,
    uploaded,
    written,
)
from muniment_web.api._quality import Pair, Pairs
from muniment_web.server.handed import handed

__all__ = ["router"]

router: Final = area("imports")
Importing = Annotated[Session, Depends(may("write", "record.import"))]
Trying = Annotated[Session, Depends(may("write", "record.import", once="never"))]
Imports = Annotated[Session, Depends(may("read", "record.import"))]
MappingName = Annotated[str, Path(alias="name", min_length=1, max_length=100)]
_WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ImportRequest(Strict):
    """A file of rows, and how it is read."""

    file: Upload
    mapping: Name | None = Field(default=None, description="name of a saved mapping")
    columns: dict[str, Any] | None = Field(
        default=None, description="a mapping of this file alone, as `PUT /mappings/{name}` takes it"
    )
    match: list[Annotated[str, StringConstraints(max_length=100)]] = Field(default=[])
    dry_run: bool = True
    rejects: bool = Field(default=False, description="give the refused rows back as a workbook to mend")
    save_as: Name | None = Field(default=None, description="keep how the file was read under this name")
    empty: Literal["", "keep", "clear"] = ""
    sheet: Annotated[str, StringConstraints(max_length=200)] | None = None
    encoding: Annotated[str, StringConstraints(max_length=40)] | None = None
    delimiter: Annotated[str, StringConstraints(max_length=4)] | None = None
    header_row: Annotated[int, Field(ge=1, le=10_000)] | None = None
    reason: Text | None = None


class RowProblem(Shown):
    """Why a row was refused."""

    row: int
    columns: list[str]
    issues: list[models.Issue]


class ImportDone(Shown):
    """What became of an import, or would."""

    id: str | None = None
    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    match: list[str]
    notes: list[models.Issue]
    warnings: dict[str, int]
    problems: list[RowProblem]
    read_as: dict[str, Any] = Field(default={}, description="the mapping that was used")
    rejects: str | None = Field(default=None, description="base64 of a workbook of the refused rows")


class ImportShown(Shown):
    """An import that there was."""

    id: str
    version: int
    recorded: Moment
    fields: dict[str, Any]


class ImportList(Paged):
    """The imports that there were, newest first."""

    imports: list[ImportShown]


class RevertRequest(Strict):
    """Why an import is undone."""

    reason: Reason
    force: bool = Field(default=False, description="set back what somebody changed since, too")


class RevertDone(Shown):
    """What was undone."""

    id: str
    deleted: int
    restored: int
    gone: int
    conflicts: int
    records: list[str]


@router.post("/records/{type}/import")
def import_rows(session: Importing, key: TypeKey, given: ImportRequest) -> ImportDone:
    """Import a CSV file or a workbook; without ``dry_run`` set to false nothing is written."""
    check_type(session, key)
    with uploaded(given.file) as path, tempfile.TemporaryDirectory(prefix="muniment-") as folder:
        if path is None or (given.mapping is not None and given.columns is not None):
            raise UsageError("serve.request")
        if given.save_as is not None:
            session.mappings.check_name(given.save_as)
        target = FilePath(folder) / "rejected.xlsx"
        done = session.import_file(
            key,
            path,
            mapping=_mapping(session, given.mapping, given.columns),
            match=given.match,
            dry_run=given.dry_run,
            empty=given.empty,
            sheet=given.sheet,
            encoding=given.encoding,
            delimiter=given.delimiter,
            header_row=given.header_row,
            reason=given.reason,
            rejects_to=target if given.rejects else None,
            preview=0,
        )
        if given.save_as is not None and done.mapping is not None and not given.dry_run:
            session.mappings.save(given.save_as, done.mapping, reason=given.reason)
        content = target.read_bytes() if target.is_file() else b""
    return _imported(done, content)


def _mapping(session: Session, name: str | None, columns: dict[str, Any] | None) -> Mapping | None:
    if columns is not None:
        return parse_mapping(columns)
    return None if name is None else session.mappings.get(name).mapping


def _imported(done: Imported, rejects: bytes) -> ImportDone:
    return ImportDone(
        id=done.id or None,
        dry_run=done.dry_run,
        rows=done.rows,
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
        rejected=done.rejected,
        match=list(done.match),
        notes=[_issue(one) for one in done.notes],
        warnings=dict(done.warnings),
        problems=[
            RowProblem(row=one.row, columns=list(one.columns), issues=[_issue(each) for each in one.issues])
            for one in done.problems
        ],
        read_as={} if done.mapping is None else mapping_document(done.mapping),
        rejects=b64encode(rejects).decode("ascii") if rejects else None,
    )


def _issue(one: Issue) -> models.Issue:
    return models.Issue(field=one.field, code=one.code, severity=one.severity, detail=one.text())


@router.get("/imports")
def list_imports(session: Imports, limit: Limit = 100, after: After = None) -> ImportList:
    """The imports that there were, newest first."""
    found = session.imports(limit=limit, after=after)
    return ImportList(
        imports=[
            ImportShown.model_validate(
                {
                    "id": one.id,
                    "version": one.version,
                    "recorded": one.recorded_us,
                    "fields": {
                        name: value if name in one.masked else value_json(value)
                        for name, value in one.fields.items()
                    },
                }
            )
            for one in found
        ],
        after=found.after,
    )


@router.post("/imports/{id}/revert")
def revert_import(session: Importing, id: Id, given: RevertRequest) -> RevertDone:
    """Undo an import as new versions; what somebody changed since is left alone unless forced."""
    done = session.revert_import(str(id), reason=given.reason, force=given.force)
    return RevertDone.model_validate(done)


# What is known before an import


class FileRows(Strict):
    """A file of rows, and how it is read."""

    file: Upload
    mapping: Name | None = Field(default=None, description="name of a saved mapping")
    columns: dict[str, Any] | None = None
    at_least: Annotated[int, Field(ge=1, le=100)] = 60
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


@router.post("/records/{type}/import/duplicates")
def find_duplicates_in_file(session: Trying, key: TypeKey, given: FileRows) -> Pairs:
    """Pairs of rows, and of rows and records, that may be about the same; nothing is written."""
    check_type(session, key)
    with uploaded(given.file) as path:
        found = session.cleaning.duplicates_in_file(
            key,
            str(path),
            mapping=_mapping(session, given.mapping, given.columns),
            at_least=given.at_least,
            limit=given.limit,
        )
    return Pairs(duplicates=[Pair.model_validate(one) for one in found])


@router.get(
    "/records/{type}/import/workbook",
    response_class=Response,
    responses=file_answers(_WORKBOOK, "An empty workbook with headers, drop-downs and help."),
)
def import_workbook(
    session: Imports, key: TypeKey, headers: Literal["key", "en", "zh"] = "en", everything: bool = False
) -> Response:
    """An empty workbook to fill in, which an import reads."""
    from muniment.exports.blank import write_blank

    session.require("record.import", key)
    record_type = check_type(session, key)
    writable = session.view(record_type).writable
    fields = [one.key for one in record_type.fields if one.key in writable and (everything or not one.hidden)]
    return handed(
        lambda target: write_blank(
            str(target), record_type, fields=fields, headers=headers, kinds=session.kinds
        ),
        f"{key}.xlsx",
        _WORKBOOK,
    )


# Mappings


class MappingShown(Shown):
    """Which column of a file becomes which field."""

    name: str
    id: str | None = None
    version: int
    mapping: dict[str, Any]


class Mappings(Shown):
    """The saved mappings, and those that come with muniment."""

    mappings: list[MappingShown]


class MappingRequest(Strict):
    """A mapping: columns, joins, constants, values and how the file is read."""

    mapping: dict[str, Any]
    reason: Text | None = None


def _shown(one: SavedMapping) -> MappingShown:
    return MappingShown(
        name=one.name, id=one.id or None, version=one.version, mapping=mapping_document(one.mapping)
    )


@router.get("/mappings")
def list_mappings(session: Imports) -> Mappings:
    """The mappings that an import may name."""
    return Mappings(mappings=[_shown(one) for one in session.mappings.all()])


@router.get("/mappings/{name}")
def get_mapping(session: Imports, name: MappingName, response: Response) -> MappingShown:
    """One mapping."""
    found = session.mappings.get(name)
    put_version(response, found.version)
    return _shown(found)


@router.put("/mappings/{name}")
def save_mapping(
    session: Importing, name: MappingName, given: MappingRequest, if_match: IfMatch = None
) -> Written:
    """Keep a mapping, in place of the one of that name."""
    saved = session.mappings.save(
        name, parse_mapping(given.mapping), reason=given.reason, seen=replacing(if_match)
    )
    return written(saved)


@router.delete("/mappings/{name}")
def remove_mapping(session: Importing, name: MappingName, if_match: IfMatch = None) -> Done:
    """Take a saved mapping away."""
    session.require("record.import")
    _seen(session, name, if_match)
    session.mappings.remove(name)
    return Done(id=name, state="removed")


def _seen(session: Session, name: str, if_match: str | None) -> None:
    if if_match is not None:
        require_seen(if_match, session.mappings.get(name).version)
