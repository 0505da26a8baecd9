"""An archive: a folder with its configuration, records, log, keys and files; opens and owns the parts."""

from __future__ import annotations

from muniment.archive._checking import check
from muniment.archive._making import Created, create, open
from muniment.archive._opened import Archive
from muniment.archive._places import default_key_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from muniment.archive._restoring import Restored, restore

__all__ = ["Archive", "Created", "Restored", "check", "create", "default_key_file", "open", "restore"]


def __getattr__(name: str) -> object:
    """Load what few calls need when it is asked for: the command has to start fast."""
    if name not in ("Restored", "restore"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from muniment.archive import _restoring

    found: object = getattr(_restoring, name)
    return found
