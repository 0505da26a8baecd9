"""Who may do what to which fields: asked before every act, silence denies.

A role says which actions it may take and, for each class of sensitivity,
whether fields are read in clear, masked or not at all, and whether they may be
written. A person with several roles may do what any of them allows; an explicit
deny of one beats the allow of another.

Roles bind people behind a process that they do not control. Whoever can read
the key store and open a root slot does not need to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from muniment.errors import AccessDenied
from muniment.model import CLASSES
from muniment.schema.types import RecordType

__all__ = ["ACTIONS", "BUILTIN_ROLES", "SYSTEM", "Actor", "Policy", "Role", "View"]

ACTIONS: Final = frozenset(
    {
        "record.create",
        "record.update",
        "record.correct",
        "record.delete",
        "record.undelete",
        "record.read",
        "record.list",
        "record.search",
        "record.scan",
        "record.history",
        "record.accesses",
        "record.import",
        "record.export",
        "change.read",
        "change.approve",
        "log.read",
        "log.verify",
        "log.checkpoint",
        "log.export",
        "alert.run",
        "alert.read",
        "alert.review",
        "schema.read",
        "schema.change",
        "config.read",
        "config.change",
        "user.read",
        "user.change",
        "key.read",
        "key.change",
        "data.check",
        "data.rebuild",
        "backup.create",
        "backup.read",
        "backup.restore",
        "consent.read",
        "consent.change",
        "consent.notice",
        "request.read",
        "request.change",
        "subject.report",
        "job.run",
        "subject.erase",
        "subject.link",
        "view.save",
        "view.share",
        "view.lock",
        "subject.restrict",
        "erasure.read",
        "hold.read",
        "hold.change",
        "retention.read",
        "retention.apply",
        "log.dispose",
    }
)

_READ_ACTIONS = frozenset(
    {"record.read", "record.list", "record.search", "record.history", "schema.read", "view.save"}
)
_WRITE_ACTIONS = frozenset(
    {"record.create", "record.update", "record.correct", "record.delete", "record.undelete"}
)


@attrs.frozen
class Actor:
    """Who acts, and how we know.

    Attributes:
        id: the login, or any name the caller asserts.
        roles: keys of the roles; empty for somebody unknown.
        auth: ``asserted``, ``os-user``, ``password``, ``passkey`` or ``token``.
        on_behalf_of: whom a service acts for.
        disabled: known to the archive, but may not act any more.
    """

    id: str
    roles: tuple[str, ...] = ()
    auth: str = "asserted"
    on_behalf_of: str | None = None
    disabled: bool = False


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
    """

    key: str
    label: Mapping[str, str]
    actions: frozenset[str]
    read: Mapping[str, str]
    write: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()


_ALL = frozenset(CLASSES)

BUILTIN_ROLES: Final[Mapping[str, Role]] = {
    role.key: role
    for role in (
        Role("owner", {"en": "Owner", "zh": "所有者"}, ACTIONS, dict.fromkeys(CLASSES, "clear"), _ALL),
        Role(
            "editor",
            {"en": "Editor", "zh": "编辑"},
            _READ_ACTIONS
            | _WRITE_ACTIONS
            | {
                "record.import",
                "record.export",
                "record.accesses",
                "change.read",
                "change.approve",
                "data.check",
                "subject.link",
                "log.verify",
            }
            | {"consent.read", "consent.change", "request.read", "request.change"},
            {
                "public": "clear",
                "internal": "clear",
                "personal": "clear",
                "sensitive": "clear",
                "restricted": "mask",
            },
            frozenset({"public", "internal", "personal", "sensitive"}),
        ),
        Role(
            "reader",
            {"en": "Reader", "zh": "只读"},
            _READ_ACTIONS,
            {"public": "clear", "internal": "clear", "personal": "clear", "sensitive": "mask"},
        ),
        Role(
            "auditor",
            {"en": "Auditor", "zh": "审计"},
            _READ_ACTIONS
            | {
                "record.accesses",
                "change.read",
                "log.read",
                "log.verify",
                "log.checkpoint",
                "log.export",
                "alert.run",
                "alert.read",
                "alert.review",
                "config.read",
                "user.read",
                "key.read",
                "data.check",
                "backup.read",
                "consent.read",
                "request.read",
                "erasure.read",
                "hold.read",
                "retention.read",
            },
            {
                "public": "clear",
                "internal": "clear",
                "personal": "mask",
                "sensitive": "mask",
                "restricted": "mask",
            },
        ),
    )
}


