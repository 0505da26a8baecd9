"""Handing messages over: to a mail server, or into a folder as ``.eml`` files.

The password never stands in the configuration: it is in the environment
(``MUNIMENT_SMTP_PASSWORD``), in a file, or in ``MUNIMENT_SMTP`` as a whole address
(``smtps://user:password@host:port``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote, urlsplit

from muniment.errors import LogError, MunimentError, UsageError
from muniment.outreach.settings import MailSettings

if TYPE_CHECKING:
    from smtplib import SMTP

__all__ = ["Folder", "Server", "Unclear", "Way", "message_of", "open_way"]

_TIMEOUT_SECONDS: Final = 30


class Unclear(Exception):
    """The connection broke when the message was on its way: nobody knows whether it was taken."""


class Way(Protocol):
    """Where messages go."""

    name: str

    def hand_over(self, message: EmailMessage) -> str:
        """Hand a message over; gives an empty text, or why this one recipient was refused.

        Raises:
            MunimentError: nothing can be handed over at all.
            Unclear: it may have been taken, or not.
        """

    def close(self) -> None:
        """Let go."""


def message_of(
    settings: MailSettings,
    to: str,
    subject: str,
    text: str,
    *,
    html: str = "",
    message_id: str,
    headers: Mapping[str, str] | None = None,
    when: str = "",
) -> EmailMessage:
    """A message of ours (RFC 5322), with the text first and the HTML as its alternative.

    Args:
        settings: whom it comes from.
        to: the address.
        subject: one line.
        text: plain text.
        html: the same as a page; empty for none.
        message_id: unique, without angle brackets.
        headers: further ones.
        when: the date header; empty for none.
    """
    made = EmailMessage()
    made["From"] = settings.sender
    made["To"] = to
    made["Subject"] = " ".join(subject.split())
    if settings.reply_to:
        made["Reply-To"] = settings.reply_to
    made["Message-ID"] = f"<{message_id}>"
    if when:
        made["Date"] = when
    for name, value in (headers or {}).items():
        made[name] = value
    made.set_content(text if text.endswith("\n") else text + "\n", cte="quoted-printable")
    if html:
        made.add_alternative(html, subtype="html", cte="quoted-printable")
    return made


def open_way(settings: MailSettings, folder: Path, *, into: Path | None = None) -> Way:
    """Where messages go: a folder of files, or the mail server of the configuration.

    Args:
        settings: of the archive.
        folder: the archive's, to which file names are relative.
        into: write ``.eml`` files here instead.

    Raises:
        UsageError: ``mail.no_server``, ``mail.no_sender``.
    """
    if not settings.sender:
        raise UsageError("mail.no_sender")
    return Folder(into) if into is not None else Server(settings, folder)


class Folder:
    """A folder of ``.eml`` files, one a message; what is there already is not written over.

    Args:
        path: made if it is not there.
    """

    name = "eml"

    def __init__(self, path: Path) -> None:
        self._path = path

    def hand_over(self, message: EmailMessage) -> str:
        """Write a message; see ``Way``."""
        from muniment.files import write_atomically

        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path / f"{name}.eml", message.as_bytes())
        except OSError:
            raise UsageError("mail.folder", where=str(self._path)) from None
        return ""

    def close(self) -> None:
        """There is nothing to let go of."""


class Server:
    """A mail server (SMTP, RFC 5321), over TLS unless it is on this machine.

    Args:
        settings: of the archive.
        folder: the archive's.
    """

    name = "smtp"

    def __init__(self, settings: MailSettings, folder: Path) -> None:
        self._settings = _from_environment(settings)
        self._folder = folder
        self._password = _password(settings, folder)
        self._smtp: SMTP | None = None

    def hand_over(self, message: EmailMessage) -> str:
        """Hand a message to the server; see ``Way``."""
        import smtplib

        server = self._smtp or self._connect()
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            return str(codes[0]) if codes else "refused"
        except (smtplib.SMTPSenderRefused, smtplib.SMTPNotSupportedError):
            self.close()
            raise self._unsent() from None
        except smtplib.SMTPServerDisconnected:
            self._smtp = None
            raise Unclear from None
        except smtplib.SMTPResponseException as error:
            return str(error.smtp_code)
        except (OSError, smtplib.SMTPException):
            self._smtp = None
            raise Unclear from None
        return ""

    def _unsent(self) -> MunimentError:
        return LogError("mail.unsent", where=self._settings.host)

    def _connect(self) -> SMTP:
        import smtplib
        import ssl

        settings = self._settings
        context = ssl.create_default_context()
        try:
            if settings.ca_file:
                context.load_verify_locations(self._folder / settings.ca_file)
            if settings.security == "tls":
                server: SMTP = smtplib.SMTP_SSL(
                    settings.host, settings.port, timeout=_TIMEOUT_SECONDS, context=context
                )
            else:
                server = smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT_SECONDS)
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, self._password)
        except (OSError, smtplib.SMTPException):
            raise self._unsent() from None
        self._smtp = server
        return server

    def close(self) -> None:
        """Say goodbye to the server, as far as it still listens."""
        import smtplib
        from contextlib import suppress

        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
            self._smtp = None


def _from_environment(settings: MailSettings) -> MailSettings:
    import attrs

    if settings.host:
        return settings
    place = urlsplit(os.environ.get("MUNIMENT_SMTP", ""))
    if place.scheme not in ("smtp", "smtps") or not place.hostname:
        raise UsageError("mail.no_server")
    security = "tls" if place.scheme == "smtps" else "starttls" if place.username else "none"
    if security == "none" and place.hostname not in ("localhost", "127.0.0.1", "::1"):
        security = "starttls"
    port = place.port or {"tls": 465, "starttls": 587, "none": 25}[security]
    return attrs.evolve(
        settings, host=place.hostname, port=port, security=security, user=unquote(place.username or "")
    )


def _password(settings: MailSettings, folder: Path) -> str:
    if not settings.host:
        return unquote(urlsplit(os.environ.get("MUNIMENT_SMTP", "")).password or "")
    if settings.password_file:
        try:
            return (folder / settings.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise UsageError("mail.no_password", where=settings.password_file) from None
    found = os.environ.get("MUNIMENT_SMTP_PASSWORD", "")
    if settings.user and not found:
        raise UsageError("mail.no_password", where="MUNIMENT_SMTP_PASSWORD")
    return found
