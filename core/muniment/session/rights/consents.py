"""Consents: given, withdrawn, read, and asked for in the transaction of every access that rests on one.

A consent is a record of its own about the person, one for each purpose; what
becomes of it are its versions. It is opened from its sealed parts each time it
counts, so a withdrawal holds for the very next call of every process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.codec import canonical
from muniment.errors import NotFound, StoreError, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import age_on, id_bytes, id_text, instant, parse_time, rfc3339
from muniment.schema.builtin import CONSENT, NOTICE
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.reading.reads import disclosure, plan_of
from muniment.session.rights.consented import (
    Consent,
    Notice,
    consents_of,
    micros,
    opened,
    subject_of,
)
from muniment.session.rights.jurisdictions import guardian_age
from muniment.session.rights.opt_outs import addresses_of, left_at_us, opting_out
from muniment.session.writing.changes import Change
from muniment.session.writing.seen import Seen, any_version
from muniment.session.writing.writes import Saved, sole, write
from muniment.store import Current, ListQuery, Transaction
from muniment.subjects.rules import Consents as Rules

if TYPE_CHECKING:
    from muniment.session.ground import Ground

__all__ = ["Consents", "Terms"]

_DELETE: Final = OPERATIONS["delete"]
_NOTICES: Final = Kept("notice", NOTICE.number, order=((NOTICE.by_key["key"].number, False),))
_NAMED: Final = 20
"""So many keys of notices are named where one is asked for that there is not."""


def _rules(engine: Engine) -> Rules:
    applied = engine.settings.applied
    return Rules() if applied is None else applied.consent


# What a session may do


@attrs.frozen
class Terms:
    """What somebody consents to, and how.

    Attributes:
        purpose: a W3C DPV term.
        notice: key of the notice that was shown.
        language: ``en`` or ``zh``: in which it was shown.
        method: ``web``, ``app``, ``paper``, ``spoken``, ``mail`` or ``other``.
        given_at: since when, RFC 3339; by default now.
        valid_until: until when, RFC 3339; by default without end.
        separate: for what it is given separately: ``sensitive``, ``provide``, ``publish``, ``cross_border``.
        jurisdiction: such as ``EU`` or ``CN``; by default the notice's.
        data: kinds of data; by default the notice's.
        guardian: who consented in place of a child.
        relation: of the guardian to the child.
    """

    purpose: str
    notice: str = ""
    language: str = "en"
    method: str = "other"
    given_at: str = ""
    valid_until: str = ""
    separate: Sequence[str] = ()
    jurisdiction: str = ""
    data: Sequence[str] = ()
    guardian: str = ""
    relation: str = ""


class Consents:
    """Consents and notices, as acts of somebody; reached as ``session.consents``."""

    def __init__(self, session: Ground) -> None:
        self._engine = session.engine
        self._acting = session.acting

    # Reading

    def of(self, record: str) -> list[Consent]:
        """The consents of the person whom a record is about, newest first; one entry.

        Raises:
            NotFound: no such record for this actor; logged.
            AccessDenied: ``access.action``; logged.
        """

        def body(tx: Transaction, moment: Moment) -> list[Consent]:
            self._engine.policy.require(self._acting.actor, "consent.read", CONSENT.key)
            subject = subject_of(self._engine, self._acting, tx, id_bytes(record))
            versions = tx.newest_about(SHARD, CONSENT.number, {subject})
            plan = plan_of(self._engine, self._acting, CONSENT, None)
            drafts = disclosure(self._engine, tx, self._acting, "consent.read", plan, versions)
            if not versions:
                # The person asked about is named all the same.
                detail = self._engine.detail(
                    self._acting,
                    self._engine.new_id(),
                    type=CONSENT.key,
                    count=0,
                    target={"record": id_text(subject)},
                )
                drafts[0].detail = detail
                drafts[0].subject_keys = [self._engine.subject_key(tx, subject)]
            self._engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
            found = opened(self._engine, tx, [one for one in versions if one.operation != _DELETE])
            # What a role may not read in clear is left out here rather than masked.
            return [
                attrs.evolve(
                    one, values={key: one.values[key] for key in one.values if key in plan.view.clear}
                )
                for one in sorted(found, key=lambda one: -one.recorded_us)
            ]

        with self._engine.guarded(self._acting, "consent.read", record=record):
            return self._engine.run(body, self._acting)

    def notices(self, *, limit: int | None = None, after: str | None = None) -> Piece[Notice]:
        """The notices, by key; their texts were shown to everybody.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> Piece[Notice]:
            engine.policy.require(acting.actor, "consent.read", NOTICE.key)
            found = stored_piece(
                engine, tx, _NOTICES, lambda row: self._opened_notice(tx, row), limit=limit, after=after
            )
            detail = engine.detail(acting, engine.new_id(), type=NOTICE.key)
            engine.logbook.append(tx, moment, [Draft("consent.read", detail)], actor=acting.actor.id)
            return found

        with engine.guarded(acting, "consent.read"):
            return engine.run(body, acting)

    def notice(self, key: str) -> Notice | None:
        """The notice of that key as it stands; None where there is none.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> Notice | None:
            engine.policy.require(acting.actor, "consent.read", NOTICE.key)
            detail = engine.detail(acting, engine.new_id(), type=NOTICE.key)
            engine.logbook.append(tx, moment, [Draft("consent.read", detail)], actor=acting.actor.id)
            return self._kept_notice(tx, key)

        with engine.guarded(acting, "consent.read"):
            return engine.run(body, acting)

    def _opened_notice(self, tx: Transaction, row: Current) -> Notice | None:
        version = tx.version(SHARD, row.record, row.version)
        if version is None:
            return None
        values = open_version(tx, self._engine.sealer, version, NOTICE)
        return Notice(id_text(row.record), row.version, values)

    def _kept_notice(self, tx: Transaction, key: str) -> Notice | None:
        query = ListQuery(NOTICE.number, ((NOTICE.by_key["key"].number, key),), limit=1)
        rows = tx.list_current(SHARD, query)
        return self._opened_notice(tx, rows[0]) if rows else None

    def _notice(self, tx: Transaction, key: str) -> Notice:
        found = self._kept_notice(tx, key)
        if found is None:
            number = str(NOTICE.by_key["key"].number)
            rows = tx.list_current(SHARD, ListQuery(NOTICE.number, order=_NOTICES.order, limit=_NAMED))
            known = ", ".join(str(json.loads(row.clear)[number]) for row in rows)
            raise UsageError("consent.no_notice", name=key, known=known or "-")
        return found

    # Writing

    def write_notice(
        self,
        key: str,
        values: Mapping[str, object],
        *,
        reason: str | None = None,
        seen: Seen = any_version,
    ) -> Saved:
        """Write a notice, or its next version; consents to the versions before stay as they are.

        Args:
            key: what it is called.
            values: by field key.
            reason: a person's own words; sealed.
            seen: told which version this replaces, 0 for none; raises where that is not the one seen.
        """
        with self._engine.store.transaction(write=False) as tx:
            old = self._kept_notice(tx, key)
        seen(0 if old is None else old.version)
        given = {**values, "key": key}
        change = (
            Change("create", NOTICE.key, values=given, inside=True)
            if old is None
            else Change(
                "update",
                record=id_bytes(old.id),
                values=given,
                expected_version=old.version,
                inside=True,
            )
        )
        return sole(write(self._engine, self._acting, [change], reason=reason))

    def give(
        self, record: str, terms: Terms, *, evidence: Path | None = None, reason: str | None = None
    ) -> Saved:
        """Write down that the person whom a record is about consents to a purpose.

        Args:
            record: UUID text of a record about the person.
            terms: to what, and how.
            evidence: a file that shows it, sealed with the consent.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``consent.no_notice``, ``consent.guardian`` where a guardian must consent,
                ``consent.nobody``; values that cannot be read are ``Invalid``.
            AccessDenied, NotFound: the policy refuses; logged.
        """
        digest = _digest(evidence)
        with (
            self._engine.guarded(self._acting, "consent.give", record=record),
            self._engine.store.transaction(write=False) as tx,
        ):
            subject = subject_of(self._engine, self._acting, tx, id_bytes(record))
            old = self._standing(tx, subject, terms.purpose)
            self._require_guardian(tx, subject, terms)
            values = self._values(tx, terms, digest)
            now = self._engine.clock()
        kind = "consent.renew" if old is not None and old.holds_at(now) else "consent.give"
        saved = self._write(subject, old, values, kind, reason)
        if evidence is not None:
            saved = self._attach(saved.id, evidence)
        return saved

    def create(
        self, type: str, values: Mapping[str, object], terms: Terms, *, reason: str | None = None
    ) -> tuple[Saved, Saved]:
        """Make a record of a new person together with their consent, in one transaction.

        Returns:
            What became of the record and of the consent.
        """
        with self._engine.store.transaction(write=False) as tx:
            given = self._values(tx, terms, "")
        person, consent = self._engine.new_id.many(2)
        given, members = self._with_receipt(given, person, consent, 1)
        changes = [
            Change("create", type, values=values),
            Change("create", CONSENT.key, values=given, subject=person, inside=True, kind="consent.give"),
        ]
        saved = write(
            self._engine,
            self._acting,
            changes,
            reason=reason,
            new_ids=[person, consent],
            members=members,
        )
        first, second = saved
        assert isinstance(first, Saved)
        assert isinstance(second, Saved)
        return first, second

    def withdraw(self, record: str, purpose: str, *, reason: str | None = None) -> Saved:
        """Write down that the person whom a record is about takes their consent back.

        Raises:
            NotFound: ``consent.none`` where there is none to take back.
        """
        return self._end(record, purpose, "withdrawn", "consent.withdraw", reason)

    def refuse(self, record: str, terms: Terms, *, reason: str | None = None) -> Saved:
        """Write down that the person was asked and said no."""
        with (
            self._engine.guarded(self._acting, "consent.refuse", record=record),
            self._engine.store.transaction(write=False) as tx,
        ):
            subject = subject_of(self._engine, self._acting, tx, id_bytes(record))
            old = self._standing(tx, subject, terms.purpose)
            values = {**self._values(tx, terms, ""), "state": "refused"}
        return self._write(subject, old, values, "consent.refuse", reason)

    def invalidate(self, record: str, purpose: str, *, reason: str) -> Saved:
        """Declare a consent invalid, such as one that was not given freely."""
        return self._end(record, purpose, "invalidated", "consent.invalidate", reason)

    def _end(self, record: str, purpose: str, state: str, kind: str, reason: str | None) -> Saved:
        with (
            self._engine.guarded(self._acting, kind, record=record),
            self._engine.store.transaction(write=False) as tx,
        ):
            subject = subject_of(self._engine, self._acting, tx, id_bytes(record))
            old = self._standing(tx, subject, purpose)
            if old is None:
                raise NotFound("consent.none", where=record, purpose=purpose)
        return self._write(subject, old, {"state": state}, kind, reason)

    def expire(self) -> int:
        """Write down of every consent whose validity has ended that it has; give how many."""
        now = self._engine.clock()
        with self._engine.store.transaction(write=False) as tx:
            rows = tx.builtin(SHARD, (CONSENT.number,))
            versions = [tx.version(SHARD, record, newest) for _, record, newest in rows]
            standing = [one for one in versions if one is not None and one.operation != _DELETE]
            ended = [
                one
                for one in opened(self._engine, tx, standing)
                if one.values.get("state") == "given" and one.state_at(now) == "expired"
            ]
        for one in ended:
            self._write(id_bytes(one.subject), one, {"state": "expired"}, "consent.expire", None)
        return len(ended)

    def expiring(self, days: int) -> int:
        """How many consents end within so many days."""
        now = self._engine.clock()
        last = rfc3339(now + days * 86_400_000_000)
        state, since, until = (CONSENT.by_key[key].number for key in ("state", "given_at", "valid_until"))
        # Walked in the order of their ends from today on: how many there are besides makes no difference.
        query = ListQuery(
            CONSENT.number, ((state, "given"),), ((until, False),), after=((rfc3339(now),), b"\xff" * 16)
        )

        def body(tx: Transaction, _: Moment) -> int:
            tx.ready_listing(SHARD, query)
            found, there = 0, query
            while rows := tx.list_current(SHARD, there):
                for row in rows:
                    clear = json.loads(row.clear)
                    if clear[str(until)] > last:
                        return found
                    found += clear.get(str(since), "") <= rfc3339(now)
                there = attrs.evolve(there, after=((clear[str(until)],), rows[-1].record))
            return found

        return self._engine.run(body, self._acting)

    # Inside

    def _standing(self, tx: Transaction, subject: bytes, purpose: str) -> Consent | None:
        found = [one for one in consents_of(self._engine, tx, {subject}) if one.purpose == purpose]
        return max(found, key=lambda one: one.recorded_us, default=None)

    def _values(self, tx: Transaction, terms: Terms, digest: str) -> dict[str, object]:
        now = self._engine.clock()
        values: dict[str, object] = {
            "purpose": terms.purpose,
            "state": "given",
            "given_at": rfc3339(parse_time(terms.given_at) if terms.given_at else now),
            "valid_until": rfc3339(parse_time(terms.valid_until)) if terms.valid_until else None,
            "language": terms.language,
            "method": terms.method,
            "separate": tuple(terms.separate),
            "jurisdiction": terms.jurisdiction or None,
            "data": tuple(terms.data),
            "given_by": terms.guardian or None,
            "relation": terms.relation or None,
            "evidence_digest": digest or None,
        }
        if terms.notice:
            notice = self._notice(tx, terms.notice)
            values |= {"notice": notice.key, "notice_version": notice.version}
            values["jurisdiction"] = terms.jurisdiction or notice.values.get("jurisdiction")
            values["data"] = tuple(terms.data) or notice.values.get("data")
            purposes = notice.values.get("purposes")
            if isinstance(purposes, tuple) and purposes and terms.purpose not in purposes:
                raise UsageError("consent.other_purpose", name=notice.key, known=", ".join(purposes))
        return values

    def _require_guardian(self, tx: Transaction, subject: bytes, terms: Terms) -> None:
        """Below an age the law wants somebody else's word; without a date of birth nobody can tell."""
        rules = _rules(self._engine)
        type_key, _, field_key = rules.birth_field.partition(".")
        below = guardian_age(self._engine)
        if not below or not field_key or terms.guardian:
            return
        version = tx.version(SHARD, subject)
        record_type = self._engine.definitions.types.get(type_key)
        if version is None or record_type is None or version.type != record_type.number:
            return
        born = open_version(tx, self._engine.sealer, version, record_type).get(field_key)
        at = parse_time(terms.given_at) if terms.given_at else self._engine.clock()
        today = instant(at, self._engine.zone).date()
        if isinstance(born, date) and age_on(born, today) < below:
            raise UsageError("consent.guardian", number=below)

    def _write(
        self,
        subject: bytes,
        old: Consent | None,
        values: Mapping[str, object],
        kind: str,
        reason: str | None,
    ) -> Saved:
        record = self._engine.new_id() if old is None else id_bytes(old.id)
        version = 1 if old is None else old.version + 1
        before = {} if old is None else {key: value for key, value in old.values.items() if key != "receipt"}
        given, members = self._with_receipt({**before, **values}, subject, record, version)
        # Said with this change alone, so that it goes with the person, whatever is written beside it.
        change = (
            Change(
                "create",
                CONSENT.key,
                values=given,
                subject=subject,
                inside=True,
                kind=kind,
                reason=reason,
            )
            if old is None
            else Change(
                "update",
                record=record,
                values=given,
                expected_version=old.version,
                inside=True,
                kind=kind,
                reason=reason,
            )
        )
        said_no, purpose = kind in ("consent.withdraw", "consent.refuse"), str(given["purpose"])

        def changes(tx: Transaction, moment: Moment) -> list[Change]:
            tokens = addresses_of(self._engine, tx, subject) if said_no else []
            # Through a link the address left a moment ago.
            tokens = [
                token
                for token in tokens
                if left_at_us(self._engine, tx, token, purpose) <= (old.recorded_us if old is not None else 0)
            ]
            return [change, *opting_out(self._engine, tx, tokens, purpose, moment.time_us, "hand")]

        return sole(
            write(
                self._engine,
                self._acting,
                changes,
                members=members,
                new_ids=[record] if old is None else None,
                action=kind,
            )
        )

    def _with_receipt(
        self, values: Mapping[str, object], subject: bytes, record: bytes, version: int
    ) -> tuple[dict[str, object], dict[str, object]]:
        """The values with what a receipt will show, and what the entry says of it: a salted hash."""
        from muniment.subjects.receipts import receipt_core, receipt_hash

        core = receipt_core(
            {key: _plain(value) for key, value in values.items() if key not in ("evidence", "receipt")},
            principal=id_text(subject),
            record=id_text(record),
            version=version,
            salt=self._engine.random(32),
        )
        text = canonical(core).decode("utf-8")
        return {**values, "receipt": text}, {"receipt": receipt_hash(core)}

    def _attach(self, record: str, evidence: Path) -> Saved:
        from muniment.session.attachments import attach_file

        return attach_file(
            self._engine, self._acting, id_bytes(record), "evidence", evidence, inside="consent.give"
        )

    # Receipts

    def receipt(self, record: str, purpose: str) -> dict[str, Any]:
        """The receipt of a consent as it stands, with the proof of its entry; anybody can check it offline.

        Args:
            record: UUID text of a record about the person.
            purpose: of the consent.

        Raises:
            NotFound: ``consent.none``.
        """
        from muniment.session.reading.log_files import proof_of
        from muniment.subjects.receipts import make_receipt

        found = next((one for one in self.of(record) if one.purpose == purpose), None)
        if found is None:
            raise NotFound("consent.none", where=record, purpose=purpose)
        engine = self._engine
        with engine.store.transaction(write=False) as tx:
            stored = [one for one in consents_of(engine, tx, {id_bytes(found.subject)}) if one.id == found.id]
            core = json.loads(str(stored[0].values["receipt"]))
            version = tx.version(SHARD, id_bytes(found.id), int(core["version"]))
            assert version is not None
            notice = None
            if found.values.get("notice"):
                notice = self._notice_at(tx, core)
        proof, opening = proof_of(engine, version.gen, version.seq)
        return make_receipt(
            core, notice, opening.detail, opening.r, proof, engine.logbook.verifier_key(version.gen).text
        )

    def _notice_at(self, tx: Transaction, core: Mapping[str, Any]) -> dict[str, Any] | None:
        """The notice as it was shown."""
        consent = core["consent"]
        one = self._kept_notice(tx, str(consent.get("notice")))
        if one is None:
            return None
        version = tx.version(SHARD, id_bytes(one.id), int(consent["notice_version"]))
        if version is None:
            return None
        values = open_version(tx, self._engine.sealer, version, NOTICE)
        return {key: _plain(value) for key, value in values.items()}


def _plain(value: object) -> Any:
    """A value as a receipt writes it."""
    if isinstance(value, datetime):
        found = micros(value)
        assert found is not None
        return rfc3339(found)
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return value if isinstance(value, (int, str)) or value is None else str(value)


def _digest(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise StoreError("store.no_such_file", where=str(path)) from None
