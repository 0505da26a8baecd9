"""Acts on the key store, each written down before it begins and after it ended.

The key store and the log share no transaction: an act that a crash cuts short
has its first entry at least, and the next opening finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import attrs

from muniment.errors import AccessDenied, MunimentError
from muniment.keys import KeyStatus, Root, Rotated
from muniment.model import id_bytes
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine

__all__ = ["Keys"]

_Result = TypeVar("_Result")


@attrs.frozen
class Keys:
    """What one actor may do to the key store."""

    _engine: Engine
    _acting: Acting

    def rotate(self) -> Rotated:
        """Seal everything under a new archive key; old copies of the key store open nothing from then on.

        Raises:
            AccessDenied: ``access.action``; logged. So do the others.
        """
        return self._act(
            "key.rotate",
            self._engine.keys.rotate,
            before={},
            after=lambda done: {"epoch": done.epoch, "slots": done.slots},
        )

    def add_root(self, root: Root) -> str:
        """Add a way to open the archive; gives the name of its slot."""
        return self._act(
            "key.slot_add",
            lambda: self._engine.keys.slot_add(root),
            before={"kind": root.kind},
            after=lambda name: {"slot": name},
        )

    def remove_root(self, slot: str) -> Rotated:
        """Take a way to open the archive away, and rotate.

        Args:
            slot: the name of the slot, UUID text.
        """
        return self._act(
            "key.slot_remove",
            lambda: self._engine.keys.slot_remove(id_bytes(slot)),
            before={"slot": slot},
            after=lambda done: {"epoch": done.epoch},
        )

    def backup(self, keys_to: Path, slots_to: Path, *, lifetime_days: int = 90) -> KeyStatus:
        """Copy the key store to one place and the root slots to another, for so many days."""
        return self._act(
            "key.backup",
            lambda: self._engine.keys.backup(keys_to, slots_to, lifetime_days=lifetime_days),
            before={"days": lifetime_days},
            after=lambda found: {"epoch": found.epoch},
        )

    def _act(
        self,
        kind: str,
        act: Callable[[], _Result],
        *,
        before: Mapping[str, object],
        after: Callable[[_Result], Mapping[str, object]],
    ) -> _Result:
        # What is known before the act and after it: names and numbers only.
        engine, acting = self._engine, self._acting
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
