"""Addresses that want no more letters, whichever record holds them.

A person says no with an address, and the same address may stand in another record: a duplicate that
nobody merged, a lead, a contact of a company. So what is kept is the address as a keyed hash, made like
a token of a blind index under a key of its own, that no rebuild of the indexes changes. Nobody can
read an address out of it; only somebody who has one can ask whether it left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from muniment.errors import UsageError
from muniment.index import INDEX_KINDS, base_kind, token_maker
from muniment.keys import derive
from muniment.model import Value, instant
from muniment.schema import Field, RecordType
from muniment.schema.builtin import OPT_OUT
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.reach import stored_values
from muniment.session.kernel.tokens import lookup_equal
from muniment.session.rights.consented import micros
from muniment.session.tables.links import linked_subjects
from muniment.session.writing.changes import Change
from muniment.store import ListQuery, Transaction, Version

__all__ = ["REFUSED_CHANNELS", "address_token", "addresses_of", "is_refused", "left_at_us", "opting_out"]

REFUSED_CHANNELS: Final = "do_not_contact"
"""The field in which a record says by which ways nobody may be contacted."""

_E_MAIL: Final = "e-mail"
_BITS: Final = 128
_NO_FIELD: Final = 0
_PAGE: Final = 500


def address_token(engine: Engine, address: str) -> str:
    """The keyed hash of an address in its normal form, 32 hexadecimal digits; the same for every record."""
    keys = engine.keys
    # No field has the number 0, and no rebuild of the indexes moves this epoch.
    key = derive.index_key(
        keys.index_root, engine.archive, _NO_FIELD, INDEX_KINDS["unique"].number, 1, _NO_FIELD
    )
    (token,) = token_maker(key, "unique", _E_MAIL, bits=_BITS)(address)
    return token.hex()


def left_at_us(engine: Engine, tx: Transaction, token: str, purpose: str) -> int:
    """When an address last said that it wants no more letters for a purpose, in microseconds; 0 for never."""
    found = _standing(engine, tx, token, purpose)
    return 0 if found is None else micros(found[1].get("left_at")) or 0


def _standing(
    engine: Engine, tx: Transaction, token: str, purpose: str
) -> tuple[Version, dict[str, Value]] | None:
    place = f"{token}:{purpose}"
    lookup = lookup_equal(engine, OPT_OUT, OPT_OUT.by_key["address"], place, scan=False)
    for record in sorted(lookup.candidates(tx)):
        version = tx.version(SHARD, record)
        if version is not None and version.type == OPT_OUT.number:
            values = open_version(tx, engine.sealer, version, OPT_OUT)
            if values.get("address") == place:
                return version, values
    return None


def opting_out(
    engine: Engine, tx: Transaction, tokens: Iterable[str], purpose: str, time_us: int, way: str
) -> list[Change]:
    """The changes that write down that addresses left.

    Args:
        engine: the opened archive.
        tx: the transaction that writes them.
        tokens: the keyed hashes of the addresses.
        purpose: of which no letters are wanted.
        time_us: when.
        way: ``link`` or ``hand``.
    """
    changes = []
    at = instant(time_us)
    for token in sorted(set(tokens)):
        values = {"address": f"{token}:{purpose}", "purpose": purpose, "left_at": at, "way": way}
        found = _standing(engine, tx, token, purpose)
        if found is None:
            changes.append(Change("create", OPT_OUT.key, values=values, inside=True, kind="mail.unsubscribe"))
        else:
            version = found[0]
            changes.append(
                Change(
                    "update",
                    record=version.record,
                    values=values,
                    expected_version=version.version,
                    inside=True,
                    kind="mail.unsubscribe",
                )
            )
    return changes


# Who holds an address


def _address_fields(engine: Engine) -> list[tuple[RecordType, Field]]:
    return [
        (kept, field)
        for _, kept in sorted(engine.definitions.types.items())
        if not kept.built_in
        for field in kept.fields
        if base_kind(field.kind, field.encoding) == _E_MAIL
    ]


def addresses_of(engine: Engine, tx: Transaction, subject: bytes) -> list[str]:
    """The keyed hashes of a person's addresses, out of all records about them and those merged with them.

    For the framework's own decisions: nothing of it is released.
    """
    people = linked_subjects(engine, tx, (subject,))
    records = sorted({row.record for one in people for row in tx.records_of_subject(SHARD, one)})
    versions = tx.newest_versions(SHARD, records)
    found = set()
    for kept, field in _address_fields(engine):
        for version in versions.values():
            if version.type == kept.number and not engine.gone(tx, {version.record, version.subject}):
                value = stored_values(engine, tx, version, frozenset({field.number})).get(field.key)
                if isinstance(value, str):
                    found.add(address_token(engine, value))
    return sorted(found)


def is_refused(engine: Engine, tx: Transaction, address: str, people: Collection[bytes]) -> bool:
    """Whether any record that holds an address, or is of the same person, says not to write to it.

    Args:
        engine: the opened archive.
        tx: the transaction in which it must hold.
        address: as it stands in a record.
        people: whose record that is, and who is one with them by merges.
    """
    asked = address_token(engine, address)
    for kept, field in _address_fields(engine):
        refused = kept.field(REFUSED_CHANNELS)
        if refused is None:
            continue
        numbers = frozenset({field.number, refused.number})
        # A person's own record has the person's identifier.
        holding = {*people, *_holding(engine, tx, kept, field, address)}
        for version in tx.newest_versions(SHARD, sorted(holding)).values():
            if version.type != kept.number or engine.gone(tx, {version.record, version.subject}):
                continue
            values = stored_values(engine, tx, version, numbers)
            channels, held = values.get(refused.key), values.get(field.key)
            if not isinstance(channels, tuple) or "email" not in channels:
                continue
            if version.record in people or (isinstance(held, str) and address_token(engine, held) == asked):
                return True
    return False


def _holding(engine: Engine, tx: Transaction, kept: RecordType, field: Field, address: str) -> set[bytes]:
    """Records that may hold an address; deleted ones too, since merging deletes one."""
    try:
        return lookup_equal(engine, kept, field, address, scan=False).candidates(tx)
    except UsageError:
        return _refusing(tx, kept)


def _refusing(tx: Transaction, kept: RecordType) -> set[bytes]:
    """Where no index finds an address: every record that refuses letters, to be opened and compared."""
    refused = kept.by_key[REFUSED_CHANNELS]
    found: set[bytes] = set()
    for deleted in (False, True):
        after: tuple[tuple[()], bytes] | None = None
        while True:
            query = ListQuery(kept.number, after=after, limit=_PAGE, deleted=deleted)
            rows = tx.list_current(SHARD, query)
            marked = f'"{refused.number}"' if refused.in_clear else ""
            found.update(row.record for row in rows if marked in row.clear)
            if len(rows) < _PAGE:
                break
            after = ((), rows[-1].record)
    return found
