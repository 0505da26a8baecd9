"""A person's copy of what they gave themselves, to take elsewhere (GDPR 20, PIPL 45)."""

from __future__ import annotations

import zipfile
from pathlib import Path

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.session.rights.portable import BASES
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, named_places
from muniment_web.server.handed import handed

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    path = "/t/{type}/{id:uuid}/portable"
    return [page(path, ask), page(path, hand_out, methods=("POST",))]


def ask(call: Call, problem: MunimentError | None = None) -> Response:
    """On what their data is used, and who gets the copy."""
    record_type = type_of(call)
    call.session.require("subject.report")
    identifier = str(call.path["id"])
    applied = call.web.archive.applied
    return form_page(
        call,
        "portable.html",
        problem,
        place=named_places(call, [identifier])[identifier],
        type=record_type,
        provided=[_named(call, one) for one in sorted(applied.rights.provided)],
        bases=[(one, call.say(f"portable.{one}")) for one in BASES],
    )


def _named(call: Call, text: str) -> str:
    """A field of the configuration, ``type.field``, as people call it."""
    key, _, name = text.partition(".")
    record_type = call.web.engine.definitions.types.get(key)
    field = None if record_type is None else record_type.field(name)
    if record_type is None or field is None:
        return text
    return f"{record_type.label.of(call.lang) or key}: {field.label.of(call.lang) or name}"


def hand_out(call: Call) -> Response:
    """The copy as one file; a disclosure in the log before its first byte."""
    type_of(call)
    identifier = str(call.path["id"])

    def write(target: Path) -> None:
        folder = target.parent / "copy"
        call.plain.portability.export(
            identifier, folder, basis=call.text("basis"), recipient=call.text("recipient").strip()
        )
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in sorted(folder.iterdir()):
                packed.write(file, file.name)

    try:
        return handed(write, f"copy-{identifier}.zip", "application/zip")
    except MunimentError as error:
        return ask(call, caught(error))
