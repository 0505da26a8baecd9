"""Requests of other programs that must not be done twice, whatever happens in between.

A request carries a mark. The first entry that acting for it writes leaves the mark in the same
transaction: from then on it is known, to every process and after a crash, that it was begun.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import TypeVar

import attrs

from muniment.errors import Conflict
from muniment.session.kernel.logbook import Moment
from muniment.store import Reader, Remembered, Transaction

__all__ = ["Mark", "marking"]

_Result = TypeVar("_Result")
_LABEL = b"muniment/begun/v1\n"


@attrs.frozen
class Mark:
    """What a request is known by.

    Attributes:
        actor: for whom it is done.
        key: names it; nothing that its caller chose can be read in it.
        hash: keyed, of all that makes the request what it is.
    """

    actor: str
    key: str
    hash: bytes

    @classmethod
    def of(cls, secret: bytes, *, actor: str, who: str, key: str, asked: bytes) -> Mark:
        """The mark of a request.

        Args:
            secret: 32 bytes; a plain hash of a request would let its values be guessed.
            actor: for whom it is done.
            who: names the credential that asks.
            key: as the caller chose it.
            asked: all that makes the request what it is.
        """
        name = hmac_digest(secret, _LABEL + f"{len(who)} {who}{key}".encode(), "sha256")
        return cls(actor, f"begun/{name.hex()}", hmac_digest(secret, _LABEL + asked, "sha256"))

    def found(self, reader: Reader, shard: int) -> Remembered | None:
        """What the request left when it was begun; None where it was not.

        Raises:
            Conflict: ``conflict.idempotency`` where the key was used for something else.
        """
        row = reader.remembered(shard, self.actor, self.key)
        if row is not None and not compare_digest(row.request_hash, self.hash):
            raise Conflict("conflict.idempotency")
        return row


def marking(
    body: Callable[[Transaction, Moment], _Result], mark: Mark, shard: int
) -> Callable[[Transaction, Moment], _Result]:
    """The body of a transaction, which leaves the mark with the first entries that it writes."""

    def marked(tx: Transaction, moment: Moment) -> _Result:
        first = moment.size
        result = body(tx, moment)
        if moment.size > first and tx.remembered(shard, mark.actor, mark.key) is None:
            tx.remember(Remembered(shard, mark.actor, mark.key, moment.gen, first, mark.hash, moment.time_us))
        return result

    return marked
