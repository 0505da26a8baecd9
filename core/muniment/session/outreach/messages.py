"""Mailings and messages as the archive keeps them, and the links that letters bring.

A link holds 32 random bytes; the archive keeps their SHA-256 alone. Whoever has the link is
taken for the person whom the letter went to, for what the link is for and nothing else.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import attrs

from muniment.errors import NotFound
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text
from muniment.schema.builtin import MAILING, MESSAGE
from muniment.session.kernel.about import Standing, opened_about, opened_standing
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.tokens import lookup_equal
from muniment.store import Transaction

__all__ = ["Mailing", "Message", "by_link", "link_of", "mailing_of", "mailings", "messages_about"]

_DELETE: Final = OPERATIONS["delete"]
_LINK_BYTES: Final = 32
_MAILING_FIELDS: Final = (
    "name",
    "letter",
    "digest",
    "record_type",
    "purpose",
    "selection",
    "way",
    "state",
    "started_by",
)


@attrs.frozen
class Mailing:
    """A mailing as it stands.

    Attributes:
        id: UUID text of its record.
        version: of the record.
        name: what it is called.
        letter: key of the letter.
        digest: of the letter's file.
        type: key of the record type of those who get it.
        purpose: a W3C DPV term.
        selection: digest of what chose the people.
        way: ``smtp`` or ``eml``.
        state: ``open`` or ``done``.
        started_by: login.
        recorded_us: when this version was written.
    """

    id: str
    version: int
    name: str
    letter: str
    digest: str
    type: str
    purpose: str
    selection: str
    way: str
    state: str
    started_by: str
    recorded_us: int


@attrs.frozen
class Message(Standing):
    """A letter to one person as it stands."""

    def text(self, name: str) -> str:
        """One field as text; empty where it has none."""
        return str(self.values.get(name) or "")

    def has_expired(self, now: datetime) -> bool:
        """Whether its links hold no more."""
        until = self.values.get("expires_at")
        return isinstance(until, datetime) and until <= now


def link_of(engine: Engine) -> tuple[str, str]:
    """A new link: what stands in the letter, and the hash that is kept."""
    token = ""
    # A command would take one that begins with a hyphen for an option.
    while not token or token.startswith("-"):
        token = b2a_base64(engine.random(_LINK_BYTES), newline=False).decode("ascii")
        token = token.rstrip("=").replace("+", "-").replace("/", "_")
    return token, sha256(token.encode("ascii")).hexdigest()


def mailings(engine: Engine, tx: Transaction) -> list[Mailing]:
    """Every mailing, oldest first."""
    found = (mailing_of(engine, tx, record) for _, record, _ in tx.builtin(SHARD, (MAILING.number,)))
    return [one for one in found if one is not None]


def mailing_of(engine: Engine, tx: Transaction, record: bytes) -> Mailing | None:
    """One mailing as it stands; None where there is none."""
    version = tx.version(SHARD, record)
    if version is None or version.operation == _DELETE:
        return None
    values = open_version(tx, engine.sealer, version, MAILING)
    texts = [str(values[name]) for name in _MAILING_FIELDS]
    name, letter, digest, kind, purpose, selection, way, state, started_by = texts
    return Mailing(
        id_text(record),
        version.version,
        name,
        letter,
        digest,
        kind,
        purpose,
        selection,
        way,
        state,
        started_by,
        version.recorded_us,
    )


def messages_about(engine: Engine, tx: Transaction, subjects: Collection[bytes]) -> list[Message]:
    """The letters to these persons; for the framework's own decisions, nothing of it may be released."""
    return opened_about(engine, tx, Message, MESSAGE, subjects)


def by_link(engine: Engine, tx: Transaction, field: str, token: str) -> Message:
    """The letter that a link came with.

    Args:
        engine: the opened archive.
        tx: the transaction.
        field: ``leave`` or ``ask``.
        token: as it stood in the letter.

    Raises:
        NotFound: ``mail.link``, for whatever reason: nobody learns which links there are.
    """
    if not _is_link(token):
        raise NotFound("mail.link")
    digest = sha256(token.encode("ascii")).hexdigest()
    lookup = lookup_equal(engine, MESSAGE, MESSAGE.by_key[field], digest, scan=False)
    versions = [
        version
        for record in lookup.candidates(tx)
        if (version := tx.version(SHARD, record)) is not None and version.operation != _DELETE
    ]
    # Every candidate is opened before any is compared.
    for one in opened_standing(engine, tx, Message, MESSAGE, versions):
        if compare_digest(one.text(field), digest):
            # A person who is being erased is not there any more.
            engine.check_live(tx, {id_bytes(one.id), id_bytes(one.subject)})
            return one
    raise NotFound("mail.link")


def _is_link(token: str) -> bool:
    try:
        plain = token.replace("-", "+").replace("_", "/")
        return len(a2b_base64(plain + "=", strict_mode=True)) == _LINK_BYTES
    except (ValueError, Base64Error):
        return False
