"""What a change set will do, before anything is done: policy, values, gates, references, uniqueness.

Nothing here writes a row, leases a slot of the key store or appends an entry, so a
trial run goes the same way as a real one up to the last step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import attrs

from muniment.errors import AccessDenied, Conflict, Invalid, Issue, MunimentError, NotFound, UsageError
from muniment.log.binding import unpack_live
from muniment.model import Value, id_bytes, id_text
from muniment.policy import ACTIONS, SYSTEM, Reached, View
from muniment.schema import Field, RecordType, category_of_group
from muniment.seal import part_fields, part_slots
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.builtins import rules_of
from muniment.session.kernel.definitions import USER
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import require_open
from muniment.session.kernel.moving import has_moved
from muniment.session.kernel.reach import Reach, reach_of, reached_by, stored_values
from muniment.session.kernel.standing import authorize
from muniment.session.writing.changes import Change, Pending, action_of, hook_context, place_of, state_before
from muniment.session.writing.uniqueness import Claims, Uniqueness
from muniment.store import Part, Transaction

__all__ = ["Planner"]

_OF_ONE_CHANGE: Final = (Invalid, Conflict, AccessDenied, NotFound, UsageError)
"""What refuses one change and leaves the others alone; anything else stops them all."""


class Planner:
    """Finds out what changes will do, in one transaction.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        context: what differs from the archive's settings in reading values, by the names of ``Context``.
        claims: what a trial run took in transactions before this one; None where all is stored.
    """

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        *,
        context: Mapping[str, Any] | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._claims = claims
        self._uniqueness = Uniqueness(engine, claims)
        self._context = engine.value_context()
        if context:
            self._context = attrs.evolve(self._context, **context)
        self._creating: dict[tuple[str, bool], tuple[RecordType, View]] = {}
        self._targets: dict[tuple[bytes, str], tuple[bytes, bool]] = {}
        self._made: set[bytes] = set()
        self._whole = False
        self._time_us = 0

    def plan(
        self,
        tx: Transaction,
        time_us: int,
        changes: Sequence[Change],
        *,
        collect: bool = False,
        new_ids: Sequence[bytes] = (),
    ) -> list[Pending | MunimentError]:
        """What will become of each change, in order.

        Args:
            tx: the transaction.
            time_us: its time.
            changes: each record at most once.
            collect: give each refused change its error and go on with the others.
            new_ids: identifiers for the records created, in order; the rest are made.

        Raises:
            MunimentError: the first refusal, unless they are collected.
        """
        self._time_us = time_us
        self._whole = not collect
        self._creating.clear()
        self._made.clear()
        made = list(new_ids)
        missing = sum(change.operation == "create" for change in changes) - len(made)
        made += self._engine.new_id.many(missing) if missing > 0 else []
        fresh = iter(made)
        self._require_basis(changes)
        results: list[Pending | MunimentError] = []
        pending: list[Pending] = []
        places: list[int] = []
        for change in changes:
            record = next(fresh) if change.operation == "create" else change.record
            try:
                one = self._prepare(tx, change, record)
            except _OF_ONE_CHANGE as error:
                if not collect:
                    raise
                results.append(error)
                continue
            if one.base is not None and self._nothing_changed(one):
                one.written = False
            else:
                places.append(len(results))
                pending.append(one)
            results.append(one)
        taken = self._uniqueness.claim(tx, pending)
        if taken and not collect:
            raise next(iter(taken.values()))
        for place, refusal in taken.items():
            results[places[place]] = refusal
        if self._claims is not None:
            self._uniqueness.remember([one for place, one in enumerate(pending) if place not in taken])
        return results

    def _require_basis(self, changes: Sequence[Change]) -> None:
        """Refuse a record that nothing entitles anybody to make: no consent with it, no other basis stated.

        Raises:
            AccessDenied: ``access.no_basis``.
        """
        applied = self._engine.settings.applied
        asked = applied.consent.before_save if applied is not None else frozenset[str]()
        stated = self._acting.legal_basis
        if not asked or (stated and stated != "consent"):
            return
        kinds = {change.type for change in changes if change.operation == "create"}
        given = any(change.inside and change.kind == "consent.give" for change in changes)
        for name in sorted(kinds & asked):
            if not given:
                raise AccessDenied("access.no_basis", where=name, action="record.create")

    # Computed dates that follow from other records; see ``deriving``

    def computed(self, tx: Transaction, record: bytes, values: Mapping[str, Value]) -> list[Pending]:
        """The change that gives a record computed values; none where they cannot be written any more."""
        base, current = tx.version(SHARD, record), tx.current(SHARD, record)
        if base is None or current is None:
            return []
        record_type = self._engine.definitions.by_number[base.type]
        gone = self._engine.check_live(tx, {record})
        groups = {record_type.by_key[key].seal_group for key in values}
        if any((record, category_of_group(group)) in gone for group in groups):
            return []
        every = frozenset(record_type.by_key)
        change = Change("update", record=record, values=values, inside=True, computes=True)
        one = Pending(
            change, record_type, View(every, frozenset(), every), record, base.subject, base, {}, {}, [], [],
            False, current.clear,
        )  # fmt: skip
        self._take_values(tx, one)
        return [one] if one.changed else []

    def fill_in(self, tx: Transaction, one: Pending, values: Mapping[str, Value]) -> None:
        """Let a planned change of a record, or its creation, give it computed values too."""
        if one.base is not None:
            # A part holds all of its group, so the rest of it is written again.
            closed = {one.type.by_key[key].seal_group for key in values}
            closed -= {one.type.by_key[key].seal_group for key in one.changed}
            before = set(one.old)
            self._open_groups(tx, one, closed)
            one.new = {**{key: one.old[key] for key in one.old.keys() - before}, **one.new}
        for key, value in values.items():
            one.new[key] = value
            if one.old.get(key) != value and key not in one.changed:
                one.changed.append(key)

    # One change

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
        action = action_of(record_type, change.operation)
        reach = reach_of(engine, self._acting, record_type)
        stored = {} if reach is None else stored_values(engine, tx, base, reach.numbers)
        reached = None if reach is None else reach.roles(engine, tx, stored)
        if change.inside and record_type.built_in:
            # Its kind says what is asked for, whatever types a role is for.
            asked = change.kind if action and change.kind in ACTIONS else action
            if asked:
                engine.policy.require(actor, asked)
        else:
            if not engine.policy.may(actor, "record.read", record_type.key, reached=reached):
                raise NotFound("record.not_found")
            engine.policy.require(actor, action, record_type.key, reached=reached)
        view = self._view(record_type, change, reached)
        engine.check_live(tx, {record, base.subject})
        self._require_open(tx, record_type, change, About(base.subject, record))
        if change.expected_version is not None and has_moved(engine, tx, record, change.expected_version):
            raise Conflict(
                "conflict.version",
                where=id_text(record),
                expected=change.expected_version,
                found=base.version,
            )
        one = Pending(
            change,
            record_type,
            view,
            record,
            base.subject,
            base,
            {},
            {},
            [],
            [],
            bool(current.deleted),
            current.clear,
        )
        if change.operation == "undelete" and one.deleted:
            # It has its unique values again, and somebody else may have them by now.
            self._open_groups(tx, one, None if record_type.unique else set())
            one.new = one.old
        elif change.operation == "delete" and engine.plugins.approves:
            # Whoever says whether it needs a second person is shown what would go.
            self._open_groups(tx, one, None)
        if change.operation in ("delete", "undelete"):
            if record_type.number == USER.number and change.operation == "delete":
                self._keep_an_owner(one)
            self._authorize(one, action)
            return one
        if one.deleted and change.operation != "revert":
            raise NotFound("record.deleted", where=id_text(record))
        self._take_values(tx, one)
        if reach is not None and not reach.keys.isdisjoint(one.changed):
            self._stay_in_reach(tx, one, reach, action, {**stored, **_those(one.new, reach.keys)})
        self._authorize(one, action)
        if record_type.number == USER.number:
            self._keep_an_owner(one)
        return one

    def _stay_in_reach(
        self, tx: Transaction, one: Pending, reach: Reach, action: str, values: Mapping[str, Value]
    ) -> None:
        """Refuse what would put a record where the actor could not have written it.

        Else one could give a record away unseen, or make one in somebody else's name.
        """
        engine, record_type = self._engine, one.type
        reached = reach.roles(engine, tx, values)
        view = self._view(record_type, one.change, reached)
        may = engine.policy.may(self._acting.actor, action, record_type.key, reached=reached)
        widest, one.view = one.view, view if one.base is None else one.view
        if not may or not view.writable.issuperset(one.changed):
            named = sorted(key for key in reach.keys if key in widest.readable)
            raise AccessDenied(
                "access.row", where=record_type.key, action=action, names=", ".join(named) or "?"
            )

    def _keep_an_owner(self, one: Pending) -> None:
        """Refuse what would leave nobody who may add users: nobody could ever mend that."""
        roles = one.new.get("roles") or ()
        stays = one.new.get("state") == "active" and isinstance(roles, tuple) and "owner" in roles
        others = (user for user in self._engine.definitions.users.values() if user.record != one.record)
        if not stays and not any(user.active and "owner" in user.roles for user in others):
            raise AccessDenied("access.last_owner", where=id_text(one.record))

    def _prepare_create(self, tx: Transaction, change: Change, record: bytes) -> Pending:
        engine, name = self._engine, (change.type, change.inside)
        # Within one transaction neither the type nor what the actor may do changes.
        found = self._creating.get(name)
        if found is None:
            found = self._creating[name] = self._may_create(change)
        record_type, view = found
        if not change.values.keys() <= view.writable:
            self._require_writable(change, record_type, view)
        reach = reach_of(engine, self._acting, record_type)
        values = change.values
        if reach is not None:
            values = {**values, **reach.filling(action_of(record_type, "create"), values)}
        new, issues = _taking(record_type, change).normalise(
            values, context=self._context, kinds=engine.kinds
        )
        if record_type.references:
            new = self._refer(tx, record_type, new, issues)
        one = Pending(change, record_type, view, record, record, None, {}, new, list(new), issues)
        if reach is not None and not _errors(issues):
            self._within_reach(tx, one, reach)
        if not new and not _errors(issues):
            issues.append(Issue("value.empty_record"))
        if issues:
            self._refuse_errors(one)
        if record_type.subject != "self":
            one.subject = self._subject_of(tx, one)
            self._require_open(tx, record_type, change, About(one.subject))
        else:
            self._made.add(record)
        self._authorize(one, action_of(record_type, "create"))
        if engine.plugins.validates:
            self._ask_plugins(one)
        if self._whole:
            # What comes after it may refer to it: they are written together or not at all.
            self._targets[record, record_type.key] = (one.subject, True)
        return one

    def _authorize(self, one: Pending, action: str) -> None:
        """Ask the plugins that may take away what roles allow."""
        if self._engine.plugins.authorizes:
            record = None if one.base is None else one.record
            authorize(self._engine, self._acting, action, one.type, one.changed, record, self._time_us)

    def _within_reach(self, tx: Transaction, one: Pending, reach: Reach) -> None:
        """Refuse a new record that its maker could not have written once it stands."""
        given = [field.key for name in one.change.values if (field := one.type.field(name)) is not None]
        values = {key: value for key, value in one.new.items() if key in reach.keys}
        stands = attrs.evolve(one, changed=given)
        self._stay_in_reach(tx, stands, reach, action_of(one.type, "create"), values)
        one.view = stands.view

    def _require_open(self, tx: Transaction, record_type: RecordType, change: Change, about: About) -> None:
        """Ask the gates whether this may be done to the record; new subjects are not asked about."""
        if self._engine.gates:
            action = action_of(record_type, change.operation)
            require_open(
                self._engine,
                tx,
                self._acting,
                action,
                record_type,
                (about,),
                self._time_us,
                writes=True,
                fields=None if change.operation in ("revert", "undelete") else frozenset(change.values),
            )

    def _may_create(self, change: Change) -> tuple[RecordType, View]:
        engine, actor = self._engine, self._acting.actor
        record_type = engine.record_type(change.type)
        action = action_of(record_type, "create")
        if action or not change.inside:
            engine.policy.require(actor, action, None if change.inside else record_type.key)
        return record_type, self._view(record_type, change)

    def _view(self, record_type: RecordType, change: Change, reached: Reached = None) -> View:
        """Which fields the change may touch; all of a built-in type that the framework itself writes.

        Args:
            record_type: the newest definition.
            change: what is to be done.
            reached: the roles that reach the record; None asks for the widest view of any.

        Raises:
            AccessDenied: ``access.guarded``: such records are made by commands of their own alone.
        """
        if record_type.built_in:
            if change.inside:
                every = frozenset(record_type.by_key)
                return View(every, frozenset(), every)
            if rules_of(record_type).guarded:
                raise AccessDenied("access.guarded", where=record_type.key)
        elif change.inside and self._acting.actor is SYSTEM:
            # What somebody without a login handed in, such as an answer to a survey.
            every = frozenset(record_type.by_key)
            return View(every, frozenset(), every)
        return self._engine.policy.view(self._acting.actor, record_type, reached=reached)

    def _require_writable(self, change: Change, record_type: RecordType, view: View) -> None:
        if change.operation == "revert" or change.values.keys() <= view.writable:
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
        values, kept = change.values, list[Field]()
        if change.keep_empty:
            values, kept = _without_empty(record_type, values)
        given, issues = (
            (dict(values), [])
            if change.replace
            else _taking(record_type, change).normalise(
                values, context=self._context, partial=True, kinds=engine.kinds
            )
        )
        given = self._refer(tx, record_type, given, issues)
        one.warnings = issues
        self._refuse_errors(one)
        by_key = record_type.by_key
        groups = {by_key[key].seal_group for key in given} | {field.seal_group for field in kept}
        moved = one.base is not None and one.base.definition != record_type.definition_version
        everything = change.replace or moved or engine.plugins.validates
        parts = self._open_groups(tx, one, None if everything else groups)
        if moved:
            one.regrouped = _moved_groups(record_type, parts)
        for field in kept:
            if one.old.get(field.key) is not None and field.key in one.view.clear:
                issues.append(Issue("import.kept", field.key, "warning"))
        one.new = dict(given) if change.replace else {**one.old, **given}
        keys = set(one.new) | set(one.old) if change.replace else set(given)
        for key in sorted(keys) if len(keys) > 1 else keys:
            same = one.old.get(key) == one.new.get(key)
            # Whoever may not read a field must not learn from an update whether the value was right.
            if not same or (key in given and key not in one.view.clear and not change.replace):
                one.changed.append(key)
        if change.operation == "revert":
            self._require_all_writable(one)
        if change.computes:
            one.warnings.extend(
                Issue("value.not_computed", key) for key in one.changed if not by_key[key].computed
            )
            self._refuse_errors(one)
        fixed = [key for key in one.changed if key in record_type.fixed]
        if fixed:
            one.warnings.extend(Issue("value.fixed", key) for key in fixed)
            self._refuse_errors(one)
        if one.changed:
            self._ask_plugins(one)

    def _open_groups(self, tx: Transaction, one: Pending, groups: set[int] | None) -> list[Part]:
        """Open the values of some seal groups as they stand, or of all."""
        assert one.base is not None
        live, _ = unpack_live(one.base.parts)
        wanted = live.keys() if groups is None else groups & live.keys()
        gone = self._engine.check_live(tx, {one.record})
        if gone:
            # What was erased has no values to build on; the others are changed as ever.
            wanted = {group for group in wanted if (one.record, category_of_group(group)) not in gone}
        parts = tx.parts_of(SHARD, one.record, one.base.version, wanted)
        for part in parts:
            one.slots[category_of_group(part.grp)] = part_slots(part.sealed)
            one.old |= self._engine.sealer.open(part, one.type, one.subject, live[part.grp])
        return parts

    def _require_all_writable(self, one: Pending) -> None:
        """What is set back is written too, whoever wrote it first."""
        known = one.type.by_key
        if any(key in known and key not in one.view.writable for key in one.changed):
            raise AccessDenied("access.field", where=one.type.key, action="record.write", names="?")

    def _refuse_errors(self, one: Pending) -> None:
        errors = _errors(one.warnings) if one.warnings else None
        if errors:
            raise Invalid(errors, where=place_of(one))

    def _ask_plugins(self, one: Pending) -> None:
        engine = self._engine
        if not engine.plugins.validates or one.type.built_in:
            return
        if one.change.inside and one.change.computes:
            return  # nobody's word, and nothing that a person could mend
        state = state_before(one)
        context = hook_context(
            engine,
            self._acting,
            one.change.operation,
            self._time_us,
            region=self._context.default_region,
        )
        one.warnings.extend(
            engine.plugins.validate(state, {key: one.new.get(key) for key in one.changed}, context)
        )
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
        if found is None and self._claims is not None and record in self._claims.records:
            found = self._targets[record, type_key] = (record, True)
        if found is None:
            row = tx.current(SHARD, record)
            target = self._engine.definitions.types.get(type_key)
            live = (
                row is not None
                and target is not None
                and row.type == target.number
                and not row.deleted
                and not self._engine.gone(tx, {record, row.subject})
                and self._within_sight(tx, target, record)
            )
            found = self._targets[record, type_key] = (row.subject if row is not None else b"", live)
        return found[0] if found[1] else None

    def _within_sight(self, tx: Transaction, target: RecordType, record: bytes) -> bool:
        """Whether a record referred to is one that the actor reaches: else it answers like a missing one."""
        if reach_of(self._engine, self._acting, target) is None:
            return True
        version = tx.version(SHARD, record)
        if version is None:
            return False
        reached = reached_by(self._engine, tx, self._acting, target, version)
        return self._engine.policy.may(self._acting.actor, "record.read", target.key, reached=reached)

    def _subject_of(self, tx: Transaction, one: Pending) -> bytes:
        subject = one.type.subject
        if subject == "self":
            return one.record
        if subject == "none":
            return self._given_subject(tx, one)
        field = one.type.by_key[subject[0]]
        found = self._target(tx, id_bytes(str(one.new[field.key])), field.target)
        if found is None:
            raise NotFound("record.not_found")
        return found

    def _given_subject(self, tx: Transaction, one: Pending) -> bytes:
        """Whom a record of a built-in type is about, where it was said; else it is the archive's own."""
        subject = one.change.subject
        if subject is None or not one.type.built_in:
            return self._engine.archive
        if subject in self._made:
            return subject
        if tx.subject(SHARD, subject) is None:
            if one.change.new_subject:
                return subject
            raise NotFound("record.not_found")
        self._engine.check_live(tx, {subject})
        return subject

    def _nothing_changed(self, one: Pending) -> bool:
        operation = one.change.operation
        if operation == "delete":
            return one.deleted
        if operation == "undelete":
            return not one.deleted
        if operation == "revert" and one.deleted:
            return False
        return one.base is not None and not one.changed


def _those(values: Mapping[str, Value], keys: Collection[str]) -> dict[str, Value]:
    """The values of some fields, where they are known; None where one is cleared."""
    return {key: values[key] for key in keys if key in values}


def _without_empty(
    record_type: RecordType, values: Mapping[str, object]
) -> tuple[dict[str, object], list[Field]]:
    """The values that say something, and the fields of those that do not."""
    said: dict[str, object] = {}
    kept: list[Field] = []
    for key, value in values.items():
        if value is None or (isinstance(value, str) and not value.strip()):
            field = record_type.field(key)
            if field is not None:
                kept.append(field)
        else:
            said[key] = value
    return said, kept


def _taking(record_type: RecordType, change: Change) -> RecordType:
    """The type as this change may fill it in."""
    return record_type.computable if change.computes else record_type


def _moved_groups(record_type: RecordType, parts: Sequence[Part]) -> frozenset[int]:
    """The groups of these parts, if any field in them belongs to another group by now."""
    by_number = record_type.by_number
    moved = any(
        by_number[number].seal_group != part.grp for part in parts for number in part_fields(part.sealed)
    )
    return frozenset(part.grp for part in parts) if moved else frozenset()


def _errors(issues: Sequence[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.severity == "error"]
