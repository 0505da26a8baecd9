"""Alerts by e-mail, to a server that speaks SMTP: STARTTLS, a login, and refusals for now."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from muniment.alerts.settings import AlertSettings
from muniment.archive import Archive
from muniment.errors import LogError, UsageError
from muniment.session.oversight.alerting_mail import Mailer
from muniment.testing import new_archive

LOGIN = (b"alerts", b"a long password")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("mail")
    pem, private = folder / "mail.pem", folder / "mail.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, private


class Inbox:
    """What the server took, and how it answers."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.sessions: set[int] = set()
        self.answer = "250 taken"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("2"):
            self.taken.append(envelope.content)
            self.sessions.add(id(session))
        return self.answer


class Here(Controller):
    """A server on a port that the system chose."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def _known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == LOGIN)


@pytest.fixture
def serve(certificate: tuple[Path, Path]) -> Callable[..., Any]:
    """Runs a server: ``starttls``, ``smtps`` or ``clear``."""

    @contextmanager
    def run(way: str) -> Iterator[tuple[Inbox, str]]:
        inbox = Inbox()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        ways: dict[str, dict[str, Any]] = {
            "starttls": {
                "authenticator": _known,
                "auth_required": True,
                "tls_context": context,
                "require_starttls": True,
            },
            "smtps": {"ssl_context": context},
            "clear": {},
        }
        options = ways[way]
        controller = Here(inbox, hostname="127.0.0.1", port=0, **options)
        controller.start()
        try:
            user = "alerts:a%20long%20password@" if way == "starttls" else ""
            scheme = "smtps" if way == "smtps" else "smtp"
            yield inbox, f"{scheme}://{user}127.0.0.1:{controller.port}"
        finally:
            controller.stop()

    return run


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with new_archive(tmp_path / "archive") as made:
        path = made.folder / "muniment.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(f'{text}\n[alerts]\nmail_to = "privacy@example.com"\n', encoding="utf-8")
        with made.session(actor="owner") as session:
            made.apply_config(session, reason="mail")
            for login, role in (("li.na", "editor"), ("vera", "auditor")):
                session.create("user", {"login": login, "display_name": login, "roles": role})
            for n in range(25):
                session.create("customer", {"full_name": f"Person {n}"})
        with made.session(actor="li.na") as session:
            for one in session.list("customer").records:
                session.get(one.id)
        yield made


def test_alerts_are_mailed_encrypted_and_again_until_they_are_taken(archive, serve, certificate, monkeypatch):
    """Refused for now, they wait; each refusal is an entry; one connection carries all."""
    monkeypatch.setenv("MUNIMENT_SMTP_CA", str(certificate[0]))
    with serve("starttls") as (inbox, url), archive.session(actor="vera") as session:
        monkeypatch.setenv("MUNIMENT_SMTP", url)
        inbox.answer = "451 not now"
        first = session.alerts.run()
        assert (0, 2) == (first.sent, first.unsent)
        inbox.answer = "250 taken"
        assert (2, 0) == ((again := session.alerts.run()).sent, again.unsent)
        assert 0 == session.alerts.run().sent
        kinds = [one.kind for one in session.entries()]
    assert {"mail.fail", "mail.send"} <= set(kinds)
    assert (2, 1) == (len(inbox.taken), len(inbox.sessions))
    for data in inbox.taken:
        message = message_from_bytes(data, policy=policy.default)
        assert "privacy@example.com" == message["To"]
        assert "A09" in str(message["Subject"]) or "[muniment]" in str(message["Subject"])
        body = message.get_content()
        assert "muniment alert show" in body
        assert "人" in body
        assert "Person" not in body


def test_tls_from_the_start(archive, serve, certificate, monkeypatch):
    """Where the address says smtps."""
    monkeypatch.setenv("MUNIMENT_SMTP_CA", str(certificate[0]))
    with serve("smtps") as (inbox, url), archive.session(actor="vera") as session:
        monkeypatch.setenv("MUNIMENT_SMTP", url)
        assert 2 == session.alerts.run().sent
    assert 2 == len(inbox.taken)


@pytest.mark.parametrize("way", ["starttls", "smtps"])
def test_a_server_that_nobody_vouches_for_gets_nothing(archive, serve, monkeypatch, way):
    """Whoever sits in between shows a certificate of their own."""
    monkeypatch.delenv("MUNIMENT_SMTP_CA", raising=False)
    with serve(way) as (inbox, url), archive.session(actor="vera") as session:
        monkeypatch.setenv("MUNIMENT_SMTP", url)
        assert (0, 2) == ((run := session.alerts.run()).sent, run.unsent)
        failed = session.entries()[0]
    assert ("mail.fail", "alert.unsent") == (failed.kind, failed.detail["code"])
    assert [] == inbox.taken


def test_a_password_is_never_sent_in_clear(serve, monkeypatch):
    """Not even to this machine, and nothing at all to another one without encryption."""
    with serve("clear") as (inbox, url):
        monkeypatch.setenv("MUNIMENT_SMTP", url.replace("//", "//alerts:secret@"))
        with Mailer(AlertSettings()) as mailer, pytest.raises(LogError) as caught:
            mailer.send(_some())
        assert "alert.smtp_clear" == caught.value.code
        monkeypatch.setenv("MUNIMENT_SMTP", url)
        with Mailer(AlertSettings()) as mailer:
            mailer.send(_some())
    assert 1 == len(inbox.taken)


@pytest.mark.parametrize("url", ["", "mail.example.com", "https://mail.example.com", "smtp://"])
def test_an_address_that_is_none_is_refused(monkeypatch, url):
    """Before anything is sent."""
    monkeypatch.setenv("MUNIMENT_SMTP", url)
    with Mailer(AlertSettings()) as mailer, pytest.raises(UsageError) as caught:
        mailer.send(_some())
    assert "alert.smtp" == caught.value.code


def test_a_file_of_authorities_that_is_none_is_refused(monkeypatch, tmp_path):
    """Rather than trusting others."""
    monkeypatch.setenv("MUNIMENT_SMTP", "smtps://127.0.0.1:1")
    for path in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        (tmp_path / "empty.pem").write_text("", encoding="utf-8")
        monkeypatch.setenv("MUNIMENT_SMTP_CA", str(path))
        with Mailer(AlertSettings()) as mailer, pytest.raises(UsageError) as caught:
            mailer.send(_some())
        assert "alert.smtp_ca" == caught.value.code


def _some() -> Any:
    from email.message import EmailMessage

    message = EmailMessage()
    message["To"] = "privacy@example.com"
    message.set_content("x")
    return message
