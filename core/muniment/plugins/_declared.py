"""What plugins declare beyond kinds of field: purposes and retention rules, as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from muniment.schema import Label

__all__ = ["EFFECTS", "EVENTS", "Purpose", "RetentionRule", "RetentionTerm", "RoleLike"]

EFFECTS: Final = ("MIN", "MAX", "MIN+MAX", "LIM", "REC", "REC-MAX")
"""What a rule does: forbids to dispose earlier, asks to dispose by then, both, limits the use without a
number, or recommends one of these."""

EVENTS: Final = ("record.created", "record.changed")
"""What a rule may run from besides a field of the record: what the core knows of every record."""

_PERIOD = re.compile(r"P(?=\d)(?:\d{1,3}Y)?(?:\d{1,4}M)?(?:\d{1,5}D)?|PERMANENT")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class RoleLike(Protocol):
    """What is looked at of a role here; the value itself is a ``muniment.policy.Role``."""

    @property
    def key(self) -> str:
        """Its name in configuration and log."""
        ...

    @property
    def label(self) -> Mapping[str, str]:
        """What people call it, by language."""
        ...


@attrs.frozen
class Purpose:
    """A purpose for which data is touched.

    Attributes:
        term: the W3C DPV term, such as ``ServiceProvision`` (w3id.org/dpv).
        label: what people read.
        broader: the term that it is a kind of; empty for none.
    """

    term: str
    label: Label
    broader: str = ""


@attrs.frozen(kw_only=True)
class RetentionTerm:
    """A further date from which a rule may run, or an end on a death.

    Attributes:
        anchor: as in ``RetentionRule``.
        period: ISO 8601, such as ``P28Y``.
        within: counts only where the anchor's day lies at most so long after the rule's; empty for always.
    """

    anchor: str
    period: str
    within: str = ""


@attrs.frozen(kw_only=True)
class RetentionRule:
    """One rule about how long one retention category of a record type is kept; data, nothing is done by it.

    Periods are ISO 8601 in years, months or days (``P10Y``), counted by the calendar, or ``PERMANENT``.

    Attributes:
        id: stable, such as ``FR-H-01``.
        effect: one of ``EFFECTS``.
        category: the retention category of the fields that it is about.
        source: the law, with its article.
        minimum: not disposed of earlier; empty for none.
        maximum: disposed of by then; empty for none.
        event: what starts the period in the words of the law, such as ``discharge.date``.
        anchor: what starts it here: the key of a field of the record type that holds a day, or one of
            ``EVENTS``; empty where nothing here tells, and a person decides.
        combine: ``later_of`` or ``earlier_of``, over the anchor and the terms; empty without terms.
        terms: further dates.
        on_death: what holds instead after a death.
        round_up: ``end_of_calendar_year``, ``end_of_fiscal_year`` or empty.
        suspended_by: what stops the period, such as ``litigation``.
        jurisdiction: ISO 3166, with the union before it (``EU-FR``).
        industry: such as ``health``.
        modifiers: what the law adds and no other attribute says, for people.
        in_force_from: ISO 8601 day; empty where nobody looked it up.
        verified_by: name and day of the person who compared the rule with its source; empty: unverified.
        notes: for people.
    """

    id: str
    effect: str
    category: str
    source: str
    minimum: str = ""
    maximum: str = ""
    event: str = ""
    anchor: str = ""
    combine: str = ""
    terms: tuple[RetentionTerm, ...] = ()
    on_death: RetentionTerm | None = None
    round_up: str = ""
    suspended_by: tuple[str, ...] = ()
    jurisdiction: str = ""
    industry: str = ""
    modifiers: str = ""
    in_force_from: str = ""
    verified_by: str = ""
    notes: str = ""

    def anchors(self) -> tuple[str, ...]:
        """Every anchor that it names."""
        terms = self.terms if self.on_death is None else (*self.terms, self.on_death)
        named = (self.anchor, *(term.anchor for term in terms))
        return tuple(dict.fromkeys(anchor for anchor in named if anchor))

    def problem(self) -> str:
        """The name of the first attribute that is wrong by itself; empty where the rule is sound."""
        terms = self.terms if self.on_death is None else (*self.terms, self.on_death)
        periods = (self.minimum, self.maximum, *(one for term in terms for one in (term.period, term.within)))
        needed = {"MIN": (self.minimum,), "MAX": (self.maximum,), "MIN+MAX": (self.minimum, self.maximum)}
        checks = (
            ("id", bool(self.id.strip())),
            ("effect", self.effect in EFFECTS),
            ("category", bool(self.category.strip())),
            ("source", bool(self.source.strip())),
            ("period", all(not one or _PERIOD.fullmatch(one) for one in periods)),
            # A number that the law leaves open is said in words, and a person decides.
            ("period", bool(self.modifiers) or all(needed.get(self.effect, ()))),
            ("terms", all(term.anchor and term.period for term in terms)),
            ("combine", self.combine in (("later_of", "earlier_of") if self.terms else ("",))),
            ("round_up", self.round_up in ("", "end_of_calendar_year", "end_of_fiscal_year")),
            ("in_force_from", not self.in_force_from or bool(_DAY.fullmatch(self.in_force_from))),
        )
        return next((name for name, sound in checks if not sound), "")
