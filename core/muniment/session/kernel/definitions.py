"""Types and users as the archive keeps them: records of built-in types, opened from their parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import IntegrityError
from muniment.log.binding import OPERATIONS, unpack_live
from muniment.model import CLASSES, Value, id_bytes, id_text, micros_of
from muniment.plugins import Pin
from muniment.schema import RecordType
from muniment.schema.builtin import BREAK_GLASS, CONFIGURATION, DEFINITION, IMPORT, USER
from muniment.schema.definitions import type_from_document
from muniment.schema.registry import Registry
from muniment.session.kernel.sealer import Sealer
from muniment.store import ListQuery, Reader, Transaction, Version

__all__ = [
    "CONFIGURATION",
    "DEFINITION",
    "IMPORT",
    "USER",
    "Definitions",
    "Fingerprint",
    "Glass",
    "User",
    "definition_at",
    "fingerprint",
    "load_definitions",
    "pins_text",
    "read_pins",
]

SHARD = 0

_MOST_GLASSES: Final = 10_000

_HELD = (DEFINITION.number, USER.number, CONFIGURATION.number, BREAK_GLASS.number)

Fingerprint = tuple[tuple[int, bytes, int], ...]
"""Type, record and newest version of everything that definitions are made of."""


@attrs.frozen
class User:
    """A login of the archive.

    Attributes:
        record: identifier of its record, 16 bytes.
        login: what it signs in as.
        name: what people call them.
        roles: keys of the roles.
        active: whether it may act.
        attributes: what conditions on rows may name, as pairs of name and value, sorted.
    """

    record: bytes
    login: str
    name: str
    roles: tuple[str, ...]
    active: bool
    attributes: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class Glass:
    """An emergency access that nobody has ended.

    Attributes:
        record: identifier of its own record, 16 bytes.
        actor: whose it is.
        target: the record that they wanted to see, 16 bytes.
        subject: whom that is about, 16 bytes; all records of theirs are covered.
        expires_us: when it is over, microseconds since 1970.
    """

    record: bytes
    actor: str
    target: bytes
    subject: bytes
    expires_us: int


@attrs.frozen
class Definitions:
    """What holds in an archive at one moment.

    Attributes:
        registry: the record types with their permanent numbers, the built-in ones too.
        records: the record that keeps each type's definition, by number of the type.
        users: by login.
        configuration: record, version and text of the configuration that was applied last.
        pins: which code of its plugins was applied with it, by name.
        glasses: the emergency accesses that nobody has ended, by login.
    """

    registry: Registry = attrs.field(factory=Registry)
    records: Mapping[int, bytes] = attrs.field(factory=dict)
    users: Mapping[str, User] = attrs.field(factory=dict)
    configuration: tuple[bytes, int, str] | None = None
    pins: Mapping[str, Pin] = attrs.field(factory=dict)
    glasses: Mapping[str, tuple[Glass, ...]] = attrs.field(factory=dict)

    @property
    def types(self) -> Mapping[str, RecordType]:
        """Every record type by key."""
        return self.registry.by_key

    @property
    def by_number(self) -> Mapping[int, RecordType]:
        """Every record type by its permanent number."""
        return self.registry.by_number


def fingerprint(tx: Transaction) -> Fingerprint:
    """Which versions of definitions, users and configuration are the newest; changes when one does."""
    return tuple(tx.builtin(SHARD, _HELD))


def open_version(tx: Reader, sealer: Sealer, version: Version, record_type: RecordType) -> dict[str, Value]:
    """Every value of one version of a record, from its parts."""
    live, _ = unpack_live(version.parts)
    values: dict[str, Value] = {}
    parts = tx.parts_of(SHARD, version.record, version.version, live)
    if len(parts) < len(live):
        raise IntegrityError("integrity.part_missing", where=id_text(version.record), version=version.version)
    for part in parts:
        values |= sealer.open(part, record_type, version.subject, live[part.grp])
    missing = record_type.required - values.keys()
    if missing:
        raise IntegrityError("integrity.version", where=id_text(version.record), version=version.version)
    return values


def load_definitions(tx: Transaction, sealer: Sealer, *, as_of_us: int | None = None) -> Definitions:
    """The newest definitions and users, or those of a moment, each opened from its sealed parts.

    They come from versions and parts that the log covers: the current-state table
    can be made anew, and that takes somebody whom the archive knows.
    """
    types: list[RecordType] = []
    records: dict[int, bytes] = {}
    for version, values in _newest(tx, sealer, DEFINITION, as_of_us):
        record_type = _parsed(values, version.version)
        types.append(record_type)
        records[record_type.number] = version.record
    users: dict[str, User] = {}
    for version, values in _newest(tx, sealer, USER, as_of_us):
        roles = values.get("roles") or ()
        assert isinstance(roles, tuple)
        login = str(values["login"])
        name = str(values.get("display_name") or "")
        active = values.get("state") == "active"
        users[login] = User(version.record, login, name, roles, active, _pairs(values.get("attributes")))
    configuration = None
    pins: Mapping[str, Pin] = {}
    for version, values in _newest(tx, sealer, CONFIGURATION, as_of_us):
        configuration = (version.record, version.version, str(values["text"]))
        pins = read_pins(str(values.get("plugins") or ""))
    return Definitions(Registry.of(types), records, users, configuration, pins, _glasses(tx, sealer))


def _glasses(tx: Transaction, sealer: Sealer) -> dict[str, tuple[Glass, ...]]:
    """The emergency accesses that nobody has ended; the current state finds them, their parts decide."""
    state = BREAK_GLASS.by_key["state"].number
    found: dict[str, list[Glass]] = {}
    for row in tx.list_current(SHARD, ListQuery(BREAK_GLASS.number, ((state, "open"),), limit=_MOST_GLASSES)):
        version = tx.version(SHARD, row.record)
        if version is None or version.operation == OPERATIONS["delete"]:
            continue
        values = open_version(tx, sealer, version, BREAK_GLASS)
        expires = values["expires"]
        if values.get("state") != "open" or not isinstance(expires, datetime):
            continue
        glass = Glass(
            version.record,
            str(values["actor"]),
            id_bytes(str(values["record"])),
            version.subject,
            micros_of(expires),
        )
        found.setdefault(glass.actor, []).append(glass)
    return {actor: tuple(some) for actor, some in found.items()}


def _pairs(value: Value) -> tuple[tuple[str, str], ...]:
    """A user's attributes out of ``name=value`` texts."""
    texts = value if isinstance(value, tuple) else ()
    pairs = (str(text).partition("=") for text in texts)
    return tuple(sorted((name, given) for name, sign, given in pairs if sign))


