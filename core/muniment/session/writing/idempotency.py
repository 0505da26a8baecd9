"""Retries that are safe: a request with a key is done once, for a day."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import TYPE_CHECKING

import attrs

from muniment.codec import canonical
from muniment.errors import Conflict, UsageError
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.store import Remembered, Transaction, Version

if TYPE_CHECKING:
    from muniment.session.writing.changes import Change

__all__ = ["Request"]

_LONGEST_KEY = 200


@attrs.frozen
class Request:
    """A request with its key, and a keyed hash of what it asks for."""

    key: str
    hash: bytes

    @classmethod
    def of(
        cls, engine: Engine, key: str | None, changes: Sequence[Change], reason: str | None
    ) -> Request | None:
        """The request, or None where no key was given.

        Raises:
            UsageError: ``usage.idempotency_key`` for one that is empty or too long.
        """
        if key is None:
            return None
        if not 0 < len(key) <= _LONGEST_KEY:
            raise UsageError("usage.idempotency_key", longest=_LONGEST_KEY)
        # Keyed, because a plain hash of a request would let its values be guessed.
        hashed = hmac_digest(
            engine.keys.index_root, b"muniment/idem/v1\n" + _request_bytes(changes, reason), "sha256"
        )
        return cls(key, hashed)

    def answered(self, tx: Transaction, actor: str) -> list[Version] | None:
        """The versions that this request wrote before, or None.

        Raises:
            Conflict: ``conflict.idempotency`` where the key was used for something else.
        """
        row = tx.remembered(SHARD, actor, self.key)
        if row is None:
            return None
        if not compare_digest(row.request_hash, self.hash):
            raise Conflict("conflict.idempotency")
        # One change set is one batch of entries; its first entry is remembered.
        batches = list(tx.batches(SHARD, row.gen, start=row.seq, stop=row.seq + 1))
        last = batches[0].first_seq + batches[0].n - 1
        return tx.versions_at(SHARD, row.gen, row.seq, last)

    def remembered(self, actor: str, moment: Moment) -> Remembered:
        """The row that keeps the answer."""
        return Remembered(SHARD, actor, self.key, moment.gen, moment.size, self.hash, moment.time_us)


def _request_bytes(changes: Sequence[Change], reason: str | None) -> bytes:
    """A request as bytes, for telling a retry from another request under the same key."""
    return canonical(
        [
            reason or "",
            [
                [
                    change.operation,
                    change.type,
                    change.record.hex() if change.record else "",
                    sorted((key, str(value)) for key, value in change.values.items()),
                    change.expected_version or 0,
                    change.effective_us or 0,
                ]
                for change in changes
            ],
        ]
    )
