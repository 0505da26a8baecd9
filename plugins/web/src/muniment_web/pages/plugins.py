"""Plugins: what is on this machine, what each asks for and brings, switched on and off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.archive.editing import Edit
from muniment.archive.plugging import about, available, switching
from muniment.errors import MunimentError, NotFound
from muniment_web.frame.call import Call
from muniment_web.frame.proposing import Seen, look_or_edit
from muniment_web.frame.reasons import REASONS
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, problem_of, roles_of, types_called
from muniment_web.server.texts import all_texts

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
        plugins=[(one, _brought(call, one)) for one in described],
        others=[
            (one, _about(call, name)) for name, one in sorted(available(archive).items()) if name not in known
        ],
        differs=archive.config_differs,
        notes=call.taken_notes(),
    )


def _brought(call: Call, one: Mapping[str, Any]) -> list[str]:
    """What a plugin in use brings, as people call it."""
    kinds, types = call.web.engine.kinds, types_called(call)
    return [
        *(kinds[key].label.of(call.lang) or key if key in kinds else key for key in one["field_kinds"]),
        *(types.get(key, key) for key in one["record_types"]),
        *one["templates"],
        *roles_of(call, one["roles"]),
    ]


def _about(call: Call, name: str) -> str:
    """What a plugin is for, of those that come with muniment; it is not imported to be asked."""
    key = f"plugins.about_{name}"
    return call.say(key) if key in all_texts() else ""


def plugin(call: Call) -> Response:
    """One plugin: what it asks for and brings, before anybody uses it."""
    return _page(call)


def _page(
    call: Call,
    *,
    seen: Seen | None = None,
    typed: Mapping[str, Any] | None = None,
    problem: MunimentError | None = None,
    enabling: bool = True,
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
            fault = caught(error)
    return form_page(
        call,
        "plugin.html",
        problem,
        name=name,
        told=told,
        fault=problem_of(call, fault),
        source=here.get(name),
        inputs=_inputs(call, told, typed) if told else [],
        used=name in used,
        types=types_called(call),
        may=may,
        seen=seen,
        enabling=enabling,
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def _inputs(call: Call, told: Mapping[str, Any], typed: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The inputs of a form made of the plugin's schema, with what holds or was typed."""
    archive = call.web.archive
    held = archive.applied.plugin_settings.get(told["name"], {}) if typed is None else typed
    made = []
    for key, one in told["settings"].get("properties", {}).items():
        words = one["x-zh"] if call.lang == "zh" else one
        value = held.get(key, one["default"])
        made.append(
            {
                "key": key,
                "kind": one["type"],
                "label": words["title"],
                "help": words.get("description", ""),
                "value": "\n".join(map(str, value)) if isinstance(value, list) else value,
                "choices": one.get("enum", ()),
                "least": one.get("minimum"),
                "most": one.get("maximum"),
                "usual": one["default"],
            }
        )
    return made


def _typed(call: Call, schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says of each setting; what is no number stays a text, which the schema then refuses."""
    found: dict[str, Any] = {}
    for key, one in schema.get("properties", {}).items():
        text = call.text(f"s.{key}").strip()
        if one["type"] == "boolean":
            found[key] = text == "1"
        elif one["type"] == "array":
            found[key] = [line.strip() for line in text.splitlines() if line.strip()]
        elif one["type"] == "integer" and re.fullmatch(r"-?[0-9]{1,9}", text):
            found[key] = int(text)
        else:
            found[key] = text
    return found


def switch(call: Call) -> Response:
    """Look what switching a plugin on or off, or setting it, would come to, or do it."""
    archive, name = call.web.archive, call.path["name"]
    call.session.require("config.change")
    enabling = call.text("do") in ("look_on", "on")
    typed: dict[str, Any] | None = None

    def making() -> Edit:
        nonlocal typed
        if enabling and name in available(archive):
            typed = _typed(call, about(archive, name, lang=call.lang)["settings"])
        return switching(archive, name, enabled=enabling, settings=typed)

    return look_or_edit(
        call,
        making,
        again=lambda *, seen, problem: _page(
            call, seen=seen, typed=typed, problem=problem, enabling=enabling
        ),
        done=f"/plugins/{name}",
        note=call.say("plugins.on" if enabling else "plugins.off", name=name),
        plugin=name,
        yes=("on", "off"),
    )
