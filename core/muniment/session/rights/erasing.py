"""Erasure: the one way by which anything that a record held goes for ever.

Whoever wants something gone (a person, retention, a restore) comes through
``erase``. Its steps are those of ``formats/durable-steps.md``: begun for all of
it in one transaction that looks at every hold; the secrets destroyed; parts,
tokens, current state and files removed; the archive key rotated; and only then
written down as done, with the certificate. What a crash cuts short the next
opening finishes, since the states say what was begun.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment import audit
from muniment.codec import canonical, parse_canonical
from muniment.errors import Conflict, KeyStoreError, MunimentError, NotFound, UsageError
from muniment.files import sync_folder
from muniment.keys import ArchiveLock
from muniment.log.entry import parse_entry
from muniment.model import Value, id_bytes, id_text
from muniment.plugins import ErasedNotice
from muniment.policy import SYSTEM
from muniment.schema.builtin import ERASURE
from muniment.session.attachments import file_place
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.current import drop_clear
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.erased import is_gone
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.rights.asking import notice_of, refused_by_plugins, tell_erased
from muniment.session.rights.certificates import Done, certificate_of
from muniment.session.rights.holds import Held, Hold, denied, held_now, linked, refuse
from muniment.session.rights.keeping import Kept, storage_only
from muniment.session.rights.scope import Scope, Target, binding_of, scope_of
from muniment.session.writing.writes import Change, renew, write
from muniment.store import State, Transaction

__all__ = ["MOST_TARGETS", "Erased", "Refusal", "erase", "held_by", "recover"]

MOST_TARGETS: Final = 2_000
"""So many targets at most go in one act, whose certificate names each."""

Check = Callable[[Transaction, Moment, Scope], MunimentError | None]
"""Looks once more, in the transaction that begins it, whether a target may go."""


@attrs.frozen
class Refusal:
    """A target that stays.

    Attributes:
        target: what was to go.
        error: why it does not.
    """

    target: Target
    error: MunimentError


@attrs.frozen
class Erased:
    """What an erasure did.

    Attributes:
        id: UUID text of its record, which holds the certificate; empty where nothing was erased.
        targets: how many went.
        certificate: what was certified.
        refused: what stays, and why.
    """

    id: str
    targets: int
    certificate: Mapping[str, Any] = attrs.field(factory=dict)
    refused: tuple[Refusal, ...] = ()


class _Stopped(Exception):
    """Carries a refusal out of the transaction that it rolls back."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


def erase(
    engine: Engine,
    acting: Acting,
    targets: Sequence[Target],
    *,
    cause: str,
    reason: str | None = None,
    check: Check | None = None,
    skip_refused: bool = False,
    notwithstanding: bool = False,
    members: Mapping[str, object] | None = None,
    approval: Mapping[str, object] | None = None,
    kept: Sequence[Kept] = (),
    whole: bool = True,
) -> Erased:
    """Erase these targets, all in one act.

    The caller has asked the policy. Nothing is begun where a root slot could not
    be wrapped anew.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        targets: what goes, at most ``MOST_TARGETS``.
        cause: ``request``, ``retention`` or ``restore``.
        reason: why; sealed.
        check: asked once more about each target, in the transaction that begins it.
        skip_refused: leave out what is held or refused, instead of refusing it all.
        notwithstanding: erase again what was erased before the data was restored, whatever holds it.
        members: what else the order's entry names.
        approval: what it was approved under, as details name it.
        kept: what a duty keeps; it is restricted to storage, and stands in the certificate.
        whole: whether what is kept is restricted with all of the person's, or record by record.

    Raises:
        AccessDenied: ``hold.held``, or the code of a plugin that refuses; logged as ``erasure.refuse``, or
            ``retention.refuse``.
        NotFound: ``record.not_found``; logged.
        Conflict: ``erasure.begun`` where it is erased already.
        KeyStoreError: ``key.locked`` where another process erases, rotates, backs up or restores;
            ``key.slot_absent`` where the archive key could not be rotated.
    """
    if not targets:
        return Erased("", 0)
    if len(targets) > MOST_TARGETS:
        raise UsageError("erasure.too_many", count=MOST_TARGETS)
    with ArchiveLock(engine.folder, act="erase"):
        recover(engine)
        engine.keys.require_rotatable()
        begun = _Begin(
            engine, acting, targets, cause, check, skip_refused, notwithstanding, approval, kept, whole
        )
        try:
            begun.write(reason, members or {})
        except _Stopped as stopped:
            _log_refused(engine, acting, cause, stopped.refusal)
            raise stopped.refusal.error from None
        for refusal in begun.refused:
            _log_refused(engine, acting, cause, refusal)
        if not begun.scopes:
            return Erased("", 0, {}, tuple(begun.refused))
        engine.step("begun")
        certificate, told = _finish(engine, acting)
    tell_erased(engine, acting, told)
    # What is left of a person whose talks or follow-ups went says nothing of them any more.
    renew(engine, acting, {scope.subject for scope in begun.scopes})
    return Erased(id_text(begun.id), len(begun.scopes), certificate, tuple(begun.refused))


