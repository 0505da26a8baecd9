"""Acts on the key store, each written down before it begins and after it ended.

The key store and the log share no transaction: an act that a crash cuts short
has its first entry at least, and the next opening finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from muniment.errors import AccessDenied, MunimentError
from muniment.session.kernel.engine import Acting, Engine

__all__ = ["act_on_keys"]

_Result = TypeVar("_Result")


def act_on_keys(
    engine: Engine,
    acting: Acting,
    kind: str,
    act: Callable[[], _Result],
    *,
    before: Mapping[str, object],
    after: Callable[[_Result], Mapping[str, object]],
) -> _Result:
    """Do something to the key store between two entries.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        kind: of both entries.
        act: what is done.
        before: what is known beforehand, names and numbers only.
        after: the same of what was done.

    Raises:
        AccessDenied: ``access.action``; logged.
        MunimentError: as the act; its code stands in the second entry.
    """
    try:
        engine.policy.require(acting.actor, "key.change")
    except AccessDenied as error:
        engine.refused(acting, kind, error)
        raise
    engine.note(acting, kind, target={"phase": "begin", **before})
    try:
        done = act()
    except MunimentError as error:
        engine.note(acting, kind, outcome="failed", code=error.code, target={"phase": "end", **before})
        raise
    engine.note(acting, kind, target={"phase": "end", **before, **after(done)})
    return done
