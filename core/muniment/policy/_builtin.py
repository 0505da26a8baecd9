"""The actions that there are, and the roles that every archive has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muniment.model import CLASSES
from muniment.policy._values import Role

__all__ = ["ACTIONS", "BUILTIN_ROLES", "GROUPS"]

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
        "incident.read",
        "incident.change",
        "schema.read",
        "schema.change",
        "config.read",
        "config.change",
        "user.read",
        "user.change",
        "role.review",
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
        "inbox.read",
        "inbox.change",
        "mail.read",
        "mail.send",
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
        "break_glass.begin",
        "break_glass.review",
    }
)

_READ_ACTIONS = frozenset(
    {"record.read", "record.list", "record.search", "record.history", "schema.read", "view.save"}
)
_WRITE_ACTIONS = frozenset(
    {"record.create", "record.update", "record.correct", "record.delete", "record.undelete"}
)


GROUPS: Final[Mapping[str, frozenset[str]]] = {"read": _READ_ACTIONS, "write": _WRITE_ACTIONS}
"""Names for actions that go together, to be written among a role's actions."""


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
            | {
                "consent.read",
                "consent.change",
                "request.read",
                "request.change",
                "inbox.read",
                "inbox.change",
            },
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
                "incident.read",
                "config.read",
                "user.read",
                "role.review",
                "key.read",
                "data.check",
                "backup.read",
                "consent.read",
                "request.read",
                "erasure.read",
                "hold.read",
                "retention.read",
                "break_glass.review",
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
