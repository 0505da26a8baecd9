"""What reading and writing the built-in record types asks for, and how it is written down.

An area that keeps something of its own (consents, holds, proposals) gives it a
built-in record type and one line here; sealing, versions, log and verification
are then those of every record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from muniment.schema import CONFIGURATION, DEFINITION, DRAFT, IMPORT, PROPOSAL, USER, RecordType
from muniment.schema.builtin import (
    ALERT,
    BREAK_GLASS,
    CONSENT,
    DASHBOARD,
    ERASURE,
    FIGURE,
    HOLD,
    INCIDENT,
    INCOMING,
    LOG_QUERY,
    MAILING,
    MAPPING,
    MESSAGE,
    NOTICE,
    OPT_OUT,
    QUALITY,
    REMINDER,
    REQUEST,
    RESTRICTION,
    REVIEW,
    SUBJECT_LINK,
    SUGGESTION,
    VIEW,
    WEBHOOK,
)

__all__ = ["BuiltinRules", "rules_of"]


@attrs.frozen
class BuiltinRules:
    """How the policy and the log see one built-in record type.

    Attributes:
        read: the action that reading such records asks for, beside that of the read itself; empty where
            only their own module gives them out.
        write: the action that any change of them asks for; empty where their own module decides.
        kinds: kinds of entry: of a creation, of any other change, and then those that a change may ask for.
        guarded: whether only the framework's own modules write them, since what they mean hangs on more
            than their values.
    """

    read: str
    write: str
    kinds: tuple[str, ...]
    guarded: bool = False


_RULES: Final[Mapping[str, BuiltinRules]] = {
    DEFINITION.key: BuiltinRules("schema.read", "schema.change", ("schema.apply", "schema.apply")),
    USER.key: BuiltinRules("user.read", "user.change", ("user.add", "user.change")),
    CONFIGURATION.key: BuiltinRules("config.read", "config.change", ("config.apply", "config.apply")),
    BREAK_GLASS.key: BuiltinRules(
        "break_glass.review",
        "break_glass.begin",
        ("break_glass.begin", "break_glass.end", "break_glass.review"),
        guarded=True,
    ),
    HOLD.key: BuiltinRules("hold.read", "hold.change", ("hold.place", "hold.release"), guarded=True),
    ERASURE.key: BuiltinRules(
        "erasure.read", "subject.erase", ("erasure.order", "erasure.certify"), guarded=True
    ),
    # An erasure places one too, for what the law does not let it take; ``restrictions`` asks for the right.
    RESTRICTION.key: BuiltinRules(
        "retention.read", "", ("subject.restrict", "subject.unrestrict", "subject.restrict"), guarded=True
    ),
    IMPORT.key: BuiltinRules(
        "record.import", "record.import", ("import.begin", "import.finish", "import.revert"), guarded=True
    ),
    CONSENT.key: BuiltinRules(
        "consent.read",
        "consent.change",
        (
            "consent.give",
            "consent.renew",
            "consent.request",
            "consent.refuse",
            "consent.withdraw",
            "consent.expire",
            "consent.invalidate",
        ),
        guarded=True,
    ),
    NOTICE.key: BuiltinRules(
        "consent.read", "consent.notice", ("consent.notice", "consent.notice"), guarded=True
    ),
    REQUEST.key: BuiltinRules(
        "request.read",
        "request.change",
        ("request.open", "request.step", "request.extend", "request.decide", "request.close"),
        guarded=True,
    ),
    SUBJECT_LINK.key: BuiltinRules(
        "subject.link", "subject.link", ("subject.link", "subject.unlink", "subject.unlink"), guarded=True
    ),
    VIEW.key: BuiltinRules("", "view.save", ("view.save", "view.save", "view.remove"), guarded=True),
    DASHBOARD.key: BuiltinRules("", "view.save", ("view.save", "view.save", "view.remove"), guarded=True),
    FIGURE.key: BuiltinRules("", "", ("record.aggregate", "record.aggregate"), guarded=True),
    LOG_QUERY.key: BuiltinRules("", "", ("view.save", "view.save", "view.remove"), guarded=True),
    REMINDER.key: BuiltinRules("mail.read", "", ("mail.send", "mail.send", "mail.fail"), guarded=True),
    QUALITY.key: BuiltinRules("data.check", "data.check", ("data.check", "data.check"), guarded=True),
    MAILING.key: BuiltinRules("mail.read", "mail.send", ("mail.begin", "mail.finish"), guarded=True),
    MESSAGE.key: BuiltinRules(
        "mail.read",
        "",
        ("mail.send", "mail.done", "mail.fail", "mail.answer", "mail.unsubscribe"),
        guarded=True,
    ),
    OPT_OUT.key: BuiltinRules("mail.read", "", ("mail.unsubscribe", "mail.unsubscribe"), guarded=True),
    MAPPING.key: BuiltinRules("record.import", "record.import", ("import.map", "import.map"), guarded=True),
    PROPOSAL.key: BuiltinRules(
        "",
        "",
        (
            "change.propose",
            "change.approve",
            "change.reject",
            "change.withdraw",
            "change.expire",
            "approval.ask",
            "approval.give",
            "approval.refuse",
            "approval.withdraw",
            "approval.expire",
            "approval.use",
        ),
        guarded=True,
    ),
    ALERT.key: BuiltinRules("alert.read", "", ("alert.raise", "alert.review", "alert.send"), guarded=True),
    INCIDENT.key: BuiltinRules(
        "incident.read",
        "incident.change",
        ("incident.open", "incident.step", "incident.close"),
        guarded=True,
    ),
    REVIEW.key: BuiltinRules("alert.read", "alert.review", ("audit.review", "audit.review"), guarded=True),
    WEBHOOK.key: BuiltinRules(
        "config.read",
        "config.change",
        ("webhook.add", "webhook.change", "webhook.remove", "webhook.send", "webhook.fail"),
        guarded=True,
    ),
    SUGGESTION.key: BuiltinRules("config.read", "", ("suggestion.make", "suggestion.close"), guarded=True),
    INCOMING.key: BuiltinRules(
        "inbox.read",
        "inbox.change",
        ("inbox.receive", "inbox.receive", "inbox.accept", "inbox.refuse"),
        guarded=True,
    ),
    DRAFT.key: BuiltinRules("", "", ("draft.save", "draft.save", "draft.discard"), guarded=True),
}


def rules_of(record_type: RecordType) -> BuiltinRules:
    """The rules of a built-in record type."""
    return _RULES[record_type.key]
