"""Icons as SVG markup: emoji show as boxes on machines without their font."""

from __future__ import annotations

from functools import cache
from typing import Final

from markupsafe import Markup

__all__ = ["icon"]

# fmt: off
_PATHS: Final = {
    "lock": "M7 10V7a5 5 0 0 1 10 0v3M5 10h14v11H5z",
    "check": "M5 13l4 4L19 7",
    "cross": "M6 6l12 12M18 6L6 18",
    "plus": "M12 5v14M5 12h14",
    "left": "M15 5l-7 7 7 7",
    "right": "M9 5l7 7-7 7",
    "search": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5L21 21",
    "desk": "M4 5h16v10H4zM9 19h6M12 15v4",
    "table": "M4 5h16v14H4zM4 10h16M4 14.5h16M10 5v14",
    "book": "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11",
    "shield": "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z",
    "clock": "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2",
    "plug": "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
    "import": "M12 4v11M7.5 10.5L12 15l4.5-4.5M4 20h16",
    "export": "M12 15V4M7.5 8.5L12 4l4.5 4.5M4 20h16",
    "users": "M9 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M2 21c0-4 3-6.5 7-6.5s7 2.5 7 6.5M17 "
    "4.5a4 4 0 0 1 0 7M18.5 15c2.3.8 3.5 3 3.5 6",
    "key": "M8 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8M11.5 12H21v4M17 12v3",
    "gear": "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5."
    "6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2",
    "help": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.8v.2",
    "user": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c0-4 3.5-6.5 8-6.5s8 2.5 8 6.5",
    "out": "M14 4h5v16h-5M15 12H4M8 8l-4 4 4 4",
    "moon": "M19 14.5A8 8 0 0 1 9.5 5 8 8 0 1 0 19 14.5z",
    "sun": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 "
    "2M17 17l2 2M19 5l-2 2M7 17l-2 2",
    "eye": "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
    "file": "M6 3h8l4 4v14H6zM14 3v4h4",
    "link": "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1-1",
    "flag": "M5 21V4h13l-3 4.5 3 4.5H5",
    "warn": "M12 4l9 16H3zM12 10v4M12 17v.2",
    "chart": "M4 20V4M4 20h16M8 17v-5M12 17V8M16 17v-7",
    "down": "M6 9l6 6 6-6",
    "up": "M6 15l6-6 6 6",
    "calendar": "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
    "code": "M8 7l-5 5 5 5M16 7l5 5-5 5",
    "filter": "M4 5h16l-6 8v6l-4-2v-4z",
    "keep": "M6 4h12v17l-6-5-6 5z",
    "columns": "M4 5h16v14H4zM9.5 5v14M14.5 5v14",
    "sort": "M8 4v16M4.5 7.5L8 4l3.5 3.5M16 20V4M12.5 16.5L16 20l3.5-3.5",
    "menu": "M4 6h16M4 12h16M4 18h16",
    "mail": "M3 6h18v13H3zM3 7l9 7 9-7",
    "inbox": "M4 4h16v16H4zM4 14h5l1.5 2.5h3L15 14h5",
}
# fmt: on


@cache
def icon(name: str, label: str = "") -> Markup:
    """An icon; without a label it is decoration."""
    told = Markup(' role="img" aria-label="{}"').format(label) if label else Markup(' aria-hidden="true"')
    return Markup('<svg class="i" viewBox="0 0 24 24"{}><path d="{}"/></svg>').format(told, _PATHS[name])
