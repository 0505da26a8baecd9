"""Saved views and dashboards."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path, Query, Response
from pydantic import Field, StringConstraints

from muniment.schema import ListView, parse_condition
from muniment.schema.dashboards import dashboard_document, parse_dashboard
from muniment.session import Session
from muniment.session.tables.charting import shown_document
from muniment.session.tables.dashboards import SavedDashboard
from muniment.session.tables.saved import SavedView
from muniment_web.api import _models as models
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    Cursor,
    Done,
    IfMatch,
    Key,
    Label,
    Name,
    Order,
    Shown,
    Strict,
    Text,
    TypeKey,
    Written,
    check_type,
    put_version,
    replacing,
    require_seen,
    written,
)
from muniment_web.api._records import page_of

__all__ = ["router"]

router: Final = area("tables")
Seeing = Annotated[Session, Depends(may("read", "record.list"))]
Asking = Annotated[Session, Depends(may("read", "record.list", once="never"))]
Renewing = Annotated[Session, Depends(may("write", "record.list"))]
Saving = Annotated[Session, Depends(may("write", "view.save"))]
ViewName = Annotated[str, Path(alias="name", min_length=1, max_length=100)]


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
    widths: dict[str, int] = Field(description="of columns, in pixels")
    pinned: int
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
    sort: Order | None = None
    descending: bool = False
    group_by: Key | None = None
    widths: dict[Key, Annotated[int, Field(ge=40, le=1000)]] = Field(
        default={}, max_length=200, description="of columns, in pixels"
    )
    pinned: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="how many of the first columns stay in view"
    )
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
        widths=dict(shown.widths),
        pinned=shown.pinned,
        audience=one.audience,
        holders=list(one.holders),
        locked=one.locked,
        version=one.version,
    )


@router.get("/views/{type}/{name}", tags=["views"])
def get_view(session: Seeing, key: TypeKey, name: ViewName, response: Response) -> ViewShown:
    """One view."""
    check_type(session, key)
    found = session.views.get(key, name)
    put_version(response, found.version)
    return _view(found)


@router.put("/views/{type}/{name}", tags=["views"])
def save_view(
    session: Saving, key: TypeKey, name: ViewName, given: ViewRequest, if_match: IfMatch = None
) -> Written:
    """Keep a view, in place of the one of that name for the same audience, by the version that was seen."""
    check_type(session, key)
    made = ListView(
        key=name,
        type=key,
        columns=tuple(given.columns),
        filters=tuple(parse_condition(text, where=key) for text in given.filters),
        sort=given.sort or "",
        descending=given.descending,
        group_by=given.group_by or "",
        widths=tuple(given.widths.items()),
        pinned=given.pinned,
    )
    return written(
        session.views.save(
            made,
            audience=given.audience,
            roles=given.roles,
            locked=given.locked,
            reason=given.reason,
            seen=replacing(if_match),
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
    """The numbers of a dashboard; groups of too few people are not told.

    What is counted from sealed fields may have been kept: ``counted`` says since when.
    """
    shown = session.dashboards.show(name)
    document: dict[str, Any] = shown_document(shown)
    return document


class Renewed(Shown):
    """How many figures were counted anew and are kept."""

    renewed: int


@router.post("/dashboards/{name}/renew", tags=["dashboards"])
def renew_dashboard(session: Renewing, name: ViewName) -> Renewed:
    """Count anew, and keep, what a dashboard shows of sealed fields; every record is opened for that."""
    return Renewed(renewed=session.dashboards.renew(name))


class DashboardDefinition(Shown):
    """What a dashboard shows, and whom."""

    id: str | None = None
    version: int
    audience: str
    holders: list[str]
    definition: dict[str, Any]


class DashboardRequest(Strict):
    """What a dashboard shows, and whom: ``label`` and a list ``tile``, as in a file of dashboards."""

    definition: dict[str, Any]
    audience: Literal["person", "role", "everyone"] = "person"
    roles: list[Name] = Field(default=[])
    reason: Text | None = None


def _definition(found: SavedDashboard) -> dict[str, Any]:
    document = dashboard_document(found.dashboard)
    return {"label": document.get("label", {}), "tile": document["tiles"]} | (
        {"help": document["help"]} if "help" in document else {}
    )


@router.get("/dashboards/{name}/definition", tags=["dashboards"])
def get_dashboard_definition(session: Seeing, name: ViewName, response: Response) -> DashboardDefinition:
    """What a dashboard is made of, as far as this caller may see it."""
    found = session.dashboards.get(name)
    put_version(response, found.version)
    return DashboardDefinition(
        id=found.id or None,
        version=found.version,
        audience=found.audience,
        holders=list(found.holders),
        definition=_definition(found),
    )


@router.put("/dashboards/{name}", tags=["dashboards"])
def save_dashboard(
    session: Saving, name: ViewName, given: DashboardRequest, if_match: IfMatch = None
) -> Written:
    """Keep a dashboard, in place of the one of that name for the same audience."""
    session.require("view.save" if given.audience == "person" else "view.share")
    made = parse_dashboard({**given.definition, "key": name}, "definition")
    return written(
        session.dashboards.save(
            made,
            audience=given.audience,
            roles=given.roles,
            reason=given.reason,
            seen=replacing(if_match),
        )
    )


@router.delete("/dashboards/{name}", tags=["dashboards"])
def remove_dashboard(session: Saving, name: ViewName, if_match: IfMatch = None) -> Done:
    """Take a dashboard away."""
    session.require("view.save")
    if if_match is not None:
        require_seen(if_match, session.dashboards.get(name).version)
    session.dashboards.remove(name)
    return Done(id=name, state="removed")
