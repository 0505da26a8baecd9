"""Pages and panels that plugins bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, NotFound, PluginError
from muniment.plugins import Asking, Page, Panel
from muniment_web.frame.call import Call
from muniment_web.frame.named import id_of, type_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import problem_of
from muniment_web.server.clean import clean
from muniment_web.server.plugged import note_failure

__all__ = ["routes"]

_METHODS: Final = ("GET", "POST")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/p/{plugin}/{page}", show, methods=_METHODS),
        page("/t/{type}/{id:uuid}/panel/{plugin}/{panel}", panel, methods=_METHODS),
    ]


def show(call: Call) -> Response:
    """A page of a plugin."""
    wanted = (call.path["plugin"], call.path["page"])
    found = {(name, one.name): one for name, one in call.web.engine.plugins.pages()}.get(wanted)
    if found is None:
        raise NotFound("serve.not_found")
    call.session.require(found.action)
    blocks, problem = _shown(call, wanted[0], "muniment_pages", found)
    return call.page("plugged.html", shown=found, blocks=blocks, problem=problem, notes=call.taken_notes())


def panel(call: Call) -> Response:
    """A panel of a plugin, beside one record."""
    record_type = type_of(call)
    wanted = (call.path["plugin"], call.path["panel"])
    brought = call.web.engine.plugins.panels(record_type.key)
    found = {(name, one.name): one for name, one in brought}.get(wanted)
    if found is None:
        raise NotFound("serve.not_found")
    call.session.require(found.action, record_type.key)
    blocks, problem = _shown(call, wanted[0], "muniment_panels", found, record=id_of(call))
    template = "_plugged.html" if call.partial else "plugged.html"
    return call.page(template, shown=found, blocks=blocks, problem=problem)


def _shown(
    call: Call, plugin: str, hook: str, one: Page | Panel, *, record: str = ""
) -> tuple[Sequence[Any], Mapping[str, str] | None]:
    """What is to be shown, or why nothing is."""
    form = {name: value for name, value in call.form.items() if isinstance(value, str) and name != "csrf"}
    asking = Asking(
        call.session,
        call.lang,
        record=record,
        query=dict(call.request.query_params),
        form=form,
    )
    ask: Callable[[], Sequence[Any]] = lambda: one.show(asking)  # noqa: E731  # run elsewhere
    try:
        blocks = call.web.plugged.blocks(plugin, hook, ask)
        return [_drawn(block) for block in blocks], None
    except PluginError as error:
        note_failure(call.web.engine, call.session, hook, error)
        shown = error
    except MunimentError as error:
        return (), problem_of(call, error)
    text = call.say("plugins.failed", name=plugin)
    return (), {"text": text, "code": shown.code, "hint": call.say("plugins.failed_hint")}


def _drawn(block: Any) -> tuple[str, Any]:
    """A block with the name of what draws it; every path stays among these pages."""
    name = type(block).__name__.lower()
    return name, clean(block.markup) if name == "html" else block
