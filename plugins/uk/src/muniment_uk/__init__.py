"""United Kingdom: how long records are kept."""

from __future__ import annotations

from muniment.packs import Pack, plugin_of

__all__ = ["DATA", "PLUGIN"]

DATA = Pack(__name__)
"""The files beside this one."""

PLUGIN = plugin_of(DATA)
"""The hooks that the files answer, and those of our own."""
