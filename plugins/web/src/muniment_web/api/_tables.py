"""Saved views, dashboards, imports, and what is wrong with the data."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path, Query
from pydantic import Field, StringConstraints

from muniment.cli.values import value_json
from muniment.errors import Issue, UsageError
from muniment.imports.run import Imported
from muniment.schema import ListView, parse_condition
from muniment.session import Session
from muniment.session.tables.charting import shown_document
from muniment.session.tables.saved import SavedView
from muniment_web.api import _models as models
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    Cursor,
    Done,
    Id,
    Key,
    Label,
    Limit,
    Moment,
    Reason,
    Shown,
    Strict,
    Text,
    TypeKey,
    Upload,
    Why,
    Written,
    check_type,
    uploaded,
    written,
)
from muniment_web.api._records import page_of

__all__ = ["router"]

router: Final = area("tables")
Seeing = Annotated[Session, Depends(may("read", "record.list"))]
Searching = Annotated[Session, Depends(may("read", "record.search", once="never"))]
Asking = Annotated[Session, Depends(may("read", "record.list", once="never"))]
Saving = Annotated[Session, Depends(may("write", "view.save"))]
Importing = Annotated[Session, Depends(may("write", "record.import"))]
Imports = Annotated[Session, Depends(may("read", "record.import"))]
Checking = Annotated[Session, Depends(may("read", "data.check", once="never"))]
Merged = Annotated[Session, Depends(may("read", "subject.link"))]
Linking = Annotated[Session, Depends(may("write", "subject.link"))]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
ViewName = Annotated[str, Path(alias="name", min_length=1, max_length=100)]
UuidText = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


# Views


class ViewShown(Shown):
    """A saved view of one table."""

    id: str | None = None
    key: str
    type: str
    label: Label
    columns: list[str]
    filters: list[str] = Field(description="conditions such as status=open or due<=today+7")
    sort: str | None = None
    descending: bool
    group_by: str | None = None
    audience: str
    holders: list[str]
    locked: bool
    version: int


class Views(Shown):
    """Saved views, by type and name."""

    views: list[ViewShown]


class ViewRequest(Strict):
    """What a view shows, and whom."""

    columns: list[Key] = Field(default=[], max_length=200)
    filters: list[Annotated[str, StringConstraints(max_length=400)]] = Field(default=[], max_length=50)
    sort: Key | None = None
    descending: bool = False
    group_by: Key | None = None
    audience: Literal["person", "role", "everyone"] = "person"
    roles: list[Name] = Field(default=[])
    locked: bool | None = None
    reason: Text | None = None


class ViewRows(Strict):
    """Which page of a view."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Cursor | None = None
    count: bool = False


@router.get("/views", tags=["views"])
def list_views(session: Seeing, type: Annotated[Key | None, Query()] = None) -> Views:
    """The views that this caller may use, of one table or all."""
    return Views(views=[_view(one) for one in session.views.list(type)])


def _view(one: SavedView) -> ViewShown:
    shown = one.view
    return ViewShown(
        id=one.id or None,
        key=shown.key,
        type=shown.type,
        label={"en": shown.label.en or shown.key, "zh": shown.label.zh or shown.key},
        columns=list(shown.columns),
        filters=[condition.text for condition in shown.filters],
        sort=shown.sort or None,
        descending=shown.descending,
        group_by=shown.group_by or None,
        audience=one.audience,
        holders=list(one.holders),
        locked=one.locked,
        version=one.version,
    )


@router.get("/views/{type}/{name}", tags=["views"])
def get_view(session: Seeing, key: TypeKey, name: ViewName) -> ViewShown:
    """One view."""
    check_type(session, key)
    return _view(session.views.get(key, name))


@router.put("/views/{type}/{name}", tags=["views"])
def save_view(session: Saving, key: TypeKey, name: ViewName, given: ViewRequest) -> Written:
    """Keep a view, in place of the one of that name for the same audience."""
    check_type(session, key)
    made = ListView(
        key=name,
        type=key,
        columns=tuple(given.columns),
        filters=tuple(parse_condition(text, where=key) for text in given.filters),
        sort=given.sort or "",
        descending=given.descending,
        group_by=given.group_by or "",
    )
    return written(
        session.views.save(
            made, audience=given.audience, roles=given.roles, locked=given.locked, reason=given.reason
        )
    )


@router.delete("/views/{type}/{name}", tags=["views"])
def remove_view(session: Saving, key: TypeKey, name: ViewName) -> Done:
    """Take a view away."""
    check_type(session, key)
    session.views.remove(key, name)
    return Done(id=name, state="removed")


@router.post("/views/{type}/{name}/rows", tags=["views"])
def view_rows(session: Asking, key: TypeKey, name: ViewName, asked: ViewRows) -> models.RecordsPage:
    """One page of what a view shows."""
    check_type(session, key)
    _, found = session.views.rows(key, name, limit=asked.limit, after=asked.after, count=asked.count)
    return page_of(session, found)


# Dashboards


class DashboardShown(Shown):
    """A dashboard of which this caller may see something."""

    id: str | None = None
    key: str
    label: Label
    audience: str
    tiles: list[str]


class Dashboards(Shown):
    """Dashboards, by name."""

    dashboards: list[DashboardShown]


