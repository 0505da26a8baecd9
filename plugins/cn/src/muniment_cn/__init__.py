"""China: how long records are kept, separate consents, and what is kept of children."""

from __future__ import annotations

from muniment.packs import Pack, plugin_of
from muniment_cn._checks import CHECKS, muniment_needs_approval, muniment_validate

__all__ = ["CHECKS", "DATA", "PLUGIN"]

DATA = Pack(__name__)
"""The files beside this one."""

PLUGIN = plugin_of(DATA, muniment_needs_approval, muniment_validate)
"""The hooks that the files answer, and those of our own."""
