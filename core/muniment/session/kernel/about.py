"""Built-in records about persons, many in one go: for the framework's own decisions, never to be released."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from muniment.log.binding import OPERATIONS, unpack_live
from muniment.model import Value
from muniment.schema import RecordType
from muniment.session.kernel.engine import SHARD, Engine
from muniment.store import Part, Transaction, Version

__all__ = ["opened_about", "opened_standing"]

_DELETE: Final = OPERATIONS["delete"]

Opened = Iterator[tuple[Version, dict[str, Value]]]


def opened_about(
    engine: Engine, tx: Transaction, record_type: RecordType, subjects: Collection[bytes]
) -> Opened:
    """The newest version, with its values, of every live record of a built-in type about these persons."""
    found = tx.newest_about(SHARD, record_type.number, subjects)
    return opened_standing(
        engine, tx, record_type, [version for version in found if version.operation != _DELETE]
    )


def opened_standing(
    engine: Engine, tx: Transaction, record_type: RecordType, versions: Collection[Version]
) -> Opened:
    """These versions with their values; what was erased is left out. Two questions to the store."""
    live = {version.record: unpack_live(version.parts)[0] for version in versions}
    gone: Collection[tuple[bytes, int]] = ()
    if engine.any_states and versions:
        gone = {(state.id, state.category) for state in tx.state_of(SHARD, live.keys())}
    standing = [one for one in versions if not any((one.record, category) in gone for category in (0, 1))]
    places = [(one.record, group, one.version) for one in standing for group in live[one.record]]
    parts: dict[bytes, list[Part]] = {}
    for part in tx.parts_at(SHARD, places):
        parts.setdefault(part.record, []).append(part)
    for version in standing:
        values: dict[str, Value] = {}
        for part in parts.get(version.record, ()):
            values |= engine.sealer.open(part, record_type, version.subject, live[version.record][part.grp])
        yield version, values
