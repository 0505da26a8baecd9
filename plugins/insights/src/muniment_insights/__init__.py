"""Insights: figures, behaviour, lifetime value, segments, churn and needs; each run logged and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final

from muniment import hookimpl
from muniment.packs import Pack
from muniment.plugins import PluginInfo, Purpose
from muniment.schema import Field, FieldKind, LayoutGroup, ListView, RecordType, parse_template

__all__ = [
    "DATA",
    "muniment_fields",
    "muniment_plugin_info",
    "muniment_purposes",
    "muniment_record_types",
    "muniment_views",
]

DATA: Final = Pack(__name__)
"""The files beside this one."""


@hookimpl
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is."""
    return DATA.info()


@hookimpl
def muniment_record_types(kinds: Mapping[str, FieldKind]) -> Sequence[RecordType]:
    """Bring the tables that results are kept in."""
    return DATA.record_types(kinds)


@hookimpl
def muniment_fields(record_type: str) -> Sequence[Field | LayoutGroup]:
    """Have computed records of the customer tables say which run they came from."""
    return DATA.fields(record_type)


@hookimpl
def muniment_purposes() -> Sequence[Purpose]:
    """Name the purposes of ``plugin.toml``."""
    return DATA.purposes()


@hookimpl
def muniment_views(record_type: str) -> Sequence[ListView]:
    """Bring the views that stand in ``types.toml``."""
    return [view for view in _views() if view.type == record_type]


@cache
def _views() -> tuple[ListView, ...]:
    # Its fields are of the core's kinds alone, so it reads alike wherever it is read.
    text = resources.files(__name__).joinpath("types.toml").read_text(encoding="utf-8")
    return parse_template(text, where=f"{__name__}/types.toml").views
