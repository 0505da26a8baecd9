"""Retention: what is due, why, and disposing of it; the plan and its application ask the same function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

import attrs

from muniment.errors import Conflict, MunimentError, NotFound, UsageError
from muniment.model import id_bytes, id_text, rfc3339
from muniment.retention.plan import STATES, Verdict
from muniment.schema import is_built_in
from muniment.session.approval.acts import require
from muniment.session.ground import Footing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine, record_line
from muniment.session.kernel.logbook import MAX_SUBJECTS, Draft, Moment
from muniment.session.kernel.reach import reach_of, reaches, require_reached
from muniment.session.reading.cursor import opened_place, sealed_place
from muniment.session.reading.pieces import Piece
from muniment.session.rights.erasing import Refusal, erase
from muniment.session.rights.facets import Facts, rules_of_type
from muniment.session.rights.planned import LISTS, Planned, last_closed, named_by, renewals
from muniment.session.rights.scope import Scope, Target
from muniment.store import Transaction

__all__ = ["Applied", "Retaining"]

_AT_ONCE: Final = 500
_DUE: Final = LISTS["due"]
_CURSOR: Final = b"piece/retention"

Progress = Callable[[int, int], None]
_Counts = Counter[tuple[str, str, str, str]]


def _counted(one: Verdict) -> tuple[str, str, str, str]:
    """What facets are counted by: type, category, state, rule."""
    return one.facet.type, one.facet.category, one.state, one.rule


class _Place(NamedTuple):
    """Where a facet stands in the plan."""

    type: int
    deleted: bool
    record: str
    category: str


@attrs.frozen
class Applied:
    """What applying retention did.

    Attributes:
        facets: how many were disposed of.
        subjects: of whom nothing was left, and who went with it.
        certificates: UUID texts of the erasures.
        refused: how many were due and stay, because something changed since.
        waiting: how many wait for a person's decision.
        rules: how many went under each rule.
    """

    facets: int = 0
    subjects: int = 0
    certificates: tuple[str, ...] = ()
    refused: int = 0
    waiting: int = 0
    rules: Mapping[str, int] = attrs.field(factory=dict)


class Retaining(Footing):
    """Planning, explaining and applying retention; ``Session.retention``."""

    @property
    def limited(self) -> bool:
        """Whether there is a type of which the actor's roles reach some records alone."""
        return any(reach_of(self._engine, self._acting, one) is not None for one in self._types(()))

    # Planning

    def plan(
        self,
        *,
        types: Sequence[str] = (),
        states: Sequence[str] = _DUE,
        only: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Iterator[Verdict]:
        """The facets that stand so, a page at a time; each page is written down before it is given.

        Args:
            types: keys of record types; by default all.
            states: out of ``retention.plan.STATES``; by default what is due or waits for a person.
            only: UUID texts of records; by default all.
            progress: told how many records were looked at.

        Raises:
            UsageError: ``keep.state``.
            AccessDenied: ``access.action``; logged.
        """
        op = self._begun(states)
        for verdicts in self._pages(types, progress, only):
            found = [one for one in verdicts if one.state in states]
            if found:
                self._engine.run(partial(self._log, op, found), self._acting)
                yield from found

    def piece(
        self,
        *,
        types: Sequence[str] = (),
        states: Sequence[str] = _DUE,
        limit: int = 100,
        after: str | None = None,
    ) -> Piece[Verdict]:
        """A piece of the plan; only what is in it is written down and given.

        Args:
            types: keys of record types; by default all.
            states: out of ``retention.plan.STATES``; by default what is due or waits for a person.
            limit: so many at the most.
            after: what the piece before gave.

        Raises:
            UsageError: ``keep.state``, ``usage.cursor``.
            AccessDenied: ``access.action``; logged.
        """
        behind = None if after is None else _Place(*opened_place(self._engine, _CURSOR, after))
        op = self._begun(states)
        self._engine.refresh()
        standing = (
            (_Place(*part, one.facet.record, one.facet.category), one)
            for part, verdicts in self._parts(types, None, behind)
            for one in sorted(verdicts, key=lambda one: (one.facet.record, one.facet.category))
            if one.state in states
        )
        later = (pair for pair in standing if behind is None or pair[0] > behind)
        taken = list(islice(later, limit + 1))
        found = Piece(one for _, one in taken[:limit])
        if len(taken) > limit:
            found.after = sealed_place(self._engine, _CURSOR, taken[limit - 1][0])
        if found:
            self._engine.run(partial(self._log, op, found), self._acting)
        return found

    def _begun(self, states: Sequence[str]) -> bytes:
        """Write down that the plan is asked for; give the act that what is released belongs to."""
        if set(states) - set(STATES):
            raise UsageError("keep.state", known=", ".join(STATES))
        self._require("retention.read")
        self._engine.note(self._acting, "retention.plan", target={"states": sorted(states)})
        return self._engine.new_id()

    def renew(self, *, progress: Progress | None = None) -> Mapping[str, int]:
        """Plan everything anew, and write down what is due, what is kept back, and how many stand how.

        Args:
            progress: told how many records were looked at.

        Returns:
            How many facets stand how, by state.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        self._require("retention.read")
        engine = self._engine
        ops, began = {name: engine.new_id() for name in LISTS}, engine.clock()
        counts: _Counts = Counter()
        for verdicts in self._pages((), progress):
            counts.update(map(_counted, verdicts))
            for name, states in LISTS.items():
                found = [one for one in verdicts if one.state in states]
                if found:
                    engine.run(partial(self._log, ops[name], found), self._acting)
        target = {
            "began": rfc3339(began),
            "lists": {name: op.hex() for name, op in ops.items()},
            "facets": [[*name, count] for name, count in sorted(counts.items())],
        }

        def body(tx: Transaction, moment: Moment) -> None:
            draft = Draft("retention.report", engine.detail(self._acting, self._renewals(), target=target))
            engine.logbook.append(tx, moment, [draft], actor=self._acting.actor.id)

        engine.run(body, self._acting)
        states_of: Counter[str] = Counter()
        for (_, _, state, _), count in counts.items():
            states_of[state] += count
        return states_of

    def planned(self, name: str = "due", *, limit: int = _AT_ONCE) -> Planned | None:
        """A list of the plan that was last renewed, looked at anew; what is given is written down.

        Args:
            name: out of ``planned.LISTS``.
            limit: records at the most.

        Returns:
            None where nobody has planned yet.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        self._require("retention.read")
        engine = self._engine

        def body(tx: Transaction, moment: Moment) -> Planned | None:
            last = last_closed(tx, moment, self._renewals())
            if last is None:
                return None
            records = named_by(tx, moment, last, name, limit=limit + 1)
            facts = Facts(engine, tx, moment.time_us)
            verdicts = self._verdicts(facts, tx, records[:limit], "retention.read")
            found = [one for one in verdicts if one.state in LISTS[name]]
            op = engine.new_id()
            asked = Draft("retention.plan", engine.detail(self._acting, op, target={"list": name}))
            engine.logbook.append(tx, moment, [asked], actor=self._acting.actor.id)
            if found:
                self._log(op, found, tx, moment)
            return Planned(last.time_us, last.changes, last.facets, found, len(records) > limit)

        return engine.run(body, self._acting)

    def explain(self, id: str) -> list[Verdict]:
        """How every facet of one record stands, and what each rule says of it; logged.

        Args:
            id: UUID text.

        Raises:
            NotFound: there is no such record for this actor; logged.
        """
        engine, acting, record = self._engine, self._acting, id_bytes(id)
        self._require("retention.read")

        def body(tx: Transaction, moment: Moment) -> list[Verdict]:
            version = tx.version(SHARD, record)
            record_type = None if version is None else engine.definitions.by_number.get(version.type)
            if version is None or record_type is None or record_type.built_in:
                raise NotFound("record.not_found")
            engine.policy.require(acting.actor, "record.read", record_type.key)
            require_reached(engine, tx, acting, "retention.read", record)
            engine.check_live(tx, {record, version.subject})
            found = Facts(engine, tx, moment.time_us).verdicts([record])
            detail = engine.detail(acting, engine.new_id(), type=record_type.key, count=1, sets=[{}])
            line = record_line(record, version.version, version.version - 1, 0)
            keys = engine.subject_keys(tx, [version.subject])
            draft = Draft("retention.explain", detail, [line], keys)
            engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
            return found

        with engine.guarded(acting, "retention.read", record=id_text(record)):
            return engine.run(body, acting)

    def report(self, *, progress: Progress | None = None) -> dict[str, Any]:
        """How many facets stand how, by type, category and rule; and what was disposed of so far."""
        self._require("retention.read")
        self._engine.note(self._acting, "retention.report")
        counts: _Counts = Counter()
        for verdicts in self._pages((), progress):
            counts.update(map(_counted, verdicts))
        return {
            "facets": [
                {"type": key, "category": category, "state": state, "rule": rule, "count": count}
                for (key, category, state, rule), count in sorted(counts.items())
            ],
            "unverified": self.unverified(),
        }

    def unverified(self) -> list[str]:
        """Identifiers of the rules that nobody compared with their source."""
        return sorted(
            {
                rule.id
                for record_type in self._types(())
                for rule in rules_of_type(self._engine, record_type)
                if not rule.verified_by
            }
        )

    def _types(self, types: Sequence[str]) -> list[Any]:
        known = self._engine.definitions
        if types:
            named = {one.number: one for one in map(self._engine.record_type, types)}
            return [one for _, one in sorted(named.items())]
        return [one for _, one in sorted(known.by_number.items()) if not one.built_in]

    def _pages(
        self,
        types: Sequence[str],
        progress: Progress | None,
        only: Sequence[str] = (),
        action: str = "retention.read",
    ) -> Iterator[list[Verdict]]:
        """The verdicts on a page of records in reach at a time; nothing of it leaves unlogged."""
        engine = self._engine
        engine.refresh()
        for start in range(0, len(only), _AT_ONCE):
            some = list(dict.fromkeys(id_bytes(one) for one in only[start : start + _AT_ONCE]))
            with engine.store.transaction(write=False) as tx:
                verdicts = self._verdicts(Facts(engine, tx, engine.clock()), tx, some, action)
            yield [one for one in verdicts if not types or one.facet.type in types]
        for _, verdicts in self._parts(types, progress, action=action) if not only else ():
            yield verdicts

    def _parts(
        self,
        types: Sequence[str],
        progress: Progress | None,
        behind: _Place | None = None,
        *,
        action: str = "retention.read",
    ) -> Iterator[tuple[tuple[int, bool], list[Verdict]]]:
        """The same of all records, each page with the type and whether its records are deleted.

        Args:
            types: keys of record types; empty for all.
            progress: told how many records were looked at.
            behind: what stands before this one's record is left out.
            action: what the actor must be allowed with the records.
        """
        engine, done = self._engine, 0
        for record_type in self._types(types):
            if not rules_of_type(engine, record_type):
                continue
            for deleted in (False, True):
                part = (record_type.number, deleted)
                after: bytes | None = None
                if behind is not None and part <= behind[:2]:
                    if part < behind[:2]:
                        continue
                    # From this record on, for it may have more than one facet.
                    after = (int.from_bytes(id_bytes(behind.record), "big") - 1).to_bytes(16, "big")
                while True:
                    with engine.store.transaction(write=False) as tx:
                        facts = Facts(engine, tx, engine.clock())
                        records = facts.page(record_type, after, deleted=deleted)
                        verdicts = self._verdicts(facts, tx, records, action)
                    done += len(records)
                    if progress is not None:
                        progress(done, 0)
                    if not records:
                        break
                    after = records[-1]
                    yield part, verdicts

    def _verdicts(
        self, facts: Facts, tx: Transaction, records: Sequence[bytes], action: str
    ) -> list[Verdict]:
        """The verdicts on those of some records that are in reach."""
        if self.limited:
            records = [one for one in records if reaches(self._engine, tx, self._acting, action, one)]
        return facts.verdicts(records)

    def _renewals(self) -> bytes:
        """The act under which the last plan is found: whoever reaches some records alone has their own."""
        return renewals(self._acting.actor.id if self.limited else "")

    def _log(self, op: bytes, verdicts: Sequence[Verdict], tx: Transaction, moment: Moment) -> None:
        engine, acting = self._engine, self._acting
        drafts = []
        facets = [one.facet for one in verdicts]
        records = list(dict.fromkeys((one.record, one.subject, one.version) for one in facets))
        for start in range(0, len(records), MAX_SUBJECTS):
            some = records[start : start + MAX_SUBJECTS]
            lines = [record_line(id_bytes(one), version, version - 1, 0) for one, _, version in some]
            keys = engine.subject_keys(tx, {id_bytes(subject) for _, subject, _ in some})
            detail = engine.detail(acting, op, count=len(some), sets=[{}])
            drafts.append(Draft("retention.plan", detail, lines, keys))
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)

    # Applying

    def apply(
        self,
        *,
        reason: str | None = None,
        types: Sequence[str] = (),
        reviewed: Sequence[str] = (),
        only: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Applied:
        """Dispose of everything that is due, or of what of it was chosen.

        Each facet is looked at again in the transaction that begins its disposal: a hold, a changed
        day or a new rule stops it.

        Args:
            reason: why; sealed.
            types: keys of record types; by default all.
            reviewed: UUID texts of records that a person decided on; without that, what waits for a
                decision stays.
            only: UUID texts of records: what is due of others stays; by default all.
            progress: told how many records were looked at.

        Raises:
            UsageError: ``keep.unverified`` where a rule was never compared with its source and nobody
                answers for it.
            ApprovalNeeded: ``approval.waits`` where a rule of the archive asks for a second person.
            AccessDenied: ``access.action``; logged.
        """
        engine = self._engine
        self._require("retention.apply")
        self._require("subject.erase")
        named = {id_text(id_bytes(one)) for one in reviewed}
        chosen = {id_text(id_bytes(one)) for one in only}
        due: list[Target] = []
        states: dict[tuple[bytes, int], str] = {}
        waiting = 0
        unverified: set[str] = set()
        numbers = engine.definitions.registry.categories
        for verdicts in self._pages(types, progress, sorted(chosen), "retention.apply"):
            for one in verdicts:
                if one.state == "review" and one.facet.record not in named:
                    waiting += 1
                elif one.state in _DUE:
                    unverified.update(one.unverified)
                    due.append(Target(id_bytes(one.facet.record), numbers[one.facet.category], one.rule))
                    states[due[-1].id, due[-1].category] = one.state
        accepted = self._accepted(unverified)
        if due:
            listed = [[id_text(one.id), one.category, one.rule] for one in due]
            granted = require(
                engine, self._acting, "subject.erase", {"retention": listed},
                facts={"facets": str(len(due))}, reason=reason,
            )  # fmt: skip
            approval = None if granted is None else granted.detail
            made = _Run(engine, self._acting, states, reason, accepted, approval)
            for start in range(0, len(due), _AT_ONCE):
                made.dispose(due[start : start + _AT_ONCE])
            made.close_subjects()
            done = made.applied(waiting)
        else:
            done = Applied(waiting=waiting)
        target: dict[str, object] = {"rules": sorted(done.rules), "accepted": accepted, "waiting": waiting}
        engine.note(self._acting, "retention.apply", count=done.facets, target=target)
        return done

    def _accepted(self, unverified: set[str]) -> bool:
        if not unverified:
            return False
        applied = self._engine.settings.applied
        if applied is None or not applied.retention.accepted_by:
            raise UsageError("keep.unverified", names=", ".join(sorted(unverified)))
        return True


class _Run:
    """One application of retention, batch by batch."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        states: Mapping[tuple[bytes, int], str],
        reason: str | None,
        accepted: bool,
        approval: Mapping[str, object] | None,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._states = states
        self._reason = reason
        self._approval = approval
        self._members = {"accepted": True} if accepted else {}
        self._touched: dict[bytes, str] = {}
        self._certificates: list[str] = []
        self._rules: Counter[str] = Counter()
        self._facets = self._subjects = 0
        self._refused: list[Refusal] = []
        self._facts: tuple[Moment, Facts] | None = None

    def dispose(self, targets: Sequence[Target]) -> None:
        """Dispose of some facets in one act."""
        done = self._erase(targets, self._check)
        refused = {(one.target.id, one.target.category) for one in done.refused}
        for target in targets:
            if (target.id, target.category) not in refused:
                self._facets += 1
                self._rules[target.rule] += 1
                first = self._engine.store.version(SHARD, target.id, 1)
                if first is not None:
                    self._touched[first.subject] = target.rule

    def close_subjects(self) -> None:
        """Let those go of whom nothing is left but the key, and the reasons sealed under it."""
        engine = self._engine
        targets = []
        for subject, rule in self._touched.items():
            if subject != engine.archive and self._is_empty(subject):
                targets.append(Target(subject, 0, rule))
        for start in range(0, len(targets), _AT_ONCE):
            some = targets[start : start + _AT_ONCE]
            done = self._erase(some, self._check_empty)
            self._subjects += len(some) - len(done.refused)

    def applied(self, waiting: int) -> Applied:
        """What was done."""
        return Applied(
            self._facets, self._subjects, tuple(self._certificates), len(self._refused), waiting,
            dict(self._rules),
        )  # fmt: skip

    def _erase(
        self, targets: Sequence[Target], check: Callable[[Transaction, Moment, Scope], MunimentError | None]
    ) -> Any:
        done = erase(
            self._engine, self._acting, targets, cause="retention", reason=self._reason, check=check,
            skip_refused=True, members=self._members, approval=self._approval,
        )  # fmt: skip
        if done.id:
            self._certificates.append(done.id)
        self._refused += done.refused
        return done

    def _check(self, tx: Transaction, moment: Moment, scope: Scope) -> MunimentError | None:
        """Whether a facet stands as it did in the plan."""
        target = scope.target
        name = self._engine.definitions.registry.category_names[target.category]
        if self._facts is None or self._facts[0] is not moment:
            self._facts = (moment, Facts(self._engine, tx, moment.time_us))
        for verdict in self._facts[1].verdicts([target.id]):
            if verdict.facet.category == name and verdict.state == self._states[target.id, target.category]:
                return None
        return Conflict("keep.not_due", where=id_text(target.id), rule=target.rule)

    def _is_empty(self, subject: bytes) -> bool:
        with self._engine.store.transaction(write=False) as tx:
            return self._nothing_left(tx, subject)

    def _check_empty(self, tx: Transaction, moment: Moment, scope: Scope) -> MunimentError | None:
        if self._nothing_left(tx, scope.target.id):
            return None
        return Conflict("keep.not_due", where=id_text(scope.target.id), rule=scope.target.rule)

    def _nothing_left(self, tx: Transaction, subject: bytes) -> bool:
        for record in tx.subject_records(SHARD, subject):
            if is_built_in(record.type):
                continue  # what the framework keeps about somebody goes with them
            gone = {state.category for state in tx.state_of(SHARD, {record.record})}
            left = {facet.category for facet in tx.facets_of(SHARD, record.record)} - {0} - gone
            if left and 0 not in gone:
                return False
        return True
