"""Finance: clients, due diligence, accounts, cards, transactions, screening."""

from __future__ import annotations

from muniment.packs import Pack, plugin_of
from muniment_finance._checks import CHECKS

__all__ = ["CHECKS", "DATA", "PLUGIN"]

DATA = Pack(__name__)
"""The files beside this one."""

PLUGIN = plugin_of(DATA, checks=CHECKS)
"""The hooks that the files answer, and those of our own."""
