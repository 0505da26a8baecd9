"""The gates that a configuration, and what persons asked for, put around their data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from muniment.model import id_bytes
from muniment.plugins import ACTS
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.gates import NO_CONSENT, About, Gate, Touch
from muniment.session.rights.consented import consents_of
from muniment.session.rights.jurisdictions import separate_acts
from muniment.store import Transaction
from muniment.subjects.rules import Consents as Rules

__all__ = ["ConsentGate", "gates_of"]

_SEPARATE: Final[Mapping[str, str]] = {
    "sensitive": "access.separate_consent",
    "provide": "access.provide_consent",
    "publish": "access.publish_consent",
    "cross_border": "access.cross_border_consent",
}
"""The code of a refusal for want of a separate consent, by the act."""


def _rules(engine: Engine) -> Rules:
    applied = engine.settings.applied
    return Rules() if applied is None else applied.consent


def gates_of(engine: Engine) -> tuple[Gate, ...]:
    """The gates that the configuration asks for; none where nothing rests on consent."""
    rules = _rules(engine)
    found: tuple[Gate, ...] = (ConsentGate(engine),) if rules.purposes or rules.jurisdictions else ()
    if engine.restricted:
        from muniment.session.rights.restrictions import RestrictionGate

        found += (RestrictionGate(engine),)
    return found


class ConsentGate:
    """Closes persons to what rests on their consent, unless they gave it and it holds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def refusals(self, tx: Transaction, touch: Touch, asked: Collection[About]) -> Mapping[About, str]:
        """Which of these persons have not consented to the purpose, or not separately where that is asked."""
        rules = _rules(self._engine)
        rests = touch.purpose in rules.purposes
        wanted = separate_acts(self._engine, touch, rests=rests)
        if not rests and not wanted:
            return {}
        open_: dict[bytes, set[str]] = {}
        for consent in consents_of(self._engine, tx, {one.subject for one in asked}):
            if consent.purpose == touch.purpose and consent.holds_at(touch.time_us):
                open_.setdefault(id_bytes(consent.subject), set()).update(consent.separate)
        found = {}
        for one in asked:
            if one.subject not in open_:
                found[one] = NO_CONSENT if rests else _SEPARATE[min(wanted, key=ACTS.index)]
            elif missing := wanted - open_[one.subject]:
                found[one] = _SEPARATE[min(missing, key=ACTS.index)]
        return found
