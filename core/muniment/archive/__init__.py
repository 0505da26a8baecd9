"""An archive: a folder with its configuration, records, log, keys and files; opens and owns the parts."""

from __future__ import annotations

from muniment.archive._checking import check
from muniment.archive._making import Created, create, open
from muniment.archive._opened import Archive
from muniment.archive._places import default_key_file

__all__ = ["Archive", "Created", "check", "create", "default_key_file", "open"]
