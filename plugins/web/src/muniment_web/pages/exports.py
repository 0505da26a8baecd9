"""Handing records out as a file: for a reason, counted and named in the log before the first byte."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import UsageError
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import form_page
from muniment_web.server.handed import Handed

__all__ = ["routes"]

_MOST: Final = 1_000
_FORMS: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
}


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/t/{type}/export", ask), page("/t/{type}/export", export, methods=("POST",))]


def ask(call: Call) -> Response:
    """What is to go out, and why."""
    record_type = type_of(call)
    call.session.require("record.export", record_type.key)
    return _ask(call, None)


def _ticked(call: Call) -> list[str]:
    """The records that were ticked; none where all are meant."""
    return list(dict.fromkeys(call.texts("r")))[:_MOST]


def _ask(call: Call, problem: UsageError | None) -> Response:
    record_type = type_of(call)
    view = call.session.view(record_type)
    return form_page(
        call,
        "export.html",
        problem,
        type=record_type,
        fields=[one for one in record_type.fields if one.key in view.readable and not one.retired],
        clear=view.clear,
        forms=list(_FORMS),
        reasons=REASONS,
        ticked=_ticked(call),
    )


def export(call: Call) -> Response:
    """Write the file; what the role sees masked goes out masked."""
    record_type = type_of(call)
    form = call.text("form")
    if call.text("do") == "ask":
        call.session.require("record.export", record_type.key)
        return _ask(call, None)
    reason = reason_of(call)
    if form not in _FORMS:
        form = "xlsx"
    if not reason:
        return _ask(call, UsageError("usage.no_reason"))
    folder = tempfile.TemporaryDirectory(prefix="muniment-")
    target = Path(folder.name) / f"{record_type.key}.{form}"
    try:
        call.plain.export_file(
            record_type.key,
            target,
            fields=call.texts("c") or None,
            headers={"en": "en", "zh": "zh"}.get(call.text("headers"), "key"),
            ids=call.text("ids") == "1",
            recipient=call.text("recipient"),
            records=_ticked(call) or None,
            reason=reason,
        )
    except UsageError as error:
        folder.cleanup()
        return _ask(call, error)
    except BaseException:
        folder.cleanup()
        raise
    return Handed(folder, target, target.name, _FORMS[form])
