"""``[inbox]`` of ``muniment.toml``: what a message becomes, our own addresses, where mail is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from muniment.errors import ConfigError

__all__ = ["ROLES", "InboxSettings", "MailAccount", "read_inbox"]

ROLES: Final[Mapping[str, str]] = {
    "customer": "customer",
    "time": "occurred_at",
    "direction": "direction",
    "in": "question",
    "out": "resolution",
    "file": "attachments",
}
"""What a message has to say, and the field of the shipped type ``interaction`` that takes it."""

_PERSON: Final[Mapping[str, str]] = {
    "name": "full_name",
    "email": "email",
    "phone": "phone",
    "company": "company",
}


@attrs.frozen
class MailAccount:
    """A mailbox that is read over IMAP; its password stands in ``MUNIMENT_IMAP_PASSWORD``.

    Attributes:
        host: its server; empty for none.
        port: TLS from the start.
        user: the login.
        folder: the mailbox.
        days: how far back the first fetch goes.
    """

    host: str = ""
    port: int = 993
    user: str = ""
    folder: str = "INBOX"
    days: int = 30


@attrs.frozen
class InboxSettings:
    """How mail comes in.

    Attributes:
        type: key of the record type that a message becomes.
        fields: of that type, by ``ROLES``; an empty one is left out.
        set: further values of every such record, as typed.
        person: key of the type of a new person.
        person_fields: of that type, by ``name``, ``email``, ``phone`` and ``company``.
        own: our addresses, or ``@domain``: what comes from them was sent by us.
        keep_days: how long a proposal stays that nobody decides.
        account: where mail is fetched.
    """

    type: str = "interaction"
    fields: Mapping[str, str] = ROLES
    set: Mapping[str, str] = attrs.field(factory=lambda: {"channel": "email"})
    person: str = "customer"
    person_fields: Mapping[str, str] = _PERSON
    own: tuple[str, ...] = ()
    keep_days: int = 30
    account: MailAccount = attrs.field(factory=MailAccount)

    def is_own(self, email: str) -> bool:
        """Whether an address is one of ours."""
        email = email.lower()
        return email in self.own or f"@{email.rpartition('@')[2]}" in self.own


def read_inbox(table: Mapping[str, Any], where: str) -> InboxSettings:
    """The table ``[inbox]``.

    Args:
        table: as read; its members have the types that they must have.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.type``, ``config.value`` or ``config.unknown``.
    """
    where = f"{where}: inbox"
    account = _texts(table.get("imap", {}), f"{where}.imap", attrs.fields_dict(MailAccount), numbers=True)
    made = InboxSettings(
        table.get("type", "interaction"),
        {**ROLES, **_texts(table.get("fields", {}), f"{where}.fields", ROLES)},
        _texts(table.get("set", {"channel": "email"}), f"{where}.set"),
        table.get("person", "customer"),
        {**_PERSON, **_texts(table.get("person_fields", {}), f"{where}.person_fields", _PERSON)},
        tuple(str(one).lower() for one in table.get("own", ())),
        table.get("keep_days", 30),
        MailAccount(**account),
    )
    if not all("@" in one for one in made.own):
        raise ConfigError("config.value", where=f"{where}: own", known="shop@example.com, @example.com")
    if not 1 <= made.keep_days <= 3650:
        raise ConfigError("config.value", where=f"{where}: keep_days", known="1..3650")
    if made.account.host and not made.account.user:
        raise ConfigError("config.value", where=f"{where}.imap: user", known="shop@example.com")
    if not 1 <= made.account.port <= 65535 or not 1 <= made.account.days <= 3650:
        raise ConfigError("config.value", where=f"{where}.imap", known="port 1..65535, days 1..3650")
    return made


def _texts(
    table: Mapping[str, Any], where: str, known: Mapping[str, Any] | None = None, *, numbers: bool = False
) -> dict[str, Any]:
    for name, value in table.items():
        if known is not None and name not in known:
            raise ConfigError("config.value", where=f"{where}: {name}", known=", ".join(known))
        wanted = int if numbers and name in ("port", "days") else str
        if type(value) is not wanted:
            raise ConfigError(
                "config.type", where=f"{where}: {name}", wanted="a number" if wanted is int else "a text"
            )
    return dict(table)
