"""What alerts and signed spans of the log are as values, and reading the records that keep them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from muniment.alerts import AlertRule
from muniment.model import id_text
from muniment.schema.builtin import ALERT, REVIEW
from muniment.session.reading.generations import Place
from muniment.store import Current

__all__ = ["Alert", "Reviewed", "Run", "alert_of", "grade_of", "reviewed_of"]


@attrs.frozen
class Alert:
    """One alert.

    Attributes:
        id: UUID text.
        version: of its record.
        rule: the rule's key.
        severity: ``low``, ``medium``, ``high`` or ``critical``.
        state: ``open``, ``explained`` or ``violation``.
        actor: who did it; empty where nobody did.
        subject: UUID text of whom it is about, or None.
        entries: the entries that show it.
        why: what the rule's text names.
        sent: by what it was sent.
    """

    id: str
    version: int
    rule: str
    severity: str
    state: str
    actor: str
    subject: str | None
    entries: tuple[Place, ...]
    why: Mapping[str, Any]
    sent: str

    def text(self, rules: Mapping[str, AlertRule], lang: str) -> str:
        """Why it was raised, in words."""
        rule = rules.get(self.rule)
        return "" if rule is None else rule.why[lang].format_map(_Blanks(self.why))

    def document(self, rules: Mapping[str, AlertRule], lang: str) -> dict[str, Any]:
        """The alert for JSON."""
        rule = rules.get(self.rule)
        return {
            "id": self.id,
            "rule": self.rule,
            "label": self.rule if rule is None else rule.label[lang],
            "severity": self.severity,
            "state": self.state,
            "actor": self.actor,
            "subject": self.subject,
            "entries": [str(place) for place in self.entries],
            "why": dict(self.why),
            "text": self.text(rules, lang),
            "explained_by": "" if rule is None else rule.explained_by[lang],
        }


class _Blanks(dict[str, Any]):
    """Names that a finding did not give are left open in its text."""

    def __missing__(self, name: str) -> str:
        return "—"


@attrs.frozen
class Run:
    """What a run found.

    Attributes:
        first: the first entry that was looked at.
        last: behind the last one.
        entries: how many were.
        raised: the new alerts, of those that whoever ran it may know.
        sent: how many were delivered, of those that had to be.
        unsent: how many were not.
    """

    first: Place
    last: Place
    entries: int
    raised: tuple[Alert, ...]
    sent: int = 0
    unsent: int = 0


@attrs.frozen
class Reviewed:
    """A span of the log that somebody signed off.

    Attributes:
        first: its first entry.
        last: the place behind its last one.
        reviewer: who signed.
        time_us: when, microseconds since 1970.
    """

    first: Place
    last: Place
    reviewer: str
    time_us: int


def grade_of(state: str, severity: str) -> str:
    """By what the gravest alerts of a state are found."""
    return f"{state}-{severity}"


def reviewed_of(row: Current) -> Reviewed:
    """The span that a record of a sign-off tells of."""
    return Reviewed(
        _place(row.clear, "first"),
        _place(row.clear, "last"),
        str(json.loads(row.clear)[str(REVIEW.by_key["reviewer"].number)]),
        int.from_bytes(row.record[:6], "big") * 1000,
    )


def _place(clear: str, end: str) -> Place:
    """Where a review began (``first``) or ended (``last``)."""
    values = json.loads(clear)
    generation, index = (int(values[str(REVIEW.by_key[key].number)]) for key in (f"{end}_generation", end))
    return Place(generation, index)


def alert_of(
    record: bytes | str, version: int, subject: bytes | str, clear: Mapping[str, Any], archive: bytes
) -> Alert:
    """The alert that a record of one tells of.

    Args:
        record: UUID, 16 bytes or text.
        version: of the record.
        subject: UUID of whom it is about, 16 bytes or text.
        clear: values by number of field, as text.
        archive: UUID, 16 bytes; who an alert about nobody is about.
    """
    values = {field.key: clear.get(str(field.number)) for field in ALERT.fields}
    about = subject if isinstance(subject, str) else id_text(subject)
    return Alert(
        record if isinstance(record, str) else id_text(record),
        version,
        str(values["rule"]),
        str(values["severity"]),
        str(values["state"]),
        str(values["actor"] or ""),
        None if about == id_text(archive) else about,
        tuple(Place(*map(int, place.split(":"))) for place in json.loads(str(values["entries"] or "[]"))),
        json.loads(str(values["why"] or "{}")),
        str(values["sent"] or ""),
    )
