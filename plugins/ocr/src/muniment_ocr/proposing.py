"""A scan becomes something in the inbox."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from muniment.errors import StoreError, UsageError
from muniment.session.incoming import Proposal
from muniment_ocr.fields import read_fields
from muniment_ocr.reading import read_lines

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["propose"]

_LARGEST: Final = 50_000_000


def propose(session: Session, type_key: str, path: Path, *, languages: str = "eng+chi_sim") -> str | None:
    """Read a scan, and have it wait for a person.

    Args:
        session: who brings it.
        type_key: key of the record type that it becomes.
        path: the scan.
        languages: as Tesseract names them.

    Returns:
        The identifier of the item; None where this scan is here already.

    Raises:
        UsageError: ``ocr.no_picture``, ``ocr.no_tesseract``, ``ocr.nothing``.
        StoreError: ``store.no_such_file``, ``store.cannot_read``.
        AccessDenied: ``access.action``; logged.
    """
    session.require("inbox.change")
    record_type = session.type(type_key)
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError("ocr.no_picture", where=str(path), pages=20, megapixels=60)
        data = path.read_bytes()
    except FileNotFoundError:
        raise StoreError("store.no_such_file", where=str(path)) from None
    except OSError:
        raise StoreError("store.cannot_read", where=str(path)) from None
    lines = read_lines(data, languages=languages, where=str(path))
    found = read_fields(record_type, lines, region=session.engine.settings.default_region)
    if not found.values:
        raise UsageError("ocr.nothing", where=str(path), type=record_type.key)
    shown = {"file": path.name, "confidence": found.confidence, "rest": list(found.rest)}
    proposal = Proposal(type_key, found.values, shown=shown)
    return session.inbox.offer("ocr", sha256(data).hexdigest(), path.name, data, proposal)