@router.get("/dashboards", tags=["dashboards"])
def list_dashboards(session: Seeing) -> Dashboards:
    """The dashboards of which this caller may see something."""
    return Dashboards(
        dashboards=[
            DashboardShown(
                id=one.id or None,
                key=one.dashboard.key,
                label={
                    "en": one.dashboard.label.en or one.dashboard.key,
                    "zh": one.dashboard.label.zh or one.dashboard.key,
                },
                audience=one.audience,
                tiles=[tile.key for tile in one.dashboard.tiles],
            )
            for one in session.dashboards.list()
        ]
    )


@router.get("/dashboards/{name}", tags=["dashboards"])
def get_dashboard(session: Seeing, name: ViewName) -> dict[str, Any]:
    """The numbers of a dashboard, computed now; groups of too few people are not told."""
    shown = session.dashboards.show(name)
    document: dict[str, Any] = shown_document(shown)
    return document


# Imports


class ImportRequest(Strict):
    """A file of rows, and how it is read."""

    file: Upload
    mapping: Name | None = Field(default=None, description="name of a saved mapping")
    match: list[Annotated[str, StringConstraints(max_length=100)]] = Field(default=[])
    dry_run: bool = True
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


class ImportShown(Shown):
    """An import that there was."""

    id: str
    version: int
    recorded: Moment
    fields: dict[str, Any]


class ImportList(Shown):
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


@router.post("/records/{type}/import", tags=["imports"])
def import_rows(session: Importing, key: TypeKey, given: ImportRequest) -> ImportDone:
    """Import a CSV file or a workbook; without ``dry_run`` set to false nothing is written."""
    check_type(session, key)
    mapping = None if given.mapping is None else session.mappings.get(given.mapping).mapping
    with uploaded(given.file) as path:
        if path is None:
            raise UsageError("serve.request")
        done = session.import_file(
            key,
            path,
            mapping=mapping,
            match=given.match,
            dry_run=given.dry_run,
            empty=given.empty,
            sheet=given.sheet,
            encoding=given.encoding,
            delimiter=given.delimiter,
            header_row=given.header_row,
            reason=given.reason,
            preview=0,
        )
    return _imported(done)


def _imported(done: Imported) -> ImportDone:
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
    )


def _issue(one: Issue) -> models.Issue:
    return models.Issue(field=one.field, code=one.code, severity=one.severity, detail=one.text())


@router.get("/imports", tags=["imports"])
def list_imports(session: Imports) -> ImportList:
    """The imports that there were, newest first."""
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
            for one in session.imports()
        ]
    )


@router.post("/imports/{id}/revert", tags=["imports"])
def revert_import(session: Importing, id: Id, given: RevertRequest) -> RevertDone:
    """Undo an import as new versions; what somebody changed since is left alone unless forced."""
    done = session.revert_import(str(id), reason=given.reason, force=given.force)
    return RevertDone.model_validate(done)


# Quality


class FieldAlike(Shown):
    """How alike two records are in one field, in percent."""

    field: str
    percent: int


class Pair(Shown):
    """Two records that may be about the same."""

    first: str
    second: str
    score: int
    fields: list[FieldAlike]


class Pairs(Shown):
    """Pairs of records that may be about the same."""

    duplicates: list[Pair]


class FindingShown(Shown):
    """What is wrong with one record."""

    code: str
    record: str
    field: str
    owner: str


class QualityShown(Shown):
    """What is wrong with the records of a type."""

    type: str
    records: int
    counts: dict[str, int]
    findings: list[FindingShown]


class MergeRequest(Strict):
    """Which of two records stays, and why they are one."""

    kept: UuidText
    duplicate: UuidText
    reason: Reason
    fill: bool = True


class MergeShown(Shown):
    """Two records that were found to be one."""

    id: str
    version: int
    type: str
    kept: str
    duplicate: str
    filled: list[str]


class Merges(Shown):
    """Merges that hold, oldest first."""

    merges: list[MergeShown]


@router.post("/records/{type}/duplicates", tags=["quality"])
def find_duplicates(
    session: Searching,
    key: TypeKey,
    at_least: Annotated[int, Query(ge=1, le=100)] = 60,
    limit: Limit = 100,
) -> Pairs:
    """Pairs of records that may be about the same; an act in the log."""
    check_type(session, key)
    found = session.cleaning.duplicates(key, at_least=at_least, limit=limit)
    return Pairs(duplicates=[Pair.model_validate(one) for one in found])


@router.post("/records/{type}/quality", tags=["quality"])
def check_quality(session: Checking, key: TypeKey) -> QualityShown:
    """What is wrong with the records of a table; an act in the log."""
    check_type(session, key)
    return QualityShown.model_validate(session.cleaning.quality(key))


@router.get("/merges", tags=["quality"])
def list_merges(session: Merged) -> Merges:
    """The merges that hold."""
    return Merges(merges=[MergeShown.model_validate(one) for one in session.cleaning.links.list()])


@router.post("/merges", tags=["quality"], status_code=201)
def merge_records(session: Linking, given: MergeRequest) -> MergeShown:
    """Make one of two records that are about the same."""
    done = session.cleaning.links.merge(given.kept, given.duplicate, reason=given.reason, fill=given.fill)
    return MergeShown.model_validate(done)


@router.post("/merges/{id}/undo", tags=["quality"])
def undo_merge(session: Linking, id: Id, given: Why) -> MergeShown:
    """Take a merge apart: the duplicate is back."""
    return MergeShown.model_validate(session.cleaning.links.undo(str(id), reason=given.reason))
