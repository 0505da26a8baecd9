"""What every part of a session stands on: who acts, on which archive, and whether they may."""

from __future__ import annotations

from muniment.errors import AccessDenied
from muniment.session.kernel.engine import Acting, Engine

__all__ = ["Ground"]


class Ground:
    """An actor at an opened archive.

    Args:
        engine: the opened archive.
        acting: who acts, why and through what.
    """

    def __init__(self, engine: Engine, acting: Acting) -> None:
        self._engine = engine
        self._acting = acting

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
        try:
            self._engine.policy.require(self._acting.actor, action, record_type)
        except AccessDenied as error:
            self._engine.refused(self._acting, action, error, type=record_type)
            raise
