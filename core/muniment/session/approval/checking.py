"""The second person: sees what waits exactly as it would be written, and approves that, or does not.

An approval names the digest of what was shown. It is given, counted and carried
out in one transaction, through the one write path, under the rights, checks and
rules of that moment: those of the maker and those of everybody who approved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.changes import (
    Check,
    Document,
    Given,
    Maker,
    Need,
    Wanted,
    is_met,
    pack_checks,
    pack_document,
)
from muniment.errors import AccessDenied, Conflict, MunimentError, NotFound, UsageError
from muniment.model import id_text
from muniment.session.approval.acts import act_needs, require_act_readable
from muniment.session.approval.proposals import (
    Held,
    change_of,
    find_proposal,
    is_stale,
    load_proposal,
    stepped,
    type_of,
    waiting,
)
from muniment.session.approval.showing import (
    Proposal,
    ProposedChange,
    Summary,
    show_proposal,
    summaries,
    visible,
)
from muniment.session.ground import Footing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.reading.pieces import Piece
from muniment.session.reading.reads import may_read
from muniment.session.writing.approving import (
    Granted,
    Sanction,
    expires_at,
    maker_of,
    needs_of,
    wanted_of,
)
from muniment.session.writing.changes import Change, Pending
from muniment.session.writing.planning import Planner
from muniment.session.writing.writes import Saved, write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.kernel.logbook import Moment

__all__ = ["Changes", "Decided", "Proposal", "ProposedChange", "Summary"]

_SHORTEST_DIGEST: Final = 16


@attrs.frozen
class Decided:
    """What became of a proposal.

    Attributes:
        id: UUID text.
        number: as it is named on the command line.
        state: where it stands now.
        missing: what is still asked for, where it stays open.
        saved: what was written, where it was.
    """

    id: str
    number: int
    state: str
    missing: Sequence[Need] = ()
    saved: Sequence[Saved] = ()


class Changes(Footing):
    """What waits for a second person; ``session.changes``.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    def list(
        self, *, state: str = "open", limit: int = 100, after: str | None = None, newest: bool = False
    ) -> Piece[Summary]:
        """What waits, or waited, oldest first: all that this actor may check, and their own.

        Args:
            state: as in the record type ``proposal``: ``open``, ``ready``, ``done``, ``rejected``,
                ``withdrawn``, ``expired``.
            limit: so many at the most.
            after: what the piece before gave.
            newest: the last ones first.

        Raises:
            UsageError: ``approval.no_state``, ``usage.cursor``.
        """
        return summaries(self._engine, self._acting, state, limit, after, newest=newest)

    def show(self, id: str) -> Proposal:
        """One proposal exactly as it would be written, as far as this actor may see it; logged before.

        Args:
            id: its number, or UUID text.

        Raises:
            NotFound: ``approval.not_found``: there is none for this actor; logged.
        """
        return show_proposal(self._engine, self._acting, id)

    def approve(self, id: str, *, digest: str, reason: str | None = None) -> Decided:
        """Approve exactly what was shown; with the last approval that is needed it is written at once.

        Args:
            id: its number, or UUID text.
            digest: of what was shown: hex, at least its first 16 digits.
            reason: a person's own words; sealed.

        Returns:
            ``done`` with what was written, ``open`` with what is still asked for, or ``ready`` for an
            act that may now be done once.

        Raises:
            AccessDenied: the actor made it, or may not see in clear and write what it is about; or its
                maker may no longer do it; logged.
            Conflict: ``approval.stale`` where a record moved, ``approval.digest`` where it is not what
                was shown, ``approval.closed``, ``approval.expired`` or ``approval.twice``.
            Invalid: what was sound when it was put up is not any more.
        """
        return _Approving(self._engine, self._acting).approve(id, digest, reason)

    def reject(self, id: str, *, reason: str) -> Decided:
        """Close a proposal for good, with a reason.

        Raises:
            AccessDenied: the actor made it, or may not check such changes; logged.
            Conflict: ``approval.closed`` or ``approval.expired``.
        """
        if not reason.strip():
            raise UsageError("usage.no_reason")
        return self._close(id, "rejected", reason)

    def withdraw(self, id: str, *, reason: str | None = None) -> Decided:
        """Take back what one proposed oneself.

        Raises:
            AccessDenied: ``approval.not_yours``; logged.
        """
        return self._close(id, "withdrawn", reason)

    def _close(self, id: str, state: str, reason: str | None) -> Decided:
        engine, acting = self._engine, self._acting
        found: list[Held] = []

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            held = found_open(engine, acting, tx, moment, id)
            found.append(held)
            if state == "withdrawn":
                if not held.is_maker(acting):
                    raise AccessDenied("approval.not_yours")
            else:
                require_checker(engine, acting, held)
            verb = _VERBS[state][held.common.act is not None]
            return stepped(held, {"state": state}, verb, reason=reason)

        action = f"change.{'withdraw' if state == 'withdrawn' else 'reject'}"
        write(engine, acting, find, action=action)
        return Decided(id_text(found[0].id), found[0].number, state)

    def renew(self, id: str, *, reason: str | None = None) -> Decided:
        """Put one's proposal up again over the records as they stand now; approvals given lapse.

        Raises:
            AccessDenied: ``approval.not_yours``; logged.
            Conflict: ``approval.nothing_left`` where the records already say what it wanted.
        """
        return _Renewing(self._engine, self._acting).renew(id, reason)

    def edit(
        self, id: str, values: Mapping[str, object], *, record: str | None = None, reason: str | None = None
    ) -> Decided:
        """Change what a proposal wants; whoever does becomes one of its makers, and approvals given lapse.

        Args:
            id: its number, or UUID text.
            values: by field key, beside or in place of those that it has.
            record: UUID text of the record, where the proposal is about several.
            reason: a person's own words, in place of those before; sealed.

        Raises:
            Invalid: values were refused.
            AccessDenied: the actor may not write that; logged.
        """
        return _Renewing(self._engine, self._acting).renew(id, reason, values, record)

    def expire_due(self, now_us: int | None = None) -> int:
        """Write down what has expired, and give how many proposals that were; for ``tick``.

        Args:
            now_us: what counts as now, microseconds since 1970; by default the archive's clock.
        """
        engine = self._engine
        now = engine.clock() if now_us is None else now_us
        count = 0
        for state in ("open", "ready"):
            with engine.store.transaction(write=False) as tx:
                rows = [row.record for row in waiting(tx, state)]
            for record in rows:
                count += self._expire(record, now)
        return count

    def _expire(self, record: bytes, now_us: int) -> int:
        done: list[Held] = []

        def find(tx: Transaction, moment: Moment) -> Sequence[Change]:
            try:
                held = load_proposal(self._engine, tx, record)
            except NotFound:
                return ()
            if held.id != record or held.state not in ("open", "ready") or held.expires_us > now_us:
                return ()
            done.append(held)
            verb = "change.expire" if held.common.act is None else "approval.expire"
            return stepped(held, {"state": "expired"}, verb)

        write(self._engine, self._acting, find)
        return len(done)


