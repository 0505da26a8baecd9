"""Alerts by e-mail: one connection for what a run has to send, and never in clear over a network.

``MUNIMENT_SMTP`` is ``smtps://user:password@host:port`` (TLS from the start) or
``smtp://`` (STARTTLS, RFC 3207; without it nothing is sent, but to a relay on this
very machine). The server's certificate is checked against the system's authorities,
or those in the PEM file that ``MUNIMENT_SMTP_CA`` names.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from types import TracebackType
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from muniment.alerts import AlertRule
from muniment.alerts.settings import AlertSettings
from muniment.errors import LogError, UsageError

if TYPE_CHECKING:
    from muniment.session.oversight.alert_values import Alert

__all__ = ["Mailer", "message_of"]

_PATIENCE_SECONDS: Final = 10
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def message_of(settings: AlertSettings, rules: Mapping[str, AlertRule], one: Alert) -> EmailMessage:
    """The message about an alert: rule, people by login, entries; never a value of a record."""
    message = EmailMessage()
    rule = rules.get(one.rule)
    label = one.rule if rule is None else f"{rule.label['en']} / {rule.label['zh']}"
    message["Subject"] = f"[muniment] {one.severity}: {label}"
    message["To"] = settings.mail_to
    message["Message-ID"] = f"<{one.id}@muniment>"
    entries = ", ".join(map(str, one.entries))
    said = [one.text(rules, "en"), one.text(rules, "zh"), "", one.actor, entries]
    message.set_content("\n".join([*said, f"muniment alert show {one.id}", ""]))
    return message


class Mailer:
    """Sends messages over one connection, and begins another where that one broke."""

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> Mailer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def send(self, message: EmailMessage) -> None:
        """Hand one message to the server.

        Raises:
            UsageError: ``alert.smtp`` where no server is named, ``alert.smtp_ca`` where the file of
                authorities is none.
            LogError: ``alert.smtp_clear`` where it speaks no TLS, ``alert.unsent`` where it did not take
                the message.
        """
        place = urlsplit(os.environ.get("MUNIMENT_SMTP", ""))
        if place.scheme not in ("smtp", "smtps") or not place.hostname:
            raise UsageError("alert.smtp")
        del message["From"]
        message["From"] = self._settings.mail_from or f"muniment@{place.hostname}"
        try:
            if self._server is None:
                self._server = _connected(place)
            self._server.send_message(message)
        except (OSError, smtplib.SMTPException):
            self._close()
            raise LogError("alert.unsent", where=place.hostname) from None

    def _close(self) -> None:
        if self._server is not None:
            try:
                self._server.quit()
            except (OSError, smtplib.SMTPException):
                self._server.close()
            self._server = None


def _connected(place: SplitResult) -> smtplib.SMTP:
    assert place.hostname is not None
    trust = _trust()
    server: smtplib.SMTP
    if place.scheme == "smtps":
        server = smtplib.SMTP_SSL(place.hostname, place.port or 465, timeout=_PATIENCE_SECONDS, context=trust)
    else:
        server = smtplib.SMTP(place.hostname, place.port or 587, timeout=_PATIENCE_SECONDS)
    try:
        server.ehlo()
        if place.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=trust)
            server.ehlo()
        elif place.scheme == "smtp" and (place.hostname not in _HERE or place.username):
            raise LogError("alert.smtp_clear", where=place.hostname)
        if place.username:
            server.login(unquote(place.username), unquote(place.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _trust() -> ssl.SSLContext:
    authority = os.environ.get("MUNIMENT_SMTP_CA") or None
    try:
        context = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError):
        raise UsageError("alert.smtp_ca", where=authority) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
