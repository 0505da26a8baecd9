"""The rows of an import inside the corridor: what they mean, what they would change, one transaction a batch.

Matching, comparing and looking references up are accesses. They are written down
in the transaction that writes the rows, before the versions; a trial run has one
entry of them, for as many records as an entry may name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import attrs

from muniment.errors import (
    AccessDenied,
    ApprovalNeeded,
    Conflict,
    Invalid,
    Issue,
    MunimentError,
    NotFound,
    UsageError,
)
from muniment.imports.rows import RECORD_ID, Given, Outcome
from muniment.model import id_bytes, id_text
from muniment.schema import Field, RecordType
from muniment.schema.phones import e164
from muniment.schema.values import ValueProblem
from muniment.session.approval.asking import approve_import
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import IMPORT
from muniment.session.kernel.engine import SHARD, Engine, record_line
from muniment.session.kernel.logbook import MAX_SUBJECTS, Draft, Moment
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.views import Change as FieldChange
from muniment.session.kernel.views import shown
from muniment.session.reading.reads import plan_of
from muniment.session.tables.matching import NOTHING, Found, Matcher
from muniment.session.tables.naming import Namer, Names, is_identifier
from muniment.session.writing.approving import Sanction
from muniment.session.writing.changes import Change, Pending
from muniment.session.writing.planning import Planner
from muniment.session.writing.uniqueness import Claims
from muniment.session.writing.writes import Saved, sole, write
from muniment.store import Transaction, Version

__all__ = ["RowWriter"]


class _Asked(NamedTuple):
    """A row as it is asked for in a transaction.

    Attributes:
        change: what is to be done; None where the row is decided already.
        outcome: what was decided.
        warnings: what matching has to say.
    """

    change: Change | None = None
    outcome: Outcome | None = None
    warnings: tuple[Issue, ...] = ()


_UNDECIDED: Final = _Asked()


class RowWriter:
    """One import of one actor; see ``imports.rows.RowWriter``, which it is.

    Args:
        engine: the opened archive.
        acting: who imports, why and through what.
        record_type: whose records the rows are.
        fields: keys of the fields that the rows give.
        match: keys of the fields by which a row finds its record; None chooses.
        by_id: a row finds its record by its identifier.
        context: what differs from the archive's settings in reading values.
        keep_empty: an empty cell leaves the value as it is.
        dry_run: write nothing but the entry of the accesses.

    Raises:
        AccessDenied: the actor may not write such records or fields, or not match by these.
        UsageError: ``import.built_in``, ``index.unsupported``.
    """

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        record_type: RecordType,
        fields: Iterable[str],
        *,
        match: Sequence[str] | None,
        by_id: bool,
        context: Mapping[str, Any],
        keep_empty: bool,
        dry_run: bool,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._type = record_type
        self._keep_empty = keep_empty
        self._by_id = by_id
        self._explicit = bool(match)
        self._view = engine.policy.view(acting.actor, record_type)
        self._keys = tuple(fields)
        if record_type.built_in:
            raise UsageError("import.built_in", type=record_type.key)
        self._require_rights(match, by_id)
        self._matcher = self._make_matcher(match, by_id)
        self._context = attrs.evolve(engine.value_context(), **context)
        self._changed_context = dict(context)
        region = self._context.default_region
        foreign = bool(region) and region != engine.settings.default_region
        self._phones = self._of_kind("phone") if foreign else ()
        self._references = self._of_kind("reference")
        # References are looked up later, in the transaction.
        self._parsers = tuple(
            (field.key, None if field.kind == "reference" else engine.kinds[field.kind].prepare(field))
            for field in (() if self._matcher is None else self._matcher.fields)
        )
        self._by_reference = any(parse is None for _, parse in self._parsers)
        inward = any(field.target == record_type.key for field in self._references)
        self._bringing = [key for key in self._keys if key in record_type.unique] if inward else []
        self._claims = Claims() if dry_run else None
        self._namer = Namer(engine, acting, self._references, self._context, self._claims)
        self._trial = _Trial() if dry_run else None
        self._op = engine.new_id()
        self._import = b""
        self._sanction = Sanction(aside=False)

    @property
    def match(self) -> Sequence[str]:
        """By what rows find their records."""
        if self._by_id:
            return (RECORD_ID,)
        return () if self._matcher is None else tuple(field.key for field in self._matcher.fields)

    def _of_kind(self, kind: str) -> tuple[Field, ...]:
        fields = (self._type.by_key[key] for key in self._keys)
        return tuple(field for field in fields if field.kind == kind)

    def _require_rights(self, match: Sequence[str] | None, by_id: bool) -> None:
        policy, actor, key = self._engine.policy, self._acting.actor, self._type.key
        policy.require(actor, "record.import", key)
        policy.require(actor, "record.create", key)
        if match or by_id:
            policy.require(actor, "record.update", key)
        barred = [name for name in self._keys if name not in self._view.writable]
        if barred:
            # A name that may not be read is not told either.
            named = [name for name in barred if name in self._view.readable] or ["?"]
            raise AccessDenied("access.field", where=key, action="record.write", names=", ".join(named))

    def _make_matcher(self, match: Sequence[str] | None, by_id: bool) -> Matcher | None:
        if by_id:
            return None
        if match is None:
            may = self._engine.policy.may(self._acting.actor, "record.update", self._type.key)
            unique = self._type.unique & self._view.clear
            match = [key for key in self._keys if key in unique][:1] if may else []
        if not match:
            return None
        return Matcher(self._engine, self._acting, self._type, self._view, match, action="record.read")

    # One row

    def take(self, values: dict[str, object], identifier: str) -> Given:
        """A row, with what finds its record.

        Raises:
            Invalid: the row cannot be matched.
        """
        for field in self._phones:
            # The archive reads numbers of another country only with that country's code.
            text = values[field.key]
            if isinstance(text, str) and text.strip() and e164(text.strip()) is None:
                values[field.key] = e164(text.strip(), self._context.default_region) or text
        if self._by_id:
            return Given(values, _identifier(identifier))
        if self._matcher is None:
            return Given(values)
        found: dict[str, object] = {}
        for name, parse in self._parsers:
            value: object = values[name]
            if parse is not None:
                try:
                    value = parse(value, self._context)
                except ValueProblem as problem:
                    if problem.kept is None:
                        # Without a key it may not even be new; so all that is wrong with it is told.
                        raise Invalid(self._faults(values)) from None
                    value = problem.kept
            if value is None or value == "":
                return self._without_key(values, name)
            found[name] = value
        key = self._matcher.key(found)
        return Given(values, key) if key is not None else self._without_key(values, self._parsers[0][0])

    def _without_key(self, values: dict[str, object], name: str) -> Given:
        """A row that finds no record, since it says nothing where it is looked for."""
        if self._explicit:
            raise Invalid([Issue("import.no_key", name)])
        return Given(values)

    def _faults(self, values: Mapping[str, object], *, partial: bool = False) -> list[Issue]:
        """What is wrong with the values of a row, but for its references."""
        names = {field.key for field in self._references}
        checked = {key: value for key, value in values.items() if key not in names}
        _, issues = self._type.normalise(
            checked, context=self._context, partial=partial, kinds=self._engine.kinds
        )
        return [
            issue
            for issue in issues
            if issue.severity == "error"
            and not (issue.code == "value.required" and (partial or issue.field in names))
        ]

    # A batch

    def begin(self, values: Mapping[str, object], *, rows: int, reason: str | None) -> str:
        """Write down that an import begins, and give its identifier.

        Raises:
            ApprovalNeeded: ``approval.waits`` where the whole of it needs a second person.
        """
        if self._trial is not None:
            return ""
        options = {
            "by_id": self._by_id,
            "context": {name: str(value) for name, value in self._changed_context.items()},
            "fields": list(self._keys),
            "keep_empty": self._keep_empty,
            "match": list(self.match),
        }
        granted = approve_import(
            self._engine, self._acting, self._type, values, options, rows=rows, reason=reason
        )
        self._sanction = Sanction(granted, aside=False)
        # Whoever may import customers need not be allowed to write records of imports by hand.
        change = Change("create", IMPORT.key, values=values, inside=True)
        saved = sole(write(self._engine, self._acting, [change], reason=reason, op=self._op))
        self._import = id_bytes(saved.id)
        return saved.id

    def write(self, rows: Sequence[Given]) -> list[Outcome]:
        """Write rows in one transaction, each about another record, and say what became of them.

        Returns:
            An outcome for each of the first rows, one at the least; the others are to be given again.
        """
        if self._trial is not None:
            return self._try(rows, self._trial)
        asked: list[_Asked] = []

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            self._still_running(tx)
            versions: list[tuple[Version, int]] = []
            asked[:] = self._ask(tx, rows, versions)
            drafts = self._drafts(tx, "record.match", versions, {"import": id_text(self._import)})
            if drafts:
                self._engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
            return [one.change for one in asked if one.change is not None]

        done = iter(
            write(
                self._engine,
                self._acting,
                find,
                collect=True,
                members={"import": id_text(self._import)},
                op=self._op,
                context=self._changed_context,
                sanction=self._sanction,
            )
        )
        return [one.outcome or _outcome(one, next(done)) for one in asked]

    def _try(self, rows: Sequence[Given], trial: _Trial) -> list[Outcome]:
        """The same without the last step: nothing is sealed, stored or appended."""
        planner = Planner(self._engine, self._acting, context=self._changed_context, claims=self._claims)
        outcomes: list[Outcome] = []

        def body(tx: Transaction, moment: Moment) -> None:
            asked = self._ask(tx, rows, trial.versions)
            changes = [one.change for one in asked if one.change is not None]
            planned = iter(planner.plan(tx, moment.time_us, changes, collect=True))
            for one in asked:
                if one.change is None:
                    assert one.outcome is not None
                    outcomes.append(one.outcome)
                    continue
                outcome = self._trial_outcome(one, next(planned))
                taken = (issue.field for issue in outcome.issues if issue.code == "value.not_unique")
                trial.not_unique.update(str(field) for field in taken)
                outcomes.append(outcome)
            trial.rows += len(asked)
            # As many as an entry may name are written down at once, so that memory stays flat.
            full = len(trial.versions) // MAX_SUBJECTS * MAX_SUBJECTS
            if full:
                self._note_trial(tx, moment, trial, trial.versions[:full])
                del trial.versions[:full]

        self._engine.run(body, self._acting)
        return outcomes

    def _trial_outcome(self, asked: _Asked, planned: Pending | MunimentError) -> Outcome:
        if isinstance(planned, MunimentError):
            return _outcome(asked, planned)
        issues = (*planned.warnings, *asked.warnings)
        record = "" if planned.base is None else id_text(planned.record)
        if not planned.written:
            return Outcome("unchanged", issues, record)
        view, kinds = planned.view, self._engine.kinds
        old, _ = shown(self._type, kinds, planned.old, view.clear, view.masked)
        new, _ = shown(self._type, kinds, planned.new, view.clear, view.masked)
        changes = [
            FieldChange(key, old.get(key), new.get(key), key in view.masked)
            for key in self._type.by_key
            if key in planned.changed and key in view.readable
        ]
        return Outcome("created" if planned.base is None else "updated", issues, record, changes)

    def _still_running(self, tx: Transaction) -> None:
        newest = tx.version(SHARD, self._import)
        if newest is None or newest.version != 1:
            raise Conflict("import.stopped", where=id_text(self._import))

    # What rows mean

    def _ask(
        self, tx: Transaction, rows: Sequence[Given], versions: list[tuple[Version, int]]
    ) -> list[_Asked]:
        """What the first rows ask for; the records that were found are added to ``versions``.

        A row ends the set that builds on one before it: that names what an earlier
        one brings, or means the same record by another name. So it makes no
        difference how rows fall into sets.
        """
        targets: list[Version] = []
        names = self._namer.resolve(tx, rows, targets) if self._references else {}
        versions += [(version, 1) for version in targets]
        decided: list[_Asked] = []
        ready: list[tuple[int, Given]] = []
        brought: set[str] = set()
        for row in rows:
            if names:
                given = row
                row, refused = self._with_references(given, names)
                if refused is not None:
                    if refused.waits and brought and self._names_one(given, brought):
                        break
                    decided.append(_Asked(outcome=refused))
                    continue
            ready.append((len(decided), row))
            decided.append(_UNDECIDED)
            if self._bringing:
                brought.update(str(row.values[key]).strip() for key in self._bringing)
        return self._decide_all(decided, ready, self._find(tx, [row for _, row in ready]), versions)

    def _names_one(self, row: Given, brought: set[str]) -> bool:
        """Whether a row names, in a reference to its own type, what an earlier one brings."""
        return any(
            field.target == self._type.key and str(row.values[field.key]).strip() in brought
            for field in self._references
        )

    def _decide_all(
        self,
        decided: list[_Asked],
        ready: Sequence[tuple[int, Given]],
        found: Mapping[tuple[object, ...], Found],
        versions: list[tuple[Version, int]],
    ) -> list[_Asked]:
        keys: set[object] = set()
        for place, row in ready:
            one = NOTHING if row.key is None else found.get(row.key, NOTHING)
            # Two rows of one key are told apart before they come here, but for references by other names.
            if row.key is not None and self._by_reference:
                if row.key in keys:
                    return decided[:place]
                keys.add(row.key)
            decided[place] = self._decide(row, one)
            if one.versions:
                versions += [(version, 0) for version in one.versions]
        return decided

    def _find(self, tx: Transaction, rows: Sequence[Given]) -> Mapping[tuple[object, ...], Found]:
        keys = [row.key for row in rows if row.key is not None]
        if self._matcher is not None:
            return self._matcher.find(tx, keys)  # type: ignore[arg-type, return-value]  # made by its own key()
        found: dict[tuple[object, ...], Found] = {}
        for key in keys:
            (record,) = key
            assert isinstance(record, bytes)
            row = tx.current(SHARD, record)
            version = tx.version(SHARD, record)
            there = row is not None and row.type == self._type.number and not row.deleted
            if there and version is not None and self._reaches(tx, version):
                found[key] = Found((version,))
        return found

    def _reaches(self, tx: Transaction, version: Version) -> bool:
        reached = reached_by(self._engine, tx, self._acting, self._type, version)
        may = self._engine.policy.may
        return reached is None or may(self._acting.actor, "record.read", self._type.key, reached=reached)

    def _decide(self, row: Given, found: Found) -> _Asked:
        values = row.values
        if len(found.versions) > 1:
            parameters = {"count": len(found.versions)}
            field = None if self._matcher is None else self._matcher.fields[0].key
            return _Asked(
                outcome=Outcome("rejected", [Issue("import.ambiguous", field, "error", parameters)])
            )
        if found.versions:
            record = found.versions[0].record
            return _Asked(Change("update", "", record, values, keep_empty=self._keep_empty))
        if self._by_id and row.key is not None:
            return _Asked(outcome=Outcome("rejected", [Issue("import.no_record")]))
        warnings: tuple[Issue, ...] = ()
        if found.deleted and self._matcher is not None:
            warnings = (Issue("import.was_deleted", self._matcher.fields[0].key, "warning"),)
        return _Asked(Change("create", self._type.key, values=values), warnings=warnings)

    def _with_references(self, row: Given, names: Names) -> tuple[Given, Outcome | None]:
        """The row with identifiers in place of names, or its refusal."""
        values, lost = self._namer.replaced(row.values, names)
        if not lost:
            return self._with_key(row, values), None
        issues = [
            Issue("value.no_such_record", field.key, parameters={"target": field.target}) for field in lost
        ]
        # Whatever else is wrong with it: whether the file brings the record that it names is known later.
        waits = any(field.target == self._type.key for field in lost)
        # A record that is found may have what the row leaves out.
        others = self._faults(values, partial=row.key is not None)
        return row, Outcome("rejected", [*others, *issues], waits=waits)

    def _with_key(self, row: Given, values: dict[str, object]) -> Given:
        """The row with its values, and a key out of the references that it names, if it has such."""
        if row.key is None or self._matcher is None:
            return Given(values, row.key)
        if any(field.kind == "reference" for field in self._matcher.fields):
            cleaned, _ = self._type.normalise(
                {field.key: values[field.key] for field in self._matcher.fields},
                context=self._context,
                partial=True,
                kinds=self._engine.kinds,
            )
            return Given(values, self._matcher.key(cleaned))
        return Given(values, row.key)

    # Entries

    def _drafts(
        self,
        tx: Transaction,
        kind: str,
        versions: Sequence[tuple[Version, int]],
        target: dict[str, object],
        **members: object,
    ) -> list[Draft]:
        """The entries that name what was looked at, at most a hundred records in each.

        The first field set names what was compared in records of the type, the
        second nothing: of a record that is referred to only its existence is told.
        """
        engine = self._engine
        if not versions and not self.match and not self._references:
            return []
        keys = [key for key in self._keys if key in self._view.readable]
        sets = [plan_of(engine, self._acting, self._type, keys).sets[0]]
        if any(place for _, place in versions):
            sets.append({})
        named: dict[str, object] = {**target, "match": list(self.match)} if self.match else dict(target)
        once = list(dict.fromkeys((version.record, version.version, place) for version, place in versions))
        subjects = {version.record: version.subject for version, _ in versions}
        drafts = []
        for at in range(0, max(len(once), 1), MAX_SUBJECTS):
            some = once[at : at + MAX_SUBJECTS]
            about = {subjects[record] for record, _, _ in some} - {engine.archive}
            detail = engine.detail(
                self._acting,
                self._op,
                type=self._type.key,
                count=len(some),
                sets=sets,
                target=named,
                **members,
            )
            lines = [record_line(record, version, version - 1, place) for record, version, place in some]
            drafts.append(Draft(kind, detail, lines, [engine.subject_key(tx, one) for one in about]))
        return drafts

    def handed_out(self, recipient: str, count: int) -> None:
        """Write down that the refused rows are handed out; a trial run says so in its own entry."""
        if self._trial is not None:
            self._trial.recipient = recipient[:400]
            return
        self._engine.note(
            self._acting,
            "import.rejects",
            type=self._type.key,
            recipient=recipient[:400],
            target={"import": id_text(self._import), "rows": count},
        )

    def _note_trial(
        self, tx: Transaction, moment: Moment, trial: _Trial, versions: Sequence[tuple[Version, int]]
    ) -> None:
        target: dict[str, object] = {"rows": trial.rows}
        if trial.not_unique:
            target["not_unique"] = sorted(trial.not_unique)
        drafts = self._drafts(tx, "import.preview", versions, target, recipient=trial.recipient)
        if not drafts:
            detail = self._engine.detail(
                self._acting, self._op, type=self._type.key, count=0, target=target, recipient=trial.recipient
            )
            drafts = [Draft("import.preview", detail)]
        self._engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
        trial.noted = True

    def finish(self, values: Mapping[str, object]) -> None:
        """Write down that the import is done, or what a trial run has looked at."""
        trial = self._trial
        if trial is None:
            change = Change("update", record=self._import, values=values, expected_version=1, inside=True)
            write(self._engine, self._acting, [change], op=self._op)
            return
        if trial.versions or trial.recipient or not trial.noted:
            self._engine.run(
                lambda tx, moment: self._note_trial(tx, moment, trial, trial.versions), self._acting
            )
            trial.versions.clear()


@attrs.define
class _Trial:
    """What a trial run has looked at and not written down yet."""

    versions: list[tuple[Version, int]] = attrs.field(factory=list)
    not_unique: set[str] = attrs.field(factory=set)
    rows: int = 0
    recipient: str | None = None
    noted: bool = False


def _outcome(asked: _Asked, done: Saved | Pending | MunimentError) -> Outcome:
    if isinstance(done, Invalid):
        return Outcome("rejected", done.issues)
    if isinstance(done, (AccessDenied, ApprovalNeeded, NotFound, Conflict, UsageError)):
        return Outcome("rejected", [Issue(done.code, parameters=done.parameters)])
    if isinstance(done, MunimentError):
        raise done
    assert isinstance(done, Saved)
    assert asked.change is not None
    issues = (*done.warnings, *asked.warnings)
    if not done.written:
        return Outcome("unchanged", issues, done.id)
    return Outcome("created" if asked.change.operation == "create" else "updated", issues, done.id)


def _identifier(text: str) -> tuple[object, ...] | None:
    text = text.strip()
    if not text:
        return None
    if not is_identifier(text):
        raise Invalid([Issue("import.no_record")])
    return (id_bytes(text),)
