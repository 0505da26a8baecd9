"""Seals what was planned and puts it down: versions, parts, entries, in the transaction that planned it.

Each change becomes a version; up to ten versions of one kind of act share an
entry, which is as fast as a hundred and keeps the evidence for one person from
exposing many others.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Final

import attrs

from muniment.codec import canonical
from muniment.errors import Invalid, Issue, NotFound
from muniment.log.binding import (
    NO_VERSION,
    OPERATIONS,
    binding,
    pack_live,
    side_version,
    unpack_live,
    version_hash,
)
from muniment.model import FileRef, id_bytes, id_text, rfc3339
from muniment.schema import RecordType, category_of_group
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.builtins import rules_of
from muniment.session.kernel.current import clear_json, patch_clear
from muniment.session.kernel.details import Filled
from muniment.session.kernel.engine import SHARD, Engine, record_line
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.sealer import ARCHIVE_SLOT
from muniment.session.kernel.tokens import tokens_of
from muniment.session.writing.changes import Pending
from muniment.session.writing.idempotency import Request
from muniment.store import Current, Facet, File, Part, SidePart, Subject, Token, Transaction, Version

__all__ = ["VERSIONS_AN_ENTRY", "Commit"]

VERSIONS_AN_ENTRY: Final = 10

_DELETE, _UNDELETE = OPERATIONS["delete"], OPERATIONS["undelete"]


@attrs.frozen
class _Touched:
    """What changes of the same fields have in common.

    Attributes:
        fields: which ones, by class and by whether they were written or cleared, as the log has it.
        text: the same in JCS.
        groups: the seal groups they lie in.
    """

    fields: Mapping[str, object]
    text: bytes
    groups: tuple[int, ...]


@attrs.define
class _Rows:
    """What one transaction will add."""

    versions: list[Version] = attrs.field(factory=list)
    parts: list[Part] = attrs.field(factory=list)
    files: list[File] = attrs.field(factory=list)
    subjects: list[Subject] = attrs.field(factory=list)
    facets: list[Facet] = attrs.field(factory=list)
    new_current: list[Current] = attrs.field(factory=list)
    current: list[Current] = attrs.field(factory=list)
    add_tokens: list[Token] = attrs.field(factory=list)
    drop_tokens: list[Token] = attrs.field(factory=list)


class Commit:
    """One change set on its way into the store.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        op: 16 bytes that all its entries carry.
        files: hashes of sealed files by file id (UUID text), durable in place already.
        facets: slots of facets that were given out before, for sealed files.
        members: what else the details name under ``target``.

    Attributes:
        approval: who approved it and under which proposal, as the details name that.
    """

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        op: bytes,
        files: Mapping[str, bytes],
        facets: Mapping[tuple[bytes, int], int],
        members: Mapping[str, object],
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._op = op
        self._files = files
        self._given_facets = facets
        self._members = members
        self.approval: Mapping[str, object] | None = None
        self._slots: dict[bytes, int] = {}
        self._facets: dict[tuple[bytes, int], int] = {}

    def write(
        self,
        tx: Transaction,
        moment: Moment,
        pending: Sequence[Pending],
        reason: str | None,
        request: Request | None,
    ) -> None:
        """Seal and put down all of it.

        Args:
            tx: the transaction that it was planned in.
            moment: of that transaction.
            pending: what was planned, at least one.
            reason: a person's own words; sealed.
            request: what a retry may ask for again.
        """
        engine = self._engine
        rows = _Rows()
        self._give_slots(pending, rows)
        drafts: list[Draft] = []
        side: list[SidePart] = []
        for first in _runs(pending):
            seq = moment.size + len(drafts)
            sets = [self._touched(one) for one in first]
            hashed = [
                self._put(tx, moment, one, touched, seq, rows)
                for one, touched in zip(first, sets, strict=True)
            ]
            loose: list[bytes] = []
            said = first[0].change.reason
            concerned: Sequence[Pending] = first
            if said is None and not drafts:
                said, concerned = reason, pending
            if said:
                part = self._seal_reason(tx, moment, said, self._reason_owner(concerned), seq, rows)
                side.append(part)
                loose.append(sha256(part.sealed).digest())
            drafts.append(self._draft(tx, first, sets, hashed, loose))
        if request is not None:
            tx.remember(request.remembered(self._acting.actor.id, moment))
        engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
        engine.sealer.settle()
        if rows.subjects:
            tx.add_subjects(rows.subjects)
        if rows.facets:
            tx.add_facets(rows.facets)
        tx.add_versions(rows.versions)
        if rows.parts:
            tx.add_parts(rows.parts)
        if rows.files:
            tx.add_files(rows.files)
        if side:
            tx.add_side_parts(side)
        if rows.new_current:
            tx.add_current(rows.new_current)
        if rows.current:
            tx.set_current(rows.current)
        if rows.drop_tokens:
            tx.drop_tokens(rows.drop_tokens)
        if rows.add_tokens:
            tx.add_tokens(rows.add_tokens)

    def _seal_reason(
        self, tx: Transaction, moment: Moment, text: str, owner: bytes, seq: int, rows: _Rows
    ) -> SidePart:
        slots = self._facet_slots(tx, owner, owner, 0, rows)
        number = side_version(moment.gen, seq)
        sealed = self._engine.sealer.seal_text(text, subject=owner, record=owner, version=number, slots=slots)
        return SidePart(SHARD, owner, number, moment.gen, seq, sealed)

    def _give_slots(self, pending: Sequence[Pending], rows: _Rows) -> None:
        """One slot for each new subject; facets get theirs when their first part is sealed."""
        new = [one for one in pending if one.base is None and _brings_subject(one)]
        for one, slot in zip(new, self._engine.sealer.slots(len(new)) if new else (), strict=True):
            self._slots[one.subject] = slot
            rows.subjects.append(Subject(SHARD, one.subject, slot))

    def _subject_slot(self, tx: Transaction, subject: bytes, rows: _Rows) -> int:
        slot = self._slots.get(subject)
        if slot is None:
            row = tx.subject(SHARD, subject)
            if row is not None:
                slot = row.slot
            elif subject == self._engine.archive:
                slot = ARCHIVE_SLOT
                rows.subjects.append(Subject(SHARD, subject, slot))
            else:
                raise NotFound("record.not_found")
            self._slots[subject] = slot
        return slot

    def _facet_slots(
        self, tx: Transaction, subject: bytes, record: bytes, category: int, rows: _Rows
    ) -> tuple[int, int]:
        """Slots of the subject and of the facet, which is made if it is not there yet."""
        found = {facet.category: facet.slot for facet in tx.facets_of(SHARD, record)}
        slot = found.get(category)
        if slot is None:
            slot = self._new_facet(record, category, rows)
        return self._subject_slot(tx, subject, rows), slot

    def _new_facet(self, record: bytes, category: int, rows: _Rows) -> int:
        name = (record, category)
        slot = self._facets.get(name)
        if slot is None:
            slot = self._given_facets.get(name)
            if slot is None:
                slot = self._engine.sealer.slot()
            self._facets[name] = slot
            rows.facets.append(Facet(SHARD, record, category, slot))
        return slot

    def _reason_owner(self, pending: Sequence[Pending]) -> bytes:
        """A reason belongs to the one subject it concerns, else to the archive."""
        subjects = {one.subject for one in pending}
        return subjects.pop() if len(subjects) == 1 else self._engine.archive

    def _put(
        self, tx: Transaction, moment: Moment, one: Pending, touched: _Touched, seq: int, rows: _Rows
    ) -> bytes:
        """Seal what changed of one record, and give the hash of its new version."""
        engine, record_type, base = self._engine, one.type, one.base
        live, files = ({}, {}) if base is None else unpack_live(base.parts)
        if one.changed:
            self._seal_groups(tx, one, touched.groups, live, rows)
            if record_type.file_keys:
                self._put_files(tx, one, files, rows)
        operation = OPERATIONS[one.change.operation]
        effective = one.change.effective_us
        if effective is None:
            corrected = one.change.operation == "correct" and base is not None
            effective = base.effective_us if corrected and base is not None else moment.time_us
        previous = NO_VERSION if base is None else base.hash
        parts = pack_live(live, files)
        # What changes no part keeps the definition that the parts lie under.
        kept = base is not None and not one.changed
        definition = base.definition if base is not None and kept else record_type.definition_version
        hashed = version_hash(
            engine.archive,
            one.record,
            one.version,
            record_type.number,
            definition,
            one.subject,
            operation,
            moment.time_us,
            effective,
            previous,
            parts,
        )
        rows.versions.append(
            Version(
                SHARD,
                one.record,
                one.version,
                one.subject,
                moment.gen,
                seq,
                record_type.number,
                definition,
                operation,
                previous,
                hashed,
                parts,
                moment.time_us,
                effective,
            )
        )
        if operation != _UNDELETE and one.old_clear is not None and not one.changed:
            clear = one.old_clear
        elif one.old_clear is None:
            clear = clear_json(record_type, one.new)
        else:
            clear = patch_clear(record_type, one.old_clear, one.changed, one.new)
        stand = rows.current if base is not None else rows.new_current
        stand.append(
            Current(
                SHARD,
                one.record,
                record_type.number,
                one.subject,
                one.version,
                int(operation == _DELETE),
                clear,
            )
        )
        if one.changed:
            if one.old:
                made = tokens_of(engine, record_type, one.changed, one.old, one.record)
                old = frozenset(token for token, _ in made)
                rows.drop_tokens.extend(old.difference(one.tokens))
                rows.add_tokens.extend(frozenset(one.tokens) - old)
            else:
                rows.add_tokens.extend(one.tokens)
        return hashed

    def _seal_groups(
        self,
        tx: Transaction,
        one: Pending,
        groups: tuple[int, ...],
        live: dict[int, bytes],
        rows: _Rows,
    ) -> None:
        engine, record_type = self._engine, one.type
        if one.regrouped:
            # A class rose since: every part is sealed anew, each field in the group it belongs to now.
            by_key = record_type.by_key
            also = {by_key[key].seal_group for key, value in one.new.items() if value is not None}
            for group in one.regrouped.difference(groups, also):
                live.pop(group, None)
            groups = tuple(sorted(also.union(groups)))
        if one.base is not None and engine.any_states:
            gone = engine.check_live(tx, {one.record})
            if any((one.record, category_of_group(group)) in gone for group in groups):
                raise NotFound("record.erased", where=id_text(one.record))
        sealer = engine.sealer
        known = one.slots
        for group in groups:
            category = category_of_group(group)
            if category not in known:
                self._find_slots(tx, one, category, rows)
            facet_slot, subject_slot = known[category]
            self._slots[one.subject] = subject_slot
            slots = (subject_slot, facet_slot)
            sealed = sealer.seal(
                sealer.data_key(subject_slot, facet_slot, one.record, category),
                record_type,
                one.subject,
                one.record,
                one.version,
                group,
                one.new,
                slots,
            )
            if sealed is None:
                live.pop(group, None)
            else:
                live[group] = sha256(sealed).digest()
                rows.parts.append(Part(SHARD, one.record, group, one.version, sealed))

    def _find_slots(self, tx: Transaction, one: Pending, category: int, rows: _Rows) -> None:
        """Where the keys of a category lie of which no part was opened: as its facet says, or a new one."""
        facets = () if one.base is None else tx.facets_of(SHARD, one.record)
        slot = next((facet.slot for facet in facets if facet.category == category), None)
        if slot is None:
            slot = self._new_facet(one.record, category, rows)
        one.slots[category] = slot, self._subject_slot(tx, one.subject, rows)

    def _put_files(self, tx: Transaction, one: Pending, files: dict[bytes, bytes], rows: _Rows) -> None:
        for key in one.changed:
            field = one.type.by_key.get(key)
            if field is None or field.kind != "file":
                continue
            before, after = one.old.get(key), one.new.get(key)
            if isinstance(before, FileRef):
                files.pop(id_bytes(before.id), None)
            if isinstance(after, FileRef):
                file = id_bytes(after.id)
                hashed = self._files.get(after.id)
                if hashed is not None:
                    rows.files.append(File(SHARD, file, one.record, one.version, field.seal_group, hashed))
                else:
                    # A revert names a file that the record had before; nobody else's can be named.
                    own = {row.file: row.hash for row in tx.files_of(SHARD, one.record)}
                    hashed = own.get(file)
                if hashed is None:
                    raise Invalid([Issue("value.file_missing", key)], where=id_text(one.record))
                files[file] = hashed

    # Entries

    def _draft(
        self,
        tx: Transaction,
        run: Sequence[Pending],
        touched: Sequence[_Touched],
        hashed: Sequence[bytes],
        loose: Sequence[bytes],
    ) -> Draft:
        engine = self._engine
        first, kind = run[0], _kind_of(run[0])
        sets: list[_Touched] = []
        lines = []
        for one, its in zip(run, touched, strict=True):
            # Few differ within ten records, so looking through them beats hashing them.
            if its not in sets:
                sets.append(its)
            place = 0 if its is sets[0] else sets.index(its)
            lines.append(record_line(one.record, one.version, one.version - 1, place))
        effective = first.change.effective_us if len(run) == 1 else None
        detail: dict[str, object] | Filled
        if loose or self._members or self.approval or effective is not None:
            detail = engine.detail(
                self._acting,
                self._op,
                type=first.type.key,
                count=len(run),
                sets=[its.fields for its in sets],
                reason=b2a_base64(loose[0], newline=False).decode("ascii") if loose else None,
                target=dict(self._members) or None,
                approval=self.approval,
                effective=None if effective is None else rfc3339(effective),
            )
        else:
            text = b"[%b]" % b",".join([its.text for its in sets])
            form = engine.form(self._acting, kind, first.type)
            detail = Filled(form, len(run), self._op.hex().encode("ascii"), text)
        subjects = {one.subject for one in run if one.subject != engine.archive}
        return Draft(
            kind,
            detail,
            lines,
            [
                engine.subject_key_at(self._subject_slot(tx, subject, _Rows()), subject)
                for subject in subjects
            ],
            binding(
                [(one.record, one.version, one_hash) for one, one_hash in zip(run, hashed, strict=True)],
                loose,
            ),
        )

    def _touched(self, one: Pending) -> _Touched:
        """What a change touches; worked out once for all changes of the same fields."""
        new, made = one.new, self._engine.touched
        cleared = () if one.base is None else tuple([key for key in one.changed if new.get(key) is None])
        name = (one.type.number, one.type.definition_version, tuple(one.changed), cleared)
        found: _Touched | None = made.get(name)
        if found is None:
            if len(made) > 1000:
                made.clear()
            found = made[name] = _touched(one.type, one.changed, cleared)
        return found


def _touched(record_type: RecordType, changed: Sequence[str], cleared: Collection[str]) -> _Touched:
    by_class: dict[str, dict[str, list[str]]] = {}
    for key in changed:
        sensitivity = record_type.by_key[key].sensitivity
        way = "cleared" if key in cleared else "written"
        by_class.setdefault(sensitivity, {}).setdefault(way, []).append(key)
    fields = {
        sensitivity: {way: sorted(keys) for way, keys in ways.items()}
        for sensitivity, ways in by_class.items()
    }
    groups = sorted({record_type.by_key[key].seal_group for key in changed})
    return _Touched(fields, canonical(fields), tuple(groups))


def _brings_subject(one: Pending) -> bool:
    """Whether the subject of a new record gets its key with it; else another record brought it before."""
    return one.change.new_subject or (one.type.subject == "self" and one.change.subject is None)


def _runs(pending: Sequence[Pending]) -> list[list[Pending]]:
    """Changes that share an entry: neighbours of one operation and type, ten at the most."""
    runs: list[list[Pending]] = []
    for one in pending:
        last = runs[-1] if runs else None
        if (
            last is not None
            and len(last) < VERSIONS_AN_ENTRY
            and last[0].change.operation == one.change.operation
            and last[0].type is one.type
        ):
            last.append(one)
        else:
            runs.append([one])
    return runs


def _kind_of(one: Pending) -> str:
    """The kind of entry that a change is written down as."""
    operation = one.change.operation
    if not one.type.built_in:
        return f"record.{operation}"
    kinds = rules_of(one.type).kinds
    if one.change.kind:
        assert one.change.kind in kinds
        return one.change.kind
    return kinds[operation != "create"]
