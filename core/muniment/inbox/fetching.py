"""Mail fetched over IMAP (RFC 3501), by imap-tools, which knows the encodings of folders' names.

The mailbox is opened to be read alone. Where the last fetch ended is its UIDVALIDITY
and UID; if the server says that the old ones no longer hold, the last days are gone
through again, and what is here already is known by its key.
"""

from __future__ import annotations

import imaplib
import os
import ssl
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

import attrs

from muniment.errors import StoreError, UsageError
from muniment.inbox.messages import LARGEST
from muniment.inbox.settings import MailAccount
from muniment.model import instant

__all__ = ["PASSWORD", "Place", "new_messages"]

PASSWORD: Final = "MUNIMENT_IMAP_PASSWORD"
"""The variable of the environment in which the password stands."""

_TIMEOUT_SECONDS: Final = 60
_AT_ONCE: Final = 20


@attrs.frozen
class Place:
    """How far a mailbox was read.

    Attributes:
        validity: its UIDVALIDITY.
        uid: of the last message.
    """

    validity: int = 0
    uid: int = 0


def new_messages(
    account: MailAccount, place: Place, *, now_us: int
) -> Iterator[tuple[Place, list[tuple[str, bytes]]]]:
    """What came since, some messages at a time, each time with how far that is.

    Args:
        account: the mailbox.
        place: where the last fetch ended.
        now_us: what counts as now, microseconds since 1970.

    Raises:
        UsageError: ``inbox.no_password``.
        StoreError: ``inbox.unreachable``, ``inbox.sign_in``, ``inbox.no_folder``.
    """
    from imap_tools import MailBox
    from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

    password = os.environ.get(PASSWORD, "")
    if not password:
        raise UsageError("inbox.no_password", name=PASSWORD)
    try:
        box = MailBox(
            account.host, account.port, timeout=_TIMEOUT_SECONDS, ssl_context=ssl.create_default_context()
        )
        try:
            signed_in = box.login(account.user, password, initial_folder=None)
        except ImapToolsError:
            box.client.shutdown()
            raise
        with signed_in:
            box.folder.set(account.folder, readonly=True)
            validity = int(box.folder.status(account.folder, ["UIDVALIDITY"])["UIDVALIDITY"])
            if validity != place.validity:
                place = Place(validity)
            uids = _uids(box.client, account, place, now_us)
            for start in range(0, len(uids), _AT_ONCE):
                some = uids[start : start + _AT_ONCE]
                yield Place(validity, some[-1]), _fetched(box.client, account, some)
    except MailboxLoginError:
        raise StoreError("inbox.sign_in", where=account.host) from None
    except MailboxFolderSelectError:
        raise StoreError("inbox.no_folder", where=account.folder) from None
    except (OSError, imaplib.IMAP4.error, ImapToolsError):
        raise StoreError("inbox.unreachable", where=account.host) from None


def _uids(client: imaplib.IMAP4, account: MailAccount, place: Place, now_us: int) -> list[int]:
    if place.uid:
        criteria = f"UID {place.uid + 1}:*"
    else:
        first = instant(now_us) - timedelta(days=account.days)
        # RFC 3501 wants English months, whatever the machine speaks.
        criteria = f"SINCE {first.day:02}-{_MONTHS[first.month - 1]}-{first.year}"
    _, found = client.uid("SEARCH", criteria)
    # ``n:*`` names the last message even where its number is lower.
    return sorted(uid for uid in map(int, (found[0] or b"").split()) if uid > place.uid)


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _fetched(client: imaplib.IMAP4, account: MailAccount, uids: Sequence[int]) -> list[tuple[str, bytes]]:
    # One byte more than is taken tells that a message is too large, without fetching all of it.
    _, found = client.uid("FETCH", ",".join(map(str, uids)), f"(BODY.PEEK[]<0.{LARGEST + 1}>)")
    bodies = [one[1] for one in found if isinstance(one, tuple)]
    return [(f"{account.folder}: {number}", body) for number, body in enumerate(bodies, 1)]
