"""Insights: figures, behaviour, lifetime value, segments, churn and needs; each run logged and explained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

from muniment import hookimpl
from muniment.packs import Pack, plugin_of
from muniment.plugins import Page
from muniment.schema import Label, ListView, parse_template
from muniment_insights.pages import show

__all__ = ["DATA", "PLUGIN", "muniment_pages", "muniment_views"]

DATA: Final = Pack(__name__)
"""The files beside this one."""


@hookimpl
def muniment_views(record_type: str) -> Sequence[ListView]:
    """Bring the views that stand in ``types.toml``."""
    return [view for view in _views() if view.type == record_type]


@cache
def _views() -> tuple[ListView, ...]:
    # Its fields are of the core's kinds alone, so it reads alike wherever it is read.
    text = resources.files(__name__).joinpath("types.toml").read_text(encoding="utf-8")
    return parse_template(text, where=f"{__name__}/types.toml").views


@hookimpl
def muniment_pages() -> Sequence[Page]:
    """Bring the report as a page."""
    return [Page("report", Label("Customer insights", "客户洞察"), show)]


PLUGIN: Final = plugin_of(DATA, muniment_views, muniment_pages)
"""The hooks that the files answer, and those for views and pages."""
