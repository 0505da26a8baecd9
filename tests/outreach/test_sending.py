"""Mail over a real server: encrypted, with its certificate checked, and what is said when it fails."""

from __future__ import annotations

import datetime
import socket
import ssl

import attrs
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from muniment.errors import LogError, UsageError
from muniment.outreach.sending import Folder, Server, Unclear, message_of, open_way
from muniment.outreach.settings import MailSettings

SECRET = "an-open-secret"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that vouches for localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


class Taken:
    """Keeps what it is given; refuses who begins with ``no``, breaks off at who begins with ``cut``."""

    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("no"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("cut"):
            server.transport.close()
            return "421 gone"
        encrypted = server.transport.get_extra_info("sslcontext") is not None
        self.messages.append((encrypted, session.login_data, envelope.content))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    """Lets one person in."""
    return AuthResult(success=data.password == SECRET.encode())


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


@pytest.fixture
def server(certificate):
    """Starts a server with STARTTLS, or with TLS from the first byte."""
    running = []

    def start(security):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
        taken = Taken()
        more = (
            {"ssl_context": context}
            if security == "tls"
            else {"tls_context": context, "require_starttls": True}
        )
        controller = Controller(
            taken,
            hostname="localhost",
            port=free_port(),
            authenticator=authenticate,
            auth_required=True,
            auth_require_tls=security != "tls",
            **more,
        )
        controller.start()
        running.append(controller)
        port = controller.port
        settings = MailSettings(
            sender="Shop <shop@example.com>",
            host="localhost",
            port=port,
            security=security,
            user="shop",
            ca_file="ca.pem",
        )
        return settings, taken

    yield start
    for one in running:
        one.stop()


def letter(settings, to="anna@example.com"):
    return message_of(settings, to, "Grüße 你好", "Text 正文", html="<p>正文</p>", message_id="1@example.com")


# the server does not count TLS from the first byte as TLS
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_encrypted_and_signed_in(server, certificate, monkeypatch, security):
    """The password stands in the environment, the letter arrives as it was written."""
    from email import message_from_bytes, policy

    monkeypatch.setenv("MUNIMENT_SMTP_PASSWORD", SECRET)
    settings, taken = server(security)
    way = Server(settings, certificate)
    assert ["", ""] == [way.hand_over(letter(settings)) for _ in range(2)]
    way.close()
    encrypted, _, content = taken.messages[0]
    assert encrypted
    found = message_from_bytes(content, policy=policy.default)
    assert ("Grüße 你好", "Text 正文\n") == (
        found["Subject"],
        found.get_body(("plain",)).get_content().replace("\r\n", "\n"),
    )
    assert 2 == len(taken.messages)


def test_a_server_that_nobody_vouches_for_gets_nothing(server, certificate, monkeypatch):
    """Neither letter nor password; also where the name is another one's."""
    monkeypatch.setenv("MUNIMENT_SMTP_PASSWORD", SECRET)
    settings, taken = server("starttls")
    for wrong in (attrs.evolve(settings, ca_file=""), attrs.evolve(settings, host="127.0.0.1")):
        with pytest.raises(LogError) as caught:
            Server(wrong, certificate).hand_over(letter(wrong))
        assert "mail.unsent" == caught.value.code
        assert SECRET not in str(caught.value)
    assert [] == taken.messages


def test_what_fails_is_told_apart(server, certificate, monkeypatch):
    """A refused person, a connection that broke, a wrong password, nobody there."""
    (certificate / "password").write_text(SECRET + "\n")
    settings, taken = server("starttls")
    settings = attrs.evolve(settings, password_file="password")
    way = Server(settings, certificate)
    assert "550" == way.hand_over(letter(settings, "nobody@example.com"))
    with pytest.raises(Unclear):
        way.hand_over(letter(settings, "cut@example.com"))
    assert "" == way.hand_over(letter(settings))
    way.close()
    assert 1 == len(taken.messages)
    monkeypatch.setenv("MUNIMENT_SMTP_PASSWORD", "wrong")
    for wrong in (attrs.evolve(settings, password_file=""), attrs.evolve(settings, port=1)):
        with pytest.raises(LogError):
            Server(wrong, certificate).hand_over(letter(wrong))


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    """Sender, server, password."""
    monkeypatch.delenv("MUNIMENT_SMTP", raising=False)
    monkeypatch.delenv("MUNIMENT_SMTP_PASSWORD", raising=False)
    for settings, code in (
        (MailSettings(), "mail.no_sender"),
        (MailSettings(sender="a@example.com"), "mail.no_server"),
        (MailSettings(sender="a@example.com", host="h", user="u"), "mail.no_password"),
        (MailSettings(sender="a@example.com", host="h", password_file="none"), "mail.no_password"),
    ):
        with pytest.raises(UsageError) as caught:
            open_way(settings, tmp_path)
        assert code == caught.value.code


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("smtps://u:p%40ss@mail.example.com", ("mail.example.com", 465, "tls", "u", "p@ss")),
        ("smtp://u:x@mail.example.com", ("mail.example.com", 587, "starttls", "u", "x")),
        ("smtp://mail.example.com:2525", ("mail.example.com", 2525, "starttls", "", "")),
        ("smtp://localhost", ("localhost", 25, "none", "", "")),
    ],
)
def test_a_whole_address_in_the_environment_serves_too(tmp_path, monkeypatch, address, expected):
    """As alerts are sent; never in clear to another machine."""
    monkeypatch.setenv("MUNIMENT_SMTP", address)
    way = Server(MailSettings(sender="a@example.com"), tmp_path)
    found = way._settings
    assert expected == (found.host, found.port, found.security, found.user, way._password)


def test_files_are_messages(tmp_path):
    """One a message, which any mail program opens."""
    from email import message_from_bytes, policy

    settings = MailSettings(sender="Shop <shop@example.com>", reply_to="desk@example.com")
    way = Folder(tmp_path / "out")
    assert "" == way.hand_over(letter(settings))
    found = message_from_bytes((tmp_path / "out" / "1.eml").read_bytes(), policy=policy.default)
    assert ("Shop <shop@example.com>", "desk@example.com") == (found["From"], found["Reply-To"])
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UsageError):
        Folder(blocked).hand_over(letter(settings))


def test_no_header_can_be_smuggled_in():
    """A line end in a subject is a space; in an address it is refused."""
    settings = MailSettings(sender="a@example.com")
    made = message_of(settings, "b@example.com", "x\r\nBcc: c@example.com", "t", message_id="1@x")
    assert "x Bcc: c@example.com" == made["Subject"]
    assert made["Bcc"] is None
    with pytest.raises(ValueError, match="line"):
        message_of(settings, "b@example.com\r\nBcc: c@example.com", "x", "t", message_id="1@x")
