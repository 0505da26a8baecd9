"""Versions and their sealed parts, loaded and opened; nothing here asks whether that may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from muniment.codec import decode_values
from muniment.errors import IntegrityError, KeyStoreError, NotFound
from muniment.log.binding import OPERATIONS, unpack_live
from muniment.model import Value, id_text
from muniment.schema import RecordType, category_of_group, is_built_in
from muniment.session.kernel.engine import SHARD, Engine
from muniment.store import Part, Transaction, Version

__all__ = [
    "Loaded",
    "definition_of",
    "load",
    "loaded_from",
    "open_loaded",
    "read_loaded",
    "wanted_groups",
]

_DELETE: Final = OPERATIONS["delete"]
_NONE: Final[frozenset[int]] = frozenset()


@attrs.frozen
class Loaded:
    """A version with its sealed parts, before anything is opened for release.

    Attributes:
        gone: seal groups of which the parts were disposed of.
    """

    version: Version
    type: RecordType
    parts: Sequence[Part]
    live: Mapping[int, bytes]
    deleted: bool
    gone: frozenset[int] = frozenset()


def definition_of(engine: Engine, tx: Transaction, version: Version) -> RecordType:
    """The definition that a version was written under, so that old ones show as they were."""
    newest = engine.definitions.by_number.get(version.type)
    if newest is None:
        raise NotFound("record.not_found")
    if newest.definition_version == version.definition or is_built_in(version.type):
        return newest
    return engine.definition_at(tx, version.type, version.definition)


def load(
    engine: Engine, tx: Transaction, version: Version, record_type: RecordType, groups: frozenset[int]
) -> Loaded:
    """The sealed parts of a version that lie in these groups."""
    live, wanted, closed = wanted_groups(engine, tx, version, groups)
    parts = tx.parts_of(SHARD, version.record, version.version, wanted)
    return loaded_from(version, record_type, parts, live, wanted, closed)


def wanted_groups(
    engine: Engine, tx: Transaction, version: Version, groups: frozenset[int]
) -> tuple[dict[int, bytes], frozenset[int], frozenset[int]]:
    """The hashes of all live parts, which groups to load of those asked for, and which were disposed of."""
    live, _ = unpack_live(version.parts)
    wanted = groups.intersection(live)
    gone = engine.check_live(tx, {version.record, version.subject}) if engine.any_states else None
    if not gone:
        return live, wanted, _NONE
    closed = frozenset(group for group in wanted if (version.record, category_of_group(group)) in gone)
    return live, wanted - closed, closed


def loaded_from(
    version: Version,
    record_type: RecordType,
    parts: Sequence[Part],
    live: dict[int, bytes],
    wanted: frozenset[int],
    closed: frozenset[int],
) -> Loaded:
    """A version with the parts that were found, if all of them were.

    Raises:
        IntegrityError: ``integrity.part_missing``.
    """
    if len(parts) != len(wanted):
        raise IntegrityError("integrity.part_missing", where=id_text(version.record), version=version.version)
    return Loaded(version, record_type, parts, live, version.operation == _DELETE, closed)


def open_loaded(engine: Engine, loaded: Loaded, numbers: frozenset[int]) -> dict[str, Value]:
    """The values of the fields with these numbers, by key."""
    by_number = loaded.type.by_number
    read = read_loaded(engine, loaded, numbers)
    return {by_number[number].key: value for number, value in decode_values(read).items()}


def read_loaded(
    engine: Engine, loaded: Loaded, numbers: frozenset[int], unseen: frozenset[int] = _NONE
) -> dict[int, bytes]:
    """The encoded values of the fields with these numbers; no bytes at all for those that stay unseen."""
    type_number, subject = loaded.type.number, loaded.version.subject
    try:
        return engine.sealer.read(loaded.parts, type_number, subject, loaded.live, numbers, unseen)
    except KeyStoreError as error:
        if error.code != "key.destroyed":
            raise
        raise NotFound("record.erased", where=id_text(loaded.version.record)) from None
