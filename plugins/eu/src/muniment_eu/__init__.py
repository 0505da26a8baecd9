"""European Union: how long records are kept, restriction of processing, special categories."""

from __future__ import annotations

from muniment.packs import Pack, plugin_of
from muniment_eu._checks import muniment_validate

__all__ = ["DATA", "PLUGIN"]

DATA = Pack(__name__)
"""The files beside this one."""

PLUGIN = plugin_of(DATA, muniment_validate)
"""The hooks that the files answer, and those of our own."""
