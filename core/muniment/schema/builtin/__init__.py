"""The record types that every archive has, whatever its templates; pure.

Each module here holds those of one area. A number is given once and for ever.
"""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._approvals import DRAFT, PROPOSAL
from muniment.schema.builtin._archive import CONFIGURATION, DEFINITION, IMPORT, USER
from muniment.schema.builtin._emergency import BREAK_GLASS
from muniment.schema.builtin._inbox import INCOMING
from muniment.schema.builtin._incidents import INCIDENT
from muniment.schema.builtin._making import ARCHIVE_CATEGORY
from muniment.schema.builtin._outreach import MAILING, MESSAGE, OPT_OUT, QUALITY, REMINDER
from muniment.schema.builtin._oversight import ALERT, LOG_QUERY, REVIEW
from muniment.schema.builtin._retention import ERASURE, HOLD, RESTRICTION
from muniment.schema.builtin._rights import CONSENT, NOTICE, REQUEST
from muniment.schema.builtin._serving import SUGGESTION, WEBHOOK
from muniment.schema.builtin._tables import DASHBOARD, FIGURE, MAPPING, SUBJECT_LINK, VIEW

__all__ = [
    "ALERT",
    "ARCHIVE_CATEGORY",
    "BREAK_GLASS",
    "BUILTIN",
    "CONFIGURATION",
    "CONSENT",
    "DASHBOARD",
    "DEFINITION",
    "DRAFT",
    "ERASURE",
    "FIGURE",
    "HOLD",
    "IMPORT",
    "INCIDENT",
    "INCOMING",
    "LOG_QUERY",
    "MAILING",
    "MAPPING",
    "MESSAGE",
    "NOTICE",
    "OPT_OUT",
    "PROPOSAL",
    "QUALITY",
    "REMINDER",
    "REQUEST",
    "RESTRICTION",
    "REVIEW",
    "SUBJECT_LINK",
    "SUGGESTION",
    "USER",
    "VIEW",
    "WEBHOOK",
]

BUILTIN: Final = (
    DEFINITION,
    USER,
    IMPORT,
    CONFIGURATION,
    PROPOSAL,
    DRAFT,
    BREAK_GLASS,
    CONSENT,
    NOTICE,
    REQUEST,
    HOLD,
    ERASURE,
    SUBJECT_LINK,
    VIEW,
    MAPPING,
    ALERT,
    INCIDENT,
    REVIEW,
    LOG_QUERY,
    WEBHOOK,
    MAILING,
    DASHBOARD,
    RESTRICTION,
    INCOMING,
    SUGGESTION,
    MESSAGE,
    OPT_OUT,
    QUALITY,
    REMINDER,
    FIGURE,
)
"""The built-in types in order of number."""
