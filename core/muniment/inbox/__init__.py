"""What comes in by e-mail: messages read, persons recognised in them, nothing stored.

What is found here is a proposal; ``session.inbox`` keeps it until a person
accepts it. Nothing here opens an archive.
"""

from __future__ import annotations

from muniment.inbox.messages import Address, Attachment, Message, read_message, require_readers
from muniment.inbox.settings import InboxSettings, MailAccount, read_inbox
from muniment.inbox.signatures import Contact, contact_of
from muniment.inbox.sources import messages_in

__all__ = [
    "Address",
    "Attachment",
    "Contact",
    "InboxSettings",
    "MailAccount",
    "Message",
    "contact_of",
    "messages_in",
    "read_inbox",
    "read_message",
    "require_readers",
]
