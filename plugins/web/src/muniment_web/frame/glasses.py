"""The emergency accesses of whoever is signed in, for the banner above every page while one is on."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from muniment.model import id_text
from muniment_web.frame.call import Call
from muniment_web.frame.told import Place, places_of

__all__ = ["GlassOn", "glasses_of"]


@attrs.frozen
class GlassOn:
    """One emergency access that is on.

    Attributes:
        id: UUID text of its own record.
        place: the record it was begun for.
        until: when it is over, as people read it.
    """

    id: str
    place: Place
    until: str


def glasses_of(call: Call) -> Sequence[GlassOn]:
    """Those of this person that are neither ended nor over."""
    engine, login = call.web.engine, call.signed.login
    now = engine.clock()
    held = [one for one in engine.definitions.glasses.get(login, ()) if now < one.expires_us]
    if not held:
        return ()
    places = places_of(call, [id_text(one.target) for one in held])
    return [
        GlassOn(id_text(one.record), places[id_text(one.target)], call.time(one.expires_us)) for one in held
    ]
