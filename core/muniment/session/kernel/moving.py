"""Whether a record moved under somebody's hands: figures that a program keeps up to date do not count."""

from __future__ import annotations

from typing import Final

from muniment.log.binding import OPERATIONS
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.loading import definition_of
from muniment.session.kernel.written import opening_of, written_in
from muniment.store import Transaction, Version

__all__ = ["has_moved"]

_UPDATE: Final = OPERATIONS["update"]


def has_moved(engine: Engine, tx: Transaction, record: bytes, base: int) -> bool:
    """Whether anything a person can write was written since a version that was seen.

    A colleague who notes a call moves the date of the last contact; whoever has the form open meanwhile saves
    over a newer version without having missed anything. What was written counts, and not whether it was
    another value: whoever writes a field that they see as a mask would learn here what it holds.

    Args:
        engine: the opened archive.
        tx: the transaction.
        record: identifier, 16 bytes.
        base: the version that was seen; 0 for none.
    """
    newest = tx.version(SHARD, record)
    if newest is None or not base:
        return (newest is None) != (not base)
    if newest.version == base:
        return False
    seen = tx.version(SHARD, record, base)
    record_type = engine.definitions.by_number.get(newest.type)
    if seen is None or record_type is None or seen.version > newest.version:
        return True
    computed = frozenset(field.number for field in record_type.fields if field.computed)
    return any(
        _by_hand(engine, tx, tx.version(SHARD, record, number), computed)
        for number in range(base + 1, newest.version + 1)
    )


def _by_hand(engine: Engine, tx: Transaction, version: Version | None, computed: frozenset[int]) -> bool:
    """Whether a version wrote more than computed fields, or nobody can say any more what it wrote."""
    if version is None or version.operation != _UPDATE or not computed:
        return True
    opening = opening_of(tx, version.gen, version.seq)
    if opening is None:
        return True
    return not written_in(definition_of(engine, tx, version), version, opening) <= computed
