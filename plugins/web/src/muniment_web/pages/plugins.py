"""Plugins: what is on this machine, what each asks for and brings, switched on and off."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.archive.editing import edit_configuration
from muniment.archive.plugging import about, available, switching
from muniment.errors import MunimentError, NotFound
from muniment_web.frame.call import Call
from muniment_web.frame.proposing import Seen, look_at_config, said
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/plugins", plugins),
        page("/plugins/{name}", plugin),
        page("/plugins/{name}", switch, methods=("POST",)),
    ]


def plugins(call: Call) -> Response:
    """The plugins of the archive, and those that it could use."""
    call.session.require("config.read")
    call.session.note("config.read")
    archive = call.web.archive
    described = archive.plugins.describe(lang=call.lang)
    known = {one["name"] for one in described}
    return call.page(
        "plugins.html",
        plugins=described,
        others=[one for name, one in sorted(available(archive).items()) if name not in known],
        differs=archive.config_differs,
        notes=call.taken_notes(),
    )


def plugin(call: Call) -> Response:
    """One plugin: what it asks for and brings, before anybody uses it."""
    return _page(call)


def _page(
    call: Call, *, seen: Seen | None = None, problem: MunimentError | None = None, enabling: bool = True
) -> Response:
    session, archive, name = call.session, call.web.archive, call.path["name"]
    session.require("config.read")
    session.note("config.read")
    here, used = available(archive), set(archive.applied.plugins)
    if name not in here and name not in used:
        raise NotFound("serve.not_found")
    may = session.may("config.change")
    told: dict[str, Any] | None = None
    fault: MunimentError | None = None
    # One that nobody uses is imported to be asked: only for whoever may switch it on.
    if name in used or may:
        try:
            told = about(archive, name, lang=call.lang)
        except MunimentError as error:
            fault = error
    return call.page(
        "plugin.html",
        status=422 if problem else 200,
        name=name,
        told=told,
        fault=said(call, fault) if fault else None,
        source=here.get(name),
        used=name in used,
        types={key: one.label.of(call.lang) or key for key, one in call.web.engine.definitions.types.items()},
        may=may,
        seen=seen,
        enabling=enabling,
        reasons=REASONS,
        problem=said(call, problem) if problem else None,
        notes=call.taken_notes(),
    )


def switch(call: Call) -> Response:
    """Look what switching a plugin on or off would come to, or do it."""
    session, archive, name = call.session, call.web.archive, call.path["name"]
    session.require("config.change")
    act = call.text("do")
    enabling = act in ("look_on", "on")
    try:
        edit = switching(archive, name, enabled=enabling)
        if act not in ("on", "off"):
            return _page(call, seen=look_at_config(call, edit, plugin=name), enabling=enabling)
        edit_configuration(
            archive, session, edit, reason=reason_of(call), plugin=name, seen=call.text("seen")
        )
    except MunimentError as error:
        said(call, error)
        return _page(call, problem=error, enabling=enabling)
    return call.go(f"/plugins/{name}", note=call.say("plugins.on" if enabling else "plugins.off", name=name))