def pins_text(pins: Mapping[str, Pin]) -> str:
    """The pins of a configuration as it keeps them: a JCS list by name."""
    lines = [{"name": name, **attrs.asdict(pin)} for name, pin in sorted(pins.items())]
    return canonical(lines).decode("utf-8")


def read_pins(text: str) -> dict[str, Pin]:
    """The pins that ``pins_text`` wrote down; none where there is no text.

    Raises:
        IntegrityError: ``integrity.value`` where it cannot have written that.
    """
    try:
        return {line.pop("name"): Pin(**line) for line in (parse_canonical(text.encode()) if text else ())}
    except (TypeError, KeyError, AttributeError):
        raise IntegrityError("integrity.value") from None


def _newest(
    tx: Transaction, sealer: Sealer, record_type: RecordType, as_of_us: int | None
) -> Iterator[tuple[Version, dict[str, Value]]]:
    for _, record, newest in tx.builtin(SHARD, (record_type.number,)):
        version = tx.version(SHARD, record, newest)
        if as_of_us is not None and version is not None and version.recorded_us > as_of_us:
            known = [one for one in tx.versions_of(SHARD, record) if one.recorded_us <= as_of_us]
            version = known[-1] if known else None
        if version is not None and version.operation != OPERATIONS["delete"]:
            yield version, open_version(tx, sealer, version, record_type)


def _parsed(values: Mapping[str, Value], version: int) -> RecordType:
    document = parse_canonical(str(values["definition"]).encode("utf-8"))
    return attrs.evolve(type_from_document(document), definition_version=version)


def definition_at(
    tx: Transaction, sealer: Sealer, definitions: Definitions, type_number: int, definition: int
) -> RecordType:
    """An earlier definition of a type, as it stood, but with the classes of today where they are higher.

    What was found to be sensitive since is protected in old versions too.

    Raises:
        IntegrityError: ``integrity.definition`` where the archive does not have it.
    """
    record = definitions.records.get(type_number)
    version = None if record is None else tx.version(SHARD, record, definition)
    if version is None:
        raise IntegrityError("integrity.definition", where=str(type_number), version=definition)
    old = _parsed(open_version(tx, sealer, version, DEFINITION), definition)
    now = definitions.by_number[type_number].by_number
    fields = tuple(
        attrs.evolve(
            field, sensitivity=max(field.sensitivity, now[field.number].sensitivity, key=CLASSES.index)
        )
        if field.number in now
        else field
        for field in old.fields
    )
    return attrs.evolve(old, fields=fields)
