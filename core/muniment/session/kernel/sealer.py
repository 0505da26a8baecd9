"""Turns field values into sealed parts and back, with the keys of their facets."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from itertools import groupby
from typing import Final

from muniment.codec import decode_value, decode_values, encode_value
from muniment.errors import IntegrityError, KeyStoreError, UsageError
from muniment.keys import KeyStore, derive
from muniment.log.keyed import Mac
from muniment.model import Random, Value
from muniment.schema.fields import category_of_group
from muniment.schema.types import RecordType
from muniment.seal import (
    PartCipher,
    open_part,
    part_cipher,
    part_mac,
    part_slots,
    read_parts,
    seal_fields,
    seal_part,
)
from muniment.store import Part, SidePart

__all__ = ["ARCHIVE_SLOT", "SIDE_GROUP", "Sealer"]

ARCHIVE_SLOT: Final = 4
"""Where the archive's own secret lies, as subject of what concerns nobody; it is never destroyed."""

SIDE_GROUP: Final = 0
"""The group of a text that is no version; its category is 0 too."""

_KEYS_KEPT = 20_000
_CIPHERS_KEPT = 4_000
"""Of 3 KB each: some pages of a table, which people come back to."""

_KEPT_BYTES = 1_024
"""Of a longer part the cipher is not kept, since its bytes would be kept beside it."""

_TEXT = 1

_Place = tuple[bytes, int, int, bytes, int, bytes]
_Layout = dict[int, tuple[tuple[int, str, int], ...]]


def _subject_slot(missing: tuple[tuple[int, int], Part]) -> int:
    return missing[0][1]


