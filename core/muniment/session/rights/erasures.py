"""Erasing because somebody asks for it, and the certificates of what was erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from muniment.errors import Conflict, MunimentError, NotFound, UsageError
from muniment.model import id_bytes, id_text
from muniment.retention.plan import Verdict
from muniment.schema import is_built_in
from muniment.session.ground import Footing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.reach import require_reached
from muniment.session.reading.pieces import Piece
from muniment.session.rights.certificates import certificate_file, list_certificates
from muniment.session.rights.erasing import Erased, Refusal, erase, held_by
from muniment.session.rights.facets import Facts
from muniment.session.rights.holds import held_now, linked, refuse
from muniment.session.rights.keeping import Kept, duty, kept_by_duty, kept_of
from muniment.session.rights.scope import Scope, Target, record_targets, scope_of
from muniment.store import Transaction

__all__ = ["Erasures", "Planned"]


@attrs.frozen
class Planned:
    """What an erasure of a subject would do now.

    Attributes:
        subjects: UUID texts of all who are one with the subject by merges, itself first.
        records: how many records of theirs there are, by subject.
        goes: what would go: UUID text of the subject or record, and the category or nothing for all.
        kept: what a duty keeps, for storage only.
        why: for each of those, the refusal.
        holds: UUID texts of the holds that forbid it; while there is one, nothing goes.
    """

    subjects: tuple[str, ...]
    records: Mapping[str, int]
    goes: tuple[tuple[str, str], ...]
    kept: tuple[Kept, ...]
    why: tuple[MunimentError, ...]
    holds: tuple[str, ...]


class Erasures(Footing):
    """Erasing subjects and records; ``Session.erasures``."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        super().__init__(engine, acting)
        self._facts: tuple[Moment, Facts] | None = None
        self._named: frozenset[bytes] | None = None
        self._joined: tuple[bytes, ...] = ()

    def subject(self, id: str, *, reason: str) -> Erased:
        """Erase a person or organisation everywhere: all their records, reasons, files, for ever.

        Whoever was merged with them goes with them, since they were found to be one; where that was
        wrong, the merge is undone first.

        Args:
            id: UUID text of the subject.
            reason: why; sealed.

        Raises:
            UsageError: ``usage.no_reason``, ``erasure.not_subject``.
            ApprovalNeeded: ``approval.waits`` where a rule asks for a second person; nothing was done.
            NotFound, AccessDenied, Conflict, KeyStoreError: as ``rights.erasing.erase``.
        """
        return self.subjects([id], reason=reason)

    def subjects(self, ids: Sequence[str], *, reason: str) -> Erased:
        """Erase several subjects in one act; all or, where one is held, none.

        Args:
            ids: UUID texts, at most ``rights.erasing.MOST_TARGETS``.
            reason: why; sealed.

        Raises:
            NotFound: one of them is not there; logged.
        """
        self._require_erasing(reason)
        asked = [id_bytes(one) for one in ids]
        for one in asked:
            with (
                self._engine.guarded(self._acting, "subject.erase", record=id_text(one)),
                self._engine.store.transaction(write=False) as tx,
            ):
                require_reached(self._engine, tx, self._acting, "subject.erase", one)
                first = tx.version(SHARD, one, 1)
                # What the framework keeps itself is erased with whom it is about.
                if tx.subject(SHARD, one) is None if first is None else is_built_in(first.type):
                    raise NotFound("record.not_found")
        with self._engine.store.transaction(write=False) as tx:
            merged = self._merged(tx, asked)
            self._named = frozenset(merged)
            self._joined = tuple(one for one, asked in merged.items() if asked)
            targets, kept = self._split(tx, merged)
        return self._erase(targets, reason, kept)

    def plan(self, id: str) -> Planned:
        """What erasing a subject would do, and what stands in its way; nothing is done, and it is logged.

        Args:
            id: UUID text of the subject.

        Raises:
            UsageError: ``erasure.not_subject``.
            NotFound: there is no such subject; logged.
            AccessDenied: ``access.action``; logged.
        """
        engine, acting, subject = self._engine, self._acting, id_bytes(id)

        def body(tx: Transaction, moment: Moment) -> Planned:
            engine.policy.require(acting.actor, "subject.erase")
            engine.check_live(tx, {subject})
            if tx.subject(SHARD, subject) is None or subject == engine.archive:
                raise NotFound("record.not_found")
            require_reached(engine, tx, acting, "subject.erase", subject)
            merged = self._merged(tx, [subject])
            targets, kept = self._split(tx, merged)
            found = self._planned(tx, merged, targets, kept)
            target = {"act": "erasure", "subjects": list(found.subjects)}
            detail = engine.detail(acting, engine.new_id(), count=sum(found.records.values()), target=target)
            keys = engine.subject_keys(tx, merged)
            draft = Draft("retention.plan", detail, subject_keys=keys)
            engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
            return found

        with engine.guarded(acting, "subject.erase", record=id_text(subject)):
            return engine.run(body, acting)

    def _planned(
        self,
        tx: Transaction,
        merged: Mapping[bytes, bytes],
        targets: Sequence[Target],
        kept: Sequence[Verdict],
    ) -> Planned:
        engine = self._engine
        held = held_now(engine, tx)
        holds = []
        for target in targets if held else ():
            hold = held_by(engine, tx, held, scope_of(engine, tx, target))
            if hold is not None:
                holds.append(hold.id)
        names = engine.definitions.registry.category_names
        records = {
            id_text(one): sum(not is_built_in(row.type) for row in tx.subject_records(SHARD, one))
            for one in merged
        }
        return Planned(
            tuple(map(id_text, merged)),
            records,
            tuple((id_text(one.id), names.get(one.category, "")) for one in targets),
            tuple(map(kept_of, kept)),
            tuple(map(duty, kept)),
            tuple(dict.fromkeys(holds)),
        )

    def _merged(self, tx: Transaction, asked: Sequence[bytes]) -> dict[bytes, bytes]:
        """All who are one with these by merges and are still there: for each, who was asked for.

        Raises:
            UsageError: ``erasure.not_subject``.
        """
        found = {one: b"" for one in asked}
        for one in asked:
            for other in sorted(linked(self._engine, tx, one) - found.keys()):
                if not self._engine.gone(tx, {other}):
                    found[other] = one
        for subject in found:
            first = tx.version(SHARD, subject, 1)
            if first is not None and is_built_in(first.type):
                raise NotFound("record.not_found")
            if first is not None and first.subject != subject:
                raise UsageError("erasure.not_subject", where=id_text(subject))
        return found

    def _split(self, tx: Transaction, merged: Mapping[bytes, bytes]) -> tuple[list[Target], list[Verdict]]:
        """Whole subjects, or where a duty keeps something of one all else of theirs, facet by facet."""
        engine = self._engine
        targets: list[Target] = []
        kept: list[Verdict] = []
        facts = Facts(engine, tx, engine.clock())
        for subject, asked in merged.items():
            records = [one.record for one in tx.subject_records(SHARD, subject) if not is_built_in(one.type)]
            duties = kept_by_duty(engine, facts, records)
            if not duties:
                targets.append(Target(subject, merged=asked))
                continue
            kept += duties.values()
            for record in records:
                gone = {state.category for state in tx.state_of(SHARD, {record})}
                if 0 in gone:
                    continue
                for facet in tx.facets_of(SHARD, record):
                    name = (record, facet.category)
                    if facet.category and facet.category not in gone and name not in duties:
                        targets.append(Target(*name, merged=asked))
        return targets, kept

    def record(self, id: str, *, reason: str, category: str = "") -> Erased:
        """Erase one record, or one retention category of it.

        Args:
            id: UUID text of the record.
            reason: why; sealed.
            category: name of the category; empty for all of the record.

        Raises:
            UsageError: ``usage.no_reason``, ``erasure.no_category``.
            NotFound, AccessDenied, Conflict, KeyStoreError: as ``rights.erasing.erase``.
        """
        self._require_erasing(reason)
        engine, record = self._engine, id_bytes(id)
        numbers = engine.definitions.registry.categories
        if category and category not in numbers:
            raise UsageError("erasure.no_category", known=", ".join(sorted(numbers)))
        with (
            engine.guarded(self._acting, "subject.erase", record=id_text(record)),
            engine.store.transaction(write=False) as tx,
        ):
            require_reached(engine, tx, self._acting, "subject.erase", record)
            targets = record_targets(tx, record, numbers[category] if category else 0)
            duties = kept_by_duty(engine, Facts(engine, tx, engine.clock()), [record])
            if duties:
                found = {facet.category for facet in tx.facets_of(SHARD, record)}
                gone = {state.category for state in tx.state_of(SHARD, {record})}
                wanted = {numbers[category]} if category else found - gone - {0}
                targets = [Target(record, one) for one in sorted(wanted) if (record, one) not in duties]
                duties = {name: one for name, one in duties.items() if name[1] in wanted}
        return self._erase(targets, reason, list(duties.values()))

    def certificates(
        self,
        *,
        about: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        newest: bool = False,
    ) -> Piece[dict[str, Any]]:
        """The certificates of all erasures, or of those of one subject or record; logged.

        See ``certificates.list_certificates``.
        """
        found = None if about is None else id_bytes(about)
        return list_certificates(
            self._engine, self._acting, about=found, limit=limit, after=after, newest=newest
        )

    def certificate(self, id: str) -> Mapping[str, Any]:
        """A certificate with its evidence, to be handed out; ``verify.certificate`` checks it offline.

        Args:
            id: UUID text of the erasure, or of what it erased.

        Raises:
            NotFound: ``erasure.none``; logged.
        """
        return certificate_file(self._engine, self._acting, id_bytes(id))

    def _require_erasing(self, reason: str) -> None:
        if not reason.strip():
            raise UsageError("usage.no_reason")
        self._engine.refresh()
        self._require("subject.erase")

    def _erase(self, targets: Sequence[Target], reason: str, kept: Sequence[Verdict] = ()) -> Erased:
        from muniment.session.approval.acts import require

        for verdict in kept:
            facet, error = verdict.facet, duty(verdict)
            refuse(
                self._engine,
                self._acting,
                "erasure.refuse",
                error,
                record=facet.record,
                category=facet.category,
            )
        if not targets and kept:
            raise duty(kept[0])
        if not targets:
            raise NotFound("record.not_found")
        names = self._engine.definitions.registry.category_names
        listed = [[id_text(one.id), names.get(one.category, "")] for one in targets]
        facts = {"targets": str(len(targets)), "first": listed[0][0]}
        if self._joined:
            facts["merged"] = ", ".join(map(id_text, self._joined))
        granted = require(
            self._engine, self._acting, "subject.erase", {"targets": listed}, facts=facts, reason=reason
        )
        approval = None if granted is None else granted.detail
        done = erase(
            self._engine,
            self._acting,
            targets,
            cause="request",
            reason=reason,
            check=self._check,
            approval=approval,
            kept=[kept_of(one) for one in kept],
            whole=self._named is not None,
        )
        numbers = self._engine.definitions.registry.categories
        stays = tuple(
            Refusal(Target(id_bytes(one.facet.record), numbers[one.facet.category], one.rule), duty(one))
            for one in kept
        )
        return attrs.evolve(done, refused=(*done.refused, *stays))

    def _check(self, tx: Transaction, moment: Moment, scope: Scope) -> MunimentError | None:
        """Whether a duty or a merge came up since: looked at once more where the erasure begins."""
        if self._named is not None:
            others = linked(self._engine, tx, scope.subject) - self._named
            if others - self._engine.gone(tx, others):
                return Conflict("erasure.merged", where=id_text(scope.target.id))
        records = [one.record for one in scope.records if not is_built_in(one.type)]
        if self._facts is None or self._facts[0] is not moment:
            self._facts = (moment, Facts(self._engine, tx, moment.time_us))
        duties = kept_by_duty(self._engine, self._facts[1], records)
        for (_, category), verdict in duties.items():
            if scope.target.category in (0, category):
                return duty(verdict)
        return None
