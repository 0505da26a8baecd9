"""The rail at the left and the phone's bar as markup, drawn once for all who may do the same."""

from __future__ import annotations

from operator import is_
from typing import Final

import attrs
from markupsafe import Markup

from muniment_web.frame.call import Call
from muniment_web.frame.nav import counts_of, navigation, place_of, short_navigation

__all__ = ["NO_RAIL", "Rail", "rail_of"]

_MOST_RAILS: Final = 200
"""Of some 10 KB each."""


@attrs.frozen(eq=False)
class Rail:
    """What leads to other pages.

    Attributes:
        sections: the rail's.
        bar: what a phone shows instead.
        made_of: the policy, the definitions and the plugins behind it: under others it may be another.
    """

    sections: Markup
    bar: Markup
    made_of: tuple[object, ...] = ()


NO_RAIL: Final = Rail(Markup(""), Markup(""))
"""That of somebody who is not signed in, and of a piece of a page."""


def rail_of(call: Call) -> Rail:
    """The rail on one page; of the person it depends on nothing but what their roles let them do."""
    web, engine, actor = call.web, call.web.engine, call.session.acting.actor
    made_of = (engine.policy, engine.definitions, engine.plugins)
    counts = counts_of(call)
    place = place_of(call.request.url.path)
    key = (actor.roles, actor.purpose, call.lang, place, *counts.items())
    found: Rail | None = web.rails.get(key)
    if found is None or not all(map(is_, found.made_of, made_of)):
        sections = navigation(call, counts)
        found = Rail(
            _drawn(call, "_rail.html", sections=sections),
            _drawn(call, "_bar.html", items=short_navigation(sections)),
            made_of,
        )
        if len(web.rails) >= _MOST_RAILS:
            web.rails.clear()
        web.rails[key] = found
    return found


def _drawn(call: Call, template: str, **values: object) -> Markup:
    return Markup(call.web.templates.get_template(template).render(say=call.say, **values))
