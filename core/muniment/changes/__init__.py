"""What waits for a second person: rules, proposals and their digests; pure, the session does the rest."""

from __future__ import annotations

from muniment.changes.proposals import (
    Act,
    Common,
    Document,
    Given,
    Maker,
    Wanted,
    digest_of,
    pack_checks,
    pack_document,
    unpack_checks,
    unpack_document,
)
from muniment.changes.rules import (
    OPERATIONS,
    Approvals,
    Check,
    Need,
    Rule,
    covered,
    is_met,
    parse_approvals,
    people_of,
)

__all__ = [
    "OPERATIONS",
    "Act",
    "Approvals",
    "Check",
    "Common",
    "Document",
    "Given",
    "Maker",
    "Need",
    "Rule",
    "Wanted",
    "covered",
    "digest_of",
    "is_met",
    "pack_checks",
    "pack_document",
    "parse_approvals",
    "people_of",
    "unpack_checks",
    "unpack_document",
]