def recover(engine: Engine) -> bool:
    """Finish an erasure that a crash cut short; whoever has the archive's lock is doing so already.

    Returns:
        Whether there was one.
    """
    if not engine.store.unfinished(SHARD):
        return False
    try:
        lock = ArchiveLock(engine.folder, act="erase")
        with lock:
            if not engine.store.unfinished(SHARD):
                return False
            acting = Acting(SYSTEM, "LegalCompliance", "recover")
            engine.note(acting, "archive.recover", target={"act": "erasure"})
            _, told = _finish(engine, acting)
    except KeyStoreError as error:
        if error.code not in ("key.locked", "key.read_only"):
            raise
        return False
    tell_erased(engine, acting, told)
    return True


def _log_refused(engine: Engine, acting: Acting, cause: str, refusal: Refusal) -> None:
    kind = "retention.refuse" if cause == "retention" else "erasure.refuse"
    target = refusal.target
    names = engine.definitions.registry.category_names
    refuse(
        engine,
        acting,
        kind,
        refusal.error,
        record=id_text(target.id),
        category=names.get(target.category),
        rule=target.rule,
    )


class _Begin:
    """The transaction that begins an erasure: holds checked, states set, entries appended."""

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        targets: Sequence[Target],
        cause: str,
        check: Check | None,
        skip_refused: bool,
        notwithstanding: bool,
        approval: Mapping[str, object] | None,
        kept: Sequence[Kept],
        whole: bool,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._targets = targets
        self._kept = kept
        self._whole = whole
        self._cause = cause
        self._check = check
        self._skip = skip_refused
        self._notwithstanding = notwithstanding
        self._approval = approval
        self._held = Held()
        self.id = engine.new_id()
        self.scopes: list[Scope] = []
        self.refused: list[Refusal] = []

    def write(self, reason: str | None, members: Mapping[str, object]) -> None:
        """Do it.

        Raises:
            _Stopped: the first refusal, unless those are skipped.
        """
        write(
            self._engine,
            self._acting,
            self._changes,
            reason=reason,
            new_ids=[self.id],
            members={"erasure": id_text(self.id), "cause": self._cause, **members},
            op=self.id,
        )

    def _changes(self, tx: Transaction, moment: Moment) -> list[Change]:
        self.scopes, self.refused = [], []
        self._held = held_now(self._engine, tx)
        for target in self._targets:
            try:
                scope = scope_of(self._engine, tx, target)
            except NotFound as error:
                self._refuse(Refusal(target, error))
                continue
            error_ = self._stopped(tx, moment, scope)
            if error_ is not None:
                self._refuse(Refusal(target, error_))
            else:
                self.scopes.append(scope)
        if not self._notwithstanding:
            self._ask_plugins(moment)
        if not self.scopes:
            return []
        self._append(tx, moment)
        values: dict[str, object] = {
            "cause": self._cause,
            "state": "begun",
            "targets": len(self.scopes),
            "kept": canonical([one.document() for one in self._kept]).decode("utf-8") if self._kept else None,
        }
        erasure = id_text(self.id)
        return [
            Change("create", ERASURE.key, values=values, inside=True),
            *storage_only(self._engine, tx, self._acting, self._kept, erasure, whole=self._whole),
        ]

    def _ask_plugins(self, moment: Moment) -> None:
        """Let plugins refuse; what one refuses stays with all else of that subject."""
        refused = refused_by_plugins(self._engine, self._acting, self._cause, self.scopes, moment.time_us)
        for subject, error in refused.items():
            for scope in self.scopes:
                if scope.subject == subject:
                    self._refuse(Refusal(scope.target, error))
        self.scopes = [one for one in self.scopes if one.subject not in refused]

    def _refuse(self, refusal: Refusal) -> None:
        if not self._skip:
            raise _Stopped(refusal)
        self.refused.append(refusal)

    def _stopped(self, tx: Transaction, moment: Moment, scope: Scope) -> MunimentError | None:
        """Why a target may not go, if it may not: the one place where every disposal is stopped."""
        engine, target = self._engine, scope.target
        for state in tx.state_of(SHARD, {target.id, scope.subject}):
            if state.category in (0, target.category) or (not target.category and state.state == "erasing"):
                return Conflict("erasure.begun", where=id_text(target.id))
        if not self._notwithstanding:
            hold = held_by(engine, tx, self._held, scope)
            if hold is not None:
                return denied(hold, id_text(target.id))
        return None if self._check is None else self._check(tx, moment, scope)

    def _append(self, tx: Transaction, moment: Moment) -> None:
        engine, acting = self._engine, self._acting
        engine.any_states = True
        first = moment.size
        states, drafts = [], []
        known = tx.steps_of(SHARD, {scope.target.id for scope in self.scopes})
        steps: dict[tuple[bytes, int], int] = {}
        for state in known:
            steps[state.id, state.category] = state.n
        for place, scope in enumerate(self.scopes):
            target = scope.target
            name = (target.id, target.category)
            n = steps.get(name, 0) + 1
            states.append(State(SHARD, *name, n, "erasing", moment.gen, first + place))
            drafts.append(
                Draft(
                    "erasure.begin",
                    engine.detail(
                        acting, self.id, target=_named(engine, scope, self.id), approval=self._approval
                    ),
                    subject_keys=engine.subject_keys(tx, [scope.subject]),
                    binding=binding_of(scope.parts),
                )
            )
        tx.add_states(states)
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)


