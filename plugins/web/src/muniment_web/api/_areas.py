"""The areas of the API, in the order in which they are described."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from muniment_web.api import (
    _access,
    _approvals,
    _audit,
    _definitions,
    _drafts,
    _files,
    _imports,
    _keeping,
    _log,
    _log_queries,
    _outreach,
    _oversight,
    _persons,
    _quality,
    _records,
    _regimes,
    _rules,
    _setup,
    _switching,
    _tables,
    _templates,
)

__all__ = ["AREAS"]

# What is more closely named comes before what takes any name.
AREAS: Final[tuple[APIRouter, ...]] = (
    _persons.router,
    _tables.router,
    _imports.router,
    _quality.router,
    _files.router,
    _records.router,
    _approvals.router,
    _drafts.router,
    _keeping.router,
    _outreach.router,
    _log_queries.router,
    _log.router,
    _audit.router,
    _regimes.router,
    _oversight.router,
    _rules.router,
    _setup.router,
    _access.router,
    _switching.router,
    _templates.router,
    _definitions.router,
)
