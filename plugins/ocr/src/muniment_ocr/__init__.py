"""Paper that comes in: forms and business cards, read by Tesseract and proposed to a person."""

from __future__ import annotations

from typing import Final

from muniment.packs import Pack, plugin_of

__all__ = ["DATA", "PLUGIN"]

DATA: Final = Pack(__name__)
"""The files beside this one."""

PLUGIN: Final = plugin_of(DATA)
"""What the plugin says of itself."""