_VERBS: Final = {
    "rejected": ("change.reject", "approval.refuse"),
    "withdrawn": ("change.withdraw", "approval.withdraw"),
}


def found_open(engine: Engine, acting: Acting, tx: Transaction, moment: Moment, id: str) -> Held:
    """A proposal that is still open.

    Raises:
        NotFound: ``approval.not_found``.
        Conflict: ``approval.closed`` or ``approval.expired``.
    """
    held = load_proposal(engine, tx, find_proposal(tx, id))
    if not visible(engine, tx, acting, held):
        raise NotFound("approval.not_found")
    state = held.state_at(moment.time_us)
    if state == "expired":
        raise Conflict("approval.expired", number=held.number)
    if state not in ("open", "ready") or (state == "ready" and held.common.act is None):
        raise Conflict("approval.closed", number=held.number, state=state)
    return held


def require_checker(engine: Engine, acting: Acting, held: Held) -> None:
    """Refuse whoever made it, and whoever may not check such changes.

    Raises:
        AccessDenied: ``approval.own`` or ``access.action``.
    """
    if held.is_maker(acting):
        raise AccessDenied("approval.own")
    engine.policy.require_known(acting.actor)
    keys = {type_of(engine, wanted).key for wanted, _ in held.changes}
    if held.common.act is not None:
        keys = {held.common.act.type} - {""}
    for key in sorted(keys):
        engine.policy.require(acting.actor, "change.approve", key)
    if not keys:
        engine.policy.require(acting.actor, "change.approve")


