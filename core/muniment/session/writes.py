"""The one write path: policy, values, gates, seals, one transaction with its log entries.

A change set is written in one transaction or not at all. Each change becomes a
version; up to ten versions of one kind of act share an entry, which is as fast
as a hundred and keeps the evidence for one person from exposing many others.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final

import attrs

from muniment.errors import AccessDenied, Conflict, Invalid, Issue, MunimentError, NotFound, UsageError
from muniment.log.binding import (
    NO_VERSION,
    OPERATIONS,
    binding,
    pack_live,
    side_version,
    unpack_live,
    version_hash,
)
from muniment.model import FileRef, Value, id_bytes, id_text, rfc3339
from muniment.plugins import HookContext, RecordState, WrittenVersion
from muniment.policy import View
from muniment.schema import Field, RecordType, category_of_group
from muniment.seal import part_fields
from muniment.session.current import clear_json, patch_clear
from muniment.session.engine import SHARD, Acting, Engine, record_line
from muniment.session.idempotency import Request
from muniment.session.layout import require_layout
from muniment.session.logbook import Draft, Moment
from muniment.session.sealer import ARCHIVE_SLOT
from muniment.session.tokens import UNIQUE, tokens_of
from muniment.store import Current, Facet, File, Part, SidePart, Subject, Token, Transaction, Version

__all__ = ["VERSIONS_AN_ENTRY", "Change", "Claims", "Pending", "Saved", "plan", "write"]

VERSIONS_AN_ENTRY: Final = 10

_DELETE, _UNDELETE = OPERATIONS["delete"], OPERATIONS["undelete"]


@attrs.frozen
class Change:
    """One thing to be done to one record.

    Attributes:
        operation: ``create``, ``update``, ``correct``, ``delete``, ``undelete`` or ``revert``.
        type: key of the record type; needed for ``create`` only.
        record: identifier of the record, 16 bytes; None for ``create``.
        values: by field key; None or empty text clears.
        expected_version: the version the caller saw; None trusts the newest.
        effective_us: since when it holds in the world.
        replace: ``values`` are all the record's values, as for a revert.
        keep_empty: an empty value leaves what is there as it is, with a warning, instead of clearing it.
    """

    operation: str
    type: str = ""
    record: bytes | None = None
    values: Mapping[str, object] = attrs.field(factory=dict)
    expected_version: int | None = None
    effective_us: int | None = None
    replace: bool = False
    keep_empty: bool = False


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


@attrs.define
class Pending:
    """One change on its way, with what it builds on; its values are not for release.

    Attributes:
        old: the values before, of the seal groups that the change touches.
        new: the values after.
        changed: keys of the fields that change.
        written: whether a version comes of it.
    """

    change: Change
    type: RecordType
    view: View
    record: bytes
    subject: bytes
    base: Version | None
    old: dict[str, Value]
    new: dict[str, Value]
    changed: list[str]
    warnings: list[Issue]
    deleted: bool = False
    old_clear: str | None = None
    tokens: frozenset[Token] = frozenset()
    written: bool = True
    regrouped: frozenset[int] = frozenset()
    version: int = attrs.field(init=False)

    @version.default
    def _next_version(self) -> int:
        return 1 if self.base is None else self.base.version + 1


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
    changes: Sequence[Change],
    *,
    reason: str | None = None,
    idempotency_key: str | None = None,
    collect: bool = False,
    files: Mapping[str, bytes] | None = None,
    facets: Mapping[tuple[bytes, int], int] | None = None,
    new_ids: Sequence[bytes] | None = None,
    members: Mapping[str, object] | None = None,
) -> list[Saved | MunimentError]:
    """Write a change set in one transaction.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        changes: what to do, each record at most once.
        reason: a person's own words; sealed.
        idempotency_key: a retry with the same key gives the first answer again.
        collect: give each refused change its error and go on with the others,
            instead of refusing the whole set.
        files: hashes of sealed files by file id (UUID text), durable in place already.
        facets: slots of facets that were given out before, for sealed files.
        new_ids: identifiers for the records created, in order.
        members: what else the details name under ``target``, such as the import they belong to.

    Returns:
        For each change what became of it, in order.

    Raises:
        Invalid: values were refused; every problem is listed.
        Conflict: somebody else saved first, or an idempotency key was used for something else.
        AccessDenied: the policy refuses; logged.
        NotFound: no such record for this actor; logged.
    """
    # Several refusals of one set need one entry each, after the rollback.
    work = _Work(engine, acting, files or {}, facets or {}, dict(members or {}))
    request = Request.of(engine, idempotency_key, changes, reason)
    try:
        done = engine.run(lambda tx, moment: work.write(tx, moment, changes, reason, request, collect, new_ids))
    except (AccessDenied, NotFound) as error:
        _log_refusals(engine, acting, changes, [error])
        raise
    except Invalid as error:
        _log_disclosures(engine, acting, [error])
        raise
    if collect:
        _log_refusals(engine, acting, changes, [one for one in done if isinstance(one, MunimentError)])
        _log_disclosures(engine, acting, [one for one in done if isinstance(one, Invalid)])
    _tell_plugins(engine, acting, work, changes)
    return done


def _log_refusals(
    engine: Engine, acting: Acting, changes: Sequence[Change], errors: Sequence[MunimentError]
) -> None:
    refused = [error for error in errors if isinstance(error, (AccessDenied, NotFound))]
    if refused:
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


def _tell_plugins(engine: Engine, acting: Acting, work: _Work, changes: Sequence[Change]) -> None:
    if not work.written or not engine.plugins.observes:
        return
    context = _hook_context(engine, acting, changes[0].operation, work.time_us)
    versions = [
        WrittenVersion(id_text(one.record), one.type.key, id_text(one.subject), one.version, tuple(one.changed))
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


def _hook_context(engine: Engine, acting: Acting, operation: str, time_us: int) -> HookContext:
    return HookContext(acting.actor.id, acting.purpose, operation, acting.program, time_us)


class _Work:
    """One change set inside its transaction."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        files: Mapping[str, bytes],
        facets: Mapping[tuple[bytes, int], int],
        members: dict[str, object],
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._files = files
        self._given_facets = facets
        self._members = members
        self._context = engine.value_context()
        self._slots: dict[bytes, int] = {}
        self._targets: dict[tuple[bytes, str], tuple[bytes, bool]] = {}
        self._facets: dict[tuple[bytes, int], int] = {}
        self._sets: dict[tuple[int, tuple[str, ...], tuple[str, ...]], dict[str, object]] = {}
        self.op = b""
        self.time_us = 0
        self.written: list[Pending] = []

    def write(
        self,
        tx: Transaction,
        moment: Moment,
        changes: Sequence[Change],
        reason: str | None,
        request: Request | None,
        collect: bool,
        new_ids: Sequence[bytes] | None,
    ) -> list[Saved | MunimentError]:
        """Do it all; called again from the start where the definitions moved."""
        engine = self._engine
        self.op, self.time_us, self.written = engine.new_id(), moment.time_us, []
        if request is not None:
            answered = request.answered(tx, self._acting.actor.id)
            if answered is not None:
                return [self._saved_of(row) for row in answered]
        made = list(new_ids or ())
        missing = sum(change.operation == "create" for change in changes) - len(made)
        made += engine.new_id.many(missing) if missing > 0 else []
        fresh = iter(made)
        results: list[Saved | MunimentError] = []
        pending: list[Pending] = []
        places: list[int] = []
        for change in changes:
            try:
                record = next(fresh) if change.operation == "create" else change.record
                one = self._prepare(tx, change, record)
            except MunimentError as error:
                if not collect:
                    raise
                results.append(error)
                continue
            if self._nothing_changed(one):
                results.append(self._saved(one, written=False))
                continue
            places.append(len(results))
            results.append(self._saved(one, written=True))
            pending.append(one)
        taken = self._claim_unique(tx, pending)
        if taken:
            if not collect:
                raise next(iter(taken.values()))
            for one_place, error in taken.items():
                results[places[one_place]] = error
            pending = [one for place, one in enumerate(pending) if place not in taken]
        if pending:
            self._commit(tx, moment, pending, reason, request)
            self.written = pending
        return results

    # Preparing

    def _prepare(self, tx: Transaction, change: Change, record: bytes | None) -> Pending:
        if record is None:
            raise UsageError("usage.identifier")
        if change.operation == "create":
            return self._prepare_create(tx, change, record)
        engine, actor = self._engine, self._acting.actor
        base = tx.version(SHARD, record)
        current = tx.current(SHARD, record)
        record_type = engine.definitions.by_number.get(base.type) if base is not None else None
        if base is None or current is None or record_type is None:
            raise NotFound("record.not_found")
        if not engine.policy.may(actor, "record.read", record_type.key):
            raise NotFound("record.not_found")
        engine.policy.require(actor, _action_of(record_type, change.operation), record_type.key)
        engine.check_live(tx, {record, base.subject})
        if change.expected_version is not None and change.expected_version != base.version:
            raise Conflict(
                "conflict.version", where=id_text(record), expected=change.expected_version, found=base.version
            )
        view = engine.policy.view(actor, record_type)
        one = Pending(
            change, record_type, view, record, base.subject, base, {}, {}, [], [], bool(current.deleted), current.clear
        )
        if change.operation in ("delete", "undelete"):
            return one
        if one.deleted and change.operation != "revert":
            raise NotFound("record.deleted", where=id_text(record))
        self._take_values(tx, one)
        return one

    def _prepare_create(self, tx: Transaction, change: Change, record: bytes) -> Pending:
        engine, actor = self._engine, self._acting.actor
        record_type = engine.record_type(change.type)
        engine.policy.require(actor, _action_of(record_type, "create"), record_type.key)
        view = engine.policy.view(actor, record_type)
        self._require_writable(change, record_type, view)
        new, issues = record_type.normalise(change.values, context=self._context, kinds=engine.kinds)
        new = self._refer(tx, record_type, new, issues)
        one = Pending(change, record_type, view, record, b"", None, {}, new, list(new), issues)
        if not new and not _errors(issues):
            issues.append(Issue("value.empty_record"))
        self._refuse_errors(one)
        one.subject = self._subject_of(tx, one)
        self._ask_plugins(one)
        return one

    def _require_writable(self, change: Change, record_type: RecordType, view: View) -> None:
        if change.operation == "revert":
            return
        known = record_type.by_key
        forbidden = sorted(key for key in change.values if key in known and key not in view.writable)
        if forbidden:
            # A name that may not be read is not told either.
            named = [key for key in forbidden if key in view.readable] or ["?"]
            raise AccessDenied(
                "access.field", where=record_type.key, action="record.write", names=", ".join(named)
            )

    def _take_values(self, tx: Transaction, one: Pending) -> None:
        """Read the given values against the old ones and find what changes."""
        engine, change, record_type = self._engine, one.change, one.type
        self._require_writable(change, record_type, one.view)
        given, issues = record_type.normalise(
            change.values, context=self._context, partial=not change.replace, kinds=engine.kinds
        ) if not change.replace else (dict(change.values), [])
        given = self._refer(tx, record_type, given, issues)
        one.warnings = issues
        self._refuse_errors(one)
        by_key = record_type.by_key
        assert one.base is not None
        live, _ = unpack_live(one.base.parts)
        groups = {by_key[key].seal_group for key in given}
        if change.replace:
            groups |= set(live)
        if engine.plugins.validates or one.base.definition != record_type.definition_version:
            groups = set(live)
        parts = tx.parts_of(SHARD, one.record, one.base.version, groups & live.keys())
        for part in parts:
            one.old |= engine.sealer.open(part, record_type, one.subject, live[part.grp])
        if one.base.definition != record_type.definition_version:
            one.regrouped = _moved_groups(record_type, parts)
        one.new = dict(given) if change.replace else {**one.old, **given}
        keys = set(one.new) | set(one.old) if change.replace else set(given)
        for key in sorted(keys):
            same = one.old.get(key) == one.new.get(key)
            # Whoever may not read a field must not learn from an update whether the value was right.
            if not same or (key in given and key not in one.view.clear and not change.replace):
                one.changed.append(key)
        fixed = [key for key in one.changed if key in record_type.fixed]
        if fixed:
            one.warnings.extend(Issue("value.fixed", key) for key in fixed)
            self._refuse_errors(one)
        if one.changed:
            self._ask_plugins(one)

    def _refuse_errors(self, one: Pending) -> None:
        errors = _errors(one.warnings)
        if errors:
            raise Invalid(errors, where=_place_of(one))

    def _ask_plugins(self, one: Pending) -> None:
        engine = self._engine
        if not engine.plugins.validates or one.type.number < 256:
            return
        state = RecordState(
            id_text(one.record), one.type.key, id_text(one.subject), one.version - 1, dict(one.old)
        )
        context = _hook_context(engine, self._acting, one.change.operation, self.time_us)
        one.warnings.extend(engine.plugins.validate(state, {key: one.new.get(key) for key in one.changed}, context))
        self._refuse_errors(one)

    def _refer(
        self, tx: Transaction, record_type: RecordType, values: dict[str, Value], issues: list[Issue]
    ) -> dict[str, Value]:
        """Check that every reference names a record of its type that is there to be referred to."""
        for field in record_type.references:
            key = field.key
            value = values.get(key)
            if value is None:
                continue
            if self._target(tx, id_bytes(str(value)), field.target) is None:
                issues.append(Issue("value.no_such_record", key, parameters={"target": field.target}))
        return values

    def _target(self, tx: Transaction, record: bytes, type_key: str) -> bytes | None:
        """The subject of the record referred to, or None where it is not there."""
        found = self._targets.get((record, type_key))
        if found is None:
            row = tx.current(SHARD, record)
            target = self._engine.definitions.types.get(type_key)
            live = (
                row is not None
                and target is not None
                and row.type == target.number
                and not row.deleted
                and not tx.state_of(SHARD, {record, row.subject})
            )
            found = self._targets[record, type_key] = (row.subject if row is not None else b"", live)
        return found[0] if found[1] else None

    def _subject_of(self, tx: Transaction, one: Pending) -> bytes:
        subject = one.type.subject
        if subject == "self":
            return one.record
        if subject == "none":
            return self._engine.archive
        field = one.type.by_key[subject[0]]
        found = self._target(tx, id_bytes(str(one.new[field.key])), field.target)
        if found is None:
            raise NotFound("record.not_found")
        return found

    def _nothing_changed(self, one: Pending) -> bool:
        operation = one.change.operation
        if operation == "delete":
            return one.deleted
        if operation == "undelete":
            return not one.deleted
        if operation == "revert" and one.deleted:
            return False
        return one.base is not None and not one.changed

    def _claim_unique(self, tx: Transaction, pending: Sequence[Pending]) -> dict[int, Invalid]:
        """Make the new tokens of all changes, and refuse those whose unique ones are taken.

        Returns:
            The refusals, by place in ``pending``.
        """
        claims: dict[tuple[int, int], dict[bytes, list[tuple[int, str]]]] = {}
        for place, one in enumerate(pending):
            if not one.changed:
                continue
            made = tokens_of(self._engine, one.type, one.changed, one.new, one.record)
            one.tokens = frozenset(token for token, _ in made)
            for token, key in made:
                if token.kind == UNIQUE:
                    holders = claims.setdefault((token.field, token.kind), {})
                    holders.setdefault(token.token, []).append((place, key))
        refused: dict[int, list[Issue]] = {}
        if any(one.type.number >= 256 for one in pending):
            require_layout(self._engine, tx)
        for (field, kind), wanted in claims.items():
            stored = tx.find_tokens(SHARD, field, kind, wanted)
            for token, asking in wanted.items():
                # Of several in one set the first may have it, unless it is taken already.
                holder = next(iter(stored[token]), pending[asking[0][0]].record)
                for place, key in asking:
                    if pending[place].record != holder:
                        refused.setdefault(place, []).append(Issue("value.not_unique", key))
        return {
            place: Invalid(issues, where=_place_of(pending[place])) for place, issues in sorted(refused.items())
        }

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
            hashed = [self._put(tx, moment, one, seq, rows) for one in first]
            loose: list[bytes] = []
            if reason and not drafts:
                number = side_version(moment.gen, seq)
                sealed = engine.sealer.seal_text(
                    reason, subject=reason_owner, record=reason_owner, version=number, slots=reason_slots
                )
                side.append(SidePart(SHARD, reason_owner, number, moment.gen, seq, sealed))
                loose.append(sha256(sealed).digest())
            drafts.append(self._draft(tx, first, hashed, loose))
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
                slot = self._engine.sealer.slots(1)[0]
            self._facets[name] = slot
            rows.facets.append(Facet(SHARD, record, category, slot))
        return slot

    def _reason_owner(self, pending: Sequence[Pending]) -> bytes:
        """A reason belongs to the one subject it concerns, else to the archive."""
        subjects = {one.subject for one in pending}
        return subjects.pop() if len(subjects) == 1 else self._engine.archive

    def _put(self, tx: Transaction, moment: Moment, one: Pending, seq: int, rows: _Rows) -> bytes:
        """Seal what changed of one record, and give the hash of its new version."""
        engine, record_type, base = self._engine, one.type, one.base
        live, files = ({}, {}) if base is None else unpack_live(base.parts)
        if one.changed:
            self._seal_groups(tx, one, live, rows)
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
        definition = base.definition if base is not None and not one.changed else record_type.definition_version
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
            Current(SHARD, one.record, record_type.number, one.subject, one.version, int(operation == _DELETE), clear)
        )
        if one.changed:
            if one.old:
                made = tokens_of(engine, record_type, one.changed, one.old, one.record)
                old = frozenset(token for token, _ in made)
                rows.drop_tokens.extend(old - one.tokens)
                rows.add_tokens.extend(one.tokens - old)
            else:
                rows.add_tokens.extend(one.tokens)
        return hashed

    def _seal_groups(self, tx: Transaction, one: Pending, live: dict[int, bytes], rows: _Rows) -> None:
        engine, record_type = self._engine, one.type
        by_key = record_type.by_key
        touched = {by_key[key].seal_group for key in one.changed if key in by_key}
        if one.regrouped:
            # A class rose since: every part is sealed anew, each field in the group it belongs to now.
            touched |= {by_key[key].seal_group for key, value in one.new.items() if value is not None}
            for group in one.regrouped - touched:
                live.pop(group, None)
        groups = sorted(touched)
        facets = (
            {}
            if one.base is None
            else {facet.category: facet.slot for facet in tx.facets_of(SHARD, one.record)}
        )
        if one.base is not None:
            gone = engine.check_live(tx, {one.record})
            if any((one.record, category_of_group(group)) in gone for group in groups):
                raise NotFound("record.erased", where=id_text(one.record))
        subject_slot = self._subject_slot(tx, one.subject, rows)
        missing = {category_of_group(group) for group in groups} - facets.keys()
        for category in sorted(missing):
            facets[category] = self._new_facet(one.record, category, rows)
        for group in groups:
            category = category_of_group(group)
            slots = (subject_slot, facets[category])
            sealed = engine.sealer.seal(
                engine.sealer.data_key(*slots, one.record, category),
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
        self, tx: Transaction, run: Sequence[Pending], hashed: Sequence[bytes], loose: Sequence[bytes]
    ) -> Draft:
        engine = self._engine
        first = run[0]
        sets: list[dict[str, object]] = []
        lines = []
        for one in run:
            field_set = self._field_set(one)
            # Few differ within ten records, so looking through them beats hashing them.
            if field_set not in sets:
                sets.append(field_set)
            lines.append(record_line(one.record, one.version, one.version - 1, sets.index(field_set)))
        detail = engine.detail(
            self._acting,
            self.op,
            type=first.type.key,
            count=len(run),
            sets=sets,
            reason=b2a_base64(loose[0], newline=False).decode("ascii") if loose else None,
            target=self._members or None,
        )
        if first.change.effective_us is not None and len(run) == 1:
            detail["effective"] = rfc3339(first.change.effective_us)
        subjects = {one.subject for one in run if one.subject != engine.archive}
        return Draft(
            _action_of(first.type, first.change.operation, logged=True),
            detail,
            lines,
            [engine.subject_key_at(self._subject_slot(tx, subject, _Rows()), subject) for subject in subjects],
            binding(
                [(one.record, one.version, one_hash) for one, one_hash in zip(run, hashed, strict=True)], loose
            ),
        )

    def _field_set(self, one: Pending) -> dict[str, object]:
        new = one.new
        cleared = () if one.base is None else tuple(key for key in one.changed if new.get(key) is None)
        name = (one.type.number, tuple(one.changed), cleared)
        found = self._sets.get(name)
        if found is None:
            by_class: dict[str, dict[str, list[str]]] = {}
            for key in one.changed:
                sensitivity = one.type.by_key[key].sensitivity
                way = "cleared" if key in cleared else "written"
                by_class.setdefault(sensitivity, {}).setdefault(way, []).append(key)
            found = self._sets[name] = {
                sensitivity: {way: sorted(keys) for way, keys in ways.items()}
                for sensitivity, ways in by_class.items()
            }
        return found

    # Answers

    def _saved(self, one: Pending, *, written: bool) -> Saved:
        version = one.version if written else one.version - 1
        warnings = tuple(one.warnings)
        record = id_text(one.record)
        subject = record if one.subject == one.record else id_text(one.subject)
        return Saved(record, one.type.key, subject, version, written, warnings)

    def _saved_of(self, row: Version) -> Saved:
        record_type = self._engine.definitions.by_number[row.type]
        return Saved(id_text(row.record), record_type.key, id_text(row.subject), row.version, True)