class Sealer:
    """Seals and opens parts of one archive.

    Args:
        archive: 16 bytes.
        keys: gives the secrets.
        random: gives so many random bytes.
    """

    def __init__(self, archive: bytes, keys: KeyStore, *, random: Random = os.urandom) -> None:
        self.archive = archive
        self._keys = keys
        self._random = random
        self._data_keys: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        # By the sealed bytes; with what they were found to be.
        self._ciphers: OrderedDict[bytes, tuple[_Place, PartCipher]] = OrderedDict()
        # Of the last part: parts of one facet are opened one after the other.
        self._held: tuple[tuple[int, int], Mac] | None = None
        self._pool: list[int] = []
        self._leased = 0
        self._secrets: dict[int, bytes] = {}
        self._layouts: dict[int, tuple[RecordType, _Layout]] = {}

    # Slots and keys

    def slots(self, count: int) -> list[int]:
        """So many slots of the key store that nobody was given before.

        The first leases are as small as asked for and later ones grow, so that
        a short process wastes none and a long import rarely waits for the disk.
        Their secrets are fetched with them, in one go.
        """
        missing = count - len(self._pool)
        if missing > 0:
            leased = self._keys.lease(max(missing, min(self._leased, 4096)))
            self._leased += len(leased)
            # Taken from the end, so the lowest lie there.
            self._pool = leased[::-1] + self._pool
            self._secrets.update(zip(leased, self._keys.secrets(leased), strict=True))
        pool = self._pool
        return [pool.pop() for _ in range(count)]

    def slot(self) -> int:
        """One such slot."""
        return self._pool.pop() if self._pool else self.slots(1)[0]

    def _secret(self, slot: int) -> bytes:
        fresh = self._secrets.get(slot)
        if fresh is not None:
            return fresh
        return self._keys.archive_secret if slot == ARCHIVE_SLOT else self._keys.secret(slot)

    def data_key(self, subject_slot: int, facet_slot: int, record: bytes, category: int) -> bytes:
        """The key of a facet, 64 bytes.

        Raises:
            KeyStoreError: ``key.destroyed`` where either secret is gone.
        """
        name = (facet_slot, subject_slot)
        found = self._data_keys.get(name)
        if found is None:
            found = derive.data_key(
                self._secret(subject_slot), self._secret(facet_slot), self.archive, record, category
            )
            self._keep(name, found)
        return found

    def prepare(self, parts: Iterable[Part]) -> None:
        """Derive the keys of these parts with one look at the key store, instead of two for each."""
        known, ciphers = self._data_keys, self._ciphers
        missing: dict[tuple[int, int], Part] = {}
        for part in parts:
            if part.sealed not in ciphers and (name := part_slots(part.sealed)) not in known:
                missing[name] = part
        if len(missing) < 2:
            return
        slots = sorted({slot for name in missing for slot in name} - {ARCHIVE_SLOT})
        try:
            secrets = dict(zip(slots, self._keys.secrets(slots), strict=True))
        except KeyStoreError:
            return  # each is asked for by itself, which tells whose is gone
        secrets[ARCHIVE_SLOT] = self._keys.archive_secret
        # The parts of one subject stand together.
        for subject, some in groupby(missing.items(), _subject_slot):
            own = list(some)
            facets = [(secrets[facet], part.record, category_of_group(part.grp)) for (facet, _), part in own]
            keys = derive.data_keys(secrets[subject], self.archive, facets)
            for (name, _), key in zip(own, keys, strict=True):
                self._keep(name, key)

    def _keep(self, name: tuple[int, int], key: bytes) -> None:
        self._data_keys[name] = key
        if len(self._data_keys) > _KEYS_KEPT:
            self._data_keys.popitem(last=False)

    def forget(self) -> None:
        """Drop every key kept in memory, as after a destruction."""
        self._held = None
        self._data_keys.clear()
        self._ciphers.clear()
        self._secrets.clear()

    def forget_layouts(self) -> None:
        """Let go of record types that may hold no more."""
        self._layouts.clear()

    def settle(self) -> None:
        """Drop the secrets of slots that were used; the key store has them."""
        secrets = self._secrets
        if len(secrets) > len(self._pool):
            self._secrets = {slot: secrets[slot] for slot in self._pool if slot in secrets}

    def subject_tag_key(self, subject_slot: int, subject: bytes) -> bytes:
        """The key whose tags mark the entries about a subject, 32 bytes."""
        return derive.subject_tag_key(self._secret(subject_slot), self.archive, subject)

    def subject_tag_keys(self, slots: Mapping[bytes, int]) -> dict[bytes, bytes]:
        """The same of several, by subject and the slot of each, with one look at the key store.

        Raises:
            KeyStoreError: ``key.destroyed`` where any of them is.
        """
        secrets = self._keys.secrets(slots.values())
        return {
            subject: derive.subject_tag_key(secret, self.archive, subject)
            for subject, secret in zip(slots, secrets, strict=True)
        }

    # Parts

    def _layout(self, record_type: RecordType) -> _Layout:
        """What is sealed in each group of a type: number, key and encoding of each field."""
        found = self._layouts.get(id(record_type))
        if found is None or found[0] is not record_type:
            if len(self._layouts) > 1000:
                self._layouts.clear()
            layout = {
                group: tuple([(field.number, field.key, field.encoding) for field in fields])
                for group, fields in record_type.by_seal_group.items()
            }
            found = self._layouts[id(record_type)] = (record_type, layout)
        return found[1]

    def seal(
        self,
        data_key: bytes,
        record_type: RecordType,
        subject: bytes,
        record: bytes,
        version: int,
        group: int,
        values: Mapping[str, Value],
        slots: tuple[int, int],
    ) -> bytes | None:
        """The part of one group, or None where none of its fields has a value.

        Args:
            data_key: of the facet.
            record_type: the definition to seal under.
            subject: whose record it is, 16 bytes.
            record: 16 bytes.
            version: of the record.
            group: the seal group.
            values: the whole record's, by key.
            slots: of subject and facet.
        """
        fields = []
        for number, key, encoding in self._layout(record_type)[group]:
            value = values.get(key)
            if value is not None:
                if encoding == _TEXT and isinstance(value, str):
                    fields.append((number, b"\x01" + value.encode("utf-8")))
                else:
                    fields.append((number, encode_value(encoding, value)))
        if not fields:
            return None
        return seal_fields(
            data_key,
            self.archive,
            record_type.number,
            subject,
            record,
            version,
            group,
            slots[1],
            slots[0],
            fields,
            self._random,
        )

    def open(
        self,
        part: Part,
        record_type: RecordType,
        subject: bytes,
        expected: bytes,
        only: Collection[int] | None = None,
    ) -> dict[str, Value]:
        """The values in one part, by key of the definition; else as ``read``."""
        by_number = record_type.by_number
        opened = self.read((part,), record_type.number, subject, {part.grp: expected}, only)
        return {by_number[number].key: value for number, value in decode_values(opened).items()}

    def read(
        self,
        parts: Iterable[Part],
        type_number: int,
        subject: bytes,
        live: Mapping[int, bytes],
        only: Collection[int] | None = None,
        unseen: Collection[int] = (),
    ) -> dict[int, bytes]:
        """The encoded values in parts of one version, by number of their field.

        Args:
            parts: as stored.
            type_number: of the record.
            subject: whose record it is.
            live: the hash of each group's part, as the version has them.
            only: numbers of the fields wanted; None for all.
            unseen: numbers of those of which it is enough to know that they have a value: they stay
                sealed, and no bytes at all stand for them.

        Raises:
            IntegrityError: a part is not the one that its version names, or was altered.
            KeyStoreError: ``key.destroyed``.
        """
        ciphers, found = self._ciphers, []
        for _, record, group, version, sealed in parts:
            # The very bytes that were hashed before need no hash again: it says which bytes these are.
            place = record, version, group, live[group], type_number, subject
            known = ciphers.get(sealed)
            cipher = known[1] if known is not None and known[0] == place else self._cipher(sealed, place)
            found.append((sealed, cipher))
        return read_parts(found, only, unseen)

    def _cipher(self, sealed: bytes, place: _Place) -> PartCipher:
        """The cipher of a part that is what its version names, and belongs where it is."""
        record, version, group, expected, type_number, subject = place
        if sha256(sealed).digest() != expected:
            raise IntegrityError("integrity.part", where=record.hex(), version=version, group=group)
        name = part_slots(sealed)
        held = self._held
        try:
            if held is None or held[0] != name:
                facet_slot, subject_slot = name
                key = self.data_key(subject_slot, facet_slot, record, category_of_group(group))
                held = self._held = name, part_mac(key)
            made = part_cipher(held[1], sealed, self.archive, type_number, subject, record, version, group)
        except UsageError:
            # An identifier of the wrong size in a stored row: nobody called us wrongly.
            raise IntegrityError("integrity.seal", where=record.hex()) from None
        if len(sealed) <= _KEPT_BYTES:
            self._ciphers[sealed] = place, made
            if len(self._ciphers) > _CIPHERS_KEPT:
                self._ciphers.popitem(last=False)
        return made

    def seal_text(
        self, text: str, *, subject: bytes, record: bytes, version: int, slots: tuple[int, int]
    ) -> bytes:
        """Seal a reason or the like, which belongs to no version."""
        return seal_part(
            self.data_key(slots[0], slots[1], record, 0),
            archive=self.archive,
            type_number=0,
            subject=subject,
            record=record,
            version=version,
            group=SIDE_GROUP,
            facet_slot=slots[1],
            subject_slot=slots[0],
            fields=[(1, encode_value(1, text))],
            random=self._random,
        )

    def open_text(self, part: SidePart, subject: bytes) -> str:
        """The text that ``seal_text`` sealed."""
        facet_slot, subject_slot = part_slots(part.sealed)
        opened = open_part(
            self.data_key(subject_slot, facet_slot, part.record, 0),
            part.sealed,
            archive=self.archive,
            type_number=0,
            subject=subject,
            record=part.record,
            version=part.version,
            group=SIDE_GROUP,
        )
        return str(decode_value(opened[1]))
