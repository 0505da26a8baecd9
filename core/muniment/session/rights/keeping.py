"""What an erasure has to leave because a law wants it kept: named, restricted to storage, and certified.

Whoever asks to be erased gets what the law allows; the rest is kept for as long as a
mandatory minimum runs, used for nothing but storage (GDPR 17(3)(b), PIPL 47), and goes
by retention when the duty ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from muniment.errors import AccessDenied
from muniment.model import id_bytes
from muniment.retention.calendar import FOR_EVER
from muniment.retention.plan import Verdict
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.rights.facets import Facts
from muniment.session.rights.restrictions import restricting
from muniment.session.writing.writes import Change
from muniment.store import Transaction

__all__ = ["Kept", "duty", "kept_by_duty", "kept_of", "storage_only"]

_STANDS = ("kept", "permanent", "unknown", "suspended", "conflict", "held")
_LONGEST_BASIS = 200


@attrs.frozen
class Kept:
    """One facet that a duty keeps.

    Attributes:
        record: UUID text.
        subject: UUID text of the person.
        type: key of the record's type.
        category: name of the retention category.
        rule: id of the rule that decides.
        until: the last day, ISO 8601; empty where it is not known.
    """

    record: str
    subject: str
    type: str
    category: str
    rule: str
    until: str

    def document(self) -> dict[str, Any]:
        """It for JSON, as a certificate has it."""
        found = {
            "record": self.record,
            "subject": self.subject,
            "type": self.type,
            "category": self.category,
            "rule": self.rule,
            "until": self.until,
            "state": "storage_only",
        }
        return {name: value for name, value in found.items() if value}


def kept_of(verdict: Verdict) -> Kept:
    """What a certificate says of a facet that a duty keeps."""
    facet, until = verdict.facet, verdict.keep_until
    return Kept(
        facet.record,
        facet.subject,
        facet.type,
        facet.category,
        verdict.rule,
        "" if until in (None, FOR_EVER) else until.isoformat(),
    )


def kept_by_duty(engine: Engine, facts: Facts, records: Sequence[bytes]) -> dict[tuple[bytes, int], Verdict]:
    """The facets of these records that a mandatory minimum keeps, whoever asks for their erasure.

    Args:
        engine: the opened archive.
        facts: of the transaction.
        records: 16 bytes each.
    """
    numbers = engine.definitions.registry.categories
    found = {}
    for verdict in facts.verdicts(records) if facts.any_rules else ():
        minima = [
            one
            for one in verdict.findings
            if one.rule.effect in ("MIN", "MIN+MAX") and one.code != "keep.maximum"
        ]
        runs = any(one.end is None or one.end >= verdict.today for one in minima)
        if runs and verdict.state in _STANDS:
            found[id_bytes(verdict.facet.record), numbers[verdict.facet.category]] = verdict
    return found


def duty(verdict: Verdict) -> AccessDenied:
    """The refusal of an erasure because of a mandatory minimum: how long, or what is missing to say it."""
    where, rule = verdict.facet.record, verdict.rule
    if verdict.state == "permanent" or verdict.keep_until == FOR_EVER:
        return AccessDenied("keep.duty_permanent", where=where, rule=rule)
    if verdict.keep_until is not None:
        return AccessDenied("keep.duty", where=where, rule=rule, until=verdict.keep_until.isoformat())
    endless = [
        one
        for one in verdict.findings
        if one.end is None and one.rule.effect in ("MIN", "MIN+MAX") and one.code in _ENDLESS
    ]
    if not endless:
        return AccessDenied("keep.duty_open", where=where, rule=rule)
    worst = min(endless, key=lambda one: (one.rule.id != rule, one.rule.id))
    anchor = worst.anchor or worst.rule.anchor
    return AccessDenied(_ENDLESS[worst.code], where=where, rule=worst.rule.id, anchor=anchor)


_ENDLESS: Mapping[str, str] = {
    "keep.unknown_day": "keep.duty_day",
    "keep.no_anchor": "keep.duty_anchor",
    "keep.no_number": "keep.duty_open",
    "keep.stopped": "keep.duty_stopped",
}


def storage_only(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    kept: Collection[Kept],
    erasure: str,
    *,
    whole: bool,
) -> list[Change]:
    """What restricts to storage all that an erasure leaves, in the transaction that begins it.

    Args:
        engine: the opened archive.
        tx: the transaction.
        acting: who ordered the erasure; they do not lift it.
        kept: what stays.
        erasure: UUID text.
        whole: whether the person asked for all of theirs to go; else single records are restricted.
    """
    rules: dict[tuple[bytes, bytes | None], list[str]] = {}
    for one in kept:
        subject = id_bytes(one.subject)
        if subject != engine.archive:
            rules.setdefault((subject, None if whole else id_bytes(one.record)), []).append(one.rule)
    found = []
    for (subject, record), names in sorted(rules.items(), key=lambda pair: (pair[0][0], pair[0][1] or b"")):
        change = restricting(
            engine,
            tx,
            subject,
            record,
            state="storage_only",
            basis=", ".join(dict.fromkeys(names))[:_LONGEST_BASIS],
            placed_by=acting.actor.id,
            erasure=erasure,
        )
        if change is not None:
            found.append(change)
    return found