def held_by(engine: Engine, tx: Transaction, held: Held, scope: Scope) -> Hold | None:
    """The hold that forbids to erase a scope, if any does."""
    if not held:
        return None
    types, names = engine.definitions.by_number, engine.definitions.registry.category_names
    subjects = linked(engine, tx, scope.subject)
    for record in scope.records:
        key = types[record.type].key if record.type in types else ""
        categories = [names.get(one, "") for one in scope.categories[record.record]]
        for category in categories or [""]:
            hold = held.stop(subjects=subjects, record=record.record, type=key, category=category)
            if hold is not None:
                return hold
    return None


def _named(engine: Engine, scope: Scope, erasure: bytes) -> dict[str, object]:
    """What an entry of erasure names: identifiers, names and counts."""
    target = scope.target
    record_type = engine.definitions.by_number.get(scope.type)
    found: dict[str, object] = {
        "erasure": id_text(erasure),
        "scope": scope.kind,
        "record": id_text(target.id),
        "parts": len(scope.parts),
        "files": len(scope.files),
        "count": len(scope.records),
    }
    if record_type is not None:
        found["type"] = record_type.key
    if target.category:
        names = engine.definitions.registry.category_names
        found["category"] = names.get(target.category, str(target.category))
        found["group"] = target.category
    if target.rule:
        found["rule"] = target.rule
    if scope.kind != "subject" and scope.subject != engine.archive:
        found["subject"] = id_text(scope.subject)
    if target.merged:
        found["merged_with"] = id_text(target.merged)
    return found


# From begun to done


@attrs.frozen
class _Unfinished:
    """One target between its two entries.

    Attributes:
        state: that it is being erased.
        binding: of the entry that began it.
        named: what that entry names.
        scope: what is left of it.
        detail: of that entry.
        time_us: of that entry.
    """

    state: State
    binding: bytes | None
    named: Mapping[str, Any]
    scope: Scope
    detail: Mapping[str, Any]
    time_us: int


