"""Which fields of a record changed, as far as somebody may know.

Whoever sees a field as a mask may still be allowed to write it. A write of the value that was there
already is a version like any other, so that writing tells nobody whether they guessed right. What
compares versions must not tell it either: of such a field it goes by what was written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from muniment.log.detail import Opening, unpack_details
from muniment.model import Value, id_text
from muniment.schema import RecordType
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.loading import definition_of
from muniment.store import Transaction, Version

__all__ = ["changed_keys", "opening_of", "written_between", "written_in"]


def opening_of(tx: Transaction, gen: int, seq: int) -> Opening | None:
    """What opens one entry, or None where the log's retention disposed of it."""
    for batch in tx.batches(SHARD, gen, start=seq, stop=seq + 1):
        if not batch.first_seq <= seq < batch.first_seq + batch.n:
            continue
        for row in tx.details(SHARD, gen, start=seq, stop=seq + 1):
            if row.first_seq != batch.first_seq:
                continue
            for opening in unpack_details(row.details):
                if opening.place == seq - batch.first_seq:
                    return opening
    return None


def written_in(record_type: RecordType, version: Version, opening: Opening | None) -> frozenset[int]:
    """Numbers of the fields that were written with a version, whether or not their value was another before.

    Args:
        record_type: the version's own definition.
        version: the version.
        opening: of its entry; without it nothing is known to have been written.
    """
    if opening is None:
        return frozenset()
    sets: list[Mapping[str, Mapping[str, Iterable[str]]]] = json.loads(opening.detail).get("sets", [])
    by_key, record, found = record_type.by_key, id_text(version.record), set[int]()
    for line in (_line(text) for _, text in opening.lines):
        number = line.get("set")
        if line.get("id") != record or line.get("version") != version.version or number is None:
            continue
        for ways in sets[number].values():
            found.update(by_key[key].number for key in ways.get("written", ()) if key in by_key)
    return frozenset(found)


def _line(text: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def written_between(engine: Engine, tx: Transaction, record: bytes, after: int, until: int) -> frozenset[int]:
    """Numbers of the fields that were written with the versions after one, up to another."""
    first, last = sorted((after, until))
    found = set[int]()
    for version in tx.versions_of(SHARD, record):
        if first < version.version <= last:
            opening = opening_of(tx, version.gen, version.seq)
            found |= written_in(definition_of(engine, tx, version), version, opening)
    return frozenset(found)


def changed_keys(
    record_type: RecordType,
    clear: Collection[str],
    before: Mapping[str, Value],
    after: Mapping[str, Value],
    written: Collection[int],
) -> list[str]:
    """Keys of the fields that changed, in the order of the type.

    Args:
        record_type: under whose keys the values stand.
        clear: keys of the fields whose values may be read; of these alone values are compared.
        before: values before.
        after: values after.
        written: numbers of the fields that were written in between.
    """
    found = []
    for key, field in record_type.by_key.items():
        old, new = before.get(key), after.get(key)
        # That there is nothing, before and after, no mask hides.
        if old != new if key in clear else (field.number in written and not (old is None and new is None)):
            found.append(key)
    return found
