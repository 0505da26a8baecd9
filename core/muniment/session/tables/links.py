"""Records merged: two about one person or organisation become one, and can be taken apart again.

A record's subject never changes, since it decides which key opens it. So a merge links the
two subjects, takes the duplicate out of the lists and fills in what the other one lacks. Whatever
asks about a subject (a hold, a report, an erasure) asks ``linked_subjects`` for all that belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import Value, id_bytes, id_text
from muniment.schema import RecordType
from muniment.schema.builtin import SUBJECT_LINK
from muniment.session.approval.asking import approve_merge
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.erased import is_gone
from muniment.session.kernel.reach import reaches
from muniment.session.kernel.views import Record
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.writing.approving import Sanction
from muniment.session.writing.writes import Change, renew, write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Link", "Links", "following", "linked_subjects", "merged"]

_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Link:
    """One merge.

    Attributes:
        id: UUID text of its record.
        version: of its record.
        type: key of the type of both records.
        kept: UUID text of the record that stayed.
        duplicate: UUID text of the one that was taken out of the lists.
        kept_subject: UUID text.
        duplicate_subject: UUID text.
        filled: keys of the fields that the kept record took over.
    """

    id: str
    version: int
    type: str
    kept: str
    duplicate: str
    kept_subject: str
    duplicate_subject: str
    filled: tuple[str, ...] = ()


def _links(engine: Engine, tx: Transaction) -> list[Link]:
    """Every merge that holds, from sealed parts: what is erased or held by it hangs on nothing less."""
    rows = tx.builtin(SHARD, (SUBJECT_LINK.number,))
    found = (_link(engine, tx, record) for _, record, _ in rows)
    return [one for one in found if one is not None]


def _link(engine: Engine, tx: Transaction, record: bytes) -> Link | None:
    """One merge; None where it does not hold."""
    version = tx.version(SHARD, record)
    if version is None or version.operation == _DELETE:
        return None
    if engine.gone(tx, {record, version.subject}):
        return None  # erased with the duplicate
    values = open_version(tx, engine.sealer, version, SUBJECT_LINK)
    filled = values.get("filled") or ()
    assert isinstance(filled, tuple)
    return Link(
        id_text(record),
        version.version,
        str(values["record_type"]),
        str(values["kept"]),
        str(values["duplicate"]),
        str(values["kept_subject"]),
        str(values["duplicate_subject"]),
        filled,
    )


def merged(engine: Engine, tx: Transaction, *, without: str = "") -> Mapping[bytes, frozenset[bytes]]:
    """Who is one with whom by merges, for every subject that was merged.

    Args:
        engine: the opened archive.
        tx: the transaction in which it must hold.
        without: UUID text of a merge that does not count.
    """
    found: dict[bytes, frozenset[bytes]] = {}
    for one in _links(engine, tx):
        if one.id == without:
            continue
        pair = id_bytes(one.kept_subject), id_bytes(one.duplicate_subject)
        together = frozenset(pair).union(*(found.get(subject, ()) for subject in pair))
        found |= dict.fromkeys(together, together)
    return found


def linked_subjects(engine: Engine, tx: Transaction, subjects: Iterable[bytes]) -> frozenset[bytes]:
    """All subjects that are one with these by merges, these among them.

    Args:
        engine: the opened archive.
        tx: the transaction in which it must hold.
        subjects: identifiers, 16 bytes each.
    """
    known, asked = merged(engine, tx), frozenset(subjects)
    return asked.union(*(known.get(subject, ()) for subject in asked))


def following(engine: Engine) -> Callable[[Transaction, bytes], frozenset[bytes]]:
    """What ``Engine.links`` asks who is one with a subject by merges."""
    return lambda tx, subject: linked_subjects(engine, tx, (subject,))


class Links:
    """Merges by one actor: made, listed, undone.

    Args:
        session: who asks.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine = session.engine

    def list(
        self, *, limit: int | None = None, after: str | None = None, newest: bool = False
    ) -> Piece[Link]:
        """The merges that hold of records that the actor's roles reach, oldest first.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.
            newest: the last ones first.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._session.require("subject.link")
        engine, acting = self._engine, self._session.acting

        def shown(tx: Transaction, record: bytes) -> Link | None:
            one = _link(engine, tx, record)
            return one if one is not None and self._reaches(tx, one) else None

        kept = Kept("merge", SUBJECT_LINK.number, descending=newest)
        found = engine.run(
            lambda tx, _: stored_piece(
                engine, tx, kept, lambda row: shown(tx, row.record), limit=limit, after=after
            ),
            acting,
        )
        self._session.note("data.check", target={"links": len(found)}, count=len(found))
        return found

    def of(self, subject: str) -> frozenset[str]:
        """The subjects that are one with a subject, itself among them; UUID texts."""
        with self._engine.store.transaction(write=False) as tx:
            return frozenset(map(id_text, linked_subjects(self._engine, tx, [id_bytes(subject)])))

    def merge(self, kept: str, duplicate: str, *, reason: str, fill: bool = True) -> Link:
        """Make one of two records that are about the same.

        Both are read, the duplicate is taken out of the lists, their subjects are linked, and the kept
        record takes over what it lacks: one change set. What refers to the duplicate goes on referring to it.

        Args:
            kept: UUID text.
            duplicate: UUID text.
            reason: a person's own words; sealed.
            fill: take over the values of fields that are empty in the kept record.

        Raises:
            UsageError: ``link.same``, ``link.types``, ``link.not_self`` or ``usage.no_reason``.
            AccessDenied: ``access.action``; logged.
            NotFound: one of them is not there.
            Invalid: the fields taken over do not fit together.
        """
        session = self._session
        if not reason.strip():
            raise UsageError("usage.no_reason")
        session.require("subject.link")
        first, second = session.get(kept), session.get(duplicate)
        record_type = self._check(first, second)
        values = self._missing(record_type, first, second) if fill else {}
        link: dict[str, object] = {
            "record_type": record_type.key,
            "kept": first.id,
            "duplicate": second.id,
            "kept_subject": first.subject,
            "duplicate_subject": second.subject,
            "filled": tuple(values) or None,
        }
        # In this order: what is unique is free before the kept record takes it.
        changes = [
            Change("create", SUBJECT_LINK.key, values=link, subject=id_bytes(second.subject), inside=True),
            Change("delete", record=id_bytes(second.id), expected_version=second.version),
        ]
        if values:
            changes.append(
                Change("update", record=id_bytes(first.id), values=values, expected_version=first.version)
            )
        granted = approve_merge(
            self._engine,
            session.acting,
            record_type,
            {
                "kept": first.id,
                "kept_version": first.version,
                "duplicate": second.id,
                "duplicate_version": second.version,
            },
            list(values),
            subject=id_bytes(second.subject),
            reason=reason,
        )
        saved = write(self._engine, session.acting, changes, reason=reason, sanction=Sanction(granted))
        # What is known of either is now known of the one that stayed.
        renew(self._engine, session.acting, {id_bytes(first.subject), id_bytes(second.subject)})
        return next(one for one in self._all() if one.id == getattr(saved[0], "id", ""))

    def _all(self) -> Sequence[Link]:
        with self._engine.store.transaction(write=False) as tx:
            return _links(self._engine, tx)

    def _reached(self) -> Sequence[Link]:
        """The merges both of whose records a role reaches that may merge."""
        with self._engine.store.transaction(write=False) as tx:
            return [one for one in _links(self._engine, tx) if self._reaches(tx, one)]

    def _reaches(self, tx: Transaction, link: Link) -> bool:
        """Whether a role that may merge reaches both records of a merge."""
        return all(
            reaches(self._engine, tx, self._session.acting, "subject.link", id_bytes(record))
            for record in (link.kept, link.duplicate)
        )

    def _check(self, first: Record, second: Record) -> RecordType:
        if first.id == second.id:
            raise UsageError("link.same")
        if first.type != second.type:
            raise UsageError("link.types")
        record_type = self._session.type(first.type)
        if record_type.subject != "self" or record_type.built_in:
            raise UsageError("link.not_self", where=record_type.key)
        for one in (first, second):
            if one.deleted:
                raise NotFound("record.deleted", where=one.id)
        return record_type

    def _missing(self, record_type: RecordType, first: Record, second: Record) -> Mapping[str, Value]:
        """What the duplicate has and the kept one lacks, of what the actor may read in clear and write."""
        view = self._session.view(record_type)
        return {
            field.key: second.fields[field.key]
            for field in record_type.fields
            if field.writable
            and field.kind != "file"
            and field.key not in record_type.fixed
            and field.key in view.clear
            and field.key in view.writable
            and second.fields.get(field.key) is not None
            and first.fields.get(field.key) is None
        }

    def undo(self, id: str, *, reason: str) -> Link:
        """Take a merge apart: the duplicate is back, and what went over goes back where nobody changed it.

        What was erased meanwhile stays erased; where the kept record is gone, the duplicate alone comes back.

        Args:
            id: UUID text of the merge or of the duplicate.
            reason: a person's own words; sealed.

        Raises:
            NotFound: ``link.unknown``; logged.
            Conflict: ``link.changed`` where somebody changed a unique value that went over.
            AccessDenied: ``access.action``, or ``hold.held`` where a hold on one of them reaches the other
                by this merge alone; logged.
        """
        session = self._session
        if not reason.strip():
            raise UsageError("usage.no_reason")
        session.require("subject.link")
        link = next((one for one in self._reached() if id in (one.id, one.duplicate)), None)
        if link is None:
            error = NotFound("link.unknown", where=id)
            self._engine.refused(session.acting, "subject.link", error, record=id)
            raise error
        record_type = session.type(link.type)
        kept = None if self._is_gone(link.kept) else session.get(link.kept)
        duplicate = session.get(link.duplicate)
        back = () if kept is None else self._back(record_type, link, kept, duplicate)
        changes = []
        if kept is not None and back:
            changes.append(
                Change(
                    "update",
                    record=id_bytes(kept.id),
                    values=dict.fromkeys(back),
                    expected_version=kept.version,
                )
            )
        changes += [
            Change("undelete", record=id_bytes(duplicate.id), expected_version=duplicate.version),
            Change("delete", record=id_bytes(link.id), expected_version=link.version, inside=True,
                   kind="subject.unlink"),
        ]  # fmt: skip
        granted = approve_merge(
            self._engine,
            session.acting,
            record_type,
            {
                "undo": link.id,
                "kept_version": 0 if kept is None else kept.version,
                "duplicate_version": duplicate.version,
            },
            list(back),
            subject=id_bytes(duplicate.subject),
            reason=reason,
        )
        write(
            self._engine,
            session.acting,
            lambda tx, moment: self._parted(tx, link, changes),
            reason=reason,
            sanction=Sanction(granted),
            action="subject.link",
        )
        renew(self._engine, session.acting, {id_bytes(link.kept_subject), id_bytes(link.duplicate_subject)})
        return link

    def _parted(self, tx: Transaction, link: Link, changes: Sequence[Change]) -> Sequence[Change]:
        """The changes of an undone merge, where nothing forbids it in this transaction."""
        pair = id_bytes(link.kept_subject), id_bytes(link.duplicate_subject)
        left = merged(self._engine, tx, without=link.id)
        kept, duplicate = (left.get(one, frozenset({one})) for one in pair)
        if kept != duplicate:
            self._engine.parting(tx, link.id, kept, duplicate)
        return changes

    def _is_gone(self, record: str) -> bool:
        """Whether nothing is left of a record that was merged."""
        with self._engine.store.transaction(write=False) as tx:
            version = tx.version(SHARD, id_bytes(record))
            return version is None or is_gone(self._engine, tx, version)

    def _back(self, record_type: RecordType, link: Link, kept: Record, duplicate: Record) -> Collection[str]:
        """The fields that went over and are as they were then."""
        view = self._session.view(record_type)
        known = [field.key for name in link.filled if (field := record_type.field(name)) is not None]
        hidden = [key for key in known if key not in view.clear or key not in view.writable]
        if hidden:
            # Undone by somebody who sees less, half of it would stay.
            raise AccessDenied("access.field", where=record_type.key, action="record.write", names="?")
        known = [key for key in known if key not in kept.erased]
        same = [key for key in known if kept.fields.get(key) == duplicate.fields.get(key)]
        if any(key in record_type.unique and kept.fields.get(key) is None for key in known):
            raise Conflict("link.changed", where=kept.id)
        return same