def _finish(engine: Engine, acting: Acting) -> tuple[Mapping[str, Any], ErasedNotice]:
    """Take what was begun to its end; every step may be done twice. Gives what plugins are told, too."""
    with engine.store.transaction(write=False) as tx:
        states = tx.unfinished(SHARD)
        gen, first, last = states[0].gen, states[0].seq, states[-1].seq
        begun = {one.index: one for one in audit.entries_of(tx, SHARD, gen, start=first, stop=last + 1)}
        going = [_unfinished(engine, tx, state, begun[state.seq]) for state in states]
    engine.refresh()
    slots = sorted({slot for one in going for slot in one.scope.slots})
    alive = sorted(set(slots) - set(engine.keys.destroyed(slots)))
    epoch = engine.keys.epoch
    if alive:
        engine.step("destroy")
        engine.keys.destroy(alive)
        engine.step("destroyed")
    engine.forget_keys()
    engine.run(lambda tx, moment: _dispose(engine, tx, moment, going))
    engine.step("disposed")
    _remove_files(engine, [file for one in going for file in one.scope.files])
    engine.step("files")
    engine.store.truncate()
    rotated = None
    if engine.keys.rotation_due:
        engine.step("rotate")
        rotated = engine.keys.rotate()
        engine.step("rotated")
    status = engine.keys.status()
    record = id_bytes(str(going[0].named["erasure"]))
    done = Done(
        id_text(record),
        [(one.named, one.state.seq) for one in going],
        going[0].detail,
        going[0].time_us,
        len(slots),
        epoch,
        status,
        None if rotated is None else rotated.backup,
    )
    certificate: dict[str, Any] = {}
    begun_as: dict[str, Value] = {}
    members: dict[str, object] = {"erasure": id_text(record)}

    def changes(tx: Transaction, moment: Moment) -> list[Change]:
        first = moment.size
        _mark_done(engine, acting, tx, moment, going, record)
        certificate.clear()
        certificate.update(certificate_of(engine, tx, moment, done, first))
        base = tx.version(SHARD, record)
        assert base is not None
        begun_as.update(open_version(tx, engine.sealer, base, ERASURE))
        if begun_as.get("kept") is not None:
            certificate["kept"] = parse_canonical(str(begun_as["kept"]).encode("utf-8"))
        text = canonical(certificate)
        members["certificate"] = sha256(text).hexdigest()
        return [
            Change(
                "update",
                record=record,
                values={"state": "done", "certificate": text.decode("utf-8")},
                expected_version=base.version,
                inside=True,
            )
        ]

    engine.step("done")
    write(engine, acting, changes, members=members, op=record)
    engine.store.truncate()
    engine.step("certified")
    return certificate, notice_of(certificate, str(begun_as["cause"]))


def _unfinished(engine: Engine, tx: Transaction, state: State, found: audit.Found) -> _Unfinished:
    detail = found.detail or {}
    named = detail["target"]
    target = Target(state.id, state.category, str(named.get("rule", "")))
    scope = scope_of(engine, tx, target)
    entry = parse_entry(found.data)
    return _Unfinished(state, entry.binding, named, scope, detail, entry.time_us)


def _dispose(engine: Engine, tx: Transaction, moment: Moment, going: Sequence[_Unfinished]) -> None:
    """Remove all rows that the targets have, under the entries that began it."""
    gaps = [gap for one in going for gap in one.scope.gaps(one.state.gen, one.state.seq)]
    if gaps:
        tx.dispose_parts(gaps)
    fields: dict[bytes, set[int] | None] = {}
    entries: set[tuple[int, int]] = set()
    for one in going:
        for record, numbers in one.scope.fields.items():
            before = fields.get(record, set())
            fields[record] = None if numbers is None or before is None else before | numbers
        entries |= one.scope.entries
    tx.drop_tokens_of(SHARD, fields)
    gone = set()
    for record, left in fields.items():
        newest = tx.version(SHARD, record)
        current = tx.current(SHARD, record)
        if newest is None or current is None:
            continue
        if left is None or is_gone(engine, tx, newest):
            gone.add(record)
        else:
            clear = drop_clear(current.clear, left)
            if clear != current.clear:
                tx.set_current([current._replace(clear=clear)])
    tx.drop_current(SHARD, gone)
    tx.forget_answers(SHARD, entries)


def _remove_files(engine: Engine, files: Sequence[bytes]) -> None:
    folders = set()
    for file in files:
        place = file_place(engine.folder, id_text(file))
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
            folders.add(place.parent)
        with contextlib.suppress(FileNotFoundError):
            (engine.folder / "files" / "new" / id_text(file)).unlink()
    for folder in folders:
        sync_folder(folder)


def _mark_done(
    engine: Engine,
    acting: Acting,
    tx: Transaction,
    moment: Moment,
    going: Sequence[_Unfinished],
    record: bytes,
) -> None:
    first = moment.size
    states, drafts = [], []
    for place, one in enumerate(going):
        state = one.state
        states.append(
            State(SHARD, state.id, state.category, state.n + 1, "erased", moment.gen, first + place)
        )
        target = {**one.named, "begin": state.seq}
        keys = () if not state.category and state.id == one.scope.subject else (one.scope.subject,)
        drafts.append(
            Draft(
                "erasure.done",
                engine.detail(acting, record, target=target, approval=one.detail.get("approval")),
                subject_keys=engine.subject_keys(tx, keys),
                binding=one.binding,
            )
        )
    tx.add_states(states)
    engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
