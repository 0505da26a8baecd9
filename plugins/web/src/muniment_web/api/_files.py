"""Files of records: sealed on their way in, opened after their entry is in the log."""

from __future__ import annotations

import binascii
from base64 import b64decode
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from fastapi import Depends, Path, Query, Response

from muniment.errors import UsageError
from muniment.session import Session
from muniment_web.api import _models as models
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    Id,
    IfMatch,
    Strict,
    Text,
    TypeKey,
    Upload,
    file_answers,
    of_type,
    safe_name,
    version_of,
)
from muniment_web.api._records import saved_of
from muniment_web.server.handed import Handed

__all__ = ["router"]

router: Final = area("files")
Reading = Annotated[Session, Depends(may("read", "record.read"))]
Writing = Annotated[Session, Depends(may("write", "record.update"))]
FieldKey = Annotated[str, Path(alias="field", pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class FileRequest(Strict):
    """A file for a field of kind ``file``; the one before stays with its version."""

    file: Upload
    reason: Text | None = None


@router.put("/records/{type}/{id}/fields/{field}/file")
def put_file(
    session: Writing,
    key: TypeKey,
    id: Id,
    field: FieldKey,
    given: FileRequest,
    response: Response,
    if_match: IfMatch = None,
) -> models.Saved:
    """Seal a file into a field; it touches no disk in clear."""
    expected = version_of(if_match)
    record = of_type(session, key, id)
    try:
        content = b64decode(given.file.content, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("serve.base64") from None
    saved = session.attach(
        record,
        field,
        content,
        name=safe_name(given.file.name),
        expected_version=expected,
        reason=given.reason,
    )
    return saved_of(saved, response)


@router.get(
    "/records/{type}/{id}/fields/{field}/file",
    response_class=Response,
    responses=file_answers("application/octet-stream", "The file as it was sealed."),
)
def get_file(
    session: Reading,
    key: TypeKey,
    id: Id,
    field: FieldKey,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """The file of a field; its entry is in the log before it is opened."""
    record = of_type(session, key, id, "record.read")
    folder = TemporaryDirectory(prefix="muniment-")
    target = FilePath(folder.name) / "out"
    try:
        reference = session.read_file(record, field, target, version=version)
    except BaseException:
        folder.cleanup()
        raise
    return Handed(folder, target, reference.name, "application/octet-stream")
