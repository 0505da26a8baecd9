"""A file put into a cell of the table: it goes to its record at once, for a reason of its own."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, NotFound, UsageError
from muniment.schema import Field
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, problem_of
from muniment_web.server.folders import own_folder

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    path = "/t/{type}/{id:uuid}/file/{field}/change"
    return [page(path, ask), page(path, take, methods=("POST",), files=True)]


def _field(call: Call) -> Field:
    """The field that the address names.

    Raises:
        NotFound: ``serve.not_found`` where there is none of files that the person may write.
    """
    record_type = type_of(call)
    call.session.require("record.update", record_type.key)
    field = record_type.by_key.get(str(call.path["field"]))
    writable = call.session.view(record_type).writable
    if field is None or field.kind != "file" or field.key not in writable:
        raise NotFound("serve.not_found")
    return field


def ask(call: Call) -> Response:
    """Which file, and why."""
    field = _field(call)
    return call.page(
        "_file.html",
        here_is=call.request.url.path,
        label=field.label.of(call.lang) or field.key,
        reasons=REASONS,
    )


def take(call: Call) -> Response:
    """Seal it."""
    field, upload, reason = _field(call), call.upload("file"), reason_of(call)
    try:
        if not reason:
            raise UsageError("usage.no_reason")
        if upload is None:
            raise UsageError("serve.nothing_chosen")
        with own_folder() as folder:
            place = folder / "upload"
            with place.open("wb") as target:
                while chunk := upload.file.read(1 << 20):
                    target.write(chunk)
            saved = call.session.attach(
                str(call.path["id"]), field.key, place, name=upload.filename, reason=reason
            )
    except MunimentError as error:
        return call.page("_problem.html", status=422, problem=problem_of(call, caught(error)))
    return call.json({"name": upload.filename, "version": saved.version})