@attrs.frozen
class View:
    """How one actor sees one record type.

    Attributes:
        clear: keys of the fields shown as they are.
        masked: keys of the fields shown behind their mask.
        writable: keys of the fields that may be written.
    """

    clear: frozenset[str]
    masked: frozenset[str]
    writable: frozenset[str]

    @property
    def readable(self) -> frozenset[str]:
        """Fields that may be named at all to this actor."""
        return self.clear | self.masked


class Policy:
    """Answers what an actor may do; compiled once, asked on every path.

    Args:
        roles: the roles in force, by key.
        purposes: the purposes that may be given; empty for any.
    """

    def __init__(self, roles: Mapping[str, Role] = BUILTIN_ROLES, *, purposes: Iterable[str] = ()) -> None:
        self.roles = dict(roles)
        self.purposes = frozenset(purposes)
        self._views: dict[tuple[tuple[str, ...], int, int], tuple[RecordType, View]] = {}

    def may(self, actor: Actor, action: str, record_type: str | None = None) -> bool:
        """Whether any role of the actor allows the action and none denies it."""
        if actor is SYSTEM:
            return True
        allowed = False
        for role in self._roles_of(actor):
            if action in role.deny:
                return False
            if action in role.actions and (
                not role.types or record_type is None or record_type in role.types
            ):
                allowed = True
        return allowed

    def require(self, actor: Actor, action: str, record_type: str | None = None) -> None:
        """Refuse the action unless it is allowed.

        Raises:
            AccessDenied: ``access.action``, or as ``require_known``.
        """
        self.require_known(actor)
        if action not in ACTIONS or not self.may(actor, action, record_type):
            raise AccessDenied("access.action", where=record_type, action=action)

    def require_known(self, actor: Actor) -> None:
        """Refuse somebody whom the archive does not know, or no longer lets in.

        Raises:
            AccessDenied: ``access.disabled`` or ``access.unknown_actor``.
        """
        if actor.disabled:
            raise AccessDenied("access.disabled")
        if not actor.roles and actor is not SYSTEM:
            raise AccessDenied("access.unknown_actor")

    def require_purpose(self, purpose: str | None) -> str:
        """The purpose, if it may be given.

        Raises:
            AccessDenied: ``access.no_purpose`` or ``access.purpose``.
        """
        if not purpose:
            raise AccessDenied("access.no_purpose")
        if self.purposes and purpose not in self.purposes:
            raise AccessDenied("access.purpose", known=", ".join(sorted(self.purposes)))
        return purpose

    def view(self, actor: Actor, record_type: RecordType) -> View:
        """How the actor sees the fields of a record type."""
        key = (actor.roles, record_type.number, record_type.definition_version)
        found = self._views.get(key)
        # The same definition may have come back with classes that rose since.
        if found is None or found[0] is not record_type:
            found = self._views[key] = (record_type, self._compile(actor, record_type))
        return found[1]

    def _compile(self, actor: Actor, record_type: RecordType) -> View:
        roles = [role for role in self._roles_of(actor) if not role.types or record_type.key in role.types]
        clear, masked, writable = set(), set(), set()
        for field in record_type.fields:
            ways = {role.read.get(field.sensitivity, "none") for role in roles}
            if "clear" in ways:
                clear.add(field.key)
            elif "mask" in ways:
                masked.add(field.key)
            if any(field.sensitivity in role.write for role in roles):
                writable.add(field.key)
        return View(frozenset(clear), frozenset(masked), frozenset(writable))

    def _roles_of(self, actor: Actor) -> list[Role]:
        # A role that is named nowhere grants nothing: fail closed.
        return [self.roles[key] for key in actor.roles if key in self.roles]

    def matrix(self, types: Iterable[RecordType]) -> dict[str, dict[str, object]]:
        """What each role may do, asked of the functions that enforce it."""
        listed = list(types)
        result: dict[str, dict[str, object]] = {}
        for key in sorted(self.roles):
            actor = Actor(key, (key,))
            result[key] = {
                "actions": sorted(action for action in ACTIONS if self.may(actor, action)),
                "types": {
                    record_type.key: {
                        "clear": sorted(self.view(actor, record_type).clear),
                        "masked": sorted(self.view(actor, record_type).masked),
                        "writable": sorted(self.view(actor, record_type).writable),
                    }
                    for record_type in listed
                },
            }
        return result
