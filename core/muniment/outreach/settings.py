"""The tables ``[mail]`` and ``[quality]`` of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from muniment.errors import ConfigError

__all__ = ["KEYS", "QUALITY_KEYS", "MailSettings", "QualityPlan", "read_mail", "read_quality"]

KEYS: Final[Mapping[str, type]] = {
    "from": str,
    "reply_to": str,
    "host": str,
    "port": int,
    "security": str,
    "user": str,
    "password_file": str,
    "ca_file": str,
    "link": str,
    "per_minute": int,
    "link_days": int,
    "greetings": list,
    "digest": str,
}
"""What the table may hold."""

QUALITY_KEYS: Final[Mapping[str, type]] = {"every_days": int, "types": list, "stale_days": int}
"""What the table ``[quality]`` may hold."""

_SECURITY: Final = ("tls", "starttls", "none")
_DIGEST: Final = ("", "daily", "weekly")
_PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@attrs.frozen
class MailSettings:
    """How mail leaves the archive.

    Attributes:
        sender: the address that letters come from; empty sends none.
        reply_to: where answers go; empty for the sender.
        host: the mail server; empty takes ``MUNIMENT_SMTP`` from the environment, or sends none.
        port: of the server; by default that of ``security``.
        security: ``tls`` from the first byte, ``starttls``, or ``none`` for a server on this machine alone.
        user: to sign in as; empty for nobody.
        password_file: a file with the password, relative to the archive's folder; without one it is
            ``MUNIMENT_SMTP_PASSWORD`` in the environment.
        ca_file: certificates (PEM) that vouch for the server beside the system's own.
        link: the address of the served pages, which links in letters lead to; empty where none are served.
        per_minute: so many messages at most.
        link_days: how long the link to a survey holds; leaving is possible for ever.
        greetings: letters that ``tick`` sends to those whose day it is.
        digest: whether ``tick`` sends people what is due: ``daily``, ``weekly`` on Mondays, or not at all.
    """

    sender: str = ""
    reply_to: str = ""
    host: str = ""
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    link: str = ""
    per_minute: int = 60
    link_days: int = 30
    greetings: tuple[str, ...] = ()
    digest: str = ""


@attrs.frozen
class QualityPlan:
    """Which data is checked on a schedule.

    Attributes:
        every_days: how often; 0 for never.
        types: keys of the record types; empty for all that have records.
        stale_days: a record is stale when nobody wrote or verified it for so long.
    """

    every_days: int = 0
    types: tuple[str, ...] = ()
    stale_days: int = 365


def read_quality(table: Mapping[str, Any], where: str) -> QualityPlan:
    """Check the table ``[quality]``.

    Args:
        table: as it was parsed.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.value`` or ``config.type`` with the place.
    """
    place, types = f"{where}: quality", table.get("types", [])
    if not all(isinstance(one, str) for one in types):
        raise ConfigError("config.type", where=f"{place}.types", wanted="a list of texts")
    for name, least in (("every_days", 0), ("stale_days", 1)):
        if not least <= table.get(name, least) <= 36_500:
            raise ConfigError("config.value", where=f"{place}.{name}", known=f"{least}..36500")
    return QualityPlan(table.get("every_days", 0), tuple(types), table.get("stale_days", 365))


def read_mail(table: Mapping[str, Any], where: str) -> MailSettings:
    """Check the table.

    Args:
        table: as it was parsed.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.value`` or ``config.type`` with the place.
    """
    place = f"{where}: mail"
    security, digest = table.get("security", "starttls"), table.get("digest", "")
    for name, value, known in (("security", security, _SECURITY), ("digest", digest, _DIGEST)):
        if value not in known:
            words = ", ".join(one or '""' for one in known)
            raise ConfigError("config.value", where=f"{place}.{name}", known=words)
    host = table.get("host", "")
    if security == "none" and host and host not in _LOCAL:
        # Whoever listens on the way would read the letters and the password.
        raise ConfigError("config.value", where=f"{place}.security", known="tls, starttls")
    port = table.get("port", _PORTS[security])
    limits = (("port", port, 65_535), ("per_minute", table.get("per_minute", 60), 10_000),
              ("link_days", table.get("link_days", 30), 3_650))  # fmt: skip
    for name, value, most in limits:
        if not 1 <= value <= most:
            raise ConfigError("config.value", where=f"{place}.{name}", known=f"1..{most}")
    for name in ("from", "reply_to"):
        _check_address(table.get(name, ""), f"{place}.{name}")
    link = table.get("link", "")
    if link and not link.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise ConfigError("config.value", where=f"{place}.link", known="https://...")
    greetings = table.get("greetings", [])
    if not all(isinstance(one, str) for one in greetings):
        raise ConfigError("config.type", where=f"{place}.greetings", wanted="a list of texts")
    return MailSettings(
        table.get("from", ""),
        table.get("reply_to", ""),
        host,
        port,
        security,
        table.get("user", ""),
        table.get("password_file", ""),
        table.get("ca_file", ""),
        link.rstrip("/"),
        table.get("per_minute", 60),
        table.get("link_days", 30),
        tuple(greetings),
        digest,
    )


def _check_address(text: str, where: str) -> None:
    from email.headerregistry import Address
    from email.utils import parseaddr

    if not text:
        return
    if not text.isprintable():
        raise ConfigError("config.value", where=where, known="Shop <shop@example.com>")
    name, address = parseaddr(text)
    try:
        Address(name, addr_spec=address)
    except (ValueError, IndexError):
        raise ConfigError("config.value", where=where, known="Shop <shop@example.com>") from None
