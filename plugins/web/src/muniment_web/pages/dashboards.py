"""Dashboards: figures over the records that the person may see, each chart with its table."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.schema.dashboards import Tile
from muniment.session.tables.charting import (
    cells_of,
    chart_of,
    how_computed,
    label_of,
    marks_of,
    number_of,
)
from muniment.session.tables.dashboards import Shown
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import problem_of

__all__ = ["routes"]

_PATIENCE_SECONDS: Final = 5.0


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/dashboards", first),
        page("/dashboards/{name}", show),
        page("/dashboards/{name}/renew", progress),
        page("/dashboards/{name}/renew", renew, methods=("POST",)),
    ]


def first(call: Call) -> Response:
    """The first dashboard that is for the person; a role's own before everyone's."""
    found = call.plain.dashboards.list()
    if not found:
        return call.page(
            "dashboards.html", tabs=[], current="", title="", numbers=[], tiles=[], made="", kept=False
        )
    own = sorted(found, key=lambda one: (one.audience == "everyone", one.dashboard.key))
    return _shown(call, own[0].dashboard.key)


def show(call: Call) -> Response:
    """One dashboard."""
    return _shown(call, str(call.path["name"]))


def renew(call: Call) -> Response:
    """Count anew what is kept of a dashboard, and wait as long as people do for a page."""
    name = str(call.path["name"])
    call.plain.dashboards.get(name)
    call.web.counting.start(partial(call.plain.dashboards.renew, name))
    call.web.counting.wait(_PATIENCE_SECONDS)
    return call.go(f"/dashboards/{quote(name)}")


def progress(call: Call) -> Response:
    """How far counting is; the page follows at its end."""
    name = str(call.path["name"])
    call.plain.dashboards.get(name)
    if not call.web.counting.run.running:
        return call.go(f"/dashboards/{quote(name)}")
    return call.page("_counting.html", **_about(call, name))


def _about(call: Call, current: str) -> dict[str, Any]:
    run = call.web.counting.run
    return {"current": current, "run": run, "failed": problem_of(call, run.problem)}


def _shown(call: Call, name: str) -> Response:
    # Masks come first for values; a figure is of what the person may read, and no value.
    shown = call.plain.dashboards.show(name)
    dashboard, lang = shown.saved.dashboard, call.lang
    single = [tile for tile in dashboard.tiles if tile.key in shown.figures and not tile.by]
    others = [tile for tile in dashboard.tiles if tile not in single]
    return call.page(
        "dashboards.html",
        tabs=[
            (one.dashboard.key, one.dashboard.label.of(lang) or one.dashboard.key)
            for one in call.plain.dashboards.list()
        ],
        **_about(call, dashboard.key),
        kept=any(figure.kept_us is not None for figure in shown.figures.values()),
        title=dashboard.label.of(lang) or dashboard.key,
        numbers=[_tile(call, shown, tile) for tile in single],
        tiles=[_tile(call, shown, tile) for tile in others],
        made=call.say("dashboards.made", time=call.time(shown.time_us), login=shown.login),
    )


def _tile(call: Call, shown: Shown, tile: Tile) -> dict[str, Any]:
    lang, record_type = call.lang, shown.types[tile.type]
    figure = shown.figures.get(tile.key)
    found: dict[str, Any] = {
        "key": tile.key,
        "label": label_of(tile, lang),
        "how": how_computed(tile, record_type, figure, lang),
        "number": "" if figure is None else number_of(figure, lang),
        "kept": "",
        "chart": "",
        "head": (),
        "rows": (),
    }
    if figure is not None and figure.kept_us is not None:
        found["kept"] = call.core("figure.kept", time=call.time(figure.kept_us))
    if figure is None:
        kinds, names = call.web.engine.kinds, shown.names
        found["head"] = [record_type.by_key[key].label.of(lang) for key in tile.columns]
        found["rows"] = [
            (f"/t/{tile.type}/{one.id}", cells_of(one, record_type, kinds, tile.columns, names, lang))
            for one in shown.lists[tile.key]
        ]
    elif tile.by:
        found["chart"] = Markup(chart_of(figure, f"c-{tile.key}", lang))  # escaped where it is drawn
        found["head"] = [call.say("dashboards.group"), call.say("dashboards.value")]
        found["rows"] = [("", [mark.label, mark.text]) for mark in marks_of(figure, lang)]
    return found
