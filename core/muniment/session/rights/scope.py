"""What an erasure takes in: the records, parts, reasons, files and secrets of a subject, record or facet.

All of it comes from the versions and parts themselves, never from the current
state, so that nothing is left behind where that was damaged.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import attrs

from muniment.errors import NotFound
from muniment.model import id_text
from muniment.schema import category_of_group, is_built_in
from muniment.seal import part_fields
from muniment.session.kernel.engine import SHARD, Engine
from muniment.store import Gap, Reader, Transaction, Version

__all__ = ["Scope", "Target", "binding_of", "record_targets", "scope_of"]


@attrs.frozen
class Target:
    """What is to be erased.

    Attributes:
        id: of a subject or record, 16 bytes.
        category: number of the retention category; 0 for all, now and to come.
        rule: under which rule of retention; empty where a person asked.
        merged: the subject that was asked for, 16 bytes, where this goes because it was merged with it.
    """

    id: bytes
    category: int = 0
    rule: str = ""
    merged: bytes = b""


@attrs.define
class Scope:
    """All that goes with one target.

    Attributes:
        target: what is erased.
        subject: whose it is.
        type: number of the type of the record that the target names.
        records: the first version of every record it reaches.
        categories: numbers of the retention categories with a facet, by record.
        slots: of the secrets to destroy.
        parts: (record, version, group, SHA-256) of each sealed part; group 0 for a reason.
        fields: numbers of the fields in these parts, by record; None for all of the record's.
        files: identifiers of attached files.
        entries: (gen, index) of the entries that wrote its versions.
    """

    target: Target
    subject: bytes
    type: int
    records: list[Version] = attrs.field(factory=list)
    categories: dict[bytes, set[int]] = attrs.field(factory=dict)
    slots: list[int] = attrs.field(factory=list)
    parts: list[tuple[bytes, int, int, bytes]] = attrs.field(factory=list)
    fields: dict[bytes, set[int] | None] = attrs.field(factory=dict)
    files: list[bytes] = attrs.field(factory=list)
    entries: set[tuple[int, int]] = attrs.field(factory=set)

    @property
    def kind(self) -> str:
        """``subject``, ``record`` or ``category``."""
        if self.target.category:
            return "category"
        return "subject" if self.target.id == self.subject else "record"

    def gaps(self, gen: int, seq: int) -> list[Gap]:
        """What its parts leave behind, named by the entry that begins it."""
        return [
            Gap(SHARD, record, group, version, hashed, gen, seq)
            for record, version, group, hashed in self.parts
        ]


def scope_of(engine: Engine, tx: Reader, target: Target) -> Scope:
    """Find all that goes with a target, as it lies in the store now.

    Raises:
        NotFound: ``record.not_found`` where there is no such subject, record or facet.
    """
    first = tx.version(SHARD, target.id, 1)
    if first is None and not target.category:
        # Somebody who has no record yet, and whom a proposal or a draft is about.
        first = next(iter(tx.subject_records(SHARD, target.id)), None)
        if first is not None:
            first = first._replace(record=target.id)
    if first is None or target.id == engine.archive:
        raise NotFound("record.not_found")
    whole = not target.category and first.subject == target.id
    scope = Scope(target, first.subject, first.type)
    scope.records = tx.subject_records(SHARD, target.id) if whole else [first]
    if whole:
        row = tx.subject(SHARD, target.id)
        if row is None:
            raise NotFound("record.not_found")
        scope.slots.append(row.slot)
        for side in tx.side_parts_of(SHARD, target.id):
            scope.parts.append((side.record, side.version, 0, sha256(side.sealed).digest()))
    for record in scope.records:
        _add_record(tx, scope, record.record)
    if target.category and not scope.slots:
        raise NotFound("record.not_found")
    scope.parts.sort(key=lambda part: part[:3])
    return scope


def _add_record(tx: Reader, scope: Scope, record: bytes) -> None:
    category = scope.target.category
    facets = [one for one in tx.facets_of(SHARD, record) if category in (0, one.category)]
    scope.slots += [facet.slot for facet in facets]
    scope.categories[record] = {facet.category for facet in facets if facet.category}
    numbers: set[int] = set()
    for part in tx.parts_of_record(SHARD, record):
        if category in (0, category_of_group(part.grp)):
            numbers.update(part_fields(part.sealed))
            scope.parts.append((record, part.version, part.grp, sha256(part.sealed).digest()))
    scope.fields[record] = numbers if category else None
    scope.files += [
        row.file for row in tx.files_of(SHARD, record) if category in (0, category_of_group(row.grp))
    ]
    scope.entries.update((version.gen, version.seq) for version in tx.versions_of(SHARD, record))


def binding_of(parts: Iterable[tuple[bytes, int, int, bytes]]) -> bytes | None:
    """What an entry of erasure binds: SHA-256 over the parts' hashes; None where there are none."""
    ordered = sorted(parts)
    return sha256(b"".join([hashed for *_, hashed in ordered])).digest() if ordered else None


def record_targets(tx: Transaction, record: bytes, category: int, rule: str = "") -> list[Target]:
    """The targets that make up a record, or one category of it.

    A record that is its own subject goes facet by facet: the person stays known
    where other records of theirs do.

    Raises:
        NotFound: ``record.not_found``; ``erasure.builtin`` for what the framework keeps itself.
    """
    first = tx.version(SHARD, record, 1)
    if first is None:
        raise NotFound("record.not_found")
    if is_built_in(first.type):
        raise NotFound("erasure.builtin", where=id_text(record))
    if category:
        return [Target(record, category, rule)]
    if first.subject != record:
        return [Target(record, 0, rule)]
    gone = {state.category for state in tx.state_of(SHARD, {record})}
    facets = sorted({facet.category for facet in tx.facets_of(SHARD, record)} - gone - {0})
    return [Target(record, one, rule) for one in facets]
