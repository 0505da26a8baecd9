"""Computed dates that follow from other records, written in the change set that moves them.

A customer's next follow-up is the earliest one that is open, the last contact the time of the latest
talk, and whether there is consent follows from the consents. Which fields follow from which is said by
meanings (``schema.rules.MEANINGS``), never by the names of types. They are made of what stands in clear in
the current state, in the transaction that changed it, so that no list is ever behind; nothing is opened
for it but what is written anew. No plugin, gate or second person is asked: it is not the actor who says
it, and whatever closed the record to them closed it to what it follows from.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final

import attrs

from muniment.model import CLASSES, Value, instant, parse_time
from muniment.purposes import MARKETING
from muniment.schema import Field, RecordType
from muniment.schema.builtin import CONSENT, SUBJECT_LINK
from muniment.session.kernel.current import clear_json, patch_clear, sortable
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.writing.changes import Pending
from muniment.session.writing.planning import Planner
from muniment.store import Current, ListQuery, Transaction

__all__ = ["Figure", "derived", "figures_of", "outdated", "renewed"]

_MADE_OF: Final = {"due": "due", "last_contact": "contact"}
"""The meaning of a computed date, and the meaning of the dates that it follows from."""

_CONSENT: Final = "consent"
_STATES: Final = {
    "given": "given",
    "withdrawn": "withdrawn",
    "refused": "withdrawn",
    "invalidated": "withdrawn",
    "expired": "expired",
}
"""What a consent to marketing makes of a computed field that means ``consent``; the first found counts."""

_PURPOSE: Final = CONSENT.by_key["purpose"]
_PAGE: Final = 1_000


@attrs.frozen
class Figure:
    """A computed date of one type that follows from the dates of another.

    Attributes:
        target: the type that has it.
        field: the computed field.
        source: a type whose records are about records of the target.
        at: the field of the source with the date.
        state: the field of the source that says whether it counts still; None where it always does.
    """

    target: RecordType
    field: Field
    source: RecordType
    at: Field
    state: Field | None

    @property
    def earliest(self) -> bool:
        """Whether the earliest date counts, and not the latest."""
        return self.field.meaning == "due"

    def best(self, texts: Iterable[str]) -> str | None:
        """The date or state that counts out of some; None where there is none."""
        if self.field.meaning == _CONSENT:
            found = set(texts)
            return next((one for one in _STATES.values() if one in found), None)
        return min(texts, default=None) if self.earliest else max(texts, default=None)


_FIGURES: dict[int, tuple[Mapping[str, RecordType], tuple[Figure, ...]]] = {}


def figures_of(types: Mapping[str, RecordType]) -> tuple[Figure, ...]:
    """The computed dates of some types; found out once for each set of definitions.

    What would tell more closely guarded values, or for purposes for which they are not there, is none.
    """
    found = _FIGURES.get(id(types))
    if found is None or found[0] is not types:
        if len(_FIGURES) > 64:
            _FIGURES.clear()
        found = _FIGURES[id(types)] = (types, tuple(_figures(types)))
    return found[1]


def _figures(types: Mapping[str, RecordType]) -> Iterator[Figure]:
    for _, target in sorted(types.items()):
        if target.built_in or target.subject != "self":
            continue
        for field in target.fields:
            if not field.computed or field.retired:
                continue
            if field.meaning in _MADE_OF:
                yield from _sources(types, target, field)
            elif field.meaning == _CONSENT and not field.purposes and field.in_clear:
                yield Figure(target, field, CONSENT, CONSENT.by_key["state"], None)


def _sources(types: Mapping[str, RecordType], target: RecordType, field: Field) -> Iterator[Figure]:
    for _, source in sorted(types.items()):
        at = _meaning(source, _MADE_OF[field.meaning])
        if at is None or at.computed or not isinstance(source.subject, tuple) or len(source.subject) != 1:
            continue
        if source.by_key[source.subject[0]].target != target.key:
            continue
        state = _meaning(source, "state") if field.meaning == "due" else None
        if all(_may_tell(field, one) for one in (at, state) if one is not None):
            yield Figure(target, field, source, at, state if state is not None and state.default else None)


def _meaning(record_type: RecordType, name: str) -> Field | None:
    return next((one for one in record_type.fields if one.meaning == name and not one.retired), None)


def _may_tell(field: Field, source: Field) -> bool:
    """A computed field takes the strictest class and purposes of what it is made of."""
    if CLASSES.index(source.sensitivity) > CLASSES.index(field.sensitivity) or not field.in_clear:
        return False
    return not source.purposes or (bool(field.purposes) and set(field.purposes) <= set(source.purposes))


# In the transaction of a change set


def derived(engine: Engine, tx: Transaction, planner: Planner, written: Sequence[Pending]) -> list[Pending]:
    """What follows from planned changes for the records that they are about.

    Args:
        engine: the opened archive.
        tx: the transaction that they are planned in.
        planner: that planned them.
        written: the changes that become versions; of a record among them itself the dates are filled in.

    Returns:
        Further changes, to be written with them.
    """
    figures = figures_of(engine.definitions.types)
    sources = {one.source.number for one in figures}
    moved: dict[bytes, list[Pending]] = {}
    for one in written:
        if one.type.number in sources:
            moved.setdefault(one.subject, []).append(one)
    if not moved:
        return []
    own = {one.record: one for one in written}
    made: list[Pending] = []
    done: set[bytes] = set()
    for subject in moved:
        people = _people(engine, tx, subject)
        if done.issuperset(people):
            continue
        done |= people
        changes = [one for person in people for one in moved.get(person, ())]
        for person in sorted(people):
            found = _Target.of(engine, tx, figures, person, own.get(person))
            if found is not None:
                made += found.renew(planner, people, changes)
    return made


def renewed(engine: Engine, tx: Transaction, planner: Planner, subjects: Collection[bytes]) -> list[Pending]:
    """What has to be written so that the computed dates of some subjects are true; all is counted anew.

    Args:
        engine: the opened archive.
        tx: the transaction that will write it.
        planner: of that transaction.
        subjects: identifiers, 16 bytes each.
    """
    figures = figures_of(engine.definitions.types)
    made: list[Pending] = []
    everybody = set[bytes]().union(*(_people(engine, tx, one) for one in subjects)) if figures else set()
    for person in sorted(everybody):
        found = _Target.of(engine, tx, figures, person, None)
        if found is not None:
            made += found.renew(planner, _people(engine, tx, person), ())
    return made


def _people(engine: Engine, tx: Transaction, subject: bytes) -> frozenset[bytes]:
    """Who is one with a subject by merges, itself among them."""
    return frozenset((subject,)).union(*(follow(tx, subject) for follow in engine.links))


@attrs.define
class _Target:
    """A record whose computed dates may have to change."""

    engine: Engine
    tx: Transaction
    figures: Sequence[Figure]
    record: bytes
    clear: Mapping[str, Any]
    own: Pending | None

    @classmethod
    def of(
        cls, engine: Engine, tx: Transaction, figures: Sequence[Figure], record: bytes, own: Pending | None
    ) -> _Target | None:
        """The record of a subject, if it is there and has such dates."""
        if own is not None:
            if own.change.operation in ("delete", "undelete") or own.deleted:
                return None
            wanted = [one for one in figures if one.target.number == own.type.number]
            return cls(engine, tx, wanted, record, _clear_after(own), own) if wanted else None
        row = tx.current(SHARD, record)
        if row is None or row.deleted or engine.gone(tx, {record}):
            return None
        wanted = [one for one in figures if one.target.number == row.type]
        return cls(engine, tx, wanted, record, json.loads(row.clear), None) if wanted else None

    def renew(self, planner: Planner, people: Collection[bytes], changes: Sequence[Pending]) -> list[Pending]:
        """Give the record the dates that are true after some changes; counted anew where none are named."""
        values: dict[str, Value] = {}
        for field in {one.field.number: one.field for one in self.figures}.values():
            figures = [one for one in self.figures if one.field is field]
            before = self.clear.get(str(field.number))
            after = self._value(figures, before, people, changes)
            if after != before:
                values[field.key] = _parsed(self.engine, field, after)
        if not values:
            return []
        if self.own is not None:
            planner.fill_in(self.tx, self.own, values)
            return []
        return planner.computed(self.tx, self.record, values)

    def _value(
        self,
        figures: Sequence[Figure],
        before: str | None,
        people: Collection[bytes],
        changes: Sequence[Pending],
    ) -> str | None:
        numbers = {one.source.number for one in figures}
        concerned = [one for one in changes if one.type.number in numbers]
        if changes and not concerned:
            return before
        texts = [before] if before else []
        if not concerned or any(one.base is not None for one in concerned):
            # Something was changed or taken away: what stood so far may rest on it.
            apart = {one.record for one in concerned}
            texts = list(self._standing(figures, people, apart))
        for one in concerned:
            if one.change.operation != "delete":
                texts += _dates(self.engine, figures, one.type.number, _clear_after(one))
        return figures[0].best(texts)

    def _standing(
        self, figures: Sequence[Figure], people: Collection[bytes], apart: Collection[bytes]
    ) -> Iterator[str]:
        for person in people:
            for row in self.tx.records_of_subject(SHARD, person):
                if not row.deleted and row.record not in apart:
                    yield from _dates_of(self.engine, figures, row)


def _clear_after(one: Pending) -> dict[str, Any]:
    """What of a changed record will stand in clear."""
    if one.old_clear is None:
        text = clear_json(one.type, one.new)
    else:
        text = patch_clear(one.type, one.old_clear, one.changed, one.new)
    found: dict[str, Any] = json.loads(text)
    return found


def _dates_of(engine: Engine, figures: Sequence[Figure], row: Current) -> Iterator[str]:
    if any(one.source.number == row.type for one in figures):
        yield from _dates(engine, figures, row.type, json.loads(row.clear))


def _dates(engine: Engine, figures: Sequence[Figure], type: int, clear: Mapping[str, Any]) -> Iterator[str]:
    """The dates of one record that count, as the computed field would have them in clear."""
    for one in figures:
        if one.source.number != type:
            continue
        text = clear.get(str(one.at.number))
        state = None if one.state is None else clear.get(str(one.state.number))
        if one.field.meaning == _CONSENT:
            if clear.get(str(_PURPOSE.number)) in MARKETING and text in _STATES:
                yield _STATES[text]
        elif isinstance(text, str) and (one.state is None or state == one.state.default):
            yield _as_target(engine, one, text)


def _as_target(engine: Engine, figure: Figure, text: str) -> str:
    if figure.at.kind == figure.field.kind:
        return text
    zone = engine.zone
    if figure.field.kind == "date":
        return _moment(text).astimezone(zone).date().isoformat()
    return str(sortable(datetime.combine(date.fromisoformat(text), time(), zone)))


def _moment(text: str) -> datetime:
    return instant(parse_time(text))


def _parsed(engine: Engine, field: Field, text: str | None) -> Value:
    if text is None:
        return None
    if field.kind == "choice":
        return text
    if field.kind == "date":
        return date.fromisoformat(text)
    # As people here read it; what is compared is in UTC.
    return _moment(text).astimezone(engine.zone)


# Over everything


def outdated(engine: Engine, tx: Transaction) -> list[bytes]:
    """The subjects whose computed dates are not what follows from their records, found in the current state.

    As after an import of before there were such dates, or after a merge: nothing is opened.

    Args:
        engine: the opened archive.
        tx: a transaction that reads.
    """
    figures = figures_of(engine.definitions.types)
    alone = not tx.builtin(SHARD, (SUBJECT_LINK.number,))

    def person_of(subject: bytes) -> bytes:
        return subject if alone else min(_people(engine, tx, subject))

    best: dict[tuple[bytes, int], str] = {}
    for source in {one.source.number: one.source for one in figures}.values():
        for row in _rows(tx, source.number):
            person = person_of(row.subject)
            for one in figures:
                if one.source.number == row.type:
                    name = person, one.field.number
                    dates = [*_dates_of(engine, [one], row), *([best[name]] if name in best else [])]
                    found = one.best(dates)
                    if found is not None:
                        best[name] = found
    wrong: list[bytes] = []
    for target in {one.target.number: one.target for one in figures}.values():
        fields = {one.field.number for one in figures if one.target is target}
        for row in _rows(tx, target.number):
            clear, person = json.loads(row.clear), person_of(row.record)
            if any(clear.get(str(number)) != best.get((person, number)) for number in fields):
                wrong.append(row.record)
    return wrong


def _rows(tx: Transaction, type: int) -> Iterator[Current]:
    after: tuple[tuple[()], bytes] | None = None
    while True:
        page = tx.list_current(SHARD, ListQuery(type, after=after, limit=_PAGE))
        yield from page
        if len(page) < _PAGE:
            return
        after = ((), page[-1].record)
