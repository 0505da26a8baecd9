"""What the jurisdictions that a configuration names want of consents; their packs say it as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muniment.errors import AccessDenied
from muniment.plugins import Jurisdiction, SeparateConsent
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.gates import Touch
from muniment.subjects.rules import Consents as Rules

__all__ = ["guardian_age", "in_force", "separate_acts"]

_PERSONAL: Final = frozenset({"personal", "sensitive", "restricted"})
_CONSENT: Final = "consent"


def in_force(engine: Engine) -> Iterator[Jurisdiction]:
    """The jurisdictions that the configuration names.

    Raises:
        AccessDenied: ``access.no_jurisdiction`` where no loaded plugin knows one: what it would want is
            not known, so nothing that could need it is done.
    """
    known = engine.plugins.jurisdictions()
    for name in _rules(engine).jurisdictions:
        if name not in known:
            raise AccessDenied("access.no_jurisdiction", where=name)
        yield known[name]


def _rules(engine: Engine) -> Rules:
    applied = engine.settings.applied
    return Rules() if applied is None else applied.consent


def guardian_age(engine: Engine) -> int:
    """The age in years below which a guardian consents: the team's own, else the highest of the laws'."""
    own = _rules(engine).guardian_below
    return own or max((one.guardian_below for one in in_force(engine)), default=0)


def separate_acts(engine: Engine, touch: Touch, *, rests: bool) -> frozenset[str]:
    """The acts out of ``plugins.ACTS`` for which this access needs a consent of its own.

    Use of sensitive data needs one where the purpose rests on consent. Handing data out needs
    one unless the caller states another legal basis.

    Args:
        engine: the opened archive.
        touch: the access.
        rests: whether the purpose rests on consent.
    """
    rules = _rules(engine)
    classes = {
        field.sensitivity for field in touch.type.fields if touch.fields is None or field.key in touch.fields
    }
    found = {"sensitive"} if rests and classes & rules.separate else set[str]()
    if not rules.jurisdictions or not (rests or touch.handing):
        return frozenset(found)
    stated = bool(touch.legal_basis) and touch.legal_basis != _CONSENT
    for law in in_force(engine):
        for one in law.separate:
            if classes & (frozenset(one.classes) or _PERSONAL) and _happens(
                engine, touch, one, rests, stated
            ):
                found.add(one.act)
    return frozenset(found)


def _happens(engine: Engine, touch: Touch, one: SeparateConsent, rests: bool, stated: bool) -> bool:
    """Whether an access is such an act, and nothing else than consent carries it."""
    if one.act == "sensitive":
        return rests
    handing = touch.handing
    if handing is None or stated:
        return False
    if one.act == "publish":
        return handing.public
    if one.act == "provide":
        return bool(handing)
    home = engine.settings.default_region
    at_home = handing.country in one.not_to or handing.country == home
    return handing.public or (bool(handing.country) and not at_home)
