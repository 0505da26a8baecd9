"""What every part of a session stands on: who acts, on which archive, and whether they may."""

from __future__ import annotations

from typing import Any

from muniment.policy import View
from muniment.schema import RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine

__all__ = ["Footing", "Ground"]


class Footing:
    """An actor at an opened archive: what each area of a session is given.

    Args:
        engine: the opened archive.
        acting: who acts, why and through what.
    """

    def __init__(self, engine: Engine, acting: Acting) -> None:
        self._engine = engine
        self._acting = acting

    def _require(self, action: str, record_type: str | None = None) -> None:
        """Refuse an action that is not allowed, and write the refusal down.

        Raises:
            AccessDenied: as ``Policy.require``; logged.
        """
        with self._engine.guarded(self._acting, action, type=record_type):
            self._engine.policy.require(self._acting.actor, action, record_type)


class Ground(Footing):
    """The same for whoever is given the session: the actor and the rights are there to be asked."""

    @property
    def actor(self) -> str:
        """Who acts."""
        return self._acting.actor.id

    @property
    def acting(self) -> Acting:
        """Who acts, why and through what."""
        return self._acting

    @property
    def engine(self) -> Engine:
        """The opened archive underneath; for the framework's own modules."""
        return self._engine

    def may(self, action: str, record_type: str | None = None) -> bool:
        """Whether the actor may take an action; asks the function that enforces it."""
        return self._engine.policy.may(self._acting.actor, action, record_type)

    def require(self, action: str, record_type: str | None = None) -> None:
        """Refuse an action that is not allowed, and write the refusal down.

        Raises:
            AccessDenied: ``access.action`` or ``access.unknown_actor``.
        """
        self._require(action, record_type)

    def view(self, record_type: RecordType) -> View:
        """Which fields of a type this actor sees in clear or masked, and may write."""
        return self._engine.policy.view(self._acting.actor, record_type)

    def note(self, kind: str, **members: Any) -> int:
        """Write an entry that concerns no record; for the framework's own modules."""
        return self._engine.note(self._acting, kind, **members)
