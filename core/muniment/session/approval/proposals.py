"""What waits for a second person, as it lies in the store: found, opened, judged stale or not.

Nothing here is released; ``checking`` shows and decides, each in a transaction that
writes it down.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from muniment.changes import (
    Common,
    Document,
    Given,
    Wanted,
    digest_of,
    people_of,
    unpack_checks,
    unpack_document,
)
from muniment.errors import Conflict, IntegrityError, KeyStoreError, NotFound, UsageError
from muniment.log.binding import unpack_live
from muniment.model import Value, id_bytes, id_text, micros_of, parse_time
from muniment.schema import PROPOSAL, RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.moving import has_moved
from muniment.session.writing.changes import Change
from muniment.store import Current, ListQuery, Transaction, Version

__all__ = [
    "Held",
    "Member",
    "all_of",
    "change_of",
    "clear_of",
    "find_proposal",
    "is_stale",
    "load_proposal",
    "stepped",
    "waiting",
]

STATE: Final = PROPOSAL.by_key["state"].number
_BUNDLE: Final = PROPOSAL.by_key["bundle"].number
_EXPIRES: Final = PROPOSAL.by_key["expires"].number
_PAGE: Final = 200


@attrs.frozen
class Member:
    """One record of a proposal, which holds what is about one subject.

    Attributes:
        version: its newest one.
        text: its document as it is stored.
    """

    version: Version
    document: Document
    text: str


@attrs.frozen
class Held:
    """A proposal.

    Attributes:
        id: 16 bytes.
        number: index of the entry that put it up.
        created_us: when.
        state: as in the record type.
        expires_us: when it expires.
        members: its records, the first one first.
        common: what they have in common.
        checks: who approved it so far.
    """

    id: bytes
    number: int
    created_us: int
    state: str
    expires_us: int
    members: tuple[Member, ...]
    common: Common
    checks: tuple[Given, ...]

    @property
    def digest(self) -> bytes:
        """What an approval names."""
        return digest_of(self.id, [(one.version.record, one.text) for one in self.members])

    @property
    def changes(self) -> list[tuple[Wanted, bytes]]:
        """All changes in their order, each with its subject."""
        found = [
            (wanted, member.version.subject) for member in self.members for wanted in member.document.changes
        ]
        return sorted(found, key=lambda one: one[0].place)

    def state_at(self, time_us: int) -> str:
        """The state; what is due has expired, whether or not anybody wrote that down yet."""
        due = self.state in ("open", "ready") and self.expires_us <= time_us
        return "expired" if due else self.state

    def is_maker(self, acting: Acting) -> bool:
        """Whether whoever acts, or whom they act for, wrote any of it."""
        people = people_of(acting.actor.id, acting.actor.on_behalf_of or "")
        return any(not people.isdisjoint(maker.people) for maker in self.common.makers)


def find_proposal(tx: Transaction, name: str) -> bytes:
    """The proposal that somebody named.

    Args:
        tx: a transaction.
        name: its number, which is the index of the entry that put it up, or its UUID.

    Raises:
        NotFound: ``approval.not_found``.
    """
    if name.isascii() and name.isdigit() and len(name) < 16:
        for gen in reversed(tx.generations(SHARD)):
            for version in tx.versions_at(SHARD, gen, int(name), int(name)):
                if version.type == PROPOSAL.number and version.version == 1:
                    return version.record
        raise NotFound("approval.not_found")
    try:
        return id_bytes(name)
    except UsageError:
        raise NotFound("approval.not_found") from None


def load_proposal(engine: Engine, tx: Transaction, record: bytes) -> Held:
    """Open a proposal with all its records, by the identifier of any of them.

    Raises:
        NotFound: ``approval.not_found``, or ``approval.gone`` where a part of it was erased or disposed of.
    """
    first = _version(tx, record)
    values = _opened(engine, tx, first)
    bundle = id_bytes(str(values["bundle"]))
    if bundle != record:
        first = _version(tx, bundle)
        values = _opened(engine, tx, first)
    document = unpack_document(str(values["content"]))
    if document.common is None or document.common.members[0] != bundle:
        raise IntegrityError("integrity.value", where=id_text(bundle))
    members = [Member(first, document, str(values["content"]))]
    for other in document.common.members[1:]:
        version = _version(tx, other)
        text = str(_opened(engine, tx, version)["content"])
        members.append(Member(version, unpack_document(text), text))
    put_up = tx.version(SHARD, bundle, 1)
    assert put_up is not None
    expires = values["expires"]
    assert isinstance(expires, datetime)
    checks = values.get("checks")
    return Held(
        bundle,
        put_up.seq,
        put_up.recorded_us,
        str(values["state"]),
        micros_of(expires),
        tuple(members),
        document.common,
        unpack_checks(None if checks is None else str(checks)),
    )


def _version(tx: Transaction, record: bytes) -> Version:
    found = tx.version(SHARD, record)
    if found is None or found.type != PROPOSAL.number:
        raise NotFound("approval.not_found")
    return found


def _opened(engine: Engine, tx: Transaction, version: Version) -> dict[str, Value]:
    """Every value of one record of a proposal."""
    engine.check_live(tx, {version.record, version.subject})
    live, _ = unpack_live(version.parts)
    values: dict[str, Value] = {}
    for part in tx.parts_of(SHARD, version.record, version.version, live):
        try:
            values |= engine.sealer.open(part, PROPOSAL, version.subject, live[part.grp])
        except KeyStoreError as error:
            if error.code != "key.destroyed":
                raise
            raise NotFound("approval.gone") from None
    if "content" not in values or "bundle" not in values:
        raise NotFound("approval.gone")
    return values


def waiting(tx: Transaction, state: str) -> Iterator[Current]:
    """The rows of all records of proposals in a state, oldest first."""
    after: tuple[tuple[()], bytes] | None = None
    while True:
        query = ListQuery(PROPOSAL.number, ((STATE, state),), after=after, limit=_PAGE)
        page = tx.list_current(SHARD, query)
        yield from page
        if len(page) < _PAGE:
            return
        after = ((), page[-1].record)


def clear_of(row: Current) -> tuple[str, str]:
    """What the current state says of a record of a proposal: its state, and when it expires (RFC 3339)."""
    clear = json.loads(row.clear)
    return str(clear[str(STATE)]), str(clear[str(_EXPIRES)])


def is_first(row: Current, state: str, time_us: int) -> bool:
    """Whether a row is the first of its proposal, and the proposal may stand in this state now.

    What has expired says so by its time alone until somebody writes it down.
    """
    clear = json.loads(row.clear)
    if id_bytes(str(clear[str(_BUNDLE)])) != row.record:
        return False
    held = str(clear[str(STATE)])
    return held == state or (state == "expired" and parse_time(str(clear[str(_EXPIRES)])) <= time_us)


def is_stale(engine: Engine, tx: Transaction, wanted: Wanted) -> bool:
    """Whether a record has moved since its change was put up."""
    seen = tx.version(SHARD, wanted.record, wanted.base) if wanted.base else None
    if seen is not None and seen.hash != wanted.base_hash:
        return True
    return has_moved(engine, tx, wanted.record, wanted.base)


def change_of(
    engine: Engine, wanted: Wanted, subject: bytes, *, renewed: bool = False, reason: str | None = None
) -> Change:
    """A change that waits, as it is written.

    Args:
        engine: the opened archive.
        wanted: what waits.
        subject: whom it is about.
        renewed: over whatever the newest version is.
        reason: the maker's own words.

    Raises:
        Conflict: ``approval.differs`` where a field is no longer there.
    """
    record_type = type_of(engine, wanted)
    by_number = record_type.by_number
    if not by_number.keys() >= wanted.values.keys():
        raise Conflict("approval.differs", where=record_type.key)
    values = {by_number[number].key: value for number, value in wanted.values.items()}
    if wanted.operation == "create":
        values = {key: value for key, value in values.items() if value is not None}
    new = wanted.operation == "create"
    # Only a program that computes could have put up a value of a computed field.
    computes = any(by_number[number].computed for number in wanted.values)
    return Change(
        wanted.operation,
        record_type.key if new else "",
        None if new else wanted.record,
        values,
        None if new or renewed else wanted.base,
        wanted.effective_us,
        subject=subject if new else None,
        reason=reason,
        computes=computes,
    )


def type_of(engine: Engine, wanted: Wanted) -> RecordType:
    """Today's definition of the record type that a change is about."""
    found = engine.definitions.by_number.get(wanted.type)
    if found is None:
        raise Conflict("approval.differs")
    return found


def all_of(tx: Transaction, engine: Engine, states: Sequence[str]) -> Iterator[Held]:
    """The proposals in these states that can still be opened, oldest first."""
    for state in states:
        for row in waiting(tx, state):
            try:
                held = load_proposal(engine, tx, row.record)
            except NotFound:
                continue  # erased with its subject: nobody may see it any more
            if held.id == row.record:
                yield held


def stepped(
    held: Held, values: Mapping[str, object], kind: str, *, reason: str | None = None
) -> list[Change]:
    """The changes that take every record of a proposal a step further."""
    return [
        Change(
            "update",
            record=member.version.record,
            values=values,
            expected_version=member.version.version,
            kind=kind,
            inside=True,
            reason=reason or None,
        )
        for member in held.members
    ]
