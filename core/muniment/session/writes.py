"""The one write path: what was planned is sealed and committed in one transaction with its log entries.

A change set is written in one transaction or not at all. Each change becomes a
version; up to ten versions of one kind of act share an entry, which is as fast
as a hundred and keeps the evidence for one person from exposing many others.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment.codec import canonical
from muniment.errors import AccessDenied, Invalid, Issue, MunimentError, NotFound
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
from muniment.plugins import WrittenVersion
from muniment.schema import RecordType, category_of_group
from muniment.session.current import clear_json, patch_clear
from muniment.session.details import Filled
from muniment.session.engine import SHARD, Acting, Engine, record_line
from muniment.session.idempotency import Request
from muniment.session.logbook import Draft, Moment
from muniment.session.planning import Change, Pending, Planner, hook_context
from muniment.session.sealer import ARCHIVE_SLOT
from muniment.session.tokens import tokens_of
from muniment.store import Current, Facet, File, Part, SidePart, Subject, Token, Transaction, Version

__all__ = ["VERSIONS_AN_ENTRY", "Change", "Saved", "write"]

VERSIONS_AN_ENTRY: Final = 10

_DELETE, _UNDELETE = OPERATIONS["delete"], OPERATIONS["undelete"]


Changes = Sequence[Change] | Callable[[Transaction, Moment], Sequence[Change]]
"""Changes, or what finds them out in the transaction that writes them, after its own entries."""


@attrs.frozen
class Saved:
    """What became of one change.

    Attributes:
        id: UUID text of the record.
        type: key of its record type.
        subject: UUID text of whom it is about.
        version: the newest version now.
        written: whether a version was written; not so where nothing changed.
        warnings: what was taken all the same.
    """

    id: str
    type: str
    subject: str
    version: int
    written: bool
    warnings: tuple[Issue, ...] = ()


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


def write(
    engine: Engine,
    acting: Acting,
    changes: Changes,
    *,
    reason: str | None = None,
    idempotency_key: str | None = None,
    collect: bool = False,
    files: Mapping[str, bytes] | None = None,
    facets: Mapping[tuple[bytes, int], int] | None = None,
    new_ids: Sequence[bytes] | None = None,
    members: Mapping[str, object] | None = None,
    op: bytes | None = None,
    context: Mapping[str, Any] | None = None,
) -> list[Saved | MunimentError]:
    """Write a change set in one transaction.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        changes: what to do, each record at most once; or what finds that out in the same
            transaction, whose own entries come before those of the versions.
        reason: a person's own words; sealed.
        idempotency_key: a retry with the same key gives the first answer again.
        collect: give each refused change its error and go on with the others,
            instead of refusing the whole set.
        files: hashes of sealed files by file id (UUID text), durable in place already.
        facets: slots of facets that were given out before, for sealed files.
        new_ids: identifiers for the records created, in order.
        members: what else the details name under ``target``, such as the import they belong to.
        op: 16 bytes that all entries of one act carry; by default this set is an act of its own.
        context: what differs from the archive's settings in reading values, by the names of ``Context``.

    Returns:
        For each change what became of it, in order.

    Raises:
        Invalid: values were refused; every problem is listed.
        Conflict: somebody else saved first, or an idempotency key was used for something else.
        AccessDenied: the policy refuses; logged.
        NotFound: no such record for this actor; logged.
    """
    # Several refusals of one set need one entry each, after the rollback.
    planner = Planner(engine, acting, context=context)
    work = _Work(engine, acting, planner, files or {}, facets or {}, dict(members or {}), op)
    request = None
    if not callable(changes):
        request = Request.of(engine, idempotency_key, changes, reason)
    try:
        done = engine.run(
            lambda tx, moment: work.write(tx, moment, changes, reason, request, collect, new_ids)
        )
    except (AccessDenied, NotFound) as error:
        _log_refusals(engine, acting, work.changes, [error])
        raise
    except Invalid as error:
        _log_disclosures(engine, acting, [error])
        raise
    if collect:
        refused = [one for one in done if isinstance(one, MunimentError)]
        _log_refusals(engine, acting, work.changes, refused)
        _log_disclosures(engine, acting, [one for one in done if isinstance(one, Invalid)])
    _tell_plugins(engine, acting, work)
    return done


def _log_refusals(
    engine: Engine, acting: Acting, changes: Sequence[Change], errors: Sequence[MunimentError]
) -> None:
    refused = [error for error in errors if isinstance(error, (AccessDenied, NotFound))]
    if refused and not changes:
        # It was refused while the changes were found out.
        engine.refused(acting, "record.write", refused[0])
    elif refused:
        first = changes[0]
        named = id_text(first.record) if first.record is not None and len(changes) == 1 else None
        engine.refused(
            acting,
            f"record.{first.operation}",
            refused[0],
            record=named,
            type=first.type or None,
            count=len(refused) if len(refused) > 1 else None,
        )


def _log_disclosures(engine: Engine, acting: Acting, errors: Sequence[Invalid]) -> None:
    """A uniqueness refusal tells that somebody else has the value: that is written down."""
    fields = sorted(
        {str(issue.field) for error in errors for issue in error.issues if issue.code == "value.not_unique"}
    )
    if fields:
        engine.note(
            acting,
            "access.deny",
            outcome="denied",
            code="value.not_unique",
            target={"action": "record.unique", "fields": fields},
        )


def _tell_plugins(engine: Engine, acting: Acting, work: _Work) -> None:
    if not work.written or not engine.plugins.observes:
        return
    context = hook_context(engine, acting, work.written[0].change.operation, work.time_us)
    versions = [
        WrittenVersion(
            id_text(one.record), one.type.key, id_text(one.subject), one.version, tuple(one.changed)
        )
        for one in work.written
    ]
    for failure in engine.plugins.after_commit(work.op.hex(), versions, context):
        engine.note(
            acting,
            "plugin.fail",
            outcome="failed",
            code="plugin.raised",
            plugin={"name": failure.plugin},
            target={"hook": failure.hook, "type": failure.type, "file": failure.file, "line": failure.line},
        )


class _Work:
    """One change set inside its transaction."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        planner: Planner,
        files: Mapping[str, bytes],
        facets: Mapping[tuple[bytes, int], int],
        members: dict[str, object],
        op: bytes | None,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._planner = planner
        self._files = files
        self._given_facets = facets
        self._members = members
        self._slots: dict[bytes, int] = {}
        self._facets: dict[tuple[bytes, int], int] = {}
        self.op = op or engine.new_id()
        self.time_us = 0
        self.changes: Sequence[Change] = ()
        self.written: list[Pending] = []

    def write(
        self,
        tx: Transaction,
        moment: Moment,
        changes: Changes,
        reason: str | None,
        request: Request | None,
        collect: bool,
        new_ids: Sequence[bytes] | None,
    ) -> list[Saved | MunimentError]:
        """Do it all."""
        self.time_us = moment.time_us
        if request is not None:
            answered = request.answered(tx, self._acting.actor.id)
            if answered is not None:
                return [self._saved_of(row) for row in answered]
        self.changes = changes(tx, moment) if callable(changes) else changes
        planned = self._planner.plan(tx, moment.time_us, self.changes, collect=collect, new_ids=new_ids or ())
        self.written = [one for one in planned if isinstance(one, Pending) and one.written]
        results = [self._saved(one) if isinstance(one, Pending) else one for one in planned]
        if self.written:
            self._commit(tx, moment, self.written, reason, request)
        return results

    # Committing

    def _commit(
        self,
        tx: Transaction,
        moment: Moment,
        pending: Sequence[Pending],
        reason: str | None,
        request: Request | None,
    ) -> None:
        engine = self._engine
        rows = _Rows()
        self._give_slots(tx, pending, rows)
        if reason:
            reason_owner = self._reason_owner(pending)
            reason_slots = self._facet_slots(tx, reason_owner, reason_owner, 0, rows)
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
            if reason and not drafts:
                number = side_version(moment.gen, seq)
                sealed = engine.sealer.seal_text(
                    reason, subject=reason_owner, record=reason_owner, version=number, slots=reason_slots
                )
                side.append(SidePart(SHARD, reason_owner, number, moment.gen, seq, sealed))
                loose.append(sha256(sealed).digest())
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

    def _give_slots(self, tx: Transaction, pending: Sequence[Pending], rows: _Rows) -> None:
        """One slot for each new subject; facets get theirs when their first part is sealed."""
        new = [one for one in pending if one.base is None and one.type.subject == "self"]
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
        if loose or self._members or effective is not None:
            detail = engine.detail(
                self._acting,
                self.op,
                type=first.type.key,
                count=len(run),
                sets=[its.fields for its in sets],
                reason=b2a_base64(loose[0], newline=False).decode("ascii") if loose else None,
                target=self._members or None,
                effective=None if effective is None else rfc3339(effective),
            )
        else:
            text = b"[%b]" % b",".join([its.text for its in sets])
            form = engine.form(self._acting, kind, first.type)
            detail = Filled(form, len(run), self.op.hex().encode("ascii"), text)
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

    # Answers

    def _saved(self, one: Pending) -> Saved:
        version = one.version if one.written else one.version - 1
        warnings = tuple(one.warnings)
        record = id_text(one.record)
        subject = record if one.subject == one.record else id_text(one.subject)
        return Saved(record, one.type.key, subject, version, one.written, warnings)

    def _saved_of(self, row: Version) -> Saved:
        record_type = self._engine.definitions.by_number[row.type]
        return Saved(id_text(row.record), record_type.key, id_text(row.subject), row.version, True)


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


_BUILTIN_KINDS: Final = {
    "definition": ("schema.apply", "schema.apply"),
    "user": ("user.add", "user.change"),
    "configuration": ("config.apply", "config.apply"),
    "import": ("import.begin", "import.finish"),
}


def _kind_of(one: Pending) -> str:
    """The kind of entry that a change is written down as."""
    operation = one.change.operation
    if one.type.number >= 256:
        return f"record.{operation}"
    if one.type.key == "import" and one.new.get("state") == "reverted":
        return "import.revert"
    return _BUILTIN_KINDS[one.type.key][operation != "create"]
