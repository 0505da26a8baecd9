"""Erasing because somebody asks for it, and the certificates of what was erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muniment.errors import NotFound, UsageError
from muniment.model import id_bytes, id_text
from muniment.session.certificates import certificate_file, list_certificates
from muniment.session.engine import SHARD, Acting, Engine
from muniment.session.erasing import Erased, erase
from muniment.session.scope import Target, record_targets

__all__ = ["Erasures"]


class Erasures:
    """Erasing subjects and records; ``Session.erasures``."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        self._engine = engine
        self._acting = acting

    def subject(self, id: str, *, reason: str) -> Erased:
        """Erase a person or organisation everywhere: all their records, reasons, files, for ever.

        Args:
            id: UUID text of the subject.
            reason: why; sealed.

        Raises:
            UsageError: ``usage.no_reason``, ``erasure.not_subject``.
            ApprovalNeeded: ``approval.waits`` where a rule asks for a second person; nothing was done.
            NotFound, AccessDenied, Conflict, KeyStoreError: as ``session.erasing.erase``.
        """
        return self.subjects([id], reason=reason)

    def subjects(self, ids: Sequence[str], *, reason: str) -> Erased:
        """Erase several subjects in one act; all or, where one is held, none.

        Args:
            ids: UUID texts, at most ``session.erasing.MOST_TARGETS``.
            reason: why; sealed.
        """
        self._require(reason)
        targets = [Target(id_bytes(one)) for one in dict.fromkeys(ids)]
        with self._engine.store.transaction(write=False) as tx:
            for target in targets:
                first = tx.version(SHARD, target.id, 1)
                if first is not None and first.subject != target.id:
                    raise UsageError("erasure.not_subject", where=id_text(target.id))
        return self._erase(targets, reason)

    def record(self, id: str, *, reason: str, category: str = "") -> Erased:
        """Erase one record, or one retention category of it.

        Args:
            id: UUID text of the record.
            reason: why; sealed.
            category: name of the category; empty for all of the record.

        Raises:
            UsageError: ``usage.no_reason``, ``erasure.no_category``.
            NotFound, AccessDenied, Conflict, KeyStoreError: as ``session.erasing.erase``.
        """
        self._require(reason)
        engine, record = self._engine, id_bytes(id)
        numbers = engine.definitions.registry.categories
        if category and category not in numbers:
            raise UsageError("erasure.no_category", known=", ".join(sorted(numbers)))
        with (
            engine.guarded(self._acting, "subject.erase", record=id_text(record)),
            engine.store.transaction(write=False) as tx,
        ):
            targets = record_targets(engine, tx, record, numbers[category] if category else 0)
        return self._erase(targets, reason)

    def certificates(self, *, about: str | None = None) -> list[dict[str, Any]]:
        """The certificates of all erasures, or of those of one subject or record; logged."""
        found = None if about is None else id_bytes(about)
        return list_certificates(self._engine, self._acting, about=found)

    def certificate(self, id: str) -> Mapping[str, Any]:
        """A certificate with its evidence, to be handed out; ``verify.certificate`` checks it offline.

        Args:
            id: UUID text of the erasure, or of what it erased.

        Raises:
            NotFound: ``erasure.none``; logged.
        """
        return certificate_file(self._engine, self._acting, id_bytes(id))

    def _require(self, reason: str) -> None:
        if not reason.strip():
            raise UsageError("usage.no_reason")
        engine = self._engine
        engine.refresh()
        with engine.guarded(self._acting, "subject.erase"):
            engine.policy.require(self._acting.actor, "subject.erase")

    def _erase(self, targets: Sequence[Target], reason: str) -> Erased:
        if not targets:
            raise NotFound("record.not_found")
        from muniment.session.acts import require

        names = self._engine.definitions.registry.category_names
        listed = [[id_text(one.id), names.get(one.category, "")] for one in targets]
        facts = {"targets": str(len(targets)), "first": listed[0][0]}
        granted = require(
            self._engine, self._acting, "subject.erase", {"targets": listed}, facts=facts, reason=reason
        )
        approval = None if granted is None else granted.detail
        return erase(self._engine, self._acting, targets, cause="request", reason=reason, approval=approval)
