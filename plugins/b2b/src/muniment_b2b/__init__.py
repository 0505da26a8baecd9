"""Business accounts: registration, contracts, price lists, bank details, recordings."""

from __future__ import annotations

from muniment.packs import Pack, plugin_of
from muniment_b2b._checks import BANK_DETAILS, CHECKS, muniment_needs_approval

__all__ = ["BANK_DETAILS", "CHECKS", "DATA", "PLUGIN"]

DATA = Pack(__name__)
"""The files beside this one."""

PLUGIN = plugin_of(DATA, muniment_needs_approval, checks=CHECKS)
"""The hooks that the files answer, and those of our own."""
