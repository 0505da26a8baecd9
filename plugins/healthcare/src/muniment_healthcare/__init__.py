"""Health care: patients, encounters, diagnoses, medicines, results, consents, protected notes."""

from __future__ import annotations

from muniment.packs import Pack, plugin_of
from muniment_healthcare._checks import CHECKS, muniment_needs_approval
from muniment_healthcare._loinc import LOINC, muniment_field_kinds

__all__ = ["CHECKS", "DATA", "LOINC", "PLUGIN"]

DATA = Pack(__name__)
"""The files beside this one."""

PLUGIN = plugin_of(DATA, muniment_field_kinds, muniment_needs_approval, checks=CHECKS)
"""The hooks that the files answer, and those of our own."""
