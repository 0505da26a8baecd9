"""Built-in records about persons, many in one go: for the framework's own decisions, never to be released."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, TypeVar

import attrs

from muniment.log.binding import OPERATIONS, unpack_live
from muniment.model import Value, id_text
from muniment.schema import RecordType
from muniment.session.kernel.engine import SHARD, Engine
from muniment.store import Transaction, Version

__all__ = ["Standing", "opened_about", "opened_standing"]

_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Standing:
    """A built-in record about a person, as it stands.

    Attributes:
        id: UUID text of the record.
        version: of the record.
        subject: UUID text of the person.
        recorded_us: when this version was written.
        values: the fields of the record.
    """

    id: str
    version: int
    subject: str
    recorded_us: int
    values: Mapping[str, Value]


_Made = TypeVar("_Made", bound=Standing)


def opened_about(
    engine: Engine, tx: Transaction, made: type[_Made], record_type: RecordType, subjects: Collection[bytes]
) -> list[_Made]:
    """Every live record of a built-in type about these persons, from its newest version."""
    found = tx.newest_about(SHARD, record_type.number, subjects)
    return opened_standing(
        engine, tx, made, record_type, [version for version in found if version.operation != _DELETE]
    )


def opened_standing(
    engine: Engine, tx: Transaction, made: type[_Made], record_type: RecordType, versions: Collection[Version]
) -> list[_Made]:
    """Records out of these versions; what was erased is left out. Two questions to the store."""
    live = {version.record: unpack_live(version.parts)[0] for version in versions}
    gone: Collection[tuple[bytes, int]] = ()
    if engine.any_states and versions:
        gone = {(state.id, state.category) for state in tx.state_of(SHARD, live.keys())}
    standing = [one for one in versions if not any((one.record, category) in gone for category in (0, 1))]
    places = {one.record: (one.version, live[one.record].keys()) for one in standing}
    parts = tx.parts_at(SHARD, places)
    found = []
    for one in standing:
        values: dict[str, Value] = {}
        for part in parts.get(one.record, ()):
            values |= engine.sealer.open(part, record_type, one.subject, live[one.record][part.grp])
        found.append(made(id_text(one.record), one.version, id_text(one.subject), one.recorded_us, values))
    return found
