"""The pages, one module for each area."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from starlette.routing import BaseRoute

__all__ = ["routes"]

_AREAS: Final = (
    "desk",
    "finding",
    "table",
    "record",
    "sign_in",
    "account",
    "alerts",
    "audit",
    "glass",
    "incidents",
    "regimes",
    "requests",
    "restricting",
    "retention",
    "changes",
    "cleaning",
    "configuration",
    "consents",
    "dashboards",
    "developers",
    "keeping",
    "letters",
    "followups",
    "promising",
    "incoming",
    "mailings",
    "choosing",
    "filing",
    "filters",
    "portable",
    "exports",
    "imports",
    "tray",
    "reveal",
    "history",
    "plugged",
    "plugins",
    "hooks",
    "log",
    "schema",
    "status",
    "backups",
    "keys",
    "roles",
    "role",
    "ruling",
    "users",
)
"""In the order in which the router asks them: what people ask for most stands first."""


def routes() -> list[BaseRoute]:
    """Every route of the pages."""
    modules = [import_module(f"{__name__}.{name}") for name in _AREAS]
    return [route for module in modules for route in module.routes()]
