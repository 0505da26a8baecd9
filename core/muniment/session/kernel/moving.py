"""Whether a record moved under somebody's hands: figures that a program keeps up to date do not count."""

from __future__ import annotations

from typing import Final

from muniment.log.binding import OPERATIONS
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.reach import stored_values
from muniment.store import Transaction

__all__ = ["has_moved"]

_UPDATE: Final = OPERATIONS["update"]


def has_moved(engine: Engine, tx: Transaction, record: bytes, base: int) -> bool:
    """Whether anything a person can write is otherwise than in a version that was seen.

    A colleague who notes a call moves the date of the last contact; whoever has the form open meanwhile saves
    over a newer version without having missed anything.

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
    numbers = frozenset(field.number for field in record_type.fields if not field.computed)
    if len(numbers) == len(record_type.fields):
        return True
    between = (tx.version(SHARD, record, number) for number in range(base + 1, newest.version + 1))
    if any(one is None or one.operation != _UPDATE for one in between):
        return True
    return stored_values(engine, tx, seen, numbers) != stored_values(engine, tx, newest, numbers)
