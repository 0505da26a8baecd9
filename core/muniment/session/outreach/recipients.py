"""Who gets a letter, and who does not and why: decided when it is asked, and again when it is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import attrs

from muniment.errors import AccessDenied, NotFound
from muniment.model import Value, id_bytes, id_text
from muniment.outreach.letters import Letter
from muniment.purposes import MARKETING
from muniment.schema import Condition, RecordType
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import closed
from muniment.session.kernel.reach import needs_of
from muniment.session.kernel.standing import view_of
from muniment.session.kernel.views import Record
from muniment.session.outreach.messages import Message, messages_about
from muniment.session.reading import lists
from muniment.session.reading.filters import Filter, compile_filter
from muniment.session.rights.consented import Consent, consents_of
from muniment.session.rights.opt_outs import REFUSED_CHANNELS, address_token, is_refused, left_at_us
from muniment.session.tables.links import merged
from muniment.store import ListQuery, Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Candidate", "Choosing", "Selection", "is_day", "refusal_of"]


@attrs.frozen
class Selection:
    """Which people a letter is for, beside what it says itself.

    Attributes:
        filters: conditions, also on sealed fields.
        view: how the log names a saved view that they came from.
    """

    filters: tuple[Condition, ...] = ()
    view: str = ""

    @property
    def texts(self) -> list[str]:
        """The conditions as they are typed."""
        return sorted(one.text for one in self.filters)


@attrs.frozen
class Candidate:
    """Somebody a letter may be for.

    Attributes:
        record: as it was read.
        why_not: empty for somebody who gets it, else ``no_consent``, ``opted_out``, ``unsubscribed``,
            ``no_address``, ``same_address``, ``sent``, ``unclear`` or the code of a gate.
    """

    record: Record
    why_not: str = ""


@attrs.frozen
class _Known:
    """What decides about the persons of one page.

    Attributes:
        together: who is one with whom by merges.
        consents: of all of them.
        messages: to all of them.
    """

    together: Mapping[bytes, frozenset[bytes]]
    consents: Sequence[Consent]
    messages: Sequence[Message]

    def people(self, subject: bytes) -> frozenset[bytes]:
        """Who is one with a person, themselves among them."""
        return self.together.get(subject, frozenset((subject,)))

    def consents_of(self, subject: bytes) -> list[Consent]:
        """The consents of a person."""
        people = set(map(id_text, self.people(subject)))
        return [one for one in self.consents if one.subject in people]

    def messages_of(self, subject: bytes) -> list[Message]:
        """The letters to a person."""
        people = set(map(id_text, self.people(subject)))
        return [one for one in self.messages if one.subject in people]


def is_day(value: Value, today: date) -> bool:
    """Whether a date has its day or anniversary today; 29 February is kept on the 28th of other years."""
    if not isinstance(value, date) or value.replace(day=1) > today.replace(day=1):
        return False
    leap = (today.year % 4 == 0 and today.year % 100 != 0) or today.year % 400 == 0
    if (value.month, value.day) == (2, 29) and not leap:
        return (today.month, today.day) == (2, 28)
    return (value.month, value.day) == (today.month, today.day)


def refusal_of(
    engine: Engine,
    purpose: str,
    time_us: int,
    consents: Sequence[Consent],
    messages: Sequence[Message],
    *,
    left_us: int = 0,
) -> str:
    """Why a person gets no letter for a purpose; empty where they may get one.

    Args:
        engine: the opened archive.
        purpose: of the letter.
        time_us: when it would be sent.
        consents: of the person, under each record that was merged.
        messages: the letters they got.
        left_us: when their address left, whichever record held it; 0 for never.
    """
    holding = [one for one in consents if one.purpose == purpose and one.holds_at(time_us)]
    applied = engine.settings.applied
    asked = purpose in MARKETING or (applied is not None and purpose in applied.consent.purposes)
    if asked and not holding:
        return "no_consent"
    left = [
        one.recorded_us
        for one in messages
        if one.text("state") == "unsubscribed" and one.text("purpose") == purpose
    ]
    left += [one.recorded_us for one in consents if one.purpose == purpose and one.is_refusal]
    left += [left_us] if left_us else []
    # Who left and consented anew since is back.
    if left and not any(one.recorded_us > max(left) for one in holding):
        return "unsubscribed"
    return ""


class Choosing:
    """Finds those whom a letter is for.

    Args:
        session: whose actor sends it, for the letter's purpose.
        letter: the letter.
        selection: who else is left out.
        mailing: identifier of the mailing that goes on; empty for none.
    """

    def __init__(self, session: Records, letter: Letter, selection: Selection, *, mailing: str = "") -> None:
        self._engine, self._acting = session.engine, session.acting
        self._session, self.letter, self._mailing = session, letter, mailing
        self.type: RecordType = session.type(letter.type)
        self._selection = selection
        self._view = view_of(self._engine, self._acting, self.type)
        self._filters = [self._filter(one) for one in (*letter.filters, *selection.filters)]
        self.keys = self._wanted()
        self._addresses: set[str] = set()

    def _filter(self, condition: Condition) -> Filter:
        return compile_filter(self._engine, self._acting, self.type, self._view, condition, scan=True)

    def _wanted(self) -> list[str]:
        """Keys of the fields that are read; what may not be read in clear is in no letter.

        Raises:
            NotFound: ``schema.unknown_field``.
            AccessDenied: ``access.field``.
        """
        letter = self.letter
        needed = [letter.email, *letter.fields, *([letter.on] if letter.on else [])]
        keys = []
        for name in needed:
            field = self.type.field(name)
            if field is None or field.key not in self._view.readable:
                raise NotFound("schema.unknown_field", where=self.type.key, name=name)
            if field.key not in self._view.clear:
                raise AccessDenied("access.field", where=self.type.key, action="mail.send", names=field.key)
            keys.append(field.key)
        for name in (letter.language, REFUSED_CHANNELS, *self.type.title):
            field = self.type.field(name) if name else None
            if field is not None and field.key in self._view.clear:
                keys.append(field.key)
        return list(dict.fromkeys([*keys, *(one.key for one in self._filters)]))

    def __iter__(self) -> Iterator[Candidate]:
        """Everybody the letter may be for, in order of their records; each page is in the log before that."""
        asked = lists.Asked(
            self.type.key,
            fields=self.keys,
            limit=200,
            kind="record.print",
            members={"recipient": f"mail:{self.letter.key}"},
            view=self._selection.view,
        )
        today = self._engine.value_context().today
        for page in self._session.pages(asked):
            chosen = [
                one
                for one in page.records
                if all(test.matches(one.fields.get(test.key)) for test in self._filters)
                and (not self.letter.on or is_day(one.fields.get(self.letter.on), today))
            ]
            if chosen:
                yield from self._judged(chosen)

    def _judged(self, records: Sequence[Record]) -> Iterator[Candidate]:
        with self._engine.store.transaction(write=False) as tx:
            known = self._known(tx, {id_bytes(one.subject) for one in records})
            judged = [(one, self._judge(tx, one, known)) for one in records]
        for record, found in judged:
            why, address = found, str(record.fields.get(self.letter.email) or "").casefold()
            if not why and address in self._addresses:
                why = "same_address"
            if why in ("", "sent", "unclear"):
                self._addresses.add(address)
            yield Candidate(record, why)

    def _judge(self, tx: Transaction, record: Record, known: _Known) -> str:
        subject = id_bytes(record.subject)
        why = self._own_refusal(record, known.messages_of(subject))
        return why or self._refusal(
            tx, subject, str(record.fields[self.letter.email]), self._engine.clock(), known
        )

    def _known(self, tx: Transaction, subjects: Collection[bytes]) -> _Known:
        """What decides about persons, with all who are one with them by merges."""
        together = merged(self._engine, tx)
        asked = frozenset(subjects).union(*(together.get(one, ()) for one in subjects))
        return _Known(together, consents_of(self._engine, tx, asked), messages_about(self._engine, tx, asked))

    def _refusal(self, tx: Transaction, subject: bytes, address: str, time_us: int, known: _Known) -> str:
        """Why nobody writes to a person at an address, though no letter of this mailing is on its way."""
        engine, purpose = self._engine, self.letter.purpose
        consents, messages = known.consents_of(subject), known.messages_of(subject)
        left_us = left_at_us(engine, tx, address_token(engine, address), purpose)
        why = refusal_of(engine, purpose, time_us, consents, messages, left_us=left_us)
        if not why and is_refused(engine, tx, address, known.people(subject)):
            return "opted_out"
        return why

    def _own_refusal(self, record: Record, messages: Sequence[Message]) -> str:
        # To a record that was merged into another no letter of its own is sent twice.
        for one in messages:
            if self._mailing and one.text("mailing") == self._mailing:
                state = one.text("state")
                if state == "sending":
                    return "unclear"
                if state != "failed":
                    return "sent"
        if not record.fields.get(self.letter.email):
            return "no_address"
        refused = record.fields.get(REFUSED_CHANNELS)
        return "opted_out" if isinstance(refused, tuple) and "email" in refused else ""

    def closed_by_gates(self) -> Mapping[str, str]:
        """The records that a gate keeps out of this purpose, each with its code; nothing is opened."""
        engine, acting = self._engine, self._acting
        if not engine.gates:
            return {}
        needs = needs_of(engine, acting, self.type, ("record.list",))
        if needs is not None and not needs.exact:
            return {}
        clear = [one for one in self._filters if one.number is not None]
        found: dict[str, str] = {}
        after: tuple[tuple[()], bytes] | None = None
        with engine.store.transaction(write=False) as tx:
            while True:
                query = ListQuery(
                    self.type.number, after=after, limit=500, reach=() if needs is None else needs.matches
                )
                rows = tx.list_current(SHARD, query)
                here = [row for row in rows if _passes(row.clear, clear)]
                refused = self._closed(tx, {About(row.subject, row.record) for row in here})
                found |= {id_text(one.record): code for one, code in refused.items() if one.record}
                if len(rows) < query.limit:
                    return found
                after = ((), rows[-1].record)

    def _closed(self, tx: Transaction, about: set[About]) -> Mapping[About, str]:
        engine, acting = self._engine, self._acting
        return closed(
            engine,
            tx,
            acting,
            "record.list",
            self.type,
            about,
            engine.clock(),
            fields=frozenset(self.keys),
        )

    def refusal_now(self, tx: Transaction, record: Record, time_us: int) -> str:
        """Why a person gets no letter at this moment, asked in the transaction that sends it."""
        subject, place = id_bytes(record.subject), id_bytes(record.id)
        self._engine.check_live(tx, {subject, place})
        for code in self._closed(tx, {About(subject, place)}).values():
            return code
        address = str(record.fields[self.letter.email])
        return self._refusal(tx, subject, address, time_us, self._known(tx, {subject}))


def _passes(clear: str, filters: Sequence[Filter]) -> bool:
    import json

    held = json.loads(clear) if filters else {}
    return all(one.passes(held.get(str(one.number))) for one in filters)
