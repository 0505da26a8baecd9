"""What a policy is made of: who acts, what a role says, and what comes of both for one actor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from muniment.model import CLASSES

__all__ = [
    "SYSTEM",
    "Actor",
    "BreakGlass",
    "FieldRule",
    "Reached",
    "Rights",
    "Role",
    "RowTest",
    "TypeRule",
    "View",
]


@attrs.frozen
class Actor:
    """Who acts, how we know, and for what.

    Attributes:
        id: the login, or any name the caller asserts.
        roles: keys of the roles; empty for somebody unknown.
        auth: ``asserted``, ``os-user``, ``password``, ``passkey`` or ``token``.
        on_behalf_of: whom a service acts for.
        disabled: known to the archive, but may not act any more.
        purpose: why they act; ``Acting`` puts it here, for some roles and fields are for some purposes alone.
        attributes: what the archive knows of them that conditions on rows may name, such as ``region``.
        record: identifier of the user's record, UUID text; empty for somebody unknown.
    """

    id: str
    roles: tuple[str, ...] = ()
    auth: str = "asserted"
    on_behalf_of: str | None = None
    disabled: bool = False
    purpose: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    record: str = ""


@attrs.frozen
class FieldRule:
    """What a role may do with one field, where that is not what it may do with the field's class.

    Attributes:
        read: ``clear``, ``mask`` or ``none``; None leaves it to the class.
        write: whether it may be written; None leaves it to the class.
        search: whether it may be asked for by its exact value though it is not read in clear.
        export: whether it may be handed out as far as it is read; None leaves it to the class.
        deny: nothing may be done with it, whatever other roles of the same person allow.
    """

    read: str | None = None
    write: bool | None = None
    search: bool | None = None
    export: bool | None = None
    deny: bool = False


@attrs.frozen
class RowTest:
    """One condition on a record: a field has one of some values.

    Attributes:
        field: the field's key; behind the keys of references, with dots, a field of the record that they
            lead to.
        values: ``actor`` (the login, or in a reference to a user that user), ``actor.NAME`` for an attribute
            of the user, or values as people type them.
    """

    field: str
    values: tuple[str, ...]


@attrs.frozen
class TypeRule:
    """What a role may do with records of one type, where that differs from what it may in general.

    Attributes:
        actions: in place of the role's; None keeps those.
        read: by class, over the role's own.
        write: classes, in place of the role's; None keeps those. Likewise ``search`` and ``export``.
        fields: rules of single fields, by key.
        rows: the records that the role reaches: those that meet all conditions of one of these lists;
            empty for every record.
        deny: actions on this type that no other role of the same person may allow.
    """

    actions: frozenset[str] | None = None
    read: Mapping[str, str] = attrs.field(factory=dict)
    write: frozenset[str] | None = None
    search: frozenset[str] | None = None
    export: frozenset[str] | None = None
    fields: Mapping[str, FieldRule] = attrs.field(factory=dict)
    rows: tuple[tuple[RowTest, ...], ...] = ()
    deny: frozenset[str] = frozenset()


SYSTEM: Final = Actor("muniment")
"""The framework itself, where nobody asks: it finishes what a crash cut short. Known by identity, so that
nobody who calls themselves so is taken for it."""


@attrs.frozen
class Role:
    """What one role may do.

    Attributes:
        key: its name in configuration and log.
        label: in English and Chinese.
        actions: what it may do, out of ``ACTIONS``.
        read: for each class ``clear``, ``mask`` or ``none``; a class left out is ``none``.
        write: the classes it may write.
        types: the record types it is for; empty means all.
        deny: actions that no other role of the same person may allow.
        search: the classes whose fields may be asked for by their exact value, where they are not read in
            clear; each such question is logged as a disclosure.
        export: the classes it may hand out; None hands out what it reads.
        purposes: the purposes under which it counts; empty means any.
        rules: what differs for single types, by key.
        deny_types: record types with which no other role of the same person may do anything.
    """

    key: str
    label: Mapping[str, str]
    actions: frozenset[str]
    read: Mapping[str, str]
    write: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    search: frozenset[str] = frozenset()
    export: frozenset[str] | None = None
    purposes: frozenset[str] = frozenset()
    rules: Mapping[str, TypeRule] = attrs.field(factory=dict)
    deny_types: frozenset[str] = frozenset()

    def is_for(self, record_type: str) -> bool:
        """Whether it says anything about records of a type."""
        return not self.types or record_type in self.types


@attrs.frozen
class BreakGlass:
    """What emergency access allows to whoever may begin it.

    Attributes:
        read: for each class ``clear``, ``mask`` or ``none``; a class left out is ``none``.
        minutes: how long it lasts where nobody says.
        longest: how many minutes may be asked for.
    """

    read: Mapping[str, str] = attrs.field(factory=lambda: dict.fromkeys(CLASSES, "clear"))
    minutes: int = 60
    longest: int = 480


@attrs.frozen
class View:
    """How one actor sees one record type.

    Attributes:
        clear: keys of the fields shown as they are.
        masked: keys of the fields shown behind their mask.
        writable: keys of the fields that may be written.
        searchable: keys of the fields that may be asked for by exact value though they are not in ``clear``.
        handed: of those that may be exported, keys of the fields handed out as they are.
        handed_masked: likewise behind their mask.
    """

    clear: frozenset[str]
    masked: frozenset[str]
    writable: frozenset[str]
    searchable: frozenset[str] = frozenset()
    handed: frozenset[str] = frozenset()
    handed_masked: frozenset[str] = frozenset()

    @property
    def readable(self) -> frozenset[str]:
        """Fields that may be named at all to this actor."""
        return self.clear | self.masked

    def for_export(self) -> View:
        """The same for what is handed out of the archive."""
        return attrs.evolve(self, clear=self.handed, masked=self.handed_masked)


Reached = frozenset[str] | None
"""Keys of an actor's roles that reach a record; None where conditions on rows do not come into it."""


@attrs.frozen
class Rights:
    """What an actor's roles grant on records of one type; compiled once.

    Attributes:
        roles: those that count: for the type and the purpose.
        actions: for each action that is allowed, the keys of the roles that allow it.
        rows: for each role, which records it reaches; empty for all of them.
        limited: whether there is a role that does not reach them all.
    """

    roles: tuple[Role, ...]
    actions: Mapping[str, frozenset[str]]
    rows: Mapping[str, tuple[tuple[RowTest, ...], ...]]
    limited: bool
