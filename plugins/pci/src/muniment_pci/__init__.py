"""Payment cards: how long their data is kept, and where it must not stand."""

from __future__ import annotations

from muniment.packs import Pack, plugin_of
from muniment_pci._cards import muniment_validate

__all__ = ["DATA", "PLUGIN"]

DATA = Pack(__name__)
"""The files beside this one."""

PLUGIN = plugin_of(DATA, muniment_validate)
"""The hooks that the files answer, and those of our own."""
