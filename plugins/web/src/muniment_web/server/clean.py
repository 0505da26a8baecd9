"""Markup of plugins as what it may be among our pages: words, tables, drawings, links to our pages.

The pages' policy runs no script of theirs, but the pages have a script of their own that does
what attributes say (``hx-post``), a form in a form sends that one's token along, and ``meta``
leads away. So what is not known to be harmless is left out, by a parser that reads as browsers do.
"""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup

__all__ = ["clean"]

_WORD_TAGS: Final = """
a abbr b blockquote br caption code col colgroup dd details div dl dt em figcaption figure h2 h3 h4 h5 h6 hr i
kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead time
tr u ul var
"""
_DRAWING_TAGS: Final = "svg g title desc rect line circle ellipse path polyline polygon text tspan"
_ANYWHERE: Final = "class id lang dir title role aria-label aria-labelledby aria-describedby aria-hidden"
_DRAWING: Final = """
viewBox viewbox x y x1 y1 x2 y2 cx cy r rx ry dx dy d points width height fill fill-opacity stroke
stroke-width stroke-dasharray stroke-linecap stroke-linejoin stroke-opacity opacity transform text-anchor
dominant-baseline font-size font-weight preserveAspectRatio preserveaspectratio xmlns focusable
"""
_NAMES: Final = frozenset(("id", "aria-labelledby", "aria-describedby", "headers"))
_PAGE: Final = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?|#[\w-]*")


def clean(markup: str) -> Markup:
    """Markup without what could act, lead elsewhere, or pass for something of ours.

    Args:
        markup: HTML, as a plugin made it.
    """
    import nh3  # 10 ms to import, and needed by plugins with markup of their own alone

    attributes = {
        "*": set(_ANYWHERE.split()),
        "a": {"href"},
        "col": {"span"},
        "colgroup": {"span"},
        "td": {"colspan", "rowspan", "headers"},
        "th": {"colspan", "rowspan", "headers", "scope"},
        "time": {"datetime"},
        "details": {"open"},
        **{tag: set(_DRAWING.split()) for tag in _DRAWING_TAGS.split()},
    }
    made = nh3.clean(
        markup,
        tags={*_WORD_TAGS.split(), *_DRAWING_TAGS.split()},
        attributes=attributes,
        attribute_filter=_attribute,
        link_rel=None,
        url_schemes=set(),
    )
    return Markup(made)  # cleaned by the line above


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _PAGE.fullmatch(value) else None
    if name in _NAMES:
        # A name of ours in their markup would get what our script puts there.
        return " ".join(f"x-{one}" for one in value.split())
    return value
