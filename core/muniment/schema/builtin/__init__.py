"""The record types that every archive has, whatever its templates; pure.

Each module here holds those of one area. A number is given once and for ever.
"""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._archive import CONFIGURATION, DEFINITION, IMPORT, USER
from muniment.schema.builtin._making import ARCHIVE_CATEGORY

__all__ = ["ARCHIVE_CATEGORY", "BUILTIN", "CONFIGURATION", "DEFINITION", "IMPORT", "USER"]

BUILTIN: Final = (DEFINITION, USER, IMPORT, CONFIGURATION)
"""The built-in types in order of number."""
