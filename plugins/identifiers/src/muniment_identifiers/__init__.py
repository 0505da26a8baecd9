"""Field kinds for numbers with check digits: IBAN, unified social credit code, resident identity number."""

from __future__ import annotations

from collections.abc import Sequence

from muniment import hookimpl
from muniment.plugins import PluginInfo
from muniment.schema import FieldKind
from muniment_identifiers._kinds import KINDS
from muniment_identifiers._texts import MESSAGES, TITLE

__all__ = ["muniment_field_kinds", "muniment_plugin_info"]


@hookimpl
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is."""
    return PluginInfo("identifiers", ">=1,<2", title=TITLE, messages=MESSAGES)


@hookimpl
def muniment_field_kinds() -> Sequence[FieldKind]:
    """Add ``iban``, ``uscc`` and ``resident_id``."""
    return KINDS
