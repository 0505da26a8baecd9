"""A person's own words on why they did something, sealed beside the log."""

from __future__ import annotations

from hashlib import sha256

from muniment.errors import NotFound
from muniment.log.binding import side_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.sealer import ARCHIVE_SLOT
from muniment.store import Facet, SidePart, Subject, Transaction

__all__ = ["put_reason"]


def put_reason(
    engine: Engine, tx: Transaction, moment: Moment, owner: bytes, reason: str, *, seq: int
) -> bytes:
    """Seal a reason for an entry that binds nothing else.

    Args:
        engine: the opened archive.
        tx: the transaction that appends the entry too.
        moment: of that transaction.
        owner: the subject whom it concerns, or the archive.
        reason: what was said.
        seq: the index that the entry will have.

    Returns:
        SHA-256 of the sealed bytes, 32 bytes: the entry's binding is over it.
    """
    facet = next((one for one in tx.facets_of(SHARD, owner) if one.category == 0), None)
    subject = tx.subject(SHARD, owner)
    if subject is None:
        if owner != engine.archive:
            raise NotFound("record.not_found")
        subject = Subject(SHARD, owner, ARCHIVE_SLOT)
        tx.add_subjects([subject])
    if facet is None:
        facet = Facet(SHARD, owner, 0, engine.sealer.slots(1)[0])
        tx.add_facets([facet])
    number = side_version(moment.gen, seq)
    sealed = engine.sealer.seal_text(
        reason, subject=owner, record=owner, version=number, slots=(subject.slot, facet.slot)
    )
    tx.add_side_parts([SidePart(SHARD, owner, number, moment.gen, seq, sealed)])
    return sha256(sealed).digest()
