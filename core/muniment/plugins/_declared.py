"""What plugins declare beyond kinds of field: purposes and retention rules, as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from muniment.schema import Label

__all__ = [
    "EFFECTS",
    "ENDINGS",
    "EVENTS",
    "AlertRuleLike",
    "Purpose",
    "RegimeLike",
    "RetentionCondition",
    "RetentionRule",
    "RetentionTerm",
    "RoleLike",
    "SearchTerms",
]

EFFECTS: Final = ("MIN", "MAX", "MIN+MAX", "LIM", "REC", "REC-MAX")
"""What a rule does: forbids to dispose earlier, asks to dispose by then, both, limits the use without a
number, or recommends one of these."""

EVENTS: Final = ("record.created", "record.changed", "subject.born", "subject.died")
"""What a rule may run from besides a field: what the core knows of every record, and the days on which its
subject was born and died, as the subject's own record has them."""

ENDINGS: Final = ("dispose", "review")
"""What is to be done when a rule has run out: dispose of the values, or ask a person first."""

_PERIOD = re.compile(r"P(?=\d)(?:\d{1,3}Y)?(?:\d{1,4}M)?(?:\d{1,5}D)?|PERMANENT")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}(?:\.[a-z][a-z0-9_]{0,62})?")


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


class RegimeLike(Protocol):
    """What is looked at of a regime here; the value itself is a ``muniment.regimes.Regime``."""

    @property
    def key(self) -> str:
        """As it is asked for."""
        ...

    @property
    def label(self) -> Label:
        """What people call it."""
        ...


class AlertRuleLike(Protocol):
    """What is looked at of an alert rule here; the value itself is a ``muniment.alerts.AlertRule``."""

    @property
    def key(self) -> str:
        """Its name in configuration and log."""
        ...

    @property
    def label(self) -> Mapping[str, str]:
        """What people call it, by language."""
        ...


@attrs.frozen
class SearchTerms:
    """Further words under which quick search finds a text, such as the Pinyin of a Chinese name.

    Attributes:
        version: raised when the same text gives other words; the indexes are then made anew.
        terms: the words of a text; the same ones at every call, and quickly.
    """

    version: int
    terms: Callable[[str], Iterable[str]]


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
        age_from: counts only where so many whole years had passed between this anchor's day, as a birth,
            and the rule's; 0 for always.
        age_to: counts only where no more had; 0 for always.
    """

    anchor: str
    period: str
    within: str = ""
    age_from: int = 0
    age_to: int = 0


@attrs.frozen(kw_only=True)
class RetentionCondition:
    """A rule is about records alone in which a field holds one of some choices.

    A record in which the field is empty counts as one that holds any of them: what
    nobody knows must not shorten a period.

    Attributes:
        field: the key of a field of the record type; ``type.field`` where any of the subject's records
            of another type may hold it.
        values: keys of choices.
    """

    field: str
    values: tuple[str, ...]


@attrs.frozen(kw_only=True)
class RetentionRule:
    """One rule about how long one retention category of a record type is kept; data, nothing is done by it.

    Periods are ISO 8601 in years, months or days (``P10Y``), counted by the calendar, or ``PERMANENT``.

    An anchor is a day. It is the key of a field of the record type that holds one;
    ``type.field`` for the latest such day among the records of that type which the same
    subject has (unknown as long as one of them has none); or one of ``EVENTS``.

    Attributes:
        id: stable, such as ``FR-H-01``.
        effect: one of ``EFFECTS``.
        category: the retention category of the fields that it is about.
        source: the law, with its article.
        about: what the law calls the records.
        minimum: not disposed of earlier; empty for none.
        maximum: disposed of by then; empty for none.
        same_as: ``record`` where what the law sets no number for is kept as long as the record that it
            belongs to; else empty.
        event: what starts the period in the words of the law, such as ``discharge.date``.
        anchor: what starts it here; empty where nothing here tells, and a person decides.
        combine: ``later_of`` or ``earlier_of``, over the anchor and the terms; empty without terms.
        terms: further dates, such as a birth for what is kept of minors.
        on_death: what holds instead after a death.
        where: all of these must hold; empty for every record.
        round_up: ``end_of_calendar_year``, ``end_of_fiscal_year`` or empty.
        suspended_by: what stops the period, such as ``litigation``.
        at_end: one of ``ENDINGS``.
        jurisdiction: ISO 3166, with the union before it (``EU-FR``).
        industry: such as ``health``.
        modifiers: what the law adds and no other attribute says, for people.
        in_force_from: ISO 8601 day; empty where nobody looked it up.
        in_force_to: the last such day; empty for as yet none.
        confidence: how sure its author is, for the person who verifies it.
        verified_by: name and day of the person who compared the rule with its source; empty: unverified.
        notes: for people.
    """

    id: str
    effect: str
    category: str
    source: str
    about: str = ""
    minimum: str = ""
    maximum: str = ""
    same_as: str = ""
    event: str = ""
    anchor: str = ""
    combine: str = ""
    terms: tuple[RetentionTerm, ...] = ()
    on_death: RetentionTerm | None = None
    where: tuple[RetentionCondition, ...] = ()
    round_up: str = ""
    suspended_by: tuple[str, ...] = ()
    at_end: str = "dispose"
    jurisdiction: str = ""
    industry: str = ""
    modifiers: str = ""
    in_force_from: str = ""
    in_force_to: str = ""
    confidence: str = ""
    verified_by: str = ""
    notes: str = ""

    def anchors(self) -> tuple[str, ...]:
        """Every anchor that it names."""
        named = (self.anchor, *(term.anchor for term in self._all_terms()))
        return tuple(dict.fromkeys(anchor for anchor in named if anchor))

    def problem(self) -> str:
        """The name of the first attribute that is wrong by itself; empty where the rule is sound."""
        terms = self._all_terms()
        periods = (self.minimum, self.maximum, *(one for term in terms for one in (term.period, term.within)))
        needed = {"MIN": (self.minimum,), "MAX": (self.maximum,), "MIN+MAX": (self.minimum, self.maximum)}
        days = (self.in_force_from, self.in_force_to)
        checks = (
            ("id", bool(self.id.strip())),
            ("effect", self.effect in EFFECTS),
            ("category", bool(self.category.strip())),
            ("source", bool(self.source.strip())),
            ("period", all(not one or _PERIOD.fullmatch(one) for one in periods)),
            # A number that the law leaves open is said in words, and a person decides.
            ("period", bool(self.modifiers or self.same_as) or all(needed.get(self.effect, ()))),
            ("same_as", self.same_as in ("", "record")),
            ("anchor", all(_NAME.fullmatch(one) for one in self.anchors())),
            ("terms", all(term.anchor and term.period for term in terms)),
            ("terms", all(term.age_from >= 0 and term.age_to >= 0 for term in terms)),
            ("combine", self.combine in (("later_of", "earlier_of") if self.terms else ("",))),
            ("where", all(_NAME.fullmatch(one.field) and one.values for one in self.where)),
            ("round_up", self.round_up in ("", "end_of_calendar_year", "end_of_fiscal_year")),
            ("at_end", self.at_end in ENDINGS),
            ("in_force_from", all(not one or _DAY.fullmatch(one) for one in days)),
        )
        return next((name for name, sound in checks if not sound), "")

    def _all_terms(self) -> tuple[RetentionTerm, ...]:
        return self.terms if self.on_death is None else (*self.terms, self.on_death)
