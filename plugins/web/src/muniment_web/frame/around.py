"""What stands around the pages: the rail, the log's badge, the banner of an emergency access."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment_web.frame.call import Call
from muniment_web.frame.glasses import glasses_of
from muniment_web.frame.nav import help_topic
from muniment_web.frame.rail import NO_RAIL, rail_of

__all__ = ["around"]


def around(call: Call, template: str) -> Mapping[str, Any]:
    """The values for a template's frame; made once a page, not for each piece of it."""
    framed = call.sign is not None and not template.startswith("_")
    return {
        "rail": rail_of(call) if framed else NO_RAIL,
        "topic": help_topic(call.request.url.path),
        "badge": call.web.verifying.badge(),
        "glasses": glasses_of(call) if framed else (),
    }