class _Approving(Footing):
    """One approval in its transaction."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        super().__init__(engine, acting)
        self._sanction = Sanction()
        self._ids: list[bytes] = []
        self._held: Held | None = None
        self._missing: tuple[Need, ...] = ()
        self._state = "open"

    def approve(self, id: str, digest: str, reason: str | None) -> Decided:
        if len(digest) < _SHORTEST_DIGEST:
            raise UsageError("approval.short_digest", least=_SHORTEST_DIGEST)
        done = write(
            self._engine,
            self._acting,
            lambda tx, moment: self._found(tx, moment, id, digest, reason),
            sanction=self._sanction,
            new_ids=self._ids,
            action="change.approve",
        )
        assert self._held is not None
        written = self._sanction.granted is not None
        saved = [one for one in done if isinstance(one, Saved) and one.type != "proposal"] if written else []
        return Decided(id_text(self._held.id), self._held.number, self._state, self._missing, saved)

    def _found(
        self, tx: Transaction, moment: Moment, id: str, digest: str, reason: str | None
    ) -> Sequence[Change]:
        engine, acting = self._engine, self._acting
        held = self._held = found_open(engine, acting, tx, moment, id)
        require_checker(engine, acting, held)
        if held.state == "ready":
            raise Conflict("approval.closed", number=held.number, state=held.state)
        given = digest.strip().lower()
        if not compare_digest(held.digest.hex()[: len(given)].encode(), given.encode("utf-8", "replace")):
            raise Conflict("approval.digest", number=held.number)
        mine = Check(acting.actor.id, acting.actor.on_behalf_of or "", acting.actor.roles)
        if any(not mine.people.isdisjoint(one.check.people) for one in held.checks):
            raise Conflict("approval.twice", number=held.number)
        checks = self._still_good(tx, moment, held)
        kept = Given(mine, held.digest, moment.time_us, acting.purpose, reason or "")
        if held.common.act is not None:
            require_act_readable(engine, acting, held.common.act)
            needs = (*held.common.needs, *act_needs(engine, held))
        else:
            needs = (*held.common.needs, *self._judge(tx, moment, held))
        needs = tuple(dict.fromkeys(needs))
        if needs and all(need.roles and set(need.roles).isdisjoint(mine.roles) for need in needs):
            raise AccessDenied("approval.role", names=", ".join(sorted({r for n in needs for r in n.roles})))
        granted = Granted(held.id, held.common.makers, (*(one.check for one in checks), mine))
        values: dict[str, object] = {"checks": pack_checks((*checks, kept))}
        verb = "change.approve" if held.common.act is None else "approval.give"
        if not granted.checks or not is_met(needs or (Need("", 1),), granted.checks):
            self._missing = tuple(need for need in needs if not is_met((need,), granted.checks))
            return stepped(held, values, verb, reason=reason)
        if held.common.act is not None:
            self._state = "ready"
            return stepped(held, {**values, "state": "ready"}, verb, reason=reason)
        self._state = "done"
        self._sanction.granted = granted
        changes = _all_changes(engine, held, reason=held.common.reason)
        self._ids += [wanted.record for wanted, _ in held.changes if wanted.operation == "create"]
        return [*changes, *stepped(held, {**values, "state": "done"}, verb, reason=reason)]

    def _judge(self, tx: Transaction, moment: Moment, held: Held) -> tuple[Need, ...]:
        """Refuse what is no longer what was shown, or not for these people; and say what it needs now."""
        engine = self._engine
        for wanted, _ in held.changes:
            if is_stale(engine, tx, wanted):
                raise Conflict("approval.stale", where=id_text(wanted.record), number=held.number)
        planned = plan_as(engine, self._acting, tx, moment, held)
        require_readable(engine, self._acting, planned)
        _require_same(held, planned)
        roles = []
        for maker in held.common.makers:
            theirs = _as_person(engine, maker.actor, maker.on_behalf_of, held.common.purpose)
            try:
                engine.policy.require_known(theirs.actor)
                plan_as(engine, theirs, tx, moment, held)
            except (AccessDenied, NotFound):
                raise AccessDenied("approval.maker") from None
            roles.append(theirs.actor.roles)
        return tuple(
            need for one in planned for need in needs_of(engine, self._acting, one, moment.time_us, roles)
        )

    def _still_good(self, tx: Transaction, moment: Moment, held: Held) -> tuple[Given, ...]:
        """The approvals given before by people who could give them now too."""
        good = []
        for one in held.checks:
            theirs = _as_person(self._engine, one.check.actor, one.check.on_behalf_of, one.purpose)
            try:
                if not compare_digest(one.digest, held.digest):
                    continue
                require_checker(self._engine, theirs, held)
                if held.common.act is None:
                    require_readable(self._engine, theirs, plan_as(self._engine, theirs, tx, moment, held))
            except MunimentError:
                continue
            good.append(attrs.evolve(one, check=attrs.evolve(one.check, roles=theirs.actor.roles)))
        return tuple(good)


def _as_person(engine: Engine, login: str, on_behalf_of: str, purpose: str) -> Acting:
    return Acting(engine.actor(login, on_behalf_of=on_behalf_of or None), purpose, "approval")


def _all_changes(
    engine: Engine, held: Held, *, renewed: bool = False, reason: str | None = None
) -> list[Change]:
    made = []
    for place, (wanted, subject) in enumerate(held.changes):
        said = reason if not place else None
        made.append(change_of(engine, wanted, subject, renewed=renewed, reason=said or None))
    return made


def plan_as(
    engine: Engine, acting: Acting, tx: Transaction, moment: Moment, held: Held, *, renewed: bool = False
) -> list[Pending]:
    """What a proposal would write if this actor wrote it now; every right and check is asked.

    Raises:
        MunimentError: why they could not.
    """
    ids = [wanted.record for wanted, _ in held.changes if wanted.operation == "create"]
    changes = _all_changes(engine, held, renewed=renewed)
    planned = Planner(engine, acting).plan(tx, moment.time_us, changes, new_ids=ids)
    return [one for one in planned if isinstance(one, Pending)]


def require_readable(engine: Engine, acting: Acting, planned: Sequence[Pending]) -> None:
    """Refuse whoever does not read in clear and may not write every field that would change.

    Raises:
        AccessDenied: ``access.field``.
    """
    for one in planned:
        view = engine.policy.view(acting.actor, one.type) if one.type.built_in else one.view
        wanted = {*one.changed, *(key for key in one.change.values if key in one.type.by_key)}
        if not may_read(engine, acting, "record.read", one.type) or not wanted <= view.clear & view.writable:
            # A name that may not be read is not told either.
            raise AccessDenied("access.field", where=one.type.key, action="change.approve", names="?")


def _require_same(held: Held, planned: Sequence[Pending]) -> None:
    """Refuse where the checks of today would make something else of what was shown.

    Raises:
        Conflict: ``approval.differs``.
    """
    for (wanted, _), one in zip(held.changes, planned, strict=True):
        shown = {one.type.by_number[number].key: value for number, value in wanted.values.items()}
        same = all(one.new.get(key) == value for key, value in shown.items())
        if not same or not set(one.changed) <= shown.keys():
            raise Conflict("approval.differs", where=one.type.key)


class _Renewing(Footing):
    """A proposal put up again, maybe with other values."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        super().__init__(engine, acting)
        self._held: Held | None = None

    def renew(
        self,
        id: str,
        reason: str | None,
        values: Mapping[str, object] | None = None,
        record: str | None = None,
    ) -> Decided:
        write(
            self._engine,
            self._acting,
            lambda tx, moment: self._found(tx, moment, id, reason, values, record),
            action="change.propose",
        )
        assert self._held is not None
        return Decided(id_text(self._held.id), self._held.number, "open")

    def _found(
        self,
        tx: Transaction,
        moment: Moment,
        id: str,
        reason: str | None,
        values: Mapping[str, object] | None,
        record: str | None,
    ) -> Sequence[Change]:
        engine, acting = self._engine, self._acting
        held = self._held = found_open(engine, acting, tx, moment, id)
        if held.common.act is not None:
            raise UsageError("approval.is_act")
        if values is None and not held.is_maker(acting):
            raise AccessDenied("approval.not_yours")
        changes = _all_changes(engine, held, renewed=True)
        if values is not None:
            place = _place_of(held, record)
            changes[place] = attrs.evolve(changes[place], values={**changes[place].values, **dict(values)})
            if held.changes[place][0].operation in ("delete", "undelete"):
                raise UsageError("approval.no_values")
        ids = [wanted.record for wanted, _ in held.changes if wanted.operation == "create"]
        planned = [
            one
            for one in Planner(engine, acting).plan(tx, moment.time_us, changes, new_ids=ids)
            if isinstance(one, Pending)
        ]
        if values is not None:
            # Whoever edits must see what they put their name to.
            require_readable(engine, acting, planned)
        left = [one for one in planned if one.written]
        if not left:
            raise Conflict("approval.nothing_left", number=held.number)
        makers = held.common.makers
        if not held.is_maker(acting):
            makers = (*makers, maker_of(acting))
        roles = [engine.actor(maker.actor).roles for maker in makers]
        needs = tuple(
            dict.fromkeys(
                need for one in left for need in needs_of(engine, acting, one, moment.time_us, roles)
            )
        )
        return self._put_up(held, planned, makers, needs or held.common.needs, reason, moment)

    def _put_up(
        self,
        held: Held,
        planned: Sequence[Pending],
        makers: tuple[Maker, ...],
        needs: tuple[Need, ...],
        reason: str | None,
        moment: Moment,
    ) -> Sequence[Change]:
        engine = self._engine
        common = attrs.evolve(
            held.common,
            round=held.common.round + 1,
            makers=makers,
            needs=needs,
            reason=held.common.reason if reason is None else reason,
        )
        by_subject: dict[bytes, list[Wanted]] = {}
        for place, one in enumerate(planned):
            if one.written:
                by_subject.setdefault(one.subject, []).append(wanted_of(place, one))
        made = []
        for member in held.members:
            wanted = tuple(by_subject.get(member.version.subject, ()))
            first = member is held.members[0]
            document = Document(engine.random(32), wanted, common if first else None)
            values: dict[str, Any] = {
                "state": "open",
                "expires": expires_at(engine, moment.time_us),
                "content": pack_document(document),
                "checks": None,
            }
            made.append(
                Change(
                    "update",
                    record=member.version.record,
                    values=values,
                    expected_version=member.version.version,
                    kind="change.propose",
                    inside=True,
                    reason=reason,
                )
            )
        return made


def _place_of(held: Held, record: str | None) -> int:
    """Which change of a proposal somebody means."""
    changes = held.changes
    if record is None:
        if len(changes) == 1:
            return 0
        raise UsageError("approval.which_record", count=len(changes))
    for place, (wanted, _) in enumerate(changes):
        if id_text(wanted.record) == record.lower():
            return place
    raise NotFound("record.not_found")
