"""Regimes: what this archive shows for each clause of a law or standard; and the laws of incidents."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Path
from pydantic import Field

from muniment.cli.incident_out import known_laws
from muniment.errors import NotFound
from muniment.session import Session
from muniment_web.api._calls import area, may
from muniment_web.api._parts import Label, Shown, Strict

__all__ = ["router"]

router: Final = area("regimes")
Configured = Annotated[Session, Depends(may("log", "config.read"))]
Reporting = Annotated[Session, Depends(may("log", "log.read", once="never"))]
Incidents = Annotated[Session, Depends(may("log", "incident.read"))]
RegimeKey = Annotated[str, Path(alias="key", pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]


class RegimeShown(Shown):
    """A law or standard whose clauses can be checked."""

    key: str
    label: Label
    clauses: int


class RegimeList(Shown):
    """The regimes that come with muniment, and those of plugins."""

    regimes: list[RegimeShown]


class RegimeReport(Strict):
    """How the report is made."""

    verify: bool = Field(default=True, description="verify the whole log first")


class Laws(Shown):
    """The laws whose clocks an incident may run."""

    laws: list[dict[str, Any]]


@router.get("/regimes")
def list_regimes(session: Configured) -> RegimeList:
    """The regimes that a report can be made of."""
    session.require("config.read")
    return RegimeList(
        regimes=[
            RegimeShown(key=key, label={"en": one.label.en, "zh": one.label.zh}, clauses=len(one.clauses))
            for key, one in session.regimes.listed().items()
        ]
    )


@router.post("/regimes/{key}/report")
def report_regime(session: Reporting, key: RegimeKey, given: RegimeReport) -> dict[str, Any]:
    """What this archive shows for each clause, checked now; it judges nobody."""
    if key not in session.regimes.listed():
        session.require("log.read")
        raise NotFound("serve.not_found")
    return session.regimes.report(key, verified=given.verify)


@router.get("/incidents/laws", tags=["oversight"])
def list_laws(session: Incidents) -> Laws:
    """The laws whose clocks an incident may run, with their periods and sources."""
    session.require("incident.read")
    return Laws(laws=list(known_laws()))
