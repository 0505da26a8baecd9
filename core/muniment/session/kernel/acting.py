"""Who acts, why and through what."""

from __future__ import annotations

import attrs

from muniment.policy import SYSTEM, Actor
from muniment.session.kernel.begun import Mark
from muniment.session.kernel.gates import Handing

__all__ = ["Acting"]


@attrs.frozen
class Acting:
    """Who acts, why and through what: given with every access and written into its entry.

    Attributes:
        actor: who, with the roles the archive knows.
        purpose: a W3C DPV term.
        program: such as ``cli``, ``api`` or ``import``.
        address: where the request came from, if it came over a network.
        session: the sign-in it belongs to.
        legal_basis: where the law asks for one.
        handing: to whom data is handed out, where it is.
        mark: of the request that it is done for, where that must not be done twice.
        masked: show what is personal only behind its mask, whatever the roles allow; ``reveal`` lifts it.
    """

    actor: Actor
    purpose: str
    program: str = "python"
    address: str | None = None
    session: str | None = None
    legal_basis: str | None = None
    masked: bool = False
    handing: Handing | None = None
    mark: Mark | None = None

    def __attrs_post_init__(self) -> None:
        # Some roles and fields are for some purposes alone, and the policy is asked about actors.
        if self.actor.purpose != self.purpose and self.actor is not SYSTEM:
            object.__setattr__(self, "actor", attrs.evolve(self.actor, purpose=self.purpose))