def _place_of(one: Pending) -> str:
    return one.type.key if one.base is None else id_text(one.record)


def _moved_groups(record_type: RecordType, parts: Sequence[Part]) -> frozenset[int]:
    """The groups of these parts, if any field in them belongs to another group by now."""
    by_number = record_type.by_number
    moved = any(by_number[number].seal_group != part.grp for part in parts for number in part_fields(part.sealed))
    return frozenset(part.grp for part in parts) if moved else frozenset()


def _errors(issues: Sequence[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.severity == "error"]


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


_BUILTIN_ACTIONS: Final = {
    "definition": "schema.change",
    "user": "user.change",
    "configuration": "config.change",
    "import": "record.import",
}

_BUILTIN_KINDS: Final = {
    "definition": ("schema.apply", "schema.apply"),
    "user": ("user.add", "user.change"),
    "configuration": ("config.apply", "config.apply"),
    "import": ("import.begin", "import.finish"),
}


def _action_of(record_type: RecordType, operation: str, *, logged: bool = False) -> str:
    """The action that the policy is asked for, or the kind of entry that is written."""
    if record_type.number < 256:
        if logged:
            return _BUILTIN_KINDS[record_type.key][operation != "create"]
        return _BUILTIN_ACTIONS[record_type.key]
    if operation == "revert" and not logged:
        return "record.update"
    return f"record.{operation}"
