"""Who may do what to which fields: asked before every act, silence denies.

A role says which actions it may take and, for each class of sensitivity,
whether fields are read in clear, masked or not at all, and whether they may be
written, asked for and handed out; for single types and fields it may say
otherwise, and of a type it may reach some records alone. A person with several
roles may do what any of them allows; an explicit deny of one beats the allow of
another. ``Policy`` says how that goes together.

Roles bind people behind a process that they do not control. Whoever can read
the key store and open a root slot does not need to ask.
"""

from __future__ import annotations

from muniment.policy._builtin import ACTIONS, BUILTIN_ROLES, GROUPS
from muniment.policy._evaluation import Policy
from muniment.policy._values import (
    SYSTEM,
    Actor,
    BreakGlass,
    FieldRule,
    Reached,
    Rights,
    Role,
    RowTest,
    TypeRule,
    View,
)

__all__ = [
    "ACTIONS",
    "BUILTIN_ROLES",
    "GROUPS",
    "SYSTEM",
    "Actor",
    "BreakGlass",
    "FieldRule",
    "Policy",
    "Reached",
    "Rights",
    "Role",
    "RowTest",
    "TypeRule",
    "View",
]
